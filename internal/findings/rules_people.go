package findings

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"samsyn/internal/consolidate"
)

// ownVoiceFrom is the age from which a child is to be heard (barnelova § 31).
const ownVoiceFrom = 7

// noCoordinator: there was one and nobody came after, or there is an individual
// plan and nobody is named. A child without either has not asked for one.
func noCoordinator(q question) []Finding {
	c := q.Coordinator
	if len(c.Current) > 0 {
		return nil
	}
	if c.VacantSince != "" {
		last := c.Former[0]
		return []Finding{{Key: "finding.no-coordinator", Args: []Arg{text("name", last.Name), moment("date", c.VacantSince)},
			Since: c.VacantSince, Line: last.ID, Sources: last.Sources}}
	}
	if q.Plan.Individual && runs(q.Plan.Status) {
		return []Finding{{Key: "finding.never-coordinator", Since: q.Plan.Period.Start, Line: q.Plan.Plans[0].ID, Sources: q.Plan.Plans[0].Sources}}
	}
	return nil
}

func twoCoordinators(q question) []Finding {
	current := q.Coordinator.Current
	if len(current) < 2 {
		return nil
	}
	f := Finding{Key: "finding.two-coordinators", Line: current[0].ID}
	var names []string
	for _, p := range current {
		names = append(names, p.Name)
		f.Sources = append(f.Sources, p.Sources...)
	}
	f.Args = []Arg{text("count", fmt.Sprint(len(current))), text("names", strings.Join(names, ", "))}
	return []Finding{f}
}

// childsPlans are the plans that are made for and with the child. A contract, or a
// plan for an investigation, is no place to look for the child's own words.
var childsPlans = []string{consolidate.PlanIndividual, consolidate.PlanIOP, "tiltaksplan"}

// noOwnVoice: a child of seven or more is to be heard, and no plan that runs holds
// a goal or a note of the child's own.
func noOwnVoice(q question) []Finding {
	plans := slices.DeleteFunc(q.runningPlans(), func(p consolidate.PlanPart) bool { return !slices.Contains(childsPlans, p.Kind) })
	if q.Child.Age < ownVoiceFrom || len(plans) == 0 {
		return nil
	}
	if slices.ContainsFunc(plans, func(p consolidate.PlanPart) bool { return p.OwnVoice }) ||
		slices.ContainsFunc(q.Plan.Goals, func(g consolidate.Goal) bool { return g.OwnVoice }) {
		return nil
	}
	return []Finding{{Key: "finding.no-own-voice", Line: plans[0].ID, Sources: plans[0].Sources}}
}

// transition is a change in a child's life that is known long before.
type transition struct {
	key string
	// on gives the day for a child born then. School years begin in August of the
	// year in which the child turns 6, 13 and 16 (opplæringslova § 2-1).
	on    func(born time.Time) time.Time
	words []string // how plans name it
}

func august(age int) func(time.Time) time.Time {
	return func(born time.Time) time.Time {
		return time.Date(born.Year()+age, time.August, 1, 0, 0, 0, 0, born.Location())
	}
}

var knownTransitions = []transition{
	{"transition.barnehage-skole", august(6), []string{"skolestart", "overgang til skole", "overgang barnehage", "overgang fra barnehage"}},
	{"transition.ungdomsskole", august(13), []string{"ungdomsskole", "ungdomsskolen", "ungdomstrinnet"}},
	{"transition.videregaende", august(16), []string{"videregående"}},
	{"transition.18", func(born time.Time) time.Time { return born.AddDate(18, 0, 0) }, []string{"18 år", "voksen", "myndig", "ettervern"}},
}

// transitions: one lies within twelve months, and no plan has a measure for it, or
// the measure has nobody who answers for it. It is asked only where a plan runs.
func transitions(q question) []Finding {
	born, ok := consolidate.Moment(q.Child.BirthDate).Time(q.loc)
	plans := q.runningPlans()
	if !ok || len(plans) == 0 {
		return nil
	}
	var out []Finding
	for _, tr := range knownTransitions {
		on := tr.on(born)
		if on.Before(q.Now) || on.After(q.Now.AddDate(1, 0, 0)) {
			continue
		}
		when := consolidate.Moment(on.Format(time.DateOnly))
		args := []Arg{{Name: "transition", Key: tr.key}, moment("date", when)}
		measures := q.measuresFor(tr)
		if len(measures) == 0 {
			out = append(out, Finding{Key: "finding.transition-unplanned", Args: args, Since: when, Line: plans[0].ID, Sources: plans[0].Sources})
			continue
		}
		if slices.ContainsFunc(measures, func(a consolidate.Activity) bool { return owned(a) }) {
			continue
		}
		a := measures[0]
		out = append(out, Finding{Key: "finding.transition-unowned", Args: append(args, text("title", a.Title)), Since: when, Line: a.ID, Sources: a.Sources})
	}
	return out
}

func (q question) measuresFor(tr transition) []consolidate.Activity {
	var out []consolidate.Activity
	for _, a := range q.Plan.Activities {
		named := slices.ContainsFunc(tr.words, func(w string) bool { return consolidate.Mentions(a.Title, w) })
		if named && open(a) {
			out = append(out, a)
		}
	}
	return out
}

// open tells whether something is still to be done, by what is shown as its status.
func open(a consolidate.Activity) bool {
	m := consolidate.Meaning(a.Status)
	return m == "ahead" || m == "runs" || m == "rests"
}

// owned tells whether any source names somebody who answers for it, or at least
// who set it going: barnevern's register has no room for more.
func owned(a consolidate.Activity) bool {
	return a.OrderedBy != "" || slices.ContainsFunc(a.Says, func(s consolidate.ActivitySaid) bool { return len(s.Responsible) > 0 })
}
