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
// dozen trips to another process, fewer examples are drawn. In CI many are on both.
func onBoth(t *testing.T, property func(t *rapid.T, open func(tb) *store.Store)) {
	t.Run("sqlite", func(t *testing.T) {
		few(t, "30")
		rapid.Check(t, func(t *rapid.T) { property(t, open) })
	})
	t.Run("postgres", func(t *testing.T) {
		on := storetest.Postgres(t, store.Options{Now: func() time.Time { return now }}, nil)
		few(t, "4")
		rapid.Check(t, func(t *rapid.T) { property(t, func(t tb) *store.Store { return on(t.(storetest.TB)) }) })
	})
}

// few lets rapid draw so many examples, but in CI, until the test is over.
func few(t *testing.T, n string) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	if checks == nil || os.Getenv("SAMSYN_TEST_SIZE") == "ci" {
		return
	}
	before := checks.Value.String()
	if err := flag.Set("rapid.checks", n); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set("rapid.checks", before) }) // it was accepted before
}
