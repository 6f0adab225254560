package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
)

// Lines streams the ledger of a source by kind and key in byte order, for a full
// compare. versions asks for the held records' versions and times of change too, which
// costs a look at each. The reading sees one moment of the store.
func (s *Store) Lines(ctx context.Context, source string, versions bool) iter.Seq2[ledger.Line, error] {
	query := `SELECT kind, key, hash, outcome = 'removed' FROM ledger WHERE source = $1 ORDER BY kind, key`
	if versions {
		query = `SELECT l.kind, l.key, l.hash, l.outcome = 'removed', coalesce(r.version, ''), coalesce(r.changed, 0), r.key IS NULL FROM ledger l
			LEFT JOIN record r ON r.source = l.source AND r.kind = l.kind AND r.key = l.key WHERE l.source = $1 ORDER BY l.kind, l.key`
	}
	return func(yield func(ledger.Line, error) bool) {
		fail := func(err error) { yield(ledger.Line{}, fmt.Errorf("read ledger of %s: %w", source, err)) }
		rows, err := s.read.QueryRows(ctx, query, source) // prepared: hashes come as bytes, not as digits
		if err != nil {
			fail(err)
			return
		}
		defer rows.Close() // its error comes with rows.Err
		var l ledger.Line
		var kind, hash sql.RawBytes // valid until the next row
		var changed int64
		into := []any{&kind, &l.Key.Key, &hash, &l.Removed}
		if versions {
			into = append(into, &l.Version, &changed, &l.Unread)
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				fail(err)
				return
			}
			if string(kind) != l.Kind {
				l.Kind = string(kind)
			}
			copy(l.Hash[:], hash)
			l.Changed = timeOf(changed)
			if !yield(l, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			fail(err)
		}
	}
}

// Held gives what is held under the keys; a key that was never seen is absent.
func (s *Store) Held(ctx context.Context, source string, keys []ledger.Key) (map[ledger.Key]ledger.Held, error) {
	out := make(map[ledger.Key]ledger.Held, len(keys))
	err := eachKind(keys, func(kind string, ks []string) error { return s.heldOf(ctx, out, source, kind, ks) })
	if err != nil {
		return nil, fmt.Errorf("read what is held of %s: %w", source, err)
	}
	unstorable(out, keys)
	return out, nil
}

func (s *Store) heldOf(ctx context.Context, out map[ledger.Key]ledger.Held, source, kind string, keys []string) error {
	var rows []struct {
		Kind     string `db:"kind"`
		Key      string `db:"key"`
		Hash     []byte `db:"hash"`
		Outcome  string `db:"outcome"`
		Record   bool   `db:"held"`
		Version  string `db:"version"`
		Changed  int64  `db:"changed"`
		Deleted  bool   `db:"deleted"`
		Recorded int64  `db:"recorded"`
		Code     string `db:"code"`
		Reason   string `db:"reason"`
		Person   string `db:"person"`
	}
	err := s.selectKeys(ctx, &rows, `SELECT l.kind, l.key, l.hash, l.outcome, r.key IS NOT NULL AS held, coalesce(r.version, '') AS version,
		coalesce(r.changed, 0) AS changed, coalesce(r.deleted, 0) AS deleted, coalesce(r.recorded, 0) AS recorded,
		coalesce(q.code, '') AS code, coalesce(q.reason, '') AS reason, coalesce(u.person, '') AS person
		FROM ledger l
		LEFT JOIN record r ON r.source = l.source AND r.kind = l.kind AND r.key = l.key
		LEFT JOIN quarantine q ON q.source = l.source AND q.kind = l.kind AND q.key = l.key
		LEFT JOIN contribution c ON c.source = l.source AND c.kind = l.kind AND c.key = l.key
		LEFT JOIN subject u ON u.source = c.source AND u.subject = c.subject
		WHERE l.source = $1 AND l.kind = $2 AND l.key {keys}`, source, kind, keys)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.Reason, err = s.openedText(ctx, atQuarantine("reason", source, r.Kind, r.Key), r.Reason); err != nil {
			return err
		}
		h := ledger.Held{Line: ledger.Line{Key: ledger.Key{Kind: r.Kind, Key: r.Key}, Removed: r.Outcome == string(ledger.Removed), Version: r.Version, Changed: timeOf(r.Changed)},
			Outcome: ledger.Outcome(r.Outcome), Record: r.Record, Deleted: r.Deleted, Recorded: timeOf(r.Recorded), Code: r.Code, Reason: r.Reason, Person: care.PersonID(r.Person)}
		copy(h.Hash[:], r.Hash)
		out[h.Key] = h
	}
	return nil
}

// LastBegun is when the last run that read the source's changes without failing began,
// zero where there was none. What the source says to have changed before it should have been seen.
func (s *Store) LastBegun(ctx context.Context, source string) (time.Time, error) {
	var us int64
	err := s.read.GetContext(ctx, &us, `SELECT coalesce(max(started), 0) FROM run WHERE source = $1 AND failure = '' AND finished IS NOT NULL AND who NOT IN ('reconcile', 'remap')`, source)
	if err != nil {
		return time.Time{}, fmt.Errorf("read last run of %s: %w", source, err)
	}
	return timeOf(us), nil
}

var putDifference = say(`INSERT INTO reconciliation_line (reconciliation, seq, kind, key, finding, result, reason, person)
	SELECT k.reconciliation, k.seq, k.kind, k.key, k.finding, k.result, k.reason, k.person FROM {rows}`, "reconciliation:int seq:int kind key finding result reason person")

