package mapping_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"samsyn/mapping"
)

// bothWays maps a record by the short ways and by FHIRPath alone (as whoever observes
// what is read does), and gives what each says, lineage and faults included.
func bothWays(m *mapping.Map, in mapping.Input) (short, whole string) {
	say := func() string {
		result, err := m.Apply(in)
		return fmt.Sprintf("%s\n%v", marshal(result), err)
	}
	short = say()
	in.Observe = &mapping.Observer{}
	return short, say()
}

// TestShortWaysGiveWhatFHIRPathGives applies every map to every record, also those it is
// not for: they are full of fields that are missing or of another form.
func TestShortWaysGiveWhatFHIRPathGives(t *testing.T) {
	set, err := mapping.Load(mapping.Shipped)
	if err != nil {
		t.Fatal(err)
	}
	records, err := filepath.Glob("../testdata/records/*/*/*.input.*")
	if err != nil || len(records) == 0 {
		t.Fatalf("no records: %v", err)
	}
	for _, file := range records {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range set.Maps() {
			in := mapping.Input{Source: m.System(), Kind: m.Kind(), Key: "k", Media: media[filepath.Ext(file)], Body: body, Now: demoNow, IDKey: demoKey}
			if short, whole := bothWays(m, in); short != whole {
				t.Errorf("%s on %s:\n%s", m.Name, file, firstDifference(whole, short))
			}
		}
	}
}

// Expressions that have a short way, where they may differ from FHIRPath: values of any
// kind where a text is expected, lists, lists in lists, null, and nothing.
var shortExpressions = []string{
	"a", "b.c", "a.b.c", "rec.a", "%record.a", "%rec.a.b", "%key", "%d", "%d.b", "a[0]", "a[1].b", "a.first().b", "a.last()", "%v", "%v.b", "%list", "%list.b",
	"a.exists()", "a.b.empty()", "a = 'x'", "a != b", "'x' = 'x'", "a = 'x' and b = 'y'", "a.exists() or b", "a and b", "a & b", "'x' & a.b & 'y'",
	"iif(a, 'ja', 'nei')", "iif(a = 'x', a, b)", "iif(a.exists(), a.b)", "a.where(b = 'x')", "a.where(b = 'x' and c.exists()).c", "a.where(b)", "a.where(rec.exists())",
	"id('k', a)", "ref('Patient', 'k', a, b)", "translate('t', a)", "translate('t', a).code", "translate('t', a).display", "translate('t', a, b)", "concept('urn:x', a, b)",
	"coding('urn:x', a, b)", "text(a)", "role(a)", "date(a)", "dateTime(a)", "instant(a)", "identifier('FNR', a)", "identifier('HPR', a)", "nationalIdentifier(a)",
	"personName(a)", "personName(a, b)", "display(a)", "%i", "%c", "%c.code", "%when", "%subject", "%own",
	"a + b", "'x' + a.b", "a in ('x' | 'y')", "(a in ('x' | 'y')).not()", "a.not()", "(a = 'x').not()", "a.where((b.exists() and b = 'x').not()).c",
	"coalesce(a, b)", "coalesce(a.b, b.c, 'z')", "coalesce(a)", "a.replaceMatches('^.*/', '')", "'x/' + a.b.replaceMatches('^.*/', '')", "a.replaceMatches('[xy]', 'z')",
	"a.replaceMatches('(x)', '$1')", "a.matches('^x')", "a.startsWith('x')", "a.endsWith('y')", "a.where(b.endsWith('x'))", "a.where(b.lower() = 'x')", "a.where(b.lower() = 'x').c",
	"a.where($this is String).first()", "a.select(b)", "a.select(coalesce(b, c)).first()", "a.select(b & c)", "a.select($this & 'x')", "a.upper()", "a.b.trim()", "a.ofType(Period)", "a.b.ofType(string)",
	"lookup('l', a, b).ut", "lookup('l', a, b).recto", "lookup('l', b, a)", "%row", "%row.ut", "%row.ingen", "%row.exists()", "%row.empty()", "%none", "%none.a", "%none.exists()", "%none.a.empty()",
	"coalesce(lookup('l', a, b).ut, lookup('l', b, a).ut, 'z')", "lookup('l', a, b).exists()", "%list.exists()", "%v.exists()", "%c.exists()", "true", "a is String",
}

// The places that a value may be put in: an element, a text around braces, a loop's body.
var shortPlaces = []string{
	"valueString", "valueCode", "valueDate", "valueDateTime", "valueInstant", "valueInteger", "valueDecimal", "valueBoolean", "valueUri",
	"valueCodeableConcept", "valueCoding", "valueReference", "valueIdentifier", "valueHumanName", "valuePeriod", "around", "loop", "list", "condition",
}

