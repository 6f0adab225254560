package access

import (
	"slices"
	"time"
)

// Glass is what breaking the glass takes, for those who register it.
type Glass struct {
	HPR     bool          // a checked number in Helsepersonellregisteret
	Longest time.Duration // of a session
	Reason  int           // characters at the least
	Codes   []string
}

// Glass gives the table's word on breaking the glass.
func (t *Table) Glass() Glass {
	return Glass{HPR: t.glass.hpr, Longest: t.glass.length, Reason: t.glass.reason, Codes: slices.Clone(t.glass.codes)}
}
