package fhir_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samsyn/fhir"
	"samsyn/fhir/fhirtest"
)

// fullPlan is a valid plan with something of everything that plans have.
const fullPlan = `{
 "resourceType":"CarePlan","id":"ip-1","meta":{"security":[{"system":"urn:samsyn:x","code":"s"}],"lastUpdated":"2026-11-23T08:00:00.123+01:00"},
 "contained":[
  {"resourceType":"Practitioner","id":"pr","identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.4.4","value":"9900011"}],"name":[{"text":"Berit Holmen"}]},
  {"resourceType":"Provenance","id":"pv","target":[{"reference":"#"}],"recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"display":"x"}}]}],
 "extension":[{"url":"urn:samsyn:evaluation-due","valueDate":"2027-03-20"}],
 "identifier":[{"use":"official","system":"urn:x","value":"1"}],
 "status":"active","intent":"plan","title":"Individuell plan","_title":{"extension":[{"url":"urn:x","valueString":"y"}]},
 "category":[{"coding":[{"system":"urn:samsyn:plantype","code":"individuell-plan"}],"text":"IP"}],
 "subject":{"reference":"Patient/p"},"author":{"reference":"#pr","display":"Berit Holmen"},
 "period":{"start":"2024-02-01","end":"2027"},"created":"2024-02-01T10:00:00+01:00",
 "goal":[{"reference":"Goal/g1"},{"type":"Goal","display":"et mål"}],
 "activity":[
  {"detail":{"kind":"ServiceRequest","status":"in-progress","description":"Fysioterapi","doNotPerform":false,
   "scheduledTiming":{"repeat":{"boundsPeriod":{"start":"2026"},"frequency":1,"period":1.0,"periodUnit":"wk","dayOfWeek":["mon"],"timeOfDay":["10:00:00"]}},
   "dailyAmount":{"value":1.50,"unit":"time","system":"http://unitsofmeasure.org","code":"h"},"performer":[{"display":"Ole Strand","type":"Practitioner"}]},
   "progress":[{"authorString":"Ole","time":"2026-06-30","text":"Går med rullator"}]},
  {"reference":{"reference":"ServiceRequest/sr1/_history/2"}},
  {"detail":{"status":"not-started","scheduledPeriod":{"start":"2026-06-15","end":"2027-06-14"}}}],
 "note":[{"text":"Merknad\nto linjer"}]}`

const fullPatient = `{"resourceType":"Patient","id":"p","active":true,"name":[{"family":"Lyngstad","given":["Ella",null],"_given":[null,{"extension":[{"url":"urn:x","valueCode":"k"}]}]}],
 "text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Ella &amp; co.<br/></p></div>"},
 "gender":"female","_birthDate":{"extension":[{"url":"urn:x","extension":[{"url":"y","valueDateTime":"2014-03-14T10:00:00Z"}]}]},"birthDate":"2014-03-14",
 "telecom":[{"system":"phone","value":"1"}],"deceasedBoolean":false,"multipleBirthInteger":2,
 "contact":[{"relationship":[{"text":"Mor"}],"name":{"text":"Marit"}}],"photo":[{"contentType":"image/png","data":"aGVp"}],
 "generalPractitioner":[{"reference":"https://server/fhir/Practitioner/1"}],"link":[{"other":{"reference":"Patient/old"},"type":"replaces"}]}`

const meeting = `{"resourceType":"Appointment","id":"a","status":"booked","start":"2026-12-10T09:00:00+01:00","end":"2026-12-10T10:00:00+01:00",
 "minutesDuration":60,"participant":[{"actor":{"reference":"Patient/p"},"status":"accepted"}]}`

// defect is one planted fault: what is changed and which rule must say so, where.
type defect struct {
	kind, in string
	edit     fhirtest.Edit
	path     string
	rule     string
}

type obj = map[string]any

