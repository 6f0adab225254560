package consolidate_test

import (
	"fmt"
	"io"
	"testing"

	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/consolidate/stories"
)

// resources gives Ella's story, told as often as it takes to make n resources.
func resources(n int) []care.Contribution {
	var cs []care.Contribution
	for round := 0; ; round++ {
		for _, c := range stories.Ella(child) {
			c.Key = fmt.Sprintf("%s-%d", c.Key, round)
			made := c.Made[:min(len(c.Made), n)]
			for i := range made {
				made[i].Resource.ID = fmt.Sprintf("%s-%d", made[i].Resource.ID, round)
			}
			c.Made, n = made, n-len(made)
			if len(made) > 0 {
				cs = append(cs, c)
			}
			if n == 0 {
				return cs
			}
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{23, 60} {
		b.Run(fmt.Sprintf("resources=%d", n), func(b *testing.B) {
			in := consolidate.Input{Person: child, Contributions: resources(n), Sources: stories.Sources(), Now: stories.Now()}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := consolidate.Build(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkText(b *testing.B) {
	o := build(b, resources(23))
	b.ReportAllocs()
	for b.Loop() {
		if err := consolidate.Text(io.Discard, o, "nb"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBundle(b *testing.B) {
	cs := resources(23)
	o := build(b, cs)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := consolidate.Bundle(o, cs, "http://localhost/fhir"); err != nil {
			b.Fatal(err)
		}
	}
}
