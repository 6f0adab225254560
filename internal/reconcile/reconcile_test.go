package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/reconcile"
)

// said is a report as one line, and its differences.
func said(r ledger.Reconciliation) string {
	out := fmt.Sprintf("listed %d held %d equal %d new %d changed %d back %d returned %d vanished %d repaired %d refused %d",
		r.Listed, r.Held, r.Equal, r.New, r.Changed, r.BackDated, r.Returned, r.Vanished, r.Repaired, r.Refused)
	for _, d := range r.Lines {
		out += fmt.Sprintf("; %s %s %s", d.Key, d.Finding, d.Result)
		if d.Reason != "" {
			out += " (" + d.Reason + ")"
		}
	}
	return out
}

func (b *bench) reconcile(a adapters.Adapter, o reconcile.Options) ledger.Reconciliation {
	b.Helper()
	r, err := b.rec.Run(context.Background(), source, a, o)
	b.check(err)
	balanced(b, r)
	return r
}

func balanced(t tb, r ledger.Reconciliation) {
	t.Helper()
	if r.Listed != r.Equal+r.New+r.Changed+r.BackDated+r.Returned {
		t.Fatalf("the report does not balance: %s", said(r))
	}
	if len(r.Lines)+r.Left != r.Differences() {
		t.Fatalf("%d lines and %d left of %d differences: %s", len(r.Lines), r.Left, r.Differences(), said(r))
	}
}

func TestFindsAndRepairs(t *testing.T) {
	for _, versions := range []bool{false, true} {
		for _, c := range []struct {
			name string
			do   func(f *fake)
			want string // without the counts of what is listed, held and equal
		}{
			{"nothing", func(*fake) {}, ""},
			{"new", func(f *fake) { f.put(rec("ny", "ny", -1)) }, "; ny new repaired"},
			{"new, dated back", func(f *fake) { f.put(rec("ny", "ny", 200)) }, "; ny back-dated repaired"},
			{"changed", func(f *fake) { f.put(rec("k003", "endret", -1)) }, "; k003 changed repaired"},
			{"changed, dated back", func(f *fake) { f.put(rec("k003", "endret", 5)) }, "; k003 back-dated repaired"},
			{"an older version", func(f *fake) { f.put(rec("k003", "endret", 300)) }, "; k003 back-dated refused (what the source lists is older than what is held)"},
			{"vanished", func(f *fake) { f.remove("k003") }, "; k003 vanished repaired"},
			{"another key", func(f *fake) {
				r := f.records[f.find("k003")]
				f.remove("k003")
				r.Key = "z003"
				f.put(r)
			}, "; z003 back-dated repaired; k003 vanished repaired"},
			{"unreadable", func(f *fake) {
				r := rec("k003", "", -1)
				r.Body = []byte("{")
				f.put(r)
			}, "; k003 changed refused (in quarantine (decode): "},
		} {
			t.Run(fmt.Sprintf("%s, versions alone %t", c.name, versions), func(t *testing.T) {
				b := start(t)
				b.fake.records, b.fake.versions = some(20), versions
				b.sync()
				c.do(b.fake)
				before := b.dump()
				dry := b.reconcile(getting{b.fake}, reconcile.Options{DryRun: true})
				if b.dump() != before || dry.ID != 0 || dry.Repaired != 0 {
					t.Fatalf("a dry run wrote: %s", said(dry))
				}
				got := b.reconcile(getting{b.fake}, reconcile.Options{})
				_, lines, _ := strings.Cut(said(got), ";")
				if want := strings.TrimPrefix(c.want, ";"); !strings.HasPrefix(lines, want) || want == "" && lines != "" {
					t.Fatalf("report %s\nwant lines %s", said(got), c.want)
				}
				if got.Differences() != dry.Differences() {
					t.Errorf("the dry run promised %s, and it was %s", said(dry), said(got))
				}
				for _, d := range got.Lines {
					if d.Person == "" && d.Reason == "" && d.Finding != ledger.Gone {
						t.Errorf("%s %s is about nobody", d.Key, d.Finding)
					}
				}
				kept, err := b.store.Reconciliation(t.Context(), got.ID)
				if err != nil || said(kept) != said(got) || !kept.Started.Equal(got.Started) || kept.Method != ledger.ByListing {
					t.Errorf("kept %s %v\nwant %s", said(kept), err, said(got))
				}
				after := b.dump()
				again := b.reconcile(getting{b.fake}, reconcile.Options{})
				if b.dump() != after {
					t.Error("a second reconciliation wrote more than its report")
				}
				if again.Repaired != 0 || again.Differences() != again.Refused {
					t.Errorf("a second reconciliation found %s", said(again))
				}
			})
		}
	}
}

