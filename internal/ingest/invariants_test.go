package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"samsyn/adapters"
	"samsyn/internal/ingest"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store"
)

// I1 and I4: every listed thing ends as exactly one outcome and the sums match; a second
// identical run writes no row but its own report, and counts the same things.
func TestConservationAndIdempotence(t *testing.T) {
	onBoth(t, func(t *rapid.T, open func(tb) *store.Store) {
		things := drawWorld(t, "a")
		src := &fake{pages: cut(things, rapid.IntRange(1, 5).Draw(t, "page")), anew: true}
		s := open(t)
		p := pipeline(t, s)
		first, err := p.Run(t.Context(), source("a"), src, nil)
		if err != nil {
			t.Fatalf("%v", err)
		}
		balanced(t, first, len(things))
		before := dump(t, s)
		second, err := p.Run(t.Context(), source("a"), src, nil)
		if err != nil {
			t.Fatalf("%v", err)
		}
		balanced(t, second, len(things))
		if after := dump(t, s); after != before {
			t.Fatalf("a second identical run wrote something:\n%s", diff(before, after))
		}
		if second.Stored != 0 || second.Removed != 0 {
			t.Fatalf("a second identical run stored or removed: %+v", second)
		}
		third, err := p.Run(t.Context(), source("a"), src, nil)
		if err != nil || third.Quarantined != second.Quarantined || third.Unchanged != second.Unchanged || len(third.Quarantine) != third.Quarantined {
			t.Fatalf("third run %+v %v, second %+v", third, err, second)
		}
	})
}

// I3: sources and pages in any order give the same store.
func TestOrderFree(t *testing.T) {
	onBoth(t, func(t *rapid.T, open func(tb) *store.Store) {
		a, b := drawWorld(t, "a"), drawWorld(t, "b")
		read := func(a, b []any, first string) string {
			s := open(t)
			p := pipeline(t, s)
			worlds := map[string][]any{"a": a, "b": b}
			for _, name := range []string{first, map[string]string{"a": "b", "b": "a"}[first]} {
				if _, err := p.Run(t.Context(), source(name), &fake{pages: cut(worlds[name], rapid.IntRange(1, 5).Draw(t, "page"))}, nil); err != nil {
					t.Fatalf("%v", err)
				}
			}
			return canonical(t, s)
		}
		one := read(a, b, "a")
		other := read(rapid.Permutation(a).Draw(t, "order a"), rapid.Permutation(b).Draw(t, "order b"), "b")
		if one != other {
			t.Fatalf("another order gives another store:\n%s", diff(one, other))
		}
	})
}

// I5: what is held and the maps give the same contributions again.
func TestRebuildable(t *testing.T) {
	onBoth(t, func(t *rapid.T, open func(tb) *store.Store) {
		src := &fake{pages: cut(drawWorld(t, "a"), 3)}
		s := open(t)
		p := pipeline(t, s)
		if _, err := p.Run(t.Context(), source("a"), src, nil); err != nil {
			t.Fatalf("%v", err)
		}
		before := dump(t, s)
		report, err := p.Remap(t.Context(), source("a"), src)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if after := dump(t, s); after != before || report.Stored+report.Removed != 0 {
			t.Fatalf("the same maps made something else, %+v:\n%s", report, diff(before, after))
		}
	})
}

// I6: a source that falls over removes nothing, disturbs no other, says so, and goes on
// where it was left.
func TestIsolation(t *testing.T) {
	onBoth(t, func(t *rapid.T, open func(tb) *store.Store) {
		a, b := drawWorld(t, "a"), drawWorld(t, "b")
		pages := cut(a, 2)
		s, whole := open(t), open(t)
		p, q := pipeline(t, s), pipeline(t, whole)
		for _, p := range []*ingest.Pipeline{p, q} {
			if _, err := p.Run(t.Context(), source("b"), &fake{pages: cut(b, 3)}, nil); err != nil {
				t.Fatalf("%v", err)
			}
		}
		before := said(t, s, "b")
		src := &fake{pages: pages, failAt: rapid.IntRange(1, len(pages)).Draw(t, "fails at")}
		report, err := p.Run(t.Context(), source("a"), src, nil)
		if fell := src.failAt < len(pages); fell != errors.Is(err, adapters.ErrUnavailable) || fell != (report.Error != "") {
			t.Fatalf("error %v, report %+v", err, report)
		}
		if after := said(t, s, "b"); after != before {
			t.Fatalf("another source's content changed:\n%s", diff(before, after))
		}
		states, err := s.SourceStates(t.Context())
		if err != nil || (states[0].Failure != "") != (report.Error != "") || states[1].Failure != "" {
			t.Fatalf("states %+v %v", states, err)
		}
		src.failAt = 0
		if _, err := p.Run(t.Context(), source("a"), src, nil); err != nil {
			t.Fatalf("%v", err)
		}
		if _, err := q.Run(t.Context(), source("a"), src, nil); err != nil {
			t.Fatalf("%v", err)
		}
		if one, other := canonical(t, s), canonical(t, whole); one != other {
			t.Fatalf("a run in two pieces gives another store:\n%s", diff(other, one))
		}
	})
}

