package fault_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"samsyn/internal/care"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/store"
)

// viewers of the journal's tests.
var lookers = []string{"kari", "ola"}

// grantAll lets everybody see every child.
func (w *world) grantAll() {
	w.t.Helper()
	for _, v := range lookers {
		for child := range w.numbers {
			permit(w.t, w.store, gatetest.Coordinator(v, ""), w.personOf(w.number(child)), w.ours())
		}
	}
}

// granted gives who is let in to whom now.
func (w *world) granted() (open []string) {
	w.t.Helper()
	for _, v := range lookers {
		persons, err := w.store.Persons(context.Background(), gatetest.Coordinator(v, ""))
		if err != nil {
			w.t.Fatalf("%v", err)
		}
		for _, p := range persons {
			f, err := w.store.Facts(context.Background(), gatetest.Coordinator(v, ""), p)
			if err != nil {
				w.t.Fatalf("%v", err)
			}
			for _, a := range f.Appointments {
				if a.Ended.IsZero() {
					open = append(open, v+" "+string(p))
				}
			}
			for _, c := range f.Consents {
				if c.Receivers[0].Viewer == v && c.Status == care.ConsentActive {
					open = append(open, v+" "+string(p)+" "+c.ID)
				}
			}
		}
	}
	slices.Sort(open)
	return open
}

// sum is a hash of all that can be shown, and to whom.
func (w *world) sum() string {
	w.t.Helper()
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%v %v", w.said(), w.granted())))
}

// F29: a backup that is older than deletions and than rights that ended is brought back.
// Before anything is shown, what ended since has ended, by the journal; one cycle later
// the store is what it was. At CI size it is the drill of twenty restores.
func TestF29Journal(t *testing.T) {
	each(t, 2, 20, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 15, history: seed%2 == 0})
		w.journal = filepath.Join(t.TempDir(), "samsyn.journal")
		w.reopen()
		w.grantAll()
		closeAll(t, w.store)
		backup := copyOf(t, db, w.where)
		w.store = nil
		w.reopen()

		var gone []string
		for range 1 + w.rnd.IntN(4) {
			gone = append(gone, w.remove(t, w.rnd.IntN(2) == 0).text())
		}
		w.stir(w.rnd.IntN(6))
		if err := w.cycle(); err != nil {
			t.Fatal(err)
		}
		ended := map[string]bool{}
		for range 1 + w.rnd.IntN(4) {
			v, p := oneOf(w, lookers...), w.personOf(w.number(w.rnd.IntN(len(w.numbers))))
			if p == "" {
				continue // nobody has said anything of that child yet
			}
			revoke(t, w.store, gatetest.Coordinator(v, ""), p, w.ours())
			ended[v+" "+string(p)] = true
			ended[v+" "+string(p)+" c-"+v+"-"+string(p)] = true
		}
		w.check("before the restore")
		want := w.sum()

		w.where = backup
		w.reopen()
		if w.store.Replayed() < len(ended) {
			t.Fatalf("%d entries were done again, and %d rights ended", w.store.Replayed(), len(ended))
		}
		for _, g := range w.granted() {
			if ended[g] {
				t.Fatalf("%s is open again", g)
			}
		}
		for child, texts := range w.said() {
			for _, text := range texts {
				if slices.Contains(gone, text) {
					t.Fatalf("barn%d is said again to have %q", child, text)
				}
			}
		}
		if err := w.cycle(); err != nil {
			t.Fatal(err)
		}
		w.check("one cycle after the restore")
		if got := w.sum(); got != want {
			t.Fatalf("one cycle after the restore the store is another")
		}
		w.reopen()
		if n := w.store.Replayed(); n != 0 {
			t.Fatalf("opened once more, %d entries were done again", n)
		}
		w.private(gone)
	})
}

// private: the journal holds nothing of what it is about.
func (w *world) private(texts []string) {
	w.t.Helper()
	raw, err := os.ReadFile(w.journal)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	words := append([]string{w.src.Name, "EpisodeOfCare", "kari"}, texts...)
	for _, numbers := range w.numbers {
		words = append(words, numbers...)
	}
	for id := range w.facts {
		words = append(words, `"`+id+`"`)
	}
	for _, word := range words {
		if strings.Contains(string(raw), word) {
			w.t.Fatalf("the journal says %q", word)
		}
	}
}

// F29: a journal that does not fit is refused, with what to do, and nothing is opened.
func TestF29JournalRefused(t *testing.T) {
	for _, db := range databases(t) {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			w := anew(t, db, 1, setting{})
			w.journal = filepath.Join(t.TempDir(), "samsyn.journal")
			w.reopen()
			w.grantAll()
			end := func(child int) {
				t.Helper()
				revoke(t, w.store, gatetest.Coordinator("kari", ""), w.personOf(w.number(child)), w.ours())
			}
			end(0)
			older, err := os.ReadFile(w.journal)
			if err != nil {
				t.Fatal(err)
			}
			end(1)
			whole, err := os.ReadFile(w.journal)
			if err != nil {
				t.Fatal(err)
			}
			stranger, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"), store.Options{Journal: w.journal + ".other"})
			if err != nil {
				t.Fatal(err)
			}
			closeAll(t, stranger)
			other, err := os.ReadFile(w.journal + ".other")
			if err != nil {
				t.Fatal(err)
			}
			for what, c := range map[string]struct {
				body []byte
				says string
			}{
				"an older copy of it": {older, "an older copy of the journal"},
				"another store's":     {other, "another store"},
				"damaged":             {append(slices.Clone(whole), "{}\n"...), "not what was written"},
				"gone":                {nil, "samsyn journal new"},
			} {
				if err := os.Remove(w.journal); err != nil {
					t.Fatal(err)
				}
				if c.body != nil {
					if err := os.WriteFile(w.journal, c.body, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				s, err := store.Open(t.Context(), w.where, store.Options{Journal: w.journal})
				if !errors.Is(err, care.ErrConflict) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s: %v", what, err)
				}
				if s != nil {
					t.Errorf("%s: a store was opened", what)
				}
				if err := os.WriteFile(w.journal, whole, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			w.reopen() // with its own it opens
			if n := w.store.Replayed(); n != 0 {
				t.Errorf("%d entries were done again", n)
			}
			// A new journal is begun on purpose, and then it opens too.
			w.journal += ".new"
			if err := w.store.NewJournal(w.journal); err != nil {
				t.Fatal(err)
			}
			w.reopen()
			end(2)
			w.reopen()
			if n := w.store.Replayed(); n != 0 {
				t.Errorf("with a new journal %d entries were done again", n)
			}
		})
	}
}
