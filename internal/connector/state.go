package connector

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"samsyn/adapters"
)

// marks are where each listing was left, by label: what the next pass asks from, as the
// source said it or as RFC 3339; of a folder a digest of its files. A cursor is the
// marks as JSON.
type marks map[string]string

func parseCursor(c adapters.Cursor) (marks, error) {
	all := marks{}
	if c == "" {
		return all, nil
	}
	if err := json.Unmarshal([]byte(c), &all); err != nil {
		return nil, fmt.Errorf("%w: the stored cursor cannot be read; clear it to read everything again", adapters.ErrConfig)
	}
	return all, nil
}

func (m marks) cursor() adapters.Cursor {
	b, _ := json.Marshal(m) // a map of strings always marshals
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

var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly, "02.01.2006 15:04:05", "02.01.2006 15:04", "02.01.2006"}

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
