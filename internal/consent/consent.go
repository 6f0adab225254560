// Package consent owns who must consent to that a service's words about a child are
// shared, and whether a consent holds at an instant. It is pure: who must sign is
// computed from age, parental responsibility and service, at signing and at each use,
// and is never kept. It knows no viewer, no table of access and no database.
//
// Every instant is read in its own zone. Callers give it in Europe/Oslo.
package consent

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"samsyn/internal/care"
)

// CareOrder is the code of the basis register that says that barnevern has taken over
// the care (bvl. § 5-1), and then consents in the guardians' place (pbrl. § 4-4).
const CareOrder = "OMSORG"

// Holder is one who may sign for a requirement, by one of her names.
type Holder struct {
	Viewer string        // who she is when she signs in; "" where that is not known
	Person care.PersonID // who she is among our persons; "" where that is not known
	// Graded: she lives at a hidden address and represents nobody digitally (access.md L13).
	// A signature on paper or said to somebody counts.
	Graded bool
}

// Requirement is one signature that must be there. One of the holders signs.
type Requirement struct {
	Party   care.Party
	Holders []Holder
	// Missing: somebody must sign of whom nobody knows who she is. It cannot be met.
	Missing Reason
}

// Status is what a consent is at an instant.
type Status string

// The statuses. Only an active one gives anything.
const (
	Active     Status = "active"
	Pending    Status = "pending"    // proposed, or a needed signature lacks
	Future     Status = "future"     // it has not begun
	Expired    Status = "expired"    // its period is over
	Lapsed     Status = "lapsed"     // those who signed are no longer those who must
	Withdrawn  Status = "withdrawn"  // somebody who signed took it back
	Rejected   Status = "rejected"   // the answer was no
	InError    Status = "in-error"   // it was never given
	Incomplete Status = "incomplete" // one of the five facts lacks
)

// Reason says why, as a key for words. It is "" where the status says it all.
type Reason string

// The reasons.
const (
	ReasonProposed         Reason = "proposed"
	ReasonChildMustSign    Reason = "child-must-sign"
	ReasonGuardianMustSign Reason = "guardian-must-sign"
	ReasonCareMustSign     Reason = "barnevern-must-sign"
	ReasonAge              Reason = "age" // the child's age moved the right to consent
	ReasonGuardians        Reason = "guardians-changed"
	ReasonAgeUnknown       Reason = "age-unknown"
	ReasonGuardianUnknown  Reason = "guardian-unknown" // parental responsibility, or who has it, is not known
	ReasonNoLimits         Reason = "no-limits"        // the table says nothing of who consents for this service
	ReasonFacts            Reason = "facts"
)

// Needed gives who must sign for that the origin's words are shared, at that instant.
// It always gives at least one requirement. Both of those who share parental
// responsibility must sign; one whose responsibility is not known signs for nobody.
func Needed(ages Ages, f care.Facts, origin care.Service, at time.Time) []Requirement {
	m := momentOf(f.Born, at)
	return needed(ages, f, ages.row(origin, m.day), m)
}

// needed is Needed by the place of the limits among the ages.
func needed(ages Ages, f care.Facts, row int, m moment) []Requirement {
	if row < 0 {
		return []Requirement{{Party: care.PartyGuardian, Missing: ReasonNoLimits}}
	}
	if !m.known {
		return []Requirement{{Party: care.PartyGuardian, Missing: ReasonAgeUnknown}}
	}
	limits := &ages[row]
	out := make([]Requirement, 0, 4)
	if m.age >= limits.Child {
		out = append(out, Requirement{Party: care.PartyChild, Holders: []Holder{{Person: f.Person}}})
	}
	if m.age < limits.Guardians {
		if careOrder(f, m.at) {
			out = append(out, Requirement{Party: care.PartyBarnevern})
		} else {
			out = append(out, guardians(f.Guardians, limits, m.at)...)
		}
	}
	if len(out) == 0 { // limits that leave out an age ask for what nobody can give
		return []Requirement{{Party: care.PartyGuardian, Missing: ReasonNoLimits}}
	}
	return out
}

// careOrder tells whether barnevern has the care, as decided by somebody and found somewhere.
func careOrder(f care.Facts, at time.Time) bool {
	return slices.ContainsFunc(f.Bases, func(b care.Basis) bool {
		return b.Code == CareOrder && b.Person == f.Person && !blank(b.DecidedBy) && !blank(b.Evidence) &&
			runs(at, b.From, b.Until) && (b.Ended.IsZero() || at.Before(b.Ended))
	})
}

// runs tells whether the instant lies in a period: from its first instant until, and not
// including, its last. A period that does not say when it begins has not begun.
func runs(at, from, until time.Time) bool {
	return !from.IsZero() && !at.Before(from) && (until.IsZero() || at.Before(until))
}

// guardian is one who has parental responsibility, whatever number of sources tell of her.
type guardian struct {
	holders       []Holder // her names, as rows tell them
	shared, daily bool
}

