package fault_test

import (
	"os"
	"strconv"
	"testing"
)

// size gives how much is tried: a little by default, what CI runs with
// SAMSYN_TEST_SIZE=ci, and ten times that with soak.
func size(small, ci int) int {
	switch os.Getenv("SAMSYN_TEST_SIZE") {
	case "ci":
		return ci
	case "soak":
		return 10 * ci
	}
	return small
}

// firstSeed is where seeds begin: SAMSYN_TEST_SEED, or 1.
func firstSeed(t testing.TB) uint64 {
	text := os.Getenv("SAMSYN_TEST_SEED")
	if text == "" {
		return 1
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("SAMSYN_TEST_SEED: %v", err)
	}
	return n
}

// need skips loudly what this machine cannot do. In CI it is a failure.
func need(t testing.TB, ok bool, what string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("CI") == "true":
		t.Fatalf("CI must run this, and cannot: %s", what)
	default:
		t.Skipf("NOT RUN: %s", what)
	}
}
