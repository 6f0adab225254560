package attack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/internal/access"
	"samsyn/internal/care"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/identity"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store"
	"samsyn/internal/store/pgtest"
)

// numbers are those of the synthetic families (testdata/README.md): in a store a child is
// who her number says.
var numbers = map[care.PersonID]string{"ella": "14831460041", "jonas": "02892060188", "selma": "19882660047"}

// kept is a world in a real store.
type kept struct {
	t    testing.TB
	s    *store.Store
	runs map[string]int64
	ids  map[care.PersonID]care.PersonID // by the name in the stories
	day  int
}

// entropy draws ids from a seed.
type entropy struct{ *rand.Rand }

func (e entropy) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(e.IntN(256))
	}
	return len(b), nil
}

// keepAll puts a world in memory into a store that is open at dsn.
func keepAll(t testing.TB, dsn string, seed uint64, m *gatetest.Memory) *kept {
	t.Helper()
	s, err := store.Open(context.Background(), dsn, store.Options{Now: stories.Now, Random: entropy{rand.New(rand.NewPCG(seed, 1))}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // what was read is judged, not this
	k := &kept{t: t, s: s, runs: map[string]int64{}, ids: map[care.PersonID]care.PersonID{}}
	for _, p := range children {
		if _, there := numbers[p]; !there {
			continue
		}
		for _, c := range m.People[p] {
			k.save(p, c, nameOf(p))
		}
		number, err := identity.Parse(numbers[p], identity.Rules{Test: true})
		if err != nil {
			t.Fatal(err)
		}
		if k.ids[p], err = s.PersonByIdentifier(context.Background(), number); err != nil {
			t.Fatal(err)
		}
		k.entitle(p, m.Rights[p])
	}
	return k
}

// save keeps one record as a page of its source; name is the child's as the source says it.
func (k *kept) save(p care.PersonID, c care.Contribution, name string) {
	k.t.Helper()
	run, begun := k.runs[c.Source]
	if !begun {
		var err error
		if run, _, err = k.s.Begin(context.Background(), ledger.Source{Name: c.Source, System: c.System, Service: c.Service, Title: c.Source}, "test"); err != nil {
			k.t.Fatal(err)
		}
		k.runs[c.Source] = run
	}
	body, err := json.Marshal(c.Made)
	if err != nil {
		k.t.Fatal(err)
	}
	e := ledger.Entry{Record: adapters.Record{Kind: c.Kind, Key: string(p) + "/" + c.Key, Media: adapters.JSON, Body: body, Deleted: len(c.Made) == 0, Changed: c.Changed.AddDate(0, 0, k.day)}, Revision: "r1"}
	if len(c.Made) > 0 {
		number, err := identity.Parse(numbers[p], identity.Rules{Test: true})
		if err != nil {
			k.t.Fatal(err)
		}
		e.Service, e.Made = c.Service, c.Made
		e.Subject = ledger.Subject{Key: c.Source + "-" + string(p), Numbers: []identity.Number{number}, Name: name}
	}
	if _, err := k.s.Save(context.Background(), ledger.Batch{Source: c.Source, Run: run, At: stories.Now().Add(time.Duration(k.day-60) * time.Minute), Entries: []ledger.Entry{e}, Next: "next"}); err != nil {
		k.t.Fatal(err)
	}
}

func nameOf(p care.PersonID) string {
	return strings.ToUpper(string(p[:1])) + string(p[1:]) + " Nordmann"
}

// entitle registers rights; who they are about is who she is in this store.
func (k *kept) entitle(p care.PersonID, r care.Rights) {
	k.t.Helper()
	id := k.ids[p]
	for i := range r.Appointments {
		r.Appointments[i].Person = id
	}
	for i := range r.Bases {
		r.Bases[i].Person = id
	}
	for i, c := range r.Consents {
		r.Consents[i].Person = id
		r.Consents[i].Signatures = slices.Clone(c.Signatures)
		for n, s := range c.Signatures {
			if s.Party == care.PartyChild {
				r.Consents[i].Signatures[n].Signer = string(id)
			}
		}
	}
	for i := range r.Blocks {
		r.Blocks[i].Person = id
	}
	for i := range r.Withheld {
		r.Withheld[i].Person = id
	}
	_, _, epoch, err := k.s.Rights(context.Background(), id)
	if err == nil {
		err = k.s.PutRights(context.Background(), id, epoch, r, nil, nil)
	}
	if err != nil {
		k.t.Fatal(err)
	}
}

// conceal lets the store hold more that is hidden from the viewer.
func (k *kept) conceal(d dice, w *world, v care.Viewer, p care.PersonID, base *gatetest.Memory) (done []string) {
	k.t.Helper()
	facts := w.facts(v, k.ids[p])
	scope := w.table.Scope(facts, stories.Now())
	sees := func(c care.Contribution, m care.Made) bool {
		return w.table.Decide(facts, access.Item{Service: c.Service, Type: m.Resource.Type, Marks: care.MarksOf(m.Resource), Record: care.RecordRef{Source: c.Source, Kind: c.Kind, Key: string(p) + "/" + c.Key}}, stories.Now()).Allowed
	}
	n := 0
	word := func() string { n++; return fmt.Sprintf("%s-%d", secretWord, n) }
	for _, s := range care.Services() {
		hidden := !slices.ContainsFunc(scope.Visible, func(v care.Visible) bool { return v.Service == s })
		if hidden && d.often(60) {
			for i := range 3 { // said, said otherwise, and taken back
				k.day++
				c := said(d, s, p, "s"+string(s), pick(d, []string{"Encounter", "CarePlan", "Condition"}), word())
				c.Source, c.Key = "x-"+string(s), "s"
				if c.Made[0].Resource.ID = "h-" + string(p); i == 2 && d.often(50) {
					c.Made = nil
				} else {
					c.Made[0].Resource.Body = []byte(strings.Replace(string(c.Made[0].Resource.Body), "x-"+string(p)+"-s"+string(s), "h-"+string(p)+string(s), 1))
					c.Made[0].Resource.ID = "h-" + string(p) + string(s)
				}
				k.save(p, c, word())
			}
			done = append(done, "said by "+string(s))
		}
		c := said(d, s, p, "z"+string(s), "", word(), pick(d, marks))
		if !sees(c, c.Made[0]) {
			k.save(p, c, "")
			done = append(done, "labelled by "+string(s))
		}
	}
	for _, c := range base.People[p] {
		// No Patient: a record whose Patient is labelled does not tell the name either.
		extra := said(d, c.Service, p, "k"+c.Key, pick(d, types[:len(types)-1]), word(), care.MarkThirdParty).Made[0]
		if d.often(30) && slices.ContainsFunc(c.Made, func(m care.Made) bool { return sees(c, m) }) && !sees(c, extra) {
			k.day++
			c.Made = append(slices.Clone(c.Made), extra)
			k.save(p, c, nameOf(p))
			done = append(done, "said beside by "+string(c.Service))
			continue
		}
		if d.often(20) && !slices.ContainsFunc(c.Made, func(m care.Made) bool { return sees(c, m) }) {
			k.day++
			c.Made = nil
			k.save(p, c, "")
			done = append(done, "taken away by "+string(c.Service))
		}
	}
	if v.Role != care.RoleBarn && v.Role != care.RoleKoordinerendeEnhet {
		since := stories.Now().AddDate(0, -1, 0)
		k.entitle(p, care.Rights{Appointments: []care.Appointment{{ID: "t-a-" + string(p), Viewer: "petter", Role: care.RoleTjenesteyter, From: since, By: "kari"}},
			Blocks: []care.Block{{ID: "t-b-" + string(p), Viewer: "petter", Extent: care.BlockAll, From: since, By: "petter"}}})
		done = append(done, "rights of others")
	}
	return done
}

// twinStores asks pairs of worlds that stand in real stores. A pair is a test of its own, so that
// its stores are closed when it is over.
func twinStores(t *testing.T, pairs int, dsn func(t *testing.T) string) {
	asked := 0
	for seed := firstSeed(t); seed < firstSeed(t)+uint64(pairs) && !t.Failed(); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { asked += twinPair(t, seed, dsn) })
	}
	t.Logf("%d pairs of stores, %d requests to each", pairs, asked)
}

