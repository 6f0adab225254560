package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"samsyn/internal/care"
)

// SignInKey is the instance's key for sign-in: what internal/auth seals and hashes with.
// It is the same on every instance of a store and never changes.
func (s *Store) SignInKey() []byte { return s.keyed("sign-in", nil) }

// PutSession keeps a new session and ends the one that it takes the place of ("" for none),
// both or neither. Sessions that have run out are forgotten meanwhile.
func (s *Store) PutSession(ctx context.Context, n care.Session, replaces string) error {
	if n.ID == "" || n.Viewer == "" || n.Provider == "" || !n.Expires.After(n.Created) {
		return fmt.Errorf("keep session: %w", care.ErrInvalid)
	}
	err := s.transaction(ctx, func(w *work) error {
		if err := w.exec(`DELETE FROM session WHERE id = $1 OR expires <= $2`, replaces, micros(n.Created)); err != nil {
			return err
		}
		// Without DO UPDATE: a key is drawn at random, and one that exists is a fault.
		return w.exec(`INSERT INTO session (id, viewer, provider, subject, provided, created, seen, expires, facts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			n.ID, n.Viewer, n.Provider, n.Subject, n.Provided, micros(n.Created), micros(n.Seen), micros(n.Expires), n.Facts)
	})
	if err != nil {
		return fmt.Errorf("keep session: %w", err)
	}
	return nil
}

// Session gives a session, run out or not; care.ErrNotFound where there is none.
func (s *Store) Session(ctx context.Context, id string) (care.Session, error) {
	var row struct {
		ID       string `db:"id"`
		Viewer   string `db:"viewer"`
		Provider string `db:"provider"`
		Subject  string `db:"subject"`
		Provided string `db:"provided"`
		Created  int64  `db:"created"`
		Seen     int64  `db:"seen"`
		Expires  int64  `db:"expires"`
		Facts    []byte `db:"facts"`
	}
	// From where it is written: a copy may not know yet that it was ended.
	err := s.write.GetContext(ctx, &row, `SELECT id, viewer, provider, subject, provided, created, seen, expires, facts FROM session WHERE id = $1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return care.Session{}, errNone("session")
	}
	if err != nil {
		return care.Session{}, fmt.Errorf("read session: %w", err)
	}
	return care.Session{ID: row.ID, Viewer: row.Viewer, Provider: row.Provider, Subject: row.Subject, Provided: row.Provided,
		Created: timeOf(row.Created), Seen: timeOf(row.Seen), Expires: timeOf(row.Expires), Facts: row.Facts}, nil
}

// SeeSession notes that a session was used. One that was ended meanwhile stays ended.
func (s *Store) SeeSession(ctx context.Context, id string, at time.Time) error {
	if _, err := s.write.ExecContext(ctx, `UPDATE session SET seen = $2 WHERE id = $1 AND seen < $2`, id, micros(at)); err != nil {
		return fmt.Errorf("note session: %w", err)
	}
	return nil
}

// EndSession forgets a session; it is no fault that there is none.
func (s *Store) EndSession(ctx context.Context, id string) error {
	if _, err := s.write.ExecContext(ctx, `DELETE FROM session WHERE id = $1`, id); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// EndProvided forgets the sessions that came of one session at a provider, or all of a
// subject there; "" is none of them. It tells how many.
func (s *Store) EndProvided(ctx context.Context, provider, subject, provided string) (int, error) {
	res, err := s.write.ExecContext(ctx, `DELETE FROM session WHERE provider = $1 AND (subject = $2 AND $2 <> '' OR provided = $3 AND $3 <> '')`, provider, subject, provided)
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// onceSweep is how often (in uses) what need not be remembered any more is forgotten.
const onceSweep = 64

// Once remembers that something was used and tells whether it was so for the first time,
// on any instance of this store. It is remembered until then at least.
func (s *Store) Once(ctx context.Context, use, id string, until time.Time) (bool, error) {
	if s.uses.Add(1)%onceSweep == 1 {
		if _, err := s.write.ExecContext(ctx, `DELETE FROM used WHERE until < $1`, micros(s.now())); err != nil {
			return false, fmt.Errorf("forget what was used: %w", err)
		}
	}
	res, err := s.write.ExecContext(ctx, `INSERT INTO used (hash, until) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, s.keyed("used once", []byte(use+"\x00"+id)), micros(until))
	if err != nil {
		return false, fmt.Errorf("remember what was used: %w", err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}
