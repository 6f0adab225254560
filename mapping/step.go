package mapping

import (
	"errors"
	"slices"

	"samsyn/fhir/fhirpath"
)

// step is a compiled piece of a template. run gives what it makes of the record:
// an absent value where it makes nothing.
type step interface {
	run(r *run) (value, error)
}

// expr is a compiled expression and where it stands.
type expr struct {
	text     string
	compiled *fhirpath.Expression
	rule     string
	line     int
	path     string // of the target
	vars     []string
}

type constStep struct{ value value }

func (s constStep) run(r *run) (value, error) { return s.value, r.spend(1, 0) }

// firstStep is "{{ e }}" alone.
type firstStep struct {
	x *expr
	t target
}

func (s *firstStep) run(r *run) (value, error) {
	items, err := r.eval(s.x)
	if err != nil || len(items) == 0 {
		return value{}, err
	}
	return r.convert(s.x, s.t, items[0], r.origin(s.x, items[:1]))
}

// allStep is "{[ e ]}".
type allStep struct {
	x *expr
	t target
}

func (s *allStep) run(r *run) (value, error) {
	items, err := r.eval(s.x)
	if err != nil {
		return value{}, err
	}
	out := value{kind: list}
	for i, item := range items {
		v, err := r.convert(s.x, s.t, item, r.origin(s.x, items[i:i+1]))
		if err != nil {
			return value{}, err
		}
		if v.kind != none {
			out.items = append(out.items, v)
		}
	}
	return out, nil
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

func (s *textStep) run(r *run) (value, error) {
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
			return value{}, err
		}
		piece, ok := itemText(items[0])
		if !ok {
			return value{}, r.fault(p.x, ErrInvalidValue, "an object cannot stand in a text")
		}
		if piece == "" {
			return value{}, nil
		}
		all += piece
		if o == nil {
			o = &origin{rule: s.rule, line: p.x.line}
		}
		o.from = union(o.from, r.sources(p.x, items[:1]))
	}
	if err := r.spend(1, len(all)); err != nil {
		return value{}, err
	}
	return r.primitive(last, s.t, all, false, o)
}

// listStep is a YAML list: its entries' lists are flattened, absent ones dropped.
type listStep struct{ items []step }

func (s *listStep) run(r *run) (value, error) {
	out := value{kind: list}
	for _, item := range s.items {
		v, err := item.run(r)
		if err != nil {
			return value{}, err
		}
		out.add(v)
	}
	return out, r.spend(1, 0)
}

func (v *value) add(item value) {
	switch item.kind {
	case none:
	case list:
		v.items = append(v.items, item.items...)
	default:
		v.items = append(v.items, item)
	}
}

// forStep is {% for %}; with focus it is FPML's context block, whose body reads the
// item instead of the record.
type forStep struct {
	x           *expr
	index, name string
	focus       bool
	body        step
}

func (s *forStep) run(r *run) (value, error) {
	items, err := r.eval(s.x)
	if err != nil {
		return value{}, err
	}
	out := value{kind: list}
	from := r.originOfVariables(s.x)
	for i, item := range items {
		v, err := s.round(r, i, item, from)
		if err != nil {
			return value{}, err
		}
		out.add(v)
	}
	return out, r.spend(1, 0)
}

func (s *forStep) round(r *run, i int, item fhirpath.Item, from []string) (value, error) {
	if s.focus {
		old := r.focus
		r.focus = item
		defer func() { r.focus = old }()
		return s.body.run(r)
	}
	defer r.bind(s.name, fhirpath.Collection{item}, from)()
	if s.index != "" {
		defer r.bind(s.index, fhirpath.Collection{fhirpath.New(i)}, nil)()
	}
	return s.body.run(r)
}

// ifStep is {% if %} with its {% else %}, either of which may be nil.
type ifStep struct {
	x               *expr
	then, otherwise step
}

func (s *ifStep) run(r *run) (value, error) {
	yes, err := r.truth(s.x)
	if err != nil {
		return value{}, err
	}
	branch := s.otherwise
	if yes {
		branch = s.then
	}
	if branch == nil {
		return value{}, nil
	}
	return branch.run(r)
}

