package consent_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/consent"

	"pgregory.net/rapid"
)

var oslo = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		panic(err)
	}
	return zone
}()

// ages are those of the shipped table, in two rows; and a row that ends before another begins.
var ages = consent.Ages{
	{Services: []care.Service{care.BUP, care.Helsestasjon}, From: "2018-01-01", Heard: 7, Weight: 12, Child: 16, Guardians: 16},
	{Services: []care.Service{care.Skole}, From: "2018-01-01", Until: "2027-12-31", Heard: 7, Weight: 12, Child: 15, Guardians: 18},
	{Services: []care.Service{care.Skole}, From: "2028-01-01", Heard: 7, Weight: 12, Child: 16, Guardians: 16},
	{Services: []care.Service{care.Barnehage}, From: "2018-01-01", Heard: 7, Weight: 12, Child: 15, Guardians: 18, OneIsEnough: true},
}

var (
	now   = time.Date(2026, 11, 23, 8, 0, 0, 0, oslo)
	start = time.Date(2026, 9, 1, 0, 0, 0, 0, oslo)
	end   = time.Date(2027, 9, 1, 0, 0, 0, 0, oslo)
)

func guardian(id string, code care.Parental) care.Guardian {
	return care.Guardian{Viewer: id, Code: code, From: start.AddDate(-10, 0, 0)}
}

// family is a child of nine with two guardians who share the responsibility.
func family() care.Facts {
	return care.Facts{Person: "teo", Known: true, Born: "2017-05-17", Guardians: []care.Guardian{guardian("mor", care.ParentalFelles), guardian("far", care.ParentalFelles)}}
}

func sign(party care.Party, signer string) care.Signature {
	return care.Signature{Party: party, Signer: signer, Recorder: "liv", How: consent.Paper, At: start}
}

func signed(origins ...care.Service) care.Consent {
	return care.Consent{ID: "c", Version: 1, Person: "teo", Status: care.ConsentActive, Origins: origins, Purpose: care.PurposeCOC,
		Receivers: []care.Receiver{{Role: care.RoleKoordinator}}, From: start, Until: end, TextVersion: "samtykke-2026-1", Language: "nb", Voluntary: true,
		Signatures: []care.Signature{sign(care.PartyGuardian, "mor"), sign(care.PartyGuardian, "far")}, Changed: start}
}

