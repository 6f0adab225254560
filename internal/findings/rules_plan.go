package findings

import (
	"slices"
	"strings"

	"samsyn/internal/consolidate"
)

const (
	// neverEvaluatedAfter is how many days a plan may run before its first
	// evaluation, where no date for it was set. Half a year is
	// generous: both kinds are to be evaluated regularly.
	neverEvaluatedAfter = 183
	// expiresWithin is how many days ahead the end of a decision is told, so that
	// a new one can be made in time.
	expiresWithin = 60
)

// evaluatedKinds are the plans whose sources say when they are evaluated. Of
// others silence means nothing.
var evaluatedKinds = []string{consolidate.PlanIndividual, "tiltaksplan"}

// notStarted: what was granted was to have started, and nothing shows that it did.
func notStarted(q question) []Finding {
	var out []Finding
	for _, d := range q.Decisions {
		if d.State == consolidate.DecisionGranted && q.past(d.StartBy) {
			out = append(out, Finding{Key: "finding.not-started", Args: []Arg{text("title", d.Title), moment("date", d.StartBy)},
				Since: d.StartBy, Line: d.ID, Sources: d.Sources})
		}
	}
	return out
}

// doubleService: the same programme runs at two providers at once.
func doubleService(q question) []Finding {
	var out []Finding
	told := map[int]bool{}
	for i, s := range q.Services {
		if !s.Running || told[i] {
			continue
		}
		same := []consolidate.Service{s}
		for k := i + 1; k < len(q.Services); k++ {
			o := q.Services[k]
			if o.Running && consolidate.SameService(s, o) && !sameProvider(s, o) && s.Period.Overlaps(o.Period, q.loc) {
				same, told[k] = append(same, o), true
			}
		}
		if len(same) < 2 {
			continue
		}
		f := Finding{Key: "finding.double-service", Line: s.ID}
		var names []string
		for _, x := range same {
			name := x.Provider
			if name == "" {
				name = x.Sources[0].Title
			}
			names = append(names, name)
			f.Sources = append(f.Sources, x.Sources...)
			if x.Period.Start > f.Since { // both run from the later start on
				f.Since = x.Period.Start
			}
		}
		f.Args = []Arg{text("title", s.Title), text("names", strings.Join(names, ", "))}
		out = append(out, f)
	}
	return out
}

// sameProvider: told by one service without naming a provider, or by the same name.
func sameProvider(x, y consolidate.Service) bool {
	if x.Provider == "" || y.Provider == "" {
		return x.Service == y.Service
	}
	return consolidate.SameProvider(x, y)
}

// evaluationOverdue: the day set for it has gone by without an evaluation since.
func evaluationOverdue(q question) []Finding {
	var out []Finding
	for _, p := range q.runningPlans() {
		if !q.past(p.Due) {
			continue
		}
		done := slices.ContainsFunc(p.Evaluated, func(m consolidate.Moment) bool { return m.Day(q.loc) >= p.Due.Day(q.loc) })
		if !done {
			out = append(out, Finding{Key: "finding.evaluation-overdue", Args: []Arg{text("title", p.Title), moment("date", p.Due)},
				Since: p.Due, Line: p.ID, Sources: p.Sources})
		}
	}
	return out
}

// neverEvaluated: it has run for long, no day was set, and no source of the same
// service says that a plan of that kind was evaluated. One finding for each kind.
func neverEvaluated(q question) []Finding {
	var out []Finding
	type matter struct{ kind, service string }
	told := map[matter]bool{}
	plans := q.runningPlans()
	for _, p := range plans {
		m := matter{p.Kind, string(p.Sources[0].Service)}
		start, ok := p.Period.Start.Time(q.loc)
		if !slices.Contains(evaluatedKinds, p.Kind) || told[m] || p.Due != "" || !ok || start.AddDate(0, 0, neverEvaluatedAfter).After(q.Now) {
			continue
		}
		evaluated := slices.ContainsFunc(plans, func(o consolidate.PlanPart) bool {
			return o.Kind == p.Kind && o.Sources[0].Service == p.Sources[0].Service && len(o.Evaluated) > 0
		})
		if !evaluated {
			told[m] = true
			out = append(out, Finding{Key: "finding.never-evaluated", Args: []Arg{text("title", p.Title), moment("date", p.Period.Start)},
				Since: p.Period.Start, Line: p.ID, Sources: p.Sources})
		}
	}
	return out
}

