package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"samsyn/adapters"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/reconcile"
)

// machine drives a source and the store against each other. The model is the source
// itself: after a reconciliation that was not stopped, what is held is what it holds,
// but for what the report refuses with a reason.
type machine struct {
	*bench
	n       int
	adapter func() adapters.Adapter
}

// change gives a record with new content, changed that many days ago.
func (m *machine) change(t *rapid.T, key string) adapters.Record {
	m.n++
	r := rec(key, fmt.Sprint("tekst ", m.n), rapid.IntRange(-3, 40).Draw(t, "days ago"))
	r.Version = strconv.Itoa(1000 + m.n)
	if i := m.fake.find(key); i >= 0 && !m.fake.versions && rapid.IntRange(0, 3).Draw(t, "edited in place") == 0 {
		r.Version, r.Changed = m.fake.records[i].Version, m.fake.records[i].Changed
	}
	return r
}

func (m *machine) some(t *rapid.T) string {
	if len(m.fake.records) == 0 {
		m.fake.put(m.change(t, "k00"))
	}
	keys := make([]string, len(m.fake.records))
	for i, r := range m.fake.records {
		keys[i] = r.Key
	}
	slices.Sort(keys)
	return rapid.SampledFrom(keys).Draw(t, "record")
}

func (m *machine) step(t *rapid.T) {
	switch rapid.SampledFrom([]string{"add", "add", "change", "change", "delete", "rekey", "mass", "half", "late", "sync", "sync", "reconcile", "reconcile", "dry"}).Draw(t, "step") {
	case "add":
		m.fake.put(m.change(t, fmt.Sprintf("k%02d", rapid.IntRange(0, 30).Draw(t, "key"))))
	case "change":
		m.fake.put(m.change(t, m.some(t)))
	case "delete":
		m.fake.remove(m.some(t))
	case "rekey":
		r := m.fake.records[m.fake.find(m.some(t))]
		m.fake.remove(r.Key)
		r.Key = fmt.Sprintf("z%02d", m.n)
		m.n++
		m.fake.put(r)
	case "mass":
		m.fake.records = m.fake.records[:rapid.IntRange(0, len(m.fake.records)).Draw(t, "remain")]
	case "half":
		m.half(t)
	case "late":
		m.late(t)
	case "sync":
		m.sync()
	case "dry":
		before := m.dump()
		m.reconcile(m.adapter(), reconcile.Options{DryRun: true})
		if m.dump() != before {
			t.Fatal("a dry run wrote")
		}
	case "reconcile":
		m.compare(t)
	}
}

// half: a listing that is cut short changes nothing.
func (m *machine) half(t *rapid.T) {
	before := m.dump()
	m.fake.failAt = rapid.IntRange(1, 4).Draw(t, "fails at")
	_, err := m.rec.Run(context.Background(), source, m.adapter(), reconcile.Options{})
	cut := errors.Is(err, adapters.ErrUnavailable)
	m.fake.failAt = 0
	if err != nil && !cut {
		t.Fatalf("%v", err)
	}
	if cut && m.dump() != before {
		t.Fatal("half a listing wrote")
	}
}

// late: an old page comes once more. What it says is no newer than what is held.
func (m *machine) late(t *rapid.T) {
	if len(m.fake.records) == 0 {
		return
	}
	r := m.fake.records[m.fake.find(m.some(t))]
	r.Changed = r.Changed.AddDate(0, 0, -60)
	_, err := m.pipeline.Page(context.Background(), source, m.fake, adapters.Page{Records: []adapters.Record{r}})
	m.check(err)
}