func TestState(t *testing.T) {
	type world struct {
		f care.Facts
		c care.Consent
	}
	for _, k := range []struct {
		name   string
		do     func(w *world)
		at     time.Time
		status consent.Status
		reason consent.Reason
	}{
		{"both parents", func(*world) {}, now, consent.Active, ""},
		{"proposed", func(w *world) { w.c.Status = care.ConsentProposed }, now, consent.Pending, consent.ReasonProposed},
		{"of no known status", func(w *world) { w.c.Status = "draft" }, now, consent.Pending, consent.ReasonProposed},
		{"rejected", func(w *world) { w.c.Status = care.ConsentRejected }, now, consent.Rejected, ""},
		{"taken back", func(w *world) { w.c.Status = care.ConsentWithdrawn }, now, consent.Withdrawn, ""},
		{"never given", func(w *world) { w.c.Status = care.ConsentInError }, now, consent.InError, ""},
		{"the instant before it begins", func(*world) {}, start.Add(-1), consent.Future, ""},
		{"the instant it begins", func(*world) {}, start, consent.Active, ""},
		{"its last instant", func(*world) {}, end.Add(-1), consent.Active, ""},
		{"the instant it ends", func(*world) {}, end, consent.Expired, ""},
		{"one parent", func(w *world) { w.c.Signatures = w.c.Signatures[:1] }, now, consent.Pending, consent.ReasonGuardianMustSign},
		{"nobody", func(w *world) { w.c.Signatures = nil }, now, consent.Pending, consent.ReasonGuardianMustSign},
		{"one parent twice", func(w *world) { w.c.Signatures[1].Signer = "mor" }, now, consent.Pending, consent.ReasonGuardianMustSign},
		{"a stranger", func(w *world) { w.c.Signatures[1].Signer = "onkel" }, now, consent.Pending, consent.ReasonGuardianMustSign},
		{"a nameless signature", func(w *world) { w.c.Signatures[1].Signer = "" }, now, consent.Pending, consent.ReasonGuardianMustSign},
		{"signed as another party", func(w *world) { w.c.Signatures[1].Party = care.PartyBarnevern }, now, consent.Pending, consent.ReasonGuardianMustSign},
		{"signed at no time", func(w *world) { w.c.Signatures[1].At = time.Time{} }, now, consent.Pending, consent.ReasonGuardianMustSign},
		{"signed later", func(w *world) { w.c.Signatures[1].At = now.Add(1) }, now, consent.Pending, consent.ReasonGuardianMustSign},
		{"signed this instant", func(w *world) { w.c.Signatures[1].At = now }, now, consent.Active, ""},
		{"signed before she was a guardian", func(w *world) { w.f.Guardians[1].From = start.Add(1) }, now, consent.Pending, consent.ReasonGuardianMustSign},
		{"one takes it back", func(w *world) { w.c.Signatures[1].Withdrawn = now }, now, consent.Withdrawn, ""},
		{"one takes it back in an instant", func(w *world) { w.c.Signatures[1].Withdrawn = now.Add(1) }, now, consent.Active, ""},
		{"a guardian by person", func(w *world) {
			w.f.Guardians[1] = care.Guardian{Person: "far", Code: care.ParentalFelles, From: start}
		}, now, consent.Active, ""},
		{"a guardian told by two sources", func(w *world) {
			w.f.Guardians = append(w.f.Guardians, care.Guardian{Viewer: "mor", Person: "p-mor", Code: care.ParentalFelles, From: start},
				care.Guardian{Person: "p-mor", Code: care.ParentalFelles, From: start})
		}, now, consent.Active, ""},
		{"one guardian told by two sources is not two", func(w *world) {
			w.f.Guardians[1] = w.f.Guardians[0]
		}, now, consent.Pending, consent.ReasonGuardianUnknown},
		{"two guardians known by person alone", func(w *world) {
			w.f.Guardians = []care.Guardian{{Person: "mor", Code: care.ParentalFelles, From: start}, {Person: "far", Code: care.ParentalFelles, From: start}}
			w.c.Signatures = w.c.Signatures[:1]
		}, now, consent.Pending, consent.ReasonGuardianMustSign},
		{"a guardian of whom nobody tells who she is", func(w *world) { w.f.Guardians[1].Viewer = "" }, now, consent.Pending, consent.ReasonGuardianUnknown},
		{"shared with one of whom nobody tells", func(w *world) { w.f.Guardians = w.f.Guardians[:1] }, now, consent.Pending, consent.ReasonGuardianUnknown},
		{"no guardians", func(w *world) { w.f.Guardians = nil }, now, consent.Pending, consent.ReasonGuardianUnknown},
		{"a third guardian since", func(w *world) {
			w.f.Guardians = append(w.f.Guardians, care.Guardian{Viewer: "verge", Code: care.ParentalAndre, From: now})
		}, now, consent.Lapsed, consent.ReasonGuardians},
		{"the other lives at a hidden address, on paper", func(w *world) { w.f.Guardians[1].Graded = true }, now, consent.Active, ""},
		{"the other lives at a hidden address, digitally", func(w *world) { w.f.Guardians[1].Graded, w.c.Signatures[1].How = true, consent.Digital }, now, consent.Pending, consent.ReasonGuardianMustSign},
		{"about another", func(w *world) { w.c.Person = "amina" }, now, consent.Incomplete, consent.ReasonFacts},
		{"not voluntary", func(w *world) { w.c.Voluntary = false }, now, consent.Incomplete, consent.ReasonFacts},
		{"no text", func(w *world) { w.c.TextVersion = " " }, now, consent.Incomplete, consent.ReasonFacts},
		{"no age", func(w *world) { w.f.Born = "" }, now, consent.Pending, consent.ReasonAgeUnknown},
		{"a service without ages", func(w *world) { w.c.Origins = append(w.c.Origins, care.Barnevern) }, now, consent.Pending, consent.ReasonNoLimits},
		{"barnevern has the care", func(w *world) {
			w.f.Bases = []care.Basis{{Code: consent.CareOrder, Person: "teo", From: start, DecidedBy: "nemnda", Evidence: "sak 1"}}
		}, now, consent.Pending, consent.ReasonCareMustSign},
	} {
		t.Run(k.name, func(t *testing.T) {
			w := world{family(), signed(care.BUP, care.Skole)}
			k.do(&w)
			status, reason := consent.State(ages, w.f, w.c, k.at)
			if status != k.status || reason != k.reason {
				t.Errorf("%s (%s), want %s (%s)", status, reason, k.status, k.reason)
			}
		})
	}
}

