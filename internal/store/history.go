package store

import (
	"context"
	"fmt"
	"time"

	"samsyn/fhir"
	"samsyn/internal/care"
)

// ResourceVersion is one version of a produced resource. A resource has the versions
// of the contribution that says it.
type ResourceVersion struct {
	Version  int
	Recorded time.Time
	Source   string
	Service  care.Service
	Person   care.PersonID // "" while nobody knows whose it is
	Current  bool
	Deleted  bool // a tombstone: Resource.Body is then empty
	Resource fhir.Resource
	Lineage  []care.Lineage
}

// History gives every version of a resource that the services may be asked for, newest
// first, removals included. The error is care.ErrNotFound where there is none.
func (s *Store) History(ctx context.Context, typ, id string, services []care.Service) ([]ResourceVersion, error) {
	if len(services) == 0 {
		return nil, errNone(typ)
	}
	var rows []struct {
		ID       int64   `db:"id"`
		Version  int     `db:"version"`
		Recorded int64   `db:"recorded"`
		Source   string  `db:"source"`
		Service  string  `db:"service"`
		Person   *string `db:"person"`
		Current  bool    `db:"current"`
		Body     *string `db:"body"`
		Lineage  *string `db:"lineage"`
		Shape    []byte  `db:"shape"`
	}
	args := append([]any{typ, id}, serviceArgs(services)...)
	// Every version of each contribution that ever said the resource, from the first that did.
	err := s.large(ctx, func(p *pool) error {
		rows = nil
		return p.SelectContext(ctx, &rows, `SELECT c.id, v.version, v.recorded, c.source, v.service, u.person, CASE WHEN c.version = v.version THEN 1 ELSE 0 END AS current, r.body, r.lineage, l.hash AS shape
		FROM (SELECT contribution, min(version) AS first FROM resource WHERE type = $1 AND id = $2 GROUP BY contribution) f
		JOIN contribution c ON c.id = f.contribution
		JOIN contribution_version v ON v.contribution = c.id AND v.version >= f.first
		LEFT JOIN resource r ON r.contribution = c.id AND r.version = v.version AND r.type = $1 AND r.id = $2
		LEFT JOIN lineage_shape l ON l.id = r.lineage_shape
		LEFT JOIN subject u ON u.source = c.source AND u.subject = v.subject
		WHERE v.service IN (`+params(3, len(services))+`)
		ORDER BY v.recorded DESC, v.version DESC, c.id DESC`, args...)
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
		hashes, texts = append(hashes, r.Shape), texts || r.Body != nil && r.Shape == nil
	}
	lineages, err := s.lineagesOf(ctx, s.read, hashes, texts)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	out := make([]ResourceVersion, 0, len(rows))
	for i, r := range rows {
		// Where it was gone already, further versions of its contribution are not versions of it.
		if r.Body == nil && i+1 < len(rows) && rows[i+1].Body == nil && rows[i+1].ID == r.ID {
			continue
		}
		v := ResourceVersion{Version: r.Version, Recorded: timeOf(r.Recorded), Source: r.Source, Service: care.Service(r.Service), Current: r.Current,
			Deleted: r.Body == nil, Resource: fhir.Resource{Type: typ, ID: id}}
		if r.Person != nil {
			v.Person = care.PersonID(*r.Person)
		}
		if r.Body != nil {
			v.Resource.Body = []byte(*r.Body)
			if v.Lineage, err = lineages.of(r.Shape, *r.Lineage); err != nil {
				return nil, fmt.Errorf("read history: %w", err)
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// VRead gives one version of a resource. The error is care.ErrNotFound where the
// services have no such version.
func (s *Store) VRead(ctx context.Context, typ, id string, version int, services []care.Service) (ResourceVersion, error) {
	all, err := s.History(ctx, typ, id, services)
	if err != nil {
		return ResourceVersion{}, err
	}
	for _, v := range all {
		if v.Version == version {
			return v, nil
		}
	}
	return ResourceVersion{}, errNone(typ)
}

// Read gives the present version of a resource; a removed one is returned as its
// tombstone. The error is care.ErrNotFound where there never was one for the services.
func (s *Store) Read(ctx context.Context, typ, id string, services []care.Service) (ResourceVersion, error) {
	all, err := s.History(ctx, typ, id, services)
	if err != nil {
		return ResourceVersion{}, err
	}
	return all[0], nil
}
