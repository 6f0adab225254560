package jobs

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Off is the schedule that never comes.
const Off = "off"

// Schedule says when something is due: a cron expression in a time zone. The zero
// Schedule never is.
//
// What is set at an hour comes exactly once a day, also in the nights when the clock is
// changed: an hour that is left out comes at the first moment after it, and an hour that
// comes twice counts the first time. What comes every hour follows real time.
type Schedule struct {
	text   string
	zone   *time.Location
	spec   *cron.SpecSchedule // its location is UTC: it counts in the clock's figures (see wall)
	hourly bool
}

var parser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// Parse reads five cron fields (minute, hour, day of month, month, day of week) or
// @hourly, @daily, @weekly, @monthly, @yearly; before them CRON_TZ=Area/City may name
// another zone than the given one. "" and "off" never come.
func Parse(text string, zone *time.Location) (Schedule, error) {
	s := Schedule{text: strings.TrimSpace(text), zone: zone}
	rest := s.text
	if rest == "" || rest == Off {
		return Schedule{}, nil
	}
	if name, after, given := cutZone(rest); given {
		z, err := time.LoadLocation(name)
		if err != nil || name == "" {
			return Schedule{}, fmt.Errorf("%q: %q is no known time zone", text, name)
		}
		s.zone, rest = z, strings.TrimSpace(after)
	}
	if strings.HasPrefix(rest, "@every") || strings.Contains(rest, "TZ=") {
		return Schedule{}, fmt.Errorf("%q: give five cron fields (minute hour day month weekday) or @hourly, @daily, @weekly, @monthly", text)
	}
	parsed, err := parser.Parse(rest)
	if err != nil {
		return Schedule{}, fmt.Errorf("%q is no cron expression (minute hour day month weekday): %w", text, err)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return Schedule{}, fmt.Errorf("%q is no cron expression (minute hour day month weekday)", text)
	}
	s.spec = spec
	const allHours = 1<<24 - 1
	s.hourly = spec.Hour&allHours == allHours
	s.spec.Location = time.UTC
	if s.hourly {
		s.spec.Location = s.zone
	}
	if s.Next(time.Unix(0, 0)).IsZero() {
		return Schedule{}, fmt.Errorf("%q never comes", text)
	}
	return s, nil
}

func cutZone(text string) (zone, rest string, given bool) {
	for _, mark := range []string{"CRON_TZ=", "TZ="} {
		if after, ok := strings.CutPrefix(text, mark); ok {
			zone, rest, _ = strings.Cut(after, " ")
			return zone, rest, true
		}
	}
	return "", text, false
}

// String is the schedule as it was written, "off" where it never comes.
func (s Schedule) String() string {
	if s.spec == nil {
		return Off
	}
	return s.text
}

// Never tells whether the schedule never comes.
func (s Schedule) Never() bool { return s.spec == nil }

// Next is the first time after the given one, zero where there is none.
func (s Schedule) Next(after time.Time) time.Time {
	if s.spec == nil {
		return time.Time{}
	}
	if s.hourly {
		return s.spec.Next(after.In(s.zone))
	}
	for wall := wall(after.In(s.zone)); ; {
		if wall = s.spec.Next(wall); wall.IsZero() {
			return wall
		}
		if at := s.instant(wall); at.After(after) {
			return at
		}
	}
}

// Last is the latest time that is not after until, zero where there is none.
func (s Schedule) Last(until time.Time) time.Time {
	const day = 24 * time.Hour
	for _, back := range []time.Duration{2 * time.Hour, 26 * time.Hour, 8 * day, 33 * day, 367 * day, 9 * 366 * day} {
		last := time.Time{}
		for at := s.Next(until.Add(-back)); !at.IsZero() && !at.After(until); at = s.Next(at) {
			last = at
		}
		if !last.IsZero() {
			return last
		}
	}
	return time.Time{}
}

// wall is what the clock on the wall shows, as if it were UTC: a time line without
// hours that are left out or come twice.
func wall(t time.Time) time.Time {
	y, m, d := t.Date()
	h, min, sec := t.Clock()
	return time.Date(y, m, d, h, min, sec, t.Nanosecond(), time.UTC)
}

// instant is the first moment at which the clock on the wall shows w, or has passed it.
func (s Schedule) instant(w time.Time) time.Time {
	_, before := w.Add(-24 * time.Hour).In(s.zone).Zone()
	_, after := w.Add(24 * time.Hour).In(s.zone).Zone()
	early := w.Add(-time.Duration(max(before, after)) * time.Second).In(s.zone)
	late := w.Add(-time.Duration(min(before, after)) * time.Second).In(s.zone)
	switch {
	case wall(early).Equal(w):
		return early
	case wall(late).Equal(w):
		return late
	}
	// The hour is left out: the clock jumps over w at the beginning of late's offset.
	jump, _ := late.ZoneBounds()
	return jump
}
