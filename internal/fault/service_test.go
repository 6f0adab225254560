package fault_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/gate"
	"samsyn/internal/gate/gatetest"
	faultsim "samsyn/internal/sim/faults"
	"samsyn/internal/store/pgtest"
)

// F18: out of file descriptors, a run fails and says so, nothing is half kept, and all
// is well when there are some again. (A source that gives too much for the memory meets
// the limits of F20; the memory itself is the operating system's.)
func TestF18OutOfDescriptors(t *testing.T) {
	eachAlone(t, 1, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 8})
		w.stir(4)
		before := w.kept()
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		none := limit
		none.Cur = 3 // those that are open stay open
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
			t.Fatal(err)
		}
		_, err := w.pipeline.Run(context.Background(), w.src, w.dialing(t), nil)
		if e := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); e != nil {
			t.Fatal(e)
		}
		if err == nil {
			t.Fatal("without a descriptor to be had, the run says that all went well")
		}
		if w.kept() != before {
			t.Fatal("something was half kept")
		}
		w.settle()
	})
}

// dialing is the world's adapter without the connections that it has open.
func (w *world) dialing(t *testing.T) adapters.Adapter {
	t.Helper()
	return w.opened(t, w.base, 5*time.Second)
}

// F23: a source that says when to come back is not asked before; a token that it
// refuses is fetched anew once, also in the middle of a pass; a plain no is taken.
func TestF23RefusedAndLimited(t *testing.T) {
	each(t, 1, 10, func(t *testing.T, db database, seed uint64) {
		w := unread(t, db, seed, setting{facts: 12, page: 3, auth: true, retries: 2})
		w.faults.Now = time.Now // Retry-After is waited for in truth
		w.mustSync()

		w.stir(4)
		w.faults.Once(oneOf(w, faultsim.TooMany, faultsim.Unavailable), 1)
		w.mustSync()
		if n := w.faults.Early(); n > 0 {
			t.Fatalf("%d requests came before the time that the source had named", n)
		}

		issued, revoked := w.tokens.Issued(), false
		inner := w.adapter
		w.adapter = between(inner, func() {
			if !revoked {
				revoked = true
				w.tokens.Revoke() // in the middle of the pass
			}
		})
		if _, err := w.pipeline.RunWhole(t.Context(), w.src, w.adapter, nil); err != nil {
			t.Fatal(err)
		}
		w.adapter = inner
		if n := w.tokens.Issued() - issued; n != 1 {
			t.Fatalf("%d tokens were fetched for one that was refused", n)
		}

		asked := w.faults.Requests()
		w.faults.Set(faultsim.Forbidden, 1)
		if _, err := w.sync(); !errors.Is(err, adapters.ErrRefused) || w.faults.Requests() != asked+1 {
			t.Fatalf("error %v after %d requests, want one no", err, w.faults.Requests()-asked)
		}
		w.faults.Calm()
		asked = w.faults.Requests()
		w.faults.Set(faultsim.Expired, 1)
		if _, err := w.sync(); !errors.Is(err, adapters.ErrRefused) || w.faults.Requests() > asked+2 {
			t.Fatalf("error %v after %d requests, want one more try with a new token", err, w.faults.Requests()-asked)
		}
		w.settle()
	})
}

// F24: instances that all start at once read each source once, one at a time; the
// others skip it.
func TestF24ThunderingHerd(t *testing.T) {
	each(t, 1, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 12, page: 4})
		w.stir(6)
		asked := w.faults.Requests()
		const instances, sources = 6, 4
		var ran, skipped atomic.Int64
		start := make(chan struct{})
		var wait sync.WaitGroup
		errs := make(chan error, instances*sources)
		for n := range instances {
			for s := range sources {
				wait.Go(func() {
					<-start
					src := w.src
					src.Name = fmt.Sprint("fhir-", s)
					lease, err := w.store.Acquire(context.Background(), src.Name, fmt.Sprint("instans ", n), time.Hour)
					if errors.Is(err, care.ErrConflict) {
						skipped.Add(1)
						return
					}
					if err == nil {
						ran.Add(1)
						src.Fence = lease.Token
						_, err = w.pipelineOn(w.store).Run(context.Background(), src, w.adapter, nil)
					}
					errs <- err
				})
			}
		}
		close(start)
		wait.Wait()
		close(errs)
		for err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
		if ran.Load() != sources || skipped.Load() != (instances-1)*sources {
			t.Fatalf("%d ran and %d skipped", ran.Load(), skipped.Load())
		}
		pages := len(w.pages())
		if n := w.faults.Requests() - asked - pages; n != sources*pages || w.faults.Most() > sources {
			t.Fatalf("%d requests for %d sources of %d pages, %d at once", n, sources, pages, w.faults.Most())
		}
	})
}

