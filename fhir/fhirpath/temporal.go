package fhirpath

import (
	"strconv"
	"strings"
	"time"
)

// Precision says how much of a date or time is known.
type Precision uint8

// The precisions, coarse to fine.
const (
	Year Precision = iota + 1
	Month
	Day
	Hour
	Minute
	Second
	Millisecond
)

// temporal is what Date, DateTime and Time share. The instant is the first one
// of the period that the value names; an unzoned value is held in UTC.
type temporal struct {
	at       time.Time
	prec     Precision
	zoned    bool
	fraction uint8 // digits of the second's fraction, as written
}

// Date is a day, or a month or a year (FHIRPath "Date", FHIR "date").
type Date struct{ temporal }

// DateTime is a point in time of some precision, with or without a zone
// (FHIRPath "DateTime"; FHIR "dateTime" and "instant").
type DateTime struct{ temporal }

// Time is a time of day (FHIRPath "Time", FHIR "time").
type Time struct{ temporal }

// Precision says how much of the value is known.
func (t temporal) Precision() Precision { return t.prec }

// Start gives the first instant of the period that the value names; a value
// without zone is given in UTC.
func (t temporal) Start() time.Time { return t.at }

// Zoned says whether the value has a time zone.
func (t temporal) Zoned() bool { return t.zoned }

// ParseDate reads YYYY, YYYY-MM or YYYY-MM-DD.
func ParseDate(s string) (Date, bool) {
	t, rest, ok := scanDate(s)
	return Date{t}, ok && rest == ""
}

// ParseDateTime reads a FHIR dateTime or instant, or the coarser forms of
// FHIRPath (hours or minutes alone).
func ParseDateTime(s string) (DateTime, bool) {
	t, rest, ok := scanDateTime(s)
	return DateTime{t}, ok && rest == ""
}

// ParseTime reads hh, hh:mm, hh:mm:ss or hh:mm:ss.f.
func ParseTime(s string) (Time, bool) {
	var c clock
	rest, ok := c.scan(s)
	if !ok || rest != "" {
		return Time{}, false
	}
	return Time{temporal{at: c.on(1, time.January, 1, time.UTC), prec: c.prec, fraction: c.fraction}}, true
}

// NewDateTime gives t with milliseconds and its zone.
func NewDateTime(t time.Time) DateTime {
	return DateTime{temporal{at: t.Truncate(time.Millisecond), prec: Millisecond, zoned: true, fraction: 3}}
}

// NewDate gives the day of t in t's own zone.
func NewDate(t time.Time) Date {
	y, m, d := t.Date()
	return Date{temporal{at: time.Date(y, m, d, 0, 0, 0, 0, time.UTC), prec: Day}}
}

func digitsAt(s string, n int) (int, bool) {
	if len(s) < n || !allDigits(s[:n]) {
		return 0, false
	}
	v, err := strconv.Atoi(s[:n])
	return v, err == nil
}

// scanDate reads as much of a date as stands at the start of s.
func scanDate(s string) (t temporal, rest string, ok bool) {
	y, ok := digitsAt(s, 4)
	if !ok || y == 0 {
		return t, s, false
	}
	m, d, prec := 1, 1, Year
	s = s[4:]
	if n, ok := dashed(s); ok {
		m, prec, s = n, Month, s[3:]
		if n, ok := dashed(s); ok {
			d, prec, s = n, Day, s[3:]
		}
	}
	at := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if at.Day() != d || int(at.Month()) != m {
		return t, s, false
	}
	return temporal{at: at, prec: prec}, s, true
}

// dashed reads "-dd".
func dashed(s string) (int, bool) {
	if len(s) < 3 || s[0] != '-' {
		return 0, false
	}
	return digitsAt(s[1:], 2)
}

// scanDateTime reads a date, and a time and a zone if they follow.
func scanDateTime(s string) (t temporal, rest string, ok bool) {
	t, s, ok = scanDate(s)
	if !ok || s == "" || s[0] != 'T' {
		return t, s, ok
	}
	var c clock
	rest, ok = c.scan(s[1:])
	if !ok || t.prec != Day {
		return t, s, false
	}
	zone, rest, zoned := scanZone(rest)
	y, m, d := t.at.Date()
	return temporal{at: c.on(y, m, d, zone), prec: c.prec, zoned: zoned, fraction: c.fraction}, rest, true
}

// scanZone reads Z or ±hh:mm.
func scanZone(s string) (zone *time.Location, rest string, ok bool) {
	if strings.HasPrefix(s, "Z") {
		return time.UTC, s[1:], true
	}
	if len(s) < 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return time.UTC, s, false
	}
	h, ok1 := digitsAt(s[1:], 2)
	m, ok2 := digitsAt(s[4:], 2)
	if !ok1 || !ok2 || h > 14 || m > 59 {
		return time.UTC, s, false
	}
	offset := (h*60 + m) * 60
	if s[0] == '-' {
		offset = -offset
	}
	return time.FixedZone("", offset), s[6:], true
}

