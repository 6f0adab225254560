package store

import (
	"context"
	"fmt"

	"samsyn/internal/ingest/ledger"
)

var (
	putLedger = say(`INSERT INTO ledger (source, kind, key, stamp, revision, outcome, hash) SELECT k.source, k.kind, k.key, k.stamp, k.revision, k.outcome, k.hash FROM {rows} WHERE true
		ON CONFLICT (source, kind, key) DO UPDATE SET stamp = excluded.stamp, revision = excluded.revision, outcome = excluded.outcome, hash = excluded.hash`,
		"source kind key stamp:bytes revision outcome hash:bytes")
	setLedger = change(`UPDATE ledger SET stamp = k.stamp, revision = k.revision, outcome = k.outcome, hash = k.hash
		FROM {rows} WHERE ledger.source = k.source AND ledger.kind = k.kind AND ledger.key = k.key`,
		"source kind key stamp:bytes revision outcome hash:bytes")
	putQuarantine = say(`INSERT INTO quarantine (source, kind, key, hash, code, reason, place, media, body, first_seen)
		SELECT k.source, k.kind, k.key, k.hash, k.code, k.reason, k.place, k.media, k.body, k.seen FROM {rows} WHERE true
		ON CONFLICT (source, kind, key) DO UPDATE SET code = excluded.code, reason = excluded.reason, place = excluded.place,
		media = excluded.media, body = excluded.body, hash = excluded.hash,
		first_seen = CASE WHEN quarantine.hash = excluded.hash THEN quarantine.first_seen ELSE excluded.first_seen END
		WHERE quarantine.hash <> excluded.hash OR quarantine.code <> excluded.code OR quarantine.reason <> excluded.reason OR quarantine.place <> excluded.place`,
		"source kind key hash:bytes code reason place media body:bytes seen:int")
	dropQuarantine = say(`DELETE FROM quarantine WHERE (source, kind, key) IN (SELECT k.source, k.kind, k.key FROM {rows})`, "source kind key")
)

// setLedger writes the line where it differs.
func (w *work) setLedger(e ledger.Entry, stamp, hash [32]byte, out ledger.Outcome) {
	before := w.of(e)
	if string(before.Stamp) == string(stamp[:]) && before.Seen == e.Revision && before.Outcome == string(out) && string(before.LineHash) == string(hash[:]) {
		return
	}
	put := &putLedger
	if before.Stamp != nil {
		put = &setLedger
	}
	w.say(put, w.source, e.Record.Kind, e.Record.Key, stamp[:], e.Revision, string(out), hash[:])
}

// quarantine writes why an entry could not be used, where that is not yet known.
// The first sighting stays for as long as the bytes are the same.
func (w *work) quarantine(e ledger.Entry, hash [32]byte, body []byte) {
	kind, key := e.Record.Kind, e.Record.Key
	if h := w.of(e); h != nil && h.Quarantined && string(h.WaitHash) == string(hash[:]) && h.WaitCode == e.Refused.Code { // what is sealed is compared here
		reason, err1 := w.s.openedText(w.ctx, atQuarantine("reason", w.source, kind, key), h.WaitReason)
		place, err2 := w.s.openedText(w.ctx, atQuarantine("place", w.source, kind, key), h.WaitPlace)
		if err1 == nil && err2 == nil && reason == storable(e.Refused.Text) && place == storable(e.Refused.Where) {
			return
		}
	}
	p := w.partition(e)
	if body != nil {
		body = w.sealed(p, atQuarantine("body", w.source, kind, key+string(hash[:])), body)
	}
	w.say(&putQuarantine, w.source, kind, key, hash[:], e.Refused.Code, w.sealedText(p, atQuarantine("reason", w.source, kind, key), e.Refused.Text),
		w.sealedText(p, atQuarantine("place", w.source, kind, key), e.Refused.Where), e.Record.Media, body, micros(w.at))
}

// clear takes an entry out of quarantine, if it is there.
func (w *work) clear(e ledger.Entry) {
	if w.of(e).Quarantined {
		w.say(&dropQuarantine, w.source, e.Record.Kind, e.Record.Key)
	}
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
		if r.Reason, err = s.openedText(ctx, atQuarantine("reason", r.Source, r.Kind, r.Key), r.Reason); err == nil {
			r.Place, err = s.openedText(ctx, atQuarantine("place", r.Source, r.Kind, r.Key), r.Place)
		}
		if err != nil {
			return nil, fmt.Errorf("list quarantine: %w", err)
		}
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
	}, pageLocks(source, "")...)
}
