package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store"
	"samsyn/internal/store/pgtest"
)

// filled is a store with children, history, grants and a log.
func filled(t *testing.T, dsn string) (*store.Store, int64) {
	t.Helper()
	s := open(t, dsn)
	run := begin(t, s, "a")
	for round := range 2 {
		entries := municipalityOf(t, 60, fmt.Sprint("round ", round))
		for i := range entries {
			entries[i].Record.Changed = at.AddDate(0, 0, round)
		}
		if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: run, At: at, Entries: entries, Next: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	persons, err := s.Everybody(ctx)
	if err != nil || len(persons) == 0 {
		t.Fatal(len(persons), err)
	}
	err = errors.Join(s.PutRights(ctx, persons[0], epochOf(t, s, persons[0]), care.Rights{Blocks: []care.Block{{ID: "b", Person: persons[0], All: true, Extent: care.BlockAll, From: at, By: "v"}}}, nil, nil),
		s.Audit(ctx, nil, []care.Logged{{Viewer: "v", Person: persons[0], At: at, Body: []byte("{}")}}))
	if err != nil {
		t.Fatal(err)
	}
	return s, run
}

func epochOf(t testing.TB, s *store.Store, p care.PersonID) int64 {
	t.Helper()
	_, _, epoch, err := s.Rights(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	return epoch
}

// alike checks that a restored store is the one that was backed up, and goes on as it did.
func alike(t *testing.T, before string, key []byte, restored *store.Store, run int64) {
	t.Helper()
	if got := dumped(t, restored); got != before {
		t.Error("the restored store is another")
	}
	if !bytes.Equal(restored.IDKey(), key) {
		t.Error("the restored store would give other ids")
	}
	persons, err := restored.Everybody(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if log, err := restored.AuditOf(ctx, persons[0]); err != nil || len(log) != 1 {
		t.Errorf("the restored log: %v %v", log, err)
	}
	entries := municipalityOf(t, 70, "round 1") // ten are new, sixty are held
	for i := range entries {
		entries[i].Record.Changed = at.AddDate(0, 0, 1)
	}
	saved, err := restored.Save(ctx, ledger.Batch{Source: "a", Run: run, At: at, Entries: entries, Next: "x"})
	if err != nil || saved.Counts.Stored != 10 || saved.Counts.Unchanged != 60 {
		t.Errorf("after the restore: %+v %v", saved.Counts, err)
	}
}

func dumped(t *testing.T, s *store.Store) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Dump(ctx, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestBackupOfAFile(t *testing.T) {
	dir := t.TempDir()
	s, run := filled(t, filepath.Join(dir, "s.db"))
	before, copied := dumped(t, s), filepath.Join(dir, "copy of it.db")
	if err := s.Backup(ctx, copied); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(ctx, copied); !errors.Is(err, care.ErrConflict) {
		t.Errorf("a backup was written over: %v", err)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v, want 0600", info.Mode(), err)
	}
	if _, err := s.Save(ctx, page(run, 5000, 10, "after the backup")); err != nil {
		t.Fatal(err)
	}
	alike(t, before, s.IDKey(), open(t, copied), run)
}

// TestBackupOfPostgres is the drill of docs/operations.md: pg_dump while the store is in
// use, pg_restore into an empty database, open.
func TestBackupOfPostgres(t *testing.T) {
	t.Parallel()
	pgtest.Available(t)
	var tools [2]string
	for i, name := range []string{"pg_dump", "pg_restore"} {
		tool, err := pgtest.Tool(name)
		if err == nil {
			_, err = os.Stat(tool)
		}
		if err != nil {
			t.Skipf("NO DRILL: %v", err)
		}
		tools[i] = tool
	}
	from, to, file := pgtest.URL(t, migrate), pgtest.URL(t, nil), filepath.Join(t.TempDir(), "samsyn.dump")
	s, run := filled(t, from)
	before := dumped(t, s)
	for _, args := range [][]string{{tools[0], "--format=custom", "--file=" + file, from}, {tools[1], "--exit-on-error", "--single-transaction", "--no-owner", "--dbname=" + to, file}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", filepath.Base(args[0]), err, out)
		}
	}
	if err := s.Backup(ctx, file); !errors.Is(err, care.ErrInvalid) {
		t.Errorf("error %v", err)
	}
	alike(t, before, s.IDKey(), open(t, to), run)
}
