package alarm_test

import (
	"slices"
	"testing"
	"time"

	"samsyn/internal/alarm"
)

func TestOf(t *testing.T) {
	now := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	l := alarm.Limits{Skew: 5 * time.Minute, Rate: 0.1, Floor: 20, Cap: 1000, Oldest: 30 * 24 * time.Hour}
	for name, c := range map[string]struct {
		limits alarm.Limits
		facts  alarm.Facts
		want   []alarm.Kind
		is     string
	}{
		"all is well":                   {l, alarm.Facts{Skew: 5 * time.Minute, Waiting: 899, Oldest: now.AddDate(0, 0, -30), Listed: 200, Quarantined: 20}, nil, ""},
		"ahead":                         {l, alarm.Facts{Skew: 5*time.Minute + time.Second}, []alarm.Kind{alarm.Clock}, "5m1s ahead"},
		"behind":                        {l, alarm.Facts{Skew: -time.Hour}, []alarm.Kind{alarm.Clock}, "1h0m0s behind"},
		"rate":                          {l, alarm.Facts{Waiting: 21, Listed: 200, Quarantined: 21}, []alarm.Kind{alarm.Rate}, "21 of 200"},
		"rate, few":                     {l, alarm.Facts{Waiting: 19, Listed: 19, Quarantined: 19}, nil, ""},
		"rate, mended since":            {l, alarm.Facts{Waiting: 3, Listed: 200, Quarantined: 200}, nil, ""},
		"nearly full":                   {l, alarm.Facts{Waiting: 900}, []alarm.Kind{alarm.Full}, "900"},
		"more than full":                {l, alarm.Facts{Waiting: 2000}, []alarm.Kind{alarm.Full}, "2000"},
		"old":                           {l, alarm.Facts{Waiting: 1, Oldest: now.AddDate(0, 0, -31)}, []alarm.Kind{alarm.Old}, "31 days"},
		"nothing waits":                 {l, alarm.Facts{}, nil, ""},
		"no limits":                     {alarm.Limits{}, alarm.Facts{Skew: time.Hour, Waiting: 1 << 30, Oldest: now.AddDate(-9, 0, 0), Listed: 9, Quarantined: 9}, nil, ""},
		"one is enough without a floor": {alarm.Limits{Rate: 0.5}, alarm.Facts{Waiting: 1, Listed: 1, Quarantined: 1}, []alarm.Kind{alarm.Rate}, "1 of 1"},
		"all at once": {l, alarm.Facts{Skew: time.Hour, Waiting: 1000, Oldest: now.AddDate(-1, 0, 0), Listed: 1000, Quarantined: 1000},
			[]alarm.Kind{alarm.Clock, alarm.Rate, alarm.Full, alarm.Old}, "1h0m0s ahead"},
	} {
		c.facts.Source = "a"
		got := alarm.Of(c.limits, c.facts, now)
		var kinds []alarm.Kind
		for _, a := range got {
			kinds = append(kinds, a.Kind)
			if a.Source != "a" || a.Is == "" || a.Limit == "" {
				t.Errorf("%s: %+v", name, a)
			}
		}
		if !slices.Equal(kinds, c.want) || len(got) > 0 && got[0].Is != c.is {
			t.Errorf("%s: %+v, want %v %q", name, got, c.want, c.is)
		}
	}
	if len(alarm.Kinds()) != 4 {
		t.Error("a kind is not listed")
	}
}
