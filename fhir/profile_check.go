package fhir

import (
	"slices"
	"strconv"
	"strings"

	"samsyn/fhir/fhirpath"
)

// invariantSteps bounds one evaluation of an invariant.
const invariantSteps = 100_000

// elementPath is a compiled path below a resource; none is the resource itself.
type elementPath []pathStep

// pathStep is one element of a path, with the JSON keys that it may have.
type pathStep struct {
	keys []string
	typ  string // of the values; "" for a choice that is not told
}

// profileCheck gathers the issues of one resource. The trail says where the walk is.
type profileCheck struct {
	issues []Issue
	room   [12]crumb
	trail  []crumb
}

type crumb struct {
	key   string
	index int // -1: no list
}

func claims(v Value, url string) bool {
	meta := v.Field("meta")
	if meta == nil {
		return false
	}
	all := meta.Field("profile")
	for i := 0; all != nil && i < all.Len(); i++ {
		claimed := all.At(i)
		if claimed == nil {
			continue
		}
		if name, _, _ := strings.Cut(claimed.Text(), "|"); name == url {
			return true
		}
	}
	return false
}

func (c *profileCheck) rule(r *profileRule, typ string, v Value) {
	if r.when != nil && !r.when.holds(v) {
		return
	}
	c.trail = append(c.room[:0], crumb{typ, -1})
	if len(r.path) == 0 {
		c.value(r, typ, v)
		return
	}
	c.below(r, r.path, v)
}

// below walks to the parents of the rule's element, and judges it in each.
func (c *profileCheck) below(r *profileRule, path elementPath, parent Value) {
	step := &path[0]
	if len(path) == 1 {
		c.element(r, step, parent)
		return
	}
	step.each(parent, func(key string, index int, v Value) {
		c.trail = append(c.trail, crumb{key, index})
		c.below(r, path[1:], v)
		c.trail = c.trail[:len(c.trail)-1]
	})
}

// element judges all values of the rule's element in one parent, then each of them.
func (c *profileCheck) element(r *profileRule, step *pathStep, parent Value) {
	count, matched := 0, false
	step.each(parent, func(key string, index int, v Value) {
		count++
		if r.coding != nil {
			matched = matched || r.coding.in(v)
			return
		}
		c.trail = append(c.trail, crumb{key, index})
		c.value(r, step.typ, v)
		c.trail = c.trail[:len(c.trail)-1]
	})
	if r.min > count || r.max >= 0 && count > r.max || r.coding != nil && count > 0 && !matched {
		c.trail = append(c.trail, crumb{step.keys[0], -1})
		c.report(r)
		c.trail = c.trail[:len(c.trail)-1]
	}
}

// value judges one value of the rule's element.
func (c *profileCheck) value(r *profileRule, typ string, v Value) {
	holds := true
	switch {
	case r.values != nil:
		holds = slices.Contains(r.values, v.Text())
	case r.codes != nil:
		holds = r.codes.allow(v)
	case r.numbers != nil:
		holds = r.numbers.allow(v)
	case r.oneOf != nil:
		holds = slices.ContainsFunc(r.oneOf, func(p elementPath) bool { return p.exists(v) })
	case r.invariant != nil:
		holds = invariantHolds(r.invariant, typ, v)
	}
	if !holds {
		c.report(r)
	}
}

// invariantHolds tells whether an expression gives true, as R4 asks of a constraint.
func invariantHolds(x *fhirpath.Expression, typ string, v Value) bool {
	item, ok := fhirpath.RootTyped(v.Plain(), typ)
	if !ok {
		return false
	}
	out, err := x.Evaluate(&fhirpath.Env{Steps: invariantSteps}, item)
	if err != nil || len(out) != 1 {
		return false
	}
	holds, ok := out[0].Value().(bool)
	return ok && holds
}

func (c *profileCheck) report(r *profileRule) {
	var b strings.Builder
	for i, at := range c.trail {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(at.key)
		if at.index >= 0 {
			b.WriteString("[" + strconv.Itoa(at.index) + "]")
		}
	}
	c.issues = append(c.issues, Issue{r.severity, b.String(), r.name, r.message})
}

// each gives the values of an element in a parent, under whatever key.
func (s *pathStep) each(parent Value, visit func(key string, index int, v Value)) {
	for _, key := range s.keys {
		v := parent.Field(key)
		if v == nil {
			continue
		}
		n := v.Len()
		if n < 0 {
			visit(key, -1, v)
			continue
		}
		for i := range n {
			if item := v.At(i); item != nil {
				visit(key, i, item)
			}
		}
	}
}

// any tells whether a value at the path meets a test.
func (p elementPath) any(v Value, test func(Value) bool) bool {
	if len(p) == 0 {
		return test(v)
	}
	found := false
	p[0].each(v, func(_ string, _ int, child Value) { found = found || p[1:].any(child, test) })
	return found
}

func (p elementPath) exists(v Value) bool { return p.any(v, func(Value) bool { return true }) }

func (w *condition) holds(v Value) bool {
	return w.path.any(v, func(v Value) bool {
		switch {
		case w.values != nil:
			return slices.Contains(w.values, v.Text())
		case w.coding != nil:
			return w.coding.in(v)
		}
		return true
	})
}

// anyCoding tells whether a coding of a CodeableConcept, or the Coding that v is, meets a test.
func anyCoding(v Value, test func(system, code string) bool) bool {
	one := func(v Value) bool { return test(textIn(v, "system"), textIn(v, "code")) }
	all := v.Field("coding")
	if all == nil {
		return one(v)
	}
	for i := range max(all.Len(), 0) {
		if coding := all.At(i); coding != nil && one(coding) {
			return true
		}
	}
	return false
}

func textIn(v Value, field string) string {
	if f := v.Field(field); f != nil {
		return f.Text()
	}
	return ""
}

func (p *codingPattern) in(v Value) bool {
	return anyCoding(v, func(system, code string) bool {
		return system == p.system && (p.codes == nil || slices.Contains(p.codes, code))
	})
}

func (l *codeList) allow(v Value) bool {
	if l.only && !anyCoding(v, func(system, code string) bool { return system == l.system && l.codes[code] }) {
		return false
	}
	return !anyCoding(v, func(system, code string) bool { return system == l.system && !l.codes[code] })
}

// allow judges an Identifier. Its value is looked at and never shown.
func (n *numberRule) allow(v Value) bool {
	system := CanonicalSystem(textIn(v, "system"))
	if system == "" {
		return !n.only
	}
	if !n.allowed[system] {
		_, known := findSystem(system)
		return !n.only && !known && n.forms[system] == nil
	}
	form := n.forms[system]
	value := textIn(v, "value")
	return form == nil || value == "" || form(value)
}
