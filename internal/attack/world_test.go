package attack_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"samsyn/internal/access"
	"samsyn/internal/api"
	"samsyn/internal/audit"
	"samsyn/internal/auth"
	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/gate"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/ingest"
	"samsyn/internal/overview"
	"samsyn/internal/rights"
	"samsyn/internal/web"
	"samsyn/internal/words"
)

// header names who asks.
const header = "X-Samsyn-Viewer"

// viewers are one of each kind who asks. Those named in tied are tied to children by rights.
var viewers = []care.Viewer{
	{ID: "anders", Name: "Anders Viken", Title: "barnekoordinator", Role: care.RoleKoordinator, Tenant: gatetest.Tenant},
	{ID: "kari", Name: "Kari Eide", Role: care.RoleKoordinerendeEnhet, Tenant: gatetest.Tenant},
	{ID: "lars", Name: "Lars Moen", Role: care.RoleTjenesteyter, Service: care.Skole, Tenant: gatetest.Tenant},
	{ID: "siv", Name: "Siv Røed", Role: care.RoleTjenesteyter, Service: care.Barnevern, Tenant: gatetest.Tenant},
	{ID: "berit", Name: "Berit Aas", Role: care.RoleTjenesteyter, Service: care.Helsestasjon, Tenant: gatetest.Tenant, HPR: "9900011"},
	{ID: "nils", Name: "Nils Foss", Role: care.RoleTjenesteyter, Service: care.BUP, Tenant: gatetest.Tenant, HPR: "9900029"},
	{ID: "mor", Name: "Marit", Role: care.RoleForesatt},
	{ID: "far", Name: "Ove", Role: care.RoleForesatt},
	{ID: "barn", Name: "Teo", Role: care.RoleBarn, Person: "teo"},
	{ID: "rune", Name: "Rune Lie", Role: care.RoleRevisor, Tenant: gatetest.Tenant},
	{ID: "dag", Name: "Dag Bø", Role: care.RoleDrift, Tenant: gatetest.Tenant},
	{ID: "system:fag", Name: "Fagsystem", Role: care.RoleIntegrator, Tenant: gatetest.Tenant, Scopes: []string{"system/*.rs"}},
	{ID: "ukjent", Name: "Ulla Ukjent", Role: care.RoleKoordinator, Tenant: gatetest.Tenant},
	{ID: "annen", Name: "Arne Annen", Role: care.RoleKoordinator, Tenant: "310000099"},
}

// born are the days of birth of children at every age at which rights turn.
var born = []string{"2022-03-01", "2018-11-24", "2016-11-23", "2014-11-24", "2014-11-23", "2012-02-29", "2011-11-23", "2010-11-24", "2010-11-23", "2009-06-17", "2008-11-24"}

// children are those of every world.
var children = []care.PersonID{"amina", "ella", "jonas", "selma", "teo"}

// world is a house with its doors.
type world struct {
	*memory   // nil where the world is in a real store
	held      everything
	table     *access.Table
	rights    *rights.Service
	gate      *gate.Gate
	overviews *overview.Service
	handler   http.Handler
	logged    *bytes.Buffer
	runs      *runs
}

// runs are the lines of the page of runs.
type runs struct{ lines web.RunLines }

func (r *runs) RunLines(context.Context) (web.RunLines, error) { return r.lines, nil }

// closed takes no push.
type closed struct{}

func (closed) Push(context.Context, string, *http.Request) (ingest.Report, error) {
	return ingest.Report{}, care.ErrNotFound
}

// everything is what stands behind the doors.
type everything interface {
	gate.Store
	rights.Store
}

// open gives a world in memory its doors. who tells who asks; nil is a choice by header.
func open(t testing.TB, m *gatetest.Memory, who api.Who) *world {
	t.Helper()
	s := &memory{Memory: m}
	w := openOn(t, s, who)
	w.memory = s
	return w
}

