package fiksarkiv

import (
	"context"
	"iter"
	"strings"
	"time"

	"samsyn/adapters"
)

// List lists all cases and journal entries that are read, as the first pass does. The
// archive's short answers (responstype noekler) will not do: they tell neither what
// changed nor which case an entry lies in, and so not whether it is any of ours.
func (a *adapter) List(ctx context.Context) iter.Seq2[adapters.HeadPage, error] {
	return adapters.Whole(a.Fetch(ctx, ""), named, KindCase, KindEntry)
}

// named tells whether it is known which case or entry a fault is about.
func named(f adapters.Fault) bool { return !strings.HasPrefix(f.Key, unnamed) }

// Window reads again what changed since then.
func (a *adapter) Window(ctx context.Context, from time.Time) iter.Seq2[adapters.Page, error] {
	return a.Fetch(ctx, state{Since: from.UTC().Truncate(time.Second)}.cursor())
}
