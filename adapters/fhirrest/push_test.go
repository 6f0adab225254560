package fhirrest_test

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/fhirrest"
)

func TestReceive(t *testing.T) {
	appointment := string(hospital(t).Get("Appointment", "time-ella-nevro"))
	withoutID := strings.Replace(appointment, `"id":"time-ella-nevro",`, "", 1)
	tests := []struct {
		name, method, path, body string
		key                      string
		deleted                  bool
		want                     error
	}{
		{"with id", "PUT", "/adapters/fhir-sykehus/Appointment/time-ella-nevro", appointment, "time-ella-nevro", false, nil},
		{"as Helsenorge", "PUT", "/adapters/fhir-sykehus/Appointment", appointment, "time-ella-nevro", false, nil},
		{"by booking number", "PUT", "/adapters/fhir-sykehus/Appointment", withoutID, "7102", false, nil},
		{"deletion", "DELETE", "/adapters/fhir-sykehus/Appointment/time-ella-nevro", "", "time-ella-nevro", true, nil},
		{"other id", "PUT", "/x/Appointment/another", appointment, "", false, adapters.ErrMalformed},
		{"other type", "PUT", "/x/Encounter/time-ella-nevro", appointment, "", false, adapters.ErrMalformed},
		{"type that is not read", "PUT", "/x/Medication/m", appointment, "", false, adapters.ErrProtocol},
		{"POST", "POST", "/x/Appointment/time-ella-nevro", appointment, "", false, adapters.ErrProtocol},
		{"no JSON", "PUT", "/x/Appointment/time-ella-nevro", "<Appointment/>", "", false, adapters.ErrMalformed},
		{"too big", "PUT", "/x/Appointment/time-ella-nevro", appointment + strings.Repeat(" ", 1<<20), "", false, adapters.ErrMalformed},
	}
	a := open(t, hospital(t), nil).(adapters.Receiver)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, test.path, strings.NewReader(test.body))
			page, err := a.Receive(context.Background(), r)
			if !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			if test.want != nil {
				return
			}
			got := page.Records[0]
			if got.Kind != "Appointment" || got.Key != test.key || got.Deleted != test.deleted || !bytes.Equal(got.Body, []byte(test.body)) {
				t.Errorf("record %s %s, deleted %t", got.Kind, got.Key, got.Deleted)
			}
			if page.Next != "" {
				t.Error("a push moves the cursor")
			}
		})
	}
}

func TestCheck(t *testing.T) {
	if err := open(t, hospital(t), nil).(adapters.Checker).Check(context.Background()); err != nil {
		t.Error(err)
	}
	r5 := &scripted{t: t, bodies: []string{`{"resourceType":"CapabilityStatement","fhirVersion":"5.0.0"}`}}
	if err := open(t, r5, nil).(adapters.Checker).Check(context.Background()); !errors.Is(err, adapters.ErrProtocol) {
		t.Errorf("an R5 server gives %v", err)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	good := fhirrest.Config{Base: "https://fhir.example/r4", Types: []fhirrest.Type{{Type: "Goal"}}}
	if errs := good.Validate(); len(errs) > 0 {
		t.Fatal(errs)
	}
	tests := map[string]func(*fhirrest.Config){
		"base":                  func(c *fhirrest.Config) { c.Base = "ftp://x" },
		"types":                 func(c *fhirrest.Config) { c.Types = nil },
		"types[0].type":         func(c *fhirrest.Config) { c.Types = []fhirrest.Type{{Type: "goal"}} },
		"types[1].type":         func(c *fhirrest.Config) { c.Types = append(c.Types, c.Types[0]) },
		"types[0].search":       func(c *fhirrest.Config) { c.Types[0].Search = map[string]string{"_count": "1"} },
		"types[0].history":      func(c *fhirrest.Config) { c.Types[0].History = true; c.Types[0].Search = map[string]string{"a": "b"} },
		"page_size":             func(c *fhirrest.Config) { c.PageSize = -1 },
		"overlap":               func(c *fhirrest.Config) { c.Overlap = -time.Second },
		"max_resource":          func(c *fhirrest.Config) { c.MaxResource = -1 },
		"per_patient.file":      func(c *fhirrest.Config) { c.PerPatient = &fhirrest.PerPatient{Parameter: "patient.identifier"} },
		"per_patient.parameter": func(c *fhirrest.Config) { c.PerPatient = &fhirrest.PerPatient{File: "f"} },
	}
	for field, change := range tests {
		t.Run(field, func(t *testing.T) {
			c := good
			c.Types = slices.Clone(good.Types)
			change(&c)
			errs := c.Validate()
			if len(errs) != 1 || !errors.Is(errs[0], adapters.ErrConfig) || !strings.Contains(errs[0].Error(), field+":") {
				t.Errorf("got %v", errs)
			}
		})
	}
}
