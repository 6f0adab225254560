package identity_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"samsyn/internal/identity"
)

// Short words for claims: a subject, what it states, when it is born.
// Numbers are named by kind and birth date: "fnr1@2014-03-14".
func claim(subject string, numbers ...string) identity.Claim {
	source, key, _ := strings.Cut(subject, "/")
	c := identity.Claim{Subject: identity.Subject{Source: source, Key: key}, Current: true}
	for _, n := range numbers {
		if born, ok := strings.CutPrefix(n, "born "); ok {
			c.Born = born2(born)
			continue
		}
		name, born, _ := strings.Cut(n, "@")
		c.Numbers = append(c.Numbers, identity.StatedNumber{ID: identity.NumberID(name), Kind: identity.Kind(name[:3]), Born: born2(born)})
	}
	return c
}

func earlier(c identity.Claim) identity.Claim { c.Current = false; return c }

func refused(c identity.Claim, errs ...error) identity.Claim { c.Refused = errs; return c }

func born2(s string) identity.Born {
	b, err := identity.ParseBorn(s)
	if err != nil {
		panic(err)
	}
	return b
}

// text says a resolution in one line: groups, then who waits and why.
func text(r identity.Resolution) string {
	var out []string
	for _, g := range r.Groups {
		var s []string
		for _, m := range g.Subjects {
			s = append(s, m.Source+"/"+m.Key)
		}
		out = append(out, strings.Join(s, "+"))
	}
	for _, s := range slices.SortedFunc(maps.Keys(r.Waiting), identity.Subject.Compare) {
		out = append(out, fmt.Sprintf("%s/%s:%s", s.Source, s.Key, r.Waiting[s]))
	}
	return strings.Join(out, " ")
}

func TestResolve(t *testing.T) {
	const f1, f2, f3 = "fnr1@2014-03-14", "fnr2@2014-03-14", "fnr3@2020-01-01"
	const d1, d2, h1, h2, u1 = "dnr1@2014-03-14", "dnr2@2014-03-14", "fhn1", "fhn2", "duf1"
	for _, c := range []struct {
		name    string
		claims  []identity.Claim
		rulings map[identity.Subject]identity.Ruling
		want    string
	}{
		{"an exact number links sources", []identity.Claim{claim("a/1", f1), claim("b/1", f1), claim("b/2", f3)}, nil, "a/1+b/1 b/2"},
		{"the same key at two sources is nothing", []identity.Claim{claim("a/1", f1), claim("b/1", f3)}, nil, "a/1 b/1"},
		{"the same birth date is nothing", []identity.Claim{claim("a/1", f1), claim("b/1", "born 2014-03-14")}, nil, "a/1 b/1:no-number"},
		{"no claim of a number waits", []identity.Claim{claim("a/1")}, nil, "a/1:no-number"},
		{"a pseudo number waits", []identity.Claim{refused(claim("a/1"), identity.ErrPseudo)}, nil, "a/1:pseudo-number"},
		{"an invalid number beside a valid one is forgiven", []identity.Claim{refused(claim("a/1", f1), identity.ErrInvalid)}, nil, "a/1"},
		{"a synthetic number waits", []identity.Claim{refused(claim("a/1"), identity.ErrSynthetic)}, nil, "a/1:synthetic-number"},
		{"two fødselsnummer wait", []identity.Claim{claim("a/1", f1, f2), claim("b/1", f1)}, nil, "b/1 a/1:two-numbers"},
		{"two in two versions wait too", []identity.Claim{earlier(claim("a/1", f1)), claim("a/1", f2), claim("b/1", f1)}, nil, "b/1 a/1:two-numbers"},
		{"unless a person settled it", []identity.Claim{earlier(claim("a/1", f1)), claim("a/1", f2), claim("b/1", f2)},
			map[identity.Subject]identity.Ruling{{Source: "a", Key: "1"}: identity.OnlyCurrent}, "a/1+b/1"},
		{"kept apart by a person", []identity.Claim{claim("a/1", f1), claim("b/1", f1)}, map[identity.Subject]identity.Ruling{{Source: "b", Key: "1"}: identity.Apart}, "a/1 b/1:kept-apart"},
		{"D-number and fødselsnummer together unite", []identity.Claim{claim("a/1", d1), claim("b/1", f1), claim("c/1", d1, f1)}, nil, "a/1+b/1+c/1"},
		{"D-number in an earlier version too", []identity.Claim{earlier(claim("a/1", d1)), claim("a/1", f1), claim("b/1", d1)}, nil, "a/1+b/1"},
		{"but not with another birth date", []identity.Claim{claim("a/1", d1), claim("b/1", f3), claim("c/1", d1, f3)}, nil, "a/1 b/1 c/1:birth-date"},
		{"birth date against the number", []identity.Claim{claim("a/1", f1, "born 2013-03-14"), claim("b/1", f1)}, nil, "b/1 a/1:birth-date"},
		{"a corrected birth date is forgiven", []identity.Claim{earlier(claim("a/1", f1, "born 2013-03-14")), claim("a/1", f1, "born 2014-03-14")}, nil, "a/1"},
		{"a D-number with two persons ties nobody", []identity.Claim{claim("a/1", d1, f1), claim("b/1", d1, f2), claim("c/1", d1)}, nil, "a/1 b/1 c/1:contested-number"},
		{"nor through a chain of hjelpenummer", []identity.Claim{claim("a/1", f1, h1), claim("b/1", h1, h2), claim("c/1", h2, f2)}, nil, "a/1 c/1 b/1:contested-number"},
		{"two D-numbers of one person", []identity.Claim{claim("a/1", f1, d1), claim("b/1", f1, d2), claim("c/1", d1)}, nil, "a/1+b/1 c/1:contested-number"},
		{"many hjelpenummer are one person's", []identity.Claim{claim("a/1", f1, h1), claim("b/1", h1, h2), claim("c/1", h2)}, nil, "a/1+b/1+c/1"},
		{"DUF unites", []identity.Claim{claim("a/1", u1), claim("b/1", u1, f1)}, nil, "a/1+b/1"},
		{"another birth date than the person's, by hjelpenummer", []identity.Claim{claim("a/1", f1, h1), claim("b/1", h1, "born 2015-01-01")}, nil, "a/1 b/1:birth-date"},
		{"hjelpenummer alone with two birth dates", []identity.Claim{claim("a/1", h1, "born 2014-03-14"), claim("b/1", h1, "born 2015-01-01")}, nil, "a/1:birth-date b/1:birth-date"},
		{"a number without century fits either", []identity.Claim{claim("a/1", "fnr1@??14-03-14", "born 2014-03-14"), claim("b/1", "fnr1@??14-03-14")}, nil, "a/1+b/1"},
		{"but not both", []identity.Claim{claim("a/1", "fnr1@??14-03-14", "born 2014-03-14"), claim("b/1", "fnr1@??14-03-14", "born 1914-03-14")}, nil, "a/1:birth-date b/1:birth-date"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := text(identity.Resolve(c.claims, c.rulings)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func drawClaims(t *rapid.T) []identity.Claim {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) identity.Claim {
		numbers := rapid.SliceOfN(rapid.SampledFrom([]string{"fnr1@2014-03-14", "fnr2@2014-03-14", "fnr3@2020-01-01", "fnr4@??14-03-14", "dnr1@2014-03-14", "dnr2@2020-01-01", "duf1", "fhn1", "fhn2"}), 0, 3).Draw(t, "numbers")
		if b := rapid.SampledFrom([]string{"", "", "", "2014-03-14", "1914-03-14", "2020-01-01"}).Draw(t, "born"); b != "" {
			numbers = append(numbers, "born "+b)
		}
		c := claim(rapid.SampledFrom([]string{"a/1", "a/2", "a/3", "b/1", "b/2", "b/3"}).Draw(t, "subject"), numbers...)
		c.Current = rapid.Bool().Draw(t, "current")
		return c
	}), 0, 12).Draw(t, "claims")
}

// I3: any order of claims gives the same partition, and claims said twice change nothing.
func TestResolveIsOrderFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims := drawClaims(t)
		want := text(identity.Resolve(claims, nil))
		if got := text(identity.Resolve(rapid.Permutation(append(claims, claims...)).Draw(t, "order"), nil)); got != want {
			t.Fatalf("another order: %s, want %s", got, want)
		}
	})
}

