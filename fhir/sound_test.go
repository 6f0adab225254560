package fhir_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"samsyn/fhir"
)

// madeResources gives what the shipped maps make of the test records.
func madeResources(t testing.TB) []fhir.Resource {
	t.Helper()
	files, err := filepath.Glob("../testdata/records/*/*/*.output.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no outputs: %v", err)
	}
	var all []fhir.Resource
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var out struct{ Made []json.RawMessage }
		if err := json.Unmarshal(b, &out); err != nil {
			t.Fatal(err)
		}
		for _, body := range out.Made {
			r, err := fhir.Parse(body)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
	}
	return all
}

// slowly is Validate without its short way.
func slowly(r fhir.Resource) bool {
	m, err := fhir.Decode(r)
	if err != nil {
		return false
	}
	id, _ := m["id"].(string)
	return len(fhir.ValidateMap(m)) == 0 && m["resourceType"] == r.Type && id == r.ID
}

// TestSurelyValidIsSureOfMost: without this, a check that is never sure would pass all
// other tests and help nobody.
func TestSurelyValidIsSureOfMost(t *testing.T) {
	all, sure, valid := madeResources(t), 0, 0
	for _, r := range all {
		if fhir.SurelyValid(r) {
			sure++
		}
		if slowly(r) {
			valid++
		}
	}
	if sure < valid*95/100 {
		t.Errorf("sure of %d of %d valid resources (%d in all)", sure, valid, len(all))
	}
}

// What planted faults are made of: keys and values that stand somewhere in FHIR, so that
// they often fit, and often nearly.
var plants = []string{
	`"status":"active"`, `"status":"x"`, `"id":"a"`, `"id":"a b"`, `"contained":[]`, `"contained":[{"resourceType":"Goal","id":"g"}]`, `"meta":{"versionId":"1"}`,
	`"period":{"start":"2026-02","end":"2026-01"}`, `"period":{"start":"2026-01-01","end":"2026-02-01"}`, `"period":{}`, `"period":null`, `"extension":[{"url":"urn:x"}]`,
	`"extension":[{"url":"urn:x","valueString":"a"}]`, `"extension":[{"url":"urn:x","valueString":"a","valueCode":"b"}]`, `"subject":{"reference":"#x"}`, `"subject":{"reference":"Patient/1"}`,
	`"subject":{"reference":"Device/1"}`, `"subject":{"reference":"Patient/1","type":"Group"}`, `"subject":{"reference":"#"}`, `"subject":[]`, `"_status":{"id":"a"}`, `"identifier":[{"system":"FNR","value":"1"}]`,
	`"identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.4.4","value":"9"}]`, `"identifier":[{"value":""}]`, `"note":[{"text":"a\nb"}]`, `"note":[{"text":" "}]`, `"note":[{"text":"\u0001"}]`,
	`"resourceType":"Patient"`, `"title":"\ud800"`, `"code":{"text":"x"}`, `"code":{"coding":[{"code":" a"}]}`, `"clinicalStatus":{"coding":[{"system":"urn:x","code":"active"}]}`, `"x":1`,
	`"created":"2026-02-30"`, `"created":"2026-01-01T10:00:00"`, `"priority":"urgent"`, `"priority":"now"`, `"start":"2026-01-01T10:00:00Z"`, `"minutesDuration":0`, `"minutesDuration":"5"`, `"minutesDuration":05`,
	`"participant":[{"status":"accepted"}]`, `"participant":[{"member":{"type":"Patient"},"onBehalfOf":{"display":"x"}}]`, `"activity":[{"reference":{"display":"x"},"detail":{"status":"unknown"}}]`, `"doNotPerform":true`, `"doNotPerform":"true"`,
}

// TestSurelyValidIsRight: what it is sure of is valid by the rules, in whatever bytes.
func TestSurelyValidIsRight(t *testing.T) {
	all := madeResources(t)
	sure := 0
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.SampledFrom(all).Draw(t, "resource")
		body := string(r.Body)
		for range rapid.IntRange(0, 2).Draw(t, "faults") {
			var places []int
			for i := range body {
				if strings.IndexByte(`{,[:"}]`, body[i]) >= 0 {
					places = append(places, i)
				}
			}
			at := rapid.SampledFrom(places).Draw(t, "at")
			switch plant := rapid.SampledFrom(plants).Draw(t, "plant"); {
			case body[at] == '{' || body[at] == ',':
				body = body[:at+1] + plant + "," + body[at+1:]
			case body[at] == '}':
				body = body[:at] + "," + plant + body[at:]
			case rapid.Bool().Draw(t, "cut"):
				body = body[:at] + body[at+1:]
			default:
				body = body[:at] + " " + body[at:]
			}
		}
		r.Body = []byte(body)
		if !fhir.SurelyValid(r) {
			return
		}
		sure++
		if !slowly(r) {
			t.Fatalf("sure of %s", body)
		}
	})
	if sure == 0 {
		t.Error("it was sure of nothing")
	}
}

func FuzzSurelyValid(f *testing.F) {
	for _, plant := range plants {
		f.Add([]byte(`{"resourceType":"CarePlan","id":"a","status":"active","intent":"plan","subject":{"display":"x"},` + plant + `}`))
		f.Add([]byte(`{"resourceType":"Appointment","id":"a",` + plant + `,"participant":[{"actor":{"display":"x"},"status":"accepted"}]}`))
	}
	f.Add([]byte(`{"resourceType":"CareTeam","id":"a","contained":[{"resourceType":"Patient","id":"p"}],"subject":{"reference":"#p"}} `))
	f.Fuzz(func(t *testing.T, body []byte) {
		var top struct{ ResourceType, ID string }
		if json.Unmarshal(body, &top) != nil {
			top.ID, top.ResourceType = "a", "CarePlan"
		}
		if r := (fhir.Resource{Type: top.ResourceType, ID: top.ID, Body: body}); fhir.SurelyValid(r) && !slowly(r) {
			t.Errorf("sure of %s", body)
		}
	})
}
