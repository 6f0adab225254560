package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/journal"
)

// PutGrant keeps a permission; the same viewer, person, basis and start replace each
// other. The error is care.ErrInvalid where a grant names no viewer, person, basis or
// valid service, or ends before it starts.
func (s *Store) PutGrant(ctx context.Context, g care.Grant) error {
	if g.Viewer == "" || g.Person == "" || g.Basis == "" || len(g.Services) == 0 || !g.Until.IsZero() && !g.Until.After(g.From) {
		return fmt.Errorf("grant: %w", care.ErrInvalid)
	}
	for _, v := range g.Services {
		if !v.Valid() {
			return fmt.Errorf("grant for service %q: %w", v, care.ErrInvalid)
		}
	}
	err := s.transaction(ctx, func(w *work) error {
		return w.exec(`INSERT INTO grants (viewer, person, services, starts, ends, basis) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (viewer, person, basis, starts) DO UPDATE SET services = excluded.services, ends = excluded.ends
			WHERE grants.services <> excluded.services OR coalesce(grants.ends, -1) <> coalesce(excluded.ends, -1)`,
			g.Viewer, string(g.Person), serviceText(g.Services), micros(g.From), ends(g.Until), g.Basis)
	})
	if err != nil {
		return fmt.Errorf("keep grant: %w", err)
	}
	return nil
}

// EndGrants ends what a viewer may see of a person from at on.
func (s *Store) EndGrants(ctx context.Context, viewer string, person care.PersonID, at time.Time) error {
	err := s.transaction(ctx, func(w *work) error {
		w.end(journal.GrantsEnded, string(person), journal.Payload{"viewer": s.keyedID("viewer", viewer), "from": journal.Moment(at)})
		return w.endGrants(viewer, person, at)
	})
	if err != nil {
		return fmt.Errorf("end grants: %w", err)
	}
	return nil
}

func (w *work) endGrants(viewer string, person care.PersonID, at time.Time) error {
	return w.exec(`UPDATE grants SET ends = $3 WHERE viewer = $1 AND person = $2 AND (ends IS NULL OR ends > $3)`, viewer, string(person), micros(at))
}

// Grants gives a viewer's grants, current or not, in a stable order. The person is the
// one that the granted person is now, should she have been united with another.
func (s *Store) Grants(ctx context.Context, viewer string) ([]care.Grant, error) {
	var rows []struct {
		Person   string `db:"person"`
		Services string `db:"services"`
		Starts   int64  `db:"starts"`
		Ends     *int64 `db:"ends"`
		Basis    string `db:"basis"`
	}
	err := s.read.SelectContext(ctx, &rows, `SELECT coalesce(p.merged_into, g.person) AS person, g.services, g.starts, g.ends, g.basis
		FROM grants g LEFT JOIN person p ON p.id = g.person WHERE g.viewer = $1 ORDER BY 1, g.basis, g.starts`, viewer)
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	out := make([]care.Grant, len(rows))
	for i, r := range rows {
		g := care.Grant{Viewer: viewer, Person: care.PersonID(r.Person), From: timeOf(r.Starts), Basis: r.Basis, Services: services(r.Services)}
		if r.Ends != nil {
			g.Until = timeOf(*r.Ends)
		}
		out[i] = g
	}
	return out, nil
}

func ends(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	us := t.UnixMicro()
	return &us
}

// Services are kept as words with a space between.
func serviceText(all []care.Service) string {
	names := make([]string, len(all))
	for i, v := range all {
		names[i] = string(v)
	}
	return strings.Join(names, " ")
}

func services(text string) []care.Service {
	var all []care.Service
	for _, name := range strings.Fields(text) {
		all = append(all, care.Service(name))
	}
	return all
}
