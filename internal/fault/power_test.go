package fault_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/store"
)

// F14 on SQLite: after a power cut at any moment the file is sound, everything that was
// confirmed is there, a page is there whole or not at all, and reading goes on to where
// the source is. (What PostgreSQL does with its own log is PostgreSQL's; its fsync stays on.)
func TestF14PowerCut(t *testing.T) {
	dir := t.TempDir()
	w := unread(t, database{"sqlite", func(t tb) string { return fileIn(t, dir) }}, firstSeed(t), setting{children: 4, facts: 30, page: 7})
	closeAll(t, w.store)
	theDisk.watch(t, dir)
	w.store = nil
	w.reopen()
	for n := range 12 {
		if _, err := w.sync(); err != nil {
			t.Fatal(err)
		}
		theDisk.confirmed("cursor " + strings.Split(string(w.cursor()), "\t")[5])
		w.stir(6)
		if err := w.store.Audit(t.Context(), nil, []care.Logged{{Viewer: fmt.Sprint("v", n), Person: "p", At: w.clock.now(), Body: []byte("{}")}}); err != nil {
			t.Fatal(err)
		}
		theDisk.confirmed(fmt.Sprint("access v", n))
		given := care.Appointment{ID: fmt.Sprint("v", n), Viewer: fmt.Sprint("v", n), Person: care.PersonID(fmt.Sprint("p", n)), Role: care.RoleKoordinator, From: w.clock.now(), By: "ke"}
		if err := w.store.PutRights(t.Context(), given.Person, 0, care.Rights{Appointments: []care.Appointment{given}}, nil, nil); err != nil {
			t.Fatal(err)
		}
		theDisk.confirmed(fmt.Sprint("grant v", n))
		if n%4 == 3 {
			given.Ended = w.clock.now()
			if err := w.store.PutRights(t.Context(), given.Person, 1, care.Rights{Appointments: []care.Appointment{given}}, nil, nil); err != nil {
				t.Fatal(err)
			}
			theDisk.confirmed(fmt.Sprint("ended v", n))
		}
	}
	recorded := theDisk.trace()
	writes, syncs := 0, 0
	for _, o := range recorded.ops {
		writes, syncs = writes+b2i(o.what == opWrite), syncs+b2i(o.what == opSync)
	}
	if writes < 100 || syncs < 20 {
		t.Fatalf("only %d writes and %d syncs were recorded", writes, syncs)
	}
	cuts := size(60, 500)
	whole := 0
	for i := range cuts {
		seed := firstSeed(t) + uint64(i)
		rnd := rand.New(rand.NewPCG(seed, 14))
		n := rnd.IntN(len(recorded.ops) + 1)
		files, confirmed := recorded.cut(n, rnd)
		at := filepath.Join(fastest(t), "s.db")
		for name, b := range files {
			if err := os.WriteFile(filepath.Join(filepath.Dir(at), name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := survived(at, confirmed); err != nil {
			t.Fatalf("seed %d, power cut after %d of %d operations: %v", seed, n, len(recorded.ops), err)
		}
		if i%10 == 0 {
			w.recovers(t, at)
			whole++
		}
		if err := os.RemoveAll(filepath.Dir(at)); err != nil {
			t.Fatal(err)
		}
	}
	// The same on a disk that only pretends to sync: the test must notice.
	noticed := false
	for i := 0; i < 200 && !noticed; i++ {
		rnd := rand.New(rand.NewPCG(uint64(i), 15))
		lying := trace{recorded.base, slices.Clone(recorded.ops)}
		lying.ops = slices.DeleteFunc(lying.ops, func(o op) bool { return o.what == opSync })
		files, confirmed := lying.cut(len(lying.ops), rnd)
		at := filepath.Join(fastest(t), "s.db")
		for name, b := range files {
			if err := os.WriteFile(filepath.Join(filepath.Dir(at), name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		noticed = survived(at, confirmed) != nil
	}
	if !noticed {
		t.Fatal("a disk that does not sync loses nothing: then this test finds nothing")
	}
	t.Logf("%d cuts among %d writes and %d syncs, %d read on to the end", cuts, writes, syncs, whole)
}

func fileIn(t tb, dir string) string {
	t.Helper()
	empty, err := emptySQLite()
	if err != nil {
		t.Fatalf("%v", err)
	}
	path := filepath.Join(dir, "s.db")
	if err := os.WriteFile(path, empty, 0o600); err != nil {
		t.Fatalf("%v", err)
	}
	return path
}

func fastest(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(fastDir(), "samsyn-cut-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// survived checks a file after a power cut.
func survived(path string, confirmed []string) error {
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return err
	}
	defer db.Close()
	var sound string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&sound); err != nil || sound != "ok" {
		return fmt.Errorf("integrity: %s %w", sound, err)
	}
	last := ""
	for _, c := range confirmed {
		what, who, _ := strings.Cut(c, " ")
		query := map[string]string{
			"access": `SELECT count(*) FROM audit_event WHERE viewer = $1`,
			"grant":  `SELECT count(*) FROM rights WHERE viewer = $1 AND current = 1`,
			"ended":  `SELECT count(*) FROM rights WHERE viewer = $1 AND current = 1 AND version = 2`,
		}[what]
		if query == "" {
			last = who
			continue
		}
		var n int
		if err := db.QueryRow(query, who).Scan(&n); err != nil || n != 1 {
			return fmt.Errorf("confirmed and lost: %s (%d rows) %w", c, n, err)
		}
	}
	var cursor string
	if err := db.QueryRow(`SELECT coalesce(max(cursor), '') FROM source`).Scan(&cursor); err != nil {
		return err
	}
	if len(cursor) < len(last) || len(cursor) == len(last) && cursor < last {
		return fmt.Errorf("the cursor went back from %q to %q", last, cursor)
	}
	var torn int
	err = db.QueryRow(`SELECT (SELECT count(*) FROM contribution c WHERE c.version > 0 AND NOT EXISTS (SELECT 1 FROM contribution_version v WHERE v.contribution = c.id AND v.version = c.version))
		+ (SELECT count(*) FROM record r WHERE NOT EXISTS (SELECT 1 FROM ledger l WHERE l.source = r.source AND l.kind = r.kind AND l.key = r.key))`).Scan(&torn)
	if err != nil || torn > 0 {
		return fmt.Errorf("%d rows of half a page %w", torn, err)
	}
	return nil
}

// recovers reads on from a file after a power cut.
func (w *world) recovers(t *testing.T, path string) {
	t.Helper()
	s, err := store.Open(context.Background(), path, store.Options{Now: w.ours})
	if err != nil {
		t.Fatal(err)
	}
	after := *w
	after.store, after.pipeline = s, w.pipelineOn(s)
	after.settle()
	closeAll(t, s)
}

// F17: a full disk, a disk that only reads, and a sync that fails: what was not kept was
// not confirmed, nothing is half kept, nothing is shown that could not be logged, and
// all is well when there is room again.
func TestF17DiskRefuses(t *testing.T) {
	const full, readOnly, ioWrite, ioFsync = 13, 8, 10 | 3<<8, 10 | 4<<8
	for name, code := range map[string]int32{"full": full, "read-only": readOnly, "write-error": ioWrite, "fsync-error": ioFsync} {
		t.Run(name, func(t *testing.T) {
			for i := range size(3, 20) {
				rnd := rand.New(rand.NewPCG(firstSeed(t)+uint64(i), 17))
				dir := t.TempDir()
				w := unread(t, database{"sqlite", func(t tb) string { return fileIn(t, dir) }}, uint64(i), setting{facts: 12, page: 5})
				closeAll(t, w.store)
				w.store = nil
				theDisk.watch(t, dir)
				w.reopen()
				w.mustSync()
				w.stir(8)
				cursor := w.cursor()
				before := w.kept()
				left := rnd.IntN(6)
				theDisk.fail(func(o op) int32 {
					if (code == ioFsync) != (o.what == opSync) {
						return 0
					}
					if left--; left >= 0 {
						return 0
					}
					return code
				})
				_, err := w.sync()
				if err == nil && left < 0 {
					t.Fatal("the disk refused, and the run says that all went well")
				}
				logged := w.store.Audit(t.Context(), nil, []care.Logged{{Viewer: "v", Person: "p", At: w.clock.now(), Body: []byte("{}")}})
				if logged == nil && left < 0 {
					t.Fatal("the disk refuses, and the log says that it has written")
				}
				w.safe() // what is held can be read
				if err != nil && w.cursor() == cursor && w.kept() != before && !errors.Is(err, context.Canceled) {
					// Pages before the refused one may stand; the cursor of this source moves only after a whole type.
					t.Log("earlier pages stand")
				}
				theDisk.fail(nil)
				if code == ioFsync { // the program ends: what it has in memory is not to be trusted
					w.reopen()
				}
				w.settle()
				if err := integrity(w.where); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func integrity(path string) error {
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return err
	}
	defer db.Close()
	var sound string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&sound); err != nil || sound != "ok" {
		return fmt.Errorf("integrity: %s %w", sound, err)
	}
	return nil
}

// F28 on SQLite: a migration that is cut by the power at any moment is done again, or
// was done, when the program starts next; an old program does not touch a newer schema.
func TestF28MigrationCut(t *testing.T) {
	dir := t.TempDir()
	theDisk.watch(t, dir)
	path := filepath.Join(dir, "s.db")
	s := open(t, path, time.Now)
	closeAll(t, s)
	recorded := theDisk.trace()
	for i := range size(25, 300) {
		seed := firstSeed(t) + uint64(i)
		rnd := rand.New(rand.NewPCG(seed, 28))
		n := rnd.IntN(len(recorded.ops) + 1)
		files, _ := recorded.cut(n, rnd)
		at := filepath.Join(fastest(t), "s.db")
		for name, b := range files {
			if err := os.WriteFile(filepath.Join(filepath.Dir(at), name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := store.Open(t.Context(), at, store.Options{})
		if err != nil {
			t.Fatalf("seed %d, power cut after %d of %d operations: %v", seed, n, len(recorded.ops), err)
		}
		closeAll(t, s)
		if err := integrity(at); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}
