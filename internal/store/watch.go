package store

import (
	"context"
	"fmt"
)

// QuarantineSizes is how many records of each source could not be used; a source without
// any is absent.
func (s *Store) QuarantineSizes(ctx context.Context) (map[string]int, error) {
	var rows []struct {
		Source string `db:"source"`
		N      int    `db:"n"`
	}
	if err := s.read.SelectContext(ctx, &rows, `SELECT source, count(*) AS n FROM quarantine GROUP BY source`); err != nil {
		return nil, fmt.Errorf("count quarantine: %w", err)
	}
	out := map[string]int{}
	for _, r := range rows {
		out[r.Source] = r.N
	}
	return out, nil
}
