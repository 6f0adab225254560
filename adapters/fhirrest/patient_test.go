package fhirrest_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samsyn/adapters/fhirrest"
)

func TestPerPatientKeepsNumbersOutOfAddresses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "persons")
	number := patientNumber(t, "ella.json")
	if err := os.WriteFile(file, []byte("# children with a coordinator\nurn:oid:2.16.578.1.12.4.1.4.1|"+number+"\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sim := hospital(t)
	var addresses []string
	spy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		addresses = append(addresses, r.URL.RequestURI())
		sim.ServeHTTP(w, r)
	})
	a := open(t, spy, func(c *fhirrest.Config) {
		c.Types = []fhirrest.Type{{Type: "CarePlan", Search: map[string]string{"_include": "*"}, Whole: true}, {Type: "Patient"}}
		c.PerPatient = &fhirrest.PerPatient{Parameter: "subject:Patient.identifier", File: file}
		c.PageSize = 3
	})
	pages, err := fetch(a, "")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, p := range pages {
		for _, r := range p.Records {
			kinds[r.Kind]++
		}
	}
	for kind, n := range map[string]int{"CarePlan": 1, "Goal": 1, "Condition": 1, "Patient": 1, "ServiceRequest": 1} {
		if kinds[kind] != n {
			t.Errorf("%d %s, want %d (all: %v)", kinds[kind], kind, n, kinds)
		}
	}
	for _, address := range addresses {
		if strings.Contains(address, number) {
			t.Error("a national number stands in an address")
		}
	}
	if len(addresses) < 2 {
		t.Errorf("%d requests; the answer should have been paged", len(addresses))
	}
}

// patientNumber reads the first child's number out of a fixture.
func patientNumber(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(families, "fhir-sykehus", file))
	if err != nil {
		t.Fatal(err)
	}
	var b struct {
		Entry []struct {
			Resource struct {
				ResourceType string
				Identifier   []struct{ Value string }
			}
		}
	}
	if err := json.Unmarshal(body, &b); err != nil {
		t.Fatal(err)
	}
	for _, e := range b.Entry {
		if e.Resource.ResourceType == "Patient" {
			return e.Resource.Identifier[0].Value
		}
	}
	t.Fatal("no Patient")
	return ""
}
