package mapping_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"samsyn/mapping"
)

// fsOf makes a file system of one map and the tables that the tests use.
func fsOf(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{
		"codes/status.csv":  {Data: []byte("# unknown: default:x\ncode,display,system,target,targetDisplay,validFrom,validTo\nx,Ex,,active,,,\n")},
		"codes/finn.csv":    {Data: []byte("# match: a,b\na,b,c\n1,,en\n")},
		"codes/planned.csv": {Data: []byte("code,target\n1,plan\n")},
	}
	for name, data := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(data)}
	}
	return fsys
}

const goodHead = `map: a/b
record: r
`

const goodMake = `make:
  - resourceType: CareTeam
    id: "{{ id('x', nr) }}"
`

// TestLoadFaults plants one fault in each map and asks for its place and words.
func TestLoadFaults(t *testing.T) {
	cases := []struct {
		name, text string
		want       string // line:column: part of the message
		suggestion string
	}{
		{"unknown key", goodHead + "tabels: [status]\n" + goodMake, "3:1: unknown key tabels", "tables"},
		{"no map", "record: r\n" + goodMake, "1:1: map: is missing", "map: a/b"},
		{"wrong name", "map: a/c\nrecord: r\n" + goodMake, "1:6: the name is not the file's path", "map: a/b"},
		{"no record", "map: a/b\n" + goodMake, "1:1: record: is missing", ""},
		{"no make", goodHead, "1:1: make: is missing", "make: []"},
		{"not yaml", "map: [a\n", "is not YAML", ""},
		{"empty", "", "the file is empty", ""},
		{"a list", "- a\n", "1:1: a map file is a YAML mapping", "begin with"},
		{"two documents", goodHead + goodMake + "---\nx: 1\n", "more than one YAML document", ""},
		{"key twice", goodHead + "about: a\nabout: b\n" + goodMake, "4:1: key about stands twice, first in line 3", ""},
		{"unknown type", goodHead + "make:\n  - resourceType: Careteam\n", "4:19: unknown resource type Careteam", "CareTeam"},
		{"no type", goodHead + "make:\n  - id: x\n", "4:5: a resource says its resourceType", ""},
		{"unknown element", goodHead + goodMake + "    statuss: active\n", "6:5: CareTeam has no element statuss", "status"},
		{"unknown nested element", goodHead + goodMake + "    participant:\n      - members: { display: x }\n", "7:9: CareTeam.participant has no element members", "member"},
		{"bare choice", goodHead + goodMake + "    extension: [{ url: 'urn:x', value: x }]\n", "6:33: value is written with its type", ""},
		{"scalar for list", goodHead + goodMake + "    category: \"{{ x }}\"\n", "6:15: CareTeam.category is a list in R4", "{[ ]}"},
		{"object for list", goodHead + goodMake + "    category: { text: x }\n", "6:15: CareTeam.category is a list in R4", "YAML list"},
		{"constant for list", goodHead + goodMake + "    category: x\n", "6:15: CareTeam.category is a list in R4", ""},
		{"list for scalar", goodHead + goodMake + "    status: [active]\n", "6:13: CareTeam.status has one value in R4", ""},
		{"list expression for scalar", goodHead + goodMake + "    status: \"{[ x ]}\"\n", "6:13: CareTeam.status has one value in R4", "{{ }}"},
		{"for on scalar", goodHead + goodMake + "    status:\n      \"{% for x in y %}\": active\n", "7:7: CareTeam.status has one value in R4", ""},
		{"object for primitive", goodHead + goodMake + "    status: { a: b }\n", "6:13: CareTeam.status is a code, not an object", ""},
		{"text for object", goodHead + goodMake + "    subject: Ella\n", "6:14: CareTeam.subject is a Reference, not a plain value", ""},
		{"concatenation for object", goodHead + goodMake + "    subject: \"Patient/{{ x }}\"\n", "6:14: CareTeam.subject is a Reference", ""},
		{"number for text", goodHead + goodMake + "    name: 8\n", "6:11: CareTeam.name is a string: a text in JSON", "quotes"},
		{"text for boolean", goodHead + "make:\n  - resourceType: Patient\n    id: a\n    active: \"true\"\n", "6:13: Patient.active is a boolean", "without quotes"},
		{"text for number", goodHead + "make:\n  - resourceType: Patient\n    id: a\n    multipleBirthInteger: '2'\n", "6:27: Patient.multipleBirthInteger is a integer: a number", "without quotes"},
		{"bad form", goodHead + "make:\n  - resourceType: Patient\n    id: a\n    birthDate: 14.03.2014\n", "6:16: \"14.03.2014\" is not a date", ""},
		{"outside binding", goodHead + goodMake + "    status: aktiv\n", "6:13: \"aktiv\" is not a code that CareTeam.status may have", ""},
		{"missing required", goodHead + "make:\n  - resourceType: CarePlan\n    id: a\n    status: active\n    subject: { display: x }\n", "4:5: CarePlan requires intent", ""},
		{"missing nested required", goodHead + goodMake + "    note:\n      - authorString: x\n", "7:9: Annotation requires text", ""},
		{"missing id", goodHead + "make:\n  - resourceType: CareTeam\n    status: active\n", "4:5: CareTeam requires id", ""},
		{"syntax", goodHead + goodMake + "    name: \"{{ a. }}\"\n", "6:17:", ""},
		{"syntax, second line", goodHead + goodMake + "    name: |-\n      {{ a &\n         b. }}\n", "8:12:", ""},
		{"unknown function", goodHead + goodMake + "    name: \"{{ a.frist() }}\"\n", "6:17: unknown function frist(); did you mean first()?", ""},
		{"unknown own function", goodHead + goodMake + "    name: \"{{ personnName(a) }}\"\n", "6:15: unknown function personnName(); did you mean personName()?", ""},
		{"too few arguments", goodHead + goodMake + "    name: \"{{ id('x') }}\"\n", "6:15:", ""},
		{"unknown variable", goodHead + goodMake + "    name: \"x {{ %recrod.a }}\"\n", "6:17: unknown variable %recrod", "record"},
		{"variable out of scope", goodHead + goodMake + "    category:\n      - \"{% for c in cs %}\": { text: \"{{ %c }}\" }\n    name: \"{{ %c }}\"\n", "8:15: unknown variable %c", ""},
		{"subject before it is known", goodHead + "subject: { key: \"{{ %subject.x }}\" }\n" + goodMake, "3:21: unknown variable %subject", ""},
		{"subject through a variable", goodHead + "assign:\n  - s: \"{{ %subject }}\"\nsubject: { key: \"{{ %s }}\" }\n" + goodMake, "5:21: unknown variable %s", ""},
		{"table not declared", goodHead + goodMake + "    name: \"{{ translate('status', a) }}\"\n", "6:15: table status is not declared", ""},
		{"table not found", goodHead + "tables: [statuss]\n" + goodMake + "    name: \"{{ translate('statuss', a) }}\"\n", "3:10: there is no table statuss", "status"},
		{"table not constant", goodHead + goodMake + "    name: \"{{ translate(a, b) }}\"\n", "6:15: the table of translate must be named by a quoted constant", ""},
		{"table not used", goodHead + "tables: [status]\n" + goodMake, "3:10: table status is declared but not used", ""},
		{"lookup table for translate", goodHead + "tables: [finn]\n" + goodMake + "    name: \"{{ translate('finn', b) }}\"\n", "7:15: table finn is for lookup", ""},
		{"translate table for lookup", goodHead + "tables: [status]\n" + goodMake + "    name: \"{{ lookup('status', b) }}\"\n", "7:15: table status is for translate", ""},
		{"lookup with too few values", goodHead + "tables: [finn]\n" + goodMake + "    name: \"{{ lookup('finn', b).c }}\"\n", "7:15: table finn is looked up by 2 values: a, b", ""},
		{"unknown type in ref", goodHead + goodMake + "    subject: \"{{ ref('Pasient', 'p', a) }}\"\n", "6:18: unknown resource type Pasient", "Patient"},
		{"unknown field of a FHIR record", "map: a/b\nrecord: Encounter\n" + strings.ReplaceAll(goodMake, "nr", "id") + "    name: \"{{ stauts }}\"\n", "6:15: ", ""},
		{"unknown field below a FHIR record", "map: a/b\nrecord: Encounter\n" + strings.ReplaceAll(goodMake, "nr", "id") + "    name: \"{{ Encounter.period.strat }}\"\n", "6:32: ", ""},
		{"braces not closed", goodHead + goodMake + "    name: \"a {{ b\"\n", "6:14: {{ is not closed", ""},
		{"braces empty", goodHead + goodMake + "    name: \"{{ }}\"\n", "6:14: the braces are empty", ""},
		{"list with text", goodHead + goodMake + "    category: \"a {[ b ]}\"\n", "must stand alone", ""},
		{"unknown directive", goodHead + goodMake + "    \"{% iff a %}\": { name: x }\n", "6:5: unknown directive iff: did you mean if?", ""},
		{"directive not closed", goodHead + goodMake + "    \"{% if a\": { name: x }\n", "6:5: {% is not closed by %}", ""},
		{"for without in", goodHead + goodMake + "    category:\n      - \"{% for a of b %}\": { text: x }\n", "7:9: write {% for x in e %}", ""},
		{"for beside others", goodHead + goodMake + "    category:\n      - \"{% for a in b %}\": { text: x }\n        text: y\n", "7:9: {% for %} must be the only key", ""},
		{"else without if", goodHead + goodMake + "    \"{% else %}\": { name: x }\n", "6:5: {% else %} needs exactly one {% if %}", ""},
		{"assign of two names", goodHead + "assign:\n  - { a: 1, b: 2 }\n" + goodMake, "4:5: assign is a list of mappings with one name each", ""},
		{"assign of a given name", goodHead + "assign:\n  - record: 1\n" + goodMake, "4:5: record cannot be the name", ""},
		{"unknown key of subject", goodHead + "subject: { nokkel: x }\n" + goodMake, "3:12: unknown key nokkel", ""},
		{"subject of nothing", goodHead + "subject: { name: x }\n" + goodMake, "3:1: a subject needs a key or identifiers", ""},
		{"skip without reason", goodHead + "skip: \"{{ a = 1 }}\"\n" + goodMake, "3:7: a record that is skipped must say because", ""},
		{"reason without skip", goodHead + "because: x\n" + goodMake, "3:1: because: stands beside skip:", ""},
		{"ignore without reason", goodHead + "ignore:\n  - path: x\n" + goodMake, "4:5: an ignored field has a path and says because", ""},
		{"other resourceType in a branch", goodHead + goodMake + "    \"{% if a.exists() %}\": { resourceType: Patient }\n", "6:44: the resourceType here is CareTeam", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := mapping.Load(fsOf(map[string]string{"maps/a/b.yaml": c.text}))
			faults := mapping.Faults(err)
			for _, f := range faults {
				if strings.Contains(fmt.Sprintf("%d:%d: %s", f.Line, f.Column, f.Message), c.want) && strings.Contains(f.Suggestion, c.suggestion) {
					if f.File != "maps/a/b.yaml" {
						t.Errorf("file %s", f.File)
					}
					if len(faults) > 1 {
						t.Errorf("one fault is told as %d:\n%v", len(faults), err)
					}
					return
				}
			}
			t.Errorf("got\n%v\nwant %s (%s)", err, c.want, c.suggestion)
		})
	}
}

