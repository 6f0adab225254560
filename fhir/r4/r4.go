// Package r4 owns the facts of FHIR R4 (4.0.1): which types there are, their elements
// with cardinality, types, reference targets and required bindings, the codes of those
// bindings, and the primitives' lexical rules. It is generated from HL7's definitions
// (see gen) and knows no value, no profile and nothing else of this project.
package r4

import (
	"regexp"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Kind says what sort of type a Type is.
type Kind uint8

// The kinds of types. Abstract ones (Element, BackboneElement, Resource,
// DomainResource) are only bases; a Backbone is nested in a resource or datatype and
// named by its path ("CarePlan.activity").
const (
	Primitive Kind = iota + 1
	Complex
	Backbone
	Resource
	Abstract
)

// Element is one element of a type, as the definitions have it.
type Element struct {
	Name    string   // "activity"; for a choice the base without [x]: "value"
	Min     int      // least number of values
	Max     int      // greatest number of values; -1 = any number
	Types   []string // "code", "Reference"; a nested element: the nested type's name "CarePlan.activity"
	Targets []string // the resources a Reference here may name; none = any
	Binding string   // URL of the value set of a required binding, else ""
	Choice  bool     // written as Name + type in JSON: "valueString"
}

// List tells whether the element is a JSON array.
func (e *Element) List() bool { return e.Max < 0 || e.Max > 1 }

// Type is one type. Elements stand in definition order, inherited ones included.
type Type struct {
	Name     string
	Kind     Kind
	Base     string // "" for Element and Resource
	Elements []Element

	indexOnce sync.Once
	byJSON    map[string]named
}

type named struct {
	element *Element
	typ     string
}

// Lookup finds a type by name: "CarePlan", "CarePlan.activity", "HumanName", "string",
// "Element".
func Lookup(name string) (*Type, bool) {
	t, ok := table().types[name]
	return t, ok
}

// Element finds the element that a JSON key stands for, with the type of its value:
// Observation "valueString" gives value and "string". The bare name of a choice
// ("value") is found too, with no type. A leading underscore is the caller's business.
func (t *Type) Element(jsonName string) (e *Element, typ string, ok bool) {
	t.indexOnce.Do(t.index)
	n, ok := t.byJSON[jsonName]
	return n.element, n.typ, ok
}

// ByName finds an element by its base name ("value", never "valueString").
func (t *Type) ByName(name string) (*Element, bool) {
	for i := range t.Elements {
		if t.Elements[i].Name == name {
			return &t.Elements[i], true
		}
	}
	return nil, false
}

func (t *Type) index() {
	t.byJSON = make(map[string]named, len(t.Elements))
	for i := range t.Elements {
		e := &t.Elements[i]
		if !e.Choice {
			t.byJSON[e.Name] = named{e, e.Types[0]}
			continue
		}
		t.byJSON[e.Name] = named{e, ""}
		for _, typ := range e.Types {
			t.byJSON[e.Name+upperFirst(typ)] = named{e, typ}
		}
	}
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// IsA tells whether a type is another or descends from it: a Patient is a
// DomainResource, a code is a string, an Age is a Quantity.
func IsA(name, base string) bool {
	for name != "" {
		if name == base {
			return true
		}
		t, ok := Lookup(name)
		if !ok {
			return false
		}
		name = t.Base
	}
	return false
}

// HasCode tells whether a code stands in the value set of a required binding, whatever
// its system. known is false for a value set that the definitions do not list (media
// types, currencies, units).
func HasCode(valueSet, code string) (in, known bool) {
	codes, known := table().codes[valueSet]
	return codes[code], known
}

// HasCoding is HasCode for a code with its system.
func HasCoding(valueSet, system, code string) (in, known bool) {
	systems, known := table().sets[valueSet]
	return systems[system][code], known
}

// Pattern gives a primitive's lexical rule, anchored at both ends; nil where the
// specification has none.
func Pattern(primitive string) *regexp.Regexp {
	return table().patterns[primitive]
}

// Names gives the names of all types of a kind, sorted.
func Names(k Kind) []string {
	var names []string
	for _, t := range table().order {
		if t.Kind == k {
			names = append(names, t.Name)
		}
	}
	return names
}