// guardians gives what those with parental responsibility must sign.
func guardians(all []care.Guardian, limits *Limits, at time.Time) []Requirement {
	known := make([]guardian, 0, 4)
	nameless := false
	for _, g := range all {
		if !runs(at, g.From, g.Until) || !responsible(g.Code) {
			continue
		}
		if g.Viewer == "" && g.Person == "" {
			nameless = true
			continue
		}
		k := guardian{[]Holder{{g.Viewer, g.Person, g.Graded}}, g.Code == care.ParentalFelles, g.DailyCare}
		// One row may say that two others are of one person: her only signature counts once.
		others := known[:0]
		for _, o := range known {
			if k.is(o) {
				k = k.with(o)
			} else {
				others = append(others, o)
			}
		}
		known = append(others, k)
	}
	for _, g := range all { // whichever row says that she lives at a hidden address
		if !g.Graded {
			continue
		}
		hidden := guardian{holders: []Holder{{g.Viewer, g.Person, true}}}
		for _, k := range known {
			if k.is(hidden) {
				k.grade()
			}
		}
	}
	if len(known) == 0 {
		return []Requirement{{Party: care.PartyGuardian, Missing: ReasonGuardianUnknown}}
	}
	if limits.OneIsEnough {
		one := Requirement{Party: care.PartyGuardian}
		for _, k := range known {
			if k.daily {
				one.Holders = append(one.Holders, k.holders...)
			}
		}
		if len(one.Holders) > 0 {
			return []Requirement{one}
		}
	}
	var needed []Requirement
	shared := 0
	for _, k := range known {
		needed = append(needed, Requirement{Party: care.PartyGuardian, Holders: k.holders})
		if k.shared {
			shared++
		}
	}
	if shared == 1 || nameless { // somebody has it too of whom nobody tells who she is
		needed = append(needed, Requirement{Party: care.PartyGuardian, Missing: ReasonGuardianUnknown})
	}
	return needed
}

// is tells whether two are one person: they have a name in common.
func (k guardian) is(o guardian) bool {
	return slices.ContainsFunc(k.holders, func(a Holder) bool {
		return slices.ContainsFunc(o.holders, func(b Holder) bool {
			return a.Viewer != "" && a.Viewer == b.Viewer || a.Person != "" && a.Person == b.Person
		})
	})
}

// with adds what another row says of the same person.
func (k guardian) with(o guardian) guardian {
	return guardian{append(o.holders, k.holders...), k.shared || o.shared, k.daily || o.daily}
}

// grade says that she lives at a hidden address, by whichever of her names she signs.
func (k guardian) grade() {
	for i := range k.holders {
		k.holders[i].Graded = true
	}
}

func responsible(p care.Parental) bool {
	switch p {
	case care.ParentalFelles, care.ParentalMor, care.ParentalFar, care.ParentalMedmor, care.ParentalAndre:
		return true
	}
	return false
}

// meets tells whether a signature, as it was written, is one that the requirement asks for.
func (r Requirement) meets(s care.Signature) bool {
	if r.Missing != "" || s.Party != r.Party || s.Signer == "" || !signed(s.How) {
		return false
	}
	if r.Party == care.PartyBarnevern {
		return true
	}
	return slices.ContainsFunc(r.Holders, func(h Holder) bool {
		return (s.Signer == h.Viewer || s.Signer == string(h.Person)) && !(h.Graded && s.How == Digital)
	})
}

// signed tells whether it is a way to sign.
func signed(how string) bool { return how == Digital || how == Paper || how == Oral }

// How somebody signed.
const (
	Digital = "digital"
	Paper   = "paper"
	Oral    = "oral"
)

// State tells what the consent is at that instant. It is active only when it has its
// five facts, runs, is not taken back, and is signed by everybody who must sign now and
// who could when they did, for each of its services.
func State(ages Ages, f care.Facts, c care.Consent, at time.Time) (Status, Reason) {
	switch c.Status {
	case care.ConsentInError:
		return InError, ""
	case care.ConsentRejected:
		return Rejected, ""
	case care.ConsentWithdrawn:
		return Withdrawn, ""
	}
	if slices.ContainsFunc(c.Signatures, func(s care.Signature) bool { return !s.Withdrawn.IsZero() && !at.Before(s.Withdrawn) }) {
		return Withdrawn, ""
	}
	switch {
	case c.Person != f.Person || len(specific(c)) > 0:
		return Incomplete, ReasonFacts
	case c.Status != care.ConsentActive:
		return Pending, ReasonProposed
	case at.Before(c.From):
		return Future, ""
	case !at.Before(c.Until):
		return Expired, ""
	}
	now := momentOf(f.Born, at)
	lacking, why := lacks(ages, f, c, now)
	if !lacking {
		return Active, ""
	}
	// It was complete once, by those who had to sign then: it has lapsed, and nobody took it back.
	if last := LastSigned(c, at); !last.IsZero() {
		then := momentOf(f.Born, last.In(at.Location()))
		if earlier, _ := lacks(ages, f, c, then); !earlier {
			if now.age != then.age {
				return Lapsed, ReasonAge
			}
			return Lapsed, ReasonGuardians
		}
	}
	return Pending, why
}