// Who signs at which age, and that a signature given by one who could not give it then
// does not count later.
func TestRightsMoveWithAge(t *testing.T) {
	guardians := []care.Signature{sign(care.PartyGuardian, "mor"), sign(care.PartyGuardian, "far")}
	child := sign(care.PartyChild, "teo")
	early := child
	early.At = start.Add(-time.Second)
	for _, k := range []struct {
		name   string
		born   string
		origin care.Service
		sigs   []care.Signature
		status consent.Status
		reason consent.Reason
	}{
		{"health, the day before 16: guardians", "2010-11-24", care.BUP, guardians, consent.Active, ""},
		{"health, 16 today: the guardians' lapses", "2010-11-23", care.BUP, guardians, consent.Lapsed, consent.ReasonAge},
		{"health, 16: her own", "2010-09-01", care.BUP, []care.Signature{child}, consent.Active, ""},
		{"health, 16 since: signed the day before she could", "2010-09-01", care.BUP, []care.Signature{early}, consent.Pending, consent.ReasonChildMustSign},
		{"health, 15: her own is not enough", "2011-01-01", care.BUP, []care.Signature{child}, consent.Pending, consent.ReasonGuardianMustSign},
		{"school, 14: guardians", "2012-01-01", care.Skole, guardians, consent.Active, ""},
		{"school, 15 today: the guardians' lapses", "2011-11-23", care.Skole, guardians, consent.Lapsed, consent.ReasonAge},
		{"school, 15: both", "2011-01-01", care.Skole, append(slices.Clone(guardians), child), consent.Active, ""},
		{"school, 15: not the child alone", "2011-01-01", care.Skole, []care.Signature{child}, consent.Pending, consent.ReasonGuardianMustSign},
		{"school, 17: both still", "2008-11-24", care.Skole, []care.Signature{child}, consent.Pending, consent.ReasonGuardianMustSign},
		{"school, 18 today: she alone", "2008-11-23", care.Skole, []care.Signature{child}, consent.Active, ""},
		{"a stranger signs as the child", "2008-11-23", care.Skole, []care.Signature{sign(care.PartyChild, "amina")}, consent.Pending, consent.ReasonChildMustSign},
		{"a day of birth that lies ahead", "2027-01-01", care.Skole, guardians, consent.Pending, consent.ReasonAgeUnknown},
		{"only a year of birth", "2014", care.Skole, guardians, consent.Pending, consent.ReasonAgeUnknown},
	} {
		t.Run(k.name, func(t *testing.T) {
			f, c := family(), signed(k.origin)
			f.Born, c.Signatures = k.born, k.sigs
			if status, reason := consent.State(ages, f, c, now); status != k.status || reason != k.reason {
				t.Errorf("%s (%s), want %s (%s)", status, reason, k.status, k.reason)
			}
		})
	}
}

