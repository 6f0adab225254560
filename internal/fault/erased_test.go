package fault_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// F29: a backup that is older than an erasure is brought back. It holds the person, and
// before anything is shown she is erased there too, by the journal; others are as they were.
func TestF29Erased(t *testing.T) {
	each(t, 2, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 12, history: seed%2 == 0})
		w.journal = filepath.Join(t.TempDir(), "samsyn.journal")
		w.reopen()
		closeAll(t, w.store)
		backup := copyOf(t, db, w.where)
		w.store = nil
		w.reopen()

		child := w.some().child
		person := w.personOf(w.number(child))
		var gone []string
		for uid, f := range w.facts { // the source stops first
			if f.child == child {
				gone = append(gone, f.text())
				w.forgetAll(f.key)
				delete(w.facts, uid)
			}
		}
		proofs, err := w.store.Erase(t.Context(), person, "anders and siv")
		if err != nil || len(proofs) == 0 {
			t.Fatalf("%d proofs, %v", len(proofs), err)
		}
		w.check("after the erasure")

		w.where = backup
		w.reopen()
		if n := w.store.Replayed(); n != 1 {
			t.Fatalf("%d entries were done again, want the one erasure", n)
		}
		if p := w.personOf(w.number(child)); p != "" {
			t.Fatal("she is found by her number again")
		}
		w.check("after the restore, before anything is read")
		again, err := w.store.Deletions(t.Context(), 0)
		if err != nil || len(again) == 0 || again[0].Why != "erasure" || again[0].Who != "the journal" {
			t.Fatalf("proofs in the restored store: %+v %v", again, err)
		}
		if kept := w.kept(); strings.Contains(kept, string(person)) {
			t.Error("the restored store names her still")
		}
		if err := w.cycle(); err != nil {
			t.Fatal(err)
		}
		w.check("one cycle after the restore")
		w.reopen()
		if n := w.store.Replayed(); n != 0 {
			t.Fatalf("opened once more, %d entries were done again", n)
		}
		w.private(gone)
	})
}
