// Package findings owns what a coordinator should look at: an overview in, what is
// missing, doubled or late out, each with the rule that found it. It is pure. It
// knows no source and no store, and it finds only what the data can say: silence
// of a service that the viewer may not see is never a finding.
package findings

import (
	"cmp"
	"slices"
	"time"

	"samsyn/internal/consolidate"
	"samsyn/internal/words"
)

// Levels, the most pressing first.
const (
	Act   = "act"   // somebody has to do something
	Watch = "watch" // it comes nearer
	Info  = "info"  // worth knowing
)

var levels = []string{Act, Watch, Info}

// Finding is one thing to look at.
type Finding struct {
	Rule  string `json:"rule"`  // the id of the rule, see Rules
	Level string `json:"level"` // Act, Watch or Info
	// Key and Args are the sentence; Sentence says it.
	Key  string `json:"key"`
	Args []Arg  `json:"args,omitempty"`
	// Since is from when it has been so, or when it will be; "" where that is not known.
	Since consolidate.Moment `json:"since,omitempty"`
	// Line is the id of the overview's line that it is about, "" for the child as such.
	Line    string                  `json:"line,omitempty"`
	Sources []consolidate.SourceRef `json:"sources,omitempty"`
}

// Arg is a value in a sentence: a text as said, a moment, or a key of our own words.
type Arg struct {
	Name   string             `json:"name"`
	Text   string             `json:"text,omitempty"`
	Moment consolidate.Moment `json:"moment,omitempty"`
	Key    string             `json:"key,omitempty"`
}

// Sentence says the finding in a language; loc is where days are counted.
func (f Finding) Sentence(w words.Words, loc *time.Location) string {
	var pairs []string
	for _, a := range f.Args {
		value := cmp.Or(a.Text, a.Moment.In(w, loc))
		if a.Key != "" {
			value = w.Say(a.Key)
		}
		pairs = append(pairs, a.Name, value)
	}
	return w.Say(f.Key, pairs...)
}

func text(name, value string) Arg { return Arg{Name: name, Text: value} }

func moment(name string, m consolidate.Moment) Arg { return Arg{Name: name, Moment: m} }

// Rule is one question that is put to every overview.
type Rule struct {
	ID    string
	Level string
	find  func(q question) []Finding
}

// Rules returns the rules in the order in which they are tried.
func Rules() []Rule {
	return []Rule{
		{"no-coordinator", Act, noCoordinator},
		{"two-coordinators", Watch, twoCoordinators},
		{"not-started", Act, notStarted},
		{"double-service", Act, doubleService},
		{"evaluation-overdue", Act, evaluationOverdue},
		{"never-evaluated", Act, neverEvaluated},
		{"transition", Act, transitions},
		{"no-responsible", Watch, noResponsible},
		{"meeting-disputed", Act, meetingDisputed},
		{"iop-missing", Act, iopMissing},
		{"decision-expires", Watch, decisionExpires},
		{"appeal-ahead", Info, appealAhead},
		{"no-own-voice", Info, noOwnVoice},
	}
}

// question is an overview with the day on which it is asked about.
type question struct {
	consolidate.Overview
	loc   *time.Location
	today string // YYYY-MM-DD
}

// Find puts every rule to the overview. The most pressing come first; the same
// overview always gives the same findings in the same order.
func Find(o consolidate.Overview) []Finding {
	q := question{Overview: o, loc: o.Now.Location(), today: o.Now.Format(time.DateOnly)}
	var all []Finding
	for _, r := range Rules() {
		for _, f := range r.find(q) {
			f.Rule, f.Level = r.ID, r.Level
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Compare(slices.Index(levels, a.Level), slices.Index(levels, b.Level))
	})
	return all
}

// past tells whether the moment's day is over.
func (q question) past(m consolidate.Moment) bool {
	d := m.Day(q.loc)
	return d != "" && d < q.today
}

// within tells whether the moment's day is today or later, and at the most days ahead.
func (q question) within(m consolidate.Moment, days int) bool {
	d := m.Day(q.loc)
	return d >= q.today && d <= q.Now.AddDate(0, 0, days).Format(time.DateOnly)
}

func runs(status string) bool { return consolidate.Meaning(status) == "runs" }

// inForce tells whether a decision holds today.
func (q question) inForce(d consolidate.Decision) bool {
	return d.State == consolidate.DecisionGranted || d.State == consolidate.DecisionStarted
}

// runningPlans are those in which something is to be done now.
func (q question) runningPlans() []consolidate.PlanPart {
	return slices.DeleteFunc(slices.Clone(q.Plan.Plans), func(p consolidate.PlanPart) bool {
		return !runs(p.Status) || !p.Period.Contains(q.Now)
	})
}