func defects() []defect {
	set, drop := fhirtest.Set, fhirtest.Drop
	return []defect{
		{"unknown element", fullPlan, set("titel", "x"), "CarePlan.titel", fhir.RuleElement},
		{"unknown element in a backbone", fullPlan, set("activity.0.detail.state", "x"), "CarePlan.activity[0].detail.state", fhir.RuleElement},
		{"choice without type", fullPlan, set("activity.2.detail.scheduled", "x"), "CarePlan.activity[2].detail.scheduled", fhir.RuleElement},
		{"type that a choice lacks", fullPlan, set("activity.2.detail.scheduledQuantity", obj{"value": 1}), "CarePlan.activity[2].detail.scheduledQuantity", fhir.RuleElement},
		{"underscore on a complex element", fullPlan, set("_subject", obj{"id": "x"}), "CarePlan._subject", fhir.RuleElement},
		{"required missing", fullPlan, drop("subject"), "CarePlan.subject", fhir.RuleRequired},
		{"required code missing", fullPlan, drop("status"), "CarePlan.status", fhir.RuleRequired},
		{"required missing in a nested backbone", fullPlan, drop("activity.0.detail.status"), "CarePlan.activity[0].detail.status", fhir.RuleRequired},
		{"required choice missing", `{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"display":"x"},"medicationReference":{"display":"y"}}`,
			drop("medicationReference"), "MedicationRequest.medication[x]", fhir.RuleRequired},
		{"object for list", fullPlan, set("goal", obj{"reference": "Goal/g"}), "CarePlan.goal", fhir.RuleMax},
		{"list for object", fullPlan, set("subject", []any{obj{"reference": "Patient/p"}}), "CarePlan.subject", fhir.RuleMax},
		{"list for scalar", fullPlan, set("title", []any{"x"}), "CarePlan.title", fhir.RuleMax},
		{"text for object", fullPlan, set("subject", "Patient/p"), "CarePlan.subject", fhir.RuleType},
		{"object for text", fullPlan, set("title", obj{"text": "x"}), "CarePlan.title", fhir.RuleType},
		{"number for text", fullPlan, set("title", 1), "CarePlan.title", fhir.RuleType},
		{"text for boolean", fullPatient, set("active", "true"), "Patient.active", fhir.RuleType},
		{"text for number", meeting, set("minutesDuration", "60"), "Appointment.minutesDuration", fhir.RuleType},
		{"null", fullPlan, set("title", nil), "CarePlan.title", fhir.RuleNull},
		{"null in a list of objects", fullPlan, set("goal.0", nil), "CarePlan.goal[0]", fhir.RuleNull},
		{"null hole without extension", fullPatient, drop("name.0._given"), "Patient.name[0].given[1]", fhir.RuleNull},
		{"empty text", fullPlan, set("title", ""), "CarePlan.title", "ele-1"},
		{"empty object", fullPlan, set("period", obj{}), "CarePlan.period", "ele-1"},
		{"empty list", fullPlan, set("goal", []any{}), "CarePlan.goal", "ele-1"},
		{"id alone", fullPlan, set("period", obj{"id": "x"}), "CarePlan.period", "ele-1"},
		{"bad id", fullPlan, set("id", "ip_1"), "CarePlan.id", fhir.RuleFormat},
		{"too long id", fullPlan, set("id", strings.Repeat("a", 65)), "CarePlan.id", fhir.RuleFormat},
		{"dateTime without zone", fullPlan, set("created", "2024-02-01T10:00:00"), "CarePlan.created", fhir.RuleFormat},
		{"date with time", fullPatient, set("birthDate", "2014-03-14T00:00:00Z"), "Patient.birthDate", fhir.RuleFormat},
		{"date not in the calendar", fullPatient, set("birthDate", "2014-02-30"), "Patient.birthDate", fhir.RuleFormat},
		{"Norwegian date", fullPatient, set("birthDate", "14.03.2014"), "Patient.birthDate", fhir.RuleFormat},
		{"instant without time", meeting, set("start", "2026-12-10"), "Appointment.start", fhir.RuleFormat},
		{"code with a space", fullPlan, set("category.0.coding.0.code", "individuell plan "), "CarePlan.category[0].coding[0].code", fhir.RuleFormat},
		{"positiveInt of zero", meeting, set("minutesDuration", 0), "Appointment.minutesDuration", fhir.RuleFormat},
		{"integer with decimals", fullPatient, set("multipleBirthInteger", json.Number("2.0")), "Patient.multipleBirthInteger", fhir.RuleFormat},
		{"uri with a space", fullPlan, set("instantiatesUri.0", "http://a b"), "CarePlan.instantiatesUri[0]", fhir.RuleFormat},
		{"control character", fullPlan, set("title", "a\x00b"), "CarePlan.title", fhir.RuleFormat},
		{"base64 of a wrong length", fullPatient, set("photo.0.data", "abc"), "Patient.photo[0].data", fhir.RuleFormat},
		{"two values of a choice", fullPatient, set("deceasedDateTime", "2026"), "Patient.deceased[x]", fhir.RuleChoice},
		{"two values of a choice in a backbone", fullPlan, set("activity.2.detail.scheduledString", "x"), "CarePlan.activity[2].detail.scheduled[x]", fhir.RuleChoice},
		{"code outside a required binding", fullPlan, set("status", "planned"), "CarePlan.status", fhir.RuleBinding},
		{"code of the wrong case", fullPatient, set("gender", "Female"), "Patient.gender", fhir.RuleBinding},
		{"code outside its binding in a datatype", fullPlan, set("identifier.0.use", "main"), "CarePlan.identifier[0].use", fhir.RuleBinding},
		{"concept outside a required binding", `{"resourceType":"Condition","subject":{"display":"x"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]}}`,
			set("clinicalStatus.coding.0.code", "running"), "Condition.clinicalStatus", fhir.RuleBinding},
		{"concept of another system", `{"resourceType":"Condition","subject":{"display":"x"},"clinicalStatus":{"coding":[{"code":"active"}]}}`,
			set("clinicalStatus.coding.0.system", "urn:x"), "Condition.clinicalStatus", fhir.RuleBinding},
		{"text where a required concept belongs", `{"resourceType":"Condition","subject":{"display":"x"}}`,
			set("clinicalStatus", obj{"text": "aktiv"}), "Condition.clinicalStatus", fhir.RuleBinding},
		{"companion that is no object", fullPlan, set("_title", "x"), "CarePlan._title", fhir.RuleType},
		{"companion list of a single value", fullPlan, set("_title", []any{obj{"id": "x"}}), "CarePlan._title", fhir.RuleMax},
		{"companion that is empty", fullPlan, set("_title", obj{}), "CarePlan._title", "ele-1"},
		{"companion list that is empty", fullPlan, set("_instantiatesUri", []any{}), "CarePlan._instantiatesUri", "ele-1"},
		{"companion with a value of its own", fullPlan, set("_title.value", "x"), "CarePlan._title.value", fhir.RuleElement},
		{"null for an object", fullPlan, set("subject", nil), "CarePlan.subject", fhir.RuleNull},
		{"null for a list", fullPlan, set("note", nil), "CarePlan.note", fhir.RuleNull},
		{"bad uuid", `{"resourceType":"Basic","code":{"text":"x"},"extension":[{"url":"urn:x","valueUuid":"urn:uuid:79a14950-442c-11ed-b878-0242ac120002"}]}`,
			set("extension.0.valueUuid", "79a14950-442c-11ed-b878-0242ac120002"), "Basic.extension[0].valueUuid", fhir.RuleFormat},
		{"relative reference with a bad id", fullPlan, set("subject.reference", "Patient/a_b"), "CarePlan.subject", fhir.RuleReference},
		{"two contained with one id", fullPlan, set("contained.2", obj{"resourceType": "Practitioner", "id": "pr"}), "CarePlan.contained[2]", "dom-3"},
		{"narrative that is no XHTML", fullPatient, set("text.div", "<div>a<br></div>"), "Patient.text.div", "txt-1"},
		{"narrative that is no div", fullPatient, set("text.div", "<p>a</p>"), "Patient.text.div", "txt-1"},
		{"narrative with text outside", fullPatient, set("text.div", "<div>a</div>b"), "Patient.text.div", "txt-1"},
		{"narrative with a doctype", fullPatient, set("text.div", "<!DOCTYPE x><div>a</div>"), "Patient.text.div", "txt-1"},
		{"narrative of text alone", fullPatient, set("text.div", "a"), "Patient.text.div", "txt-1"},
		{"reference to a wrong type", fullPlan, set("subject.reference", "Practitioner/1"), "CarePlan.subject", fhir.RuleTarget},
		{"absolute reference to a wrong type", fullPlan, set("goal.0.reference", "https://server/fhir/CarePlan/1"), "CarePlan.goal[0]", fhir.RuleTarget},
		{"reference by name to a wrong type", fullPlan, set("goal.1.type", "Patient"), "CarePlan.goal[1]", fhir.RuleTarget},
		{"contained of a wrong type", fullPlan, set("subject.reference", "#pr"), "CarePlan.subject", fhir.RuleTarget},
		{"reference contradicts its type", fullPlan, set("author.type", "Patient"), "CarePlan.author", fhir.RuleReference},
		{"unresolved #ref", fullPlan, set("goal.0.reference", "#nobody"), "CarePlan.goal[0]", "ref-1"},
		{"contained not referred to", fullPlan, set("author", obj{"display": "x"}), "CarePlan.contained[0]", "dom-3"},
		{"contained in contained", fullPlan, set("contained.0.contained", []any{obj{"resourceType": "Organization", "id": "o", "name": "x"}}), "CarePlan.contained[0]", "dom-2"},
		{"contained with a version", fullPlan, set("contained.0.meta", obj{"versionId": "1"}), "CarePlan.contained[0]", "dom-4"},
		{"contained with a label", fullPlan, set("contained.0.meta", obj{"security": []any{obj{"code": "x"}}}), "CarePlan.contained[0]", "dom-5"},
		{"fault inside contained", fullPlan, set("contained.0.gender", "x"), "CarePlan.contained[0].gender", fhir.RuleBinding},
		{"contained without type", fullPlan, drop("contained.0.resourceType"), "CarePlan.contained[0]", fhir.RuleResource},
		{"period reversed", fullPlan, set("period.end", "2023-12-31"), "CarePlan.period", "per-1"},
		{"extension without value", fullPlan, drop("extension.0.valueDate"), "CarePlan.extension[0]", "ext-1"},
		{"extension without url", fullPlan, drop("extension.0.url"), "CarePlan.extension[0].url", fhir.RuleRequired},
		{"fault in a primitive's extension", fullPatient, set("_birthDate.extension.0.valueString", "x"), "Patient._birthDate.extension[0]", "ext-1"},
		{"activity with reference and detail", fullPlan, set("activity.1.detail", obj{"status": "unknown"}), "CarePlan.activity[1]", "cpl-3"},
		{"script in the narrative", fullPatient, set("text.div", `<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="x()">a</p></div>`), "Patient.text.div", "txt-1"},
		{"empty narrative", fullPatient, set("text.div", `<div xmlns="http://www.w3.org/1999/xhtml"> </div>`), "Patient.text.div", "txt-2"},
		{"fødselsnummer of 10 digits", fullPatient, set("identifier", []any{obj{"system": fhir.SystemFNR, "value": "1483146004"}}), "Patient.identifier[0].value", fhir.RuleNoBasis},
		{"HPR number on a patient", fullPatient, set("identifier", []any{obj{"system": fhir.SystemHPR, "value": "9900011"}}), "Patient.identifier[0]", fhir.RuleNoBasis},
	}
}

