package barnevernsregister

import (
	"context"
	"iter"

	"samsyn/adapters"
)

// List lists every delivery that lies in the folder. It finds what a reading stepped
// over. It is never complete: deliveries are taken out of a drop folder when they
// have been read, and a case is only gone when a delivery says so (ErSlettet).
func (a *adapter) List(ctx context.Context) iter.Seq2[adapters.HeadPage, error] {
	return adapters.Whole(a.Fetch(ctx, ""), nil)
}
