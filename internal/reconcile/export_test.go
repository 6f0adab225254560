package reconcile

import (
	"context"

	"samsyn/adapters"
	"samsyn/internal/ingest"
	"samsyn/internal/ingest/ledger"
)

// RunWithin is Run with less room: lines differences are kept, and buffer bytes of a listing.
func (r *Reconciler) RunWithin(ctx context.Context, src ingest.Source, a adapters.Adapter, o Options, lines, buffer int) (ledger.Reconciliation, error) {
	c := r.compare(src, a, o)
	c.maxLines, c.buffer = lines, buffer
	return c.run(ctx)
}
