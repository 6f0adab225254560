package attack_test

import (
	"os"
	"strconv"
	"testing"
)

// size gives how much is tried: a little by default, what CI runs with
// SAMSYN_TEST_SIZE=ci, and the most with soak.
func size(small, ci, soak int) int {
	switch os.Getenv("SAMSYN_TEST_SIZE") {
	case "ci":
		return ci
	case "soak":
		return soak
	}
	return small
}

// firstSeed is where seeds begin: SAMSYN_TEST_SEED, or 1.
func firstSeed(t testing.TB) uint64 {
	t.Helper()
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
