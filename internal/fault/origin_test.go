package fault_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/fstest"
	"time"

	"samsyn/internal/identity"
	fhirrestsim "samsyn/internal/sim/fhirrest"
)

// clock is a clock that moves when it is told to.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// synthetic are valid numbers of nobody (month + 80), made once: each child has a
// D-number and the fødselsnummer that takes its place.
var synthetic = sync.OnceValue(func() [][]string {
	var out [][]string
	for i := range 40 {
		var own []string
		for _, day := range []int{i%28 + 41, i%28 + 1} {
			for individual := 500 + i; len(own) == 0 || day <= 31 && len(own) == 1; individual++ {
				first := fmt.Sprintf("%02d%02d%02d%03d", day, 81+i/28%12, 10+i/336%10, individual)
				for check := range 100 {
					raw := fmt.Sprintf("%s%02d", first, check)
					if _, err := identity.Parse(raw, identity.Rules{Test: true}); err == nil {
						own = append(own, raw)
						break
					}
				}
			}
		}
		out = append(out, own)
	}
	return out
})

// origin is a source system with the truth beside it: what it holds now, and about whom.
type origin struct {
	sim   *fhirrestsim.Server
	clock *clock
	rnd   *rand.Rand
	// numbers are the children's numbers, the present one last.
	numbers [][]string
	facts   map[string]*fact // by uid, which stays when the key changes
	next    int
}

// fact is one thing that the source says of one child. Its text names both, so that it
// is known again wherever it turns up.
type fact struct {
	uid, key string
	child    int
	version  int
	at       time.Time
}

func (f fact) text() string { return fmt.Sprintf("%s om barn%d v%d", f.uid, f.child, f.version) }

func newOrigin(t tb, c *clock, rnd *rand.Rand, children, facts int) *origin {
	t.Helper()
	sim, err := fhirrestsim.New(fstest.MapFS{})
	if err != nil {
		t.Fatalf("%v", err)
	}
	o := &origin{sim: sim, clock: c, rnd: rnd, facts: map[string]*fact{}}
	for range children {
		o.addChild(t)
	}
	for range facts {
		o.add(t)
	}
	return o
}

func (o *origin) number(child int) string { return o.numbers[child][len(o.numbers[child])-1] }

func (o *origin) addChild(t tb) {
	t.Helper()
	o.numbers = append(o.numbers, synthetic()[len(o.numbers)][:1])
	o.putPatient(t, len(o.numbers)-1)
}

func (o *origin) putPatient(t tb, child int) {
	t.Helper()
	var ids []any
	all := o.numbers[child]
	for i, n := range all {
		id := map[string]any{"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": n, "use": "official"}
		if i < len(all)-1 {
			id["use"] = "old"
		}
		ids = append(ids, id)
	}
	o.put(t, map[string]any{"resourceType": "Patient", "id": fmt.Sprint("p", child), "identifier": ids}, o.tick())
}

// tick moves the clock on, so that no two writes have the same time.
func (o *origin) tick() time.Time {
	o.clock.move(time.Second)
	return o.clock.now()
}

func (o *origin) put(t tb, resource map[string]any, at time.Time) {
	t.Helper()
	resource["meta"] = map[string]any{"lastUpdated": at.UTC().Format("2006-01-02T15:04:05.000Z"), "versionId": fmt.Sprint(at.UnixMilli())}
	raw, err := json.Marshal(resource)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if err := o.sim.Put(raw); err != nil {
		t.Fatalf("%v", err)
	}
}

func (o *origin) write(t tb, f *fact, at time.Time) {
	t.Helper()
	f.at = at
	o.put(t, map[string]any{"resourceType": "EpisodeOfCare", "id": f.key, "status": "active",
		"patient":     map[string]any{"reference": fmt.Sprint("Patient/p", f.child)},
		"type":        []any{map[string]any{"text": "Oppfølging"}},
		"period":      map[string]any{"start": "2026-01-01"},
		"careManager": map[string]any{"display": f.text()}}, at)
}

// add says something new about some child.
func (o *origin) add(t tb) *fact {
	t.Helper()
	o.next++
	f := &fact{uid: fmt.Sprint("e", o.next), child: o.rnd.IntN(len(o.numbers)), version: 1}
	f.key = f.uid
	o.facts[f.uid] = f
	o.write(t, f, o.tick())
	return f
}

// some gives a fact that stands, nil where there is none.
func (o *origin) some() *fact {
	uids := slices.Sorted(maps.Keys(o.facts))
	if len(uids) == 0 {
		return nil
	}
	return o.facts[uids[o.rnd.IntN(len(uids))]]
}

// change says it anew.
func (o *origin) change(t tb) {
	t.Helper()
	if f := o.some(); f != nil {
		f.version++
		o.write(t, f, o.tick())
	}
}

// backDate says something new or anew with a time long before now: no cursor sees it.
func (o *origin) backDate(t tb) {
	t.Helper()
	f := o.some()
	if f == nil || o.rnd.IntN(2) == 0 {
		f = o.add(t)
		o.sim.Rewind("EpisodeOfCare", f.key)
		o.forgetAll(f.key)
		o.write(t, f, o.clock.now().AddDate(0, 0, -3))
		return
	}
	f.version++
	o.write(t, f, f.at.Add(time.Millisecond)) // newer than it was, and long before the cursor
}

// forgetAll takes a key away without a word.
func (o *origin) forgetAll(key string) { o.sim.Forget("EpisodeOfCare", key) }

// remove deletes with a tombstone, or without a word.
func (o *origin) remove(t tb, silently bool) *fact {
	t.Helper()
	f := o.some()
	if f == nil {
		return nil
	}
	delete(o.facts, f.uid)
	if silently {
		o.forgetAll(f.key)
	} else {
		o.sim.Delete("EpisodeOfCare", f.key, o.tick())
	}
	return f
}

// rekey gives something another id, as a source that was moved to another system does.
func (o *origin) rekey(t tb) {
	t.Helper()
	f := o.some()
	if f == nil {
		return
	}
	o.forgetAll(f.key)
	o.next++
	f.key = fmt.Sprint("k", o.next)
	o.write(t, f, o.tick())
}

// reuse gives the id of something removed to another child's.
func (o *origin) reuse(t tb) {
	t.Helper()
	f := o.remove(t, true)
	if f == nil {
		return
	}
	o.next++
	other := &fact{uid: fmt.Sprint("e", o.next), key: f.key, child: (f.child + 1) % len(o.numbers), version: 1}
	o.facts[other.uid] = other
	o.write(t, other, o.tick())
}

// renumber gives a child a new number; the old one is named as replaced.
func (o *origin) renumber(t tb) {
	t.Helper()
	child := o.rnd.IntN(len(o.numbers))
	if has := len(o.numbers[child]); has < len(synthetic()[child]) {
		o.numbers[child] = synthetic()[child][:has+1]
		o.putPatient(t, child)
	}
}

// rewriteAll gives everything a new time of change, as the next release of a source does.
func (o *origin) rewriteAll(t tb) {
	t.Helper()
	for _, uid := range slices.Sorted(maps.Keys(o.facts)) {
		o.write(t, o.facts[uid], o.tick())
	}
	for child := range o.numbers {
		o.putPatient(t, child)
	}
}
