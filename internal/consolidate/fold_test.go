package consolidate_test

import (
	"fmt"
	"testing"

	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/consolidate/stories"
)

// told builds an overview of two resources, each of its own record.
func told(t *testing.T, sources [2]string, a, b r) consolidate.Overview {
	t.Helper()
	a["id"], b["id"] = "a", "b"
	return build(t, []care.Contribution{
		stories.Say(sources[0], care.Kommune, child, "1", "2026-01-01", a),
		stories.Say(sources[1], care.Spesialist, child, "2", "2026-02-01", b),
	})
}

// What is folded and what is not, each a pair told by two sources, or by one.
func TestFolding(t *testing.T) {
	two, one := [2]string{"fhir-kommune", "fhir-sykehus"}, [2]string{"fhir-kommune", "fhir-kommune"}
	who := func(name, hpr, role, org string) r {
		m := r{"type": "Practitioner", "display": name}
		if hpr != "" {
			m["identifier"] = r{"system": "urn:oid:2.16.578.1.12.4.1.4.4", "value": hpr}
		}
		return r{"resourceType": "CareTeam", "status": "active", "participant": l{r{"member": m, "role": l{r{"text": role}}, "onBehalfOf": r{"display": org}}}}
	}
	meeting := func(typ, start, end string) r {
		kind := r{"text": "Ansvarsgruppemøte", "coding": l{r{"system": "urn:samsyn:meeting", "code": "ansvarsgruppe"}}}
		if typ == "Appointment" {
			return r{"resourceType": typ, "status": "booked", "appointmentType": kind, "start": start, "end": end}
		}
		return r{"resourceType": typ, "status": "finished", "type": l{kind}, "period": r{"start": start, "end": end}}
	}
	contact := func(start string) r {
		return r{"resourceType": "Encounter", "status": "finished", "type": l{r{"text": "Samtale"}}, "period": r{"start": start}}
	}
	vedtak := func(title, day, law string) r {
		return r{"resourceType": "ServiceRequest", "status": "active", "category": l{r{"coding": l{r{"system": "urn:samsyn:category", "code": "vedtak"}}}},
			"code": r{"text": title}, "authoredOn": day, "extension": l{r{"url": "urn:samsyn:lovhjemmel", "valueString": law}}}
	}
	measure := func(title string, period r) r {
		return r{"resourceType": "CarePlan", "status": "active", "intent": "plan", "activity": l{r{"detail": r{"status": "in-progress", "description": title, "scheduledPeriod": period}}}}
	}
	service := func(title, provider string, period r) r {
		return r{"resourceType": "EpisodeOfCare", "status": "active", "type": l{r{"text": title}}, "managingOrganization": r{"display": provider}, "period": period}
	}
	team := func(o consolidate.Overview) int { return len(o.Team.Current) }
	timeline := func(o consolidate.Overview) int { return len(o.Timeline) }
	decisions := func(o consolidate.Overview) int { return len(o.Decisions) }
	activities := func(o consolidate.Overview) int { return len(o.Plan.Activities) }
	services := func(o consolidate.Overview) int { return len(o.Services) }
	for _, c := range []struct {
		name    string
		sources [2]string
		a, b    r
		count   func(consolidate.Overview) int
		want    int
	}{
		{"same HPR, other name", two, who("Ole Strand", "1", "x", "A"), who("O. Strand", "1", "y", "B"), team, 1},
		{"same name, other HPR", two, who("Ole Strand", "1", "x", "A"), who("Ole Strand", "2", "x", "A"), team, 2},
		{"same name and work", two, who("Ole Strand", "", "x", "A"), who("Strand, Ole", "", "y", "a"), team, 1},
		{"same name and role", two, who("Ole Strand", "", "x", "A"), who("Dr. Ole Strand", "", "X", "B"), team, 1},
		{"same name, other work and role", two, who("Ole Strand", "", "x", "A"), who("Ole Strand", "", "y", "B"), team, 2},
		{"same name, work not said by one", two, who("Ole Strand", "", "x", "A"), who("Ole Strand", "", "y", ""), team, 1},
		{"same person twice at one source", one, who("Ole Strand", "1", "x", "A"), who("Ole Strand", "1", "y", "A"), team, 1},

		{"meeting, same time", two, meeting("Encounter", "2026-10-15T13:00:00+02:00", "2026-10-15T14:00:00+02:00"), meeting("Encounter", "2026-10-15T13:30:00+02:00", "2026-10-15T14:30:00+02:00"), timeline, 1},
		{"meeting, one without time", two, meeting("Encounter", "2026-10-15", ""), meeting("Encounter", "2026-10-15T13:30:00+02:00", ""), timeline, 1},
		{"meeting, another day", two, meeting("Encounter", "2026-10-15", ""), meeting("Encounter", "2026-10-16", ""), timeline, 2},
		{"meeting, day in another zone", two, meeting("Encounter", "2026-10-15T22:30:00Z", ""), meeting("Encounter", "2026-10-16", ""), timeline, 1},
		{"two meetings at one source", one, meeting("Encounter", "2026-10-15T09:00:00+02:00", ""), meeting("Encounter", "2026-10-15T13:00:00+02:00", ""), timeline, 2},
		{"booked and held at one source", one, meeting("Appointment", "2026-10-15T13:00:00+02:00", "2026-10-15T14:00:00+02:00"), meeting("Encounter", "2026-10-15T13:00:00+02:00", ""), timeline, 1},
		{"two consultations on one day", two, contact("2026-10-15T09:00:00+02:00"), contact("2026-10-15T09:00:00+02:00"), timeline, 2},

		{"decision, same day and section", two, vedtak("Avlastning", "2026-05-20", "Loven § 3-2"), vedtak("Brev", "2026-05-20", "loven §3-2 nr. 6"), decisions, 1},
		{"decision, same day and meaning", two, vedtak("Vedtak om avlastning", "2026-05-20", ""), vedtak("Avlastning i institusjon", "2026-05-20", ""), decisions, 1},
		{"decision, same day, other matter", two, vedtak("Avlastning", "2026-05-20", "Loven § 3-2"), vedtak("Skoleskyss", "2026-05-20", "Loven § 4-1"), decisions, 2},
		{"decision, another day", two, vedtak("Avlastning", "2026-05-20", "Loven § 3-2"), vedtak("Avlastning", "2026-05-21", "Loven § 3-2"), decisions, 2},
		{"two decisions at one source", one, vedtak("Avlastning", "2026-05-20", "Loven § 3-2"), vedtak("Avlastning", "2026-05-20", "Loven § 3-2"), decisions, 2},

		{"measure, other spelling", two, measure("Fysioterapi", r{}), measure("FYSIOTERAPI.", r{}), activities, 1},
		{"measure, other title", two, measure("Fysioterapi", r{}), measure("Ergoterapi", r{}), activities, 2},
		{"measure, one after the other", two, measure("Fysioterapi", r{"end": "2025-12-31"}), measure("Fysioterapi", r{"start": "2026-01-01"}), activities, 2},
		{"two measures at one source", one, measure("Fysioterapi", r{}), measure("Fysioterapi", r{}), activities, 2},

		{"service, same provider", two, service("Habilitering", "HABU", r{}), service("habilitering", "habu", r{}), services, 1},
		{"service, other provider", two, service("Habilitering", "HABU", r{}), service("Habilitering", "BUP", r{}), services, 2},
		{"service, no provider said", two, service("Habilitering", "", r{}), service("Habilitering", "", r{}), services, 2},
		{"service, one after the other", two, service("Habilitering", "HABU", r{"end": "2025-12-31"}), service("Habilitering", "HABU", r{"start": "2026-01-01"}), services, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.count(told(t, c.sources, c.a, c.b)); got != c.want {
				t.Errorf("%d lines, want %d", got, c.want)
			}
		})
	}
}