func decode(t testing.TB, text string) map[string]any {
	t.Helper()
	m, err := fhir.Decode(fhirtest.Parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestValidResources(t *testing.T) {
	for _, in := range []string{fullPlan, fullPatient, meeting} {
		for _, i := range fhir.Validate(fhirtest.Parse(t, in)) {
			t.Errorf("%+v", i)
		}
	}
}

// Every planted defect is found where it is, and nothing else is said to be wrong.
func TestDefects(t *testing.T) {
	for _, d := range defects() {
		t.Run(d.kind, func(t *testing.T) {
			m := decode(t, d.in)
			d.edit(m)
			issues := fhir.Errors(fhir.ValidateMap(m))
			if len(issues) != 1 || issues[0].Path != d.path || issues[0].Rule != d.rule {
				t.Errorf("got %+v, want one %s at %s", issues, d.rule, d.path)
			}
		})
	}
}

// What is most likely a mistake, but breaks no rule of FHIR, is a warning.
func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		edit fhirtest.Edit
		path string
		rule string
	}{
		{fhirtest.Set("name.0.family", " \t"), "Patient.name[0].family", fhir.RuleValue},
		{fhirtest.Set("identifier", []any{obj{"system": "2.16.578.1.12.4.1.4.5", "value": "202612345678"}}), "Patient.identifier[0].system", fhir.RuleNoBasis},
	} {
		m := decode(t, fullPatient)
		c.edit(m)
		got := fhir.ValidateMap(m)
		if len(got) != 1 || got[0].Severity != fhir.Warning || got[0].Path != c.path || got[0].Rule != c.rule {
			t.Errorf("got %+v, want %s at %s", got, c.rule, c.path)
		}
	}
}

