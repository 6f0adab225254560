package fhir

import (
	"cmp"
	"slices"
)

// Severity says whether an issue makes a resource invalid.
type Severity string

// The severities. A resource with an error is not stored; one with warnings only is.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Issue is one thing that is wrong with a resource. Message is plain English and shows
// no value but short codes, since values may be about a person.
type Issue struct {
	Severity Severity `json:"severity"`
	Path     string   `json:"path"` // "CarePlan.activity[0].detail.status"
	Rule     string   `json:"rule"` // the invariant's key in the specification ("cpl-3"), or one of the rules below
	Message  string   `json:"message"`
}

// The rules that are no invariants of the specification.
const (
	RuleElement   = "element"     // an element that the type does not have
	RuleRequired  = "required"    // a required element is missing
	RuleMax       = "cardinality" // one value where a list belongs, or the other way round; too many values
	RuleType      = "type"        // the wrong JSON kind for the element's type
	RuleFormat    = "format"      // a primitive that does not keep its type's lexical rule
	RuleChoice    = "choice"      // two values for one choice
	RuleBinding   = "binding"     // a code outside a required binding
	RuleTarget    = "target"      // a reference to a resource of a type that is not allowed there
	RuleReference = "reference"   // a reference that contradicts itself
	RuleNull      = "null"        // null where FHIR has none
	RuleResource  = "resource"    // no or an unknown resourceType
	RuleNoBasis   = "no-basis"    // HL7 Norway's base profiles
	RuleValue     = "value"       // readable, but most likely a mistake
)

// Validate tells what is wrong with a resource: elements, cardinality, types, primitives,
// choices, required bindings and reference targets from R4's definitions; the invariants
// of the datatypes and of the resources that we make; and no-basis' rules for identifiers.
// Issues stand in the order of their paths; none means valid.
func Validate(r Resource) []Issue {
	if SurelyValid(r) {
		return nil
	}
	m, err := Decode(r)
	if err != nil {
		return []Issue{{Error, cmp.Or(r.Type, "Resource"), RuleResource, "it cannot be read as a JSON object"}}
	}
	issues := ValidateMap(m)
	if r.Type != "" && m["resourceType"] != r.Type {
		issues = append(issues, Issue{Error, r.Type, RuleResource, "the envelope's type is not the body's resourceType"})
	}
	if id, _ := m["id"].(string); id != r.ID {
		issues = append(issues, Issue{Error, cmp.Or(r.Type, "Resource") + ".id", RuleResource, "the envelope's id is not the body's id"})
	}
	return issues
}

