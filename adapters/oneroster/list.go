package oneroster

import (
	"context"
	"iter"
	"strings"

	"samsyn/adapters"
)

// List reads the whole roster and lists its pupils.
func (a *adapter) List(ctx context.Context) iter.Seq2[adapters.HeadPage, error] {
	kinds := append([]string{KindPupil, "user", "enrollment", "class"}, collections...)
	return adapters.Whole(a.Fetch(ctx, ""), named, kinds...)
}

// named tells whether it is known which object a fault is about.
func named(f adapters.Fault) bool { return !strings.HasPrefix(f.Key, unnamed) }
