package fhirpath_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"samsyn/fhir/fhirpath"
)

// sourceSchema declares a plain source for the tests: type → field → type.
type sourceSchema map[string]map[string]string

func (s sourceSchema) Field(typ, name string) (string, bool) {
	next, ok := s[typ][name]
	return next, ok
}

func TestCompileRefuses(t *testing.T) {
	schema := sourceSchema{
		"":       {"Sak": "sak", "Annet": ""},
		"sak":    {"Id": "text", "Plan": "plan"},
		"plan":   {"Id": "text", "Tiltak": "tiltak"},
		"tiltak": {"Kode": "text"},
		"text":   {},
	}
	declared := fhirpath.WithSchema(schema)
	variables := fhirpath.WithVariables("plan", "i")
	for _, test := range []struct {
		text    string
		opts    []fhirpath.Option
		want    string // "" compiles
		l, c    int
		comment string
	}{
		{text: "", want: "value is expected", l: 1, c: 1},
		{text: "a.", want: "name is expected", l: 1, c: 3},
		{text: "a b", want: "unexpected", l: 1, c: 3},
		{text: "a +", want: "value is expected", l: 1, c: 4},
		{text: "(a", want: `")" expected`, l: 1, c: 3},
		{text: "a[0", want: `"]" expected`, l: 1, c: 4},
		{text: "'åpen", want: "not closed", l: 1, c: 1},
		{text: `'\q'`, want: "unknown escape", l: 1, c: 2},
		{text: `'\uZZZZ'`, want: "unicode", l: 1, c: 2},
		{text: "'æøå' # 1", want: "unexpected character", l: 1, c: 7},
		{text: "@2026-13-01", want: "bad date", l: 1, c: 1},
		{text: "@2026-02-30", want: "bad date", l: 1, c: 1},
		{text: "@T25", want: "bad time", l: 1, c: 1},
		{text: "a.$this", want: "cannot follow", l: 1, c: 3},
		{text: "$that", want: "unknown $that", l: 1, c: 1},
		{text: "%", want: "name is missing", l: 1, c: 1},
		{text: "a is", want: "type is expected", l: 1, c: 5},
		{text: "a is Pasient", want: "unknown type Pasient", l: 1, c: 3},
		{text: "a.ofType(1)", want: "type is expected", l: 1, c: 10},
		{text: "a\n  .whre(b)", want: "unknown function whre(); did you mean where()?", l: 2, c: 4},
		{text: "a.oversett('x')", want: "unknown function oversett()", l: 1, c: 3},
		{text: "a.substring()", want: "takes 1 to 2 arguments, not 0", l: 1, c: 3},
		{text: "a.first(1)", want: "takes 0 arguments, not 1", l: 1, c: 3},
		{text: strings.Repeat("(", 500) + "1" + strings.Repeat(")", 500), want: "too deep", l: 1, c: 201},
		{text: "1" + strings.Repeat("+1", 5000), want: "too long", l: 1, c: 4000},
		{text: strings.Repeat("1", 500), want: "too long", l: 1, c: 1},
		{text: "%ukjent", opts: []fhirpath.Option{variables}, want: "unknown variable %ukjent", l: 1, c: 1},
		{text: "%plan.Id & %i & %sct & %context", opts: []fhirpath.Option{variables}},
		{text: "a.defineVariable('x').select(%x)", opts: []fhirpath.Option{variables}},

		{text: "Sak.Plan.Tiltak.Kode", opts: []fhirpath.Option{declared}},
		{text: "Sak.Plan.Tilltak.Kode", opts: []fhirpath.Option{declared}, want: `unknown field "Tilltak"`, l: 1, c: 10},
		{text: "Sak.Plan.where(Tiltak.Kod = 'x')", opts: []fhirpath.Option{declared}, want: `unknown field "Kod"`, l: 1, c: 23},
		{text: "Sak.Plan.select(Tiltak).first().Kod", opts: []fhirpath.Option{declared}, want: `unknown field "Kod"`, l: 1, c: 33},
		{text: "'x' & Sak.Idd", opts: []fhirpath.Option{declared}, want: `unknown field "Idd"`, l: 1, c: 11},
		{text: "Sak.Plan.where(Id = '1' and %context.Hva.Som.Helst.exists())", opts: []fhirpath.Option{declared}, comment: "what is not known is not refused"},
		{text: "Annet.Hva.Som.Helst", opts: []fhirpath.Option{declared}},
		{text: "plan.Tiltak", opts: []fhirpath.Option{declared, fhirpath.WithRoot("plan")}},

		{text: "name.given", opts: []fhirpath.Option{fhirpath.WithRoot("Patient")}},
		{text: "name.givn", opts: []fhirpath.Option{fhirpath.WithRoot("Patient")}, want: `HumanName has no element "givn"`, l: 1, c: 6},
		{text: "Patient.contained.name.hva", opts: []fhirpath.Option{fhirpath.WithRoot("Patient")}, comment: "contained may be anything"},
		{text: "contained.ofType(Organization).navn", opts: []fhirpath.Option{fhirpath.WithRoot("Patient")}, want: `Organization has no element "navn"`, l: 1, c: 32},
		{text: "multipleBirthInteger", opts: []fhirpath.Option{fhirpath.WithRoot("Patient")}, want: "no element", l: 1, c: 1},
		{text: "activity.detail.performr", opts: []fhirpath.Option{fhirpath.WithRoot("CarePlan")}, want: `CarePlan.activity.detail has no element "performr"`, l: 1, c: 17},
		{text: "extension('x').verdi", opts: []fhirpath.Option{fhirpath.WithRoot("Patient")}, want: "Extension has no element", l: 1, c: 16},
	} {
		_, err := fhirpath.Compile(test.text, test.opts...)
		var syntax *fhirpath.SyntaxError
		if test.want == "" {
			if err != nil {
				t.Errorf("%.60s: %v (%s)", test.text, err, test.comment)
			}
			continue
		}
		if !errors.As(err, &syntax) {
			t.Errorf("%.60s: %v, want a SyntaxError", test.text, err)
			continue
		}
		if !strings.Contains(syntax.Message, test.want) || syntax.Line != test.l || syntax.Column != test.c {
			t.Errorf("%.60s: %v, want %d:%d %s", test.text, syntax, test.l, test.c, test.want)
		}
	}
}

