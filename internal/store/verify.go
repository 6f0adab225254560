package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/vault"
)

// errDamaged is content that is not what was written: a disk has changed it.
var errDamaged = fmt.Errorf("what is held is not what was written; restore the store from a backup: %w", care.ErrUnavailable)

// asMade refuses a contribution that is not what was made of its record: nothing that a
// disk has changed is shown. made is the digest that was written with it.
func asMade(c care.Contribution, made []byte) error {
	sum := digest(ledger.Entry{Service: c.Service, Subject: ledger.Subject{Key: c.Subject}, Made: c.Made})
	if !bytes.Equal(sum, made) {
		return fmt.Errorf("%s %s of %s: %w", c.Kind, c.Key, c.Source, errDamaged)
	}
	return nil
}

// Verify reads everything that is held now and checks it: the file's own structure on
// SQLite, each version of each record against its hash, and each contribution against the digest of
// what was made. The error names what is damaged, at most twenty of it, without content.
func (s *Store) Verify(ctx context.Context) error {
	const most = 20
	var bad []error
	if !s.postgres {
		var found []string
		if err := s.read.SelectOnce(ctx, &found, `PRAGMA integrity_check(20)`); err != nil {
			return fmt.Errorf("verify store: %w: %w", errDamaged, err)
		}
		if len(found) != 1 || found[0] != "ok" {
			bad = append(bad, fmt.Errorf("the file's structure (%d faults): %w", len(found), errDamaged))
		}
	}
	err := s.verifyRecords(ctx, func(e error) bool { bad = append(bad, e); return len(bad) < most })
	if err == nil && len(bad) < most {
		err = s.verifyMade(ctx, func(e error) bool { bad = append(bad, e); return len(bad) < most })
	}
	if err := errors.Join(append(bad, err)...); err != nil {
		return fmt.Errorf("verify store: %w", err)
	}
	return nil
}

func (s *Store) verifyRecords(ctx context.Context, tell func(error) bool) error {
	rows, err := s.read.QueryxContext(ctx, `SELECT v.source, v.kind, v.key, v.media, v.deleted, v.hash, v.body FROM record_version v
		UNION ALL SELECT r.source, r.kind, r.key, r.media, r.deleted, r.hash, NULL FROM record r WHERE NOT EXISTS
		(SELECT 1 FROM record_version v WHERE v.source = r.source AND v.kind = r.kind AND v.key = r.key AND v.hash = r.hash)`)
	if err != nil {
		return err
	}
	for rows.Next() {
		var source string
		var r adapters.Record
		var hash []byte
		if err := rows.Scan(&source, &r.Kind, &r.Key, &r.Media, &r.Deleted, &hash, &r.Body); err != nil {
			return errors.Join(err, rows.Close())
		}
		var err error
		if r.Body, err = s.opened(ctx, atRecord(source, r.Kind, r.Key, hash), r.Body); err != nil {
			if errors.Is(err, vault.ErrDestroyed) {
				continue
			}
			if !errors.Is(err, errDamaged) {
				return errors.Join(err, rows.Close())
			}
		}
		if sum := r.Hash(); !bytes.Equal(sum[:], hash) && !tell(fmt.Errorf("record %s %s of %s: %w", r.Kind, r.Key, source, errDamaged)) {
			break
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

func (s *Store) verifyMade(ctx context.Context, tell func(error) bool) error {
	rows, err := s.read.QueryxContext(ctx, `SELECT c.id, c.source, c.kind, c.key, c.service, c.subject, c.made, coalesce(r.type, ''), coalesce(r.id, ''), c.version, coalesce(r.seq, 0), r.body FROM contribution c
		LEFT JOIN resource r ON r.contribution = c.id AND r.version = c.version ORDER BY c.id, r.seq`)
	if err != nil {
		return err
	}
	last, made := int64(-1), []byte(nil)
	var c care.Contribution
	destroyed := false
	check := func() bool {
		if last < 0 || destroyed {
			return true
		}
		err := asMade(c, made)
		return err == nil || tell(err)
	}
	for rows.Next() {
		var id int64
		var now care.Contribution
		var sum []byte
		var m care.Made
		var version, seq int64
		var body []byte
		if err := rows.Scan(&id, &now.Source, &now.Kind, &now.Key, &now.Service, &now.Subject, &sum, &m.Resource.Type, &m.Resource.ID, &version, &seq, &body); err != nil {
			return errors.Join(err, rows.Close())
		}
		if id != last {
			if !check() {
				return rows.Close()
			}
			last, c, made, destroyed = id, now, sum, false
		}
		if m.Resource.Type != "" {
			var err error
			m.Resource.Body, err = s.opened(ctx, atResource(id, version, seq), body)
			destroyed = destroyed || errors.Is(err, vault.ErrDestroyed)
			if err != nil && !destroyed && !errors.Is(err, errDamaged) { // what is damaged has no body, and is told of
				return errors.Join(err, rows.Close())
			}
			c.Made = append(c.Made, m)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	check()
	return nil
}
