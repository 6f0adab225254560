package mapping

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // Europe/Oslo must be known in a container without zone files too
)

// oslo is where dates without a zone are meant. It is a fact, not state.
var oslo = sync.OnceValue(func() *time.Location {
	loc, err := time.LoadLocation("Europe/Oslo")
	if err != nil { // cannot be: tzdata is compiled in
		panic(err)
	}
	return loc
})

// moment is a date or a point in time, as exact as its text was.
type moment struct {
	date  string // YYYY, YYYY-MM or YYYY-MM-DD
	clock string // hh:mm:ss[.fff], "" for a date alone
	zone  string // Z or ±hh:mm, "" where the text has none
}

var (
	isoDate    = regexp.MustCompile(`^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$`)
	dottedDate = regexp.MustCompile(`^(\d{1,2})\.(\d{1,2})\.(\d{4})$`)
	plainDate  = regexp.MustCompile(`^(\d{4})(\d{2})(\d{2})$`)
	clockTime  = regexp.MustCompile(`^(\d{1,2})[:.]?(\d{2})(?:[:.]?(\d{2})(?:[.,](\d{1,9}))?)?$`)
	zoneText   = regexp.MustCompile(`(Z|z|[+-]\d{2}:?\d{2})$`)
)

// parseMoment reads the forms that Norwegian systems write: ISO 8601 in whole or in
// part, dd.mm.yyyy and yyyymmdd, with or without time and zone.
func parseMoment(s string) (moment, bool) {
	if m, ok := plainMoment(s); ok {
		return m, true
	}
	s = strings.TrimSpace(s)
	// XML dates may carry a zone without a time: 2026-01-01+01:00.
	if len(s) > 10 && isoDate.MatchString(s[:10]) && zoneText.FindString(s) == s[10:] {
		s = s[:10]
	}
	day, rest := s, ""
	if i := strings.IndexAny(s, "T "); i > 0 {
		day, rest = s[:i], strings.TrimSpace(s[i+1:])
		if rest == "" {
			return moment{}, false
		}
	} else if len(s) > 8 && plainDate.MatchString(s[:8]) && clockTime.MatchString(s[8:]) {
		day, rest = s[:8], s[8:] // HL7's yyyymmddhhmm[ss]
	}
	var m moment
	switch {
	case isoDate.MatchString(day):
		m.date = day
	case dottedDate.MatchString(day):
		p := dottedDate.FindStringSubmatch(day)
		m.date = fmt.Sprintf("%s-%02s-%02s", p[3], p[2], p[1])
	case plainDate.MatchString(day):
		p := plainDate.FindStringSubmatch(day)
		m.date = p[1] + "-" + p[2] + "-" + p[3]
	default:
		return moment{}, false
	}
	if !realDate(m.date) {
		return moment{}, false
	}
	if rest == "" {
		return m, true
	}
	m.zone = zoneText.FindString(rest)
	p := clockTime.FindStringSubmatch(strings.TrimSpace(strings.TrimSuffix(rest, m.zone)))
	if p == nil || len(m.date) != 10 {
		return moment{}, false
	}
	if p[3] == "" {
		p[3] = "00"
	}
	m.clock = fmt.Sprintf("%02s:%s:%s", p[1], p[2], p[3])
	if _, err := time.Parse("15:04:05", m.clock); err != nil {
		return moment{}, false
	}
	if p[4] != "" {
		m.clock += "." + p[4]
	}
	switch {
	case m.zone == "z":
		m.zone = "Z"
	case len(m.zone) == 5:
		m.zone = m.zone[:3] + ":" + m.zone[3:]
	}
	if m.zone != "" {
		if _, err := time.Parse("Z07:00", m.zone); err != nil {
			return moment{}, false
		}
	}
	return m, true
}