func openOn(t testing.TB, held everything, who api.Who) *world {
	t.Helper()
	w := &world{held: held, logged: &bytes.Buffer{}, runs: &runs{}}
	var err error
	if w.gate, err = gatetest.Gate(held, stories.Now, stories.Oslo); err != nil {
		t.Fatal(err)
	}
	w.table = w.gate.Table
	w.overviews = &overview.Service{Gate: w.gate}
	log := slog.New(slog.NewTextHandler(w.logged, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	if who == nil {
		who = auth.Chosen{Viewers: viewers, Header: header}
	}
	pages, ok := who.(web.Who)
	if !ok {
		t.Fatal("who asks through the pages is not known")
	}
	w.rights = &rights.Service{Store: held, Table: w.table, Now: stories.Now, Zone: stories.Oslo, Tenant: gatetest.Tenant, Instance: w.gate.Instance}
	e := echo.New()
	(&api.Handler{Overviews: w.overviews, Records: w.gate, Consents: w.rights, Zone: stories.Oslo, States: held, Push: closed{}, Who: who, PushSecret: "sesam", Now: stories.Now, Log: log,
		Ready: func(context.Context) (any, error) { return map[string]string{"database": "ok"}, nil }}).Mount(e)
	h := &web.Handler{Overviews: w.overviews, States: held, Runs: w.runs, Who: pages, Language: words.Bokmaal, Now: stories.Now, Zone: stories.Oslo, Log: log}
	w.offices(h)
	if err := h.Mount(e); err != nil {
		t.Fatal(err)
	}
	w.handler = e
	return w
}

// request is one way to ask.
type request struct {
	viewer, method, path, body string
	headers                    []string // "name: value"
	follow                     bool     // every next page too
	cli                        string   // the form that the command line gives of path, which is a person
}

func (r request) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s: %s %s%s %s %v", r.viewer, r.method, r.cli, r.path, r.body, r.headers))
}

// answer is all that who asks can see of it.
type answer struct {
	status int
	header http.Header
	body   string
}

func (w *world) ask(r request) answer {
	if r.cli != "" {
		return w.print(r)
	}
	req := httptest.NewRequest(r.method, "http://samsyn.test"+r.path, strings.NewReader(r.body))
	if r.viewer != "" {
		req.Header.Set(header, r.viewer)
	}
	for _, line := range r.headers {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, req)
	a := answer{rec.Code, rec.Header(), rec.Body.String()}
	for page := 1; r.follow && page < 200; page++ {
		next := nextOf(a.body)
		if next == "" {
			break
		}
		more := w.ask(request{viewer: r.viewer, method: r.method, path: strings.TrimPrefix(next, "http://samsyn.test"), headers: r.headers})
		a.body = more.body + "\n" + a.body // the newest first: its next link is read
		a.status = cmp.Or(max(a.status, more.status), a.status)
		if nextOf(more.body) == "" {
			break
		}
	}
	return a
}

// nextOf is the next link of the first Bundle of a body.
func nextOf(body string) string {
	var b struct {
		Link []struct{ Relation, URL string }
	}
	if json.NewDecoder(strings.NewReader(body)).Decode(&b) != nil {
		return ""
	}
	for _, l := range b.Link {
		if l.Relation == "next" {
			return l.URL
		}
	}
	return ""
}

// of is the request with the name of a version in its address.
func (r request) of(version string) request {
	r.path = strings.ReplaceAll(r.path, "{version}", version)
	return r
}

// version asks for the present version of a resource and gives its name, "1" where there is none to be had.
func (w *world) version(r request) string {
	path, _, _ := strings.Cut(r.path, "/_history")
	a := w.ask(request{viewer: r.viewer, method: http.MethodGet, path: path})
	return cmp.Or(strings.Trim(a.header.Get("ETag"), `W/"`), "1")
}

// known is the name of the newest version of the resource at a path as the viewer would be told it, or
// where she is told nothing, as one who sees everything would: it may have been heard from others.
func (w *world) known(t testing.TB, v care.Viewer, path string) string {
	t.Helper()
	parts := strings.Split(path, "/")
	old := w.Memory.Old[parts[2]+"/"+parts[3]]
	if len(old) == 0 {
		return "1"
	}
	said := []care.Contribution{{Source: old[0].Record.Source, Kind: old[0].Record.Kind, Key: old[0].Record.Key, Service: old[0].Service, Person: old[0].Person, Recorded: old[len(old)-1].Recorded,
		Made: []care.Made{{Resource: old[0].Resource}}}}
	fails := w.Memory.Fails
	w.Memory.Fails = ""
	f := w.facts(v, old[0].Person)
	w.Memory.Fails = fails
	if seen, _ := w.table.Filter(f, w.table.Scope(f, stories.Now()), said, stories.Now()); len(seen) > 0 {
		said = seen
	}
	served, err := consolidate.Served(old[0].Person, said)
	if err != nil {
		t.Fatal(err)
	}
	if len(served) == 0 {
		return "1"
	}
	var body struct {
		Meta struct {
			VersionID string `json:"versionId"`
		} `json:"meta"`
	}
	if err := json.Unmarshal(served[0].Body, &body); err != nil {
		t.Fatal(err)
	}
	return body.Meta.VersionID
}

// print is what the command line gives: text, json or fhir.
func (w *world) print(r request) answer {
	v, ok := viewer(r.viewer)
	if !ok {
		return answer{status: 1}
	}
	ask := gate.Request{Viewer: v, Door: audit.DoorCLI}
	var b bytes.Buffer
	one := func(a overview.Answer) error {
		switch r.cli {
		case "text":
			return consolidate.Text(&b, a.Overview, words.Bokmaal)
		case "json":
			return json.NewEncoder(&b).Encode(map[string]any{"overview": a.Overview, "findings": a.Findings, "markers": a.Markers})
		default:
			body, err := consolidate.Bundle(a.Overview, a.Contributions, "http://samsyn.test/fhir")
			b.Write(body)
			return err
		}
	}
	var err error
	if r.path == "" {
		var all []overview.Answer
		if all, err = w.overviews.Children(context.Background(), ask); err == nil {
			for _, a := range all {
				err = errors.Join(err, one(a))
			}
		}
	} else {
		var a overview.Answer
		if a, err = w.overviews.Overview(context.Background(), ask, care.PersonID(r.path)); err == nil {
			err = one(a)
		}
	}
	if err != nil {
		return answer{status: 1, body: err.Error()}
	}
	return answer{body: b.String()}
}

// viewer is one of the viewers as she is when she has signed in.
func viewer(id string) (care.Viewer, bool) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set(header, id)
	v, err := auth.Chosen{Viewers: viewers, Header: header}.Viewer(r)
	return v, err == nil
}

