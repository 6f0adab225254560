package fault_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"samsyn/internal/care"
	"samsyn/internal/store/pgtest"
)

// small is a disk of its own of that many bytes, in memory.
func small(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options)
	need(t, err == nil, "mounting a small tmpfs needs root: "+errText(err))
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// fill takes what room there is left, down to the last page.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1 << 20, 1 << 16, 1 << 12} {
		for b := make([]byte, n); err == nil; {
			_, err = f.Write(b)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		err = nil
	}
	closeAll(t, f)
}

// F17 on a small disk: when it is full the run fails and says so, the log
// refuses and so nothing is shown, what is held can be read, and all is well when there is
// room again.
func TestF17FullDisk(t *testing.T) {
	dir := small(t, "size=16m")
	w := anew(t, database{"sqlite", func(t tb) string { return fileIn(t, dir) }}, firstSeed(t), setting{facts: 20})
	for range 200 {
		w.add(t)
	}
	fill(t, filepath.Join(dir, "fyll"))
	if _, err := w.sync(); !errors.Is(err, care.ErrUnavailable) {
		t.Fatalf("error %v, want that the store is unavailable", err)
	}
	if s := w.said(); len(s) == 0 {
		t.Fatal("what is held cannot be read")
	}
	w.safe()
	if err := w.store.Audit(t.Context(), nil, []care.Logged{{Viewer: "v", Person: "p", At: w.clock.now(), Body: []byte("{}")}}); err == nil {
		if log, err := w.store.AuditOf(t.Context(), "p"); err != nil || len(log) != 1 { // there was room for a line
			t.Fatalf("the log says that it has written, and holds %d lines, %v", len(log), err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "fyll")); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if err := integrity(w.where); err != nil {
		t.Fatal(err)
	}
}

// The same for PostgreSQL, which may end itself when it cannot write its log, and
// starts again by itself.
func TestF17FullDiskPostgres(t *testing.T) {
	pgtest.Available(t)
	dir := small(t, "size=160m")
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // the server runs as somebody else
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	server, err := pgtest.New()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	w := anew(t, database{"postgres", func(tb) string { return server.URL }}, firstSeed(t), setting{facts: 20, page: 50})
	for range 20 {
		for range 100 {
			w.add(t)
		}
		fill(t, filepath.Join(dir, "fyll"))
		_, err = w.sync()
		if err != nil {
			break
		}
	}
	if !errors.Is(err, care.ErrUnavailable) {
		t.Fatalf("error %v, want that the store is unavailable", err)
	}
	if err := os.Remove(filepath.Join(dir, "fyll")); err != nil {
		t.Fatal(err)
	}
	for err := pgtest.Exec(server.URL, "SELECT 1"); err != nil; err = pgtest.Exec(server.URL, "SELECT 1") {
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
	w.reopen()
	w.settle()
}
