package nhnmsh_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
	"samsyn/adapters/nhnmsh"
	nhnmshsim "samsyn/internal/sim/nhnmsh"
)

const (
	families     = "../../testdata/families/msh-helsestasjon"
	helsestasjon = 910010
	poison       = "2026-11-20-forgiftet.xml"
	good         = "2026-11-02-habu-ella.xml"
)

// files gives the family's messages, without the poisoned one unless it is wanted.
func files(t testing.TB, poisoned bool) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	entries, err := os.ReadDir(families)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == poison && !poisoned {
			continue
		}
		out[e.Name()] = &fstest.MapFile{Data: file(t, e.Name())}
	}
	return out
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(families + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func server(t testing.TB, data fstest.MapFS) *nhnmshsim.Server {
	t.Helper()
	sim, err := nhnmshsim.New(data)
	if err != nil {
		t.Fatal(err)
	}
	return sim
}

func open(t testing.TB, h http.Handler, change func(*nhnmsh.Config)) adapters.Adapter {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c := nhnmsh.Config{Base: s.URL, HerIDs: []int{helsestasjon}, PageSize: 3}
	if change != nil {
		change(&c)
	}
	a, err := c.Open(adapters.Deps{HTTP: s.Client(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestContract(t *testing.T) {
	adapterstest.Run(t, adapterstest.Fixture{
		Paged: true,
		Open:  func(t *testing.T) adapters.Adapter { return open(t, server(t, files(t, false)), nil) },
		Change: func(t *testing.T) (adapters.Adapter, func()) {
			data := files(t, false)
			delete(data, good)
			sim := server(t, data)
			return open(t, sim, nil), func() {
				if err := sim.Add(good, file(t, good)); err != nil {
					t.Fatal(err)
				}
			}
		},
		Poisoned: func(t *testing.T) (adapters.Adapter, string) {
			sim := server(t, files(t, true))
			return open(t, sim, nil), named(t, sim, poison).ID
		},
		Down: func(t *testing.T) adapters.Adapter {
			s := httptest.NewServer(http.NotFoundHandler())
			s.Close()
			a, err := nhnmsh.Config{Base: s.URL, HerIDs: []int{helsestasjon}}.Open(adapters.Deps{HTTP: http.DefaultClient, Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			return a
		},
	})
}

// named gives the helsestasjon's copy of a message.
func named(t testing.TB, sim *nhnmshsim.Server, name string) nhnmshsim.Message {
	t.Helper()
	for _, m := range sim.Messages() {
		if m.Name == name && m.Receiver == helsestasjon {
			return m
		}
	}
	t.Fatalf("no message %s", name)
	return nhnmshsim.Message{}
}

// key is what the adapter calls a message.
func key(m nhnmshsim.Message) string { return fmt.Sprintf("%d/%s", m.Sender, m.MsgID) }

func TestRecordIsTheDocumentAsItCame(t *testing.T) {
	sim := server(t, files(t, false))
	want := named(t, sim, good)
	for _, p := range adapterstest.Pass(t, open(t, sim, nil), "") {
		for _, r := range p.Records {
			if r.Key != key(want) {
				continue
			}
			if r.Kind != nhnmsh.KindDialog || r.Media != adapters.XML || r.Version != want.ID || string(r.Body) != string(want.Document) {
				t.Errorf("record %s %s, version %s, %d bytes", r.Kind, r.Media, r.Version, len(r.Body))
			}
			if got := r.Changed.UTC().Format(time.RFC3339); got != "2026-11-02T08:10:00Z" {
				t.Errorf("written at %s", got)
			}
			return
		}
	}
	t.Error("the message did not come")
}

func TestMoreUnreadThanOneListingHolds(t *testing.T) {
	data := fstest.MapFS{}
	body := string(file(t, good))
	for i := range 130 {
		name := "m" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + ".xml"
		data[name] = &fstest.MapFile{Data: []byte(strings.NewReplacer("09:10:00", time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC).Format("15:04:05"), "<MsgId>", fmt.Sprintf("<MsgId>%d-", i)).Replace(body))}
	}
	sim := server(t, data)
	seen := map[string]bool{}
	for _, p := range adapterstest.Pass(t, open(t, sim, nil), "") {
		for _, r := range p.Records {
			if seen[r.Key] {
				t.Errorf("%s comes twice", r.Key)
			}
			seen[r.Key] = true
		}
	}
	// The API lists at the most a hundred from either end while nothing is acknowledged.
	if len(seen) != 130 {
		t.Errorf("%d of 130 unread messages were read", len(seen))
	}
}

// bad alters the good message so that it is refused.
var bad = map[string]struct {
	code   string
	change func(string) string
}{
	"not XML":            {"T01", func(s string) string { return strings.Replace(s, "</MsgHead>", "", 1) }},
	"text after the end": {"T01", func(s string) string { return s + "x" }},
	"DOCTYPE":            {"T99", func(s string) string { return strings.Replace(s, "<MsgHead", "<!DOCTYPE MsgHead><MsgHead", 1) }},
	"too deep": {"T99", func(s string) string {
		return strings.Replace(s, "<TekstNotatInnhold>", "<TekstNotatInnhold>"+strings.Repeat("<b>", 80)+strings.Repeat("</b>", 80), 1)
	}},
	"another MsgHead":   {"T10", func(s string) string { return strings.Replace(s, "msghead/2006-05-24", "msghead/2004-01-01", 1) }},
	"another dialog":    {"T10", func(s string) string { return strings.Replace(s, "dialog/2013-01-23", "dialog/2099-01-01", 1) }},
	"two dialogs":       {"T10", func(s string) string { return strings.Replace(s, "<Document>", document(s)+"<Document>", 1) }},
	"not to us":         {"E21", func(s string) string { return strings.Replace(s, "910010", "910011", 1) }},
	"no patient":        {"E30", func(s string) string { return between(s, "<Patient>", "</Patient>") }},
	"no patient number": {"E30", func(s string) string { return strings.Replace(between(s, "<Ident><Id>1483", "</Ident>"), "", "", 1) }},
	"no MsgInfo":        {"T02", func(s string) string { return between(s, "<MsgInfo>", "</MsgInfo>") }},
}

// between cuts out what stands from from to to.
func between(s, from, to string) string {
	before, rest, _ := strings.Cut(s, from)
	_, after, _ := strings.Cut(rest, to)
	return before + after
}

func document(s string) string {
	_, rest, _ := strings.Cut(s, "<Document>")
	inner, _, _ := strings.Cut(rest, "</Document>")
	return "<Document>" + inner + "</Document>"
}

func TestBadMessagesAreRejectedWithTheirCause(t *testing.T) {
	for name, test := range bad {
		t.Run(name, func(t *testing.T) {
			changed := test.change(string(file(t, good)))
			sim := server(t, fstest.MapFS{good: {Data: file(t, good)}})
			id := named(t, sim, good).ID
			// The server's own metadata stay those of the message as it was sent.
			a := open(t, replaced(sim, id, changed), nil)
			pages := adapterstest.Pass(t, a, "")
			if len(pages) != 1 || len(pages[0].Faults) != 1 {
				t.Fatalf("%d pages; want one with one fault", len(pages))
			}
			f := pages[0].Faults[0]
			if !errors.Is(f.Err, adapters.ErrMalformed) || f.Key != key(named(t, sim, good)) || string(f.Body) != changed {
				t.Errorf("fault %v", f)
			}
			if strings.Contains(f.Error(), "14831460041") || strings.Contains(f.Error(), "Lyngstad") {
				t.Errorf("the fault tells who it is about: %v", f)
			}
			acknowledgeAll(t, a, pages[0])
			m := named(t, sim, good)
			if m.AppRec == nil || m.AppRec.Status != "Rejected" || m.AppRec.Errors[0].Code != test.code || !m.Read {
				t.Errorf("answered %+v, read %t, want code %s", m.AppRec, m.Read, test.code)
			}
		})
	}
}

func TestMessageIDMustAgree(t *testing.T) {
	other := strings.Replace(string(file(t, good)), "<MsgId>", "<MsgId>x", 1)
	sim := server(t, fstest.MapFS{good: {Data: file(t, good)}})
	a := open(t, replaced(sim, named(t, sim, good).ID, other), nil)
	pages := adapterstest.Pass(t, a, "")
	acknowledgeAll(t, a, pages[0])
	if m := named(t, sim, good); m.AppRec.Errors[0].Code != "E10" {
		t.Errorf("answered %+v", m.AppRec)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the redirect was followed")
	}))
	t.Cleanup(elsewhere.Close)
	a := open(t, http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect), nil)
	for _, err := range a.Fetch(context.Background(), "") {
		if !errors.Is(err, adapters.ErrProtocol) {
			t.Errorf("got %v", err)
		}
	}
}

func TestHTTPErrors(t *testing.T) {
	for code, want := range map[int]error{401: adapters.ErrRefused, 403: adapters.ErrRefused, 429: adapters.ErrUnavailable, 500: adapters.ErrUnavailable, 400: adapters.ErrProtocol} {
		a := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }), nil)
		for _, err := range a.Fetch(context.Background(), "") {
			if !errors.Is(err, want) {
				t.Errorf("HTTP %d gives %v, want %v", code, err, want)
			}
		}
	}
}