// said are the canonical lines of one source but who its subjects are, which others may add to.
func said(t tb, s *store.Store, source string) string {
	t.Helper()
	var out []string
	for _, l := range strings.Split(canonical(t, s), "\n") {
		if cells := strings.Split(l, "\t"); len(cells) > 1 && cells[1] == source && cells[0] != "subject" && cells[0] != "number" {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// errKilled is a process that ends.
var errKilled = errors.New("killed")

// mortal is a store that is killed at its n-th call: before the call takes effect, or
// after it did and before anybody is told.
type mortal struct {
	ingest.Store
	left  int
	after bool
}

func (m *mortal) step(do func() error) error {
	if m.left--; m.left < 0 {
		return errKilled
	}
	if m.left == 0 && !m.after {
		return errKilled
	}
	if err := do(); err != nil {
		return err
	}
	if m.left == 0 {
		return errKilled
	}
	return nil
}

func (m *mortal) Begin(ctx context.Context, src ledger.Source, who string) (run int64, since adapters.Cursor, err error) {
	err = m.step(func() (err error) { run, since, err = m.Store.Begin(ctx, src, who); return })
	return
}

func (m *mortal) End(ctx context.Context, run int64, failure string) error {
	return m.step(func() error { return m.Store.End(ctx, run, failure) })
}

func (m *mortal) Ledger(ctx context.Context, source string, keys []ledger.Key) (seen map[ledger.Key]ledger.Seen, err error) {
	err = m.step(func() (err error) { seen, err = m.Store.Ledger(ctx, source, keys); return })
	return
}

func (m *mortal) Parts(ctx context.Context, source, group string) (parts []adapters.Record, err error) {
	err = m.step(func() (err error) { parts, err = m.Store.Parts(ctx, source, group); return })
	return
}

func (m *mortal) Save(ctx context.Context, b ledger.Batch) (saved ledger.Saved, err error) {
	err = m.step(func() (err error) { saved, err = m.Store.Save(ctx, b); return })
	return
}

func (m *mortal) Acknowledged(ctx context.Context, source string, keys []ledger.Key) error {
	return m.step(func() error { return m.Store.Acknowledged(ctx, source, keys) })
}

func (m *mortal) Records(ctx context.Context, source string) iter.Seq2[adapters.Record, error] {
	return m.Store.Records(ctx, source)
}

// I8: killed anywhere, cursor and content agree, and the next run ends where an
// undisturbed one does; everything was acknowledged, and only after it was kept.
func TestKilledAnywhere(t *testing.T) {
	onBoth(t, func(t *rapid.T, open func(tb) *store.Store) {
		things := drawWorld(t, "a")
		pages := cut(things, rapid.IntRange(1, 4).Draw(t, "page"))
		calm, s := open(t), open(t)
		if _, err := pipeline(t, calm).Run(t.Context(), source("a"), acknowledging{&fake{pages: pages}}, nil); err != nil {
			t.Fatalf("%v", err)
		}
		src := &fake{pages: pages}
		src.onTell = func() { heldUpTo(t, s, pages) }
		for tries := 0; ; tries++ {
			m := &mortal{Store: s, left: rapid.IntRange(1, 14).Draw(t, "killed at"), after: rapid.Bool().Draw(t, "after")}
			if tries > 20 {
				m.left = 1 << 30
			}
			_, err := pipeline(t, m).Run(t.Context(), source("a"), acknowledging{src}, nil)
			heldUpTo(t, s, pages)
			if err == nil {
				break
			}
			if !errors.Is(err, errKilled) {
				t.Fatalf("%v", err)
			}
		}
		if one, other := canonical(t, calm), canonical(t, s); one != other {
			t.Fatalf("after being killed the store is another:\n%s", diff(one, other))
		}
		if pending, err := s.Pending(t.Context(), "a"); err != nil || len(pending) > 0 {
			t.Fatalf("the source was not told of %v %v", pending, err)
		}
		told := map[string]bool{}
		for _, o := range src.told {
			told[o.Kind+" "+o.Key] = true
		}
		for _, x := range things {
			kind, key := name(x)
			if !told[kind+" "+key] {
				t.Fatalf("the source was never told of %s %s", kind, key)
			}
		}
	})
}

func name(x any) (kind, key string) {
	switch x := x.(type) {
	case adapters.Record:
		return x.Kind, x.Key
	case adapters.Fault:
		return x.Kind, x.Key
	}
	return "", ""
}

// heldUpTo checks that everything on the pages before the cursor is in the ledger, and
// nothing that stands on later pages alone.
func heldUpTo(t tb, s *store.Store, pages []adapters.Page) {
	t.Helper()
	run, since, err := s.Begin(context.Background(), source("a"), "look")
	if err == nil {
		err = s.End(context.Background(), run, "")
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	at := 0
	if since != "" {
		fmt.Sscan(string(since), &at)
	}
	var before, after []ledger.Key
	for i, p := range pages {
		for _, r := range p.Records {
			if i < at {
				before = append(before, ledger.Key{Kind: r.Kind, Key: r.Key})
			} else {
				after = append(after, ledger.Key{Kind: r.Kind, Key: r.Key})
			}
		}
	}
	seen, err := s.Ledger(context.Background(), "a", append(before, after...))
	if err != nil {
		t.Fatalf("%v", err)
	}
	want := map[ledger.Key]bool{}
	for _, k := range before {
		want[k] = true
		if _, ok := seen[k]; !ok {
			t.Fatalf("the cursor is past page %d and %v is not held", at, k)
		}
	}
	for k := range seen {
		if !want[k] {
			t.Fatalf("%v is held and the cursor is only past page %d", k, at)
		}
	}
}
