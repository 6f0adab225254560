package fault_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/internal/ingest"
	"samsyn/internal/ingest/ledger"
	faultsim "samsyn/internal/sim/faults"
	"samsyn/mapping"
)

// feed gives pages as they are.
type feed []adapters.Page

func (f feed) Fetch(context.Context, adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		for _, p := range f {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// F6: the versions of a record in any order end with the newest, and all are kept. The
// time of change decides, at the same time the version, then the hash.
func TestF06VersionsOutOfOrder(t *testing.T) {
	orders := permutations(5) // 120
	rand.New(rand.NewPCG(firstSeed(t), 1)).Shuffle(len(orders), func(i, j int) { orders[i], orders[j] = orders[j], orders[i] })
	for _, db := range databases(t) {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			w := anew(t, db, 1, setting{facts: 1})
			base := w.clock.now().AddDate(0, 0, -10)
			for n, order := range orders[:min(len(orders), size(24, 120))] {
				f := fact{uid: fmt.Sprint("v", n), key: fmt.Sprint("v", n), child: 0}
				var versions []adapters.Record
				for v, at := range []struct {
					day     int
					version string
				}{{1, "1"}, {2, "2"}, {2, "3"}, {2, "3"}, {0, "9"}} { // two of the same time, two of the same version too, one that goes back
					f.version = v + 1
					versions = append(versions, adapters.Record{Kind: "EpisodeOfCare", Key: f.key, Version: at.version, Changed: base.AddDate(0, 0, at.day), Media: adapters.JSON, Body: episode(t, f)})
				}
				newest := versions[0]
				for _, v := range versions[1:] {
					if !ledger.RankOf(v).Older(ledger.RankOf(newest)) {
						newest = v
					}
				}
				var pages feed
				for _, i := range order {
					pages = append(pages, adapters.Page{Records: []adapters.Record{versions[i]}})
				}
				if _, err := w.pipeline.Run(t.Context(), w.src, pages, nil); err != nil {
					t.Fatal(err)
				}
				held := 0
				for _, l := range strings.Split(w.kept(), "\n") {
					cells := strings.Split(l, "\t")
					if len(cells) > 3 && cells[3] == f.key && cells[0] == "version" {
						held++
					}
					if len(cells) > 3 && cells[3] == f.key && cells[0] == "record" && !strings.Contains(l, fmt.Sprintf("%x", newest.Hash())) {
						t.Fatalf("order %v: another version than the newest is held", order)
					}
				}
				if held != 5 {
					t.Fatalf("order %v: %d of 5 versions are kept", order, held)
				}
			}
		})
	}
}

func episode(t tb, f fact) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"resourceType": "EpisodeOfCare", "id": f.key, "status": "active",
		"patient": map[string]any{"reference": fmt.Sprint("Patient/p", f.child)}, "careManager": map[string]any{"display": f.text()}})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return b
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var out [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			q := append(append(append([]int(nil), p[:i]...), n-1), p[i:]...)
			out = append(out, q)
		}
	}
	return out
}

// F12: what comes before the record that says whom it is about is kept and shown to
// nobody, and is there when that record comes.
func TestF12PartialTransaction(t *testing.T) {
	each(t, 2, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 5})
		child := len(w.numbers)
		w.numbers = append(w.numbers, synthetic()[child][:1]) // known to the source, not told yet
		for i := range 3 {
			f := &fact{uid: fmt.Sprint("tidlig", i), key: fmt.Sprint("tidlig", i), child: child, version: 1}
			w.facts[f.uid] = f
			w.write(t, f, w.tick())
		}
		w.mustSync()
		w.safe()
		if said := w.said()[child]; len(said) > 0 {
			t.Fatalf("%v is shown before anybody knows whose it is", said)
		}
		waiting, err := w.store.WaitingSubjects(t.Context())
		if err != nil || len(waiting) != 1 {
			t.Fatalf("%v %v: want one subject that waits", waiting, err)
		}
		w.putPatient(t, child)
		w.mustSync()
		w.check("after the child was told")
	})
}

