package fault_test

import (
	"context"
	"flag"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"samsyn/adapters"
	"samsyn/internal/reconcile"
	faultsim "samsyn/internal/sim/faults"
)

// TestMachine drives a source and the store with random operations, faults and deaths
// among them, against what the source holds. At every moment nothing is on the wrong
// child and every run balances; at the end of a sequence store and source are equal
// within three cycles. A failure prints rapid's seed, which replays it:
// -run TestMachine/sqlite -rapid.seed=N.
func TestMachine(t *testing.T) {
	for _, db := range databases(t) {
		t.Run(db.name, func(t *testing.T) {
			n := size(40, 4750)
			if db.name != "sqlite" {
				n = size(4, 250)
			}
			sequences(t, n, func(rt *rapid.T) { sequence(rt, db) })
		})
	}
}

// sequences sets how many are tried; rapid knows no other way than its flag.
func sequences(t *testing.T, n int, f func(*rapid.T)) {
	t.Helper()
	if err := flag.Set("rapid.checks", strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, f)
}

// sequence is one life of a source.
func sequence(t *rapid.T, db database) {
	seed := rapid.Uint64().Draw(t, "seed")
	w := unread(t, db, seed, setting{children: 3, facts: rapid.IntRange(1, 8).Draw(t, "facts"), page: rapid.IntRange(3, 6).Draw(t, "page"),
		history: rapid.Bool().Draw(t, "history"), line: true, maxResource: 64 << 10})
	w.faults.HugeSize = 128 << 10
	w.faults.RetryAfter = 0
	var late []adapters.Page
	steps := rapid.IntRange(1, 14).Draw(t, "steps")
	for range steps {
		switch op := rapid.SampledFrom(operations).Draw(t, "op"); op {
		case "add":
			w.add(t)
		case "change":
			w.origin.change(t)
		case "back-date":
			w.backDate(t)
		case "delete":
			w.remove(t, false)
		case "delete silently":
			w.remove(t, true)
		case "re-key":
			w.origin.rekey(t)
		case "reuse":
			w.reuse(t)
		case "renumber":
			w.renumber(t)
		case "add child":
			if len(w.numbers) < 8 {
				w.addChild(t)
			}
		case "fault":
			f := rapid.SampledFrom(machineFaults).Draw(t, "fault")
			w.faults.Set(f, rapid.SampledFrom([]float64{0.2, 0.6, 1}).Draw(t, "rate"))
		case "calm":
			w.faults.Calm()
		case "sync":
			_, _ = w.sync() // it may fail: a fault may be on
		case "whole":
			w.clock.move(time.Minute)
			_, _ = w.pipeline.RunWhole(t.Context(), w.src, w.adapter, nil)
		case "reconcile":
			_, _ = w.compare(reconcile.Options{})
		case "keep page":
			w.faults.Calm()
			late = w.pages()
		case "late page":
			for _, p := range late {
				if _, err := w.pipeline.Page(t.Context(), w.src, w.adapter, p); err != nil {
					t.Fatalf("%v", err)
				}
			}
		case "kill":
			m := newMortal(w.store, rapid.IntRange(1, 9).Draw(t, "call"), rapid.Bool().Draw(t, "after"))
			w.pipeline = w.pipelineOn(m)
			if _, err := w.sync(); err == nil && m.left.Load() <= 0 {
				t.Fatalf("a killed run says that it went well")
			}
			w.reopen()
		case "restart":
			w.reopen()
		case "our clock":
			w.off = rapid.SampledFrom([]time.Duration{0, 0, -time.Hour, time.Hour}).Draw(t, "off")
		}
		w.safe()
		w.balanced()
	}
	w.off = 0
	w.clock.move(2 * time.Hour)
	w.faults.Calm()
	if w.mangled() {
		w.rewriteAll(t) // what was given with wrong content and the right version is known again by a new one
	}
	w.settle()
	before := w.kept()
	w.mustSync()
	if after := w.kept(); after != before {
		t.Fatalf("a run after the end wrote something:\n%s", diff(before, after))
	}
}

var operations = []string{"add", "change", "change", "back-date", "delete", "delete silently", "re-key", "reuse", "renumber", "add child",
	"fault", "fault", "calm", "sync", "sync", "sync", "whole", "reconcile", "reconcile", "keep page", "late page", "kill", "kill", "restart", "our clock"}

// machineFaults are those that do not wait for a clock.
var machineFaults = []faultsim.Fault{faultsim.Broken, faultsim.Cut, faultsim.CutQuietly, faultsim.WrongLength, faultsim.BadGzip, faultsim.TooMany, faultsim.Unavailable,
	faultsim.Expired, faultsim.Forbidden, faultsim.NotFromHere, faultsim.Duplicate, faultsim.Loop, faultsim.Shuffle, faultsim.Rekey, faultsim.Hide, faultsim.Empty,
	faultsim.Skew, faultsim.Poison, faultsim.Huge, faultsim.Drift}

// mangled tells whether the source has given content that it never held.
func (w *world) mangled() bool {
	for _, f := range []faultsim.Fault{faultsim.Skew, faultsim.Poison, faultsim.Huge, faultsim.Drift, faultsim.Rekey} {
		if w.faults.Struck(f) > 0 {
			return true
		}
	}
	return false
}

// balanced: every run that there was has one outcome for each listed thing.
func (w *world) balanced() {
	w.t.Helper()
	runs, err := w.store.Runs(context.Background(), 0)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	for _, r := range runs {
		if !r.Counts.Balanced() {
			w.t.Fatalf("run %d does not balance: %+v", r.ID, r.Counts)
		}
	}
}
