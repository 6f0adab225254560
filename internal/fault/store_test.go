package fault_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"

	"samsyn/internal/care"
	"samsyn/internal/ingest"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/reconcile"
	"samsyn/internal/store/pgtest"
)

// F15: a connection that is lost at COMMIT, whichever side of it, does nothing twice
// and loses nothing.
func TestF15ConnectionLostAtCommit(t *testing.T) {
	pgtest.Available(t)
	for i := range size(3, 60) {
		seed := firstSeed(t) + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			var p *pgProxy
			w := unread(t, database{"postgres", func(tb tb) string {
				var where string
				p, where = throughProxy(t, freshPostgres(tb))
				return where
			}}, seed, setting{facts: 10, page: 4})
			where := cutWhere(i % 3)
			for n := 1; n <= 6; n++ {
				w.stir(4)
				p.cut(1+w.rnd.IntN(4), where)
				r, err := w.sync()
				if err != nil && !errors.Is(err, care.ErrUnavailable) { // a reading is not tried again; the run is
					t.Fatalf("error %v, want that the database is unavailable", err)
				}
				w.wroteOnce(r)
			}
			p.cut(1, where)
			if err := w.store.Audit(t.Context(), nil, []care.Logged{{Viewer: "v", Person: "p", At: w.clock.now(), Body: []byte("{}")}}); err != nil {
				t.Fatal(err)
			}
			if log, err := w.store.AuditOf(t.Context(), "p"); err != nil || len(log) != 1 {
				t.Fatalf("one access is logged %d times, %v", len(log), err)
			}
			p.cut(1, where)
			w.remove(t, true)
			if _, err := w.compare(reconcile.Options{}); err != nil && !errors.Is(err, care.ErrUnavailable) {
				t.Fatal(err)
			}
			if all, err := w.store.Reconciliations(t.Context(), "", 0); err != nil || len(all) != 1 {
				t.Fatalf("one compare is reported %d times, %v", len(all), err)
			}
			if p.done() < 6 {
				t.Fatalf("only %d connections were cut", p.done())
			}
			w.settle()
		})
	}
}

// wroteOnce: what the run's row in the store says is what the run says.
func (w *world) wroteOnce(r ingest.Report) {
	w.t.Helper()
	runs, err := w.store.Runs(context.Background(), 1)
	if err != nil || len(runs) == 0 {
		w.t.Fatalf("%v", err)
	}
	want := ledger.Counts{Listed: r.Listed, Stored: r.Stored, Unchanged: r.Unchanged, Quarantined: r.Quarantined, Removed: r.Removed}
	if runs[0].Counts != want {
		w.t.Fatalf("the run says %+v and its row %+v", want, runs[0].Counts)
	}
}

// F15: a database that is killed and started again in the middle of a run: the run ends
// well or says that it did not, and everything that was kept is there.
func TestF15DatabaseRestart(t *testing.T) {
	pgtest.Available(t)
	server, err := pgtest.New()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	w := unread(t, database{"postgres", func(tb) string { return server.URL }}, firstSeed(t), setting{facts: 20, page: 5})
	w.mustSync()
	for range size(1, 5) {
		w.stir(10)
		restarted := make(chan error, 1)
		once := sync.Once{}
		inner := w.adapter
		w.adapter = between(inner, func() {
			once.Do(func() { go func() { restarted <- server.Restart() }() })
		})
		if _, err := w.sync(); err != nil && !errors.Is(err, care.ErrUnavailable) {
			t.Fatalf("error %v, want that the database is unavailable", err)
		}
		w.adapter = inner
		if err := <-restarted; err != nil {
			t.Fatal(err)
		}
		w.settle()
	}
}

// F15 on SQLite: the program is restarted between any two pages.
func TestF15Reopen(t *testing.T) {
	for i := range size(3, 20) {
		w := anew(t, database{"sqlite", freshSQLite}, firstSeed(t)+uint64(i), setting{facts: 10, page: 3})
		for range 3 {
			w.stir(5)
			mortal := newMortal(w.store, 1+w.rnd.IntN(8), w.rnd.IntN(2) == 0)
			w.pipeline = w.pipelineOn(mortal)
			if _, err := w.sync(); err != nil && !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			w.reopen()
			w.safe()
		}
		w.settle()
	}
}

