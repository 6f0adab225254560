package fhirpath_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/fhir/fhirpath"
)

const caseRecord = `{
	"Barnevern": "also a field",
	"Sak": {
		"Id": "S-1", "Aar": "2026", "Antall": 3, "Pris": 1.50, "Stor": 12345678901234567890, "Aktiv": true, "Flagg": "false", "Tom": null,
		"Plan": [
			{"Id": "P-1", "StartDato": "2026-01-15", "Tiltak": [{"Kode": "1.1"}, {"Kode": "4.2"}]},
			{"Id": "P-2", "Tiltak": [{"Kode": "1.1"}]}
		],
		"Rute": [[1, 2], [3, null]],
		"Rar nøkkel": "ja", "div": "x", "day": "mandag"
	}
}`

// evaluate gives the texts of the result.
func evaluate(t *testing.T, text string, root fhirpath.Item, env *fhirpath.Env, opts ...fhirpath.Option) ([]string, error) {
	t.Helper()
	e, err := fhirpath.Compile(text, opts...)
	if err != nil {
		return nil, err
	}
	out, err := e.Evaluate(env, root)
	texts := []string{}
	for _, it := range out {
		s, ok := it.String()
		if !ok {
			s = "object"
		}
		texts = append(texts, s)
	}
	return texts, err
}

func TestPlainRecords(t *testing.T) {
	root := fhirpath.Root(fromJSON(t, caseRecord), "Record")
	for _, test := range []struct{ text, want string }{
		{"Sak.Id", "S-1"},
		{"Record.Sak.Id", "S-1"},
		{"Sak.Record.Id", ""}, // the root's name only begins a path
		{"Sak.Plan.where(Record.exists()).Id", ""},
		{"Sak.Plan.Id", "P-1 P-2"},
		{"Sak.Plan[1].Id", "P-2"},
		{"Sak.Plan[7].Id", ""},
		{"Sak.Plan[-1].Id", ""},
		{"Sak.Plan.where(Tiltak.Kode = '4.2').Id", ""}, // two codes are not equal to one
		{"Sak.Plan.where('4.2' in Tiltak.Kode).Id", "P-1"},
		{"Sak.Plan.where($index = 1).Id", "P-2"},
		{"Sak.Plan.select(Id & ':' & Tiltak.count())", "P-1:2 P-2:1"},
		{"Sak.Plan.Tiltak.Kode.distinct()", "1.1 4.2"},
		{"Sak.Plan.select(%context.Sak.Id)", "S-1 S-1"},
		{"Sak.Plan.StartDato", "2026-01-15"},
		{"Sak.Finnes.Ikke", ""},
		{"Sak.Tom", ""},
		{"Sak.Tom.exists()", "false"},
		{"Sak.Rute", "1 2 3"},
		{"Sak.`Rar nøkkel`", "ja"},
		{"Sak.div & Sak.day", "xmandag"},
		{"Sak.Id.substring(0, 1)", "S"},

		// A plain text is never guessed to be a date or a number.
		{"Sak.Aar = '2026'", "true"},
		{"Sak.Aar & 'x'", "2026x"},
		{"Sak.Aar is String", "true"},
		{"Sak.Aar = 2026", "false"},
		{"Sak.Aar = @2026", "false"},
		{"Sak.Plan.StartDato is String", "true"},
		{"Sak.Plan.StartDato.toDate() < @2026-02-01", "true"},
		{"Sak.Plan.StartDato.toDate() + 1 month", "2026-02-15"},

		// Numbers keep their digits.
		{"Sak.Pris", "1.50"},
		{"Sak.Pris = 1.5", "true"},
		{"Sak.Pris + 1", "2.50"},
		{"Sak.Pris is Decimal", "true"},
		{"Sak.Stor", "12345678901234567890"},
		{"Sak.Stor + 1", "12345678901234567891"},
		{"Sak.Antall is Integer", "true"},
		{"Sak.Antall / 2", "1.5"},
		{"2147483648 * 2147483648 * 4", ""}, // does not fit
		{"0.1 + 0.2 = 0.3", "true"},
		{"10 / 4", "2.5"},
		{"-7 div 2", "-3"},
		{"-7 mod 2", "-1"},

		{"Sak.Aktiv and Sak.Antall > 2", "true"},
		{"iif(Sak.Aktiv, 'på', 'av')", "på"},
		{"iif(Sak.Finnes = 1, 'a', 'b')", "b"},
		{"coalesce(Sak.Finnes, Sak.Id, 'x')", "S-1"},
		{"Sak.Plan.sort(-Id).Id", "P-2 P-1"},
		{"Sak.Plan.sort(StartDato).Id", "P-2 P-1"}, // nothing sorts first
		{"Sak.Plan.defineVariable('p', Id).Tiltak.select(%p.first() & Kode)", "P-11.1 P-14.2 P-11.1"},
		{"Sak.children().count()", "15"},
		{"Sak.descendants().Kode", "1.1 4.2 1.1"},
		{"Sak.type().name", "object"},
		{"(Sak.Plan = Sak.Plan) and (Sak.Plan ~ Sak.Plan)", "true"},
		{"Sak.Plan[0] = Sak.Plan[1]", "false"},
		{"'b' in Sak.Finnes", "false"},
		{"Sak.Finnes in 'b'", ""},
		{"'Ærlig talt'.length()", "10"},
		{"'Ærlig talt'.indexOf('t')", "6"},
		{"'Ærlig talt'.lastIndexOf('t')", "9"},
		{"'a-b-c'.replaceMatches('(\\\\w)-', '$1+')", "a+b+c"},
		{"'æøå'.upper()", "ÆØÅ"},
		{"('a' | 'b').join()", "ab"},
		{"1.5 'kg' > 1400 'g'", "true"},
		{"1 year = 12 months", "true"},
		{"1 year = 365 days", ""},
		{"(1 'kg').toQuantity('g')", "1000 'g'"},
		{"@2024-01-31 + 1 month", "2024-02-29"},
		{"@2024-02-29 + 1 year", "2025-02-28"},
		{"@2024 + 24 months", "2026"},
		{"@T23:30 + 60 minutes", "00:30"},
		{"@2026-11-23T08:00:00+01:00 = @2026-11-23T07:00:00Z", "true"},
		{"@2026-11 < @2026-12-01", "true"},
		{"@2026-11 < @2026-11-30", ""},
		{"'2026-11-23T08:30:00+01:00'.toDate()", "2026-11-23"},
	} {
		got, err := evaluate(t, test.text, root, nil)
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%s = %q, %v; want %q", test.text, got, err, test.want)
		}
	}
}