func TestTableFaults(t *testing.T) {
	const head = "code,display,system,target,targetDisplay,validFrom,validTo\n"
	cases := []struct{ name, text, want string }{
		{"policy", "# unknown: perhaps\n" + head, "codes/t.csv:1:1: unknown policy"},
		{"default without code", "# unknown: default\n" + head, "codes/t.csv:1:1: unknown policy"},
		{"default not in table", "# unknown: default:y\n" + head + "x,,,,,,\n", "the default \"y\" is no code"},
		{"unknown column", "code,dispaly\n1,x\n", "codes/t.csv:1:1: unknown column dispaly (did you mean display?)"},
		{"no code column", "display\nx\n", "codes/t.csv:1:1: the table has no column code"},
		{"no code", head + "\n,x,,,,,\n", "codes/t.csv:3:1: the row has no code"},
		{"too few fields", "# c\n" + head + "1,x\n", "codes/t.csv:3:1: the row cannot be read"},
		{"bad date", head + "1,x,,,,2026-13-01,\n", "codes/t.csv:2:1: the row's validity is not a date"},
		{"reversed", head + "1,x,,,,2026-02-01,2026-01-01\n", "codes/t.csv:2:1: the row ends before it begins"},
		{"overlap", head + "1,x,,,,,2026-01-01\n1,y,,,,2026-01-01,\n", "codes/t.csv:3:1: code 1 has another row, in line 2"},
		{"match without column", "# match: a,b\na,c\n", "codes/t.csv:2:1: match names column b"},
		{"match regexp", "# match: a\na,c\n/(/,x\n", "codes/t.csv:3:1: column a is not a regular expression"},
		{"empty", "", "codes/t.csv:1:1: the table has no header line"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := mapping.Load(fstest.MapFS{"codes/t.csv": {Data: []byte(c.text)}})
			if len(mapping.Faults(err)) != 1 || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestLoadTellsEveryFault(t *testing.T) {
	_, err := mapping.Load(fsOf(map[string]string{
		"maps/a/b.yaml": goodHead + goodMake + "    statuss: x\n    nmae: \"{{ %x }}\"\n    name: \"{{ frist() }}\"\n",
		"maps/a/c.yaml": "map: a/c\nmake: []\n",
		"maps/a/d.yml":  "map: a/d\nrecord: r\nmake: []\n",
		"maps/a/d.yaml": "map: a/d\nrecord: r\nmake: []\n",
		"codes/x.csv":   "cod\n1\n",
	}))
	if faults := mapping.Faults(err); len(faults) != 7 {
		t.Errorf("got %d faults, want 7:\n%v", len(faults), err)
	}
}

func TestLoadKeepsMapsWithoutFaults(t *testing.T) {
	set, err := mapping.Load(fsOf(map[string]string{
		"maps/a/b.yaml": goodHead + goodMake,
		"maps/a/c.yaml": "map: a/c\n",
	}))
	if err == nil || len(set.Maps()) != 1 {
		t.Fatalf("error %v, maps %v", err, set.Maps())
	}
	m, ok := set.Map("a", "b")
	if !ok || m.System() != "a" || m.Kind() != "b" {
		t.Errorf("a/b is not found")
	}
}

func TestRevisionChangesWithMapAndItsTables(t *testing.T) {
	text := goodHead + "tables: [status]\n" + goodMake + "    status: \"{{ translate('status', s) }}\"\n"
	revision := func(files map[string]string) string {
		t.Helper()
		set, err := mapping.Load(fsOf(files))
		if err != nil {
			t.Fatal(err)
		}
		m, _ := set.Map("a", "b")
		return m.Revision()
	}
	base := revision(map[string]string{"maps/a/b.yaml": text})
	if base != revision(map[string]string{"maps/a/b.yaml": text, "codes/other.csv": "code\n1\n"}) {
		t.Error("another table changes the revision")
	}
	if base == revision(map[string]string{"maps/a/b.yaml": text + "\n"}) {
		t.Error("the map's text does not change the revision")
	}
	if base == revision(map[string]string{"maps/a/b.yaml": text, "codes/status.csv": "code,target\nx,active\n"}) {
		t.Error("the table does not change the revision")
	}
}

// ExampleLoad shows how all faults of all files are told.
func ExampleLoad() {
	_, err := mapping.Load(fstest.MapFS{"maps/kommune/plan.yaml": {Data: []byte(`map: kommune/plan
record: plan
make:
  - resourceType: CarePlan
    id: "{{ id('plan', nr) }}"
    status: aktiv
    intent: plan
    subject: "{{ %subjekt }}"
`)}})
	for _, fault := range mapping.Faults(err) {
		fmt.Println(fault)
	}
	// Output:
	// maps/kommune/plan.yaml:6:13: "aktiv" is not a code that CarePlan.status may have
	// maps/kommune/plan.yaml:8:18: unknown variable %subjekt (did you mean subject?)
}

func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile("testdata/example/maps/eksempel/plan.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	f.Add([]byte(goodHead + goodMake))
	f.Add([]byte("map: &a [*a]\nmake: *a\n"))
	f.Add([]byte(goodHead + "make:\n  \"{% for i, x in y %}\": [{ \"{{ z }}\": \"{[ %x ]}\" }]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := mapping.Load(fsOf(map[string]string{"maps/a/b.yaml": string(data)}))
		if err == nil && len(set.Maps()) != 1 {
			t.Fatal("neither a map nor a fault")
		}
		for _, m := range set.Maps() {
			_, err := m.Apply(mapping.Input{Media: "application/json", Body: []byte(`{"nr":1,"y":[{"z":"a"}]}`), Now: demoNow})
			if err != nil && mapping.Reason(err) == mapping.ErrInternal {
				t.Fatal(err)
			}
		}
	})
}
