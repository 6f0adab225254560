package consolidate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"samsyn/fhir"
)

// plan merges every source's plans into one: the individual plan gives title,
// status and period; goals and activities come from all.
func (b *builder) plan() Plan {
	var p Plan
	for _, x := range b.plans {
		part := b.planPart(x)
		b.lines[x.src.name()] = part.ID
		p.Plans = append(p.Plans, part)
		p.Sources = append(p.Sources, part.Sources...)
	}
	p.Activities = b.activities(p.Plans)
	p.Goals = b.goalsOf()
	slices.SortStableFunc(p.Plans, b.comparePlans)
	if len(p.Plans) > 0 && p.Plans[0].Kind == PlanIndividual {
		first := p.Plans[0]
		p.Individual, p.Title, p.Status, p.Period = true, first.Title, first.Status, first.Period
	}
	return p
}

func (b *builder) planPart(x from[carePlan]) PlanPart {
	ref := x.src.ref("")
	part := PlanPart{
		ID: lineID("plan", ref), Kind: codeIn(x.V.Category, fhir.SystemPlanType), Label: labels(x.V.Category),
		Status: x.V.Status, Period: x.V.Period, Author: b.who(x.V.Author, x.V.Contained), Changed: x.V.Created,
		Evaluated: x.V.extensionDates(fhir.ExtEvaluation), Due: x.V.extensionDate(fhir.ExtEvaluationDue), Sources: []SourceRef{ref},
	}
	part.Title = cmp.Or(x.V.Title, part.Label, x.V.Description)
	slices.SortFunc(part.Evaluated, b.compare)
	for _, n := range x.V.Note {
		part.OwnVoice = part.OwnVoice || n.AuthorReference != nil && n.AuthorReference.kind() == "Patient"
	}
	for _, d := range b.documents {
		if slices.ContainsFunc(x.V.SupportingInfo, func(r reference) bool { return r.Reference == d.src.name() }) {
			part.Documents = append(part.Documents, b.document(d))
			b.attached[d.src.name()] = true
		}
	}
	return part
}

// comparePlans puts individual plans first, then those that run, then the latest begun.
func (b *builder) comparePlans(x, y PlanPart) int {
	return cmp.Or(
		cmp.Compare(boolRank(x.Kind == PlanIndividual), boolRank(y.Kind == PlanIndividual)),
		cmp.Compare(boolRank(statusMeaning[x.Status] == "runs"), boolRank(statusMeaning[y.Status] == "runs")),
		b.compare(y.Period.Start, x.Period.Start),
		cmp.Compare(rank(x.Sources[0].Service), rank(y.Sources[0].Service)),
		cmp.Compare(x.ID, y.ID))
}

func boolRank(first bool) int {
	if first {
		return 0
	}
	return 1
}

// goalsOf gathers goals, those in CarePlan.contained too. The same goal with the
// same status at two sources is one line.
func (b *builder) goalsOf() []Goal {
	planOf := map[string]string{}
	var all []Goal
	for _, x := range b.plans {
		id := b.lines[x.src.name()]
		for i, r := range x.V.Goal {
			planOf[r.Reference] = id
			local, ok := strings.CutPrefix(r.Reference, "#")
			if !ok {
				continue
			}
			for _, raw := range x.V.Contained {
				v, ok := decode[struct {
					goal
					ID, ResourceType string
				}](raw)
				if ok && v.ID == local && v.ResourceType == "Goal" && v.goal.LifecycleStatus != enteredInError {
					all = append(all, b.goal(from[goal]{v.goal, x.src}, fmt.Sprintf("CarePlan.goal[%d]", i), id))
				}
			}
		}
	}
	for _, x := range b.goals {
		all = append(all, b.goal(x, "", planOf[x.src.name()]))
	}
	groups := fold(len(all),
		func(i, j int) bool { return all[i].Sources[0].Source == all[j].Sources[0].Source },
		func(i, j int) bool {
			return plain(all[i].Text) != "" && plain(all[i].Text) == plain(all[j].Text) && all[i].Status == all[j].Status
		})
	var out []Goal
	for _, g := range groups {
		first := all[g[0]]
		for _, i := range g[1:] {
			first.Sources = append(first.Sources, all[i].Sources...)
			first.OwnVoice = first.OwnVoice || all[i].OwnVoice
		}
		out = append(out, first)
	}
	return out
}