func TestLimitsHaveDays(t *testing.T) {
	f := family()
	f.Born = "2011-06-01"
	for _, k := range []struct {
		at   time.Time
		want int
	}{
		{time.Date(2027, 12, 31, 23, 59, 59, 0, oslo), 3}, // she and both guardians
		{time.Date(2028, 1, 1, 0, 0, 0, 0, oslo), 1},      // sixteen: she alone
		{time.Date(2017, 12, 31, 23, 59, 59, 0, oslo), 1}, // nothing is said: nobody can
		{time.Date(2018, 1, 1, 0, 0, 0, 0, oslo), 2},
	} {
		if got := consent.Needed(ages, f, care.Skole, k.at); len(got) != k.want {
			t.Errorf("%s: %v, want %d", k.at, got, k.want)
		}
	}
	if got := consent.Needed(ages, f, care.Skole, time.Date(2017, 12, 31, 0, 0, 0, 0, oslo)); got[0].Missing != consent.ReasonNoLimits {
		t.Errorf("before the table: %v", got)
	}
}

func TestForGivesTheRowOfTheDay(t *testing.T) {
	for _, k := range []struct {
		service care.Service
		at      time.Time
		child   int
		ok      bool
	}{
		{care.Skole, now, 15, true},
		{care.Skole, time.Date(2027, 12, 31, 23, 59, 59, 0, oslo), 15, true},
		{care.Skole, time.Date(2028, 1, 1, 0, 0, 0, 0, oslo), 16, true},
		{care.Skole, time.Date(2017, 12, 31, 23, 59, 59, 0, oslo), 0, false},
		{care.BUP, now, 16, true},
		{care.Barnevern, now, 0, false},
	} {
		if l, ok := ages.For(k.service, k.at); ok != k.ok || l.Child != k.child {
			t.Errorf("%s at %s: %+v %v", k.service, k.at, l, ok)
		}
	}
}

// Two services under the same limits now, but not when it was signed, are each asked about.
func TestLimitsThatWereOtherWhenItWasSigned(t *testing.T) {
	moved := consent.Ages{
		{Services: []care.Service{care.BUP, care.Skole}, From: "2026-10-01", Child: 16, Guardians: 16},
		{Services: []care.Service{care.BUP}, Until: "2026-09-30", Child: 16, Guardians: 16},
		{Services: []care.Service{care.Skole}, Until: "2026-09-30", Child: 9, Guardians: 9},
		{Services: []care.Service{care.PPT}, From: "2026-10-01", Child: 16, Guardians: 16},
		{Services: []care.Service{care.PPT}, Until: "2026-09-30", Child: 16, Guardians: 16},
	}
	f := family() // nine years
	for _, k := range []struct {
		origins []care.Service
		want    consent.Status
	}{
		{[]care.Service{care.BUP}, consent.Active},
		{[]care.Service{care.BUP, care.PPT}, consent.Active},
		{[]care.Service{care.Skole}, consent.Pending}, // guardians could not sign for a school then
		{[]care.Service{care.BUP, care.Skole}, consent.Pending},
		{[]care.Service{care.Skole, care.BUP}, consent.Pending},
	} {
		if status, _ := consent.State(moved, f, signed(k.origins...), now); status != k.want {
			t.Errorf("%v: %s, want %s", k.origins, status, k.want)
		}
	}
}

// All six codes for two guardians, with and without daily care (access.md L11).
func TestParentalResponsibility(t *testing.T) {
	codes := []care.Parental{care.ParentalFelles, care.ParentalMor, care.ParentalFar, care.ParentalMedmor, care.ParentalAndre, care.ParentalUkjent}
	for _, one := range codes {
		for _, other := range codes {
			for _, daily := range []bool{false, true} {
				f := family()
				f.Guardians = []care.Guardian{guardian("a", one), guardian("b", other)}
				f.Guardians[0].DailyCare = daily
				for _, origin := range []care.Service{care.BUP, care.Barnehage} {
					got := said(consent.Needed(ages, f, origin, now))
					if want := who(one, other, daily && origin == care.Barnehage); !slices.Equal(got, want) {
						t.Errorf("%s and %s, daily care %v, %s: %v, want %v", one, other, daily, origin, got, want)
					}
				}
			}
		}
	}
}

