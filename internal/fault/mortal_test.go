package fault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"

	"samsyn/adapters"
	"samsyn/internal/ingest"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store/pgtest"
)

// mortal is a store that dies at its nth call: before the call takes effect, or after it
// did and before anybody is told. It stays dead.
type mortal struct {
	ingest.Store
	left  atomic.Int64
	after bool
}

func newMortal(s ingest.Store, left int, after bool) *mortal {
	m := &mortal{Store: s, after: after}
	m.left.Store(int64(left))
	return m
}

func (m *mortal) step(do func() error) error {
	left := m.left.Add(-1) // the next page is looked at while one is kept
	if left < 0 || left == 0 && !m.after {
		return errKilled
	}
	if err := do(); err != nil {
		return err
	}
	if left == 0 {
		return errKilled
	}
	return nil
}

func (m *mortal) Begin(ctx context.Context, src ledger.Source, who string) (run int64, since adapters.Cursor, err error) {
	err = m.step(func() (err error) { run, since, err = m.Store.Begin(ctx, src, who); return })
	return
}

func (m *mortal) End(ctx context.Context, run int64, failure string) error {
	return m.step(func() error { return m.Store.End(ctx, run, failure) })
}

func (m *mortal) Ledger(ctx context.Context, source string, keys []ledger.Key) (seen map[ledger.Key]ledger.Seen, err error) {
	err = m.step(func() (err error) { seen, err = m.Store.Ledger(ctx, source, keys); return })
	return
}

func (m *mortal) Save(ctx context.Context, b ledger.Batch) (saved ledger.Saved, err error) {
	err = m.step(func() (err error) { saved, err = m.Store.Save(ctx, b); return })
	return
}

// copyOf is another database with the same content. The store is closed.
func copyOf(t tb, db database, where string) string {
	t.Helper()
	if db.name == "postgres" {
		dump, err := pgtest.Tool("pg_dump")
		if err != nil {
			t.Fatalf("%v", err)
		}
		to := pgtest.URL(t, nil)
		if err := pipe(dump, []string{"--no-owner", where}, "psql", []string{"-q", "-v", "ON_ERROR_STOP=1", to}); err != nil {
			t.Fatalf("copy: %v", err)
		}
		return to
	}
	from, err := os.Open(where)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer from.Close()
	to, err := os.Create(filepath.Join(filepath.Dir(where), "backup.db"))
	if err != nil {
		t.Fatalf("%v", err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatalf("%v", err)
	}
	closeAll(t, to)
	return to.Name()
}

// pipe gives what one program writes to another.
func pipe(from string, fromArgs []string, to string, toArgs []string) error {
	tool, err := pgtest.Tool(to)
	if err != nil {
		return err
	}
	a, b := exec.Command(from, fromArgs...), exec.Command(tool, toArgs...)
	var complaints, more bytes.Buffer
	a.Stderr, b.Stderr = &complaints, &more
	if b.Stdin, err = a.StdoutPipe(); err != nil {
		return err
	}
	if err := b.Start(); err != nil {
		return err
	}
	err = errors.Join(a.Run(), b.Wait())
	if err != nil {
		err = fmt.Errorf("%w: %s", err, complaints.String()+more.String())
	}
	return err
}
