package mapping

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"samsyn/fhir/r4"
)

// object compiles members and merged parts, and checks them against the type.
func (l *loader) object(n *yaml.Node, p mappingParts, t target, sc scope) step {
	typ, path, ok := l.typeOf(n, p, t)
	if !ok {
		return nothing
	}
	s := &objectStep{t: t, line: n.Line, order: func(name string) int32 { return orderIn(typ, name) }}
	s.t.path = path
	t.path = path
	for _, kv := range p.members {
		if m, ok := l.member(kv, typ, t, sc); ok {
			s.members = append(s.members, m)
		}
	}
	s.rank()
	branch := t
	branch.partial, branch.list, branch.item = true, false, false
	if typ != nil {
		branch.typ = typ.Name
	}
	for _, c := range p.ifs {
		s.parts = append(s.parts, l.condition(c, branch, sc))
	}
	for _, kv := range p.merges {
		branch.item = true
		s.parts = append(s.parts, l.value(kv.value, branch, sc))
	}
	if typ != nil && !t.partial {
		s.needs = requirements(typ)
		if typ.Kind == r4.Resource && path == typ.Name {
			s.needs = append(s.needs, requirement{"id", []string{"id"}})
		}
		l.complete(n, s, typ)
	}
	return s
}

// typeOf finds the type of an object: the target's, or for a resource what its
// resourceType says. nil is an object of which nothing is known.
func (l *loader) typeOf(n *yaml.Node, p mappingParts, t target) (typ *r4.Type, path string, ok bool) {
	if t.typ == "" {
		return nil, t.path, true
	}
	typ, _ = r4.Lookup(t.typ)
	if typ == nil || typ.Kind != r4.Abstract || t.typ == "Element" {
		return typ, t.path, true
	}
	for _, kv := range p.members {
		if kv.key.Value != "resourceType" {
			continue
		}
		name := kv.value.Value
		found, ok := r4.Lookup(name)
		if !ok || found.Kind != r4.Resource {
			l.fault(kv.value, 0, didYouMean(name, r4.Names(r4.Resource)), "unknown resource type %s", name)
			return nil, "", false
		}
		if t.path == "make" {
			return found, name, true
		}
		return found, t.path, true
	}
	l.fault(n, 0, "", "a resource says its resourceType")
	return nil, "", false
}

func (l *loader) member(kv pair, typ *r4.Type, t target, sc scope) (memberStep, bool) {
	key := kv.key.Value
	if key == "resourceType" {
		if typ != nil && kv.value.Value != typ.Name {
			l.fault(kv.value, 0, typ.Name, "the resourceType here is %s", typ.Name)
			return memberStep{}, false
		}
		return memberStep{name: key, order: -1, step: l.constant(kv.value, kv.value.Value, untyped(t.path))}, true
	}
	if typ == nil {
		return memberStep{name: key, order: unordered, step: l.value(kv.value, untyped(t.path+"."+key), sc)}, true
	}
	mt, order, choice, ok := member(typ, t.path, key)
	switch {
	case !ok:
		l.fault(kv.key, 0, didYouMean(key, memberNames(typ)), "%s has no element %s", typ.Name, key)
		return memberStep{}, false
	case choice:
		e, _, _ := typ.Element(key)
		l.fault(kv.key, 0, "", "%s is written with its type: one of %s", key, strings.Join(choiceNames(*e), ", "))
		return memberStep{}, false
	}
	return memberStep{name: key, order: int32(order), step: l.value(kv.value, mt, sc)}, true
}

// complete tells which required elements the template never gives. What a branch or
// a merged expression may give is not missed.
func (l *loader) complete(n *yaml.Node, s *objectStep, typ *r4.Type) {
	names, all := provided(s)
	if all {
		return
	}
	for _, need := range s.needs {
		if !slices.ContainsFunc(need.names, func(name string) bool { return slices.Contains(names, name) }) {
			l.fault(n, 0, "", "%s requires %s", typ.Name, need.name)
		}
	}
}

// provided gives the members that a step may make; all where that cannot be known.
func provided(s step) (names []string, all bool) {
	switch s := s.(type) {
	case constStep, nil:
		return nil, false
	case *objectStep:
		for _, m := range s.members {
			names = append(names, m.name)
		}
		for _, part := range s.parts {
			more, any := provided(part)
			names, all = append(names, more...), all || any
		}
		return names, all
	case *ifStep:
		names, all = provided(s.then)
		more, any := provided(s.otherwise)
		return append(names, more...), all || any
	case *listStep:
		for _, item := range s.items {
			more, any := provided(item)
			names, all = append(names, more...), all || any
		}
		return names, all
	case *assignStep:
		return provided(s.body)
	}
	return nil, true
}

// stepVariables gives the variables that a step uses.
func stepVariables(s step) []string {
	switch s := s.(type) {
	case *firstStep:
		return s.x.vars
	case *allStep:
		return s.x.vars
	case *textStep:
		var names []string
		for _, p := range s.parts {
			if p.x != nil {
				names = append(names, p.x.vars...)
			}
		}
		return names
	case *listStep:
		var names []string
		for _, item := range s.items {
			names = append(names, stepVariables(item)...)
		}
		return names
	case *forStep:
		return append(stepVariables(s.body), s.x.vars...)
	case *ifStep:
		return slices.Concat(s.x.vars, stepVariables(s.then), stepVariables(s.otherwise))
	case *assignStep:
		names := stepVariables(s.body)
		for _, a := range s.assigns {
			names = append(names, stepVariables(a.step)...)
		}
		return names
	case *objectStep:
		var names []string
		for _, m := range s.members {
			names = append(names, stepVariables(m.step)...)
		}
		for _, part := range s.parts {
			names = append(names, stepVariables(part)...)
		}
		return names
	}
	return nil
}
