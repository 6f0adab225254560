package store

import (
	"context"
	"fmt"

	"samsyn/internal/care"
)

// LogAccess notes that somebody is about to be shown something, or was denied. It is
// durable when it returns without error; nothing may be shown before.
func (s *Store) LogAccess(ctx context.Context, a care.Access) error {
	// One statement, a transaction of its own: each answer waits for it.
	_, err := s.write.ExecContext(ctx, `INSERT INTO access_log (at, viewer, person, services, allowed, door) VALUES ($1, $2, $3, $4, $5, $6)`,
		micros(a.At), a.Viewer, string(a.Person), serviceText(a.Services), flag(a.Allowed), a.Door)
	if err != nil {
		return fmt.Errorf("log access: %w", err)
	}
	return nil
}

// AccessLog gives the lines about a person, newest first. Lines about those that were
// united with her are hers too.
func (s *Store) AccessLog(ctx context.Context, person care.PersonID) ([]care.Access, error) {
	var rows []struct {
		At       int64  `db:"at"`
		Viewer   string `db:"viewer"`
		Person   string `db:"person"`
		Services string `db:"services"`
		Allowed  bool   `db:"allowed"`
		Door     string `db:"door"`
	}
	err := s.read.SelectContext(ctx, &rows, `SELECT at, viewer, person, services, allowed, door FROM access_log
		WHERE person = $1 OR person IN (SELECT id FROM person WHERE merged_into = $1) ORDER BY at DESC, id DESC`, string(person))
	if err != nil {
		return nil, fmt.Errorf("read access log: %w", err)
	}
	out := make([]care.Access, len(rows))
	for i, r := range rows {
		out[i] = care.Access{Viewer: r.Viewer, Person: care.PersonID(r.Person), Services: services(r.Services), Allowed: r.Allowed, Door: r.Door, At: timeOf(r.At)}
	}
	return out, nil
}
