package storetest

import (
	"errors"
	"strings"
	"testing"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
)

func atomicity(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	b.save("a", entry{key: "1", text: "first", subject: "ella", numbers: []string{ella}}.build(t))
	before := b.dump()
	runs, err := b.Runs(ctx, 0)
	b.check(err)
	_, err = b.Save(ctx, ledger.Batch{Source: "a", Run: b.run, At: at, Next: "further", Entries: []ledger.Entry{
		entry{key: "1", text: "second", subject: "ella", numbers: []string{ella}}.build(t),
		entry{key: "2", text: "other", subject: "jonas", numbers: []string{jonas}}.build(t),
		entry{key: "3", refused: "decode"}.build(t),
		{}, // nothing that can be kept
	}})
	if !errors.Is(err, care.ErrInvalid) {
		t.Fatalf("error %v, want care.ErrInvalid", err)
	}
	if after := b.dump(); after != before {
		t.Errorf("a page that failed left something behind:\n%s", diff(before, after))
	}
	again, err := b.Runs(ctx, 0)
	b.check(err)
	if runs[1] != again[1] {
		t.Errorf("a page that failed was counted: %+v", again[1])
	}
	if _, since, err := b.Begin(ctx, ledger.Source{Name: "a", System: "test", Service: care.Skole, Title: "Source a"}, "test"); err != nil || since != "next" {
		t.Errorf("cursor %q %v, want that of the last page that was kept", since, err)
	}
}

func noChange(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	page := func() []ledger.Entry {
		return []ledger.Entry{
			entry{key: "1", text: "one", subject: "ella", numbers: []string{ella}, born: "2014-03-14", name: "Ella", day: 1}.build(t),
			entry{key: "2", text: "two", subject: "selma", numbers: []string{selma}, old: []string{selmaOld}}.build(t),
			entry{key: "3", text: "bad", refused: "decode"}.build(t),
			entry{key: "4", deleted: true}.build(t),
			{Record: adapters.Record{Kind: "fil", Key: "x.xml", Media: adapters.XML, Body: []byte("<")}, Fault: true, Refused: &ledger.Refusal{Code: "malformed", Text: "cut", Where: "x.xml"}},
			{Record: adapters.Record{Kind: "sak", Key: "p", Group: "g", Media: adapters.XML, Body: []byte("<a/>")}, Part: true, Refused: &ledger.Refusal{Code: "held", Text: "gap"}},
		}
	}
	b.want(b.save("a", page()...), ledger.Stored, ledger.Stored, ledger.Quarantined, ledger.Removed, ledger.Quarantined, ledger.Quarantined)
	before := b.dump()
	b.want(b.save("a", page()...), ledger.Unchanged, ledger.Unchanged, ledger.Quarantined, ledger.Unchanged, ledger.Quarantined, ledger.Quarantined)
	if after := b.dump(); after != before {
		t.Errorf("a second identical page wrote something:\n%s", diff(before, after))
	}
	// The same record by a new revision of the map that says the same: no new version.
	e := entry{key: "1", text: "one", subject: "ella", numbers: []string{ella}, born: "2014-03-14", name: "Ella", day: 1, revision: "+"}.build(t)
	b.want(b.save("a", e), ledger.Unchanged)
	v, err := b.now("1", everything)
	b.check(err)
	if v.Version != 1 {
		t.Errorf("version %d after a revision that says the same, want 1", v.Version)
	}
	seen, err := b.Ledger(ctx, "a", []ledger.Key{{Kind: "sak", Key: "1"}, {Kind: "sak", Key: "none"}})
	b.check(err)
	if got := seen[ledger.Key{Kind: "sak", Key: "1"}]; len(seen) != 1 || got.Revision != "r1+" || got.Stamp != e.Stamp() || got.Outcome != ledger.Stored {
		t.Errorf("ledger %+v", seen)
	}
}

func counting(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	batch := ledger.Batch{Source: "a", Run: b.run, At: at, Counts: ledger.Counts{Listed: 7, Unchanged: 5, Quarantined: 2}, Entries: []ledger.Entry{
		entry{key: "1", text: "one"}.build(t), entry{key: "2", deleted: true}.build(t), entry{key: "3", refused: "decode"}.build(t)}}
	derived, uncounted := entry{key: "whole", text: "w"}.build(t), entry{key: "4", text: "four"}.build(t)
	derived.Derived, uncounted.Uncounted = true, true
	batch.Entries = append(batch.Entries, derived, uncounted)
	saved, err := b.Save(ctx, batch)
	b.check(err)
	want := ledger.Counts{Listed: 10, Stored: 1, Unchanged: 5, Quarantined: 3, Removed: 1}
	if saved.Counts != want || !saved.Counts.Balanced() {
		t.Errorf("counts %+v, want %+v", saved.Counts, want)
	}
	b.check(b.End(ctx, b.run, "the source fell over"))
	runs, err := b.Runs(ctx, 0)
	b.check(err)
	got := runs[len(runs)-1]
	if got.Counts != want || got.Failure != "the source fell over" || got.Finished.IsZero() || got.Who != "test" {
		t.Errorf("run %+v", got)
	}
}

