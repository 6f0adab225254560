package audit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"samsyn/fhir"
)

// foreign is an event as another system writes it, in the form that IHE's ten patterns
// have: what Samsyn's own writer adds is not there.
func foreign(name, action, interaction, client, server, user string, patient, query bool) string {
	const agent = `{"type":{"coding":[{"system":%q,"code":%q}]},"who":{"display":"x"},"requestor":%t%s}`
	const dcm, participation = "http://dicom.nema.org/resources/ontology/DCM", "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	network := `,"network":{"address":"2001:db8::1","type":"2"}`
	serverSystem := dcm
	if server == "custodian" {
		serverSystem = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
	}
	agents := strings.Join([]string{fmt.Sprintf(agent, dcm, client, false, network), fmt.Sprintf(agent, serverSystem, server, false, network), fmt.Sprintf(agent, participation, user, true, "")}, ",")
	object := `{"what":{"reference":"List/l"},"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"2"},"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"4"}}`
	if query {
		object = `{"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"2"},"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"24"},"query":"R0VU"}`
	}
	who := ""
	if patient {
		who = `,{"what":{"reference":"Patient/p"},"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"1"},"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"1"}}`
	}
	return `{"resourceType":"AuditEvent","meta":{"profile":["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.` + name + `"]},
	"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-event-type","code":"rest"},"subtype":[{"system":"http://hl7.org/fhir/restful-interaction","code":"` + interaction + `"}],
	"action":"` + action + `","recorded":"2026-11-27T09:30:00Z","outcome":"0","agent":[` + agents + `],"source":{"observer":{"display":"x"}},"entity":[` + object + who + `]}`
}

// What another system writes in each of the ten patterns is taken, and is not taken for
// another pattern.
func TestForeignEventsKeepTheirPattern(t *testing.T) {
	p := profiles(t)
	type form struct {
		name, action, client, server, user string
		interactions                       []string
	}
	forms := []form{
		{"Read", "R", "110152", "110153", "IRCP", []string{"read", "vread"}},
		{"Query", "E", "110153", "110152", "IRCP", []string{"search", "search-type", "search-system"}},
		{"Create", "C", "110153", "110152", "AUT", []string{"create"}},
		{"Update", "U", "110153", "110152", "CST", []string{"update", "patch"}},
		{"Delete", "D", "110150", "custodian", "INF", []string{"delete"}},
	}
	for _, f := range forms {
		for _, interaction := range f.interactions {
			for _, patient := range []string{"", "Patient"} {
				text := foreign(patient+f.name, f.action, interaction, f.client, f.server, f.user, patient != "", f.name == "Query")
				r, err := fhir.Parse([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range append(fhir.Errors(fhir.Validate(r)), p.Validate(r)...) {
					t.Errorf("%s%s %s: %s %s", patient, f.name, interaction, i.Rule, i.Message)
				}
				for _, other := range forms {
					r, err := fhir.Parse([]byte(strings.Replace(text, "BasicAudit."+patient+f.name, "BasicAudit."+patient+other.name, 1)))
					if err != nil {
						t.Fatal(err)
					}
					if other.name != f.name && len(p.Validate(r)) == 0 {
						t.Errorf("a %s is taken for a %s", f.name, other.name)
					}
				}
				if patient != "" {
					continue
				}
				r, err = fhir.Parse([]byte(strings.Replace(text, "BasicAudit."+f.name, "BasicAudit.Patient"+f.name, 1)))
				if err != nil {
					t.Fatal(err)
				}
				if !slices.ContainsFunc(p.Validate(r), func(i fhir.Issue) bool { return i.Rule == "balp:patient" }) {
					t.Errorf("a %s without patient is taken for one with", f.name)
				}
			}
		}
	}
}
