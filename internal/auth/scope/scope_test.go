package scope_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"samsyn/internal/auth/scope"
)

func TestParse(t *testing.T) {
	for text, good := range map[string]bool{
		"system/CarePlan.rs": true, "user/*.cruds": true, "patient/Patient.r": true, "system/*.s": true, "system/Patient.cd": true,
		"system/CarePlan.dus": false, "system/CarePlan.sr": false, "system/CarePlan.rr": false, "system/CarePlan.": false, "system/CarePlan": false, "system/.rs": false, "system/CarePlan.rsx": false,
		"system/CarePlan.read": false, "system/CarePlan.*": false, "system/*.*": false, "system/care.rs": false, "system/CarePlan.rs?category=x": false, "system/CarePlan?x.rs": false, "launch/CarePlan.rs": false,
		"System/CarePlan.rs": false, "/CarePlan.rs": false, "": false, "system/Care Plan.rs": false, "system/CarePlan.rs ": false, "system/CarePlan.RS": false, "system/**.rs": false, "system/Cåre.rs": false, "system/CarePlan.r.s": false,
	} {
		s, err := scope.Parse(text)
		if (err == nil) != good || err != nil && !errors.Is(err, scope.ErrScope) || good && s.String() != text {
			t.Errorf("%q: %v, %v", text, s, err)
		}
	}
}

func TestListIsReadWholeOrNotAtAll(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "system/CarePlan.rs": "system/CarePlan.rs", "push system/CarePlan.rs system/CarePlan.rs push": "system/CarePlan.rs push", "openid": "openid",
		"system/CarePlan.rs system/CarePlan.dus": "!", "system/CarePlan.rs  push": "!", " push": "!", "push\tx": "!", "push\nx": "!", `pu"sh`: "!", "system/CarePlan.rs?a=b": "!", "https://example.no/scope": "!",
	} {
		l, err := scope.ParseList(text)
		if err != nil && want != "!" || err == nil && l.String() != want {
			t.Errorf("%q: %q, %v", text, l, err)
		}
		if err != nil && !l.Empty() {
			t.Errorf("%q: an unreadable list gives %q", text, l)
		}
	}
	if _, err := scope.ParseList(strings.Repeat("x ", 101) + "x"); err == nil {
		t.Error("more than may be is read")
	}
	if (scope.List{}).Strings() == nil {
		t.Error("nothing is written as nil, which would not narrow")
	}
}

func lists() *rapid.Generator[scope.List] {
	one := rapid.Custom(func(t *rapid.T) scope.Scope {
		s := scope.Scope{Context: rapid.SampledFrom([]string{"system", "user"}).Draw(t, "context"), Type: rapid.SampledFrom([]string{"*", "Patient", "CarePlan", "Observation"}).Draw(t, "type")}
		for _, v := range "cruds" {
			if rapid.Bool().Draw(t, string(v)) {
				s.Verbs += string(v)
			}
		}
		if s.Verbs == "" {
			s.Verbs = "r"
		}
		return s
	})
	return rapid.Custom(func(t *rapid.T) scope.List {
		return scope.List{Resources: rapid.SliceOfN(one, 0, 5).Draw(t, "scopes"), Words: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"push", "other"}), 0, 2, rapid.ID).Draw(t, "words")}
	})
}

// TestNarrowNeverWidens: what two lists together allow, each allows, and what each list
// allows in the same context stays allowed.
func TestNarrowNeverWidens(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a, b := lists().Draw(r, "a"), lists().Draw(r, "b")
		both := a.Narrow(b)
		for _, context := range []string{"system", "user"} {
			in := func(l scope.List) scope.List {
				return scope.List{Resources: slices.DeleteFunc(slices.Clone(l.Resources), func(s scope.Scope) bool { return s.Context != context })}
			}
			for _, typ := range []string{"Patient", "CarePlan", "Observation", "Other"} {
				for _, verb := range []string{"c", "r", "u", "d", "s"} {
					if got, want := in(both).Allows(typ, verb), in(a).Allows(typ, verb) && in(b).Allows(typ, verb); got != want {
						r.Fatalf("%s %s.%s: %t, want %t (%q and %q give %q)", context, typ, verb, got, want, a, b, both)
					}
				}
			}
		}
		for _, w := range []string{"push", "other", "none"} {
			if both.Has(w) != (a.Has(w) && b.Has(w)) {
				r.Fatalf("%s in %q", w, both)
			}
		}
		if again, err := scope.Of(both.Strings()); err != nil || again.String() != both.String() {
			r.Fatalf("%q is read as %q, %v", both, again, err)
		}
	})
}

func FuzzParseList(f *testing.F) {
	for _, s := range []string{"", "system/CarePlan.rs push", "system/*.cruds", "user/Patient.rs?x=y", "a  b", "patient/Observation.dus"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := scope.ParseList(text)
		if err != nil {
			if !l.Empty() {
				t.Fatalf("%q: %q with %v", text, l, err)
			}
			return
		}
		if again, err := scope.ParseList(l.String()); err != nil || again.String() != l.String() {
			t.Fatalf("%q is written %q, and that read as %q, %v", text, l, again, err)
		}
		for _, s := range l.Resources {
			if !strings.Contains(text, s.String()) {
				t.Fatalf("%q gives %q, which it does not say", text, s)
			}
		}
	})
}
