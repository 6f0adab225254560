package mapping

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// lintScope is what is known where a piece of a template stands.
type lintScope struct {
	conditions []decided           // of the branches around it
	loops      []lintLoop          // around it
	branches   []branch            // around it
	paths      map[string][]string // source paths behind variables
	depends    map[string][]string // variables behind variables
	context    []string            // source paths that names begin at
	replaced   bool                // inside a context block
	depth      int                 // in the YAML, aliases followed
}

// decided is a condition that is known to be true or false in a branch.
type decided struct {
	text string // tokens with a blank between
	yes  bool
	line int
	vars []string
}

type lintLoop struct {
	names []string
	expr  string // tokens
	one   bool   // it gives one round at most
	node  *yaml.Node
}

type branch struct {
	condition *yaml.Node
	yes       bool
}

// tokensOf writes an expression in one way, whatever its white space and comments.
func tokensOf(text string) string {
	var b strings.Builder
	for _, t := range scan(text) {
		b.WriteString([]string{"", "%", "'", ""}[t.kind] + t.text + " ")
	}
	return b.String()
}

func variableNames(text string) []string {
	var names []string
	for _, v := range variables(text) {
		names = append(names, v.text)
	}
	return names
}

// bound is the scope in which names have another meaning than outside.
func (sc lintScope) bound(names ...string) lintScope {
	sc.conditions = slices.DeleteFunc(slices.Clone(sc.conditions), func(d decided) bool {
		return slices.ContainsFunc(d.vars, func(v string) bool { return slices.Contains(names, v) })
	})
	sc.paths, sc.depends = maps.Clone(sc.paths), maps.Clone(sc.depends)
	if sc.depends == nil {
		sc.depends = map[string][]string{}
	}
	return sc
}

// walk looks at a piece of a template. top: what it gives are resources of make.
func (l *linter) walk(n *yaml.Node, sc lintScope, top bool) {
	if l.at.nodes++; l.at.nodes > maxNodes || sc.depth > maxDepth {
		return
	}
	sc.depth++
	switch n = followed(n); n.Kind {
	case yaml.ScalarNode:
		for _, x := range scalarExpressions(n) {
			l.expression(x, sc)
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			l.walk(item, sc, top)
		}
	case yaml.MappingNode:
		l.mapping(n, sc, top)
	}
}

func (l *linter) mapping(n *yaml.Node, sc lintScope, top bool) {
	quiet := &loader{file: l.at.file, lines: l.at.lines}
	p := quiet.partsOf(n) // its faults are Load's to tell
	if p.assign != nil {
		sc = l.assigned(p.assign.value, sc)
		l.unused(p.assign.value, n)
	}
	if top {
		l.resource(p, sc)
	}
	for _, m := range p.members {
		l.walk(m.value, sc, false)
	}
	for _, m := range p.merges {
		l.walk(m.value, sc, top)
	}
	for _, c := range p.ifs {
		l.condition(c, sc, top)
	}
	if p.loop != nil {
		l.loop(p.loop, sc, top)
	}
	if p.context != nil {
		l.contextBlock(p.context, sc, top)
	}
}

func (l *linter) assigned(list *yaml.Node, sc lintScope) lintScope {
	for _, p := range assignPairs(list) {
		l.walk(p.value, sc, false)
		var from, depends []string
		for _, x := range expressionsIn(p.value, 0) {
			from = append(from, l.paths(x, sc)...)
			depends = append(depends, variableNames(x.text)...)
		}
		sc = sc.bound(p.key.Value)
		sc.paths[p.key.Value], sc.depends[p.key.Value] = from, depends
	}
	return sc
}

func (l *linter) loop(d *directiveKey, sc lintScope, top bool) {
	x := exprAt{d.key, d.expr, d.offset}
	l.expression(x, sc)
	if c := constantOf(d.expr); c == alwaysNothing {
		l.fault(d.key, d.offset, "remove it", "this gives nothing, so what is below is never made")
	}
	from := l.paths(x, sc)
	names := []string{d.name}
	if d.index != "" {
		names = append(names, d.index)
		if !slices.ContainsFunc(expressionsIn(d.value, 0), func(x exprAt) bool { return slices.Contains(variableNames(x.text), d.index) }) {
			l.fault(d.key, strings.Index(d.key.Value, d.index), "write {% for "+d.name+" in … %}", "variable %%%s is never used", d.index)
		}
	}
	inner := sc.bound(names...)
	inner.paths[d.name], inner.depends[d.name] = from, variableNames(d.expr)
	if d.index != "" {
		inner.paths[d.index] = nil
	}
	tokens := tokensOf(d.expr)
	one := slices.ContainsFunc([]string{". first ( ) ", ". last ( ) ", ". single ( ) "}, func(end string) bool { return strings.HasSuffix(tokens, end) })
	inner.loops = append(slices.Clip(sc.loops), lintLoop{names: names, expr: tokens, one: one, node: d.key})
	l.walk(d.value, inner, top)
}

func (l *linter) contextBlock(p *pair, sc lintScope, top bool) {
	for _, x := range scalarExpressions(p.key) {
		l.expression(x, sc)
		inner := sc.bound()
		inner.conditions, inner.replaced, inner.context = nil, true, l.paths(x, sc)
		l.walk(p.value, inner, top)
	}
}

func (l *linter) condition(c conditional, sc lintScope, top bool) {
	x := exprAt{c.key, c.expr, c.offset}
	l.expression(x, sc)
	text := tokensOf(c.expr)
	switch constantOf(c.expr) {
	case alwaysTrue:
		l.fault(c.key, c.offset, "write what is below without {% if %}", "this is always true")
		if c.orElse != nil {
			l.fault(c.orElse, 0, "remove it", "this is never reached: the condition in line %d is always true", c.key.Line)
		}
	case alwaysFalse, alwaysNothing:
		l.fault(c.key, c.offset, "remove it", "this is never reached: the condition is always false")
	case alwaysOther:
		l.fault(c.key, c.offset, "compare it with something", "this is neither true nor false, so every record is refused")
	default:
		for _, d := range sc.conditions {
			if d.text != text {
				continue
			}
			if d.yes {
				l.fault(c.key, c.offset, "write what is below without {% if %}", "this is always true here: line %d has asked the same", d.line)
				if c.orElse != nil {
					l.fault(c.orElse, 0, "remove it", "this is never reached: line %d has asked the same", d.line)
				}
			} else {
				l.fault(c.key, c.offset, "remove it", "this is never reached: it stands where the same condition of line %d is false", d.line)
			}
			break
		}
	}
	into := func(n *yaml.Node, yes bool) {
		inner := sc
		inner.conditions = append(slices.Clip(sc.conditions), decided{text, yes, c.key.Line, variableNames(c.expr)})
		inner.branches = append(slices.Clip(sc.branches), branch{c.key, yes})
		l.walk(n, inner, top)
	}
	into(c.value, true)
	if c.orElse != nil {
		into(c.orElse, false)
	}
}

// expression looks at one expression: what it reads, and iif with a constant condition.
func (l *linter) expression(x exprAt, sc lintScope) {
	l.reads(x, sc)
	tokens := scan(x.text)
	for i := 0; i+3 < len(tokens); i++ {
		if tokens[i].kind == tokenName && tokens[i].text == "iif" && tokens[i+1].text == "(" && tokens[i+3].text == "," &&
			tokens[i+2].kind == tokenName && (tokens[i+2].text == "true" || tokens[i+2].text == "false") {
			l.fault(x.node, x.offset+tokens[i].pos, "write the other without iif", "one of the two is never given: the condition is always %s", tokens[i+2].text)
		}
	}
}
