package attack_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/auth"
	"samsyn/internal/care"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/search"
)

// attack is one attempt: who made it on whom, how it is made here, and what must come of it.
// No attack may be answered with a word that the attacker may not see.
type attack struct {
	threat    string // of access.md (b)
	precedent string
	name      string
	ask       request
	// is what she is; nil is the viewer that ask names.
	is *care.Viewer
	// before changes the world.
	before func(m *gatetest.Memory)
	// status is what is answered: one of these; none is any refusal.
	status []int
	// empty: an answer of 200 with nothing in it is as good as a refusal.
	empty bool
	// touched is the child that the log must tell of, once; "" nobody, "-" who is not said.
	touched care.PersonID
}

// refusals are the statuses by which something is not done.
var refusals = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge,
	http.StatusUnprocessableEntity, http.StatusServiceUnavailable, http.StatusInternalServerError}

// forbidden stands in everything that none of the attackers may see.
const forbidden = "HEMMELIG"

// atBarnevern is what barnevern says: forbidden to guardians too.
const atBarnevern = forbidden + "-BV"

// since is when the rights of this world began.
var since = stories.Now().AddDate(0, -1, 0)

// neighbourhood is the world that is attacked. Anders coordinates for teo, who is sixteen, and
// for ella, who is twelve; Siv helps amina at barnevern; Marit is ella's mother. Nobody is
// anybody for jonas. What they may not see says HEMMELIG.
func neighbourhood() *gatetest.Memory {
	d := roll(7)
	m := &gatetest.Memory{People: map[care.PersonID][]care.Contribution{}, Named: map[care.PersonID][]care.Claim{}, Old: map[string][]care.ResourceVersion{},
		Born:    map[care.PersonID]string{"teo": "2010-05-06", "ella": "2014-03-14", "amina": "2017-11-30", "jonas": "2020-09-02"},
		Address: map[care.PersonID]care.AddressLevel{}, Rights: map[care.PersonID]care.Rights{}, Epochs: map[care.PersonID]int64{}, States: stories.Sources(), Err: errors.New("disk full")}
	open := but(care.Barnevern, care.BUP)
	for _, p := range []care.PersonID{"teo", "ella", "amina", "jonas"} {
		for _, s := range care.Services() {
			text := "Sagt"
			switch {
			case s == care.Barnevern:
				text = atBarnevern
			case p == "amina" || p == "jonas" || !slices.Contains(open, s):
				text = forbidden
			}
			for n, typ := range types {
				m.People[p] = append(m.People[p], said(d, s, p, fmt.Sprintf("%s-%d", s, n), typ, text))
			}
			m.Named[p] = append(m.Named[p], care.Claim{Source: sourceOf(s), Service: s, Name: text + " Nordmann", BirthDate: m.Born[p]})
		}
		for n, mark := range marks {
			if mark != care.MarkRestricted {
				m.People[p] = append(m.People[p], said(d, care.Skole, p, fmt.Sprintf("m-%d", n), "Encounter", forbidden, mark))
			}
		}
		for _, c := range m.People[p] {
			keep(m, c)
		}
	}
	anders, siv := gatetest.Coordinator("anders", "Anders Viken"), gatetest.Worker("siv", "Siv Røed", care.Barnevern)
	for _, p := range []care.PersonID{"teo", "ella"} {
		m.Give(p, gatetest.Appointed(anders, p, since, time.Time{}), gatetest.Consented(anders, p, since, open...))
	}
	m.Give("amina", gatetest.Appointed(siv, "amina", since, time.Time{}))
	m.Give("jonas", gatetest.Appointed(anders, "jonas", since.AddDate(-1, 0, 0), since))
	m.Give("ella", care.Rights{Withheld: []care.Withheld{{ID: "h", Person: "ella", Service: care.Helsestasjon, From: since, By: "ella"}}})
	for i, c := range m.People["ella"] { // what she withholds is forbidden to her mother alone
		if c.Service == care.Helsestasjon {
			m.People["ella"][i].Made[0].Resource.Body = bytes.ReplaceAll(c.Made[0].Resource.Body, []byte("Sagt"), []byte("HOLDT"))
		}
	}
	return m
}

func but(hidden ...care.Service) []care.Service {
	return slices.DeleteFunc(care.Services(), func(s care.Service) bool { return slices.Contains(hidden, s) })
}

// doors are the ways to one child.
var doors = []struct{ name, path string }{
	{"page", "/barn/%s"}, {"overview as JSON", "/api/barn/%s"}, {"$overview", "/fhir/Patient/%s/$overview"}, {"$everything", "/fhir/Patient/%s/$everything"}, {"read", "/fhir/Patient/%s"},
	{"search", "/fhir/Encounter?patient=%s"}, {"count", "/fhir/CarePlan?patient=%s&_summary=count"}, {"read of a resource", "/fhir/Encounter/x-%s-skole-0"}, {"history", "/fhir/CarePlan/x-%s-skole-3/_history"},
	{"vread", "/fhir/CarePlan/x-%s-skole-3/_history/{version}"},
}

