package ingest_test

import (
	"fmt"
	"testing"

	"samsyn/adapters"
	"samsyn/internal/identity"
)

// world is n records about n/20 children, in pages of 500.
func world(n int, text string) *fake {
	var things []any
	numbers := synthetic(n/20 + 1)
	for i := range n {
		things = append(things, rec(fmt.Sprint("k", i), 1, body{Barn: fmt.Sprint("b", i/20), Nummer: []string{numbers[i/20]}, Navn: "Barn Barnesen", Tekst: text}))
	}
	return &fake{pages: cut(things, 500), anew: true}
}

// synthetic gives n different valid numbers of nobody (month + 80).
func synthetic(n int) []string {
	var out []string
	for i := 0; len(out) < n; i++ {
		first := fmt.Sprintf("%02d%02d%02d%03d", i%28+1, 81+i/28%12, 10+i/336%10, 500+i/3360)
		for check := range 100 {
			raw := fmt.Sprintf("%s%02d", first, check)
			if _, err := identity.Parse(raw, identity.Rules{Test: true}); err == nil {
				out = append(out, raw)
				break
			}
		}
	}
	return out
}

// BenchmarkIngest is the whole path of new records: decode, map, validate, identify,
// store with history, lineage and ledger.
func BenchmarkIngest(b *testing.B) {
	const n = 2000
	src := world(n, "tekst")
	for b.Loop() {
		b.StopTimer()
		p := pipeline(b, open(b))
		b.StartTimer()
		if r, err := p.Run(b.Context(), source("a"), src, nil); err != nil || r.Stored != n {
			b.Fatalf("%+v %v", r, err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkUnchanged is the nightly case: everything listed again, nothing changed.
func BenchmarkUnchanged(b *testing.B) {
	const n = 5000
	src := world(n, "tekst")
	p := pipeline(b, open(b))
	if _, err := p.Run(b.Context(), source("a"), src, nil); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		if r, err := p.Run(b.Context(), source("a"), src, nil); err != nil || r.Unchanged != n {
			b.Fatalf("%+v %v", r, err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkRemap maps everything held again by the same maps.
func BenchmarkRemap(b *testing.B) {
	const n = 2000
	src := world(n, "tekst")
	p := pipeline(b, open(b))
	if _, err := p.Run(b.Context(), source("a"), src, nil); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		if r, err := p.Remap(b.Context(), source("a"), src); err != nil || r.Unchanged != n {
			b.Fatalf("%+v %v", r, err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
}

var _ adapters.Adapter = (*fake)(nil)
