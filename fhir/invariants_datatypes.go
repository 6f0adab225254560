package fhir

import "strings"

const ucum = "http://unitsofmeasure.org"

func datatypeInvariants() map[string][]invariant {
	return map[string][]invariant{
		"Extension": {rule("ext-1", "an extension has either a value or extensions, not both and not neither", func(m map[string]any) bool {
			return has(m, "extension") != hasPrefixed(m, "value")
		})},
		"Period":       {rule("per-1", "the period ends before it starts", periodOrdered)},
		"Attachment":   {rule("att-1", "an attachment with data needs a contentType", implies("data", "contentType"))},
		"Quantity":     {rule("qty-3", "a quantity with a code needs the code's system", implies("code", "system"))},
		"ContactPoint": {rule("cpt-2", "a contact point with a value needs a system (phone, email …)", implies("value", "system"))},
		"Expression":   {rule("exp-1", "an expression or a reference to one is needed", func(m map[string]any) bool { return anyOf(m, "expression", "reference") })},
		"Range":        {rule("rng-2", "the low end of the range is above the high end", rangeOrdered)},
		"Ratio": {rule("rat-1", "a ratio has both numerator and denominator, or neither and an extension", func(m map[string]any) bool {
			return has(m, "numerator") == has(m, "denominator") && (has(m, "numerator") || has(m, "extension"))
		})},
		"Age":      {rule("age-1", "an age is positive, with a UCUM code of time", ageLike)},
		"Distance": {rule("dis-1", "a distance has a UCUM code of length", measured)},
		"Duration": {rule("drt-1", "a duration with a code has UCUM as system, and a value", func(m map[string]any) bool {
			return !present(m, "code") || text(m, "system") == ucum && present(m, "value")
		})},
		"Count": {rule("cnt-3", "a count is a whole number with the UCUM code 1", func(m map[string]any) bool {
			return measured(m) && (!present(m, "code") || text(m, "code") == "1") && !strings.Contains(numberText(m, "value"), ".")
		})},
		"DataRequirement.codeFilter": {rule("drq-1", "either a path or a searchParam, not both", either("path", "searchParam"))},
		"DataRequirement.dateFilter": {rule("drq-2", "either a path or a searchParam, not both", either("path", "searchParam"))},
		"Timing.repeat":              timingInvariants(),
		"TriggerDefinition": {
			rule("trd-1", "either a timing or a data requirement, not both", func(m map[string]any) bool { return !has(m, "data") || !hasPrefixed(m, "timing") }),
			rule("trd-2", "a condition needs a data requirement", implies("condition", "data")),
		},
	}
}

func timingInvariants() []invariant {
	notNegative := func(key string) func(map[string]any) bool {
		return func(m map[string]any) bool { n, ok := number(m, key); return !ok || n >= 0 }
	}
	return []invariant{
		rule("tim-1", "a duration needs its unit", implies("duration", "durationUnit")),
		rule("tim-2", "a period needs its unit", implies("period", "periodUnit")),
		rule("tim-4", "a duration is not negative", notNegative("duration")),
		rule("tim-5", "a period is not negative", notNegative("period")),
		rule("tim-6", "a periodMax needs a period", implies("periodMax", "period")),
		rule("tim-7", "a durationMax needs a duration", implies("durationMax", "duration")),
		rule("tim-8", "a countMax needs a count", implies("countMax", "count")),
		rule("tim-9", "an offset needs a when that is not a meal (C, CM, CD, CV)", func(m map[string]any) bool {
			if !present(m, "offset") {
				return true
			}
			for _, w := range list(m, "when") {
				if w == "C" || w == "CM" || w == "CD" || w == "CV" {
					return false
				}
			}
			return present(m, "when")
		}),
		rule("tim-10", "either times of day or when, not both", func(m map[string]any) bool { return !present(m, "timeOfDay") || !present(m, "when") }),
	}
}

// implies: where a is, b must be.
func implies(a, b string) func(map[string]any) bool {
	return func(m map[string]any) bool { return !present(m, a) || present(m, b) }
}

// either: a or b, not both, not neither.
func either(a, b string) func(map[string]any) bool {
	return func(m map[string]any) bool { return present(m, a) != present(m, b) }
}

func periodOrdered(m map[string]any) bool {
	start, end := text(m, "start"), text(m, "end")
	return !isDateTime(start) || !isDateTime(end) || !after(start, end)
}

// after tells whether a certainly comes after b. When one of them has no time of day,
// or neither a zone, they are compared as far as the shorter goes: 2026-05 is not after
// 2026-05-20. (R4 leaves open what per-1 says then; only a certain fault is reported.)
func after(a, b string) bool {
	if len(a) > 10 && len(b) > 10 {
		x, errX := ParseInstant(a)
		y, errY := ParseInstant(b)
		if errX == nil && errY == nil {
			return x.After(y)
		}
	}
	n := min(len(a), len(b), 10)
	return a[:n] > b[:n]
}

func rangeOrdered(m map[string]any) bool {
	low, high := child(m, "low"), child(m, "high")
	if text(low, "code") != text(high, "code") || text(low, "unit") != text(high, "unit") {
		return true
	}
	l, okL := number(low, "value")
	h, okH := number(high, "value")
	return !okL || !okH || l <= h
}

func measured(m map[string]any) bool {
	return (present(m, "code") || !present(m, "value")) && (!present(m, "system") || text(m, "system") == ucum)
}

func ageLike(m map[string]any) bool {
	n, ok := number(m, "value")
	return measured(m) && (!ok || n > 0)
}
