package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/journal"
	"samsyn/internal/store/pgtest"
)

// Whatever kind of entry there is can be done again.
func TestEveryKindIsDoneAgain(t *testing.T) {
	for _, kind := range journal.Kinds() {
		if again[kind] == nil {
			t.Errorf("nobody does a %s again", kind)
		}
	}
	if len(again) != len(journal.Kinds()) {
		t.Errorf("%d kinds can be done again, there are %d", len(again), len(journal.Kinds()))
	}
}

// What cannot be written to the journal is not kept either, and nobody is told that it was.
func TestNothingIsKeptThatIsNotInTheJournal(t *testing.T) {
	try := func(t *testing.T, where string) {
		ctx := context.Background()
		s, err := Open(ctx, where, Options{Journal: filepath.Join(t.TempDir(), "j")})
		if err != nil {
			t.Fatal(err)
		}
		a := care.Appointment{ID: "a", Viewer: "kari", Person: "p", Role: care.RoleKoordinator, From: time.Unix(1, 0), By: "ke"}
		keep := func(epoch int64) error {
			return s.PutRights(ctx, "p", epoch, care.Rights{Appointments: []care.Appointment{a}}, nil, nil)
		}
		if err := keep(0); err != nil {
			t.Fatal(err)
		}
		count := func() (n int) {
			if err := s.read.GetContext(ctx, &n, `SELECT count(*) FROM rights`); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if err := s.ended.Close(); err != nil {
			t.Fatal(err)
		}
		a.Ended = time.Unix(2, 0)
		if err := keep(1); err == nil {
			t.Error("it was confirmed")
		} else if faultOf(err) != otherFault {
			t.Errorf("a file that cannot be written is taken for a database that is away, and tried for half a minute: %v", err)
		}
		if n := count(); n != 1 {
			t.Errorf("%d versions of the appointment are held, want the one that runs", n)
		}
		s.ended = nil
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("sqlite", func(t *testing.T) { try(t, filepath.Join(t.TempDir(), "s.db")) })
	t.Run("postgres", func(t *testing.T) {
		pgtest.Available(t)
		try(t, pgtest.URL(t, nil))
	})
}
