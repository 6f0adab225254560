package storetest

import (
	"errors"
	"maps"
	"testing"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/identity"
)

func linking(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	pseudo := entry{key: "p", text: "p", subject: "pseudo", name: "Nobody"}.build(t)
	pseudo.Subject.Refused = []error{identity.ErrPseudo}
	b.save("a", entry{key: "1", text: "1", subject: "s1", numbers: []string{ella}, born: "2014-03-14"}.build(t),
		entry{key: "2", text: "2", subject: "s2", numbers: []string{jonas}}.build(t), pseudo,
		entry{key: "e", text: "before its person", subject: "later"}.build(t))
	b.save("b", entry{key: "1", text: "3", subject: "s1", numbers: []string{ella}}.build(t),
		entry{key: "2", text: "4", subject: "wrong", numbers: []string{ella}, born: "2013-03-14"}.build(t),
		entry{key: "3", text: "5", subject: "two", numbers: []string{ella, jonas}}.build(t))
	if got := b.bodies(b.person(ella), all...); len(got) != 2 {
		t.Errorf("ella has %v, want one from each source", got)
	}
	want := map[string]identity.Reason{"a/pseudo": identity.PseudoNumber, "a/later": identity.NoNumber, "b/wrong": identity.BirthDate, "b/two": identity.TwoNumbers}
	if got := b.waiting(); !maps.Equal(got, want) {
		t.Errorf("waiting %v, want %v", got, want)
	}
	ps, err := b.Everybody(ctx)
	b.check(err)
	if len(ps) != 2 {
		t.Errorf("persons %v, want two", ps)
	}
	// The person of a waiting subject becomes known by another record of the source.
	b.save("a", entry{key: "pasient", text: "later", subject: "later", numbers: []string{jonas}}.build(t))
	if got := b.bodies(b.person(jonas), all...); len(got) != 3 {
		t.Errorf("jonas has %v", got)
	}
	if _, err := b.PersonByIdentifier(ctx, number(t, selma)); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("an unknown number: %v", err)
	}
	if _, err := b.PersonByIdentifier(ctx, identity.Number{}); !errors.Is(err, care.ErrInvalid) {
		t.Errorf("no number: %v", err)
	}
}

func changedNumber(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	b.save("a", entry{key: "1", text: "1", day: 1, subject: "s", numbers: []string{selmaOld}}.build(t))
	first := b.person(selmaOld)
	b.save("b", entry{key: "1", text: "2", subject: "other", numbers: []string{selma}}.build(t))
	second := b.person(selma)
	if first == second || first == "" || second == "" {
		t.Fatalf("two numbers before anybody ties them: %q %q", first, second)
	}
	b.check(b.PutGrant(ctx, care.Grant{Viewer: "v", Person: second, Services: []care.Service{care.Skole}, From: at, Basis: "test"}))
	b.save("a", entry{key: "1", text: "1 again", day: 2, subject: "s", numbers: []string{selma}, old: []string{selmaOld}}.build(t))
	if p := b.person(selma); p != first || b.person(selmaOld) != first {
		t.Errorf("after both were stated together: %q %q, want the older %q", p, b.person(selmaOld), first)
	}
	if got := b.bodies(second, all...); len(got) != 2 {
		t.Errorf("the merged person is answered with %v, want the survivor's two", got)
	}
	gs, err := b.Grants(ctx, "v")
	b.check(err)
	if len(gs) != 1 || gs[0].Person != first {
		t.Errorf("grants %+v, want one for the survivor", gs)
	}
	ids, err := b.Identifiers(ctx, first)
	b.check(err)
	if len(ids) != 2 || ids[0].Kind != identity.DNumber || !ids[0].Old || ids[1].Kind != identity.Fodselsnummer || ids[1].Old || ids[1].Source != "b" || ids[1].Born != "2026-08-19" {
		t.Errorf("history of numbers %+v", ids)
	}
	ms, err := b.Merges(ctx)
	b.check(err)
	if len(ms) != 1 || ms[0].Survivor != first || ms[0].Merged != second || !ms[0].Undone.IsZero() {
		t.Errorf("journal %+v", ms)
	}
}

func contested(t *testing.T, open func(TB) Store) {
	// The D-number of the vectors, and two fødselsnummer with its birth date would be needed to
	// tie two persons; so subjects state one that contradicts, and wait.
	b := start(t, open)
	b.save("a", entry{key: "1", text: "1", subject: "s1", numbers: []string{selma, selmaOld}}.build(t),
		entry{key: "2", text: "2", subject: "s2", numbers: []string{ella, selmaOld}}.build(t))
	if got := b.waiting(); len(got) != 1 || got["a/s2"] != identity.BirthDate {
		t.Errorf("waiting %v", got)
	}
	if b.person(ella) != "" || b.person(selma) == "" {
		t.Error("a subject that contradicts itself made a person")
	}
}

