package connector_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"samsyn/adapters"
	"samsyn/internal/connector"
)

// TestFaultsAreToldAtOnce holds a file with many faults to what is told of it: place,
// message and suggestion.
func TestFaultsAreToldAtOnce(t *testing.T) {
	const file = `connector: Test
about: x
auth: [oauth2, maskinport]
settings:
  - name: url
    about: taken
  - name: kommune
per_second: -1
reed: []
read:
  - kind: ting
    http:
      path: things?x=1
      method: PUT
      query: {a: "{komune}"}
    format: jsn
    key: id.where(
    changed: endret
    paging: {kind: ofset, size: 0x}
    cursor: {kind: changed, at: x, overlap: -5m}
  - kind: ting
    folder: {files: "a/*.csv", take: newest}
    format: csv
    list: a.b
    csv: {separator: "::"}
    key: id
    key: id
    complete: perhaps
  - kind_from: type
    format: xml
    key: unknownFunction()
`
	_, err := connector.Parse("x/connector.yaml", []byte(file))
	want := []string{
		`1:12: connector: is the system's name: small letters, digits and hyphens`,
		`3:16: auth[1]: "maskinport" is none of none, oauth2, maskinporten, helseid (did you mean maskinporten?)`,
		`5:11: settings[0].name: is taken`,
		`7:5: settings[1].about: say what it means to whoever must give it`,
		`8:13: per_second: is not negative`,
		`9:1: reed: is no key here (did you mean read?)`,
		`13:13: read[0].http.path: begins with / and has no query`,
		`14:15: read[0].http.method: "PUT" is none of GET, POST`,
		`15:18: read[0].http.query.a: {komune} is no setting of this connector (did you mean kommune?)`,
		`16:13: read[0].format: "jsn" is none of json, xml, csv (did you mean json?)`,
		`17:10: read[0].key: a value is expected before end (column 10 of the expression)`,
		`19:20: read[0].paging.kind: "ofset" is none of none, offset, page, next, token (did you mean offset?)`,
		`19:33: read[0].paging.size: is not a whole number`,
		`20:13: read[0].cursor.parameter: is required: what carries the cursor`,
		`20:33: read[0].cursor.at: at or header must be given for token and address, and not for changed`,
		`20:45: read[0].cursor.overlap: is not a duration`,
		`21:11: read[1].kind: another listing is of this kind`,
		`21:5: read[1]: listings over http and in a folder cannot stand in one connector`,
		`22:21: read[1].folder.files: is a pattern of names`,
		`22:38: read[1].folder.take: "newest" is none of all, last`,
		`24:11: read[1].list: rows of CSV stand in no list`,
		`25:22: read[1].csv.separator: "::" is none of`,
		`27:5: read[1].key: a key must be a plain word and stand once`,
		`28:15: read[1].complete: is not true or false`,
		`29:5: read[2]: either http: or folder: says where the records are`,
		`29:5: read[2].kinds: lists the kinds that there may be`,
		`29:5: read[2].list: is required: the root's name, and the way down to the records`,
		`31:10: read[2].key: unknown function`,
	}
	var got []string
	for _, f := range connector.Faults(err) {
		got = append(got, f.Error())
	}
	text := strings.Join(got, "\n")
	for _, w := range want {
		if !strings.Contains(text, "x/connector.yaml:"+w) {
			t.Errorf("not told: %s", w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d faults, want %d:\n%s", len(got), len(want), text)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":           {"", "x.yaml: the file is empty"},
		"not YAML":        {"a: [", "x.yaml:1:1: the file is not YAML"},
		"a list":          {"- a", "x.yaml:1:1: a connector file is a YAML mapping"},
		"two documents":   {"connector: a\n---\nconnector: b", "more than one YAML document"},
		"not UTF-8":       {"connector: \xff", "not UTF-8"},
		"a loop":          {"connector: &a\n  about: *a", ""},
		"a bomb":          {"read: [&a {http: {body: [" + strings.Repeat("{x: y},", 3000) + "]}}, *a]", "too large"},
		"a brace":         {"connector: a\nread:\n  - {kind: k, format: json, key: id, http: {path: \"/a{\"}}", "a brace is not closed"},
		"a number in it":  {"connector: a\nread:\n  - {kind: k, format: json, key: id, http: {path: /person/02892060188}}", "may be a national number"},
		"body with GET":   {"connector: a\nread:\n  - {kind: k, format: json, key: id, http: {path: /a, body: {x: 1}}}", "belongs to method POST"},
		"page in no body": {"connector: a\nread:\n  - {kind: k, format: json, key: id, http: {path: /a}, paging: {kind: page, parameter: p, in: body}}", "body needs method POST"},
	} {
		d, err := connector.Parse("x.yaml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
}

func TestLoad(t *testing.T) {
	good := "connector: a\nread:\n  - {kind: k, format: json, key: id, http: {path: /a}}\n"
	all, err := connector.Load(fstest.MapFS{"a/connector.yaml": {Data: []byte(good)}, "b/connector.yaml": {Data: []byte(good)}, "c/README.md": {}, "d/connector.yaml": {Data: []byte("x: y")}})
	if len(all) != 1 || all["a"] == nil || err == nil {
		t.Errorf("%v, %v", all, err)
	}
	var files []string
	for _, f := range connector.Faults(err) {
		files = append(files, f.File+":"+f.Path)
	}
	if text := strings.Join(files, " "); !strings.HasPrefix(text, "b/connector.yaml:connector d/connector.yaml:") {
		t.Errorf("faults in %s", text)
	}
}

func TestShippedConnectorsAreSound(t *testing.T) {
	all, err := connector.Load(adapters.Connectors)
	if err != nil || all["fint"] == nil {
		t.Errorf("%v, %v", all, err)
	}
}

// TestEveryKeyIsDescribed holds docs/adding-a-source.md to the keys that there are, and
// its examples to what Parse takes.
func TestEveryKeyIsDescribed(t *testing.T) {
	raw, err := os.ReadFile("../../docs/adding-a-source.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(raw)
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			if key := typ.Field(i).Tag.Get("yaml"); key != "" {
				if !strings.Contains(doc, "`"+key+"`") && !strings.Contains(doc, "`"+key+": ") {
					t.Errorf("%s.%s is not described", typ.Name(), key)
				}
				walk(typ.Field(i).Type)
			}
		}
	}
	walk(reflect.TypeFor[connector.Definition]())
	examples := regexp.MustCompile("(?s)```yaml connector\n(.*?)```").FindAllStringSubmatch(doc, -1)
	for _, m := range examples {
		if _, err := connector.Parse("docs/adding-a-source.md", []byte(m[1])); err != nil {
			t.Errorf("%v\n%s", err, m[1])
		}
	}
	if len(examples) < 2 {
		t.Errorf("%d examples", len(examples))
	}
}

func TestSettings(t *testing.T) {
	const yaml = `
connector: test
settings:
  - {name: kommune, about: the municipality's number}
  - {name: region, about: which region, default: vest}
  - {name: more, about: anything, optional: true}
read:
  - {kind: k, format: json, key: id, http: {path: "/{kommune}/{region}", query: {more: "{more}"}}}
`
	d := definition(t, yaml)
	for name, c := range map[string]struct {
		values map[string]any
		want   []string // a part of each fault
	}{
		"good":              {map[string]any{"url": "https://x.no", "kommune": 9901}, nil},
		"nothing":           {nil, []string{"url: must be", "kommune: is missing: the municipality's number"}},
		"unknown":           {map[string]any{"url": "https://x.no", "kommune": "9901", "regoin": "x"}, []string{"regoin: is no setting of this system (did you mean region?)"}},
		"a query":           {map[string]any{"url": "https://x.no?a=b", "kommune": "9901"}, []string{"url: must be"}},
		"a list":            {map[string]any{"url": "https://x.no", "kommune": []any{1}}, []string{"kommune: must be a single value"}},
		"a national number": {map[string]any{"url": "https://x.no", "kommune": "02892060188"}, []string{"kommune: holds what may be a national number"}},
		"size":              {map[string]any{"url": "https://x.no", "kommune": "1", "size": 0}, []string{"size: must be from 1"}},
	} {
		conf := d.Config()
		conf.Values = c.values
		errs := conf.Validate()
		if len(errs) != len(c.want) {
			t.Errorf("%s: %v", name, errs)
			continue
		}
		for i, e := range errs {
			if !strings.Contains(e.Error(), c.want[i]) || strings.Contains(e.Error(), "02892060188") {
				t.Errorf("%s: %v, want %q", name, e, c.want[i])
			}
		}
		if _, err := conf.Open(deps()); (err == nil) != (len(c.want) == 0) {
			t.Errorf("%s: open: %v", name, err)
		}
	}
}
