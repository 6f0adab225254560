package store

import (
	"encoding/json"
	"strings"
	"time"

	"samsyn/fhir"
	"samsyn/internal/care"
)

var (
	dropPlaces = say(`DELETE FROM team_place WHERE contribution IN (SELECT k.contribution FROM {rows})`, "contribution:int")
	putPlaces  = say(`INSERT INTO team_place (contribution, place, hpr, starts, ends) SELECT k.contribution, k.place, k.hpr, k.starts, k.ends FROM {rows}`,
		"contribution:int place:int hpr starts:int ends:int")
)

// place is one place in a care team; times are 0 where nothing is said.
type place struct {
	hpr          string // keyed hash of the number
	starts, ends int64
}

// place writes the places that a contribution tells of, where it tells or told of any.
func (w *work) place(id int64, held *heldRow, places []place) {
	if held.Places > 0 {
		w.say(&dropPlaces, id)
	}
	for i, p := range places {
		w.say(&putPlaces, id, int64(i), p.hpr, p.starts, p.ends)
	}
}

// hprID stands for a number in Helsepersonellregisteret.
func (s *Store) hprID(number string) string {
	number = strings.ReplaceAll(strings.TrimSpace(number), " ", "")
	if number == "" {
		return ""
	}
	const hexDigits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range s.keyed("hpr", []byte(number))[:16] {
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

// placesOf reads who stands in the care teams that a contribution tells of, by HPR number.
// A team that is not active gives nobody a place, nor does a day that cannot be read.
func (s *Store) placesOf(made []care.Made) []place {
	var out []place
	for _, m := range made {
		if m.Resource.Type != "CareTeam" {
			continue
		}
		type period struct{ Start, End string }
		var team struct {
			Status      string
			Period      period
			Participant []struct {
				Member struct {
					Identifier struct{ System, Value string }
				}
				Period period
			}
		}
		if json.Unmarshal(m.Resource.Body, &team) != nil || team.Status != "" && team.Status != "active" {
			continue
		}
		for _, p := range team.Participant {
			if p.Member.Identifier.System != fhir.SystemHPR || p.Member.Identifier.Value == "" {
				continue
			}
			starts, ok1 := narrower(s.oslo, true, p.Period.Start, team.Period.Start)
			ends, ok2 := narrower(s.oslo, false, p.Period.End, team.Period.End)
			if ok1 && ok2 {
				out = append(out, place{s.hprID(p.Member.Identifier.Value), starts, ends})
			}
		}
	}
	return out
}

// narrower gives the narrower of bounds: of starts the last, of ends the first; 0 where none is
// said. A day, a month and a year begin with their first instant; as an end, they last to
// their last, in a place. ok is false where a bound cannot be read.
func narrower(in *time.Location, start bool, bounds ...string) (us int64, ok bool) {
	for _, b := range bounds {
		if b == "" {
			continue
		}
		t, err := instant(b, in, !start)
		if err != nil {
			return 0, false
		}
		if at := t.UnixMicro(); us == 0 || start && at > us || !start && at < us {
			us = at
		}
	}
	return us, true
}

// instant reads a FHIR dateTime; after gives the instant after what it covers.
func instant(text string, in *time.Location, after bool) (time.Time, error) {
	for _, f := range []struct {
		layout        string
		years, months int
		days          int
	}{{"2006", 1, 0, 0}, {"2006-01", 0, 1, 0}, {time.DateOnly, 0, 0, 1}} {
		if t, err := time.ParseInLocation(f.layout, text, in); err == nil {
			if after {
				t = t.AddDate(f.years, f.months, f.days)
			}
			return t, nil
		}
	}
	return time.Parse(time.RFC3339Nano, text)
}