func (b *builder) goal(x from[goal], element, plan string) Goal {
	ref := x.src.ref(element)
	g := Goal{
		ID: lineID("goal", ref), Text: x.V.Description.label(), Status: x.V.LifecycleStatus,
		Achievement: x.V.AchievementStatus.label(), Start: x.V.StartDate, By: b.who(x.V.ExpressedBy, x.V.Contained),
		OwnVoice: x.V.ExpressedBy != nil && x.V.ExpressedBy.kind() == "Patient", Plan: plan, Sources: []SourceRef{ref},
	}
	for _, t := range x.V.Target {
		g.Due = cmp.Or(g.Due, t.DueDate)
	}
	return g
}

// measure is an activity as one source says it, before folding.
type measure struct {
	said     ActivitySaid
	codes    []string
	requests []string    // the requests that it is or rests on
	planned  []SourceRef // the plan's own line, where that only refers to the request
	plain    string
}

// activities gathers the plans' activities and the measures that stand outside of
// any plan, and puts the same measure at different sources on one line.
func (b *builder) activities(plans []PlanPart) []Activity {
	all := b.measures()
	individual := map[string]bool{}
	for _, p := range plans {
		individual[p.ID] = p.Kind == PlanIndividual
	}
	groups := fold(len(all),
		func(i, j int) bool {
			x, y := all[i].said, all[j].said
			// Only the individual plan's own lines speak of what other services do. Elsewhere,
			// and where each has a request of its own, two with each their own responsible
			// do the same thing twice.
			requests := len(all[i].requests) > 0 && len(all[j].requests) > 0
			doubled := (requests || !individual[x.Plan] && !individual[y.Plan]) && rivalNames(x.Responsible, y.Responsible)
			return x.Source.Source == y.Source.Source || doubled || !x.Period.Overlaps(y.Period, b.loc)
		},
		func(i, j int) bool { return share(all[i].codes, all[j].codes) },
		func(i, j int) bool { return all[i].plain != "" && all[i].plain == all[j].plain })
	var out []Activity
	for _, g := range groups {
		says := make([]measure, len(g))
		for k, i := range g {
			says[k] = all[i]
		}
		out = append(out, b.activity(says, individual))
	}
	return out
}

func (b *builder) measures() []measure {
	var all []measure
	byName := map[string]from[serviceRequest]{}
	for _, r := range b.requests {
		byName[r.src.name()] = r
	}
	planned := map[string]bool{}
	for _, x := range b.plans {
		plan := b.lines[x.src.name()]
		for i, a := range x.V.Activity {
			ref := x.src.ref(fmt.Sprintf("CarePlan.activity[%d]", i))
			if d := a.Detail; d != nil {
				all = append(all, measure{
					said: ActivitySaid{Title: cmp.Or(d.Description, d.Code.label()), Status: d.Status, Period: d.ScheduledPeriod,
						Responsible: b.whos(d.Performer, x.V.Contained), Plan: plan, Source: ref},
					codes: codes(d.Code),
				})
				continue
			}
			if a.Reference == nil {
				continue
			}
			if r, ok := byName[a.Reference.Reference]; ok {
				planned[r.src.name()] = true
				m := b.request(r, plan)
				m.planned = []SourceRef{ref}
				all = append(all, m)
			} else if a.Reference.Display != "" {
				all = append(all, measure{said: ActivitySaid{Title: a.Reference.Display, Plan: plan, Source: ref}})
			}
		}
	}
	for _, r := range b.requests {
		if !planned[r.src.name()] && categoryOf(r) == "tiltak" {
			all = append(all, b.request(r, b.planOf(r)))
		}
	}
	for i := range all {
		all[i].plain = plain(all[i].said.Title)
	}
	return all
}

