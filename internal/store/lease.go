package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
)

// Queue gives the database in which the job queue keeps its own tables, and whether it
// is PostgreSQL. Only internal/app passes it on, and only to internal/jobs: everything
// else that is kept has a method here.
func (s *Store) Queue() (db *sql.DB, postgres bool) { return s.write.DB.DB, s.postgres }

// Acquire takes the lease of a name for a while. Its token is greater than every earlier
// one of the name. The error is care.ErrConflict where another holds it; held then says
// who. Taking it ends what an earlier holder left open in the report of runs: whoever
// ran it is not there any more.
func (s *Store) Acquire(ctx context.Context, name, holder string, lasts time.Duration) (held ledger.Lease, err error) {
	return s.take(ctx, name, holder, lasts, 0)
}

// Seize takes the lease from a holder that is known to be dead, by its token, before the
// lease has run out. The error is care.ErrConflict where somebody else has it by now.
func (s *Store) Seize(ctx context.Context, name, holder string, lasts time.Duration, token int64) (held ledger.Lease, err error) {
	return s.take(ctx, name, holder, lasts, token)
}

func (s *Store) take(ctx context.Context, name, holder string, lasts time.Duration, dead int64) (held ledger.Lease, err error) {
	taken := false
	err = s.transaction(ctx, func(w *work) error {
		now := micros(w.at)
		// One statement decides, so that two who ask at once are told apart by the row.
		n, err := w.execCount(`INSERT INTO lease (name, holder, token, taken, ends) VALUES ($1, $2, 1, $3, $4)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = lease.token + 1, taken = excluded.taken, ends = excluded.ends
			WHERE lease.ends <= $5 OR lease.token = $6`, name, holder, now, micros(w.at.Add(lasts)), now, dead)
		if err != nil {
			return err
		}
		taken = n == 1
		var row struct {
			Holder string `db:"holder"`
			Token  int64  `db:"token"`
			Taken  int64  `db:"taken"`
			Ends   int64  `db:"ends"`
		}
		if _, err := w.get(&row, `SELECT holder, token, taken, ends FROM lease WHERE name = $1`, name); err != nil {
			return err
		}
		held = ledger.Lease{Name: name, Holder: row.Holder, Token: row.Token, Taken: timeOf(row.Taken), Ends: timeOf(row.Ends)}
		if !taken {
			return nil
		}
		source, shard := ledger.SplitLease(name)
		return w.exec(`UPDATE run SET finished = $3, failure = $4 WHERE source = $1 AND shard = $2 AND finished IS NULL AND who <> $5`,
			source, shard, now, ledger.Interrupted, ledger.ByPush)
	})
	switch {
	case err != nil:
		return ledger.Lease{}, fmt.Errorf("take the lease of %s: %w", name, err)
	case !taken:
		return held, fmt.Errorf("%s is being read since %s: %w", name, held.Taken.Format(time.RFC3339), care.ErrConflict)
	}
	return held, nil
}

// Renew keeps a lease for a while from now on; care.ErrConflict where somebody else has taken it.
func (s *Store) Renew(ctx context.Context, l ledger.Lease, lasts time.Duration) error {
	err := s.transaction(ctx, func(w *work) error {
		n, err := w.execCount(`UPDATE lease SET ends = $3 WHERE name = $1 AND token = $2`, l.Name, l.Token, micros(w.at.Add(lasts)))
		if err == nil && n == 0 {
			err = errLost
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("renew the lease of %s: %w", l.Name, err)
	}
	return nil
}

// Release gives a lease back. It is no fault that somebody else has taken it.
func (s *Store) Release(ctx context.Context, l ledger.Lease) error {
	err := s.transaction(ctx, func(w *work) error {
		return w.exec(`UPDATE lease SET ends = 0 WHERE name = $1 AND token = $2`, l.Name, l.Token)
	})
	if err != nil {
		return fmt.Errorf("release the lease of %s: %w", l.Name, err)
	}
	return nil
}

var errLost = fmt.Errorf("another run has taken over: %w", care.ErrConflict)

// fence refuses the transaction where the lease under which it is made was taken by
// somebody else. Writing the row, instead of reading it, lets a take-over at the same
// moment wait on every database.
func (w *work) fence(name string, token int64) error {
	if token == 0 {
		return nil
	}
	n, err := w.execCount(`UPDATE lease SET token = token WHERE name = $1 AND token = $2`, name, token)
	if err == nil && n == 0 {
		err = errLost
	}
	return err
}

// Done is when each source was last read, and last reconciled, without failing: by its
// name, then by ledger.TaskSync or ledger.TaskReconcile; and when its retention was looked at
// (ledger.TaskRetention). What was pushed is no reading.
func (s *Store) Done(ctx context.Context) (map[string]map[string]time.Time, error) {
	var rows []struct {
		Source string `db:"source"`
		Task   string `db:"task"`
		Done   int64  `db:"done"`
	}
	err := s.read.SelectContext(ctx, &rows, `SELECT source, 'sync' AS task, max(finished) AS done FROM run
			WHERE failure = '' AND finished IS NOT NULL AND shard = '' AND who NOT IN ('push', 'reconcile', 'remap') GROUP BY source
		UNION ALL SELECT source, 'reconcile', max(finished) FROM reconciliation WHERE failure = '' GROUP BY source`)
	if err != nil {
		return nil, fmt.Errorf("read when sources were last read: %w", err)
	}
	out := map[string]map[string]time.Time{}
	for _, r := range rows {
		if out[r.Source] == nil {
			out[r.Source] = map[string]time.Time{}
		}
		out[r.Source][r.Task] = timeOf(r.Done)
	}
	// Where retention deletes nothing it leaves no proof, and has happened all the same.
	var kept []struct {
		Name  string `db:"name"`
		Value []byte `db:"value"`
	}
	if err := s.read.SelectContext(ctx, &kept, `SELECT name, value FROM meta WHERE name LIKE 'retained:%'`); err != nil {
		return nil, fmt.Errorf("read when retention was last looked at: %w", err)
	}
	for _, r := range kept {
		source := strings.TrimPrefix(r.Name, retainedName)
		at, err := strconv.ParseInt(string(r.Value), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("when retention of %s was last looked at: %w", source, errDamaged)
		}
		if out[source] == nil {
			out[source] = map[string]time.Time{}
		}
		out[source][ledger.TaskRetention] = timeOf(at)
	}
	return out, nil
}

// ShardsDone is when each shard of a source was last read without failing.
func (s *Store) ShardsDone(ctx context.Context, source string) (map[string]time.Time, error) {
	var rows []struct {
		Shard string `db:"shard"`
		Done  int64  `db:"done"`
	}
	err := s.read.SelectContext(ctx, &rows, `SELECT shard, max(finished) AS done FROM run
		WHERE source = $1 AND shard <> '' AND failure = '' AND finished IS NOT NULL GROUP BY shard`, source)
	if err != nil {
		return nil, fmt.Errorf("read when the shards of %s were last read: %w", source, err)
	}
	out := map[string]time.Time{}
	for _, r := range rows {
		out[r.Shard] = timeOf(r.Done)
	}
	return out, nil
}
