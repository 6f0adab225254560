package connector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"samsyn/adapters"
	"samsyn/fhir/fhirpath"
)

// maxPages ends a listing that would never end.
const maxPages = 100_000

// pager walks one listing.
type pager struct {
	*pass
	size    int
	fixed   []parameter // the cursor's
	read    int         // entries so far
	number  int         // pages so far
	total   int         // -1 until the source says
	visited map[string]bool
	last    []byte // the body before
}

// overHTTP reads the listing and sets the new mark.
func (p *pass) overHTTP(ctx context.Context, yield func(adapters.Page) bool) error {
	g := &pager{pass: p, size: p.l.Paging.Size, total: -1, visited: map[string]bool{}}
	if p.a.size > 0 {
		g.size = p.a.size
	}
	mark := ""
	if c := p.l.Cursor; c != nil {
		if !p.full {
			value, err := c.value(p.old)
			if err != nil {
				return err
			}
			g.fixed = append(g.fixed, parameter{c.Parameter, c.In, value})
		}
		if c.Kind == cursorAddress {
			var err error
			if mark, err = p.askMark(ctx); err != nil {
				return fmt.Errorf("ask what is new: %w", err)
			}
		}
	}
	next := g.first()
	for {
		answered, page, err := g.page(ctx, next)
		if err != nil {
			return err
		}
		if c := p.l.Cursor; c != nil && c.Kind == cursorToken {
			if value, err := found(answered, p.l.mark, c.Header); err != nil {
				return fmt.Errorf("%w: the cursor: %w", adapters.ErrProtocol, err)
			} else if value != "" {
				mark = value
			}
		}
		following, more, err := g.next(next, answered)
		if !yield(page) {
			return errStopped
		}
		if err != nil {
			return err
		}
		if !more {
			break
		}
		next = following
	}
	if c := p.l.Cursor; c != nil && c.Kind == cursorChanged {
		if old, ok := parseTime(p.old); ok && old.After(p.latest) {
			p.latest = old
		}
		if !p.latest.IsZero() {
			mark = p.latest.UTC().Format(time.RFC3339Nano)
		}
	}
	if holdsNationalNumber(mark) {
		return fmt.Errorf("%w: the cursor holds what may be a national number", adapters.ErrProtocol)
	}
	if mark != "" {
		p.new = mark
	}
	return nil
}

// askMark asks the source where it stands now.
func (p *pass) askMark(ctx context.Context) (string, error) {
	c := p.l.Cursor
	r, err := p.a.ask(ctx, call{method: http.MethodGet, address: p.a.address(c.Path), accept: "application/json, application/xml;q=0.5", max: 1 << 20})
	if err != nil {
		return "", err
	}
	one := replied{reply: r}
	if c.At != "" {
		alone := Listing{Format: formatJSON, expressions: expressions{mark: p.l.mark}}
		if trimmed := bytes.TrimSpace(r.body); len(trimmed) > 0 && trimmed[0] == '<' {
			return "", fmt.Errorf("%w: the mark is asked for in JSON", adapters.ErrProtocol)
		}
		if one.answer, err = alone.splitJSON(r.body); err != nil {
			return "", err
		}
	}
	mark, err := found(one, p.l.mark, c.Header)
	if err != nil || mark == "" {
		return "", fmt.Errorf("%w: the answer says no mark", adapters.ErrProtocol)
	}
	return mark, nil
}

// replied is an answer with what it holds.
type replied struct {
	reply
	answer
}

// found reads a value out of a header, or of the body.
func found(r replied, e *fhirpath.Expression, header string) (string, error) {
	if header != "" {
		return headerValue(r.header, header), nil
	}
	return one(e, fhirpath.Root(r.tree, "answer"), "at")
}

// step is what asks for a page: the listing with parameters, or a link.
type step struct {
	more []parameter
	link *url.URL
}

func (g *pager) first() step { return g.step(parameter{}) }

// step asks with the size and one parameter more.
func (g *pager) step(own parameter) step {
	p := g.l.Paging
	var more []parameter
	if p.SizeParameter != "" {
		more = append(more, parameter{p.SizeParameter, p.In, g.size})
	}
	switch {
	case own.name != "":
		more = append(more, own)
	case p.Kind == pagingOffset:
		more = append(more, parameter{p.Parameter, p.In, 0})
	case p.Kind == pagingPage:
		more = append(more, parameter{p.Parameter, p.In, g.firstNumber()})
	}
	return step{more: more}
}

