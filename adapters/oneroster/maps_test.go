package oneroster_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"samsyn/adapters"
	"samsyn/mapping"
)

// made gives what the shipped map makes of every pupil, as one JSON text each.
func made(t *testing.T, a adapters.Adapter) map[string]string {
	t.Helper()
	set, err := mapping.Load(mapping.Shipped)
	if err != nil {
		t.Fatal(err)
	}
	m, ok := set.Map("oneroster", "pupil")
	if !ok {
		t.Fatal("no map for a pupil")
	}
	records, faults, _ := all(t, a, "")
	if len(faults) > 0 {
		t.Errorf("faults: %v", faults)
	}
	out := map[string]string{}
	for _, r := range records {
		result, err := m.Apply(mapping.Input{Source: "oneroster", Kind: r.Kind, Key: r.Key, Media: r.Media, Body: r.Body, Now: now, IDKey: []byte("test")})
		if err != nil {
			t.Errorf("%s: %v", r.Key, err)
			continue
		}
		if result.Service != "skole" || result.Subject == nil || len(result.Subject.Identifiers) != 1 || len(result.Misses) > 0 {
			t.Errorf("%s: service %q, subject %v, misses %v", r.Key, result.Service, result.Subject, result.Misses)
			continue
		}
		var all bytes.Buffer
		for _, x := range result.Made {
			if err := json.Compact(&all, x.Resource.Body); err != nil {
				t.Fatal(err)
			}
		}
		out[result.Subject.Name] = all.String()
	}
	return out
}

// TestTheStoriesComeOut holds what the map makes of the roster to testdata/README.md.
func TestTheStoriesComeOut(t *testing.T) {
	s := roster(t)
	csv, _ := overCSV(t, s)
	rest, table := made(t, overREST(t, s)), made(t, csv)
	for name, want := range map[string]struct{ in, out []string }{
		"Ella Lyngstad": {[]string{"Kåre Lunde", "Marit Lyngstad", "Ove Lyngstad", "Lyngbakken skole", "Grunnskole, 7. trinn"}, []string{"Mette Skår", "Matematikk"}},
		"Jonas Myrvang": {[]string{"Mette Skår", "Hanne Myrvang", "Lyngbakken skole", "Grunnskole, 1. trinn"}, []string{"Tuva", "Nordli"}},
		"Teo Sandvik":   {[]string{"Pål Eide", "Trine Sandvik", "Sundet ungdomsskole", "Grunnskole, 10. trinn"}, []string{"Rune"}},
	} {
		for _, text := range want.in {
			if !strings.Contains(rest[name], text) {
				t.Errorf("%s: %q is not told", name, text)
			}
		}
		for _, text := range want.out {
			if strings.Contains(rest[name], text) {
				t.Errorf("%s: %q is told", name, text)
			}
		}
		if rest[name] != table[name] {
			t.Errorf("%s: REST and CSV are told differently:\n%s\n%s", name, rest[name], table[name])
		}
	}
	if len(rest) != 3 || len(table) != 3 {
		t.Errorf("%d and %d pupils, want three: the school knows nobody else", len(rest), len(table))
	}
}
