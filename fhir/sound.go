package fhir

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"samsyn/fhir/r4"
)

// SurelyValid tells that Validate would find nothing wrong, nor doubtful, with a body. It
// reads the bytes once and decodes nothing, and false says nothing at all: whoever gets it
// asks Validate. Most resources are valid and plain, so most never need to be decoded.
func SurelyValid(r Resource) bool {
	if len(r.Body) > MaxBytes || !utf8.Valid(r.Body) {
		return false
	}
	c := &sound{in: string(r.Body), table: rules(), depth: MaxDepth - 2}
	c.space()
	typ, ok := c.resource(false)
	if !ok || typ != r.Type || c.id != r.ID {
		return false
	}
	c.space()
	return c.at == len(c.in) && c.containedFit()
}

// sound walks the JSON of one resource. Every method gives false for what it is not
// sure of, and the walk ends there.
type sound struct {
	in    string
	at    int
	table *ruleTable
	depth int // levels left

	id        string // of the resource
	inside    bool   // in a contained resource
	contained []ownResource
	pending   []localReference
	local     []string // "#…" that anything refers to
}

type ownResource struct{ id, typ string }

// localReference is a Reference to a contained resource, which may stand further on.
type localReference struct {
	ref, named string
	targets    []string
}

// spoken is what a checked object said, as far as a rule may ask.
type spoken struct {
	seen                    uint64 // elements, by their index in the type
	reference, typ          string
	system, value           string
	start, end              string
	memberReference, member string // reference and type of a CareTeam's member
}

func (c *sound) space() {
	for c.at < len(c.in) {
		switch c.in[c.at] {
		case ' ', '\t', '\r', '\n':
			c.at++
		default:
			return
		}
	}
}

// next steps over a sign and the space around it.
func (c *sound) next(sign byte) bool {
	c.space()
	if c.at >= len(c.in) || c.in[c.at] != sign {
		return false
	}
	c.at++
	c.space()
	return true
}

// text reads a string; plain tells that it has no escapes, so that s is what it says.
func (c *sound) text() (s string, plain, ok bool) {
	if c.at >= len(c.in) || c.in[c.at] != '"' {
		return "", false, false
	}
	start := c.at + 1
	plain = true
	for i := start; i < len(c.in); i++ {
		switch b := c.in[i]; {
		case b == '"':
			c.at = i + 1
			return c.in[start:i], plain, true
		case b == '\\':
			plain = false
			i++
		case b < ' ':
			return "", false, false
		}
	}
	return "", false, false
}

// resource reads a resource, whose type must be said first.
func (c *sound) resource(contained bool) (typ string, ok bool) {
	from := c.at
	if !c.next('{') {
		return "", false
	}
	if key, _, ok := c.text(); !ok || key != "resourceType" || !c.next(':') {
		return "", false
	}
	typ, plain, ok := c.text()
	rule := c.table.types[typ]
	if !ok || !plain || rule == nil || !rule.resource {
		return "", false
	}
	if contained {
		c.contained = append(c.contained, ownResource{typ: typ})
	}
	c.inside = contained
	said, ok := c.members(rule, from, 1)
	if contained && said.seen&(rule.bit("meta")|rule.bit("contained")) != 0 {
		return "", false
	}
	c.inside = false
	return typ, ok
}

// object reads a complex value that begins here.
func (c *sound) object(rule *typeRule) (spoken, bool) {
	from := c.at
	if !c.next('{') {
		return spoken{}, false
	}
	return c.members(rule, from, 0)
}

// members reads an object from its first member on, or after the count members read.
func (c *sound) members(rule *typeRule, from, count int) (said spoken, ok bool) {
	if c.depth--; c.depth < 0 {
		return said, false
	}
	onlyID := true
	for ; !c.next('}'); count++ {
		if count > 0 && !c.next(',') {
			return said, false
		}
		key, plain, ok := c.text()
		if !ok || !plain || !c.next(':') {
			return said, false
		}
		f := rule.fields[key]
		if f == nil || f.typ == nil || said.seen&(1<<f.index) != 0 {
			return said, false
		}
		said.seen |= 1 << f.index
		onlyID = onlyID && key == "id"
		if !c.field(f, rule, key, &said) {
			return said, false
		}
	}
	c.depth++
	if count == 0 || rule.element && onlyID || said.seen&rule.needs != rule.needs {
		return said, false
	}
	switch {
	case len(rule.invariants) == 0:
	case rule.sound != nil:
		if !rule.sound(c, said) {
			return said, false
		}
	default:
		if !c.decoded(from, func(v *validator, m map[string]any, at *node) {
			for _, check := range rule.invariants {
				check(v, m, at, &root{})
			}
		}) {
			return said, false
		}
	}
	return said, true
}

