package findings_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/findings"
	"samsyn/internal/words"

	"pgregory.net/rapid"
)

const child = care.PersonID("3f1c9a40d2b84c7e")

func overview(t testing.TB, born string, cs []care.Contribution) consolidate.Overview {
	t.Helper()
	in := consolidate.Input{Person: child, Contributions: cs, Sources: stories.Sources(), Now: stories.Now()}
	if born != "" {
		in.Claims = []care.Claim{{Source: "oneroster", Service: care.Skole, Name: "x", BirthDate: born}}
	}
	o, err := consolidate.Build(in)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func sentences(o consolidate.Overview) []string {
	var out []string
	for _, f := range findings.Find(o) {
		out = append(out, f.Level+" "+f.Rule+": "+f.Sentence(words.In(words.Bokmaal), stories.Oslo))
	}
	return out
}

// What is planted in each story, and nothing else, is found.
func TestStories(t *testing.T) {
	for _, c := range []struct {
		name, born string
		story      func(care.PersonID) []care.Contribution
		want       []string
	}{
		{"ella", "2014-03-14", stories.Ella, []string{
			"act no-coordinator: Barnet har ingen koordinator. Sist: Berit Holmen, til 31. august 2026.",
			"act not-started: «Avlastning i institusjon» er innvilget, men ikke meldt startet. Fristen var 15. juni 2026.",
			"act evaluation-overdue: Planen «Individuell plan for Ella» skulle vært evaluert 10. august 2026.",
			"act transition: Overgang nærmer seg: overgang til ungdomsskole, 1. august 2027. «Overgang til Sundet ungdomsskole» har ingen ansvarlig.",
			"act meeting-disputed: Kildene oppgir ulik tid for «Ansvarsgruppemøte» 10. desember 2026.",
		}},
		{"jonas", "2020-09-02", stories.Jonas, []string{
			"act double-service: To tjenester gir «De utrolige årene» samtidig: Fjordvik kommune, BUP Fjordvik poliklinikk.",
			"act iop-missing: «Individuelt tilrettelagt opplæring» er innvilget, men ingen individuell opplæringsplan (IOP) er funnet.",
		}},
		{"selma", "2026-08-19", stories.Selma, nil},
		{"teo", "2010-05-06", stories.Teo, []string{
			"act never-evaluated: Ingen evaluering er registrert av planen «Tiltaksplan», som startet 1. desember 2025.",
			"watch two-coordinators: Det er oppgitt 2 koordinatorer samtidig: Liv Tangen, Dr. Stian Kvam.",
			"info appeal-ahead: Klagefristen for «Vedtak om hjelpetiltak» er 1. desember 2026.",
			"info no-own-voice: Barnet er over 7 år, og planen sier ikke hva barnet selv mener.",
		}},
		{"amina", "2017-11-30", stories.Amina, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := sentences(overview(t, c.born, c.story(child)))
			if !slices.Equal(got, c.want) {
				t.Errorf("found:\n%q\nwant:\n%q", got, c.want)
			}
		})
	}
}

type (
	r = stories.R
	l = stories.L
)

func say(resources ...r) []care.Contribution {
	var cs []care.Contribution
	for i, x := range resources {
		x["id"] = fmt.Sprintf("r%d", i)
		source := "fhir-kommune"
		if s, ok := x["source"].(string); ok {
			source = s
			delete(x, "source")
		}
		cs = append(cs, stories.Say(source, care.Kommune, child, fmt.Sprintf("k%d", i), "", x))
	}
	return cs
}

func plan(kind string, more r) r {
	p := r{"resourceType": "CarePlan", "status": "active", "title": "P", "category": l{r{"coding": l{r{"system": "urn:samsyn:plantype", "code": kind}}}},
		"period": r{"start": "2025-01-01"}, "extension": l{r{"url": "urn:samsyn:evaluation", "valueDate": "2026-06-01"}}}
	for k, v := range more {
		p[k] = v
	}
	return p
}

func decision(more r) r {
	d := r{"resourceType": "ServiceRequest", "status": "active", "category": l{r{"coding": l{r{"system": "urn:samsyn:category", "code": "vedtak"}}}},
		"code": r{"text": "Avlastning"}, "authoredOn": "2026-01-10"}
	for k, v := range more {
		d[k] = v
	}
	return d
}

func start(day string) l { return l{r{"url": "urn:samsyn:startfrist", "valueDate": day}} }

func appeal(day string) l { return l{r{"url": "urn:samsyn:klagefrist", "valueDate": day}} }

func activity(title, status string, by ...string) r {
	d := r{"status": status, "description": title}
	if len(by) > 0 {
		d["performer"] = l{r{"display": by[0]}}
	}
	return r{"activity": l{r{"detail": d}}}
}