// F19: a source whose records get new, renamed or retyped elements loses none of them:
// each is used or in quarantine with the reason, what was good before stands meanwhile,
// and all is well after the next release.
func TestF19SchemaDrift(t *testing.T) {
	each(t, 2, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 30, page: 10})
		w.faults.Set(faultsim.Drift, 0.4)
		w.rewriteAll(t)
		r := w.mustSync()
		w.safe()
		if w.faults.Struck(faultsim.Drift) == 0 || r.Quarantined == 0 {
			t.Fatalf("nothing drifted: %+v", r)
		}
		if len(w.quarantine()) != r.Quarantined || len(r.Quarantine) != r.Quarantined {
			t.Fatalf("%d are in quarantine, and %d reasons are given", r.Quarantined, len(r.Quarantine))
		}
		w.faults.Calm()
		w.rewriteAll(t)
		w.settle()
		if q := w.quarantine(); len(q) > 0 {
			t.Fatalf("all is well, and still in quarantine: %v", q)
		}
	})
}

// F20: a record that is too large is refused with the reason while the others of its
// page are kept; a page that never ends is given up.
func TestF20HugeRecord(t *testing.T) {
	each(t, 2, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 20, page: 10, maxResource: 64 << 10})
		w.faults.HugeSize = 1 << oneOf(w, 16, 18, 20)
		w.faults.Set(faultsim.Huge, 0.2)
		w.rewriteAll(t)
		r := w.mustSync()
		if w.faults.Struck(faultsim.Huge) == 0 || r.Quarantined == 0 || r.Stored == 0 {
			t.Fatalf("nothing was huge, or nothing else was kept: %+v", r)
		}
		w.safe()
		w.faults.Calm()
		w.rewriteAll(t)
		w.settle()
	})
}

func TestF20EndlessPage(t *testing.T) {
	if size(0, 1) == 0 {
		t.Skip("reads 64 MiB: at SAMSYN_TEST_SIZE=ci")
	}
	for _, db := range databases(t) {
		w := unread(t, db, 1, setting{})
		w.adapter = w.openOn(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(rw, `{"resourceType":"Bundle","type":"searchset","entry":[`)
			for range 70 {
				_, _ = io.WriteString(rw, strings.Repeat("{},", 1<<20/3))
			}
		}))
		if _, err := w.sync(); err == nil {
			t.Fatal("a page without end was taken")
		}
	}
}

// poisoned maps panic on chosen records, as a bug of ours does.
type poisoned struct {
	ingest.Map
	on map[string]bool
}

func (p poisoned) Apply(in mapping.Input) (mapping.Result, error) {
	if p.on[in.Key] {
		panic("hemmelig innhold: " + string(in.Body))
	}
	return p.Map.Apply(in)
}

// F21: a record on which a map crashes stops only itself; the reason holds nothing of
// it, and it is well after the bug is mended.
func TestF21PoisonRecord(t *testing.T) {
	each(t, 2, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 50, page: 20})
		good := w.pipeline.Maps
		on := map[string]bool{}
		for _, uid := range w.uids() {
			if w.rnd.IntN(20) == 0 || len(on) == 0 {
				on[w.facts[uid].key] = true
			}
		}
		w.pipeline.Maps = func(system, kind string) (ingest.Map, bool) {
			m, ok := good(system, kind)
			return poisoned{m, on}, ok
		}
		w.rewriteAll(t)
		r := w.mustSync()
		if r.Quarantined != len(on) {
			t.Fatalf("%d records crash the map, and %d are in quarantine", len(on), r.Quarantined)
		}
		for _, q := range r.Quarantine {
			if q.Code != "panic" || strings.Contains(q.Text, "hemmelig") || strings.Contains(q.Text, "barn") {
				t.Fatalf("quarantine says %+v", q)
			}
		}
		w.safe()
		w.pipeline.Maps = good
		if r, err := w.pipeline.Remap(t.Context(), w.src, w.adapter); err != nil || r.Quarantined > 0 {
			t.Fatalf("%+v %v", r, err)
		}
		w.check("after the bug was mended")
		if q := w.quarantine(); len(q) > 0 {
			t.Fatalf("still in quarantine: %v", q)
		}
	})
}

