package fhirpath_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"samsyn/fhir/fhirpath"
)

// floor is how many tests of HL7's suite pass. It only rises.
const floor = 930

type suite struct {
	Groups []struct {
		Name  string      `xml:"name,attr"`
		Tests []suiteTest `xml:"test"`
	} `xml:"group"`
}

type suiteTest struct {
	Name       string `xml:"name,attr"`
	InputFile  string `xml:"inputfile,attr"`
	Predicate  bool   `xml:"predicate,attr"`
	Ordered    string `xml:"ordered,attr"`
	Expression struct {
		Text    string `xml:",chardata"`
		Invalid string `xml:"invalid,attr"`
	} `xml:"expression"`
	Outputs []struct {
		Type string `xml:"type,attr"`
		Text string `xml:",chardata"`
	} `xml:"output"`
}

// shared finds the folder of schemas and samples beside the repository.
func shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("SAMSYN_SHARED")
	if dir == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				t.Fatal("no go.mod above the test")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared")
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the shared folder is needed: %v", err)
		}
		t.Skipf("SKIPPED: the shared folder is not here: %v", err)
	}
	return dir
}

func decode(t testing.TB, path string) map[string]any {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}

func TestSuite(t *testing.T) {
	dir := filepath.Join(shared(t), "formats", "fhirpath-r4-suite")
	data, err := os.ReadFile(filepath.Join(dir, "tests-fhir-r4.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var s suite
	if err := xml.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	inputs := map[string]map[string]any{}
	expected := exceptions(t)
	passed, total := 0, 0
	for _, g := range s.Groups {
		groupPassed := 0
		for _, test := range g.Tests {
			total++
			file := strings.TrimSuffix(strings.TrimSuffix(test.InputFile, ".xml"), ".json") + ".json"
			if test.InputFile == "" {
				file = "patient-example.json"
			}
			if inputs[file] == nil {
				inputs[file] = decode(t, filepath.Join(dir, "input", file))
			}
			problem := run(test, inputs[file])
			listed := expected[test.Name]
			switch {
			case problem == "":
				passed++
				groupPassed++
				if listed {
					t.Errorf("%s passes; take it out of suite_exceptions.md", test.Name)
				}
			case !listed:
				t.Errorf("%s: %s\n\t%s", test.Name, problem, strings.TrimSpace(test.Expression.Text))
			}
			delete(expected, test.Name)
		}
		t.Logf("%-32s %3d of %3d", g.Name, groupPassed, len(g.Tests))
	}
	for name := range expected {
		t.Errorf("suite_exceptions.md lists %s, which the suite does not have", name)
	}
	t.Logf("%d of %d (%.1f %%)", passed, total, 100*float64(passed)/float64(total))
	if passed < floor {
		t.Errorf("%d pass, the floor is %d", passed, floor)
	}
}

var exceptionLine = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]{10,}\\|$")

// exceptions reads the failing tests that are listed with a reason.
func exceptions(t *testing.T) map[string]bool {
	data, err := os.ReadFile("suite_exceptions.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, m := range exceptionLine.FindAllStringSubmatch(string(data), -1) {
		out[m[1]] = true
	}
	return out
}

// run gives what is wrong, or "".
func run(test suiteTest, input map[string]any) string {
	root := fhirpath.RootFHIR(input)
	e, err := fhirpath.Compile(test.Expression.Text, fhirpath.WithRoot(strings.TrimPrefix(root.Type(), "FHIR.")))
	var out fhirpath.Collection
	if err == nil {
		out, err = e.Evaluate(&fhirpath.Env{Now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}, root)
	}
	if test.Expression.Invalid != "" {
		if err == nil {
			return fmt.Sprintf("no error, but %s was expected", test.Expression.Invalid)
		}
		return ""
	}
	if err != nil {
		return err.Error()
	}
	if test.Predicate {
		out = fhirpath.Of(len(out) > 0)
	}
	if len(out) != len(test.Outputs) {
		return fmt.Sprintf("%d items, %d expected", len(out), len(test.Outputs))
	}
	rest := test.Outputs
	for i, it := range out {
		at := 0
		if test.Ordered == "false" {
			for at = range rest {
				if matches(it, rest[at].Type, rest[at].Text) {
					break
				}
			}
		}
		if !matches(it, rest[at].Type, rest[at].Text) {
			text, _ := it.String()
			return fmt.Sprintf("item %d is %s %s, expected %s %s", i, it.Type(), text, rest[at].Type, rest[at].Text)
		}
		rest = append(append(rest[:0:0], rest[:at]...), rest[at+1:]...)
	}
	return ""
}

// matches compares an item with the suite's type and text. Dates are written
// with an @ there.
func matches(it fhirpath.Item, typ, text string) bool {
	got, ok := it.String()
	if !ok {
		return false
	}
	_, name, _ := strings.Cut(it.Type(), ".")
	if typ != "" && !strings.EqualFold(name, typ) && !(typ == "string" && name == "code") {
		return false
	}
	text = strings.TrimPrefix(strings.TrimPrefix(text, "@"), "T")
	return got == text || typ == "decimal" && strings.TrimRight(strings.TrimRight(got, "0"), ".") == text
}
