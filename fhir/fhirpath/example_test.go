package fhirpath_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"samsyn/fhir/fhirpath"
)

func ExampleExpression_Evaluate() {
	record := map[string]any{"elev": map[string]any{"mal": []any{
		map[string]any{"tekst": "Lese", "status": "aktiv"},
		map[string]any{"tekst": "Regne", "status": "ferdig"},
	}}}
	e := fhirpath.MustCompile("elev.mal.where(status = 'ferdig').tekst")
	out, err := e.Evaluate(nil, fhirpath.Root(record, "plan"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, it := range out {
		fmt.Println(it.Value(), it.Path())
	}
	// Output: Regne plan.elev.mal[1].tekst
}

func ExampleRootFHIR() {
	patient := map[string]any{"resourceType": "Patient", "birthDate": "2014-05"}
	e := fhirpath.MustCompile("birthDate < @2014-06-01", fhirpath.WithRoot("Patient"))
	out, err := e.Evaluate(nil, fhirpath.RootFHIR(patient))
	fmt.Println(out[0].Value(), err)
	// Output: true <nil>
}

func ExampleWithFunction() {
	greet := fhirpath.Function{MinArgs: 1, MaxArgs: 1, Call: func(c *fhirpath.Call) (fhirpath.Collection, error) {
		name, ok, err := c.Text(0)
		if err != nil || !ok {
			return nil, err
		}
		return fhirpath.Of("Hei, " + name), nil
	}}
	e := fhirpath.MustCompile("greet(navn)", fhirpath.WithFunction("greet", greet))
	out, err := e.Evaluate(nil, fhirpath.Root(map[string]any{"navn": "Kari"}, "elev"))
	fmt.Println(out[0].Value(), err)
	// Output: Hei, Kari <nil>
}

func ExampleCompile_error() {
	_, err := fhirpath.Compile("name.where(use = 'usual').givn", fhirpath.WithRoot("Patient"))
	var syntax *fhirpath.SyntaxError
	if errors.As(err, &syntax) {
		fmt.Println(syntax.Line, syntax.Column, syntax.Message)
	}
	// Output: 1 27 HumanName has no element "givn"
}

// Decimals keep the digits they are written with.
func ExampleParseDecimal() {
	d, _ := fhirpath.ParseDecimal("1.50")
	text, _ := json.Marshal(d)
	fmt.Println(string(text))
	// Output: 1.50
}
