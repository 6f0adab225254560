package reconcile

import (
	"cmp"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"samsyn/internal/ingest/ledger"
)

// What goes in comes out, by kind and key in byte order, whatever the order and however
// little room there is.
func TestSorterSorts(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		s := newSorter(dir, rapid.SampledFrom([]int{1, 64, 500, 1 << 20}).Draw(t, "room"))
		defer s.close()
		var in []head
		for range rapid.IntRange(0, 200).Draw(t, "n") {
			h := head{Key: ledger.Key{Kind: rapid.SampledFrom([]string{"sak", "a", "økt", "Z"}).Draw(t, "kind"), Key: rapid.StringN(0, 12, 40).Draw(t, "key")},
				hashed: rapid.Bool().Draw(t, "hashed"), version: rapid.SampledFrom([]string{"", "1", "a longer version"}).Draw(t, "version")}
			if h.hashed {
				copy(h.sum[:], rapid.SliceOfN(rapid.Byte(), sumSize, sumSize).Draw(t, "sum"))
			}
			if rapid.Bool().Draw(t, "dated") {
				h.changed = time.UnixMicro(rapid.Int64Range(1, 1<<52).Draw(t, "changed")).UTC()
			}
			in = append(in, h)
		}
		if rapid.Bool().Draw(t, "in order") {
			slices.SortStableFunc(in, order)
		}
		for _, h := range in {
			if err := s.add(h); err != nil {
				t.Fatal(err)
			}
		}
		m, err := s.sorted()
		if err != nil {
			t.Fatal(err)
		}
		var out []head
		for m.peek() != nil {
			h := m.peek().head()
			if !m.peek().is(h.Key) || !m.peek().changed().Equal(h.changed) {
				t.Fatalf("the current head disagrees with itself: %+v", h)
			}
			out = append(out, h)
			if err := m.pop(); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.IsSortedFunc(out, order) {
			t.Fatalf("out of order: %+v", out)
		}
		all := func(a, b head) int {
			return cmp.Or(order(a, b), cmp.Compare(string(a.sum[:]), string(b.sum[:])), cmp.Compare(a.version, b.version), a.changed.Compare(b.changed))
		}
		slices.SortFunc(in, all)
		slices.SortFunc(out, all)
		if !slices.Equal(in, out) {
			t.Fatalf("in %+v\nout %+v", in, out)
		}
	})
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v %v", left, err)
	}
}

func order(a, b head) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key.Key, b.Key.Key))
}

func TestSorterRefusesWhatCannotBe(t *testing.T) {
	s := newSorter(t.TempDir(), 0)
	defer s.close()
	if err := s.add(head{Key: ledger.Key{Kind: "sak", Key: string(make([]byte, maxText+1))}}); err == nil {
		t.Error("a key without end was taken")
	}
	if err := s.add(head{Key: ledger.Key{Kind: "sak", Key: string(make([]byte, maxText))}}); err != nil {
		t.Error(err)
	}
}

// A folder that cannot be written is an error, not a shorter listing.
func TestSorterTellsOfAFullDisk(t *testing.T) {
	s := newSorter("/nowhere/at/all", 1)
	defer s.close()
	var err error
	for i := 0; i < 3 && err == nil; i++ {
		err = s.add(head{Key: ledger.Key{Kind: "sak", Key: string(rune('a' + i))}})
	}
	if err == nil {
		t.Error("nothing was said")
	}
}
