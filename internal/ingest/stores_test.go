package ingest_test

import (
	"flag"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"samsyn/internal/store"
	"samsyn/internal/store/storetest"
)

// onBoth checks a property on each database. On PostgreSQL, where each transaction is a
// dozen trips to another process, fewer examples are drawn, but in CI.
func onBoth(t *testing.T, property func(t *rapid.T, open func(tb) *store.Store)) {
	t.Run("sqlite", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) { property(t, open) })
	})
	t.Run("postgres", func(t *testing.T) {
		on := storetest.Postgres(t, store.Options{Now: func() time.Time { return now }}, nil)
		if checks := flag.Lookup("rapid.checks"); checks != nil && os.Getenv("SAMSYN_TEST_SIZE") != "ci" {
			before := checks.Value.String()
			if err := flag.Set("rapid.checks", "10"); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = flag.Set("rapid.checks", before) }() // it was accepted before
		}
		rapid.Check(t, func(t *rapid.T) { property(t, func(t tb) *store.Store { return on(t.(storetest.TB)) }) })
	})
}