// facts is what a decision about a viewer and a child rests on.
func (w *world) facts(v care.Viewer, p care.PersonID) care.Facts {
	f, err := w.held.Facts(context.Background(), v, p)
	if err != nil {
		panic(err)
	}
	f.Tenant = gatetest.Tenant
	return f
}

// dice draw what is random, from a seed.
type dice struct{ *rand.Rand }

func roll(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 0x5a6d73796e))} }

// often tells yes with that chance in a hundred.
func (d dice) often(percent int) bool { return d.IntN(100) < percent }

func pick[T any](d dice, all []T) T { return all[d.IntN(len(all))] }

// some draws a part of a list.
func some[T any](d dice, all []T, percent int) []T {
	var out []T
	for _, v := range all {
		if d.often(percent) {
			out = append(out, v)
		}
	}
	return out
}

// families is the world of a seed: the families of the stories, at ages and with rights
// that are drawn. The same seed gives the same.
func families(seed uint64) *gatetest.Memory {
	d := roll(seed)
	m := &gatetest.Memory{
		People: map[care.PersonID][]care.Contribution{"ella": stories.Ella("ella"), "jonas": stories.Jonas("jonas"), "selma": stories.Selma("selma"),
			"teo": joined(slices.Concat(stories.Teo("teo"), stories.TeoBarnevern("teo"))), "amina": stories.Amina("amina")},
		Named: map[care.PersonID][]care.Claim{}, Old: map[string][]care.ResourceVersion{}, Born: map[care.PersonID]string{}, Address: map[care.PersonID]care.AddressLevel{},
		Rights: map[care.PersonID]care.Rights{}, Epochs: map[care.PersonID]int64{}, States: stories.Sources(),
	}
	for _, p := range children {
		own(m.People[p], p)
		m.Born[p] = pick(d, born)
		for _, s := range some(d, care.Services(), 40) {
			m.Named[p] = append(m.Named[p], care.Claim{Source: sourceOf(s), Service: s, Name: strings.ToUpper(string(p[:1])) + string(p[1:]) + " Nordmann", BirthDate: m.Born[p], Recorded: stories.Now().Add(-time.Hour)})
		}
		// What everybody says points to what may not be there.
		for i, s := range some(d, care.Services(), 60) {
			m.People[p] = append(m.People[p], said(d, s, p, fmt.Sprintf("b%d", i), "", "Sagt av "+string(s)))
		}
		for i := range m.People[p] {
			m.People[p][i].Version = 1 + d.IntN(3)
		}
		entitle(d, m, p)
	}
	for _, p := range children {
		for _, c := range m.People[p] {
			keep(m, c)
		}
	}
	return m
}

