package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"samsyn/fhir"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/ops/scan"
)

// size gives how much is tried: a little by default, what CI runs with
// SAMSYN_TEST_SIZE=ci, and ten times that with soak.
func size(small, ci int) int {
	switch os.Getenv("SAMSYN_TEST_SIZE") {
	case "ci":
		return ci
	case "soak":
		return 10 * ci
	}
	return small
}

func profiles(t testing.TB) *fhir.Profiles {
	t.Helper()
	p, err := fhir.LoadProfiles(audit.Profiles())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var fjordvik = audit.Instance{ID: "910000010", Name: "Samsyn i Fjordvik", Host: "samsyn.fjordvik.example", Test: true}

func koordinator() care.Viewer {
	return care.Viewer{ID: "anders", Name: "Anders Bakke", Title: "barnekoordinator", Role: care.RoleKoordinator, Service: care.Koordinering, Tenant: "910000010", Unit: "910000029", HPR: "1234567", Level: 4, Purpose: care.PurposeCOC}
}

func opened() audit.Event {
	return audit.Event{
		ID: "e1", At: time.Date(2026, 11, 27, 9, 30, 0, 123456000, time.UTC), Viewer: koordinator(), Person: "p7kq",
		Interaction: audit.Overview, Door: audit.DoorPage, Permit: true, Rule: "R-KOORDINATOR", PolicyVersion: "2026-11-01",
		Bases: []string{"a1", "c2"}, Purpose: care.PurposeCOC, Services: []care.Service{care.Skole, care.PPT}, Withheld: 3,
		RequestID: "5b2c", Query: "view=now", Token: "urn:oauth:jti:abc-123", Address: "10.0.0.7",
	}
}

// valid holds an event against R4 and every profile that it claims.
func valid(t testing.TB, p *fhir.Profiles, body []byte) fhir.Resource {
	t.Helper()
	r, err := fhir.Parse(body)
	if err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	for _, i := range append(fhir.Validate(r), p.Validate(r)...) {
		t.Errorf("%s %s %s: %s", i.Severity, i.Rule, i.Path, i.Message)
	}
	if t.Failed() {
		t.Fatalf("%s", body)
	}
	return r
}

func claimed(t testing.TB, r fhir.Resource) []string {
	t.Helper()
	var m struct{ Meta struct{ Profile []string } }
	if err := json.Unmarshal(r.Body, &m); err != nil {
		t.Fatal(err)
	}
	return m.Meta.Profile
}

// The same event keeps IHE's pattern and Norway's profile.
func TestOneEventKeepsBothProfiles(t *testing.T) {
	p := profiles(t)
	body, err := opened().FHIR(fjordvik)
	if err != nil {
		t.Fatal(err)
	}
	r := valid(t, p, body)
	want := []string{audit.ProfileEvent, "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientQuery", "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.OAUTHaccessTokenUse.Minimal", audit.ProfileNorway}
	if got := claimed(t, r); !slices.Equal(got, want) {
		t.Errorf("it claims %v", got)
	}
}

// Every interaction, permitted, denied and failed, by every role and by nobody.
func TestEveryInteractionIsValid(t *testing.T) {
	p := profiles(t)
	for _, what := range audit.Interactions() {
		for _, role := range append(care.Roles(), "") {
			for outcome := range 3 {
				for _, person := range []care.PersonID{"p1", ""} {
					e := opened()
					e.Interaction, e.Viewer.Role, e.Person = what, role, person
					e.Permit, e.Failed = outcome == 0, outcome == 2
					if role == "" {
						e.Viewer = care.Viewer{}
					}
					body, err := e.FHIR(fjordvik)
					if err != nil {
						t.Fatal(what, role, err)
					}
					r := valid(t, p, body)
					balp := slices.ContainsFunc(claimed(t, r), func(u string) bool { return strings.Contains(u, "BALP") })
					if want := outcome == 0 && what != audit.SignIn && what != audit.SignOut && what != audit.History; balp != want {
						t.Errorf("%s by %q: claims BALP: %t", what, role, balp)
					}
				}
			}
		}
	}
}

// Client and server change places between a read and a query.
func TestRolesSwap(t *testing.T) {
	for _, c := range []struct{ interaction, action, client, server, user string }{
		{audit.Read, "R", "110152", "110153", "IRCP"}, {audit.VRead, "R", "110152", "110153", "IRCP"},
		{audit.Search, "E", "110153", "110152", "IRCP"}, {audit.Overview, "E", "110153", "110152", "IRCP"},
		{audit.ConsentRegister, "C", "110153", "110152", "AUT"}, {audit.ConsentWithdraw, "U", "110153", "110152", "AUT"},
		{audit.Delete, "D", "110150", "custodian", "AUT"},
	} {
		e := opened()
		e.Interaction = c.interaction
		body, err := e.FHIR(fjordvik)
		if err != nil {
			t.Fatal(err)
		}
		var a struct {
			Action string
			Agent  []struct {
				Type struct{ Coding []struct{ Code string } }
			}
		}
		if err := json.Unmarshal(body, &a); err != nil {
			t.Fatal(err)
		}
		got := []string{a.Action, a.Agent[0].Type.Coding[0].Code, a.Agent[1].Type.Coding[0].Code, a.Agent[2].Type.Coding[0].Code}
		if want := []string{c.action, c.client, c.server, c.user}; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", c.interaction, got, want)
		}
	}
}

