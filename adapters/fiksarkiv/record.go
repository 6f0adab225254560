package fiksarkiv

import (
	"context"
	"fmt"
	"strconv"

	"samsyn/adapters"
	"samsyn/internal/xmlsafe"
)

// nsOurs is the namespace of the one element that is not the archive's own: the
// root that holds a journal entry together with what its case says of itself.
const nsOurs = "urn:samsyn:fiksarkiv"

// fromCase are the parts of a case that its journal entries are understood by: whom
// it is about, what kind of case it is, how it is classified and who may see it.
// The rest is left out, so that a case that changes hands makes no new versions.
var fromCase = map[string]bool{"systemID": true, "part": true, "skjerming": true, "klassifikasjon": true, "mappetype": true}

// content gives the one element inside a resultat, nil where there is not exactly one.
func content(result *xmlsafe.Node) *xmlsafe.Node {
	if result == nil || len(result.Children) != 1 {
		return nil
	}
	return result.Children[0]
}

func systemID(n *xmlsafe.Node) string { return n.Value("systemID") }

// caseNumber is the number of a case, "2026/431", read from the case or from one of
// its entries; "" where it is not whole.
func caseNumber(n *xmlsafe.Node) string {
	year, number := n.Value("saksaar"), n.Value("sakssekvensnummer")
	if !isNumber(year) || !isNumber(number) {
		return ""
	}
	return year + "/" + number
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil && len(s) < 11
}

func caseRecord(n *xmlsafe.Node) (adapters.Record, error) {
	switch {
	case n == nil || n.Name != "saksmappe":
		return adapters.Record{}, fmt.Errorf("%w: the resultat does not hold exactly one saksmappe; ask the archive's supplier", adapters.ErrMalformed)
	case !uuidForm.MatchString(systemID(n)):
		return adapters.Record{}, fmt.Errorf("%w: saksmappe.systemID is no UUID; ask the archive's supplier", adapters.ErrMalformed)
	case caseNumber(n) == "":
		return adapters.Record{}, fmt.Errorf("%w: saksmappe.saksaar or .sakssekvensnummer is missing; correct the case in the archive", adapters.ErrMalformed)
	}
	return adapters.Record{Kind: KindCase, Key: systemID(n), Media: adapters.XML, Body: document(n)}, nil
}

func entryRecord(n, folder *xmlsafe.Node) (adapters.Record, error) {
	switch {
	case n == nil || n.Name != "journalpostMedSaksmappe":
		return adapters.Record{}, fmt.Errorf("%w: the resultat does not hold exactly one journalpostMedSaksmappe; ask the archive's supplier", adapters.ErrMalformed)
	case !uuidForm.MatchString(systemID(n)):
		return adapters.Record{}, fmt.Errorf("%w: journalpostMedSaksmappe.systemID is no UUID; ask the archive's supplier", adapters.ErrMalformed)
	case folder == nil:
		return adapters.Record{}, fmt.Errorf("%w: journalpostMedSaksmappe.saksaar or .sakssekvensnummer is missing; correct the entry in the archive", adapters.ErrMalformed)
	}
	short := &xmlsafe.Node{Space: folder.Space, Name: folder.Name}
	for _, c := range folder.Children {
		if fromCase[c.Name] {
			short.Children = append(short.Children, c)
		}
	}
	whole := &xmlsafe.Node{Space: nsOurs, Name: KindEntry, Children: []*xmlsafe.Node{n, short}}
	return adapters.Record{Kind: KindEntry, Key: systemID(n), Media: adapters.XML, Body: document(whole)}, nil
}

// unnamed begins the key of a fault that might be about any case or entry.
const unnamed = "unnamed: "

func faultOf(kind string, n *xmlsafe.Node, where string, err error) adapters.Fault {
	f := adapters.Fault{Kind: kind, Where: where, Err: err, Media: adapters.XML}
	if n == nil {
		return f
	}
	if number := caseNumber(n); number != "" {
		f.Where += ", case " + number
		if entry := n.Value("journalpostnummer"); isNumber(entry) {
			f.Where += "-" + entry
		}
	}
	if id := systemID(n); uuidForm.MatchString(id) {
		f.Key = id
	} else {
		f.Key = unnamed + f.Where
	}
	f.Body = document(n)
	return f
}

// caseOf looks up the case that an entry lies in, by the case's number; nil where
// the archive has none of ours.
func (a *adapter) caseOf(ctx context.Context, entry *xmlsafe.Node) (*xmlsafe.Node, error) {
	if caseNumber(entry) == "" {
		return nil, nil
	}
	year, _ := strconv.Atoi(entry.Value("saksaar"))
	number, _ := strconv.Atoi(entry.Value("sakssekvensnummer"))
	b, err := a.search(ctx, caseQuery(
		param{field: "sakSaksaar", operator: "equal", ints: []int{year}},
		param{field: "sakSaksekvensnummer", operator: "equal", ints: []int{number}},
		param{field: "mappeMappetype", operator: "inlist", texts: a.caseTypes},
	), a.take, 0)
	if err != nil {
		return nil, err
	}
	for _, result := range b.results {
		if n := content(result); n != nil && uuidForm.MatchString(systemID(n)) && caseNumber(n) == caseNumber(entry) {
			return n, nil
		}
	}
	return nil, nil
}

// entriesQuery asks for the entries of one case; false where its number is not known.
func entriesQuery(folder *xmlsafe.Node) (query, bool) {
	if caseNumber(folder) == "" {
		return query{}, false
	}
	year, _ := strconv.Atoi(folder.Value("saksaar"))
	number, _ := strconv.Atoi(folder.Value("sakssekvensnummer"))
	return entryQuery(
		param{field: "journalpostSaksaar", operator: "equal", ints: []int{year}},
		param{field: "journalpostSakssekvensnummer", operator: "equal", ints: []int{number}},
	), true
}
