package mapping

import (
	"slices"
	"strings"
)

// madeResource is one place of make: that makes resources.
type madeResource struct {
	typ, id  string // id as tokens
	at       pair   // its id
	loops    []lintLoop
	branches []branch
}

// resource notes a resource of make, and tells where each round of a loop gives the same id.
func (l *linter) resource(p mappingParts, sc lintScope) {
	var r madeResource
	for _, m := range p.members {
		switch m.key.Value {
		case "resourceType":
			r.typ = m.value.Value
		case "id":
			r.at = m
			r.id = idTokens(m)
		}
	}
	if r.typ == "" || r.id == "" || sc.replaced {
		return
	}
	r.loops, r.branches = sc.loops, sc.branches
	l.made = append(l.made, r)
	uses := l.behind(r.at, sc)
	for _, loop := range sc.loops {
		if !loop.one && !slices.ContainsFunc(loop.names, func(name string) bool { return slices.Contains(uses, name) }) {
			l.fault(r.at.value, 0, "give id() something of %"+loop.names[0], "every round of the loop in line %d gives the same id", loop.node.Line)
		}
	}
}

func idTokens(m pair) string {
	var b strings.Builder
	b.WriteString(m.value.Value[:min(1, len(m.value.Value))])
	for _, x := range scalarExpressions(followed(m.value)) {
		b.WriteString(tokensOf(x.text) + ";")
	}
	if b.Len() <= 1 {
		return m.value.Value
	}
	return b.String()
}

// behind gives the variables that an id is made of, through others.
func (l *linter) behind(m pair, sc lintScope) []string {
	var names []string
	for _, x := range expressionsIn(m.value, 0) {
		names = append(names, variableNames(x.text)...)
	}
	for i := 0; i < len(names) && len(names) < maxNodes; i++ {
		for _, more := range sc.depends[names[i]] {
			if !slices.Contains(names, more) {
				names = append(names, more)
			}
		}
	}
	return names
}

// sameIDs tells of two places that give one type the same id where both are reached.
func (l *linter) sameIDs() {
	for i, b := range l.made {
		for _, a := range l.made[:i] {
			if a.typ == b.typ && a.id == b.id && sameLoops(a.loops, b.loops) && together(a.branches, b.branches) {
				l.fault(b.at.value, 0, "give one of them another kind", "%s gets the same id in line %d", b.typ, a.at.value.Line)
				break
			}
		}
	}
}

func sameLoops(a, b []lintLoop) bool {
	return slices.EqualFunc(a, b, func(x, y lintLoop) bool { return x.expr == y.expr && slices.Equal(x.names, y.names) })
}

// together tells whether one of two places is reached whenever the other is.
func together(a, b []branch) bool {
	within := func(a, b []branch) bool {
		for _, x := range a {
			if !slices.Contains(b, x) {
				return false
			}
		}
		return true
	}
	return within(a, b) || within(b, a)
}
