package oracle_test

import (
	"flag"
	"os"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// size gives how much is tried: a little by default, what CI runs with
// SAMSYN_TEST_SIZE=ci, and more with soak.
func size(small, ci, soak int) int {
	switch os.Getenv("SAMSYN_TEST_SIZE") {
	case "ci":
		return ci
	case "soak":
		return soak
	}
	return small
}

// check tries a property on n worlds. A failure prints rapid's seed, which replays it:
// -run NAME -rapid.seed=N.
func check(t *testing.T, n int, property func(*rapid.T)) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	if err := flag.Set("rapid.checks", strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set("rapid.checks", before) }) // it was accepted before
	rapid.Check(t, property)
}
