package fault_test

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"samsyn/internal/store"
	"samsyn/internal/store/pgtest"
)

// tb is what *testing.T and *rapid.T share.
type tb interface {
	Helper()
	Fatalf(string, ...any)
	Errorf(string, ...any)
	Logf(string, ...any)
	Cleanup(func())
}

// database is a kind of database; every fault is tried on each.
type database struct {
	name string
	// fresh gives where an empty store lies, migrated and with the tests' instance key,
	// and destroys it after the test.
	fresh func(t tb) string
}

// databases are both; where this machine has no PostgreSQL that is said loudly, and is a
// failure in CI.
func databases(t *testing.T) []database {
	t.Helper()
	all := []database{{"sqlite", freshSQLite}}
	t.Run("postgres/available", func(t *testing.T) {
		pgtest.Available(t)
		all = append(all, database{"postgres", freshPostgres})
	})
	return all
}

func freshPostgres(t tb) string {
	t.Helper()
	where := pgtest.URL(t, func(url string) error {
		s, err := store.Open(context.Background(), url, store.Options{Random: zeros()})
		if err != nil {
			return err
		}
		return s.Close()
	})
	s, err := store.Open(context.Background(), where, store.Options{Random: zeros()}) // the instance's key
	if err != nil {
		t.Fatalf("%v", err)
	}
	closeAll(t, s)
	return where
}

// zeros is the randomness that the instance key of the tests is made from, so that two
// stores give the same thing the same id.
func zeros() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{}) }

// emptySQLite is a migrated store's file, made once.
var emptySQLite = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "samsyn-fault-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "empty.db")
	s, err := store.Open(context.Background(), path, store.Options{Random: zeros()})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// fastDir is in memory where the machine has such a folder; the tests that are about
// disks do not use it.
func fastDir() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

func freshSQLite(t tb) string {
	t.Helper()
	empty, err := emptySQLite()
	if err != nil {
		t.Fatalf("%v", err)
	}
	dir, err := os.MkdirTemp(fastDir(), "samsyn-fault-*")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("%v", err)
		}
	})
	path := filepath.Join(dir, "s.db")
	if err := os.WriteFile(path, empty, 0o600); err != nil {
		t.Fatalf("%v", err)
	}
	return path
}

// open opens a store; the caller closes it.
func open(t tb, where string, now func() time.Time) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), where, store.Options{Now: now, Random: nil})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	return s
}

func closeAll(t tb, closers ...interface{ Close() error }) {
	t.Helper()
	var errs []error
	for _, c := range closers {
		errs = append(errs, c.Close())
	}
	if err := errors.Join(errs...); err != nil {
		t.Errorf("close: %v", err)
	}
}

// openDamaged opens a store that may not open.
func openDamaged(where string) (*store.Store, error) {
	return store.Open(context.Background(), where, store.Options{})
}

// execIn does one thing in a database behind the store's back.
func execIn(db database, where, statement string) (err error) {
	if db.name == "postgres" {
		return pgtest.Exec(where, statement)
	}
	file, err := sql.Open("sqlite", "file:"+where)
	if err != nil {
		return err
	}
	_, err = file.Exec(statement)
	return errors.Join(err, file.Close())
}
