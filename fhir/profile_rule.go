package fhir

import (
	"errors"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"samsyn/fhir/fhirpath"
	"samsyn/fhir/r4"
)

// profile compiles one entry of profiles:.
func (l *profileLoader) profile(n *yaml.Node) *profile {
	m := l.members(n, "type", "url", "about", "applies", "rules")
	p := &profile{guide: l.guide, url: l.text(m["url"]), typ: l.text(m["type"])}
	if t, ok := r4.Lookup(p.typ); !ok || t.Kind != r4.Resource {
		at := m["type"]
		if at == nil {
			at = n
		}
		l.fault(at, "type: must be one of R4's resources")
		return nil
	}
	switch applies := l.text(m["applies"]); {
	case applies == "claimed" && p.url != "":
		p.claimed = true
	case applies == "claimed":
		l.fault(m["applies"], "what applies where it is claimed needs the url: that claims it")
	case applies != "" && applies != "always":
		l.fault(m["applies"], "applies: is always, or claimed: only to what names the url in meta.profile")
	}
	seen := map[string]bool{}
	for _, n := range l.items(m["rules"]) {
		r := l.rule(n, p.typ)
		if r == nil {
			continue
		}
		if seen[r.name] {
			l.fault(n, "another rule of %s has the same name", p.typ)
		}
		seen[r.name] = true
		p.rules = append(p.rules, r)
	}
	if m["rules"] == nil {
		l.fault(n, "rules: is missing")
	}
	return p
}

var ruleTests = []string{"value", "coding", "codes", "identifiers", "oneOf", "expression"}

// rule compiles one rule; nil where nothing can be said of its element.
func (l *profileLoader) rule(n *yaml.Node, typ string) *profileRule {
	m := l.members(n, slices.Concat([]string{"rule", "element", "severity", "message", "when", "min", "max", "only"}, ruleTests)...)
	r := &profileRule{name: l.guide + ":" + l.word(m["rule"]), severity: Error, message: l.text(m["message"]), min: l.count(m["min"], 0), max: l.count(m["max"], -1)}
	for _, must := range []string{"rule", "message"} {
		if m[must] == nil {
			l.fault(n, "%s: is missing", must)
		}
	}
	switch s := l.text(m["severity"]); s {
	case "", string(Error):
	case string(Warning):
		r.severity = Warning
	default:
		l.fault(m["severity"], "severity: is error or warning")
	}
	if m["when"] != nil {
		r.when = l.condition(m["when"], typ)
	}
	of := typ
	if element := l.text(m["element"]); element != "" {
		var ok bool
		if r.path, ok = l.path(m["element"], typ, element); !ok {
			return nil
		}
		of = r.path[len(r.path)-1].typ
	}
	tests := 0
	for _, kind := range ruleTests {
		if m[kind] != nil {
			tests++
		}
	}
	switch {
	case tests > 1:
		l.fault(n, "a rule asks for one of %s", strings.Join(ruleTests, ", "))
	case tests == 0 && m["min"] == nil && m["max"] == nil:
		l.fault(n, "a rule asks for min, max, %s", strings.Join(ruleTests, ", "))
	case r.path == nil && (m["min"] != nil || m["max"] != nil):
		l.fault(n, "min and max are asked of an element:")
	case r.max >= 0 && r.min > r.max:
		l.fault(m["max"], "max is less than min")
	case r.path == nil && m["oneOf"] == nil && m["expression"] == nil:
		l.fault(n, "of a whole resource a rule asks for oneOf or expression; for the rest name an element:")
	default:
		l.test(m, r, of)
	}
	if m["only"] != nil && m["codes"] == nil && m["identifiers"] == nil {
		l.fault(m["only"], "only: belongs to codes: or identifiers:")
	}
	return r
}