func get(who, path string, headers ...string) request {
	return request{viewer: who, method: http.MethodGet, path: path, headers: headers}
}

// attacks is the catalogue.
func attacks() []attack {
	var all []attack
	add := func(a attack) { all = append(all, a) }

	// T1: ids of children, in every role through every door.
	for _, v := range viewers {
		for _, door := range doors {
			for _, p := range []care.PersonID{"jonas", "amina"} {
				if v.ID == "siv" && p == "amina" {
					continue
				}
				a := attack{threat: "T1", precedent: "OWASP API1; HAPI FHIR #5688: BOLA", name: string(v.Role) + " " + v.ID + " opens " + string(p) + " by " + door.name, ask: get(v.ID, fmt.Sprintf(door.path, p)),
					touched: p, empty: strings.Contains(door.path, "?")}
				if v.ID == "kari" && p == "jonas" { // the office sees whom an appointment is about while it runs; his is over
					a.name += " after his coordinator"
				}
				add(a)
			}
		}
	}
	for _, door := range doors {
		add(attack{threat: "T4", precedent: "Microsoft FHIR #5688", name: "nobody opens teo by " + door.name, ask: get("", fmt.Sprintf(door.path, "teo")), touched: "-"})
		add(attack{threat: "T4", precedent: "Microsoft FHIR #5688", name: "an unknown name opens teo by " + door.name, ask: get("anders ", fmt.Sprintf(door.path, "teo"), "X-Forwarded-User: anders"), touched: "-"})
	}

	// T1: resources of hidden services and labelled ones, by id.
	for _, p := range []care.PersonID{"teo", "ella"} {
		for n, typ := range types {
			if !slices.Contains(search.Types(), typ) || typ == "Patient" {
				continue
			}
			for _, s := range []care.Service{care.Barnevern, care.BUP} {
				for _, tail := range []string{"", "/_history", "/_history/{version}"} {
					add(attack{threat: "T1", precedent: "HAPI FHIR #5502: history and vread without the filter of read", name: "coordinator reads what " + string(s) + " says: " + typ + tail + " of " + string(p),
						ask: get("anders", fmt.Sprintf("/fhir/%s/x-%s-%s-%d%s", typ, p, s, n, tail)), status: []int{404}, touched: p})
				}
			}
		}
		for n, mark := range marks {
			if mark != care.MarkRestricted {
				add(attack{threat: "T1", precedent: "DS4P: what is labelled by id", name: fmt.Sprintf("coordinator reads what is marked %x of %s", mark, p), ask: get("anders", fmt.Sprintf("/fhir/Encounter/x-%s-m-%d", p, n)), status: []int{404}, touched: p})
			}
		}
	}

	// T2: questions that would tell of what cannot be read.
	for _, q := range []string{"_has:Encounter:patient:type=x", "_has:Observation:encounter:code=x", "encounter.status=x", "participant:Practitioner.name=x", "_filter=status eq finished", "_text=x", "_content=x", "_query=x",
		"_list=x", "_type=Patient", "_contained=true", "_containedType=container", "_score=1", "_elements=status", "_summary=text", "_summary=data", "_summary=true", "_sort=description", "_sort=_score",
		"status:not=x", "status:text=x", "status:in=x", "status:below=x", "type:missing=true", "status:contains=x", "date:missing=true", "status:of-type=x", "_id:not=x", "_lastUpdated:missing=true", "_security=R", "_tag=x", "_profile=x", "meta.security=R",
		"code-value-quantity=x", "name=x", "family=x", "address=x", "telecom=x", "phone=x", "_offset=1", "_page=2", "_getpages=x", "_bundletype=x", "_format=xml", "_pretty=true", "_include:iterate=Encounter:appointment", "_revinclude:iterate=Observation:encounter",
		"_include=*", "_include=Encounter:*", "_revinclude=*:*", "_include=Patient:general-practitioner", "_revinclude=AuditEvent:patient", "_revinclude=Consent:patient", "_revinclude=Provenance:target", "_include=Encounter:subject:Group", "_after=x", "_after=bnVsbA", "_after=W10", "_count=x", "_count=-1",
		"patient=jonas", "patient=Group/x", "patient=http://elsewhere.example/Patient/teo", "subject:Patient.name=x", "subject:identifier=x"} {
		name, value, _ := strings.Cut(q, "=")
		add(attack{threat: "T2", precedent: "HAPI FHIR #6065, #6295; LinuxForHealth #1849", name: "search by " + q, ask: get("anders", "/fhir/Encounter?patient=teo&"+url.QueryEscape(name)+"="+url.QueryEscape(value)), status: []int{400}, touched: "-"})
	}
	add(attack{threat: "T2", precedent: "HAPI FHIR #6300", name: "search of no child", ask: get("anders", "/fhir/Encounter?status=finished"), status: []int{400}, touched: "-"})
	add(attack{threat: "T2", precedent: "HAPI FHIR #6300", name: "search of all types", ask: get("anders", "/fhir?patient=teo"), touched: "-"})
	add(attack{threat: "T2", precedent: "access.md L20: looked for by name", name: "children by name", ask: get("anders", "/fhir/Patient?name=Nordmann"), status: []int{400}, touched: "-"})
	add(attack{threat: "T2", precedent: "access.md L20: looked for by number", name: "children by number", ask: get("anders", "/fhir/Patient?identifier=x"), status: []int{400}, touched: "-"})

	// T3: across compartments.
	for _, q := range []string{"_include=Encounter:appointment", "_include=Encounter:based-on", "_include=Encounter:episode-of-care", "_revinclude=Condition:encounter", "_revinclude=DocumentReference:related"} {
		add(attack{threat: "T3", precedent: "Microsoft FHIR #5683", name: "include by " + q, ask: get("anders", "/fhir/Encounter?patient=teo&"+q), status: []int{200}, touched: "teo",
			before: func(m *gatetest.Memory) { // what another child's record says has the id that is pointed to
				c := said(roll(1), care.Skole, "jonas", "h", "Appointment", forbidden)
				c.Made[0].Resource.Body = bytes.ReplaceAll(c.Made[0].Resource.Body, []byte(c.Made[0].Resource.ID), []byte("h-teo"))
				c.Made[0].Resource.ID = "h-teo"
				m.People["jonas"] = append(m.People["jonas"], c)
			}})
	}
	for _, path := range []string{"/fhir/Patient/jonas/$everything", "/fhir/Patient/amina/$everything?_type=Encounter", "/fhir/Patient/$everything", "/fhir/$everything", "/fhir/Patient/teo/Encounter", "/fhir/Patient/jonas/Encounter", "/fhir/Patient/teo/*", "/fhir/Group/x/$everything", "/fhir/Encounter/x-jonas-skole-0/$everything",
		"/fhir/Patient/jonas/$export", "/fhir/$export", "/fhir/Patient/$match", "/fhir/Patient/teo/$graph", "/fhir/$graphql?query={Patient(id:%22jonas%22){name{text}}}", "/fhir/$meta", "/fhir/Patient/jonas/$meta", "/fhir/$validate", "/fhir/_history", "/fhir/Patient/_history", "/fhir/AuditEvent?patient=teo", "/fhir/Consent?patient=jonas", "/fhir/Consent?patient=teo&status=active", "/fhir/Consent?_id=c-anders-teo", "/fhir/Consent/c-anders-teo", "/fhir/Consent", "/fhir/Provenance?patient=teo", "/fhir/Binary/x", "/fhir/List/x", "/fhir/OperationDefinition/overview"} {
		add(attack{threat: "T9", precedent: "Medplum #7641, #7816: another door with other rules", name: "another door: " + path, ask: get("anders", path), touched: "-"})
	}

	// T4: a viewer of whom something is not as it must be.
	whole, _ := viewer("anders")
	odd := func(name string, change func(v *care.Viewer)) {
		for _, door := range doors {
			v := whole
			change(&v)
			add(attack{threat: "T4", precedent: "MSRC-128308, Microsoft FHIR #5688", name: name + " by " + door.name, ask: get("anders", fmt.Sprintf(door.path, "teo")), is: &v, touched: "teo", empty: true})
		}
	}
	odd("no tenant", func(v *care.Viewer) { v.Tenant = "" })
	odd("another tenant", func(v *care.Viewer) { v.Tenant = "310000099" })
	odd("a tenant with a blank", func(v *care.Viewer) { v.Tenant = gatetest.Tenant + " " })
	odd("no role", func(v *care.Viewer) { v.Role = "" })
	odd("a role in capitals", func(v *care.Viewer) { v.Role = "KOORDINATOR" })
	odd("level 3", func(v *care.Viewer) { v.Level = 3 })
	odd("no level", func(v *care.Viewer) { v.Level = 0 })
	odd("a purpose that is not hers", func(v *care.Viewer) { v.Purpose = care.PurposePATRQT })
	odd("an emergency that was not opened", func(v *care.Viewer) { v.Purpose = care.PurposeETREAT })
	odd("another name", func(v *care.Viewer) { v.ID = "Anders" })
	odd("no name", func(v *care.Viewer) { v.ID = "" })
	odd("no scope at all", func(v *care.Viewer) { v.Scopes = []string{} })
	odd("scopes that cannot be read", func(v *care.Viewer) { v.Scopes = []string{"user/*.dus"} })
	odd("scopes that may write", func(v *care.Viewer) { v.Scopes = []string{"user/*.cud"} })
	odd("the person of a child", func(v *care.Viewer) {
		v.ID, v.Role, v.Person, v.Purpose = "x", care.RoleBarn, "jonas", care.PurposePATRQT
	})
	odd("a service without a task", func(v *care.Viewer) {
		v.ID, v.Role, v.Service, v.Purpose = "x", care.RoleTjenesteyter, care.Skole, care.PurposeTREAT
	})

	// T5: what a decision rests on cannot be had.
	for _, fails := range []string{"facts", "contributions", "claims", "states", "audit", "*"} {
		for _, door := range doors[:7] {
			add(attack{threat: "T5", precedent: "Microsoft FHIR #5817", name: fails + " fails: " + door.name, ask: get("anders", fmt.Sprintf(door.path, "teo")), before: func(m *gatetest.Memory) { m.Fails = fails }, status: []int{500, 503}, touched: "-"})
		}
	}
	for _, fails := range []string{"facts", "history", "whose", "audit"} {
		for _, door := range doors[7:] {
			add(attack{threat: "T5", precedent: "Microsoft FHIR #5817", name: fails + " fails: " + door.name, ask: get("anders", fmt.Sprintf(door.path, "teo")), before: func(m *gatetest.Memory) { m.Fails = fails }, status: []int{500, 503}, touched: "-"})
		}
	}
	for _, fails := range []string{"persons", "facts", "audit"} {
		for _, path := range []string{"/", "/fhir/Patient"} {
			add(attack{threat: "T5", precedent: "Microsoft FHIR #5817", name: fails + " fails: " + path, ask: get("anders", path), before: func(m *gatetest.Memory) { m.Fails = fails }, status: []int{500, 503}, touched: "-"})
		}
	}
	for _, door := range doors { // T10: rights change while the answer is made, each time
		add(attack{threat: "T10", precedent: "HAPI FHIR #3256, #3528", name: "rights change meanwhile: " + door.name, ask: get("anders", fmt.Sprintf(door.path, "teo")), status: []int{503}, touched: "-",
			before: func(m *gatetest.Memory) {
				m.Before = func(method string) {
					if method == "audit" {
						m.Epochs["teo"]++
					}
				}
			}})
		add(attack{threat: "T5", precedent: "ORCA (R2): the filter was the backend's", name: "the store gives too much: " + door.name, ask: get("anders", fmt.Sprintf(door.path, "teo")), before: func(m *gatetest.Memory) { m.Careless = true }, status: []int{200}, touched: "teo"})
		add(attack{threat: "T5", precedent: "ORCA (R2): the filter was the backend's", name: "the store gives too much of another: " + door.name, ask: get("anders", fmt.Sprintf(door.path, "jonas")), before: func(m *gatetest.Memory) { m.Careless = true }, touched: "jonas", empty: true})
	}

	// T7: what is hidden asked about sideways.
	for _, h := range []string{`If-None-Match: W/"1"`, `If-Match: W/"1"`, "If-Modified-Since: Mon, 23 Nov 2026 05:00:00 GMT", "Range: bytes=0-10", "Prefer: return=representation", "Accept: application/fhir+xml", "Accept-Encoding: gzip", "X-HTTP-Method-Override: DELETE"} {
		add(attack{threat: "T7", precedent: "LinuxForHealth #2669", name: "hidden resource with " + h, ask: get("anders", "/fhir/Encounter/x-jonas-skole-0", h), status: []int{404}, touched: "jonas"})
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
		for _, path := range []string{"/fhir/Encounter/x-jonas-skole-0", "/fhir/Encounter", "/fhir/Consent", "/fhir/Patient/teo", "/barn/teo", "/api/barn/teo", "/fhir/Patient/teo/$overview", "/fhir/AuditEvent"} {
			add(attack{threat: "T19", precedent: "ASVS 15.3.3, LinuxForHealth #2669 (If-None-Exist)", name: method + " " + path, ask: request{viewer: "anders", method: method, path: path,
				body: `{"resourceType":"Consent","id":"c-anders-teo","status":"active","meta":{"versionId":"9","security":[]},"patient":{"reference":"Patient/jonas"}}`, headers: []string{"Content-Type: application/fhir+json", "If-None-Exist: identifier=x"}}, touched: "-"})
		}
	}
	for _, body := range []string{`{"resourceType":"Bundle","type":"transaction","entry":[]}`, `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"POST","url":"Consent"},"resource":{"resourceType":"Consent"}}]}`,
		`{"resourceType":"Bundle","type":"batch","TYPE":"x","entry":[]}`, `{"resourceType":"Bundle","type":"batch","type":"batch","entry":[]}`, `[]`, `null`, `{"resourceType":"Parameters"}`, strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000),
		`{"resourceType":"Bundle","type":"batch","entry":[` + strings.TrimSuffix(strings.Repeat(`{"request":{"method":"GET","url":"Patient/teo"}},`, 51), ",") + `]}`, `{"resourceType":"Bundle","type":"batch","entry":[]}` + "x", strings.Repeat(" ", 300<<10) + `{}`} {
		add(attack{threat: "T17", precedent: "google/fhir #522, HAPI FHIR #7648; T18 keys", name: "batch " + body[:min(len(body), 60)], ask: request{viewer: "anders", method: http.MethodPost, path: "/fhir", body: body, headers: []string{"Content-Type: application/fhir+json"}}, touched: "-"})
	}
	for _, u := range []string{"Patient/jonas", "Patient/jonas/$everything", "Encounter?patient=jonas", "/fhir/Patient/jonas", "http://samsyn.test/fhir/Patient/jonas", "//samsyn.test/fhir/Patient/jonas", "../api/barn/jonas", "Patient/teo/../jonas", "Patient/%6aonas", "Patient/jonas#x", "Encounter/x-jonas-skole-0", "_history", "metadata"} {
		add(attack{threat: "T3", precedent: "SMART v2 (P9): entries of a batch are authorised one by one", name: "batch of " + u, ask: request{viewer: "anders", method: http.MethodPost, path: "/fhir",
			body: fmt.Sprintf(`{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":%q}}]}`, u), headers: []string{"Content-Type: application/fhir+json"}}, status: []int{200, 400}, touched: "-"})
	}

	// T1, T14: addresses that are written otherwise.
	for _, path := range []string{"/barn/teo%2f..%2fjonas", "/barn/./jonas", "/barn/../barn/jonas", "/barn//jonas", "/barn/jonas/", "/barn/jonas;x", "/barn/jonas%00", "/barn/%6aonas", "/barn/JONAS", "/Barn/jonas", "/fhir/patient/jonas", "/fhir/Patient/JONAS", "/fhir/Patient/jonas%20", "/fhir/Patient//jonas", "/fhir//Patient/jonas", "/fhir/./Patient/jonas",
		"/fhir/Patient/jonas/", "/fhir/Patient/teo%2F..%2Fjonas", "/fhir/Patient/teo/../jonas", "/fhir/%2e%2e/api/barn/jonas", "/api/barn/jonas%2f", "/api//barn/jonas", "/static/..%2f..%2fweb.go", "/static/%2e%2e%2fweb.go", "/static/../web.go", "/adapters/..%2fbarn", "/fhir/Patient/jonas%0d%0aSet-Cookie:x=1", "/barn/jonas%0d%0aX:1", "/fhir/Encounter/*", "/fhir/Encounter/%25", "/fhir/Encounter/x-jonas-skole-0%00", "/fhir/Encounter/" + strings.Repeat("a", 20_000), "/barn/" + strings.Repeat("jonas/", 2000)} {
		add(attack{threat: "T14", precedent: "CVE-2023-24057, CVE-2023-28465: dot segments and other spellings", name: "address " + path[:min(len(path), 60)], ask: get("anders", path), touched: "-"})
	}

	// T24, T26: numbers that are guessed, and that stand where they may not.
	for _, path := range []string{"/barn/14831460041", "/fhir/Patient/14831460041", "/fhir/Encounter?patient=14831460041", "/api/barn/14831460041", "/fhir/Encounter/14831460041", "/fhir/Encounter?patient=teo&_id=14831460041", "/fhir/Patient/14831460041/$overview"} {
		add(attack{threat: "T24", precedent: "pjl. § 16: a number is guessed", name: "number in " + path, ask: get("anders", path), touched: "-", empty: true})
	}

	// T23: what the child withholds from her mother.
	for n, typ := range types {
		if slices.Contains(search.Types(), typ) && typ != "Patient" {
			add(attack{threat: "T23", precedent: "pbrl. § 3-4: the guardian's view of a withheld contact", name: "mother reads what is withheld: " + typ, ask: get("mor", fmt.Sprintf("/fhir/%s/x-ella-helsestasjon-%d", typ, n)), status: []int{404}, touched: "ella"})
		}
	}
	for _, door := range doors[:7] {
		add(attack{threat: "T23", precedent: "pbrl. § 3-4", name: "mother looks by " + door.name, ask: get("mor", fmt.Sprintf(door.path, "ella")), status: []int{200}, touched: "ella"})
	}

	// T34: broken glass as a way around.
	rescuer, _ := viewer("berit")
	rescuer.Purpose = care.PurposeETREAT
	session := care.BreakGlass{ID: "n", Viewer: "berit", Person: "jonas", Code: "BLALYS", Reason: "Barnet er funnet bevisstløst i hallen", From: stories.Now().Add(-time.Minute), Until: stories.Now().Add(time.Hour - time.Minute)}
	glass := func(name string, change func(v *care.Viewer, s *care.BreakGlass)) {
		for _, door := range doors {
			v, s := rescuer, session
			change(&v, &s)
			add(attack{threat: "T34", precedent: "ATT-41", name: name + " by " + door.name, ask: get("berit", fmt.Sprintf(door.path, "jonas")), is: &v, touched: "jonas", empty: true,
				before: func(m *gatetest.Memory) {
					m.Careless = true
					m.Give("jonas", care.Rights{BreakGlass: []care.BreakGlass{s}})
				}})
		}
	}
	glass("who is no health personnel", func(v *care.Viewer, _ *care.BreakGlass) { v.HPR = "" })
	glass("a reason that is too short", func(_ *care.Viewer, s *care.BreakGlass) { s.Reason = "haster               " })
	glass("no code", func(_ *care.Viewer, s *care.BreakGlass) { s.Code = "" })
	glass("a code that is none", func(_ *care.Viewer, s *care.BreakGlass) { s.Code = "NYSGJERRIG" })
	glass("after an hour", func(_ *care.Viewer, s *care.BreakGlass) {
		s.From, s.Until = s.From.Add(-time.Hour), s.Until.Add(time.Hour)
	})
	glass("one that was ended", func(_ *care.Viewer, s *care.BreakGlass) { s.Ended = stories.Now() })
	glass("one without an end", func(_ *care.Viewer, s *care.BreakGlass) { s.Until = time.Time{} })
	glass("one that has not begun", func(_ *care.Viewer, s *care.BreakGlass) { s.From = stories.Now().Add(time.Minute) })
	glass("another's", func(_ *care.Viewer, s *care.BreakGlass) { s.Viewer = "nils" })
	glass("another child's", func(_ *care.Viewer, s *care.BreakGlass) { s.Person = "amina" })
	glass("in another municipality", func(v *care.Viewer, _ *care.BreakGlass) { v.Tenant = "310000099" })
	glass("for another purpose", func(v *care.Viewer, _ *care.BreakGlass) { v.Purpose = care.PurposeTREAT })
	glass("in the office", func(v *care.Viewer, _ *care.BreakGlass) { v.Role = care.RoleKoordinerendeEnhet })
	glass("as the one who runs it", func(v *care.Viewer, _ *care.BreakGlass) { v.Role = care.RoleDrift })

	// T31: forms of others, and ways back.
	for _, h := range []string{"Origin: https://evil.example", "Origin: null", "Origin: http://samsyn.test.evil.example", "Origin: http://samsyn.test:8080", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"} {
		for _, path := range []string{"/som", "/sprak"} {
			add(attack{threat: "T31", precedent: "CSRF", name: "a form from elsewhere: " + h + " to " + path, ask: request{viewer: "anders", method: http.MethodPost, path: path, body: "som=siv&sprak=en&retur=/", headers: []string{"Content-Type: application/x-www-form-urlencoded", h}}, status: []int{403}, touched: "-"})
		}
	}

	// T20, T16: what is pushed by who may not.
	for _, h := range []string{"", "Authorization: Bearer", "Authorization: Bearer x", "Authorization: bearer sesam", "Authorization: Basic c2VzYW0=", "Authorization: Bearer sesam ", "Authorization: Bearer sesam,x", "Authorization: sesam", "Authorization: DPoP sesam"} {
		add(attack{threat: "T16", precedent: "Mirth CVE-2023-37679, -43208: who was not known was read", name: "push with " + h, ask: request{viewer: "anders", method: http.MethodPost, path: "/adapters/oneroster/x", body: "{}", headers: []string{h}}, touched: "-"})
	}
	return all
}

