package app

import (
	"context"
	"fmt"

	"samsyn/adapters"
	"samsyn/internal/ingest"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/jobs"
)

// sharder gives the ability of a source that is read in shards, nil where it is read as a whole.
func (a *App) sharder(source string) adapters.Sharder {
	if !a.Config.Sources[source].Shards {
		return nil
	}
	s, _ := a.open[source].adapter.(adapters.Sharder)
	return s
}

// split puts the shards that have not been read since the task was due into the queue,
// where any instance takes them up. Once all are read the source is.
func (a *App) split(ctx context.Context, src ingest.Source, t jobs.Task) error {
	shards, err := a.sharder(t.Source).Shards(ctx)
	if err != nil {
		return fmt.Errorf("list the shards of %s: %w", t.Source, err)
	}
	done, err := a.store.ShardsDone(ctx, t.Source)
	if err != nil {
		return err
	}
	var left []jobs.Task
	for _, shard := range shards {
		if done[shard].Before(t.Due) {
			part := t
			part.Shard = shard
			left = append(left, part)
		}
	}
	if len(left) > 0 {
		if err := a.jobs.Add(ctx, left...); err != nil {
			return err
		}
		return fmt.Errorf("%d of %d shards of %s: %w", len(left), len(shards), t.Source, jobs.ErrPending)
	}
	// Noted as a run of the whole, which tells that it happened.
	run, _, err := a.store.Begin(ctx, src, t.Who)
	if err != nil {
		return err
	}
	return a.store.End(ctx, run, "")
}

// noShards runs f while no shard of the source is being read. The source's own lease is held.
func (a *App) noShards(ctx context.Context, src ingest.Source, f func(ctx context.Context, src ingest.Source) error) error {
	sharder := a.sharder(src.Name)
	if sharder == nil {
		return f(ctx, src)
	}
	shards, err := sharder.Shards(ctx)
	if err != nil {
		return fmt.Errorf("list the shards of %s: %w", src.Name, err)
	}
	hold := func(ctx context.Context) error { return f(ctx, src) }
	for _, shard := range shards {
		inner := hold
		hold = func(ctx context.Context) error {
			return a.keeper().Alone(ctx, ledger.LeaseName(src.Name, shard), func(ctx context.Context, _ int64) error { return inner(ctx) })
		}
	}
	return hold(ctx)
}
