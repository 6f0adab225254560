package store_test

import (
	"errors"
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
	storetest.Run(t, openPostgres)
}

func openPostgres(tb storetest.TB) storetest.Store {
	s, err := store.Open(ctx, pgtest.URL(tb.(pgtest.TB), migrate), store.Options{})
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.(cleaner).Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return s
}

var _ = errors.Is