func shortMap(expression string) string {
	places := ""
	for _, key := range shortPlaces[:15] {
		places += fmt.Sprintf("      - \"{%% if want = '%s' %%}\": { url: urn:x, %s: \"{{ %s }}\" }\n", key, key, expression)
	}
	return strings.NewReplacer("PLACES\n", places, "EXPR", expression).Replace(`map: a/b
record: rec
tables: [t, l]
assign:
  - v: "{{ a }}"
  - list: "{[ a ]}"
  - c: "{{ concept('urn:x', 'c', 'C') }}"
  - when: "{{ date('01.02.2026') }}"
  - own: { x: "{{ want }}" }
  - used: "{{ translate('t', 'x') }}"
  - row: "{{ lookup('l', a, b) }}"
  - none: "{{ a.b.c.a }}"
subject: { key: "{{ want }}" }
make:
  - "{% for i, d in want | b %}":
      resourceType: Basic
      id: "x{{ %i }}"
      code: { text: "{{ want }}" }
      extension:
PLACES
      - "{% if want = 'around' %}": { url: urn:y, valueString: "og {{ EXPR }}" }
      - "{% if want = 'loop' %}":
          - "{% for e in EXPR %}": { url: urn:z, valueString: "{{ %e.b }}" }
      - "{% if want = 'condition' %}":
          "{% if EXPR %}": { url: urn:c, valueCode: x }
      identifier:
      - "{% if want = 'list' %}":
          use: usual
          assigner: { display: "{{ EXPR }}" }
`)
}

func TestShortWaysOnAnyRecord(t *testing.T) {
	const table = "# unknown: text\ncode,display,system,target,targetDisplay,validFrom\nx,Iks,urn:s,X,,\ny,Ypsilon,,,,2026-01-01\nz,,,,,\nw,,urn:s,W,Dobbel-v,\n"
	maps := map[string]*mapping.Map{}
	rapid.Check(t, func(t *rapid.T) {
		expression := rapid.SampledFrom(shortExpressions).Draw(t, "expression")
		m := maps[expression]
		if m == nil {
			m = loadShort(t, shortMap(expression), map[string]string{"t.csv": table, "l.csv": "# match: inn,til\ninn,til,ut,recto\nx,,X,r\n/^[yz]$/,w,YW,\ny,,,r2\n"})
			maps[expression] = m
		}
		scalar := rapid.SampledFrom([]any{"x", "y", "z", "w", "", " ", "01.02.2026", "2026-03-04", "2026-03-04T05:06:07", "2026-03-04T05:06:07.5+02:00", "20260304", "2026-02-30", "8", "true", 1, 12.50, true, false, nil, "14831460041"})
		var value *rapid.Generator[any]
		value = rapid.Custom(func(t *rapid.T) any {
			switch rapid.IntRange(0, 7).Draw(t, "kind") {
			case 0:
				return rapid.SliceOfN(value, 0, 3).Draw(t, "list")
			case 1, 2:
				return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c", "rec"}), value, 0, 3).Draw(t, "object")
			}
			return scalar.Draw(t, "scalar")
		})
		record := map[string]any{"want": rapid.SampledFrom(shortPlaces).Draw(t, "want")}
		for _, name := range []string{"a", "b"} {
			record[name] = value.Draw(t, name)
		}
		in := input(marshal(record))
		if short, whole := bothWays(m, in); short != whole {
			t.Fatalf("%s on %s:\n%s", expression, in.Body, firstDifference(whole, short))
		}
	})
}

func loadShort(t *rapid.T, text string, tables map[string]string) *mapping.Map {
	files := map[string]string{"maps/a/b.yaml": text}
	for name, table := range tables {
		files["codes/"+name] = table
	}
	set, err := mapping.Load(fsOf(files))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	m, _ := set.Map("a", "b")
	return m
}

