package search

import (
	"encoding/json"
	"strings"
	"time"

	"samsyn/fhir"
	"samsyn/fhir/fhirpath"
)

// found is one resource, looked at.
type found struct {
	fhir.Resource
	root fhirpath.Item
	zone *time.Location
	keys []string
}

func look(r fhir.Resource, zone *time.Location) (*found, error) {
	m, err := fhir.Decode(r)
	if err != nil {
		return nil, err
	}
	return &found{Resource: r, root: fhirpath.RootFHIR(m), zone: zone}, nil
}

func (f *found) name() string { return f.Type + "/" + f.ID }

// values evaluates a parameter; what it cannot be evaluated on has none.
func (f *found) values(p parameter) fhirpath.Collection {
	if p.expr == nil {
		return nil
	}
	all, err := p.expr.Evaluate(nil, f.root)
	if err != nil {
		return nil
	}
	return all
}

// has tells whether one of the resource's values fits.
func (f *found) has(p parameter, want string) bool {
	switch p.kind {
	case identity:
		return f.ID == want
	case reference:
		for _, ref := range f.references(p) {
			_, id, _ := strings.Cut(ref, "/")
			if ref == want || id == want {
				return true
			}
		}
		return false
	case date:
		op, text := prefix(want)
		span, err := fhir.ParseDate(text, f.zone)
		if err != nil {
			return false
		}
		for _, it := range f.values(p) {
			if s, ok := f.span(it); ok && fits(op, s, span) {
				return true
			}
		}
		return false
	}
	for _, it := range f.values(p) {
		for _, c := range codes(it.Value()) {
			if c.fits(want) {
				return true
			}
		}
	}
	return false
}

// references gives the local references "Type/id" of a parameter.
func (f *found) references(p parameter) []string {
	var all []string
	for _, it := range f.values(p) {
		m, _ := it.Value().(map[string]any)
		text, _ := m["reference"].(string)
		if typ, id, ok := fhir.SplitReference(text); ok {
			all = append(all, typ+"/"+id)
		}
	}
	return all
}

// span reads a date, dateTime, instant, Period or Timing with events or bounds.
func (f *found) span(it fhirpath.Item) (fhir.Span, bool) {
	switch v := it.Value().(type) {
	case string:
		s, err := fhir.ParseDate(v, f.zone)
		return s, err == nil
	case map[string]any:
		var s fhir.Span
		if text, ok := v["start"].(string); ok {
			from, err := fhir.ParseDate(text, f.zone)
			if err != nil {
				return s, false
			}
			s.From = from.From
		}
		if text, ok := v["end"].(string); ok {
			to, err := fhir.ParseDate(text, f.zone)
			if err != nil {
				return s, false
			}
			s.To = to.To
		}
		return s, !s.From.IsZero() || !s.To.IsZero()
	}
	return fhir.Span{}, false
}

// fits compares a resource's span with the one that is asked for, as
// https://hl7.org/fhir/R4/search.html#date does: an open end lies beyond everything.
func fits(op string, have, want fhir.Span) bool {
	within := !have.From.IsZero() && !have.To.IsZero() && !have.From.Before(want.From) && !have.To.After(want.To)
	switch op {
	case "eq":
		return within
	case "ne":
		return !within
	case "gt":
		return have.To.IsZero() || have.To.After(want.To)
	case "lt":
		return have.From.IsZero() || have.From.Before(want.From)
	case "ge":
		return have.To.IsZero() || have.To.After(want.To) || within
	}
	return have.From.IsZero() || have.From.Before(want.From) || within // le
}

type code struct {
	system, value string
	none          bool // it can have no system: a code, string or boolean
}

// codes reads what a token parameter may stand on.
func codes(v any) []code {
	switch v := v.(type) {
	case string:
		return []code{{value: v, none: true}}
	case bool:
		if v {
			return []code{{value: "true", none: true}}
		}
		return []code{{value: "false", none: true}}
	case map[string]any:
		if list, ok := v["coding"].([]any); ok {
			var all []code
			for _, c := range list {
				all = append(all, codes(c)...)
			}
			return all
		}
		c := code{}
		c.system, _ = v["system"].(string)
		if c.value, _ = v["code"].(string); c.value == "" {
			c.value, _ = v["value"].(string)
		}
		if fhir.IsNational(c.system) {
			return nil // a national number answers to nothing
		}
		return []code{c}
	}
	return nil
}

func (c code) fits(want string) bool {
	system, value, both := strings.Cut(want, "|")
	switch {
	case !both:
		return c.value == want
	case value == "":
		return c.system == system
	case system == "":
		return c.value == value && c.system == ""
	}
	// The system of a code element is the one that its binding names; the code decides.
	return c.value == value && (c.system == system || c.none)
}

// key is what a resource is sorted by: the least of its values; what has none comes last.
func (f *found) key(p parameter) string {
	const last = "\U0010ffff"
	if p.kind == identity {
		return f.ID
	}
	key := last
	for _, it := range f.values(p) {
		text := last
		if p.kind == date {
			if s, ok := f.span(it); ok {
				text = s.From.UTC().Format(time.RFC3339)
			}
		} else if all := codes(it.Value()); len(all) > 0 {
			text = all[0].value
		}
		key = min(key, text)
	}
	if b, err := json.Marshal(key); err != nil || len(b) > 200 { // it stands in an address
		return last
	}
	return key
}
