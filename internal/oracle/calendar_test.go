package oracle_test

import (
	"slices"
	"testing"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/care"
)

// ages are what the table says of ages, once more and by hand: what is seen from which
// birthday. "all" and "limited" are lists of elements, "" is nothing.
var ages = []struct {
	who     string
	service care.Service
	at      map[int]string // from this age
}{
	{"child", care.Helsestasjon, map[int]string{12: "limited", 16: "all"}},
	{"child", care.Skole, map[int]string{12: "limited", 16: "all"}},
	{"child", care.Barnevern, map[int]string{15: "all"}},
	{"guardian", care.Helsestasjon, map[int]string{0: "all", 12: "limited", 16: ""}},
	{"guardian", care.Skole, map[int]string{0: "all", 16: "limited", 18: ""}},
	{"guardian", care.Barnevern, map[int]string{}},
	// Who has consented that a doctor gets it.
	{"signed by guardians", care.Helsestasjon, map[int]string{0: "all", 16: ""}},
	{"signed by guardians", care.Skole, map[int]string{0: "all", 15: ""}},
	{"signed by guardians", care.Barnevern, map[int]string{0: "all", 15: ""}},
	{"signed by the child today", care.Helsestasjon, map[int]string{16: "all"}},
	{"signed by the child today", care.Skole, map[int]string{18: "all"}},
	{"signed by the child a year ago", care.Helsestasjon, map[int]string{17: "all"}},
	{"signed by all today", care.Helsestasjon, map[int]string{0: "all"}},
	{"signed by all today", care.Skole, map[int]string{0: "all"}},
	{"signed by all today", care.Barnevern, map[int]string{0: "all"}},
	// The appointment of a coordinator.
	{"coordinator", care.Koordinering, map[int]string{0: "all", 18: ""}},
}

// person is a child born on a day, seen by one of those above.
func person(who, born string, at time.Time) care.Facts {
	far := at.AddDate(-30, 0, 0)
	f := care.Facts{Tenant: tenant, Person: child, Known: true, Born: born, Guardians: []care.Guardian{
		{Viewer: "v-mother", Code: care.ParentalFelles, SameAddress: true, From: far}, {Viewer: "v-father", Code: care.ParentalFelles, From: far}}}
	sign := func(party care.Party, signer string, at time.Time) care.Signature {
		return care.Signature{Party: party, Signer: signer, Recorder: signer, How: "digital", At: at.UTC()}
	}
	guardians := []care.Signature{sign(care.PartyGuardian, "v-mother", at.AddDate(0, -5, 0)), sign(care.PartyGuardian, "v-father", at.AddDate(0, -5, 0))}
	herself := sign(care.PartyChild, string(child), at)
	var signed []care.Signature
	switch who {
	case "child":
		f.Viewer = care.Viewer{ID: me, Person: child, Role: care.RoleBarn, Level: 4, Purpose: care.PurposePATRQT}
		return f
	case "guardian":
		f.Viewer = care.Viewer{ID: "v-mother", Role: care.RoleForesatt, Level: 4, Purpose: care.PurposeFAMRQT}
		return f
	case "coordinator":
		f.Viewer = care.Viewer{ID: me, Role: care.RoleKoordinator, Tenant: tenant, Level: 4, Purpose: care.PurposeCOC}
		f.Appointments = []care.Appointment{{ID: "a1", Viewer: me, Person: child, Role: care.RoleKoordinator, From: far}}
		return f
	case "signed by guardians":
		signed = guardians
	case "signed by the child today":
		signed = []care.Signature{herself}
	case "signed by the child a year ago": // when she was a year younger: before 16 it was not hers to give
		signed = []care.Signature{sign(care.PartyChild, string(child), at.AddDate(-1, 0, 0))}
	case "signed by all today":
		signed = append(guardians, herself)
	}
	f.Viewer = care.Viewer{ID: me, Role: care.RoleTjenesteyter, Service: care.Fastlege, Tenant: tenant, Level: 4, Purpose: care.PurposeTREAT}
	f.Appointments = []care.Appointment{{ID: "a1", Viewer: me, Person: child, Role: care.RoleTjenesteyter, From: far}}
	f.Consents = []care.Consent{{ID: "c1", Person: child, Status: care.ConsentActive, Origins: []care.Service{care.Helsestasjon}, Purpose: care.PurposeTREAT, Receivers: []care.Receiver{{Viewer: me}},
		From: at.AddDate(0, -6, 0), Until: at.AddDate(0, 6, 0), TextVersion: "samtykke-2026-1", Language: "nb", Voluntary: true, Signatures: signed}}
	return f
}