func TestValidateComparesTheEnvelope(t *testing.T) {
	r := fhirtest.Parse(t, meeting)
	r.ID = "b"
	if got := fhir.Validate(r); len(got) != 1 || got[0].Path != "Appointment.id" {
		t.Errorf("id: %+v", got)
	}
	r = fhirtest.Parse(t, meeting)
	r.Type = "Encounter"
	if got := fhir.Validate(r); len(got) != 1 || got[0].Rule != fhir.RuleResource {
		t.Errorf("type: %+v", got)
	}
	if got := fhir.Validate(fhir.Resource{Body: []byte(`[]`)}); len(got) != 1 {
		t.Errorf("no object: %+v", got)
	}
}

// Neither values nor odd names reach a message: they may be about a person.
func TestMessagesShowNoValues(t *testing.T) {
	const secret = "14831460041"
	m := decode(t, fullPatient)
	m[secret] = "x" // as an unknown element
	for _, path := range []string{"gender", "birthDate", "meta", "name.0.use", "contact.0.gender", "active", "link.0.type"} {
		fhirtest.Set(path, secret)(m)
	}
	fhirtest.Set("identifier", []any{obj{"system": fhir.SystemFNR, "value": secret + "x"}, obj{"system": fhir.SystemENH, "value": secret}})(m)
	fhirtest.Set("link.0.other.reference", "#"+secret)(m)
	issues := fhir.ValidateMap(m)
	if len(issues) < 8 {
		t.Fatalf("only %d issues", len(issues))
	}
	for _, i := range issues {
		if strings.Contains(i.Path+i.Message+i.Rule, secret) {
			t.Errorf("%+v shows the value", i)
		}
	}
}

