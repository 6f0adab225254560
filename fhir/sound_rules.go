package fhir

import "strings"

// bit is an element's place in spoken.seen; 0 where the type has no such element.
func (t *typeRule) bit(name string) uint64 {
	f := t.fields[name]
	if f == nil {
		return 0
	}
	return 1 << f.index
}

// soundRules are the invariants of the types that we make most, told from what was seen
// on the way. count is how many invariants of the type each stands for: where the type
// has another number, someone added one, and the object is decoded and asked as Validate does.
func (t *ruleTable) soundRules() {
	for _, s := range []struct {
		typ   string
		count int
		holds func(t *typeRule) func(c *sound, said spoken) bool
	}{
		{"Period", 1, func(*typeRule) func(*sound, spoken) bool {
			return func(_ *sound, s spoken) bool {
				return s.start == "" || s.end == "" || !after(s.start, s.end)
			}
		}},
		{"Identifier", 1, func(*typeRule) func(*sound, spoken) bool { return soundIdentifier }},
		{"CareTeam.participant", 1, soundOnBehalf},
		{"CarePlan.activity", 1, notBoth("detail", "reference")},
		{"QuestionnaireResponse.item", 1, notBoth("answer", "item")},
		{"Extension", 1, func(t *typeRule) func(*sound, spoken) bool {
			extension, value := t.bit("extension"), t.bit("value")
			return func(_ *sound, s spoken) bool { return (s.seen&extension != 0) != (s.seen&value != 0) }
		}},
		{"Attachment", 1, needs("data", "contentType")},
		{"ContactPoint", 1, needs("value", "system")},
		{"Quantity", 1, needs("code", "system")},
		{"ServiceRequest", 1, needs("orderDetail", "code")},
		{"Goal.target", 1, needs("detail", "measure")},
		{"Appointment.participant", 1, either2("type", "actor")},
		{"Consent", 1, either2("policy", "policyRule")},
	} {
		if rule := t.types[s.typ]; rule != nil && len(rule.invariants) == s.count {
			rule.sound = s.holds(rule)
		}
	}
}

func notBoth(a, b string) func(t *typeRule) func(*sound, spoken) bool {
	return func(t *typeRule) func(*sound, spoken) bool {
		both := t.bit(a) | t.bit(b)
		return func(_ *sound, s spoken) bool { return s.seen&both != both }
	}
}

func either2(a, b string) func(t *typeRule) func(*sound, spoken) bool {
	return func(t *typeRule) func(*sound, spoken) bool {
		any := t.bit(a) | t.bit(b)
		return func(_ *sound, s spoken) bool { return s.seen&any != 0 }
	}
}

// needs: where a is, b must be.
func needs(a, b string) func(t *typeRule) func(*sound, spoken) bool {
	return func(t *typeRule) func(*sound, spoken) bool {
		has, want := t.bit(a), t.bit(b)
		return func(_ *sound, s spoken) bool { return s.seen&has == 0 || s.seen&want != 0 }
	}
}

// soundIdentifier is noBasisIdentifier.
func soundIdentifier(_ *sound, s spoken) bool {
	k, ok := findSystem(s.system)
	return !ok || s.system == k.uri && (s.value == "" || k.form(s.value))
}

// soundOnBehalf is careTeamOnBehalf.
func soundOnBehalf(t *typeRule) func(*sound, spoken) bool {
	onBehalf := t.bit("onBehalfOf")
	return func(_ *sound, s spoken) bool {
		if s.seen&onBehalf == 0 {
			return true
		}
		typ := s.member
		if strings.HasPrefix(s.memberReference, "#") {
			return false
		}
		if t, _, ok := SplitReference(s.memberReference); ok {
			typ = t
		}
		return typ == "" || typ == "Practitioner"
	}
}
