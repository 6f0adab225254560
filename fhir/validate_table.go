package fhir

import (
	"sync"

	"samsyn/fhir/r4"
)

// ruleTable is r4's table laid out for the walk: one map look-up for each key.
type ruleTable struct {
	types   map[string]*typeRule
	element *typeRule // what may stand beside a primitive
}

// typeRule is what the walk asks of a type.
type typeRule struct {
	name        string
	fields      map[string]*fieldRule // by JSON key; the bare name of a choice has no typ
	required    []requirement
	invariants  []invariant
	check       func(string) bool // lexical rule of a primitive; nil: no primitive
	json        jsonKind          // of a primitive
	explain     string            // what a primitive should look like
	resource    bool
	element     bool // ele-1 holds
	reference   bool
	anyResource bool

	needs uint64                           // required elements, by their index
	sound func(c *sound, said spoken) bool // the invariants, for SurelyValid
}

type fieldRule struct {
	element   *r4.Element
	typ       *typeRule
	index     int // of the element in its type
	list      bool
	contained bool
}

type requirement struct {
	name  string
	index int
}

// invariant checks a rule that concerns more than one element of an object.
type invariant func(v *validator, m map[string]any, at *node, r *root)

// rules is built at first use from r4's table, the primitives and the invariants.
var rules = sync.OnceValue(func() *ruleTable {
	t := &ruleTable{types: map[string]*typeRule{}}
	own := invariants()
	for _, kind := range []r4.Kind{r4.Primitive, r4.Complex, r4.Backbone, r4.Resource, r4.Abstract} {
		for _, name := range r4.Names(kind) {
			rule := &typeRule{name: name, resource: kind == r4.Resource, element: r4.IsA(name, "Element"), reference: name == "Reference"}
			rule.anyResource = name == "Resource" || name == "DomainResource"
			for _, base := range lineage(name) {
				rule.invariants = append(rule.invariants, own[base]...)
			}
			if kind == r4.Primitive {
				p, ok := primitives[name]
				if !ok {
					p = primitives["string"]
				}
				rule.check, rule.json, rule.explain = p.check, p.json, p.explain
			}
			t.types[name] = rule
		}
	}
	for name, rule := range t.types {
		typ, _ := r4.Lookup(name)
		rule.fields = make(map[string]*fieldRule, len(typ.Elements))
		for i := range typ.Elements {
			t.addElement(rule, &typ.Elements[i], i)
		}
	}
	t.element = t.types["Element"]
	t.soundRules()
	return t
})

func (t *ruleTable) addElement(rule *typeRule, e *r4.Element, index int) {
	if e.Min > 0 {
		name := e.Name
		if e.Choice {
			name += "[x]"
		}
		rule.required = append(rule.required, requirement{name, index})
		rule.needs |= 1 << index
	}
	field := fieldRule{element: e, index: index, list: e.List(), contained: e.Name == "contained"}
	if !e.Choice {
		field.typ = t.types[e.Types[0]]
		rule.fields[e.Name] = &field
		return
	}
	rule.fields[e.Name] = &field
	typ, _ := r4.Lookup(rule.name)
	for _, name := range e.Types {
		one := field
		one.typ = t.types[name]
		key := e.Name + upperFirst(name)
		if _, got, ok := typ.Element(key); ok && got == name {
			rule.fields[key] = &one
		}
	}
}

func upperFirst(s string) string {
	if c := s[0]; 'a' <= c && c <= 'z' {
		return string(c-('a'-'A')) + s[1:]
	}
	return s
}

// lineage gives a type's name and those of its bases.
func lineage(name string) []string {
	var names []string
	for name != "" {
		names = append(names, name)
		t, ok := r4.Lookup(name)
		if !ok {
			break
		}
		name = t.Base
	}
	return names
}
