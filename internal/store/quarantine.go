package store

import (
	"context"
	"fmt"

	"samsyn/internal/ingest/ledger"
)

// seen is the ledger's line about a key.
func (w *work) seen(source, kind, key string) (ledger.Seen, bool, error) {
	var row ledgerRow
	found, err := w.get(&row, `SELECT kind, key, stamp, revision, outcome FROM ledger WHERE source = $1 AND kind = $2 AND key = $3`, source, kind, key)
	return row.seen(), found, err
}

type ledgerRow struct {
	Kind     string `db:"kind"`
	Key      string `db:"key"`
	Stamp    []byte `db:"stamp"`
	Revision string `db:"revision"`
	Outcome  string `db:"outcome"`
}

func (r ledgerRow) seen() ledger.Seen {
	s := ledger.Seen{Revision: r.Revision, Outcome: ledger.Outcome(r.Outcome)}
	copy(s.Stamp[:], r.Stamp)
	return s
}

// setLedger writes the line where it differs.
func (w *work) setLedger(source string, e ledger.Entry, stamp [32]byte, out ledger.Outcome) error {
	hash := e.Record.Hash()
	return w.exec(`INSERT INTO ledger (source, kind, key, stamp, revision, outcome, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (source, kind, key) DO UPDATE SET revision = excluded.revision, outcome = excluded.outcome,
		hash = CASE WHEN ledger.stamp = excluded.stamp THEN ledger.hash ELSE excluded.hash END, stamp = excluded.stamp
		WHERE ledger.stamp <> excluded.stamp OR ledger.revision <> excluded.revision OR ledger.outcome <> excluded.outcome`,
		source, e.Record.Kind, e.Record.Key, stamp[:], e.Revision, string(out), hash[:])
}

// quarantine writes why an entry could not be used, where that is not yet known.
// The first sighting stays for as long as the bytes are the same.
func (w *work) quarantine(source string, e ledger.Entry, hash [32]byte, body []byte) error {
	if w.held != nil {
		w.held[ledger.Key{Kind: e.Record.Kind, Key: e.Record.Key}] = true
	}
	return w.exec(`INSERT INTO quarantine (source, kind, key, hash, code, reason, place, media, body, first_seen)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (source, kind, key) DO UPDATE SET code = excluded.code, reason = excluded.reason, place = excluded.place,
		media = excluded.media, body = excluded.body, hash = excluded.hash,
		first_seen = CASE WHEN quarantine.hash = excluded.hash THEN quarantine.first_seen ELSE excluded.first_seen END
		WHERE quarantine.hash <> excluded.hash OR quarantine.code <> excluded.code OR quarantine.reason <> excluded.reason OR quarantine.place <> excluded.place`,
		source, e.Record.Kind, e.Record.Key, hash[:], e.Refused.Code, e.Refused.Text, e.Refused.Where, e.Record.Media, body, micros(w.at))
}

// clear takes a key out of quarantine, if it is there: what is there is read once for
// the page, for nearly nothing is.
func (w *work) clear(source, kind, key string) error {
	if w.held == nil {
		var rows []struct {
			Kind string `db:"kind"`
			Key  string `db:"key"`
		}
		if err := w.list(&rows, `SELECT kind, key FROM quarantine WHERE source = $1`, source); err != nil {
			return err
		}
		w.held = map[ledger.Key]bool{}
		for _, r := range rows {
			w.held[ledger.Key{Kind: r.Kind, Key: r.Key}] = true
		}
	}
	k := ledger.Key{Kind: kind, Key: key}
	if !w.held[k] {
		return nil
	}
	delete(w.held, k)
	return w.exec(`DELETE FROM quarantine WHERE source = $1 AND kind = $2 AND key = $3`, source, kind, key)
}

// Quarantined lists what waits to be mended, in a stable order.
func (s *Store) Quarantined(ctx context.Context) ([]ledger.Refusal, error) {
	return s.refusals(ctx, "")
}

// Refusals is Quarantined for one source.
func (s *Store) Refusals(ctx context.Context, source string) ([]ledger.Refusal, error) {
	return s.refusals(ctx, source)
}

// refusals reads the quarantine of a source, or of all for "".
func (s *Store) refusals(ctx context.Context, source string) ([]ledger.Refusal, error) {
	var rows []struct {
		Source    string `db:"source"`
		Kind      string `db:"kind"`
		Key       string `db:"key"`
		Code      string `db:"code"`
		Reason    string `db:"reason"`
		Place     string `db:"place"`
		FirstSeen int64  `db:"first_seen"`
	}
	err := s.read.SelectContext(ctx, &rows, `SELECT source, kind, key, code, reason, place, first_seen FROM quarantine
		WHERE source = $1 OR $1 = '' ORDER BY source, kind, key`, source)
	if err != nil {
		return nil, fmt.Errorf("list quarantine: %w", err)
	}
	out := make([]ledger.Refusal, len(rows))
	for i, r := range rows {
		out[i] = ledger.Refusal{Code: r.Code, Text: r.Reason, Where: r.Place, Source: r.Source, Kind: r.Kind, Key: r.Key, FirstSeen: timeOf(r.FirstSeen)}
	}
	return out, nil
}

// Dismiss takes a fault out of quarantine that can never heal by itself (a file that
// was taken away). A record that is held cannot be dismissed. The error is care.ErrNotFound.
func (s *Store) Dismiss(ctx context.Context, source, kind, key string) error {
	return s.transaction(ctx, func(w *work) error {
		n, err := w.execCount(`DELETE FROM quarantine WHERE source = $1 AND kind = $2 AND key = $3 AND body IS NOT NULL`, source, kind, key)
		if err == nil && n == 0 {
			err = errNone("fault " + kind + " " + key)
		}
		if err != nil {
			return fmt.Errorf("dismiss: %w", err)
		}
		return w.exec(`DELETE FROM ledger WHERE source = $1 AND kind = $2 AND key = $3 AND outcome = 'quarantined'`, source, kind, key)
	})
}