// noResponsible: something is to be done in a plan that runs, and no source names
// anybody. A transition is told by its own rule.
func noResponsible(q question) []Finding {
	running := map[string]bool{}
	for _, p := range q.runningPlans() {
		running[p.ID] = true
	}
	var near []string
	for _, f := range transitions(q) {
		near = append(near, f.Line)
	}
	var out []Finding
	for _, a := range q.Plan.Activities {
		planned := slices.ContainsFunc(a.Plans, func(id string) bool { return running[id] })
		if planned && open(a) && !owned(a) && !slices.Contains(near, a.ID) {
			out = append(out, Finding{Key: "finding.no-responsible", Args: []Arg{text("title", a.Title)}, Since: a.Period.Start, Line: a.ID, Sources: a.Sources})
		}
	}
	return out
}

// meetingDisputed: a meeting lies ahead and the sources give times that do not meet.
func meetingDisputed(q question) []Finding {
	var out []Finding
	for _, e := range q.Timeline {
		if e.Coming && !e.Cancelled && len(e.Disputed) > 0 {
			day := consolidate.Moment(e.Start.Day(q.loc))
			out = append(out, Finding{Key: "finding.meeting-disputed", Args: []Arg{text("title", e.Title), moment("date", day)}, Since: e.Start, Line: e.ID, Sources: e.Sources})
		}
	}
	return out
}

// Individuelt tilrettelagt opplæring is given after an individual plan for it, the
// IOP (opplæringslova chapter 11; before August 2024 it was called spesialundervisning).
var adaptedTeaching = []string{"individuelt tilrettelagt opplæring", "individuelt tilrettelagd opplæring", "spesialundervisning"}

// iopMissing: it is granted and its period has begun, and no such plan runs.
func iopMissing(q question) []Finding {
	if slices.ContainsFunc(q.runningPlans(), func(p consolidate.PlanPart) bool { return p.Kind == consolidate.PlanIOP }) {
		return nil
	}
	var out []Finding
	for _, d := range q.Decisions {
		granted := slices.ContainsFunc(adaptedTeaching, func(w string) bool { return consolidate.Mentions(d.Title, w) })
		if granted && q.inForce(d) && d.Period.Begun(q.Now) {
			since := d.Period.Start
			if since == "" {
				since = d.Date
			}
			out = append(out, Finding{Key: "finding.iop-missing", Args: []Arg{text("title", d.Title)}, Since: since, Line: d.ID, Sources: d.Sources})
		}
	}
	return out
}

func decisionExpires(q question) []Finding {
	var out []Finding
	for _, d := range q.Decisions {
		if q.inForce(d) && q.within(d.Period.End, expiresWithin) {
			out = append(out, Finding{Key: "finding.decision-expires", Args: []Arg{text("title", d.Title), moment("date", d.Period.End)},
				Since: d.Period.End, Line: d.ID, Sources: d.Sources})
		}
	}
	return out
}

func appealAhead(q question) []Finding {
	var out []Finding
	for _, d := range q.Decisions {
		if day := d.AppealBy.Day(q.loc); day >= q.today && q.inForce(d) {
			out = append(out, Finding{Key: "finding.appeal-ahead", Args: []Arg{text("title", d.Title), moment("date", d.AppealBy)},
				Since: d.AppealBy, Line: d.ID, Sources: d.Sources})
		}
	}
	return out
}