// I7: a subject is one person's at the most; nobody has two fødselsnummer, two D-numbers or
// birth dates that contradict; and whoever is linked states a number of the person's.
func TestResolveRightChild(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims := drawClaims(t)
		r := identity.Resolve(claims, nil)
		seen := map[identity.Subject]bool{}
		stated := map[identity.Subject][]identity.StatedNumber{}
		for _, c := range claims {
			stated[c.Subject] = append(stated[c.Subject], c.Numbers...)
		}
		for _, g := range r.Groups {
			kinds := map[string]string{}
			for _, id := range g.Numbers {
				k := string(id)[:3]
				if kinds[k] != "" && k != "fhn" {
					t.Fatalf("one person with %s and %s", kinds[k], id)
				}
				kinds[k] = string(id)
			}
			var born []identity.Born
			for _, s := range g.Subjects {
				if seen[s] || r.Waiting[s] != "" {
					t.Fatalf("%v is two persons', or one's and waits", s)
				}
				seen[s] = true
				if !slices.ContainsFunc(stated[s], func(n identity.StatedNumber) bool { return slices.Contains(g.Numbers, n.ID) }) {
					t.Fatalf("%v is linked without stating a number of the person's", s)
				}
				for _, c := range claims {
					if c.Subject == s && c.Current {
						born = append(born, c.Born)
					}
				}
			}
			for i, a := range born {
				for _, b := range born[i:] {
					if a.Contradicts(b) {
						t.Fatalf("one person born %s and %s", a, b)
					}
				}
			}
		}
		for s := range stated {
			if !seen[s] && r.Waiting[s] == "" {
				t.Fatalf("%v is nobody's and does not wait", s)
			}
		}
	})
}

// What shares no number does not matter: the store asks about one neighbourhood at a time.
func TestResolveIsLocal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims := drawClaims(t)
		other := []identity.Claim{claim("z/1", "fnr9@2011-01-01"), claim("z/2", "fnr9@2011-01-01", "dnr9@2011-01-01"), claim("z/3", "fnr8@2012-01-01", "dnr9@2011-01-01")}
		alone, beside := identity.Resolve(claims, nil), identity.Resolve(append(slices.Clone(claims), other...), nil)
		beside.Groups = slices.DeleteFunc(beside.Groups, func(g identity.Group) bool { return g.Subjects[0].Source == "z" })
		maps.DeleteFunc(beside.Waiting, func(s identity.Subject, _ identity.Reason) bool { return s.Source == "z" })
		if text(alone) != text(beside) {
			t.Fatalf("beside others: %s, alone: %s", text(beside), text(alone))
		}
	})
}
