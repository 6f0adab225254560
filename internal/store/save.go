package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
)

// Save keeps one page: its records, contributions with history and lineage,
// ledger, subjects, quarantine, cursor and the run's counts, in one transaction.
// It returns what became of them, or an error and nothing is changed. What is
// already so is not written again.
func (s *Store) Save(ctx context.Context, b ledger.Batch) (ledger.Saved, error) {
	var counts ledger.Counts
	b.Entries = slices.Clone(b.Entries)
	for i := range b.Entries {
		e := &b.Entries[i]
		for _, name := range []*string{&e.Record.Kind, &e.Record.Key, &e.Record.Group, &e.Subject.Key} {
			*name = storable(*name)
		}
		e.Seal()
	}
	outcomes := make([]ledger.Outcome, len(b.Entries))
	err := s.transaction(ctx, func(w *work) error {
		w.at, w.source, counts = b.At, b.Source, b.Counts
		if err := w.fence(ledger.LeaseName(b.Source, b.Shard), b.Fence); err != nil {
			return err
		}
		if err := w.findHome(); err != nil {
			return err
		}
		if distinct(b.Entries) < len(b.Entries) { // kept in several goes, of which the later ones may hold the lock over who is who
			if err := w.lock(ruleLock); err != nil {
				return err
			}
		}
		for from := 0; from < len(b.Entries); {
			some := b.Entries[from:]
			some = some[:distinct(some)]
			if err := w.keep(b, some, outcomes[from:], &counts); err != nil {
				return err
			}
			from += len(some)
		}
		if err := w.link(); err != nil {
			return err
		}
		if !b.KeepCursor {
			if err := w.moveCursor(b); err != nil {
				return err
			}
		}
		return w.exec(`UPDATE run SET listed = listed + $2, stored = stored + $3, unchanged = unchanged + $4,
			quarantined = quarantined + $5, removed = removed + $6 WHERE id = $1`,
			b.Run, counts.Listed, counts.Stored, counts.Unchanged, counts.Quarantined, counts.Removed)
	}, pageLocks(b.Source, b.Shard)...)
	if err != nil {
		return ledger.Saved{}, fmt.Errorf("save page of %s: %w", b.Source, err)
	}
	return ledger.Saved{Counts: counts, Outcomes: outcomes}, nil
}

// moveCursor notes where the page leaves the source, or the shard of it that is read. A
// cursor may be a file's name: it is sealed, and so compared here.
func (w *work) moveCursor(b ledger.Batch) error {
	var before adapters.Cursor
	if err := w.cursor(&before, ledger.Source{Name: b.Source, Shard: b.Shard}); err != nil || before == b.Next {
		return err
	}
	next := w.sealedText(w.home, atCursor(b.Source, b.Shard), string(b.Next))
	if b.Shard == "" {
		return w.exec(`UPDATE source SET cursor = $2 WHERE source = $1`, b.Source, next)
	}
	return w.exec(`INSERT INTO shard (source, shard, cursor) VALUES ($1, $2, $3)
		ON CONFLICT (source, shard) DO UPDATE SET cursor = excluded.cursor`, b.Source, b.Shard, next)
}

// keep keeps entries with keys of their own and says what became of each.
func (w *work) keep(b ledger.Batch, entries []ledger.Entry, outcomes []ledger.Outcome, counts *ledger.Counts) error {
	if err := w.load(entries); err != nil {
		return err
	}
	for i, e := range entries {
		out, err := w.entry(b, e)
		if outcomes[i] = out; err != nil {
			return fmt.Errorf("%s %s: %w", e.Record.Kind, e.Record.Key, err)
		}
		if !e.Uncounted && !e.Derived {
			counts.Add(out, 1)
		}
	}
	return w.flush()
}

// entry keeps one entry and says what became of it.
func (w *work) entry(b ledger.Batch, e ledger.Entry) (ledger.Outcome, error) {
	var out ledger.Outcome
	var err error
	switch {
	case e.Record.Key == "" || (e.Fault && e.Refused == nil):
		return "", fmt.Errorf("an entry without key or reason: %w", care.ErrInvalid)
	case e.Fault:
		w.quarantine(e, e.Stamp(), bytesOf(e.Record.Body))
		w.setLedger(e, e.Stamp(), e.Hash(), ledger.Quarantined)
		out = ledger.Quarantined
	case e.Part:
		out = w.part(e)
	default:
		out, err = w.record(e)
	}
	if err != nil || !b.Acknowledge || e.Derived || e.Uncounted {
		return out, err
	}
	w.pend(e, out)
	return out, nil
}

