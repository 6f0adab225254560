package store

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"time"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
)

// Begin notes that a reading of a source starts and says where the last one left it.
// The source is written as it is configured now.
func (s *Store) Begin(ctx context.Context, src ledger.Source, who string) (run int64, since adapters.Cursor, err error) {
	err = s.transaction(ctx, func(w *work) error {
		if err := w.exec(`INSERT INTO source (source, system, service, title) VALUES ($1, $2, $3, $4)
			ON CONFLICT (source) DO UPDATE SET system = excluded.system, service = excluded.service, title = excluded.title
			WHERE source.system <> excluded.system OR source.service <> excluded.service OR source.title <> excluded.title`,
			src.Name, src.System, string(src.Service), src.Title); err != nil {
			return err
		}
		if err := w.cursor(&since, src); err != nil {
			return err
		}
		return w.get1(&run, `INSERT INTO run (source, shard, who, started) VALUES ($1, $2, $3, $4) RETURNING id`, src.Name, src.Shard, who, micros(w.at))
	})
	if err != nil {
		return 0, "", fmt.Errorf("begin run of %s: %w", src.Name, err)
	}
	return run, since, nil
}

// cursor is where the last saved page left the source, or the shard of it that is read.
func (w *work) cursor(since *adapters.Cursor, src ledger.Source) error {
	var held string
	var err error
	if src.Shard == "" {
		err = w.get1(&held, `SELECT cursor FROM source WHERE source = $1`, src.Name)
	} else {
		_, err = w.get(&held, `SELECT cursor FROM shard WHERE source = $1 AND shard = $2`, src.Name, src.Shard)
	}
	if err == nil {
		held, err = w.s.openedText(w.ctx, atCursor(src.Name, src.Shard), held)
	}
	*since = adapters.Cursor(held)
	return err
}

// End notes that a run is over, and its failure ("" where it went well; without personal data).
func (s *Store) End(ctx context.Context, run int64, failure string) error {
	err := s.transaction(ctx, func(w *work) error {
		return w.exec(`UPDATE run SET finished = $2, failure = $3 WHERE id = $1`, run, micros(w.at), failure)
	})
	if err != nil {
		return fmt.Errorf("end run: %w", err)
	}
	return nil
}

type runRow struct {
	ID          int64  `db:"id"`
	Source      string `db:"source"`
	Shard       string `db:"shard"`
	Who         string `db:"who"`
	Started     int64  `db:"started"`
	Finished    *int64 `db:"finished"`
	Listed      int    `db:"listed"`
	Stored      int    `db:"stored"`
	Unchanged   int    `db:"unchanged"`
	Quarantined int    `db:"quarantined"`
	Removed     int    `db:"removed"`
	Failure     string `db:"failure"`
}

// Runs lists the last runs, newest first, at most limit of them (0: all).
func (s *Store) Runs(ctx context.Context, limit int) ([]ledger.Run, error) {
	if limit <= 0 {
		limit = 1 << 31
	}
	var rows []runRow
	if err := s.read.SelectContext(ctx, &rows, `SELECT id, source, shard, who, started, finished, listed, stored, unchanged, quarantined, removed, failure
		FROM run ORDER BY id DESC LIMIT $1`, limit); err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	out := make([]ledger.Run, len(rows))
	for i, r := range rows {
		out[i] = ledger.Run{ID: r.ID, Source: r.Source, Shard: r.Shard, Who: r.Who, Started: timeOf(r.Started), Failure: r.Failure,
			Counts: ledger.Counts{Listed: r.Listed, Stored: r.Stored, Unchanged: r.Unchanged, Quarantined: r.Quarantined, Removed: r.Removed}}
		if r.Finished != nil {
			out[i].Finished = timeOf(*r.Finished)
		}
	}
	return out, nil
}

