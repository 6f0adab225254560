package jobs_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"samsyn/internal/jobs"
)

var oslo = func() *time.Location {
	z, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		panic(err)
	}
	return z
}()

func parse(t interface{ Fatal(...any) }, text string) jobs.Schedule {
	s, err := jobs.Parse(text, oslo)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// times lists what comes between two moments, as the clock in Oslo shows it.
func times(s jobs.Schedule, from, until string) []string {
	at, _ := time.Parse(time.RFC3339, from)
	end, _ := time.Parse(time.RFC3339, until)
	var out []string
	for at = s.Next(at); !at.IsZero() && at.Before(end); at = s.Next(at) {
		out = append(out, at.In(oslo).Format("02T15:04Z07:00"))
	}
	return out
}

func TestSchedulesInTheNightsWhenTheClockIsChanged(t *testing.T) {
	for _, c := range []struct{ name, schedule, from, until, want string }{
		{"02:00 does not exist", "0 2 * * *", "2026-03-28T00:00:00Z", "2026-03-31T01:00:00Z", "28T02:00+01:00 29T03:00+02:00 30T02:00+02:00 31T02:00+02:00"},
		{"02:30 does not exist", "30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z", "29T03:00+02:00 30T02:30+02:00"},
		{"02:00 comes twice", "0 2 * * *", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z", "25T02:00+02:00 26T02:00+01:00"},
		{"02:30 comes twice", "30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z", "25T02:30+02:00 26T02:30+01:00"},
		{"02:00 and 03:00 fall together", "0 2,3 * * *", "2026-03-28T22:00:00Z", "2026-03-29T22:00:00Z", "29T03:00+02:00"},
		{"every hour, one left out", "0 * * * *", "2026-03-29T00:30:00+01:00", "2026-03-29T05:00:00+02:00", "29T01:00+01:00 29T03:00+02:00 29T04:00+02:00"},
		{"every hour, one twice", "0 * * * *", "2026-10-25T00:30:00+02:00", "2026-10-25T04:00:00+01:00", "25T01:00+02:00 25T02:00+02:00 25T02:00+01:00 25T03:00+01:00"},
		{"a zone of its own", "CRON_TZ=UTC 0 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z", "29T04:00+02:00 30T04:00+02:00"},
		{"weekly", "15 3 * * 1", "2026-11-20T00:00:00Z", "2026-12-01T00:00:00Z", "23T03:15+01:00 30T03:15+01:00"},
		{"off", "off", "2026-11-20T00:00:00Z", "2026-12-01T00:00:00Z", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.Join(times(parse(t, c.schedule), c.from, c.until), " "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"2", "0 25 * * *", "* * * *", "@every 5s", "CRON_TZ=", "CRON_TZ=Nowhere/City 0 2 * * *", "CRON_TZ= 0 2 * * *", "CRON_TZ=UTC CRON_TZ=UTC 0 2 * * *", "0 2 30 2 *", "nightly"} {
		if s, err := jobs.Parse(text, oslo); err == nil {
			t.Errorf("%q was read as %v", text, s)
		}
	}
}

// A schedule at an hour comes once on every day of any year; Next always moves on, and
// Last is the inverse of Next.
func TestSchedulesComeOnceADay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hour, minute := rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute")
		s := parse(t, time.Date(2026, 1, 1, hour, minute, 0, 0, time.UTC).Format("4 15")+" * * *")
		zone := oslo
		day := time.Date(rapid.IntRange(2020, 2035).Draw(t, "year"), 1, rapid.IntRange(1, 366).Draw(t, "day"), 0, 0, 0, 0, zone)
		if rapid.Bool().Draw(t, "changing") { // the two nights of a year that matter
			day = time.Date(2026, 3, 29, 0, 0, 0, 0, zone)
			if rapid.Bool().Draw(t, "autumn") {
				day = time.Date(2026, 10, 25, 0, 0, 0, 0, zone)
			}
		}
		next := day.AddDate(0, 0, 1)
		first := s.Next(day.Add(-time.Nanosecond))
		if first.Before(day) || !first.Before(next) {
			t.Fatalf("on %s it comes at %s", day, first)
		}
		if again := s.Next(first); again.Before(next) {
			t.Fatalf("on %s it comes twice: %s and %s", day, first, again)
		}
		at := first.Add(time.Duration(rapid.Int64Range(0, int64(s.Next(first).Sub(first))-1).Draw(t, "later")))
		if last := s.Last(at); !last.Equal(first) {
			t.Fatalf("the last before %s is %s, not %s", at, last, first)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0 2 * * *", "CRON_TZ=UTC 0 2 * * *", "@daily", "off", "TZ=", "*/5 * * * 1-5"} {
		f.Add(seed)
	}
	now := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := jobs.Parse(text, oslo)
		if err != nil || s.Never() {
			return
		}
		if next := s.Next(now); !next.After(now) && !next.IsZero() {
			t.Errorf("%q: next after %s is %s", text, now, next)
		}
		if last := s.Last(now); last.After(now) {
			t.Errorf("%q: last before %s is %s", text, now, last)
		}
	})
}