func TestRules(t *testing.T) {
	relief := func(more r) r {
		e := r{"resourceType": "EpisodeOfCare", "status": "active", "type": l{r{"text": "Avlastning"}}, "period": r{"start": "2026-02-01"}}
		for k, v := range more {
			e[k] = v
		}
		return e
	}
	coordinator := func(end string) r {
		p := r{"role": l{r{"text": "Koordinator"}}, "member": r{"display": "A B"}}
		if end != "" {
			p["period"] = r{"end": end}
		}
		return r{"resourceType": "CareTeam", "status": "active", "participant": l{p}}
	}
	for _, c := range []struct {
		name, rule string
		born       string
		cs         []care.Contribution
		want       int
	}{
		{"a coordinator today, her last day", "no-coordinator", "", say(coordinator("2026-11-23")), 0},
		{"gone since yesterday", "no-coordinator", "", say(coordinator("2026-11-22")), 1},
		{"an individual plan and never one", "no-coordinator", "", say(plan("individuell-plan", nil)), 1},
		{"a school's plan alone asks for none", "no-coordinator", "", say(plan("iop", nil)), 0},

		{"to start today", "not-started", "", say(decision(r{"extension": start("2026-11-23")})), 0},
		{"to have started yesterday", "not-started", "", say(decision(r{"extension": start("2026-11-22")})), 1},
		{"no deadline is said", "not-started", "", say(decision(nil)), 0},
		{"revoked", "not-started", "", say(decision(r{"status": "revoked", "extension": start("2026-02-01")})), 0},
		{"over", "not-started", "", say(decision(r{"extension": start("2026-02-01"), "occurrencePeriod": r{"end": "2026-11-22"}})), 0},
		{"started as a service", "not-started", "", say(decision(r{"extension": start("2026-02-01")}), relief(nil)), 0},
		{"planned as a service only", "not-started", "", say(decision(r{"extension": start("2026-02-01")}), relief(r{"status": "planned"})), 1},
		{"started by reference", "not-started", "", say(decision(r{"extension": start("2026-02-01")}),
			relief(r{"type": l{r{"text": "Annet"}}, "referralRequest": l{r{"reference": "ServiceRequest/r0"}}})), 0},
		{"another service", "not-started", "", say(decision(r{"extension": start("2026-02-01")}), relief(r{"type": l{r{"text": "Støttekontakt"}}})), 1},
		{"started as an activity", "not-started", "", say(decision(r{"extension": start("2026-02-01")}), plan("individuell-plan", activity("Avlastning", "in-progress"))), 0},
		{"an activity that did not start", "not-started", "", say(decision(r{"extension": start("2026-02-01")}), plan("individuell-plan", activity("Avlastning", "not-started"))), 1},
		{"a visit that names it", "not-started", "", say(decision(r{"extension": start("2026-02-01")}),
			r{"resourceType": "Encounter", "status": "finished", "period": r{"start": "2026-03-01"}, "basedOn": l{r{"reference": "ServiceRequest/r0"}}}), 0},

		{"twice at one provider", "double-service", "", say(relief(r{"managingOrganization": r{"display": "A"}}), relief(r{"managingOrganization": r{"display": "a."}})), 0},
		{"at two providers", "double-service", "", say(relief(r{"managingOrganization": r{"display": "A"}}), relief(r{"managingOrganization": r{"display": "B"}})), 1},
		{"at three it is still one finding", "double-service", "", say(relief(r{"managingOrganization": r{"display": "A"}}), relief(r{"managingOrganization": r{"display": "B"}}), relief(r{"managingOrganization": r{"display": "C"}})), 1},
		{"one is over", "double-service", "", say(relief(r{"managingOrganization": r{"display": "A"}}), relief(r{"managingOrganization": r{"display": "B"}, "status": "finished"})), 0},

		{"never evaluated", "never-evaluated", "", say(plan("tiltaksplan", r{"extension": l{}})), 1},
		{"evaluated once", "never-evaluated", "", say(plan("tiltaksplan", nil)), 0},
		{"young", "never-evaluated", "", say(plan("tiltaksplan", r{"extension": l{}, "period": r{"start": "2026-09-01"}})), 0},
		{"over", "never-evaluated", "", say(plan("tiltaksplan", r{"extension": l{}, "status": "completed"})), 0},
		{"a kind whose source does not say", "never-evaluated", "", say(plan("ruskontrakt", r{"extension": l{}})), 0},
		{"told by two sources, one evaluated it", "never-evaluated", "", say(plan("tiltaksplan", r{"extension": l{}}), plan("tiltaksplan", r{"source": "fiksinnsyn"})), 0},

		{"due today", "evaluation-overdue", "", say(plan("iop", r{"extension": l{r{"url": "urn:samsyn:evaluation-due", "valueDate": "2026-11-23"}}})), 0},
		{"due yesterday", "evaluation-overdue", "", say(plan("iop", r{"extension": l{r{"url": "urn:samsyn:evaluation-due", "valueDate": "2026-11-22"}}})), 1},
		{"due and done", "evaluation-overdue", "", say(plan("iop", r{"extension": l{r{"url": "urn:samsyn:evaluation-due", "valueDate": "2026-11-01"}, r{"url": "urn:samsyn:evaluation", "valueDate": "2026-11-02"}}})), 0},

		{"nobody answers", "no-responsible", "", say(plan("iop", activity("A", "in-progress"))), 1},
		{"somebody answers", "no-responsible", "", say(plan("iop", activity("A", "in-progress", "X"))), 0},
		{"it is done", "no-responsible", "", say(plan("iop", activity("A", "completed"))), 0},
		{"the plan is over", "no-responsible", "", say(plan("iop", r{"status": "completed", "activity": activity("A", "in-progress")["activity"]})), 0},

		{"ungdomsskole unplanned", "transition", "2014-03-14", say(plan("iop", nil)), 1},
		{"ungdomsskole planned and owned", "transition", "2014-03-14", say(plan("iop", activity("Overgang til ungdomsskole", "not-started", "X"))), 0},
		{"ungdomsskole planned, unowned", "transition", "2014-03-14", say(plan("iop", activity("Overgang til ungdomsskole", "not-started"))), 1},
		{"an unowned transition is told once", "no-responsible", "2014-03-14", say(plan("iop", activity("Overgang til ungdomsskole", "not-started"))), 0},
		{"more than a year ahead", "transition", "2015-03-14", say(plan("iop", nil)), 0},
		{"school start", "transition", "2021-05-01", say(plan("individuell-plan", nil)), 1},
		{"videregående", "transition", "2011-05-01", say(plan("individuell-plan", nil)), 1},
		{"eighteen within a year", "transition", "2009-11-22", say(plan("individuell-plan", nil)), 1},
		{"eighteen in more than a year", "transition", "2009-11-24", say(plan("individuell-plan", nil)), 0},
		{"no birth date", "transition", "", say(plan("individuell-plan", nil)), 0},
		{"no plan", "transition", "2014-03-14", nil, 0},

		{"expires within sixty days", "decision-expires", "", say(decision(r{"occurrencePeriod": r{"end": "2027-01-22"}})), 1},
		{"expires later", "decision-expires", "", say(decision(r{"occurrencePeriod": r{"end": "2027-01-23"}})), 0},
		{"its last day", "decision-expires", "", say(decision(r{"occurrencePeriod": r{"end": "2026-11-23"}})), 1},
		{"has expired", "decision-expires", "", say(decision(r{"occurrencePeriod": r{"end": "2026-11-22"}})), 0},

		{"appeal today", "appeal-ahead", "", say(decision(r{"extension": appeal("2026-11-23")})), 1},
		{"appeal was yesterday", "appeal-ahead", "", say(decision(r{"extension": appeal("2026-11-22")})), 0},

		{"seven and not heard", "no-own-voice", "2019-11-23", say(plan("iop", nil)), 1},
		{"no plan of the child's", "no-own-voice", "2014-03-14", say(plan("undersokelsesplan", nil)), 0},
		{"six", "no-own-voice", "2019-11-24", say(plan("iop", nil)), 0},
		{"heard in a goal", "no-own-voice", "2014-03-14", say(plan("iop", nil), r{"resourceType": "Goal", "lifecycleStatus": "active", "expressedBy": r{"reference": "Patient/x"}}), 0},
		{"heard in a note", "no-own-voice", "2014-03-14", say(plan("iop", r{"note": l{r{"text": "Jeg vil", "authorReference": r{"reference": "Patient/x"}}}})), 0},

		{"no IOP", "iop-missing", "", say(decision(r{"code": r{"text": "Vedtak om individuelt tilrettelagt opplæring"}})), 1},
		{"an IOP", "iop-missing", "", say(decision(r{"code": r{"text": "Individuelt tilrettelagt opplæring"}}), plan("iop", nil)), 0},
		{"last year's IOP", "iop-missing", "", say(decision(r{"code": r{"text": "Individuelt tilrettelagt opplæring"}}), plan("iop", r{"period": r{"end": "2026-06-20"}})), 1},
		{"not begun yet", "iop-missing", "", say(decision(r{"code": r{"text": "Individuelt tilrettelagt opplæring"}, "occurrencePeriod": r{"start": "2027-01-05"}})), 0},
	} {
		t.Run(c.rule+"/"+c.name, func(t *testing.T) {
			got := 0
			for _, f := range findings.Find(overview(t, c.born, c.cs)) {
				if f.Rule == c.rule {
					got++
				}
			}
			if got != c.want {
				t.Errorf("found %d, want %d: %q", got, c.want, sentences(overview(t, c.born, c.cs)))
			}
		})
	}
}

