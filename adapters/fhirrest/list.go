package fhirrest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"samsyn/adapters"
)

// listCount is how many heads are asked for at a time; they are small.
const listCount = 1000

// List lists every resource of the configured types: ids and versions alone
// (_elements=id,meta) where the server gives them, whole resources of a type where it
// does not.
func (a *adapter) List(ctx context.Context) iter.Seq2[adapters.HeadPage, error] {
	return func(yield func(adapters.HeadPage, error) bool) {
		if a.config.Listing == ListingNone {
			yield(adapters.HeadPage{}, adapters.ErrNoListing)
			return
		}
		patients, err := a.patients()
		if err != nil {
			yield(adapters.HeadPage{}, err)
			return
		}
		p := &pass{adapter: a, at: marks{}, patients: patients}
		for _, t := range a.config.Types {
			err := p.list(ctx, t, true, yield)
			if errors.Is(err, errNoHeads) {
				err = p.list(ctx, t, false, yield)
			}
			if errors.Is(err, errStopped) {
				return
			}
			if err != nil {
				yield(adapters.HeadPage{}, err)
				return
			}
		}
	}
}

var (
	// errNoHeads: the server does not give ids and versions alone, or not of everything.
	errNoHeads = errors.New("no heads")
	// errStopped: whoever reads has had enough.
	errStopped = errors.New("stopped")
)

// list lists one type, by heads or by whole resources.
func (p *pass) list(ctx context.Context, t Type, heads bool, yield func(adapters.HeadPage, error) bool) error {
	t.History = false
	asks := p.requests(t)
	end := adapters.HeadPage{Complete: []string{t.Type}}
	for i, ask := range asks {
		if heads {
			ask.form.Set("_elements", "id,meta")
			ask.form.Set("_count", strconv.Itoa(max(listCount, p.config.PageSize)))
		}
		what := t.Type
		if len(asks) > 1 {
			what = fmt.Sprintf("%s, person %d of %d", t.Type, i+1, len(asks))
		}
		err := p.walk(ctx, what, ask, func(b bundle, where string) error {
			var page adapters.Page
			for j, raw := range b.Entry {
				r, fault := p.record(raw, t.Type, place{where, j + 1})
				switch {
				case fault != nil && heads, r != nil && heads && r.Version == "" && r.Changed.IsZero():
					return errNoHeads
				case fault != nil:
					page.Faults = append(page.Faults, *fault)
					if end.Unsure == "" && (fault.Key == fault.Where || fault.Kind == "OperationOutcome") {
						end.Unsure = "the server lists what cannot be told from a missing resource: " + fault.Where
					}
				case r != nil:
					page.Records = append(page.Records, *r)
				}
			}
			if !yield(headsOf(page, heads), nil) {
				return errStopped
			}
			return nil
		})
		if heads && errors.Is(err, adapters.ErrProtocol) && i == 0 {
			err = fmt.Errorf("%w: %w", errNoHeads, err) // it may only mind _elements
		}
		if err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !yield(end, nil) {
		return errStopped
	}
	return nil
}

func headsOf(page adapters.Page, short bool) adapters.HeadPage {
	if !short {
		return adapters.HeadPage{Heads: adapters.Heads(page.Records), Faults: page.Faults}
	}
	out := adapters.HeadPage{Heads: make([]adapters.Head, len(page.Records)), Faults: page.Faults}
	for i, r := range page.Records {
		out.Heads[i] = adapters.Head{Kind: r.Kind, Key: r.Key, Version: r.Version, Changed: r.Changed}
	}
	return out
}

// walk follows a search from its first request to its last page. The next page is asked for
// while each looks at one; what it is not wanted for any more is broken off.
func (p *pass) walk(ctx context.Context, what string, ask request, each func(b bundle, where string) error) error {
	type answer struct {
		b   bundle
		err error
	}
	within, stop := context.WithCancel(ctx)
	ahead := func(ask request) chan answer {
		got := make(chan answer, 1)
		go func() {
			b, err := p.ask(within, ask)
			got <- answer{b, err}
		}()
		return got
	}
	var coming chan answer
	defer func() {
		stop()
		if coming != nil {
			<-coming
		}
	}()
	visited := map[string]bool{}
	b, err := p.ask(ctx, ask)
	for n := 1; ; n++ {
		where := fmt.Sprintf("%s, page %d", what, n)
		if err != nil {
			return fmt.Errorf("list %s: %w", where, err)
		}
		next, cut := p.next(b, visited)
		if cut == nil && n == maxPages {
			cut = fmt.Errorf("%w: more than %d pages of one type", adapters.ErrProtocol, maxPages)
		}
		if cut == nil && next != nil {
			coming = ahead(request{method: http.MethodGet, url: next})
		}
		if err := each(b, where); err != nil {
			return err
		}
		if cut != nil {
			return fmt.Errorf("follow %s: %w", where, cut)
		}
		if next == nil {
			return ctx.Err()
		}
		got := <-coming
		coming, b, err = nil, got.b, got.err
	}
}

// Get reads chosen resources by POST _search with _id: an entry of a search has the same
// bytes whenever it is asked for, which a plain read need not have. Servers that only
// answer for named persons cannot be asked so: errors.ErrUnsupported.
func (a *adapter) Get(ctx context.Context, kind string, keys []string) (adapters.Page, error) {
	if a.config.PerPatient != nil {
		return adapters.Page{}, fmt.Errorf("read chosen resources of one person at a time: %w", errors.ErrUnsupported)
	}
	if len(keys) == 0 {
		return adapters.Page{}, nil
	}
	p := &pass{adapter: a, at: marks{}, seen: map[string]time.Time{}}
	ask := request{method: http.MethodPost, url: a.base.JoinPath(kind, "_search"), form: url.Values{"_id": {strings.Join(keys, ",")}, "_count": {strconv.Itoa(len(keys))}}}
	var out adapters.Page
	err := p.walk(ctx, kind, ask, func(b bundle, where string) error {
		var latest time.Time
		page := p.page(b, Type{Type: kind}, where, &latest)
		out.Records, out.Faults = append(out.Records, page.Records...), append(out.Faults, page.Faults...)
		return nil
	})
	return out, err
}

// Window reads again what the server says has changed since then.
func (a *adapter) Window(ctx context.Context, from time.Time) iter.Seq2[adapters.Page, error] {
	m := marks{}
	for _, t := range a.config.Types {
		m[t.Type] = from.UTC()
	}
	return a.Fetch(ctx, m.cursor())
}