func said(needed []consent.Requirement) []string {
	var out []string
	for _, r := range needed {
		text := string(r.Missing)
		for _, h := range r.Holders {
			text += h.Viewer
		}
		out = append(out, text)
	}
	return out
}

// who is the expectation, written apart from the code: who of a and b must sign.
func who(a, b care.Parental, aIsEnough bool) []string {
	unknownA, unknownB := a == care.ParentalUkjent, b == care.ParentalUkjent
	missing := string(consent.ReasonGuardianUnknown)
	switch {
	case unknownA && unknownB:
		return []string{missing}
	case aIsEnough && !unknownA:
		return []string{"a"}
	case unknownA:
		if b == care.ParentalFelles {
			return []string{"b", missing}
		}
		return []string{"b"}
	case unknownB:
		if a == care.ParentalFelles {
			return []string{"a", missing}
		}
		return []string{"a"}
	case (a == care.ParentalFelles) != (b == care.ParentalFelles):
		return []string{"a", "b", missing}
	}
	return []string{"a", "b"}
}

// What one source tells of a parent counts, whatever another leaves out: that she shares the responsibility with
// somebody, and that the child lives with her.
func TestWhatOneRowTellsOfAParentCounts(t *testing.T) {
	shares, alone := guardian("a", care.ParentalFelles), guardian("a", care.ParentalMor)
	with := guardian("a", care.ParentalFelles)
	with.DailyCare = true
	for name, k := range map[string]struct {
		rows   []care.Guardian
		origin care.Service
		want   []string
	}{
		"she shares it with one of whom nobody tells": {[]care.Guardian{shares, alone}, care.BUP, []string{"aa", string(consent.ReasonGuardianUnknown)}},
		"the child lives with her":                    {[]care.Guardian{with, shares, guardian("b", care.ParentalFelles)}, care.Barnehage, []string{"aa"}},
		"one who had it before":                       {[]care.Guardian{{Viewer: "c", Code: care.ParentalFelles, From: start.AddDate(-10, 0, 0), Until: start}, shares, guardian("b", care.ParentalFelles)}, care.BUP, []string{"a", "b"}},
		"a nameless one":                              {[]care.Guardian{guardian("", care.ParentalFelles), shares, guardian("b", care.ParentalFelles)}, care.BUP, []string{"a", "b", string(consent.ReasonGuardianUnknown)}},
	} {
		f := family()
		for range 2 {
			f.Guardians = slices.Clone(k.rows)
			got := said(consent.Needed(ages, f, k.origin, now))
			slices.Sort(got)
			want := slices.Sorted(slices.Values(k.want))
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
			slices.Reverse(k.rows)
		}
	}
}