// ValidateMap is Validate for a decoded resource, as Decode gives it. Go's own numbers
// are taken for JSON numbers.
func ValidateMap(m map[string]any) []Issue {
	v := validator{table: rules()}
	v.resource(m, nil, "", nil)
	slices.SortStableFunc(v.issues, func(a, b Issue) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(v.issues)
}

// Errors keeps the issues that make a resource invalid.
func Errors(issues []Issue) []Issue {
	var errs []Issue
	for _, i := range issues {
		if i.Severity == Error {
			errs = append(errs, i)
		}
	}
	return errs
}

// validator gathers the issues of one resource.
type validator struct {
	table  *ruleTable
	issues []Issue
	depth  int
	spare  []*node // left places, to be used again
}

// root is the resource that "#" references are resolved in: the outermost one, or one
// in a Bundle or Parameters.
type root struct {
	body      map[string]any
	contained map[string]string // id → resourceType
	local     map[string]bool   // "#…" references seen anywhere in it
}

// node is a place in the resource. Its text is only made when there is an issue.
type node struct {
	parent *node
	name   string
	index  int // -1: not in a list
}

func (v *validator) report(s Severity, at *node, rule, message string) {
	v.issues = append(v.issues, Issue{s, at.path(), rule, message})
}

// object checks a complex value: its elements, then what is missing, then the invariants.
func (v *validator) object(m map[string]any, rule *typeRule, at *node, r *root) {
	if v.depth++; v.depth > MaxDepth {
		v.report(Error, at, RuleType, "it is nested too deep")
		v.depth--
		return
	}
	defer func() { v.depth-- }()
	var seen uint64
	var room [4]chosenKey
	chosen := room[:0]
	for key, value := range m {
		if key == "resourceType" && rule.resource {
			continue
		}
		field := rule.fields[key]
		companion := false
		if field == nil && len(key) > 1 && key[0] == '_' {
			field = rule.fields[key[1:]]
			companion = true
		}
		if field == nil || field.typ == nil || companion && field.typ.check == nil {
			v.report(Error, at.child(shown(key)), RuleElement, v.unknown(rule, key))
			continue
		}
		bit := uint64(1) << field.index
		if field.element.Choice {
			for _, c := range chosen {
				if c.index == field.index && c.typ != field.typ {
					v.report(Error, at.child(field.element.Name+"[x]"), RuleChoice, "only one type of "+field.element.Name+"[x] may be given")
				}
			}
			chosen = append(chosen, chosenKey{field.index, field.typ})
		}
		seen |= bit
		here := v.place(at, key, -1)
		if companion {
			v.companion(value, field, here, r)
		} else {
			v.field(value, m, field, here, r)
		}
		v.leave(here)
	}
	for _, q := range rule.required {
		if seen&(1<<q.index) == 0 {
			v.report(Error, at.child(q.name), RuleRequired, q.name+" is required")
		}
	}
	if rule.element {
		v.emptyElement(m, at)
	}
	for _, check := range rule.invariants {
		check(v, m, at, r)
	}
}

type chosenKey struct {
	index int
	typ   *typeRule
}

func (v *validator) unknown(rule *typeRule, key string) string {
	if f := rule.fields[key]; f != nil && f.typ == nil {
		return "the name of a choice needs its type: " + f.element.Name + "String, " + f.element.Name + "Period …"
	}
	return rule.name + " has no element of this name"
}

// field checks one element of m: list or not, then each value. In a list of primitives
// the companion with an underscore fills the holes.
func (v *validator) field(value any, m map[string]any, f *fieldRule, at *node, r *root) {
	list, isList := value.([]any)
	if isList != f.list {
		switch {
		case value == nil:
			v.report(Error, at, RuleNull, "null is no value in FHIR; leave the element out")
		case f.list:
			v.report(Error, at, RuleMax, "it must be a list")
		default:
			v.report(Error, at, RuleMax, "it must be one value, not a list")
		}
		return
	}
	if !isList {
		v.value(value, f, at, r)
		return
	}
	if len(list) == 0 {
		v.report(Error, at, "ele-1", "an empty list is not allowed; leave the element out")
	}
	if f.element.Max >= 0 && len(list) > f.element.Max {
		v.report(Error, at, RuleMax, "there are too many values")
	}
	for i, item := range list {
		here := v.place(at, "", i)
		if item != nil {
			v.value(item, f, here, r)
		} else if extras, _ := m["_"+at.name].([]any); f.typ.check == nil || i >= len(extras) || extras[i] == nil {
			v.report(Error, here, RuleNull, "null is only allowed in a list of primitives where an extension stands for the value")
		}
		v.leave(here)
	}
}

// value checks a single value against the element's type and binding.
func (v *validator) value(value any, f *fieldRule, at *node, r *root) {
	typ := f.typ
	if typ.check != nil {
		if text, ok := v.primitive(value, typ, at); ok {
			v.afterPrimitive(text, f, at, r)
		}
		return
	}
	m, ok := value.(map[string]any)
	if !ok {
		if value == nil {
			v.report(Error, at, RuleNull, "null is no value in FHIR; leave the element out")
			return
		}
		v.report(Error, at, RuleType, "it must be an object ("+typ.name+")")
		return
	}
	if typ.anyResource {
		if f.contained {
			v.resource(m, at, "contained", r)
		} else {
			v.resource(m, at, "", nil)
		}
		return
	}
	v.object(m, typ, at, r)
	switch {
	case typ.reference:
		v.target(m, f.element, at, r)
	case f.element.Binding != "":
		v.boundConcept(m, f, at)
	}
}

// companion checks the object beside a primitive ("_birthDate"): an id and extensions.
func (v *validator) companion(value any, f *fieldRule, at *node, r *root) {
	one := func(item any, at *node) {
		m, ok := item.(map[string]any)
		if !ok {
			v.report(Error, at, RuleType, "it must be an object with an id or extensions")
			return
		}
		v.object(m, v.table.element, at, r)
	}
	list, isList := value.([]any)
	if isList != f.list {
		v.report(Error, at, RuleMax, "it must have the form of the element it belongs to")
		return
	}
	if !isList {
		one(value, at)
		return
	}
	if len(list) == 0 {
		v.report(Error, at, "ele-1", "an empty list is not allowed; leave the element out")
	}
	for i, item := range list {
		if item != nil {
			one(item, &node{at, "", i})
		}
	}
}

// emptyElement is ele-1: an element has a value or children, and an id alone is none.
func (v *validator) emptyElement(m map[string]any, at *node) {
	if len(m) == 0 {
		v.report(Error, at, "ele-1", "an empty object is not allowed; leave the element out")
	} else if _, id := m["id"]; id && len(m) == 1 {
		v.report(Error, at, "ele-1", "an element must have more than an id")
	}
}
