// Package alarm owns when something about a source needs a person although its runs go
// on: a clock that is wrong, a quarantine that grows, is nearly full or is old. It is pure, and
// knows neither sources nor records nor how people are told.
package alarm

import (
	"fmt"
	"time"
)

// Kind is what an alarm is about.
type Kind string

// The kinds.
const (
	Clock Kind = "clock"           // the source's clock is further from ours than is allowed
	Rate  Kind = "quarantine-rate" // too large a share of what was listed last could not be used
	Full  Kind = "quarantine-full" // the quarantine is, or is nearly, as large as it may be
	Old   Kind = "quarantine-old"  // something has waited too long
)

// Kinds gives all of them in a stable order.
func Kinds() []Kind { return []Kind{Clock, Rate, Full, Old} }

// Limits are what a source may do without an alarm. Where one is 0 there is none of that kind.
type Limits struct {
	Skew   time.Duration // how far its clock may be from ours, either way
	Rate   float64       // share of what a run lists that may be quarantined
	Floor  int           // how many at least make a rate an alarm
	Cap    int           // how many may wait at all
	Oldest time.Duration // how long one may wait
}

// Facts are how a source stands.
type Facts struct {
	Source  string
	Skew    time.Duration // ahead of ours; behind is negative
	Waiting int           // in quarantine
	Oldest  time.Time     // first seen, of what waits; zero where nothing does
	// Listed and Quarantined are of the last run that listed at least Limits.Floor.
	Listed, Quarantined int
}

// Alarm is one thing that needs a person.
type Alarm struct {
	Source string `json:"source"`
	Kind   Kind   `json:"alarm"`
	Is     string `json:"is"`    // what was found
	Limit  string `json:"limit"` // what is allowed
}

// String is the alarm for a log.
func (a Alarm) String() string { return fmt.Sprintf("%s: %s, allowed is %s", a.Kind, a.Is, a.Limit) }

// nearly is the share of the cap from which on the quarantine counts as full: a page that
// goes over it is not taken, however little is missing.
const nearly = 0.9

// Of gives the alarms of a source at a moment.
func Of(l Limits, f Facts, now time.Time) []Alarm {
	var all []Alarm
	raise := func(k Kind, is, limit string) { all = append(all, Alarm{f.Source, k, is, limit}) }
	if l.Skew > 0 && f.Skew.Abs() > l.Skew {
		raise(Clock, Skew(f.Skew), l.Skew.String())
	}
	// What was refused and has been mended since is no alarm any more.
	if l.Rate > 0 && f.Listed > 0 && f.Quarantined >= max(l.Floor, 1) && f.Waiting >= max(l.Floor, 1) && float64(f.Quarantined) > l.Rate*float64(f.Listed) {
		raise(Rate, fmt.Sprintf("%d of %d", f.Quarantined, f.Listed), fmt.Sprintf("%g %%", 100*l.Rate))
	}
	if l.Cap > 0 && float64(f.Waiting) >= nearly*float64(l.Cap) {
		raise(Full, fmt.Sprint(f.Waiting), fmt.Sprint(l.Cap))
	}
	if waited := now.Sub(f.Oldest); l.Oldest > 0 && !f.Oldest.IsZero() && waited > l.Oldest {
		raise(Old, days(waited), days(l.Oldest))
	}
	return all
}

// Skew writes how wrong a clock is.
func Skew(d time.Duration) string {
	switch d = d.Truncate(time.Second); {
	case d < 0:
		return (-d).String() + " behind"
	case d > 0:
		return d.String() + " ahead"
	}
	return "right"
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return d.Truncate(time.Minute).String()
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
