package storetest

import (
	"fmt"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/internal/ingest/ledger"
)

// lines streams the ledger of a source and gives it as text, one a line.
func (b *bench) lines(source string, versions bool) []string {
	b.Helper()
	var out []string
	for l, err := range b.Lines(ctx, source, versions) {
		b.check(err)
		out = append(out, fmt.Sprintf("%s %s %x %t %s %s %t", l.Kind, l.Key.Key, l.Hash[:2], l.Removed, l.Version, day(l.Changed), l.Unread))
	}
	return out
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.DateOnly)
}

func short(h [32]byte) string { return fmt.Sprintf("%x", h[:2]) }

// A full compare reads the ledger in byte order, with the hash of the bytes alone.
func compareLines(t *testing.T, open func(t TB) Store) {
	b := start(t, open)
	z := entry{key: "Z", text: "z", day: 90}.build(t)
	z.Record.Version = "7"
	a := entry{key: "a", text: "a", day: 91, subject: "s", numbers: []string{ella}}.build(t)
	gone := entry{key: "å", text: "", day: 92, deleted: true}.build(t)
	other := entry{key: "a", text: "b"}.build(t)
	other.Record.Kind = "Notat"
	fault := ledger.Entry{Record: adapters.Record{Kind: "sak", Key: "feil", Media: adapters.XML, Body: []byte("<")}, Fault: true, Refused: &ledger.Refusal{Code: "malformed", Text: "broken"}}
	b.save("a", gone, a, fault, other, z)
	b.save("b", entry{key: "elsewhere", text: "x"}.build(t))
	h := func(e ledger.Entry) string { return short(e.Record.Hash()) }
	want := []string{
		"Notat a " + h(other) + " false", "sak Z " + h(z) + " false", "sak a " + h(a) + " false", "sak feil " + h(fault) + " false", "sak å " + h(gone) + " true"}
	for _, versions := range []bool{false, true} {
		var all []string
		for i, w := range want {
			if versions {
				all = append(all, w+[]string{"  - false", " 7 2026-11-13 false", "  2026-11-14 false", "  - true", "  2026-11-15 false"}[i])
			} else {
				all = append(all, w+"  - false")
			}
		}
		if got := b.lines("a", versions); fmt.Sprint(got) != fmt.Sprint(all) {
			t.Errorf("lines, versions %t:\n%q\nwant\n%q", versions, got, all)
		}
	}
	for range b.Lines(ctx, "a", false) {
		break // nothing stays open
	}
	key := func(k string) ledger.Key { return ledger.Key{Kind: "sak", Key: k} }
	held, err := b.Held(ctx, "a", []ledger.Key{key("a"), key("å"), key("feil"), key("none"), key("elsewhere")})
	b.check(err)
	if len(held) != 3 {
		t.Errorf("held %v", held)
	}
	if l := held[key("a")]; !l.Record || l.Deleted || l.Outcome != ledger.Stored || l.Person == "" || l.Person != b.person(ella) || l.Hash != a.Record.Hash() || l.Recorded.IsZero() {
		t.Errorf("held %+v", l)
	}
	if l := held[key("å")]; !l.Removed || !l.Deleted || l.Person != "" {
		t.Errorf("held %+v", l)
	}
	if l := held[key("feil")]; l.Record || l.Code != "malformed" || l.Reason != "broken" || l.Outcome != ledger.Quarantined {
		t.Errorf("held %+v", l)
	}
}

// What a complete listing has just shown is judged by Rank.Stale.
func presence(t *testing.T, open func(t TB) Store) {
	b := start(t, open)
	one, two := entry{key: "1", text: "one", day: 90}.build(t), entry{key: "1", text: "two", day: 90}.build(t)
	if ledger.RankOf(two.Record).Older(ledger.RankOf(one.Record)) {
		one, two = two, one
	}
	b.save("a", two) // the greater hash: of pages, one would lose against it
	b.want(b.save("a", one), ledger.Unchanged)
	one.Present = true
	b.want(b.save("a", one), ledger.Stored)
	vanished := entry{key: "1", deleted: true}.build(t)
	vanished.Record.Version = ledger.Vanished
	b.want(b.save("a", vanished), ledger.Removed)
	one.Present = false
	b.want(b.save("a", one), ledger.Unchanged)
	one.Present = true
	b.want(b.save("a", one), ledger.Stored)
	older := entry{key: "1", text: "older", day: 80}.build(t)
	older.Present = true
	b.want(b.save("a", older), ledger.Unchanged)
	b.want(b.save("a", entry{key: "1", day: 90, deleted: true}.build(t)), ledger.Removed)
	b.want(b.save("a", one), ledger.Unchanged)
}

func reconciliations(t *testing.T, open func(t TB) Store) {
	b := start(t, open)
	in := ledger.Reconciliation{Source: "a", Who: "test", Started: at, Finished: at.Add(time.Minute), Method: ledger.ByListing, Listed: 10, Held: 11, Equal: 6, New: 1, Changed: 1,
		BackDated: 1, Returned: 1, Vanished: 2, Repaired: 4, Refused: 2, Failure: "why", Asks: "what", Left: 3,
		Lines: []ledger.Difference{{Kind: "sak", Key: "1", Finding: ledger.Gone, Result: ledger.Refused, Reason: "because", Person: "p"}, {Kind: "sak", Key: "2", Finding: ledger.New, Result: ledger.Repaired}}}
	before := b.dump()
	first, err := b.PutReconciliation(ctx, in)
	b.check(err)
	second, err := b.PutReconciliation(ctx, ledger.Reconciliation{Source: "b", Started: at, Finished: at})
	b.check(err)
	if b.dump() != before {
		t.Error("a report is no content")
	}
	out, err := b.Reconciliation(ctx, first)
	b.check(err)
	in.ID = first
	if fmt.Sprintf("%+v", out) != fmt.Sprintf("%+v", in) {
		t.Errorf("kept %+v\nwant %+v", out, in)
	}
	for _, c := range []struct {
		source string
		limit  int
		want   []int64
	}{{"", 0, []int64{second, first}}, {"", 1, []int64{second}}, {"a", 5, []int64{first}}, {"c", 0, nil}} {
		list, err := b.Reconciliations(ctx, c.source, c.limit)
		b.check(err)
		var got []int64
		for _, r := range list {
			got = append(got, r.ID)
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("reports of %q, at most %d: %v, want %v", c.source, c.limit, got, c.want)
		}
	}
	if _, err := b.Reconciliation(ctx, 999); err == nil {
		t.Error("a report that never was")
	}
}
