package attack_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/gate/gatetest"
)

// protected is the child whose address is hidden.
const protected care.PersonID = "selma"

// canaries gives words that each stand in one place from which somebody could tell where a
// child is, and nowhere else.
type canaries struct{ words []string }

func (c *canaries) new() string {
	w := fmt.Sprintf("Q7X%03dZ", len(c.words))
	c.words = append(c.words, w)
	return w
}

// times of day and zones that a record says, and what they are in Oslo.
var hours = []string{"03:17", "+05:45", "22:32", "03.17", "22.32"}

// plant says everything of a child that can place her, by every service.
func (c *canaries) plant(p care.PersonID) []care.Contribution {
	type R = stories.R
	type L = stories.L
	text := func() R {
		w := c.new()
		return R{"text": w, "coding": L{R{"system": "urn:samsyn:category", "code": "vedtak", "display": w}}}
	}
	to := func(typ string) R { return R{"reference": typ + "/" + c.new(), "display": c.new(), "type": typ} }
	ref := func() R { return R{"display": c.new()} }
	address := func() R {
		return R{"text": c.new(), "line": L{c.new()}, "city": c.new(), "district": c.new(), "state": c.new(), "postalCode": c.new(), "country": c.new()}
	}
	telecom := func() L {
		return L{R{"system": "phone", "value": c.new()}, R{"system": "email", "value": c.new() + "@" + c.new() + ".no"}}
	}
	identifier := func() L { return L{R{"system": "urn:" + c.new(), "value": c.new(), "assigner": ref()}} }
	note := func() L { return L{R{"text": c.new(), "authorString": c.new()}} }
	narrative := func() R {
		return R{"status": "generated", "div": `<div xmlns="http://www.w3.org/1999/xhtml">` + c.new() + `</div>`}
	}
	at, until := "2026-12-01T03:17:00+05:45", "2026-12-01T04:17:00+05:45"
	period := R{"start": at, "end": until}
	whole := func(r R) R {
		r["text"], r["language"], r["meta"] = narrative(), c.new(), R{"source": "urn:" + c.new(), "tag": L{R{"code": c.new()}}}
		r["contained"] = L{R{"resourceType": "Organization", "id": "o", "name": c.new(), "address": L{address()}}}
		r["extension"] = L{R{"url": "urn:" + c.new(), "valueString": c.new()}}
		return r
	}
	resources := func() []R {
		return []R{
			whole(R{"resourceType": "Patient", "name": L{R{"text": "Selma Nordmann"}}, "birthDate": "2010-01-01", "address": L{address()}, "telecom": telecom(), "identifier": identifier(), "generalPractitioner": L{to("Practitioner")},
				"managingOrganization": to("Organization"), "contact": L{R{"name": R{"text": c.new()}, "address": address(), "telecom": telecom(), "organization": ref()}}, "photo": L{R{"url": "https://" + c.new(), "title": c.new()}},
				"communication": L{R{"language": text()}}}),
			whole(R{"resourceType": "CareTeam", "status": "active", "name": c.new(), "identifier": identifier(), "telecom": telecom(), "note": note(), "managingOrganization": L{to("Organization")}, "category": L{text()}, "period": period,
				"participant": L{R{"role": L{text()}, "member": to("Practitioner"), "onBehalfOf": to("Organization"), "period": period}, R{"role": L{text()}, "member": to("Organization")}}}),
			whole(R{"resourceType": "Encounter", "status": "finished", "class": R{"code": c.new(), "display": c.new()}, "type": L{text()}, "serviceType": text(), "period": period, "location": L{R{"location": to("Location")}}, "serviceProvider": to("Organization"),
				"reasonCode": L{text()}, "participant": L{R{"individual": to("Practitioner")}}, "hospitalization": R{"origin": to("Location"), "destination": to("Organization")}}),
			whole(R{"resourceType": "Appointment", "status": "booked", "description": c.new(), "comment": c.new(), "patientInstruction": c.new(), "start": at, "end": until, "serviceType": L{text()}, "appointmentType": text(),
				"participant": L{R{"actor": to("Location"), "status": "accepted"}, R{"actor": to("Practitioner"), "status": "accepted"}}}),
			whole(R{"resourceType": "CarePlan", "status": "active", "intent": "plan", "title": c.new(), "description": c.new(), "note": note(), "category": L{text()}, "period": period, "author": to("Organization"), "careTeam": L{to("CareTeam")},
				"activity": L{R{"detail": R{"status": "in-progress", "description": c.new(), "code": text(), "location": to("Location"), "performer": L{to("Organization")}}}, R{"reference": to("Appointment")}}}),
			whole(R{"resourceType": "Goal", "lifecycleStatus": "active", "description": text(), "note": note(), "startDate": "2026-01-01", "expressedBy": to("Practitioner"), "target": L{R{"detailString": c.new(), "dueDate": "2027-01-01"}}}),
			whole(R{"resourceType": "EpisodeOfCare", "status": "active", "type": L{text()}, "managingOrganization": to("Organization"), "careManager": to("Practitioner"), "period": period, "identifier": identifier()}),
			whole(R{"resourceType": "ServiceRequest", "status": "active", "intent": "order", "category": L{text()}, "code": text(), "authoredOn": at, "requester": to("Organization"), "performer": L{to("Organization")}, "locationReference": L{to("Location")},
				"locationCode": L{text()}, "note": note(), "patientInstruction": c.new(), "supportingInfo": L{to("DocumentReference")}, "occurrencePeriod": period}),
			whole(R{"resourceType": "Communication", "status": "completed", "topic": text(), "sent": at, "received": until, "sender": to("Organization"), "recipient": L{to("Organization")}, "payload": L{R{"contentString": c.new()}}, "note": note()}),
			whole(R{"resourceType": "DocumentReference", "status": "current", "description": c.new(), "date": at, "author": L{to("Organization")}, "custodian": to("Organization"), "type": text(), "identifier": identifier(),
				"content": L{R{"attachment": R{"title": c.new(), "url": "https://" + c.new(), "language": c.new()}}}, "context": R{"facilityType": text(), "practiceSetting": text()}}),
			whole(R{"resourceType": "Condition", "code": text(), "note": note(), "recordedDate": at, "recorder": to("Practitioner"), "bodySite": L{text()}}),
			whole(R{"resourceType": "Observation", "status": "final", "code": text(), "valueString": c.new(), "effectiveDateTime": at, "performer": L{to("Organization")}, "device": ref(), "note": note()}),
			whole(R{"resourceType": "Organization", "name": c.new(), "alias": L{c.new()}, "address": L{address()}, "telecom": telecom(), "identifier": identifier(), "partOf": to("Organization")}),
			whole(R{"resourceType": "Location", "status": "active", "name": c.new(), "description": c.new(), "address": address(), "position": R{"longitude": 10.717171, "latitude": 59.919191}, "telecom": telecom()}),
			whole(R{"resourceType": "Practitioner", "name": L{R{"text": c.new()}}, "address": L{address()}, "telecom": telecom(), "identifier": identifier()}),
			whole(R{"resourceType": "PractitionerRole", "practitioner": to("Practitioner"), "organization": to("Organization"), "location": L{to("Location")}, "telecom": telecom(), "availabilityExceptions": c.new()}),
			whole(R{"resourceType": "RelatedPerson", "name": L{R{"text": c.new()}}, "address": L{address()}, "telecom": telecom()}),
			whole(R{"resourceType": "HealthcareService", "name": c.new(), "location": L{to("Location")}, "comment": c.new(), "telecom": telecom(), "providedBy": to("Organization")}),
		}
	}
	var out []care.Contribution
	for _, s := range care.Services() {
		for n, r := range resources() {
			r["id"] = fmt.Sprintf("x-%s-%s-%d", p, s, n)
			cs := stories.Say(c.new(), s, p, c.new(), "2026-06-01", r)
			cs.System, cs.Kind, cs.Subject, cs.SourceVersion, cs.MapRevision = c.new(), c.new(), c.new(), c.new(), c.new()
			cs.Recorded, cs.Version = time.Date(2026, 11, 1, 3, 17, 11, 0, time.FixedZone("", 20700)), 2
			for i := range cs.Made[0].Lineage {
				l := &cs.Made[0].Lineage[i]
				l.Rule, l.From = c.new()+"/record:1", []string{c.new()}
			}
			out = append(out, cs)
		}
	}
	return out
}

