package fhirrestsim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	fhirrestsim "samsyn/internal/sim/fhirrest"
)

const goals = `{"resourceType":"Bundle","type":"collection","entry":[
{"resource":{"resourceType":"Goal","id":"a","meta":{"lastUpdated":"2026-01-01T00:00:00Z"},"lifecycleStatus":"active","subject":{"reference":"Patient/p"}}},
{"resource":{"resourceType":"Goal","id":"b","meta":{"lastUpdated":"2026-02-01T00:00:00Z"},"lifecycleStatus":"active","subject":{"reference":"Patient/p"}}},
{"resource":{"resourceType":"Patient","id":"p","meta":{"lastUpdated":"2026-01-01T00:00:00Z"},"identifier":[{"system":"s","value":"v"}]}}]}`

func server(t *testing.T) *fhirrestsim.Server {
	t.Helper()
	s, err := fhirrestsim.New(fstest.MapFS{"goals.json": {Data: []byte(goals)}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ask(t *testing.T, s http.Handler, method, target, form string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(form))
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Prefer", "handling=strict")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return w.Code, body
}

func TestStrictness(t *testing.T) {
	tests := []struct {
		name, method, target, form string
		status                     int
	}{
		{"search", "POST", "/fhir/Goal/_search", "_count=1", 200},
		{"by the patient's identifier", "POST", "/fhir/Goal/_search", "patient.identifier=s%7Cv", 200},
		{"metadata", "GET", "/fhir/metadata", "", 200},
		{"read", "GET", "/fhir/Goal/a", "", 200},
		{"read of nothing", "GET", "/fhir/Goal/x", "", 404},
		{"search by GET", "GET", "/fhir/Goal?_count=1", "", 405},
		{"a number in the address", "GET", "/fhir/Goal?patient.identifier=14831460041", "", 400},
		{"no form", "POST", "/fhir/Goal/_search", "", 415},
		{"unknown parameter", "POST", "/fhir/Goal/_search", "colour=red", 400},
		{"bad count", "POST", "/fhir/Goal/_search", "_count=0", 400},
		{"bad time", "POST", "/fhir/Goal/_search", "_lastUpdated=geyesterday", 400},
		{"unknown page", "GET", "/fhir?_getpages=x&_getpagesoffset=0", "", 410},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, body := ask(t, server(t), test.method, test.target, test.form)
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			if status >= 400 && body["resourceType"] != "OperationOutcome" {
				t.Errorf("refused with a %v", body["resourceType"])
			}
		})
	}
}

func TestSearchByTimeAndPaging(t *testing.T) {
	s := server(t)
	for form, want := range map[string]float64{
		"_lastUpdated=ge2026-02-01T00:00:00Z": 1, "_lastUpdated=gt2026-02-01T00:00:00Z": 0,
		"_lastUpdated=le2026-01-01T00:00:00Z": 1, "_id=b": 1, "status=completed": 0, "patient.identifier=w": 0,
	} {
		if _, body := ask(t, s, "POST", "/fhir/Goal/_search", form); body["total"] != want {
			t.Errorf("%s finds %v, want %v", form, body["total"], want)
		}
	}
	_, page := ask(t, s, "POST", "/fhir/Goal/_search", "_count=1")
	links := page["link"].([]any)
	next := links[len(links)-1].(map[string]any)["url"].(string)
	_, page = ask(t, s, "GET", strings.TrimPrefix(next, "http://example.com"), "")
	if entries := page["entry"].([]any); len(entries) != 1 || len(page["link"].([]any)) != 1 {
		t.Errorf("the last page has %d entries and %v", len(entries), page["link"])
	}
}

func TestDeletion(t *testing.T) {
	s := server(t)
	s.Delete("Goal", "a", time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	if status, _ := ask(t, s, "GET", "/fhir/Goal/a", ""); status != 410 {
		t.Errorf("a deleted resource is read with %d", status)
	}
	_, history := ask(t, s, "GET", "/fhir/Goal/_history?_since=2026-02-15T00:00:00Z", "")
	entries := history["entry"].([]any)
	if len(entries) != 1 || entries[0].(map[string]any)["request"].(map[string]any)["method"] != "DELETE" {
		t.Errorf("history %v", entries)
	}
}
