package ingest

import (
	"context"
	"errors"
	"fmt"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
)

// FaultStore is a store that kept the bytes of what was no record.
type FaultStore interface {
	QuarantinedBytes(ctx context.Context, source string, k ledger.Key) (media string, body []byte, err error)
	Dismiss(ctx context.Context, source, kind, key string) error
}

// Replayed is what became of what waited.
type Replayed struct {
	Report
	// Again are those that only the source itself can mend, by sending them again.
	Again []ledger.Key `json:",omitempty"`
}

// Replay maps again what waits in a source's quarantine and is held: after a map, a
// table or an adapter was mended, it leaves. Bytes that were no record are read again by an
// adapter that can (adapters.Replayer); the source must send the others anew.
func (p *Pipeline) Replay(ctx context.Context, src Source, a adapters.Adapter) (Replayed, error) {
	q := *p
	q.Who = "remap"
	var again []ledger.Key
	report, err := q.run(ctx, src, func(r *run) error {
		refusals, err := p.Store.Refusals(ctx, src.Name)
		if err != nil {
			return err
		}
		waiting := make(map[ledger.Key]bool, len(refusals))
		for _, q := range refusals {
			waiting[ledger.Key{Kind: q.Kind, Key: q.Key}] = true
		}
		if err := r.replayRecords(ctx, waiting); err != nil {
			return err
		}
		if err := r.replayGroups(ctx, a, waiting); err != nil {
			return err
		}
		for _, q := range refusals { // in their order
			k := ledger.Key{Kind: q.Kind, Key: q.Key}
			if !waiting[k] {
				continue
			}
			done, err := r.replayFault(ctx, a, k, q.Where)
			if err != nil {
				return err
			}
			if !done {
				again = append(again, k)
			}
		}
		return nil
	})
	return Replayed{report, again}, err
}

// replayRecords takes from waiting what is held as a record.
func (r *run) replayRecords(ctx context.Context, waiting map[ledger.Key]bool) error {
	var some []adapters.Record
	for rec, err := range r.Store.Records(ctx, r.src.Name) {
		if err != nil {
			return err
		}
		if k := (ledger.Key{Kind: rec.Kind, Key: rec.Key}); waiting[k] {
			delete(waiting, k)
			some = append(some, rec)
		}
		if len(some) == remapAtOnce {
			if err := r.again(ctx, some); err != nil {
				return err
			}
			some = nil
		}
	}
	return r.again(ctx, some)
}

// replayGroups takes from waiting what is held as a part of a whole.
func (r *run) replayGroups(ctx context.Context, a adapters.Adapter, waiting map[ledger.Key]bool) error {
	groups, err := r.Store.Groups(ctx, r.src.Name)
	if err != nil {
		return err
	}
	for _, g := range groups {
		parts, err := r.Store.Parts(ctx, r.src.Name, g)
		if err != nil {
			return err
		}
		any := false
		for _, part := range parts {
			k := ledger.Key{Kind: part.Kind, Key: part.Key}
			any = any || waiting[k]
			delete(waiting, k)
		}
		if any {
			if err := r.regroup(ctx, a, g); err != nil {
				return err
			}
		}
	}
	return nil
}

// replayFault reads kept bytes again. done is false where only the source can help.
func (r *run) replayFault(ctx context.Context, a adapters.Adapter, k ledger.Key, where string) (done bool, err error) {
	replayer, can := a.(adapters.Replayer)
	kept, has := r.Store.(FaultStore)
	if !can || !has {
		return false, nil
	}
	media, body, err := kept.QuarantinedBytes(ctx, r.src.Name, k)
	if errors.Is(err, care.ErrNotFound) {
		return true, nil // a record that was replayed above has cleared it
	}
	if err != nil || len(body) == 0 {
		return false, err
	}
	page, err := replayer.Replay(ctx, adapters.Fault{Kind: k.Kind, Key: k.Key, Where: where, Media: media, Body: body})
	if err != nil {
		return false, fmt.Errorf("replay %s %s of %s: %w", k.Kind, k.Key, r.src.Name, err)
	}
	if page.Listed() == 0 {
		return false, nil
	}
	if _, err := r.page(ctx, quiet{a}, page, true); err != nil {
		return false, err
	}
	if len(page.Faults) > 0 {
		return false, nil
	}
	if err := kept.Dismiss(ctx, r.src.Name, k.Kind, k.Key); err != nil && !errors.Is(err, care.ErrNotFound) {
		return false, err
	}
	return true, nil
}

// quiet hides an adapter's other abilities but assembling: a replay tells the source nothing.
type quiet struct{ adapters.Adapter }

func (q quiet) Assemble(group string, parts []adapters.Record) (*adapters.Record, map[string]error, error) {
	if a, ok := q.Adapter.(adapters.Assembler); ok {
		return a.Assemble(group, parts)
	}
	return nil, nil, fmt.Errorf("%w: the adapter gives parts and cannot assemble them", adapters.ErrProtocol)
}