// assignStep binds variables for its body, each one seeing the earlier.
type assignStep struct {
	assigns []assignment
	body    step
}

type assignment struct {
	name  string
	x     *expr    // the whole expression, where it is one and nothing else
	all   bool     // {[ ]} rather than {{ }}
	step  step     // otherwise
	late  bool     // it needs %subject
	names []string // of the variables that it uses
}

func (s *assignStep) run(r *run) (value, error) {
	for _, a := range s.assigns {
		undo, err := a.bind(r)
		if err != nil {
			return value{}, err
		}
		defer undo()
	}
	return s.body.run(r)
}

// bind gives the variable its value. A plain expression's items are kept as they
// are, so that what is read through the variable is known to come from the record.
func (a *assignment) bind(r *run) (func(), error) {
	if a.x != nil {
		items, err := r.eval(a.x)
		if err != nil {
			return nil, err
		}
		if !a.all && len(items) > 1 {
			items = items[:1]
		}
		return r.bind(a.name, slices.Clone(items), r.origin(a.x, items).from), nil
	}
	v, err := a.step.run(r)
	if err != nil {
		return nil, err
	}
	var items fhirpath.Collection
	switch v.kind {
	case none:
	case list:
		for i := range v.items {
			items = append(items, fhirpath.New(v.items[i].plain()))
		}
	default:
		items = fhirpath.Collection{fhirpath.New(v.plain())}
	}
	return r.bind(a.name, items, v.sources(nil)), nil
}

// sources gives the source fields that anything in v was read from.
func (v *value) sources(out []string) []string {
	if v.origin != nil {
		out = union(out, v.origin.from)
	}
	for i := range v.fields {
		out = v.fields[i].value.sources(out)
	}
	for i := range v.items {
		out = v.items[i].sources(out)
	}
	return out
}

func union(a, b []string) []string {
	if len(b) == 0 {
		return a
	}
	out := slices.Clip(a)
	for _, s := range b {
		if len(out) < maxSources && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// objectStep is a YAML mapping. Members stand first, then what the conditional and
// merged parts add or replace.
type objectStep struct {
	t       target
	line    int
	members []memberStep
	parts   []step
	order   func(name string) int
	needs   []requirement
}

type memberStep struct {
	name  string
	order int
	step  step
}

var errNotObject = errors.New("what is merged into an object must be an object")

func (s *objectStep) run(r *run) (value, error) {
	out := value{kind: object, fields: make([]field, 0, len(s.members))}
	for _, m := range s.members {
		v, err := m.step.run(r)
		if err != nil {
			return value{}, err
		}
		if !v.empty() {
			out.fields = append(out.fields, field{m.name, m.order, v})
		}
	}
	for _, part := range s.parts {
		v, err := part.run(r)
		if err != nil {
			return value{}, err
		}
		if err := s.merge(r, &out, v); err != nil {
			return value{}, err
		}
	}
	if err := r.spend(1, 0); err != nil || len(out.fields) == 0 || s.saysNothing(&out) {
		return value{}, err
	}
	if !s.t.partial {
		if err := s.complete(r, &out); err != nil {
			return value{}, err
		}
	}
	out.sorted()
	return out, nil
}

// saysNothing tells whether only an extension's url is left: R4 forbids it (ext-1), and
// it says as little as an absent value.
func (s *objectStep) saysNothing(v *value) bool {
	return s.t.typ == "Extension" && !s.t.partial && len(v.fields) == 1 && v.fields[0].name == "url"
}

func (s *objectStep) merge(r *run, out *value, v value) error {
	switch v.kind {
	case none:
		return nil
	case object:
		for _, f := range v.fields {
			f.order = s.order(f.name)
			out.set(f)
		}
		return nil
	case list: // FPML lets a merged part be a list of objects
		for _, item := range v.items {
			if err := s.merge(r, out, item); err != nil {
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
		if slices.ContainsFunc(v.fields, func(f field) bool { return slices.Contains(need.names, f.name) }) {
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

// empty tells whether the value is dropped with its key.
func (v *value) empty() bool {
	switch v.kind {
	case none:
		return true
	case object:
		return len(v.fields) == 0
	case list:
		return len(v.items) == 0
	}
	return false
}