// plainMoment reads the forms that nearly every record has, without regular
// expressions: dd.mm.yyyy, yyyy-mm-dd and yyyy-mm-ddThh:mm:ss with or without zone.
func plainMoment(s string) (m moment, ok bool) {
	if len(s) < 10 {
		return m, false
	}
	switch {
	case s[2] == '.' && s[5] == '.' && len(s) == 10:
		if !inCalendar(s[6:10], s[3:5], s[0:2]) {
			return m, false
		}
		m.date = string([]byte{s[6], s[7], s[8], s[9], '-', s[3], s[4], '-', s[0], s[1]})
		return m, true
	case s[4] != '-' || s[7] != '-' || !inCalendar(s[0:4], s[5:7], s[8:10]):
		return m, false
	}
	m.date = s[:10]
	if len(s) == 10 {
		return m, true
	}
	if len(s) < 19 || s[10] != 'T' || s[13] != ':' || s[16] != ':' || !upTo(s[11:13], 23) || !upTo(s[14:16], 59) || !upTo(s[17:19], 59) {
		return m, false
	}
	m.clock, m.zone = s[11:19], s[19:]
	switch z := m.zone; {
	case z == "" || z == "Z":
		return m, true
	case len(z) == 6 && (z[0] == '+' || z[0] == '-') && z[3] == ':' && upTo(z[1:3], 14) && upTo(z[4:6], 59):
		return m, true
	}
	return m, false
}

// upTo tells whether s is digits, and not more than most.
func upTo(s string, most int) bool {
	n, ok := digits(s)
	return ok && n <= most
}

func digits(s string) (n int, ok bool) {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n, true
}

var daysIn = [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// inCalendar tells whether there is such a day, from the year 1 on.
func inCalendar(year, month, day string) bool {
	y, okY := digits(year)
	m, okM := digits(month)
	d, okD := digits(day)
	if !okY || !okM || !okD || y < 1 || m < 1 || m > 12 || d < 1 {
		return false
	}
	last := daysIn[m-1]
	if m == 2 && y%4 == 0 && (y%100 != 0 || y%400 == 0) {
		last = 29
	}
	return d <= last
}

func realDate(s string) bool {
	layout := "2006-01-02"
	_, err := time.Parse(layout[:len(s)], s)
	return err == nil
}

// at is the point in time that m names; Norwegian time where it has no zone.
func (m moment) at() time.Time {
	day := m.date + "2006-01-01"[len(m.date):] // a partial date starts with its first day
	if m.clock == "" {
		t, _ := time.ParseInLocation("2006-01-02", day, oslo())
		return t
	}
	if m.zone == "" && len(m.clock) == 8 && len(m.date) == 10 {
		year, _ := digits(m.date[:4])
		month, _ := digits(m.date[5:7])
		d, _ := digits(m.date[8:])
		hour, _ := digits(m.clock[:2])
		minute, _ := digits(m.clock[3:5])
		second, _ := digits(m.clock[6:])
		return time.Date(year, time.Month(month), d, hour, minute, second, 0, oslo())
	}
	if m.zone == "" {
		t, _ := time.ParseInLocation("2006-01-02T15:04:05.999999999", day+"T"+m.clock, oslo())
		return t
	}
	t, _ := time.Parse("2006-01-02T15:04:05.999999999Z07:00", day+"T"+m.clock+m.zone)
	return t
}

// day gives m as a FHIR date: the date in Norway of a point in time with a zone.
func (m moment) day() string {
	if m.clock != "" && m.zone != "" {
		return m.at().In(oslo()).Format("2006-01-02")
	}
	return m.date
}

// dateTime gives m as a FHIR dateTime. A zone that the text has is kept.
func (m moment) dateTime() string {
	switch {
	case m.clock == "":
		return m.date
	case m.zone != "":
		return m.date + "T" + m.clock + m.zone
	}
	return m.date + "T" + m.clock + m.at().Format("Z07:00")
}

// instant gives m as a FHIR instant; a date alone is its first moment in Norway, and
// ok is false for less than a whole date.
func (m moment) instant() (s string, ok bool) {
	if len(m.date) != 10 {
		return "", false
	}
	if m.clock == "" {
		return m.at().Format("2006-01-02T15:04:05Z07:00"), true
	}
	return m.dateTime(), true
}
