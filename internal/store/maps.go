package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"samsyn/adapters"
	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
)

// KeepMap keeps what a map's revision stands for, once: what it makes can then be made
// again when the map is another. pin is asked only where nothing is kept yet.
func (s *Store) KeepMap(ctx context.Context, revision, name string, pin func() ([]byte, error)) error {
	held, err := s.hasMap(ctx, revision)
	if err != nil || held {
		return err
	}
	pinned, err := pin()
	if err != nil {
		return fmt.Errorf("keep map %s: %w", name, err)
	}
	err = s.transaction(ctx, func(w *work) error {
		return w.exec(`INSERT INTO map_revision (revision, name, recorded, pin) VALUES ($1, $2, $3, $4) ON CONFLICT (revision) DO NOTHING`,
			revision, name, micros(w.at), pinned)
	})
	if err != nil {
		return fmt.Errorf("keep map %s: %w", name, err)
	}
	return nil
}

func (s *Store) hasMap(ctx context.Context, revision string) (bool, error) {
	var n int
	if err := s.read.GetContext(ctx, &n, `SELECT count(*) FROM map_revision WHERE revision = $1`, revision); err != nil {
		return false, fmt.Errorf("look for map %s: %w", revision, err)
	}
	return n > 0, nil
}

// PinnedMap gives what KeepMap kept; the error is care.ErrNotFound.
func (s *Store) PinnedMap(ctx context.Context, revision string) ([]byte, error) {
	var pin []byte
	err := s.read.GetContext(ctx, &pin, `SELECT pin FROM map_revision WHERE revision = $1`, revision)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errNone("map revision " + revision)
	}
	if err != nil {
		return nil, fmt.Errorf("read map %s: %w", revision, err)
	}
	return pin, nil
}

// MapRevisions gives, by kind, the revisions that last looked at what a source holds.
func (s *Store) MapRevisions(ctx context.Context, source string) (map[string][]string, error) {
	var rows []struct {
		Kind     string `db:"kind"`
		Revision string `db:"revision"`
	}
	// What was removed has nothing to map, and a fault no map.
	err := s.read.SelectContext(ctx, &rows, `SELECT DISTINCT l.kind, l.revision FROM ledger l WHERE l.source = $1 AND l.outcome <> 'removed'
		AND (EXISTS (SELECT 1 FROM record r WHERE r.source = l.source AND r.kind = l.kind AND r.key = l.key)
		OR EXISTS (SELECT 1 FROM part p WHERE p.source = l.source AND p.kind = l.kind AND p.key = l.key)) ORDER BY l.kind, l.revision`, source)
	if err != nil {
		return nil, fmt.Errorf("list revisions of %s: %w", source, err)
	}
	out := map[string][]string{}
	for _, r := range rows {
		out[r.Kind] = append(out[r.Kind], r.Revision)
	}
	return out, nil
}

// Mapped streams the newest version of everything that maps are applied to: records
// and assembled wholes, no parts and nothing removed, by kind and key. No read is open
// between the pages.
func (s *Store) Mapped(ctx context.Context, source string) iter.Seq2[adapters.Record, error] {
	return func(yield func(adapters.Record, error) bool) {
		const atOnce = 500
		kind, key := "", ""
		for {
			var rows []recordRow
			err := s.read.SelectContext(ctx, &rows, recordsHeld+`
				WHERE r.source = $1 AND r.deleted = 0 AND (r.kind, r.key) > ($2, $3) ORDER BY r.kind, r.key LIMIT $4`, source, kind, key, atOnce)
			if err != nil {
				yield(adapters.Record{}, fmt.Errorf("read records of %s: %w", source, err))
				return
			}
			for _, r := range rows {
				rec, err := r.open(ctx, s, source)
				if !yield(rec, err) || err != nil {
					return
				}
				kind, key = r.Kind, r.Key
			}
			if len(rows) < atOnce {
				return
			}
		}
	}
}

// Said gives what the records under the keys say at present; one that says nothing is absent.
func (s *Store) Said(ctx context.Context, source string, keys []ledger.Key) (map[ledger.Key]ledger.Said, error) {
	out := map[ledger.Key]ledger.Said{}
	for _, k := range keys {
		var rows []struct {
			Service string  `db:"service"`
			Subject string  `db:"subject"`
			Person  *string `db:"person"`
			Of      int64   `db:"contribution"`
			Version int64   `db:"version"`
			Seq     int64   `db:"seq"`
			Type    string  `db:"type"`
			ID      string  `db:"id"`
			Body    []byte  `db:"body"`
		}
		err := s.read.SelectContext(ctx, &rows, `SELECT c.service, c.subject, u.person, r.contribution, r.version, r.seq, r.type, r.id, r.body FROM contribution c
			JOIN resource r ON r.contribution = c.id AND r.version = c.version
			LEFT JOIN subject u ON u.source = c.source AND u.subject = c.subject
			WHERE c.source = $1 AND c.kind = $2 AND c.key = $3 AND c.deleted = 0 ORDER BY r.seq`, source, k.Kind, k.Key)
		if err != nil {
			return nil, fmt.Errorf("read what %s says: %w", source, err)
		}
		if len(rows) == 0 {
			continue
		}
		said := ledger.Said{Key: k, Service: care.Service(rows[0].Service), Subject: rows[0].Subject, Person: personOf(rows[0].Person)}
		for _, r := range rows {
			body, err := s.opened(ctx, atResource(r.Of, r.Version, r.Seq), r.Body)
			if err != nil {
				return nil, fmt.Errorf("read what %s says: %w", source, err)
			}
			said.Made = append(said.Made, care.Made{Resource: fhir.Resource{Type: r.Type, ID: r.ID, Body: body}})
		}
		out[k] = said
	}
	return out, nil
}

