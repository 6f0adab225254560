package fhir

import (
	"fmt"
	"time"

	models "github.com/samply/golang-fhir-models/fhir-models/fhir"
)

// Span is a stretch of time from From until, not including, To. A zero From or To is
// open: no beginning or no end is known.
type Span struct{ From, To time.Time }

// ParseInstant reads a FHIR instant or a dateTime with time and zone.
func ParseInstant(s string) (time.Time, error) {
	if !isInstant(s) {
		return time.Time{}, fmt.Errorf("%w: an instant is YYYY-MM-DDThh:mm:ss with a time zone", ErrInvalid)
	}
	if s[17:19] == "60" { // Go knows no leap second; it is the next minute's first
		t, err := time.Parse(time.RFC3339Nano, s[:17]+"59"+s[19:])
		return t.Add(time.Second), err
	}
	return time.Parse(time.RFC3339Nano, s)
}

// ParseDate reads a FHIR date, dateTime or instant as the span that it covers: "2026-11"
// is the whole of November in the given zone, a time is its second (a fraction's start).
func ParseDate(s string, zone *time.Location) (Span, error) {
	if isInstant(s) {
		t, err := ParseInstant(s)
		return Span{t, t.Add(time.Second)}, err
	}
	if isDate(s) {
		layout, years, months, days := time.DateOnly, 0, 0, 1
		switch len(s) {
		case 4:
			layout, years, days = "2006", 1, 0
		case 7:
			layout, months, days = "2006-01", 1, 0
		}
		t, err := time.ParseInLocation(layout, s, zone)
		return Span{t, t.AddDate(years, months, days)}, err
	}
	return Span{}, fmt.Errorf("%w: a date is YYYY, YYYY-MM, YYYY-MM-DD or a time with zone", ErrInvalid)
}

// ParsePeriod reads a FHIR Period: its end is inclusive, so that a period to 2026-11-23
// covers that whole day. https://hl7.org/fhir/R4/datatypes.html#Period
func ParsePeriod(p models.Period, zone *time.Location) (Span, error) {
	var span Span
	if p.Start != nil && *p.Start != "" {
		s, err := ParseDate(*p.Start, zone)
		if err != nil {
			return Span{}, fmt.Errorf("period's start: %w", err)
		}
		span.From = s.From
	}
	if p.End != nil && *p.End != "" {
		s, err := ParseDate(*p.End, zone)
		if err != nil {
			return Span{}, fmt.Errorf("period's end: %w", err)
		}
		span.To = s.To
	}
	return span, nil
}

// Contains tells whether a moment lies in the span.
func (s Span) Contains(t time.Time) bool {
	return (s.From.IsZero() || !t.Before(s.From)) && (s.To.IsZero() || t.Before(s.To))
}

// Overlaps tells whether two spans have a moment in common.
func (s Span) Overlaps(o Span) bool {
	return (s.To.IsZero() || o.From.IsZero() || o.From.Before(s.To)) && (o.To.IsZero() || s.From.IsZero() || s.From.Before(o.To))
}

// Ended tells whether the span is over at a moment.
func (s Span) Ended(at time.Time) bool { return !s.To.IsZero() && !at.Before(s.To) }

// Period makes a Period; an empty start or end is left out.
func Period(start, end string) models.Period {
	var p models.Period
	if start != "" {
		p.Start = &start
	}
	if end != "" {
		p.End = &end
	}
	return p
}