func TestRootNameThatIsAField(t *testing.T) {
	root := fhirpath.Root(fromJSON(t, caseRecord), "Barnevern")
	if got, err := evaluate(t, "Barnevern", root, nil); err != nil || strings.Join(got, " ") != "also a field" {
		t.Errorf("the field was not read: %q, %v", got, err)
	}
}

const patient = `{
	"resourceType": "Patient", "id": "p1", "active": true,
	"birthDate": "2014-05", "_birthDate": {"extension": [{"url": "urn:x", "valueString": "omtrent"}]},
	"name": [{"given": [null, "Kari"], "_given": [{"extension": [{"url": "urn:y", "valueInteger": 3}]}, null], "family": "Eksempel"}],
	"multipleBirthInteger": 2,
	"contact": [{"relationship": [{"text": "Mor"}]}],
	"contained": [{"resourceType": "Organization", "id": "o", "name": "Skolen"}],
	"managingOrganization": {"reference": "#o"},
	"generalPractitioner": [{"reference": "Practitioner/1"}]
}`

func TestFHIRRecords(t *testing.T) {
	root := fhirpath.RootFHIR(fromJSON(t, patient))
	practitioner := fhirpath.RootFHIR(fromJSON(t, `{"resourceType": "Practitioner", "id": "1", "gender": "female"}`))
	env := &fhirpath.Env{
		Now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.FixedZone("", 3600)),
		Resolve: func(ref string) (fhirpath.Item, bool) {
			return practitioner, ref == "Practitioner/1"
		},
	}
	for _, test := range []struct{ text, want string }{
		{"Patient.id", "p1"},
		{"Resource.id", "p1"},
		{"Observation.id", ""},
		{"birthDate is date", "true"},
		{"birthDate < @2014-06", "true"},
		{"birthDate < @2014-05-02", ""},
		{"birthDate.extension('urn:x').value", "omtrent"},
		{"birthDate.hasValue()", "true"},
		{"name.given.hasValue()", "false"}, // two items
		{"name.given.select(hasValue())", "false true"},
		{"name.given.extension('urn:y').value", "3"},
		{"name.given.where(hasValue())", "Kari"},
		{"multipleBirth", "2"},
		{"multipleBirth is integer", "true"},
		{"multipleBirthInteger", ""},
		{"contact.relationship.text", "Mor"},
		{"contact.type().name", "Patient.contact"},
		{"contained.name", "Skolen"},
		{"contained.ofType(Organization).name", "Skolen"},
		{"managingOrganization.resolve().name", "Skolen"},
		{"generalPractitioner.resolve().gender", "female"},
		{"contained.select(%resource.id & %rootResource.id)", "p1p1"},
		{"now()", "2026-11-23T08:00:00.000+01:00"},
		{"today()", "2026-11-23"},
		{"timeOfDay()", "08:00:00.000"},
		{"today() - 12 years > birthDate.toDate()", "true"},
		{"'male'.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')", "true"},
		{"'mann'.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')", "false"},
		{"'x'.memberOf('http://example.org/unknown')", ""},
		{"'<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Hei</p></div>'.htmlChecks()", "true"},
		{"'<div xmlns=\"http://www.w3.org/1999/xhtml\"><script>x</script></div>'.htmlChecks()", "false"},
		{"'<div xmlns=\"http://www.w3.org/1999/xhtml\"> </div>'.htmlChecks()", "false"},
		{"descendants().where($this is Organization).name", "Skolen"},
	} {
		got, err := evaluate(t, test.text, root, env)
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%s = %q, %v; want %q", test.text, got, err, test.want)
		}
	}
}

