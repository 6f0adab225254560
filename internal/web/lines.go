package web

import (
	"slices"
	"time"

	"samsyn/internal/consolidate"
)

// line is one line with the page that it stands on, for templates within templates.
type line struct {
	Page    Page
	Line    any
	Sources []consolidate.SourceRef
}

// With hands a line to a template of its own.
func (p Page) With(l any) line {
	out := line{Page: p, Line: l}
	switch v := l.(type) {
	case consolidate.Event:
		out.Sources = v.Sources
	case consolidate.Participant:
		out.Sources = v.Sources
	case consolidate.Service:
		out.Sources = v.Sources
	case consolidate.Goal:
		out.Sources = v.Sources
	case consolidate.Activity:
		out.Sources = v.Sources
	case consolidate.PlanPart:
		out.Sources = v.Sources
	case consolidate.Decision:
		out.Sources = v.Sources
	case consolidate.Request:
		out.Sources = v.Sources
	case consolidate.Other:
		out.Sources = v.Sources
	case consolidate.Side:
		out.Sources = v.Sources
	case []consolidate.SourceRef:
		out.Sources = v
	}
	return out
}

// Tellers names those who told a line: each source once, and the service where it is
// not the source's own (BUP, where BUP wrote it in a message to another).
func (p Page) Tellers(all []consolidate.SourceRef) string {
	return p.List(p.shown.Tellers(p.Words, all))
}

// Teller names the one who told something.
func (p Page) Teller(r consolidate.SourceRef) string {
	return p.Tellers([]consolidate.SourceRef{r})
}

// Records leaves out references that a reader cannot tell apart.
func (p Page) Records(all []consolidate.SourceRef) []consolidate.SourceRef {
	type seen struct{ teller, kind, key, element, recorded, changed string }
	had := map[seen]bool{}
	var out []consolidate.SourceRef
	for _, r := range all {
		s := seen{p.Teller(r), r.Kind, r.Key, r.Element, p.Clock(r.Recorded), r.Changed.String()}
		if !had[s] {
			had[s] = true
			out = append(out, r)
		}
	}
	return out
}

// Said is what one source says of an activity: status, who, and when.
func (p Page) Said(s consolidate.ActivitySaid) string {
	said := []string{p.Code("status", s.Status)}
	if len(s.Responsible) > 0 {
		said = append(said, p.Say("line.responsible", "who", p.List(s.Responsible)))
	}
	said = append(said, p.Period(s.Period))
	return p.List(slices.DeleteFunc(said, func(x string) bool { return x == "" }))
}

// Time is when one source says that an event is.
func (p Page) Time(s consolidate.EventSaid) string {
	return p.When(consolidate.Event{Start: s.Start, End: s.End})
}

// Attends names those who take part besides the one who holds the event.
func (p Page) Attends(e consolidate.Event) string {
	return p.List(slices.DeleteFunc(slices.Clone(e.With), func(w string) bool { return w == e.Provider }))
}

// Status says an event's status only where it is not what one takes for granted.
func (p Page) Status(e consolidate.Event) string {
	if e.Kind == consolidate.EventMessage || e.Kind == consolidate.EventDocument || slices.Contains([]string{"finished", "booked", "fulfilled"}, e.Status) {
		return ""
	}
	return p.Code("status", e.Status)
}

// Letters are the documents of an event that are not the event itself.
func (p Page) Letters(e consolidate.Event) []consolidate.Document {
	if e.Kind == consolidate.EventDocument {
		return nil
	}
	return e.Documents
}

// State says how it is with a decision; that something did not start only where it
// was to have a start.
func (p Page) State(d consolidate.Decision) string {
	if d.State == consolidate.DecisionGranted && d.StartBy == "" {
		return p.Say("decision.valid")
	}
	return p.Say("decision." + d.State)
}

// Late tells whether something granted should have been under way by now.
func (p Page) Late(d consolidate.Decision) bool {
	by := d.StartBy.Day(p.zone)
	return d.State == consolidate.DecisionGranted && by != "" && by < p.Now.Format(time.DateOnly)
}

// PlansOf names the plans in which an activity stands, where there are several to choose among.
func (p Page) PlansOf(a consolidate.Activity) string {
	if len(p.shown.Plan.Plans) < 2 {
		return ""
	}
	var titles []string
	for _, part := range p.shown.Plan.Plans {
		title := part.Title
		if title == "" {
			title = part.Label
		}
		if slices.Contains(a.Plans, part.ID) && title != "" && !slices.Contains(titles, title) {
			titles = append(titles, title)
		}
	}
	return p.List(titles)
}

// DecisionOf gives the decision that an activity or a service rests on, nil where there is none.
func (p Page) DecisionOf(id string) *consolidate.Decision {
	i := slices.IndexFunc(p.shown.Decisions, func(d consolidate.Decision) bool { return id != "" && d.ID == id })
	if i < 0 {
		return nil
	}
	return &p.shown.Decisions[i]
}

// Aliases are the child's other names, as said.
func (p Page) Aliases(c consolidate.Child) string {
	var names []string
	for _, n := range c.Names {
		if n.Value != c.Name {
			names = append(names, n.Value)
		}
	}
	return p.List(names)
}

// Namers are those who gave the child's name.
func (p Page) Namers(c consolidate.Child) []consolidate.SourceRef {
	if len(c.Names) == 0 {
		return nil
	}
	return c.Names[0].Sources
}
