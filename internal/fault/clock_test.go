package fault_test

import (
	"testing"
	"time"

	faultsim "samsyn/internal/sim/faults"
)

// F7: a source whose clock is wrong, even by eight thousand years, loses nothing and
// takes the cursor nowhere that it does not come back from.
func TestF07SourceClock(t *testing.T) {
	skews := []time.Duration{time.Hour, -time.Hour, 26 * time.Hour, time.Until(time.Date(2199, 12, 31, 0, 0, 0, 0, time.UTC)), -20 * 365 * 24 * time.Hour}
	each(t, len(skews), 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 12, page: 5})
		w.faults.SkewBy = skews[seed%uint64(len(skews))]
		w.faults.Set(faultsim.Skew, oneOf(w, 0.3, 1))
		for range 2 {
			w.stir(5)
			w.mustSync()
			w.safe()
		}
		w.faults.Calm()
		// The clock is right again. What was written before it was set goes out of date in
		// at most a day: until then a version may look older than the one it replaces, and a
		// compare says so.
		w.stir(5)
		if _, err := w.sync(); err != nil {
			t.Fatal(err)
		}
		w.clock.move(27 * time.Hour)
		w.rewriteAll(t)
		w.settle()
	})
}

// F7: the nights when the clock is set, and leap days.
func TestF07Calendar(t *testing.T) {
	each(t, 1, 4, func(t *testing.T, db database, seed uint64) {
		for _, at := range []time.Time{
			time.Date(2026, 3, 29, 0, 59, 59, 0, time.UTC), time.Date(2026, 10, 25, 0, 59, 59, 0, time.UTC),
			time.Date(2028, 2, 28, 23, 59, 59, 0, time.UTC), time.Date(2026, 12, 31, 22, 59, 59, 0, time.UTC),
		} {
			w := unread(t, db, seed, setting{facts: 4, start: at})
			w.mustSync()
			for range 3 {
				w.stir(3)
				w.mustSync()
				w.clock.move(30 * time.Minute)
			}
			w.settle()
		}
	})
}

// F8: our own clock may jump: nothing is lost, and a token that has ended by the
// source's clock is fetched anew.
func TestF08OwnClock(t *testing.T) {
	each(t, 2, 10, func(t *testing.T, db database, seed uint64) {
		w := unread(t, db, seed, setting{facts: 8, auth: true})
		w.mustSync()
		for range 4 {
			w.stir(4)
			w.off = oneOf(w, -72*time.Hour, -time.Hour, time.Hour, 240*time.Hour, 0)
			w.mustSync()
			w.safe()
			w.clock.move(10 * time.Minute) // tokens live for five
		}
		w.off = 0
		w.settle()
		if w.tokens.Issued() < 2 {
			t.Fatalf("%d tokens were issued", w.tokens.Issued())
		}
	})
}
