package store

import (
	"context"
	"errors"
	"fmt"
	"math"

	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/vault"
)

// versionRow is a version of a resource as it is kept; Seq is nil where it was gone.
type versionRow struct {
	ID       int64  `db:"id"`
	Version  int    `db:"version"`
	Recorded int64  `db:"recorded"`
	Changed  int64  `db:"changed"`
	Source   string `db:"source"`
	Kind     string `db:"kind"`
	Key      string `db:"key"`
	Service  string `db:"service"`
	Subject  string `db:"subject"`
	Marks    int64  `db:"marks"`
	Type     string `db:"type"`
	RID      string `db:"rid"`
	Seq      *int64 `db:"seq"`
	Body     []byte `db:"body"`
}

// version opens a version. The error is vault.ErrDestroyed where it was deleted by its key.
func (s *Store) version(ctx context.Context, r versionRow, who care.PersonID) (care.ResourceVersion, error) {
	v := care.ResourceVersion{Version: r.Version, Recorded: timeOf(r.Recorded), Changed: timeOf(r.Changed), Record: care.RecordRef{Source: r.Source, Kind: r.Kind, Key: r.Key},
		Service: care.Service(r.Service), Subject: r.Subject, Person: who, Deleted: r.Seq == nil, Marks: care.Marks(r.Marks & math.MaxUint32), Resource: fhir.Resource{Type: r.Type, ID: r.RID}}
	if v.Deleted {
		return v, nil
	}
	var err error
	v.Resource.Body, err = s.opened(ctx, atResource(r.ID, int64(r.Version), *r.Seq), r.Body)
	return v, err
}