// test compiles what a rule asks of its element's values, which are of a type.
func (l *profileLoader) test(m map[string]*yaml.Node, r *profileRule, of string) {
	want := func(key string, types ...string) {
		if !slices.Contains(types, of) {
			l.fault(m[key], "%s: is asked of a %s", key, strings.Join(types, " or "))
		}
	}
	only := l.yes(m["only"])
	switch {
	case m["value"] != nil:
		r.values = l.primitives(m["value"], of)
	case m["coding"] != nil:
		want("coding", "Coding", "CodeableConcept")
		r.coding = l.pattern(m["coding"])
	case m["codes"] != nil:
		want("codes", "Coding", "CodeableConcept")
		name := l.text(m["codes"])
		list, ok := l.codes[name]
		if !ok {
			l.fault(m["codes"], "there is no list %s under codes:", shown(name))
			return
		}
		r.codes = &codeList{system: list.system, codes: list.codes, only: only}
	case m["identifiers"] != nil:
		want("identifiers", "Identifier")
		r.numbers = l.numbers(m["identifiers"], only)
	case m["oneOf"] != nil:
		names := l.texts(m["oneOf"])
		if len(names) < 2 {
			l.fault(m["oneOf"], "oneOf: names two elements or more")
		}
		for _, name := range names {
			if p, ok := l.path(m["oneOf"], of, name); ok {
				r.oneOf = append(r.oneOf, p)
			}
		}
	case m["expression"] != nil:
		r.invariant = l.expression(m["expression"], of)
	}
}

// primitives gives the values that a text may have.
func (l *profileLoader) primitives(n *yaml.Node, of string) []string {
	if p, ok := primitives[of]; !ok || p.json != jsonText {
		l.fault(n, "value: is asked of an element whose values are texts")
	}
	return l.texts(n)
}

// pattern reads {system, code}; code is one or a list of which one will do.
func (l *profileLoader) pattern(n *yaml.Node) *codingPattern {
	m := l.members(n, "system", "code")
	if m["system"] == nil {
		l.fault(n, "coding: needs a system:")
	}
	return &codingPattern{l.text(m["system"]), l.texts(m["code"])}
}

func (l *profileLoader) numbers(n *yaml.Node, only bool) *numberRule {
	r := &numberRule{allowed: map[string]bool{}, forms: map[string]func(string) bool{}, only: only}
	for _, own := range l.systems {
		r.forms[own.uri] = own.form
		if own.form == nil {
			r.forms[own.uri] = func(string) bool { return true }
		}
	}
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		return r // none that is known
	}
	for _, name := range l.texts(n) {
		own, ok := l.systems[name]
		if known, is := findSystem(name); is {
			own, ok = numberSystem{known.uri, known.form}, true
			r.forms[known.uri] = known.form
		}
		if !ok {
			l.fault(n, "there is no identifier system %s: FNR, HPR … or one under systems:", shown(name))
		}
		r.allowed[own.uri] = true
	}
	return r
}

func (l *profileLoader) condition(n *yaml.Node, typ string) *condition {
	m := l.members(n, "element", "value", "coding")
	w := &condition{}
	if m["element"] == nil || m["value"] != nil && m["coding"] != nil {
		l.fault(n, "when: has element: and at most one of value: and coding:")
		return w
	}
	var ok bool
	if w.path, ok = l.path(m["element"], typ, l.text(m["element"])); !ok {
		return w
	}
	of := w.path[len(w.path)-1].typ
	switch {
	case m["value"] != nil:
		w.values = l.primitives(m["value"], of)
	case m["coding"] != nil:
		if of != "Coding" && of != "CodeableConcept" {
			l.fault(m["coding"], "coding: is asked of a Coding or CodeableConcept")
		}
		w.coding = l.pattern(m["coding"])
	}
	return w
}

// expression compiles an invariant. What a profile says may not change with the clock or
// with what other resources there are.
func (l *profileLoader) expression(n *yaml.Node, of string) *fhirpath.Expression {
	if of == "" {
		l.fault(n, "the element's type must be told for an expression: occurrencePeriod, not occurrence")
		return nil
	}
	x, err := fhirpath.Compile(l.text(n), fhirpath.WithRoot(of))
	if err != nil {
		var syntax *fhirpath.SyntaxError
		if errors.As(err, &syntax) {
			l.fault(n, "%s", syntax.Message)
		} else {
			l.fault(n, "%v", err)
		}
		return nil
	}
	for _, c := range x.Calls() {
		if slices.Contains([]string{"now", "today", "timeOfDay", "resolve"}, c.Function) {
			l.fault(n, "%s() is not for profiles: the same resource must always be judged alike", c.Function)
		}
	}
	return x
}
