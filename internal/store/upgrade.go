package store

import (
	"context"
	"errors"
	"fmt"

	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/vault"
)

// marksRevision is another where care.MarksOf or placesOf give something else than before of
// the same resource. A store that was marked by another is marked again when it is opened.
const marksRevision = "1"

var (
	setMarks  = say(`UPDATE resource SET marks = k.marks FROM {rows} WHERE resource.contribution = k.contribution AND resource.version = k.version AND resource.seq = k.seq`, "contribution:int version:int seq:int marks:int")
	markWhole = say(`UPDATE contribution SET marks = k.marks, places = k.places FROM {rows} WHERE contribution.id = k.id`, "id:int marks:int places:int")
)

// upgrade does what migrations cannot, for it takes more than SQL to read a resource: it
// marks what was kept before there were marks, and moves what was granted and logged before
// there were rights. A store that is marked already is only asked.
func (s *Store) upgrade(ctx context.Context) error {
	var held []string
	if err := s.read.SelectContext(ctx, &held, `SELECT 'marks' FROM meta WHERE name = 'marks' AND value = $1`, []byte(marksRevision)); err != nil || len(held) > 0 {
		return err
	}
	var left int
	err := s.transaction(ctx, func(w *work) error {
		if err := w.get1(&left, `SELECT count(*) FROM meta WHERE name = 'marks'`); err != nil || left == 0 {
			return err
		}
		// Marked by another revision: until it is marked again everything has every mark.
		if err := w.exec(`UPDATE resource SET marks = -1`); err != nil {
			return err
		}
		return w.exec(`UPDATE contribution SET marks = -1`)
	}, lock{class: rightsLock})
	for last, more := int64(-1), true; err == nil && more; {
		err = s.transaction(ctx, func(w *work) (err error) {
			next, err := w.markSome(last)
			last, more = next, next >= 0
			return err
		}, lock{class: rightsLock})
	}
	for more := true; err == nil && more; {
		err = s.transaction(ctx, func(w *work) (err error) {
			more, err = w.moveAccessLog()
			return err
		}, lock{class: rightsLock})
	}
	if err == nil {
		err = s.transaction(ctx, func(w *work) error {
			if err := w.moveGrants(); err != nil {
				return err
			}
			return w.exec(`INSERT INTO meta (name, value) VALUES ('marks', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, []byte(marksRevision))
		}, lock{class: rightsLock})
	}
	if err != nil {
		return fmt.Errorf("mark what is held: %w", err)
	}
	return nil
}

// markSome marks some contributions with all their versions, from the one after last on, and
// gives the last of them; -1 where there is none.
func (w *work) markSome(last int64) (next int64, err error) {
	const some = 500
	var held []struct {
		ID      int64  `db:"id"`
		Source  string `db:"source"`
		Subject string `db:"subject"`
		Version int64  `db:"version"`
		Deleted bool   `db:"deleted"`
		Places  int64  `db:"places"`
	}
	if err := w.list(&held, `SELECT id, source, subject, version, deleted, places FROM contribution WHERE id > $1 AND marks = -1 ORDER BY id LIMIT $2`, last, some); err != nil || len(held) == 0 {
		return -1, err
	}
	var resources, wholes [][]any
	for _, c := range held {
		next = c.ID
		var rows []struct {
			Version int64  `db:"version"`
			Seq     int64  `db:"seq"`
			Type    string `db:"type"`
			ID      string `db:"id"`
			Body    []byte `db:"body"`
		}
		if err := w.list(&rows, `SELECT version, seq, type, id, body FROM resource WHERE contribution = $1 ORDER BY version, seq`, c.ID); err != nil {
			return 0, err
		}
		var now []care.Made
		for _, r := range rows {
			body, err := w.s.opened(w.ctx, atResource(c.ID, r.Version, r.Seq), r.Body)
			if errors.Is(err, vault.ErrDestroyed) {
				continue
			}
			if err != nil {
				return 0, err
			}
			m := care.Made{Resource: fhir.Resource{Type: r.Type, ID: r.ID, Body: body}}
			resources = append(resources, []any{c.ID, r.Version, r.Seq, int64(care.MarksOf(m.Resource))})
			if r.Version == c.Version && !c.Deleted {
				now = append(now, m)
			}
		}
		marks, places := marksOf(now), w.s.placesOf(now)
		wholes = append(wholes, []any{c.ID, int64(marks), int64(len(places))})
		if err := w.tell(&dropPlaces, [][]any{{c.ID}}); err != nil {
			return 0, err
		}
		var rowsOf [][]any
		for i, p := range places {
			rowsOf = append(rowsOf, []any{c.ID, int64(i), p.hpr, p.starts, p.ends})
		}
		if err := w.tell(&putPlaces, rowsOf); err != nil {
			return 0, err
		}
		if marks.Address() > 0 || len(places) > 0 || c.Places > 0 {
			w.stir(c.Source, c.Subject)
		}
	}
	if err := w.tell(&setMarks, resources); err != nil {
		return 0, err
	}
	return next, w.tell(&markWhole, wholes)
}
