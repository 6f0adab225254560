// Package store owns all SQL: what is kept, in which tables, and that one page is
// kept in one transaction or not at all. It knows no source format, no mapping and
// no viewer; readers say which services they may see, and the filter is part of
// the query.
//
// SQLite and PostgreSQL are spoken here. A statement is one text for both, and what
// differs stands in one place: sentence (many rows at once), transaction (locks, and
// what to do when they fail), faults (what an error means), sqlite and postgres (how
// to open each).
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
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/journal"
	"samsyn/internal/vault"
)

//go:embed migrations
var migrations embed.FS

// IsURL tells whether a store's address is a PostgreSQL URL rather than a file.
func IsURL(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

// Options are what a store is given instead of reaching for it.
type Options struct {
	Now    func() time.Time // default time.Now
	Random io.Reader        // default crypto/rand
	// Journal is the path of the file in which it stands what ended (internal/journal); "" for none.
	// It is begun the first time. A store that is older than its journal is told what it
	// lacks before Open returns; one that is ahead of it, another store's journal, and one that
	// has gone are refused with care.ErrConflict.
	Journal string
	// Vault is the keys that what can be read of people is sealed with; nil: nothing is sealed. The
	// first time they are made. What an older program kept is sealed before Open returns. A
	// sealed store does not open without (care.ErrUnavailable).
	Vault vault.Keys
	// Replica is the URL of a copy of a PostgreSQL store that large readings may go to; "" for none.
	Replica string
}

// Store keeps one instance's records, contributions, persons and ledgers. It is
// safe for concurrent use: on SQLite writers wait for each other, on PostgreSQL those
// of the same source do.
type Store struct {
	write, read *pool
	far         *pool // a copy for large readings; nil where there is none
	postgres    bool
	path        string // of the SQLite file
	now         func() time.Time
	secret      []byte
	vault       *vault.Vault   // nil where nothing is sealed
	oslo        *time.Location // where a source that says a day means it

	ended    *journal.Journal // nil where none is kept
	replayed int              // entries that the store lacked when it was opened

	shapes  shapes // lineages that were read
	audit   auditing
	drawing sync.Mutex
	random  io.Reader

	uses atomic.Int64 // of Once, by this instance
}

// Open opens the store at dsn, creating and migrating it as needed: a postgres:// URL,
// or the path of a SQLite file. A store of a newer schema is refused with
// care.ErrConflict and left untouched.
//
// A file is readable by its owner alone. A URL is as lib/pq reads it, but for two
// things: pool=transaction says that a pooler in transaction mode stands between, and
// then nothing is prepared; and where sslmode is not given, it is verify-full, or
// disable on this very machine.
func Open(ctx context.Context, dsn string, o Options) (_ *Store, err error) {
	s := &Store{now: o.Now, random: o.Random, audit: auditing{turn: make(chan struct{}, 1)}}
	if s.now == nil {
		s.now = time.Now
	}
	if s.random == nil {
		s.random = rand.Reader
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open store: %w", told(err)), s.Close())
		}
	}()
	if s.oslo, err = time.LoadLocation("Europe/Oslo"); err != nil {
		return nil, err
	}
	if s.postgres = IsURL(dsn); s.postgres {
		err = s.openPostgres(ctx, dsn, o.Replica)
	} else {
		err = s.openSQLite(ctx, dsn)
	}
	if err != nil {
		return nil, err
	}
	if err = s.openVault(ctx, o.Vault); err != nil {
		return nil, err
	}
	if err = s.sealAll(ctx); err != nil {
		return nil, err
	}
	if s.secret, err = s.loadSecret(ctx); err != nil {
		return nil, err
	}
	if err = s.upgrade(ctx); err != nil {
		return nil, err
	}
	if o.Journal != "" {
		if err = s.openJournal(ctx, o.Journal); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Close waits for what is running and closes the store.
func (s *Store) Close() error {
	var errs []error
	if s.ended != nil {
		errs = append(errs, s.ended.Close())
		s.ended = nil
	}
	closed := map[*pool]bool{nil: true}
	for _, p := range []*pool{s.far, s.read, s.write} {
		if !closed[p] {
			closed[p] = true
			if err := p.Close(); faultOf(err) != lost { // a connection that is gone is closed
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// Keep notes once whether the store is for synthetic people or for real ones. The error
// is care.ErrConflict where it is for the others: they are never mixed.
func (s *Store) Keep(ctx context.Context, synthetic bool) error {
	want := map[bool]string{true: "synthetic", false: "real"}[synthetic]
	err := s.transaction(ctx, func(w *work) error {
		if err := w.exec(`INSERT INTO meta (name, value) VALUES ('people', $1) ON CONFLICT (name) DO NOTHING`, []byte(want)); err != nil {
			return err
		}
		var held []byte
		if err := w.get1(&held, `SELECT value FROM meta WHERE name = 'people'`); err != nil {
			return err
		}
		if string(held) != want {
			return fmt.Errorf("the store is for %s people, and instance.test says %s: use another store: %w", held, want, care.ErrConflict)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	return nil
}

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

// loadSecret reads the instance's secret, or makes it the first time.
func (s *Store) loadSecret(ctx context.Context) ([]byte, error) {
	fresh := make([]byte, 32)
	if err := s.draw(fresh); err != nil {
		return nil, err
	}
	fresh, err := s.seal(vault.Instance, atSecret, fresh)
	if err != nil {
		return nil, err
	}
	if _, err := s.write.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ('secret', $1) ON CONFLICT (name) DO NOTHING`, fresh); err != nil {
		return nil, err
	}
	var held []byte
	if err := s.write.GetContext(ctx, &held, `SELECT value FROM meta WHERE name = 'secret'`); err != nil {
		return nil, err
	}
	return s.opened(ctx, atSecret, held)
}

// randomID is 128 random bits in hexadecimal.
func (s *Store) randomID() (string, error) {
	b := make([]byte, 16)
	err := s.draw(b)
	return hex.EncodeToString(b), err
}

// draw fills b with random bytes.
func (s *Store) draw(b []byte) error {
	s.drawing.Lock()
	defer s.drawing.Unlock()
	if _, err := io.ReadFull(s.random, b); err != nil {
		return fmt.Errorf("draw at random: %w", err)
	}
	return nil
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
