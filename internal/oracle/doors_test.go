package oracle_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"pgregory.net/rapid"

	"samsyn/fhir"
	"samsyn/internal/access"
	"samsyn/internal/api"
	"samsyn/internal/care"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/overview"
	"samsyn/internal/search"
)

// What the FHIR doors serve is what the oracle says: every type searched and every resource
// read by its id, of random worlds by random viewers. Nothing leaks, nothing that may be
// seen is kept back, and each resource has the elements that may leave.
func TestTheDoorsServeWhatTheOracleAllows(t *testing.T) {
	p := read(t)
	requests, served, withheld := 0, 0, 0
	for requests < size(400, 5_000, 50_000) && !t.Failed() {
		check(t, 10, func(rt *rapid.T) {
			h := furnish(rt, p)
			shown := map[string]bool{}
			for _, typ := range search.Types() {
				if typ == "Patient" {
					continue
				}
				b := h.bundle(rt, "/fhir/"+typ+"?patient="+string(child)+"&_count=200")
				h.same(rt, "searched "+typ, b, func(r *held) bool { return r.typ == typ })
			}
			for name, r := range h.held {
				w := h.get("/fhir/" + name)
				offered := slices.Contains(search.Types(), r.typ) // letters (Communication) are no type of this door
				if ok := w.Code == http.StatusOK; ok != (r.may && offered) || !ok && w.Code != http.StatusNotFound {
					rt.Fatalf("%s is read with %d, the oracle says %v\n%s", name, w.Code, r.may, text(h.facts))
				}
				if w.Code == http.StatusOK {
					h.elements(rt, name, w.Body.Bytes())
					shown[name] = true
				}
			}
			h.person(rt)
			requests += h.requests
			served += len(shown)
			withheld += len(h.held) - len(shown)
		})
	}
	t.Logf("%d requests; %d resources were served and %d withheld", requests, served, withheld)
	if served == 0 || withheld == 0 {
		t.Error("the worlds try too little")
	}
}

// held is one resource of a world with what the oracle says of it.
type held struct {
	typ    string
	body   map[string]any
	may    bool
	every  bool
	leaves []string
}

// furnished is a world behind the real handler.
type furnished struct {
	memory   *gatetest.Memory
	facts    care.Facts
	hidden   bool
	held     map[string]*held
	names    []string // that may be told of the child
	any      bool     // she herself may be seen, as some service knows her
	handler  http.Handler
	requests int
}

// asked is the viewer of a world.
type asked struct{ viewer care.Viewer }

func (a asked) Viewer(*http.Request) (care.Viewer, error) { return a.viewer, nil }
func (a asked) MayPush(r *http.Request, _ string) error   { return care.ErrDenied }

// furnish draws a world and puts resources of every service in it.
func furnish(rt *rapid.T, p pair) *furnished {
	drawn, at := facts(rt, p.oslo)
	m := &gatetest.Memory{Careless: rapid.Bool().Draw(rt, "careless"), People: map[care.PersonID][]care.Contribution{child: nil}, Named: map[care.PersonID][]care.Claim{}, Old: map[string][]care.ResourceVersion{},
		Born: map[care.PersonID]string{child: drawn.Born}, Address: map[care.PersonID]care.AddressLevel{child: drawn.Address}}
	m.Give(child, care.Rights{Guardians: drawn.Guardians, Appointments: drawn.Appointments, Bases: drawn.Bases, Consents: drawn.Consents, Blocks: drawn.Blocks, Withheld: drawn.Withheld, BreakGlass: drawn.BreakGlass})
	viewer := drawn.Viewer
	viewer.Purpose = cmp.Or(viewer.Purpose, p.table.Purpose(viewer.Role))
	f, err := m.Facts(context.Background(), viewer, child)
	if err != nil {
		rt.Fatal(err)
	}
	f.Tenant = tenant
	h := &furnished{memory: m, facts: f, hidden: f.Address.Hidden(), held: map[string]*held{}}
	drawnItems := draw(rt, f, 60)
	for n, i := range drawnItems {
		if i.Service.Valid() && bodies[i.Type] != nil {
			h.hold(p, n, i, at)
		}
	}
	for _, s := range care.Services() {
		m.Named[child] = append(m.Named[child], care.Claim{Source: "s-" + string(s), Service: s, Name: "Navn " + string(s), BirthDate: f.Born, Recorded: at.AddDate(0, -1, 0)})
		may, lists := p.oracle.May(f, s, "Patient", 0, care.RecordRef{}, at)
		if e, every := p.oracle.Elements(lists, "Patient", h.hidden); may && (every || slices.Contains(e, "name")) {
			h.names = append(h.names, "Navn "+string(s))
		}
		h.any = h.any || may
	}
	g, err := gatetest.Gate(m, func() time.Time { return at }, p.oslo)
	if err != nil {
		rt.Fatal(err)
	}
	e := echo.New()
	(&api.Handler{Overviews: &overview.Service{Gate: g}, Records: g, Zone: p.oslo, States: m, Who: asked{drawn.Viewer}, Now: func() time.Time { return at },
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))}).Mount(e)
	h.handler = e
	return h
}