func TestTypesAndPaths(t *testing.T) {
	plain := fhirpath.Root(fromJSON(t, caseRecord), "Record")
	typed := fhirpath.RootFHIR(fromJSON(t, patient))
	for _, test := range []struct {
		text       string
		root       fhirpath.Item
		path, kind string
	}{
		{"Sak.Plan[1].Tiltak[0].Kode", plain, "Record.Sak.Plan[1].Tiltak[0].Kode", "System.String"},
		{"Sak.Plan.where(StartDato.exists()).StartDato", plain, "Record.Sak.Plan[0].StartDato", "System.String"},
		{"Record.Sak", plain, "Record.Sak", ""},
		{"%context", plain, "Record", ""},
		{"Sak.Antall", plain, "Record.Sak.Antall", "System.Integer"},
		{"Sak.Antall + 1", plain, "", "System.Integer"},
		{"Sak.Id & ''", plain, "", "System.String"},
		{"name.given[1]", typed, "Patient.name[0].given[1]", "FHIR.string"},
		{"multipleBirth", typed, "Patient.multipleBirth", "FHIR.integer"},
		{"contained.name", typed, "Patient.contained[0].name", "FHIR.string"},
		{"birthDate", typed, "Patient.birthDate", "FHIR.date"},
		{"birthDate + 1 month", typed, "", "System.Date"},
	} {
		out, err := fhirpath.MustCompile(test.text).Evaluate(nil, test.root)
		if err != nil || len(out) != 1 {
			t.Errorf("%s: %d items, %v", test.text, len(out), err)
			continue
		}
		if out[0].Path() != test.path || out[0].Type() != test.kind {
			t.Errorf("%s stands at %q and is %q; want %q and %q", test.text, out[0].Path(), out[0].Type(), test.path, test.kind)
		}
	}
}

func TestVariablesKeepTheirPaths(t *testing.T) {
	root := fhirpath.Root(fromJSON(t, caseRecord), "Record")
	plans, err := fhirpath.MustCompile("Sak.Plan").Evaluate(nil, root)
	if err != nil {
		t.Fatal(err)
	}
	env := &fhirpath.Env{Variables: map[string]fhirpath.Collection{"plan": plans[1:]}}
	out, err := fhirpath.MustCompile("%plan.Tiltak.Kode", fhirpath.WithVariables("plan")).Evaluate(env, root)
	if err != nil || len(out) != 1 || out[0].Path() != "Record.Sak.Plan[1].Tiltak[0].Kode" {
		t.Errorf("%v, %v", out, err)
	}
}

func TestReadsTellsEachStep(t *testing.T) {
	var paths []string
	env := &fhirpath.Env{Reads: func(it fhirpath.Item) { paths = append(paths, it.Path()) }}
	root := fhirpath.Root(fromJSON(t, caseRecord), "Record")
	if _, err := fhirpath.MustCompile("Sak.Plan.where(Id = 'P-2').Tiltak.Kode").Evaluate(env, root); err != nil {
		t.Fatal(err)
	}
	want := []string{"Record.Sak", "Record.Sak.Plan[0]", "Record.Sak.Plan[1]", "Record.Sak.Plan[0].Id", "Record.Sak.Plan[1].Id",
		"Record.Sak.Plan[1].Tiltak[0]", "Record.Sak.Plan[1].Tiltak[0].Kode"}
	if !slices.Equal(paths, want) {
		t.Errorf("read %q, want %q", paths, want)
	}
}

