package access_test

import (
	"fmt"
	"testing"

	"samsyn/internal/access"
	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/consolidate/stories"
)

// overview is a coordinator with three consents, and a child of whom n resources are held.
func overview(n int) (care.Facts, []care.Contribution) {
	f := coordinator()
	for i, s := range []care.Service{care.Skole, care.BUP, care.Helsestasjon} {
		f.Consents = append(f.Consents, agreed(fmt.Sprint("c", i), s, care.PPT, care.Kommune, care.Spesialist, care.Fastlege, care.Barnevern))
	}
	var cs []care.Contribution
	for round := 0; ; round++ {
		for _, c := range stories.Ella(f.Person) {
			c.Key = fmt.Sprintf("%s-%d", c.Key, round)
			c.Made = c.Made[:min(len(c.Made), n)]
			for i := range c.Made {
				c.Made[i].Resource.ID = fmt.Sprintf("%s-%d", c.Made[i].Resource.ID, round)
			}
			if n -= len(c.Made); len(c.Made) > 0 {
				cs = append(cs, c)
			}
			if n == 0 {
				return f, cs
			}
		}
	}
}

// BenchmarkDecide is all that a decision adds to an overview: scope, claims, and each
// resource again. BenchmarkBuild is the overview itself, to compare with.
func BenchmarkDecide(b *testing.B) {
	table := table(b)
	for _, n := range []int{23, 60} {
		f, cs := overview(n)
		claims := []care.Claim{{Source: "s", Service: care.Skole, Name: "Ella"}, {Source: "b", Service: care.Barnevern, Name: "Ella"}}
		b.Run(fmt.Sprintf("resources=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := table.Scope(f, now)
				if seen := table.Release(f, s, access.Held{Contributions: cs, Claims: claims}, now); len(seen.Contributions) == 0 {
					b.Fatal("nothing is seen")
				}
			}
		})
		hidden := f
		hidden.Address = care.AddressFortrolig
		b.Run(fmt.Sprintf("hidden/resources=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				table.Filter(hidden, table.Scope(hidden, now), cs, now)
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	table := table(b)
	for _, n := range []int{23, 60} {
		f, cs := overview(n)
		seen, _ := table.Filter(f, table.Scope(f, now), cs, now)
		b.Run(fmt.Sprintf("resources=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := consolidate.Build(consolidate.Input{Person: f.Person, Contributions: seen, Sources: access.Sources(seen, stories.Sources()), Now: now}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
