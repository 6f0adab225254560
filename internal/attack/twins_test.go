package attack_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/care"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/search"
)

// secretWord begins every text that only the second of two twins holds.
const secretWord = "SKJULT"

// hides changes what is hidden from one viewer, and nothing else.
type hides struct {
	d    dice
	m    *gatetest.Memory
	w    *world // for asking the table
	v    care.Viewer
	n    int
	done []string
}

func (h *hides) text() string { h.n++; return fmt.Sprintf("%s-%d", secretWord, h.n) }

// scope is what the viewer may see of a child.
func (h *hides) scope(p care.PersonID) access.Scope {
	return h.w.table.Scope(h.w.facts(h.v, p), stories.Now())
}

// hiddenServices are those of which she sees nothing.
func (h *hides) hiddenServices(p care.PersonID) []care.Service {
	s := h.scope(p)
	return slices.DeleteFunc(care.Services(), func(c care.Service) bool {
		return slices.ContainsFunc(s.Visible, func(v care.Visible) bool { return v.Service == c })
	})
}

// sees tells whether she may see one resource.
func (h *hides) sees(p care.PersonID, c care.Contribution, m care.Made) bool {
	return h.w.table.Decide(h.w.facts(h.v, p), access.Item{Service: c.Service, Type: m.Resource.Type, Marks: care.MarksOf(m.Resource),
		Record: care.RecordRef{Source: c.Source, Kind: c.Kind, Key: c.Key}}, stories.Now()).Allowed
}

// put adds a record at any place.
func (h *hides) put(p care.PersonID, c care.Contribution) {
	h.m.People[p] = slices.Insert(h.m.People[p], h.d.IntN(len(h.m.People[p])+1), c)
	keep(h.m, c)
}

// redacted says something else in the elements of which she sees nothing, and labels what she sees otherwise.
func (h *hides) redacted(p care.PersonID, c care.Contribution) []care.Made {
	f, s := h.w.facts(h.v, p), h.scope(p)
	seen := func(m care.Made) string {
		one := c
		one.Made = []care.Made{m}
		out, _ := h.w.table.Filter(f, s, []care.Contribution{one}, stories.Now())
		if len(out) == 0 {
			return ""
		}
		return string(out[0].Made[0].Resource.Body)
	}
	made := slices.Clone(c.Made)
	for k, m := range made {
		for _, element := range []string{`"note":[{"text":"` + h.text() + `"}]`, `"description":"` + h.text() + `"`, `"meta":{"security":[{"system":"urn:samsyn:gradering","code":"` + h.text() + `"}]}`} {
			other := m
			other.Resource.Body = []byte("{" + element + "," + string(m.Resource.Body[1:]))
			if was := seen(m); was != "" && was == seen(other) && h.d.often(70) {
				made[k] = other
				break
			}
		}
	}
	return made
}

// again keeps a record once more, an hour later, as its next version. What was said stays as it was.
func (h *hides) again(p care.PersonID, i int, c care.Contribution) {
	old := h.m.People[p][i]
	c.Version, c.Recorded, c.Changed, c.SourceVersion = old.Version+1, old.Recorded.Add(time.Hour), old.Changed.Add(time.Hour), h.text()
	h.m.People[p] = slices.Clone(h.m.People[p])
	h.m.People[p][i] = c
	for _, m := range c.Made {
		name := m.Resource.Type + "/" + m.Resource.ID
		past := slices.Clone(h.m.Old[name])
		for n := range past {
			past[n].Current = false
		}
		h.m.Old[name] = slices.Insert(past, 0, care.ResourceVersion{Version: c.Version, Recorded: c.Recorded, Changed: c.Changed, Service: c.Service, Subject: c.Subject, Person: c.Person,
			Record: care.RecordRef{Source: c.Source, Kind: c.Kind, Key: c.Key}, Current: true, Marks: care.MarksOf(m.Resource), Resource: m.Resource, Lineage: m.Lineage})
	}
}

