// Package store owns all SQL: what is kept, in which tables, and that one page is
// kept in one transaction or not at all. It knows no source format, no mapping and
// no viewer; readers say which services they may see, and the filter is part of
// the query.
//
// SQLite is spoken here. The statements keep to what PostgreSQL speaks too
// ($1 parameters, ON CONFLICT, RETURNING).
package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver registers itself as "sqlite"

	"samsyn/internal/care"
)

//go:embed migrations
var migrations embed.FS

// Options are what a store is given instead of reaching for it.
type Options struct {
	Now    func() time.Time // default time.Now
	Random io.Reader        // default crypto/rand
}

// Store keeps one instance's records, contributions, persons and ledgers. It is
// safe for concurrent use; writers wait for each other.
type Store struct {
	write, read *sqlx.DB
	now         func() time.Time
	random      io.Reader
	secret      []byte
}

// Open opens the SQLite store in the file at path, creating and migrating it as
// needed. A file of a newer schema is refused with care.ErrConflict and left
// untouched. The file is readable by its owner alone.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	s := &Store{now: o.Now, random: o.Random}
	if s.now == nil {
		s.now = time.Now
	}
	if s.random == nil {
		s.random = rand.Reader
	}
	if err := ownFile(path); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	var err error
	if s.write, err = connect(path, 1, "_txlock=immediate"); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := migrate(ctx, s.write); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), s.write.Close())
	}
	if s.read, err = connect(path, 4, "_pragma=query_only(1)"); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), s.write.Close())
	}
	if s.secret, err = s.loadSecret(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), s.Close())
	}
	return s, nil
}

// Close waits for what is running and closes the store.
func (s *Store) Close() error { return errors.Join(s.read.Close(), s.write.Close()) }

// IDKey is the instance's key for the ids of produced resources. It never changes.
func (s *Store) IDKey() []byte { return s.keyed("resource ids", nil) }

// keyed is HMAC-SHA256 with a key of the instance's secret for one purpose alone.
func (s *Store) keyed(purpose string, text []byte) []byte {
	key := hmac.New(sha256.New, s.secret)
	key.Write([]byte(purpose))
	if text == nil {
		return key.Sum(nil)
	}
	h := hmac.New(sha256.New, key.Sum(nil))
	h.Write(text)
	return h.Sum(nil)
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

func connect(path string, conns int, extra string) (*sqlx.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	dsn := (&url.URL{Scheme: "file", OmitHost: true, Path: abs}).String() +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_pragma=cache_size(-20000)&" + extra
	db, err := sqlx.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// migrate brings the schema up to date, each step in its own transaction.
func migrate(ctx context.Context, db *sqlx.DB) error {
	dir, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db.DB, dir)
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

// loadSecret reads the instance's secret, or makes it the first time.
func (s *Store) loadSecret(ctx context.Context) ([]byte, error) {
	fresh := make([]byte, 32)
	if _, err := io.ReadFull(s.random, fresh); err != nil {
		return nil, fmt.Errorf("make the instance's key: %w", err)
	}
	if _, err := s.write.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ('secret', $1) ON CONFLICT (name) DO NOTHING`, fresh); err != nil {
		return nil, err
	}
	var held []byte
	err := s.write.GetContext(ctx, &held, `SELECT value FROM meta WHERE name = 'secret'`)
	return held, err
}

// randomID is 128 random bits in hexadecimal.
func (s *Store) randomID() (string, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(s.random, b); err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// Times are kept as microseconds since 1970 in UTC, 0 where there is none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func timeOf(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