// History gives every version of a resource about a person that is visible, newest first,
// removals included. A version must be visible by its own marks and by those of the
// newest one; a removal is as visible as what it removed. The error is care.ErrNotFound
// where there is none.
func (s *Store) History(ctx context.Context, person care.PersonID, typ, id string, visible []care.Visible) ([]care.ResourceVersion, error) {
	who, err := s.Resolve(ctx, person)
	if err != nil && !errors.Is(err, care.ErrNotFound) { // of nobody the same is asked, for an answer's time tells too
		return nil, err
	}
	if len(visible) == 0 {
		return nil, errNone(typ)
	}
	var rows []struct {
		versionRow
		Current bool    `db:"current"`
		Lineage *string `db:"lineage"`
		Shape   []byte  `db:"shape"`
	}
	condition, args := seen(visible, columns{"h.service", "h.type", "h.marks", "h.source", "h.kind", "h.key"}, 4)
	args = append([]any{typ, id, string(who)}, args...)
	// Every version of each contribution that ever said the resource, from the first that did. SQLite
	// goes through CROSS JOIN in the order in which it stands; otherwise it reads all that the person's sources say.
	err = s.large(ctx, func(p *pool) error {
		rows = nil
		return p.SelectContext(ctx, &rows, `SELECT h.id, h.version, h.recorded, h.changed, h.source, h.kind, h.key, h.service, h.subject, h.current, h.seq, h.body, h.lineage, h.shape, h.marks FROM (SELECT c.id, v.version, v.recorded, v.changed, c.source, c.kind, c.key, v.service, v.subject,
			CASE WHEN c.version = v.version THEN 1 ELSE 0 END AS current, r.seq, r.body, r.lineage, l.hash AS shape, CAST($1 AS TEXT) AS type,
			(SELECT e.marks FROM resource e WHERE e.contribution = c.id AND e.type = $1 AND e.id = $2 AND e.version <= v.version ORDER BY e.version DESC LIMIT 1)
			| (SELECT e.marks FROM resource e WHERE e.contribution = c.id AND e.type = $1 AND e.id = $2 ORDER BY e.version DESC LIMIT 1) AS marks
			FROM (SELECT contribution, min(version) AS first FROM resource WHERE type = $1 AND id = $2 GROUP BY contribution) f
			CROSS JOIN contribution c CROSS JOIN contribution_version v CROSS JOIN subject u
			LEFT JOIN resource r ON r.contribution = c.id AND r.version = v.version AND r.type = $1 AND r.id = $2
			LEFT JOIN lineage_shape l ON l.id = r.lineage_shape
			WHERE c.id = f.contribution AND v.contribution = c.id AND v.version >= f.first AND u.source = c.source AND u.subject = v.subject AND u.person = $3) h
		WHERE `+condition+`
		ORDER BY h.recorded DESC, h.version DESC, h.id DESC`, args...)
	})
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	if len(rows) == 0 {
		return nil, errNone(typ)
	}
	var hashes [][]byte
	texts := false
	for _, r := range rows {
		hashes, texts = append(hashes, r.Shape), texts || r.Seq != nil && r.Shape == nil
	}
	lineages, err := s.lineagesOf(ctx, s.read, hashes, texts)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	out := make([]care.ResourceVersion, 0, len(rows))
	for i, r := range rows {
		// Where it was gone already, further versions of its contribution are not versions of it.
		if r.Seq == nil && i+1 < len(rows) && rows[i+1].Seq == nil && rows[i+1].ID == r.ID {
			continue
		}
		r.Type, r.RID = typ, id
		v, err := s.version(ctx, r.versionRow, who)
		if errors.Is(err, vault.ErrDestroyed) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read history: %w", err)
		}
		if v.Current = r.Current; !v.Deleted {
			if v.Lineage, err = lineages.of(r.Shape, *r.Lineage); err != nil {
				return nil, fmt.Errorf("read history: %w", err)
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// Past gives the earlier versions of what Contributions gives, without lineage: of each
// resource, newest first, those that the same record said since it first did, removals
// included. They must be visible as History's must.
func (s *Store) Past(ctx context.Context, person care.PersonID, visible []care.Visible) ([]care.ResourceVersion, error) {
	who, err := s.Resolve(ctx, person)
	if errors.Is(err, care.ErrNotFound) || len(visible) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read earlier versions: %w", err)
	}
	var rows []versionRow
	condition, args := seen(visible, columns{"h.service", "h.type", "h.marks", "h.source", "h.kind", "h.key"}, 2)
	args = append([]any{string(who)}, args...)
	err = s.large(ctx, func(p *pool) error {
		rows = nil
		return p.SelectContext(ctx, &rows, `SELECT h.id, h.version, h.recorded, h.changed, h.source, h.kind, h.key, h.service, h.subject, h.marks, h.type, h.rid, h.seq, h.body FROM (
			SELECT c.id, v.version, v.recorded, v.changed, c.source, c.kind, c.key, v.service, v.subject, n.type, n.id AS rid, n.seq AS place, r.seq, r.body, n.marks |
			(SELECT e.marks FROM resource e WHERE e.contribution = c.id AND e.type = n.type AND e.id = n.id AND e.version <= v.version ORDER BY e.version DESC LIMIT 1) AS marks
			FROM subject u JOIN contribution c ON c.source = u.source AND c.subject = u.subject AND c.version > 1 AND c.deleted = 0
			JOIN resource n ON n.contribution = c.id AND n.version = c.version
			JOIN contribution_version v ON v.contribution = c.id AND v.version < c.version
			JOIN subject w ON w.source = c.source AND w.subject = v.subject AND w.person = u.person
			LEFT JOIN resource r ON r.contribution = c.id AND r.version = v.version AND r.type = n.type AND r.id = n.id
			WHERE u.person = $1) h
		WHERE h.marks IS NOT NULL AND `+condition+`
		ORDER BY h.id, h.place, h.version DESC`, args...)
	})
	if err != nil {
		return nil, fmt.Errorf("read earlier versions: %w", err)
	}
	out := make([]care.ResourceVersion, 0, len(rows))
	for _, r := range rows {
		v, err := s.version(ctx, r, who)
		if errors.Is(err, vault.ErrDestroyed) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read earlier versions: %w", err)
		}
		out = append(out, v)
	}
	return out, nil
}
