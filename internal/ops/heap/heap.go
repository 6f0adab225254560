// Package heap owns how much garbage may lie before it is collected. It knows nothing of
// what the memory holds.
package heap

import "runtime"

// Spare is memory that is asked for and never touched, so that the system never gives it.
// The collector counts it among what lives, and it begins when as much again was made: a
// small heap is collected four times less often, a large one hardly less often than without.
const Spare = 64 << 20

// Keep asks for it, unless the environment says how memory is to be used (GOGC or
// GOMEMLIMIT): then that alone counts. release lets it go; until then it is kept.
func Keep(getenv func(string) string) (release func()) {
	if getenv("GOGC") != "" || getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	spare := make([]byte, Spare)
	untouch(spare)
	return func() { runtime.KeepAlive(spare) }
}