// ways are the changes of what is hidden. Each tells whether it found something to change.
var ways = []struct {
	name string
	do   func(h *hides, p care.PersonID) bool
}{
	{"a hidden service says more", func(h *hides, p care.PersonID) bool {
		all := h.hiddenServices(p)
		for range 1 + h.d.IntN(3) {
			if len(all) > 0 {
				h.put(p, said(h.d, pick(h.d, all), p, fmt.Sprintf("t%d", h.n), "", h.text()))
			}
		}
		return len(all) > 0
	}},
	{"what is pointed to is there, and hidden", func(h *hides, p care.PersonID) bool {
		all := h.hiddenServices(p)
		if len(all) == 0 {
			return false
		}
		for _, typ := range []string{"Appointment", "ServiceRequest", "EpisodeOfCare", "CarePlan", "Goal", "CareTeam", "Encounter"} {
			c := said(h.d, pick(h.d, all), p, "h", typ, h.text())
			id := "h-" + string(p)
			c.Made[0].Resource.Body = []byte(strings.Replace(string(c.Made[0].Resource.Body), c.Made[0].Resource.ID, id, 1))
			c.Made[0].Resource.ID = id
			h.put(p, c)
		}
		return true
	}},
	{"a visible service says what is labelled", func(h *hides, p care.PersonID) bool {
		c := said(h.d, pick(h.d, care.Services()), p, fmt.Sprintf("l%d", h.n), "", h.text(), pick(h.d, marks))
		if h.sees(p, c, c.Made[0]) {
			return false
		}
		h.put(p, c)
		return true
	}},
	{"a visible record says what is labelled beside it", func(h *hides, p care.PersonID) bool {
		for i, c := range h.m.People[p] {
			extra := said(h.d, c.Service, p, fmt.Sprintf("e%d", h.n), "", h.text(), care.MarkThirdParty)
			if h.d.often(40) && !h.sees(p, c, extra.Made[0]) {
				h.m.People[p][i].Made = slices.Insert(slices.Clone(c.Made), h.d.IntN(len(c.Made)+1), extra.Made[0])
				extra.Source, extra.Kind, extra.Key, extra.Version = c.Source, c.Kind, c.Key, c.Version
				keep(h.m, extra)
				return true
			}
		}
		return false
	}},
	{"hidden records are taken away", func(h *hides, p care.PersonID) bool {
		before := len(h.m.People[p])
		h.m.People[p] = slices.DeleteFunc(slices.Clone(h.m.People[p]), func(c care.Contribution) bool {
			gone := !slices.ContainsFunc(c.Made, func(m care.Made) bool { return h.sees(p, c, m) }) && h.d.often(60)
			if gone {
				for _, m := range c.Made {
					delete(h.m.Old, m.Resource.Type+"/"+m.Resource.ID)
				}
			}
			return gone
		})
		return len(h.m.People[p]) < before
	}},
	{"hidden records say something else", func(h *hides, p care.PersonID) bool {
		changed := false
		for i, c := range h.m.People[p] {
			for k, m := range c.Made {
				if h.sees(p, c, m) || h.d.often(50) {
					continue
				}
				other := said(h.d, c.Service, p, "o", m.Resource.Type, h.text())
				if !slices.Contains(types, m.Resource.Type) || h.sees(p, c, other.Made[0]) {
					continue
				}
				made := slices.Clone(h.m.People[p][i].Made)
				made[k].Resource.Body = []byte(strings.Replace(string(other.Made[0].Resource.Body), other.Made[0].Resource.ID, m.Resource.ID, 1))
				h.m.People[p][i].Made = made
				for n := range h.m.Old[m.Resource.Type+"/"+m.Resource.ID] {
					h.m.Old[m.Resource.Type+"/"+m.Resource.ID][n].Resource = made[k].Resource
				}
				changed = true
			}
		}
		return changed
	}},
	{"a hidden service names the child otherwise", func(h *hides, p care.PersonID) bool {
		f, found := h.w.facts(h.v, p), false
		for _, s := range care.Services() {
			if !h.w.table.Decide(f, access.Item{Service: s, Type: "Patient"}, stories.Now()).Allowed && h.d.often(60) {
				h.m.Named[p] = slices.Insert(slices.Clone(h.m.Named[p]), h.d.IntN(len(h.m.Named[p])+1), care.Claim{Source: sourceOf(s), Service: s, Name: h.text(), BirthDate: "2001-01-01", Recorded: stories.Now().Add(-time.Minute)})
				found = true
			}
		}
		return found
	}},
	{"an earlier version was labelled", func(h *hides, p care.PersonID) bool {
		for _, c := range h.m.People[p] {
			for _, m := range c.Made {
				name := m.Resource.Type + "/" + m.Resource.ID
				if old := h.m.Old[name]; len(old) > 0 && old[len(old)-1].Version > 1 || len(old) == 0 || h.d.often(70) {
					continue
				}
				v := h.m.Old[name][len(h.m.Old[name])-1]
				v.Version, v.Current, v.Marks, v.Recorded = 0, false, v.Marks|care.MarkThirdParty, v.Recorded.AddDate(0, 0, -1)
				other := said(h.d, c.Service, p, "v", "", h.text())
				v.Resource.Body = []byte(strings.Replace(string(other.Made[0].Resource.Body), other.Made[0].Resource.ID, m.Resource.ID, 1))
				h.m.Old[name] = append(slices.Clone(h.m.Old[name]), v)
				return true
			}
		}
		return false
	}},
	{"what is not seen of a visible record changes", func(h *hides, p care.PersonID) bool {
		for _, i := range h.d.Perm(len(h.m.People[p])) {
			c := h.m.People[p][i]
			extra := said(h.d, c.Service, p, fmt.Sprintf("k%d", h.n), "", h.text(), care.MarkThirdParty)
			if !slices.ContainsFunc(c.Made, func(m care.Made) bool { return h.sees(p, c, m) }) || h.sees(p, c, extra.Made[0]) {
				continue
			}
			for range 1 + h.d.IntN(3) {
				c.Made = h.redacted(p, c)
				h.again(p, i, c)
			}
			if h.d.often(50) {
				c.Made = slices.Insert(slices.Clone(c.Made), h.d.IntN(len(c.Made)+1), extra.Made[0])
				h.again(p, i, c)
			}
			return true
		}
		return false
	}},
	{"others are let in, and others are kept out", func(h *hides, p care.PersonID) bool {
		if h.v.Role == care.RoleKoordinerendeEnhet || h.v.Role == care.RoleBarn {
			return false // she sees whose appointments there are; the child all that is hers
		}
		since := stories.Now().AddDate(0, -1, 0)
		h.m.Give(p, care.Rights{
			Appointments: []care.Appointment{{ID: "t-a", Viewer: "petter", Person: p, Role: care.RoleTjenesteyter, From: since, By: "kari"}},
			Blocks:       []care.Block{{ID: "t-b", Person: p, Viewer: "petter", Extent: care.BlockAll, From: since, By: string(p)}},
			Bases: []care.Basis{{ID: "t-g", Code: "BVL13-1", Person: p, Origins: []care.Service{care.Barnevern}, Viewer: "petter", Purpose: care.PurposeCOC, From: since, Until: since.AddDate(0, 3, 0),
				DecidedBy: "sigrid", Reason: h.text(), Evidence: h.text()}},
		})
		if h.v.Service == care.Barnevern { // her own service's decisions are hers to know
			r := h.m.Rights[p]
			r.Bases = r.Bases[:len(r.Bases)-1]
			h.m.Rights[p] = r
		}
		// With barnevern in it: a guardian learns of it only when she has signed.
		h.m.Give(p, care.Rights{Consents: []care.Consent{{ID: "t-c", Version: 1, Person: p, Status: care.ConsentProposed, Origins: []care.Service{care.BUP, care.Barnevern}, Purpose: care.PurposeCOC,
			Receivers: []care.Receiver{{Viewer: "petter"}}, From: since, Until: since.AddDate(1, 0, 0), TextVersion: "samtykke-2026-1", Language: "nb", Voluntary: true, Changed: since, ChangedBy: "petter"}}})
		return true
	}},
	{"a child of whom nothing may be seen is not there", func(h *hides, p care.PersonID) bool {
		// Those who appoint may do so for any child: that she is there is not hidden from them.
		if s := h.scope(p); s.Allowed || s.Relation != access.RelationNone || h.v.Role == care.RoleKoordinerendeEnhet {
			return false
		}
		for _, c := range h.m.People[p] {
			for _, m := range c.Made {
				delete(h.m.Old, m.Resource.Type+"/"+m.Resource.ID)
			}
		}
		delete(h.m.People, p)
		delete(h.m.Rights, p)
		delete(h.m.Named, p)
		return true
	}},
	{"another child is there", func(h *hides, _ care.PersonID) bool {
		if h.v.Role == care.RoleKoordinerendeEnhet {
			return false
		}
		p := care.PersonID("ny")
		h.m.Born[p] = "2015-01-01"
		for _, s := range some(h.d, care.Services(), 50) {
			h.put(p, said(h.d, s, p, "n"+string(s), "", h.text()))
		}
		since := stories.Now().AddDate(0, -1, 0)
		h.m.Give(p, care.Rights{Appointments: []care.Appointment{{ID: "n-a", Viewer: "petter", Person: p, Role: care.RoleKoordinator, From: since, By: "kari"}}})
		return true
	}},
	{"somebody of a hidden service has looked", func(h *hides, p care.PersonID) bool {
		for _, other := range []string{"siv", "nils"} {
			o, _ := viewer(other)
			if o.ID != h.v.ID && slices.Contains(h.hiddenServices(p), o.Service) && (h.v.Role == care.RoleForesatt || h.v.Role == care.RoleBarn) {
				w := h.w
				w.ask(request{viewer: other, method: http.MethodGet, path: "/barn/" + string(p)})
				return true
			}
		}
		return false
	}},
}

