package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"samsyn/internal/app"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/gate"
	"samsyn/testdata"
)

// viewer is one of those that --as can choose.
type viewer struct {
	id, name, title string
	role            care.Role
	service         care.Service
	hpr             string
	child           string // key in testdata.Children, of one who is that child
}

func (v viewer) as(order int) app.Viewer {
	return app.Viewer{Name: v.name, Title: v.title, Role: v.role, Service: v.service, HPR: v.hpr, Order: order}
}

// block is the viewer as she stands in samsyn.yaml.
func (v viewer) block() map[string]any {
	out := map[string]any{"name": v.name, "title": v.title, "role": string(v.role)}
	for key, value := range map[string]string{"service": string(v.service), "hpr": v.hpr} {
		if value != "" {
			out[key] = value
		}
	}
	return out
}

// viewers are the demo's people. Anders sees everything but barnevern of his three; liv sees
// all of Teo, by his consent and his mother's; siv sees what barnevern says; mette what the school says
// of Jonas; koordinerende enhet names and roles; Hanne what a guardian of Ella sees; Teo himself.
func viewers() []viewer {
	return []viewer{
		{id: "anders", name: "Anders Viken", title: "barnekoordinator", role: care.RoleKoordinator},
		{id: "liv", name: "Liv Tangen", title: "koordinator, Fjordvik kommune", role: care.RoleKoordinator},
		{id: "siv", name: "Siv Røed", title: "kontaktperson i barnevernet", role: care.RoleTjenesteyter, service: care.Barnevern},
		{id: "mette", name: "Mette Skår", title: "kontaktlærer 1A", role: care.RoleTjenesteyter, service: care.Skole},
		{id: "kari", name: "Kari Nygård", title: "koordinerende enhet", role: care.RoleKoordinerendeEnhet},
		{id: "hanne", name: "Hanne Lyngstad", title: "mor til Ella", role: care.RoleForesatt},
		{id: "teo", name: "Teo Sandvik", title: "16 år", role: care.RoleBarn, child: "teo"},
		{id: "randi", name: "Randi Moe", title: "kontroll av loggen", role: care.RoleRevisor},
		{id: "dag", name: "Dag Lie", title: "drift", role: care.RoleDrift},
	}
}

// child is what is registered about one child.
type child struct {
	name         string // key in testdata.Children
	guardians    []care.Guardian
	appointments []care.Appointment
	consents     []consented
}

// consented is a consent with who signed it, on paper, and who noted it.
type consented struct {
	care.Consent
	recorder string
	signed   time.Time
	child    bool // the child signed too
	by       []string
}

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, Day.Location()) }

// consentFor is a consent to one receiver for a year.
func consentFor(id, viewer string, purpose care.Purpose, origins []care.Service, from time.Time) care.Consent {
	return care.Consent{ID: id, Origins: origins, Purpose: purpose, Receivers: []care.Receiver{{Viewer: viewer}}, From: from, Until: from.AddDate(1, 0, 0),
		TextVersion: "samtykke-2026-1", Language: "nb", Voluntary: true}
}

func appointed(id, viewer string, role care.Role, from time.Time, reason string) care.Appointment {
	return care.Appointment{ID: id, Viewer: viewer, Role: role, From: from, Reason: reason}
}

func guardian(viewer string, code care.Parental) care.Guardian {
	return care.Guardian{Viewer: viewer, Code: code, SameAddress: true, DailyCare: true, From: day(2020, 1, 1)}
}

