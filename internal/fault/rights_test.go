package fault_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/gate"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/overview"
	"samsyn/internal/store"
)

// keep registers rights of a person as they stand now.
func keep(t tb, s *store.Store, p care.PersonID, r care.Rights) {
	t.Helper()
	_, _, epoch, err := s.Rights(context.Background(), p)
	if err == nil {
		err = s.PutRights(context.Background(), p, epoch, r, nil, nil)
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
}

// permit lets a coordinator see everything that is said of a person, from an hour before an instant.
func permit(t tb, s *store.Store, v care.Viewer, p care.PersonID, at time.Time) {
	t.Helper()
	from := at.Add(-time.Hour)
	r := gatetest.Appointed(v, p, from, time.Time{})
	c := gatetest.Consented(v, p, from, care.Services()...)
	c.Appointments = r.Appointments
	keep(t, s, p, c)
}

// revoke takes the consent back and ends the appointment, at an instant.
func revoke(t tb, s *store.Store, v care.Viewer, p care.PersonID, at time.Time) {
	t.Helper()
	held, _, _, err := s.Rights(context.Background(), p)
	if err != nil {
		t.Fatalf("%v", err)
	}
	var r care.Rights
	for _, a := range held.Appointments {
		if a.Viewer == v.ID && a.Ended.IsZero() {
			a.Ended, a.EndedBy = at, "ke"
			r.Appointments = append(r.Appointments, a)
		}
	}
	for _, c := range held.Consents {
		if slices.Contains(c.Receivers, care.Receiver{Viewer: v.ID}) && c.Status == care.ConsentActive {
			c.Version, c.Status, c.Changed = c.Version+1, care.ConsentWithdrawn, at
			r.Consents = append(r.Consents, c)
		}
	}
	keep(t, s, p, r)
}

// shows is what answers about a store.
func shows(t tb, s gate.Store, now func() time.Time) *overview.Service {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatalf("%v", err)
	}
	g, err := gatetest.Gate(s, now, zone)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return &overview.Service{Gate: g}
}

func asks(v care.Viewer) gate.Request { return gate.Request{Viewer: v, Door: audit.DoorPage} }

// TestWithdrawalRaces: a consent is taken back while answers are being made. No answer that is
// released after the withdrawal was kept rests on it: an answer is released in the transaction
// that writes its line in the log, and that comes before the withdrawal or not at all.
func TestWithdrawalRaces(t *testing.T) {
	each(t, 1, 4, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{children: 1, facts: 4})
		person, viewer := w.personOf(w.number(w.some().child)), gatetest.Coordinator("anders", "")
		service := shows(t, w.store, w.ours)
		rnd := rand.New(rand.NewPCG(seed, 26))
		shown, hidden := 0, 0
		for range size(25, 250) {
			permit(t, w.store, viewer, person, w.ours())
			var kept atomic.Bool
			var wait sync.WaitGroup
			var late, seen, unseen atomic.Int64
			begin := make(chan struct{})
			for range 3 {
				wait.Go(func() {
					<-begin
					for range 3 {
						before := kept.Load()
						_, err := service.Overview(context.Background(), asks(viewer), person)
						switch {
						case err == nil && before:
							late.Add(1)
						case err == nil:
							seen.Add(1)
						case errors.Is(err, care.ErrNotFound), errors.Is(err, care.ErrUnavailable):
							unseen.Add(1)
						default:
							late.Add(1000)
						}
					}
				})
			}
			close(begin)
			for range rnd.IntN(3) { // sooner or later among the readers
				_, _ = w.store.Facts(t.Context(), viewer, person)
			}
			revoke(t, w.store, viewer, person, w.ours())
			kept.Store(true)
			wait.Wait()
			if late.Load() > 0 {
				t.Fatalf("seed %d: %d answers were given after the withdrawal was kept", seed, late.Load())
			}
			shown, hidden = shown+int(seen.Load()), hidden+int(unseen.Load())
			w.clock.move(time.Second)
		}
		if hidden == 0 {
			t.Fatalf("%d answers were shown and none was hidden: nothing was raced", shown)
		}
	})
}
