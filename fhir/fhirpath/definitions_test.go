package fhirpath_test

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samsyn/fhir/fhirpath"
	"samsyn/fhir/r4"
)

type definition struct {
	ResourceType string   `json:"resourceType"`
	Code         string   `json:"code"`
	Base         []string `json:"base"`
	Expression   string   `json:"expression"`
	Name         string   `json:"name"`
	Snapshot     struct {
		Element []struct {
			Path string `json:"path"`
			Type []struct {
				Code string `json:"code"`
			} `json:"type"`
			Constraint []struct {
				Key        string `json:"key"`
				Severity   string `json:"severity"`
				Expression string `json:"expression"`
			} `json:"constraint"`
		} `json:"element"`
	} `json:"snapshot"`
}

func definitions(t *testing.T, file string) []definition {
	t.Helper()
	f, err := os.Open(filepath.Join(shared(t), "formats", "fhir-r4", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var bundle struct {
		Entry []struct {
			Resource definition `json:"resource"`
		} `json:"entry"`
	}
	if err := json.NewDecoder(z).Decode(&bundle); err != nil {
		t.Fatal(err)
	}
	var out []definition
	for _, e := range bundle.Entry {
		out = append(out, e.Resource)
	}
	return out
}

// faultyInvariants are expressions of R4 itself that name elements which do not
// exist; a compiler that checks must refuse them.
var faultyInvariants = map[string]string{"cid-0": "ChargeItemDefinition has no element \"name\""}

// Every invariant and search parameter of R4 compiles against the type it stands
// on: the widest set of expressions written by others that there is.
func TestExpressionsOfR4Compile(t *testing.T) {
	compiled := 0
	for _, file := range []string{"profiles-resources.json.gz", "profiles-types.json.gz"} {
		for _, d := range definitions(t, file) {
			for _, e := range d.Snapshot.Element {
				root := e.Path
				if _, nested := r4.Lookup(root); !nested && len(e.Type) == 1 {
					root = e.Type[0].Code
				} else if !nested {
					root = ""
				}
				for _, c := range e.Constraint {
					if c.Expression == "" {
						continue
					}
					_, err := fhirpath.Compile(c.Expression, fhirpath.WithRoot(root))
					if fault := faultyInvariants[c.Key]; fault != "" {
						if err == nil || !strings.Contains(err.Error(), fault) {
							t.Errorf("%s: %v, want %s", c.Key, err, fault)
						}
						continue
					}
					if err != nil {
						t.Errorf("%s on %s: %v\n\t%s", c.Key, e.Path, err, c.Expression)
					}
					compiled++
				}
			}
		}
	}
	for _, d := range definitions(t, "search-parameters.json.gz") {
		if d.Expression == "" || d.ResourceType != "SearchParameter" {
			continue
		}
		for _, base := range d.Base {
			root := base
			if strings.Contains(d.Expression, "|") { // one expression for several resources
				root = ""
			}
			if _, err := fhirpath.Compile(d.Expression, fhirpath.WithRoot(root)); err != nil {
				t.Errorf("search parameter %s of %s: %v\n\t%s", d.Code, base, err, d.Expression)
			}
			compiled++
		}
	}
	if compiled < 3000 {
		t.Errorf("only %d expressions were found", compiled)
	}
	t.Logf("%d expressions", compiled)
}

// brokenInvariants truly do not hold in the suite's files.
var brokenInvariants = map[string]string{
	"codesystem-example.json csd-1":        "the expression counts each nested code twice; HL7's testCombine1 expects false too",
	"parameters-example-types.json ele-1":  "valueUuid is an object in the file, which is no FHIR",
	"patient-container-example.json dom-3": "the file refers to its contained resource as \"1\", not \"#1\"",
}

// The invariants hold in the suite's resources, which are HL7's own examples, at
// every place they stand on.
func TestInvariantsHoldInExamples(t *testing.T) {
	byName := map[string]definition{}
	for _, d := range definitions(t, "profiles-resources.json.gz") {
		if d.ResourceType == "StructureDefinition" {
			byName[d.Name] = d
		}
	}
	files, err := filepath.Glob(filepath.Join(shared(t), "formats", "fhirpath-r4-suite", "input", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range files {
		root := fhirpath.RootFHIR(decode(t, file))
		name := strings.TrimPrefix(root.Type(), "FHIR.")
		for _, e := range byName[name].Snapshot.Element {
			places, err := fhirpath.MustCompile(strings.ReplaceAll(e.Path, "[x]", "")).Evaluate(nil, root)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range e.Constraint {
				if c.Expression == "" || c.Severity != "error" {
					continue
				}
				broken := brokenInvariants[filepath.Base(file)+" "+c.Key]
				rule := fhirpath.MustCompile(c.Expression, fhirpath.WithAsFilter())
				for _, place := range places {
					out, err := rule.Evaluate(nil, place)
					ok := err == nil && len(out) == 1 && out[0].Value() == true
					if !ok && (broken == "" || err != nil) {
						t.Errorf("%s: %s at %s: %v %v\n\t%s", filepath.Base(file), c.Key, place.Path(), out, err, c.Expression)
					}
					checked++
				}
			}
		}
	}
	if checked < 300 {
		t.Errorf("only %d checks", checked)
	}
	t.Logf("%d checks", checked)
}
