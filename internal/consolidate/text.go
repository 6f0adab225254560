package consolidate

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"samsyn/internal/care"
	"samsyn/internal/words"
)

// Text writes the overview as plain text, for a terminal and for paper. Control
// characters in what sources said are left out, so that no source can steer a
// terminal. first, where given, writes what shall stand right below the child's name.
func Text(w io.Writer, o Overview, lang words.Lang, first ...func(io.Writer) error) error {
	t := &texter{o: o, w: words.In(lang), loc: o.Now.Location()}
	t.child(o)
	for _, write := range first {
		t.out.WriteString("\n")
		if err := write(&t.out); err != nil {
			return fmt.Errorf("consolidate: write the overview as text: %w", err)
		}
	}
	t.coordinator(o)
	t.disagreements(o)
	t.coming(o)
	t.team(o)
	t.plan(o)
	t.decisions(o)
	t.services(o)
	t.referrals(o)
	t.past(o)
	t.sources(o)
	t.line(0, t.w.Say(o.Marker))
	for _, s := range o.More {
		t.line(0, t.w.Say("marker.m2", "service", t.w.Say("service."+string(s))))
	}
	if _, err := io.WriteString(w, t.out.String()); err != nil {
		return fmt.Errorf("consolidate: write the overview as text: %w", err)
	}
	return nil
}

type texter struct {
	o   Overview
	w   words.Words
	loc *time.Location
	out strings.Builder
}

func (t *texter) say(key string, args ...string) string { return t.w.Say(key, args...) }

func (t *texter) heading(key string) {
	title := strings.ToUpper(t.say("section." + key))
	t.out.WriteString("\n" + title + "\n")
}

// line writes the parts that say something, parted by commas.
func (t *texter) line(indent int, parts ...string) {
	var said []string
	for _, p := range parts {
		if p = clean(p); p != "" {
			said = append(said, p)
		}
	}
	if len(said) > 0 {
		t.out.WriteString(strings.Repeat("  ", indent) + strings.Join(said, ", ") + "\n")
	}
}

// clean makes one line of a text and leaves out what could steer a terminal.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

func (t *texter) moment(m Moment) string { return m.In(t.w, t.loc) }

// In says the moment in words: a day with its time of day, a day, a month or a year.
func (m Moment) In(w words.Words, loc *time.Location) string {
	at, ok := m.Time(loc)
	switch {
	case !ok:
		return string(m)
	case m.HasClock() && midnight(at):
		return w.Date(at) // a date that had to be an instant
	case m.HasClock():
		return w.DateTime(at)
	case len(m) == len(time.DateOnly):
		return w.Date(at)
	case len(m) == len("2006-01"):
		return w.Month(at)
	}
	return string(m)
}

func midnight(t time.Time) bool { return t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 }

// In says the period in words, "" where nothing is said.
func (p Period) In(w words.Words, loc *time.Location) string {
	start, end := p.Start.In(w, loc), p.End.In(w, loc)
	switch {
	case start == "" && end == "":
		return ""
	case start == end:
		return start
	case p.Start.HasClock() && p.End.HasClock() && p.Start.Day(loc) == p.End.Day(loc):
		last, _ := p.End.Time(loc)
		return start + "–" + w.Clock(last)
	case end == "":
		return w.Say("period.from", "start", start)
	case start == "":
		return w.Say("period.to", "end", end)
	}
	return w.Say("period.both", "start", start, "end", end)
}

// Tellers says who told something: each source's title once, and the services
// where they are not the source's own (what BUP wrote in a message to the helsestasjon).
func (o Overview) Tellers(w words.Words, refs []SourceRef) []string {
	var titles []string
	services := map[string][]string{}
	foreign := map[string]bool{}
	for _, r := range refs {
		titles = appendNew(titles, r.Title)
		services[r.Title] = appendNew(services[r.Title], w.Code("service", string(r.Service)))
		foreign[r.Title] = foreign[r.Title] || !o.owns(r)
	}
	for i, t := range titles {
		if foreign[t] {
			titles[i] = w.Say("line.via", "source", t, "services", strings.Join(services[t], ", "))
		}
	}
	return titles
}

// owns tells whether the service is the one that the source belongs to. Coordination
// is a task of the municipality's health and care services.
func (o Overview) owns(r SourceRef) bool {
	for _, s := range o.Sources {
		if s.Source == r.Source {
			return s.Service == r.Service || s.Service == care.Kommune && r.Service == care.Koordinering
		}
	}
	return true
}

