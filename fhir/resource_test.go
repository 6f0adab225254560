package fhir_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	models "github.com/samply/golang-fhir-models/fhir-models/fhir"
	"pgregory.net/rapid"

	"samsyn/fhir"
)

func TestParse(t *testing.T) {
	r, err := fhir.Parse([]byte(" {\"id\" : \"a\\u002d1\", \"resourceType\":\"Patient\", \"x\": [1.50, {\"<b>\":\"<\"}] }\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"a\u002d1","resourceType":"Patient","x":[1.50,{"<b>":"<"}]}`
	if r.Type != "Patient" || r.ID != "a-1" || string(r.Body) != want {
		t.Errorf("got %s %s %s", r.Type, r.ID, r.Body)
	}
}

func TestParseRefuses(t *testing.T) {
	deep := func(n int) string {
		return `{"resourceType":"Patient","x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	for name, in := range map[string]string{
		"nothing":              "",
		"space":                "  ",
		"no JSON":              `{"resourceType":"Patient"`,
		"list":                 `[{"resourceType":"Patient"}]`,
		"text":                 `"Patient"`,
		"trailing":             `{"resourceType":"Patient"} {}`,
		"no type":              `{"id":"x"}`,
		"unknown type":         `{"resourceType":"Pasient"}`,
		"abstract type":        `{"resourceType":"DomainResource"}`,
		"datatype":             `{"resourceType":"HumanName"}`,
		"type is a number":     `{"resourceType":1}`,
		"id is a number":       `{"resourceType":"Patient","id":1}`,
		"id is null":           `{"resourceType":"Patient","id":null}`,
		"duplicate":            `{"resourceType":"Patient","active":true,"active":false}`,
		"duplicate by escape":  `{"resourceType":"Patient","active":true,"\u0061ctive":false}`,
		"duplicate by case":    `{"resourceType":"Patient","subject":1,"Subject":2}`,
		"duplicate by Kelvin":  "{\"resourceType\":\"Patient\",\"k\":1,\"\u212a\":2}",
		"duplicate type":       `{"resourceType":"Patient","ResourceType":"Group"}`,
		"duplicate in depth":   `{"resourceType":"Patient","meta":[{"security":[],"sEcurity":[]}]}`,
		"not UTF-8":            "{\"resourceType\":\"Patient\",\"x\":\"\xff\"}",
		"half a pair":          `{"resourceType":"Patient","x":"\ud800"}`,
		"half a pair, low":     `{"resourceType":"Patient","x":"\udc00x"}`,
		"half a pair, no low":  `{"resourceType":"Patient","x":"\ud800\u0041"}`,
		"too deep":             deep(64),
		"very deep":            deep(200_000),
		"too large":            `{"resourceType":"Patient","x":"` + strings.Repeat("x", fhir.MaxBytes) + `"}`,
		"byte order mark":      "\ufeff{\"resourceType\":\"Patient\"}",
		"many keys, one twice": `{"resourceType":"Patient"` + manyKeys(100) + `,"K7":1}`,
	} {
		if r, err := fhir.Parse([]byte(in)); !errors.Is(err, fhir.ErrInvalid) {
			t.Errorf("%s: got %v, %v", name, r, err)
		}
	}
	for name, in := range map[string]string{
		"deepest":   deep(63),
		"pair":      `{"resourceType":"Patient","x":"\ud83d\ude00"}`,
		"many keys": `{"resourceType":"Patient"` + manyKeys(100) + `}`,
	} {
		if _, err := fhir.Parse([]byte(in)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"k` + string(rune('0'+i%10)) + strings.Repeat("x", i/10) + `":1`)
	}
	return b.String()
}

func TestParseShowsNoValues(t *testing.T) {
	_, err := fhir.Parse([]byte(`{"resourceType":"14831460041"}`))
	if err == nil || strings.Contains(err.Error(), "14831460041") {
		t.Errorf("got %v", err)
	}
}

func TestViews(t *testing.T) {
	in := `{"resourceType":"CarePlan","status":"active","intent":"plan","title":"Å < b","subject":{"reference":"Patient/1"},"_title":{"id":"x"}}`
	r, err := fhir.Parse([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := fhir.As[models.CarePlan](r)
	if err != nil || plan.Status != models.RequestStatusActive || *plan.Title != "Å < b" {
		t.Errorf("got %+v, %v", plan, err)
	}
	if _, err := fhir.As[models.Patient](r); !errors.Is(err, fhir.ErrInvalid) {
		t.Errorf("a CarePlan was taken for a Patient: %v", err)
	}
	own, err := fhir.As[struct{ Title string }](r)
	if err != nil || own.Title != "Å < b" {
		t.Errorf("own view: %+v, %v", own, err)
	}
	m, err := fhir.Decode(r)
	if err != nil || m["_title"] == nil {
		t.Errorf("Decode lost _title: %v, %v", m, err)
	}
	back, err := fhir.Of(m)
	if err != nil || back.Type != "CarePlan" || !bytes.Contains(back.Body, []byte("Å < b")) {
		t.Errorf("Of(map) = %s, %v", back.Body, err)
	}
	if back, err = fhir.Of(r); err != nil || string(back.Body) != in {
		t.Errorf("Of(Resource) = %s, %v", back.Body, err)
	}
	if back, err = fhir.Of(plan); err != nil || back.Type != "CarePlan" {
		t.Errorf("Of(samply) = %v, %v", back, err)
	}
	if _, err := fhir.Of(map[string]any{"resourceType": func() {}}); !errors.Is(err, fhir.ErrInvalid) {
		t.Errorf("Of(func) = %v", err)
	}
}

func TestCanonical(t *testing.T) {
	a, err := fhir.Canonical([]byte(`{ "b": [1.50, 1e3], "a": "<å>", "c": {"y":null,"x":123456789012345678901234567890} }`))
	want := `{"a":"<å>","b":[1.50,1e3],"c":{"x":123456789012345678901234567890,"y":null}}`
	if err != nil || string(a) != want {
		t.Errorf("got %s, %v", a, err)
	}
	if _, err := fhir.Canonical([]byte(`{} {}`)); !errors.Is(err, fhir.ErrInvalid) {
		t.Errorf("trailing data: %v", err)
	}
}

// Whatever Parse takes, it gives back whole, and takes again.
func TestParseIsLossless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := map[string]any{"resourceType": "Basic", "id": rapid.StringMatching(`[a-z0-9]{1,8}`).Draw(t, "id")}
		for i, s := range rapid.SliceOfN(rapid.String(), 0, 5).Draw(t, "texts") {
			v["k"+strings.Repeat("x", i)] = []any{s, json.Number(rapid.StringMatching(`-?[1-9][0-9]{0,20}(\.[0-9]{1,9})?`).Draw(t, "n"))}
		}
		in, err := json.MarshalIndent(v, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		r, err := fhir.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := fhir.Canonical(in)
		got, _ := fhir.Canonical(r.Body)
		if !bytes.Equal(want, got) {
			t.Fatalf("want %s\ngot  %s", want, got)
		}
		again, err := fhir.Parse(r.Body)
		if err != nil || !bytes.Equal(again.Body, r.Body) || again.ID != v["id"] {
			t.Fatalf("again: %s, %v", again.Body, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"resourceType":"Patient","id":"1"}`, `{"resourceType":"Patient","x":"\ud83d\ude00"}`, `{"a":[{}, [], null, -1.5e3]}`,
		"{\"resourceType\":\"Patient\",\"k\":1,\"\u212a\":2}", `{"\u0061":1,"a":2}`, `[[[[[`, ` {"resourceType" : "Basic" } `,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := fhir.Parse(b)
		if err != nil {
			return
		}
		m, err := fhir.Decode(r)
		if err != nil || m["resourceType"] != r.Type {
			t.Fatalf("parsed but not decoded: %v", err)
		}
		if again, err := fhir.Parse(r.Body); err != nil || !bytes.Equal(again.Body, r.Body) {
			t.Fatalf("not stable: %v", err)
		}
		for _, i := range fhir.Validate(r) {
			if i.Path == "" || i.Rule == "" || i.Message == "" || (i.Severity != fhir.Error && i.Severity != fhir.Warning) {
				t.Fatalf("half an issue: %+v", i)
			}
		}
	})
}
