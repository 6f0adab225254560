package mapping

import (
	"slices"
	"strings"

	"samsyn/fhir/r4"
)

// target is what R4 says of the place that a piece of a template fills.
type target struct {
	typ     string // "CarePlan.activity", "code"; "" where nothing is known (assign)
	path    string // "CarePlan.activity.detail.status", for messages
	list    bool   // a JSON array in R4
	item    bool   // an entry of such an array: may give several values, or none
	partial bool   // a branch that is merged into an object: others give the rest
	prim    bool
	binding string // URL of a required binding
}

func untyped(path string) target { return target{path: path} }

func newTarget(typ, path string) target {
	t := target{typ: typ, path: path}
	if known, ok := r4.Lookup(typ); ok {
		t.prim = known.Kind == r4.Primitive
	}
	return t
}

// entry is the target of one entry of the list that t is.
func (t target) entry() target {
	t.list, t.item = false, true
	return t
}

// many tells whether more than one value may be given.
func (t target) many() bool { return t.list || t.item || t.typ == "" }

// member finds the target of a JSON key in an object of type typ, and its place in
// the definition. ok is false where the type has no such element; a choice without
// its type is found with choice set.
func member(typ *r4.Type, path, key string) (t target, order int, choice, ok bool) {
	base, sibling := strings.CutPrefix(key, "_")
	e, elementType, ok := typ.Element(base)
	if !ok {
		return target{}, 0, false, false
	}
	order = 2 * slices.IndexFunc(typ.Elements, func(x r4.Element) bool { return x.Name == e.Name })
	if e.Choice && elementType == "" {
		return target{}, order, true, true
	}
	t = newTarget(elementType, path+"."+key)
	if sibling {
		if !t.prim {
			return target{}, 0, false, false
		}
		t = newTarget("Element", path+"."+key)
		order++
	} else {
		t.binding = e.Binding
	}
	t.list = e.List()
	return t, order, false, true
}

// memberNames gives what may stand in an object of the type, for suggestions.
func memberNames(typ *r4.Type) []string {
	var names []string
	for _, e := range typ.Elements {
		if !e.Choice {
			names = append(names, e.Name)
			continue
		}
		names = append(names, choiceNames(e)...)
	}
	return names
}

func choiceNames(e r4.Element) []string {
	var names []string
	for _, typ := range e.Types {
		names = append(names, e.Name+strings.ToUpper(typ[:1])+typ[1:])
	}
	return names
}

// requirement is an element that R4 requires; names are the keys that satisfy it.
type requirement struct {
	name  string
	names []string
}

// met tells whether the object has one of the keys.
func (q *requirement) met(v *value) bool {
	for i := range v.kids {
		for _, name := range q.names {
			if v.kids[i].name == name {
				return true
			}
		}
	}
	return false
}

func requirements(typ *r4.Type) []requirement {
	var all []requirement
	for _, e := range typ.Elements {
		if e.Min < 1 {
			continue
		}
		names := []string{e.Name, "_" + e.Name}
		if e.Choice {
			names = choiceNames(e)
		}
		all = append(all, requirement{e.Name, names})
	}
	return all
}
