package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"samsyn/internal/store/pgtest"
)

// TestDemoOnPostgres: the demo tells the same story on either database, and a second
// run on the same database finds everything as it was.
func TestDemoOnPostgres(t *testing.T) {
	pgtest.Available(t)
	story := func(database string) (table, text string) {
		t.Helper()
		t.Setenv("SAMSYN_DATABASE_URL", database)
		var out, errs bytes.Buffer
		if code := run(context.Background(), []string{"demo", "--once"}, &out, &errs); code != done {
			t.Fatalf("ended with %d: %s", code, errs.String())
		}
		table, text, found := strings.Cut(out.String(), "════")
		if !found {
			t.Fatalf("no overview in %s", out.String())
		}
		lines := strings.Split(text, "\n") // what is told at once stands in the order of ids, and those are keyed
		slices.Sort(lines)
		return table, strings.Join(lines, "\n")
	}
	database := pgtest.URL(t, nil)
	_, onSQLite := story("")
	first, onPostgres := story(database)
	if onSQLite != onPostgres {
		a, b := strings.Split(onSQLite, "\n"), strings.Split(onPostgres, "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("line %d:\nsqlite:   %s\npostgres: %s", i, a[i], b[i])
			}
		}
		t.Fatalf("%d and %d lines", len(a), len(b))
	}
	second, again := story(database)
	if again != onPostgres || second == first {
		t.Errorf("a second run tells another story:\n%s", second)
	}
}

// TestSyncOnPostgres: the configuration chooses the database too, and a store for real
// people takes no synthetic ones.
func TestSyncOnPostgres(t *testing.T) {
	pgtest.Available(t)
	dir, database := t.TempDir(), pgtest.URL(t, nil)
	file := filepath.Join(dir, "samsyn.yaml")
	config := "store:\n  url: " + database + "\n  keys: " + filepath.Join(dir, "samsyn.keys") + "\ninstance:\n  test: "
	do := func(test string, args ...string) (int, string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(config+test+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		return run(context.Background(), append(args, "--config", file), &out, &errs), errs.String()
	}
	if code, errs := do("false", "sync"); code != done {
		t.Fatalf("sync ended with %d: %s", code, errs)
	}
	if code, errs := do("true", "sync"); code == done || !strings.Contains(errs, "use another store") {
		t.Errorf("a store for real people was taken for synthetic ones: %d %s", code, errs)
	}
	if _, err := os.Stat(filepath.Join(dir, "samsyn.db")); err == nil {
		t.Error("there is a SQLite file beside the database")
	}
}
