package connector_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
)

func listing(more string) string {
	return "connector: test\nread:\n  - kind: ting\n    format: json\n    http: {path: /things}\n    list: data.list\n    key: id\n    changed: changed\n    deleted: gone\n" + more
}

// body answers every request with the text.
func body(text string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool { fmt.Fprint(w, text); return true }
}

// end reads to the end or the first error.
func end(a adapters.Adapter, since adapters.Cursor) (pages []adapters.Page, err error) {
	for page, err := range a.Fetch(context.Background(), since) {
		if err != nil {
			return pages, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}

func keys(pages []adapters.Page) (out []string) {
	for _, p := range pages {
		for _, r := range p.Records {
			out = append(out, r.Key)
		}
	}
	return out
}

func cursorOf(pages []adapters.Page) adapters.Cursor { return pages[len(pages)-1].Next }

// TestWhatAServerMayNotDo holds hostile and broken answers to their error.
func TestWhatAServerMayNotDo(t *testing.T) {
	status := func(code int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Location", "http://"+r.Host+"/elsewhere")
			w.WriteHeader(code)
			return true
		}
	}
	next := "    paging: {kind: next, at: next}\n"
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request) bool
		more   string
		want   error
		text   string
	}{
		"refuses":                       {status(401), "", adapters.ErrRefused, "401"},
		"forbids":                       {status(403), "", adapters.ErrRefused, "403"},
		"is busy":                       {status(429), "", adapters.ErrUnavailable, "429"},
		"fails":                         {status(500), "", adapters.ErrUnavailable, "500"},
		"leads elsewhere":               {status(302), "", adapters.ErrProtocol, "302"},
		"knows no such place":           {status(404), "", adapters.ErrProtocol, "404"},
		"answers no JSON":               {body("<html>"), "", adapters.ErrProtocol, "no JSON"},
		"answers half":                  {body(`{"data":{"list":[{"id":"a"}`), "", adapters.ErrProtocol, "no JSON"},
		"answers twice":                 {body(`{"data":{"list":[]}}{}`), "", adapters.ErrProtocol, "no JSON"},
		"has no list":                   {body(`{"data":{}}`), "", adapters.ErrProtocol, "no list data.list"},
		"has a text for a list":         {body(`{"data":{"list":"x"}}`), "", adapters.ErrProtocol, "is no list"},
		"has the way to the list twice": {body(`{"data":{"list":[]},"data":{"list":[{"id":"a"}]}}`), "", adapters.ErrProtocol, "twice"},
		"nests deeply around the list":  {body(`{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,"data":{"list":[]}}`), next, adapters.ErrProtocol, "deeper"},
		"names the list in two cases":   {body(`{"data":{"list":[],"LIST":[{"id":"a"}]}}`), "", adapters.ErrProtocol, "twice"},
		"has too many entries":          {body(`{"data":{"list":[` + strings.TrimSuffix(strings.Repeat("1,", 1001), ",") + `]}}`), next, adapters.ErrProtocol, "more than 1000 entries"},
		"is large":                      {body(`{"data":{"list":["` + strings.Repeat("x", 2<<20) + `"]}}`), "    http: {path: /things, max_mb: 1}\n", adapters.ErrProtocol, "larger"},
		"links away":                    {body(`{"data":{"list":[{"id":"a"}]},"next":"https://evil.example/x"}`), next, adapters.ErrProtocol, "leads away"},
		"links to another scheme":       {body(`{"data":{"list":[{"id":"a"}]},"next":"file:///etc/passwd"}`), next, adapters.ErrProtocol, "leads away"},
		"links in a circle":             {body(`{"data":{"list":[{"id":"a"}]},"next":"/things?again"}`), next, adapters.ErrProtocol, "circle"},
		"links with a national number":  {body(`{"data":{"list":[{"id":"a"}]},"next":"/things?fnr=02892060188"}`), next, adapters.ErrProtocol, "may be a national number"},
		"gives the same page for ever":  {body(`{"data":{"list":[{"id":"a"}]}}`), "    paging: {kind: offset, parameter: from}\n", adapters.ErrProtocol, "the same page"},
		"says it holds more than came":  {body(`{"data":{"list":[]},"total":3}`), "    paging: {kind: offset, parameter: from, total: total}\n", adapters.ErrUnavailable, "holds 3 and gave 0"},
		"counts in words":               {body(`{"data":{"list":[]},"total":"many"}`), "    paging: {kind: offset, parameter: from, total: total}\n", adapters.ErrProtocol, "gives no number"},
		"gives a token that is a list":  {body(`{"data":{"list":[]},"next":["a","b"]}`), "    paging: {kind: token, at: next, parameter: t}\n", adapters.ErrProtocol, "no single value"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake("none", "json", 0)
			f.override = c.answer
			yaml := listing(c.more)
			if strings.Contains(c.more, "http:") {
				yaml = strings.Replace(yaml, "    http: {path: /things}\n", "", 1)
			}
			_, err := end(open(t, definition(t, yaml), f, nil), "")
			if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.text) {
				t.Errorf("error %v, want %v with %q", err, c.want, c.text)
			}
			if strings.Contains(fmt.Sprint(err), "02892060188") {
				t.Error("the error shows the number")
			}
		})
	}
}

