package mapping

import (
	"strings"

	"samsyn/fhir/fhirpath"
	"samsyn/fhir/r4"
)

// quickPath is a path from the record or a variable.
type quickPath struct {
	slot  int // of the variable; -1: from the record, or the item in its place
	name  string
	steps []pathStep
	whole bool // it is the whole expression
}

// pathStep is .name, perhaps .ofType(T) of it, [index] (-1 the last), .where(criterion) or
// .select(what). Another function gives nothing of nothing, and that is all that is sure of it.
type pathStep struct {
	name   string
	head   bool // may be the root's own name
	typ    *r4.Type
	index  int
	where  quick
	each   quick
	unsure bool
}

// nodes leaves what the path gives on the run's stack, from base on.
func (p *quickPath) nodes(r *run) (base int, ok bool) {
	base = len(r.stack)
	start := r.focusNode
	if p.slot >= 0 {
		switch b := &r.slots[p.slot]; {
		case b.bound && b.answer.kind == isNode:
			start = b.answer.node
		case b.bound && b.nothing():
			return base, true
		case !b.bound && r.isRoot(p.name):
			start = r.root
		default:
			start = nil
		}
	}
	if start == nil {
		return base, false
	}
	r.stack = append(r.stack, start)
	for i := range p.steps {
		s := &p.steps[i]
		ok = true
		switch {
		case s.where != nil:
			ok = s.filter(r, base)
		case s.each != nil:
			ok = s.selected(r, base)
		case s.unsure:
			ok = len(r.stack) == base
		case s.name == "":
			s.at(r, base)
		default:
			ok = s.field(r, base, p.whole)
		}
		if !ok {
			r.stack = r.stack[:base]
			return base, false
		}
	}
	return base, true
}

func (s *pathStep) field(r *run, base int, whole bool) bool {
	end := len(r.stack)
	if r.left -= end - base; r.left < 0 {
		return false
	}
	for j := base; j < end; j++ {
		n := r.stack[j]
		if n.Type != nil {
			if !s.element(r, n, whole) {
				return false
			}
			continue
		}
		var c *fhirpath.Node
		if n.Kind == fhirpath.NodeObject {
			c = n.Field(s.name)
		}
		switch {
		case c != nil:
			if s.typ != nil || !r.push(c, nil) {
				return false
			}
		case s.head && n.IsRoot() && n.Name == s.name:
			if s.typ != nil {
				return false
			}
			r.stack = append(r.stack, n)
		}
	}
	r.stack = r.stack[:base+copy(r.stack[base:], r.stack[end:])]
	return true
}

// element is field for a FHIR element. Choices, contained resources and primitives with
// extensions are left to FHIRPath.
func (s *pathStep) element(r *run, n *fhirpath.Node, whole bool) bool {
	if s.head && s.name[0] >= 'A' && s.name[0] <= 'Z' && r4.IsA(n.Type.Name, s.name) {
		r.stack = append(r.stack, n)
		return true
	}
	e, name, ok := n.Type.Element(s.name)
	if s.typ != nil {
		return ok && e.Choice && e.Name == s.name && n.Kind == fhirpath.NodeObject && s.another(n, e, whole)
	}
	if !ok || e.Choice {
		return false
	}
	t, ok := r4.Lookup(name)
	if !ok || t.Kind == r4.Abstract && t.Name != "Element" {
		return false
	}
	if n.Kind != fhirpath.NodeObject {
		return true
	}
	var child *fhirpath.Node
	for c := n.First(); c != nil; c = c.Next() {
		switch {
		case c.Name == s.name:
			child = c
		case t.Kind == r4.Primitive && c.Name != "" && c.Name[0] == '_' && c.Name[1:] == s.name:
			return false
		}
	}
	return child == nil || r.push(child, t)
}

// another tells whether a choice is absent or of another type than is asked for, so that
// the step gives nothing. Where it is of that type FHIRPath gives it its name. One of
// another type was read all the same, which only counts where something comes of it.
func (s *pathStep) another(n *fhirpath.Node, e *r4.Element, whole bool) bool {
	for c := n.First(); c != nil; c = c.Next() {
		name := strings.TrimPrefix(c.Name, "_")
		if !strings.HasPrefix(name, e.Name) || name == e.Name {
			continue
		}
		f, typ, ok := n.Type.Element(name)
		if !ok || f != e {
			continue
		}
		if !whole || len(name) < len(c.Name) || r4.IsA(typ, s.typ.Name) {
			return false
		}
	}
	return true
}

