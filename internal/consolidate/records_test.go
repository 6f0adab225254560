package consolidate_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/consolidate/stories"
)

// What the maps really make can be read, is told on some line, and is served as
// valid FHIR: the contract between the maps and this package, over every pair in
// testdata/records.
func TestEverythingThatMapsMakeIsTold(t *testing.T) {
	files, err := filepath.Glob("../../testdata/records/*/*/*.output.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no pairs in testdata/records")
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var made struct{ Made []json.RawMessage }
			if err := json.Unmarshal(body, &made); err != nil {
				t.Fatal(err)
			}
			c := care.Contribution{Source: "s", Service: care.Kommune, Person: child, Kind: "k", Key: "k"}
			for _, m := range made.Made {
				r, err := fhir.Parse(m)
				if err != nil {
					t.Fatal(err)
				}
				c.Made = append(c.Made, care.Made{Resource: r})
			}
			o, err := consolidate.Build(consolidate.Input{Person: child, Now: stories.Now(), Contributions: []care.Contribution{c}})
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range o.Others {
				if x.Unreadable {
					t.Errorf("%s cannot be read", x.Sources[0].Resource)
				}
			}
			shown := string(asJSON(t, o))
			for _, m := range c.Made {
				// Directory entries give names to lines, and a Patient names the child; they are no lines of their own.
				directory := []string{"Practitioner", "PractitionerRole", "Organization", "Location", "HealthcareService", "Patient"}
				name := m.Resource.Type + "/" + m.Resource.ID
				if bytes.Contains(m.Resource.Body, []byte(`"entered-in-error"`)) {
					continue
				}
				if !slices.Contains(directory, m.Resource.Type) && !strings.Contains(shown, name) {
					t.Errorf("%s is nowhere", name)
				}
			}
			bundle, err := consolidate.Bundle(o, []care.Contribution{c}, "http://localhost/fhir")
			if err != nil {
				t.Fatal(err)
			}
			r, err := fhir.Parse(bundle)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range fhir.Errors(fhir.Validate(r)) {
				t.Errorf("%s: %s %s", i.Path, i.Rule, i.Message)
			}
		})
	}
}
