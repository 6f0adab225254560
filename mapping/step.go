package mapping

import (
	"samsyn/fhir/fhirpath"
)

// step is a compiled piece of a template. run writes what it makes of the record to
// out, which is absent before and stays so where it makes nothing.
type step interface {
	run(r *run, out *value) error
}

// expr is a compiled expression and where it stands.
type expr struct {
	text     string
	compiled *fhirpath.Expression
	quick    quick // its short way, or nil
	rule     string
	line     int
	path     string // of the target
	vars     []string
	slots    []int // of vars
}

type constStep struct{ value value }

func (s constStep) run(r *run, out *value) error {
	*out = s.value
	return r.spend(1, 0)
}

// firstStep is "{{ e }}" alone.
type firstStep struct {
	x *expr
	t target
}

func (s *firstStep) run(r *run, out *value) error {
	if s.ask(r, out) {
		return nil
	}
	*out = value{}
	items, err := r.eval(s.x)
	if err != nil || len(items) == 0 {
		return err
	}
	*out, err = r.convert(s.x, s.t, items[0], r.origin(s.x, items[:1]))
	return err
}

func (s *firstStep) ask(r *run, out *value) bool {
	if !r.quickly(s.x) {
		return false
	}
	var a answer
	path, ok := s.x.quick.(*quickPath)
	if ok && len(path.steps) > 0 {
		a, ok = path.first(r)
	} else {
		a, ok = s.x.quick.eval(r)
	}
	if !ok {
		return false
	}
	if a.kind == isNothing {
		return true
	}
	return r.give(s.x, &s.t, &a, r.askedOrigin(s.x, a.node), out)
}

// allStep is "{[ e ]}".
type allStep struct {
	x *expr
	t target
}

func (s *allStep) run(r *run, out *value) error {
	if s.ask(r, out) {
		return nil
	}
	*out = value{kind: list}
	items, err := r.eval(s.x)
	if err != nil {
		*out = value{}
		return err
	}
	for i, item := range items {
		v, err := r.convert(s.x, s.t, item, r.origin(s.x, items[i:i+1]))
		if err != nil {
			return err
		}
		if v.kind != none {
			out.kids = append(out.kids, v)
		}
	}
	return nil
}

func (s *allStep) ask(r *run, out *value) bool {
	if !r.quickly(s.x) {
		return false
	}
	out.kind = list
	path, ok := s.x.quick.(*quickPath)
	if !ok || len(path.steps) == 0 {
		a, ok := s.x.quick.eval(r)
		if !ok || a.kind == isNothing {
			return ok
		}
		out.kids = r.values(1, 1)
		if !r.give(s.x, &s.t, &a, r.askedOrigin(s.x, a.node), &out.kids[0]) {
			return false
		}
		if out.kids[0].kind == none {
			out.kids = nil
		}
		return true
	}
	base, ok := path.nodes(r)
	if !ok {
		return false
	}
	out.kids = r.values(0, len(r.stack)-base)
	for _, n := range r.stack[base:] {
		v := out.next(r)
		if !r.give(s.x, &s.t, &answer{kind: isNode, node: n}, r.askedOrigin(s.x, n), v) {
			return false
		}
		out.settle()
	}
	r.stack = r.stack[:base]
	return true
}

// textStep is text around braces.
type textStep struct {
	rule  string
	parts []textPart
	t     target
}

type textPart struct {
	text string
	x    *expr
}

func (s *textStep) run(r *run, out *value) error {
	if s.ask(r, out) {
		return nil
	}
	*out = value{}
	var all string
	var o *origin
	var last *expr
	for _, p := range s.parts {
		if p.x == nil {
			all += p.text
			continue
		}
		last = p.x
		items, err := r.eval(p.x)
		if err != nil || len(items) == 0 {
			return err
		}
		piece, ok := itemText(items[0])
		if !ok {
			return r.fault(p.x, ErrInvalidValue, "an object cannot stand in a text")
		}
		if piece == "" {
			return nil
		}
		all += piece
		if o == nil {
			o = &origin{rule: s.rule, line: p.x.line}
		}
		o.from = union(o.from, r.sources(p.x, items[:1]))
	}
	err := r.spend(1, len(all))
	if err == nil {
		*out, err = r.primitive(last, s.t, all, false, o)
	}
	return err
}

func (s *textStep) ask(r *run, out *value) bool {
	b := r.text[:0]
	o := r.newOrigin()
	o.rule, o.line, o.from = s.rule, 0, nil
	var last *expr
	for _, p := range s.parts {
		if p.x == nil {
			b = append(b, p.text...)
			continue
		}
		last = p.x
		a, ok := r.ask(p.x)
		if !ok || a.kind == isNothing {
			return ok
		}
		piece, ok := a.words()
		if !ok {
			return false
		}
		if piece == "" {
			return true
		}
		b = append(b, piece...)
		from := r.askedSources(p.x, a.node)
		if o.line == 0 {
			o.line, o.from = p.x.line, from
		} else {
			o.from = union(o.from, from)
		}
	}
	r.text = b
	if r.spend(1, len(b)) != nil {
		return false
	}
	return r.giveText(last, &s.t, string(b), fhirpath.NodeText, o, out)
}

// listStep is a YAML list: its entries' lists are flattened, absent ones dropped.
type listStep struct{ items []step }

func (s *listStep) run(r *run, out *value) error {
	if len(s.items) == 1 {
		if err := s.items[0].run(r, out); err != nil {
			return err
		}
		if out.kind != list {
			one := *out
			*out = value{kind: list}
			if one.kind != none {
				out.kids = r.values(1, 1)
				out.kids[0] = one
			}
		}
		return r.spend(1, 0)
	}
	out.kind, out.kids = list, r.values(0, len(s.items))
	for _, item := range s.items {
		if err := item.run(r, out.next(r)); err != nil {
			return err
		}
		out.settle()
	}
	return r.spend(1, 0)
}
