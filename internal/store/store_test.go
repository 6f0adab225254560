package store_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"samsyn/internal/care"
	"samsyn/internal/store"
	"samsyn/internal/store/storetest"
	"samsyn/internal/vault"
)

var (
	ctx = context.Background()
	at  = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "8")         // they wait more than they work; a flag on the command line goes before it
	if os.Getenv("SAMSYN_TEST_SIZE") != "ci" { // a flag on the command line goes before it
		_ = flag.Set("rapid.checks", "25") // rapid has it
	}
	goleak.VerifyTestMain(m)
}

// cleaner is what both kinds of tests have for tidying up.
type cleaner interface{ Cleanup(func()) }

func TestSQLite(t *testing.T) {
	dir := memory(t)
	sealed := store.Options{Vault: keys(t)}
	empty := migrated(t, dir, sealed)
	storetest.Run(t, func(tb storetest.TB) storetest.Store {
		f, err := os.CreateTemp(dir, "*.db")
		if err != nil {
			tb.Fatalf("%v", err)
		}
		_, err = f.Write(empty)
		if err := errors.Join(err, f.Close()); err != nil {
			tb.Fatalf("%v", err)
		}
		s, err := store.Open(t.Context(), f.Name(), sealed)
		if err != nil {
			tb.Fatalf("%v", err)
		}
		tb.(cleaner).Cleanup(func() {
			if err := s.Close(); err != nil {
				tb.Errorf("close: %v", err)
			}
		})
		return s
	})
}

// keys are those of a test's stores.
func keys(t testing.TB) *vault.File {
	return vault.InFile(filepath.Join(t.TempDir(), "test.keys"), time.Now)
}

// memory is a folder in memory where the machine has one: the contract is not about
// disks, and each commit waits for one. TestFileIsItsOwnersAlone and the others use the disk.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "samsyn-store-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// migrated is an empty store's file, so that hundreds of stores need not be migrated.
func migrated(t *testing.T, dir string, o store.Options) []byte {
	t.Helper()
	path := filepath.Join(dir, "empty.db")
	s, err := store.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFileIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a dir with % and ?.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v %v, want the database and its log", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v %v, want 0600", f, info.Mode(), err)
		}
	}
}

func TestKeepsItsKeyAndData(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	var keys []string
	for range 2 {
		s, err := store.Open(t.Context(), path, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, string(s.IDKey()))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	other, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "o.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if keys[0] != keys[1] || keys[0] == string(other.IDKey()) || len(keys[0]) != 32 {
		t.Error("the instance's key must stay, and be another in another instance")
	}
}

func TestRefusesNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sqlx.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(context.Background(), path, store.Options{}); !errors.Is(err, care.ErrConflict) {
		t.Errorf("error %v, want care.ErrConflict", err)
	}
}

var _ cleaner = (*rapid.T)(nil)