// The person of what vanished is told, though nothing is said of her any more.
func TestTellsWhoseRecordVanished(t *testing.T) {
	b := start(t)
	b.fake.records = some(20)
	b.sync()
	b.fake.remove("k001")
	got := b.reconcile(b.fake, reconcile.Options{})
	children := got.Children()
	if len(children) != 1 || children[0].Person == "" || children[0].Repaired != 1 {
		t.Errorf("children %+v of %s", children, said(got))
	}
}

func TestAMovingSourceLosesNothing(t *testing.T) {
	b := start(t)
	b.fake.records = some(20)
	b.sync()
	b.fake.hidden = map[string]bool{"k004": true}
	got := b.reconcile(b.fake, reconcile.Options{})
	if got.Vanished != 1 || got.Refused != 1 || !strings.Contains(got.Lines[0].Reason, "second listing") || len(b.held()) != 20 {
		t.Errorf("report %s", said(got))
	}
	// What arrives while the source is listed has not vanished.
	b.fake.lists = 0
	b.fake.hidden = nil
	b.fake.meanwhile = func() {
		_, err := b.pipeline.Page(context.Background(), source, b.fake, adapters.Page{Records: []adapters.Record{rec("pushed", "x", 0)}})
		b.check(err)
	}
	got = b.reconcile(b.fake, reconcile.Options{})
	if got.Vanished != 1 || got.Refused != 1 || !strings.Contains(got.Lines[0].Reason, "while the source was listed") || len(b.held()) != 21 {
		t.Errorf("report %s", said(got))
	}
}

// A source that moves while it is listed gives a record twice, as it was and as it is.
func TestTwoVersionsInOneListing(t *testing.T) {
	for _, newFirst := range []bool{false, true} {
		for _, held := range []bool{false, true} {
			b := start(t)
			b.fake.records = some(5)
			if held {
				b.sync()
			}
			was, is := b.fake.records[2], rec(b.fake.records[2].Key, "som det er", 1)
			b.fake.records[2] = is
			b.fake.also = []adapters.Record{was}
			if newFirst {
				b.fake.records[2], b.fake.also[0] = was, is
			}
			dry := b.reconcile(b.fake, reconcile.Options{DryRun: true})
			if dry.Listed != 5 || held && (dry.Changed+dry.BackDated != 1 || dry.Equal != 4) || !held && dry.New != 5 {
				t.Errorf("new first %t, held %t: %s", newFirst, held, said(dry))
			}
		}
	}
}

func TestHalfAListingChangesNothing(t *testing.T) {
	for _, failAt := range []int{1, 2, 7} {
		b := start(t)
		b.fake.records = some(20)
		b.sync()
		b.fake.remove("k001")
		b.fake.put(rec("ny", "ny", -1))
		b.fake.failAt = failAt
		before := b.dump()
		got, err := b.rec.Run(t.Context(), source, b.fake, reconcile.Options{})
		if !errors.Is(err, adapters.ErrUnavailable) || got.Failure == "" || got.Well() {
			t.Errorf("error %v, report %s", err, said(got))
		}
		if b.dump() != before {
			t.Error("half a listing wrote")
		}
		if kept, err := b.store.Reconciliation(t.Context(), got.ID); err != nil || kept.Failure != got.Failure {
			t.Errorf("the failure was not kept: %+v %v", kept, err)
		}
	}
}

