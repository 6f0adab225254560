package connector

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"samsyn/adapters"
)

type adapter struct {
	def    *Definition
	values map[string]string
	dir    string

	base   *url.URL
	size   int // 0: the listing's own
	client *http.Client
	limit  *rate.Limiter // nil: none
}

// checked is an adapter that can tell whether its source answers.
type checked struct{ *adapter }

var (
	_ adapters.Adapter = (*adapter)(nil)
	_ adapters.Lister  = (*adapter)(nil)
	_ adapters.Checker = (*checked)(nil)
)

// Check asks the address that the connector names for it, or opens the folder.
func (c *checked) Check(ctx context.Context) error {
	if c.def.folder() {
		root, err := c.openFolder()
		if err != nil {
			return err
		}
		return root.Close()
	}
	_, err := c.ask(ctx, call{method: http.MethodGet, address: c.address(c.def.Check), accept: "*/*", max: 1 << 20})
	if err != nil {
		return fmt.Errorf("ask whether the source answers: %w", err)
	}
	return nil
}

// Fetch reads each listing from where it was left. It is resumed from the last
// listing that was read to its end.
func (a *adapter) Fetch(ctx context.Context, since adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		left, err := parseCursor(since)
		if err != nil {
			yield(adapters.Page{}, err)
			return
		}
		next := since
		for i := range a.def.Read {
			p := a.pass(&a.def.Read[i], left[a.def.Read[i].label()])
			// A page is held back until it is known whether it is the last, since only
			// the last one carries the new cursor.
			var held *adapters.Page
			for page, err := range p.pages(ctx) {
				if err == nil {
					err = ctx.Err()
				}
				if held != nil && ctx.Err() == nil && !yield(*held, nil) {
					return
				}
				if held = nil; err != nil {
					if ctx.Err() != nil {
						err = ctx.Err()
					}
					yield(adapters.Page{}, err)
					return
				}
				page.Next = next
				held = &page
			}
			if ctx.Err() != nil {
				yield(adapters.Page{}, ctx.Err())
				return
			}
			left[p.l.label()] = p.new
			next = left.cursor()
			if held == nil {
				held = &adapters.Page{}
			}
			held.Next = next
			if !yield(*held, nil) {
				return
			}
		}
	}
}

// pass is one reading of one listing.
type pass struct {
	a        *adapter
	l        *Listing
	old, new string // the mark before and after
	// full tells whether everything is read, and not only what is new.
	full   bool
	latest time.Time // the latest change seen
}

func (a *adapter) pass(l *Listing, old string) *pass {
	return &pass{a: a, l: l, old: old, full: old == ""}
}

// pages gives the listing's pages, and sets p.new when it comes to the end.
func (p *pass) pages(ctx context.Context) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		p.new = p.old
		read := p.overHTTP
		if p.l.Folder != nil {
			read = p.fromFolder
		}
		if err := read(ctx, func(page adapters.Page) bool { return yield(page, nil) }); err != nil {
			if err != errStopped {
				yield(adapters.Page{}, err)
			}
		}
	}
}

// unnamed begins the key of a fault of which it is not known which record it is about.
const unnamed = "unnamed:"

// List reads everything. Kinds are complete where the connector says that a full
// reading holds all there is.
func (a *adapter) List(ctx context.Context) iter.Seq2[adapters.HeadPage, error] {
	var complete []string
	for _, l := range a.def.Read {
		switch {
		case l.Complete && l.Kind != "":
			complete = append(complete, l.Kind)
		case l.Complete:
			complete = append(complete, l.Kinds...)
		}
	}
	return adapters.Whole(a.Fetch(ctx, ""), func(f adapters.Fault) bool { return !strings.HasPrefix(f.Key, unnamed) }, complete...)
}