func TestWhatHappenedLeadsOverWhatWasPlanned(t *testing.T) {
	booked := r{"resourceType": "Appointment", "status": "booked", "start": "2026-11-23T07:00:00+01:00", "end": "2026-11-23T09:00:00+01:00"}
	held := r{"resourceType": "Encounter", "status": "finished", "type": l{r{"text": "Samtale"}}, "appointment": l{r{"reference": "Appointment/a"}}, "period": r{"start": "2026-11-23"}}
	o := told(t, [2]string{"fhir-kommune", "fhir-kommune"}, booked, held)
	if len(o.Timeline) != 1 {
		t.Fatalf("%d lines", len(o.Timeline))
	}
	if e := o.Timeline[0]; e.Status != "finished" || e.Coming || e.Start != "2026-11-23T07:00:00+01:00" || e.Title != "Samtale" {
		t.Errorf("event %+v", e)
	}
}

func TestComing(t *testing.T) {
	for i, c := range []struct {
		status, start, end string
		coming             bool
	}{
		{"booked", "2026-11-23T08:30:00+01:00", "2026-11-23T09:00:00+01:00", true},
		{"booked", "2026-11-23T07:30:00+01:00", "2026-11-23T08:30:00+01:00", true}, // is going on
		{"booked", "2026-11-23T07:00:00+01:00", "2026-11-23T08:00:00+01:00", false},
		{"booked", "2026-11-22T10:00:00+01:00", "", false},
		{"fulfilled", "2026-11-24T10:00:00+01:00", "", false},
		{"booked", "", "", false},
	} {
		a := r{"resourceType": "Appointment", "status": c.status, "id": fmt.Sprint(i)}
		if c.start != "" {
			a["start"] = c.start
		}
		if c.end != "" {
			a["end"] = c.end
		}
		o := build(t, []care.Contribution{stories.Say("fhir-kommune", care.Kommune, child, "1", "", a)})
		if got := o.Timeline[0].Coming; got != c.coming {
			t.Errorf("%s %s–%s: coming %v", c.status, c.start, c.end, got)
		}
	}
}

func TestAnInactiveTeamIsFormer(t *testing.T) {
	o := build(t, []care.Contribution{stories.Say("fhir-kommune", care.Kommune, child, "1", "", r{"resourceType": "CareTeam", "id": "a", "status": "inactive",
		"participant": l{r{"member": r{"display": "Ole Strand"}, "role": l{r{"text": "Koordinator"}}}}})})
	if len(o.Team.Current) != 0 || len(o.Team.Former) != 1 || len(o.Coordinator.Current) != 0 || len(o.Coordinator.Former) != 1 {
		t.Errorf("team %+v", o.Team)
	}
}
