package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/journal"
)

// again does an entry once more, and must leave a store that knows of it already as it is.
// Each kind of entry has one.
var again = map[journal.Kind]func(r *replay, w *work, e journal.Entry) error{
	journal.RightEnded:    (*replay).rightEnded,
	journal.RightDenied:   (*replay).rightDenied,
	journal.RecordDeleted: (*replay).recordDeleted,
	journal.PersonErased:  (*replay).personErased,
}

// replay is a journal that is done again, with what it had to look up.
type replay struct {
	sources map[string]string               // by keyed id
	records map[string]map[string]heldAgain // by source and keyed id: what is held and not removed
	erased  bool                            // something was deleted that lies in the files still
}

// heldAgain is a record that may have to be removed.
type heldAgain struct {
	Kind    string `db:"kind"`
	Key     string `db:"key"`
	Changed int64  `db:"changed"`
	Derived bool   `db:"derived"`
}

// journalPlace begins the names of meta rows that say how far a journal is known, by the journal's id.
const journalPlace = "journal:"

// end notes something for the journal: it is on the disk before the transaction is.
func (w *work) end(kind journal.Kind, subject string, p journal.Payload) {
	if w.s.ended != nil && !w.again {
		w.ended = append(w.ended, journal.Entry{At: w.at, Kind: kind, Subject: subject, Payload: p})
	}
}

// errJournal is what the journal's file cannot do. It is not the database's: nothing is gained
// by doing the transaction again.
var errJournal = errors.New("the journal of what ended")

// writeJournal writes what was noted, and keeps up to where the journal is known. The lock is
// held until the transaction ends: a backup that knows an entry knows all before it.
func (w *work) writeJournal() error {
	if len(w.ended) == 0 {
		return nil
	}
	if err := w.lock(journalLock); err != nil {
		return err
	}
	at, err := w.s.ended.Append(w.ended...)
	if err != nil {
		return fmt.Errorf("%w: %w", errJournal, err)
	}
	return w.know(at)
}

