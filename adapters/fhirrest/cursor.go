package fhirrest

import (
	"encoding/json"
	"fmt"
	"time"

	"samsyn/adapters"
)

// marks is the cursor: for each resource type the latest meta.lastUpdated of its
// last completed reading. Types are apart because they are read one after the
// other; one mark for all would skip what changed in the first type while the
// last was read.
type marks map[string]time.Time

func readCursor(c adapters.Cursor) (marks, error) {
	m := marks{}
	if c == "" {
		return m, nil
	}
	if err := json.Unmarshal([]byte(c), &m); err != nil || m == nil {
		return nil, fmt.Errorf("%w: the saved cursor is not one of this adapter's; start the source from the beginning", adapters.ErrConfig)
	}
	return m, nil
}

// cursor is canonical: json sorts the keys, and all times are UTC.
func (m marks) cursor() adapters.Cursor {
	if len(m) == 0 {
		return ""
	}
	out, err := json.Marshal(m)
	if err != nil { // a year beyond 9999: not worth a cursor, the next pass reads all again
		return ""
	}
	return adapters.Cursor(out)
}

// advance moves the mark of one type after its reading is complete. A mark never
// goes back, and never past the moment at which the reading began: what changed
// after that may be missing from the pages that were already given.
func (m marks) advance(kind string, latest, began time.Time) marks {
	next := marks{}
	for k, v := range m {
		next[k] = v
	}
	if latest.After(began) {
		latest = began
	}
	if latest.After(next[kind]) {
		next[kind] = latest.UTC()
	}
	return next
}
