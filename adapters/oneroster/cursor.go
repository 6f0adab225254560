package oneroster

import (
	"encoding/json"
	"fmt"
	"time"

	"samsyn/adapters"
)

// mark tells one state of a roster from another.
type mark struct {
	// Latest is the latest dateLastModified in the roster, as the roster says it; rest.
	Latest time.Time `json:"latest,omitzero"`
	// Sum is a hash: over the objects that changed at Latest (rest), so that another
	// change in the same moment is seen; or over the zip files (csv).
	Sum string `json:"sum,omitempty"`
}

// cursor is the adapter's cursor, as JSON.
type cursor struct {
	Mark mark `json:"mark"`
	// Full is when everything was last read.
	Full time.Time `json:"full"`
}

func parseCursor(c adapters.Cursor) (cursor, error) {
	if c == "" {
		return cursor{}, nil
	}
	var out cursor
	if err := json.Unmarshal([]byte(c), &out); err != nil || out.Full.IsZero() {
		return cursor{}, fmt.Errorf("%w: the stored cursor cannot be read; clear it to read everything again", adapters.ErrConfig)
	}
	return out, nil
}

func (c cursor) encode() adapters.Cursor {
	b, _ := json.Marshal(c) // times of this century and strings always marshal
	return adapters.Cursor(b)
}
