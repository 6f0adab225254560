package fiksarkiv

import (
	"context"
	"fmt"
	"iter"
	"time"

	"samsyn/adapters"
	"samsyn/internal/xmlsafe"
)

// maxRestarts bounds how often one pass begins a list again because it moved.
const maxRestarts = 3

// Fetch lists the cases and then the journal entries that were made (first pass)
// or changed (later ones) since the cursor. Every page can be resumed from.
func (a *adapter) Fetch(ctx context.Context, since adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		s, err := parseCursor(since)
		if err != nil {
			yield(adapters.Page{}, err)
			return
		}
		p := &pass{a: a, since: s.Since, seen: map[string]bool{}, cases: map[string]*xmlsafe.Node{}}
		if s.Pass != nil {
			p.at = *s.Pass
		} else {
			p.at = place{Began: a.now().UTC().Truncate(time.Second), Step: KindCase}
		}
		p.run(ctx, yield)
	}
}

// pass is one reading of the archive from a cursor on.
type pass struct {
	a     *adapter
	since time.Time
	at    place
	// seen holds what this pass has handed over: a list that is begun again, or an
	// entry met both under its case and by itself, comes once.
	seen map[string]bool
	// cases holds the cases by their number; nil for those that are none of ours.
	cases    map[string]*xmlsafe.Node
	restarts int
}

func (p *pass) run(ctx context.Context, yield func(adapters.Page, error) bool) {
	for {
		b, err := p.next(ctx)
		if err != nil {
			yield(adapters.Page{}, err)
			return
		}
		page, err := p.page(ctx, b)
		if err != nil {
			yield(adapters.Page{}, err)
			return
		}
		p.at.Any = p.at.Any || page.Listed() > 0
		done := b.last && p.at.Step == KindEntry
		switch {
		case done && p.at.Any:
			page.Next = state{Since: p.at.Began}.cursor()
		case done: // nothing was listed: the cursor comes to rest
			page.Next = state{Since: p.since}.cursor()
			if p.since.IsZero() {
				page.Next = state{Since: p.at.Began}.cursor()
			}
		case b.last:
			p.at = place{Began: p.at.Began, Step: KindEntry, Any: p.at.Any}
			page.Next = p.cursor()
		default:
			p.at.Skip = b.skip + len(b.results)
			p.at.Last = systemID(content(b.results[len(b.results)-1]))
			page.Next = p.cursor()
		}
		if err := ctx.Err(); err != nil {
			yield(adapters.Page{}, err)
			return
		}
		if !yield(page, nil) || done {
			return
		}
	}
}

func (p *pass) cursor() adapters.Cursor {
	at := p.at
	return state{Since: p.since, Pass: &at}.cursor()
}

// next gives the batch after the place. It asks for the last result that is done
// once more: is it no longer there, then something before it has gone, and the
// list is read again from its beginning rather than with one result lost.
func (p *pass) next(ctx context.Context) (batch, error) {
	for {
		again := 0
		if p.at.Skip > 0 && p.at.Last != "" {
			again = 1
		}
		b, err := p.a.search(ctx, p.query(), p.a.take+again, p.at.Skip-again)
		if err != nil || again == 0 {
			return b, err
		}
		if len(b.results) > 0 && systemID(content(b.results[0])) == p.at.Last {
			if len(b.results) == 1 && !b.last {
				return batch{}, fmt.Errorf("%w: the archive gives one result at a time", adapters.ErrProtocol)
			}
			b.skip, b.results = b.skip+1, b.results[1:]
			return b, nil
		}
		if p.restarts++; p.restarts > maxRestarts {
			return batch{}, fmt.Errorf("%w: the list of %s moves while it is read", adapters.ErrUnavailable, p.at.Step)
		}
		p.at.Skip, p.at.Last = 0, ""
	}
}

func (p *pass) query() query {
	field, when := "OpprettetDato", p.a.from
	if !p.since.IsZero() {
		field, when = "EndretDato", p.since.Add(-p.a.overlap)
	}
	from := func(prefix string) param {
		return param{field: prefix + field, operator: "greaterequal", dates: []time.Time{when}}
	}
	if p.at.Step == KindCase {
		return caseQuery(from("mappe"), param{field: "mappeMappetype", operator: "inlist", texts: p.a.caseTypes})
	}
	return entryQuery(from("registrering"), param{field: "registreringAdministrativenhet", operator: "inlist", texts: p.a.units})
}

// page makes the records of one batch. On a later pass a changed case brings its
// entries along, since their records carry what the case says of itself.
func (p *pass) page(ctx context.Context, b batch) (adapters.Page, error) {
	var page adapters.Page
	for i, result := range b.results {
		where := fmt.Sprintf("innsyn.sok %s, result %d", p.at.Step, b.skip+i+1)
		node := content(result)
		if p.at.Step == KindEntry {
			if err := p.entry(ctx, &page, node, where); err != nil {
				return page, err
			}
			continue
		}
		if !p.addCase(&page, node, where) || p.since.IsZero() {
			continue
		}
		if err := p.entriesOf(ctx, &page, node); err != nil {
			return page, err
		}
	}
	return page, nil
}

// addCase puts a case on the page and remembers it for its entries.
func (p *pass) addCase(page *adapters.Page, node *xmlsafe.Node, where string) bool {
	r, err := caseRecord(node)
	if err != nil {
		page.Faults = append(page.Faults, faultOf(KindCase, node, where, err))
		return false
	}
	p.cases[caseNumber(node)] = node
	if p.seen[r.Kind+r.Key] {
		return false
	}
	p.seen[r.Kind+r.Key] = true
	page.Records = append(page.Records, r)
	return true
}

// entry puts a journal entry on the page, unless its case is none of ours.
func (p *pass) entry(ctx context.Context, page *adapters.Page, node *xmlsafe.Node, where string) error {
	folder, known := p.cases[caseNumber(node)]
	if !known {
		var err error
		if folder, err = p.a.caseOf(ctx, node); err != nil {
			return err
		}
		p.cases[caseNumber(node)] = folder
	}
	if folder == nil && caseNumber(node) != "" {
		return nil
	}
	r, err := entryRecord(node, folder)
	if err != nil {
		page.Faults = append(page.Faults, faultOf(KindEntry, node, where, err))
		return nil
	}
	if !p.seen[r.Kind+r.Key] {
		p.seen[r.Kind+r.Key] = true
		page.Records = append(page.Records, r)
	}
	return nil
}

// entriesOf puts all entries of one case on the page.
func (p *pass) entriesOf(ctx context.Context, page *adapters.Page, folder *xmlsafe.Node) error {
	q, ok := entriesQuery(folder)
	for skip := 0; ok; {
		b, err := p.a.search(ctx, q, p.a.take, skip)
		if err != nil {
			return err
		}
		for i, result := range b.results {
			where := fmt.Sprintf("innsyn.sok journalpost in case %s, result %d", caseNumber(folder), skip+i+1)
			if err := p.entry(ctx, page, content(result), where); err != nil {
				return err
			}
		}
		skip += len(b.results)
		ok = !b.last
	}
	return nil
}
