package fiksarkiv

import (
	"context"
	"fmt"
	"iter"

	"samsyn/adapters"
	"samsyn/internal/xmlsafe"
)

// PersonSearcher reads everything that an archive holds about one person: the
// first load of a child whom Samsyn has not met before. The number travels in the
// message, which Fiks IO encrypts, never in an address. The pages' Next is empty:
// a search by person has no cursor and moves none.
type PersonSearcher interface {
	SearchPerson(ctx context.Context, nationalNumber string) iter.Seq2[adapters.Page, error]
}

// SearchPerson lists the cases in which the person is a party, each with its entries.
// The archive's parties are of every role; whose case it is, the mapping says.
func (a *adapter) SearchPerson(ctx context.Context, nationalNumber string) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		p := &pass{a: a, at: place{Step: KindCase}, seen: map[string]bool{}, cases: map[string]*xmlsafe.Node{}}
		q := caseQuery(
			param{field: "mappePartPersonid", operator: "equal", texts: []string{nationalNumber}},
			param{field: "mappeMappetype", operator: "inlist", texts: a.caseTypes},
		)
		for skip := 0; ; {
			b, err := a.search(ctx, q, a.take, skip)
			if err != nil {
				yield(adapters.Page{}, fmt.Errorf("by person: %w", err))
				return
			}
			var page adapters.Page
			for i, result := range b.results {
				node := content(result)
				if !p.addCase(&page, node, fmt.Sprintf("innsyn.sok saksmappe by person, result %d", skip+i+1)) {
					continue
				}
				if err := p.entriesOf(ctx, &page, node); err != nil {
					yield(adapters.Page{}, err)
					return
				}
			}
			skip += len(b.results)
			if !yield(page, nil) || b.last {
				return
			}
		}
	}
}