// A profile rule that no fault of an event can break would be of no use: each fault below
// is found by the rule that is named.
func TestProfilesFindFaults(t *testing.T) {
	p := profiles(t)
	query, _ := opened().FHIR(fjordvik)
	object := opened()
	object.Interaction, object.Resource = audit.Read, "CarePlan/x"
	read, _ := object.FHIR(fjordvik)
	for _, c := range []struct {
		body           []byte
		rule, from, to string
	}{
		{query, "balp:outcome", `"outcome":"0"`, `"outcome":"4"`},
		{query, "balp:action", `"action":"E"`, `"action":"R"`},
		{query, "balp:client", `"code":"110153"`, `"code":"110150"`},
		{query, "balp:server", `"code":"110152"`, `"code":"110150"`},
		{query, "balp:subtype", `"code":"search"`, `"code":"read"`},
		{query, "balp:query", `"code":"24"`, `"code":"4"`},
		{query, "balp:query-raw", `"query":"dmlldz1ub3c="`, `"name":"x"`},
		{query, "balp:patient", `"code":"1","display":"Person"`, `"code":"3","display":"Person"`},
		{query, "balp:patient-type", `"reference":"Patient/p7kq"},"type"`, `"reference":"Group/p7kq"},"type"`},
		{query, "balp:token-jti", "urn:ietf:params:oauth:jti:", "urn:other:"},
		{query, "balp:transaction", `"identifier":{"system":"urn:samsyn:request","value":"5b2c"}`, `"display":"5b2c"`},
		{query, "no-trust:who", `"type":"PractitionerRole"`, `"type":"Practitioner"`},
		{query, "no-trust:who-literal", `"reference":"#role"`, `"reference":"#practitioner"`},
		{query, "no-trust:patient", "auditevent-patient-extension", "auditevent-other"},
		{query, "no-trust:relation", "auditevent-carerelation-metadata-extension", "auditevent-other"},
		{query, "no-trust:relation-toa", `"url":"toa"`, `"url":"decision-ref-user-selected"`},
		{query, "no-trust:relation-parts", `"url":"toa"`, `"url":"noe"`},
		{query, "no-trust:purpose-code", "CodeSystem/v3-ActReason", "CodeSystem/noe"},
		{query, "samsyn-audit:decision-protected", `"code":"V"`, `"code":"N"`},
		{query, "samsyn-audit:withheld", `"type":"withheld"`, `"type":"other"`},
		{query, "samsyn-audit:no-national-number", `"urn:samsyn:viewer"`, `"urn:oid:2.16.578.1.12.4.1.4.1"`},
		{query, "samsyn-audit:requestor", `"requestor":true`, `"requestor":false`},
		{read, "balp:data", `"code":"2","display":"System Object"`, `"code":"3","display":"System Object"`},
		{read, "balp:data-role", `"code":"4","display":"Domain Resource"`, `"code":"9","display":"Domain Resource"`},
		{read, "balp:action", `"action":"R"`, `"action":"E"`},
	} {
		changed := bytes.ReplaceAll(c.body, []byte(c.from), []byte(c.to))
		if bytes.Equal(changed, c.body) {
			t.Errorf("%s: %s does not stand there:\n%s", c.rule, c.from, c.body)
			continue
		}
		r, err := fhir.Parse(changed)
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, i := range p.Validate(r) {
			found = append(found, i.Rule)
		}
		if !slices.Contains(found, c.rule) {
			t.Errorf("%s was not found, only %v", c.rule, found)
		}
	}
}