// hide is a world where everybody who can be let in to the protected child is.
func hide(c *canaries, level care.AddressLevel) *gatetest.Memory {
	m := &gatetest.Memory{People: map[care.PersonID][]care.Contribution{}, Named: map[care.PersonID][]care.Claim{}, Old: map[string][]care.ResourceVersion{},
		Born: map[care.PersonID]string{protected: "2010-01-01"}, Address: map[care.PersonID]care.AddressLevel{protected: level}, Rights: map[care.PersonID]care.Rights{}, Epochs: map[care.PersonID]int64{}}
	m.People[protected] = c.plant(protected)
	for _, s := range care.Services() {
		m.Named[protected] = append(m.Named[protected], care.Claim{Source: c.new(), Service: s, Name: "Selma Nordmann", BirthDate: "2010-01-01", Recorded: time.Date(2026, 11, 1, 3, 17, 11, 0, time.FixedZone("", 20700))})
	}
	for _, cs := range m.People[protected] {
		m.States = append(m.States, care.SourceState{Source: cs.Source, System: cs.System, Service: cs.Service, Title: c.new(), LastSuccess: stories.Now().Add(-time.Hour), Failure: ""})
		keep(m, cs)
	}
	began := stories.Now().AddDate(0, -1, 0)
	for _, v := range viewers {
		if v.Role == care.RoleKoordinator || v.Role == care.RoleTjenesteyter {
			m.Give(protected, gatetest.Appointed(v, protected, began, time.Time{}))
			m.Give(protected, care.Rights{Consents: gatetest.Consented(v, protected, began, care.Services()...).Consents})
		}
	}
	m.Give(protected, care.Rights{
		Guardians:  []care.Guardian{{Viewer: "mor", Code: care.ParentalMor, SameAddress: true, From: began.AddDate(-1, 0, 0)}},
		BreakGlass: []care.BreakGlass{{ID: "n", Viewer: "nils", Person: protected, Code: "BLALYS", Reason: "Barnet er funnet bevisstløst i hallen", From: stories.Now().Add(-time.Minute), Until: stories.Now().Add(30 * time.Minute)}},
	})
	return m
}

