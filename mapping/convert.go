package mapping

import (
	"encoding/json"
	"sort"
	"strconv"
	"strings"

	"samsyn/fhir/fhirpath"
	"samsyn/fhir/r4"
)

// Values of the functions translate, concept, coding and the like carry a mark, so
// that they become what the element wants: a CodeableConcept, a Coding, a code or a
// text. The mark never leaves the engine.
const (
	markKey     = "\x00samsyn"
	markConcept = "concept" // {coding: [...], text} with code, display and system beside
	markCoding  = "coding"  // {system, code, display}
)

// convert makes a value of the target's type of what an expression gave.
func (r *run) convert(x *expr, t target, item fhirpath.Item, o *origin) (value, error) {
	switch v := item.Value().(type) {
	case nil:
		return value{}, nil
	case map[string]any:
		if mark, ok := v[markKey].(string); ok {
			return r.coded(x, t, v, mark, o)
		}
		if t.prim {
			return value{}, r.fault(x, ErrInvalidValue, "an object was given for a "+t.typ)
		}
		return r.tree(v, t.typ, item.Path(), o, 0)
	default:
		s, number, ok := scalarText(item)
		if !ok {
			return value{}, r.fault(x, ErrInvalidValue, "the value has no form in JSON")
		}
		if t.typ != "" && !t.prim {
			return value{}, r.fault(x, ErrInvalidValue, "a plain value was given for a "+t.typ+hint(t.typ))
		}
		if b, isBool := v.(bool); isBool && (t.typ == "" || t.typ == "boolean") {
			if err := r.spend(1, 0); err != nil {
				return value{}, err
			}
			return value{kind: boolean, text: map[bool]string{true: "true", false: "false"}[b], origin: o}, nil
		}
		return r.primitive(x, t, s, number, o)
	}
}

// hint names the function that makes the type from a text.
func hint(typ string) string {
	switch typ {
	case "CodeableConcept":
		return ": use text(…), concept(…) or translate(…)"
	case "Coding":
		return ": use coding(…)"
	case "Reference":
		return ": use ref(…) or display(…)"
	case "Identifier":
		return ": use identifier(…)"
	case "HumanName":
		return ": use personName(…)"
	}
	return ""
}

// scalarText gives an item's text and whether it is a number.
func scalarText(item fhirpath.Item) (s string, number, ok bool) {
	switch v := item.Value().(type) {
	case string:
		return v, false, true
	case json.Number:
		return v.String(), true, true
	case int64, fhirpath.Decimal:
		s, ok = item.String()
		return s, true, ok
	}
	s, ok = item.String()
	return s, false, ok
}

// itemText gives the text that an item contributes to a key, an id or a text.
func itemText(item fhirpath.Item) (string, bool) {
	if s, ok := item.Value().(string); ok {
		return s, true
	}
	if m, ok := item.Value().(map[string]any); ok {
		if m[markKey] == nil {
			return "", false
		}
		return conceptText(m), true
	}
	s, _, ok := scalarText(item)
	return s, ok
}

// isNumber tells whether s has the form of a JSON number.
func isNumber(s string) bool {
	d := jsonReader{s: s}
	_, err := d.number()
	return err == nil && d.i == len(s)
}

// primitive makes a text or number into a primitive of the target's type.
func (r *run) primitive(x *expr, t target, s string, numeric bool, o *origin) (value, error) {
	if blank(s) {
		return value{}, nil
	}
	if err := r.spend(1, len(s)); err != nil {
		return value{}, err
	}
	wrong := func(what string) (value, error) {
		return value{}, r.fault(x, ErrInvalidValue, "the value is not "+what)
	}
	switch t.typ {
	case "":
		if numeric {
			return value{kind: number, text: s, origin: o}, nil
		}
	case "boolean":
		s = strings.TrimSpace(s)
		if s != "true" && s != "false" {
			return wrong("true or false")
		}
		return value{kind: boolean, text: s, origin: o}, nil
	case "decimal", "integer", "positiveInt", "unsignedInt":
		s = strings.TrimSpace(s)
		if !isNumber(s) || (t.typ != "decimal" && strings.ContainsAny(s, ".eE")) {
			return wrong("a " + t.typ)
		}
		return value{kind: number, text: s, origin: o}, nil
	case "date", "dateTime", "instant":
		m, ok := parseMoment(s)
		if !ok {
			return wrong("a date")
		}
		switch t.typ {
		case "date":
			s = m.day()
		case "dateTime":
			s = m.dateTime()
		default:
			if s, ok = m.instant(); !ok {
				return wrong("a whole date")
			}
		}
	case "code", "id", "uri", "url", "canonical", "oid", "uuid":
		s = strings.TrimSpace(s)
	}
	return textValue(s, o), nil
}