// shapes are the ways of asking, for one child and the resources that either twin holds.
func shapes(p care.PersonID, names []string, d dice) []request {
	var out []request
	get := func(path string) { out = append(out, request{method: http.MethodGet, path: path}) }
	id := url.PathEscape(string(p))
	for _, path := range []string{"/", "/barn/" + id, "/barn/" + id + "/tilgang", "/barn/" + id + "/innsyn", "/barn/ingen", "/kilder", "/kjoringer", "/kontor", "/nod", "/barn/", "/BARN/" + id, "/barn/" + id + "/",
		"/barn/" + id + "%2f..", "/barn/%00", "/fhir/metadata", "/health/ready", "/health/live", "/adapters", "/adapters/barnevernsregister", "/adapters/finnesikke", "/api/barn/" + id, "/api/barn/ingen",
		"/fhir/Consent?patient=" + id, "/fhir/Consent?patient=ingen", "/fhir/Patient", "/fhir/Patient?_summary=count", "/fhir/Patient?birthdate=ge2010-01-01", "/fhir/Patient?patient=" + id, "/fhir/Patient/" + id, "/fhir/Patient/" + id + "/$overview",
		"/fhir/Patient/" + id + "/$everything", "/fhir/Patient/ingen/$everything", "/fhir/Patient/" + id + "/_history", "/fhir/Patient/" + id + "?_summary=count", "/fhir/Practitioner?patient=" + id,
		"/fhir/Encounter?patient=" + id + "&_has:Observation:encounter:code=x", "/fhir/Encounter?patient=" + id + "&subject.name=x", "/fhir/Encounter?_id=h-" + id, "/fhir/Encounter?patient=" + id + "&_elements=status",
		"/fhir/Finnesikke?patient=" + id, "/fhir/CarePlan?patient=" + id + "&_filter=title%20co%20x", "/fhir/CarePlan?patient=" + id + "&_count=-1", "/fhir/CarePlan?patient=" + id + "&_count=0"} {
		get(path)
	}
	for _, typ := range search.Types() {
		if typ == "Patient" {
			continue
		}
		base := "/fhir/" + typ + "?patient=" + id
		get(base)
		get(base + "&_summary=count")
		out = append(out, request{method: http.MethodGet, path: base + "&_count=1", follow: true})
		for _, name := range search.Names(typ) {
			switch {
			case name == "patient":
			case name == "_id":
				get(base + "&_id=h-" + id)
			case search.Kind(typ, name) == "date":
				get(base + "&" + name + "=ge2026-06-01&_sort=-" + name)
			case search.Kind(typ, name) == "reference":
				get(base + "&_include=" + typ + ":" + name)
				get(base + "&" + name + "=h-" + id)
				get("/fhir/ServiceRequest?patient=" + id + "&_revinclude=" + typ + ":" + name)
			default:
				get(base + "&" + name + "=active,finished,booked,vedtak&_sort=" + name)
			}
		}
		out = append(out, request{method: http.MethodPost, path: "/fhir/" + typ + "/_search", body: "patient=" + id, headers: []string{"Content-Type: application/x-www-form-urlencoded"}})
	}
	for _, name := range append(some(d, names, 20), "Encounter/h-"+id, "Encounter/finnesikke", "Goal/h-"+id) {
		get("/fhir/" + name)
		get("/fhir/" + name + "/_history")
		get("/fhir/" + name + "/_history/{version}")
		get("/fhir/" + name + "/_history/" + fmt.Sprint(d.IntN(4)))
		out = append(out, request{method: http.MethodHead, path: "/fhir/" + name}, request{method: pick(d, []string{http.MethodPut, http.MethodPatch, http.MethodDelete}), path: "/fhir/" + name, body: `{"resourceType":"Encounter"}`},
			request{method: http.MethodGet, path: "/fhir/" + name, headers: []string{`If-None-Match: W/"1"`}})
	}
	batch := fmt.Sprintf(`{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Encounter?patient=%s"}},{"request":{"method":"GET","url":"Encounter/h-%s"}},{"request":{"method":"GET","url":"Patient/%s"}}]}`, p, p, p)
	out = append(out, request{method: http.MethodPost, path: "/fhir", body: batch, headers: []string{"Content-Type: application/fhir+json"}},
		request{method: http.MethodHead, path: "/barn/" + id}, request{method: http.MethodHead, path: "/"}, request{method: http.MethodPost, path: "/barn/" + id}, request{method: http.MethodDelete, path: "/barn/" + id},
		request{method: http.MethodOptions, path: "/fhir/Patient/" + id}, request{cli: "text", path: string(p)}, request{cli: "json", path: string(p)}, request{cli: "fhir", path: string(p)}, request{cli: "text"},
		request{method: http.MethodGet, path: "/barn/" + id, headers: []string{"Cookie: sprak=en"}}, request{method: http.MethodGet, path: "/barn/" + id, headers: []string{"Cookie: sprak=nn"}})
	return out
}

