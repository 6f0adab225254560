// Package stories owns contributions for tests: the synthetic families of
// testdata/README.md as their maps would say them, written by hand, so that the
// overview and the findings can be tested without any source, map or store.
package stories

import (
	"encoding/json"
	"fmt"
	"time"

	"samsyn/fhir"
	"samsyn/internal/care"
)

// Oslo is the zone of the stories: on the day that they are told, one hour east of UTC.
var Oslo = mustLocation("Europe/Oslo")

func mustLocation(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.FixedZone("CET", 3600)
	}
	return loc
}

// Now is the morning on which the stories are told.
func Now() time.Time { return time.Date(2026, 11, 23, 8, 0, 0, 0, Oslo) }

// R is a resource as JSON, written in Go.
type R = map[string]any

// L is a JSON list.
type L = []any

// Say makes a contribution of what one source record says. The resources need a
// resourceType and an id; the subject is filled in where the type has one.
func Say(source string, service care.Service, person care.PersonID, key string, changed string, resources ...R) care.Contribution {
	c := care.Contribution{
		Source: source, System: source, Kind: "record", Key: key, Version: 1, Service: service,
		Subject: "subject-" + source, Person: person, Recorded: Now().Add(-2 * time.Hour), Changed: day(changed),
	}
	for _, r := range resources {
		typ, id := r["resourceType"].(string), r["id"].(string)
		subject := R{"reference": "Patient/" + source + "-" + string(person)}
		switch typ {
		case "EpisodeOfCare":
			r["patient"] = subject
		case "Appointment", "Patient":
		default:
			r["subject"] = subject
		}
		body, err := json.Marshal(r)
		if err != nil {
			panic(err) // a story that is no JSON cannot be told
		}
		c.Made = append(c.Made, care.Made{
			Resource: fhir.Resource{Type: typ, ID: id, Body: body},
			Lineage: []care.Lineage{
				{Element: typ + ".status", Rule: source + "/record:1", Line: 1, From: []string{"status"}},
				{Element: typ + ".participant[0].member", Rule: source + "/record:2", Line: 2, From: []string{"who"}},
				{Element: typ + ".activity[0].detail.status", Rule: source + "/record:3", Line: 3, From: []string{"activity.status"}},
			},
		})
	}
	return c
}

func day(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, err := time.ParseInLocation(time.DateOnly, s, Oslo)
	if err != nil {
		panic(fmt.Sprintf("stories: %v", err))
	}
	return t
}

// Sources are the demo's sources, all read this morning but the archive, which failed.
func Sources() []care.SourceState {
	read := Now().Add(-2 * time.Hour)
	return []care.SourceState{
		{Source: "barnevernsregister", Service: care.Barnevern, Title: "Barnevernsregisteret", LastSuccess: read},
		{Source: "fiksinnsyn", Service: care.Barnevern, Title: "Fjordvik barneverntjeneste", LastSuccess: read},
		{Source: "fiksarkiv", Service: care.Kommune, Title: "Fjordvik kommunes arkiv", LastSuccess: read.AddDate(0, 0, -3), LastFailure: read, Failure: "source unavailable"},
		{Source: "oneroster", Service: care.Skole, Title: "Skolenes register", LastSuccess: read},
		{Source: "msh-helsestasjon", Service: care.Helsestasjon, Title: "Meldinger til helsestasjonen", LastSuccess: read},
		{Source: "fhir-sykehus", Service: care.Spesialist, Title: "Kystsykehuset HF", LastSuccess: read.AddDate(0, 0, -2)},
		{Source: "fhir-kommune", Service: care.Kommune, Title: "Fjordvik kommune", LastSuccess: read},
	}
}

func text(s string) R { return R{"text": s} }

func code(system, c, display string) R {
	return R{"coding": L{R{"system": system, "code": c, "display": display}}, "text": display}
}

func category(c string) L { return L{code("urn:samsyn:category", c, c)} }

func plantype(c, display string) L { return L{code("urn:samsyn:plantype", c, display)} }

func period(start, end string) R {
	p := R{}
	if start != "" {
		p["start"] = start
	}
	if end != "" {
		p["end"] = end
	}
	return p
}

func date(url, d string) R { return R{"url": "urn:samsyn:" + url, "valueDate": d} }

func law(s string) R { return R{"url": "urn:samsyn:lovhjemmel", "valueString": s} }

func practitioner(name, hpr string) R {
	m := R{"type": "Practitioner", "display": name}
	if hpr != "" {
		m["identifier"] = R{"system": "urn:oid:2.16.578.1.12.4.1.4.4", "value": hpr}
	}
	return m
}

func role(c, display string) L {
	return L{code("urn:oid:2.16.578.1.12.4.1.1.9034", c, display)}
}

func member(roles L, who R, org, start, end string) R {
	p := R{"role": roles, "member": who}
	if org != "" {
		p["onBehalfOf"] = R{"display": org}
	}
	if per := period(start, end); len(per) > 0 {
		p["period"] = per
	}
	return p
}

func display(s string) R { return R{"display": s} }

func meeting() R { return code("urn:samsyn:meeting", "ansvarsgruppe", "Ansvarsgruppemøte") }
