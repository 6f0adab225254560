package fiksinnsyn

import (
	"context"
	"iter"
	"strings"

	"samsyn/adapters"
)

// List lists every message in the folder. It is complete only where Config.Complete
// says so. A source that only pushes cannot be asked.
func (a *adapter) List(ctx context.Context) iter.Seq2[adapters.HeadPage, error] {
	if a.open == nil {
		return func(yield func(adapters.HeadPage, error) bool) { yield(adapters.HeadPage{}, adapters.ErrNoListing) }
	}
	if !a.complete {
		return adapters.Whole(a.Fetch(ctx, ""), nil)
	}
	return adapters.Whole(a.Fetch(ctx, ""), named, Mappe, Journalpost, kindFile)
}

// named tells whether it is known which message a fault is about: a file with another
// name might be any.
func named(f adapters.Fault) bool { return !strings.HasPrefix(f.Key, keyFile) }
