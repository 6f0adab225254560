package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/jobs"
	"samsyn/internal/store"
)

func open(t *testing.T, place string, c *clock) *store.Store {
	t.Helper()
	s, err := store.Open(ctx, place, store.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// renewals tells when a lease has been renewed.
type renewals struct {
	*store.Store
	done chan<- error
}

func (r renewals) Renew(ctx context.Context, l ledger.Lease, lasts time.Duration) error {
	err := r.Store.Renew(ctx, l, lasts)
	r.done <- err
	return err
}

// A holder that is paused beyond its lease is taken over; when it wakes up, the page that
// it has in hand is refused, and its run ends.
func TestAPausedHolderIsRefused(t *testing.T) { onBoth(t, aPausedHolderIsRefused) }

func aPausedHolderIsRefused(t *testing.T, db string) {
	c := at("2026-11-23T02:00:00+01:00")
	one, two := open(t, db, c), open(t, db, c)
	src := ledger.Source{Name: "a", System: "test", Service: care.Skole, Title: "a"}
	save := func(s *store.Store, token int64, next adapters.Cursor) error {
		run, _, err := s.Begin(ctx, src, "test")
		if err != nil {
			return err
		}
		_, err = s.Save(ctx, ledger.Batch{Source: "a", Run: run, At: c.now(), Fence: token, Next: next})
		return err
	}
	beats, beaten := make(chan time.Time), make(chan error)
	paused := jobs.Keeper{Leases: renewals{one, beaten}, Holder: "paused", Tick: func(time.Duration) (<-chan time.Time, func()) { return beats, func() {} }}
	other := jobs.Keeper{Leases: two, Holder: "other"}
	err := paused.Alone(ctx, "a", func(mine context.Context, token int64) error {
		if err := save(one, token, "page 1"); err != nil {
			return err
		}
		if err := other.Alone(ctx, "a", nil); !errors.Is(err, jobs.ErrBusy) {
			t.Errorf("a second holder was let in: %v", err)
		}
		beats <- c.now()
		if err := <-beaten; err != nil {
			return err
		}
		c.add(59 * time.Second) // within the lease, as it was just renewed
		if err := other.Alone(ctx, "a", nil); !errors.Is(err, jobs.ErrBusy) {
			t.Errorf("a second holder was let in after a beat: %v", err)
		}
		c.add(time.Hour) // paused: no beats
		if err := other.Alone(ctx, "a", func(_ context.Context, token int64) error { return save(two, token, "page 2") }); err != nil {
			t.Errorf("nobody could take over: %v", err)
		}
		if err := save(one, token, "page 1 again"); !errors.Is(err, care.ErrConflict) {
			t.Errorf("the paused holder's page was kept: %v", err)
		}
		beats <- c.now()
		if err := <-beaten; !errors.Is(err, care.ErrConflict) {
			t.Errorf("a lost lease was renewed: %v", err)
		}
		<-mine.Done()
		return mine.Err()
	})
	if !errors.Is(err, jobs.ErrLost) {
		t.Errorf("the paused holder ended with %v", err)
	}
	if _, since, err := one.Begin(ctx, src, "test"); err != nil || since != "page 2" {
		t.Errorf("the source was left at %q (%v)", since, err)
	}
}

// A lease of a process of this host that has ended is taken without waiting.
func TestADeadHolderIsNotWaitedFor(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Skip("this host has no name")
	}
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Skipf("no process can be started: %v", err)
	}
	for holder, dead := range map[string]bool{
		fmt.Sprintf("%s %d x", host, gone.Process.Pid): true,
		fmt.Sprintf("%s %d x", host, os.Getpid()):      false,
		jobs.Holder(): false,
		fmt.Sprintf("elsewhere.example %d x", gone.Process.Pid): false,
		"nonsense":            false,
		host + " -1 x":        false,
		host + " word word":   false,
		host + " 0 something": false,
	} {
		if jobs.Dead(holder) != dead {
			t.Errorf("%q: dead is not %t", holder, dead)
		}
		c := at("2026-11-23T02:00:00+01:00")
		s := open(t, filepath.Join(t.TempDir(), "samsyn.db"), c)
		if _, err := s.Acquire(ctx, "a", holder, time.Hour); err != nil {
			t.Fatal(err)
		}
		ran := false
		err := jobs.Keeper{Leases: s}.Alone(ctx, "a", func(context.Context, int64) error { ran = true; return nil })
		if ran != dead || errors.Is(err, jobs.ErrBusy) == dead {
			t.Errorf("%q: ran %t with %v", holder, ran, err)
		}
	}
}