// said by a viewer of the test; what she may push and whose forms they are is asked of Chosen.
type is struct {
	auth.Chosen
	v care.Viewer
}

func (i is) Viewer(*http.Request) (care.Viewer, error) { return i.v, nil }

// TestAttacksAreRefusedAndLogged makes every attack of the catalogue.
func TestAttacksAreRefusedAndLogged(t *testing.T) {
	t.Parallel()
	all := attacks()
	precedents := map[string]bool{}
	for _, e := range elsewhere {
		precedents[e.threat] = true
	}
	quiet := open(t, neighbourhood(), nil)
	for _, a := range all {
		precedents[a.threat] = true
		w := quiet
		if a.before != nil || a.is != nil {
			m := *quiet.Memory // what an attack changes is not changed for the next
			m.People, m.Rights, m.Epochs, m.Address = maps.Clone(m.People), maps.Clone(m.Rights), maps.Clone(m.Epochs), maps.Clone(m.Address)
			if a.before != nil {
				a.before(&m)
			}
			if a.is != nil {
				w = open(t, &m, is{auth.Chosen{}, *a.is})
			} else {
				w = open(t, &m, nil)
			}
		}
		m := w.Memory
		m.Lines, m.Asked = nil, nil
		w.logged.Reset()
		if strings.Contains(a.ask.path, "{version}") {
			v, _ := viewer(a.ask.viewer)
			if a.is != nil {
				v = *a.is
			}
			a.ask = a.ask.of(w.known(t, v, a.ask.path))
		}
		got := w.ask(a.ask)
		refused(t, a, w, got)
		logged(t, a, m)
	}
	if len(all) < 150 {
		t.Errorf("%d attacks, want 150", len(all))
	}
	for n := 1; n <= 34; n++ {
		if !precedents[fmt.Sprintf("T%d", n)] {
			t.Errorf("no attack of T%d", n)
		}
	}
	t.Logf("%d attacks, and %d tests elsewhere, of %d threats", len(all), len(elsewhere), len(precedents))
}

