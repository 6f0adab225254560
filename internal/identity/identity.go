// Package identity owns Norwegian identity numbers and the question whose record
// a record is. It parses and types numbers, and decides from stated facts alone
// which subjects of which sources are one person. It does no I/O, keeps no
// state, knows no database and no source format.
//
// An exact match on a valid number links; nothing less does. Whatever
// contradicts itself waits for a person, with the reason.
package identity

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Kind is what a person number is.
type Kind string

// The kinds of person numbers, strongest first.
const (
	Fodselsnummer Kind = "fnr"
	DNumber       Kind = "dnr"
	DUF           Kind = "duf"
	Hjelpenummer  Kind = "fhn" // felles hjelpenummer
)

// kinds is the order of strength: a contradiction is settled in favour of the stronger.
var kinds = []Kind{Fodselsnummer, DNumber, DUF, Hjelpenummer}

// System is the identifier system (OID, HL7 Norway no-basis) of the kind.
func (k Kind) System() string {
	switch k {
	case Fodselsnummer:
		return "urn:oid:2.16.578.1.12.4.1.4.1"
	case DNumber:
		return "urn:oid:2.16.578.1.12.4.1.4.2"
	case Hjelpenummer:
		return "urn:oid:2.16.578.1.12.4.1.4.3"
	case DUF:
		return "urn:oid:2.16.578.1.12.4.1.4.5"
	}
	return ""
}

func (k Kind) strength() int {
	for i, o := range kinds {
		if o == k {
			return i
		}
	}
	return len(kinds)
}

// Sex is what a number says about the sex of its holder; "" where it says nothing.
type Sex string

// The sexes that a number can tell (FHIR administrative gender codes).
const (
	Male   Sex = "male"
	Female Sex = "female"
)

// Number is a valid person number. It prints masked: the digits come out through
// Digits alone, so that no log line or error can carry them by accident.
type Number struct {
	Kind Kind
	// Born is the birth date that the number shows; zero for DUF and felles hjelpenummer.
	Born Born
	// Sex is what the number shows; "" where it does not.
	Sex Sex
	// Synthetic is true for numbers of test populations (month + 40 or + 80).
	Synthetic bool
	digits    string
}

// Digits is the number itself. Never log it, never put it in a key or address.
func (n Number) Digits() string { return n.digits }

// Valid is false for the zero Number.
func (n Number) Valid() bool { return n.digits != "" }

func (n Number) String() string       { return string(n.Kind) + " (masked)" }
func (n Number) GoString() string     { return n.String() }
func (n Number) LogValue() slog.Value { return slog.StringValue(n.String()) }

// Format masks the number under every verb, %#v and %x included.
func (n Number) Format(f fmt.State, _ rune) { fmt.Fprint(f, n.String()) }

// Born is a birth date as far as it is known: Year is 0 where only its last two
// digits (Short) are.
type Born struct {
	Year, Short, Month, Day int
}

// Known tells whether there is a birth date at all.
func (b Born) Known() bool { return b.Month != 0 }

// String is YYYY-MM-DD, ??YY-MM-DD where the century is unknown, "" where nothing is known.
func (b Born) String() string {
	switch {
	case !b.Known():
		return ""
	case b.Year == 0:
		return fmt.Sprintf("??%02d-%02d-%02d", b.Short, b.Month, b.Day)
	}
	return fmt.Sprintf("%04d-%02d-%02d", b.Year, b.Month, b.Day)
}

// ParseBorn reads what String writes, and YYYY-MM-DD dates of sources.
func ParseBorn(s string) (Born, error) {
	if s == "" {
		return Born{}, nil
	}
	if len(s) == 10 && s[:2] == "??" {
		t, err := time.Parse("06-01-02", s[2:])
		if err != nil {
			return Born{}, fmt.Errorf("birth date: %w", ErrInvalid)
		}
		return Born{Short: t.Year() % 100, Month: int(t.Month()), Day: t.Day()}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Born{}, fmt.Errorf("birth date: %w", ErrInvalid)
	}
	return Born{Year: t.Year(), Short: t.Year() % 100, Month: int(t.Month()), Day: t.Day()}, nil
}

// Contradicts tells whether both are known and cannot be the same day.
func (b Born) Contradicts(o Born) bool {
	if !b.Known() || !o.Known() {
		return false
	}
	if b.Short != o.Short || b.Month != o.Month || b.Day != o.Day {
		return true
	}
	return b.Year != 0 && o.Year != 0 && b.Year != o.Year
}

// Rules are the instance's choices about which numbers are valid.
type Rules struct {
	// Test admits synthetic numbers: month + 80 (Tenor) and month + 40 (Dolly).
	// In an instance with real people they are refused.
	Test bool
	// From2032 says that numbers without century and sex are being given out
	// (from 1 January 2032): the individual number is then not read any more.
	// Both check rules are accepted always.
	From2032 bool
}

// Why a text is not a number that persons may be matched on.
var (
	// ErrInvalid: wrong length, date or check digits.
	ErrInvalid = errors.New("not a valid number")
	// ErrPseudo: a placeholder that a fagsystem gives to somebody without a number.
	ErrPseudo = errors.New("pseudo number: names a case, never a person")
	// ErrSynthetic: a test person's number in an instance that is not marked test.
	ErrSynthetic = errors.New("synthetic number in an instance that is not marked test")
)
