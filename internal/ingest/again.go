package ingest

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"samsyn/adapters"
	"samsyn/internal/ingest/ledger"
)

// Again keeps pages that were read outside the source's own order (the repairs of a
// reconciliation, a window of time) as a run of its own. The source's cursor is left
// alone. present, where it is not nil, tells of which records a complete listing has
// just shown that the source holds them now (ledger.Rank.Stale).
func (p *Pipeline) Again(ctx context.Context, src Source, a adapters.Adapter, pages iter.Seq2[adapters.Page, error], present func(ledger.Key) bool) (Report, error) {
	return p.run(ctx, src, func(r *run) error {
		r.present = present
		var notTold error
		for page, err := range pages {
			if err != nil {
				return errors.Join(fmt.Errorf("read %s: %w", src.Name, err), notTold)
			}
			told, err := r.page(ctx, a, page, true)
			if err != nil {
				return errors.Join(err, notTold)
			}
			notTold = errors.Join(notTold, told)
		}
		return errors.Join(ctx.Err(), notTold)
	})
}