func TestMassVanishingAsks(t *testing.T) {
	for _, c := range []struct {
		name         string
		held, remain int
		o            reconcile.Options
		asks         bool
	}{
		{"a few of few", 20, 12, reconcile.Options{}, false},
		{"more than ten and five percent", 60, 48, reconcile.Options{}, true},
		{"less than five percent", 400, 381, reconcile.Options{}, false},
		{"all", 5, 0, reconcile.Options{}, true},
		{"all, allowed", 5, 0, reconcile.Options{AllowVanish: true}, false},
		{"a share of its own", 60, 48, reconcile.Options{Limits: reconcile.Limits{Vanish: 0.5}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := start(t)
			b.fake.records, b.fake.page = some(c.held), 50
			b.sync()
			b.fake.records = b.fake.records[:c.remain]
			b.fake.put(rec("ny", "ny", -1))
			if c.remain == 0 {
				b.fake.remove("ny")
			}
			before := b.dump()
			got := b.reconcile(b.fake, c.o)
			if (got.Asks != "") != c.asks {
				t.Fatalf("asks %q, report %s", got.Asks, said(got))
			}
			if c.asks && b.dump() != before {
				t.Error("it asked, and wrote all the same")
			}
			if !c.asks && len(b.held()) != len(b.fake.records) {
				t.Errorf("%d held of %d", len(b.held()), len(b.fake.records))
			}
		})
	}
}

func TestUnsureOrIncompleteRemovesNothing(t *testing.T) {
	b := start(t)
	b.fake.records = some(20)
	b.sync()
	b.fake.remove("k001")
	b.fake.unsure = "something cannot be read"
	got := b.reconcile(b.fake, reconcile.Options{})
	if got.Refused != 1 || got.Lines[0].Reason != b.fake.unsure || len(b.held()) != 20 {
		t.Errorf("report %s", said(got))
	}
	b.fake.unsure, b.fake.kinds = "", []string{"notat"}
	if got = b.reconcile(b.fake, reconcile.Options{}); got.Vanished != 0 || len(b.held()) != 20 {
		t.Errorf("a kind that is not complete lost %s", said(got))
	}
}

// F10: a late page with an old version does not bring back what vanished; a listing that
// shows it again does.
func TestResurrection(t *testing.T) {
	b := start(t)
	b.fake.records = some(20)
	b.sync()
	gone := b.fake.records[b.fake.find("k001")]
	b.fake.remove("k001")
	b.reconcile(b.fake, reconcile.Options{})
	if _, err := b.pipeline.Page(t.Context(), source, b.fake, adapters.Page{Records: []adapters.Record{gone}}); err != nil {
		t.Fatal(err)
	}
	if _, back := b.held()["sak/k001"]; back {
		t.Error("a late page brought back what had vanished")
	}
	b.fake.put(gone)
	got := b.reconcile(b.fake, reconcile.Options{})
	if got.Returned != 1 || got.Repaired != 1 || b.held()["sak/k001"] != string(gone.Body) {
		t.Errorf("report %s", said(got))
	}
	// What the source itself said to be deleted stays deleted until it says something newer.
	deleted := adapters.Record{Kind: "sak", Key: "k001", Changed: day, Media: adapters.JSON, Deleted: true}
	if _, err := b.pipeline.Page(t.Context(), source, b.fake, adapters.Page{Records: []adapters.Record{deleted}}); err != nil {
		t.Fatal(err)
	}
	got = b.reconcile(b.fake, reconcile.Options{})
	if got.Returned != 1 || got.Refused != 1 || !strings.Contains(got.Lines[0].Reason, "deleted") {
		t.Errorf("report %s", said(got))
	}
}

