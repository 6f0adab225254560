package mapping_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"samsyn/mapping"
)

// TestMediaTypes reads the same record in its three forms.
func TestMediaTypes(t *testing.T) {
	m := load(t, goodHead+`make:
  - resourceType: CareTeam
    id: "{{ id('x', r.nr) }}"
    name: "{{ navn }}"
    identifier: "{[ kode.select(identifier('urn:k', $this)) ]}"
`)
	var bodies [][]byte
	for media, body := range map[string]string{
		"application/json":               `{"nr":"1","navn":"Ås \"skole\"","kode":"7"}`,
		"application/xml":                `<?xml version="1.0"?><r xmlns="urn:x" nr="1"><navn>Ås "skole"</navn><kode>7</kode></r>`,
		"text/csv; charset=utf-8":        "nr,navn,kode\n1,\"Ås \"\"skole\"\"\",7\n",
		"application/fhir+json":          `{"nr":1,"navn":"Ås \"skole\"","kode":["7"]}`,
		"application/vnd.x+xml":          `<r><nr>1</nr><navn>Ås "skole"</navn><kode>7</kode></r>`,
		"text/xml":                       "\ufeff<r nr='1'>\n <navn>Ås \"skole\"</navn>\n <kode>7</kode>\n</r>",
		"application/json;charset=utf-8": "\n{\"navn\":\"\\u00c5s \\\"skole\\\"\",\"kode\":7,\"nr\":1}\n",
	} {
		in := input(body)
		in.Media = media
		result, err := m.Apply(in)
		if err != nil {
			t.Fatalf("%s: %v", media, err)
		}
		bodies = append(bodies, result.Made[0].Resource.Body)
	}
	for _, body := range bodies[1:] {
		if !bytes.Equal(body, bodies[0]) {
			t.Errorf("%s differs from %s", body, bodies[0])
		}
	}
}

func TestXMLTree(t *testing.T) {
	m := load(t, goodHead+`make:
  - resourceType: CareTeam
    id: a
    name: "{{ Sak.Plan.select(Fra & '/' & Til).join(',') }} {{ Barnevern.Sak.Plan.count() }} {{ Tom.exists() }}"
    note: [{ text: "{{ Merknad.text }} {{ Merknad.sprak }} {{ mappe.type }}" }]
`)
	in := input(`<Barnevern xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="x y"><Sak><Plan Fra="1"><Til>2</Til></Plan>
<Plan Fra="3"><Til>4</Til></Plan></Sak><Tom/><Merknad sprak="nb">hei</Merknad><mappe i:type="saksmappe"><id>1</id></mappe></Barnevern>`)
	in.Media = "application/xml"
	result, err := m.Apply(in)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"resourceType":"CareTeam","id":"a","name":"1/2,3/4 2 true","note":[{"text":"hei nb saksmappe"}]}`
	if got := string(result.Made[0].Resource.Body); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestBadBodies(t *testing.T) {
	m := load(t, goodHead+"make: []\n")
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for _, c := range []struct{ media, body, want string }{
		{"application/json", "", "early end"},
		{"application/json", `{} {}`, "text after the value"},
		{"application/json", `{"a":01}`, "comma"},
		{"application/json", `{"a":"` + "\xff" + `"}`, "UTF-8"},
		{"application/json", "{\"a\":\"\n\"}", "control character"},
		{"application/json", deep, "too many levels"},
		{"application/json", `{"a":"\x"}`, "bad escape"},
		{"application/json", "[0" + strings.Repeat(",0", 500_000) + "]", "too many values"},
		{"application/json", `[1,]`, "no value"},
		{"application/xml", `<!DOCTYPE a><a/>`, "DOCTYPE"},
		{"application/xml", `<a><b></a>`, "well-formed"},
		{"application/xml", `<a/><b/>`, "well-formed"},
		{"application/xml", strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100), "deeper"},
		{"text/csv", "a,b\n", "row"},
		{"text/csv", "a,b\n1,2\n3,4\n", "more than one row"},
		{"text/csv", "a,a\n1,2\n", "twice"},
		{"text/csv", "a,b\n1\n", "row"},
		{"text/plain", "a", "media type"},
	} {
		in := input(c.body)
		in.Media = c.media
		if _, err := m.Apply(in); !errors.Is(err, mapping.ErrDecode) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.20q: got %v, want %s", c.media, c.body, err, c.want)
		}
	}
}

// FuzzDecodeJSON: what is accepted is read as encoding/json reads it.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.50,-0,1e9],"b":{"c":"x\u00e5\n","d":null},"e":true}`, `[]`, `"\ud83d\ude00"`, `{"a":{"a":{"a":[[[]]]}}}`, ` 0 `, `{"a":1,"a":2}`, `01`, `{"":""}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := mapping.DecodeJSON(body)
		if err != nil {
			return
		}
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("%q is accepted: %v", body, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %#v, want %#v", body, got, want)
		}
	})
}