// TestABrokenEntryDoesNotStopThePaging: what the answer says of itself is still read.
func TestABrokenEntryDoesNotStopThePaging(t *testing.T) {
	f := newFake("none", "json", 0)
	f.override = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("more") {
			return body(`{"data":{"list":[{"id":"c"}]}}`)(w, r)
		}
		return body(`{"data":{"x":1,"list":[{"id":"a"},{"id":"b","ID":"c"},`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+`]},"next":"/things?more"}`)(w, r)
	}
	pages := adapterstest.Pass(t, open(t, definition(t, listing("    paging: {kind: next, at: next}\n")), f, nil), "")
	if got := keys(pages); !slices.Equal(got, []string{"a", "c"}) || len(pages[0].Faults) != 2 {
		t.Errorf("records %v, faults %v", got, pages[0].Faults)
	}
}

// TestAListThatChangesIsReadAgainLater: offsets shift when something is taken away meanwhile.
func TestAListThatChangesIsReadAgainLater(t *testing.T) {
	f := newFake("offset", "json", 5)
	f.total = true
	asked := 0
	f.override = func(http.ResponseWriter, *http.Request) bool {
		if asked++; asked == 2 {
			f.things = f.things[:4]
		}
		return false
	}
	a := open(t, definition(t, listing("    paging: {kind: offset, parameter: from, size_parameter: size, size: 2, total: total}\n")), f, nil)
	pages, err := end(a, "")
	if !errors.Is(err, adapters.ErrUnavailable) || len(pages) != 1 || pages[0].Next != "" {
		t.Errorf("%d pages, %v", len(pages), err)
	}
}

// TestBadRecords holds each bad entry to a fault of its own, with what to do.
func TestBadRecords(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"no key":              {`{"name":"x"}`, "the supplier must give each record a key"},
		"an empty key":        {`{"id":"  "}`, "the supplier must give each record a key"},
		"two keys":            {`{"id":["a","b"]}`, "no single value"},
		"a national number":   {`{"id":"02892060188"}`, "use a key of the source's own"},
		"no object":           {`"text"`, "it is no object"},
		"a field twice":       {`{"id":"a","deep":[{"x":1,"x":2}]}`, "a key twice"},
		"twice but for case":  {`{"id":"a","ID":"b"}`, "twice but for case"},
		"65 levels":           {strings.Repeat(`{"id":`, 65) + `1` + strings.Repeat("}", 65), "deeper"},
		"many levels":         {strings.Repeat(`[`, 200_000) + strings.Repeat("]", 200_000), "deeper"},
		"half a pair":         {`{"id":"a","x":"\ud800"}`, "surrogate"},
		"not UTF-8":           {"{\"id\":\"a\",\"x\":\"\xff\"}", "not UTF-8"},
		"no number":           {`{"id":"a","x":NaN}`, "not one JSON value"},
		"a changed like this": {`{"id":"a","changed":"i går"}`, "is no time"},
		"a deleted like this": {`{"id":"a","gone":"kanskje"}`, "neither true nor false"},
	} {
		f := newFake("none", "json", 1)
		f.things = append(f.things, c.body)
		pages := adapterstest.Pass(t, open(t, definition(t, listing("")), f, nil), "")
		if got := keys(pages); len(got) != 1 || len(pages[0].Faults) != 1 {
			t.Errorf("%s: records %v, faults %v", name, got, pages[0].Faults)
			continue
		}
		fault := pages[0].Faults[0]
		if !errors.Is(fault, adapters.ErrMalformed) || !strings.Contains(fault.Error(), c.want) || fault.Where != "GET /things, page 1, entry 2" || string(fault.Body) != c.body {
			t.Errorf("%s: %v with %s", name, fault, fault.Body)
		}
		if strings.Contains(fault.Error(), "02892060188") || strings.Contains(fault.Error(), "i går") {
			t.Errorf("%s: the fault shows content", name)
		}
	}
}

