package fhirpath_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"samsyn/fhir/fhirpath"
)

func TestValuesAreWrittenAsFHIRWritesThem(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"1.50 + 0", "1.50"},
		{"1 + 1", "2"},
		{"@2026-11 + 1 month", `"2026-12"`},
		{"@2026-11-23T08:00:00+01:00 + 1 hour", `"2026-11-23T09:00:00+01:00"`},
		{"@T08:00 + 1 hour", `"09:00"`},
		{"1.5 'kg' + 1 'kg'", `{"code":"kg","system":"http://unitsofmeasure.org","unit":"kg","value":2.5}`},
		{"3 weeks + 0 weeks", `{"code":"wk","system":"http://unitsofmeasure.org","unit":"week","value":3}`},
		{"'a'", `"a"`},
		{"true", "true"},
	} {
		out, err := fhirpath.MustCompile(test.text).Evaluate(nil, fhirpath.Root(nil, ""))
		if err != nil || len(out) != 1 {
			t.Errorf("%s: %v, %v", test.text, out, err)
			continue
		}
		data, err := json.Marshal(out[0].Value())
		if err != nil || string(data) != test.want {
			t.Errorf("%s is written %s, %v; want %s", test.text, data, err, test.want)
		}
	}
}

func TestNewTakesGoValues(t *testing.T) {
	for _, test := range []struct {
		value      any
		kind, text string
	}{
		{3, "System.Integer", "3"},
		{int64(3), "System.Integer", "3"},
		{2.5, "System.Decimal", "2.5"},
		{json.Number("1.0"), "System.Decimal", "1.0"},
		{"a", "System.String", "a"},
		{false, "System.Boolean", "false"},
		{fhirpath.NewDate(time.Date(2026, 11, 23, 23, 0, 0, 0, time.FixedZone("", 3600))), "System.Date", "2026-11-23"},
		{map[string]any{}, "", ""},
		{struct{}{}, "", ""},
	} {
		it := fhirpath.New(test.value)
		text, ok := it.String()
		if it.Type() != test.kind || text != test.text || ok != (test.text != "") || it.Path() != "" {
			t.Errorf("%v became %q %q", test.value, it.Type(), text)
		}
	}
	if n := len(fhirpath.Of(1, nil, []any{"a", []any{"b"}}, fhirpath.New(2), fhirpath.Of(3, 4))); n != 6 {
		t.Errorf("Of gave %d items", n)
	}
}

func TestRootTyped(t *testing.T) {
	root, ok := fhirpath.RootTyped(fromJSON(t, `{"coding": [
		{"system": "http://hl7.org/fhir/administrative-gender", "code": "male"}, {"system": "urn:x", "code": "m"}]}`), "CodeableConcept")
	if !ok || root.Type() != "FHIR.CodeableConcept" {
		t.Fatalf("%v %s", ok, root.Type())
	}
	for _, test := range []struct{ text, want string }{
		{"coding[0].code is code", "true"},
		{"CodeableConcept.coding.count()", "2"},
		{"memberOf('http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1')", "true"},
		{"coding[1].memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')", "false"},
	} {
		got, err := evaluate(t, test.text, root, nil)
		if err != nil || len(got) != 1 || got[0] != test.want {
			t.Errorf("%s = %q, %v; want %s", test.text, got, err, test.want)
		}
	}
	if _, ok := fhirpath.RootTyped(nil, "Pasient"); ok {
		t.Error("an unknown type was taken")
	}
}

func TestPrimitivesWithOnlyExtensions(t *testing.T) {
	root := fhirpath.RootFHIR(fromJSON(t, patient))
	out, err := fhirpath.MustCompile("name.given").Evaluate(nil, root)
	if err != nil || len(out) != 2 {
		t.Fatalf("%v, %v", out, err)
	}
	if out[0].Value() != nil || out[0].Extensions()["extension"] == nil || out[1].Value() != "Kari" || out[1].Extensions() != nil {
		t.Errorf("given are %v and %v", out[0], out[1])
	}
	for _, test := range []struct{ text, want string }{
		{"name.given[0] < 'a'", ""},
		{"name.given[0] & 'x'", "x"},
		{"name.given[0].upper()", ""},
		{"name.given.join('+')", "Kari"},
		{"(name.given | name.given).count()", "2"},
	} {
		got, err := evaluate(t, test.text, root, nil)
		if err != nil || (len(got) == 0) != (test.want == "") || len(got) == 1 && got[0] != test.want {
			t.Errorf("%s = %q, %v; want %q", test.text, got, err, test.want)
		}
	}
}

func TestOwnFunctionsSeeTheirSurroundings(t *testing.T) {
	look := fhirpath.Function{Call: func(c *fhirpath.Call) (fhirpath.Collection, error) {
		this, _ := c.This()
		env, _ := c.Env().Data.(string)
		return fhirpath.Of(c.Root().Path() + "/" + this.Path() + "/" + env), c.Spend(10)
	}}
	number := fhirpath.Function{MinArgs: 1, MaxArgs: 1, Call: func(c *fhirpath.Call) (fhirpath.Collection, error) {
		n, ok, err := c.Integer(0)
		if err != nil || !ok {
			return nil, err
		}
		return fhirpath.Of(n + 1), nil
	}}
	root := fhirpath.Root(fromJSON(t, caseRecord), "Record")
	opts := []fhirpath.Option{fhirpath.WithFunction("look", look), fhirpath.WithFunction("number", number)}
	got, err := evaluate(t, "Sak.Plan.select(look()).first()", root, &fhirpath.Env{Data: "run"}, opts...)
	if err != nil || len(got) != 1 || got[0] != "Record/Record.Sak.Plan[0]/run" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := evaluate(t, "Sak.look()", root, &fhirpath.Env{Steps: 5}, opts...); !errors.Is(err, fhirpath.ErrBudget) {
		t.Errorf("Spend: %v", err)
	}
	if got, err := evaluate(t, "number(Sak.Antall)", root, nil, opts...); err != nil || got[0] != "4" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := evaluate(t, "number(Sak.Id)", root, nil, opts...); !errors.Is(err, fhirpath.ErrType) {
		t.Errorf("a text for a number: %v", err)
	}
}