// children is what koordinerende enhet, guardians and the children have decided.
func children() []child {
	allBut := slices.DeleteFunc(care.Services(), func(s care.Service) bool { return s == care.Barnevern })
	autumn := day(2026, 9, 1)
	return []child{
		{"ella", []care.Guardian{guardian("hanne", care.ParentalFelles), guardian("per-lyngstad", care.ParentalFelles)},
			[]care.Appointment{appointed("demo-ella-anders", "anders", care.RoleKoordinator, autumn, "vikar for koordinator")},
			[]consented{{consentFor("demo-ella-anders-samtykke", "anders", care.PurposeCOC, allBut, autumn), "anders", day(2026, 8, 28), false, []string{"hanne", "per-lyngstad"}}}},
		{"jonas", []care.Guardian{guardian("mor-myrvang", care.ParentalMor)},
			[]care.Appointment{appointed("demo-jonas-anders", "anders", care.RoleKoordinator, autumn, "barnekoordinator"),
				appointed("demo-jonas-mette", "mette", care.RoleTjenesteyter, day(2026, 8, 17), "kontaktlærer")},
			[]consented{{consentFor("demo-jonas-anders-samtykke", "anders", care.PurposeCOC, allBut, autumn), "anders", day(2026, 8, 28), false, []string{"mor-myrvang"}},
				{consentFor("demo-jonas-mette-samtykke", "mette", care.PurposeTREAT, []care.Service{care.Koordinering}, autumn), "anders", day(2026, 8, 28), false, []string{"mor-myrvang"}}}},
		{"selma", []care.Guardian{guardian("mor-haugland", care.ParentalFelles), guardian("far-haugland", care.ParentalFelles)},
			[]care.Appointment{appointed("demo-selma-anders", "anders", care.RoleKoordinator, autumn, "barnekoordinator")},
			[]consented{{consentFor("demo-selma-anders-samtykke", "anders", care.PurposeCOC, allBut, autumn), "anders", day(2026, 10, 6), false, []string{"mor-haugland", "far-haugland"}}}},
		{"teo", []care.Guardian{guardian("mor-sandvik", care.ParentalMor)},
			[]care.Appointment{appointed("demo-teo-liv", "liv", care.RoleKoordinator, day(2026, 8, 20), "koordinator"),
				appointed("demo-teo-siv", "siv", care.RoleTjenesteyter, day(2025, 10, 2), "kontaktperson")},
			[]consented{{consentFor("demo-teo-liv-samtykke", "liv", care.PurposeCOC, care.Services(), day(2026, 8, 20)), "liv", day(2026, 8, 20), true, []string{"mor-sandvik"}}}},
		{"amina", nil, []care.Appointment{appointed("demo-amina-siv", "siv", care.RoleTjenesteyter, autumn, "kontaktperson")}, nil},
	}
}

// Register registers what the demo's people have decided, about the children that the sources
// have told of, as they would: koordinerende enhet appoints, guardians and children sign,
// coordinators note it. It is repeatable: what is registered is not registered again.
func Register(ctx context.Context, a *app.App) error {
	people := map[string]care.Viewer{}
	for _, v := range a.Config.People() {
		v.Level = 4 // as on the command line
		people[v.ID] = v
	}
	as := func(id string) gate.Request { return gate.Request{Viewer: people[id], Door: audit.DoorCLI} }
	numbers := testdata.Children()
	for _, c := range children() {
		person, err := a.Find(ctx, numbers[c.name])
		if errors.Is(err, care.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("demo: find %s: %w", c.name, err)
		}
		for _, v := range viewers() {
			if v.child == c.name {
				a.Know(v.id, person)
			}
		}
		if err := register(ctx, a, as, person, c); err != nil {
			return fmt.Errorf("demo: register about %s: %w", c.name, err)
		}
	}
	return nil
}

func register(ctx context.Context, a *app.App, as func(string) gate.Request, person care.PersonID, c child) error {
	held, err := a.Rights.All(ctx, as("kari"), person)
	if err != nil {
		return err
	}
	if len(held.Guardians) == 0 {
		for _, g := range c.guardians {
			if err := a.Rights.SetGuardian(ctx, as("kari"), person, g); err != nil {
				return err
			}
		}
	}
	for _, ap := range c.appointments {
		if slices.ContainsFunc(held.Appointments, func(h care.Appointment) bool { return h.ID == ap.ID }) {
			continue
		}
		ap.Person = person
		if _, err := a.Rights.Appoint(ctx, as("kari"), ap); err != nil {
			return err
		}
	}
	for _, k := range c.consents {
		held, err := a.Rights.All(ctx, as(k.recorder), person)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(held.Consents, func(h care.Consent) bool { return h.ID == k.ID }) {
			continue
		}
		k.Person = person
		if _, err := a.Rights.Propose(ctx, as(k.recorder), k.Consent); err != nil {
			return err
		}
		signatures := []care.Signature{}
		if k.child {
			signatures = append(signatures, care.Signature{Party: care.PartyChild, How: "paper", At: k.signed})
		}
		for _, m := range k.by {
			signatures = append(signatures, care.Signature{Party: care.PartyGuardian, Signer: m, How: "paper", At: k.signed})
		}
		for _, sig := range signatures {
			if _, err := a.Rights.Sign(ctx, as(k.recorder), person, k.ID, sig); err != nil {
				return err
			}
		}
	}
	return nil
}
