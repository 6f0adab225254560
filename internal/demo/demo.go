// Package demo owns the demonstration: the synthetic municipality's configuration,
// its clock, its viewers and what is registered for them. It knows the families by name and the
// application by its doors; nothing outside the commands demo and sim knows it.
package demo

import (
	"fmt"
	"time"

	"samsyn/internal/app"
	"samsyn/internal/care"
	"samsyn/internal/outbound"
	"samsyn/internal/sim"
)

// Day is when the families' stories are told: Monday 23 November 2026 at eight in the morning.
var Day = time.Date(2026, 11, 23, 8, 0, 0, 0, time.FixedZone("CET", 3600))

// archiveAccount is the Fiks IO account of the demo's archive.
const archiveAccount = "8d6e0f52-6d0b-4f0e-9a55-0c1a4b7f9901"

// Clock starts at Day when it is made and goes on as the machine's does (docs/adr/0009).
func Clock() func() time.Time {
	start := time.Now()
	return func() time.Time { return Day.Add(time.Since(start)) }
}

// source describes one source as the demo's people call it.
type source struct {
	name    string
	system  string
	service care.Service
	title   string
	// settings are the adapter's, with the place's address or folder.
	settings func(p sim.Place) map[string]any
}

// sources is the demo municipality's list, in the order in which they are read.
func sources() []source {
	base := func(more map[string]any) func(sim.Place) map[string]any {
		return func(p sim.Place) map[string]any {
			out := map[string]any{"base": p.URL}
			for k, v := range more {
				out[k] = v
			}
			return out
		}
	}
	folder := func(p sim.Place) map[string]any { return map[string]any{"dir": p.Dir} }
	types := func(names ...string) map[string]any {
		var all []any
		for _, n := range names {
			all = append(all, map[string]any{"type": n})
		}
		return map[string]any{"types": all, "page_size": 5}
	}
	return []source{
		{sim.Barnevernsregister, "barnevernsregister", care.Barnevern, "Barnevernets fagsystem", folder},
		{sim.FiksInnsyn, "fiksinnsyn", care.Barnevern, "Barnevernet i Fiks Innsyn", folder},
		{sim.FiksArkiv, "fiksarkiv", care.Skole, "Kommunens sak og arkiv", func(p sim.Place) map[string]any {
			return map[string]any{"url": p.URL, "account": archiveAccount, "take": 5,
				"case_types": []any{"ELEV", "PPT", "BARNEHAGE", "TILDELING"}, "units": []any{"LYNGBAKKEN", "SUNDET", "SOLKROKEN", "PPT", "TILDELING"}}
		}},
		{sim.OneRoster, "oneroster", care.Skole, "Skolens elevregister", func(p sim.Place) map[string]any {
			return map[string]any{"mode": "rest", "url": p.URL, "limit": 5}
		}},
		{sim.MSH, "nhnmsh", care.Helsestasjon, "Meldinger til helsestasjonen", base(map[string]any{"her_ids": []any{910010}, "source_system": "Samsyn demo"})},
		{sim.Hospital, "fhirrest", care.Spesialist, "Kystsykehuset", base(types("Patient", "RelatedPerson", "Organization", "Practitioner", "PractitionerRole", "EpisodeOfCare", "Encounter", "Appointment", "ServiceRequest", "CarePlan", "Goal", "CareTeam", "Condition"))},
		{sim.Health, "fhirrest", care.Kommune, "Kommunens helse og omsorg", base(types("Patient", "RelatedPerson", "Organization", "Practitioner", "PractitionerRole", "EpisodeOfCare", "Encounter", "Appointment", "ServiceRequest", "CarePlan", "Goal", "CareTeam", "DocumentReference"))},
		{sim.County, "fint", care.Skole, "Fylkets skoledata (FINT)", func(p sim.Place) map[string]any { return map[string]any{"url": p.URL} }},
	}
}

// Config is the demo's configuration for a running municipality. path is the store's file.
func Config(m *sim.Municipality, path string) (app.Config, error) {
	c := app.Config{
		Instance: app.Instance{Test: true},
		Store:    app.StoreConfig{Path: path},
		Server:   app.ServerConfig{Address: "127.0.0.1:0", PushSecret: outbound.Secret{Value: "demo-push"}},
		Sources:  map[string]app.Source{},
		Viewers:  map[string]app.Viewer{},
	}
	for i, s := range sources() {
		p, ok := m.Places[s.name]
		if !ok {
			return c, fmt.Errorf("demo: %w: nothing simulates %s", care.ErrNotFound, s.name)
		}
		c.Sources[s.name] = app.Source{Name: s.name, Order: i, System: s.system, Service: s.service, Title: s.title, Auth: p.Auth, Headers: p.Headers, Settings: s.settings(p)}
	}
	for i, v := range viewers() {
		c.Viewers[v.id] = v.as(i)
	}
	return c, c.Resolve()
}
