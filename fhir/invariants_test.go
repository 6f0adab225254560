package fhir_test

import (
	"encoding/json"
	"testing"

	"samsyn/fhir"
)

// Each invariant: a resource that keeps it and one that breaks it and nothing else.
func TestInvariants(t *testing.T) {
	const (
		subject   = `"subject":{"display":"x"}`
		plan      = `{"resourceType":"CarePlan","status":"active","intent":"plan",` + subject + `,"activity":[{"detail":{"status":"unknown","scheduledTiming":{"repeat":%s}}}]}`
		extension = `{"resourceType":"Basic","code":{"text":"x"},"extension":[{"url":"urn:x",%s}]}`
		library   = `{"resourceType":"Library","status":"draft","type":{"text":"x"},"dataRequirement":[{"type":"Patient",%s}]}`
		bundle    = `{"resourceType":"Bundle",%s}`
		one       = `{"resourceType":"%s",`
	)
	in := func(frame, part string) string { return replaceOnce(frame, part) }
	resource := func(typ, rest string) string { return replaceOnce(one, typ) + rest + "}" }
	appointment := `"participant":[{"actor":{"display":"x"},"status":"accepted"}]`
	condition := func(rest string) string { return resource("Condition", subject+","+rest) }
	clinical := func(code string) string {
		return `"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"` + code + `"}]}`
	}
	const inError = `"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"entered-in-error"}]}`
	const allergyError = `"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-verification","code":"entered-in-error"}]}`
	const allergyActive = `"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]}`
	consent := `"status":"active","scope":{"text":"x"},"category":[{"text":"x"}]`
	observation := func(rest string) string {
		return resource("Observation", `"status":"final","code":{"coding":[{"system":"urn:x","code":"a"}]},`+rest)
	}

	for _, c := range []struct{ rule, keeps, breaks string }{
		{"ext-1", in(extension, `"valueString":"a"`), in(extension, `"valueString":"a","extension":[{"url":"b","valueCode":"c"}]`)},
		{"per-1", in(extension, `"valuePeriod":{"start":"2026-05","end":"2026-05-02"}`), in(extension, `"valuePeriod":{"start":"2026-06","end":"2026-05-02"}`)},
		{"per-1", in(extension, `"valuePeriod":{"start":"2026-05-02T10:00:00+02:00","end":"2026-05-02T09:00:00Z"}`),
			in(extension, `"valuePeriod":{"start":"2026-05-02T10:00:00+00:00","end":"2026-05-02T11:00:00+02:00"}`)},
		{"att-1", in(extension, `"valueAttachment":{"data":"aGVp","contentType":"text/plain"}`), in(extension, `"valueAttachment":{"data":"aGVp"}`)},
		{"qty-3", in(extension, `"valueQuantity":{"code":"h","system":"urn:x"}`), in(extension, `"valueQuantity":{"code":"h"}`)},
		{"cpt-2", in(extension, `"valueContactPoint":{"system":"phone","value":"1"}`), in(extension, `"valueContactPoint":{"value":"1"}`)},
		{"exp-1", in(extension, `"valueExpression":{"language":"text/fhirpath","expression":"a"}`), in(extension, `"valueExpression":{"language":"text/fhirpath"}`)},
		{"rng-2", in(extension, `"valueRange":{"low":{"value":1},"high":{"value":1.0}}`), in(extension, `"valueRange":{"low":{"value":2},"high":{"value":1.5}}`)},
		{"rat-1", in(extension, `"valueRatio":{"numerator":{"value":1},"denominator":{"value":2}}`), in(extension, `"valueRatio":{"numerator":{"value":1}}`)},
		{"age-1", in(extension, `"valueAge":{"value":1,"system":"http://unitsofmeasure.org","code":"a"}`), in(extension, `"valueAge":{"value":-1,"system":"http://unitsofmeasure.org","code":"a"}`)},
		{"drt-1", in(extension, `"valueDuration":{"value":1,"system":"http://unitsofmeasure.org","code":"h"}`), in(extension, `"valueDuration":{"value":1,"system":"urn:x","code":"h"}`)},
		{"dis-1", in(extension, `"valueDistance":{"value":1,"system":"http://unitsofmeasure.org","code":"m"}`), in(extension, `"valueDistance":{"value":1}`)},
		{"cnt-3", in(extension, `"valueCount":{"value":1,"system":"http://unitsofmeasure.org","code":"1"}`), in(extension, `"valueCount":{"value":1.5,"system":"http://unitsofmeasure.org","code":"1"}`)},
		{"drq-1", in(library, `"codeFilter":[{"path":"a"}]`), in(library, `"codeFilter":[{"path":"a","searchParam":"b"}]`)},
		{"drq-2", in(library, `"dateFilter":[{"path":"a"}]`), in(library, `"dateFilter":[{"valueDateTime":"2026"}]`)},
		{"trd-1", in(extension, `"valueTriggerDefinition":{"type":"periodic","timingDate":"2026"}`), in(extension, `"valueTriggerDefinition":{"type":"periodic","timingDate":"2026","data":[{"type":"Patient"}]}`)},
		{"trd-2", in(extension, `"valueTriggerDefinition":{"type":"data-added","data":[{"type":"Patient"}],"condition":{"language":"a","expression":"b"}}`),
			in(extension, `"valueTriggerDefinition":{"type":"named-event","name":"a","condition":{"language":"a","expression":"b"}}`)},
		{"tim-1", in(plan, `{"duration":1,"durationUnit":"h"}`), in(plan, `{"duration":1}`)},
		{"tim-2", in(plan, `{"period":1,"periodUnit":"wk"}`), in(plan, `{"period":1}`)},
		{"tim-4", in(plan, `{"duration":0,"durationUnit":"h"}`), in(plan, `{"duration":-1,"durationUnit":"h"}`)},
		{"tim-5", in(plan, `{"period":0,"periodUnit":"wk"}`), in(plan, `{"period":-1,"periodUnit":"wk"}`)},
		{"tim-6", in(plan, `{"period":1,"periodMax":2,"periodUnit":"wk"}`), in(plan, `{"periodMax":2}`)},
		{"tim-7", in(plan, `{"duration":1,"durationMax":2,"durationUnit":"h"}`), in(plan, `{"durationMax":2}`)},
		{"tim-8", in(plan, `{"count":1,"countMax":2}`), in(plan, `{"countMax":2}`)},
		{"tim-9", in(plan, `{"offset":30,"when":["ACM"]}`), in(plan, `{"offset":30,"when":["CM"]}`)},
		{"tim-10", in(plan, `{"timeOfDay":["10:00:00"]}`), in(plan, `{"timeOfDay":["10:00:00"],"when":["MORN"]}`)},
		{"txt-1", resource("Patient", `"text":{"status":"generated","div":"<div>x</div>"}`), resource("Patient", `"text":{"status":"generated","div":"<div>x<script>y</script></div>"}`)},
		{"txt-1", resource("Patient", `"text":{"status":"generated","div":"<div><a href='http://x'>x</a></div>"}`), resource("Patient", `"text":{"status":"generated","div":"<div><a href=' JavaScript:x'>x</a></div>"}`)},
		{"txt-1", resource("Patient", `"text":{"status":"generated","div":"<div>&aring;</div>"}`), resource("Patient", `"text":{"status":"generated","div":"<div>x</div><div>y</div>"}`)},
		{"app-1", resource("Appointment", `"status":"proposed",`+appointment), resource("Appointment", `"status":"proposed","participant":[{"status":"accepted"}]`)},
		{"app-2", resource("Appointment", `"status":"cancelled",`+appointment), resource("Appointment", `"status":"cancelled","start":"2026-01-01T10:00:00Z",`+appointment)},
		{"app-3", resource("Appointment", `"status":"waitlist",`+appointment), resource("Appointment", `"status":"booked",`+appointment)},
		{"app-4", resource("Appointment", `"status":"cancelled","cancelationReason":{"text":"x"},`+appointment), resource("Appointment", `"status":"proposed","cancelationReason":{"text":"x"},`+appointment)},
		{fhir.RuleValue, resource("Appointment", `"status":"booked","start":"2026-01-01T10:00:00Z","end":"2026-01-01T10:30:00Z",`+appointment),
			resource("Appointment", `"status":"booked","start":"2026-01-01T10:00:00Z","end":"2026-01-01T10:30:00+01:00",`+appointment)},
		{"ait-1", resource("AllergyIntolerance", `"patient":{"display":"x"},`+allergyActive), resource("AllergyIntolerance", `"patient":{"display":"x"}`)},
		{"ait-2", resource("AllergyIntolerance", `"patient":{"display":"x"},`+allergyError), resource("AllergyIntolerance", `"patient":{"display":"x"},`+allergyError+`,`+allergyActive)},
		{"ctm-1", resource("CareTeam", `"participant":[{"member":{"reference":"Practitioner/1"},"onBehalfOf":{"display":"x"}}]`),
			resource("CareTeam", `"participant":[{"member":{"reference":"RelatedPerson/1"},"onBehalfOf":{"display":"x"}}]`)},
		{"ctm-1", resource("CareTeam", `"participant":[{"member":{"display":"x"},"onBehalfOf":{"display":"x"}}]`),
			resource("CareTeam", `"participant":[{"member":{"type":"Organization","display":"x"},"onBehalfOf":{"display":"x"}}]`)},
		{"con-1", condition(`"stage":[{"summary":{"text":"x"}}]`), condition(`"stage":[{"type":{"text":"x"}}]`)},
		{"con-2", condition(`"evidence":[{"code":[{"text":"x"}]}]`), condition(`"evidence":[{"extension":[{"url":"urn:x","valueCode":"x"}]}]`)},
		{"con-4", condition(clinical("resolved") + `,"abatementDateTime":"2026"`), condition(clinical("active") + `,"abatementDateTime":"2026"`)},
		{"con-5", condition(inError), condition(inError + "," + clinical("active"))},
		{"ppc-1", resource("Consent", consent+`,"policyRule":{"text":"x"}`), resource("Consent", consent)},
		{"gol-1", resource("Goal", `"lifecycleStatus":"active","description":{"text":"x"},`+subject+`,"target":[{"measure":{"text":"x"},"detailString":"y"}]`),
			resource("Goal", `"lifecycleStatus":"active","description":{"text":"x"},`+subject+`,"target":[{"detailString":"y"}]`)},
		{"obs-3", observation(`"referenceRange":[{"text":"x"}]`), observation(`"referenceRange":[{"age":{"low":{"value":1}}}]`)},
		{"obs-6", observation(`"valueInteger":1`), observation(`"valueInteger":1,"dataAbsentReason":{"text":"x"}`)},
		{"obs-7", observation(`"valueInteger":1,"component":[{"code":{"coding":[{"system":"urn:x","code":"b"}]}}]`),
			observation(`"valueInteger":1,"component":[{"code":{"coding":[{"system":"urn:x","code":"a"}]}}]`)},
		{"org-1", resource("Organization", `"identifier":[{"value":"1"}]`), resource("Organization", `"active":true`)},
		{"org-2", resource("Organization", `"name":"x","address":[{"use":"work"}]`), resource("Organization", `"name":"x","address":[{"use":"home"}]`)},
		{"org-3", resource("Organization", `"name":"x","telecom":[{"use":"work"}]`), resource("Organization", `"name":"x","telecom":[{"use":"home"}]`)},
		{"pat-1", resource("Patient", `"contact":[{"organization":{"display":"x"}}]`), resource("Patient", `"contact":[{"gender":"male"}]`)},
		{"qrs-1", resource("QuestionnaireResponse", `"status":"completed","item":[{"linkId":"1","answer":[{"valueInteger":1}]}]`),
			resource("QuestionnaireResponse", `"status":"completed","item":[{"linkId":"1","answer":[{"valueInteger":1}],"item":[{"linkId":"2"}]}]`)},
		{"prr-1", resource("ServiceRequest", `"status":"active","intent":"order",`+subject+`,"code":{"text":"x"},"orderDetail":[{"text":"y"}]`),
			resource("ServiceRequest", `"status":"active","intent":"order",`+subject+`,"orderDetail":[{"text":"y"}]`)},
		{"bdl-1", in(bundle, `"type":"searchset","total":1`), in(bundle, `"type":"collection","total":1`)},
		{"bdl-2", in(bundle, `"type":"searchset","entry":[{"search":{"mode":"match"},"resource":{"resourceType":"Patient"}}]`),
			in(bundle, `"type":"collection","entry":[{"search":{"mode":"match"},"resource":{"resourceType":"Patient"}}]`)},
		{"bdl-3", in(bundle, `"type":"batch","entry":[{"request":{"method":"GET","url":"x"}}]`), in(bundle, `"type":"batch","entry":[{"resource":{"resourceType":"Patient"}}]`)},
		{"bdl-4", in(bundle, `"type":"batch-response","entry":[{"response":{"status":"200"}}]`), in(bundle, `"type":"batch-response","entry":[{"resource":{"resourceType":"Patient"}}]`)},
		{"bdl-5", in(bundle, `"type":"collection","entry":[{"resource":{"resourceType":"Patient"}}]`), in(bundle, `"type":"collection","entry":[{"fullUrl":"urn:x"}]`)},
		{"bdl-7", in(bundle, `"type":"collection","entry":[{"fullUrl":"urn:x","resource":{"resourceType":"Patient"}},{"fullUrl":"urn:y","resource":{"resourceType":"Patient"}}]`),
			in(bundle, `"type":"collection","entry":[{"fullUrl":"urn:x","resource":{"resourceType":"Patient"}},{"fullUrl":"urn:x","resource":{"resourceType":"Patient"}}]`)},
		{"bdl-8", in(bundle, `"type":"collection","entry":[{"fullUrl":"http://x/Patient/1","resource":{"resourceType":"Patient"}}]`),
			in(bundle, `"type":"collection","entry":[{"fullUrl":"http://x/Patient/1/_history/1","resource":{"resourceType":"Patient"}}]`)},
	} {
		if got := issuesOf(t, c.keeps); len(got) != 0 {
			t.Errorf("%s is kept, got %+v\n%s", c.rule, got, c.keeps)
		}
		if got := issuesOf(t, c.breaks); len(got) != 1 || got[0].Rule != c.rule {
			t.Errorf("%s is broken, got %+v\n%s", c.rule, got, c.breaks)
		}
	}
}

func issuesOf(t *testing.T, text string) []fhir.Issue {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return fhir.Errors(fhir.ValidateMap(m))
}
