package access_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/fhir"
	"samsyn/internal/access"
	"samsyn/internal/care"
)

func dayAt(year, month, day int) time.Time {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, oslo)
}

func said(service care.Service, key, body string, lineage ...string) care.Contribution {
	var head struct{ ResourceType, ID string }
	if err := json.Unmarshal([]byte(body), &head); err != nil {
		panic(err)
	}
	m := care.Made{Resource: fhir.Resource{Type: head.ResourceType, ID: head.ID, Body: []byte(body)}}
	for _, e := range lineage {
		m.Lineage = append(m.Lineage, care.Lineage{Element: e, From: []string{"felt"}})
	}
	return care.Contribution{Source: "src-" + string(service), System: "fiksarkiv", Kind: "sak", Key: key, Version: 3, SourceVersion: "v3", MapRevision: "m1",
		Subject: "subject/1", Service: service, Person: "teo", Recorded: now, Changed: now, Made: []care.Made{m}}
}

const plan = `{"resourceType":"CarePlan","id":"p1","status":"active","intent":"plan","title":"Plan","description":"Fritekst","note":[{"text":"Notat"}],` +
	`"extension":[{"url":"urn:x","valueString":"skjult"},{"url":"urn:samsyn:evaluation","valueDate":"2026-05-01"}],` +
	`"activity":[{"progress":[{"text":"bare framdrift"}]},{"progress":[{"text":"framdrift"}],"detail":{"status":"in-progress","description":"beskrevet","code":{"text":"Tiltak"}}}]}`

// What no list names is gone, with its lineage; what stays keeps its lineage, at the place where it now stands.
func TestFieldsAreAnAllowList(t *testing.T) {
	table := table(t)
	f := worker(care.Skole)
	f.Viewer.Purpose = care.PurposeCOC
	f.Consents = []care.Consent{agreed("c1", care.BUP)}
	f.Consents[0].Receivers = []care.Receiver{{Service: care.Skole}}
	f.Guardians = coordinator().Guardians
	cs := []care.Contribution{said(care.BUP, "1", plan, "CarePlan.id", "CarePlan.status", "CarePlan.description", "CarePlan.activity[1]", "CarePlan.activity[1].detail.code.text",
		"CarePlan.activity[1].detail.description", "CarePlan.extension[1].valueDate", "CarePlan.extension[0].valueString", "CarePlan.statusReason")}
	before := string(cs[0].Made[0].Resource.Body)
	seen, withheld := table.Filter(f, table.Scope(f, now), cs, now)
	if len(seen) != 1 || withheld != 0 {
		t.Fatalf("seen %d, withheld %d", len(seen), withheld)
	}
	want := `{"activity":[{"detail":{"code":{"text":"Tiltak"},"status":"in-progress"}}],"extension":[{"url":"urn:samsyn:evaluation","valueDate":"2026-05-01"}],` +
		`"id":"p1","intent":"plan","resourceType":"CarePlan","status":"active","title":"Plan"}`
	if got := canonical(t, seen); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var elements []string
	for _, l := range seen[0].Made[0].Lineage {
		elements = append(elements, l.Element)
	}
	if want := []string{"CarePlan.id", "CarePlan.status", "CarePlan.activity[0].detail.code.text", "CarePlan.extension[0].valueDate"}; !slices.Equal(elements, want) {
		t.Errorf("lineage %v, want %v", elements, want)
	}
	if string(cs[0].Made[0].Resource.Body) != before || cs[0].Made[0].Lineage[3].Element != "CarePlan.activity[1]" {
		t.Error("what was given is changed")
	}
}

