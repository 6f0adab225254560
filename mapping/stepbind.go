package mapping

import (
	"slices"

	"samsyn/fhir/fhirpath"
)

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
