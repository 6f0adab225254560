package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
)

func history(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	for i, text := range []string{"one", "two", "three"} {
		b.save("a", entry{key: "1", text: text, day: i + 1, subject: "ella", numbers: []string{ella}}.build(t))
	}
	h, err := b.History(ctx, b.person(ella), "Basic", "1", everything)
	b.check(err)
	var got []string
	for _, v := range h {
		got = append(got, fmt.Sprint(v.Version, v.Current, bytes.Contains(v.Resource.Body, []byte(`"three"`))))
	}
	if !slices.Equal(got, []string{"3 true true", "2 false false", "1 false false"}) {
		t.Errorf("history %v", got)
	}
	v, err := b.version("1", 2, everything)
	b.check(err)
	if string(v.Resource.Body) != string(basic("1", "two").Resource.Body) || v.Person != b.person(ella) || v.Record != (care.RecordRef{Source: "a", Kind: "sak", Key: "1"}) {
		t.Errorf("version 2: %+v", v)
	}
	for _, err := range []error{
		third(b.version("1", 4, everything)), third(b.now("2", everything)), third(b.History(ctx, "nobody", "Basic", "1", everything)),
		third(b.now("1", care.Whole(care.Barnevern))), third(b.now("1", nil)),
	} {
		if !errors.Is(err, care.ErrNotFound) {
			t.Errorf("error %v, want care.ErrNotFound", err)
		}
	}
}

func third(_ any, err error) error { return err }

func tombstones(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	live := entry{key: "1", text: "one", day: 1, subject: "ella", numbers: []string{ella}}.build(t)
	gone := entry{key: "1", deleted: true}.build(t)
	b.save("a", live)
	b.want(b.save("a", gone), ledger.Removed)
	if got := b.bodies(b.person(ella), all...); len(got) != 0 {
		t.Errorf("a removed record still says %v", got)
	}
	v, err := b.now("1", everything)
	b.check(err)
	if !v.Deleted || v.Version != 2 {
		t.Errorf("present version %+v, want the tombstone 2", v)
	}
	if old, err := b.version("1", 1, everything); err != nil || old.Deleted {
		t.Errorf("version 1 after the removal: %+v %v", old, err)
	}
	before := b.dump()
	b.want(b.save("a", gone), ledger.Unchanged)
	if b.dump() != before {
		t.Error("a removal seen again wrote something")
	}
	// A late page that still lists it does not bring it back; a later change does.
	b.want(b.save("a", live), ledger.Unchanged)
	if got := b.bodies(b.person(ella), all...); len(got) != 0 {
		t.Errorf("an old page resurrected %v", got)
	}
	b.want(b.save("a", entry{key: "1", text: "back", day: 2, subject: "ella", numbers: []string{ella}}.build(t)), ledger.Stored)
	if v, err := b.now("1", everything); err != nil || v.Version != 3 || v.Deleted {
		t.Errorf("after it came back: %+v %v", v, err)
	}
	// What was never seen can be removed too, and stays so.
	b.want(b.save("a", entry{key: "9", deleted: true, day: 5}.build(t)), ledger.Removed)
	b.save("a", entry{key: "9", text: "late", day: 4, subject: "ella"}.build(t))
	if _, err := b.now("9", everything); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("a record that was deleted before it was seen: %v", err)
	}
}