// Two bases add up: what either lets out leaves. A refusal of one is not outdone by the other.
func TestPermitsAddUp(t *testing.T) {
	table := table(t)
	f := withLine(coordinator(), line("FVL13B", care.Skole))
	f.Bases[0].Viewer, f.Bases[0].Purpose = "liv", care.PurposeCOC
	i := access.Item{Service: care.Skole, Type: "CarePlan"}
	if d := table.Decide(f, i, now); d.Fields.All || !slices.Equal(d.Fields.Lists, []string{"cooperation"}) || d.Basis != "FVL13B" {
		t.Errorf("the register alone: %+v", d)
	}
	f.Consents = []care.Consent{agreed("c1", care.Skole)}
	if d := table.Decide(f, i, now); !d.Fields.All || !slices.Equal(d.Bases, []string{"a1", "c1", "b1"}) {
		t.Errorf("both: %+v", d)
	}
	if got := table.Scope(f, now).Fields[care.Skole]; !got.All {
		t.Errorf("scope: %+v", got)
	}
}

func TestFilterDecidesAgain(t *testing.T) {
	table := table(t)
	f := coordinator()
	f.Consents = []care.Consent{agreed("c1", care.Skole)}
	f.Blocks = []care.Block{{ID: "k", Person: "teo", All: true, Extent: care.BlockRecord, Record: care.RecordRef{Source: "src-skole", Kind: "sak", Key: "blocked"}, From: from}}
	s := table.Scope(f, now)
	open := said(care.Skole, "1", `{"resourceType":"Goal","id":"g1","description":{"text":"Lese"}}`)
	hidden := []care.Contribution{
		said(care.BUP, "2", `{"resourceType":"Goal","id":"g2"}`),
		said(care.Skole, "blocked", `{"resourceType":"Goal","id":"g3"}`),
		said(care.Skole, "3", `{"resourceType":"Goal","id":"g4","lifecycleStatus":"entered-in-error"}`),
		said(care.Skole, "4", `{"resourceType":"Goal","id":"g5","meta":{"security":[{"system":"urn:samsyn:merke","code":"third-party"}]}}`),
		said(care.Skole, "5", `{"resourceType":"Goal","id":"g6","meta":{"security":[{"system":"urn:other","code":"x"}]}}`),
		said(care.Skole, "6", `{"resourceType":"Media","id":"m1"}`),
	}
	other := said(care.Skole, "7", `{"resourceType":"Goal","id":"g7"}`)
	other.Person = "amina"
	seen, withheld := table.Filter(f, s, append(slices.Clone(hidden), open, other), now)
	if len(seen) != 1 || seen[0].Key != "1" || withheld != len(hidden)+1 {
		t.Fatalf("seen %v, withheld %d", seen, withheld)
	}
	if string(seen[0].Made[0].Resource.Body) != string(open.Made[0].Resource.Body) || &seen[0].Made[0].Resource.Body[0] != &open.Made[0].Resource.Body[0] {
		t.Error("what leaves whole is written anew")
	}
	// What the scope does not hold is not shown though the facts would allow it, and the other way round.
	if seen, withheld := table.Filter(f, access.Scope{Allowed: true, Visible: nil}, []care.Contribution{open}, now); len(seen) != 0 || withheld != 1 {
		t.Errorf("outside the scope: %v", seen)
	}
	denied := s
	denied.Allowed = false
	if seen, _ := table.Filter(f, denied, []care.Contribution{open}, now); len(seen) != 0 {
		t.Errorf("a scope that denies: %v", seen)
	}
	if seen, _ := table.Filter(f, s, []care.Contribution{open}, until); len(seen) != 0 {
		t.Errorf("a scope that is over: %v", seen)
	}
	mixed := open
	mixed.Made = append(slices.Clone(open.Made), hidden[2].Made...)
	if seen, withheld := table.Filter(f, s, []care.Contribution{mixed}, now); len(seen) != 1 || len(seen[0].Made) != 1 || withheld != 1 {
		t.Errorf("one of two: %v %d", seen, withheld)
	}
	broken := open
	broken.Made = []care.Made{{Resource: fhir.Resource{Type: "Goal", ID: "g9", Body: []byte(`{"security"`)}}}
	if seen, withheld := table.Filter(f, s, []care.Contribution{broken}, now); len(seen) != 0 || withheld != 1 {
		t.Errorf("a resource that cannot be read: %v", seen)
	}
}

