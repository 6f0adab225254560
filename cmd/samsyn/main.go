// Command samsyn gathers what the services around a child say and shows it as one
// overview. Each subcommand has a file of its own; wiring is internal/app.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // Europe/Oslo, also where the system has no time zones

	"samsyn/internal/ops/heap"
)

// Exit codes.
const (
	done     = 0
	failed   = 1
	wrongUse = 2
)

func main() {
	defer heap.Keep(os.Getenv)()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errReported ends a command that has already told what failed.
var errReported = errors.New("failed")

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	root := newRoot(out, errs)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return done
	case errors.As(err, &usage):
		fmt.Fprintf(errs, "samsyn: %v\nSee samsyn --help.\n", err)
		return wrongUse
	case errors.Is(err, errReported):
		return failed
	}
	fmt.Fprintf(errs, "samsyn: %v\n", err)
	return failed
}
