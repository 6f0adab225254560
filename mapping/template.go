package mapping

import (
	"errors"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"samsyn/fhir/r4"
)

// nothing is what a piece with a fault compiles to.
var nothing = constStep{}

// value compiles a piece of a template for a target.
func (l *loader) value(n *yaml.Node, t target, sc scope) step {
	n, ok := l.count(n)
	if !ok || !l.enter(n) {
		return nothing
	}
	defer l.leave()
	switch n.Kind {
	case yaml.ScalarNode:
		return l.scalar(n, t, sc)
	case yaml.SequenceNode:
		if !t.many() {
			l.fault(n, 0, "", "%s has one value in R4, not a list", t.path)
			return nothing
		}
		s := &listStep{}
		for _, item := range n.Content {
			s.items = append(s.items, l.value(item, t.entry(), sc))
		}
		return s
	case yaml.MappingNode:
		return l.mapping(n, t, sc)
	}
	l.fault(n, 0, "", "this kind of YAML has no meaning here")
	return nothing
}

// scalar compiles constant text, "{{ e }}", "{[ e ]}" or text around braces.
func (l *loader) scalar(n *yaml.Node, t target, sc scope) step {
	form, parts, err := parseScalar(n.Value)
	if err != nil {
		l.braceFault(n, err)
		return nothing
	}
	if form == formConstant {
		if len(parts) > 0 {
			return l.constant(n, parts[0].text, t)
		}
		return nothing
	}
	switch {
	case form == formList && !t.many():
		l.fault(n, 0, "write {{ }}", "%s has one value in R4, and {[ ]} gives a list", t.path)
		return nothing
	case form != formList && t.list && t.typ != "":
		l.fault(n, 0, "write {[ ]}, or a YAML list", "%s is a list in R4", t.path)
		return nothing
	case form == formText && t.typ != "" && !t.prim:
		l.fault(n, 0, "", "%s is a %s, and text around braces is text", t.path, t.typ)
		return nothing
	}
	var compiled []textPart
	for _, p := range parts {
		if !p.expr {
			compiled = append(compiled, textPart{text: p.text})
			continue
		}
		x := l.expression(n, p.text, p.offset, sc, t.path)
		if x == nil {
			return nothing
		}
		compiled = append(compiled, textPart{x: x})
	}
	switch form {
	case formFirst:
		return &firstStep{x: compiled[0].x, t: t}
	case formList:
		return &allStep{x: compiled[0].x, t: t.entry()}
	}
	line, _ := l.place(n, 0)
	return &textStep{rule: l.file + ":" + strconv.Itoa(line) + ": " + n.Value, parts: compiled, t: t}
}

func (l *loader) braceFault(n *yaml.Node, err error) {
	offset := 0
	var brace *braceError
	if errors.As(err, &brace) {
		offset = brace.offset
	}
	l.fault(n, offset, "", "%s", err.Error())
}

// constant checks constant text against its target: JSON kind, form and required binding.
func (l *loader) constant(n *yaml.Node, s string, t target) step {
	if n.Tag == "!!null" || s == "" {
		return nothing
	}
	if t.list && t.typ != "" {
		l.fault(n, 0, "write it as a YAML list", "%s is a list in R4", t.path)
		return nothing
	}
	if t.typ != "" && !t.prim {
		l.fault(n, 0, "", "%s is a %s, not a plain value", t.path, t.typ)
		return nothing
	}
	k := text
	switch n.Tag {
	case "!!int", "!!float":
		k = number
	case "!!bool":
		k = boolean
	}
	if t.typ != "" && !l.kindFits(n, k, t) {
		return nothing
	}
	if k == number && !isNumber(s) {
		l.fault(n, 0, "", "this number has no form in JSON")
		return nothing
	}
	if pattern := r4.Pattern(t.typ); pattern != nil && !pattern.MatchString(s) {
		l.fault(n, 0, "", "%s is not a %s", strconv.Quote(s), t.typ)
		return nothing
	}
	if t.binding != "" {
		if in, known := r4.HasCode(t.binding, s); known && !in {
			l.fault(n, 0, "", "%s is not a code that %s may have", strconv.Quote(s), t.path)
			return nothing
		}
	}
	line, _ := l.place(n, 0)
	o := &origin{rule: l.file + ":" + strconv.Itoa(line) + ": constant", line: line}
	return constStep{value{kind: k, text: s, origin: o}}
}

func (l *loader) kindFits(n *yaml.Node, k kind, t target) bool {
	want := text
	switch t.typ {
	case "boolean":
		want = boolean
	case "decimal", "integer", "positiveInt", "unsignedInt":
		want = number
	}
	switch {
	case k == want:
		return true
	case want == text:
		l.fault(n, 0, "put it in quotes", "%s is a %s: a text in JSON", t.path, t.typ)
	case want == boolean:
		l.fault(n, 0, "write true or false, without quotes", "%s is a boolean in JSON", t.path)
	default:
		l.fault(n, 0, "write it without quotes", "%s is a %s: a number in JSON", t.path, t.typ)
	}
	return false
}