func TestOwnFunctions(t *testing.T) {
	twice := fhirpath.Function{MinArgs: 1, MaxArgs: 2, Call: func(c *fhirpath.Call) (fhirpath.Collection, error) {
		text, ok, err := c.Text(0)
		if err != nil || !ok {
			return nil, err
		}
		return fhirpath.Of(text + text), nil
	}}
	ids := fhirpath.Function{MinArgs: 1, MaxArgs: 1, Call: func(c *fhirpath.Call) (fhirpath.Collection, error) {
		var out fhirpath.Collection
		for _, it := range c.Input() {
			got, err := c.Each(0, it)
			if err != nil {
				return nil, err
			}
			out = append(out, got...)
		}
		return out, nil
	}}
	broken := errors.New("no such table")
	fails := fhirpath.Function{Call: func(*fhirpath.Call) (fhirpath.Collection, error) { return nil, broken }}
	opts := []fhirpath.Option{
		fhirpath.WithFunction("twice", twice), fhirpath.WithFunction("ids", ids), fhirpath.WithFunction("fails", fails),
		fhirpath.WithFunction("upper", twice), // an own function takes the built-in one's place
	}
	root := fhirpath.Root(fromJSON(t, caseRecord), "Record")
	for _, test := range []struct{ text, want string }{
		{"twice(Sak.Id)", "S-1S-1"},
		{"Sak.twice(Sak.Id)", "S-1S-1"}, // arguments are read where the call stands
		{"Sak.Plan.select(twice(Id))", "P-1P-1 P-2P-2"},
		{"Sak.Plan.ids(Id)", "P-1 P-2"},
		{"twice(Sak.Finnes)", ""},
		{"upper('a')", "aa"},
	} {
		got, err := evaluate(t, test.text, root, nil, opts...)
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%s = %q, %v; want %q", test.text, got, err, test.want)
		}
	}
	if _, err := evaluate(t, "Sak.select(fails())", root, nil, opts...); !errors.Is(err, broken) || !strings.Contains(err.Error(), "1:12: fails()") {
		t.Errorf("own error: %v", err)
	}
	if _, err := fhirpath.Compile("twice(1)"); err == nil {
		t.Error("an own function leaked into another compilation")
	}
}

func TestCallsAreListed(t *testing.T) {
	translate := fhirpath.WithFunction("translate", fhirpath.Function{MinArgs: 2, MaxArgs: 3})
	e := fhirpath.MustCompile("translate('plantype', type).exists() and\n translate(navn, 'x').exists()", translate)
	var got []string
	for _, call := range e.Calls() {
		if call.Function == "translate" {
			name := "-"
			if call.Literals[0] != nil {
				name = *call.Literals[0]
			}
			got = append(got, name)
			if call.Line == 2 && call.Column != 2 {
				t.Errorf("place %d:%d", call.Line, call.Column)
			}
		}
	}
	if strings.Join(got, " ") != "plantype -" {
		t.Errorf("calls %q", got)
	}
}

func TestFunctionsAreDocumented(t *testing.T) {
	all := fhirpath.Functions()
	if len(all) < 90 {
		t.Errorf("only %d functions", len(all))
	}
	for _, f := range all {
		if f.Name == "" || f.Example == "" || f.Doc == "" || f.Spec == "" || f.Call == nil || f.MaxArgs >= 0 && f.MaxArgs < f.MinArgs {
			t.Errorf("%q is not described whole", f.Name)
		}
		e, err := fhirpath.Compile(f.Example)
		if err != nil || !strings.Contains(f.Example, f.Name+"(") {
			t.Errorf("example of %s: %v", f.Name, err)
			continue
		}
		out, err := e.Evaluate(&fhirpath.Env{Now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}, fhirpath.Root(nil, ""))
		if err != nil || len(out) != 1 || out[0].Value() != true {
			t.Errorf("%s: %v, %v; want true", f.Example, out, err)
		}
	}
}