// FHIR records are read by R4's types: dates compare as dates, choices have two names,
// and a primitive may have extensions beside it or in its place.
func TestShortWaysOnFHIR(t *testing.T) {
	expressions := []string{
		"title", "CarePlan.title", "%record.title", "%CarePlan.period.start", "period.start", "created", "created = '2026-01-01'", "created & title", "title & description",
		"title.exists()", "period.empty()", "activity.detail.status", "activity.detail.scheduled", "activity.where(detail.status = 'unknown').detail.description",
		"activity[0].detail.description", "identifier.where(system = 'a').value", "identifier.first().value", "note.text", "note.time", "contained", "contained.id", "subject.display", "subject",
		"activity", "activity.detail", "note", "%record", "activity.detail.scheduled.ofType(Period)", "activity.detail.scheduled.ofType(string)", "activity.detail.scheduled.ofType(Timing).code", "activity.detail.ofType(Period)",
		"activity[0].detail.scheduled.ofType(Period)", "coalesce(activity.detail.scheduled.ofType(string), title)", "coalesce(title, period, description)", "created in ('x' | '2026-01-01')", "title in ('x' | 'y')",
		"'a' + title", "'a' + created", "identifier.where(system in ('a' | 'b')).value", "identifier.where(system.endsWith('a')).value", "identifier.where(system.matches('a')).first()", "category.select(coalesce(text, coding.code.first())).first()",
		"created.matches('2026')", "title.replaceMatches('x', 'y')", "status = 'x'", "(title.exists() and title = 'x').not()", "identifier.where(type.exists()).value", "contained.where(id = 'g').ofType(Goal)",
		"date(created)", "iif(created.exists(), title, description)", "id('k', identifier.value)", "text(title)", "category", "category.coding.code", "id", "subject.identifier", "%v", "%v.value",
	}
	places := []string{"valueString", "valueCode", "valueDate", "valueDateTime", "valueBoolean", "valueReference", "valueIdentifier", "valueCodeableConcept", "valuePeriod", "valueTiming", "valueAnnotation"}
	maps := map[string]*mapping.Map{}
	rapid.Check(t, func(t *rapid.T) {
		expression, place := rapid.SampledFrom(expressions).Draw(t, "expression"), rapid.SampledFrom(places).Draw(t, "place")
		m := maps[place+expression]
		if m == nil {
			m = loadShort(t, fmt.Sprintf(`map: a/b
record: CarePlan
assign: [{ v: "{{ identifier }}" }]
make:
  - resourceType: Basic
    id: "{{ id('k', %%key) }}"
    code: { text: "{{ description }}" }
    extension:
      - { url: urn:x, %s: "{{ %s }}" }
      - "{%% for a in activity %%}": { url: urn:y, valueString: "{{ %%a.detail.description }}" }
      - "{%% if %s %%}": { url: urn:z, valueString: x }
`, place, expression, expression), nil)
			maps[place+expression] = m
		}
		parts := []string{`"resourceType":"CarePlan"`, `"description":"d"`}
		for _, part := range []string{
			`"title":"x"`, `"_title":{"extension":[{"url":"urn:e","valueCode":"c"}]}`, `"created":"2026-01-01"`, `"_created":{"id":"q"}`, `"period":{"start":"2026-01"}`, `"period":{"start":"2026-01-02T03:04:05Z","_start":{"id":"a"}}`,
			`"identifier":[{"system":"a","value":"1"}]`, `"identifier":[{"system":"a","value":"1"},{"value":"2"}]`, `"contained":[{"resourceType":"Goal","id":"g"}]`, `"subject":{"display":"x"}`, `"subject":{"identifier":{"value":"x"}}`,
			`"activity":[{"detail":{"status":"unknown","scheduledString":"s","description":"b"}}]`, `"activity":[{"detail":{"scheduledPeriod":{"start":"2026","end":null}}},{"detail":{"scheduledTiming":{"event":["2026",null,""],"_event":[null,{"id":"e"},null]}}}]`,
			`"activity":[{"detail":{"scheduledPeriod":{"end":"2026-02","start":"2026-01","zz":{"b":[[1]],"a":true}},"_scheduledString":{"id":"a"}}}]`, `"note":[{"time":"2026-01-02T03:04:05Z","text":"n","authorString":"A","extension":[{"valueDecimal":1.50,"url":"u"},{"valueBoolean":false,"url":"v"}]}]`,
			`"category":[{"text":" ","coding":[{"display":"D","userSelected":true,"code":"c"},null,{}]}]`, `"period":{"start":"2026-01","extension":[{"url":"x","valueInteger":7}]}`, `"activity":[{"detail":{"status":"unknown"}},{"detail":{"description":"b","_status":{"id":"a"}}}]`, `"activity":[{"detail":null}]`,
			`"note":[{"text":"n","time":"2026-01-02T03:04:05Z"}]`, `"category":[{"coding":[{"code":"c"}]}]`, `"category":"c"`, `"id":"i"`, `"title":null`, `"created":7`,
		} {
			if rapid.Bool().Draw(t, part) && !strings.Contains(strings.Join(parts, ","), part[:strings.Index(part, ":")]) {
				parts = append(parts, part)
			}
		}
		in := input("{" + strings.Join(parts, ",") + "}")
		if short, whole := bothWays(m, in); short != whole {
			t.Fatalf("%s on %s:\n%s", expression, in.Body, firstDifference(whole, short))
		}
	})
}
