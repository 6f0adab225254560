package storetest

import (
	"context"
	"sync"
	"testing"

	"samsyn/internal/store"
	"samsyn/internal/store/pgtest"
)

// Migrate makes an empty database at url a store.
func Migrate(url string) error {
	s, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		return err
	}
	return s.Close()
}

// Postgres gives a way to open empty stores on the test's PostgreSQL. They are emptied and
// given again when a (sub)test is over, and keep their keys: to open one is seldom what a
// test is about, and a connection is slow while it is new. through changes the address,
// nil for none. Without PostgreSQL the test is skipped, in CI it fails.
func Postgres(t *testing.T, o store.Options, through func(url string) string) func(TB) *store.Store {
	pgtest.Available(t)
	type kept struct {
		*store.Store
		url string
	}
	var mu sync.Mutex
	var free []kept
	return func(tb TB) *store.Store {
		tb.Helper()
		mu.Lock()
		defer mu.Unlock()
		var s kept
		if n := len(free); n > 0 {
			s, free = free[n-1], free[:n-1]
		} else {
			s = kept{url: pgtest.URL(t, Migrate)}
			address := s.url
			if through != nil {
				address = through(address)
			}
			var err error
			if s.Store, err = store.Open(context.Background(), address, o); err != nil {
				tb.Fatalf("%v", err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
		}
		tb.(interface{ Cleanup(func()) }).Cleanup(func() {
			mu.Lock()
			defer mu.Unlock()
			if err := pgtest.Empty(s.url, "meta"); err != nil {
				tb.Errorf("empty: %v", err)
			}
			free = append(free, s)
		})
		return s.Store
	}
}
