package fhirpath_test

import (
	"encoding/json"
	"strings"
	"testing"

	"samsyn/fhir/fhirpath"
)

const schoolRecord = `{"elev":{"navn":{"fornavn":"Kari","etternavn":"Eksempel"},"plan":{"type":"iop","mal":[
	{"id":"1","tekst":"Lese","status":"aktiv","fag":{"kode":"NOR"}},
	{"id":"2","tekst":"Regne","status":"ferdig","fag":{"kode":"MAT"}},
	{"id":"3","tekst":"Skrive","status":"aktiv","fag":{"kode":"NOR"}}]}},"skole":{"navn":"Eksempel skole"}}`

func fromJSON(tb testing.TB, text string) any {
	tb.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		tb.Fatal(err)
	}
	return v
}

func BenchmarkEvaluate(b *testing.B) {
	root := fhirpath.Root(fromJSON(b, schoolRecord), "record")
	env := &fhirpath.Env{}
	for _, text := range []string{
		"elev.navn.fornavn",
		"elev.plan.mal.where(status = 'aktiv').first().tekst",
		"elev.plan.mal.where(status = 'aktiv' and fag.kode = 'NOR').exists()",
		"elev.navn.fornavn & ' ' & elev.navn.etternavn",
		"elev.plan.mal.tekst.join(', ')",
	} {
		e := fhirpath.MustCompile(text)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if out, err := e.Evaluate(env, root); err != nil || len(out) != 1 {
					b.Fatal(out, err)
				}
			}
		})
	}
}

func BenchmarkEvaluateFHIR(b *testing.B) {
	root := fhirpath.RootFHIR(fromJSON(b, patient))
	env := &fhirpath.Env{}
	for _, text := range []string{
		"managingOrganization.reference",
		"Patient.name.given.last()",
		"birthDate < @2020-01-01",
		"multipleBirth is integer",
		"hasValue() or (children().count() > id.count())", // ele-1
	} {
		e := fhirpath.MustCompile(text)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if out, err := e.Evaluate(env, root); err != nil || len(out) != 1 {
					b.Fatal(out, err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		fhirpath.MustCompile("elev.plan.mal.where(status = 'aktiv' and fag.kode = 'NOR').exists()")
	}
}

// A path costs one allocation a step and one for the evaluation; places are
// carried along and written out only when asked for.
func TestPathsAreCheap(t *testing.T) {
	root := fhirpath.Root(fromJSON(t, schoolRecord), "record")
	env := &fhirpath.Env{}
	e := fhirpath.MustCompile("elev.navn.fornavn")
	if n := testing.AllocsPerRun(100, func() {
		if out, err := e.Evaluate(env, root); err != nil || len(out) != 1 {
			t.Fatal(out, err)
		}
	}); n > 4 {
		t.Errorf("%v allocations", n)
	}
}
