package access

import (
	"slices"
	"time"

	"samsyn/internal/care"
)

// Glass is what breaking the glass takes, for those who register it.
type Glass struct {
	Longest time.Duration // of a session
	Reason  int           // characters at the least
	Codes   []string
}

// Glass gives the table's word on breaking the glass.
func (t *Table) Glass() Glass {
	return Glass{Longest: t.glass.length, Reason: t.glass.reason, Codes: slices.Clone(t.glass.codes)}
}

// BreaksGlass tells whether somebody is one of those who may break the glass at all: health personnel
// whose number is checked, or who is on duty for a service that the table names.
func (t *Table) BreaksGlass(v care.Viewer) bool {
	return !t.glass.hpr || v.HPR != "" || v.Duty && slices.Contains(t.glass.duty, v.Service)
}
