package fhirrest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
	"samsyn/adapters/fhirrest"
	fhirrestsim "samsyn/internal/sim/fhirrest"
)

const families = "../../testdata/families"

var now = time.Date(2026, 11, 23, 8, 0, 0, 0, time.FixedZone("CET", 3600))

var everyType = []fhirrest.Type{
	{Type: "Patient"}, {Type: "RelatedPerson"}, {Type: "Organization"}, {Type: "Practitioner"}, {Type: "PractitionerRole"},
	{Type: "EpisodeOfCare"}, {Type: "Encounter"}, {Type: "Appointment"}, {Type: "ServiceRequest"}, {Type: "CarePlan"},
	{Type: "CareTeam"}, {Type: "Goal"}, {Type: "Condition"}, {Type: "DocumentReference"},
}

// hospital serves the hospital's families.
func hospital(t *testing.T) *fhirrestsim.Server {
	t.Helper()
	sim, err := fhirrestsim.New(os.DirFS(filepath.Join(families, "fhir-sykehus")))
	if err != nil {
		t.Fatal(err)
	}
	return sim
}

func open(t *testing.T, h http.Handler, change func(*fhirrest.Config)) adapters.Adapter {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c := fhirrest.Config{Base: server.URL + fhirrestsim.Base, Types: everyType, PageSize: 5}
	if change != nil {
		change(&c)
	}
	a, err := c.Open(adapters.Deps{HTTP: server.Client(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestContract(t *testing.T) {
	adapterstest.Run(t, adapterstest.Fixture{
		Paged: true,
		Open:  func(t *testing.T) adapters.Adapter { return open(t, hospital(t), nil) },
		Change: func(t *testing.T) (adapters.Adapter, func()) {
			sim := hospital(t)
			return open(t, sim, nil), func() {
				changed := strings.NewReplacer(`"booked"`, `"cancelled"`, "2026-11-10T08:30:00+01:00", "2026-11-22T10:00:00+01:00").
					Replace(string(sim.Get("Appointment", "time-teo-bup")))
				if err := sim.Put([]byte(changed)); err != nil {
					t.Fatal(err)
				}
			}
		},
		Poisoned: func(t *testing.T) (adapters.Adapter, string) {
			sim := hospital(t)
			deep := `{"resourceType":"Goal","id":"for-dyp","note":` + strings.Repeat("[", 80) + strings.Repeat("]", 80) + `}`
			if err := sim.Put([]byte(deep)); err != nil {
				t.Fatal(err)
			}
			return open(t, sim, nil), "for-dyp"
		},
		Down: func(t *testing.T) adapters.Adapter {
			server := httptest.NewServer(http.NotFoundHandler())
			server.Close()
			a, err := fhirrest.Config{Base: server.URL, Types: everyType}.Open(adapters.Deps{HTTP: http.DefaultClient, Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			return a
		},
	})
}

// scripted answers each request with the next body.
type scripted struct {
	t       *testing.T
	status  int
	bodies  []string
	methods []string
	forms   []string
	paths   []string
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	form, _ := io.ReadAll(r.Body)
	s.methods, s.forms = append(s.methods, r.Method), append(s.forms, string(form))
	s.paths = append(s.paths, r.URL.RequestURI())
	if len(s.bodies) == 0 {
		s.t.Errorf("one request more than expected: %s %s", r.Method, r.URL.Path)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	body := strings.ReplaceAll(s.bodies[0], "BASE", "http://"+r.Host)
	s.bodies = s.bodies[1:]
	if s.status != 0 {
		w.WriteHeader(s.status)
	}
	_, _ = io.WriteString(w, body)
}

func onlyGoals(c *fhirrest.Config) { c.Types = []fhirrest.Type{{Type: "Goal"}} }

func fetch(a adapters.Adapter, since adapters.Cursor) (pages []adapters.Page, err error) {
	for p, err := range a.Fetch(context.Background(), since) {
		if err != nil {
			return pages, err
		}
		pages = append(pages, p)
	}
	return pages, nil
}

func searchset(link string, entries ...string) string {
	links := ""
	if link != "" {
		links = `{"relation":"next","url":"` + link + `"}`
	}
	return `{"resourceType":"Bundle","type":"searchset","link":[` + links + `],"entry":[` + strings.Join(entries, ",") + `]}`
}

func goal(id, updated string) string {
	return `{"resource":{"resourceType":"Goal","id":"` + id + `","meta":{"lastUpdated":"` + updated + `"}}}`
}

func TestErrorsAreOfTheRightKind(t *testing.T) {
	outcome := `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"too-costly","diagnostics":"14831460041"}]}`
	tests := []struct {
		name   string
		status int
		bodies []string
		want   error
		text   string
	}{
		{"401", 401, []string{""}, adapters.ErrRefused, "401"},
		{"403", 403, []string{outcome}, adapters.ErrRefused, "error/too-costly"},
		{"429", 429, []string{""}, adapters.ErrUnavailable, "429"},
		{"503", 503, []string{"gone for lunch"}, adapters.ErrUnavailable, "503"},
		{"400", 400, []string{outcome}, adapters.ErrProtocol, "error/too-costly"},
		{"an outcome in place of a Bundle", 0, []string{outcome}, adapters.ErrProtocol, "OperationOutcome"},
		{"no JSON", 0, []string{"<html>"}, adapters.ErrProtocol, "not JSON"},
		{"cut off", 0, []string{`{"resourceType":"Bundle","type":"searchset","entry":[{`}, adapters.ErrProtocol, "not JSON"},
		{"another type of Bundle", 0, []string{`{"resourceType":"Bundle","type":"batch"}`}, adapters.ErrProtocol, "neither"},
		{"next on another server", 0, []string{searchset("http://elsewhere.example/fhir?p=2")}, adapters.ErrProtocol, "leaves"},
		{"next on another port", 0, []string{searchset("http://127.0.0.1:1/fhir?p=2")}, adapters.ErrProtocol, "leaves"},
		{"next by another scheme", 0, []string{searchset("file:///etc/passwd")}, adapters.ErrProtocol, "leaves"},
		{"next with a number", 0, []string{searchset("BASE/fhir?patient.identifier=14831460041")}, adapters.ErrProtocol, "national number"},
		{"next in a circle", 0, []string{searchset("BASE/fhir?p=2"), searchset("BASE/fhir?p=2")}, adapters.ErrProtocol, "circle"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &scripted{t: t, status: test.status, bodies: test.bodies}
			_, err := fetch(open(t, s, onlyGoals), "")
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want %v with %q", err, test.want, test.text)
			}
			if err != nil && strings.Contains(err.Error(), "14831460041") {
				t.Error("the error repeats a national number from the server's text")
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the redirect was followed")
	}))
	t.Cleanup(elsewhere.Close)
	_, err := fetch(open(t, http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect), onlyGoals), "")
	if !errors.Is(err, adapters.ErrProtocol) {
		t.Errorf("got %v", err)
	}
}

func TestBadEntriesAreFaults(t *testing.T) {
	tests := map[string]struct{ entry, text string }{
		"no object":        {`"x"`, "not what a Bundle entry"},
		"no resource":      {`{"search":{"mode":"match"}}`, "no resource"},
		"no id":            {`{"resource":{"resourceType":"Goal"}}`, "id is missing"},
		"strange id":       {`{"resource":{"resourceType":"Goal","id":"a b"}}`, "id is missing"},
		"number as id":     {`{"resource":{"resourceType":"Patient","id":"14831460041"}}`, "national number as id"},
		"no resourceType":  {`{"resource":{"id":"a"}}`, "resourceType"},
		"time":             {`{"resource":{"resourceType":"Goal","id":"a","meta":{"lastUpdated":"yesterday"}}}`, "lastUpdated"},
		"too big":          {`{"resource":{"resourceType":"Goal","id":"a","x":"` + strings.Repeat("a", 3000) + `"}}`, "max_resource"},
		"warning":          {`{"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"incomplete"}]},"search":{"mode":"outcome"}}`, "warning/incomplete"},
		"deletion of what": {`{"request":{"method":"DELETE","url":"?"}}`, "does not say of what"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := &scripted{t: t, bodies: []string{searchset("", goal("before", "2026-01-01T00:00:00Z"), test.entry, goal("after", "2026-01-02T00:00:00Z"))}}
			pages, err := fetch(open(t, s, func(c *fhirrest.Config) { onlyGoals(c); c.MaxResource = 2000 }), "")
			if err != nil || len(pages) != 1 {
				t.Fatalf("%d pages, %v", len(pages), err)
			}
			if len(pages[0].Records) != 2 || len(pages[0].Faults) != 1 {
				t.Fatalf("%d records and %d faults, want 2 and 1", len(pages[0].Records), len(pages[0].Faults))
			}
			f := pages[0].Faults[0]
			if !strings.Contains(f.Error(), test.text) || !strings.Contains(f.Where, "Goal, page 1, entry 2") || len(f.Body) == 0 {
				t.Errorf("fault %v with %d bytes", f, len(f.Body))
			}
			if strings.Contains(f.Error(), "14831460041") {
				t.Error("the fault shows a national number")
			}
		})
	}
}

func TestInformationIsNoFault(t *testing.T) {
	s := &scripted{t: t, bodies: []string{searchset("", `{"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational"}]},"search":{"mode":"outcome"}}`)}}
	pages, err := fetch(open(t, s, onlyGoals), "")
	if err != nil || pages[0].Listed() != 0 {
		t.Errorf("%v, %v", pages, err)
	}
}

func TestBodiesAreUntouched(t *testing.T) {
	resource := `{ "resourceType":"Goal","id":"g1", "contained" : [{"resourceType":"Flag","x":1.50}],
	"_status":{"extension":[]},  "text":"\u00e5 <b>" }`
	s := &scripted{t: t, bodies: []string{searchset("", `{"resource":`+resource+`}`)}}
	pages, err := fetch(open(t, s, onlyGoals), "")
	if err != nil {
		t.Fatal(err)
	}
	if got := pages[0].Records[0].Body; string(got) != resource {
		t.Errorf("body %s\nwant %s", got, resource)
	}
}

func TestCursorOverlapsAndNeverPassesTheBeginningOfTheReading(t *testing.T) {
	late := now.Add(time.Hour).Format(time.RFC3339)
	s := &scripted{t: t, bodies: []string{
		searchset("BASE/fhir?p=2", goal("a", "2026-03-01T12:00:00+01:00")),
		searchset("", goal("b", late)),
		searchset(""),
	}}
	a := open(t, s, func(c *fhirrest.Config) { onlyGoals(c); c.Overlap = time.Minute })
	pages, err := fetch(a, "")
	if err != nil || len(pages) != 2 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	if pages[0].Next != "" {
		t.Errorf("the cursor moves to %q before the type is read to its end", pages[0].Next)
	}
	again, err := fetch(a, pages[1].Next)
	if err != nil {
		t.Fatal(err)
	}
	want := "_lastUpdated=ge" + strings.ReplaceAll(now.Add(-time.Minute).UTC().Format("2006-01-02T15:04:05.000Z"), ":", "%3A")
	if got := s.forms[2]; !strings.Contains(got, want) {
		t.Errorf("asked with %s, want %s", got, want)
	}
	if again[0].Next != pages[1].Next {
		t.Errorf("an empty reading moves the cursor from %q to %q", pages[1].Next, again[0].Next)
	}
	if !slices.Equal(s.methods, []string{"POST", "GET", "POST"}) {
		t.Errorf("methods %v", s.methods)
	}
}

func TestForeignCursorIsRefused(t *testing.T) {
	_, err := fetch(open(t, hospital(t), nil), "page-7")
	if !errors.Is(err, adapters.ErrConfig) {
		t.Errorf("got %v", err)
	}
}

func TestHistoryTellsOfDeletions(t *testing.T) {
	sim := hospital(t)
	sim.Delete("Appointment", "time-teo-bup", time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC))
	a := open(t, sim, func(c *fhirrest.Config) {
		c.Types = []fhirrest.Type{{Type: "Appointment", History: true}}
		c.PageSize = 2
	})
	pages, err := fetch(a, "")
	if err != nil {
		t.Fatal(err)
	}
	states := map[string][]bool{}
	for _, p := range pages {
		for _, r := range p.Records {
			states[r.Key] = append(states[r.Key], r.Deleted)
		}
	}
	if !slices.Equal(states["time-teo-bup"], []bool{true}) {
		t.Errorf("the deleted appointment is told as %v", states["time-teo-bup"])
	}
	if !slices.Equal(states["time-ella-nevro"], []bool{false}) {
		t.Errorf("a standing appointment is told as %v", states["time-ella-nevro"])
	}
}

func FuzzBundle(f *testing.F) {
	f.Add([]byte(searchset("", goal("a", "2026-01-01T00:00:00Z"))))
	f.Add([]byte(`{"resourceType":"Bundle","type":"history","entry":[{"request":{"method":"DELETE","url":"Goal/1"}}]}`))
	f.Add([]byte(`{"resourceType":"OperationOutcome","issue":[{"severity":"fatal"}]}`))
	f.Add([]byte(`{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Goal","id":"14831460041"}}]}`))
	transport := &bodyTransport{}
	a, err := fhirrest.Config{Base: "http://fhir.example/r4", Types: []fhirrest.Type{{Type: "Goal"}}}.
		Open(adapters.Deps{HTTP: &http.Client{Transport: transport}, Now: func() time.Time { return now }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		transport.body = body
		for page, err := range a.Fetch(context.Background(), "") {
			if err != nil {
				return
			}
			for _, r := range page.Records {
				if r.Kind == "" || r.Key == "" || !r.Deleted && !json.Valid(r.Body) {
					t.Errorf("record %+v", r)
				}
			}
			for _, fault := range page.Faults {
				if fault.Err == nil || fault.Where == "" {
					t.Errorf("fault %+v", fault)
				}
			}
		}
	})
}

// bodyTransport answers everything with one body.
type bodyTransport struct{ body []byte }

func (b *bodyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(b.body)), Request: r}, nil
}