func older(t *testing.T, open func(TB) Store) {
	texts := []string{"a", "b", "c", "d", "e"}
	days := []int{1, 2, 3, 3, 3} // the last three changed at the same moment: the hash decides
	var want string
	for n, order := range permutations(len(texts)) {
		if n%5 != 0 { // 24 of 120 on each database; the pipeline's test walks at random
			continue
		}
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			b := start(t, open)
			for _, i := range order {
				b.save("a", entry{key: "1", text: texts[i], day: days[i], subject: "ella" + texts[i], numbers: []string{ella}, name: texts[i]}.build(t))
			}
			got := b.canonical()
			if want == "" {
				want = got
			}
			if got != want {
				t.Fatalf("this order gives another store:\n%s", diff(want, got))
			}
			before := b.dump()
			for i := range texts {
				b.want(b.save("a", entry{key: "1", text: texts[i], day: days[i], subject: "ella" + texts[i], numbers: []string{ella}, name: texts[i]}.build(t)), ledger.Unchanged)
			}
			if after := b.dump(); after != before {
				t.Fatalf("versions that are known wrote something:\n%s", diff(before, after))
			}
		})
	}
	b := start(t, open)
	b.save("a", entry{key: "1", text: "first", subject: "s", numbers: []string{ella}}.build(t))
	b.want(b.save("a", entry{key: "1", text: "a later one", subject: "s", numbers: []string{ella}}.build(t)), ledger.Stored)
	if v, err := b.now("1", everything); err != nil || v.Version != 2 {
		t.Errorf("where the source does not say when, the last is the newest: %+v %v", v, err)
	}
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var out [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			out = append(out, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return slices.DeleteFunc(out, func(p []int) bool { return len(p) != n })
}

func lastUsable(t *testing.T, open func(TB) Store) {
	good := entry{key: "1", text: "good", day: 1, subject: "ella", numbers: []string{ella}}.build(t)
	bad := entry{key: "1", text: "bad", day: 2, refused: "unknown-code"}.build(t)
	var dumps []string
	for _, order := range [][]ledger.Entry{{good, bad}, {bad, good}} {
		b := start(t, open)
		for _, e := range order {
			b.save("a", e)
		}
		if got := b.bodies(b.person(ella), all...); len(got) != 1 {
			t.Errorf("said %v, want the last version that could be used", got)
		}
		if q, err := b.Quarantined(ctx); err != nil || len(q) != 1 {
			t.Errorf("quarantine %v %v", q, err)
		}
		dumps = append(dumps, b.canonical())
	}
	if dumps[0] != dumps[1] {
		t.Errorf("the order matters:\n%s", diff(dumps[0], dumps[1]))
	}
}

func filtered(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	b.save("a", entry{key: "1", text: "school", subject: "s1", numbers: []string{ella}, name: "Ella", born: "2014-03-14"}.build(t),
		entry{key: "3", text: "not hers", subject: "s3", numbers: []string{jonas}}.build(t), entry{key: "4", text: "nobody's"}.build(t))
	b.save("b", entry{key: "2", text: "secret", subject: "x", numbers: []string{ella}, name: "Ella in care", service: care.Barnevern}.build(t))
	p := b.person(ella)
	if got := b.bodies(p, care.Skole, care.BUP); !slices.Equal(got, []string{"a " + string(basic("1", "school").Resource.Body)}) {
		t.Errorf("school and BUP see %v", got)
	}
	if got := b.bodies(p, care.Barnevern); len(got) != 1 || got[0][:1] != "b" {
		t.Errorf("barnevern sees %v", got)
	}
	if got := b.bodies(p, all...); len(got) != 2 {
		t.Errorf("all see %v", got)
	}
	if got := b.bodies(p); len(got) != 0 {
		t.Errorf("no service sees %v", got)
	}
	if got := b.bodies("nobody", all...); len(got) != 0 {
		t.Errorf("nobody has %v", got)
	}
	for services, want := range map[care.Service]string{care.Skole: "Ella", care.Barnevern: "Ella in care"} {
		cs, err := b.Claims(ctx, p, care.Whole(services))
		b.check(err)
		if len(cs) != 1 || cs[0].Name != want || cs[0].Service != services || cs[0].Recorded != at {
			t.Errorf("%s says %+v", services, cs)
		}
	}
}

func lineage(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	b.save("a", entry{key: "1", text: "one", subject: "s", numbers: []string{ella}, day: 3}.build(t))
	cs, err := b.Contributions(ctx, b.person(ella), everything)
	b.check(err)
	if len(cs) != 1 {
		t.Fatalf("contributions %+v", cs)
	}
	c := cs[0]
	want := basic("1", "one")
	if fmt.Sprintf("%+v", c.Made) != fmt.Sprintf("%+v", []care.Made{want}) {
		t.Errorf("made %+v, want %+v", c.Made, want)
	}
	c.Made = nil
	if fmt.Sprintf("%+v", c) != fmt.Sprintf("%+v", care.Contribution{Source: "a", System: "test", Kind: "sak", Key: "1", Version: 1, MapRevision: "r1", Service: care.Skole,
		Subject: "s", Person: b.person(ella), Recorded: at, Changed: at.AddDate(0, 0, 3-100)}) {
		t.Errorf("contribution %+v", c)
	}
}