func refused(t *testing.T, a attack, w *world, got answer) {
	t.Helper()
	name := a.threat + " " + a.name
	switch {
	case len(a.status) > 0 && !slices.Contains(a.status, got.status), len(a.status) == 0 && !slices.Contains(refusals, got.status) && !(a.empty && got.status == http.StatusOK):
		t.Errorf("%s: %s: status %d: %s", name, a.ask, got.status, cut(got.body))
	case a.empty && got.status == http.StatusOK && (strings.Contains(got.body, `"match"`) || strings.Contains(got.body, `"total":`) && !strings.Contains(got.body, `"total":0`)):
		t.Errorf("%s: %s: something was found: %s", name, a.ask, cut(got.body))
	}
	all := fmt.Sprint(got.header) + got.body + w.logged.String()
	words := []string{forbidden, "14831460041", "disk full"}
	if a.ask.viewer == "mor" { // she is told more of ella than the coordinator is
		words = []string{atBarnevern, "HOLDT"}
	}
	for _, word := range words {
		if strings.Contains(got.body+fmt.Sprint(got.header), word) && !strings.Contains(a.ask.path, word) || word != "disk full" && strings.Contains(w.logged.String(), word) {
			t.Errorf("%s: %s: %s is told: %s", name, a.ask, word, around(all, word))
		}
	}
	if got.header.Get("X") != "" || strings.Contains(fmt.Sprint(got.header["Set-Cookie"]), "x=1") {
		t.Errorf("%s: headers %v", name, got.header)
	}
	if to := got.header.Get("Location"); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) {
		t.Errorf("%s: leads to %s", name, to)
	}
}

