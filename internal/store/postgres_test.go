package store_test

import (
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store"
	"samsyn/internal/store/pgtest"
	"samsyn/internal/store/storetest"
)

var migrate = storetest.Migrate

func opener(open func(storetest.TB) *store.Store) func(storetest.TB) storetest.Store {
	return func(tb storetest.TB) storetest.Store { return open(tb) }
}

// few lets rapid draw so many examples, but in CI, until the test is over.
func few(t *testing.T, n string) {
	t.Helper()
	if os.Getenv("SAMSYN_TEST_SIZE") == "ci" {
		return
	}
	before := flag.Lookup("rapid.checks").Value.String()
	if err := flag.Set("rapid.checks", n); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set("rapid.checks", before) }) // it was accepted before
}

func TestPostgres(t *testing.T) {
	pgtest.Available(t)
	few(t, "6")
	storetest.Run(t, opener(storetest.Postgres(t, store.Options{Vault: keys(t)}, nil)))
}

// TestPooled is the contract through PgBouncer, which gives each transaction another of
// two server connections: nothing that is ours may stay with a connection.
func TestPooled(t *testing.T) {
	pgtest.Available(t)
	few(t, "3")
	pooler, err := url.Parse(pgtest.Pooler(t, pgtest.URL(t, migrate)))
	if err != nil {
		t.Fatal(err)
	}
	storetest.Run(t, opener(storetest.Postgres(t, store.Options{Vault: keys(t)}, func(dsn string) string {
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		u.Host = pooler.Host
		return u.String() + "&pool=transaction"
	})))
}

// TestStartsAtOnce: many instances that start on an empty database agree on who migrates it
// and on the instance's key; a newer schema is refused and left alone.
func TestStartsAtOnce(t *testing.T) {
	t.Parallel()
	pgtest.Available(t)
	dsn := pgtest.URL(t, nil)
	type started struct {
		key string
		err error
	}
	all := make(chan started)
	for range 6 {
		go func() {
			s, err := store.Open(ctx, dsn, store.Options{})
			if err != nil {
				all <- started{err: err}
				return
			}
			all <- started{string(s.IDKey()), s.Close()}
		}()
	}
	keys := map[string]bool{}
	for range 6 {
		s := <-all
		if s.err != nil {
			t.Error(s.err)
		}
		keys[s.key] = true
	}
	if len(keys) != 1 {
		t.Errorf("%d instances' keys, want one", len(keys))
	}
	if err := pgtest.Exec(dsn, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(ctx, dsn, store.Options{}); !errors.Is(err, care.ErrConflict) {
		t.Errorf("error %v, want care.ErrConflict", err)
	}
}

// TestBothSayTheSame: the same pages end as the same store on either database, word for word.
func TestBothSayTheSame(t *testing.T) {
	t.Parallel()
	pgtest.Available(t)
	var said [2]string
	for i, dsn := range []string{filepath.Join(t.TempDir(), "s.db"), pgtest.URL(t, migrate)} {
		s := open(t, dsn)
		run := begin(t, s, "a")
		for round := range 3 {
			entries := municipalityOf(t, 40, fmt.Sprint("round ", round))
			for j := range entries {
				entries[j].Record.Changed = at.AddDate(0, 0, round*(j%3))
				switch (j + round) % 11 {
				case 3:
					entries[j] = ledger.Entry{Record: entries[j].Record, Revision: "r1", Refused: &ledger.Refusal{Code: "unknown-code", Text: "ukjent kode", Where: "sak.yaml:3"}}
				case 5:
					entries[j].Record.Deleted, entries[j].Made = true, nil
				case 7: // what PostgreSQL could not keep as it is must not stop the page
					entries[j].Record.Key = fmt.Sprintf("odd \x00 and \xff %d", j)
					entries[j].Record.Version = "\xfe"
					entries[j].Record.Body = []byte("\x00\xff\xfe bytes are kept as they are")
				}
			}
			if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: run, At: at, Entries: entries, Next: "x"}); err != nil {
				t.Fatal(err)
			}
			var keys []ledger.Key
			for _, e := range entries {
				keys = append(keys, ledger.Key{Kind: e.Record.Kind, Key: e.Record.Key})
			}
			if seen, err := s.Ledger(ctx, "a", keys); err != nil || len(seen) < len(keys) {
				t.Errorf("the ledger knows %d of %d keys: %v", len(seen), len(keys), err)
			}
		}
		said[i] = canonical(t, s)
	}
	if said[0] != said[1] {
		t.Error("the databases disagree")
		a, b := strings.Split(said[0], "\n"), strings.Split(said[1], "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("sqlite:   %.300q\npostgres: %.300q", a[i], b[i])
			}
		}
	}
}
