package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/pressly/goose/v3"

	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store"
	"samsyn/internal/store/pgtest"
)

// onEach runs f on an empty store of each database; ask questions it past the store.
func onEach(t *testing.T, f func(t *testing.T, dsn string, s *store.Store, ask func(query string) string)) {
	for _, driver := range []string{"sqlite", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel() // most of it is waiting for a disk or a server
			dsn := filepath.Join(t.TempDir(), "s.db")
			if driver == "postgres" {
				pgtest.Available(t)
				dsn = pgtest.URL(t, migrate)
			}
			s := open(t, dsn)
			db, err := sql.Open(driver, dsn)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() }) // it wrote what it was told
			f(t, dsn, s, func(query string) (out string) {
				t.Helper()
				if err := db.QueryRow(query).Scan(&out); err != nil {
					t.Fatal(query, err)
				}
				return out
			})
		})
	}
}

// past is a connection to a store's database past the store.
func past(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	driver := "sqlite"
	if store.IsURL(dsn) {
		driver = "postgres"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // it wrote what it was told
	return db
}

func personOf(t *testing.T, s *store.Store, n identity.Number) care.PersonID {
	t.Helper()
	p, err := s.PersonByIdentifier(ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// lineageOf is the lineage of each resource of a child by id, as Contributions and Read give it.
func lineageOf(t *testing.T, s *store.Store, child int) map[string][]care.Lineage {
	t.Helper()
	cs, err := s.Contributions(ctx, personOf(t, s, benchNumber(t, child)), care.Whole(care.Services()...))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]care.Lineage{}
	for _, c := range cs {
		for _, m := range c.Made {
			out[m.Resource.ID] = m.Lineage
			vs, err := s.History(ctx, c.Person, m.Resource.Type, m.Resource.ID, care.Whole(care.Services()...))
			if err != nil || !reflect.DeepEqual(vs[0].Lineage, m.Lineage) {
				t.Errorf("%s read alone has lineage %+v %v, want %+v", m.Resource.ID, vs, err, m.Lineage)
			}
		}
	}
	return out
}

// TestLineageOnce: lineage that is the same is kept once, is read as it was given, and
// what was kept before there were shapes is read still.
func TestLineageOnce(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string, s *store.Store, ask func(string) string) {
		run := begin(t, s, "a")
		entries := municipalityOf(t, 46, "tekst")
		other := slices.Clone(entries[5].Made[0].Lineage)
		other[3].From = []string{"et felt", "felt \x01 to"}
		entries[5].Made[0].Lineage = other
		entries[6].Made[0].Lineage = nil
		save := func() {
			if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: run, At: at, Entries: entries, Next: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		save()
		check := func(s *store.Store) {
			t.Helper()
			got := lineageOf(t, s, 0)
			if len(got) != 23 {
				t.Fatalf("%d resources of the first child, want 23", len(got))
			}
			for _, e := range entries[:23] {
				want, ls := e.Made[0].Lineage, got[e.Made[0].Resource.ID]
				if len(ls) != len(want) || len(want) > 0 && !reflect.DeepEqual(ls, want) {
					t.Errorf("%s has lineage %+v, want %+v", e.Made[0].Resource.ID, ls, want)
				}
			}
		}
		check(s)
		check(s) // and from what was read before
		count := func() string {
			return ask(`SELECT (SELECT count(*) FROM lineage_shape) || ' of ' || (SELECT count(*) FROM resource WHERE lineage = '')`)
		}
		if got := count(); got != "3 of 46" {
			t.Errorf("shapes and resources %s, want 3 of 46", got)
		}
		// As a resource stood before there were shapes.
		ask(`UPDATE resource SET lineage = (SELECT text FROM lineage_shape l WHERE l.id = lineage_shape), lineage_shape = NULL WHERE id IN ('r2', 'r5') RETURNING ''`)
		check(s)
		check(open(t, dsn))
		// Another revision of the map says the same: the lineage is its.
		for i := range entries {
			entries[i].Revision = "r2"
			entries[i].Made[0].Lineage = slices.Clone(entries[i].Made[0].Lineage)
			for j := range entries[i].Made[0].Lineage {
				entries[i].Made[0].Lineage[j].Line += 100
			}
		}
		save()
		check(s)
		if got := count(); got != "5 of 46" {
			t.Errorf("shapes and resources %s, want 5 of 46", got)
		}
	})
}

// migrations are those of a store, to be walked by hand.
func migrations(t *testing.T, dsn string) *goose.Provider {
	t.Helper()
	driver, dialect := "sqlite", goose.DialectSQLite3
	if store.IsURL(dsn) {
		driver, dialect = "postgres", goose.DialectPostgres
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // it wrote what it was told
	p, err := goose.NewProvider(dialect, db, os.DirFS(filepath.Join("migrations", driver)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestShapesGoBack: an older program reads the lineage as the text that it knows.
func TestShapesGoBack(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string, s *store.Store, ask func(string) string) {
		if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: begin(t, s, "a"), At: at, Entries: municipalityOf(t, 5, "tekst"), Next: "x"}); err != nil {
			t.Fatal(err)
		}
		want := ask(`SELECT text FROM lineage_shape`)
		if _, err := migrations(t, dsn).DownTo(ctx, 4); err != nil {
			t.Fatal(err)
		}
		if got := ask(`SELECT min(lineage) || count(*) FROM resource`); got != want+"5" {
			t.Errorf("lineage %s, want %s of 5 resources", got, want)
		}
	})
}

// TestShapesAtOnce: sources that meet the same new shapes at the same time keep each once,
// also where a page has a key twice and is kept in several goes.
func TestShapesAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, s *store.Store, ask func(string) string) {
		const sources, shapes = 6, 40
		all := make(chan error)
		for i := range sources {
			name := fmt.Sprintf("s%d", i)
			run := begin(t, s, name)
			entries := municipalityOf(t, shapes, "tekst")
			for j := range entries {
				m := &entries[j].Made[0]
				m.Resource.ID = fmt.Sprintf("%s-%d", name, j)
				m.Lineage[0].Line = 1000 + j
				m.Lineage[0].Rule = fmt.Sprintf("rule %d", j)
			}
			if i%2 == 0 {
				slices.Reverse(entries)
				again := entries[3]
				again.Made = []care.Made{{Resource: again.Made[0].Resource, Lineage: slices.Clone(again.Made[0].Lineage)}}
				again.Record.Body, again.Record.Changed = []byte(`{"again":true}`), again.Record.Changed.AddDate(0, 0, 1)
				again.Made[0].Resource.Body = []byte(`{"resourceType":"Basic","again":true}`)
				again.Made[0].Lineage[1].Line = 7
				entries = append(entries, again)
			}
			go func() {
				_, err := s.Save(ctx, ledger.Batch{Source: name, Run: run, At: at, Entries: entries, Next: "x"})
				all <- err
			}()
		}
		for range sources {
			if err := <-all; err != nil {
				t.Error(err)
			}
		}
		want := fmt.Sprintf("%d shapes, %d rules, 0 without", shapes+1, shapes+11)
		got := ask(`SELECT (SELECT count(*) FROM lineage_shape) || ' shapes, ' || (SELECT count(*) FROM rule) || ' rules, ' || (SELECT count(*) FROM resource WHERE lineage_shape IS NULL) || ' without'`)
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}