// F16: several that write at once, about the same children, get in each other's way and
// all end well, as if one had come after the other.
func TestF16Conflicts(t *testing.T) {
	each(t, 1, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{children: 4, facts: 20, page: 4})
		names := []string{"fhir-a", "fhir-b", "fhir-c", "fhir-d"}
		var wait sync.WaitGroup
		errs := make(chan error, 2*len(names))
		for _, name := range names {
			src := w.src
			src.Name = name
			wait.Go(func() {
				for range 2 {
					_, err := w.pipelineOn(w.store).RunWhole(context.Background(), src, w.adapter, nil)
					errs <- err
				}
			})
		}
		wait.Wait()
		close(errs)
		for err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
		said, want := w.said(), w.wanted()
		for child := range w.numbers {
			if len(said[child]) != len(names)*len(want[child]) {
				t.Fatalf("barn%d: four sources say the same %d things, and %d are held", child, len(want[child]), len(said[child]))
			}
		}
	})
}

// F16 on SQLite: another program that writes for a while is waited for.
func TestF16Busy(t *testing.T) {
	w := anew(t, database{"sqlite", freshSQLite}, firstSeed(t), setting{facts: 5})
	w.stir(5)
	db, err := sql.Open("sqlite", "file:"+w.where)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(t, db)
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(t, c)
	if _, err := c.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { _, err := w.pipeline.Run(context.Background(), w.src, w.adapter, nil); ended <- err }()
	for range 50 {
		w.kept() // reads do not wait
	}
	select {
	case err := <-ended:
		t.Fatalf("the run ended while another program was writing: %v", err)
	default:
	}
	if _, err := c.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	w.settle()
}

// F25: of two that read the same source, the one whose lease has run out while it was
// paused keeps nothing more, however late it goes on.
func TestF25SplitLease(t *testing.T) {
	each(t, 1, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 12, page: 3})
		const lasts = 60e9
		first, err := w.store.Acquire(t.Context(), w.src.Name, "en", lasts)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.store.Acquire(t.Context(), w.src.Name, "to", lasts); !errors.Is(err, care.ErrConflict) {
			t.Fatalf("two hold the lease: %v", err)
		}
		w.stir(6)
		paused := w.src
		paused.Fence = first.Token
		pages, took := 0, 1+w.rnd.IntN(3)
		var after string
		a := between(w.adapter, func() {
			if pages++; pages != took {
				return
			}
			// Here the first one sleeps, and the second reads everything.
			w.clock.move(2 * lasts)
			second, err := w.store.Acquire(t.Context(), w.src.Name, "to", lasts)
			if err != nil {
				t.Fatal(err)
			}
			w.stir(4)
			src := w.src
			src.Fence = second.Token
			if _, err := w.pipelineOn(w.store).RunWhole(t.Context(), src, w.adapter, nil); err != nil {
				t.Fatal(err)
			}
			after = w.kept()
		})
		_, err = w.pipeline.RunWhole(t.Context(), paused, a, nil)
		if !errors.Is(err, care.ErrConflict) {
			t.Fatalf("the one that was paused goes on: %v", err)
		}
		if w.kept() != after {
			t.Fatal("the one that was paused has kept something")
		}
		w.settle()
	})
}

// F29: what was deleted since a backup was taken is gone again one cycle after it was
// brought back, and what came since is there.
func TestF29OldBackup(t *testing.T) {
	each(t, 1, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 15})
		closeAll(t, w.store)
		backup := copyOf(t, db, w.where)
		w.store = nil
		w.reopen()
		w.stir(10)
		w.remove(t, true)
		w.renumber(t)
		if err := w.cycle(); err != nil {
			t.Fatal(err)
		}
		w.check("before the restore")
		w.stir(3)
		w.where = backup
		w.reopen()
		if err := w.cycle(); err != nil {
			t.Fatal(err)
		}
		w.check("one cycle after the restore")
	})
}

// errKilled is a process that ends.
var errKilled = errors.New("killed")