// know keeps up to where the journal is known.
func (w *work) know(at journal.Position) error {
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	return w.exec(`INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, journalPlace+w.s.ended.ID(), text)
}

// keyedID stands for a word that may not be written outside of the database.
func (s *Store) keyedID(purpose string, words ...string) string {
	return hex.EncodeToString(s.keyed("journal "+purpose, []byte(strings.Join(words, "\x00")))[:16])
}

// openJournal opens the store's journal, or begins it, and does again what the store lacks.
func (s *Store) openJournal(ctx context.Context, path string) error {
	places, err := s.journalPlaces(ctx)
	if err != nil {
		return err
	}
	s.ended, err = journal.Open(path, s.keyedID("store"))
	if errors.Is(err, care.ErrNotFound) {
		if len(places) > 0 {
			return fmt.Errorf("there is no journal at %s, and the store has written one: put it back there, or begin a new one with samsyn journal new: what ended since a backup is then not known: %w", path, care.ErrConflict)
		}
		if err := journal.Create(path, s.keyedID("store"), rand.Reader); err != nil {
			return err
		}
		s.ended, err = journal.Open(path, s.keyedID("store"))
	}
	if err != nil {
		return err
	}
	known, ok := places[s.ended.ID()]
	if !ok {
		known = s.ended.Start()
	}
	lacking, err := s.ended.Since(known)
	if err != nil {
		return err
	}
	r := &replay{records: map[string]map[string]heldAgain{}}
	for some := range slices.Chunk(lacking, 200) { // of which each may be a page's deletions
		err := s.transaction(ctx, func(w *work) error {
			w.again = true
			if err := w.lock(ruleLock); err != nil { // as Save does for several goes
				return err
			}
			for _, e := range some {
				if err := again[e.Kind](r, w, e); err != nil {
					return fmt.Errorf("do entry %d of the journal again: %w", e.Seq, err)
				}
			}
			return w.link()
		})
		if err != nil {
			return err
		}
	}
	if r.erased {
		if err := s.settle(ctx); err != nil {
			return err
		}
	}
	s.replayed = len(lacking)
	if ok && len(lacking) == 0 {
		return nil
	}
	return s.transaction(ctx, func(w *work) error {
		if err := w.lock(journalLock); err != nil {
			return err
		}
		last, err := s.ended.Last() // another instance may have written since, and says so itself
		if err != nil || len(lacking) > 0 && last.Seq != lacking[len(lacking)-1].Seq {
			return err
		}
		return w.know(last)
	})
}

// NewJournal begins a journal at path for a store that has lost its own: what ended since an
// older backup was taken is not known then. The error is care.ErrConflict where there is a file.
func (s *Store) NewJournal(path string) error {
	return journal.Create(path, s.keyedID("store"), rand.Reader)
}

// Replayed is how many entries of the journal the store lacked when it was opened.
func (s *Store) Replayed() int { return s.replayed }

// journalPlaces is up to where each journal that the store ever wrote is known.
func (s *Store) journalPlaces(ctx context.Context) (map[string]journal.Position, error) {
	var rows []struct {
		Name  string `db:"name"`
		Value []byte `db:"value"`
	}
	if err := s.write.SelectContext(ctx, &rows, `SELECT name, value FROM meta WHERE name LIKE 'journal:%'`); err != nil {
		return nil, err
	}
	out := map[string]journal.Position{}
	for _, r := range rows {
		var at journal.Position
		if err := json.Unmarshal(r.Value, &at); err != nil {
			return nil, fmt.Errorf("where the store stands in its journal: %w", err)
		}
		out[strings.TrimPrefix(r.Name, journalPlace)] = at
	}
	return out, nil
}

// endRecord notes that a record was removed.
func (w *work) endRecord(e ledger.Entry, rank ledger.Rank) {
	w.end(journal.RecordDeleted, w.s.keyedID("record", w.source, e.Record.Kind, e.Record.Key),
		journal.Payload{"source": w.s.keyedID("source", w.source), "changed": journal.Moment(rank.Changed)})
}

// recordDeleted removes the record as its source did. What came after the backup was taken
// is not held, and needs no removing.
func (r *replay) recordDeleted(w *work, e journal.Entry) error {
	if err := r.look(w, e.Payload["source"]); err != nil {
		return err
	}
	source := r.sources[e.Payload["source"]]
	held, ok := r.records[source][e.Subject]
	if !ok {
		return nil
	}
	changed := e.Payload.Time("changed")
	if changed.Before(timeOf(held.Changed)) {
		changed = time.Time{} // it went all the same
	}
	w.source = source
	gone := ledger.Entry{Record: adapters.Record{Kind: held.Kind, Key: held.Key, Deleted: true, Changed: changed, Media: adapters.JSON}, Derived: held.Derived, Uncounted: true}
	return w.keep(ledger.Batch{Source: source}, []ledger.Entry{gone}, make([]ledger.Outcome, 1), &ledger.Counts{})
}

// look reads which source that is, and what is held of it, once.
func (r *replay) look(w *work, id string) error {
	if r.sources == nil {
		var names []string
		if err := w.list(&names, `SELECT source FROM source`); err != nil {
			return err
		}
		r.sources = map[string]string{}
		for _, name := range names {
			r.sources[w.s.keyedID("source", name)] = name
		}
	}
	source, known := r.sources[id]
	if !known || r.records[source] != nil {
		return nil
	}
	var rows []heldAgain
	if err := w.list(&rows, `SELECT kind, key, changed, derived FROM record WHERE source = $1 AND deleted = 0`, source); err != nil {
		return err
	}
	r.records[source] = make(map[string]heldAgain, len(rows))
	for _, h := range rows {
		r.records[source][w.s.keyedID("record", source, h.Kind, h.Key)] = h
	}
	return nil
}

// personErased deletes what the backup holds of the person. A backup may know her as one
// with other persons than she was when she was erased: each of them has an entry.
func (r *replay) personErased(w *work, e journal.Entry) error {
	out, err := w.erase(e.Subject, "the journal")
	if err != nil {
		return err
	}
	r.erased = r.erased || len(out) > 0
	clear(r.records) // of what was held some is not any more
	return nil
}