// decoded decodes what stands between from and here, and has it checked as Validate does.
func (c *sound) decoded(from int, check func(v *validator, m map[string]any, at *node)) bool {
	var m map[string]any
	if err := decodeNumbers([]byte(c.in[from:c.at]), &m); err != nil {
		return false
	}
	v := validator{table: c.table}
	check(&v, m, &node{nil, "x", -1})
	return len(v.issues) == 0
}

func (c *sound) field(f *fieldRule, rule *typeRule, key string, said *spoken) bool {
	if !f.list {
		return c.single(f, rule, key, said)
	}
	if !c.next('[') {
		return false
	}
	for n := 1; ; n++ {
		if f.element.Max >= 0 && n > f.element.Max || !c.single(f, rule, key, said) {
			return false
		}
		if c.next(']') {
			return true
		}
		if !c.next(',') {
			return false
		}
	}
}

// single reads one value of an element.
func (c *sound) single(f *fieldRule, rule *typeRule, key string, said *spoken) bool {
	typ := f.typ
	switch {
	case typ.check != nil:
		s, ok := c.primitive(f)
		if ok {
			c.keep(rule, key, s, said)
		}
		return ok
	case typ.anyResource:
		if !f.contained || c.inside {
			return false
		}
		_, ok := c.resource(true)
		return ok
	}
	from := c.at
	got, ok := c.object(typ)
	if !ok {
		return false
	}
	switch {
	case typ.reference:
		if key == "member" {
			said.memberReference, said.member = got.reference, got.typ
		}
		return c.target(f, &got)
	case f.element.Binding != "":
		return c.decoded(from, func(v *validator, m map[string]any, at *node) { v.boundConcept(m, f, at) })
	}
	return true
}

// keep remembers what rules ask of a primitive.
func (c *sound) keep(rule *typeRule, key, s string, said *spoken) {
	switch {
	case rule.reference:
		switch key {
		case "reference":
			said.reference = s
		case "type":
			said.typ = s
		}
	case rule.resource:
		if key == "id" {
			if c.inside {
				c.contained[len(c.contained)-1].id = s
			} else {
				c.id = s
			}
		}
	case rule.sound != nil:
		switch key {
		case "system":
			said.system = s
		case "value":
			said.value = s
		case "start":
			said.start = s
		case "end":
			said.end = s
		}
	}
}

func (c *sound) primitive(f *fieldRule) (s string, ok bool) {
	typ := f.typ
	if typ.name == "xhtml" || c.at >= len(c.in) {
		return "", false
	}
	switch typ.json {
	case jsonText:
		var plain bool
		from := c.at
		if s, plain, ok = c.text(); !ok {
			return "", false
		}
		if !plain {
			if s, ok = unescaped(c.in[from:c.at]); !ok {
				return "", false
			}
		}
	default:
		from := c.at
		for c.at < len(c.in) && strings.IndexByte(",]} \t\r\n", c.in[c.at]) < 0 {
			c.at++
		}
		s = c.in[from:c.at]
		if typ.json == jsonBool {
			return s, s == "true" || s == "false"
		}
		if s == "" || s[0] != '-' && !isDigit(s[0]) || !json.Valid([]byte(s)) {
			return "", false
		}
	}
	if s == "" || !typ.check(s) {
		return "", false
	}
	return s, c.afterPrimitive(s, f)
}

func unescaped(quoted string) (s string, ok bool) {
	err := json.Unmarshal([]byte(quoted), &s)
	return s, err == nil
}

// afterPrimitive is validator.afterPrimitive.
func (c *sound) afterPrimitive(s string, f *fieldRule) bool {
	switch f.typ.name {
	case "code":
		if f.element.Binding != "" {
			in, known := r4.HasCode(f.element.Binding, s)
			return in || !known
		}
	case "string", "uri", "url", "canonical":
		if s[0] == '#' && (f.typ.name != "string" || f.element.Name == "reference") {
			c.local = append(c.local, s)
		}
		return s[0] > ' ' && s[0] < utf8.RuneSelf || strings.TrimSpace(s) != ""
	}
	return true
}
