package fhirtest_test

import (
	"fmt"
	"testing"

	"samsyn/fhir/fhirtest"
)

func TestBuildersAreValid(t *testing.T) {
	fhirtest.Valid(t, fhirtest.CarePlan(t, "a"))
	fhirtest.Valid(t, fhirtest.CareTeam(t, "b"))
	fhirtest.Valid(t, fhirtest.Vedtak(t, "c", fhirtest.Set("authoredOn", "2026-05-20")))
}

func TestEdits(t *testing.T) {
	r := fhirtest.CarePlan(t, "a", fhirtest.Set("activity.0.detail.status", "in-progress"),
		fhirtest.Set("note.0", map[string]any{"text": "x"}), fhirtest.Drop("category"), fhirtest.Drop("note.0"), fhirtest.Drop("note"))
	want := `{"resourceType":"CarePlan","id":"a","status":"active","intent":"plan","subject":{"reference":"Patient/p"},
		"activity":[{"detail":{"status":"in-progress"}}]}`
	if d := fhirtest.Diff([]byte(want), r.Body); d != "" {
		t.Error(d)
	}
}

func TestDiffOfKinds(t *testing.T) {
	for _, c := range []struct{ want, got, diff string }{
		{`{"a":1}`, `{"a":1}`, ""},
		{`[1,null]`, `[1,null]`, ""},
		{`{"a":1.0}`, `{"a":1}`, "$.a: want 1.0, got 1\n"},
		{`{"a":[1]}`, `{"a":{"b":1}}`, "$.a: want [1], got {\"b\":1}\n"},
		{`{"a":{}}`, `{"a":null}`, "$.a: want {}, got null\n"},
		{`{"a":null}`, `{"a":"x"}`, "$.a: want null, got \"x\"\n"},
	} {
		if d := fhirtest.Diff([]byte(c.want), []byte(c.got)); d != c.diff {
			t.Errorf("Diff(%s, %s) = %q", c.want, c.got, d)
		}
	}
}

func ExampleDiff() {
	fmt.Print(fhirtest.Diff(
		[]byte(`{"resourceType":"CarePlan","status":"active","goal":[{"reference":"Goal/a"},{"reference":"Goal/b"}]}`),
		[]byte(`{"goal":[{"reference":"Goal/a"}],"status":"draft","title":"IP","resourceType":"CarePlan"}`)))
	// Output:
	// CarePlan.goal[1]: only in want: {"reference":"Goal/b"}
	// CarePlan.status: want "active", got "draft"
	// CarePlan.title: only in got: "IP"
}
