package ingest

import (
	"context"

	"samsyn/adapters"
	"samsyn/internal/ingest/ledger"
)

// remapAtOnce is how many held records one transaction of Remap keeps.
const remapAtOnce = 500

// remapTold is after how many records the log tells how far it is.
const remapTold = 50 * remapAtOnce

// Remap maps everything that is held of a source again, without asking the source: a
// new revision of a map takes effect, and what waited for it leaves quarantine. The
// same maps give the same contributions again and write nothing. The adapter is
// needed for sources that give parts only, and may be nil for others.
func (p *Pipeline) Remap(ctx context.Context, src Source, a adapters.Adapter) (Report, error) {
	q := *p
	q.Who = "remap" // such a run says nothing of when the source was read
	done := 0
	return q.run(ctx, src, func(r *run) error {
		err := ahead(ctx, r.heldMapped, func(batch ledger.Batch) error {
			before := done / remapTold
			if done += len(batch.Entries); done/remapTold > before {
				q.log().Info("mapping again what is held", "source", src.Name, "records", done)
			}
			return r.keep(ctx, batch)
		}, func(ledger.Batch) {})
		if err != nil {
			return err
		}
		groups, err := p.Store.Groups(ctx, src.Name)
		if err != nil {
			return err
		}
		for _, g := range groups {
			if err := r.regroup(ctx, a, g); err != nil {
				return err
			}
		}
		return nil
	})
}

// heldMapped maps what is held, and gives it in batches.
func (r *run) heldMapped(ctx context.Context, give func(ledger.Batch) bool) error {
	var some []adapters.Record
	for rec, err := range r.Store.Records(ctx, r.src.Name) {
		if err != nil {
			return err
		}
		if some = append(some, rec); len(some) < remapAtOnce {
			continue
		}
		batch, err := r.mapped(ctx, some)
		if err != nil {
			return err
		}
		if !give(batch) {
			return ctx.Err()
		}
		some = nil
	}
	batch, err := r.mapped(ctx, some)
	if err == nil && !give(batch) {
		err = ctx.Err()
	}
	return err
}

// again maps held records and keeps what comes of it.
func (r *run) again(ctx context.Context, records []adapters.Record) error {
	batch, err := r.mapped(ctx, records)
	if err != nil {
		return err
	}
	return r.keep(ctx, batch)
}

// mapped maps held records.
func (r *run) mapped(ctx context.Context, records []adapters.Record) (ledger.Batch, error) {
	batch := ledger.Batch{Source: r.src.Name, Run: r.id, At: r.Now(), Fence: r.src.Fence, KeepCursor: true, Entries: make([]ledger.Entry, len(records))}
	entries := make([]*ledger.Entry, len(records))
	for i, rec := range records {
		batch.Entries[i] = ledger.Entry{Record: rec, Held: true, Revision: r.revision(rec.Kind)}
		entries[i] = &batch.Entries[i]
	}
	return batch, r.mapAll(ctx, entries)
}

// regroup assembles and maps one held whole again.
func (r *run) regroup(ctx context.Context, a adapters.Adapter, group string) error {
	whole, err := r.assemble(ctx, a, group, nil)
	if err != nil {
		return err
	}
	for i := range whole.entries {
		whole.entries[i].Uncounted = false // they are what this run is about
	}
	return r.keep(ctx, ledger.Batch{Source: r.src.Name, Run: r.id, At: r.Now(), Fence: r.src.Fence, KeepCursor: true, Entries: whole.entries})
}

func (r *run) keep(ctx context.Context, batch ledger.Batch) error {
	saved, err := r.Store.Save(ctx, batch)
	if err != nil {
		return err
	}
	r.counts = r.counts.Plus(saved.Counts)
	for i, e := range batch.Entries {
		if saved.Outcomes[i] == ledger.Quarantined && e.Refused != nil && !e.Derived {
			r.why = append(r.why, Reason{e.Record.Kind, e.Record.Key, e.Refused.Code, e.Refused.Text, e.Refused.Where})
		}
	}
	return nil
}