// joined makes one of contributions of the same record, as there is one in a store.
func joined(all []care.Contribution) []care.Contribution {
	var out []care.Contribution
	for _, c := range all {
		i := slices.IndexFunc(out, func(o care.Contribution) bool { return o.Source == c.Source && o.Kind == c.Kind && o.Key == c.Key })
		if i < 0 {
			out = append(out, c)
			continue
		}
		for _, m := range c.Made {
			if !slices.ContainsFunc(out[i].Made, func(o care.Made) bool { return o.Resource.Type == m.Resource.Type && o.Resource.ID == m.Resource.ID }) {
				out[i].Made = append(slices.Clone(out[i].Made), m)
			}
		}
	}
	return out
}

// own gives what is said of a child ids that no other child's have, as the store does.
func own(all []care.Contribution, p care.PersonID) {
	var names []string
	for _, c := range all {
		for _, m := range c.Made {
			names = append(names, m.Resource.Type+"/"+m.Resource.ID)
		}
	}
	for _, c := range all {
		for k, m := range c.Made {
			id := m.Resource.ID + "-" + string(p)
			body := strings.Replace(string(m.Resource.Body), `"id":"`+m.Resource.ID+`"`, `"id":"`+id+`"`, 1)
			for _, name := range names {
				body = strings.ReplaceAll(body, `"`+name+`"`, `"`+name+"-"+string(p)+`"`)
			}
			c.Made[k].Resource.ID, c.Made[k].Resource.Body = id, []byte(body)
		}
	}
}

// keep notes the versions of what a contribution says.
func keep(m *gatetest.Memory, c care.Contribution) {
	for _, made := range c.Made {
		name := made.Resource.Type + "/" + made.Resource.ID
		m.Old[name] = nil
		for v := c.Version; v >= 1; v-- {
			m.Old[name] = append(m.Old[name], care.ResourceVersion{Version: v, Recorded: c.Recorded.AddDate(0, 0, v-c.Version), Changed: c.Changed, Service: c.Service, Subject: c.Subject, Person: c.Person,
				Record: care.RecordRef{Source: c.Source, Kind: c.Kind, Key: c.Key}, Current: v == c.Version, Marks: care.MarksOf(made.Resource), Resource: made.Resource, Lineage: made.Lineage})
		}
	}
}

func sourceOf(s care.Service) string {
	switch s {
	case care.Barnevern:
		return "barnevernsregister"
	case care.Skole:
		return "oneroster"
	case care.Spesialist:
		return "fhir-sykehus"
	case care.Helsestasjon:
		return "msh-helsestasjon"
	}
	return "fhir-kommune"
}

