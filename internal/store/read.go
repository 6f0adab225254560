package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/vault"
)

// Contributions gives what is visible of what was said about a person and still is, by
// source, kind and key. The visible set is part of the query: nothing else is read, and a
// contribution of which nothing is visible is absent. A person that was united with
// another is answered with the survivor's.
func (s *Store) Contributions(ctx context.Context, person care.PersonID, visible []care.Visible) ([]care.Contribution, error) {
	if len(visible) == 0 {
		return nil, nil
	}
	who, err := s.Resolve(ctx, person)
	if errors.Is(err, care.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	condition, args := seen(visible, columns{"c.service", "r.type", "r.marks", "c.source", "c.kind", "c.key"}, 2)
	args = append([]any{string(who)}, args...)
	var out []care.Contribution
	err = s.large(ctx, func(p *pool) error {
		rows, err := p.QueryxContext(ctx, `SELECT c.id, c.source, o.system, c.kind, c.key, c.version, c.revision, c.service, c.subject, c.made, v.recorded, v.changed, v.source_version,
		r.type, r.seq, r.id AS rid, r.body, r.lineage, l.hash AS shape,
		(SELECT count(*) FROM resource w WHERE w.contribution = c.id AND w.version = c.version) AS whole
		FROM subject u JOIN contribution c ON c.source = u.source AND c.subject = u.subject
		JOIN contribution_version v ON v.contribution = c.id AND v.version = c.version
		JOIN resource r ON r.contribution = c.id AND r.version = c.version
		LEFT JOIN lineage_shape l ON l.id = r.lineage_shape
		JOIN source o ON o.source = c.source
		WHERE u.person = $1 AND c.deleted = 0 AND `+condition+`
		ORDER BY c.source, c.kind, c.key, r.seq`, args...)
		if err == nil {
			out, err = s.gather(ctx, p, rows, who)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read contributions: %w", err)
	}
	return out, nil
}

type saidRow struct {
	ID            int64  `db:"id"`
	Source        string `db:"source"`
	System        string `db:"system"`
	Kind          string `db:"kind"`
	Key           string `db:"key"`
	Version       int    `db:"version"`
	Revision      string `db:"revision"`
	Service       string `db:"service"`
	Subject       string `db:"subject"`
	Made          []byte `db:"made"`
	Recorded      int64  `db:"recorded"`
	Changed       int64  `db:"changed"`
	SourceVersion string `db:"source_version"`
	Type          string `db:"type"`
	Seq           int64  `db:"seq"`
	RID           string `db:"rid"`
	Body          []byte `db:"body"`
	Lineage       string `db:"lineage"` // where there is no shape
	Shape         []byte `db:"shape"`
	Whole         int    `db:"whole"` // how many resources the contribution has, seen or not
}

type rowScanner interface {
	Next() bool
	StructScan(any) error
	Err() error
	Close() error
}

// gather puts rows of the same contribution together and reads their lineage.
func (s *Store) gather(ctx context.Context, p *pool, rows rowScanner, person care.PersonID) ([]care.Contribution, error) {
	var said []saidRow
	var hashes [][]byte
	texts := false
	for rows.Next() {
		var r saidRow
		err := rows.StructScan(&r)
		if err == nil {
			r.Body, err = s.opened(ctx, atResource(r.ID, int64(r.Version), r.Seq), r.Body)
		}
		if errors.Is(err, vault.ErrDestroyed) { // deleted by its key, and not yet taken out
			continue
		}
		if err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		said = append(said, r)
		hashes, texts = append(hashes, r.Shape), texts || r.Shape == nil
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	if len(said) == 0 {
		return nil, nil
	}
	lineages, err := s.lineagesOf(ctx, p, hashes, texts)
	if err != nil {
		return nil, err
	}
	var out []care.Contribution
	last := int64(-1)
	for i, r := range said {
		if r.ID != last {
			if i > 0 {
				if err := said[i-1].asMade(out[len(out)-1]); err != nil {
					return nil, err
				}
			}
			last = r.ID
			out = append(out, care.Contribution{Source: r.Source, System: r.System, Kind: r.Kind, Key: r.Key, Version: r.Version, SourceVersion: r.SourceVersion,
				MapRevision: r.Revision, Service: care.Service(r.Service), Subject: r.Subject, Person: person, Recorded: timeOf(r.Recorded), Changed: timeOf(r.Changed)})
		}
		lineage, err := lineages.of(r.Shape, r.Lineage)
		if err != nil {
			return nil, err
		}
		c := &out[len(out)-1]
		c.Made = append(c.Made, care.Made{Resource: fhir.Resource{Type: r.Type, ID: r.RID, Body: r.Body}, Lineage: lineage})
	}
	return out, said[len(said)-1].asMade(out[len(out)-1])
}

// asMade refuses a contribution that is not what was made of its record. Of one that is
// seen in part there is no digest: then what is sealed vouches for itself.
func (r saidRow) asMade(c care.Contribution) error {
	if len(c.Made) < r.Whole {
		return nil
	}
	return asMade(c, r.Made)
}

// rules are the texts that lineage names by number. They are as many as the maps have expressions.
func (p *pool) rules(ctx context.Context) (map[int64]string, error) {
	var rows []struct {
		ID   int64  `db:"id"`
		Text string `db:"text"`
	}
	if err := p.SelectContext(ctx, &rows, `SELECT id, text FROM rule`); err != nil {
		return nil, err
	}
	out := make(map[int64]string, len(rows))
	for _, r := range rows {
		out[r.ID] = r.Text
	}
	return out, nil
}

// Resolve follows a person to the one that she was united with, if any. The error is
// care.ErrNotFound where nobody is that person (any more).
func (s *Store) Resolve(ctx context.Context, id care.PersonID) (care.PersonID, error) {
	var out string
	err := s.read.GetContext(ctx, &out, `SELECT coalesce(p.merged_into, p.id) FROM person p
		WHERE p.id = $1 AND EXISTS (SELECT 1 FROM subject u WHERE u.person = coalesce(p.merged_into, p.id))`, storable(string(id)))
	if errors.Is(err, sql.ErrNoRows) {
		return "", errNone("person")
	}
	if err != nil {
		return "", fmt.Errorf("resolve person: %w", err)
	}
	return care.PersonID(out), nil
}

// PersonByIdentifier finds the person that a valid number belongs to. The error is
// care.ErrInvalid for what is no valid number, care.ErrNotFound where nobody has it.
func (s *Store) PersonByIdentifier(ctx context.Context, n identity.Number) (care.PersonID, error) {
	if !n.Valid() {
		return "", fmt.Errorf("person by identifier: %w", care.ErrInvalid)
	}
	var home string
	err := s.read.GetContext(ctx, &home, `SELECT person FROM number WHERE number = $1`, s.numberID(n))
	if errors.Is(err, sql.ErrNoRows) {
		return "", errNone("person")
	}
	if err != nil {
		return "", fmt.Errorf("person by identifier: %w", err)
	}
	return s.Resolve(ctx, care.PersonID(home))
}

// Everybody lists all who have at least one linked subject, by id.
func (s *Store) Everybody(ctx context.Context) ([]care.PersonID, error) {
	var out []care.PersonID
	err := s.read.SelectContext(ctx, &out, `SELECT DISTINCT person FROM subject WHERE person IS NOT NULL ORDER BY person`)
	if err != nil {
		return nil, fmt.Errorf("list persons: %w", err)
	}
	return out, nil
}

// Claims gives what is visible of what is said at present of who a person is, by source,
// service and record. A name that only barnevern says is barnevern's, and one that a record
// says is as visible as its Patient or, where it makes none, as what it makes: who may see nothing
// else of a record would learn from its name that it is there. The visible set is part of the query.
func (s *Store) Claims(ctx context.Context, person care.PersonID, visible []care.Visible) ([]care.Claim, error) {
	if len(visible) == 0 {
		return nil, nil
	}
	who, err := s.Resolve(ctx, person)
	if errors.Is(err, care.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Source    string `db:"source"`
		Kind      string `db:"kind"`
		Key       string `db:"key"`
		Hash      []byte `db:"hash"`
		Service   string `db:"service"`
		Name      string `db:"name"`
		BirthDate string `db:"birth_date"`
		Recorded  int64  `db:"recorded"`
		Current   bool   `db:"current"`
	}
	condition, args := seen(visible, columns{"c.service", "coalesce(r.type, 'Patient')", "coalesce(r.marks, 0)", "c.source", "c.kind", "c.key"}, 2)
	args = append([]any{string(who)}, args...)
	err = s.large(ctx, func(p *pool) error {
		rows = nil
		return p.SelectContext(ctx, &rows, `SELECT DISTINCT c.source, c.kind, c.key, c.hash, c.service, c.name, c.birth_date, c.recorded, c.current FROM subject u
		JOIN claim c ON c.source = u.source AND c.subject = u.subject
		LEFT JOIN contribution m ON m.source = c.source AND m.kind = c.kind AND m.key = c.key
		LEFT JOIN resource r ON r.contribution = m.id AND r.version = m.version AND (r.type = 'Patient'
			OR NOT EXISTS (SELECT 1 FROM resource n WHERE n.contribution = m.id AND n.version = m.version AND n.type = 'Patient'))
		WHERE u.person = $1 AND (c.name <> '' OR c.birth_date <> '') AND `+condition+`
		ORDER BY c.source, c.service, c.kind, c.key, c.recorded, c.hash`, args...)
	})
	if err != nil {
		return nil, fmt.Errorf("read claims: %w", err)
	}
	var out []care.Claim
	var key [3]string
	var before care.Claim // what the record said before, since it first said so
	for _, r := range rows {
		r.Name, err = s.openedText(ctx, atClaim(r.Source, r.Kind, r.Key, r.Hash), r.Name)
		if errors.Is(err, vault.ErrDestroyed) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read claims: %w", err)
		}
		c := care.Claim{Source: r.Source, Service: care.Service(r.Service), Name: r.Name, BirthDate: r.BirthDate, Recorded: timeOf(r.Recorded)}
		if of := [3]string{r.Source, r.Kind, r.Key}; of == key && c.Service == before.Service && c.Name == before.Name && c.BirthDate == before.BirthDate {
			c.Recorded = before.Recorded
		} else {
			key = of
		}
		if before = c; r.Current {
			out = append(out, c)
		}
	}
	return out, nil
}