// One person may stand in several rows by several names, and signs for herself alone.
func TestGuardiansAreCountedAsPersons(t *testing.T) {
	row := func(viewer string, person care.PersonID, code care.Parental) care.Guardian {
		g := guardian(viewer, code)
		g.Person = person
		return g
	}
	mother := []care.Guardian{row("mor", "", care.ParentalFelles), row("", "p-mor", care.ParentalFelles), row("mor", "p-mor", care.ParentalFelles), row("mor-2", "p-mor", care.ParentalFelles)}
	far := row("far", "", care.ParentalFelles)
	hidden := row("mor", "p-mor", care.ParentalUkjent)
	hidden.Graded = true
	by := func(how string, signers ...string) []care.Signature {
		var out []care.Signature
		for _, s := range signers {
			sig := sign(care.PartyGuardian, s)
			sig.How = how
			out = append(out, sig)
		}
		return out
	}
	for name, k := range map[string]struct {
		guardians  []care.Guardian
		signatures []care.Signature
		want       consent.Status
	}{
		"she alone, by all her names":     {mother, by("paper", "mor", "p-mor", "mor-2"), consent.Pending},
		"whatever the order of the rows":  {[]care.Guardian{mother[3], mother[0], mother[2], mother[1]}, by("paper", "mor", "p-mor", "mor-2"), consent.Pending},
		"both, she by one of her names":   {append(slices.Clone(mother), far), by("paper", "mor-2", "far"), consent.Active},
		"one of whom nobody knows who":    {[]care.Guardian{row("mor", "", care.ParentalMor), row("", "", care.ParentalFar)}, by("paper", "mor"), consent.Pending},
		"one of whom nobody knows, alone": {[]care.Guardian{row("", "", care.ParentalMor)}, by("paper", "mor"), consent.Pending},
		"hidden by a row that gives none": {append(slices.Clone(mother), far, hidden), by("digital", "mor-2", "far"), consent.Pending},
		"hidden, and on paper":            {append(slices.Clone(mother), far, hidden), by("paper", "mor-2", "far"), consent.Active},
		"in a way that is none":           {append(slices.Clone(mother), far), by("sms", "mor", "far"), consent.Pending},
	} {
		f := family()
		f.Guardians = k.guardians
		c := signed(care.BUP)
		c.Signatures = k.signatures
		if got, why := consent.State(ages, f, c, now); got != k.want {
			t.Errorf("%s: %s (%s), want %s", name, got, why, k.want)
		}
	}
}

func TestGuardiansHavePeriods(t *testing.T) {
	for _, k := range []struct {
		name        string
		from, until time.Time
		at          time.Time
		counts      bool
	}{
		{"no beginning", time.Time{}, time.Time{}, now, false},
		{"the instant before", start, time.Time{}, start.Add(-1), false},
		{"the instant", start, time.Time{}, start, true},
		{"its last", start, end, end.Add(-1), true},
		{"over", start, end, end, false},
	} {
		f := family()
		f.Guardians = []care.Guardian{{Viewer: "mor", Code: care.ParentalMor, From: k.from, Until: k.until}}
		if got := said(consent.Needed(ages, f, care.BUP, k.at)); slices.Equal(got, []string{"mor"}) != k.counts {
			t.Errorf("%s: %v", k.name, got)
		}
	}
}

func TestCareOrder(t *testing.T) {
	order := care.Basis{Code: consent.CareOrder, Person: "teo", From: start, DecidedBy: "nemnda", Evidence: "sak 1"}
	for _, k := range []struct {
		name string
		do   func(b *care.Basis)
		want bool
	}{
		{"in force", func(*care.Basis) {}, true},
		{"another code", func(b *care.Basis) { b.Code = "SAMORDNING" }, false},
		{"another child", func(b *care.Basis) { b.Person = "amina" }, false},
		{"decided by nobody", func(b *care.Basis) { b.DecidedBy = "" }, false},
		{"found nowhere", func(b *care.Basis) { b.Evidence = " " }, false},
		{"not begun", func(b *care.Basis) { b.From = now.Add(1) }, false},
		{"over this instant", func(b *care.Basis) { b.Until = now }, false},
		{"over in an instant", func(b *care.Basis) { b.Until = now.Add(1) }, true},
		{"ended this instant", func(b *care.Basis) { b.Ended = now }, false},
		{"ended in an instant", func(b *care.Basis) { b.Ended = now.Add(1) }, true},
	} {
		f, b := family(), order
		k.do(&b)
		f.Bases = []care.Basis{b}
		needed := consent.Needed(ages, f, care.BUP, now)
		if got := needed[0].Party == care.PartyBarnevern; got != k.want {
			t.Errorf("%s: %v", k.name, needed)
		}
		c := signed(care.BUP)
		c.Signatures = []care.Signature{sign(care.PartyBarnevern, "anders")}
		if status, _ := consent.State(ages, f, c, now); (status == consent.Active) != k.want {
			t.Errorf("%s: signed by barnevern it is %s", k.name, status)
		}
	}
}