func (g *pager) firstNumber() int {
	if f := g.l.Paging.First; f != nil {
		return *f
	}
	return 1
}

// page asks for one page and makes records of it.
func (g *pager) page(ctx context.Context, s step) (replied, adapters.Page, error) {
	if g.number++; g.number > maxPages {
		return replied{}, adapters.Page{}, fmt.Errorf("%w: the listing has more than %d pages", adapters.ErrProtocol, maxPages)
	}
	c := g.a.call(g.l, append(s.more, g.fixed...))
	if s.link != nil {
		c.method, c.address, c.query, c.body = http.MethodGet, s.link, nil, nil
	}
	r, err := g.a.ask(ctx, c)
	if err != nil {
		return replied{}, adapters.Page{}, fmt.Errorf("page %d: %w", g.number, err)
	}
	out := replied{reply: r}
	if out.answer, err = g.l.split(r.body); err != nil {
		return out, adapters.Page{}, fmt.Errorf("%s, page %d: %w", c.where(), g.number, err)
	}
	if err := g.count(out); err != nil {
		return out, adapters.Page{}, fmt.Errorf("%s, page %d: %w", c.where(), g.number, err)
	}
	page := g.pass.page(out.entries, fmt.Sprintf("%s, page %d", c.where(), g.number), 0)
	g.read += len(out.entries)
	return out, page, nil
}

// count follows how many records the source says there are.
func (g *pager) count(r replied) error {
	if g.l.total == nil {
		return nil
	}
	text, err := one(g.l.total, fhirpath.Root(r.tree, "answer"), "total")
	n, bad := strconv.Atoi(text)
	switch {
	case err != nil || bad != nil || n < 0:
		return fmt.Errorf("%w: total: %s gives no number", adapters.ErrProtocol, g.l.total)
	case g.total >= 0 && n != g.total:
		return fmt.Errorf("%w: the listing changed while it was read: it held %d, then %d", adapters.ErrUnavailable, g.total, n)
	}
	g.total = n
	return nil
}

// next tells how to go on after an answer, and whether there is more.
func (g *pager) next(from step, r replied) (step, bool, error) {
	p := g.l.Paging
	switch p.Kind {
	case pagingOffset, pagingPage:
		if len(r.entries) > 0 && bytes.Equal(g.last, r.body) {
			return step{}, false, fmt.Errorf("%w: the same page comes again and again; is %s the parameter's name?", adapters.ErrProtocol, p.Parameter)
		}
		g.last = r.body
		if len(r.entries) == 0 || g.total >= 0 && g.read >= g.total {
			return step{}, false, g.whole()
		}
		if p.Kind == pagingOffset {
			return g.step(parameter{p.Parameter, p.In, g.read}), true, nil
		}
		return g.step(parameter{p.Parameter, p.In, g.firstNumber() + g.number}), true, nil
	case pagingNext, pagingToken:
		value, err := found(r, g.l.next, p.Header)
		if err != nil {
			return step{}, false, fmt.Errorf("%w: the next page: %w", adapters.ErrProtocol, err)
		}
		if value == "" {
			return step{}, false, g.whole()
		}
		if g.visited[value] {
			return step{}, false, fmt.Errorf("%w: the pages go round in a circle", adapters.ErrProtocol)
		}
		g.visited[value] = true
		if p.Kind == pagingToken {
			return g.step(parameter{p.Parameter, p.In, value}), true, nil
		}
		link, err := g.follow(from, value)
		return step{link: link}, err == nil, err
	}
	return step{}, false, g.whole()
}

// whole is an error where fewer or more came than the source said.
func (g *pager) whole() error {
	if g.total >= 0 && g.total != g.read {
		return fmt.Errorf("%w: the listing changed while it was read: it holds %d and gave %d", adapters.ErrUnavailable, g.total, g.read)
	}
	return nil
}

var errAway = errors.New("the next-link leads away from the source's own address")

// follow reads a next link, which must stay on the source's origin.
func (g *pager) follow(from step, text string) (*url.URL, error) {
	at := from.link
	if at == nil {
		at = g.a.address(g.l.HTTP.Path)
	}
	u, err := at.Parse(text)
	if err != nil || u.Scheme != g.a.base.Scheme || u.Host != g.a.base.Host || u.User != nil {
		return nil, fmt.Errorf("%w: %w", adapters.ErrProtocol, errAway)
	}
	u.Fragment = ""
	return u, nil
}
