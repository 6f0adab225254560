package consolidate_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/consolidate/stories"
)

const child = care.PersonID("3f1c9a40d2b84c7e")

func build(t testing.TB, cs []care.Contribution) consolidate.Overview {
	t.Helper()
	o, err := consolidate.Build(consolidate.Input{Person: child, Contributions: cs, Sources: stories.Sources(), Now: stories.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func find[T any](t testing.TB, what string, list []T, is func(T) bool) T {
	t.Helper()
	i := slices.IndexFunc(list, is)
	if i < 0 {
		t.Fatalf("no %s", what)
	}
	return list[i]
}

func sourcesOf(refs []consolidate.SourceRef) []string {
	var out []string
	for _, r := range refs {
		out = append(out, r.Source)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func equal(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestElla(t *testing.T) {
	o := build(t, stories.Ella(child))

	t.Run("nobody coordinates since August", func(t *testing.T) {
		if len(o.Coordinator.Current) != 0 || o.Coordinator.VacantSince != "2026-08-31" {
			t.Errorf("current %v, vacant since %q", o.Coordinator.Current, o.Coordinator.VacantSince)
		}
		if len(o.Coordinator.Former) != 1 || o.Coordinator.Former[0].Name != "Berit Holmen" {
			t.Errorf("former %v", o.Coordinator.Former)
		}
	})
	t.Run("one physiotherapist from two sources", func(t *testing.T) {
		ole := find(t, "Ole Strand", o.Team.Current, func(p consolidate.Participant) bool { return p.HPR == "9900053" })
		equal(t, "sources", sourcesOf(ole.Sources), []string{"fhir-kommune", "fhir-sykehus"})
		equal(t, "roles", ole.Roles, []string{"Fysioterapeut"})
	})
	t.Run("one mother from two sources, family last", func(t *testing.T) {
		marit := find(t, "Marit", o.Team.Current, func(p consolidate.Participant) bool { return p.Name == "Marit Lyngstad" })
		equal(t, "sources", sourcesOf(marit.Sources), []string{"fhir-kommune", "oneroster"})
		last := o.Team.Current[len(o.Team.Current)-1]
		if last.Type != "RelatedPerson" {
			t.Errorf("the last of the team is %s", last.Name)
		}
	})
	t.Run("the individual plan leads", func(t *testing.T) {
		p := o.Plan
		if !p.Individual || p.Title != "Individuell plan for Ella" || p.Status != "active" || p.Period.Start != "2024-02-01" {
			t.Errorf("plan %q %s %v", p.Title, p.Status, p.Period)
		}
		if len(p.Plans) != 3 || len(p.Goals) != 2 || len(p.Activities) != 3 {
			t.Errorf("%d plans, %d goals, %d activities", len(p.Plans), len(p.Goals), len(p.Activities))
		}
		equal(t, "evaluated", []string{string(p.Plans[0].Evaluated[0]), string(p.Plans[0].Due)}, []string{"2026-02-10", "2026-08-10"})
		if g := p.Goals[0]; !g.OwnVoice || g.Plan != p.Plans[0].ID {
			t.Errorf("goal %+v", g)
		}
		iop := find(t, "IOP", p.Plans, func(x consolidate.PlanPart) bool { return x.Kind == consolidate.PlanIOP })
		if len(iop.Documents) != 1 {
			t.Errorf("IOP documents %v", iop.Documents)
		}
	})
	t.Run("two say otherwise of the physiotherapy", func(t *testing.T) {
		a := find(t, "physiotherapy", o.Plan.Activities, func(a consolidate.Activity) bool { return a.Title == "Fysioterapi" })
		if a.Status != "in-progress" || a.Chosen != "chosen.individual-plan" || len(a.Says) != 2 {
			t.Errorf("activity %+v", a)
		}
		equal(t, "disputed", a.Disputed, []string{"status"}) // "Strand, Ole" is Ole Strand
		if len(a.Sources[0].Lineage) != 1 || a.Sources[0].Lineage[0].From[0] != "activity.status" {
			t.Errorf("lineage %v", a.Sources[0].Lineage)
		}
		d := find(t, "disagreement", o.Disagreements, func(d consolidate.Disagreement) bool { return d.About == consolidate.AboutActivityStatus })
		if d.Line != a.ID || len(d.Sides) != 2 || d.Sides[0].Value != "in-progress" || d.Sides[1].Value != "completed" {
			t.Errorf("disagreement %+v", d)
		}
		if d.Sides[0].Sources[0].Title != "Fjordvik kommune" || d.Sides[1].Sources[0].Title != "Kystsykehuset HF" {
			t.Errorf("said by %v and %v", d.Sides[0].Sources, d.Sides[1].Sources)
		}
	})
	t.Run("relief is granted once, told twice, and not started", func(t *testing.T) {
		if len(o.Decisions) != 2 {
			t.Fatalf("%d decisions", len(o.Decisions))
		}
		d := o.Decisions[0]
		if d.Title != "Avlastning i institusjon" || d.State != consolidate.DecisionGranted || d.StartBy != "2026-06-15" || d.AppealBy != "2026-06-10" {
			t.Errorf("decision %+v", d)
		}
		equal(t, "sources", sourcesOf(d.Sources), []string{"fhir-kommune", "fiksarkiv"})
		if len(d.Letters) != 1 || d.Letters[0].Title != "Vedtak om avlastning" {
			t.Errorf("letters %v", d.Letters)
		}
		a := find(t, "relief", o.Plan.Activities, func(a consolidate.Activity) bool { return a.Title == "Avlastning" })
		if a.Decision != d.ID {
			t.Errorf("the activity rests on %q", a.Decision)
		}
	})
	t.Run("one meeting told twice", func(t *testing.T) {
		var told []consolidate.Event
		for _, e := range o.Timeline {
			if e.Start.Day(stories.Oslo) == "2026-10-15" {
				told = append(told, e)
			}
		}
		if len(told) != 1 {
			t.Fatalf("%d lines that day", len(told))
		}
		e := told[0]
		equal(t, "sources", sourcesOf(e.Sources), []string{"fhir-sykehus", "fiksarkiv"})
		if e.Kind != consolidate.EventMeeting || e.Start != "2026-10-15T13:00:00+02:00" || e.Coming || len(e.Documents) != 1 || len(e.Disputed) != 0 {
			t.Errorf("event %+v", e)
		}
	})
	t.Run("the next meeting at two times", func(t *testing.T) {
		e := find(t, "next", o.Timeline, func(e consolidate.Event) bool { return e.Coming && e.Kind == consolidate.EventMeeting })
		equal(t, "disputed", e.Disputed, []string{"time"})
		d := find(t, "disagreement", o.Disagreements, func(d consolidate.Disagreement) bool { return d.About == consolidate.AboutMeetingTime })
		if d.Line != e.ID || len(d.Sides) != 2 {
			t.Errorf("disagreement %+v", d)
		}
		if len(o.Disagreements) != 2 {
			t.Errorf("%d disagreements, planted are 2", len(o.Disagreements))
		}
	})
	t.Run("the conversation", func(t *testing.T) {
		var threads []string
		for _, e := range o.Timeline {
			if e.Kind == consolidate.EventMessage {
				threads = append(threads, e.Thread)
			}
		}
		if len(threads) != 2 || threads[0] == "" || threads[0] != threads[1] {
			t.Errorf("threads %q", threads)
		}
	})
	t.Run("the rest of the time line, in order", func(t *testing.T) {
		var coming []string
		for i, e := range o.Timeline {
			if i > 0 {
				a, _ := o.Timeline[i-1].Start.Time(stories.Oslo)
				b, _ := e.Start.Time(stories.Oslo)
				if b.Before(a) {
					t.Errorf("%s stands after %s", e.Start, o.Timeline[i-1].Start)
				}
			}
			if e.Coming {
				coming = append(coming, e.Title)
			}
		}
		equal(t, "coming", coming, []string{"Nevrologisk kontroll", "Ansvarsgruppemøte"})
		find(t, "assessment", o.Timeline, func(e consolidate.Event) bool {
			return e.Kind == consolidate.EventDocument && e.Title == "Sakkyndig vurdering"
		})
	})
	t.Run("sources and their age", func(t *testing.T) {
		state := map[string]string{}
		for _, s := range o.Sources {
			state[s.Source] = s.State
		}
		if state["fiksarkiv"] != consolidate.SourceFailed || state["fhir-sykehus"] != consolidate.SourceCached || state["oneroster"] != consolidate.SourceFresh {
			t.Errorf("states %v", state)
		}
	})
	if len(o.Referrals) != 1 || o.Referrals[0].From != "Dr. Hugo Lie" {
		t.Errorf("referrals %+v", o.Referrals)
	}
	if o.Marker != consolidate.MarkerM1 {
		t.Errorf("marker %q", o.Marker)
	}
}

func TestJonas(t *testing.T) {
	o := build(t, stories.Jonas(child))
	if len(o.Coordinator.Current) != 1 || o.Coordinator.Current[0].Name != "Anders Viken" || o.Team.Current[0].Name != "Anders Viken" {
		t.Errorf("coordinator %+v", o.Coordinator.Current)
	}
	if len(o.Services) != 2 || !o.Services[0].Running || !o.Services[1].Running {
		t.Errorf("the same programme at two providers is two services: %+v", o.Services)
	}
	equal(t, "states", []string{o.Decisions[0].State, o.Decisions[1].State}, []string{consolidate.DecisionGranted, consolidate.DecisionEnded})
	if len(o.Disagreements) != 0 {
		t.Errorf("disagreements %+v", o.Disagreements)
	}
}

func TestSelma(t *testing.T) {
	o := build(t, stories.Selma(child))
	if len(o.Coordinator.Current) != 1 || len(o.Disagreements) != 0 {
		t.Errorf("coordinators %+v", o.Coordinator.Current)
	}
	if len(o.Team.Former) != 1 || o.Team.Former[0].Name != "Dr. Eva Moen" || o.Team.Former[0].Period.End != "2026-10-05" {
		t.Errorf("former %+v", o.Team.Former)
	}
}

func TestTeo(t *testing.T) {
	o := build(t, stories.Teo(child))
	d := find(t, "disagreement", o.Disagreements, func(d consolidate.Disagreement) bool { return d.About == consolidate.AboutCoordinator })
	var names []string
	for _, s := range d.Sides {
		names = append(names, s.Value)
	}
	slices.Sort(names)
	equal(t, "coordinators", names, []string{"Dr. Stian Kvam", "Liv Tangen"})
	help := find(t, "help", o.Decisions, func(d consolidate.Decision) bool { return d.Date == "2025-12-15" })
	if help.State != consolidate.DecisionStarted || help.Started != "2026-01-15" {
		t.Errorf("decision %+v", help)
	}
	support := find(t, "support", o.Plan.Activities, func(a consolidate.Activity) bool { return a.Title == "Støttekontakt" })
	if support.Decision != help.ID || len(support.Plans) != 1 || support.Responsible[0] != "Siv Røed" {
		t.Errorf("activity %+v", support)
	}
	if len(o.Plan.Activities) != 3 {
		t.Errorf("a measure outside of the plan is lost: %+v", o.Plan.Activities)
	}
}

func TestBuildRefuses(t *testing.T) {
	for name, in := range map[string]consolidate.Input{
		"nobody":    {Now: stories.Now()},
		"no time":   {Person: child},
		"a mixture": {Person: child, Now: stories.Now(), Contributions: stories.Amina("somebody-else")},
		"unlinked":  {Person: child, Now: stories.Now(), Contributions: stories.Amina("")},
	} {
		if _, err := consolidate.Build(in); !errors.Is(err, care.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChildIsNamedAsMostSourcesDo(t *testing.T) {
	at := stories.Now()
	o, err := consolidate.Build(consolidate.Input{Person: child, Now: at, Sources: stories.Sources(), Claims: []care.Claim{
		{Source: "oneroster", Service: care.Skole, Name: "Ella Lyngstad", BirthDate: "2014-03-14", Recorded: at},
		{Source: "fhir-kommune", Service: care.Kommune, Name: "LYNGSTAD, ELLA", BirthDate: "2014-03-14", Recorded: at},
		{Source: "fhir-sykehus", Service: care.Spesialist, Name: "Ella M. Lyngstad", BirthDate: "2014-03-15", Recorded: at.AddDate(0, 0, 1)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if o.Child.Name != "Ella Lyngstad" || o.Child.BirthDate != "2014-03-14" || o.Child.Age != 12 || len(o.Child.Names) != 2 {
		t.Errorf("child %+v", o.Child)
	}
	if len(o.Disagreements) != 1 || o.Disagreements[0].About != consolidate.AboutBirthDate {
		t.Errorf("disagreements %+v", o.Disagreements)
	}
}

func TestOddResourcesAreNotLost(t *testing.T) {
	cs := []care.Contribution{
		stories.Say("fhir-kommune", care.Kommune, child, "1", "", stories.R{"resourceType": "EpisodeOfCare", "id": "a", "status": "a-new-code", "type": "not a list"}),
		stories.Say("fhir-kommune", care.Kommune, child, "2", "", stories.R{"resourceType": "Condition", "id": "b", "code": stories.R{"text": "Epilepsi"}, "recordedDate": "2018-01-01"}),
		stories.Say("fhir-kommune", care.Kommune, child, "3", "", stories.R{"resourceType": "Encounter", "id": "c", "status": "entered-in-error"}),
		stories.Say("fhir-kommune", care.Kommune, child, "4", "", stories.R{"resourceType": "Goal", "id": "d"}),
	}
	cs[3].Made[0].Resource.Body = json.RawMessage(`[]x`)
	o := build(t, cs)
	if len(o.Services) != 1 || o.Services[0].Status != "a-new-code" {
		t.Errorf("services %+v", o.Services)
	}
	if len(o.Timeline) != 0 {
		t.Errorf("entered in error is shown: %+v", o.Timeline)
	}
	if len(o.Others) != 2 || o.Others[0].Title != "Epilepsi" || !o.Others[1].Unreadable {
		t.Errorf("others %+v", o.Others)
	}
}

func TestNewestVersionOfARecordCounts(t *testing.T) {
	old := stories.Say("fhir-kommune", care.Kommune, child, "1", "", stories.R{"resourceType": "EpisodeOfCare", "id": "a", "status": "active"})
	fresh := stories.Say("fhir-kommune", care.Kommune, child, "1", "", stories.R{"resourceType": "EpisodeOfCare", "id": "a", "status": "finished"})
	fresh.Version = 2
	if o := build(t, []care.Contribution{old, fresh}); len(o.Services) != 1 || o.Services[0].Status != "finished" {
		t.Errorf("services %+v", o.Services)
	}
}

func TestAge(t *testing.T) {
	day := func(s string) time.Time {
		d, err := time.ParseInLocation(time.DateOnly, s, stories.Oslo)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		born, now string
		want      int
	}{
		{"2014-03-14", "2026-11-23", 12}, {"2014-03-14", "2026-03-13", 11}, {"2014-03-14", "2026-03-14", 12},
		{"2008-02-29", "2026-02-28", 17}, {"2008-02-29", "2026-03-01", 18}, {"2026-08-19", "2026-11-23", 0},
	} {
		if got := consolidate.Age(day(c.born), day(c.now)); got != c.want {
			t.Errorf("born %s, on %s: %d, want %d", c.born, c.now, got, c.want)
		}
	}
}
