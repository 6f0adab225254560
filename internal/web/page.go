package web

import (
	"fmt"
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
	// SignedIn tells that the viewer signed in; then FormToken is what her forms send back.
	SignedIn  bool
	FormToken string
	HasRights bool   // there are pages of who sees what
	Glass     bool   // this is asked for as an emergency
	Next      string // where the page leads on to by itself; "" for nowhere

	zone *time.Location
	// shown is the overview on the page, for what only it knows: who told a line, and which lines there are.
	shown consolidate.Overview
}

func (h *Handler) page(c echo.Context) Page {
	who := h.asked(c)
	return Page{Words: words.In(h.language(c)), Viewer: who.viewer, Viewers: h.Viewers, Path: c.Request().URL.Path, Now: h.Now().In(h.Zone), zone: h.Zone,
		SignedIn: h.SignIn != nil && who.err == nil, FormToken: h.Who.FormToken(c.Request()), HasRights: h.Rights != nil && who.err == nil, Glass: c.QueryParam("nod") == "ja"}
}

// Langs are the languages that can be chosen.
func (p Page) Langs() []words.Lang { return words.Langs() }

// Clock writes an instant of ours.
func (p Page) Clock(t time.Time) string { return p.DateTime(t.In(p.zone)) }

// Moment writes a date just as precisely as the source said it.
func (p Page) Moment(m consolidate.Moment) string { return m.In(p.Words, p.zone) }

// Period writes a span, "" where nothing is said.
func (p Page) Period(s consolidate.Period) string { return s.In(p.Words, p.zone) }

// When writes when an event was or will be; "date not given" where no source says it.
func (p Page) When(e consolidate.Event) string {
	switch {
	case e.Start == "":
		return p.Say("date.unknown")
	case e.End == "":
		return p.Moment(e.Start)
	}
	return p.Period(consolidate.Period{Start: e.Start, End: e.End})
}

// Ahead says how far off a coming day is: the weekday and the days until then; ""
// where the source said no day, or the day is past.
func (p Page) Ahead(m consolidate.Moment) string {
	day, err := time.Parse(time.DateOnly, m.Day(p.zone))
	if err != nil {
		return ""
	}
	today, _ := time.Parse(time.DateOnly, p.Now.Format(time.DateOnly))
	weekday := p.Say(fmt.Sprintf("web.weekday.%d", int(day.Weekday())))
	switch days := int(day.Sub(today) / (24 * time.Hour)); {
	case days < 0:
		return ""
	case days == 0:
		return p.Say("web.today")
	case days == 1:
		return p.Say("web.tomorrow")
	default:
		return p.Say("web.ahead", "weekday", weekday, "count", fmt.Sprint(days))
	}
}

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

// SourceState writes how current a source is.
func (p Page) SourceState(s consolidate.SourceLine) string { return s.In(p.Words, p.zone) }

// Stale tells whether what the source said may be old.
func (p Page) Stale(s consolidate.SourceLine) bool { return s.State != consolidate.SourceFresh }

// AnyStale tells whether a source behind this overview may be old.
func (p Page) AnyStale() bool { return slices.ContainsFunc(p.shown.Sources, p.Stale) }

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

// childLine is one child among those of whom the viewer may see something.
type childLine struct {
	Person     care.PersonID
	Child      consolidate.Child
	Act, Watch int
	First      []findings.Finding // the most pressing, those only that somebody must act on
	Next       *consolidate.Event
}

// maxFirst is how many findings stand with a child in the list of children.
const maxFirst = 2

type childrenPage struct {
	Page
	Children []childLine
}

func (p Page) childOf(a overview.Answer) childLine {
	o := a.Overview
	c := childLine{Person: o.Person, Child: o.Child}
	for _, f := range a.Findings {
		switch f.Level {
		case findings.Act:
			c.Act++
			if len(c.First) < maxFirst {
				c.First = append(c.First, f)
			}
		case findings.Watch:
			c.Watch++
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
	Runs   bool // there is a page of runs
	skews  map[string]time.Duration
}

// Wrong writes how wrong a source's clock is, "" where it is right.
func (p sourcesPage) Wrong(s consolidate.SourceLine) string {
	skew := p.skews[s.Source].Truncate(time.Second)
	switch {
	case skew > 0:
		return p.Say("source.clock.ahead", "by", skew.String())
	case skew < 0:
		return p.Say("source.clock.behind", "by", (-skew).String())
	}
	return ""
}

func sourcesOf(p Page, states []care.SourceState, runs bool) sourcesPage {
	out := sourcesPage{Page: p, States: consolidate.SourceLines(states, p.Now, 0), Runs: runs, skews: map[string]time.Duration{}}
	for _, s := range states {
		out.skews[s.Source] = s.Skew
	}
	return out
}
