package fault_test

import (
	"io"
	"log"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// quiet is where test servers say that they were aborted, which here they are told to be.
var quiet = log.New(io.Discard, "", 0)

// TestMain lets this test binary be the child that is killed (kill_test.go).
func TestMain(m *testing.M) {
	if os.Getenv(childConfig) != "" {
		os.Exit(child())
	}
	goleak.VerifyTestMain(m)
}
