package consolidate

import (
	"fmt"
	"strings"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/words"
)

// In says how current the source is.
func (s SourceLine) In(w words.Words, loc *time.Location) string {
	s.Since, s.Failed = s.Since.In(loc), s.Failed.In(loc)
	return sourceState(w, s)
}

// SourceLines says how current each source is at now; fresh is how old a last
// success may be (zero: 24 hours).
func SourceLines(states []care.SourceState, now time.Time, fresh time.Duration) []SourceLine {
	if fresh == 0 {
		fresh = 24 * time.Hour
	}
	return sourceLines(states, now, fresh)
}

// In says what this side of a disagreement about about says.
func (s Side) In(w words.Words, about string, loc *time.Location) string {
	value := s.Value
	switch {
	case strings.HasSuffix(about, "-status"):
		value = w.Code("status", s.Value)
	case about == AboutBirthDate:
		value = Moment(s.Value).In(w, loc)
	}
	return strings.TrimSpace(value + " " + s.Period.In(w, loc))
}

// AgeIn says how old the child is: years, or months before the first birthday; "" where unknown.
func (c Child) AgeIn(w words.Words, now time.Time) string {
	if c.Age > 0 {
		return w.Say("child.age", "years", fmt.Sprint(c.Age))
	}
	if born, ok := Moment(c.BirthDate).Time(now.Location()); ok && c.Age == 0 {
		return w.Say("child.age.months", "months", fmt.Sprint(Months(born, now)))
	}
	return ""
}