// entitle draws the rights about a child.
func entitle(d dice, m *gatetest.Memory, p care.PersonID) {
	since := stories.Now().AddDate(0, -2, 0)
	both := d.often(50)
	code := care.ParentalMor
	signed := []care.Signature{{Party: care.PartyChild, Signer: string(p), Recorder: "anders", How: "paper", At: since}, {Party: care.PartyGuardian, Signer: "mor", Recorder: "anders", How: "paper", At: since}}
	guardians := []care.Guardian{{Viewer: "mor", Code: code, SameAddress: d.often(80), From: since.AddDate(-1, 0, 0)}}
	if both {
		guardians[0].Code = care.ParentalFelles
		guardians = append(guardians, care.Guardian{Viewer: "far", Code: care.ParentalFelles, SameAddress: d.often(50), From: since.AddDate(-1, 0, 0)})
		signed = append(signed, care.Signature{Party: care.PartyGuardian, Signer: "far", Recorder: "anders", How: "paper", At: since})
	}
	m.Give(p, care.Rights{Guardians: guardians})
	for _, v := range viewers {
		if v.Role != care.RoleKoordinator && v.Role != care.RoleTjenesteyter || v.ID == "ukjent" {
			continue
		}
		if d.often(70) {
			m.Give(p, care.Rights{Appointments: []care.Appointment{{ID: "a-" + v.ID + "-" + string(p), Viewer: v.ID, Person: p, Role: v.Role, From: since, By: "kari"}}})
		}
		if d.often(60) {
			purpose := care.PurposeCOC
			if v.Role == care.RoleTjenesteyter {
				purpose = care.PurposeTREAT
			}
			c := care.Consent{ID: "c-" + v.ID + "-" + string(p), Version: 2, Person: p, Status: care.ConsentActive, Origins: some(d, care.Services(), 45), Purpose: purpose,
				Receivers: []care.Receiver{{Viewer: v.ID}}, From: since, Until: since.AddDate(1, 0, 0), TextVersion: "samtykke-2026-1", Language: "nb", Voluntary: true, Signatures: signed,
				Changed: since, ChangedBy: "anders"}
			if d.often(30) {
				c.Topics = some(d, []string{"team", "plan", "tjenester", "vedtak", "avtaler", "meldinger", "dokumenter", "helse"}, 50)
			}
			m.Give(p, care.Rights{Consents: []care.Consent{c}})
		}
	}
	if d.often(30) {
		s := pick(d, care.Services())
		m.Give(p, care.Rights{Blocks: []care.Block{{ID: "s-" + string(p), Person: p, Viewer: pick(d, viewers).ID, Extent: care.BlockService, Service: s, From: since, By: "mor"}}})
	}
	if d.often(30) {
		m.Give(p, care.Rights{Withheld: []care.Withheld{{ID: "h-" + string(p), Person: p, Service: pick(d, care.Services()), From: since, By: string(p)}}})
	}
	if d.often(30) {
		m.Give(p, care.Rights{Bases: []care.Basis{{ID: "g-" + string(p), Code: "FVL13B", Person: p, Origins: []care.Service{care.Skole, care.PPT}, Role: care.RoleKoordinator, Purpose: care.PurposeCOC,
			From: since, Until: since.AddDate(0, 6, 0), DecidedBy: "lars", Reason: "Samarbeid om opplæringen"}}})
	}
}

// Types of what can be said, each with what points to other things.
var types = []string{"Encounter", "Appointment", "ServiceRequest", "CarePlan", "Goal", "CareTeam", "Condition", "DocumentReference", "Observation", "EpisodeOfCare", "Communication", "Patient"}