// What is left of nothing is not told: no empty lists, and a resource of which no element may leave stays.
func TestNothingIsLeftOfNothing(t *testing.T) {
	table := table(t)
	f := withLine(worker(care.Fastlege), line("BVL13-1", care.Barnevern))
	f.Viewer.ID = "siv"
	for _, k := range []struct{ body, want string }{
		{`{"resourceType":"CareTeam","id":"t","status":"active","participant":["odd"],"note":[{"text":"x"}]}`, `{"id":"t","participant":["odd"],"resourceType":"CareTeam","status":"active"}`},
		{`{"resourceType":"CareTeam","id":"t","note":[{"text":"x"}]}`, ``},
		{`{"resourceType":"ServiceRequest","id":"r","extension":[{"url":"urn:samsyn:lovhjemmel","valueString":"§ 1"}],"status":"active"}`, `{"id":"r","resourceType":"ServiceRequest","status":"active"}`},
	} {
		seen, withheld := table.Filter(f, table.Scope(f, now), []care.Contribution{said(care.Barnevern, "1", k.body)}, now)
		if got := canonical(t, seen); got != k.want || (withheld == 1) != (k.want == "") {
			t.Errorf("got %s, want %s", got, k.want)
		}
	}
	office := office()
	for _, k := range []struct{ body, want string }{
		{`{"resourceType":"CareTeam","id":"t","status":"active","participant":[{"member":{"display":"Kari"}},"odd"]}`, `{"id":"t","resourceType":"CareTeam","status":"active"}`},
		{`{"resourceType":"CareTeam","id":"t","status":"active","participant":"odd"}`, `{"id":"t","resourceType":"CareTeam","status":"active"}`},
		{`{"resourceType":"CareTeam","id":"t","status":"active","participant":[{"member":{"display":"Kari"}},{"role":[{"text":"Lærer"}]}]}`, `{"id":"t","participant":[{"role":[{"text":"Lærer"}]}],"resourceType":"CareTeam","status":"active"}`},
	} {
		seen, _ := table.Filter(office, table.Scope(office, now), []care.Contribution{said(care.Koordinering, "1", k.body)}, now)
		if got := canonical(t, seen); got != k.want {
			t.Errorf("got %s, want %s", got, k.want)
		}
	}
}

