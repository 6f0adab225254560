package consolidate

import (
	"strings"
	"time"
)

// Moment is a FHIR date, dateTime or instant just as the source said it: "2026",
// "2026-10", "2026-10-15" or "2026-10-15T13:00:00+02:00". "" is not said.
type Moment string

// layout is the form in which the moment is written. It is known by its length, for
// trying one form after the other is most of what an overview costs.
func (m Moment) layout() string {
	switch n := len(m); {
	case n == len("2006"):
		return "2006"
	case n == len("2006-01"):
		return "2006-01"
	case n == len(time.DateOnly):
		return time.DateOnly
	case n == len("2006-01-02T15:04"):
		return "2006-01-02T15:04"
	case n == len("2006-01-02T15:04:05"):
		return "2006-01-02T15:04:05"
	}
	return time.RFC3339Nano
}

// Time gives the moment's first instant, in loc where it has no zone of its own.
func (m Moment) Time(loc *time.Location) (time.Time, bool) {
	if m == "" {
		return time.Time{}, false
	}
	t, err := time.ParseInLocation(m.layout(), string(m), loc)
	if err != nil {
		return time.Time{}, false
	}
	return t.In(loc), true
}

// HasClock tells whether a time of day was said.
func (m Moment) HasClock() bool { return strings.Contains(string(m), "T") }

// Day gives the moment's day in loc as YYYY-MM-DD, or "" where no day was said.
func (m Moment) Day(loc *time.Location) string {
	if len(m) == len(time.DateOnly) {
		return string(m)
	}
	if len(m) < len(time.DateOnly) {
		return ""
	}
	t, ok := m.Time(loc)
	if !ok {
		return ""
	}
	return t.Format(time.DateOnly)
}

// after gives the first instant after the moment: the next day of a day, the next
// month of a month, and the instant itself where a time of day was said.
func (m Moment) after(loc *time.Location) (time.Time, bool) {
	t, ok := m.Time(loc)
	if !ok {
		return t, false
	}
	switch len(m) {
	case len("2006"):
		return t.AddDate(1, 0, 0), true
	case len("2006-01"):
		return t.AddDate(0, 1, 0), true
	case len(time.DateOnly):
		return t.AddDate(0, 0, 1), true
	}
	return t, true
}

// Begun tells whether the period has begun at t; one without a start has.
func (p Period) Begun(t time.Time) bool {
	s, ok := p.Start.Time(t.Location())
	return !ok || !s.After(t)
}

// Ended tells whether the period is over at t: the day after its last day, or the
// very instant where a time of day was said. One without an end is never over.
func (p Period) Ended(t time.Time) bool {
	e, ok := p.End.after(t.Location())
	return ok && !e.After(t)
}

// Contains tells whether t lies within the period.
func (p Period) Contains(t time.Time) bool { return p.Begun(t) && !p.Ended(t) }

// Overlaps tells whether the two periods have any instant in common; an unsaid
// start or end is open.
func (p Period) Overlaps(o Period, loc *time.Location) bool {
	return !p.before(o, loc) && !o.before(p, loc)
}

func (p Period) before(o Period, loc *time.Location) bool {
	end, ok1 := p.End.after(loc)
	start, ok2 := o.Start.Time(loc)
	return ok1 && ok2 && !end.After(start)
}