func TestFaultsComeAndGo(t *testing.T) {
	b := start(t)
	b.fake.records = some(20)
	b.fake.faults = []adapters.Fault{{Kind: "fil", Key: "f1", Where: "file 1", Err: adapters.ErrMalformed, Body: []byte("<"), Media: adapters.XML}}
	b.fake.kinds = append(b.fake.kinds, "fil")
	b.sync()
	if got := b.reconcile(b.fake, reconcile.Options{}); got.Differences() != 0 || got.Equal != 21 {
		t.Fatalf("a known fault: %s", said(got))
	}
	b.fake.faults = append(b.fake.faults, adapters.Fault{Kind: "fil", Where: "file 2", Err: adapters.ErrMalformed, Media: adapters.XML})
	got := b.reconcile(b.fake, reconcile.Options{})
	if got.New != 1 || got.Refused != 1 || !strings.Contains(got.Lines[0].Reason, "quarantine (malformed)") {
		t.Fatalf("a new fault: %s", said(got))
	}
	b.fake.faults = nil
	got = b.reconcile(b.fake, reconcile.Options{})
	if q, err := b.store.Quarantined(t.Context()); err != nil || len(q) != 0 || got.Vanished != 2 || got.Repaired != 2 {
		t.Errorf("faults that are gone: %s; quarantine %v %v", said(got), q, err)
	}
}

func TestWindowWhereNothingLists(t *testing.T) {
	b := start(t)
	b.fake.records = some(20)
	b.sync()
	b.fake.put(rec("sent", "dated back and seen", 10))
	b.fake.put(rec("k002", "endret", 3))
	b.fake.put(rec("old", "dated back too far", 200))
	b.fake.remove("k001")
	before := b.dump()
	w := windowed{b.fake}
	dry := b.reconcile(w, reconcile.Options{DryRun: true})
	if b.dump() != before || dry.BackDated != 2 {
		t.Errorf("dry run: %s", said(dry))
	}
	got := b.reconcile(w, reconcile.Options{})
	if got.Method != ledger.ByWindow || got.BackDated != 2 || got.Repaired != 2 || got.Vanished != 0 || len(b.held()) != 21 {
		t.Errorf("report %s", said(got))
	}
	after := b.dump()
	if again := b.reconcile(w, reconcile.Options{Limits: reconcile.Limits{Window: 24 * time.Hour}}); again.Differences() != 0 || b.dump() != after {
		t.Errorf("again: %s", said(again))
	}
	// Neither list nor window: it says so.
	if got := b.reconcile(only{b.fake}, reconcile.Options{}); got.Method != ledger.ByNothing || got.Failure != "" {
		t.Errorf("report %+v", got)
	}
}

// only is a source that can be asked for changes and nothing else.
type only struct{ adapters.Adapter }

// More differs than is kept, and a listing is larger than its room.
func TestMoreThanIsKept(t *testing.T) {
	b := start(t)
	b.fake.records, b.fake.page = some(90), 7
	for i := range 60 {
		b.fake.put(rec(fmt.Sprintf("borte%02d", i), "x", 3))
	}
	b.sync()
	b.fake.records = some(90)
	for i := range 40 {
		b.fake.put(rec(fmt.Sprintf("ny%02d", i), "ny", -1))
	}
	b.fake.put(rec("k007", "eldre", 300))
	run := func() ledger.Reconciliation {
		t.Helper()
		got, err := b.rec.RunWithin(t.Context(), source, b.fake, reconcile.Options{AllowVanish: true}, 25, 100)
		if err != nil {
			t.Fatal(err)
		}
		balanced(t, got)
		return got
	}
	got := run()
	if got.New != 40 || got.BackDated != 1 || got.Vanished != 60 || got.Left != 51 || got.Repaired != 40+25 || got.Refused != 1 || got.Asks == "" || len(b.held()) != 130+35 {
		t.Errorf("%d held after %+v", len(b.held()), got)
	}
	for _, left := range []int{10, 0} {
		if got = run(); got.Refused != 1 || (got.Asks == "") != (left == 0) || len(b.held()) != 130+left {
			t.Errorf("%d held after %+v", len(b.held()), got)
		}
	}
}

func TestLeavesNothingBehind(t *testing.T) {
	b := start(t)
	dir := t.TempDir()
	b.rec.Dir = dir
	b.fake.records = some(300)
	b.fake.twice = true
	b.sync()
	ctx, cancel := context.WithCancel(t.Context())
	b.fake.meanwhile = cancel
	if _, err := b.rec.Run(ctx, source, b.fake, reconcile.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v %v", left, err)
	}
}
