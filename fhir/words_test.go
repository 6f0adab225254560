package fhir_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	models "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"samsyn/fhir"
	"samsyn/fhir/fhirtest"
)

func TestIdentifierSystems(t *testing.T) {
	for _, c := range []struct {
		in, uri, name string
		national      bool
	}{
		{"FNR", fhir.SystemFNR, "FNR", true},
		{"2.16.578.1.12.4.1.4.2", fhir.SystemDNR, "DNR", true},
		{"http://hl7.no/fhir/NamingSystem/FHNR", fhir.SystemFHN, "FHN", true},
		{fhir.SystemDUF, fhir.SystemDUF, "DUF", true},
		{fhir.SystemHPR, fhir.SystemHPR, "HPR", false},
		{"urn:oid:2.16.578.1.12.4.1.4.10", "urn:oid:2.16.578.1.12.4.1.4.10", "", false},
		{"", "", "", false},
	} {
		if uri, name, national := fhir.CanonicalSystem(c.in), fhir.SystemName(c.in), fhir.IsNational(c.in); uri != c.uri || name != c.name || national != c.national {
			t.Errorf("%q: %q, %q, %v", c.in, uri, name, national)
		}
	}
}

// no-basis' own list of naming systems is what we know them by.
func TestSystemsAreThoseOfNoBasis(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(shared(t, "formats", "no-basis"), "NamingSystem-*nummer.json"))
	seen := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var n struct{ UniqueID []struct{ Value string } }
		if err := json.Unmarshal(b, &n); err != nil {
			t.Fatal(err)
		}
		if name := filepath.Base(file); strings.Contains(name, "kommune") || strings.Contains(name, "bydel") {
			continue // areas, not persons or units
		}
		for _, u := range n.UniqueID {
			seen++
			if fhir.SystemName(u.Value) == "" {
				t.Errorf("%s: %s is unknown", filepath.Base(file), u.Value)
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d names seen", seen)
	}
}

func TestEquivalentIdentifiers(t *testing.T) {
	id := fhir.Identifier
	for _, c := range []struct {
		a, b models.Identifier
		want bool
	}{
		{id("HPR", "9900011"), id(fhir.SystemHPR, " 9900 011"), true},
		{id("HPR", "9900011"), id("HER", "9900011"), false},
		{id("HPR", ""), id("HPR", ""), false},
		{id("", "1"), id("", "1"), false},
		{models.Identifier{}, models.Identifier{}, false},
	} {
		if fhir.EquivalentIdentifiers(c.a, c.b) != c.want || fhir.EquivalentIdentifiers(c.b, c.a) != c.want {
			t.Errorf("%v ~ %v is not %v", *c.a.Value, *c.b.Value, c.want)
		}
	}
	bare := "2.16.578.1.12.4.1.2"
	value := "910010"
	if v, ok := fhir.FindIdentifier([]models.Identifier{id("HPR", "1"), {System: &bare, Value: &value}}, "HER"); !ok || v != value {
		t.Errorf("FindIdentifier = %q, %v", v, ok)
	}
}

func TestSplitReference(t *testing.T) {
	for _, c := range []struct {
		in, typ, id string
		ok          bool
	}{
		{"Patient/p", "Patient", "p", true},
		{"https://x/fhir/Patient/p/_history/3", "Patient", "p", true},
		{"#p", "", "", false}, {"#", "", "", false}, {"", "", "", false}, {"Patient", "", "", false}, {"Patient/", "", "", false},
		{"Pasient/p", "", "", false}, {"urn:uuid:79a14950-442c-11ed-b878-0242ac120002", "", "", false}, {"Patient/a b", "", "", false},
		{"Patient?identifier=x", "", "", false}, {"DomainResource/1", "", "", false},
	} {
		if typ, id, ok := fhir.SplitReference(c.in); typ != c.typ || id != c.id || ok != c.ok {
			t.Errorf("%q: %q %q %v", c.in, typ, id, ok)
		}
	}
}