// TestNoOutputPlacesAProtectedChild: a word that tells where she is stands in no output of any
// kind, for nobody, and what is not a place is still told.
func TestNoOutputPlacesAProtectedChild(t *testing.T) {
	t.Parallel()
	want, outputs, told := size(300, 20_000, 200_000), 0, map[string]int{}
	var total int
	for seed := firstSeed(t); outputs < want; seed++ {
		d := roll(seed)
		c := &canaries{}
		m := hide(c, pick(d, []care.AddressLevel{care.AddressFortrolig, care.AddressStrengtFortrolig}))
		total = len(c.words)
		w := open(t, m, nil)
		v := pick(d, viewers)
		all := shapes(protected, resourceNames(m), d)
		if v.ID == "nils" && d.often(50) { // by broken glass
			who, _ := viewer("nils")
			who.Purpose = care.PurposeETREAT
			w = open(t, m, is{v: who})
		}
		if v.ID == "barn" { // she herself: what is hidden from all is hidden from whoever has her telephone
			who, _ := viewer("barn")
			who.Person = protected
			w = open(t, m, is{v: who})
		}
		for _, n := range d.Perm(len(all))[:min(len(all), 60)] {
			r := all[n]
			if r.viewer = v.ID; forOffices(r) { // which sources there are is no child's
				continue
			}
			got := w.ask(r)
			outputs++
			if got.status == http.StatusOK && strings.Contains(got.body, "Selma") || got.status == 0 && got.body != "" {
				told[v.ID]++
			}
			placed(t, fmt.Sprintf("seed %d, %s", seed, r), got.body+fmt.Sprint(got.header))
		}
		who, _ := viewer(v.ID)
		b, err := json.Marshal(w.table.Explain(w.facts(who, protected), stories.Now()))
		if err != nil {
			t.Fatal(err)
		}
		placed(t, "explained to "+v.ID, string(b))
		placed(t, "log written meanwhile", w.logged.String())
		for _, l := range m.Lines {
			placed(t, "audit log", string(l.Body))
		}
		if t.Failed() {
			t.Fatalf("run it again with SAMSYN_TEST_SEED=%d", seed)
		}
	}
	if total < 25 {
		t.Errorf("%d canaries, want 25", total)
	}
	if len(told) == 0 {
		t.Error("nobody was told anything: nothing is tried")
	}
	t.Logf("%d outputs, %d canaries; answers that tell of her: %v", outputs, total, told)
}

// placed finds a canary, an hour or a position in an output.
func placed(t *testing.T, what, output string) {
	t.Helper()
	if i := strings.Index(output, "Q7X"); i >= 0 {
		t.Errorf("%s: %s", what, around(output, "Q7X"))
	}
	for _, h := range append(slices.Clone(hours), "10.717171", "59.919191") {
		if strings.Contains(output, h) {
			t.Errorf("%s: %s: %s", what, h, around(output, h))
		}
	}
}

// TestCanariesSing: without the level the same words are told, so that their silence means
// something.
func TestCanariesSing(t *testing.T) {
	c := &canaries{}
	m := hide(c, care.AddressOpen)
	w := open(t, m, nil)
	var all strings.Builder
	for _, path := range []string{"/barn/selma", "/fhir/Patient/selma/$everything", "/fhir/Patient/selma/$overview", "/api/barn/selma"} {
		all.WriteString(w.ask(get("anders", path)).body)
	}
	heard := 0
	for _, word := range c.words {
		if strings.Contains(all.String(), word) {
			heard++
		}
	}
	if heard < len(c.words)/4 {
		t.Errorf("%d of %d canaries sing at an open address", heard, len(c.words))
	}
}
