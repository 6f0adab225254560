package fiksarkiv

import (
	"encoding/json"
	"fmt"
	"time"

	"samsyn/adapters"
)

// state is the cursor, as JSON. The answers of an archive do not hold endretDato,
// so the mark cannot be read from the data: it is when the last pass began, by our
// clock, and Config.Overlap stands between that clock and the archive's.
type state struct {
	// Since is when the last whole pass began; zero before the first.
	Since time.Time `json:"since,omitzero"`
	// Pass is set while a pass is under way.
	Pass *place `json:"pass,omitempty"`
}

// place is how far a pass has come.
type place struct {
	Began time.Time `json:"began"`
	Step  string    `json:"step"` // the kind of record that is being listed
	Skip  int       `json:"skip"` // results that are done
	// Last is the systemID of the last one done, to see that the list has not moved.
	Last string `json:"last,omitempty"`
	// Any is true once the pass has listed anything.
	Any bool `json:"any,omitempty"`
}

func parseCursor(c adapters.Cursor) (state, error) {
	var s state
	if c == "" {
		return s, nil
	}
	if err := json.Unmarshal([]byte(c), &s); err != nil {
		return state{}, fmt.Errorf("%w: the stored cursor cannot be read; clear it to read everything again", adapters.ErrConfig)
	}
	if p := s.Pass; p != nil && (p.Skip < 0 || (p.Step != KindCase && p.Step != KindEntry) || p.Began.IsZero()) {
		return state{}, fmt.Errorf("%w: the stored cursor points nowhere; clear it to read everything again", adapters.ErrConfig)
	}
	return s, nil
}

func (s state) cursor() adapters.Cursor {
	if s.Since.IsZero() && s.Pass == nil {
		return ""
	}
	b, _ := json.Marshal(s) // times of this century and strings always marshal
	return adapters.Cursor(b)
}