// forOffices are the shapes that tell of sources of the whole municipality: not of a child,
// so a change of their states is seen there by everybody.
func forOffices(r request) bool {
	return r.path == "/kilder" || strings.HasPrefix(r.path, "/adapters")
}

// TestTwinWorldsAnswerAlike: what is hidden from a viewer makes no difference to a byte of
// what she is answered, whoever she is and however she asks.
func TestTwinWorldsAnswerAlike(t *testing.T) {
	t.Parallel()
	pairs, asked, shapesSeen, changes := size(60, 5000, 100_000), 0, map[string]bool{}, map[string]int{}
	const each = 45
	for seed := firstSeed(t); seed < firstSeed(t)+uint64(pairs); seed++ {
		d := roll(seed ^ 0xabcdef)
		first, second := families(seed), families(seed)
		a, b := open(t, first, nil), open(t, second, nil)
		v, _ := viewer(pick(d, viewers).ID)
		p := pick(d, children)
		h := &hides{d: d, m: second, w: b, v: v}
		for _, n := range d.Perm(len(ways))[:1+d.IntN(5)] {
			other := p
			if d.often(30) {
				other = pick(d, children)
			}
			if _, there := second.People[other]; there && ways[n].do(h, other) {
				h.done = append(h.done, ways[n].name+" ("+string(other)+")")
				changes[ways[n].name]++
			}
		}
		states := d.often(25)
		if states { // of sources that say nothing that the viewer sees of any child
			second.States = slices.Clone(first.States)
			for i, s := range second.States {
				speaks := false
				for q, cs := range second.People {
					for _, c := range cs {
						speaks = speaks || c.Source == s.Source && slices.ContainsFunc(c.Made, func(m care.Made) bool { return h.sees(q, c, m) })
					}
				}
				if !speaks {
					second.States[i].LastSuccess, second.States[i].LastFailure, second.States[i].Failure, second.States[i].Title = time.Time{}, stories.Now(), "source unavailable", h.text()
				}
			}
		}
		names := resourceNames(first, second)
		all := shapes(p, names, d)
		for _, n := range d.Perm(len(all))[:min(each, len(all))] {
			r := all[n]
			if r.viewer = v.ID; states && forOffices(r) {
				continue
			}
			shapesSeen[shapeOf(r)] = true
			if strings.Contains(r.path, "{version}") {
				known, other := a.version(r), b.version(r)
				if r = r.of(known); known != other {
					t.Errorf("seed %d, %s, changed %q: the other's version is %s", seed, r, h.done, other)
				}
			}
			var firstCalls, secondCalls []string
			first.Before = func(method string) { firstCalls = append(firstCalls, method) }
			second.Before = func(method string) { secondCalls = append(secondCalls, method) }
			one, two := a.ask(r), b.ask(r)
			first.Before, second.Before = nil, nil
			asked++
			// What takes another way takes another time. A list of children asks about each to whom something ties the viewer, also where she may see nothing of her.
			list := slices.Contains(firstCalls, "persons") || slices.Contains(firstCalls, "appointed")
			if !list && !slices.Equal(firstCalls, secondCalls) {
				t.Errorf("seed %d, %s, changed %q: the stores are asked %q and %q", seed, r, h.done, firstCalls, secondCalls)
			}
			if diff := differ(one, two); diff != "" {
				t.Errorf("seed %d, %s, changed %q: %s", seed, r, h.done, diff)
			}
			if strings.Contains(two.body, secretWord) {
				t.Errorf("seed %d, %s, changed %q: a hidden word is shown: %s", seed, r, h.done, around(two.body, secretWord))
			}
			if one.status >= 500 {
				t.Errorf("seed %d, %s: status %d: %s", seed, r, one.status, one.body)
			}
			if t.Failed() {
				t.Fatalf("run it again with SAMSYN_TEST_SEED=%d", seed)
			}
		}
	}
	if len(shapesSeen) < 40 {
		t.Errorf("%d shapes of requests, want 40", len(shapesSeen))
	}
	for _, w := range ways {
		if changes[w.name] == 0 && pairs >= 60 {
			t.Errorf("nothing was changed so that %s", w.name)
		}
	}
	t.Logf("%d pairs, %d requests to each twin, %d shapes, changes %v", pairs, asked, len(shapesSeen), changes)
}