// said is a record of a service about a child: one resource of a drawn type (or of typ),
// with a text in every place that holds one, that points to things which may not be there.
func said(d dice, s care.Service, p care.PersonID, key, typ, text string, labels ...care.Marks) care.Contribution {
	if typ == "" {
		typ = pick(d, types)
	}
	id := "x-" + string(p) + "-" + key
	day := fmt.Sprintf("2026-%02d-%02d", 1+d.IntN(12), 1+d.IntN(28))
	concept := stories.R{"text": text, "coding": stories.L{stories.R{"system": "urn:samsyn:category", "code": "vedtak", "display": text}}}
	ref := func(to string) stories.R { return stories.R{"reference": to + "/h-" + string(p), "display": text} }
	r := stories.R{"resourceType": typ, "id": id}
	switch typ {
	case "Encounter":
		r["status"], r["class"], r["type"], r["period"] = "finished", stories.R{"code": "AMB"}, stories.L{concept}, stories.R{"start": day, "end": day}
		r["appointment"], r["basedOn"], r["episodeOfCare"] = stories.L{ref("Appointment")}, stories.L{ref("ServiceRequest")}, stories.L{ref("EpisodeOfCare")}
	case "Appointment":
		r["status"], r["description"], r["start"], r["end"] = "booked", text, day+"T09:00:00+01:00", day+"T10:00:00+01:00"
		r["participant"], r["basedOn"] = stories.L{stories.R{"actor": stories.R{"display": text}, "status": "accepted"}}, stories.L{ref("ServiceRequest")}
	case "ServiceRequest":
		r["status"], r["intent"], r["category"], r["code"], r["authoredOn"], r["basedOn"] = "active", "order", stories.L{concept}, concept, day, stories.L{ref("CarePlan")}
	case "CarePlan":
		r["status"], r["intent"], r["title"], r["period"], r["goal"], r["careTeam"] = "active", "plan", text, stories.R{"start": day}, stories.L{ref("Goal")}, stories.L{ref("CareTeam")}
	case "Goal":
		r["lifecycleStatus"], r["description"], r["startDate"] = "active", stories.R{"text": text}, day
	case "CareTeam":
		r["status"], r["name"], r["participant"] = "active", text, stories.L{stories.R{"role": stories.L{concept}, "member": stories.R{"display": text, "type": "Practitioner"}}}
	case "Condition":
		r["code"], r["recordedDate"], r["encounter"] = concept, day, ref("Encounter")
	case "DocumentReference":
		r["status"], r["description"], r["date"], r["content"] = "current", text, day+"T00:00:00+01:00", stories.L{stories.R{"attachment": stories.R{"title": text}}}
		r["context"] = stories.R{"related": stories.L{ref("Encounter")}}
	case "Observation":
		r["status"], r["code"], r["effectiveDateTime"], r["valueString"] = "final", concept, day, text
	case "EpisodeOfCare":
		r["status"], r["type"], r["period"], r["managingOrganization"] = "active", stories.L{concept}, stories.R{"start": day}, stories.R{"display": text}
	case "Communication":
		r["status"], r["sent"], r["topic"], r["payload"] = "completed", day+"T12:00:00+01:00", stories.R{"text": text}, stories.L{stories.R{"contentString": text}}
	case "Patient":
		r["name"], r["birthDate"] = stories.L{stories.R{"text": text}}, "2014-01-01"
	}
	var security stories.L
	for _, m := range labels {
		security = append(security, labelOf(m))
	}
	if len(security) > 0 {
		r["meta"] = stories.R{"security": security}
	}
	c := stories.Say(sourceOf(s), s, p, key+"-"+typ, day, r)
	if d.often(10) {
		c.Source, c.System = "x-"+string(s), "x-"+string(s)
	}
	return c
}

func labelOf(m care.Marks) stories.R {
	switch m {
	case care.MarkThirdParty:
		return stories.R{"system": care.SystemMark, "code": "third-party"}
	case care.MarkNotifier:
		return stories.R{"system": care.SystemMark, "code": "notifier"}
	case care.MarkRestricted:
		return stories.R{"system": care.SystemConfidentiality, "code": "R"}
	case care.MarkVery:
		return stories.R{"system": care.SystemConfidentiality, "code": "V"}
	case care.MarkPsychiatry:
		return stories.R{"system": care.SystemActCode, "code": "PSY"}
	case care.MarkSubstance:
		return stories.R{"system": care.SystemActCode, "code": "ETH"}
	case care.MarkSexual:
		return stories.R{"system": care.SystemActCode, "code": "SEX"}
	case care.MarkViolence:
		return stories.R{"system": care.SystemActCode, "code": "DV"}
	}
	return stories.R{"system": "urn:example:unknown", "code": "x"}
}

var marks = []care.Marks{care.MarkThirdParty, care.MarkNotifier, care.MarkRestricted, care.MarkVery, care.MarkPsychiatry, care.MarkSubstance, care.MarkSexual, care.MarkViolence, care.MarkUnknown}
