package fiksinnsyn_test

import (
	"strings"
	"testing"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
	"samsyn/adapters/fiksinnsyn"
	"samsyn/mapping"
)

func apply(t *testing.T, r adapters.Record) mapping.Result {
	t.Helper()
	set, err := mapping.Load(mapping.Shipped)
	m, ok := set.Map("fiksinnsyn", r.Kind)
	if !ok {
		t.Fatalf("no map of %s: %v", r.Kind, err)
	}
	result, err := m.Apply(mapping.Input{Source: "fiksinnsyn", Kind: r.Kind, Key: r.Key, Media: r.Media, Body: r.Body, Now: now(), IDKey: []byte("test")})
	if err != nil {
		t.Fatalf("%s %s: %v", r.Kind, r.Key, err)
	}
	return result
}

// TestEverythingIsMapped takes the families through adapter and maps.
func TestEverythingIsMapped(t *testing.T) {
	counts := map[string]int{}
	claims := map[string]string{}
	var keys []string
	for _, p := range adapterstest.Pass(t, open(t, fiksinnsyn.Config{Dir: deliver(t, family(t)), PageSize: 2}), "") {
		if len(p.Faults) > 0 {
			t.Errorf("faults %v", p.Faults)
		}
		for _, r := range p.Records {
			result := apply(t, r)
			if result.Service != "barnevern" || len(result.Misses) > 0 {
				t.Errorf("%s: service %q, misses %v", r.Kind, result.Service, result.Misses)
			}
			keys = append(keys, result.Subject.Key)
			if len(result.Subject.Identifiers) == 1 {
				claims[result.Subject.Key] = result.Subject.Identifiers[0] + " " + result.Subject.Name
			}
			for _, made := range result.Made {
				counts[made.Resource.Type]++
				if strings.Contains(made.Resource.ID, "0685106") {
					t.Error("a number in an id")
				}
			}
		}
	}
	want := map[string]int{"EpisodeOfCare": 2, "CareTeam": 2, "DocumentReference": 3, "ServiceRequest": 1, "Encounter": 1, "CarePlan": 1, "Goal": 2}
	for typ, n := range want {
		if counts[typ] != n {
			t.Errorf("%d %s, want %d", counts[typ], typ, n)
		}
	}
	if len(counts) != len(want) {
		t.Errorf("made %v", counts)
	}
	// Every record is about a child whom a mappe names; a journalpost says so by the case alone.
	if len(claims) != 2 {
		t.Errorf("%d children", len(claims))
	}
	for _, key := range keys {
		if !strings.HasSuffix(claims[key], "Teo Sandvik") && !strings.HasSuffix(claims[key], "Amina Nystrand") {
			t.Errorf("subject %s is named %q", key, claims[key])
		}
	}
}