// from says who told a line.
func (t *texter) from(refs []SourceRef) string {
	return "[" + t.tellers(refs) + "]"
}

func (t *texter) tellers(refs []SourceRef) string {
	return strings.Join(t.o.Tellers(t.w, refs), " · ")
}

func (t *texter) title(s string) string {
	if clean(s) == "" {
		return t.say("line.untitled")
	}
	return s
}

func (t *texter) optional(key, name, value string) string {
	if value == "" {
		return ""
	}
	return t.say(key, name, value)
}

func (t *texter) child(o Overview) {
	name := o.Child.Name
	if name == "" {
		name = t.say("child.unnamed")
	}
	t.line(0, name, o.Child.AgeIn(t.w, o.Now), t.optional("child.born", "date", t.moment(Moment(o.Child.BirthDate))))
}

// Months is the number of whole months from born to now.
func Months(born, now time.Time) int {
	m := (now.Year()-born.Year())*12 + int(now.Month()) - int(born.Month())
	if now.Day() < born.Day() {
		m--
	}
	return m
}

func (t *texter) coordinator(o Overview) {
	t.heading("coordinator")
	c := o.Coordinator
	switch {
	case len(c.Current) > 0:
		if len(c.Current) > 1 {
			t.line(1, t.say("coordinator.many", "count", fmt.Sprint(len(c.Current))))
		}
		for _, p := range c.Current {
			t.person(p)
		}
	case c.VacantSince != "":
		t.line(1, t.say("coordinator.vacant", "date", t.moment(c.VacantSince), "name", c.Former[0].Name))
	default:
		t.line(1, t.say("coordinator.none"))
	}
}

func (t *texter) person(p Participant) {
	t.line(1, t.title(p.Name), strings.Join(p.Roles, ", "), strings.Join(p.Organisations, ", "), p.Period.In(t.w, t.loc), t.from(p.Sources))
}

func (t *texter) team(o Overview) {
	for _, part := range []struct {
		key    string
		people []Participant
	}{{"team", o.Team.Current}, {"team.former", o.Team.Former}} {
		if len(part.people) == 0 {
			continue
		}
		t.heading(part.key)
		for _, p := range part.people {
			t.person(p)
		}
	}
}

func (t *texter) disagreements(o Overview) {
	if len(o.Disagreements) == 0 {
		return
	}
	t.heading("disagreements")
	for _, d := range o.Disagreements {
		t.line(1, t.say("disagreement."+d.About, "matter", t.title(d.Matter)))
		for _, s := range d.Sides {
			t.line(2, t.say("disagreement.says", "who", t.tellers(s.Sources), "value", s.In(t.w, d.About, t.loc)))
		}
	}
}

func (t *texter) plan(o Overview) {
	t.heading("plan")
	p := o.Plan
	if p.Individual {
		t.line(1, t.title(p.Title), t.w.Code("status", p.Status), p.Period.In(t.w, t.loc))
	} else {
		t.line(1, t.say("plan.none"))
	}
	for _, part := range p.Plans {
		var evaluated string
		if n := len(part.Evaluated); n > 0 {
			evaluated = t.say("plan.evaluated", "date", t.moment(part.Evaluated[n-1]))
		}
		t.line(2, t.title(part.Title), t.w.Code("status", part.Status), part.Period.In(t.w, t.loc), evaluated,
			t.optional("plan.due", "date", t.moment(part.Due)), t.from(part.Sources))
	}
	if len(p.Goals) > 0 {
		t.heading("goals")
	}
	for _, g := range p.Goals {
		voice := ""
		if g.OwnVoice {
			voice = t.say("plan.ownVoice")
		}
		t.line(1, t.title(g.Text), t.w.Code("status", g.Status), t.moment(g.Due), voice, t.from(g.Sources))
	}
	if len(p.Activities) > 0 {
		t.heading("activities")
	}
	for _, a := range p.Activities {
		by := t.say("line.noResponsible")
		if len(a.Responsible) > 0 {
			by = t.say("line.responsible", "who", strings.Join(a.Responsible, ", "))
		} else if a.OrderedBy != "" {
			by = t.say("line.orderedBy", "who", a.OrderedBy)
		}
		t.line(1, t.title(a.Title), t.w.Code("status", a.Status), by, a.Period.In(t.w, t.loc), t.disputed(a.Disputed), t.from(a.Sources))
	}
}