// unsigned says whose signature lacks.
var unsigned = map[care.Party]Reason{care.PartyChild: ReasonChildMustSign, care.PartyGuardian: ReasonGuardianMustSign, care.PartyBarnevern: ReasonCareMustSign}

// lacks tells whether a signature lacks for any of the services, and whose. Services
// under the same limits ask for the same, and are asked about once.
func lacks(ages Ages, f care.Facts, c care.Consent, now moment) (bool, Reason) {
	signings := make([]moment, len(c.Signatures))
	for i, s := range c.Signatures {
		signings[i] = momentOf(f.Born, s.At.In(now.at.Location()))
	}
	asked := make([]care.Service, 0, 4)
	for _, origin := range c.Origins {
		if slices.ContainsFunc(asked, func(o care.Service) bool { return ages.alike(o, origin, now, signings) }) {
			continue
		}
		asked = append(asked, origin)
		then := make([][]Requirement, len(c.Signatures)) // what was asked when each was given
		for i, s := range c.Signatures {
			if !s.At.IsZero() && !now.at.Before(s.At) {
				then[i] = needed(ages, f, ages.row(origin, signings[i].day), signings[i])
			}
		}
		for _, r := range needed(ages, f, ages.row(origin, now.day), now) {
			if r.Missing != "" {
				return true, r.Missing
			}
			found := false
			for i, s := range c.Signatures {
				found = found || r.meets(s) && slices.ContainsFunc(then[i], func(r Requirement) bool { return r.meets(s) })
			}
			if !found {
				return true, unsigned[r.Party]
			}
		}
	}
	return false, ""
}

// LastSigned is when a consent was last signed, up to an instant; zero where it was not.
func LastSigned(c care.Consent, at time.Time) time.Time {
	var last time.Time
	for _, s := range c.Signatures {
		if !at.Before(s.At) && s.At.After(last) {
			last = s.At
		}
	}
	return last
}

// Check gives what lacks before the consent may be saved as active: the five facts of
// access.md L8 and who signed how. Each error wraps care.ErrInvalid and begins with the
// field. Who must sign is asked of State.
func Check(c care.Consent) []error {
	errs := specific(c)
	if len(c.Signatures) == 0 {
		errs = append(errs, lack("signatures", "nobody has signed"))
	}
	for i, s := range c.Signatures {
		field := fmt.Sprintf("signatures[%d]", i)
		if !s.Party.Valid() {
			errs = append(errs, lack(field, "for whom it is signed is not said"))
		}
		if s.Signer == "" || s.Recorder == "" {
			errs = append(errs, lack(field, "who signed and who noted it must be said"))
		}
		if !signed(s.How) {
			errs = append(errs, lack(field, "it is signed digitally, on paper or orally"))
		}
		if s.At.IsZero() {
			errs = append(errs, lack(field, "when it was signed is not said"))
		}
	}
	return errs
}

// specific gives which of the five facts lack: voluntary, specific (services, topics,
// purpose, receivers, period) and informed (text and language).
func specific(c care.Consent) []error {
	var errs []error
	add := func(lacking bool, field, text string) {
		if lacking {
			errs = append(errs, lack(field, text))
		}
	}
	add(c.Person == "", "person", "whom it is about is not said")
	add(len(c.Origins) == 0 || slices.ContainsFunc(c.Origins, func(s care.Service) bool { return !s.Valid() }), "origins", "which services it opens must be said")
	add(c.Purpose == "", "purpose", "what it is for must be said")
	add(len(c.Receivers) == 0 || slices.ContainsFunc(c.Receivers, func(r care.Receiver) bool { return r == care.Receiver{} }), "receivers", "who may receive must be said")
	add(slices.ContainsFunc(c.Topics, blank) || slices.ContainsFunc(c.ExceptTopics, blank), "topics", "a topic has a name")
	add(c.From.IsZero() || c.Until.IsZero() || !c.From.Before(c.Until), "period", "it must begin and end")
	add(blank(c.TextVersion), "textVersion", "which text was read must be said")
	add(blank(c.Language), "language", "in which language it was read must be said")
	add(!c.Voluntary, "voluntary", "it must be said that it is voluntary and can be taken back")
	return errs
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

func lack(field, text string) error { return &missing{field, text} }

// missing is a fact that lacks. It never shows values.
type missing struct{ field, text string }

func (m *missing) Error() string { return m.field + ": " + m.text }
func (m *missing) Unwrap() error { return care.ErrInvalid }

// Field gives which field of the consent an error of Check is about; "" for another error.
func Field(err error) string {
	var m *missing
	if errors.As(err, &m) {
		return m.field
	}
	return ""
}
