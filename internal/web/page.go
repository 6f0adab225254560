package web

import (
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/findings"
	"samsyn/internal/overview"
	"samsyn/internal/words"
)

// Page is what every template sees: the words, the viewer and the clock. Its
// methods are all that a template can say.
type Page struct {
	words.Words
	Title   string
	Viewer  care.Viewer
	Viewers []care.Viewer
	Path    string
	Now     time.Time

	zone *time.Location
}

func (h *Handler) page(c echo.Context) Page {
	lang := h.Language
	if cookie, err := c.Cookie("sprak"); err == nil && slices.Contains(words.Langs(), words.Lang(cookie.Value)) {
		lang = words.Lang(cookie.Value)
	}
	return Page{Words: words.In(lang), Viewer: h.viewer(c), Viewers: h.Viewers, Path: c.Request().URL.Path, Now: h.Now().In(h.Zone), zone: h.Zone}
}

// Langs are the languages that can be chosen.
func (p Page) Langs() []words.Lang { return words.Langs() }

// Clock writes an instant of ours.
func (p Page) Clock(t time.Time) string { return p.DateTime(t.In(p.zone)) }

// Moment writes a date just as precisely as the source said it.
func (p Page) Moment(m consolidate.Moment) string { return m.In(p.Words, p.zone) }

// Period writes a span, "" where nothing is said.
func (p Page) Period(s consolidate.Period) string { return s.In(p.Words, p.zone) }

// Born writes when the child was born and how old that makes her.
func (p Page) Born(c consolidate.Child) string {
	if c.BirthDate == "" {
		return ""
	}
	born := p.Say("child.born", "date", p.Moment(consolidate.Moment(c.BirthDate)))
	return strings.TrimPrefix(c.AgeIn(p.Words, p.Now)+", "+born, ", ")
}

// List joins what several sources said.
func (p Page) List(all []string) string { return strings.Join(all, ", ") }

// Distinct gives one reference per source title, in order.
func (p Page) Distinct(all []consolidate.SourceRef) []consolidate.SourceRef {
	var out []consolidate.SourceRef
	for _, s := range all {
		if !slices.ContainsFunc(out, func(o consolidate.SourceRef) bool { return o.Title == s.Title }) {
			out = append(out, s)
		}
	}
	return out
}

// maxRules is how many rules are listed behind a line; the API has them all.
const maxRules = 12

// Rules writes which rule made what from which source field.
func (p Page) Rules(all []care.Lineage) []string {
	var out []string
	for _, l := range all {
		if len(l.From) == 0 {
			continue
		}
		if len(out) == maxRules {
			return append(out, "…")
		}
		out = append(out, l.Element+" ← "+strings.Join(l.From, ", ")+" ("+l.Rule+")")
	}
	return out
}

// SourceState writes how current a source is.
func (p Page) SourceState(s consolidate.SourceLine) string {
	return s.In(p.Words, p.zone)
}

// Side writes one side of a disagreement.
func (p Page) Side(about string, s consolidate.Side) string { return s.In(p.Words, about, p.zone) }

// Finding writes a finding as a sentence.
func (p Page) Finding(f findings.Finding) string { return f.Sentence(p.Words, p.zone) }

// LastCoordinator names who was the coordinator last.
func (p Page) LastCoordinator(c consolidate.Coordinator) string {
	if len(c.Former) == 0 {
		return ""
	}
	return c.Former[0].Name
}

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
	case consolidate.Side:
		out.Sources = v.Sources
	}
	return out
}

type overviewPage struct {
	Page
	Overview       consolidate.Overview
	Findings       []findings.Finding
	Coming, Past   []consolidate.Event
	Running, Ended []consolidate.Service
}

func overviewOf(p Page, a overview.Answer) overviewPage {
	data := overviewPage{Page: p, Overview: a.Overview, Findings: a.Findings}
	for _, e := range a.Overview.Timeline {
		if e.Coming {
			data.Coming = append(data.Coming, e)
		} else {
			data.Past = append(data.Past, e)
		}
	}
	slices.Reverse(data.Past) // the latest first: that is what a coordinator asks for
	for _, s := range a.Overview.Services {
		if s.Running {
			data.Running = append(data.Running, s)
		} else {
			data.Ended = append(data.Ended, s)
		}
	}
	return data
}

type childLine struct {
	Person   care.PersonID
	Child    consolidate.Child
	Findings struct{ Act, Watch int }
	Next     *consolidate.Event
}

type childrenPage struct {
	Page
	Children []childLine
}

func childOf(a overview.Answer) childLine {
	o := a.Overview
	c := childLine{Person: o.Person, Child: o.Child}
	for _, f := range a.Findings {
		switch f.Level {
		case findings.Act:
			c.Findings.Act++
		case findings.Watch:
			c.Findings.Watch++
		}
	}
	for i := range o.Timeline {
		if o.Timeline[i].Coming && !o.Timeline[i].Cancelled {
			c.Next = &o.Timeline[i]
			break
		}
	}
	return c
}

type sourcesPage struct {
	Page
	States []consolidate.SourceLine
}

func sourcesOf(p Page, states []care.SourceState) sourcesPage {
	return sourcesPage{Page: p, States: consolidate.SourceLines(states, p.Now, 0)}
}
