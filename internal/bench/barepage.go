package bench

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"

	"github.com/lib/pq"

	"samsyn/adapters"
)

func (p *place) barePage(ctx context.Context, records []adapters.Record) (err error) {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	ids, children, hashes, bodies := make([]string, len(records)), make([]string, len(records)), make([][]byte, len(records)), make([]string, len(records))
	for i, r := range records {
		sum := sha256.Sum256(r.Body)
		ids[i], children[i], hashes[i], bodies[i] = r.Kind+"/"+r.Key, r.Key[:8], sum[:], string(r.Body)
	}
	if p.postgres() {
		if _, err = tx.ExecContext(ctx, `INSERT INTO bare SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[])`,
			pq.Array(ids), pq.Array(children), pq.ByteaArray(hashes), pq.Array(bodies)); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `INSERT INTO bare_history SELECT id, 1, body FROM unnest($1::text[], $2::text[]) AS k (id, body)`, pq.Array(ids), pq.Array(bodies)); err != nil {
			return err
		}
		return tx.Commit()
	}
	one, err := tx.PrepareContext(ctx, `INSERT INTO bare VALUES ($1, $2, $3, $4)`)
	if err != nil {
		return err
	}
	two, err := tx.PrepareContext(ctx, `INSERT INTO bare_history VALUES ($1, 1, $2)`)
	if err != nil {
		return err
	}
	for i := range ids {
		if _, err = one.ExecContext(ctx, ids[i], children[i], hashes[i], bodies[i]); err != nil {
			return err
		}
		if _, err = two.ExecContext(ctx, ids[i], bodies[i]); err != nil {
			return err
		}
	}
	if err = errors.Join(one.Close(), two.Close()); err != nil {
		return err
	}
	return tx.Commit()
}

// together does n things at the same time and gives their errors.
func together(n int, f func(i int) error) error {
	errs := make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { errs[i] = f(i) })
	}
	wait.Wait()
	return errors.Join(errs...)
}