func logged(t *testing.T, a attack, m *gatetest.Memory) {
	t.Helper()
	events, err := m.Events()
	if err != nil {
		t.Fatal(err)
	}
	about := 0
	for _, e := range events {
		if e.Person == a.touched {
			about++
		}
		if strings.Contains(fmt.Sprintf("%+v", e), "14831460041") {
			t.Errorf("%s %s: the log holds a number: %+v", a.threat, a.name, e)
		}
	}
	if a.touched != "-" && (about != 1 || len(events) != 1) {
		t.Errorf("%s %s: %s: %d events, %d about %s", a.threat, a.name, a.ask, len(events), about, a.touched)
	}
}

// elsewhere names the tests of other packages that make attacks of the other precedents.
var elsewhere = []struct{ threat, precedent, pkg, test string }{
	{"T1", "IDOR: each condition of the decision alone", "internal/access", "TestEachConditionAloneFlipsTheDecision"},
	{"T1", "every version by its own labels", "internal/gate", "TestVersions"},
	{"T2", "HAPI FHIR #6065: refused, never ignored", "internal/search", "TestWhatIsNotOfferedIsRefused"},
	{"T5", "Microsoft FHIR #5817", "internal/gate", "TestNothingIsReleasedWhenAnythingFails"},
	{"T6", "HAPI FHIR #1507, #2012, #3418", "internal/search", "TestCountIsOnlyOfTheVisible"},
	{"T8", "Medplum #3332, #7352", "internal/access", "TestPermitsAddUp"},
	{"T8", "fields are an allow-list", "internal/access", "TestFieldsAreAnAllowList"},
	{"T9", "Medplum #7641, #7816", "internal/app", "TestOneWayToAPerson"},
	{"T10", "HAPI FHIR #3256, #3528", "internal/gate", "TestRightsThatChangeMeanwhile"},
	{"T10", "withdrawal races, on each database", "internal/fault", "TestWithdrawalRaces"},
	{"T11", "HAPI FHIR #7557, #7668", "internal/identity", "TestResolveIsOrderFree"},
	{"T12", "Microsoft FHIR #5699; HAPI FHIR #1335, #5719", "internal/web", "TestNothingThatASourceSaysRuns"},
	{"T13", "CVE-2026-55471, CVE-2024-45294", "internal/xmlsafe", "TestParseRefuses"},
	{"T14", "CVE-2023-24057, -28465", "adapters/oneroster", "TestPathsInZipFilesAreNotFollowed"},
	{"T15", "CVE-2026-34361", "internal/outbound", "TestOriginsAreComparedWhole"},
	{"T15", "DNS rebinding", "internal/outbound", "TestRebinding"},
	{"T16", "Mirth CVE-2023-37679, -43208", "internal/api", "TestPushWithoutTheSecretIsRefusedUnread"},
	{"T17", "google/fhir #522; HAPI FHIR #7648", "internal/app", "TestBombsKillNothing"},
	{"T18", "encoding/json, duplicate and case-variant keys", "internal/jsonsafe", "TestWhatIsRefused"},
	{"T19", "labels of a newer version", "internal/care", "TestMarksOf"},
	{"T21", "nuts-node CVE-2026-41164; GO-2023-2334, GO-2024-2631", "internal/auth/jwt", "TestBadTokensAreRefused"},
	{"T21", "NHN's list of invalid proofs", "internal/auth/jwt", "TestNHNsInvalidProofs"},
	{"T21", "replay, over nodes and restarts", "internal/store", "TestReplayIsRememberedOnEveryNodeAndAfterRestart"},
	{"T22", "access.md L18", "internal/access", "TestNoPlaceLeaves"},
	{"T23", "pbrl. § 3-4: the readable log", "internal/audit", "TestTwinWorldsReadAlike"},
	{"T24", "patterns of snooping", "internal/audit", "TestPlantedPatternsAreFound"},
	{"T25", "edited, deleted, reordered, cut", "internal/audit", "TestEveryTamperingIsFound"},
	{"T25", "the database refuses", "internal/store", "TestAuditLogIsNeverChanged"},
	{"T26", "CR and LF in a log line", "internal/app", "TestLogLinesCannotBeForged"},
	{"T26", "a number in the log", "internal/app", "TestNoNumberIsLogged"},
	{"T27", "ASVS 1.2.10", "internal/csvsafe", "TestNothingIsAFormula"},
	{"T28", "sealed at its place", "internal/vault", "TestWhatIsSealedOpensAtItsPlaceAlone"},
	{"T31", "fixation", "internal/auth", "TestFixation"},
	{"T31", "echo CVE-2022-40083", "internal/web", "TestWayBackNeverLeadsAway"},
	{"T31", "clickjacking", "internal/app", "TestHeadersStandOnEveryAnswer"},
	{"T20", "a system pushes into another's source", "internal/auth", "TestOwnTokenEndpoint"},
	{"T20", "swapped numbers", "internal/identity", "TestResolveRightChild"},
	{"T29", "another tenant", "internal/access", "TestEachConditionAloneFlipsTheDecision"},
	{"T30", "no way out but those that are known", "internal/app", "TestDataFlowsNameEveryWayOut"},
	{"T32", "expressions end in their budget", "fhir/fhirpath", "TestHostileExpressionsEndInTheBudget"},
	{"T33", "swapped dependency", "internal/app", "TestImportsPointOneWay"},
}

// TestNeighbourhoodIsWhatItSays: the attacks rest on the table that is shipped, and no viewer of
// them has an access that the neighbourhood does not mean to give.
func TestNeighbourhoodIsWhatItSays(t *testing.T) {
	m := neighbourhood()
	w := open(t, m, nil)
	for _, v := range viewers {
		for _, p := range []care.PersonID{"amina", "ella", "jonas", "teo"} {
			who, _ := viewer(v.ID)
			s := w.table.Scope(w.facts(who, p), stories.Now())
			want := (v.ID == "anders" || v.ID == "mor") && (p == "teo" || p == "ella") || v.ID == "siv" && p == "amina" || v.ID == "barn" && p == "teo" || v.ID == "kari" && (p == "teo" || p == "ella")
			if s.Allowed != want {
				t.Errorf("%s sees %s: %v by %s", v.ID, p, s.Allowed, s.Rule)
			}
			if s.Allowed != (s.Rule == access.Granted) {
				t.Errorf("%s and %s: allowed %v by %s", v.ID, p, s.Allowed, s.Rule)
			}
		}
	}
}
