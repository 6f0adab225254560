package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ingest/ledger"
)

// Save keeps one page: its records, contributions with history and lineage,
// ledger, subjects, quarantine, cursor and the run's counts, in one transaction.
// It returns what became of them, or an error and nothing is changed. What is
// already so is not written again.
func (s *Store) Save(ctx context.Context, b ledger.Batch) (ledger.Saved, error) {
	counts, outcomes := b.Counts, make([]ledger.Outcome, len(b.Entries))
	err := s.transaction(ctx, func(w *work) error {
		w.at = b.At
		if err := w.fence(ledger.LeaseName(b.Source, b.Shard), b.Fence); err != nil {
			return err
		}
		for i, e := range b.Entries {
			out, err := w.entry(b, e)
			if outcomes[i] = out; err != nil {
				return fmt.Errorf("%s %s: %w", e.Record.Kind, e.Record.Key, err)
			}
			if !e.Uncounted && !e.Derived {
				counts.Add(out, 1)
			}
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
	})
	if err != nil {
		return ledger.Saved{}, fmt.Errorf("save page of %s: %w", b.Source, err)
	}
	return ledger.Saved{Counts: counts, Outcomes: outcomes}, nil
}

// moveCursor notes where the page leaves the source, or the shard of it that is read.
func (w *work) moveCursor(b ledger.Batch) error {
	if b.Shard == "" {
		return w.exec(`UPDATE source SET cursor = $2 WHERE source = $1 AND cursor <> $2`, b.Source, string(b.Next))
	}
	return w.exec(`INSERT INTO shard (source, shard, cursor) VALUES ($1, $2, $3)
		ON CONFLICT (source, shard) DO UPDATE SET cursor = excluded.cursor WHERE shard.cursor <> excluded.cursor`, b.Source, b.Shard, string(b.Next))
}

// work is one write transaction with its statements prepared once.
type work struct {
	ctx     context.Context
	s       *Store
	tx      *sqlx.Tx
	stmts   map[string]*sqlx.Stmt
	at      time.Time
	rules   map[string]int64          // rules met in this transaction
	touched map[identity.Subject]bool // subjects whose claims changed
	loose   []identity.NumberID       // numbers that a claim states no more
	held    map[ledger.Key]bool       // what the source has in quarantine; nil until asked
	met     map[string]bool           // numbers and subjects known to be kept
}

// transaction runs f in one write transaction: all of it is kept, or nothing.
func (s *Store) transaction(ctx context.Context, f func(*work) error) (err error) {
	tx, err := s.write.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			if rb := tx.Rollback(); rb != nil && !errors.Is(rb, sql.ErrTxDone) {
				err = errors.Join(err, rb)
			}
		}
	}()
	w := &work{ctx: ctx, s: s, tx: tx, stmts: map[string]*sqlx.Stmt{}, at: s.now(), rules: map[string]int64{}, touched: map[identity.Subject]bool{}, met: map[string]bool{}}
	if err := f(w); err != nil {
		return err
	}
	return tx.Commit()
}

func (w *work) prepared(query string) (*sqlx.Stmt, error) {
	if st := w.stmts[query]; st != nil {
		return st, nil
	}
	st, err := w.tx.PreparexContext(w.ctx, query)
	if err != nil {
		return nil, err
	}
	w.stmts[query] = st // closed with the transaction
	return st, nil
}

func (w *work) exec(query string, args ...any) error {
	_, err := w.execCount(query, args...)
	return err
}