// parts of a mapping: its plain members and its directives.
type mappingParts struct {
	members []pair
	ifs     []conditional
	merges  []pair
	loop    *directiveKey
	context *pair
	assign  *pair
}

type directiveKey struct {
	directive
	pair
}

type conditional struct {
	directiveKey
	orElse *yaml.Node
}

func (l *loader) partsOf(n *yaml.Node) mappingParts {
	var p mappingParts
	var orElse *pair
	for _, kv := range l.pairs(n) {
		d, err := parseDirective(kv.key.Value)
		if errors.Is(err, errNotDirective) {
			if strings.HasPrefix(strings.TrimSpace(kv.key.Value), "{{") {
				p.context = &kv
			} else {
				p.members = append(p.members, kv)
			}
			continue
		}
		if err != nil {
			l.braceFault(kv.key, err)
			continue
		}
		switch d.word {
		case "for":
			if p.loop != nil {
				l.fault(kv.key, 0, "write a list of them", "there are two {%% for %%} in one mapping")
			}
			p.loop = &directiveKey{d, kv}
		case "if":
			p.ifs = append(p.ifs, conditional{directiveKey: directiveKey{d, kv}})
		case "else":
			orElse = &kv
		case "assign":
			p.assign = &kv
		case "merge":
			p.merges = append(p.merges, kv)
		}
	}
	if orElse != nil {
		if len(p.ifs) != 1 {
			l.fault(orElse.key, 0, "put each {% if %} with its {% else %} in a {% merge %} list", "{%% else %%} needs exactly one {%% if %%} beside it")
		} else {
			p.ifs[0].orElse = orElse.value
		}
	}
	return p
}

func (p *mappingParts) keys() int {
	keys := len(p.members) + len(p.ifs) + len(p.merges)
	if p.loop != nil {
		keys++
	}
	if p.context != nil {
		keys++
	}
	return keys
}

func (l *loader) mapping(n *yaml.Node, t target, sc scope) step {
	p := l.partsOf(n)
	if p.assign == nil {
		return l.parts(n, p, t, sc)
	}
	assigns := l.assignments(p.assign.value, &sc)
	return &assignStep{assigns: assigns, body: l.parts(n, p, t, sc)}
}

func (l *loader) parts(n *yaml.Node, p mappingParts, t target, sc scope) step {
	switch {
	case p.loop != nil:
		if p.keys() > 1 {
			l.fault(p.loop.key, 0, "", "{%% for %%} must be the only key of its mapping")
		}
		return l.loop(p.loop, t, sc)
	case p.context != nil:
		if p.keys() > 1 {
			l.fault(p.context.key, 0, "", "an expression as key must be the only key of its mapping")
		}
		return l.context(p.context, t, sc)
	case len(p.ifs) == 1 && p.keys() == 1:
		return l.condition(p.ifs[0], t, sc)
	case t.list && t.typ != "":
		l.fault(n, 0, "write it as a YAML list: - …", "%s is a list in R4", t.path)
		return nothing
	case t.prim:
		l.fault(n, 0, "", "%s is a %s, not an object", t.path, t.typ)
		return nothing
	}
	return l.object(n, p, t, sc)
}

func (l *loader) loop(d *directiveKey, t target, sc scope) step {
	if !t.many() {
		l.fault(d.key, 0, "", "%s has one value in R4, and {%% for %%} gives a list", t.path)
		return nothing
	}
	x := l.expression(d.key, d.expr, d.offset, sc, t.path)
	inner := sc.with(d.name)
	if d.index != "" {
		inner = inner.with(d.index)
	}
	s := &forStep{x: x, index: d.index, name: d.name, slots: [2]int{l.slot(d.index), l.slot(d.name)}, body: l.value(d.value, t.entry(), inner)}
	if x == nil {
		return nothing
	}
	return s
}

// context is FPML's "{{ e }}": body, which is made once for each item with the item
// as the record.
func (l *loader) context(kv *pair, t target, sc scope) step {
	form, parts, err := parseScalar(kv.key.Value)
	if err != nil || form != formFirst {
		l.fault(kv.key, 0, "", "a key with braces is one expression and nothing else")
		return nothing
	}
	if !t.many() {
		l.fault(kv.key, 0, "", "%s has one value in R4, and an expression as key gives a list", t.path)
		return nothing
	}
	x := l.expression(kv.key, parts[0].text, parts[0].offset, sc, t.path)
	outer := l.inContext
	l.inContext = true
	body := l.value(kv.value, t.entry(), sc)
	l.inContext = outer
	if x == nil {
		return nothing
	}
	return &forStep{x: x, focus: true, body: body}
}

func (l *loader) condition(c conditional, t target, sc scope) step {
	s := &ifStep{x: l.expression(c.key, c.expr, c.offset, sc, t.path), then: l.value(c.value, t, sc)}
	if c.orElse != nil {
		s.otherwise = l.value(c.orElse, t, sc)
	}
	if s.x == nil {
		return nothing
	}
	return s
}