// F26: a consent that is taken back while answers are being made is not used by any answer that
// was asked for after it had ended.
func TestF26PolicyChanges(t *testing.T) {
	each(t, 1, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{children: 1, facts: 6})
		person, viewer := w.personOf(w.number(w.some().child)), gatetest.Coordinator("anders", "")
		service := shows(t, w.store, w.ours)
		var turns atomic.Int64 // even while it is taken back
		stop, failed := make(chan struct{}), make(chan string, 4)
		var wait sync.WaitGroup
		for range 2 {
			wait.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					turn := turns.Load()
					_, err := service.Overview(context.Background(), asks(viewer), person)
					switch {
					case err == nil && turn%2 == 0 && turn > 0 && turns.Load() == turn:
						select {
						case failed <- "an answer was given after the consent was taken back":
						default:
						}
					case err != nil && !errors.Is(err, care.ErrNotFound) && !errors.Is(err, care.ErrUnavailable): // rights that change faster than they are read show nothing
						select {
						case failed <- err.Error():
						default:
						}
					}
				}
			})
		}
		for range size(30, 100) {
			turns.Add(1)
			permit(t, w.store, viewer, person, w.ours())
			if _, err := service.Overview(t.Context(), asks(viewer), person); err != nil {
				t.Fatal(err)
			}
			revoke(t, w.store, viewer, person, w.ours())
			turns.Add(1)
			if _, err := service.Overview(t.Context(), asks(viewer), person); !errors.Is(err, care.ErrNotFound) {
				t.Fatalf("the consent is taken back, and the answer is %v", err)
			}
			w.clock.move(time.Second)
		}
		close(stop)
		wait.Wait()
		select {
		case why := <-failed:
			t.Fatal(why)
		default:
		}
	})
}

// deaf is a store whose access log cannot be written, or hangs until nobody waits any more.
type deaf struct {
	gate.Store
	hangs bool
}

var errDeaf = errors.New("the log is full")

func (d deaf) Audit(ctx context.Context, _ map[care.PersonID]int64, _ []care.Logged) error {
	if d.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return errDeaf
}

// F27: nothing is shown that could not be logged, whether the log refuses or hangs.
func TestF27AuditSink(t *testing.T) {
	each(t, 1, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{children: 1, facts: 4})
		person, viewer := w.personOf(w.number(w.some().child)), gatetest.Coordinator("anders", "")
		permit(t, w.store, viewer, person, w.ours())
		for _, d := range []deaf{{w.store, false}, {w.store, true}} {
			service := shows(t, d, w.ours)
			ctx, cancel := context.WithCancel(t.Context())
			if d.hangs {
				time.AfterFunc(20*time.Millisecond, cancel) // the one who asked goes away
			}
			answer, err := service.Overview(ctx, asks(viewer), person)
			cancel()
			if err == nil || len(answer.Contributions) > 0 || answer.Overview.Person != "" {
				t.Fatalf("hangs %t: something was shown without a line in the log: %v", d.hangs, err)
			}
		}
		answer, err := shows(t, w.store, w.ours).Overview(t.Context(), asks(viewer), person)
		if err != nil || len(answer.Contributions) == 0 {
			t.Fatal("with its log back, nothing is shown")
		}
	})
}