func states(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	state := func(name string) care.SourceState {
		t.Helper()
		ss, err := b.SourceStates(ctx)
		b.check(err)
		for _, s := range ss {
			if s.Source == name {
				return s
			}
		}
		t.Fatalf("no source %s in %+v", name, ss)
		return care.SourceState{}
	}
	if s := state("a"); !s.LastSuccess.IsZero() || !s.LastFailure.IsZero() || s.Title != "Source a" || s.Service != care.Skole || s.System != "test" {
		t.Errorf("a source that never ended a run: %+v", s)
	}
	b.check(b.End(ctx, b.run, ""))
	first := state("a")
	if first.LastSuccess.IsZero() || first.Failure != "" {
		t.Errorf("after success: %+v", first)
	}
	b.check(b.End(ctx, b.begin("a"), "no answer"))
	if s := state("a"); s.LastSuccess != first.LastSuccess || s.LastFailure.IsZero() || s.Failure != "no answer" {
		t.Errorf("after failure: %+v", s)
	}
	if s := state("b"); !s.LastSuccess.IsZero() {
		t.Errorf("another source's run counts as b's: %+v", s)
	}
}

func clearing(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	fault := ledger.Entry{Record: adapters.Record{Kind: "sak", Key: "1", Media: adapters.XML, Body: []byte("<")}, Fault: true, Refused: &ledger.Refusal{Code: "malformed", Text: "cut", Where: "1.xml"}}
	b.want(b.save("a", fault, entry{key: "2", text: "two", refused: "unknown-code"}.build(t)), ledger.Quarantined, ledger.Quarantined)
	q, err := b.Quarantined(ctx)
	b.check(err)
	if len(q) != 2 || q[0].Code != "malformed" || q[0].Where != "1.xml" || q[0].FirstSeen != at || q[1].Code != "unknown-code" || q[1].Text != "because of unknown-code" {
		t.Fatalf("quarantine %+v", q)
	}
	b.want(b.save("a", entry{key: "1", text: "whole"}.build(t)), ledger.Stored)
	b.want(b.save("a", entry{key: "2", text: "two", revision: "+"}.build(t)), ledger.Stored)
	if q, err = b.Quarantined(ctx); err != nil || len(q) != 0 {
		t.Errorf("quarantine after the records were well: %+v %v", q, err)
	}
	b.save("a", ledger.Entry{Record: adapters.Record{Kind: "fil", Key: "gone.xml"}, Fault: true, Refused: &ledger.Refusal{Code: "malformed"}}, entry{key: "2", text: "new", refused: "decode"}.build(t))
	if err := b.Dismiss(ctx, "a", "sak", "2"); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("a held record was dismissed: %v", err)
	}
	b.check(b.Dismiss(ctx, "a", "fil", "gone.xml"))
	if q, err = b.Refusals(ctx, "a"); err != nil || len(q) != 1 || q[0].Key != "2" {
		t.Errorf("quarantine after a fault was dismissed: %+v %v", q, err)
	}
}

func pending(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	_, err := b.Save(ctx, ledger.Batch{Source: "a", Run: b.run, At: at, Acknowledge: true, Entries: []ledger.Entry{
		entry{key: "1", text: "one"}.build(t), entry{key: "2", refused: "decode"}.build(t)}})
	b.check(err)
	p, err := b.Pending(ctx, "a")
	b.check(err)
	if len(p) != 2 || p[0] != (ledger.Pending{Kind: "sak", Key: "1", Stored: true}) || p[1].Stored || p[1].Code != "decode" || p[1].Reason == "" {
		t.Errorf("pending %+v", p)
	}
	b.check(b.Acknowledged(ctx, "a", []ledger.Key{{Kind: "sak", Key: "1"}, {Kind: "sak", Key: "2"}}))
	if p, err = b.Pending(ctx, "a"); err != nil || len(p) != 0 {
		t.Errorf("pending after the source was told: %+v %v", p, err)
	}
}

func parts(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	part := func(key, body string, refused *ledger.Refusal) ledger.Entry {
		return ledger.Entry{Record: adapters.Record{Kind: "sak", Key: key, Group: "g", Version: key, Changed: at, Media: adapters.XML, Body: []byte(body)}, Part: true, Refused: refused, Revision: "r1"}
	}
	held := &ledger.Refusal{Code: "held", Text: "the delivery before it never came"}
	b.want(b.save("a", part("2", "<b/>", held)), ledger.Quarantined)
	b.want(b.save("a", part("1", "<a/>", nil), part("2", "<b/>", nil), part("2", "<c/>", nil)), ledger.Stored, ledger.Stored, ledger.Stored)
	if q, err := b.Quarantined(ctx); err != nil || len(q) != 0 {
		t.Errorf("a part that was placed is still held: %+v %v", q, err)
	}
	ps, err := b.Parts(ctx, "a", "g")
	b.check(err)
	var got []string
	for _, p := range ps {
		got = append(got, p.Key+string(p.Body))
	}
	if len(ps) != 3 || !ps[0].Changed.Equal(at) || ps[0].Group != "g" || !strings.HasPrefix(strings.Join(got, ""), "1<a/>2<") {
		t.Errorf("parts %v", got)
	}
	gs, err := b.Groups(ctx, "a")
	b.check(err)
	if len(gs) != 1 || gs[0] != "g" {
		t.Errorf("groups %v", gs)
	}
}

// diff names the lines that differ.
func diff(before, after string) string {
	have := map[string]int{}
	for _, l := range strings.Split(before, "\n") {
		have[l]++
	}
	var out strings.Builder
	for _, l := range strings.Split(after, "\n") {
		if have[l]--; have[l] < 0 {
			out.WriteString("+ " + l + "\n")
		}
	}
	for l, n := range have {
		if n > 0 {
			out.WriteString("- " + l + "\n")
		}
	}
	return out.String()
}
