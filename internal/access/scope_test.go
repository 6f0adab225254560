package access_test

import (
	"slices"
	"testing"
	"time"

	"samsyn/fhir"
	"samsyn/internal/access"
	"samsyn/internal/care"
)

var oslo = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		panic(err)
	}
	return zone
}()

func table(t testing.TB) *access.Table {
	t.Helper()
	shipped, err := access.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return shipped.In(oslo)
}

// coordinator is a coordinator with an appointment and no basis.
func coordinator() care.Facts {
	return care.Facts{Tenant: "310001007", Person: "teo", Known: true, Born: "2014-03-14",
		Viewer:       care.Viewer{ID: "liv", Role: care.RoleKoordinator, Service: care.Kommune, Tenant: "310001007", Level: 4, Purpose: care.PurposeCOC},
		Appointments: []care.Appointment{{ID: "a1", Viewer: "liv", Person: "teo", Role: care.RoleKoordinator, From: from, Until: until, By: "ke"}},
		Guardians: []care.Guardian{{Viewer: "mor", Code: care.ParentalFelles, SameAddress: true, From: from.AddDate(-5, 0, 0)},
			{Viewer: "far", Code: care.ParentalFelles, From: from.AddDate(-5, 0, 0)}}}
}

func agreed(id string, origins ...care.Service) care.Consent {
	return care.Consent{ID: id, Version: 1, Person: "teo", Status: care.ConsentActive, Origins: origins, Purpose: care.PurposeCOC,
		Receivers: []care.Receiver{{Role: care.RoleKoordinator}}, From: from, Until: until, TextVersion: "samtykke-2026-1", Language: "nb", Voluntary: true,
		Signatures: []care.Signature{{Party: care.PartyGuardian, Signer: "mor", Recorder: "mor", How: "digital", At: from},
			{Party: care.PartyGuardian, Signer: "far", Recorder: "liv", How: "paper", At: from}}, Changed: from}
}

func TestShippedTableLoads(t *testing.T) {
	table := table(t)
	if table.Version() == "" || len(table.Rows()) == 0 || len(table.Codes()) == 0 || len(table.AgeRows()) == 0 {
		t.Errorf("version %q, %d rows", table.Version(), len(table.Rows()))
	}
}

func TestCoordinatorSeesWhatIsSharedWithHer(t *testing.T) {
	table := table(t)
	f := coordinator()
	s := table.Scope(f, now)
	if got := services(s); !s.Allowed || !slices.Equal(got, []care.Service{care.Koordinering}) {
		t.Fatalf("appointment alone: %v by %s", got, s.Rule)
	}
	f.Consents = []care.Consent{agreed("c1", care.Skole, care.BUP)}
	s = table.Scope(f, now)
	if got := services(s); !slices.Equal(got, []care.Service{care.Koordinering, care.Skole, care.BUP}) {
		t.Fatalf("with consent: %v", got)
	}
	if !slices.Equal(s.Bases, []string{"a1", "c1"}) {
		t.Errorf("bases %v", s.Bases)
	}
	if s = table.Scope(f, until); s.Allowed || s.Rule != access.RelationOver {
		t.Errorf("the second that it ends: %v by %s", s.Allowed, s.Rule)
	}
	f.Consents[0].Signatures = f.Consents[0].Signatures[:1]
	if d := table.Decide(f, access.Item{Service: care.Skole, Type: "CarePlan"}, now); d.Allowed || d.Rule != access.ConsentPending {
		t.Errorf("one of two parents: %v by %s", d.Allowed, d.Rule)
	}
}

func services(s access.Scope) []care.Service {
	var out []care.Service
	for _, v := range s.Visible {
		if !slices.Contains(out, v.Service) {
			out = append(out, v.Service)
		}
	}
	return out
}

func TestFilterHidesThePlace(t *testing.T) {
	table := table(t)
	f := coordinator()
	f.Address = care.AddressFortrolig
	body := `{"resourceType":"Appointment","id":"x1","status":"booked","appointmentType":{"coding":[{"system":"urn:samsyn:meeting","code":"ansvarsgruppe","display":"Gruppe på Lund"}],"text":"Lund"},"description":"Lund skole","start":"2026-11-23T23:30:00Z","participant":[{"actor":{"display":"Lund skole"},"status":"accepted"}]}`
	cs := []care.Contribution{{Source: "lund-ip", System: "fiks", Kind: "mote", Key: "lund-1", Service: care.Koordinering, Person: "teo", Subject: "lund/1", Recorded: now,
		Made: []care.Made{{Resource: fhir.Resource{Type: "Appointment", ID: "x1", Body: []byte(body)}, Lineage: []care.Lineage{{Element: "Appointment.status", From: []string{"Lund"}}}}}}}
	seen, withheld := table.Filter(f, table.Scope(f, now), cs, now)
	if len(seen) != 1 || withheld != 0 {
		t.Fatalf("seen %d, withheld %d", len(seen), withheld)
	}
	want := `{"appointmentType":{"coding":[{"code":"ansvarsgruppe","display":"Ansvarsgruppemøte","system":"urn:samsyn:meeting"}]},"id":"x1","participant":[{"status":"accepted"}],"resourceType":"Appointment","start":"2026-11-24","status":"booked"}`
	if got := string(seen[0].Made[0].Resource.Body); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	c := seen[0]
	if c.Source != "koordinering" || c.System+c.Kind+c.Subject+c.SourceVersion+c.MapRevision != "" || c.Key != "1" || len(c.Made[0].Lineage) != 0 || c.Recorded.In(oslo).Hour() != 0 {
		t.Errorf("contribution %+v", c)
	}
}
