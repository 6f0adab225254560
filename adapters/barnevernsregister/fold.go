package barnevernsregister

import (
	"cmp"
	"slices"

	"samsyn/internal/xmlsafe"
)

// key names an element of a case. Ids are unique within a type.
type key struct{ typ, id string }

// fold lays a chain of deliveries over each other: an element replaces the earlier one
// with its Id, ErSlettet and Slettet take it away, and a case that is deleted and comes
// back begins anew. The last delivery tells about the case itself. The result is a
// document that is valid in the register's format: a first delivery that says it all.
func fold(chain []*delivery) []byte {
	var order []key // as they first came
	known := map[key]bool{}
	state := map[key]*xmlsafe.Node{}
	removed := map[key]bool{}
	for _, d := range chain {
		if d.deleted() {
			order = nil
			clear(known)
			clear(state)
			clear(removed)
			continue
		}
		for _, n := range d.sak().Children {
			if n.Name == "Slettet" {
				continue
			}
			k := key{n.Name, lower(n.Attr("Id"))}
			if isTrue(n.Attr("ErSlettet")) {
				delete(state, k)
				removed[k] = true
				continue
			}
			if !known[k] {
				known[k] = true
				order = append(order, k)
			}
			state[k] = n
			delete(removed, k)
		}
		// After the elements: what a delivery both carries and deletes is deleted.
		for _, n := range d.sak().All("Slettet") {
			k := key{n.Attr("Type"), lower(n.Attr("Id"))}
			delete(state, k)
			removed[k] = true
		}
	}
	return document(chain[len(chain)-1], order, state, removed)
}

func document(last *delivery, order []key, state map[key]*xmlsafe.Node, removed map[key]bool) []byte {
	sak := &xmlsafe.Node{Name: "Sak", Attrs: attrs(last.sak(), "")}
	for _, typ := range types {
		var nodes []*xmlsafe.Node
		for _, k := range order {
			n := state[k]
			if k.typ != typ || n == nil || typ == "Relasjon" && loose(n, removed) {
				continue
			}
			nodes = append(nodes, dated(n))
		}
		if typ == "Personalia" {
			byDate(nodes, "StartDato")
		}
		sak.Children = append(sak.Children, nodes...)
	}
	root := &xmlsafe.Node{Name: "Barnevern", Attrs: attrs(last.root, "ForrigeId")}
	root.Children = []*xmlsafe.Node{bare(last.root.Child("Fagsystem")), bare(last.root.Child("Avgiver")), sak}
	return root.Bytes()
}

// loose tells whether a relation points at something that was deleted.
func loose(n *xmlsafe.Node, removed map[key]bool) bool {
	return removed[key{n.Attr("FraType"), lower(n.Attr("FraId"))}] || removed[key{n.Attr("TilType"), lower(n.Attr("TilId"))}]
}

// dated puts the histories within an element in order of date, so that the last is the
// one that holds: the format does not promise any order.
func dated(n *xmlsafe.Node) *xmlsafe.Node {
	out := bare(n)
	out.Children = nil
	histories := map[string][]*xmlsafe.Node{}
	dates := map[string]string{"Status": "EndretDato", "Evaluering": "UtfortDato", "Hyppighet": "StartDato", "Utfort": "UtfortDato"}
	for _, c := range n.Children {
		if dates[c.Name] != "" {
			histories[c.Name] = append(histories[c.Name], bare(c))
		}
	}
	for name, nodes := range histories {
		byDate(nodes, dates[name])
	}
	for _, c := range n.Children {
		if h := histories[c.Name]; len(h) > 0 {
			out.Children = append(out.Children, h[0])
			histories[c.Name] = h[1:]
			continue
		}
		out.Children = append(out.Children, dated(c))
	}
	return out
}

func byDate(nodes []*xmlsafe.Node, attr string) {
	slices.SortStableFunc(nodes, func(a, b *xmlsafe.Node) int { return cmp.Compare(a.Attr(attr), b.Attr(attr)) })
}

// bare copies an element without attributes of foreign namespaces (xsi:…), its ids in
// lower case, so that relations find what they point at.
func bare(n *xmlsafe.Node) *xmlsafe.Node {
	c := *n
	c.Attrs = attrs(n, "")
	return &c
}

func attrs(n *xmlsafe.Node, without string) []xmlsafe.Attr {
	var out []xmlsafe.Attr
	for _, a := range n.Attrs {
		if a.Space != "" || a.Name == without {
			continue
		}
		switch a.Name {
		case "Id", "FraId", "TilId":
			a.Value = lower(a.Value)
		}
		out = append(out, a)
	}
	return out
}
