package mapping_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"samsyn/mapping"
)

// load makes a map a/b of a text and the test tables.
func load(t testing.TB, text string, tables ...string) *mapping.Map {
	t.Helper()
	files := map[string]string{"maps/a/b.yaml": text}
	for i := 0; i+1 < len(tables); i += 2 {
		files["codes/"+tables[i]] = tables[i+1]
	}
	set, err := mapping.Load(fsOf(files))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	m, _ := set.Map("a", "b")
	return m
}

func input(body string) mapping.Input {
	return mapping.Input{Source: "kilde", Kind: "b", Key: "k1", Media: "application/json", Body: []byte(body), Now: demoNow, IDKey: demoKey}
}

// basic is a resource with free elements; the template under test is added to it.
const basic = goodHead + `make:
  - resourceType: Basic
    id: a
    code: { text: x }
`

const record = `{"a":"A","b":"B","n":3,"d":2.50,"t":true,"tom":"","ingen":null,"liste":["x","y"],
"o":{"text":"T","coding":[{"code":"c"}]},"ting":[{"k":1,"v":"en"},{"k":2},{"k":3,"v":"tre"}],"æøå":"Å","fnr":"14831460041"}`

// TestTemplates runs each form of the language; the element is code (a CodeableConcept)
// or extension, where any value fits.
func TestTemplates(t *testing.T) {
	ext := func(s string) string { return `[{"url":"u",` + s + `}]` }
	cases := []struct{ name, template, member, want string }{
		{"first value", "    extension: [{ url: u, valueString: '{{ liste }}' }]\n", "extension", ext(`"valueString":"x"`)},
		{"number for string", "    extension: [{ url: u, valueString: '{{ n }}' }]\n", "extension", ext(`"valueString":"3"`)},
		{"decimal kept", "    extension: [{ url: u, valueDecimal: '{{ d }}' }]\n", "extension", ext(`"valueDecimal":2.50`)},
		{"text to integer", "    extension: [{ url: u, valueInteger: \"{{ n.toString() }}\" }]\n", "extension", ext(`"valueInteger":3`)},
		{"boolean", "    extension: [{ url: u, valueBoolean: '{{ t }}' }]\n", "extension", ext(`"valueBoolean":true`)},
		{"text to boolean", "    extension: [{ url: u, valueBoolean: \"{{ t.toString() }}\" }]\n", "extension", ext(`"valueBoolean":true`)},
		{"concatenation", "    extension: [{ url: u, valueString: '{{ a }} og {{b}}: {{ n }}' }]\n", "extension", ext(`"valueString":"A og B: 3"`)},
		{"concatenation of nothing", "    extension: [{ url: u, valueString: 'x {{ ingen }}', valueCode: y }]\n", "extension", ext(`"valueCode":"y"`)},
		{"concatenation of empty text", "    extension: [{ url: u, valueString: 'x {{ tom }}', valueCode: y }]\n", "extension", ext(`"valueCode":"y"`)},
		{"braces in a string", "    extension: [{ url: u, valueString: \"{{ a & '}}' & '{{' }}\" }]\n", "extension", ext(`"valueString":"A}}{{"`)},
		{"empty collection literal", "    extension: [{ url: u, valueString: \"{{ iif(false, a, {}) }}\", valueCode: y }]\n", "extension", ext(`"valueCode":"y"`)},
		{"escaped braces", "    extension: [{ url: u, valueString: 'a \\{{ b }}' }]\n", "extension", ext(`"valueString":"a {{ b }}"`)},
		{"FPML's null retention", "    extension: [{ url: u, valueString: '{{+ a +}}' }]\n", "extension", ext(`"valueString":"A"`)},
		{"odd names", "    extension: [{ url: u, valueString: '{{ `æøå` }}' }]\n", "extension", ext(`"valueString":"Å"`)},
		{"object kept", "    code: '{{ o }}'\n", "code", `{"coding":[{"code":"c"}],"text":"T"}`},
		{"record variable", "    extension: [{ url: u, valueString: '{{ %record.a }}' }]\n", "extension", ext(`"valueString":"A"`)},
		{"record's name", "    extension: [{ url: u, valueString: '{{ r.a }}' }]\n", "extension", ext(`"valueString":"A"`)},
		{"key", "    extension: [{ url: u, valueString: '{{ %key }}' }]\n", "extension", ext(`"valueString":"k1"`)},
		{"now", "    extension: [{ url: u, valueDateTime: '{{ %now }}' }]\n", "extension", ext(`"valueDateTime":"2026-11-23T08:00:00.000+01:00"`)},
		{"absent drops object", "    author: { display: '{{ ingen }}' }\n", "author", ""},
		{"absent drops list", "    identifier: [{ value: '{{ ingen }}' }, { value: '{{ tom }}' }]\n", "identifier", ""},
		{"constant null drops", "    author: ~\n", "author", ""},
		{"list expression", "    identifier: '{[ ting.select(identifier(''urn:x'', k)) ]}'\n", "identifier", `[{"system":"urn:x","value":"1"},{"system":"urn:x","value":"2"},{"system":"urn:x","value":"3"}]`},
		{"list of list expressions", "    identifier: [\"{[ liste.select(identifier('urn:x', $this)) ]}\", { value: z }]\n", "identifier", `[{"system":"urn:x","value":"x"},{"system":"urn:x","value":"y"},{"value":"z"}]`},
		{"for", "    identifier:\n      - '{% for x in ting %}': { value: '{{ %x.v }}', system: 'urn:{{ %x.k }}' }\n", "identifier", `[{"system":"urn:1","value":"en"},{"system":"urn:2"},{"system":"urn:3","value":"tre"}]`},
		{"for with index", "    identifier:\n      - '{% for i, x in liste %}': { value: '{{ %x }}{{ %i }}' }\n", "identifier", `[{"value":"x0"},{"value":"y1"}]`},
		{"for without list", "    identifier:\n      '{% for x in liste %}': { value: '{{ %x }}' }\n", "identifier", `[{"value":"x"},{"value":"y"}]`},
		{"for between others", "    identifier:\n      - { value: a }\n      - '{% for x in liste %}': { value: '{{ %x }}' }\n      - { value: b }\n", "identifier", `[{"value":"a"},{"value":"x"},{"value":"y"},{"value":"b"}]`},
		{"for in for", "    identifier:\n      - '{% for x in liste %}':\n          - '{% for y in ting %}': { value: '{{ %x }}{{ %y.k }}' }\n", "identifier", `[{"value":"x1"},{"value":"x2"},{"value":"x3"},{"value":"y1"},{"value":"y2"},{"value":"y3"}]`},
		{"for of if", "    identifier:\n      - '{% for x in ting %}':\n          '{% if %x.v.exists() %}': { value: '{{ %x.v }}' }\n          '{% else %}': { value: none }\n", "identifier", `[{"value":"en"},{"value":"none"},{"value":"tre"}]`},
		{"shadowed variable", "    identifier:\n      - '{% for x in liste %}':\n          - '{% for x in ting %}': { value: '{{ %x.k }}' }\n          - { value: '{{ %x }}' }\n", "identifier", `[{"value":"1"},{"value":"2"},{"value":"3"},{"value":"x"},{"value":"1"},{"value":"2"},{"value":"3"},{"value":"y"}]`},
		{"if merged", "    author: { display: d, \"{% if a = 'A' %}\": { type: Practitioner } }\n", "author", `{"type":"Practitioner","display":"d"}`},
		{"else merged", "    author: { display: d, \"{% if a = 'B' %}\": { type: Practitioner }, '{% else %}': { type: Patient } }\n", "author", `{"type":"Patient","display":"d"}`},
		{"if on nothing is false", "    author: { display: d, \"{% if ingen = 'B' %}\": { type: Practitioner } }\n", "author", `{"display":"d"}`},
		{"if on a scalar", "    author: { type: { \"{% if a = 'A' %}\": Practitioner, '{% else %}': Patient }, display: d }\n", "author", `{"type":"Practitioner","display":"d"}`},
		{"if on a list element", "    identifier: { '{% if t %}': [{ value: x }] }\n", "identifier", `[{"value":"x"}]`},
		{"two ifs", "    author: { '{% if t %}': { type: Patient }, '{% if n = 3 %}': { display: d } }\n", "author", `{"type":"Patient","display":"d"}`},
		{"merge", "    author: { type: Patient, '{% merge %}': [{ display: d }, { type: Practitioner }] }\n", "author", `{"type":"Practitioner","display":"d"}`},
		{"merge of expression", "    code: { '{% merge %}': ['{{ o }}', { text: '{{ a }}' }] }\n", "code", `{"coding":[{"code":"c"}],"text":"A"}`},
		{"merge of if", "    author: { '{% merge %}': [{ '{% if t %}': { display: d } }, { '{% if t = false %}': { type: Patient } }] }\n", "author", `{"display":"d"}`},
		{"assign", "    author:\n      '{% assign %}': [{ x: '{{ a }}' }, { y: '{{ %x & b }}' }]\n      display: '{{ %y }}'\n", "author", `{"display":"AB"}`},
		{"assign one", "    author:\n      '{% assign %}': { x: '{{ ting }}' }\n      display: '{{ %x.v }}{{ %x.k }}'\n", "author", `{"display":"en1"}`},
		{"assign all", "    author:\n      '{% assign %}': { x: '{[ ting ]}' }\n      display: '{{ %x.count() }}'\n", "author", `{"display":"3"}`},
		{"assign an object", "    author:\n      '{% assign %}': { x: { navn: '{{ a }}', antall: 7 } }\n      display: '{{ %x.navn }}{{ %x.antall + 1 }}'\n", "author", `{"display":"A8"}`},
		{"assign a list", "    author:\n      '{% assign %}': { x: [a, '{{ b }}'] }\n      display: \"{{ %x.join('-') }}\"\n", "author", `{"display":"a-B"}`},
		{"context block", "    identifier:\n      - '{{ ting }}': { value: '{{ v }}', system: 'urn:{{ k }}' }\n", "identifier", `[{"system":"urn:1","value":"en"},{"system":"urn:2"},{"system":"urn:3","value":"tre"}]`},
		{"primitive extension", "    created: '2026-01-01'\n    _created: { extension: [{ url: u, valueString: '{{ a }}' }] }\n", "_created", `{"extension":[{"url":"u","valueString":"A"}]}`},
		{"contained", "    contained:\n      - { resourceType: Patient, id: p, name: [{ text: '{{ a }}' }] }\n    author: { reference: '#p' }\n", "contained", `[{"resourceType":"Patient","id":"p","name":[{"text":"A"}]}]`},
		{"date of the target's type", "    created: \"{{ '1.2.2026' }}\"\n", "created", `"2026-02-01"`},
		{"numbers beside text", "    meta: { tag: [{ code: '{{ n }}', userSelected: false }] }\n", "meta", `{"tag":[{"code":"3","userSelected":false}]}`},
		{"JSON escapes", "    author: { display: \"{{ 'a\\\"b\\\\\\\\c\\nd' }}\" }\n", "author", `{"display":"a\"b\\c\nd"}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			template, head := c.template, ""
			if c.member == "code" {
				template = strings.Replace(template, "    code: ", "", 1)
				head = strings.Replace(basic, "{ text: x }\n", template, 1)
			} else {
				head = basic + template
			}
			result, err := load(t, head).Apply(input(record))
			if err != nil {
				t.Fatal(err)
			}
			var body map[string]json.RawMessage
			if err := json.Unmarshal(result.Made[0].Resource.Body, &body); err != nil {
				t.Fatal(err)
			}
			if got := string(body[c.member]); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestRecordFaults asks that a record that cannot be mapped says why, where in the map
// and from which field, and never what stood there.
func TestRecordFaults(t *testing.T) {
	const team = goodHead + "tables: [status]\nsubject: { key: '{{ a }}' }\nmake:\n  - resourceType: CareTeam\n    id: \"{{ id('x', nr) }}\"\n"
	const statusTable = "code,display,system,target,targetDisplay,validFrom,validTo\n1,En,,active,,,2025-12-31\n"
	cases := []struct {
		name, template, body string
		kind                 error
		want                 []string
	}{
		{"not JSON", "", `{"a":`, mapping.ErrDecode, []string{"early end"}},
		{"twice", "", `{"a":1,"a":2}`, mapping.ErrDecode, []string{"same name twice"}},
		{"unknown code", "    status: \"{{ translate('status', s) }}\"\n", `{"nr":1,"s":"hemmelig"}`, mapping.ErrUnknownCode, []string{"a/b:8", "CareTeam.status", "table status has no row for code hemmelig", "r.s"}},
		{"unknown code that may be a number", "    status: \"{{ translate('status', s) }}\"\n", `{"nr":1,"s":"14831460041"}`, mapping.ErrUnknownCode, []string{"a text of 11 characters"}},
		{"code not valid on the day", "    status: \"{{ translate('status', s) }}\"\n", `{"nr":1,"s":"1"}`, mapping.ErrUnknownCode, []string{"code 1 that is valid on 2026-11-23"}},
		{"missing id", "    status: \"{{ translate('status', s) }}\"\n", `{"a":1}`, mapping.ErrMissingRequired, []string{"a/b:7", "CareTeam.id", "gave nothing"}},
		{"missing nested", "    status: \"{{ translate('status', s) }}\"\n    note:\n      - text: \"{{ tekst }}\"\n        time: '2026-01-01'\n", `{"nr":1,"tekst":" "}`, mapping.ErrMissingRequired, []string{"a/b:10", "CareTeam.note.text", "from r.tekst"}},
		{"not a date", "    status: \"{{ translate('status', s) }}\"\n    period: { start: \"{{ fra }}\" }\n", `{"nr":1,"fra":"Hemmelig 31.02.2026"}`, mapping.ErrInvalidValue, []string{"a/b:9", "CareTeam.period.start", "not a date", "r.fra"}},
		{"date function", "    status: \"{{ translate('status', s) }}\"\n    period: { start: \"{{ date(fra) }}\" }\n", `{"nr":1,"fra":"Hemmelig"}`, mapping.ErrInvalidValue, []string{"a/b:9", "r.fra"}},
		{"object for text", "    status: \"{{ translate('status', s) }}\"\n    name: \"{{ o }}\"\n", `{"nr":1,"o":{"x":"Hemmelig"}}`, mapping.ErrInvalidValue, []string{"an object was given for a string", "r.o"}},
		{"text for concept", "    status: \"{{ translate('status', s) }}\"\n    category: [\"{{ a }}\"]\n", `{"nr":1,"a":"Hemmelig"}`, mapping.ErrInvalidValue, []string{"plain value was given for a CodeableConcept", "text(…)"}},
		{"code outside the binding", "    status: \"{{ s }}\"\n    category: \"{[ translate('status', k) ]}\"\n", `{"nr":1,"s":"Hemmelig"}`, mapping.ErrInvalidResource, []string{"a/b:8", "CareTeam.status", "r.s"}},
		{"condition is no boolean", "    status: \"{{ translate('status', s) }}\"\n    \"{% if a %}\": { name: x }\n", `{"nr":1,"a":"Hemmelig"}`, mapping.ErrInvalidValue, []string{"a/b:9", "not true or false", "r.a"}},
		{"type error", "    status: \"{{ translate('status', s) }}\"\n    name: \"{{ a + n }}\"\n", `{"nr":1,"a":"Hemmelig","n":2}`, mapping.ErrInvalidValue, []string{"a/b:9", "cannot be evaluated"}},
		{"two of one id", "    status: \"{{ translate('status', s) }}\"\n  - { resourceType: CareTeam, id: \"{{ id('x', nr) }}\" }\n", `{"nr":1}`, mapping.ErrInvalidResource, []string{"two resources of the same id"}},
		{"budget", "    status: \"{{ translate('status', s) }}\"\n    name: \"{{ (1).repeat(iif($this < 100000000, $this + 1, {})).count() }}\"\n", `{"nr":1}`, mapping.ErrBudget, []string{"a/b:9"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			template := c.template
			if template == "" {
				template = "    status: \"{{ translate('status', s) }}\"\n"
			}
			_, err := load(t, team+template, "status.csv", statusTable).Apply(input(c.body))
			var fault *mapping.RecordError
			if !errors.As(err, &fault) || !errors.Is(err, c.kind) || mapping.Reason(err) != c.kind {
				t.Fatalf("got %v, want a %v", err, c.kind)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "Hemmelig") || strings.Contains(err.Error(), "14831460041") {
				t.Errorf("%q quotes the record", err)
			}
		})
	}
}

func TestSubject(t *testing.T) {
	number := "14831460041" // Ella, testdata/README.md
	cases := []struct {
		name, subject, body string
		want                *mapping.Subject
	}{
		{"own key", "{ key: \"{{ 'p/' & nr }}\", identifiers: '{[ fnr ]}', birthDate: '{{ date(f) }}', name: '{{ n }}', old: '{[ gml ]}' }",
			`{"nr":7,"fnr":["` + number + `"],"f":"14.03.2014","n":"E","gml":["1"]}`,
			&mapping.Subject{Key: "p/7", Identifiers: []string{number}, Old: []string{"1"}, BirthDate: "2014-03-14", Name: "E"}},
		{"key of a part", "{ key: '{{ nr }}' }", `{"nr":"x"}`, &mapping.Subject{Key: "x"}},
		{"nobody", "{ key: '{{ nr }}', identifiers: '{[ fnr ]}' }", `{}`, nil},
		{"list of parts", "{ key: x, identifiers: ['{{ a }}', '{{ b }}', '{{ a }}'] }", `{"a":"1","b":"2"}`, &mapping.Subject{Key: "x", Identifiers: []string{"1", "2"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			result, err := load(t, goodHead+"subject: "+c.subject+"\nmake: []\n").Apply(input(c.body))
			if err != nil || !reflect.DeepEqual(result.Subject, c.want) {
				t.Errorf("got %+v (%v), want %+v", result.Subject, err, c.want)
			}
		})
	}
}

// TestNumberNeverInKeyOrID: a national number reaches neither a key, an id, a
// reference nor lineage, whatever a map does with it.
func TestNumberNeverInKeyOrID(t *testing.T) {
	const number = "14831460041"
	for _, subject := range []string{"{ identifiers: '{[ fnr ]}' }", "{ key: '{{ fnr }}' }", "{ key: 'mappe/{{ fnr }}' }"} {
		m := load(t, goodHead+"subject: "+subject+`
make:
  - resourceType: CareTeam
    id: "{{ id('x', fnr) }}"
    subject: "{{ %subject }}"
    participant: [{ member: "{{ ref('Patient', 'p', fnr) }}" }]
`)
		result, err := m.Apply(input(`{"fnr":"` + number + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		all := fmt.Sprintf("%s %s %+v", result.Subject.Key, result.Made[0].Resource.Body, result.Made[0].Lineage)
		if strings.Contains(all, number) {
			t.Errorf("%s: the number stands in %s", subject, all)
		}
		if !strings.Contains(result.Subject.Key, ":") || !strings.Contains(string(result.Made[0].Resource.Body), `"subject":{"reference":"Patient/`) {
			t.Errorf("%s: key %s, body %s", subject, result.Subject.Key, result.Made[0].Resource.Body)
		}
	}
}

func TestIDs(t *testing.T) {
	m := load(t, goodHead+`make:
  - resourceType: CareTeam
    id: "{{ id('x', a, b) }}"
    participant: [{ member: "{{ ref('CareTeam', 'x', a, b) }}" }]
`)
	idOf := func(in mapping.Input) string {
		t.Helper()
		result, err := m.Apply(in)
		if err != nil {
			t.Fatal(err)
		}
		id := result.Made[0].Resource.ID
		if len(id) != 26 || !strings.Contains(string(result.Made[0].Resource.Body), `"reference":"CareTeam/`+id+`"`) {
			t.Errorf("id %s in %s", id, result.Made[0].Resource.Body)
		}
		return id
	}
	base := idOf(input(`{"a":"1","b":"2"}`))
	if base != idOf(input(`{"b":2,"a":1,"c":3}`)) {
		t.Error("the same source, kind and key gave another id")
	}
	other := input(`{"a":"1","b":"2"}`)
	other.Source = "annen"
	secret := input(`{"a":"1","b":"2"}`)
	secret.IDKey = []byte("another key")
	for name, in := range map[string]mapping.Input{"source": other, "secret": secret, "key": input(`{"a":"12","b":""}`), "parts": input(`{"a":"1","b":"3"}`)} {
		if name == "key" {
			if _, err := m.Apply(in); !errors.Is(err, mapping.ErrMissingRequired) {
				t.Errorf("a key without one of its parts: %v", err)
			}
			continue
		}
		if base == idOf(in) {
			t.Errorf("another %s gave the same id", name)
		}
	}
}

func TestSkipServiceAndLabels(t *testing.T) {
	m := load(t, goodHead+`service: "{{ tjeneste }}"
labels: ["{{ skjerming.select(coding('urn:s', $this)) }}"]
skip:
  - when: "{{ slettet = true }}"
    because: it is deleted
  - { when: "{{ utkast.exists() }}", because: it is a draft }
make:
  - { resourceType: CareTeam, id: a, meta: { security: [{ code: z }], versionId: '1' } }
`)
	result, err := m.Apply(input(`{"utkast":1}`))
	if err != nil || !result.Skipped || result.Because != "it is a draft" || len(result.Made) > 0 {
		t.Errorf("got %+v, %v", result, err)
	}
	result, err = m.Apply(input(`{"tjeneste":"ppt","skjerming":"P"}`))
	if err != nil || result.Skipped || result.Service != "ppt" {
		t.Fatalf("got %+v, %v", result, err)
	}
	want := `{"resourceType":"CareTeam","id":"a","meta":{"versionId":"1","security":[{"code":"z"},{"system":"urn:s","code":"P"}]}}`
	if got := string(result.Made[0].Resource.Body); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLateAssignSeesSubject(t *testing.T) {
	m := load(t, goodHead+`assign:
  - nr: "{{ a.b }}"
  - barn: "{{ %subject }}"
  - dypere: "{{ %barn.reference }}"
subject: { key: "{{ %nr }}" }
make:
  - { resourceType: CareTeam, id: a, name: "{{ %dypere }}", subject: "{{ %barn }}" }
`)
	result, err := m.Apply(input(`{"a":{"b":"x"}}`))
	if err != nil {
		t.Fatal(err)
	}
	var body struct {
		Name    string
		Subject struct{ Reference string }
	}
	if err := json.Unmarshal(result.Made[0].Resource.Body, &body); err != nil || body.Name == "" || body.Name != body.Subject.Reference {
		t.Errorf("got %s, %v", result.Made[0].Resource.Body, err)
	}
}

// ExampleMap_Apply maps one record of the worked example.
func ExampleMap_Apply() {
	set, err := mapping.Load(os.DirFS("testdata/example"))
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, _ := set.Map("eksempel", "plan")
	result, err := plan.Apply(mapping.Input{
		Source: "eksempel", Kind: "plan", Key: "P-1", Media: "application/json", Now: demoNow, IDKey: demoKey,
		Body: []byte(`{"nr":"P-1","type":2,"start":"01.09.2026","barn":{"nr":3}}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	plain := result.Made[0]
	fmt.Println(result.Subject.Key, plain.Resource.Type)
	for _, l := range plain.Lineage {
		if l.Element == "CarePlan.period.start" {
			fmt.Println(l.Element, "<-", l.Rule, l.From)
		}
	}
	// Output:
	// barn/3 CarePlan
	// CarePlan.period.start <- maps/eksempel/plan.yaml:27: {{ date(start) }} [plan.start]
}
