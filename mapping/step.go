package mapping

import (
	"errors"
	"slices"

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
	if path, ok := s.x.quick.(*quickPath); ok && len(path.steps) > 0 {
		base, ok := path.nodes(r)
		if !ok {
			return false
		}
		if len(r.stack) > base {
			a = answer{kind: isNode, node: r.stack[base]}
		}
		r.stack = r.stack[:base]
	} else if a, ok = s.x.quick.eval(r); !ok {
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

// forStep is {% for %}; with focus it is FPML's context block, whose body reads the
// item instead of the record.
type forStep struct {
	x           *expr
	index, name string
	slots       [2]int // of index and name
	focus       bool
	body        step
}

func (s *forStep) run(r *run, out *value) error {
	if path, ok := s.x.quick.(*quickPath); ok && r.quickly(s.x) {
		if base, ok := path.nodes(r); ok {
			return s.nodes(r, base, out)
		}
	}
	items, err := r.eval(s.x)
	if err != nil {
		return err
	}
	out.kind = list
	from := r.originOfVariables(s.x)
	out.kids = r.values(0, len(items))
	for i, item := range items {
		if err := s.round(r, i, item, from, out.next(r)); err != nil {
			return err
		}
		out.settle()
	}
	return r.spend(1, 0)
}

// nodes is the loop over the nodes on the stack from base on.
func (s *forStep) nodes(r *run, base int, out *value) error {
	held, end := r.held, len(r.stack)
	defer func() { r.held, r.stack = held, r.stack[:base] }()
	r.held = end
	out.kind, out.kids = list, r.values(0, end-base)
	from := r.originOfVariables(s.x)
	for i := base; i < end; i++ {
		if err := s.roundNode(r, i-base, r.stack[i], from, out.next(r)); err != nil {
			return err
		}
		out.settle()
	}
	return r.spend(1, 0)
}

func (s *forStep) roundNode(r *run, i int, n *fhirpath.Node, from []source, out *value) error {
	if s.focus {
		focus := r.focusNode
		r.focusNode = n
		err := s.body.run(r, out)
		r.focusNode = focus
		return err
	}
	return s.bound(r, i, binding{quick: true, answer: answer{kind: isNode, node: n}, from: from}, out)
}

func (s *forStep) round(r *run, i int, item fhirpath.Item, from []source, out *value) error {
	if s.focus {
		focus, focusNode := r.focus, r.focusNode
		r.focus, r.focusNode = item, nil
		err := s.body.run(r, out)
		r.focus, r.focusNode = focus, focusNode
		return err
	}
	return s.bound(r, i, bindingOf(item, from), out)
}

// bound runs the body with the loop's variables.
func (s *forStep) bound(r *run, i int, b binding, out *value) error {
	name := r.bind(s.slots[1], b)
	if s.index == "" {
		err := s.body.run(r, out)
		r.slots[s.slots[1]] = name
		return err
	}
	index := r.bind(s.slots[0], binding{items: fhirpath.Collection{fhirpath.New(i)}})
	err := s.body.run(r, out)
	r.slots[s.slots[0]], r.slots[s.slots[1]] = index, name
	return err
}

// bindingOf binds what FHIRPath gave: as a node, where it is one, for the short ways.
func bindingOf(item fhirpath.Item, from []source) binding {
	if n := item.Node(); n != nil {
		return binding{quick: true, answer: answer{kind: isNode, node: n}, from: from}
	}
	return binding{items: fhirpath.Collection{item}, from: from}
}

// bind sets a variable and gives the old binding, to be put back.
func (r *run) bind(slot int, b binding) binding {
	old := r.slots[slot]
	r.slots[slot] = b
	r.slots[slot].bound = true
	return old
}

// ifStep is {% if %} with its {% else %}, either of which may be nil.
type ifStep struct {
	x               *expr
	then, otherwise step
}

func (s *ifStep) run(r *run, out *value) error {
	yes, err := r.truth(s.x)
	if err != nil {
		return err
	}
	branch := s.otherwise
	if yes {
		branch = s.then
	}
	if branch == nil {
		return nil
	}
	return branch.run(r, out)
}

// assignStep binds variables for its body, each one seeing the earlier.
type assignStep struct {
	assigns []assignment
	body    step
}

type assignment struct {
	name  string
	slot  int
	x     *expr    // the whole expression, where it is one and nothing else
	all   bool     // {[ ]} rather than {{ }}
	step  step     // otherwise
	late  bool     // it needs %subject
	names []string // of the variables that it uses
}

func (s *assignStep) run(r *run, out *value) error {
	old := make([]binding, len(s.assigns))
	for i := range s.assigns {
		b, err := s.assigns[i].value(r)
		if err != nil {
			return err
		}
		old[i] = r.bind(s.assigns[i].slot, b)
	}
	err := s.body.run(r, out)
	for i := len(old) - 1; i >= 0; i-- {
		r.slots[s.assigns[i].slot] = old[i]
	}
	return err
}

// value gives the variable's value. A plain expression's items are kept as they are,
// so that what is read through the variable is known to come from the record.
func (a *assignment) value(r *run) (binding, error) {
	if a.x != nil {
		if got, ok := r.ask(a.x); ok {
			return binding{quick: true, answer: got, from: r.askedSources(a.x, got.node)}, nil
		}
		items, err := r.eval(a.x)
		if err != nil {
			return binding{}, err
		}
		if !a.all && len(items) > 1 {
			items = items[:1]
		}
		from := r.sources(a.x, items)
		if len(items) == 1 {
			return bindingOf(items[0], from), nil
		}
		return binding{items: slices.Clone(items), from: from}, nil
	}
	var v value
	if err := a.step.run(r, &v); err != nil {
		return binding{}, err
	}
	b := binding{from: v.sources(nil)}
	switch v.kind {
	case none:
	case list:
		for i := range v.kids {
			b.items = append(b.items, fhirpath.New(v.kids[i].plain()))
		}
	default:
		b.items = fhirpath.Collection{fhirpath.New(v.plain())}
	}
	return b, nil
}

// objectStep is a YAML mapping. Members stand first, then what the conditional and
// merged parts add or replace.
type objectStep struct {
	t       target
	line    int
	members []memberStep
	parts   []step
	order   func(name string) int32
	needs   []requirement
}

type memberStep struct {
	name  string
	order int32
	rank  int // its place among the members
	step  step
}

// rank gives the members their places in the object.
func (s *objectStep) rank() {
	for i := range s.members {
		m := &s.members[i]
		for j := range s.members {
			o := &s.members[j]
			if o.order < m.order || o.order == m.order && (o.name < m.name || o.name == m.name && j < i) {
				m.rank++
			}
		}
	}
}

var errNotObject = errors.New("what is merged into an object must be an object")

func (s *objectStep) run(r *run, out *value) error {
	kids := r.values(len(s.members), len(s.members)+2*len(s.parts))
	for i := range s.members {
		m := &s.members[i]
		v := &kids[m.rank]
		if err := m.step.run(r, v); err != nil {
			return err
		}
		v.name, v.order = m.name, m.order
	}
	made := 0
	for i := range kids {
		if kids[i].empty() {
			continue
		}
		if made < i {
			kids[made] = kids[i]
		}
		made++
	}
	all := value{kind: object, kids: kids[:made]}
	for _, part := range s.parts {
		v := &r.values(1, 1)[0]
		if err := part.run(r, v); err != nil {
			return err
		}
		if err := s.merge(r, &all, v); err != nil {
			return err
		}
	}
	if err := r.spend(1, 0); err != nil || len(all.kids) == 0 || s.saysNothing(&all) {
		return err
	}
	if !s.t.partial {
		if err := s.complete(r, &all); err != nil {
			return err
		}
	}
	if len(s.parts) > 0 {
		all.sorted()
	}
	*out = all
	return nil
}

// saysNothing tells whether only an extension's url is left: R4 forbids it (ext-1), and
// it says as little as an absent value.
func (s *objectStep) saysNothing(v *value) bool {
	return s.t.typ == "Extension" && !s.t.partial && len(v.kids) == 1 && v.kids[0].name == "url"
}

func (s *objectStep) merge(r *run, out, v *value) error {
	switch v.kind {
	case none:
		return nil
	case object:
		for i := range v.kids {
			f := v.kids[i]
			f.order = s.order(f.name)
			out.set(f)
		}
		return nil
	case list: // FPML lets a merged part be a list of objects
		for i := range v.kids {
			if err := s.merge(r, out, &v.kids[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return &RecordError{Kind: ErrInvalidValue, Map: r.m.Name, Line: s.line, Path: s.t.path, Reason: errNotObject.Error()}
}

// complete refuses an object that lacks what R4 requires, and blames the rule that
// gave nothing.
func (s *objectStep) complete(r *run, v *value) error {
	for _, need := range s.needs {
		if need.met(v) {
			continue
		}
		e := &RecordError{Kind: ErrMissingRequired, Map: r.m.Name, Line: s.line, Path: s.t.path + "." + need.name}
		for _, m := range s.members {
			if !slices.Contains(need.names, m.name) {
				continue
			}
			if first, ok := m.step.(*firstStep); ok {
				e.Line, e.Expression = first.x.line, first.x.text
				e.Reason = "{{ " + first.x.text + " }} gave nothing"
				e.Source = r.readBy(first.x)
			}
		}
		return e
	}
	return nil
}