// shapeOf is a request without whom and what it is about.
func shapeOf(r request) string {
	path, query, _ := strings.Cut(r.path, "?")
	parts := strings.Split(path, "/")
	if len(parts) > 3 {
		parts[3] = "_"
	}
	var names []string
	for name := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(name, "=")
		if strings.HasPrefix(key, "_") && strings.Contains(value, ":") {
			value = ""
		}
		names = append(names, key)
	}
	return r.method + r.cli + strings.Join(parts, "/") + strings.Join(names, "&") + fmt.Sprint(r.follow)
}

func resourceNames(all ...*gatetest.Memory) []string {
	seen := map[string]bool{}
	var out []string
	for _, m := range all {
		for name := range m.Old {
			if !seen[name] {
				seen[name] = true
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// differ says what differs between two answers, "" where nothing does.
func differ(a, b answer) string {
	if a.status != b.status {
		return fmt.Sprintf("status %d and %d: %s / %s", a.status, b.status, cut(a.body), cut(b.body))
	}
	if x, y := fmt.Sprint(a.header), fmt.Sprint(b.header); x != y {
		return fmt.Sprintf("headers %s and %s", x, y)
	}
	if a.body == b.body {
		return ""
	}
	n := 0
	for n < len(a.body) && n < len(b.body) && a.body[n] == b.body[n] {
		n++
	}
	from := max(0, n-120)
	return fmt.Sprintf("bodies of %d and %d bytes from byte %d:\n  %s\n  %s", len(a.body), len(b.body), n, cut(a.body[from:]), cut(b.body[from:]))
}

func cut(s string) string { return s[:min(len(s), 300)] }

func around(s, word string) string {
	i := strings.Index(s, word)
	return s[max(0, i-200):min(len(s), i+100)]
}