func (t *texter) disputed(d []string) string {
	if len(d) == 0 {
		return ""
	}
	return t.say("line.disputed")
}

func (t *texter) decisions(o Overview) {
	if len(o.Decisions) == 0 {
		return
	}
	t.heading("decisions")
	for _, d := range o.Decisions {
		t.line(1, t.title(d.Title), t.moment(d.Date), t.say(d.StateKey()), d.Period.In(t.w, t.loc), t.disputed(d.Disputed), t.from(d.Sources))
		t.line(2, t.optional("decision.law", "law", strings.Join(d.Law, "; ")), t.optional("decision.by", "who", d.By),
			t.optional("decision.startBy", "date", t.moment(d.StartBy)), t.optional("decision.appealBy", "date", t.moment(d.AppealBy)))
		for _, l := range d.Letters {
			t.line(2, t.say("line.document", "title", t.title(l.Title)))
		}
	}
}

func (t *texter) services(o Overview) {
	for _, part := range []struct {
		key     string
		running bool
	}{{"services", true}, {"services.ended", false}} {
		list := slices.DeleteFunc(slices.Clone(o.Services), func(s Service) bool { return s.Running != part.running })
		if len(list) == 0 {
			continue
		}
		t.heading(part.key)
		for _, s := range list {
			t.line(1, t.title(s.Title), s.Provider, s.Contact, t.w.Code("status", s.Status), s.Conclusion, s.Period.In(t.w, t.loc), t.disputed(s.Disputed), t.from(s.Sources))
		}
	}
}

func (t *texter) referrals(o Overview) {
	if len(o.Referrals) == 0 {
		return
	}
	t.heading("referrals")
	for _, r := range o.Referrals {
		t.line(1, t.title(r.Title), t.moment(r.Date), t.w.Code("status", r.Status), r.From, strings.Join(r.To, ", "), t.from(r.Sources))
	}
}

func (t *texter) coming(o Overview) { t.events("coming", o.Timeline, true) }

func (t *texter) past(o Overview) {
	list := slices.Clone(o.Timeline)
	slices.Reverse(list) // what happened last is read first
	t.events("past", list, false)
}

func (t *texter) events(key string, list []Event, coming bool) {
	first := true
	for _, e := range list {
		if e.Coming != coming {
			continue
		}
		if first {
			t.heading(key)
			first = false
		}
		when := t.moment(e.Start)
		if when == "" {
			when = t.say("date.unknown")
		}
		with := slices.DeleteFunc(slices.Clone(e.With), func(s string) bool { return SameText(s, e.Provider) })
		t.line(1, when, t.say("event."+e.Kind)+": "+t.title(e.Title), e.Provider, strings.Join(with, ", "), e.Place, t.statusOf(e), t.disputed(e.Disputed), t.from(e.Sources))
		if e.Kind == EventMessage {
			t.line(2, t.say("event.message.fromto", "from", e.From, "to", strings.Join(e.To, ", ")))
			t.line(2, e.Text)
		}
		if e.Kind != EventDocument {
			for _, d := range e.Documents {
				t.line(2, t.say("line.document", "title", t.title(d.Title)))
			}
		}
	}
}

// statusOf says a status only where it is not what one takes for granted.
func (t *texter) statusOf(e Event) string {
	if e.Kind == EventMessage || e.Kind == EventDocument || slices.Contains([]string{"finished", "booked", "fulfilled"}, e.Status) {
		return ""
	}
	return t.w.Code("status", e.Status)
}

func (t *texter) sources(o Overview) {
	if len(o.Sources) > 0 {
		t.heading("sources")
	}
	for _, s := range o.Sources {
		t.line(1, s.Title+": "+sourceState(t.w, s))
	}
	t.out.WriteString("\n")
}

// sourceState says how current a source is.
func sourceState(w words.Words, s SourceLine) string {
	at := func(x time.Time) string { return w.DateTime(x) }
	if s.State == SourceFailed && s.Since.IsZero() {
		return w.Say("source.failed.never", "failed", at(s.Failed))
	}
	return w.Say("source."+s.State, "date", at(s.Since), "failed", at(s.Failed))
}