func (m *machine) compare(t *rapid.T) {
	before, held, known := m.dump(), m.held(), m.known()
	m.fake.lists = 0
	m.fake.page = rapid.IntRange(1, 40).Draw(t, "page")
	m.fake.twice = rapid.Bool().Draw(t, "pages twice")
	// The order of a listing is its own.
	rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0)).Shuffle(len(m.fake.records), func(i, j int) {
		m.fake.records[i], m.fake.records[j] = m.fake.records[j], m.fake.records[i]
	})
	o := reconcile.Options{AllowVanish: rapid.IntRange(0, 3).Draw(t, "allowed") == 0}
	got := m.reconcile(m.adapter(), o)
	if got.Asks != "" {
		if m.dump() != before || o.AllowVanish {
			t.Fatalf("it asked and wrote, or asked though it was allowed: %s", said(got))
		}
		return
	}
	refused := map[string]bool{}
	for _, d := range got.Lines {
		name := d.Kind + "/" + d.Key
		switch d.Result {
		case ledger.Refused:
			refused[name] = true
			if d.Reason == "" || !m.mayRefuse(d, known[ledger.Key{Kind: d.Kind, Key: d.Key}]) {
				t.Fatalf("%s was refused without reason: %s", name, said(got))
			}
		case ledger.Open:
			t.Fatalf("left open: %s", said(got))
		}
	}
	m.asTheSource(t, got, held, refused)
	after := m.dump()
	if again := m.reconcile(m.adapter(), o); again.Repaired != 0 || m.dump() != after {
		t.Fatalf("a second reconciliation wrote: %s", said(again))
	}
}

// known is what is held under the source's keys.
func (m *machine) known() map[ledger.Key]ledger.Held {
	var keys []ledger.Key
	for _, r := range m.fake.records {
		keys = append(keys, ledger.Key{Kind: r.Kind, Key: r.Key})
	}
	held, err := m.store.Held(context.Background(), source.Name, keys)
	m.check(err)
	return held
}

// mayRefuse: only what the source itself says to be older than what is held may be refused here.
func (m *machine) mayRefuse(d ledger.Difference, held ledger.Held) bool {
	if d.Finding == ledger.Gone || held.Version == ledger.Vanished {
		return false
	}
	r := m.fake.records[m.fake.find(d.Key)]
	has, _ := strconv.Atoi(held.Version)
	is, _ := strconv.Atoi(r.Version)
	return held.Changed.After(r.Changed) || held.Changed.Equal(r.Changed) && has > is
}

// asTheSource: what is held is what the source holds, and what was refused is as it was.
func (m *machine) asTheSource(t *rapid.T, got ledger.Reconciliation, before map[string]string, refused map[string]bool) {
	now := m.held()
	for _, r := range m.fake.records {
		name := r.Kind + "/" + r.Key
		switch body, ok := now[name]; {
		case refused[name] && body != before[name]:
			t.Fatalf("%s was refused and changed: %s", name, said(got))
		case !refused[name] && (!ok || body != string(r.Body)):
			t.Fatalf("%s is held as %q and is %q: %s", name, body, r.Body, said(got))
		}
	}
	for name := range now {
		if m.fake.find(strings.TrimPrefix(name, "sak/")) < 0 && !refused[name] {
			t.Fatalf("%s is held and gone: %s", name, said(got))
		}
	}
}

func TestStateMachine(t *testing.T) {
	steps, tries, most := 15, 0, 40
	if os.Getenv("SAMSYN_TEST_SIZE") == "ci" {
		steps, most = 120, 1<<30
	}
	rapid.Check(t, func(t *rapid.T) {
		if tries++; tries > most {
			return
		}
		m := &machine{bench: start(t)}
		m.adapter = func() adapters.Adapter { return m.fake }
		if rapid.Bool().Draw(t, "can be asked for one") {
			m.adapter = func() adapters.Adapter { return getting{m.fake} }
		}
		m.fake.versions = rapid.Bool().Draw(t, "versions alone")
		m.fake.records = some(rapid.IntRange(0, 25).Draw(t, "records"))
		for range rapid.IntRange(1, steps).Draw(t, "steps") {
			m.step(t)
		}
		m.compare(t)
	})
}
