package care_test

import (
	"testing"

	"samsyn/fhir"
	"samsyn/internal/care"
)

func TestMarksOf(t *testing.T) {
	const conf, act = `"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality"`, `"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode"`
	for _, c := range []struct {
		name, body string
		want       care.Marks
	}{
		{"nothing", `{"resourceType":"Goal","id":"a"}`, 0},
		{"normal", `{"resourceType":"Goal","meta":{"security":[{` + conf + `,"code":"N"}]}}`, 0},
		{"restricted", `{"resourceType":"Goal","meta":{"security":[{` + conf + `,"code":"R"}]}}`, care.MarkRestricted},
		{"several add up", `{"resourceType":"Goal","meta":{"security":[{` + conf + `,"code":"V"},{` + act + `,"code":"PSY"}]}}`, care.MarkVery | care.MarkPsychiatry},
		{"of what is contained", `{"resourceType":"Goal","contained":[{"resourceType":"Patient","meta":{"security":[{` + act + `,"code":"HIV"}]}}]}`, care.MarkSexual},
		{"a code that nobody knows", `{"resourceType":"Goal","meta":{"security":[{` + conf + `,"code":"X"}]}}`, care.MarkUnknown},
		{"a system that nobody knows", `{"resourceType":"Goal","meta":{"security":[{"system":"urn:x","code":"N"}]}}`, care.MarkUnknown},
		{"no system", `{"resourceType":"Goal","meta":{"security":[{"code":"N"}]}}`, care.MarkUnknown},
		{"the archive's own word beside it", `{"resourceType":"Goal","meta":{"security":[{"system":"urn:samsyn:tilgangsrestriksjon","code":"UO"}]}}`, 0},
		{"address", `{"resourceType":"Patient","meta":{"security":[{"system":"urn:samsyn:adressegradering","code":"fortrolig"}]}}`, care.Marks(care.AddressFortrolig)},
		{"notifier is a third party", `{"resourceType":"Encounter","meta":{"security":[{"system":"urn:samsyn:merke","code":"notifier"}]}}`, care.MarkNotifier | care.MarkThirdParty},
		{"entered in error", `{"resourceType":"Encounter","status":"entered-in-error"}`, care.MarkInError},
		{"verification entered in error", `{"resourceType":"Condition","verificationStatus":{"coding":[{"code":"entered-in-error"}]}}`, care.MarkInError},
		{"a lifecycle entered in error", `{"resourceType":"Goal","lifecycleStatus":"entered-in-error"}`, care.MarkInError},
		{"a text that says so", `{"resourceType":"Goal","description":{"text":"was \"entered-in-error\""}}`, 0},
		{"a label whose name is written by numbers", `{"resourceType":"Goal","meta":{"\u0073ecurity":[{` + conf + `,"code":"R"}]}}`, care.MarkRestricted},
		{"a status written by numbers", `{"resourceType":"Encounter","status":"entered\u002din-error"}`, care.MarkInError},
		{"labels of another shape", `{"resourceType":"Goal","meta":{"security":"R"}}`, care.MarkUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := care.MarksOf(fhir.Resource{Type: "Goal", Body: []byte(c.body)}); got != c.want {
				t.Errorf("marks %b, want %b", got, c.want)
			}
		})
	}
}

func TestMarksAddUp(t *testing.T) {
	a, b := care.Marks(care.AddressFortrolig)|care.MarkRestricted, care.Marks(care.AddressKlient)|care.MarkPsychiatry
	for _, m := range []care.Marks{a.With(b), b.With(a)} {
		if m.Address() != care.AddressFortrolig || m.Labels() != care.MarkRestricted|care.MarkPsychiatry {
			t.Errorf("address %d, labels %b", m.Address(), m.Labels())
		}
	}
	if a.Labels()&^care.AllMarks != 0 || care.AllMarks.Address() != care.AddressOpen {
		t.Error("a label is among the address bits")
	}
}