func unlinking(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	b.save("a", entry{key: "1", text: "1", subject: "s", numbers: []string{selmaOld}}.build(t))
	b.save("b", entry{key: "1", text: "2", subject: "other", numbers: []string{selma}}.build(t))
	before := b.canonical()
	first, second := b.person(selmaOld), b.person(selma)
	tie := entry{key: "tie", text: "tie", subject: "tie", numbers: []string{selma, selmaOld}}.build(t)
	b.save("b", tie)
	linked := b.canonical()
	if b.person(selma) != first {
		t.Fatal("not united")
	}
	sub := identity.Subject{Source: "b", Key: "tie"}
	for _, err := range []error{b.Rule(ctx, sub, identity.Apart, "", "why"), b.Rule(ctx, sub, "nonsense", "siv", "why")} {
		if !errors.Is(err, care.ErrInvalid) {
			t.Errorf("a ruling without who or sense: %v", err)
		}
	}
	if err := b.Rule(ctx, identity.Subject{Source: "b", Key: "none"}, identity.Apart, "siv", "why"); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("a ruling about nobody: %v", err)
	}
	b.check(b.Rule(ctx, sub, identity.Apart, "siv", "another child"))
	if b.person(selmaOld) != first || b.person(selma) != second {
		t.Errorf("after unlinking: %q %q, want each as before: %q %q", b.person(selmaOld), b.person(selma), first, second)
	}
	if w := b.waiting(); w["b/tie"] != identity.DecidedByHuman {
		t.Errorf("waiting %v", w)
	}
	b.save("b", tie) // what was parted stays parted when it is read again
	if b.person(selma) != second {
		t.Error("a second reading united them again")
	}
	b.check(b.Withdraw(ctx, sub))
	if got := b.canonical(); got != linked {
		t.Errorf("after the ruling was withdrawn:\n%s", diff(linked, got))
	}
	b.save("b", entry{key: "tie", text: "corrected", subject: "elsewhere", numbers: []string{jonas}}.build(t))
	b.check(b.Rule(ctx, sub, identity.OnlyCurrent, "siv", "the number was mistyped"))
	if b.person(selma) != second || b.person(selmaOld) != first {
		t.Errorf("what was corrected at the source still ties:\n%s", diff(before, b.canonical()))
	}
	ms, err := b.Merges(ctx)
	b.check(err)
	if len(ms) != 2 || ms[0].Undone.IsZero() || ms[1].Undone.IsZero() {
		t.Errorf("journal %+v, want two unitings, both undone", ms)
	}
}

func grants(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	g := care.Grant{Viewer: "anders", Person: "p1", Services: []care.Service{care.Skole, care.BUP}, From: at, Until: at.AddDate(1, 0, 0), Basis: "consent"}
	b.check(b.PutGrant(ctx, g))
	before := b.dump()
	b.check(b.PutGrant(ctx, g))
	if b.dump() != before {
		t.Error("a grant given again wrote something")
	}
	b.check(b.PutGrant(ctx, care.Grant{Viewer: "anders", Person: "p2", Services: []care.Service{care.Skole}, From: at, Basis: "consent"}))
	got, err := b.Grants(ctx, "anders")
	b.check(err)
	if len(got) != 2 || !got[0].Until.Equal(g.Until) || !got[0].From.Equal(at) || len(got[0].Services) != 2 || !got[1].Until.IsZero() {
		t.Errorf("grants %+v", got)
	}
	end := at.Add(time.Hour)
	b.check(b.EndGrants(ctx, "anders", "p2", end))
	if got, err = b.Grants(ctx, "anders"); err != nil || !got[1].Until.Equal(end) {
		t.Errorf("after the end: %+v %v", got, err)
	}
	if got, err = b.Grants(ctx, "liv"); err != nil || len(got) != 0 {
		t.Errorf("liv has %+v %v", got, err)
	}
	for name, bad := range map[string]care.Grant{
		"no viewer":       {Person: "p", Services: g.Services, Basis: "b"},
		"no person":       {Viewer: "v", Services: g.Services, Basis: "b"},
		"no basis":        {Viewer: "v", Person: "p", Services: g.Services},
		"no service":      {Viewer: "v", Person: "p", Basis: "b"},
		"unknown service": {Viewer: "v", Person: "p", Basis: "b", Services: []care.Service{"nabo"}},
		"ends first":      {Viewer: "v", Person: "p", Basis: "b", Services: g.Services, From: at, Until: at},
	} {
		if err := b.PutGrant(ctx, bad); !errors.Is(err, care.ErrInvalid) {
			t.Errorf("%s: error %v, want care.ErrInvalid", name, err)
		}
	}
}

func accessLog(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	b.save("a", entry{key: "1", text: "1", subject: "s", numbers: []string{ella}}.build(t))
	p := b.person(ella)
	b.check(b.LogAccess(ctx, care.Access{Viewer: "mette", Person: p, Door: "page", At: at}))
	b.check(b.LogAccess(ctx, care.Access{Viewer: "anders", Person: p, Services: []care.Service{care.Skole, care.BUP}, Allowed: true, Door: "fhir", At: at.Add(time.Second)}))
	got, err := b.AccessLog(ctx, p)
	b.check(err)
	if len(got) != 2 || got[0].Viewer != "anders" || !got[0].Allowed || len(got[0].Services) != 2 || !got[0].At.Equal(at.Add(time.Second)) || got[1].Allowed || got[1].Door != "page" {
		t.Errorf("log %+v", got)
	}
	if got, err := b.AccessLog(ctx, "somebody else"); err != nil || len(got) != 0 {
		t.Errorf("somebody else's log: %+v %v", got, err)
	}
}
