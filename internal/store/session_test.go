package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"samsyn/internal/store"
	"samsyn/internal/store/pgtest"
)

// TestReplayIsRememberedOnEveryNodeAndAfterRestart, on both databases; and what cannot be
// used any more is forgotten, so that it does not grow for ever.
func TestReplayIsRememberedOnEveryNodeAndAfterRestart(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			dsn := filepath.Join(t.TempDir(), "s.db")
			if database == "postgres" {
				pgtest.Available(t)
				dsn = pgtest.URL(t, nil)
			}
			clock := at
			node := func() *store.Store {
				s, err := store.Open(t.Context(), dsn, store.Options{Now: func() time.Time { return clock }})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			one, two := node(), node()
			defer two.Close()
			use := func(s *store.Store, id string, want bool) {
				t.Helper()
				if ok, err := s.Once(t.Context(), "proof", id, clock.Add(11*time.Second)); err != nil || ok != want {
					t.Errorf("%s: %t, %v", id, ok, err)
				}
			}
			use(one, "a", true)
			use(two, "a", false)
			use(two, "b", true)
			use(one, "b", false)
			if err := one.Close(); err != nil {
				t.Fatal(err)
			}
			again := node()
			defer again.Close()
			use(again, "a", false)
			use(again, "b", false)
			if database == "postgres" {
				return // the sweep is the same statement
			}
			for i := range 300 {
				clock = clock.Add(time.Second)
				use(again, fmt.Sprint(i), true)
			}
			db, err := sqlx.Open("sqlite", dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			var rows int
			if err := db.Get(&rows, `SELECT count(*) FROM used`); err != nil || rows > 64+12 {
				t.Errorf("%d are remembered, %v", rows, err)
			}
		})
	}
}
