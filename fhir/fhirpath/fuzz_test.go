package fhirpath_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"samsyn/fhir/fhirpath"
)

var fuzzSeeds = []string{
	"Sak.Plan.where(Id = 'P-1' and Tiltak.exists()).Tiltak.Kode.first()",
	"name.given | 'x' & @2014-05-06T10:00:00.5+02:00 + 3 'wk'",
	"iif($this is Patient, birthDate.lowBoundary(), {}) /* c */ // d",
	"(1 | 2.50 | -3).aggregate($this * $total, 1 'cm').toQuantity('m')",
	"descendants().repeat(children()).ofType(FHIR.string).select($index)",
	"%`vs-x` in `odd name`[0] implies 'a\\u0065'.matches('.*') xor @T10:30 !~ @T10",
	"'x'.replaceMatches('(.)', '$1$1').encode('base64').decode('base64').toChars().sort(-$this)",
	"1.5.power(3).round(2).log(10).sqrt().precision()",
}

func FuzzCompile(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := fhirpath.Compile(text, fhirpath.WithRoot("Patient"))
		var syntax *fhirpath.SyntaxError
		switch {
		case err == nil && e.String() != text:
			t.Errorf("text is %q", e.String())
		case err != nil && !errors.As(err, &syntax):
			t.Errorf("not a SyntaxError: %v", err)
		case err != nil && (syntax.Line < 1 || syntax.Column < 1 || syntax.Line > 1+strings.Count(text, "\n")):
			t.Errorf("place %d:%d is not in the text", syntax.Line, syntax.Column)
		}
	})
}

// FuzzEvaluate asks that an evaluation ends within its budget, gives one of the
// package's errors or values that can be written, and is the same twice.
func FuzzEvaluate(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s, caseRecord)
		f.Add(s, patient)
	}
	f.Add("a.b.c", `{"a":[[{"b":1e999}],{"b":null}]}`)
	f.Fuzz(func(t *testing.T, text, record string) {
		e, err := fhirpath.Compile(text)
		if err != nil {
			return
		}
		d := json.NewDecoder(strings.NewReader(record))
		d.UseNumber()
		var v any
		if d.Decode(&v) != nil {
			return
		}
		env := &fhirpath.Env{Now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), Steps: 20000}
		for _, root := range []fhirpath.Item{fhirpath.Root(v, "Sak"), fhirpath.RootFHIR(v)} {
			first, again := render(t, e, env, root), render(t, e, env, root)
			if first != again {
				t.Errorf("%s then %s", first, again)
			}
		}
	})
}

func render(t *testing.T, e *fhirpath.Expression, env *fhirpath.Env, root fhirpath.Item) string {
	out, err := e.Evaluate(env, root)
	if err != nil {
		for _, known := range []error{fhirpath.ErrType, fhirpath.ErrSingle, fhirpath.ErrArgument, fhirpath.ErrBudget, fhirpath.ErrVariable, fhirpath.ErrClock} {
			if errors.Is(err, known) {
				return "error"
			}
		}
		t.Errorf("error outside the set: %v", err)
	}
	var b strings.Builder
	for _, it := range out {
		data, err := json.Marshal(it.Value())
		if err != nil {
			t.Errorf("value of type %s cannot be written: %v", it.Type(), err)
		}
		b.WriteString(it.Path() + " " + it.Type() + " " + string(data) + "\n")
	}
	return b.String()
}
