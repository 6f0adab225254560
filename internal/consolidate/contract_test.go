package consolidate_test

import (
	"testing"

	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/consolidate/stories"
)

// Shapes that real maps make, found by reading their outputs.

func TestTwoSourcesOfBarnevernAreOneCaseAndOneDecision(t *testing.T) {
	org := stories.R{"identifier": stories.R{"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": "310001074"}, "display": "Barneverntjenesten i Fjordvik"}
	short := stories.R{"identifier": stories.R{"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": "310001074"}, "display": "Barneverntjenesten"}
	sak := func(id string, who stories.R, more stories.R) stories.R {
		e := stories.R{"resourceType": "EpisodeOfCare", "id": id, "status": "active", "type": stories.L{stories.R{"text": "Barnevernssak"}}, "managingOrganization": who, "period": stories.R{"start": "2025-10-02"}}
		for k, v := range more {
			e[k] = v
		}
		return e
	}
	vedtak := func(id, title, appeal string) stories.R {
		return stories.R{"resourceType": "ServiceRequest", "id": id, "status": "active", "category": stories.L{stories.R{"coding": stories.L{stories.R{"system": "urn:samsyn:category", "code": "vedtak"}}}},
			"code": stories.R{"text": title}, "authoredOn": "2025-12-15", "extension": stories.L{stories.R{"url": "urn:samsyn:klagefrist", "valueDate": appeal}}}
	}
	o := build(t, []care.Contribution{
		stories.Say("barnevernsregister", care.Barnevern, child, "1", "", sak("a", org, nil), vedtak("v1", "Vedtak etter Barnevernsloven § 3-1", "")),
		stories.Say("fiksinnsyn", care.Barnevern, child, "2", "", sak("b", short, stories.R{"careManager": stories.R{"display": "Siv Røed"}, "status": "finished"}),
			vedtak("v2", "Vedtak om hjelpetiltak etter barnevernsloven § 3-1", "2026-01-05")),
	})
	if len(o.Services) != 1 || o.Services[0].Contact != "Siv Røed" || len(o.Services[0].Sources) != 2 {
		t.Errorf("services %+v", o.Services)
	}
	if len(o.Decisions) != 1 || o.Decisions[0].AppealBy != "2026-01-05" {
		t.Errorf("decisions %+v", o.Decisions)
	}
	d := find(t, "disagreement", o.Disagreements, func(d consolidate.Disagreement) bool { return d.About == consolidate.AboutServiceStatus })
	if len(d.Sides) != 2 {
		t.Errorf("sides %+v", d.Sides)
	}
}

func TestEnclosuresStandWithTheirMessage(t *testing.T) {
	o := build(t, []care.Contribution{stories.Say("msh-helsestasjon", care.Spesialist, child, "1", "",
		stories.R{"resourceType": "Communication", "id": "m", "status": "completed", "sent": "2026-11-02T09:10:00+01:00", "topic": stories.R{"text": "Møte"},
			"payload": stories.L{stories.R{"contentString": "Se vedlegg."}, stories.R{"contentReference": stories.R{"reference": "DocumentReference/d"}}}},
		stories.R{"resourceType": "DocumentReference", "id": "d", "status": "current", "description": "Innkalling.pdf"})})
	if len(o.Timeline) != 1 || len(o.Timeline[0].Documents) != 1 || o.Timeline[0].Text != "Se vedlegg." {
		t.Errorf("time line %+v", o.Timeline)
	}
}

func TestPlansOfOneKindThatDisagree(t *testing.T) {
	plan := func(id, status, end string) stories.R {
		return stories.R{"resourceType": "CarePlan", "id": id, "status": status, "intent": "plan", "title": "Individuell plan",
			"category": stories.L{stories.R{"coding": stories.L{stories.R{"system": "urn:samsyn:plantype", "code": "individuell-plan"}}}}, "period": stories.R{"start": "2026-01-01", "end": end}}
	}
	o := build(t, []care.Contribution{
		stories.Say("fhir-kommune", care.Kommune, child, "1", "", plan("a", "active", "2026-12-31")),
		stories.Say("fhir-sykehus", care.Spesialist, child, "2", "", plan("b", "completed", "2026-10-31")),
	})
	var about []string
	for _, d := range o.Disagreements {
		about = append(about, d.About)
	}
	equal(t, "about", about, []string{consolidate.AboutPlanStatus, consolidate.AboutPlanPeriod})
	if o.Plan.Status != "active" {
		t.Errorf("the plan that runs leads, not %q", o.Plan.Status)
	}
}

func TestTheSameMeasureTwiceIsNoDisagreement(t *testing.T) {
	tiltak := func(id, who string) stories.R {
		return stories.R{"resourceType": "ServiceRequest", "id": id, "status": "active", "code": stories.R{"text": "De utrolige årene"}, "performer": stories.L{stories.R{"display": who}},
			"category": stories.L{stories.R{"coding": stories.L{stories.R{"system": "urn:samsyn:category", "code": "tiltak"}}}}}
	}
	ip := stories.R{"resourceType": "CarePlan", "id": "ip", "status": "active", "intent": "plan", "title": "Individuell plan",
		"category": stories.L{stories.R{"coding": stories.L{stories.R{"system": "urn:samsyn:plantype", "code": "individuell-plan"}}}},
		"activity": stories.L{stories.R{"reference": stories.R{"reference": "ServiceRequest/a"}}}}
	o := build(t, []care.Contribution{
		stories.Say("fhir-kommune", care.Kommune, child, "1", "", tiltak("a", "Fjordvik kommune"), ip),
		stories.Say("fhir-sykehus", care.BUP, child, "2", "", tiltak("b", "BUP Fjordvik poliklinikk")),
	})
	if len(o.Plan.Activities) != 2 || len(o.Disagreements) != 0 {
		t.Errorf("activities %+v", o.Plan.Activities)
	}
}