// hold puts a resource into the world, as a record of its own.
func (h *furnished) hold(p pair, n int, i access.Item, at time.Time) {
	if n >= len(records) { // the first are those that blocks name
		i.Record = care.RecordRef{Source: "s-" + string(i.Service), Kind: "k", Key: fmt.Sprint(n)}
	} else {
		i.Record = records[n]
	}
	id := fmt.Sprintf("r%d", n)
	body := maps.Clone(bodies[i.Type])
	body["resourceType"], body["id"] = i.Type, id
	if labels := labels(i.Marks); len(labels) > 0 {
		body["meta"] = map[string]any{"security": labels}
	}
	if i.Marks&care.MarkInError != 0 {
		for _, name := range []string{"status", "lifecycleStatus"} {
			if body[name] != nil {
				body[name] = "entered-in-error"
			}
		}
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // the bodies below are JSON
	}
	r := fhir.Resource{Type: i.Type, ID: id, Body: b}
	marks := care.MarksOf(r)
	c := care.Contribution{Source: i.Record.Source, System: "s", Kind: i.Record.Kind, Key: i.Record.Key, Version: 1, Service: i.Service, Subject: "x", Person: child,
		Recorded: at.AddDate(0, -1, 0), Made: []care.Made{{Resource: r}}}
	h.memory.People[child] = append(h.memory.People[child], c)
	h.memory.Old[i.Type+"/"+id] = []care.ResourceVersion{{Version: 1, Recorded: c.Recorded, Record: i.Record, Service: i.Service, Person: child, Current: true, Marks: marks, Resource: r}}
	may, lists := p.oracle.May(h.facts, i.Service, i.Type, marks, i.Record, at)
	e, every := p.oracle.Elements(lists, i.Type, h.hidden)
	h.held[i.Type+"/"+id] = &held{i.Type, body, may, every, e}
}

