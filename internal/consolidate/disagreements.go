package consolidate

import (
	"cmp"
	"slices"
)

// disagreementRules are tried in this order; each looks at one kind of line.
var disagreementRules = []func(*builder, *Overview) []Disagreement{
	coordinatorRule, birthDateRule, activityStatusRule, activityResponsibleRule, activityPeriodRule,
	planRule, serviceRule, decisionRule, meetingRule,
}

func (b *builder) disagreements(o *Overview) []Disagreement {
	var out []Disagreement
	for _, rule := range disagreementRules {
		for _, d := range rule(b, o) {
			d.ID = "disagreement-" + d.About + "-" + cmp.Or(d.Line, string(d.About))
			out = append(out, d)
		}
	}
	return out
}

// coordinatorRule: two people coordinate at once.
func coordinatorRule(_ *builder, o *Overview) []Disagreement {
	if len(o.Coordinator.Current) < 2 {
		return nil
	}
	d := Disagreement{About: AboutCoordinator}
	for _, p := range o.Coordinator.Current {
		var refs []SourceRef
		for _, f := range p.Functions {
			if f.Coordinator && f.Current {
				refs = append(refs, f.Source)
			}
		}
		d.Sides = append(d.Sides, Side{Value: p.Name, Period: p.Period, Sources: refs})
	}
	return []Disagreement{d}
}

func birthDateRule(_ *builder, o *Overview) []Disagreement {
	if len(o.Child.BirthDates) < 2 {
		return nil
	}
	d := Disagreement{About: AboutBirthDate}
	for _, s := range o.Child.BirthDates {
		d.Sides = append(d.Sides, Side{Value: s.Value, Sources: s.Sources})
	}
	return []Disagreement{d}
}

func activityStatusRule(_ *builder, o *Overview) []Disagreement {
	return activityRule(o, AboutActivityStatus, "status", func(s ActivitySaid) []Side {
		sides := statusSide(s.Status, s.Source)
		for i := range sides {
			sides[i].Period = s.Period // when it runs or ended belongs to what is said of its state
		}
		return sides
	})
}

func activityResponsibleRule(_ *builder, o *Overview) []Disagreement {
	return activityRule(o, AboutActivityResponsible, "responsible", func(s ActivitySaid) []Side {
		var sides []Side
		for _, name := range s.Responsible {
			sides = append(sides, Side{Value: name, Sources: []SourceRef{s.Source}})
		}
		return sides
	})
}

func activityPeriodRule(_ *builder, o *Overview) []Disagreement {
	return activityRule(o, AboutActivityPeriod, "period", func(s ActivitySaid) []Side { return periodSide(s.Period, s.Source) })
}

func activityRule(o *Overview, about, disputed string, sides func(ActivitySaid) []Side) []Disagreement {
	var out []Disagreement
	for _, a := range o.Plan.Activities {
		if !slices.Contains(a.Disputed, disputed) {
			continue
		}
		d := Disagreement{About: about, Matter: a.Title, Line: a.ID}
		for _, s := range a.Says {
			for _, side := range sides(s) {
				d.Sides = addSide(d.Sides, side)
			}
		}
		out = append(out, d)
	}
	return out
}

func statusSide(status string, refs ...SourceRef) []Side {
	if status == "" {
		return nil
	}
	return []Side{{Value: status, Sources: refs}}
}

func periodSide(p Period, refs ...SourceRef) []Side {
	if p == (Period{}) {
		return nil
	}
	return []Side{{Period: p, Sources: refs}}
}

// addSide joins sides that say the same.
func addSide(sides []Side, s Side) []Side {
	for i := range sides {
		if plainName(sides[i].Value) == plainName(s.Value) && sides[i].Period == s.Period {
			sides[i].Sources = append(sides[i].Sources, s.Sources...)
			return sides
		}
	}
	return append(sides, s)
}

// planRule: two sources tell of the same plan, and not the same status or dates. It is
// the same where the kind is one of which a child has one at a time, or where kind
// and title are equal.
func planRule(b *builder, o *Overview) []Disagreement {
	ps := o.Plan.Plans
	groups := fold(len(ps),
		func(i, j int) bool {
			return ps[i].Sources[0].Source == ps[j].Sources[0].Source || !ps[i].Period.Overlaps(ps[j].Period, b.loc)
		},
		func(i, j int) bool { return samePlan(ps[i], ps[j]) })
	var out []Disagreement
	for _, g := range groups {
		told := pick(ps, g)
		status := Disagreement{About: AboutPlanStatus, Matter: told[0].Title, Line: told[0].ID}
		period := Disagreement{About: AboutPlanPeriod, Matter: told[0].Title, Line: told[0].ID}
		var statuses, periods bool
		for _, p := range told {
			statuses = statuses || rivalStatus(told[0].Status, p.Status)
			periods = periods || b.rivalPeriods(told[0].Period, p.Period)
			for _, s := range statusSide(p.Status, p.Sources...) {
				status.Sides = addSide(status.Sides, s)
			}
			for _, s := range periodSide(p.Period, p.Sources...) {
				period.Sides = addSide(period.Sides, s)
			}
		}
		if statuses {
			out = append(out, status)
		}
		if periods {
			out = append(out, period)
		}
	}
	return out
}

func samePlan(x, y PlanPart) bool {
	if x.Kind == "" || x.Kind != y.Kind {
		return false
	}
	one := x.Kind == PlanIndividual || x.Kind == PlanIOP
	return one || plain(x.Title) != "" && plain(x.Title) == plain(y.Title)
}

func serviceRule(b *builder, o *Overview) []Disagreement {
	var out []Disagreement
	for _, s := range o.Services {
		for _, disputed := range s.Disputed {
			d := Disagreement{About: AboutServiceStatus, Matter: s.Title, Line: s.ID}
			if disputed == "period" {
				d.About = AboutServicePeriod
			}
			for _, said := range b.serviceSays[s.ID] {
				sides := statusSide(said.Status, said.Sources[0])
				if disputed == "period" {
					sides = periodSide(said.Period, said.Sources[0])
				}
				for _, side := range sides {
					d.Sides = addSide(d.Sides, side)
				}
			}
			out = append(out, d)
		}
	}
	return out
}

func decisionRule(b *builder, o *Overview) []Disagreement {
	var out []Disagreement
	for _, d := range o.Decisions {
		if !slices.Contains(d.Disputed, "period") {
			continue
		}
		dis := Disagreement{About: AboutDecisionPeriod, Matter: d.Title, Line: d.ID}
		for _, said := range b.decisionSays[d.ID] {
			for _, side := range periodSide(said.Period, said.Sources[0]) {
				dis.Sides = addSide(dis.Sides, side)
			}
		}
		out = append(out, dis)
	}
	return out
}

func meetingRule(_ *builder, o *Overview) []Disagreement {
	var out []Disagreement
	for _, e := range o.Timeline {
		if !slices.Contains(e.Disputed, "time") {
			continue
		}
		d := Disagreement{About: AboutMeetingTime, Matter: e.Title, Line: e.ID}
		for _, s := range e.Says {
			for _, side := range periodSide(Period{s.Start, s.End}, s.Source) {
				d.Sides = addSide(d.Sides, side)
			}
		}
		out = append(out, d)
	}
	return out
}
