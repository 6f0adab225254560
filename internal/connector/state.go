package connector

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"samsyn/adapters"
)

// state is where one listing was left. A cursor is the states of all listings, by
// label, as JSON.
type state struct {
	// Mark is what the next pass asks from, as the source said it or as RFC 3339; for
	// a folder a digest of its files.
	Mark string `json:"mark,omitempty"`
	// Full is when everything was last read; only where that is asked for now and then.
	Full time.Time `json:"full,omitzero"`
	// Keys are the kind/key of all records there were; only where those that are
	// absent are deleted.
	Keys []string `json:"keys,omitempty"`
	// Done tells a listing that was read to its end from one that never was.
	Done bool `json:"done"`
}

func parseCursor(c adapters.Cursor) (map[string]state, error) {
	all := map[string]state{}
	if c == "" {
		return all, nil
	}
	if err := json.Unmarshal([]byte(c), &all); err != nil {
		return nil, fmt.Errorf("%w: the stored cursor cannot be read; clear it to read everything again", adapters.ErrConfig)
	}
	return all, nil
}

func encode(all map[string]state) adapters.Cursor {
	b, _ := json.Marshal(all) // strings and times of this century always marshal
	return adapters.Cursor(b)
}

// zone is where a time without one is read. The program brings time/tzdata; without
// it an hour is lost in summer, and an overlap makes up for that.
var zone = oslo()

func oslo() *time.Location {
	if l, err := time.LoadLocation("Europe/Oslo"); err == nil {
		return l
	}
	return time.FixedZone("CET", 3600)
}

var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05", "2006-01-02T15:04", time.DateOnly, "02.01.2006 15:04:05", "02.01.2006 15:04", "02.01.2006"}

// parseTime reads the forms in which sources say when something changed. Digits alone
// are seconds since 1970, or milliseconds where that would be after the year 5000.
func parseTime(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	for _, form := range timeForms {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t, true
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || n < 0:
		return time.Time{}, false
	case n > 100_000_000_000:
		return time.UnixMilli(n), n < 100_000_000_000_000
	}
	return time.Unix(n, 0), true
}

// value gives the mark as the cursor's parameter wants it.
func (c *CursorP) value(mark string) (string, error) {
	if c.As == "asis" {
		return c.Before + mark, nil
	}
	t, ok := parseTime(mark)
	if !ok {
		return "", fmt.Errorf("%w: the source's mark is no time; use as: asis", adapters.ErrProtocol)
	}
	t = t.Add(-c.Overlap)
	switch c.As {
	case "date":
		return c.Before + t.In(zone).Format(time.DateOnly), nil
	case "epoch-ms":
		return c.Before + strconv.FormatInt(t.UnixMilli(), 10), nil
	case "epoch-s":
		return c.Before + strconv.FormatInt(t.Unix(), 10), nil
	}
	return c.Before + t.UTC().Format(time.RFC3339Nano), nil
}

// maxKeys is how many records a listing may hold of which the absent are deleted.
const maxKeys = 50_000

// gone gives the records that were there before and are not in a full listing. A
// listing that all of a sudden is empty, or has lost more than half of many, is
// rather a source in trouble than that many children without a service.
func (p *pass) gone() ([]adapters.Record, error) {
	if len(p.seen) > maxKeys {
		return nil, fmt.Errorf("%w: %s: more than %d records; absent: deleted cannot be kept track of", adapters.ErrConfig, p.l.label(), maxKeys)
	}
	if !p.full || p.nameless { // what could not be read may be what seems to be gone
		for _, k := range p.old.Keys {
			p.seen[k] = true
		}
		return nil, nil
	}
	var out []adapters.Record
	for _, k := range p.old.Keys {
		if kind, key, _ := strings.Cut(k, "/"); !p.seen[k] && !p.deleted[k] {
			out = append(out, adapters.Record{Kind: kind, Key: key, Media: p.l.media(), Deleted: true})
		}
	}
	left := len(p.old.Keys) - len(out)
	if len(out) > 0 && !p.a.acceptGone && (len(p.seen) == 0 || len(p.old.Keys) >= 10 && left < len(p.old.Keys)/2) {
		return nil, fmt.Errorf("%w: %s: %d of %d records are gone at once; if that is right, set accept_gone: true for one run", adapters.ErrUnavailable, p.l.label(), len(out), len(p.old.Keys))
	}
	return out, nil
}

func (p *pass) keys() []string {
	var keys []string
	for k := range p.seen {
		if !p.deleted[k] {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}