var putPart = say(`INSERT INTO part (source, grp, kind, key, hash, version, changed, deleted, media, recorded, body)
	SELECT k.source, k.grp, k.kind, k.key, k.hash, k.version, k.changed, k.deleted, k.media, k.recorded, k.body FROM {rows} WHERE true ON CONFLICT DO NOTHING`,
	"source grp kind key hash:bytes version changed:int deleted:int media recorded:int body:bytes")

// part keeps the bytes of a part of a whole, and what became of it as such.
func (w *work) part(e ledger.Entry) ledger.Outcome {
	r, hash, before := e.Record, e.Hash(), w.of(e)
	added := !w.page.parts[r.Group+"\x00"+r.Kind+"\x00"+r.Key+"\x00"+string(hash[:])]
	if added {
		w.say(&putPart, w.source, r.Group, r.Kind, r.Key, bytes.Clone(hash[:]), r.Version, micros(r.Changed), flag(r.Deleted), r.Media, micros(w.at),
			w.sealed(w.partition(e), atPart(w.source, r.Group, r.Kind, r.Key, hash[:]), bytesOf(r.Body)))
	}
	out := ledger.Stored
	if e.Refused != nil {
		out = ledger.Quarantined
		// The same key may have come with other bytes; the row is the key's.
		w.quarantine(e, [32]byte{}, nil)
	} else {
		if r.Deleted {
			out = ledger.Removed
		}
		w.clear(e)
	}
	if !added && before.Outcome == string(out) && before.Seen == e.Revision {
		if out == ledger.Quarantined {
			return out
		}
		return ledger.Unchanged
	}
	// Of several bytes under one key the ledger keeps the greater stamp, in any order.
	stamp := e.Stamp()
	if bytes.Compare(before.Stamp, stamp[:]) > 0 {
		copy(stamp[:], before.Stamp)
		copy(hash[:], before.LineHash)
	}
	w.setLedger(e, stamp, hash, out)
	return out
}

var laterRecord = say(`UPDATE record SET version = k.version, changed = k.changed FROM {rows} WHERE record.source = k.source AND record.kind = k.kind AND record.key = k.key`,
	"source kind key version changed:int")

// record keeps an ordinary record, or a whole assembled from parts.
func (w *work) record(e ledger.Entry) (ledger.Outcome, error) {
	rank, held := e.Rank(), w.of(e).rank()
	rank.Version = storable(rank.Version)
	if e.Held && (held == nil || held.Hash != rank.Hash) {
		return ledger.Unchanged, nil
	}
	if e.Record.Deleted && e.Record.Changed.IsZero() && held != nil {
		rank.Changed = held.Changed // a deletion without a time is as new as what it deletes
	}
	same := held != nil && held.Hash == rank.Hash
	newest := held == nil || e.Derived || !w.older(e, rank, *held)
	switch {
	case !same:
		w.keepRecord(e, rank, newest, held != nil)
	case newest && !rank.Equal(*held): // the same again, later
		w.say(&laterRecord, w.source, e.Record.Kind, e.Record.Key, rank.Version, micros(rank.Changed))
	}
	if e.Refused != nil {
		return w.refused(e, rank, newest), nil
	}
	said := w.contribute(e, rank)
	if newest && !e.Derived {
		w.settle(e)
	}
	switch {
	case !said && (same || !newest):
		return ledger.Unchanged, nil
	case e.Record.Deleted:
		if held != nil && !held.Deleted {
			w.endRecord(e, rank)
		}
		return ledger.Removed, nil
	}
	return ledger.Stored, nil
}

// older tells whether a version must not replace what is held.
func (w *work) older(e ledger.Entry, rank, held ledger.Rank) bool {
	if held.Ahead(w.at) {
		return false
	}
	if e.Present {
		return rank.Stale(held)
	}
	return rank.Older(held)
}

