package mapping

import (
	"cmp"
	"slices"
	"strings"

	"samsyn/fhir/fhirpath"
	"samsyn/fhir/r4"
)

// giveTree copies an object of the record as tree does. Each leaf names its own source
// field. What is rare is left to tree: marks, what stands beside a primitive, a list in a list.
func (r *run) giveTree(out *value, n *fhirpath.Node, typ string, o *origin, depth int) bool {
	if depth > maxDepth {
		return false
	}
	if c := n.Field("resourceType"); c != nil && c.Kind == fhirpath.NodeText {
		typ = c.Text
	}
	known, _ := r4.Lookup(typ)
	count := 0
	for c := n.First(); c != nil; c = c.Next() {
		count++
	}
	kids, inOrder := r.values(0, count), true
	for c := n.First(); c != nil; c = c.Next() {
		if c.Name == "" || c.Name[0] == '_' || c.Name == markKey {
			return false
		}
		kids = append(kids, value{})
		v := &kids[len(kids)-1]
		sub, order := memberOf(known, c.Name)
		if !r.giveBranch(v, c, sub, o, depth) {
			return false
		}
		if v.empty() {
			kids = kids[:len(kids)-1]
			continue
		}
		v.name, v.order = c.Name, order
		inOrder = inOrder && (len(kids) == 1 || kids[len(kids)-2].before(v))
	}
	if len(kids) == 0 {
		return true
	}
	if !inOrder {
		slices.SortFunc(kids, func(a, b value) int {
			return cmp.Or(int(a.order-b.order), strings.Compare(a.name, b.name))
		})
	}
	out.kind, out.kids = object, kids
	return true
}

func (v *value) before(o *value) bool {
	return v.order < o.order || v.order == o.order && v.name < o.name
}

// memberOf is the type of a member, where it has one, and its place in the definition.
func memberOf(known *r4.Type, name string) (typ string, order int32) {
	if name == "resourceType" {
		return "", -1
	}
	if known == nil {
		return "", unordered
	}
	e, typ, ok := known.Element(name)
	if !ok {
		return "", unordered
	}
	return typ, int32(2 * slices.IndexFunc(known.Elements, func(x r4.Element) bool { return x.Name == e.Name }))
}

func (r *run) giveBranch(out *value, n *fhirpath.Node, typ string, o *origin, depth int) bool {
	switch n.Kind {
	case fhirpath.NodeObject:
		return r.giveTree(out, n, typ, o, depth+1)
	case fhirpath.NodeList:
		count := 0
		for c := n.First(); c != nil; c = c.Next() {
			count++
		}
		out.kind, out.kids = list, r.values(0, count)
		for c := n.First(); c != nil; c = c.Next() {
			if c.Kind == fhirpath.NodeList {
				return false
			}
			out.kids = append(out.kids, value{})
			v := &out.kids[len(out.kids)-1]
			if !r.giveBranch(v, c, typ, o, depth+1) {
				return false
			}
			// FHIR's only nulls keep a list of primitives in step with its extensions.
			if v.kind == none && (c.Kind != fhirpath.NodeNull || typ == "") {
				out.kids = out.kids[:len(out.kids)-1]
			}
		}
		return true
	case fhirpath.NodeText:
		return blank(n.Text) || r.giveField(out, text, n, o)
	case fhirpath.NodeNumber:
		return r.giveField(out, number, n, o)
	case fhirpath.NodeBool:
		return r.giveField(out, boolean, n, o)
	}
	return true
}

// giveField is a leaf that stands in the record as it is.
func (r *run) giveField(out *value, k kind, n *fhirpath.Node, o *origin) bool {
	own := r.newOrigin()
	own.rule, own.line = o.rule, o.line
	own.from = r.keepSources(append(r.newSources(), source{node: n}))
	out.kind, out.text, out.origin = k, n.Text, own
	return r.spend(1, len(n.Text)) == nil
}