// Rights come and go on the birthday at midnight in Oslo, and on 1 March for one born on
// 29 February where the year has none: by the decision, by the oracle and by hand.
func TestBirthdays(t *testing.T) {
	p := read(t)
	// Rights of the table begin in 2023 at the latest, so everybody turns 7 after that.
	first := time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)
	days := size(40, 10_000, 10_000)
	step := 10_000 / days // prime to four years, so that every leap day is met at CI size and some at others
	tried := 0
	for n := range days {
		born := first.AddDate(0, 0, n*step)
		if n%10 == 0 {
			born = time.Date(2020+n/10%7*4, 2, 29, 0, 0, 0, 0, time.UTC)
		}
		for _, years := range []int{7, 12, 15, 16, 18} {
			birthday := time.Date(born.Year()+years, born.Month(), born.Day(), 0, 0, 0, 0, p.oslo)
			for _, at := range []time.Time{birthday.Add(-time.Second), birthday, birthday.Add(time.Second)} {
				age := years
				if at.Before(birthday) {
					age--
				}
				for _, row := range ages {
					want := ""
					for from := 0; from <= age; from++ {
						if says, ok := row.at[from]; ok {
							want = says
						}
					}
					f := person(row.who, born.Format(time.DateOnly), at)
					if len(f.Consents) > 0 {
						f.Consents[0].Origins = []care.Service{row.service}
					}
					i := access.Item{Service: row.service, Type: "CarePlan"}
					d := p.table.Decide(f, i, at.UTC())
					may, elements := p.oracle.May(f, i.Service, i.Type, 0, i.Record, at.UTC())
					tried++
					wanted := []string{want}
					if want == "" {
						wanted = nil
					}
					if d.Allowed != (want != "") || may != d.Allowed || !slices.Equal(lists(d.Fields), wanted) || !slices.Equal(elements, wanted) {
						t.Fatalf("%s, %s, born %s, at %s: decided %v %v by %s, the oracle says %v %v, by hand %q", row.who, row.service, born.Format(time.DateOnly), at, d.Allowed, lists(d.Fields), d.Rule, may, elements, want)
					}
				}
			}
		}
	}
	t.Logf("%d decisions", tried)
}

// What a child keeps from her guardians of one service hides nothing of another, also where no record is named.
func TestWithheldOfOneServiceHidesNoOther(t *testing.T) {
	p := read(t)
	at := time.Date(2026, 3, 29, 3, 59, 59, 0, p.oslo)
	f := care.Facts{Tenant: tenant, Person: child, Known: true, Born: "2008-11-27", Viewer: care.Viewer{ID: "far", Role: care.RoleForesatt, Level: 4, Purpose: care.PurposeFAMRQT},
		Guardians: []care.Guardian{{Viewer: "far", Code: care.ParentalFar, SameAddress: true, From: at.AddDate(-5, 0, 0)}},
		Withheld:  []care.Withheld{{ID: "w", Person: child, Service: care.Koordinering, From: at.AddDate(0, -6, 0)}}}
	for _, s := range []care.Service{care.Skole, care.Koordinering} {
		may, _ := p.oracle.May(f, s, "Patient", 0, care.RecordRef{}, at)
		if got := p.table.Decide(f, access.Item{Service: s, Type: "Patient"}, at).Allowed; got != (s == care.Skole) || may != got {
			t.Errorf("%s: decided %t, the oracle says %t", s, got, may)
		}
	}
}
