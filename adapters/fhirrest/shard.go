package fhirrest

import (
	"context"
	"fmt"
	"iter"

	"samsyn/adapters"
)

var _ adapters.Sharder = (*adapter)(nil)

// Shards are the resource types: each is searched by itself anyway.
func (a *adapter) Shards(context.Context) ([]string, error) {
	names := make([]string, len(a.config.Types))
	for i, t := range a.config.Types {
		names[i] = t.Type
	}
	return names, nil
}

// FetchShard is Fetch for one resource type.
func (a *adapter) FetchShard(ctx context.Context, shard string, since adapters.Cursor) iter.Seq2[adapters.Page, error] {
	one := *a
	one.config.Types = nil
	for _, t := range a.config.Types {
		if t.Type == shard {
			one.config.Types = []Type{t}
			return one.Fetch(ctx, since)
		}
	}
	return func(yield func(adapters.Page, error) bool) {
		yield(adapters.Page{}, fmt.Errorf("%w: %q is none of the types that are read", adapters.ErrConfig, shard))
	}
}