// push adds a field's value, or its list's entries, of type t. Lists in lists are left
// to FHIRPath.
func (r *run) push(c *fhirpath.Node, t *r4.Type) bool {
	switch c.Kind {
	case fhirpath.NodeNull:
	case fhirpath.NodeList:
		for e := c.First(); e != nil; e = e.Next() {
			switch r.left--; {
			case e.Kind == fhirpath.NodeList || r.left < 0:
				return false
			case e.Kind != fhirpath.NodeNull:
				e.Type = t
				r.note(e)
				r.stack = append(r.stack, e)
			}
		}
	default:
		c.Type = t
		r.note(c)
		r.stack = append(r.stack, c)
	}
	return true
}

// at keeps one of the nodes.
func (s *pathStep) at(r *run, base int) {
	i := base + s.index
	if s.index < 0 {
		i = len(r.stack) - 1
	}
	if i < base || i >= len(r.stack) {
		r.stack = r.stack[:base]
		return
	}
	r.stack[base] = r.stack[i]
	r.stack = r.stack[:base+1]
}

func (s *pathStep) filter(r *run, base int) bool {
	focus := r.focusNode
	defer func() { r.focusNode = focus }()
	end, kept := len(r.stack), base
	for j := base; j < end; j++ {
		r.focusNode = r.stack[j]
		if r.left--; r.left < 0 {
			return false
		}
		is, _, ok := truth(s.where, r)
		if !ok {
			return false
		}
		if is {
			r.stack[kept] = r.stack[j]
			kept++
		}
	}
	r.stack = r.stack[:kept]
	return true
}

// selected puts what the expression gives of each node in its place.
func (s *pathStep) selected(r *run, base int) bool {
	focus := r.focusNode
	defer func() { r.focusNode = focus }()
	end, kept := len(r.stack), base
	for j := base; j < end; j++ {
		r.focusNode = r.stack[j]
		if r.left--; r.left < 0 {
			return false
		}
		a, ok := s.each.eval(r)
		if !ok || a.kind != isNothing && a.kind != isNode {
			return false
		}
		if a.kind == isNode {
			r.stack[kept] = a.node
			kept++
		}
	}
	r.stack = r.stack[:kept]
	return true
}

func truth(q quick, r *run) (is, known, ok bool) {
	a, ok := q.eval(r)
	if !ok {
		return false, false, false
	}
	return a.truth()
}

func (p *quickPath) eval(r *run) (answer, bool) {
	if p.slot >= 0 && len(p.steps) == 0 {
		switch b := &r.slots[p.slot]; {
		case b.bound && b.quick:
			return b.answer, true
		case !b.bound && p.name == "key":
			return answer{kind: isText, text: r.in.Key}, true
		}
	}
	if a, ok := p.column(r); ok {
		return a, true
	}
	base, ok := p.nodes(r)
	if !ok {
		return answer{}, false
	}
	found := r.stack[base:]
	r.stack = r.stack[:base]
	switch len(found) {
	case 0:
		return answer{}, true
	case 1:
		return answer{kind: isNode, node: found[0]}, true
	}
	return answer{}, false
}

// column is %variable.name of a row that lookup() gave.
func (p *quickPath) column(r *run) (answer, bool) {
	if p.slot < 0 || len(p.steps) != 1 || p.steps[0].name == "" || p.steps[0].typ != nil || strings.HasPrefix(p.steps[0].name, r.rootName) {
		return answer{}, false
	}
	if b := &r.slots[p.slot]; b.bound && b.quick && b.answer.kind == isRow {
		return r.column(&b.answer, p.steps[0].name), true
	}
	return answer{}, false
}

// first is eval for who wants the first of many.
func (p *quickPath) first(r *run) (answer, bool) {
	if a, ok := p.column(r); ok {
		return a, true
	}
	base, ok := p.nodes(r)
	if !ok || len(r.stack) == base {
		return answer{}, ok
	}
	a := answer{kind: isNode, node: r.stack[base]}
	r.stack = r.stack[:base]
	return a, true
}
