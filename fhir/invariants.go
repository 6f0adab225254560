package fhir

import "strconv"

// invariants gives the hand-written rules by the type they belong to; types below it
// have them too. The keys and texts are the specification's
// (https://hl7.org/fhir/R4/<type>.html#invs). dom-6, which wants a narrative, is left
// out: we make none and carry none over.
func invariants() map[string][]invariant {
	own := datatypeInvariants()
	for name, rules := range resourceInvariants() {
		own[name] = append(own[name], rules...)
	}
	own["Identifier"] = append(own["Identifier"], noBasisIdentifier)
	for name := range noBasisHolders() {
		own[name] = append(own[name], noBasisHolder(name))
	}
	return own
}

// rule makes an invariant of a condition that must hold.
func rule(key, message string, holds func(m map[string]any) bool) invariant {
	return func(v *validator, m map[string]any, at *node, _ *root) {
		if !holds(m) {
			v.report(Error, at, key, message)
		}
	}
}

// The small words that the invariants are written in. They forgive wrong kinds, which
// the walk reports.

// present tells whether an element or its primitive companion is there.
func present(m map[string]any, key string) bool { return has(m, key) || has(m, "_"+key) }

func anyOf(m map[string]any, keys ...string) bool {
	for _, k := range keys {
		if present(m, k) {
			return true
		}
	}
	return false
}

func text(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}

func child(m map[string]any, key string) map[string]any {
	c, _ := m[key].(map[string]any)
	return c
}

func list(m map[string]any, key string) []any {
	l, _ := m[key].([]any)
	return l
}

// hasPrefixed tells whether a choice has a value: any key of the base and a type.
func hasPrefixed(m map[string]any, base string) bool {
	for k := range m {
		if k != "" && k[0] == '_' {
			k = k[1:]
		}
		if len(k) > len(base) && k[:len(base)] == base && 'A' <= k[len(base)] && k[len(base)] <= 'Z' {
			return true
		}
	}
	return false
}

// number reads a JSON number for comparing.
func number(m map[string]any, key string) (float64, bool) {
	s, kind, ok := textOf(m[key])
	if !ok || kind != jsonNumber {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

func numberText(m map[string]any, key string) string {
	s, _, _ := textOf(m[key])
	return s
}

// coded tells whether a CodeableConcept has one of these codes of a system.
func coded(concept map[string]any, system string, codes ...string) bool {
	for _, c := range list(concept, "coding") {
		c, _ := c.(map[string]any)
		for _, code := range codes {
			if text(c, "system") == system && text(c, "code") == code {
				return true
			}
		}
	}
	return false
}