// refused quarantines a record that could not be used. A version that is older than
// the held one is no longer anybody's concern.
func (w *work) refused(e ledger.Entry, rank ledger.Rank, newest bool) ledger.Outcome {
	if !newest {
		return ledger.Unchanged
	}
	if e.Derived { // its parts carry the reason
		return ledger.Quarantined
	}
	w.quarantine(e, rank.Hash, nil)
	w.setLedger(e, e.Stamp(), e.Hash(), ledger.Quarantined)
	return ledger.Quarantined
}

// settle clears the quarantine of a record that is well now and writes its ledger line.
func (w *work) settle(e ledger.Entry) {
	out := ledger.Stored
	if e.Record.Deleted {
		out = ledger.Removed
	}
	w.clear(e)
	w.setLedger(e, e.Stamp(), e.Hash(), out)
}

var (
	// The body of what is held: where it was held before and comes back, it is as new.
	putBody = say(`INSERT INTO record_version (source, kind, key, hash, version, changed, deleted, media, recorded, body)
		SELECT k.source, k.kind, k.key, k.hash, k.version, k.changed, k.deleted, k.media, k.recorded, k.body FROM {rows} WHERE true
		ON CONFLICT (source, kind, key, hash) DO UPDATE SET version = excluded.version, changed = excluded.changed, deleted = excluded.deleted,
		media = excluded.media, recorded = excluded.recorded, body = excluded.body`, "source kind key hash:bytes version changed:int deleted:int media recorded:int body:bytes")
	putLateBody = say(`INSERT INTO record_version (source, kind, key, hash, version, changed, deleted, media, recorded, body)
		SELECT k.source, k.kind, k.key, k.hash, k.version, k.changed, k.deleted, k.media, k.recorded, k.body FROM {rows} WHERE true ON CONFLICT DO NOTHING`,
		"source kind key hash:bytes version changed:int deleted:int media recorded:int body:bytes")
	putRecord = say(`INSERT INTO record (source, kind, key, version, changed, deleted, derived, media, hash, recorded)
		SELECT k.source, k.kind, k.key, k.version, k.changed, k.deleted, k.derived, k.media, k.hash, k.recorded FROM {rows}`,
		"source kind key version changed:int deleted:int derived:int media hash:bytes recorded:int")
	setRecord = change(`UPDATE record SET version = k.version, changed = k.changed, deleted = k.deleted, derived = k.derived, media = k.media, hash = k.hash, recorded = k.recorded
		FROM {rows} WHERE record.source = k.source AND record.kind = k.kind AND record.key = k.key`,
		"source kind key version changed:int deleted:int derived:int media hash:bytes recorded:int")
)

// keepRecord keeps the bytes among the record's versions, and says which of them is held.
func (w *work) keepRecord(e ledger.Entry, rank ledger.Rank, newest, replaces bool) {
	r, hash := e.Record, bytes.Clone(rank.Hash[:])
	put := &putBody
	if !newest {
		put = &putLateBody
	}
	w.say(put, w.source, r.Kind, r.Key, hash, r.Version, micros(rank.Changed), flag(r.Deleted), r.Media, micros(w.at),
		w.sealed(w.partition(e), atRecord(w.source, r.Kind, r.Key, hash), bytesOf(r.Body)))
	if !newest {
		return
	}
	set := &putRecord
	if replaces {
		set = &setRecord
	}
	w.say(set, w.source, r.Kind, r.Key, r.Version, micros(rank.Changed), flag(r.Deleted), flag(e.Derived), r.Media, hash, micros(w.at))
}

type rankRow struct {
	Version string
	Changed int64
	Deleted bool
	Hash    []byte
}

func (r rankRow) rank() ledger.Rank {
	out := ledger.Rank{Changed: timeOf(r.Changed), Version: r.Version, Deleted: r.Deleted}
	copy(out.Hash[:], r.Hash)
	return out
}

// Booleans are kept as 0 and 1.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// bytesOf never gives NULL: an empty body is a body.
func bytesOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// errNone is what readers return where nothing is found.
func errNone(what string) error { return fmt.Errorf("%s: %w", what, care.ErrNotFound) }