// PutReconciliation keeps a report with all its lines and gives its number.
func (s *Store) PutReconciliation(ctx context.Context, r ledger.Reconciliation) (id int64, err error) {
	err = s.transaction(ctx, func(w *work) error {
		err := w.get1(&id, `INSERT INTO reconciliation (source, who, started, finished, method, listed, held, equal, fresh, changed, back_dated, returned, vanished, repaired, refused, failure, asks, lines_left)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) RETURNING id`,
			r.Source, r.Who, micros(r.Started), micros(r.Finished), r.Method, r.Listed, r.Held, r.Equal, r.New, r.Changed, r.BackDated, r.Returned, r.Vanished, r.Repaired, r.Refused, r.Failure, r.Asks, r.Left)
		if err != nil {
			return err
		}
		if w.source = r.Source; len(r.Lines) > 0 {
			if err := w.findHome(); err != nil {
				return err
			}
		}
		rows := make([][]any, len(r.Lines))
		for i, d := range r.Lines {
			rows[i] = []any{id, int64(i), d.Kind, d.Key, string(d.Finding), string(d.Result), w.sealedText(w.home, atLine(id, int64(i)), d.Reason), string(d.Person)}
		}
		return w.tell(&putDifference, rows)
	})
	if err != nil {
		return 0, fmt.Errorf("keep reconciliation of %s: %w", r.Source, err)
	}
	return id, nil
}

type reconciliationRow struct {
	ID        int64  `db:"id"`
	Source    string `db:"source"`
	Who       string `db:"who"`
	Started   int64  `db:"started"`
	Finished  int64  `db:"finished"`
	Method    string `db:"method"`
	Listed    int    `db:"listed"`
	Held      int    `db:"held"`
	Equal     int    `db:"equal"`
	Fresh     int    `db:"fresh"`
	Changed   int    `db:"changed"`
	BackDated int    `db:"back_dated"`
	Returned  int    `db:"returned"`
	Vanished  int    `db:"vanished"`
	Repaired  int    `db:"repaired"`
	Refused   int    `db:"refused"`
	Failure   string `db:"failure"`
	Asks      string `db:"asks"`
	Left      int    `db:"lines_left"`
}

func (r reconciliationRow) report() ledger.Reconciliation {
	return ledger.Reconciliation{ID: r.ID, Source: r.Source, Who: r.Who, Started: timeOf(r.Started), Finished: timeOf(r.Finished), Method: r.Method,
		Listed: r.Listed, Held: r.Held, Equal: r.Equal, New: r.Fresh, Changed: r.Changed, BackDated: r.BackDated, Returned: r.Returned, Vanished: r.Vanished,
		Repaired: r.Repaired, Refused: r.Refused, Failure: r.Failure, Asks: r.Asks, Left: r.Left}
}

const reconciliationColumns = `id, source, who, started, finished, method, listed, held, equal, fresh, changed, back_dated, returned, vanished, repaired, refused, failure, asks, lines_left`

// Reconciliations lists the last reports without their lines, newest first, at most
// limit of them (0: all); of one source, or of all for "".
func (s *Store) Reconciliations(ctx context.Context, source string, limit int) ([]ledger.Reconciliation, error) {
	if limit <= 0 {
		limit = 1 << 31
	}
	var rows []reconciliationRow
	err := s.read.SelectContext(ctx, &rows, `SELECT `+reconciliationColumns+` FROM reconciliation WHERE source = $1 OR $1 = '' ORDER BY id DESC LIMIT $2`, source, limit)
	if err != nil {
		return nil, fmt.Errorf("list reconciliations: %w", err)
	}
	out := make([]ledger.Reconciliation, len(rows))
	for i, r := range rows {
		out[i] = r.report()
	}
	return out, nil
}

// Reconciliation gives one report with its lines; the error is care.ErrNotFound where there is none.
func (s *Store) Reconciliation(ctx context.Context, id int64) (ledger.Reconciliation, error) {
	var rows []reconciliationRow
	var lines []struct {
		Kind    string `db:"kind"`
		Key     string `db:"key"`
		Finding string `db:"finding"`
		Result  string `db:"result"`
		Reason  string `db:"reason"`
		Person  string `db:"person"`
	}
	err := errors.Join(
		s.read.SelectContext(ctx, &rows, `SELECT `+reconciliationColumns+` FROM reconciliation WHERE id = $1`, id),
		s.read.SelectContext(ctx, &lines, `SELECT kind, key, finding, result, reason, person FROM reconciliation_line WHERE reconciliation = $1 ORDER BY seq`, id))
	if err != nil {
		return ledger.Reconciliation{}, fmt.Errorf("read reconciliation: %w", err)
	}
	if len(rows) == 0 {
		return ledger.Reconciliation{}, errNone("reconciliation")
	}
	out := rows[0].report()
	for i, l := range lines {
		if l.Reason, err = s.openedText(ctx, atLine(id, int64(i)), l.Reason); err != nil {
			return ledger.Reconciliation{}, fmt.Errorf("read reconciliation: %w", err)
		}
		out.Lines = append(out.Lines, ledger.Difference{Kind: l.Kind, Key: l.Key, Finding: ledger.Finding(l.Finding), Result: ledger.Result(l.Result), Reason: l.Reason, Person: care.PersonID(l.Person)})
	}
	return out, nil
}