// TestCursors follows what is asked for in the second pass.
func TestCursors(t *testing.T) {
	for name, c := range map[string]struct{ cursor, param, want string }{
		"changed":            {"{kind: changed, parameter: since}", "since", "2026-11-03T08:00:00Z"},
		"changed, a date":    {"{kind: changed, parameter: since, as: date, before: ge}", "since", "ge2026-11-03"},
		"changed, overlap":   {"{kind: changed, parameter: since, overlap: 90m}", "since", "2026-11-03T06:30:00Z"},
		"changed, seconds":   {"{kind: changed, parameter: since, as: epoch-s}", "since", "1793692800"},
		"token in a header":  {"{kind: token, header: X-Mark, parameter: mark}", "mark", "m/1"},
		"address":            {"{kind: address, path: /mark, at: mark, parameter: after}", "after", "1000"},
		"address, as a time": {"{kind: address, path: /mark, at: mark, parameter: after, as: epoch-ms, overlap: 1s}", "after", "999000"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake("none", "json", 3)
			f.override = func(w http.ResponseWriter, _ *http.Request) bool { w.Header().Set("X-Mark", "m/1"); return false }
			a := open(t, definition(t, listing("    cursor: "+c.cursor+"\n")), f, nil)
			pages := adapterstest.Pass(t, a, "")
			for _, u := range f.asked {
				if u.Query().Has(c.param) {
					t.Errorf("the first pass asks for %s", u.RawQuery)
				}
			}
			again := adapterstest.Pass(t, a, cursorOf(pages))
			if got := f.asked[len(f.asked)-1].Query().Get(c.param); got != c.want {
				t.Errorf("the second pass asks for %q, want %q", got, c.want)
			}
			if cursorOf(again) != cursorOf(pages) {
				t.Errorf("the cursor does not rest: %s, %s", cursorOf(pages), cursorOf(again))
			}
		})
	}
}

// TestTheCursorNeverGoesBack: an empty answer, or older records, keep the mark.
func TestTheCursorNeverGoesBack(t *testing.T) {
	f := newFake("none", "json", 3)
	a := open(t, definition(t, listing("    cursor: {kind: changed, parameter: since}\n")), f, nil)
	first := cursorOf(adapterstest.Pass(t, a, ""))
	f.things = f.things[:1]
	if got := cursorOf(adapterstest.Pass(t, a, first)); got != first {
		t.Errorf("%s, then %s", first, got)
	}
	f.things = nil
	if got := cursorOf(adapterstest.Pass(t, a, first)); got != first {
		t.Errorf("%s, then %s", first, got)
	}
	if _, err := end(a, "no cursor of ours"); !errors.Is(err, adapters.ErrConfig) {
		t.Errorf("a foreign cursor: %v", err)
	}
}

// TestListingsOneByOne: a pass that fails in the second listing is resumed there.
func TestListingsOneByOne(t *testing.T) {
	const yaml = `
connector: test
check: /mark
settings: [{name: kommune, about: x}, {name: more, about: x, optional: true}]
read:
  - kind_from: iif(name.contains('2'), 'to', 'en')
    kinds: [en, to]
    format: json
    http: {path: "/{kommune}/first", query: {k: "{kommune}", more: "{more}", fixed: ja}}
    list: data.list
    key: id
    cursor: {kind: token, header: X-Mark, parameter: mark}
  - kind: andre
    format: json
    http: {path: /second, method: POST, form: true, body: {k: "{kommune}"}}
    list: data.list
    key: id
`
	f := newFake("none", "json", 3)
	down, form := true, ""
	f.override = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("X-Mark", "1")
		if r.URL.Path != "/second" {
			return false
		}
		form = r.PostFormValue("k")
		if down {
			w.WriteHeader(http.StatusBadGateway)
		} else {
			fmt.Fprint(w, `{"data":{"list":{"id":"alene"}}}`)
		}
		return true
	}
	a := open(t, definition(t, yaml), f, map[string]any{"kommune": "99 01/x"})
	pages, err := end(a, "")
	if !errors.Is(err, adapters.ErrUnavailable) || len(keys(pages)) != 3 || pages[0].Records[1].Kind != "to" || pages[0].Records[0].Kind != "en" {
		t.Fatalf("%v, %v", pages, err)
	}
	if got := f.asked[0].String(); got != "/99%2001%2Fx/first?fixed=ja&k=99+01%2Fx" {
		t.Errorf("asked for %s", got)
	}
	down = false
	before := len(f.asked)
	rest := adapterstest.Pass(t, a, cursorOf(pages))
	if form != "99 01/x" || rest[len(rest)-1].Records[0].Key != "alene" {
		t.Errorf("form %q, %v", form, rest)
	}
	if f.asked[before].Query().Get("mark") != "1" {
		t.Error("the first listing is read from its beginning again")
	}
	if err := a.(adapters.Checker).Check(t.Context()); err != nil {
		t.Error(err)
	}
	if _, can := open(t, definition(t, listing("")), f, nil).(adapters.Checker); can {
		t.Error("a source without a check address says that it can be asked")
	}
}