func TestAge(t *testing.T) {
	for _, k := range []struct {
		born string
		at   time.Time
		age  int
		ok   bool
	}{
		{"2010-11-23", time.Date(2026, 11, 22, 23, 59, 59, 999999999, oslo), 15, true},
		{"2010-11-23", time.Date(2026, 11, 23, 0, 0, 0, 0, oslo), 16, true},
		{"2010-11-23", time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC).In(oslo), 16, true}, // midnight in Oslo
		{"2012-02-29", time.Date(2028, 2, 28, 23, 59, 59, 0, oslo), 15, true},
		{"2012-02-29", time.Date(2028, 2, 29, 0, 0, 0, 0, oslo), 16, true},
		{"2012-02-29", time.Date(2027, 2, 28, 23, 59, 59, 0, oslo), 14, true},
		{"2012-02-29", time.Date(2027, 3, 1, 0, 0, 0, 0, oslo), 15, true},
		{"2026-11-23", now, 0, true},
		{"2026-11-24", now, 0, false},
		{"2026-02-30", now, 0, false},
		{"", now, 0, false},
		{"23.11.2010", now, 0, false},
		{"2010-11-23", time.Time{}, 0, false},
	} {
		age, ok := consent.Age(k.born, k.at)
		if ok != k.ok || ok && age != k.age {
			t.Errorf("born %q at %s: %d %v, want %d %v", k.born, k.at, age, ok, k.age, k.ok)
		}
	}
}

func size(small, ci int) int {
	if s := os.Getenv("SAMSYN_TEST_SIZE"); s == "ci" || s == "soak" {
		return ci
	}
	return small
}

// Ages at each birthday of random days of birth, a second before and after midnight in
// Oslo, against a count of days that knows nothing of time zones.
func TestAgeTurnsAtMidnight(t *testing.T) {
	day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range size(400, 10_000) {
		born := day.AddDate(0, 0, i*9973%9497) // 26 years of days, in another order
		for _, years := range []int{7, 12, 15, 16, 18} {
			y, m, d := born.Year()+years, born.Month(), born.Day()
			if m == time.February && d == 29 && (y%4 != 0 || y%100 == 0 && y%400 != 0) {
				m, d = time.March, 1
			}
			midnight := time.Date(y, m, d, 0, 0, 0, 0, oslo)
			before, _ := consent.Age(born.Format(time.DateOnly), midnight.Add(-time.Second))
			after, _ := consent.Age(born.Format(time.DateOnly), midnight)
			if before != years-1 || after != years {
				t.Fatalf("born %s: %d a second before, %d at midnight, want %d", born.Format(time.DateOnly), before, after, years)
			}
		}
	}
}

