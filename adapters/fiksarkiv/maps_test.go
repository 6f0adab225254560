package fiksarkiv_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"samsyn/adapters"
	"samsyn/mapping"
)

// told is what the shipped maps make of the families' archive.
type told struct {
	service, name string
	resource      map[string]any
}

func tell(t *testing.T, a adapters.Adapter) []told {
	t.Helper()
	set, err := mapping.Load(mapping.Shipped)
	if err != nil {
		t.Fatal(err)
	}
	records, faults, _ := all(t, a, "")
	if len(faults) > 0 {
		t.Errorf("faults: %v", faults)
	}
	var out []told
	for _, r := range records {
		m, ok := set.Map("fiksarkiv", r.Kind)
		if !ok {
			t.Fatalf("no map for %s", r.Kind)
		}
		result, err := m.Apply(mapping.Input{Source: "fiksarkiv", Kind: r.Kind, Key: r.Key, Media: r.Media, Body: r.Body, Now: now, IDKey: []byte("test")})
		if err != nil {
			t.Errorf("%s %s: %v", r.Kind, r.Key, err)
			continue
		}
		if len(result.Misses) > 0 || result.Subject == nil || len(result.Subject.Identifiers) != 1 {
			t.Errorf("%s %s: subject %v, misses %v", r.Kind, r.Key, result.Subject, result.Misses)
			continue
		}
		for _, made := range result.Made {
			var body map[string]any
			if err := json.Unmarshal(made.Resource.Body, &body); err != nil {
				t.Fatal(err)
			}
			out = append(out, told{result.Service, result.Subject.Name, body})
		}
	}
	return out
}

// text reads a path of names and of first elements of lists.
func text(v any, path ...string) string {
	for _, name := range path {
		if l, ok := v.([]any); ok && len(l) > 0 {
			v = l[0]
		}
		m, _ := v.(map[string]any)
		v = m[name]
	}
	s, _ := v.(string)
	return s
}

// TestTheStoriesComeOut holds what the maps make of the archive to testdata/README.md.
func TestTheStoriesComeOut(t *testing.T) {
	lines := map[string]int{}
	for _, x := range tell(t, open(t, archive(t), nil)) {
		r := x.resource
		if text(r, "meta", "security", "code") != "N" {
			t.Errorf("%v of %s has lost its protection", r["resourceType"], x.name)
		}
		line := strings.Join([]string{x.name, x.service, text(r, "resourceType")}, " ")
		switch r["resourceType"] {
		case "ServiceRequest":
			line += " " + text(r, "authoredOn") + " " + text(r, "status") + " " + text(r, "extension", "valueString") + " " + text(r, "occurrencePeriod", "end")
		case "CarePlan":
			line += " " + text(r, "category", "coding", "code") + " " + text(r, "created")
		case "Encounter":
			line += " " + text(r, "type", "coding", "code") + " " + text(r, "period", "start")
		case "EpisodeOfCare":
			line += " " + text(r, "careManager", "display")
		case "DocumentReference":
			line += " " + text(r, "type", "text")
		}
		lines[line]++
	}
	want := map[string]int{
		"Ella Lyngstad kommune CareTeam": 1, "Ella Lyngstad ppt CareTeam": 1, "Ella Lyngstad skole CareTeam": 1,
		"Jonas Myrvang barnehage CareTeam": 1, "Jonas Myrvang ppt CareTeam": 1, "Jonas Myrvang skole CareTeam": 1, "Teo Sandvik skole CareTeam": 1,
		"Ella Lyngstad ppt EpisodeOfCare Idun Fosse": 1, "Jonas Myrvang ppt EpisodeOfCare Idun Fosse": 1,
		"Ella Lyngstad kommune ServiceRequest 2026-05-20 active Helse- og omsorgstjenesteloven § 3-2 første ledd nr. 6 2027-06-14": 1,
		"Ella Lyngstad skole ServiceRequest 2026-04-20 active Opplæringslova § 11-6 2027-06-18":                                    1,
		"Jonas Myrvang barnehage ServiceRequest 2025-02-11 completed Barnehageloven § 31 2026-07-31":                               1,
		"Jonas Myrvang skole ServiceRequest 2026-06-09 active Opplæringslova § 11-6 2027-06-18":                                    1,
		// Ella alone has an IOP: Jonas' is missing.
		"Ella Lyngstad skole CarePlan iop 2026-08-28":                      1,
		"Ella Lyngstad skole Encounter ansvarsgruppe 2026-10-15":           1,
		"Ella Lyngstad kommune DocumentReference Vedtak":                   1,
		"Ella Lyngstad kommune DocumentReference Søknad":                   1,
		"Ella Lyngstad ppt DocumentReference Henvisning til PPT":           1,
		"Ella Lyngstad ppt DocumentReference Sakkyndig vurdering":          1,
		"Ella Lyngstad skole DocumentReference Vedtak":                     1,
		"Ella Lyngstad skole DocumentReference Notat":                      1,
		"Ella Lyngstad skole DocumentReference Referat":                    1,
		"Ella Lyngstad skole DocumentReference Individuell opplæringsplan": 1,
		"Jonas Myrvang barnehage DocumentReference Vedtak":                 1,
		"Jonas Myrvang barnehage DocumentReference Korrespondanse":         1,
		"Jonas Myrvang ppt DocumentReference Henvisning til PPT":           1,
		"Jonas Myrvang ppt DocumentReference Sakkyndig vurdering":          2,
		"Jonas Myrvang skole DocumentReference Vedtak":                     1,
		"Jonas Myrvang skole DocumentReference Korrespondanse":             1,
		"Teo Sandvik skole DocumentReference Korrespondanse":               1,
	}
	var names []string
	for line := range want {
		names = append(names, line)
	}
	for line := range lines {
		if _, ok := want[line]; !ok {
			names = append(names, line)
		}
	}
	slices.Sort(names)
	for _, line := range names {
		if lines[line] != want[line] {
			t.Errorf("%d × %q, want %d", lines[line], line, want[line])
		}
	}
}