func TestTheIndividualPlanMayDisagreeOnWhoIsResponsible(t *testing.T) {
	plan := func(id, kind, who string) stories.R {
		return stories.R{"resourceType": "CarePlan", "id": id, "status": "active", "intent": "plan", "title": id,
			"category": stories.L{stories.R{"coding": stories.L{stories.R{"system": "urn:samsyn:plantype", "code": kind}}}},
			"activity": stories.L{stories.R{"detail": stories.R{"status": "in-progress", "description": "Fysioterapi", "performer": stories.L{stories.R{"display": who}}}}}}
	}
	o := build(t, []care.Contribution{
		stories.Say("fhir-kommune", care.Kommune, child, "1", "", plan("a", "individuell-plan", "Ole Strand")),
		stories.Say("fhir-sykehus", care.Spesialist, child, "2", "", plan("b", "habilitering", "Kari Ny")),
	})
	if len(o.Disagreements) != 1 || o.Disagreements[0].About != consolidate.AboutActivityResponsible || len(o.Disagreements[0].Sides) != 2 {
		t.Errorf("disagreements %+v", o.Disagreements)
	}
}

func TestOfTwoEpisodesTheOneOfTheSameDayIsTheSame(t *testing.T) {
	sak := func(id, start string) stories.R {
		return stories.R{"resourceType": "EpisodeOfCare", "id": id, "status": "active", "type": stories.L{stories.R{"text": "Barnevernssak"}}, "managingOrganization": stories.R{"display": "B"}, "period": stories.R{"start": start}}
	}
	o := build(t, []care.Contribution{
		stories.Say("barnevernsregister", care.Barnevern, child, "1", "", sak("a", "2019-03-11"), sak("b", "2025-10-02")),
		stories.Say("fiksinnsyn", care.Barnevern, child, "2", "", sak("c", "2025-10-02")),
	})
	if len(o.Services) != 2 || len(o.Disagreements) != 0 || len(o.Services[0].Sources) != 2 || o.Services[0].Period.Start != "2025-10-02" {
		t.Errorf("services %+v", o.Services)
	}
}

func TestWhoWasCoordinatorAndIsStillAroundIsShownAsWhatSheIs(t *testing.T) {
	team := func(id, role string, period stories.R) stories.R {
		return stories.R{"resourceType": "CareTeam", "id": id, "status": "active", "participant": stories.L{stories.R{
			"role": stories.L{stories.R{"text": role}}, "member": stories.R{"type": "Practitioner", "display": "Berit Holmen"}, "period": period}}}
	}
	o := build(t, []care.Contribution{
		stories.Say("fhir-kommune", care.Kommune, child, "1", "", team("a", "Koordinator", stories.R{"end": "2026-08-31"}), team("b", "Saksbehandler", stories.R{"start": "2026-09-01"})),
	})
	if len(o.Team.Current) != 1 || o.Team.Current[0].Coordinator || o.Coordinator.VacantSince != "2026-08-31" {
		t.Errorf("team %+v, vacant since %q", o.Team, o.Coordinator.VacantSince)
	}
	equal(t, "roles", o.Team.Current[0].Roles, []string{"Saksbehandler"})
}

func TestNamesAndPhonesComeFromTheResourceThatATeamNames(t *testing.T) {
	o := build(t, []care.Contribution{
		stories.Say("fhir-kommune", care.Kommune, child, "1", "",
			stories.R{"resourceType": "CareTeam", "id": "a", "status": "active", "participant": stories.L{stories.R{"member": stories.R{"reference": "RelatedPerson/m"}}}},
			stories.R{"resourceType": "RelatedPerson", "id": "m", "name": stories.L{stories.R{"given": stories.L{"Marit"}, "family": "Lyngstad"}},
				"telecom": stories.L{stories.R{"system": "phone", "value": "99900001"}, stories.R{"system": "email", "value": "x@example.no"}}}),
	})
	if len(o.Team.Current) != 1 || o.Team.Current[0].Name != "Marit Lyngstad" || o.Team.Current[0].Type != "RelatedPerson" {
		t.Errorf("team %+v", o.Team.Current)
	}
	equal(t, "phones", o.Team.Current[0].Phones, []string{"99900001"})
}

func TestARelativeWhomNoTeamNamesStandsInTheTeam(t *testing.T) {
	o := build(t, []care.Contribution{
		stories.Say("fhir-kommune", care.Kommune, child, "1", "", stories.R{"resourceType": "RelatedPerson", "id": "m", "name": stories.L{stories.R{"text": "Ove Lyngstad"}}, "relationship": stories.L{stories.R{"text": "Far"}}}),
		stories.Say("oneroster", care.Skole, child, "2", "", stories.R{"resourceType": "CareTeam", "id": "c", "status": "active", "participant": stories.L{
			stories.R{"role": stories.L{stories.R{"text": "Foresatt"}}, "member": stories.R{"type": "RelatedPerson", "display": "Lyngstad, Ove"}}}}),
	})
	if len(o.Team.Current) != 1 {
		t.Fatalf("team %+v", o.Team.Current)
	}
	equal(t, "roles", o.Team.Current[0].Roles, []string{"Foresatt", "Far"})
}
