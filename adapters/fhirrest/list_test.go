package fhirrest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
	"samsyn/adapters/fhirrest"
)

func heads(a adapters.Adapter) (all []adapters.HeadPage, err error) {
	lister, _ := a.(adapters.Lister)
	for p, err := range lister.List(context.Background()) {
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
	return all, nil
}

// said is a listing in few words.
func said(pages []adapters.HeadPage) string {
	var out []string
	for _, p := range pages {
		for _, h := range p.Heads {
			out = append(out, fmt.Sprintf("%s/%s v%s hash %t", h.Kind, h.Key, h.Version, h.Hash != [32]byte{}))
		}
		for _, f := range p.Faults {
			out = append(out, "fault "+f.Kind)
		}
		if len(p.Complete) > 0 {
			out = append(out, fmt.Sprintf("complete %v unsure %q", p.Complete, p.Unsure))
		}
	}
	return strings.Join(out, "; ")
}

func TestListing(t *testing.T) {
	meta := func(id, version string) string {
		return `{"resource":{"resourceType":"Goal","id":"` + id + `","meta":{"versionId":"` + version + `","lastUpdated":"2026-11-01T10:00:00Z"}}}`
	}
	bare := `{"resource":{"resourceType":"Goal","id":"g1"}}`
	refusal := `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"not-supported"}]}`
	for _, c := range []struct {
		name   string
		bodies []string
		want   string
		err    error
	}{
		{"ids and versions", []string{searchset("BASE/fhir?p=2", meta("g1", "3")), searchset("", meta("g2", "1"))},
			`Goal/g1 v3 hash false; Goal/g2 v1 hash false; complete [Goal] unsure ""`, nil},
		{"the server does not know _elements", []string{refusal, searchset("", meta("g1", "3"))}, `Goal/g1 v3 hash true; complete [Goal] unsure ""`, nil},
		{"resources without a version", []string{searchset("", bare), searchset("", bare)}, `Goal/g1 v hash true; complete [Goal] unsure ""`, nil},
		{"a resource that cannot be told from a missing one", []string{searchset("", meta("", "1")), searchset("", meta("g1", "1"), meta("", "1"))},
			`Goal/g1 v1 hash true; fault Goal; complete [Goal] unsure "the server lists what cannot be told from a missing resource: Goal, page 1, entry 2"`, nil},
		{"the server says that its answer is not whole", []string{searchset("", `{"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"incomplete"}]}}`),
			searchset("", `{"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"incomplete"}]}}`)},
			`fault OperationOutcome; complete [Goal] unsure "the server lists what cannot be told from a missing resource: Goal, page 1, entry 1"`, nil},
		{"it always refuses", []string{refusal, refusal}, "", adapters.ErrProtocol},
		{"a circle", []string{searchset("BASE/fhir?p=2", meta("g1", "3")), searchset("BASE/fhir?p=2", meta("g1", "3")), searchset("BASE/fhir?p=2", meta("g1", "3")), searchset("BASE/fhir?p=2", meta("g1", "3"))},
			"Goal/g1 v3 hash false; Goal/g1 v3 hash false; Goal/g1 v3 hash true; Goal/g1 v3 hash true", adapters.ErrProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &scripted{t: t, bodies: c.bodies}
			got, err := heads(open(t, s, onlyGoals))
			if said(got) != c.want || !errors.Is(err, c.err) {
				t.Errorf("listed %s, %v\nwant %s, %v", said(got), err, c.want, c.err)
			}
			if len(s.bodies) > 0 {
				t.Errorf("%d answers were not asked for", len(s.bodies))
			}
			if form, err := url.ParseQuery(s.forms[0]); err != nil || form.Get("_elements") != "id,meta" || form.Get("_lastUpdated") != "" {
				t.Errorf("asked %v %v", form, err)
			}
		})
	}
}

