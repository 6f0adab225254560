package store_test

import (
	"slices"
	"sync"
	"testing"

	"samsyn/internal/store"
	"samsyn/internal/store/pgtest"
	"samsyn/internal/store/storetest"
)

// migrate makes an empty database a store.
func migrate(url string) error {
	s, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	return s.Close()
}

func TestPostgres(t *testing.T) {
	pgtest.Available(t)
	storetest.Run(t, reused(t, ""))
}

// reused opens stores that are emptied and given again when a test is over: to open one
// is not what the contract is about, and a connection is slow while it is new. They keep
// their keys.
func reused(t *testing.T, parameters string) func(storetest.TB) storetest.Store {
	type kept struct {
		*store.Store
		url string
	}
	var mu sync.Mutex
	var free []kept
	return func(tb storetest.TB) storetest.Store {
		mu.Lock()
		defer mu.Unlock()
		var s kept
		if n := len(free); n > 0 {
			s, free = free[n-1], free[:n-1]
		} else {
			s.url = pgtest.URL(t, migrate)
			var err error
			if s.Store, err = store.Open(ctx, s.url+parameters, store.Options{}); err != nil {
				tb.Fatalf("%v", err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
		}
		tb.(cleaner).Cleanup(func() {
			mu.Lock()
			defer mu.Unlock()
			if err := pgtest.Empty(s.url, "meta"); err != nil {
				tb.Errorf("empty: %v", err)
			}
			free = append(free, s)
		})
		return s
	}
}

var _ = slices.Sort[[]string]