func (w *work) execCount(query string, args ...any) (int64, error) {
	st, err := w.prepared(query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(w.ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// get reads one row; found is false where there is none.
func (w *work) get(dest any, query string, args ...any) (found bool, err error) {
	st, err := w.prepared(query)
	if err != nil {
		return false, err
	}
	err = st.GetContext(w.ctx, dest, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (w *work) list(dest any, query string, args ...any) error {
	st, err := w.prepared(query)
	if err != nil {
		return err
	}
	return st.SelectContext(w.ctx, dest, args...)
}

// entry keeps one entry and says what became of it.
func (w *work) entry(b ledger.Batch, e ledger.Entry) (ledger.Outcome, error) {
	var out ledger.Outcome
	var err error
	switch {
	case e.Record.Key == "" || (e.Fault && e.Refused == nil):
		return "", fmt.Errorf("an entry without key or reason: %w", care.ErrInvalid)
	case e.Fault:
		out, err = w.fault(b.Source, e)
	case e.Part:
		out, err = w.part(b.Source, e)
	default:
		out, err = w.record(b.Source, e)
	}
	if err != nil || !b.Acknowledge || e.Derived || e.Uncounted {
		return out, err
	}
	return out, w.pend(b.Source, e, out)
}

// fault quarantines what is not a record, with the bytes that were read.
func (w *work) fault(source string, e ledger.Entry) (ledger.Outcome, error) {
	if err := w.quarantine(source, e, e.Stamp(), bytesOf(e.Record.Body)); err != nil {
		return "", err
	}
	return ledger.Quarantined, w.setLedger(source, e, e.Stamp(), ledger.Quarantined)
}

// part keeps the bytes of a part of a whole, and what became of it as such.
func (w *work) part(source string, e ledger.Entry) (ledger.Outcome, error) {
	r, hash := e.Record, e.Record.Hash()
	added, err := w.execCount(`INSERT INTO part (source, grp, kind, key, hash, version, changed, deleted, media, recorded, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
		source, r.Group, r.Kind, r.Key, hash[:], r.Version, micros(r.Changed), flag(r.Deleted), r.Media, micros(w.at), bytesOf(r.Body))
	if err != nil {
		return "", err
	}
	var before ledger.Seen
	before, _, err = w.seen(source, r.Kind, r.Key)
	if err != nil {
		return "", err
	}
	out := ledger.Stored
	switch {
	case e.Refused != nil:
		out = ledger.Quarantined
		// The same key may have come with other bytes; the row is the key's.
		err = w.quarantine(source, e, [32]byte{}, nil)
	default:
		if r.Deleted {
			out = ledger.Removed
		}
		err = w.clear(source, r.Kind, r.Key)
	}
	if err != nil {
		return "", err
	}
	if added == 0 && before.Outcome == out && before.Revision == e.Revision {
		if out == ledger.Quarantined {
			return out, nil
		}
		return ledger.Unchanged, nil
	}
	// Of several bytes under one key the ledger keeps the greater stamp, in any order.
	stamp := e.Stamp()
	if bytes.Compare(before.Stamp[:], stamp[:]) > 0 {
		stamp = before.Stamp
	}
	return out, w.setLedger(source, e, stamp, out)
}

// record keeps an ordinary record, or a whole assembled from parts.
func (w *work) record(source string, e ledger.Entry) (ledger.Outcome, error) {
	rank := ledger.RankOf(e.Record)
	held, err := w.heldRank(source, e.Record.Kind, e.Record.Key)
	if err != nil {
		return "", err
	}
	if e.Held && (held == nil || held.Hash != rank.Hash) {
		return ledger.Unchanged, nil
	}
	if e.Record.Deleted && e.Record.Changed.IsZero() && held != nil {
		rank.Changed = held.Changed // a deletion without a time is as new as what it deletes
	}
	same := held != nil && held.Hash == rank.Hash
	newest := held == nil || e.Derived || !older(e, rank, *held)
	wrote := false
	switch {
	case !same:
		wrote, err = w.keepRecord(source, e, rank, newest, held != nil)
	case newest && !rank.Equal(*held): // the same again, later
		err = w.exec(`UPDATE record SET version = $4, changed = $5 WHERE source = $1 AND kind = $2 AND key = $3`, source, e.Record.Kind, e.Record.Key, rank.Version, micros(rank.Changed))
	}
	if err != nil {
		return "", err
	}
	if e.Refused != nil {
		return w.refused(source, e, rank, newest)
	}
	said, err := w.contribute(source, e, rank)
	if err != nil {
		return "", err
	}
	wrote = wrote && newest || said
	if newest {
		if err := w.settle(source, e); err != nil {
			return "", err
		}
	}
	switch {
	case !wrote:
		return ledger.Unchanged, nil
	case e.Record.Deleted:
		return ledger.Removed, nil
	}
	return ledger.Stored, nil
}

// older tells whether a version must not replace what is held.
func older(e ledger.Entry, rank, held ledger.Rank) bool {
	if e.Present {
		return rank.Stale(held)
	}
	return rank.Older(held)
}

// refused quarantines a record that could not be used. A version that is older than
// the held one is no longer anybody's concern.
func (w *work) refused(source string, e ledger.Entry, rank ledger.Rank, newest bool) (ledger.Outcome, error) {
	if !newest {
		return ledger.Unchanged, nil
	}
	if e.Derived { // its parts carry the reason
		return ledger.Quarantined, nil
	}
	if err := w.quarantine(source, e, rank.Hash, nil); err != nil {
		return "", err
	}
	return ledger.Quarantined, w.setLedger(source, e, e.Stamp(), ledger.Quarantined)
}

// settle clears the quarantine of a record that is well now and writes its ledger line.
func (w *work) settle(source string, e ledger.Entry) error {
	if e.Derived {
		return nil
	}
	out := ledger.Stored
	if e.Record.Deleted {
		out = ledger.Removed
	}
	if err := w.clear(source, e.Record.Kind, e.Record.Key); err != nil {
		return err
	}
	return w.setLedger(source, e, e.Stamp(), out)
}

// keepRecord keeps the bytes: as the held version where it is the newest, else in the
// history. It tells whether anything was written.
func (w *work) keepRecord(source string, e ledger.Entry, rank ledger.Rank, newest, replaces bool) (bool, error) {
	r := e.Record
	if !newest {
		n, err := w.execCount(`INSERT INTO record_history (source, kind, key, hash, version, changed, deleted, media, recorded, body)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
			source, r.Kind, r.Key, rank.Hash[:], r.Version, micros(rank.Changed), flag(r.Deleted), r.Media, micros(w.at), bytesOf(r.Body))
		return n > 0, err
	}
	if replaces {
		err := w.exec(`INSERT INTO record_history (source, kind, key, hash, version, changed, deleted, media, recorded, body)
			SELECT source, kind, key, hash, version, changed, deleted, media, recorded, body FROM record
			WHERE source = $1 AND kind = $2 AND key = $3 ON CONFLICT DO NOTHING`, source, r.Kind, r.Key)
		if err != nil {
			return false, err
		}
		// What was history and comes back as the newest is history no more.
		if err := w.exec(`DELETE FROM record_history WHERE source = $1 AND kind = $2 AND key = $3 AND hash = $4`, source, r.Kind, r.Key, rank.Hash[:]); err != nil {
			return false, err
		}
	}
	return true, w.exec(`INSERT INTO record (source, kind, key, version, changed, deleted, derived, media, hash, recorded, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (source, kind, key) DO UPDATE SET version = excluded.version, changed = excluded.changed, deleted = excluded.deleted,
		derived = excluded.derived, media = excluded.media, hash = excluded.hash, recorded = excluded.recorded, body = excluded.body`,
		source, r.Kind, r.Key, r.Version, micros(rank.Changed), flag(r.Deleted), flag(e.Derived), r.Media, rank.Hash[:], micros(w.at), bytesOf(r.Body))
}

func (w *work) heldRank(source, kind, key string) (*ledger.Rank, error) {
	var row rankRow
	found, err := w.get(&row, `SELECT version, changed, deleted, hash FROM record WHERE source = $1 AND kind = $2 AND key = $3`, source, kind, key)
	if err != nil || !found {
		return nil, err
	}
	r := row.rank()
	return &r, nil
}

type rankRow struct {
	Version string `db:"version"`
	Changed int64  `db:"changed"`
	Deleted bool   `db:"deleted"`
	Hash    []byte `db:"hash"`
}

func (r rankRow) rank() ledger.Rank {
	out := ledger.Rank{Changed: timeOf(r.Changed), Version: r.Version, Deleted: r.Deleted}
	copy(out.Hash[:], r.Hash)
	return out
}

// Booleans are kept as 0 and 1.
func flag(b bool) int {
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
