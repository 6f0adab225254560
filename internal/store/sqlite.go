package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver registers itself as "sqlite"

	"samsyn/internal/care"
)

func (s *Store) openSQLite(ctx context.Context, path string) error {
	if err := ownFile(path); err != nil {
		return err
	}
	s.path = path
	var err error
	if s.write, err = connectSQLite(path, 1, "_txlock=immediate"); err != nil {
		return err
	}
	if err := migrate(ctx, s.write.DB.DB, goose.DialectSQLite3, "sqlite"); err != nil {
		return err
	}
	s.read, err = connectSQLite(path, 4, "_pragma=query_only(1)")
	return err
}

// ownFile makes sure that the file exists and that nobody else may read it; the
// write-ahead log inherits its mode.
func ownFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

func connectSQLite(path string, conns int, extra string) (*pool, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	dsn := (&url.URL{Scheme: "file", OmitHost: true, Path: abs}).String() +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_pragma=temp_store(2)&_pragma=cache_size(-20000)&" + extra
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	return newPool(db, "sqlite", conns, true), nil
}

// migrate brings the schema up to date, each step in its own transaction.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, dir string) error {
	files, err := fs.Sub(migrations, "migrations/"+dir)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(dialect, db, files)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	held, known, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if held > known {
		return fmt.Errorf("the store has schema %d, this program knows %d: use the newer program: %w", held, known, care.ErrConflict)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
