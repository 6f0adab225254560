package journal

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"samsyn/internal/care"
)

// Kind is what an entry says. The set is closed: a new kind is a constant here, its line in
// the table below, and in internal/store the function that does it again.
type Kind string

// The kinds.
const (
	// RightEnded: the right that is the subject (an appointment, a consent, a block …) ended.
	RightEnded Kind = "right-ended"
	// RightDenied: the right that is the subject was registered, and it denies (a block, what is withheld).
	RightDenied Kind = "right-denied"
	// RecordDeleted: the record that is the subject was removed at its source.
	RecordDeleted Kind = "record-deleted"
	// PersonErased: everything about the person who is the subject was deleted.
	PersonErased Kind = "person-erased"
)

// field is what a value of a payload may be.
type field struct {
	ok   func(string) bool
	what string
}

var (
	id     = field{isID, "an id"}
	moment = field{isMoment, "a time"}
)

// kinds tells what the payload of each holds.
var kinds = map[Kind]map[string]field{
	RightEnded:    {"kind": id, "person": id, "from": moment},
	RightDenied:   {"kind": id, "person": id, "from": moment},
	RecordDeleted: {"source": id, "changed": moment},
	PersonErased:  {},
}

// Kinds gives all kinds in a stable order.
func Kinds() []Kind { return slices.Sorted(maps.Keys(kinds)) }

// Moment is a time as payloads hold it, to the microsecond; the zero time is kept.
func Moment(t time.Time) string { return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano) }

// Time reads what Moment wrote. The entry was checked when it was read.
func (p Payload) Time(name string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, p[name])
	if err != nil {
		return time.Time{}
	}
	return t
}

// An id has no blank and nothing that a sentence needs.
var (
	plain  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$`)
	number = regexp.MustCompile(`(^|[^A-Za-z0-9])[0-9]{6}[._:/-]?[0-9]{5}($|[^A-Za-z0-9])`)
)

// isID tells whether s is an id and no national number. That eleven digits stand among the
// letters of a random id is chance; that they stand alone is not.
func isID(s string) bool { return plain.MatchString(s) && !number.MatchString(s) }

func isMoment(s string) bool {
	t, err := time.Parse(time.RFC3339Nano, s)
	return err == nil && Moment(t) == s
}

// check tells what of an entry may not stand in a journal. What it is about is not repeated.
func (e Entry) check() error {
	fields, known := kinds[e.Kind]
	switch {
	case !known:
		return fmt.Errorf("%q is no kind of entry that this program knows: use the newer program: %w", e.Kind, care.ErrConflict)
	case e.At.IsZero():
		return fmt.Errorf("a %s without its time: %w", e.Kind, care.ErrInvalid)
	case !isID(e.Subject):
		return fmt.Errorf("the subject of a %s is no id: %w", e.Kind, care.ErrInvalid)
	case len(e.Payload) != len(fields):
		return fmt.Errorf("the payload of a %s has %d values and needs %d: %w", e.Kind, len(e.Payload), len(fields), care.ErrInvalid)
	}
	for name, f := range fields {
		if !f.ok(e.Payload[name]) {
			return fmt.Errorf("%s of a %s is not %s: %w", name, e.Kind, f.what, care.ErrInvalid)
		}
	}
	return nil
}