func (h *furnished) get(path string) *httptest.ResponseRecorder {
	h.requests++
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

// bundle reads a search's answer: the resources that matched, by name.
func (h *furnished) bundle(rt *rapid.T, path string) map[string]json.RawMessage {
	w := h.get(path)
	if w.Code != http.StatusOK {
		rt.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	var b struct {
		Total int
		Entry []struct {
			Resource json.RawMessage
			Search   struct{ Mode string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil {
		rt.Fatal(err)
	}
	found := map[string]json.RawMessage{}
	for _, e := range b.Entry {
		r, err := fhir.Parse(e.Resource)
		if err != nil {
			rt.Fatal(err)
		}
		if e.Search.Mode != "outcome" {
			found[r.Type+"/"+r.ID] = e.Resource
		}
	}
	if b.Total != len(found) {
		rt.Fatalf("%s: a total of %d, and %d are given\n%s", path, b.Total, len(found), text(h.facts))
	}
	return found
}

// same tells whether what was found is what the oracle allows of what is meant.
func (h *furnished) same(rt *rapid.T, how string, found map[string]json.RawMessage, meant func(*held) bool) {
	for name := range found {
		if r := h.held[name]; r == nil || !r.may {
			rt.Fatalf("%s: %s leaks\n%s", how, name, text(h.facts))
		}
	}
	for name, r := range h.held {
		if body, ok := found[name]; ok {
			h.elements(rt, name, body)
		} else if r.may && meant(r) {
			rt.Fatalf("%s: %s is kept back\n%s", how, name, text(h.facts))
		}
	}
}

// elements tells whether a resource that was served has the elements that may leave.
func (h *furnished) elements(rt *rapid.T, name string, body []byte) {
	var served map[string]any
	if err := json.Unmarshal(body, &served); err != nil {
		rt.Fatal(err)
	}
	if b := string(body); strings.Contains(b, "security") || h.hidden && strings.Contains(b, "Fjellvik") {
		rt.Fatalf("%s: %s\n%s", name, b, text(h.facts))
	}
	for _, ours := range []string{"resourceType", "id", "meta"} {
		delete(served, ours)
	}
	r := h.held[name]
	may := r.leaves
	if r.every {
		may = slices.DeleteFunc(slices.Collect(maps.Keys(r.body)), func(n string) bool { return n == "resourceType" || n == "id" || n == "meta" })
	}
	for _, e := range may {
		if has(r.body, e) != has(served, e) {
			rt.Fatalf("%s: %s may leave, and is kept back or made up: %s\n%s", name, e, body, text(h.facts))
		}
	}
	for _, path := range paths(served, "") {
		if !slices.ContainsFunc(may, func(e string) bool { return under(path, e) }) {
			rt.Fatalf("%s: %s leaks: %s, may %v\n%s", name, path, body, may, text(h.facts))
		}
	}
}

// person reads the child herself, by whatever may be told of who she is.
func (h *furnished) person(rt *rapid.T) {
	w := h.get("/fhir/Patient/" + string(child))
	if (w.Code == http.StatusOK) != h.any {
		rt.Fatalf("the child is read with %d, the oracle says %v\n%s", w.Code, h.any, text(h.facts))
	}
	told := false
	for _, s := range care.Services() {
		if name := "Navn " + string(s); strings.Contains(w.Body.String(), `"`+name+`"`) {
			told = true
			if !slices.Contains(h.names, name) {
				rt.Fatalf("%q leaks\n%s", name, text(h.facts))
			}
		}
	}
	if told != (len(h.names) > 0) {
		rt.Fatalf("a name is told: %v, the oracle has %v\n%s", told, h.names, text(h.facts))
	}
	if _, ok := h.bundle(rt, "/fhir/Patient?_id="+string(child))["Patient/"+string(child)]; ok && !h.any {
		rt.Fatalf("the child is found\n%s", text(h.facts))
	}
	if w := h.get("/fhir/Patient/" + string(child) + "/$everything"); (w.Code == http.StatusOK) != h.any {
		rt.Fatalf("everything of the child is read with %d, the oracle says %v\n%s", w.Code, h.any, text(h.facts))
	} else if h.any {
		all := h.bundle(rt, "/fhir/Patient/"+string(child)+"/$everything")
		delete(all, "Patient/"+string(child))
		h.same(rt, "everything", all, func(*held) bool { return true })
	}
}

// labels writes marks as a source does.
func labels(m care.Marks) (list []any) {
	for mark, l := range map[care.Marks][2]string{care.MarkRestricted: {care.SystemConfidentiality, "R"}, care.MarkVery: {care.SystemConfidentiality, "V"}, care.MarkPsychiatry: {care.SystemActCode, "PSY"},
		care.MarkSubstance: {care.SystemActCode, "ETH"}, care.MarkSexual: {care.SystemActCode, "SEX"}, care.MarkViolence: {care.SystemActCode, "SDV"}, care.MarkThirdParty: {care.SystemMark, "third-party"},
		care.MarkNotifier: {care.SystemMark, "notifier"}, care.MarkUnknown: {"urn:samsyn:ukjent", "x"}} {
		if m&mark != 0 {
			list = append(list, map[string]any{"system": l[0], "code": l[1]})
		}
	}
	return list
}

// has tells whether a resource has an element: "a.b" is b of a, "extension[url]" one extension.
func has(v any, path string) bool {
	return slices.ContainsFunc(paths(v, ""), func(p string) bool { return under(p, path) })
}

// under tells whether a path is an element or lies in it.
func under(path, element string) bool {
	rest, ok := strings.CutPrefix(path, element)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// paths gives the paths of all values in a resource.
func paths(v any, at string) (all []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if name == "extension" {
				for _, e := range v[name].([]any) {
					all = append(all, strings.TrimPrefix(at+".extension["+e.(map[string]any)["url"].(string)+"]", "."))
				}
				continue
			}
			all = append(all, paths(inner, strings.TrimPrefix(at+"."+name, "."))...)
		}
	case []any:
		for _, inner := range v {
			all = append(all, paths(inner, at)...)
		}
	default:
		return []string{at}
	}
	return all
}