func (b *builder) request(r from[serviceRequest], plan string) measure {
	m := measure{
		said: ActivitySaid{Title: r.V.Code.label(), Status: r.V.Status, Period: r.V.OccurrencePeriod,
			Responsible: b.whos(r.V.Performer, r.V.Contained), OrderedBy: b.who(r.V.Requester, r.V.Contained), Plan: plan, Source: r.src.ref("")},
		codes: codes(r.V.Code), requests: []string{r.src.name()},
	}
	for _, on := range r.V.BasedOn {
		m.requests = append(m.requests, on.Reference)
	}
	return m
}

// planOf is the plan that a request says that it is based on.
func (b *builder) planOf(r from[serviceRequest]) string {
	for _, on := range r.V.BasedOn {
		if id, ok := b.lines[on.Reference]; ok && strings.HasPrefix(on.Reference, "CarePlan/") {
			return id
		}
	}
	return ""
}

func categoryOf(r from[serviceRequest]) string { return codeIn(r.V.Category, fhir.SystemCategory) }

func (b *builder) activity(ms []measure, individual map[string]bool) Activity {
	best, rule := chooseMeasure(ms, individual)
	var ordered string
	a := Activity{Title: best.said.Title, Status: best.said.Status, Responsible: best.said.Responsible, Period: best.said.Period, Chosen: rule}
	var refs, codes []string
	for _, m := range ms {
		a.Says = append(a.Says, m.said)
		a.Sources = append(append(a.Sources, m.said.Source), m.planned...)
		a.Plans = appendNew(a.Plans, m.said.Plan)
		ordered = cmp.Or(ordered, m.said.OrderedBy)
		refs = append(refs, m.requests...)
		codes = append(codes, m.codes...)
	}
	a.ID = lineID("activity", a.Sources[0])
	if len(a.Responsible) == 0 {
		a.OrderedBy = ordered
	}
	a.Disputed = b.disputes(a.Says)
	b.activityRefs[a.ID], b.activityCodes[a.ID] = refs, codes
	return a
}

// chooseMeasure picks whose word is shown first: the individual plan's, which all
// services are to keep to, and otherwise what was changed last.
func chooseMeasure(ms []measure, individual map[string]bool) (measure, string) {
	if len(ms) == 1 {
		return ms[0], "chosen.only"
	}
	for _, m := range ms {
		if individual[m.said.Plan] {
			return m, "chosen.individual-plan"
		}
	}
	best := ms[0]
	for _, m := range ms[1:] {
		if changed(m.said.Source).After(changed(best.said.Source)) {
			best = m
		}
	}
	return best, "chosen.latest"
}

// disputes names what is said differently. What one source does not say is no dispute.
func (b *builder) disputes(says []ActivitySaid) []string {
	var out []string
	for i, x := range says {
		for _, y := range says[i+1:] {
			if rivalStatus(x.Status, y.Status) {
				out = appendNew(out, "status")
			}
			if rivalNames(x.Responsible, y.Responsible) {
				out = appendNew(out, "responsible")
			}
			if b.rivalPeriods(x.Period, y.Period) {
				out = appendNew(out, "period")
			}
		}
	}
	if slices.Contains(out, "status") { // that one says it is over is told with its dates, not twice
		out = slices.DeleteFunc(out, func(d string) bool { return d == "period" })
	}
	slices.Sort(out)
	return out
}

func rivalStatus(x, y string) bool {
	a, b := statusMeaning[x], statusMeaning[y]
	return a != "" && b != "" && a != b
}

func rivalNames(x, y []string) bool {
	if len(x) == 0 || len(y) == 0 {
		return false
	}
	return !slices.ContainsFunc(x, func(n string) bool {
		return slices.ContainsFunc(y, func(m string) bool { return plainName(n) == plainName(m) })
	})
}

// rivalPeriods tells whether both say a start, or both an end, and not the same day.
func (b *builder) rivalPeriods(x, y Period) bool {
	differ := func(m, n Moment) bool { return m != "" && n != "" && m.Day(b.loc) != n.Day(b.loc) }
	return differ(x.Start, y.Start) || differ(x.End, y.End)
}