// F30: what a disk has changed is found by a check, and is not shown.
func TestF30BitRot(t *testing.T) {
	found, shown := 0, 0
	for i := range size(30, 300) {
		seed := firstSeed(t) + uint64(i)
		w := anew(t, database{"sqlite", freshSQLite}, seed%3, setting{facts: 25, page: 10})
		if err := w.store.Verify(t.Context()); err != nil {
			t.Fatalf("nothing is damaged: %v", err)
		}
		want := w.said()
		closeAll(t, w.store)
		w.store = nil
		raw, err := os.ReadFile(w.where)
		if err != nil {
			t.Fatal(err)
		}
		rnd := rand.New(rand.NewPCG(seed, 30))
		// Anywhere; or in a text that somebody will read.
		at := rnd.IntN(len(raw))
		if places := placesOf(raw, []byte(" om barn")); i%2 == 0 && len(places) > 0 {
			at = places[rnd.IntN(len(places))] - 1
		}
		raw[at] ^= 1 << rnd.IntN(8)
		if err := os.WriteFile(w.where, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		detected, wrong := w.readDamaged(t, want)
		found, shown = found+b2i(detected), shown+b2i(wrong)
		if wrong && !detected {
			t.Fatalf("seed %d: a bit at %d was turned, something else is shown, and no check has found it", seed, at)
		}
		w.where = freshSQLite(t)
		w.reopen()
	}
	if found == 0 {
		t.Fatal("no damage was found at all")
	}
	t.Logf("%d were found by a check, %d of them could be read otherwise before it", found, shown)
}

func placesOf(b, what []byte) []int {
	var out []int
	for i := range b {
		if len(b)-i >= len(what) && string(b[i:i+len(what)]) == string(what) {
			out = append(out, i)
		}
	}
	return out
}

// readDamaged opens a damaged store and reads each child: detected tells that a check
// refuses it, wrong that something is shown that was never said.
func (w *world) readDamaged(t *testing.T, want map[int][]string) (detected, wrong bool) {
	t.Helper()
	s, err := openDamaged(w.where)
	if err != nil {
		return true, false
	}
	defer s.Close()
	detected = s.Verify(t.Context()) != nil
	for child := range w.numbers {
		person, err := s.PersonByIdentifier(t.Context(), w.parse(w.number(child)))
		if err != nil {
			continue
		}
		cs, err := s.Contributions(t.Context(), person, care.Whole(care.Services()...))
		if err != nil {
			continue // refused: not shown
		}
		for _, c := range cs {
			if text := textOf(t, c); !slices.Contains(want[child], text) {
				t.Errorf("shown: %q of barn%d", text, child)
				wrong = true
			}
		}
		if len(cs) != len(want[child]) {
			wrong = true // shown incompletely: a check has to find that
		}
	}
	return detected, wrong
}

// F28 on PostgreSQL: a program that is killed while it makes the schema leaves it for
// the next to make; a newer schema is refused, on both.
func TestF28Schema(t *testing.T) {
	for _, db := range databases(t) {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			where := db.fresh(t)
			if err := execIn(db, where, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, `+map[string]string{"sqlite": "1", "postgres": "true"}[db.name]+`)`); err != nil {
				t.Fatal(err)
			}
			if s, err := openDamaged(where); !errors.Is(err, care.ErrConflict) {
				t.Errorf("error %v, want care.ErrConflict", err)
				_ = s
			}
			if err := execIn(db, where, `DELETE FROM goose_db_version WHERE version_id = 9999`); err != nil {
				t.Fatal(err)
			}
			if db.name != "postgres" {
				return
			}
			for i := range size(1, 15) {
				rnd := rand.New(rand.NewPCG(firstSeed(t)+uint64(i), 28))
				m, empty := newTown(t), pgtest.URL(t, nil)
				after := time.Duration(rnd.IntN(400)) * time.Millisecond
				m.run(t, empty, nil, func(p *os.Process) {
					time.Sleep(after)
					_ = p.Kill() // it may have ended
				})
				if _, dead := m.run(t, empty, nil, nil); dead {
					t.Fatal("nobody was to kill this one")
				}
				m.balanced(t, uint64(i), empty)
			}
		})
	}
}