func twinPair(t *testing.T, seed uint64, dsn func(t *testing.T) string) (asked int) {
	d := roll(seed ^ 0x51)
	a, b := keepAll(t, dsn(t), seed, families(seed)), keepAll(t, dsn(t), seed, families(seed))
	one, two := openOn(t, a.s, nil), openOn(t, b.s, nil)
	v, _ := viewer(pick(d, viewers).ID)
	p := pick(d, []care.PersonID{"ella", "jonas", "selma"})
	if a.ids[p] != b.ids[p] {
		t.Fatalf("seed %d: the twins call %s %s and %s", seed, p, a.ids[p], b.ids[p])
	}
	done := b.conceal(d, two, v, p, families(seed))
	all := shapes(a.ids[p], append(resourceNames(families(seed)), "Encounter/h-"+string(p)+"bup", "CarePlan/h-"+string(p)+"barnevern"), d)
	for _, n := range d.Perm(len(all))[:min(len(all), 60)] {
		r := all[n]
		if r.viewer = v.ID; forOffices(r) {
			continue
		}
		if strings.Contains(r.path, "{version}") {
			known, other := one.version(r), two.version(r)
			if r = r.of(known); known != other {
				t.Errorf("seed %d, %s, concealed %q: the other's version is %s", seed, r, done, other)
			}
		}
		x, y := one.ask(r), two.ask(r)
		asked++
		if diff := differ(x, y); diff != "" {
			t.Errorf("seed %d, %s, concealed %q: %s", seed, r, done, diff)
		}
		if strings.Contains(y.body, secretWord) || x.status >= 500 {
			t.Errorf("seed %d, %s, concealed %q: status %d, %s", seed, r, done, x.status, cut(y.body))
		}
	}
	if t.Failed() {
		t.Fatalf("run it again with SAMSYN_TEST_SEED=%d", seed)
	}
	return asked
}

// TestTwinStoresAnswerAlike is TestTwinWorldsAnswerAlike where SQL chooses what is seen.
func TestTwinStoresAnswerAlike(t *testing.T) {
	t.Parallel()
	twinStores(t, size(2, 100, 1000), func(t *testing.T) string { return filepath.Join(t.TempDir(), "samsyn.db") })
}

// TestTwinStoresAnswerAlikeOnPostgres is the same on the other database.
func TestTwinStoresAnswerAlikeOnPostgres(t *testing.T) {
	t.Parallel()
	pgtest.Available(t)
	twinStores(t, size(1, 100, 1000), func(t *testing.T) string { return pgtest.URL(t, nil) })
}