func TestBundleEntriesAreTheirOwnRoots(t *testing.T) {
	in := `{"resourceType":"Bundle","type":"collection","entry":[
	 {"resource":{"resourceType":"CareTeam","contained":[{"resourceType":"Organization","id":"o","name":"x"}],"managingOrganization":[{"reference":"#o"}]}},
	 {"resource":{"resourceType":"CareTeam","managingOrganization":[{"reference":"#o"}]}}]}`
	got := fhir.Validate(fhirtest.Parse(t, in))
	if len(got) != 1 || got[0].Rule != "ref-1" || got[0].Path != "Bundle.entry[1].resource.managingOrganization[0]" {
		t.Errorf("got %+v", got)
	}
}

func TestValidateMapBoundsDepth(t *testing.T) {
	in := obj{"url": "urn:x"}
	top := in
	for range 10_000 {
		next := obj{"url": "urn:x"}
		in["extension"] = []any{next}
		in = next
	}
	got := fhir.ValidateMap(obj{"resourceType": "Patient", "extension": []any{top}})
	if len(got) == 0 {
		t.Error("no issue")
	}
}

// The official and published examples are clean, but for those that truly are wrong.
func TestExamples(t *testing.T) {
	dir := shared(t, "formats")
	wrong := map[string][]string{
		// Cut down for FHIRPath tests: nearly all that is required is gone.
		"explanationofbenefit-example.json": {fhir.RuleRequired},
		// The uuid is written as {"value": …}, as no JSON of R4 is.
		"parameters-example-types.json": {fhir.RuleType},
		// Refers to "1" where "#1" is meant, and the organisation has neither name nor identifier.
		"patient-container-example.json": {"dom-3", "org-1"},
	}
	seen := 0
	for _, pattern := range []string{"fhirpath-r4-suite/input/*.json", "helsenorge-timelosning/*.json", "nhn-careplan/composed-search*.json",
		"fhir-encounter-dips-like/*.json", "no-basis/*.json"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			seen++
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rules := map[string]bool{}
			for _, i := range fhir.Validate(fhirtest.Parse(t, string(b))) {
				rules[i.Rule] = true
				if !contains(wrong[filepath.Base(file)], i.Rule) {
					t.Errorf("%s: %+v", filepath.Base(file), i)
				}
			}
			if len(rules) != len(wrong[filepath.Base(file)]) {
				t.Errorf("%s: found %v, want %v", filepath.Base(file), rules, wrong[filepath.Base(file)])
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d examples", seen)
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// shared finds a folder beside the repository; where it must be (CI), its absence fails.
func shared(t testing.TB, parts ...string) string {
	t.Helper()
	dir := os.Getenv("SAMSYN_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	dir = filepath.Join(append([]string{dir}, parts...)...)
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the shared definitions are not there: %v", err)
		}
		t.Skipf("SKIPPED: the shared definitions are not there (set SAMSYN_SHARED): %v", err)
	}
	return dir
}

func FuzzValidate(f *testing.F) {
	f.Add([]byte(fullPlan))
	f.Add([]byte(fullPatient))
	f.Add([]byte(`{"resourceType":"Bundle","type":"searchset","total":1,"entry":[{"search":{"mode":"match"},"resource":{"resourceType":"Basic"}}]}`))
	f.Add([]byte(`{"resourceType":"Timing","contained":null,"meta":[],"_id":[null]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := fhir.Parse(b)
		if err != nil {
			return
		}
		first := fhir.Validate(r)
		second := fhir.Validate(r)
		if len(first) != len(second) {
			t.Fatalf("not the same twice: %v, %v", first, second)
		}
		for i := range first {
			if first[i] != second[i] {
				t.Fatalf("not the same twice: %v, %v", first[i], second[i])
			}
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	m := decode(b, fullPlan)
	activity := m["activity"].([]any)
	for size(b, m) < 3000 {
		m["activity"] = append(m["activity"].([]any), activity[0])
	}
	b.SetBytes(int64(size(b, m)))
	b.ReportAllocs()
	for b.Loop() {
		if issues := fhir.ValidateMap(m); len(issues) != 0 {
			b.Fatal(issues)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	b.SetBytes(int64(len(fullPlan)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fhir.Parse([]byte(fullPlan)); err != nil {
			b.Fatal(err)
		}
	}
}

func size(b testing.TB, m map[string]any) int {
	r, err := fhir.Of(m)
	if err != nil {
		b.Fatal(err)
	}
	return len(r.Body)
}

// replaceOnce puts a part where %s stands.
func replaceOnce(frame, part string) string { return strings.Replace(frame, "%s", part, 1) }
