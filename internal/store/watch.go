package store

import (
	"context"
	"fmt"
	"time"

	"samsyn/internal/ingest/ledger"
)

// Quarantine is how much of each source is in quarantine, and since when the first of it;
// a source without any is absent.
func (s *Store) Quarantine(ctx context.Context) (map[string]ledger.Waiting, error) {
	return s.waiting(ctx, "")
}

// Waiting is Quarantine for one source.
func (s *Store) Waiting(ctx context.Context, source string) (ledger.Waiting, error) {
	all, err := s.waiting(ctx, source)
	return all[source], err
}

func (s *Store) waiting(ctx context.Context, source string) (map[string]ledger.Waiting, error) {
	var rows []struct {
		Source string `db:"source"`
		N      int    `db:"n"`
		Oldest int64  `db:"oldest"`
	}
	if err := s.read.SelectContext(ctx, &rows, `SELECT source, count(*) AS n, min(first_seen) AS oldest FROM quarantine
		WHERE source = $1 OR $1 = '' GROUP BY source`, source); err != nil {
		return nil, fmt.Errorf("count quarantine: %w", err)
	}
	out := map[string]ledger.Waiting{}
	for _, r := range rows {
		out[r.Source] = ledger.Waiting{N: r.N, Oldest: timeOf(r.Oldest)}
	}
	return out, nil
}

// LastCounts gives what became of what the last run of a source listed that listed at
// least so much, whether it went well or not; zero where there was none.
func (s *Store) LastCounts(ctx context.Context, source string, atLeast int) (ledger.Counts, error) {
	var rows []runRow
	err := s.read.SelectContext(ctx, &rows, `SELECT listed, stored, unchanged, quarantined, removed FROM run
		WHERE source = $1 AND listed >= $2 ORDER BY id DESC LIMIT 1`, source, max(atLeast, 1))
	if err != nil {
		return ledger.Counts{}, fmt.Errorf("read last run of %s: %w", source, err)
	}
	if len(rows) == 0 {
		return ledger.Counts{}, nil
	}
	r := rows[0]
	return ledger.Counts{Listed: r.Listed, Stored: r.Stored, Unchanged: r.Unchanged, Quarantined: r.Quarantined, Removed: r.Removed}, nil
}

// NoteClock keeps how far a source's clock is ahead of ours, in whole seconds, and since
// when, where it is another than before.
func (s *Store) NoteClock(ctx context.Context, source string, skew time.Duration) error {
	us := skew.Truncate(time.Second).Microseconds()
	var held []int64
	err := s.read.SelectContext(ctx, &held, `SELECT skew FROM source WHERE source = $1`, source)
	if err == nil && (len(held) == 0 || held[0] == us) {
		return nil
	}
	if err == nil {
		err = s.transaction(ctx, func(w *work) error {
			return w.exec(`UPDATE source SET skew = $2, skew_since = $3 WHERE source = $1`, source, us, micros(w.at))
		})
	}
	if err != nil {
		return fmt.Errorf("note the clock of %s: %w", source, err)
	}
	return nil
}
