package storetest

import (
	"errors"
	"maps"
	"testing"

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
	b.save("a", entry{key: "1", text: "1 again", day: 2, subject: "s", numbers: []string{selma}, old: []string{selmaOld}}.build(t))
	if p := b.person(selma); p != first || b.person(selmaOld) != first {
		t.Errorf("after both were stated together: %q %q, want the older %q", p, b.person(selmaOld), first)
	}
	if got := b.bodies(second, all...); len(got) != 2 {
		t.Errorf("the merged person is answered with %v, want the survivor's two", got)
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