func personOf(p *string) care.PersonID {
	if p == nil {
		return ""
	}
	return care.PersonID(*p)
}

// PersonOf gives who a source's subject is, "" while nobody knows or there is none.
func (s *Store) PersonOf(ctx context.Context, source, subject string) (care.PersonID, error) {
	var p *string
	err := s.read.GetContext(ctx, &p, `SELECT person FROM subject WHERE source = $1 AND subject = $2`, source, subject)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read subject: %w", err)
	}
	return personOf(p), nil
}

// Versions gives every version of what any record said about a resource, by record,
// the oldest first, from the first that said it. The error is care.ErrNotFound. It is for whoever
// runs the instance; viewers are answered by History, which filters.
func (s *Store) Versions(ctx context.Context, typ, id string) ([]ledger.Version, error) {
	var rows []struct {
		Source        string  `db:"source"`
		Kind          string  `db:"kind"`
		Key           string  `db:"key"`
		Version       int     `db:"version"`
		Revision      string  `db:"revision"`
		Service       string  `db:"service"`
		Recorded      int64   `db:"recorded"`
		SourceVersion string  `db:"source_version"`
		Changed       int64   `db:"changed"`
		Hash          []byte  `db:"hash"`
		Person        *string `db:"person"`
		Of            int64   `db:"contribution"`
		Seq           *int64  `db:"seq"`
		Body          []byte  `db:"body"`
	}
	err := s.read.SelectContext(ctx, &rows, `SELECT c.source, c.kind, c.key, v.version, v.revision, v.service, v.recorded, v.source_version, v.changed, v.hash, u.person, c.id AS contribution, r.seq, r.body
		FROM (SELECT contribution, min(version) AS first FROM resource WHERE type = $1 AND id = $2 GROUP BY contribution) f
		JOIN contribution c ON c.id = f.contribution
		JOIN contribution_version v ON v.contribution = c.id AND v.version >= f.first
		LEFT JOIN resource r ON r.contribution = c.id AND r.version = v.version AND r.type = $1 AND r.id = $2
		LEFT JOIN subject u ON u.source = c.source AND u.subject = v.subject
		ORDER BY c.source, c.kind, c.key, v.version`, typ, id)
	if err != nil {
		return nil, fmt.Errorf("read versions: %w", err)
	}
	if len(rows) == 0 {
		return nil, errNone(typ + "/" + id)
	}
	out := make([]ledger.Version, len(rows))
	for i, r := range rows {
		out[i] = ledger.Version{Source: r.Source, Key: ledger.Key{Kind: r.Kind, Key: r.Key}, Version: r.Version, Revision: r.Revision, Service: care.Service(r.Service),
			Recorded: timeOf(r.Recorded), SourceVersion: r.SourceVersion, Changed: timeOf(r.Changed), Person: personOf(r.Person)}
		copy(out[i].Hash[:], r.Hash)
		if r.Seq != nil {
			if out[i].Body, err = s.opened(ctx, atResource(r.Of, int64(r.Version), *r.Seq), r.Body); err != nil {
				return nil, fmt.Errorf("read versions: %w", err)
			}
		}
	}
	return out, nil
}

// RecordAt gives the version of a record that has the hash; the error is care.ErrNotFound.
func (s *Store) RecordAt(ctx context.Context, source string, k ledger.Key, hash [32]byte) (adapters.Record, error) {
	var rows []recordRow
	err := s.read.SelectContext(ctx, &rows, `SELECT v.kind, v.key, '' AS grp, coalesce(r.version, v.version) AS version, coalesce(r.changed, v.changed) AS changed,
		v.deleted, v.media, v.hash, v.body FROM record_version v LEFT JOIN record r ON r.source = v.source AND r.kind = v.kind AND r.key = v.key AND r.hash = v.hash
		WHERE v.source = $1 AND v.kind = $2 AND v.key = $3 AND v.hash = $4`, source, k.Kind, k.Key, hash[:])
	if err != nil {
		return adapters.Record{}, fmt.Errorf("read record: %w", err)
	}
	if len(rows) == 0 {
		return adapters.Record{}, errNone("that version of the record")
	}
	return rows[0].open(ctx, s, source)
}

// QuarantinedBytes gives what was received of a fault that is no record; nil where the
// record itself is held, care.ErrNotFound where nothing waits under the key.
func (s *Store) QuarantinedBytes(ctx context.Context, source string, k ledger.Key) (media string, body []byte, err error) {
	var row struct {
		Media string `db:"media"`
		Hash  []byte `db:"hash"`
		Body  []byte `db:"body"`
	}
	err = s.read.GetContext(ctx, &row, `SELECT media, hash, body FROM quarantine WHERE source = $1 AND kind = $2 AND key = $3`, source, k.Kind, k.Key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil, errNone(k.Kind + " " + k.Key)
	}
	if err != nil {
		return "", nil, fmt.Errorf("read quarantine: %w", err)
	}
	if row.Body != nil {
		if row.Body, err = s.opened(ctx, atQuarantine("body", source, k.Kind, k.Key+string(row.Hash)), row.Body); err != nil {
			return "", nil, fmt.Errorf("read quarantine: %w", err)
		}
	}
	return row.Media, row.Body, nil
}
