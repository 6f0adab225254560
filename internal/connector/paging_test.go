package connector_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
)

// ways are the connectors that the contract is run on. %s stands for more keys of the listing.
var ways = []struct{ name, paging, format, yaml string }{
	{"offset", "offset", "json", `
connector: test
read:
  - kind: ting
    format: json
    http: {path: /things}
    list: data.list
    key: id
    changed: changed
    paging: {kind: offset, parameter: from, size_parameter: size, size: 2}
`},
	{"offset with a total, in a POST body", "offset", "json", `
connector: test
read:
  - kind: ting
    format: json
    http: {path: /things, method: POST, body: {what: all, deep: {list: [1, two]}}}
    list: data.list
    key: id
    paging: {kind: offset, parameter: from, size_parameter: size, size: 2, in: body, total: total}
`},
	{"page numbers", "page", "json", `
connector: test
read:
  - kind: ting
    format: json
    http: {path: /things}
    list: data.list
    key: id
    paging: {kind: page, parameter: page, size_parameter: size, size: 2}
`},
	{"next link in the body", "next", "json", `
connector: test
read:
  - kind: ting
    format: json
    http: {path: /things}
    list: data.list
    key: id
    paging: {kind: next, at: next, size_parameter: size, size: 2}
`},
	{"next link in a header", "link", "json", `
connector: test
read:
  - kind: ting
    format: json
    http: {path: /things}
    list: data.list
    key: id
    paging: {kind: next, header: Link, size_parameter: size, size: 2}
`},
	{"token in the body", "token", "json", `
connector: test
read:
  - kind: ting
    format: json
    http: {path: /things}
    list: data.list
    key: id
    paging: {kind: token, at: after, parameter: after, size_parameter: size, size: 2}
`},
	{"token in a header, CSV", "token", "csv", `
connector: test
read:
  - kind: ting
    format: csv
    http: {path: /things}
    key: id
    paging: {kind: token, header: X-After, parameter: after, size_parameter: size, size: 2}
`},
	{"XML with a next link", "next", "xml", `
connector: test
read:
  - kind: ting
    format: xml
    http: {path: /things}
    list: svar.liste.ting
    key: id
    changed: endret
    paging: {kind: next, at: neste, size_parameter: size, size: 2}
`},
	{"no paging", "none", "json", `
connector: test
read:
  - kind: ting
    format: json
    http: {path: /things}
    list: data.list
    key: id
`},
}

// TestContract holds every kind of paging to what every adapter must do.
func TestContract(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			d := definition(t, w.yaml)
			adapterstest.Run(t, adapterstest.Fixture{
				Paged: w.paging != "none",
				Open: func(t *testing.T) adapters.Adapter {
					f := newFake(w.paging, w.format, 5)
					f.total = true
					return open(t, d, f, nil)
				},
				Change: func(t *testing.T) (adapters.Adapter, func()) {
					f := newFake(w.paging, w.format, 5)
					f.total = true
					return open(t, d, f, nil), func() { f.put(thing{ID: "k-3", Name: "Ny", Changed: "2026-11-23T08:00:00Z"}) }
				},
				Poisoned: func(t *testing.T) (adapters.Adapter, string) {
					f := newFake(w.paging, w.format, 5)
					f.total = true
					f.things[2] = map[string]string{"json": `{"id":"x","id":"y"}`, "csv": "for,mange,felt,her", "xml": "<ting><navn>uten nøkkel</navn></ting>"}[w.format]
					return open(t, d, f, nil), "/things"
				},
				Down: func(t *testing.T) adapters.Adapter {
					return open(t, d, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }), nil)
				},
			})
		})
	}
}

// TestBytesAreUntouched holds record bodies to what stood on the wire.
func TestBytesAreUntouched(t *testing.T) {
	for _, w := range ways {
		f := newFake(w.paging, w.format, 5)
		f.total = true
		a := open(t, definition(t, w.yaml), f, nil)
		i := 0
		for _, p := range adapterstest.Pass(t, a, "") {
			for _, r := range p.Records {
				want := f.things[i]
				switch w.format {
				case "csv":
					want = "id,navn,endret\n" + want + "\n"
				case "xml": // written anew, with its namespace
					want = strings.Replace(want, "<ting ", `<ting xmlns="urn:x" `, 1)
				}
				if string(r.Body) != want || r.Key != fmt.Sprintf("k-%d", i+1) || r.Kind != "ting" {
					t.Errorf("%s: record %d is %s %s\n%s\nwant\n%s", w.name, i, r.Kind, r.Key, r.Body, want)
				}
				i++
			}
		}
		if i != 5 {
			t.Errorf("%s: %d records", w.name, i)
		}
	}
}