// F22: however much is in quarantine, nothing is dropped, each has its reason and the
// time when it was first seen, and the rest goes on.
func TestF22FullQuarantine(t *testing.T) {
	for _, db := range databases(t) {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			w := anew(t, db, 1, setting{facts: 3})
			n := size(500, 10_000)
			make := func(good bool) feed {
				var pages feed
				for i := range n {
					if i%500 == 0 {
						pages = append(pages, adapters.Page{})
					}
					f := fact{uid: fmt.Sprint("q", i), key: fmt.Sprint("q", i)}
					body := []byte(`{"resourceType":"EpisodeOfCare","patient":`)
					if good {
						body = episode(t, f)
					}
					p := &pages[len(pages)-1]
					p.Records = append(p.Records, adapters.Record{Kind: "EpisodeOfCare", Key: f.key, Media: adapters.JSON, Body: body})
				}
				return pages
			}
			for range 2 {
				r, err := w.pipeline.Run(t.Context(), w.src, make(false), nil)
				if err != nil || r.Quarantined != n || len(w.quarantine()) != n {
					t.Fatalf("%d of %d are in quarantine, %v", len(w.quarantine()), n, err)
				}
				w.clock.move(24 * time.Hour)
			}
			all, err := w.store.Quarantined(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range all {
				if q.FirstSeen.IsZero() || w.clock.now().Sub(q.FirstSeen) < 24*time.Hour || q.Text == "" {
					t.Fatalf("%+v does not tell its age or reason", q)
				}
			}
			w.check("with a full quarantine")
			if r, err := w.pipeline.Run(t.Context(), w.src, make(true), nil); err != nil || r.Stored != n || len(w.quarantine()) != 0 {
				t.Fatalf("%+v %v", r, err)
			}
		})
	}
}

// F22: at the cap the run ends with what to do. Nothing of the page that does not fit is
// taken, the cursor stays before it, nothing is dropped, and what is well goes on.
func TestF22Cap(t *testing.T) {
	for _, db := range databases(t) {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			w := anew(t, db, 1, setting{facts: 3})
			const pages, each = 4, 25
			feed := func(good bool) (all feed) {
				for n := range pages {
					page := adapters.Page{Next: adapters.Cursor(fmt.Sprint("page ", n))}
					for i := range each {
						f := fact{uid: fmt.Sprint("q", n, "-", i), key: fmt.Sprint("q", n, "-", i)}
						body := []byte(`{"resourceType":"EpisodeOfCare","patient":`)
						if good {
							body = episode(t, f)
						}
						page.Records = append(page.Records, adapters.Record{Kind: "EpisodeOfCare", Key: f.key, Media: adapters.JSON, Body: body})
					}
					all = append(all, page)
				}
				return all
			}
			cursor := func() adapters.Cursor {
				t.Helper()
				run, since, err := w.store.Begin(t.Context(), w.src, "look")
				if err := errors.Join(err, w.store.End(t.Context(), run, "")); err != nil {
					t.Fatal(err)
				}
				return since
			}
			w.src.Cap = 2*each - 1
			for range 2 { // the same again at the next try
				r, err := w.pipeline.Run(t.Context(), w.src, feed(false), nil)
				if !errors.Is(err, ingest.ErrFull) || !strings.Contains(r.Error, "sources.fhir-a.quarantine.cap") || !strings.Contains(r.Error, "samsyn quarantine") {
					t.Fatalf("error %v, report %+v", err, r)
				}
				if n := len(w.quarantine()); n != each || r.Listed != each {
					t.Fatalf("%d are in quarantine, %d were listed", n, r.Listed)
				}
				if c := cursor(); c != "page 0" {
					t.Fatalf("the cursor is at %q", c)
				}
			}
			if state := w.state(); !strings.Contains(state.Failure, "the quarantine is full") {
				t.Errorf("the source's state says %q", state.Failure)
			}
			w.src.Cap = each // full, and what is well goes on
			w.add(t)
			w.src.Shard = ""
			if _, err := w.pipeline.RunWhole(t.Context(), w.src, w.adapter, nil); err != nil {
				t.Fatal(err)
			}
			w.check("with a full quarantine")
			w.src.Cap = pages * each
			if r, err := w.pipeline.Run(t.Context(), w.src, feed(false), nil); err != nil || r.Quarantined != pages*each || len(w.quarantine()) != pages*each {
				t.Fatalf("with a higher cap: %+v %v", r, err)
			}
			w.src.Cap = each // lower than what waits: what mends is taken
			if r, err := w.pipeline.Run(t.Context(), w.src, feed(true), nil); err != nil || r.Stored != pages*each || len(w.quarantine()) != 0 {
				t.Fatalf("after the mend: %+v %v", r, err)
			}
		})
	}
}
