package mapping_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"samsyn/fhir"
	"samsyn/mapping"
)

func profilesOf(t testing.TB, text string) *fhir.Profiles {
	t.Helper()
	p, err := fhir.LoadProfiles(fstest.MapFS{"own.yaml": {Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const profiledMap = `map: s/x
record: sak
make:
  - "{% for p in planer %}":
      resourceType: CarePlan
      id: "{{ id('plan', %p.nr) }}"
      status: active
      intent: plan
      title: "{{ %p.tittel }}"
      category: [{ text: "{{ %p.type }}" }]
      subject: { display: x }
      period: { start: "{{ date(%p.fra) }}" }
`

func profiled(t testing.TB, rules string) *mapping.Map {
	t.Helper()
	files := fstest.MapFS{"maps/s/x.yaml": {Data: []byte(profiledMap)}}
	var opts []mapping.Option
	if rules != "" {
		opts = append(opts, mapping.WithProfiles(profilesOf(t, "guide: own\nprofiles: [{type: CarePlan, rules: ["+rules+"]}]")))
	}
	set, err := mapping.Load(files, opts...)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := set.Map("s", "x")
	return m
}

func applied(m *mapping.Map, body string) (mapping.Result, error) {
	return m.Apply(mapping.Input{Source: "s", Kind: "x", Key: "k", Media: "application/json", Body: []byte(body), Now: demoNow, IDKey: demoKey})
}

const profiledRecord = `{"planer":[{"nr":1,"tittel":"en","type":"IP"},{"nr":2,"type":"IP","fra":"2026-01-01"},{"nr":3,"tittel":"tre","type":"x","fra":"2026-01-01"}]}`

func TestProfileErrorRefuses(t *testing.T) {
	m := profiled(t, "{rule: title, message: a plan has a title, element: title, min: 1}, {rule: kind, severity: warning, message: m, element: period, min: 1}")
	result, err := applied(m, profiledRecord)
	var e *mapping.RecordError
	if !errors.As(err, &e) || !errors.Is(err, mapping.ErrInvalidResource) {
		t.Fatalf("got %v", err)
	}
	if e.Path != "CarePlan.title" || e.Reason != "rule own:title: a plan has a title" || e.Line == 0 || len(result.Made) != 0 {
		t.Errorf("got %+v, made %d", e, len(result.Made))
	}
	m = profiled(t, "{rule: kind, message: only an IP, element: category, expression: \"text = 'IP'\"}")
	if _, err = applied(m, profiledRecord); !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	if e.Path != "CarePlan.category[0]" || !slices.Equal(e.Source, []string{"sak.planer[2].type"}) {
		t.Errorf("got %+v", e)
	}
	if ok, err := applied(profiled(t, ""), profiledRecord); err != nil || len(ok.Made) != 3 || ok.Warnings != nil {
		t.Errorf("without profiles: %v, %+v", err, ok.Warnings)
	}
}

func TestProfileWarningsAreCounted(t *testing.T) {
	m := profiled(t, "{rule: title, severity: warning, message: a plan has a title, element: title, min: 1}, {rule: kind, severity: warning, message: an IP, element: category, expression: \"text = 'XX'\"}")
	for range 2 { // the room of the first is used again
		result, err := applied(m, profiledRecord)
		if err != nil || len(result.Made) != 3 {
			t.Fatalf("made %d, %v", len(result.Made), err)
		}
		want := []mapping.Warning{{Rule: "own:kind", Element: "CarePlan.category", Message: "an IP", Count: 3}, {Rule: "own:title", Element: "CarePlan.title", Message: "a plan has a title", Count: 1}}
		for i := range result.Warnings {
			if result.Warnings[i].Line == 0 {
				t.Errorf("no line: %+v", result.Warnings[i])
			}
			result.Warnings[i].Line = 0
		}
		if !slices.Equal(result.Warnings, want) {
			t.Errorf("got %+v", result.Warnings)
		}
	}
}

// What is made is judged as it was made, and as it is read again.
func TestProfilesJudgeMadeAndReadAlike(t *testing.T) {
	shipped, err := fhir.LoadProfiles(fhir.ShippedProfiles())
	if err != nil {
		t.Fatal(err)
	}
	set, err := mapping.Load(mapping.Shipped, mapping.WithProfiles(shipped))
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join("..", "testdata", "records")
	files, _ := filepath.Glob(filepath.Join(root, "*", "*", "*.input.*"))
	resources, warned := 0, 0
	for _, file := range files {
		rel, _ := filepath.Rel(root, filepath.Dir(file))
		system, kind := filepath.Split(rel)
		system = strings.TrimSuffix(system, string(filepath.Separator))
		plain, ok := set.Map(system, kind)
		if !ok {
			continue // a connector's own
		}
		result, err := mapFile(t, set, plain.System(), plain.Kind(), file)
		if err != nil {
			if strings.Contains(err.Error(), "no-basis:") || strings.Contains(err.Error(), "kommune:") || strings.Contains(err.Error(), "helsenorge:") {
				t.Errorf("%s: a shipped map breaks a shipped profile: %v", file, err)
			}
			continue
		}
		counted := 0
		for _, w := range result.Warnings {
			counted += w.Count
		}
		for _, made := range result.Made {
			resources++
			issues := shipped.Validate(made.Resource)
			counted -= len(issues)
			warned += len(issues)
			if errs := fhir.Errors(issues); len(errs) > 0 {
				t.Errorf("%s: %v", file, errs)
			}
		}
		if counted != 0 {
			t.Errorf("%s: %d more warnings counted than found in what was made", file, counted)
		}
	}
	if resources < 100 || warned == 0 {
		t.Errorf("only %d resources, %d warnings: is this the folder?", resources, warned)
	}
}

// The outputs that lie beside the records too, whichever map made them.
func TestShippedOutputsKeepProfiles(t *testing.T) {
	shipped, err := fhir.LoadProfiles(fhir.ShippedProfiles())
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join("..", "testdata", "records", "*", "*", "*.output.json"))
	if len(files) < 50 {
		t.Fatalf("only %d outputs", len(files))
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var output golden
		if err := json.Unmarshal(body, &output); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, made := range output.Made {
			r, err := fhir.Parse(made)
			if err != nil {
				t.Fatal(err)
			}
			if errs := fhir.Errors(shipped.Validate(r)); len(errs) > 0 {
				t.Errorf("%s: %v", file, errs)
			}
		}
	}
}

func TestProfilesArePinned(t *testing.T) {
	const rule = "{rule: title, message: a plan has a title, element: title, min: 1}"
	m, bare := profiled(t, rule), profiled(t, "")
	if m.Revision() == bare.Revision() {
		t.Error("the revision does not tell of the profiles")
	}
	if other := profiled(t, strings.Replace(rule, "min: 1", "max: 0", 1)); other.Revision() == m.Revision() {
		t.Error("the revision does not tell of another rule")
	}
	for _, one := range []*mapping.Map{m, bare} {
		pin, err := one.Pin()
		if err != nil {
			t.Fatal(err)
		}
		again, err := mapping.Unpin(pin)
		if err != nil || again.Revision() != one.Revision() {
			t.Fatalf("%v: the pin has another revision", err)
		}
		_, first := applied(one, profiledRecord)
		_, second := applied(again, profiledRecord)
		if (first == nil) != (second == nil) || first != nil && first.Error() != second.Error() {
			t.Errorf("%v, and from the pin %v", first, second)
		}
	}
}
