package fiksarkiv

import (
	"context"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"

	"samsyn/adapters"
	"samsyn/internal/xmlsafe"
)

const (
	xmlHeader  = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	nsBase     = "https://ks-no.github.io/standarder/fiks-protokoll/fiks-arkiv/"
	nsSearch   = nsBase + "sok/v2"
	nsResult   = nsBase + "sokeresultat/utvidet/v2"
	nsCodeList = nsBase + "kodeliste/hent/v2"
	nsXSI      = "http://www.w3.org/2001/XMLSchema-instance"
)

// ourName is what the archive sees as the asking system.
const ourName = "samsyn"

// param is one condition; all of them hold together. Exactly one of the value lists is set.
type param struct {
	field, operator string
	texts           []string
	dates           []time.Time
	ints            []int
}

// query is one search definition. The element order of its XML is the schema's.
type query struct {
	definition string // xsi:type
	result     string // resultattype, also the element of each result
	include    []string
	sort       string
	params     []param
}

// caseQuery asks for cases in the order in which they were made: that order never
// changes under us, as new ones come last.
func caseQuery(p ...param) query {
	return query{
		definition: "saksmappeSokdefinisjon", result: "saksmappe",
		include: []string{"part"}, sort: "mappeOpprettetDato", params: p,
	}
}

func entryQuery(p ...param) query {
	return query{
		definition: "journalpostMedSaksmappeSokdefinisjon", result: "journalpostMedSaksmappe",
		include: []string{"part", "dokumentbeskrivelse", "korrespondansepart"}, sort: "registreringOpprettetDato", params: p,
	}
}

// message writes the innsyn.sok document.
func (q query) message(take, skip int) []byte {
	var b strings.Builder
	b.WriteString(xmlHeader)
	fmt.Fprintf(&b, `<sok xmlns="%s" xmlns:xsi="%s"><system>%s</system><take>%d</take><skip>%d</skip>`, nsSearch, nsXSI, ourName, take, skip)
	fmt.Fprintf(&b, `<sokdefinisjon xsi:type="%s"><responstype>utvidet</responstype>`, q.definition)
	for _, s := range q.include {
		fmt.Fprintf(&b, "<inkluder>%s</inkluder>", s)
	}
	for _, p := range q.params {
		fmt.Fprintf(&b, "<parametere><operator>%s</operator><sokVerdier>", p.operator)
		switch {
		case p.dates != nil:
			b.WriteString("<datevalues>")
			for _, d := range p.dates {
				fmt.Fprintf(&b, "<value>%s</value>", d.UTC().Format(time.RFC3339))
			}
			b.WriteString("</datevalues>")
		case p.ints != nil:
			b.WriteString("<intvalues>")
			for _, n := range p.ints {
				fmt.Fprintf(&b, "<value>%d</value>", n)
			}
			b.WriteString("</intvalues>")
		default:
			b.WriteString("<stringvalues>")
			for _, s := range p.texts {
				b.WriteString("<value>")
				_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder never fails
				b.WriteString("</value>")
			}
			b.WriteString("</stringvalues>")
		}
		fmt.Fprintf(&b, "</sokVerdier><felt>%s</felt></parametere>", p.field)
	}
	fmt.Fprintf(&b, "<sortering><felt>%s</felt><type>stigende</type></sortering></sokdefinisjon></sok>", q.sort)
	return []byte(b.String())
}

// batch is one answered search.
type batch struct {
	skip    int // of the first result
	results []*xmlsafe.Node
	last    bool
}

// search asks for one batch. An archive may give fewer than asked for if it says so in its take.
func (a *adapter) search(ctx context.Context, q query, take, skip int) (batch, error) {
	root, err := a.ask(ctx, typeSearch, q.message(take, skip), typeSearchResult)
	if err != nil {
		return batch{}, fmt.Errorf("search %s: %w", q.result, err)
	}
	b := batch{skip: skip, results: root.Child("resultatListe").All("resultat")}
	capped, err := strconv.Atoi(root.Value("take"))
	switch {
	case root.Name != "sokeresultat" || root.Space != nsResult:
		err = fmt.Errorf("%w: the answer is no sokeresultat utvidet v2", adapters.ErrProtocol)
	case root.Value("resultattype") != q.result:
		err = fmt.Errorf("%w: asked for %s, got another resultattype", adapters.ErrProtocol, q.result)
	case err != nil:
		err = fmt.Errorf("%w: sokeresultat.take is no number", adapters.ErrProtocol)
	case root.Value("skip") != strconv.Itoa(skip):
		err = fmt.Errorf("%w: asked to skip %d, the archive skipped another number", adapters.ErrProtocol, skip)
	case len(b.results) > take:
		err = fmt.Errorf("%w: asked for %d results, got %d", adapters.ErrProtocol, take, len(b.results))
	case capped < 1:
		err = fmt.Errorf("%w: sokeresultat.take is %d", adapters.ErrProtocol, capped)
	}
	if err != nil {
		return batch{}, fmt.Errorf("search %s: %w", q.result, err)
	}
	b.last = len(b.results) < min(take, capped)
	return b, nil
}