type clock struct {
	h, m, s, ns int
	prec        Precision
	fraction    uint8
}

func (c *clock) scan(s string) (rest string, ok bool) {
	if c.h, ok = digitsAt(s, 2); !ok || c.h > 23 {
		return s, false
	}
	c.prec, s = Hour, s[2:]
	if c.m, ok = colon(s); !ok {
		return s, true
	}
	c.prec, s = Minute, s[3:]
	if c.s, ok = colon(s); !ok {
		return s, c.m < 60
	}
	c.prec, s = Second, s[3:]
	if len(s) > 1 && s[0] == '.' && allDigits(s[1:2]) {
		n := 1
		for n < len(s) && allDigits(s[n:n+1]) {
			n++
		}
		digits := s[1:n]
		if len(digits) > 9 {
			digits = digits[:9]
		}
		c.ns, _ = strconv.Atoi(digits + strings.Repeat("0", 9-len(digits)))
		c.prec, c.fraction, s = Millisecond, uint8(len(digits)), s[n:]
	}
	return s, c.m < 60 && c.s < 60
}

// colon reads ":dd".
func colon(s string) (int, bool) {
	if len(s) < 3 || s[0] != ':' {
		return 0, false
	}
	return digitsAt(s[1:], 2)
}

func (c *clock) on(y int, m time.Month, d int, zone *time.Location) time.Time {
	return time.Date(y, m, d, c.h, c.m, c.s, c.ns, zone)
}

// String writes the value in FHIR's form, with the precision it has.
func (t Date) String() string {
	return t.at.Format([]string{Year: "2006", Month: "2006-01", Day: "2006-01-02"}[min(t.prec, Day)])
}

// String writes the value in FHIR's form, with the precision and zone it has.
func (t DateTime) String() string {
	if t.prec <= Day {
		return Date(t).String()
	}
	zone := ""
	if t.zoned {
		zone = "Z07:00"
	}
	return t.at.Format("2006-01-02T" + t.clockLayout() + zone)
}

// String writes the value with the precision it has.
func (t Time) String() string { return t.at.Format(t.clockLayout()) }

func (t temporal) clockLayout() string {
	switch t.prec {
	case Hour:
		return "15"
	case Minute:
		return "15:04"
	case Second:
		return "15:04:05"
	}
	return "15:04:05." + strings.Repeat("0", int(t.fraction))
}

// MarshalJSON writes the value as FHIR does.
func (t Date) MarshalJSON() ([]byte, error) { return []byte(strconv.Quote(t.String())), nil }

// MarshalJSON writes the value as FHIR does.
func (t DateTime) MarshalJSON() ([]byte, error) { return []byte(strconv.Quote(t.String())), nil }

// MarshalJSON writes the value as FHIR does.
func (t Time) MarshalJSON() ([]byte, error) { return []byte(strconv.Quote(t.String())), nil }

// end gives the last instant of the period that the value names. Seconds and
// their fraction are one precision (FHIRPath N1 6.1.1), so they are points.
func (t temporal) end() time.Time {
	switch t.prec {
	case Year:
		return t.at.AddDate(1, 0, 0).Add(-1)
	case Month:
		return t.at.AddDate(0, 1, 0).Add(-1)
	case Day:
		return t.at.AddDate(0, 0, 1).Add(-1)
	case Hour:
		return t.at.Add(time.Hour - 1)
	case Minute:
		return t.at.Add(time.Minute - 1)
	}
	return t.at
}

// compareTemporal orders two values; known is false when their precision or a
// missing zone leaves it open (FHIRPath N1 6.2).
func compareTemporal(a, b temporal) (order int, known bool) {
	aFrom, aTo, bFrom, bTo := a.at, a.end(), b.at, b.end()
	open := a.zoned != b.zoned
	if open {
		// A time without zone may stand anywhere between UTC+14 and UTC-12.
		if a.zoned {
			bFrom, bTo = bFrom.Add(-14*time.Hour), bTo.Add(12*time.Hour)
		} else {
			aFrom, aTo = aFrom.Add(-14*time.Hour), aTo.Add(12*time.Hour)
		}
	}
	switch {
	case aTo.Before(bFrom):
		return -1, true
	case aFrom.After(bTo):
		return 1, true
	case open:
		return 0, false
	case aFrom.Equal(bFrom) && aTo.Equal(bTo):
		return 0, true
	}
	return 0, false
}
