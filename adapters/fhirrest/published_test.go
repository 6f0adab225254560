package fhirrest_test

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"samsyn/adapters/adapterstest"
	"samsyn/fhir"
	fhirrestsim "samsyn/internal/sim/fhirrest"
	"samsyn/mapping"
)

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip("SKIPPED: " + what)
}

// shared finds ../shared beside the repository, or skips; in CI its absence is a failure.
func shared(t *testing.T, path string) string {
	t.Helper()
	dir := os.Getenv("SAMSYN_SHARED")
	if dir == "" {
		dir = "../../../shared"
	}
	file := filepath.Join(dir, path)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		missing(t, file+" is not there: the published schema was not checked")
	}
	return file
}

// r4Schema gives the JSON Schema of FHIR R4.
func r4Schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	archive, err := zip.OpenReader(shared(t, "formats/fhir-r4/fhir.schema.json.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	file, err := archive.Open("fhir.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	doc, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("r4.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("r4.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func fixtures(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{
		"../../testdata/families/fhir-sykehus/*.json", "../../testdata/families/fhir-sykehus/versions/*.json", "../../testdata/families/fhir-kommune/*.json",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		names = append(names, found...)
	}
	return names
}

func TestFixturesAreValidR4(t *testing.T) {
	schema := r4Schema(t)
	for _, name := range fixtures(t) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		entries := doc.(map[string]any)["entry"].([]any)
		for _, e := range entries {
			// Resource by resource: the schema's many alternatives tell little of a whole Bundle.
			if err := schema.Validate(e.(map[string]any)["resource"]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestFixturesPassOurOwnValidation(t *testing.T) {
	for _, name := range fixtures(t) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var bundle struct {
			Entry []struct{ Resource map[string]any }
		}
		if err := json.Unmarshal(data, &bundle); err != nil {
			t.Fatal(err)
		}
		for _, e := range bundle.Entry {
			for _, issue := range fhir.ValidateMap(e.Resource) {
				if issue.Severity == fhir.Error {
					t.Errorf("%s: %s/%s: %s: %s", filepath.Base(name), e.Resource["resourceType"], e.Resource["id"], issue.Path, issue.Message)
				}
			}
		}
	}
}

// TestEverythingIsMapped applies the shipped maps to everything that both servers give.
func TestEverythingIsMapped(t *testing.T) {
	set, err := mapping.Load(mapping.Shipped)
	if set == nil {
		t.Fatal(err)
	}
	for source, want := range map[string]map[string]int{
		"fhir-sykehus": {"bup": 8, "": 10, "spesialist": 14},
		"fhir-kommune": {"koordinering": 10, "kommune": 8, "helsestasjon": 2, "": 8},
	} {
		t.Run(source, func(t *testing.T) {
			sim, err := fhirrestsim.New(os.DirFS(filepath.Join(families, source)))
			if err != nil {
				t.Fatal(err)
			}
			services, made, children := map[string]int{}, map[string]bool{}, map[string]bool{}
			referred := map[string]bool{}
			for _, p := range adapterstest.Pass(t, open(t, sim, nil), "") {
				for _, r := range p.Records {
					m, ok := set.Map("fhirrest", r.Kind)
					if !ok {
						t.Fatalf("no map for %s", r.Kind)
					}
					result, err := m.Apply(mapping.Input{
						Source: source, Kind: r.Kind, Key: r.Key, Media: r.Media, Body: r.Body,
						Now: now, IDKey: []byte("k"),
					})
					if err != nil {
						t.Errorf("%s/%s: %v", r.Kind, r.Key, err)
						continue
					}
					if result.Skipped {
						if !slices.Contains([]string{"Organization", "Practitioner", "PractitionerRole"}, r.Kind) {
							t.Errorf("%s/%s is skipped", r.Kind, r.Key)
						}
						continue
					}
					services[result.Service]++
					if result.Subject == nil || result.Subject.Key == "" {
						t.Errorf("%s/%s is about nobody", r.Kind, r.Key)
						continue
					}
					if r.Kind == "Patient" {
						children[result.Subject.Name] = true
					}
					for _, one := range result.Made {
						made[one.Resource.Type+"/"+one.Resource.ID] = true
						for _, ref := range references(one.Resource.Body) {
							referred[ref] = true
						}
					}
				}
			}
			for service, n := range want {
				if services[service] != n {
					t.Errorf("%d records of service %q, want %d (%v)", services[service], service, n, services)
				}
			}
			for _, name := range []string{"Ella Lyngstad", "Jonas Myrvang", "Selma Haugland", "Teo Sandvik"} {
				if !children[name] {
					t.Errorf("%s is not known", name)
				}
			}
			if len(children) != 4 {
				t.Errorf("%d children, want 4: nobody here may know of a fifth", len(children))
			}
			for ref := range referred {
				if !strings.HasPrefix(ref, "Patient/") && !made[ref] {
					t.Errorf("a reference to %s points at nothing that this source made", ref)
				}
			}
		})
	}
}

func references(body []byte) []string {
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		panic(err)
	}
	var out []string
	var walk func(any)
	walk = func(x any) {
		switch x := x.(type) {
		case map[string]any:
			if ref, ok := x["reference"].(string); ok {
				out = append(out, ref)
			}
			for _, child := range x {
				walk(child)
			}
		case []any:
			for _, child := range x {
				walk(child)
			}
		}
	}
	walk(tree)
	return out
}

// TestChangedNumber: the hospital first knows Selma by a D-number and then by both.
func TestChangedNumber(t *testing.T) {
	set, err := mapping.Load(mapping.Shipped)
	if set == nil {
		t.Fatal(err)
	}
	m, ok := set.Map("fhirrest", "Patient")
	if !ok {
		t.Fatal("no map")
	}
	sim := hospital(t)
	subject := func() *mapping.Subject {
		t.Helper()
		result, err := m.Apply(mapping.Input{Source: "fhir-sykehus", Kind: "Patient", Key: "pas-selma", Media: "application/json",
			Body: sim.Get("Patient", "pas-selma"), Now: time.Unix(0, 0), IDKey: []byte("k")})
		if err != nil {
			t.Fatal(err)
		}
		return result.Subject
	}
	after := subject()
	sim.Rewind("Patient", "pas-selma")
	before := subject()
	if before.Key != after.Key {
		t.Errorf("the key changes from %s to %s", before.Key, after.Key)
	}
	if len(before.Identifiers) != 1 || len(before.Old) != 0 || len(after.Identifiers) != 1 || !slices.Equal(after.Old, before.Identifiers) {
		t.Errorf("%d and %d numbers before, %d and %d after", len(before.Identifiers), len(before.Old), len(after.Identifiers), len(after.Old))
	}
}

// TestPublishedSamplesAreMapped applies the maps to Helsenorge's own examples and to
// the composed answers in the shapes of Open DIPS and NHN's CarePlan API.
func TestPublishedSamplesAreMapped(t *testing.T) {
	set, err := mapping.Load(mapping.Shipped)
	if set == nil {
		t.Fatal(err)
	}
	made := map[string]int{}
	apply := func(name string, body []byte) {
		var h struct{ ResourceType, ID string }
		if err := json.Unmarshal(body, &h); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		m, ok := set.Map("fhirrest", h.ResourceType)
		if !ok {
			t.Fatalf("%s: no map for %s", name, h.ResourceType)
		}
		result, err := m.Apply(mapping.Input{Source: "s", Kind: h.ResourceType, Key: h.ID, Media: "application/json", Body: body, Now: now, IDKey: []byte("k")})
		if err != nil || result.Subject == nil {
			t.Errorf("%s: %s/%s: subject %v, %v", name, h.ResourceType, h.ID, result.Subject != nil, err)
		}
		for _, one := range result.Made {
			made[one.Resource.Type]++
		}
	}
	appointments, err := filepath.Glob(filepath.Join(shared(t, "formats/helsenorge-timelosning"), "Appointment-*.json"))
	if err != nil {
		t.Fatal(err)
	}
	bundles := []string{
		shared(t, "formats/fhir-encounter-dips-like/composed-encounter-searchset.json"),
		shared(t, "formats/nhn-careplan/composed-search-response.json"),
	}
	for _, name := range append(appointments, bundles...) {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(bundles, name) {
			apply(filepath.Base(name), body)
			continue
		}
		var b struct {
			Entry []struct{ Resource json.RawMessage }
		}
		if err := json.Unmarshal(body, &b); err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Entry {
			apply(filepath.Base(name), e.Resource)
		}
	}
	for typ, n := range map[string]int{"Appointment": 3, "Encounter": 1, "CarePlan": 1, "Goal": 1, "Condition": 1, "ServiceRequest": 1} {
		if made[typ] != n {
			t.Errorf("%d %s made, want %d", made[typ], typ, n)
		}
	}
}