// SourceStates is what is known of every source, in the order of their names.
func (s *Store) SourceStates(ctx context.Context) ([]care.SourceState, error) {
	var rows []struct {
		Source  string `db:"source"`
		System  string `db:"system"`
		Service string `db:"service"`
		Title   string `db:"title"`
		Success int64  `db:"success"`
		Failed  int64  `db:"failed"`
		Failure string `db:"failure"`
		Skew    int64  `db:"skew"`
		Since   int64  `db:"skew_since"`
	}
	err := s.read.SelectContext(ctx, &rows, `SELECT s.source, s.system, s.service, s.title, s.skew, s.skew_since,
		coalesce((SELECT max(finished) FROM run r WHERE r.source = s.source AND r.failure = '' AND r.who <> 'remap'), 0) AS success,
		coalesce((SELECT max(finished) FROM run r WHERE r.source = s.source AND r.failure <> '' AND r.who <> 'remap'), 0) AS failed,
		coalesce((SELECT failure FROM run r WHERE r.source = s.source AND r.failure <> '' AND r.who <> 'remap' ORDER BY r.id DESC LIMIT 1), '') AS failure
		FROM source s ORDER BY s.source`)
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	out := make([]care.SourceState, len(rows))
	for i, r := range rows {
		out[i] = care.SourceState{Source: r.Source, System: r.System, Service: care.Service(r.Service), Title: r.Title,
			LastSuccess: timeOf(r.Success), LastFailure: timeOf(r.Failed), Failure: r.Failure,
			Skew: time.Duration(r.Skew) * time.Microsecond, SkewSince: timeOf(r.Since)}
	}
	return out, nil
}

type recordRow struct {
	Kind    string `db:"kind"`
	Key     string `db:"key"`
	Grp     string `db:"grp"`
	Version string `db:"version"`
	Changed int64  `db:"changed"`
	Deleted bool   `db:"deleted"`
	Media   string `db:"media"`
	Hash    []byte `db:"hash"`
	Body    []byte `db:"body"`
}

// recordsHeld reads what is held under each key, with its bytes. They are looked up one by
// one, whatever the planner knows of the tables.
const recordsHeld = `SELECT r.kind, r.key, '' AS grp, r.version, r.changed, r.deleted, r.media, r.hash, (SELECT v.body FROM record_version v
	WHERE v.source = r.source AND v.kind = r.kind AND v.key = r.key AND v.hash = r.hash) AS body FROM record r`

// open opens the body of a record of a source.
func (r recordRow) open(ctx context.Context, s *Store, source string) (_ adapters.Record, err error) {
	if r.Body, err = s.opened(ctx, atRecord(source, r.Kind, r.Key, r.Hash), r.Body); err != nil {
		return adapters.Record{}, fmt.Errorf("%s %s of %s: %w", r.Kind, r.Key, source, err)
	}
	rec := r.record()
	if len(rec.Body) == 0 { // said so, or the version is gone
		if sum := rec.Hash(); !bytes.Equal(sum[:], r.Hash) {
			return adapters.Record{}, fmt.Errorf("%s %s of %s: %w", r.Kind, r.Key, source, errDamaged)
		}
	}
	return rec, nil
}

func (r recordRow) record() adapters.Record {
	return adapters.Record{Kind: r.Kind, Key: r.Key, Group: r.Grp, Version: r.Version, Changed: timeOf(r.Changed), Media: r.Media, Body: r.Body, Deleted: r.Deleted}
}

// Parts gives every part that was ever received of a whole, earlier bytes of the
// same key included, in a stable order.
func (s *Store) Parts(ctx context.Context, source, group string) ([]adapters.Record, error) {
	var rows []recordRow
	err := s.read.SelectContext(ctx, &rows, `SELECT kind, key, grp, version, changed, deleted, media, hash, body FROM part
		WHERE source = $1 AND grp = $2 ORDER BY kind, key, hash`, source, storable(group))
	if err != nil {
		return nil, fmt.Errorf("read parts of %s: %w", source, err)
	}
	out := make([]adapters.Record, len(rows))
	for i, r := range rows {
		if r.Body, err = s.opened(ctx, atPart(source, r.Grp, r.Kind, r.Key, r.Hash), r.Body); err != nil {
			return nil, fmt.Errorf("read part %s %s of %s: %w", r.Kind, r.Key, source, err)
		}
		out[i] = r.record()
	}
	return out, nil
}

