package mapkit_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"samsyn/adapters"
	"samsyn/internal/mapkit"
	"samsyn/mapping"
)

func held(kind string, bodies ...string) iter.Seq2[adapters.Record, error] {
	return func(yield func(adapters.Record, error) bool) {
		for i, b := range bodies {
			if !yield(adapters.Record{Kind: kind, Key: fmt.Sprint(i), Media: adapters.JSON, Body: []byte(b)}, nil) {
				return
			}
		}
	}
}

func states(c mapkit.Coverage) map[string]string {
	out := map[string]string{}
	for _, m := range c.Maps {
		for _, f := range m.Fields {
			out[f.Path] = string(f.State)
		}
		for _, code := range m.Codes {
			out[code.Table+"/"+code.Code] = string(code.State)
		}
	}
	return out
}

func TestCoverage(t *testing.T) {
	c, err := mapkit.Cover(smallSet(t), "x", held("y",
		`{"child":"c1","nr":"1","code":"a","who":{"display":"Ada"},"notes":[{"a":"secret"}],"lost":["secret","14831460041"]}`,
		`{"child":"c2","nr":"2","code":"a","state":"draft","only":{"drafts":"have this"},"notes":[{"b":"x"}]}`,
		`{"child":"c3","nr":"3","code":"14831460041"}`,
		`not JSON`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"y.child": "used", "y.nr": "used", "y.code": "used", "y.who.display": "used", "y.state": "used", "y.notes.a": "ignored", "y.notes.b": "ignored",
		"y.lost": "unmapped", "y.only.drafts": "skipped", "t/a": "used", "t/a text of 11 characters": "unmapped"}
	got := states(c)
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s is %s, want %s", k, got[k], v)
		}
	}
	if len(got) != len(want) || c.Fields != 9 || c.FieldsMapped != 8 || c.Codes != 2 || c.CodesMapped != 1 || c.Maps[0].Records != 4 || c.Maps[0].Refused != 2 {
		t.Errorf("%+v", c)
	}
	if c.Percent < 81.8 || c.Percent > 81.9 { // 9 of 11
		t.Errorf("%.2f %%", c.Percent)
	}
	for _, f := range c.Maps[0].Fields {
		if f.Path == "y.code" && (!slices.Equal(f.Lines, []int{13}) || f.Records != 3) {
			t.Errorf("code %+v", f)
		}
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"secret", "14831460041", "Ada", "c1"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("coverage shows %q: %s", secret, text)
		}
	}
}

func TestCoverageWithoutMapOrRecords(t *testing.T) {
	c, err := mapkit.Cover(smallSet(t), "x", held("unknown", `{"a":{"b":1}}`))
	if err != nil || c.Percent != 0 || !c.Maps[0].NoMap || states(c)["unknown.a.b"] != "unmapped" {
		t.Errorf("%+v %v", c, err)
	}
	c, err = mapkit.Cover(smallSet(t), "x", held("y"))
	if err != nil || c.Percent != 100 {
		t.Errorf("%+v %v", c, err)
	}
}

// What a map names and no record has brought it to read is used: the second half of an
// or, a branch that was not taken, a record that was refused before.
func TestCoverageOfWhatIsNamed(t *testing.T) {
	set := smallSet(t, "state = 'draft'", "nr = '1' or state = 'draft'", "{{ who }}", "{{ iif(nr = '2', display(who.name), display(who.title)) }}")
	c, err := mapkit.Cover(set, "x", held("y", `{"child":"c","nr":"1","state":"s","who":{"name":"n"}}`, `{"child":"c","nr":"2","code":"a","who":{"name":"n","title":"t","other":"o"}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := states(c)
	for path, want := range map[string]string{"y.state": "used", "y.who.name": "used", "y.who.title": "used", "y.who.other": "unmapped"} {
		if got[path] != want {
			t.Errorf("%s is %s, want %s", path, got[path], want)
		}
	}
}

// What a FHIR server adds that R4 does not know is lost, and told.
func TestCoverageOfAlienFields(t *testing.T) {
	set, err := mapping.Load(mapping.Shipped)
	if err != nil {
		t.Fatal(err)
	}
	c, err := mapkit.Cover(set, "fhirrest", held("Goal", `{"resourceType":"Goal","id":"1","lifecycleStatus":"active","description":{"text":"x"},"subject":{"reference":"Patient/1"},"extra":{"a":1},"meta":{"profile":["urn:x"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := states(c)
	if got["Goal.extra.a"] != "unknown" || got["Goal.description.text"] != "used" || got["Goal.lifecycleStatus"] != "used" || got["Goal.meta.profile"] != "ignored" {
		t.Errorf("%v", got)
	}
}

// The shipped maps on the shipped records: a floor that only rises.
func TestCoverageOfShippedRecords(t *testing.T) {
	set, err := mapping.Load(mapping.Shipped)
	if err != nil {
		t.Fatal(err)
	}
	c, err := mapkit.CoverCases(set, records)
	if err != nil {
		t.Fatal(err)
	}
	const floor = 97
	if c.Percent < floor || c.Fields < 500 {
		t.Errorf("%.1f %% of %d fields are mapped or left out on purpose; the floor is %d", c.Percent, c.Fields, floor)
	}
}
