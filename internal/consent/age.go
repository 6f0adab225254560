package consent

import (
	"slices"
	"time"

	"samsyn/internal/care"
)

// Ages are the ages, in whole years, at which the right to consent moves from guardians
// to the child, by service and by the days on which the law says so. They come from the
// access table (section ages); this package holds none of its own.
type Ages []Limits

// Limits are the ages of some services in a period.
type Limits struct {
	Services    []care.Service
	From, Until string // first and last day, YYYY-MM-DD; "" is open
	Heard       int    // from this age she is to be heard (barnelova § 31)
	Weight      int    // from this age great weight is put on what she says (pbrl. § 4-4)
	Child       int    // from this age her own consent is needed
	Guardians   int    // until this age those with parental responsibility must consent
	// OneIsEnough: the guardian with whom the child lives may consent alone (pbrl. § 4-4,
	// daily care). Where it is false all of them must.
	OneIsEnough bool
}

// For gives the limits that hold for a service on the day of the instant; false where none do.
func (a Ages) For(s care.Service, at time.Time) (Limits, bool) {
	i := a.row(s, at.Format(time.DateOnly))
	if i < 0 {
		return Limits{}, false
	}
	return a[i], true
}

// row is the place of the limits that hold for a service on a day, -1 where none do.
func (a Ages) row(s care.Service, day string) int {
	return slices.IndexFunc(a, func(l Limits) bool {
		return day >= l.From && (l.Until == "" || day <= l.Until) && slices.Contains(l.Services, s)
	})
}

// alike tells whether two services are under the same limits, now and at every signing.
func (a Ages) alike(s, o care.Service, now moment, signings []moment) bool {
	return a.row(s, now.day) == a.row(o, now.day) &&
		!slices.ContainsFunc(signings, func(m moment) bool { return a.row(s, m.day) != a.row(o, m.day) })
}

// moment is an instant with what is asked of it again and again.
type moment struct {
	at    time.Time
	day   string
	age   int
	known bool // the age
}

func momentOf(born string, at time.Time) moment {
	m := moment{at: at, day: at.Format(time.DateOnly)}
	m.age, m.known = Age(born, at)
	return m
}

// Age is the number of whole years that one born on that day (YYYY-MM-DD) has lived on
// the day of the instant, in the instant's own zone. Rights come on the birthday itself,
// at midnight. One born on 29 February turns a year older on 1 March where the year has
// no 29 February: the day before is not yet the day. False where the day of birth is not
// known, is no day, or lies ahead.
func Age(born string, at time.Time) (int, bool) {
	b, err := time.Parse(time.DateOnly, born)
	if err != nil || at.IsZero() {
		return 0, false
	}
	year, month, day := at.Date()
	years := year - b.Year()
	if month < b.Month() || month == b.Month() && day < b.Day() {
		years--
	}
	return years, years >= 0
}