func TestSameReference(t *testing.T) {
	versioned := fhir.Reference("Patient", "p/_history/2")
	for _, c := range []struct {
		a, b models.Reference
		want bool
	}{
		{fhir.Reference("Patient", "p"), fhir.Reference("Patient", "p"), true},
		{fhir.Reference("Patient", "p"), versioned, true},
		{fhir.Reference("Patient", "p"), fhir.Reference("Patient", "q"), false},
		{fhir.LogicalReference("Practitioner", "HPR", "9900011", "Berit"), fhir.LogicalReference("", fhir.SystemHPR, "9900011", ""), true},
		{fhir.DisplayReference("", "Berit"), fhir.DisplayReference("", "Berit"), false},
		{models.Reference{}, models.Reference{}, false},
	} {
		if fhir.SameReference(c.a, c.b) != c.want || fhir.SameReference(c.b, c.a) != c.want {
			t.Errorf("%+v and %+v: not %v", c.a, c.b, c.want)
		}
	}
}

// Our displays of code list 9034 are the list's.
func TestRolesAreTheLists(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(shared(t, "formats", "nhn-meldinger"), "kodeverk-volven.json"))
	if err != nil {
		t.Fatal(err)
	}
	var lists struct {
		CodeLists []struct {
			OID   string
			Codes []struct{ Code, Display string }
		}
	}
	if err := json.Unmarshal(b, &lists); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, l := range lists.CodeLists {
		if "urn:oid:"+l.OID != fhir.SystemRole {
			continue
		}
		for _, c := range l.Codes {
			seen++
			if got := fhir.RoleDisplay(c.Code); got != c.Display {
				t.Errorf("%s is %q, want %q", c.Code, got, c.Display)
			}
		}
	}
	if seen != 22 {
		t.Errorf("%d codes seen", seen)
	}
	if _, ok := fhir.Role("99"); ok {
		t.Error("role 99 is known")
	}
}

func TestConcept(t *testing.T) {
	role, _ := fhir.Role(fhir.RoleKoordinatorIP)
	if !fhir.HasCoding(role, fhir.SystemRole, "8") || fhir.HasCoding(role, "", "8") || fhir.ConceptDisplay(role) != "Koordinator Individuell plan" {
		t.Errorf("role %+v", role)
	}
	if got := fhir.ConceptDisplay(fhir.Text("Kontaktlærer")); got != "Kontaktlærer" {
		t.Error(got)
	}
	if got := fhir.ConceptDisplay(fhir.Concept("urn:x", "c", "")); got != "c" {
		t.Error(got)
	}
	if got := fhir.ConceptDisplay(models.CodeableConcept{}); got != "" {
		t.Error(got)
	}
}

func TestExtensions(t *testing.T) {
	es := []models.Extension{fhir.StringExtension(fhir.ExtLovhjemmel, "Barnevernsloven § 3-1"), fhir.DateExtension(fhir.ExtKlagefrist, "2026-06-10"),
		fhir.StringExtension(fhir.ExtLovhjemmel, "Barnevernsloven § 3-4")}
	if got := fhir.ExtensionStrings(es, fhir.ExtLovhjemmel); len(got) != 2 || got[1] != "Barnevernsloven § 3-4" {
		t.Error(got)
	}
	if got := fhir.ExtensionDates(es, fhir.ExtKlagefrist); len(got) != 1 || got[0] != "2026-06-10" {
		t.Error(got)
	}
	if got := fhir.ExtensionDates(es, fhir.ExtLovhjemmel); got != nil {
		t.Error(got)
	}
}

