package mapping

import (
	"errors"
	"slices"
)

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