func TestOneMissingDocumentDoesNotStopTheOthers(t *testing.T) {
	sim := server(t, files(t, false))
	id := named(t, sim, good).ID
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, id+"/business-document") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		sim.ServeHTTP(w, r)
	})
	a := open(t, h, nil)
	faults, records := 0, 0
	for _, p := range adapterstest.Pass(t, a, "") {
		faults, records = faults+len(p.Faults), records+len(p.Records)
		acknowledgeAll(t, a, p)
	}
	if faults != 1 || records < 5 {
		t.Errorf("%d faults and %d records", faults, records)
	}
	if m := named(t, sim, good); m.Read || m.AppRec != nil {
		t.Error("a message that could not be read was answered")
	}
}

func TestCheck(t *testing.T) {
	sim := server(t, files(t, false))
	if err := open(t, sim, nil).(adapters.Checker).Check(context.Background()); err != nil {
		t.Error(err)
	}
	stranger := open(t, sim, func(c *nhnmsh.Config) { c.HerIDs = []int{1} }).(adapters.Checker)
	if err := stranger.Check(context.Background()); !errors.Is(err, adapters.ErrRefused) {
		t.Errorf("a HER-id that is not ours gives %v", err)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	fine := nhnmsh.Config{Base: "https://msh.example", HerIDs: []int{1}}
	if errs := fine.Validate(); len(errs) > 0 {
		t.Fatal(errs)
	}
	tests := map[string]func(*nhnmsh.Config){
		"base":         func(c *nhnmsh.Config) { c.Base = "https://msh.example?x=1" },
		"her_ids":      func(c *nhnmsh.Config) { c.HerIDs = nil },
		"her_ids[0]":   func(c *nhnmsh.Config) { c.HerIDs = []int{0} },
		"her_ids[1]":   func(c *nhnmsh.Config) { c.HerIDs = []int{1, 1} },
		"page_size":    func(c *nhnmsh.Config) { c.PageSize = 101 },
		"max_document": func(c *nhnmsh.Config) { c.MaxDocument = -1 },
	}
	for field, change := range tests {
		c := fine
		c.HerIDs = slices.Clone(fine.HerIDs)
		change(&c)
		errs := c.Validate()
		if len(errs) != 1 || !errors.Is(errs[0], adapters.ErrConfig) || !strings.Contains(errs[0].Error(), field+":") {
			t.Errorf("%s: got %v", field, errs)
		}
	}
}