func TestSpans(t *testing.T) {
	oslo, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		moment, err := fhir.ParseInstant(s)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	span := func(start, end string) fhir.Span {
		s, err := fhir.ParsePeriod(fhir.Period(start, end), oslo)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, c := range []struct {
		start, end, at string
		in             bool
	}{
		{"2026-11-23", "2026-11-23", "2026-11-23T23:59:59+01:00", true},
		{"2026-11-23", "2026-11-23", "2026-11-23T23:30:00Z", false},
		{"2026-11-23", "2026-11-23", "2026-11-22T23:30:00Z", true},
		{"2026", "2026", "2026-12-31T12:00:00Z", true}, {"2026-10", "2026-10", "2026-11-01T00:00:00+01:00", false},
		{"", "2026-02", "1990-01-01T00:00:00Z", true}, {"2026-02", "", "2090-01-01T00:00:00Z", true}, {"", "", "2026-01-01T00:00:00Z", true},
	} {
		if got := span(c.start, c.end).Contains(at(c.at)); got != c.in {
			t.Errorf("%s in %s–%s: %v", c.at, c.start, c.end, got)
		}
	}
	if !span("2026-01", "2026-02").Overlaps(span("2026-02-28", "")) || span("2026-01", "2026-02").Overlaps(span("2026-03", "")) || !span("", "").Overlaps(span("2026", "2026")) {
		t.Error("overlap")
	}
	if !span("", "2026-08-31").Ended(at("2026-09-01T00:00:00+02:00")) || span("", "2026-08-31").Ended(at("2026-08-31T23:59:59+02:00")) || span("2026", "").Ended(at("2100-01-01T00:00:00Z")) {
		t.Error("ended")
	}
	for _, bad := range []string{"", "26", "2026-13", "2026-02-30", "2026-01-01T10:00:00", "x"} {
		if _, err := fhir.ParseDate(bad, oslo); !errors.Is(err, fhir.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if leap := at("2016-12-31T23:59:60Z"); !leap.Equal(at("2017-01-01T00:00:00Z")) {
		t.Errorf("leap second: %v", leap)
	}
}

// What the constructors make is valid once their parameters are, in every kind of bundle.
func TestConstructorsAndBundles(t *testing.T) {
	subject := fhir.Reference("Patient", "p")
	plan := fhir.NewCarePlan(models.RequestStatusActive, models.CarePlanIntentPlan, subject)
	plan.Activity = append(plan.Activity, fhir.NewActivity(models.CarePlanActivityStatusNotStarted, "Avlastning"))
	team := fhir.NewCareTeam(models.CareTeamStatusActive, subject)
	role, _ := fhir.Role(fhir.RoleKoordinatorIP)
	team.Participant = append(team.Participant, fhir.NewParticipant(fhir.LogicalReference("Practitioner", "HPR", "9900011", "Berit Holmen"), role))
	var made []fhir.Resource
	for i, v := range []any{plan, team,
		fhir.NewGoal(models.GoalLifecycleStatusActive, fhir.Text("Anfallsfri skoledag"), subject),
		fhir.NewServiceRequest(models.RequestStatusActive, models.RequestIntentOrder, subject),
		fhir.NewEpisodeOfCare(models.EpisodeOfCareStatusActive, subject),
		fhir.NewEncounter(models.EncounterStatusFinished, fhir.Coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", "AMB", ""), subject),
	} {
		r, err := fhir.Of(v)
		if err != nil {
			t.Fatal(err)
		}
		fhirtest.Valid(t, r)
		made = append(made, fhirtest.New(t, r.Type, fmt.Sprintf("r%d", i), string(r.Body)))
	}
	total := 40
	search, err := fhir.SearchSet(total, made...)
	if err != nil {
		t.Fatal(err)
	}
	collection, err := fhir.Collection(made...)
	if err != nil {
		t.Fatal(err)
	}
	transaction, err := fhir.Transaction(made...)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []models.Bundle{search, collection, transaction} {
		r, err := fhir.Of(b)
		if err != nil {
			t.Fatal(err)
		}
		fhirtest.Valid(t, r)
		back, err := fhir.Entries(b)
		if err != nil || len(back) != len(made) || back[2].ID != "r2" {
			t.Errorf("entries: %v, %v", back, err)
		}
	}
	if _, err := fhir.Transaction(fhir.Resource{Type: "Patient", Body: []byte(`{"resourceType":"Patient"}`)}); !errors.Is(err, fhir.ErrInvalid) {
		t.Errorf("a transaction without id: %v", err)
	}
}

func ExampleValidate() {
	r, _ := fhir.Parse([]byte(`{"resourceType":"CarePlan","status":"planned","intent":"plan","subject":{"reference":"Patient/p"},
		"activity":[{"detail":{"description":"Fysioterapi"}}]}`))
	for _, i := range fhir.Validate(r) {
		fmt.Println(i.Severity, i.Path, i.Rule, i.Message)
	}
	// Output:
	// error CarePlan.activity[0].detail.status required status is required
	// error CarePlan.status binding the code planned is not in the required value set request-status
}

func ExampleCanonicalSystem() {
	fmt.Println(fhir.CanonicalSystem("2.16.578.1.12.4.1.4.4"))
	fmt.Println(fhir.CanonicalSystem("FNR") == fhir.SystemFNR)
	// Output:
	// urn:oid:2.16.578.1.12.4.1.4.4
	// true
}

func ExampleParsePeriod() {
	zone := time.FixedZone("CET", 3600)
	span, _ := fhir.ParsePeriod(fhir.Period("2026-06", "2026-08-31"), zone)
	fmt.Println(span.Contains(time.Date(2026, 8, 31, 20, 0, 0, 0, zone)), span.Ended(time.Date(2026, 9, 1, 0, 0, 0, 0, zone)))
	// Output: true true
}
