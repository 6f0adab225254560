package mapping_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"samsyn/fhir"
	"samsyn/mapping"
)

const testTables = `# unknown: text
code,display,system,target,targetDisplay,validFrom,validTo
1,En,urn:x,one,One,,2025-12-31
1,En ny,urn:x,uno,Uno,2026-01-01,
2,To,,two,,,
3,Tre,,,,,
4,,,,Fire på norsk,,
5,,,,,,
`

// TestFunctions evaluates each function as an element of some type.
func TestFunctions(t *testing.T) {
	const record = `{"d":"05.02.2026","dt":"2026-07-01T10:00","z":"2026-01-31T23:30:00Z","hl7":"202602051430","y":"2026","x":"2026-01-01+01:00",
"fnr":"14831460041","dnr":"59882660030","pseudo":"19112500100","hpr":" 9900011 ","navn":"Marit Lyngstad","tom":"","u":"ukjent ord",
"titler":["REFERAT fra ansvarsgruppemøte 1.1.","noe"],"tekst":"  X "}`
	cases := []struct{ element, expression, want string }{
		{"valueDate", "date(d)", `"2026-02-05"`},
		{"valueDate", "date(dt)", `"2026-07-01"`},
		{"valueDate", "date(z)", `"2026-02-01"`}, // the day in Norway
		{"valueDate", "date(y)", `"2026"`},
		{"valueDate", "date(x)", `"2026-01-01"`},
		{"valueDate", "date('20260205')", `"2026-02-05"`},
		{"valueDate", "date(tom)", ``},
		{"valueDate", "date(ingen)", ``},
		{"valueDate", "d", `"2026-02-05"`},
		{"valueBoolean", "date(d) < @2026-03-01", `true`},
		{"valueDateTime", "dateTime(d)", `"2026-02-05"`},
		{"valueDateTime", "dateTime(dt)", `"2026-07-01T10:00:00+02:00"`},
		{"valueDateTime", "dateTime(z)", `"2026-01-31T23:30:00Z"`},
		{"valueDateTime", "hl7", `"2026-02-05T14:30:00+01:00"`},
		{"valueDateTime", "dateTime('05.02.2026 kl'.replace(' kl', ' 9:05'))", `"2026-02-05T09:05:00+01:00"`},
		{"valueInstant", "instant(d)", `"2026-02-05T00:00:00+01:00"`},
		{"valueInstant", "dt", `"2026-07-01T10:00:00+02:00"`},
		{"valueIdentifier", "identifier('FNR', fnr)", `{"system":"` + fhir.SystemFNR + `","value":"14831460041"}`},
		{"valueIdentifier", "identifier('FNR', '148314 60041')", `{"system":"` + fhir.SystemFNR + `","value":"14831460041"}`},
		{"valueIdentifier", "nationalIdentifier(dnr)", `{"system":"` + fhir.SystemDNR + `","value":"59882660030"}`},
		{"valueIdentifier", "nationalIdentifier('200000000000')", `{"system":"` + fhir.SystemDUF + `","value":"200000000000"}`},
		{"valueIdentifier", "nationalIdentifier(pseudo)", `{"value":"19112500100"}`},
		{"valueIdentifier", "nationalIdentifier('09112500100')", `{"value":"09112500100"}`},
		{"valueIdentifier", "identifier('HPR', hpr)", `{"system":"` + fhir.SystemHPR + `","value":"9900011"}`},
		{"valueIdentifier", "identifier('ENH', '310001007')", `{"system":"` + fhir.SystemENH + `","value":"310001007"}`},
		{"valueIdentifier", "identifier('urn:mitt', 'a')", `{"system":"urn:mitt","value":"a"}`},
		{"valueIdentifier", "identifier('HER', tom)", ``},
		{"valueHumanName", "personName(navn)", `{"text":"Marit Lyngstad"}`},
		{"valueHumanName", "personName('Marit Elin', 'Lyngstad')", `{"text":"Marit Elin Lyngstad","family":"Lyngstad","given":["Marit Elin"]}`},
		{"valueHumanName", "personName(tom, 'Lyngstad')", `{"text":"Lyngstad","family":"Lyngstad"}`},
		{"valueHumanName", "personName(tom)", ``},
		{"valueReference", "display(navn)", `{"display":"Marit Lyngstad"}`},
		{"valueReference", "display(tom)", ``},
		{"valueReference", "ref('Patient', 'p', tom)", ``},
		{"valueCodeableConcept", "concept('urn:x', 'a', 'A')", `{"coding":[{"system":"urn:x","code":"a","display":"A"}]}`},
		{"valueCodeableConcept", "concept('urn:x', tom, 'A')", `{"text":"A"}`},
		{"valueCodeableConcept", "concept('urn:x', tom)", ``},
		{"valueCodeableConcept", "coding('urn:x', 'a')", `{"coding":[{"system":"urn:x","code":"a"}]}`},
		{"valueCodeableConcept", "text(navn)", `{"text":"Marit Lyngstad"}`},
		{"valueCodeableConcept", "role('8')", `{"coding":[{"system":"` + fhir.SystemRole + `","code":"8","display":"Koordinator Individuell plan"}]}`},
		{"valueCoding", "coding('urn:x', 'a')", `{"system":"urn:x","code":"a"}`},
		{"valueCoding", "role(20)", `{"system":"` + fhir.SystemRole + `","code":"20","display":"Kontaktpsykolog"}`},
		{"valueCode", "role('8')", `"8"`},
		{"valueString", "role('8')", `"Koordinator Individuell plan"`},
		{"valueString", "role('8').code", `"8"`},
		{"valueCodeableConcept", "translate('t', '1')", `{"coding":[{"system":"urn:x","code":"uno","display":"Uno"}],"text":"En ny"}`},
		{"valueCodeableConcept", "translate('t', 1, '2025-12-31')", `{"coding":[{"system":"urn:x","code":"one","display":"One"}],"text":"En"}`},
		{"valueCodeableConcept", "translate('t', 1, date('31.12.2025'))", `{"coding":[{"system":"urn:x","code":"one","display":"One"}],"text":"En"}`},
		{"valueCodeableConcept", "translate('t', ' 2 ')", `{"coding":[{"code":"two","display":"To"}],"text":"To"}`},
		{"valueCodeableConcept", "translate('t', '3')", `{"text":"Tre"}`},
		{"valueCodeableConcept", "translate('t', '4')", `{"text":"Fire på norsk"}`},
		{"valueCodeableConcept", "translate('t', '5')", ``},
		{"valueCodeableConcept", "translate('t', tom)", ``},
		{"valueCodeableConcept", "translate('t', u)", `{"text":"ukjent ord"}`},
		{"valueCoding", "translate('t', '1')", `{"system":"urn:x","code":"uno","display":"Uno"}`},
		{"valueCode", "translate('t', '1')", `"uno"`},
		{"valueString", "translate('t', '1')", `"Uno"`},
		{"valueString", "translate('t', '1').code & ' ' & translate('t', '1').system & ' ' & translate('t', '1').display", `"uno urn:x Uno"`},
		{"valueString", "lookup('f', 'NOTAT', titler.first()).tekst", `"Møte"`},
		{"valueString", "lookup('f', 'NOTAT', titler.last()).tekst", ``},
		{"valueString", "lookup('f', 'VEDTAK', tom).tekst", `"Vedtak"`},
		{"valueString", "lookup('f', 'BREV', ingen).exists().toString()", `"false"`},
		{"valueString", "lookup('f', 'VEDTAK', 'a').kategori.exists().toString()", `"false"`},
		{"valueString", "tekst.trim().lower()", `"x"`},
	}
	const lookups = "# match: type,tittel\ntype,tittel,tekst,kategori\nVEDTAK,,Vedtak,\nNOTAT,/^referat fra ansvarsgruppem/,Møte,m\n"
	for _, c := range cases {
		t.Run(c.expression, func(t *testing.T) {
			tables := ""
			for _, name := range []string{"t", "f"} {
				if strings.Contains(c.expression, "('"+name+"',") {
					tables = "tables: [" + name + "]\n"
				}
			}
			m := load(t, goodHead+tables+"make:\n  - resourceType: Basic\n    id: a\n    code: { text: x }\n    extension: [{ url: u, "+c.element+": \"{{ "+c.expression+" }}\" }, { url: v, valueCode: x }]\n",
				"t.csv", testTables, "f.csv", lookups)
			result, err := m.Apply(input(record))
			if err != nil {
				t.Fatal(err)
			}
			var body struct{ Extension []map[string]json.RawMessage }
			if err := json.Unmarshal(result.Made[0].Resource.Body, &body); err != nil {
				t.Fatal(err)
			}
			if dropped := len(body.Extension) == 1; dropped != (c.want == "") {
				t.Errorf("an extension without a value is dropped, one with a value is not: %s", result.Made[0].Resource.Body)
			}
			if got := string(body.Extension[0][c.element]); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestUnknownCodes runs each policy of a table.
func TestUnknownCodes(t *testing.T) {
	const rows = "code,display,system,target,targetDisplay,validFrom,validTo\na,A,urn:x,aa,AA,,\n"
	cases := []struct {
		policy, want string
		misses       int
		err          error
	}{
		{"", "", 0, mapping.ErrUnknownCode},
		{"# unknown: quarantine\n", "", 0, mapping.ErrUnknownCode},
		{"# unknown: text\n", `{"text":"b"}`, 2, nil},
		{"# unknown: none\n", "", 2, nil},
		{"# kilde: et sted\n#unknown: default:a\n", `{"coding":[{"system":"urn:x","code":"aa","display":"AA"}],"text":"A"}`, 2, nil},
	}
	for _, c := range cases {
		t.Run(c.policy, func(t *testing.T) {
			m := load(t, goodHead+"tables: [t]\nmake:\n  - resourceType: CareTeam\n    id: a\n    category: \"{[ k.select(translate('t', $this)) ]}\"\n", "t.csv", c.policy+rows)
			result, err := m.Apply(input(`{"k":["b","b"]}`))
			if !errors.Is(err, c.err) {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			if c.want != "" && !strings.Contains(string(result.Made[0].Resource.Body), c.want) {
				t.Errorf("got %s, want %s", result.Made[0].Resource.Body, c.want)
			}
			if len(result.Misses) != 1 || result.Misses[0].Count != c.misses || result.Misses[0].Table != "t" || result.Misses[0].Code != "b" {
				t.Errorf("misses %+v", result.Misses)
			}
		})
	}
}

func TestLookupPolicies(t *testing.T) {
	const rows = "# match: a\na,b\nx,y\n"
	for policy, want := range map[string]error{"": nil, "# unknown: none\n": nil, "# unknown: text\n": nil, "# unknown: quarantine\n": mapping.ErrUnknownCode} {
		m := load(t, goodHead+"tables: [t]\nmake:\n  - resourceType: CareTeam\n    id: a\n    name: \"{{ lookup('t', k).b }}\"\n", "t.csv", policy+rows)
		if _, err := m.Apply(input(`{"k":"z"}`)); !errors.Is(err, want) {
			t.Errorf("policy %q: got %v, want %v", policy, err, want)
		}
	}
}

// TestYAMLTable reads a table in its other form.
func TestYAMLTable(t *testing.T) {
	m := load(t, goodHead+"tables: [t]\nmake:\n  - resourceType: CareTeam\n    id: a\n    category: \"{[ translate('t', k) ]}\"\n",
		"t.yaml", "unknown: text\nrows:\n  - { code: 1, display: En, target: one, system: 'urn:x', validTo: 2026-12-31 }\n")
	result, err := m.Apply(input(`{"k":"1"}`))
	if want := `"category":[{"coding":[{"system":"urn:x","code":"one","display":"En"}],"text":"En"}]`; err != nil || !strings.Contains(string(result.Made[0].Resource.Body), want) {
		t.Errorf("got %v %v", result, err)
	}
}