// Every rule finds something somewhere, and every finding can be said in every language.
func TestEveryRuleSpeaks(t *testing.T) {
	cs := slices.Concat(stories.Ella(child), stories.Jonas(child), stories.Teo(child),
		say(plan("iop", activity("Noe", "in-progress")), decision(r{"occurrencePeriod": r{"end": "2026-12-20"}})))
	overviews := []consolidate.Overview{overview(t, "2014-03-14", stories.Ella(child)), overview(t, "2010-05-06", stories.Teo(child)),
		overview(t, "2020-09-02", stories.Jonas(child)), overview(t, "", cs),
		overview(t, "2014-03-14", say(plan("individuell-plan", nil)))}
	unsaid := regexp.MustCompile(`\[[a-z]+[.][a-z.-]+\]|\{[a-z]+\}`)
	spoke := map[string]bool{}
	for _, o := range overviews {
		for _, f := range findings.Find(o) {
			spoke[f.Rule] = true
			for _, lang := range words.Langs() {
				if s := f.Sentence(words.In(lang), stories.Oslo); unsaid.MatchString(s) {
					t.Errorf("%s %s: %s", lang, f.Rule, s)
				}
			}
			if f.Rule != "no-own-voice" && len(f.Sources) == 0 {
				t.Errorf("%s names no source", f.Rule)
			}
		}
	}
	for _, r := range findings.Rules() {
		if !spoke[r.ID] {
			t.Errorf("%s never found anything", r.ID)
		}
		if !words.In(words.Bokmaal).Has("finding.level." + r.Level) {
			t.Errorf("level %s has no text", r.Level)
		}
	}
}