func TestCheckNamesWhatLacks(t *testing.T) {
	for _, k := range []struct {
		field string
		do    func(c *care.Consent)
	}{
		{"person", func(c *care.Consent) { c.Person = "" }},
		{"origins", func(c *care.Consent) { c.Origins = nil }},
		{"origins", func(c *care.Consent) { c.Origins = []care.Service{"x"} }},
		{"purpose", func(c *care.Consent) { c.Purpose = "" }},
		{"receivers", func(c *care.Consent) { c.Receivers = nil }},
		{"receivers", func(c *care.Consent) { c.Receivers = append(c.Receivers, care.Receiver{}) }},
		{"topics", func(c *care.Consent) { c.Topics = []string{""} }},
		{"topics", func(c *care.Consent) { c.ExceptTopics = []string{" "} }},
		{"period", func(c *care.Consent) { c.From = time.Time{} }},
		{"period", func(c *care.Consent) { c.Until = time.Time{} }},
		{"period", func(c *care.Consent) { c.Until = c.From }},
		{"textVersion", func(c *care.Consent) { c.TextVersion = "" }},
		{"language", func(c *care.Consent) { c.Language = "" }},
		{"voluntary", func(c *care.Consent) { c.Voluntary = false }},
		{"signatures", func(c *care.Consent) { c.Signatures = nil }},
		{"signatures[1]", func(c *care.Consent) { c.Signatures[1].Party = "neighbour" }},
		{"signatures[1]", func(c *care.Consent) { c.Signatures[1].Signer = "" }},
		{"signatures[1]", func(c *care.Consent) { c.Signatures[1].Recorder = "" }},
		{"signatures[1]", func(c *care.Consent) { c.Signatures[1].How = "nod" }},
		{"signatures[1]", func(c *care.Consent) { c.Signatures[1].At = time.Time{} }},
	} {
		c := signed(care.BUP)
		k.do(&c)
		errs := consent.Check(c)
		if len(errs) != 1 || consent.Field(errs[0]) != k.field || !errors.Is(errs[0], care.ErrInvalid) {
			t.Errorf("%s: %v", k.field, errs)
		}
	}
	whole := signed(care.BUP)
	whole.Signatures[0].How, whole.Signatures[1].How = consent.Digital, consent.Oral
	whole.Signatures = append(whole.Signatures, sign(care.PartyChild, "teo"), sign(care.PartyBarnevern, "anders"))
	if errs := consent.Check(whole); len(errs) != 0 {
		t.Errorf("a whole consent: %v", errs)
	}
	if consent.Field(errors.New("x")) != "" {
		t.Error("another error is about a field")
	}
}

// Whatever is signed, taking a signature away, or taking it back, never makes a consent active.
func TestLessIsNeverMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := family()
		f.Born = rapid.SampledFrom([]string{"2017-05-17", "2011-01-01", "2010-11-23", "2008-01-01", ""}).Draw(t, "born")
		for i := range f.Guardians {
			f.Guardians[i].Code = rapid.SampledFrom([]care.Parental{care.ParentalFelles, care.ParentalMor, care.ParentalUkjent}).Draw(t, "code")
		}
		c := signed(rapid.SliceOfNDistinct(rapid.SampledFrom([]care.Service{care.BUP, care.Skole, care.Barnehage}), 1, 3, rapid.ID).Draw(t, "origins")...)
		c.Signatures = append(c.Signatures, sign(care.PartyChild, "teo"))
		at := rapid.SampledFrom([]time.Time{start, now, end.Add(-1), end}).Draw(t, "at")
		before, _ := consent.State(ages, f, c, at)
		i := rapid.IntRange(0, len(c.Signatures)-1).Draw(t, "which")
		less := c
		less.Signatures = slices.Delete(slices.Clone(c.Signatures), i, i+1)
		if after, _ := consent.State(ages, f, less, at); before != consent.Active && after == consent.Active {
			t.Fatalf("%s, and active without a signature", before)
		}
		less = c
		less.Signatures = slices.Clone(c.Signatures)
		less.Signatures[i].Withdrawn = at
		if after, _ := consent.State(ages, f, less, at); after == consent.Active {
			t.Fatal("active though it was taken back")
		}
		more := c
		more.Origins = append(slices.Clone(c.Origins), care.Barnevern)
		if after, _ := consent.State(ages, f, more, at); after == consent.Active {
			t.Fatal("active for a service of which the ages say nothing")
		}
	})
}

func ExampleNeeded() {
	f := care.Facts{Person: "teo", Born: "2011-01-01", Guardians: []care.Guardian{{Viewer: "mor", Code: care.ParentalMor, From: start}}}
	for _, r := range consent.Needed(ages, f, care.Skole, now) {
		fmt.Println(r.Party)
	}
	// Output:
	// child
	// guardian
}
