package barnevernsregister_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
	"samsyn/adapters/barnevernsregister"
	"samsyn/mapping"
)

// wholes reads the families' folder, the broken delivery included, and folds each case.
func wholes(t *testing.T) (cases map[string]*adapters.Record, held map[string]error, faults []adapters.Fault) {
	t.Helper()
	a := open(t, barnevernsregister.Config{Dir: drop(t, os.DirFS(familyDir)), PageSize: 4})
	parts := map[string][]adapters.Record{}
	for _, p := range adapterstest.Pass(t, a, "") {
		for _, r := range p.Records {
			parts[r.Group] = append(parts[r.Group], r)
		}
		faults = append(faults, p.Faults...)
	}
	cases, held = map[string]*adapters.Record{}, map[string]error{}
	for group, records := range parts {
		whole, h, err := a.(adapters.Assembler).Assemble(group, records)
		if err != nil {
			t.Fatal(err)
		}
		cases[group] = whole
		for key, why := range h {
			held[key] = why
		}
	}
	return cases, held, faults
}

func apply(t *testing.T, whole *adapters.Record) mapping.Result {
	t.Helper()
	set, err := mapping.Load(mapping.Shipped)
	m, ok := set.Map("barnevernsregister", barnevernsregister.Kind)
	if !ok {
		t.Fatalf("no map: %v", err)
	}
	result, err := m.Apply(mapping.Input{Source: "barnevernsregister", Kind: whole.Kind, Key: whole.Key, Media: whole.Media, Body: whole.Body,
		Now: whole.Changed, IDKey: []byte("test")})
	if err != nil {
		t.Fatalf("case %s: %v", whole.Key, err)
	}
	return result
}

// TestEverythingIsMapped takes the families through adapter, fold and map: nothing is left
// but what is planted.
func TestEverythingIsMapped(t *testing.T) {
	cases, held, faults := wholes(t)
	if len(faults) != 1 || !strings.Contains(faults[0].Where, "avkuttet.xml") {
		t.Errorf("faults %v, want the cut file alone", faults)
	}
	// Behind the gap one, at the fork two.
	if len(held) != 3 || len(cases) != 5 {
		t.Errorf("%d cases, held %v", len(cases), held)
	}
	counts := map[string]int{}
	numbers := map[string]bool{}
	for _, whole := range cases {
		result := apply(t, whole)
		if result.Service != "barnevern" || result.Subject == nil || len(result.Subject.Identifiers) != 1 || result.Subject.BirthDate == "" {
			t.Fatalf("service %q, subject %+v", result.Service, result.Subject)
		}
		if len(result.Misses) > 0 {
			t.Errorf("misses %v", result.Misses)
		}
		numbers[result.Subject.Identifiers[0]] = true
		for _, made := range result.Made {
			counts[made.Resource.Type]++
			body := string(made.Resource.Body)
			for number := range numbers {
				if strings.Contains(body, number) {
					t.Errorf("a %s holds the child's number", made.Resource.Type)
				}
			}
		}
	}
	// Teo, Amina and the pseudo number, the gap and the fork: a case and an undersøkelse each.
	if counts["EpisodeOfCare"] != 10 || counts["CareTeam"] != 5 || counts["CarePlan"] != 2 || counts["ServiceRequest"] != 4 {
		t.Errorf("made %v", counts)
	}
}

// TestWhatMayNotBeSaid: reports of concern, grounds, addresses and why a tiltak was revoked
// never leave the record.
func TestWhatMayNotBeSaid(t *testing.T) {
	names, err := filepath.Glob("../../testdata/records/barnevernsregister/sak/*.input.xml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no records (%v)", err)
	}
	planted, made := 0, 0
	set, err := mapping.Load(mapping.Shipped)
	m, ok := set.Map("barnevernsregister", barnevernsregister.Kind)
	if !ok {
		t.Fatal(err)
	}
	for _, name := range names {
		body := read(t, name)
		planted += strings.Count(string(body), "KANARI")
		result, err := m.Apply(mapping.Input{Source: "x", Kind: "sak", Key: "x", Media: adapters.XML, Body: body, IDKey: []byte("test")})
		if err != nil && strings.Contains(err.Error(), "KANARI") {
			t.Errorf("%s: the error says it", name)
		}
		for _, x := range result.Made {
			made++
			if body := string(x.Resource.Body); strings.Contains(body, "KANARI") || strings.Contains(body, "9902") {
				t.Errorf("%s: a %s says it: %s", name, x.Resource.Type, body)
			}
		}
	}
	if planted < 6 || made < 20 {
		t.Errorf("%d planted, %d resources made: the test no longer tests", planted, made)
	}
}
