package consolidate_test

import (
	"encoding/json"
	"testing"
	"time"

	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/words"
)

func TestMoment(t *testing.T) {
	nb := words.In(words.Bokmaal)
	for _, c := range []struct {
		m        consolidate.Moment
		day, say string
	}{
		{"2026", "", "2026"},
		{"2026-10", "", "oktober 2026"},
		{"2026-10-15", "2026-10-15", "15. oktober 2026"},
		{"2026-10-15T13:00:00+02:00", "2026-10-15", "15. oktober 2026 kl. 13.00"},
		{"2026-10-15T22:30:00Z", "2026-10-16", "16. oktober 2026 kl. 00.30"},
		{"2026-10-15T13:00:00.123+02:00", "2026-10-15", "15. oktober 2026 kl. 13.00"},
		{"2026-10-15T00:00:00+02:00", "2026-10-15", "15. oktober 2026"},
		{"", "", ""},
		{"i høst", "", "i høst"}, // what cannot be read is shown as it is
	} {
		if got := c.m.Day(stories.Oslo); got != c.day {
			t.Errorf("%q is on %q, want %q", c.m, got, c.day)
		}
		if got := c.m.In(nb, stories.Oslo); got != c.say {
			t.Errorf("%q is said %q, want %q", c.m, got, c.say)
		}
	}
}

func TestPeriod(t *testing.T) {
	at := func(s string) time.Time {
		x, err := time.ParseInLocation("2006-01-02T15:04", s, stories.Oslo)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for _, c := range []struct {
		name string
		p    consolidate.Period
		at   time.Time
		in   bool
	}{
		{"first minute", consolidate.Period{Start: "2026-06-15", End: "2026-06-20"}, at("2026-06-15T00:00"), true},
		{"minute before", consolidate.Period{Start: "2026-06-15"}, at("2026-06-14T23:59"), false},
		{"last minute of the last day", consolidate.Period{End: "2026-06-20"}, at("2026-06-20T23:59"), true},
		{"the day after", consolidate.Period{End: "2026-06-20"}, at("2026-06-21T00:00"), false},
		{"an instant ends at once", consolidate.Period{End: "2026-06-20T12:00:00+02:00"}, at("2026-06-20T12:00"), false},
		{"the whole last month", consolidate.Period{End: "2026-06"}, at("2026-06-30T23:59"), true},
		{"the whole last year", consolidate.Period{End: "2026"}, at("2026-12-31T23:59"), true},
		{"open", consolidate.Period{}, at("2026-06-20T12:00"), true},
	} {
		if got := c.p.Contains(c.at); got != c.in {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	for _, c := range []struct {
		name string
		x, y consolidate.Period
		want bool
	}{
		{"share a day", consolidate.Period{End: "2026-06-15"}, consolidate.Period{Start: "2026-06-15"}, true},
		{"one after the other", consolidate.Period{End: "2026-06-14"}, consolidate.Period{Start: "2026-06-15"}, false},
		{"open ones", consolidate.Period{Start: "2026-06-14"}, consolidate.Period{Start: "2020"}, true},
		{"nothing said", consolidate.Period{}, consolidate.Period{Start: "2026-01-01", End: "2026-01-02"}, true},
	} {
		if got := c.x.Overlaps(c.y, stories.Oslo); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
		if got := c.y.Overlaps(c.x, stories.Oslo); got != c.want {
			t.Errorf("%s, the other way round: %v", c.name, got)
		}
	}
}

// Whatever stands in a stored body, an overview comes out, and can be shown.
func FuzzBuild(f *testing.F) {
	for _, c := range append(stories.Ella(child), stories.Teo(child)...) {
		for _, m := range c.Made {
			f.Add(m.Resource.Type, []byte(m.Resource.Body))
		}
	}
	f.Add("Encounter", []byte(`{"period":{"start":"2026-13-45T99","end":7},"type":[[]]}`))
	f.Add("CarePlan", []byte(`{"contained":[1,{"id":"g"}],"goal":[{"reference":"#g"}]}`))
	f.Fuzz(func(t *testing.T, typ string, body []byte) {
		made := []care.Made{{Resource: fhir.Resource{Type: typ, ID: "f", Body: json.RawMessage(body)}}}
		everything(t, []care.Contribution{{Source: "fuzz", Service: care.Kommune, Person: child, Kind: "x", Key: "x", Made: made}}, stories.Sources())
	})
}