// coded makes a marked concept or coding into what the target wants.
func (r *run) coded(x *expr, t target, m map[string]any, mark string, o *origin) (value, error) {
	if err := r.spend(4, 0); err != nil {
		return value{}, err
	}
	switch {
	case t.typ == "CodeableConcept", t.typ == "" && mark == markConcept:
		if mark == markCoding {
			m = map[string]any{"coding": []any{m}}
		}
		return r.tree(m, "CodeableConcept", "", o, 0)
	case t.typ == "Coding" || t.typ == "":
		if mark == markConcept {
			codings, _ := m["coding"].([]any)
			if len(codings) == 0 {
				return value{}, r.fault(x, ErrInvalidValue, "a text without a code was given for a Coding")
			}
			m = codings[0].(map[string]any)
		}
		return r.tree(m, "Coding", "", o, 0)
	case t.typ == "string" || t.typ == "markdown":
		return textValue(conceptText(m), o), nil
	case t.prim:
		code, _ := m["code"].(string)
		if code == "" {
			return value{}, r.fault(x, ErrInvalidValue, "a text without a code was given for a "+t.typ)
		}
		return r.primitive(x, t, code, false, o)
	}
	return value{}, r.fault(x, ErrInvalidValue, "a code was given for a "+t.typ)
}

// conceptText gives a marked concept's or coding's words, or else its code.
func conceptText(m map[string]any) string {
	for _, key := range []string{"display", "text", "code"} {
		if s, _ := m[key].(string); s != "" {
			return s
		}
	}
	return ""
}

// tree copies an object of the record or of a function. Members stand in R4's order
// where the type is known. Where the object stands in the record (path), each leaf
// names its own source field.
func (r *run) tree(m map[string]any, typ, path string, o *origin, depth int) (value, error) {
	if depth > maxDepth {
		return value{}, &RecordError{Kind: ErrBudget, Map: r.m.Name, Line: o.line, Reason: "an object is nested too deep"}
	}
	if name, ok := m["resourceType"].(string); ok {
		typ = name
	}
	known, _ := r4.Lookup(typ)
	mark, _ := m[markKey].(string)
	names := make([]string, 0, len(m))
	for name := range m {
		if name == markKey || mark == markConcept && name != "coding" && name != "text" {
			continue
		}
		names = append(names, name)
	}
	sort.Strings(names)
	out := value{kind: object}
	for _, name := range names {
		sub, order := "", orderIn(known, name)
		if known != nil {
			if t, _, choice, ok := member(known, "", name); ok && !choice {
				sub = t.typ
			}
		}
		v, err := r.branch(m[name], sub, join(path, name), o, depth)
		if err != nil {
			return value{}, err
		}
		if !v.empty() {
			v.name, v.order = name, order
			out.kids = append(out.kids, v)
		}
	}
	if len(out.kids) == 0 {
		return value{}, nil
	}
	out.sorted()
	return out, nil
}

func (r *run) branch(v any, typ, path string, o *origin, depth int) (value, error) {
	leaf := func(k kind, s string) (value, error) {
		if path != "" {
			o = &origin{rule: o.rule, line: o.line, from: []source{{path: path}}}
		}
		return value{kind: k, text: s, origin: o}, r.spend(1, len(s))
	}
	switch v := v.(type) {
	case map[string]any:
		return r.tree(v, typ, path, o, depth+1)
	case []any:
		out := value{kind: list}
		for i, entry := range v {
			if entry == nil && typ != "" {
				// FHIR's only nulls: they keep a list of primitives in step with its extensions.
				out.kids = append(out.kids, value{})
				continue
			}
			item, err := r.branch(entry, typ, indexed(path, i), o, depth+1)
			if err != nil {
				return value{}, err
			}
			out.add(&item)
		}
		return out, nil
	case string:
		if blank(v) {
			return value{}, nil
		}
		return leaf(text, v)
	case bool:
		return leaf(boolean, map[bool]string{true: "true", false: "false"}[v])
	case nil:
		return value{}, nil
	}
	s, numeric, ok := scalarText(fhirpath.New(v))
	if !ok {
		return value{}, nil
	}
	if numeric {
		return leaf(number, s)
	}
	return leaf(text, s)
}

// orderIn is a member's place in the definition of the type.
func orderIn(typ *r4.Type, name string) int32 {
	if name == "resourceType" {
		return -1
	}
	if typ != nil {
		if _, order, _, ok := member(typ, "", name); ok {
			return int32(order)
		}
	}
	return unordered
}

// unordered is the place of a member that its type does not have.
const unordered = 1 << 16

// blank tells whether s is only white space.
func blank(s string) bool {
	return s == "" || s[0] <= ' ' && strings.TrimSpace(s) == "" || s[0] >= 0x80 && strings.TrimSpace(s) == ""
}

func join(path, name string) string {
	if path == "" {
		return ""
	}
	return path + "." + name
}

func indexed(path string, i int) string {
	if path == "" {
		return ""
	}
	return path + "[" + strconv.Itoa(i) + "]"
}