// A finding is about a line of the overview, and findings do not depend on the order of what was said.
func TestFindingsAreAboutLines(t *testing.T) {
	all := slices.Concat(stories.Ella(child), stories.Jonas(child), stories.Teo(child), stories.Selma(child))
	for i := range all {
		all[i].Key += fmt.Sprint(i) // four children's records, told as one's
	}
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfNDistinct(rapid.IntRange(0, len(all)-1), 0, len(all), func(i int) int { return i }).Draw(t, "some")
		var cs []care.Contribution
		for _, i := range some {
			cs = append(cs, all[i])
		}
		in := consolidate.Input{Person: child, Contributions: cs, Sources: stories.Sources(), Now: stories.Now()}
		o, err := consolidate.Build(in)
		if err != nil {
			t.Fatal(err)
		}
		lines := map[string]bool{"": true}
		for _, p := range slices.Concat(o.Team.Current, o.Team.Former) {
			lines[p.ID] = true
		}
		for _, x := range o.Plan.Plans {
			lines[x.ID] = true
		}
		for _, x := range o.Plan.Activities {
			lines[x.ID] = true
		}
		for _, x := range o.Decisions {
			lines[x.ID] = true
		}
		for _, x := range o.Services {
			lines[x.ID] = true
		}
		for _, x := range o.Timeline {
			lines[x.ID] = true
		}
		found := findings.Find(o)
		for _, f := range found {
			if !lines[f.Line] {
				t.Fatalf("%s is about %q, which is no line", f.Rule, f.Line)
			}
		}
		in.Contributions = slices.Clone(cs)
		slices.Reverse(in.Contributions)
		o, err = consolidate.Build(in)
		if err != nil {
			t.Fatal(err)
		}
		if again := findings.Find(o); fmt.Sprint(again) != fmt.Sprint(found) {
			t.Fatalf("in another order: %v, before %v", again, found)
		}
	})
}

func ExampleFind() {
	o, err := consolidate.Build(consolidate.Input{Person: child, Contributions: stories.Jonas(child), Now: stories.Now()})
	if err != nil {
		panic(err)
	}
	for _, f := range findings.Find(o) {
		fmt.Println(f.Sentence(words.In(words.English), stories.Oslo))
	}
	// Output:
	// Two services give “De utrolige årene” at the same time: Fjordvik kommune, BUP Fjordvik poliklinikk.
	// “Individuelt tilrettelagt opplæring” is granted, but no individual education plan (IOP) was found.
}
