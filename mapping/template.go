package mapping

import (
	"errors"
	"slices"
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
	if !ok {
		return nothing
	}
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
	if k == number && !numberText.MatchString(s) {
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
	s := &forStep{x: x, index: d.index, name: d.name, body: l.value(d.value, t.entry(), inner)}
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
	body := l.value(kv.value, t.entry(), sc)
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

// object compiles members and merged parts, and checks them against the type.
func (l *loader) object(n *yaml.Node, p mappingParts, t target, sc scope) step {
	typ, path, ok := l.typeOf(n, p, t)
	if !ok {
		return nothing
	}
	s := &objectStep{t: t, line: n.Line, order: func(name string) int { return orderIn(typ, name) }}
	s.t.path = path
	t.path = path
	for _, kv := range p.members {
		if m, ok := l.member(kv, typ, t, sc); ok {
			s.members = append(s.members, m)
		}
	}
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
		return memberStep{key, -1, l.constant(kv.value, kv.value.Value, untyped(t.path))}, true
	}
	if typ == nil {
		return memberStep{key, 1 << 16, l.value(kv.value, untyped(t.path+"."+key), sc)}, true
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
	return memberStep{key, order, l.value(kv.value, mt, sc)}, true
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
