package mapping_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"samsyn/fhir/fhirpath"
	"samsyn/mapping"
)

const observed = `map: x/y
record: y
tables: [t]
ignore:
  - { path: notes, because: not about the child }
  - { path: "parts.where(kind = 'x').text", because: internal }
subject:
  key: "{{ child }}"
skip: "{{ state = 'draft' }}"
because: a draft
make:
  - "{% for p in parts %}":
      "{% if %p.hidden.empty() %}":
        resourceType: Basic
        id: "{{ id('x', %p.nr) }}"
        code: "{{ translate('t', %p.code) }}"
        subject: "{{ %subject }}"
        author: "{{ who }}"
`

const observedTable = "# unknown: text\ncode,display,system,target\na,A,urn:x,a\nn,,,\n"

func observedMap(t *testing.T) *mapping.Map {
	t.Helper()
	set, err := mapping.Load(fstest.MapFS{"maps/x/y.yaml": {Data: []byte(observed)}, "codes/t.csv": {Data: []byte(observedTable)}})
	if err != nil {
		t.Fatal(err)
	}
	m, _ := set.Map("x", "y")
	return m
}

const observedRecord = `{"child":"c1","state":"open","notes":{"a":"1"},"lost":"x","who":{"display":"Ada"},
	"parts":[{"nr":"1","code":"a","kind":"x","text":"t1"},{"nr":"2","hidden":true,"code":"q","text":"t2"},{"nr":"3","code":"q"}]}`

// Whatever decides or gives something is seen, with its line: a condition that came out
// false, a skip that did not skip, and the leaves of an object that is copied.
func TestObserverSeesWhatIsRead(t *testing.T) {
	m := observedMap(t)
	read := map[string][]int{}
	var codes []string
	result, err := m.Apply(mapping.Input{Source: "s", Kind: "y", Key: "k", Media: "application/json", Body: []byte(observedRecord), Now: demoNow, IDKey: demoKey, Observe: &mapping.Observer{
		Field: func(item fhirpath.Item, line int) {
			if p := item.Path(); !slices.Contains(read[p], line) {
				read[p] = append(read[p], line)
			}
		},
		Code: func(c mapping.TranslatedCode) {
			known := "unknown"
			if c.Known {
				known = "known"
			}
			codes = append(codes, c.Table+" "+c.Speakable()+" "+known)
		},
	}})
	if err != nil || len(result.Made) != 2 {
		t.Fatalf("%v %d", err, len(result.Made))
	}
	for path, line := range map[string]int{"y.state": 9, "y.child": 8, "y.parts[1].hidden": 13, "y.parts[0].nr": 15, "y.parts[2].code": 16, "y.who": 18} {
		if !slices.Contains(read[path], line) {
			t.Errorf("%s was read at %v, want line %d", path, read[path], line)
		}
	}
	for _, path := range []string{"y.lost", "y.notes", "y.parts[1].nr", "y.parts[0].kind"} {
		if read[path] != nil {
			t.Errorf("%s was read at %v, and nothing reads it", path, read[path])
		}
	}
	if want := []string{"t a known", "t q unknown"}; !reflect.DeepEqual(codes, want) {
		t.Errorf("codes %v, want %v", codes, want)
	}
}

// Fields lists every value that stands in a record, and what is ignored on purpose.
func TestFields(t *testing.T) {
	fields, ignored, err := observedMap(t).Fields("application/json", []byte(observedRecord))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range fields {
		got[f.Path] = f.Value
	}
	want := map[string]string{"y.child": "c1", "y.state": "open", "y.notes.a": "1", "y.lost": "x", "y.who.display": "Ada",
		"y.parts[0].nr": "1", "y.parts[0].code": "a", "y.parts[0].kind": "x", "y.parts[0].text": "t1",
		"y.parts[1].nr": "2", "y.parts[1].hidden": "true", "y.parts[1].code": "q", "y.parts[1].text": "t2", "y.parts[2].nr": "3", "y.parts[2].code": "q"}
	if !maps.Equal(got, want) {
		t.Errorf("fields %v, want %v", got, want)
	}
	if paths := slices.Sorted(maps.Keys(ignored)); !slices.Equal(paths, []string{"y.notes.a", "y.parts[0].text"}) || ignored["y.notes.a"].Because != "not about the child" {
		t.Errorf("ignored %v", ignored)
	}
}

// A FHIR record's fields are named as expressions read them, and what R4 does not have is not lost.
func TestFieldsOfFHIR(t *testing.T) {
	set, err := mapping.Load(mapping.Shipped)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := set.Map("fhirrest", "Patient")
	body := `{"resourceType":"Patient","id":"1","birthDate":"2014-01-01","_birthDate":{"extension":[{"url":"urn:x","valueString":"v"}]},
		"deceasedBoolean":false,"meta":{"profile":["urn:p"],"odd":{"deep":[1,{"er":2}]}}}`
	fields, ignored, err := m.Fields("application/fhir+json", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range fields {
		path := f.Path
		if f.Unknown {
			path += "?"
		}
		got = append(got, path)
	}
	slices.Sort(got)
	want := "Patient.birthDate Patient.birthDate.extension[0].url Patient.birthDate.extension[0].value Patient.deceased Patient.id Patient.meta.odd.deep[0]? Patient.meta.odd.deep[1].er? Patient.meta.profile[0]"
	if strings.Join(got, " ") != want {
		t.Errorf("fields\n%s, want\n%s", strings.Join(got, " "), want)
	}
	if ignored["Patient.meta.profile[0]"].Because == "" {
		t.Errorf("ignored %v", ignored)
	}
}

// What a revision stands for can be kept, and makes the same again.
func TestPinned(t *testing.T) {
	set, err := mapping.Load(mapping.Shipped)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range append(set.Maps(), observedMap(t)) {
		pin, err := m.Pin()
		if err != nil {
			t.Fatal(err)
		}
		again, err := mapping.Unpin(pin)
		if err != nil || again.Revision() != m.Revision() || again.Name != m.Name {
			t.Fatalf("%s: %v, revision %s, want %s", m.Name, err, again.Revision(), m.Revision())
		}
		if twice, err := again.Pin(); err != nil || string(twice) != string(pin) {
			t.Errorf("%s: %v: the same revision gives other bytes", m.Name, err)
		}
	}
	in := mapping.Input{Source: "s", Kind: "y", Key: "k", Media: "application/json", Body: []byte(observedRecord), Now: demoNow, IDKey: demoKey}
	m := observedMap(t)
	pin, err := m.Pin()
	if err != nil {
		t.Fatal(err)
	}
	again, err := mapping.Unpin(pin)
	if err != nil {
		t.Fatal(err)
	}
	one, err := m.Apply(in)
	if err != nil {
		t.Fatal(err)
	}
	two, err := again.Apply(in)
	if a, b := asJSON(t, one), asJSON(t, two); err != nil || a != b {
		t.Errorf("%v: %s\nand again %s", err, a, b)
	}
	for _, bad := range []string{"", "PK", string(pin[:len(pin)/2])} {
		if _, err := mapping.Unpin([]byte(bad)); err == nil {
			t.Errorf("%q was taken for a pin", bad[:min(4, len(bad))])
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