// anyText draws what a client may write: words, signs, numbers of every kind, broken UTF-8.
func anyText(t *rapid.T, name string) string {
	return rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[a-z0-9=&%+/.:-]{1,40}`), rapid.String(), rapid.StringN(-1, -1, 400),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 30), func(b []byte) string { return string(b) }),
		rapid.Just("identifier=urn:oid:2.16.578.1.12.4.1.4.1|"+ola), rapid.Just("q=%30"+ola[1:]), rapid.Just(ola[:6]+" "+ola[6:])).Draw(t, name)
}

func anyWord(t *rapid.T, name string) string {
	return rapid.OneOf(rapid.StringMatching(`[a-zA-Z0-9.-]{1,40}`), rapid.Custom(func(t *rapid.T) string { return anyText(t, "any") })).Draw(t, name)
}

// anyEvent draws a request as it may come, and what was decided of it.
func anyEvent(t *rapid.T) audit.Event {
	services := rapid.SliceOfN(rapid.SampledFrom(append(care.Services(), "", "annet")), 0, 5)
	e := audit.Event{
		ID:          rapid.StringMatching(`[a-zA-Z0-9.-]{1,64}`).Draw(t, "id"),
		At:          time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), rapid.Int64Range(0, 999999999).Draw(t, "nanos")),
		Person:      care.PersonID(anyWord(t, "person")),
		Interaction: rapid.SampledFrom(audit.Interactions()).Draw(t, "interaction"),
		Door:        rapid.OneOf(rapid.SampledFrom([]string{audit.DoorPage, audit.DoorFHIR, audit.DoorCLI, ""}), rapid.String()).Draw(t, "door"),
		Permit:      rapid.Bool().Draw(t, "permit"),
		Rule:        anyWord(t, "rule"), PolicyVersion: anyWord(t, "policy"),
		Bases:    rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return anyWord(t, "basis") }), 0, 4).Draw(t, "bases"),
		Purpose:  rapid.SampledFrom([]care.Purpose{care.PurposeCOC, care.PurposeTREAT, care.PurposeBTG, "", " odd  one "}).Draw(t, "purpose"),
		Services: services.Draw(t, "services"), Withheld: rapid.IntRange(0, 9).Draw(t, "withheld"),
		Resource: anyWord(t, "resource"), RequestID: anyText(t, "request"), Query: anyText(t, "query"), Token: anyText(t, "token"),
		Reason: anyText(t, "reason"), Client: anyWord(t, "client"), Address: rapid.SampledFrom([]string{"10.0.0.1", "2001:db8::1", "https://elsewhere.example/x", "host"}).Draw(t, "address"),
		Viewer: care.Viewer{
			ID: anyWord(t, "viewer"), Name: anyText(t, "name"), Title: anyText(t, "title"), Role: rapid.SampledFrom(append(care.Roles(), "")).Draw(t, "role"),
			Service: rapid.SampledFrom(append(care.Services(), "")).Draw(t, "service"), Person: care.PersonID(anyWord(t, "self")),
			Tenant: rapid.SampledFrom([]string{"910000010", "", "odd"}).Draw(t, "tenant"), Unit: rapid.SampledFrom([]string{"910000029", ""}).Draw(t, "unit"),
			HPR: rapid.SampledFrom([]string{"1234567", "", "x"}).Draw(t, "hpr"), Level: rapid.IntRange(-1, 4).Draw(t, "level"), Scopes: []string{"user/*.rs"},
		},
	}
	e.Failed = !e.Permit && rapid.Bool().Draw(t, "failed")
	return e
}

// ola is a synthetic number (month + 80).
var ola = syntheticNumber()

func syntheticNumber() string {
	for i := range 100000 {
		if n := fmt.Sprintf("018105%05d", i); scan.Valid(n) {
			return n
		}
	}
	panic("there is no such number")
}

func check(t *testing.T, small, ci int, property func(*rapid.T)) {
	t.Helper()
	n := size(small, ci)
	// rapid.Check tries a hundred; the rest are tried in rounds of their own.
	for range max(1, n/100) {
		rapid.Check(t, property)
		if t.Failed() {
			return
		}
	}
}

// Whatever is asked, by whomever, the event is valid, holds no national number and no
// token, and is read back as what it says.
func TestAnyRequestIsLogged(t *testing.T) {
	p := profiles(t)
	check(t, 300, 10_000, func(t *rapid.T) {
		e := anyEvent(t)
		body, err := e.FHIR(fjordvik)
		if err != nil {
			t.Fatal(err)
		}
		r, err := fhir.Parse(body)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range append(fhir.Errors(fhir.Validate(r)), p.Validate(r)...) {
			t.Fatalf("%s %s: %s\n%s", i.Rule, i.Path, i.Message, body)
		}
		back, err := audit.FromFHIR(body)
		if err != nil {
			t.Fatal(err)
		}
		again, err := back.FHIR(fjordvik)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(body, again) {
			t.Fatalf("written\n%s\nread and written again\n%s", body, again)
		}
		if back.Permit != e.Permit || back.Failed != e.Failed || back.Interaction != e.Interaction || back.Withheld != e.Withheld || !back.At.Equal(e.At) {
			t.Fatalf("%+v became %+v", e, back)
		}
		for _, text := range []string{string(body), fmt.Sprintf("%+v", back)} {
			if hits := scan.Text(text); len(hits) > 0 {
				t.Fatalf("%v", hits)
			}
		}
	})
}

// What is clean is kept as it is.
func TestEventIsReadBack(t *testing.T) {
	for _, role := range []care.Role{care.RoleKoordinator, care.RoleBarn, care.RoleForesatt, care.RoleIntegrator} {
		for _, what := range audit.Interactions() {
			e := opened()
			e.Token, e.Viewer.Role, e.Viewer.Person, e.Interaction = "abc-123", role, "p9", what
			e.Client, e.Reason, e.Resource = "fagsystem", "vakt", "CarePlan/x/_history/3"
			body, err := e.FHIR(fjordvik)
			if err != nil {
				t.Fatal(err)
			}
			got, err := audit.FromFHIR(body)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, e) {
				t.Errorf("%s of %s:\n%+v\n%+v", what, role, got, e)
			}
		}
	}
}

func TestNoTokenIsKept(t *testing.T) {
	jwt := "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlLXRoYXQtaXMtc2VjcmV0"
	opaque := strings.Repeat("s3cret", 40)
	for _, token := range []string{jwt, "urn:oauth:jti:" + jwt, opaque} {
		e := opened()
		e.Token = token
		body, err := e.FHIR(fjordvik)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(body, []byte("c2lnbmF0dXJl")) || bytes.Contains(body, []byte(opaque[:40])) {
			t.Errorf("a token stands in %s", body)
		}
	}
}

func TestWhatCannotBeLogged(t *testing.T) {
	for name, spoil := range map[string]func(*audit.Event){
		"no id":               func(e *audit.Event) { e.ID = "" },
		"an id that is none":  func(e *audit.Event) { e.ID = "a b" },
		"no time":             func(e *audit.Event) { e.At = time.Time{} },
		"unknown interaction": func(e *audit.Event) { e.Interaction = "peek" },
		"less than nothing":   func(e *audit.Event) { e.Withheld = -1 },
		"both":                func(e *audit.Event) { e.Failed = true },
	} {
		e := opened()
		spoil(&e)
		if _, err := e.FHIR(fjordvik); !errors.Is(err, care.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
