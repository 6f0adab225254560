package mapkit_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"samsyn/internal/mapkit"
	"samsyn/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const records = "../../testdata/records"

const smallMap = `map: x/y
record: y
tables: [t]
ignore:
  - { path: notes, because: not about the child }
subject:
  key: "{{ child }}"
skip: "{{ state = 'draft' }}"
because: a draft
make:
  - resourceType: Basic
    id: "{{ id('x', nr) }}"
    code: "{{ translate('t', code) }}"
    subject: "{{ %subject }}"
    author: "{{ who }}"
`

const smallTable = "# unknown: quarantine\ncode,display,system,target\na,A,urn:x,a\n"

func files(edit ...string) fstest.MapFS {
	return fstest.MapFS{"maps/x/y.yaml": {Data: []byte(strings.NewReplacer(edit...).Replace(smallMap))}, "codes/t.csv": {Data: []byte(smallTable)}}
}

func smallSet(t *testing.T, edit ...string) *mapping.Set {
	t.Helper()
	set, err := mapping.Load(files(edit...))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// folder writes files of a folder of records and gives its path.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The shipped pairs pass here as they do in package mapping: both read one form.
func TestShippedCases(t *testing.T) {
	set, err := mapping.Load(mapping.Shipped)
	if err != nil {
		t.Fatal(err)
	}
	cases, err := mapkit.Cases(records, nil)
	if err != nil || len(cases) < 50 {
		t.Fatalf("%d cases %v", len(cases), err)
	}
	for _, c := range cases {
		if r := mapkit.Test(set, c, false); !r.Passed {
			t.Errorf("%s %s: %s\n%s", c.Map, c.Name, r.Problem, r.Diff)
		}
	}
}

func TestCases(t *testing.T) {
	set := smallSet(t)
	dir := folder(t, map[string]string{
		"x/y/good.input.json":   `{"child":"c","nr":"1","code":"a"}`,
		"x/y/bad.input.json":    `{"child":"c","nr":"1","code":"zz"}`,
		"x/y/bad.issues":        "# the table is old\nno row for code zz\n",
		"x/y/wrong.input.json":  `{"child":"c","nr":"1","code":"a"}`,
		"x/y/wrong.issues":      "no row for code zz\n",
		"x/y/draft.input.json":  `{"child":"c","nr":"1","state":"draft"}`,
		"x/y/draft.output.json": "{\n  \"skipped\": \"another reason\"\n}\n",
		"x/none/a.input.json":   `{}`,
	})
	cases, err := mapkit.Cases(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]mapkit.Tested{}
	for _, c := range cases {
		got[c.Map+" "+c.Name] = mapkit.Test(set, c, false)
	}
	for name, problem := range map[string]string{
		"x/y good": "there is no good.output.json", "x/y bad": "", "x/y wrong": "the record has no fault", "x/y draft": "draft.output.json differs", "x/none a": "there is no map x/none",
	} {
		if r := got[name]; r.Passed != (problem == "") || !strings.Contains(r.Problem, problem) {
			t.Errorf("%s: passed %v, %q, want %q", name, r.Passed, r.Problem, problem)
		}
	}
	if want := "@@ line 1, now 1\n {\n-  \"skipped\": \"another reason\"\n+  \"skipped\": \"a draft\"\n }\n"; got["x/y draft"].Diff != want {
		t.Errorf("difference\n%s, want\n%s", got["x/y draft"].Diff, want)
	}
	for _, c := range cases {
		if c.Name == "good" || c.Name == "draft" {
			if r := mapkit.Test(set, c, true); !r.Passed || !r.Updated {
				t.Errorf("%s was not updated: %+v", c.Name, r)
			}
			if r := mapkit.Test(set, c, true); !r.Passed || r.Updated {
				t.Errorf("%s was updated twice: %+v", c.Name, r)
			}
		}
	}
	if some, err := mapkit.Cases(dir, []string{"x/none"}); err != nil || len(some) != 1 {
		t.Errorf("%d cases of one map %v", len(some), err)
	}
	lost := folder(t, map[string]string{"x/y/a.output.json": "{}", "x/y/b.issues": "", "x/y/c.input.json": "{}", "x/y/c.input.xml": "<a/>"})
	if _, err := mapkit.Cases(lost, nil); err == nil || strings.Count(err.Error(), "has no input") != 2 || !strings.Contains(err.Error(), "two inputs") {
		t.Errorf("error %v", err)
	}
}

func TestApplyTellsTheExactFault(t *testing.T) {
	m, _ := smallSet(t).Map("x", "y")
	r, err := mapkit.RecordOf("a/b/case.input.json", []byte(`{"child":"c","nr":"1","code":"zz"}`))
	if err != nil || r.Key != "case" {
		t.Fatalf("%+v %v", r, err)
	}
	f := mapkit.Apply(m, r).Where
	if f == nil || f.File != "maps/x/y.yaml" || f.Line != 13 || f.Expression != "translate('t', code)" || f.Path != "Basic.code" || !slices.Equal(f.Source, []string{"y.code"}) || f.Reason != "table t has no row for code zz" {
		t.Errorf("fault %+v", f)
	}
	if _, err := mapkit.RecordOf("case.txt", nil); err == nil {
		t.Error("a text file was taken for a record")
	}
}

func TestExplain(t *testing.T) {
	m, _ := smallSet(t).Map("x", "y")
	e, err := mapkit.Explain(m, mapkit.Record{Key: "k", Media: "application/json", Body: []byte(`{"child":"c","nr":"1","code":"a","who":{"display":"Ada"}}`)})
	if err != nil || len(e.Resources) != 1 {
		t.Fatalf("%v %+v", err, e)
	}
	got := map[string]mapkit.ExplainedElement{}
	for _, el := range e.Resources[0].Elements {
		got[el.Element] = el
	}
	code := got["Basic.code.coding[0].code"]
	if code.Value != `"a"` || code.Line != 13 || code.File != "maps/x/y.yaml" || code.Expression != "{{ translate('t', code) }}" || !slices.Equal(code.From, []mapkit.SourceValue{{Path: "y.code", Value: "a"}}) {
		t.Errorf("code %+v", code)
	}
	if author := got["Basic.author.display"]; author.Value != `"Ada"` || !slices.Equal(author.From, []mapkit.SourceValue{{Path: "y.who.display", Value: "Ada"}}) {
		t.Errorf("author %+v", author)
	}
	if constant := got["Basic.resourceType"]; constant.Value != `"Basic"` || len(constant.From) != 0 {
		t.Errorf("constant %+v", constant)
	}
}

// Every element that the shipped maps make is explained: its value is what stands in the
// body, and every plain source field has a value.
func TestExplainShipped(t *testing.T) {
	set, err := mapping.Load(mapping.Shipped)
	if err != nil {
		t.Fatal(err)
	}
	cases, err := mapkit.Cases(records, nil)
	if err != nil {
		t.Fatal(err)
	}
	elements, values := 0, 0
	for _, c := range cases {
		body, err := os.ReadFile(c.Input)
		if err != nil {
			t.Fatal(err)
		}
		r, err := mapkit.RecordOf(c.Input, body)
		if err != nil {
			t.Fatal(err)
		}
		system, kind, _ := strings.Cut(c.Map, "/")
		m, _ := set.Map(system, kind)
		e, err := mapkit.Explain(m, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range e.Resources {
			for _, el := range x.Elements {
				elements++
				if !json.Valid([]byte(el.Value)) || el.Value == "null" || el.Line == 0 || el.Expression == "" {
					t.Errorf("%s %s: %+v", c.Map, c.Name, el)
				}
				for _, from := range el.From {
					if !from.Whole {
						values++
					}
				}
			}
		}
	}
	if elements < 2000 || values < 1000 {
		t.Errorf("%d elements with %d values: too few to mean anything", elements, values)
	}
}

// Put back together, a difference gives both texts.
func TestLineDiff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "\n"}), 0, 12)
		a, b := strings.Join(lines.Draw(t, "a"), ""), strings.Join(lines.Draw(t, "b"), "")
		diff := mapkit.LineDiff(a, b)
		if (diff == "") != (a == b) {
			t.Fatalf("%q and %q differ by %q", a, b, diff)
		}
		minus, plus := 0, 0
		for _, line := range strings.Split(diff, "\n") {
			if strings.HasPrefix(line, "-") {
				minus++
			}
			if strings.HasPrefix(line, "+") {
				plus++
			}
		}
		if minus-plus != strings.Count(a, "\n")-strings.Count(b, "\n") {
			t.Fatalf("%d lines less and %d more between %q and %q", minus, plus, a, b)
		}
		if len(a)+len(b) < 8 {
			if whole := apply(diff); whole != [2]string{strings.TrimSuffix(a, "\n"), strings.TrimSuffix(b, "\n")} && a != b {
				t.Fatalf("%q gives %q, want %q and %q", diff, whole, a, b)
			}
		}
	})
}

// apply gives both texts of a difference that shows every line.
func apply(diff string) [2]string {
	var a, b []string
	for _, line := range strings.Split(strings.TrimSuffix(diff, "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "@@"):
		case strings.HasPrefix(line, "-"):
			a = append(a, line[1:])
		case strings.HasPrefix(line, "+"):
			b = append(b, line[1:])
		case line != "":
			a, b = append(a, line[1:]), append(b, line[1:])
		}
	}
	return [2]string{strings.Join(a, "\n"), strings.Join(b, "\n")}
}