func TestListingNone(t *testing.T) {
	a := open(t, http.NotFoundHandler(), func(c *fhirrest.Config) { c.Listing = fhirrest.ListingNone })
	if _, err := heads(a); !errors.Is(err, adapters.ErrNoListing) {
		t.Errorf("error %v", err)
	}
	if errs := (fhirrest.Config{Base: "http://x", Types: everyType, Listing: "some"}).Validate(); len(errs) != 1 || !strings.Contains(errs[0].Error(), "listing") {
		t.Errorf("errors %v", errs)
	}
}

// What is got one by one has the same bytes as what is fetched.
func TestGet(t *testing.T) {
	a := open(t, hospital(t), nil)
	all := map[string][]adapters.Record{}
	for _, p := range adapterstest.Pass(t, a, "") {
		for _, r := range p.Records {
			all[r.Kind] = append(all[r.Kind], r)
		}
	}
	getter, _ := a.(adapters.Getter)
	for kind, records := range all {
		keys := []string{"nosuch"}
		for _, r := range records {
			keys = append(keys, r.Key)
		}
		page, err := getter.Get(t.Context(), kind, keys)
		if err != nil || len(page.Records) != len(records) || len(page.Faults) > 0 || page.Next != "" {
			t.Fatalf("%s: %d of %d records, %d faults, %v", kind, len(page.Records), len(records), len(page.Faults), err)
		}
		for _, r := range page.Records {
			if !slices.ContainsFunc(records, func(o adapters.Record) bool { return o.Key == r.Key && o.Hash() == r.Hash() && o.Version == r.Version }) {
				t.Errorf("%s/%s is another when it is got", kind, r.Key)
			}
		}
	}
	if page, err := getter.Get(t.Context(), "Goal", nil); err != nil || page.Listed() > 0 {
		t.Errorf("without keys: %+v %v", page, err)
	}
	one := open(t, http.NotFoundHandler(), func(c *fhirrest.Config) {
		c.PerPatient = &fhirrest.PerPatient{Parameter: "patient.identifier", File: "x"}
	})
	if _, err := one.(adapters.Getter).Get(t.Context(), "Goal", nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("for named persons: %v", err)
	}
}

func TestWindow(t *testing.T) {
	s := &scripted{t: t, bodies: []string{searchset("")}}
	w, _ := open(t, s, onlyGoals).(adapters.Windowed)
	for _, err := range w.Window(t.Context(), time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if form, err := url.ParseQuery(s.forms[0]); err != nil || !strings.HasPrefix(form.Get("_lastUpdated"), "ge2026-09-30T23:55") {
		t.Errorf("asked %v %v", form, err)
	}
}

// BenchmarkList lists 50,000 heads from a paged server on loopback.
func BenchmarkList(b *testing.B) {
	const pages, size = 50, 1000
	bodies := make([]string, pages)
	for p := range pages {
		var entries []string
		for i := range size {
			entries = append(entries, fmt.Sprintf(`{"fullUrl":"http://x/fhir/Goal/g%d","resource":{"resourceType":"Goal","id":"g%d","meta":{"versionId":"3","lastUpdated":"2026-11-01T10:00:00.000Z","tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]}},"search":{"mode":"match"}}`, p*size+i, p*size+i))
		}
		next := ""
		if p+1 < pages {
			next = fmt.Sprintf("/fhir?p=%d", p+1)
		}
		bodies[p] = searchset(next, entries...)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := 0
		_, _ = fmt.Sscan(r.URL.Query().Get("p"), &p) // none: the first
		_, _ = w.Write([]byte(bodies[p]))
	}))
	defer server.Close()
	a, err := fhirrest.Config{Base: server.URL + "/fhir", Types: []fhirrest.Type{{Type: "Goal"}}}.Open(adapters.Deps{HTTP: server.Client(), Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := 0
		all, err := heads(a)
		for _, p := range all {
			n += len(p.Heads)
		}
		if err != nil || n != pages*size {
			b.Fatalf("%d heads, %v", n, err)
		}
	}
	b.ReportMetric(pages*size*float64(b.N)/b.Elapsed().Seconds(), "heads/s")
}
