// Command run measures synthetic municipalities (package bench) and writes the report of
// docs/performance.md to standard output. It decides nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"syscall"

	"samsyn/internal/bench"
	"samsyn/internal/ops/heap"
)

func main() {
	defer heap.Keep(os.Getenv)() // as samsyn does
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	o := bench.Options{Command: strings.Join(append([]string{"go run ./internal/bench/run"}, os.Args[1:]...), " ")}
	quick := flag.Bool("quick", false, "sizes for a look at whether it works")
	profile := flag.String("cpuprofile", "", "file for a profile of this process")
	flag.IntVar(&o.Children, "children", 0, "children of the municipality, 23 records each (default 20000)")
	flag.IntVar(&o.Rows, "ledger-rows", 0, "rows of the largest ledger (default 6000000)")
	flag.IntVar(&o.Whole, "whole", 0, "records of 3 kB that are compared (default 500000)")
	flag.IntVar(&o.Runs, "runs", 0, "of each measure (default 3)")
	flag.IntVar(&o.SharePages, "share-pages", 0, "pages of the source that two instances share (default 100)")
	flag.DurationVar(&o.Answer, "answer", 0, "what that source needs for one page (default 100ms)")
	flag.StringVar(&o.Dir, "dir", "", "where files are put while it runs (default the system's)")
	flag.StringVar(&o.Only, "only", "", "postgresql or sqlite alone")
	flag.BoolVar(&o.Unsealed, "unsealed", false, "keep bodies as they are, to see what sealing costs")
	flag.Parse()
	if *quick {
		q := bench.Quick()
		q.Command, q.Dir, q.Only, q.Unsealed = o.Command, o.Dir, o.Only, o.Unsealed
		o = q
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close() // written by then
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return bench.Run(ctx, o, os.Stdout, os.Stderr)
}