func TestTraceTellsNoContent(t *testing.T) {
	type seen struct {
		name  string
		count int
	}
	var traced []seen
	env := &fhirpath.Env{Trace: func(name string, count int) { traced = append(traced, seen{name, count}) }}
	root := fhirpath.Root(fromJSON(t, caseRecord), "Record")
	for _, text := range []string{"Sak.Plan.trace('planer').Id", "Sak.trace(Id).Id", "Sak.trace('t', Plan.Tiltak)"} {
		if _, err := fhirpath.MustCompile(text).Evaluate(env, root); err != nil {
			t.Fatal(err)
		}
	}
	if want := []seen{{"planer", 2}, {"?", 1}, {"t", 3}}; !slices.Equal(traced, want) {
		t.Errorf("traced %v, want %v", traced, want)
	}
}

func TestErrors(t *testing.T) {
	root := fhirpath.Root(fromJSON(t, caseRecord), "Record")
	for _, test := range []struct {
		text string
		want error
	}{
		{"Sak.Plan.single()", fhirpath.ErrSingle},
		{"Sak.Plan.Id.upper()", fhirpath.ErrSingle},
		{"Sak.Plan.Id + 'x'", fhirpath.ErrSingle},
		{"Sak.Antall.upper()", fhirpath.ErrType},
		{"Sak.Id < 3", fhirpath.ErrType},
		{"Sak & 'x'", fhirpath.ErrType},
		{"Sak.where(Flagg)", fhirpath.ErrType}, // the text "false" is not false, and not true either
		{"iif(Sak.Flagg, 1, 2)", fhirpath.ErrType},
		{"Sak.Id.encode('rot13')", fhirpath.ErrArgument},
		{"Sak.Id.matches('(')", fhirpath.ErrArgument},
		{"@2026-01-01 + 1 'kg'", fhirpath.ErrType},
		{"now()", fhirpath.ErrClock},
		{"%ukjent", fhirpath.ErrVariable},
		{"defineVariable('context', 1)", fhirpath.ErrVariable},
	} {
		_, err := evaluate(t, test.text, root, nil)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.text, err, test.want)
			continue
		}
		for _, content := range []string{"S-1", "P-1", "false"} {
			if strings.Contains(err.Error(), content) {
				t.Errorf("%s: the error tells content: %v", test.text, err)
			}
		}
	}
}

func TestErrorsTellThePlaceOnce(t *testing.T) {
	root := fhirpath.Root(fromJSON(t, caseRecord), "Record")
	_, err := evaluate(t, "Sak.Id.exists() and\n  Sak.Plan.where(Id.single().upper() < 3).exists()", root, nil)
	if err == nil || err.Error() != "fhirpath: 2:38: <: wrong type" {
		t.Errorf("got %v", err)
	}
}

func TestHostileExpressionsEndInTheBudget(t *testing.T) {
	root := fhirpath.Root(fromJSON(t, caseRecord), "Record")
	for _, text := range []string{
		"repeat(1 | (2 | 3)).repeat($this + 1)",
		"'x'" + strings.Repeat(".replace('x', 'xx')", 40),
		"'x'" + strings.Repeat(".select($this & $this)", 40),
		"'x'" + strings.Repeat(".encode('hex')", 60),
		"'x'" + strings.Repeat(".replaceMatches('', 'xx').replaceMatches('.', 'xx')", 40),
		"Sak" + strings.Repeat(".select($this.combine($this))", 40) + ".count()",
		"'x'.repeat($this & 'x')",
		"(1|2|3|4|5|6|7|8|9).select(%context.descendants().select(%context.descendants().select(%context.descendants().select(%context.descendants()))))",
	} {
		_, err := fhirpath.MustCompile(text).Evaluate(&fhirpath.Env{Steps: 20000}, root)
		if !errors.Is(err, fhirpath.ErrBudget) {
			t.Errorf("%s: %v, want ErrBudget", text, err)
		}
	}
	deep := strings.Repeat("select(", 150) + "$this" + strings.Repeat(")", 150)
	if _, err := fhirpath.MustCompile(deep).Evaluate(&fhirpath.Env{Depth: 100}, root); !errors.Is(err, fhirpath.ErrBudget) {
		t.Errorf("depth: %v, want ErrBudget", err)
	}
}