// An address that is raised between the question and the answer hides the answer, whoever tells of it.
func TestAddressRaisedMeanwhile(t *testing.T) {
	table := table(t)
	open := coordinator()
	raised := coordinator()
	raised.Address = care.AddressFortrolig
	c := []care.Contribution{said(care.Koordinering, "1", `{"resourceType":"CarePlan","id":"p","title":"Lund"}`)}
	claims := []care.Claim{{Source: "lund", Service: care.Koordinering, Name: "Teo"}}
	for name, k := range map[string][2]care.Facts{"the facts know": {open, raised}, "the scope knew": {raised, open}} {
		seen, _ := table.Filter(k[1], table.Scope(k[0], now), c, now)
		if len(seen) != 1 || strings.Contains(string(seen[0].Made[0].Resource.Body), "Lund") || seen[0].Source != "koordinering" {
			t.Errorf("%s: %+v", name, seen)
		}
		if got := table.Release(k[1], table.Scope(k[0], now), access.Held{Claims: claims}, now).Claims; len(got) != 1 || got[0].Source != "koordinering" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	graded := said(care.Koordinering, "2", `{"resourceType":"CarePlan","id":"q","meta":{"security":[{"system":"urn:samsyn:adressegradering","code":"strengt-fortrolig"}]},"status":"active"}`)
	seen, _ := table.Filter(open, table.Scope(open, now), append(c, graded), now) // a record knows what the facts do not
	if len(seen) != 2 || strings.Contains(string(seen[0].Made[0].Resource.Body), "Lund") || seen[0].Source != "koordinering" {
		t.Errorf("one record knows: %+v", seen)
	}
	for name, d := range map[string]access.Decision{
		"facts": table.Decide(raised, access.Item{Service: care.Koordinering, Type: "CarePlan"}, now),
		"item":  table.Decide(open, access.Item{Service: care.Koordinering, Type: "CarePlan", Marks: care.Marks(care.AddressStrengtFortrolig)}, now),
	} {
		if !d.Allowed || !d.Address {
			t.Errorf("by %s: %+v", name, d)
		}
	}
	if table.Decide(open, access.Item{Service: care.Koordinering, Type: "CarePlan"}, now).Address {
		t.Error("an open address is hidden")
	}
}

// Labels are themselves confidential: what is shown does not carry them.
func TestLabelsDoNotLeave(t *testing.T) {
	table := table(t)
	f := coordinator()
	c := said(care.Koordinering, "1", `{"resourceType":"CarePlan","id":"p1","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}],"versionId":"2"},"title":"a<b",`+
		`"contained":[{"resourceType":"Goal","id":"g","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"}]}}]}`, "CarePlan.title")
	seen, _ := table.Filter(f, table.Scope(f, now), []care.Contribution{c}, now)
	want := `{"contained":[{"id":"g","resourceType":"Goal"}],"id":"p1","meta":{"versionId":"2"},"resourceType":"CarePlan","title":"a<b"}`
	if len(seen) != 1 || string(seen[0].Made[0].Resource.Body) != want || len(seen[0].Made[0].Lineage) != 1 {
		t.Errorf("got %s", seen[0].Made[0].Resource.Body)
	}
}

// canonical is the first resource that is seen; "" is none.
func canonical(t *testing.T, seen []care.Contribution) string {
	t.Helper()
	if len(seen) == 0 {
		return ""
	}
	b, err := fhir.Canonical(seen[0].Made[0].Resource.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestClaimsFollowThePatient(t *testing.T) {
	table := table(t)
	claims := []care.Claim{{Source: "bvr", Service: care.Barnevern, Name: "Hemmelig"}, {Source: "or", Service: care.Skole, Name: "Teo", BirthDate: "2014-03-14", Recorded: now},
		{Source: "x", Service: care.Koordinering}}
	f := coordinator()
	f.Consents = []care.Consent{agreed("c1", care.Skole)}
	f.Consents[0].Topics = []string{"avtaler"}
	seen := table.Release(f, table.Scope(f, now), access.Held{Claims: claims}, now).Claims
	if len(seen) != 1 || seen[0] != claims[1] {
		t.Errorf("seen %v", seen)
	}
	if seen := table.Release(f, access.Scope{}, access.Held{Claims: claims}, now).Claims; len(seen) != 0 {
		t.Errorf("without a scope: %v", seen)
	}
	if seen := table.Release(f, access.Scope{Allowed: true}, access.Held{Claims: claims}, now).Claims; len(seen) != 0 {
		t.Errorf("outside the scope: %v", seen)
	}
	s := table.Scope(f, now)
	if seen := table.Release(f, s, access.Held{Claims: claims}, until).Claims; len(seen) != 0 {
		t.Errorf("when it is over: %v", seen)
	}
	f.Address = care.AddressStrengtFortrolig
	seen = table.Release(f, table.Scope(f, now), access.Held{Claims: claims}, now).Claims
	if len(seen) != 1 || seen[0].Name != "Teo" || seen[0].Source != "skole" || seen[0].Recorded.In(oslo).Hour() != 0 {
		t.Errorf("hidden address: %v", seen)
	}
	text := strings.Replace(shippedText(t), "  names:\n    Patient: [name, birthDate]", "  names:\n    Patient: [name]", 1)
	narrow, err := access.Load([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f = office()
	if seen := narrow.Release(f, narrow.Scope(f, now), access.Held{Claims: claims}, now).Claims; len(seen) != 1 || seen[0].BirthDate != "" || seen[0].Name != "Teo" {
		t.Errorf("the name alone: %v", seen)
	}
}

var clock = regexp.MustCompile(`T[0-9]{2}:`)

// Every string of every element of what a source says of a child at a hidden address is a
// canary, for every type that maps make, whoever asks and from whichever source the grading came.
func TestNoPlaceLeaves(t *testing.T) {
	table := table(t)
	canary := 0
	next := func() string { canary++; return fmt.Sprintf("LUND%04d", canary) }
	bodies := []string{
		`{"resourceType":"CarePlan","id":"a1","language":"£","text":{"div":"£"},"meta":{"source":"£","tag":[{"code":"£"}]},"identifier":[{"system":"£","value":"£"}],"status":"active","intent":"plan","title":"£","description":"£","category":[{"coding":[{"system":"urn:samsyn:plantype","code":"individuell-plan","display":"£"},{"system":"£","code":"£","display":"£"}],"text":"£"}],"subject":{"reference":"Patient/£","display":"£"},"period":{"start":"2026-01-01T08:15:00+01:00","end":"£"},"created":"2026-01-01T08:15:00+09:00","author":{"reference":"Organization/£","display":"£"},"extension":[{"url":"urn:samsyn:evaluation","valueDate":"2026-02-02","valueString":"£"},{"url":"£","valueString":"£"},{"url":"urn:samsyn:evaluation","valueString":"£"}],"goal":[{"reference":"Goal/g1","display":"£"},{"reference":"https://£/Goal/1"},{"reference":"Location/1"}],"activity":[{"detail":{"status":"in-progress","description":"£","location":{"display":"£"},"scheduledPeriod":{"start":"2026-03-03"},"performer":[{"display":"£"}]}}],"note":[{"text":"£"}],"contained":[{"resourceType":"Location","id":"l","name":"£"}]}`,
		`{"resourceType":"CareTeam","id":"a2","status":"active","name":"£","participant":[{"role":[{"coding":[{"system":"urn:oid:2.16.578.1.12.4.1.1.9034","code":"6","display":"£"}],"text":"£"}],"member":{"type":"Practitioner","display":"£","identifier":{"value":"£"}},"onBehalfOf":{"display":"£"},"period":{"start":"2026-01-01"}},{"role":[{"text":"£"}],"member":{"type":"£"}}],"managingOrganization":[{"display":"£"}],"telecom":[{"value":"£"}]}`,
		`{"resourceType":"Goal","id":"a3","lifecycleStatus":"active","achievementStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/goal-achievement","code":"achieved"}],"text":"£"},"description":{"text":"£"},"target":[{"dueDate":"2026-05-05","detailString":"£"}],"expressedBy":{"display":"£"}}`,
		`{"resourceType":"EpisodeOfCare","id":"a4","status":"active","type":[{"text":"£"}],"managingOrganization":{"display":"£"},"careManager":{"display":"£"},"period":{"start":"2026-01-01"}}`,
		`{"resourceType":"ServiceRequest","id":"a5","status":"£","intent":"order","category":[{"text":"£"}],"code":{"text":"£"},"requester":{"display":"£"},"locationCode":[{"text":"£"}],"occurrencePeriod":{"start":"2026-01-01T23:30:00Z"},"authoredOn":"£","extension":[{"url":"urn:samsyn:klagefrist","valueDateTime":"2026-06-06T10:00:00+02:00"}]}`,
		`{"resourceType":"Appointment","id":"a6","status":"booked","description":"£","start":"2026-11-23T09:00:00+01:00","end":"2026-11-23T10:00:00+01:00","participant":[{"actor":{"reference":"Location/£","display":"£"},"status":"accepted"}],"comment":"£","patientInstruction":"£"}`,
		`{"resourceType":"Encounter","id":"a7","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB","display":"£"},"type":[{"text":"£"}],"location":[{"location":{"display":"£"}}],"serviceProvider":{"display":"£"},"participant":[{"individual":{"display":"£"}}],"period":{"start":"2026-01-01T00:30:00+14:00"}}`,
		`{"resourceType":"Communication","id":"a8","status":"completed","topic":{"text":"£"},"sender":{"display":"£"},"recipient":[{"display":"£"}],"payload":[{"contentString":"£"}],"sent":"2026-01-01T08:00:00+01:00"}`,
		`{"resourceType":"DocumentReference","id":"a9","status":"current","description":"£","content":[{"attachment":{"title":"£","url":"£"}}],"custodian":{"display":"£"},"date":"2026-01-01T08:00:00.123+01:00"}`,
		`{"resourceType":"Condition","id":"b1","code":{"text":"£"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"note":[{"text":"£"}],"recordedDate":"2026"}`,
		`{"resourceType":"Patient","id":"b2","name":[{"text":"Teo Lyng","period":{"start":"£"},"prefix":["£"]}],"birthDate":"2014-03-14","address":[{"text":"£"}],"telecom":[{"value":"£"}],"communication":[{"language":{"text":"£"}}],"photo":[{"url":"£"}],"generalPractitioner":[{"display":"£"}]}`,
		`{"resourceType":"Organization","id":"b3","name":"£"}`, `{"resourceType":"Location","id":"b4","name":"£"}`, `{"resourceType":"Practitioner","id":"b5","name":[{"text":"£"}]}`,
		`{"resourceType":"PractitionerRole","id":"b6","code":[{"text":"£"}]}`, `{"resourceType":"HealthcareService","id":"b7","name":"£"}`, `{"resourceType":"RelatedPerson","id":"b8","name":[{"text":"£"}]}`,
		`{"resourceType":"Observation","id":"b9","status":"final","valueString":"£"}`,
	}
	for i := range bodies {
		for strings.Contains(bodies[i], "£") {
			bodies[i] = strings.Replace(bodies[i], "£", next(), 1)
		}
	}
	for _, who := range []struct {
		name string
		f    care.Facts
		own  care.Service
	}{{"coordinator", coordinator(), care.Koordinering}, {"worker", worker(care.BUP), care.BUP}, {"child", child("2009-01-01"), care.Barnevern}, {"rescuer", rescuer(), care.BUP}, {"office", office(), care.Skole}} {
		for _, level := range []care.AddressLevel{care.AddressFortrolig, care.AddressStrengtFortrolig, care.AddressOpen} {
			f := who.f
			f.Address = level
			var cs []care.Contribution
			for i, body := range bodies {
				c := said(who.own, fmt.Sprint("LUND", i), body, "CarePlan.status")
				c.Source, c.System, c.Kind, c.Subject, c.SourceVersion, c.MapRevision = "LUND-src", "LUND-sys", "LUND-kind", "LUND-sub", "LUND-v", "LUND-m"
				c.Made[0].Lineage[0].Rule = "LUND"
				cs = append(cs, c)
			}
			if level == care.AddressOpen { // one source alone grades one resource
				cs = append(cs, said(who.own, "graded", `{"resourceType":"Goal","id":"c1","lifecycleStatus":"active","meta":{"security":[{"system":"urn:samsyn:adressegradering","code":"fortrolig"}]}}`))
			}
			s := table.Scope(f, now)
			seen, _ := table.Filter(f, s, cs, now)
			if len(seen) == 0 {
				t.Errorf("%s at %d: nothing is left", who.name, level)
			}
			keys := map[string]bool{}
			for _, c := range seen {
				all := fmt.Sprintf("%+v %v", c, c.Subject)
				for _, m := range c.Made {
					all += string(m.Resource.Body)
				}
				if i := strings.Index(all, "LUND"); i >= 0 {
					t.Errorf("%s at %d: %s …", who.name, level, all[max(0, i-80):min(len(all), i+40)])
				}
				if clock.MatchString(all) {
					t.Errorf("%s at %d: a time of day leaves: %s", who.name, level, all)
				}
				if keys[c.Key] || c.Recorded.In(oslo).Hour() != 0 || c.Changed.In(oslo).Hour() != 0 {
					t.Errorf("%s: key %s, recorded %s", who.name, c.Key, c.Recorded)
				}
				keys[c.Key] = true
			}
			if len(access.Sources(seen, []care.SourceState{{Source: "LUND-src"}})) != 0 {
				t.Errorf("%s: the state of the source leaves", who.name)
			}
			if s.Address != level.Hidden() || s.Address && len(s.Markers) > 0 {
				t.Errorf("%s at %d: %v %v", who.name, level, s.Address, s.Markers)
			}
		}
	}
}

// What is left of a resource at a hidden address, element by element.
func TestWhatIsLeftAtAHiddenAddress(t *testing.T) {
	table := table(t)
	f := child("2009-01-01")
	f.Address = care.AddressFortrolig
	for _, k := range []struct{ body, want string }{
		{`{"resourceType":"CarePlan","id":"a","status":"active","intent":"plan","subject":{"reference":"Patient/ella","display":"Ella"},"created":"2026-01-01T23:30:00Z","goal":[{"reference":"Goal/g1"},{"reference":"Location/l"}],"activity":[{"detail":{"status":"odd"}},{"detail":{"status":"completed"}}]}`,
			`{"activity":[{"detail":{"status":"completed"}}],"created":"2026-01-02","goal":[{"reference":"Goal/g1"}],"id":"a","intent":"plan","resourceType":"CarePlan","status":"active","subject":{"reference":"Patient/teo"}}`},
		{`{"resourceType":"CareTeam","id":"a","participant":[{"member":{"type":"Practitioner","display":"X"},"role":[{"coding":[{"system":"urn:oid:2.16.578.1.12.4.1.1.9034","code":"8"}]}]}]}`,
			`{"id":"a","participant":[{"member":{"type":"Practitioner"},"role":[{"coding":[{"code":"8","display":"Koordinator Individuell plan","system":"urn:oid:2.16.578.1.12.4.1.1.9034"}]}]}],"resourceType":"CareTeam"}`},
		{`{"resourceType":"Encounter","id":"a","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"period":{"start":"2026-01","end":"2026-01-05T10:00:00+01:00"}}`,
			`{"class":{"code":"AMB","display":"Poliklinisk","system":"http://terminology.hl7.org/CodeSystem/v3-ActCode"},"id":"a","period":{"end":"2026-01-05","start":"2026-01"},"resourceType":"Encounter"}`},
		{`{"resourceType":"Patient","id":"a","name":[{"use":"official","family":"Lyng","given":["Teo"],"suffix":["x"]}],"birthDate":"2014-03-14"}`,
			`{"birthDate":"2014-03-14","id":"a","name":[{"family":"Lyng","given":["Teo"],"use":"official"}],"resourceType":"Patient"}`},
		{`{"resourceType":"EpisodeOfCare","id":"a"}`, `{"id":"a","resourceType":"EpisodeOfCare"}`},
		{`{"resourceType":"Goal","id":"a","target":"odd","startDate":7,"achievementStatus":["odd"],"statusDate":true}`, `{"id":"a","resourceType":"Goal"}`},
		{`{"resourceType":"ServiceRequest","id":"a","extension":[{"url":"urn:samsyn:klagefrist","valueDate":"2026-04-04"}],"category":[{"coding":[{"system":"urn:samsyn:category","code":"vedtak"},"odd"]},{"text":"x"}]}`,
			`{"category":[{"coding":[{"code":"vedtak","display":"Vedtak","system":"urn:samsyn:category"}]}],"extension":[{"url":"urn:samsyn:klagefrist","valueDate":"2026-04-04"}],"id":"a","resourceType":"ServiceRequest"}`},
	} {
		seen, _ := table.Filter(f, table.Scope(f, now), []care.Contribution{said(care.BUP, "1", k.body)}, now)
		if len(seen) != 1 || string(seen[0].Made[0].Resource.Body) != k.want {
			t.Errorf("of %s\ngot  %s\nwant %s", k.body, seen[0].Made[0].Resource.Body, k.want)
		}
	}
}