// Groups lists the wholes of which a source gave parts.
func (s *Store) Groups(ctx context.Context, source string) ([]string, error) {
	var out []string
	err := s.read.SelectContext(ctx, &out, `SELECT DISTINCT grp FROM part WHERE source = $1 ORDER BY grp`, source)
	if err != nil {
		return nil, fmt.Errorf("list groups of %s: %w", source, err)
	}
	return out, nil
}

// Records streams the newest version of every record that a source gave (no parts
// and nothing assembled), by kind and key. No read is open between the pages of
// 500, so the caller may save while it reads.
func (s *Store) Records(ctx context.Context, source string) iter.Seq2[adapters.Record, error] {
	return func(yield func(adapters.Record, error) bool) {
		const atOnce = 500
		kind, key := "", ""
		for {
			var rows []recordRow
			err := s.read.SelectContext(ctx, &rows, recordsHeld+`
				WHERE r.source = $1 AND r.derived = 0 AND (r.kind, r.key) > ($2, $3) ORDER BY r.kind, r.key LIMIT $4`, source, kind, key, atOnce)
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

// pend notes an outcome that the source is to be told.
func (w *work) pend(e ledger.Entry, out ledger.Outcome) {
	var code, reason string
	if out == ledger.Quarantined && e.Refused != nil {
		code, reason = e.Refused.Code, e.Refused.Text
	}
	w.say(&putPending, w.source, e.Record.Kind, e.Record.Key, flag(out != ledger.Quarantined), code, w.sealedText(w.partition(e), atPending(w.source, e.Record.Kind, e.Record.Key), reason))
}

var (
	putPending = say(`INSERT INTO pending (source, kind, key, stored, code, reason) SELECT k.source, k.kind, k.key, k.stored, k.code, k.reason FROM {rows} WHERE true
		ON CONFLICT (source, kind, key) DO UPDATE SET stored = excluded.stored, code = excluded.code, reason = excluded.reason`, "source kind key stored:int code reason")
	dropPending = say(`DELETE FROM pending WHERE (source, kind, key) IN (SELECT k.source, k.kind, k.key FROM {rows})`, "source kind key")
)

// Pending lists the outcomes that a source has not been told yet.
func (s *Store) Pending(ctx context.Context, source string) ([]ledger.Pending, error) {
	var rows []struct {
		Kind   string `db:"kind"`
		Key    string `db:"key"`
		Stored bool   `db:"stored"`
		Code   string `db:"code"`
		Reason string `db:"reason"`
	}
	err := s.read.SelectContext(ctx, &rows, `SELECT kind, key, stored, code, reason FROM pending WHERE source = $1 ORDER BY kind, key`, source)
	if err != nil {
		return nil, fmt.Errorf("read pending outcomes of %s: %w", source, err)
	}
	out := make([]ledger.Pending, len(rows))
	for i, r := range rows {
		if r.Reason, err = s.openedText(ctx, atPending(source, r.Kind, r.Key), r.Reason); err != nil {
			return nil, fmt.Errorf("read pending outcomes of %s: %w", source, err)
		}
		out[i] = ledger.Pending(r)
	}
	return out, nil
}

// Acknowledged notes that the source was told.
func (s *Store) Acknowledged(ctx context.Context, source string, keys []ledger.Key) error {
	err := s.transaction(ctx, func(w *work) error {
		var rows [][]any
		for _, k := range keys {
			rows = append(rows, []any{source, storable(k.Kind), storable(k.Key)})
		}
		return w.tell(&dropPending, rows)
	})
	if err != nil {
		return fmt.Errorf("note acknowledgements of %s: %w", source, err)
	}
	return nil
}
