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
		g := care.Grant{Viewer: "kari", Person: "p", Services: care.Services(), From: time.Unix(1, 0), Basis: "test"}
		if err := s.PutGrant(ctx, g); err != nil {
			t.Fatal(err)
		}
		if err := s.ended.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.EndGrants(ctx, "kari", "p", time.Unix(2, 0)); err == nil {
			t.Error("it was confirmed")
		}
		if held, err := s.Grants(ctx, "kari"); err != nil || len(held) != 1 || !held[0].Until.IsZero() {
			t.Errorf("%+v %v", held, err)
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
