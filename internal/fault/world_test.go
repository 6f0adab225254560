package fault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/fhirrest"
	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ingest"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/outbound"
	"samsyn/internal/reconcile"
	faultsim "samsyn/internal/sim/faults"
	"samsyn/internal/sim/sts"
	"samsyn/internal/store"
	"samsyn/mapping"
)

// shipped are the maps as they are shipped, loaded once.
var shipped = sync.OnceValues(func() (*mapping.Set, error) { return mapping.Load(mapping.Shipped) })

func shippedMaps(t tb) ingest.Maps {
	t.Helper()
	set, err := shipped()
	if err != nil {
		t.Fatalf("maps: %v", err)
	}
	return ingest.FromSet(set)
}

// world is one source behind a handler that misbehaves when it is told to, and the
// store that reads it.
type world struct {
	t tb
	*origin
	rnd      *rand.Rand
	faults   *faultsim.Handler
	where    string
	store    *store.Store
	pipeline *ingest.Pipeline
	adapter  adapters.Adapter
	src      ingest.Source
	base     string
	tokens   *sts.Server   // of a source with sign-in
	off      time.Duration // how wrong our own clock is
	journal  string        // the store's; "" for none
}

// ours is our own clock, which may be wrong.
func (w *world) ours() time.Time { return w.clock.now().Add(w.off) }

// setting is what a test wants of its world.
type setting struct {
	children, facts, page int
	history               bool // the source tells of deletions
	line                  bool // no sockets: the handler is called directly
	auth                  bool // the source asks for a token
	start                 time.Time
	timeout               time.Duration
	retries               int
	maxResource           int
}

// anew is a world that has read its source once.
func anew(t tb, db database, seed uint64, s setting) *world {
	t.Helper()
	w := unread(t, db, seed, s)
	w.mustSync()
	w.check("after the first reading")
	return w
}

func unread(t tb, db database, seed uint64, s setting) *world {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 7))
	c := newClock()
	if !s.start.IsZero() {
		c.set(s.start)
	}
	w := &world{t: t, rnd: rnd, origin: newOrigin(t, c, rnd, max(s.children, 3), max(s.facts, 1)), where: db.fresh(t)}
	w.faults = faultsim.New(w.sim, seed)
	w.faults.Now = c.now
	transport, auth := w.connect(s)
	if s.timeout == 0 {
		s.timeout = 20 * time.Second
	}
	client, closeIdle, err := outbound.New(outbound.Options{Addresses: []string{w.base}, Timeout: s.timeout, Retries: s.retries - 1 + b2i(s.retries > 0), RetryWait: time.Millisecond, Transport: transport, Auth: auth, Now: w.ours})
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(closeIdle)
	config := fhirrest.Config{Base: w.base, PageSize: max(s.page, 3), MaxResource: s.maxResource,
		Types: []fhirrest.Type{{Type: "Patient"}, {Type: "EpisodeOfCare", History: s.history}}}
	if w.adapter, err = config.Open(adapters.Deps{HTTP: client, Now: w.ours, Random: rand.NewChaCha8([32]byte{1})}); err != nil {
		t.Fatalf("%v", err)
	}
	w.src = ingest.Source{Name: "fhir-a", System: "fhirrest", Service: care.Kommune, Title: "Kilden"}
	w.reopen()
	t.Cleanup(func() { closeAll(t, w.store) })
	return w
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// connect puts the source where it can be called.
func (w *world) connect(s setting) (http.RoundTripper, outbound.Auth) {
	if s.line {
		w.base = "http://source.test/fhir"
		return &wire{w.faults}, outbound.Auth{}
	}
	const scope = "system/*.rs"
	var handler http.Handler = w.faults
	auth := outbound.Auth{}
	if s.auth {
		auth = outbound.Auth{Kind: "oauth2", ClientID: "samsyn", Secret: outbound.Secret{Value: "hemmelig"}, Scopes: []string{scope}}
		w.tokens = sts.New(w.clock.now, sts.Client{ID: auth.ClientID, Secret: "hemmelig", Scopes: auth.Scopes, MaxAssertion: time.Minute})
		mux := http.NewServeMux()
		mux.Handle("/connect/token", w.tokens)
		mux.Handle("/", w.tokens.Protect(scope, w.faults))
		handler = mux
	}
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = quiet
	server.Start()
	w.t.Cleanup(server.Close)
	w.base, auth.TokenURL = server.URL+"/fhir", server.URL+"/connect/token"
	if !s.auth {
		auth = outbound.Auth{}
	}
	return &http.Transport{ResponseHeaderTimeout: 10 * time.Second}, auth
}

// reopen closes and opens the store, as a restart does.
func (w *world) reopen() {
	w.t.Helper()
	if w.store != nil {
		closeAll(w.t, w.store)
	}
	var err error
	if w.store, err = store.Open(context.Background(), w.where, store.Options{Now: w.ours, Journal: w.journal}); err != nil {
		w.t.Fatalf("open store: %v", err)
	}
	w.pipeline = w.pipelineOn(w.store)
}

func (w *world) pipelineOn(s ingest.Store) *ingest.Pipeline {
	return &ingest.Pipeline{Maps: shippedMaps(w.t), Store: s, Rules: identity.Rules{Test: true}, Now: w.ours, IDKey: []byte("key of the tests"), Who: "test", Workers: 1}
}

func (w *world) sync() (ingest.Report, error) {
	w.clock.move(time.Minute)
	r, err := w.pipeline.Run(context.Background(), w.src, w.adapter, nil)
	if r.Listed != r.Stored+r.Unchanged+r.Quarantined+r.Removed {
		w.t.Fatalf("the ledger does not balance: %+v", r)
	}
	return r, err
}

func (w *world) mustSync() ingest.Report {
	w.t.Helper()
	r, err := w.sync()
	if err != nil {
		w.t.Fatalf("sync: %v", err)
	}
	return r
}

func (w *world) compare(o reconcile.Options) (ledger.Reconciliation, error) {
	w.clock.move(time.Minute)
	r := &reconcile.Reconciler{Store: w.store, Pipeline: w.pipeline, Now: w.ours, Who: "test"}
	return r.Run(context.Background(), w.src, w.adapter, o)
}

// cycle is one night: what changed is read, then everything is compared. Where too much
// has vanished, a person looks and allows it.
func (w *world) cycle() error {
	if _, err := w.sync(); err != nil {
		return err
	}
	r, err := w.compare(reconcile.Options{})
	if err == nil && r.Asks != "" {
		_, err = w.compare(reconcile.Options{AllowVanish: true})
	}
	return err
}

// settle ends every fault and gives the store three cycles to be equal to the source.
func (w *world) settle() {
	w.t.Helper()
	w.faults.Calm()
	var left string
	for n := 1; n <= 3; n++ {
		if err := w.cycle(); err != nil {
			w.t.Fatalf("cycle %d after the fault ended: %v", n, err)
		}
		if left = w.differences(); left == "" {
			return
		}
	}
	w.t.Fatalf("three cycles after the fault ended store and source differ:\n%s", left)
}

// check fails where store and source differ.
func (w *world) check(when string) {
	w.t.Helper()
	if d := w.differences(); d != "" {
		w.t.Fatalf("%s store and source differ:\n%s", when, d)
	}
}

// said is what the store says of each child, as texts; a text is as often there as it is said.
func (w *world) said() map[int][]string {
	w.t.Helper()
	out := map[int][]string{}
	seen := map[care.PersonID]int{}
	for child, numbers := range w.numbers {
		for _, raw := range numbers {
			person := w.personOf(raw)
			if person == "" {
				continue // not heard of yet
			}
			if other, met := seen[person]; met {
				if other != child {
					w.t.Fatalf("two children are one person")
				}
				continue
			}
			seen[person] = child
			for _, c := range w.contributions(person) {
				out[child] = append(out[child], textOf(w.t, c))
			}
		}
		slices.Sort(out[child])
	}
	persons, err := w.store.Everybody(context.Background())
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	for _, p := range persons {
		if _, met := seen[p]; !met && len(w.contributions(p)) > 0 {
			w.t.Fatalf("something is said of a person whom no child is")
		}
	}
	return out
}

func (w *world) parse(raw string) identity.Number {
	w.t.Helper()
	n, err := identity.Parse(raw, identity.Rules{Test: true})
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	return n
}

// personOf is who has the number, "" while nobody has.
func (w *world) personOf(raw string) care.PersonID {
	w.t.Helper()
	person, err := w.store.PersonByIdentifier(context.Background(), w.parse(raw))
	if err != nil && !errors.Is(err, care.ErrNotFound) {
		w.t.Fatalf("%v", err)
	}
	return person
}

func (w *world) contributions(p care.PersonID) []care.Contribution {
	w.t.Helper()
	cs, err := w.store.Contributions(context.Background(), p, care.Whole(care.Services()...))
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	return cs
}

func textOf(t tb, c care.Contribution) string {
	t.Helper()
	if len(c.Made) != 1 {
		t.Fatalf("%s %s made %d resources", c.Kind, c.Key, len(c.Made))
	}
	var body struct {
		CareManager struct{ Display string } `json:"careManager"`
	}
	if err := json.Unmarshal(c.Made[0].Resource.Body, &body); err != nil {
		t.Fatalf("%v", err)
	}
	return body.CareManager.Display
}

// wanted is what the source says of each child.
func (w *world) wanted() map[int][]string {
	out := map[int][]string{}
	for _, f := range w.facts {
		out[f.child] = append(out[f.child], f.text())
	}
	for child := range out {
		slices.Sort(out[child])
	}
	return out
}

// differences tells what is lost, doubled, resurrected, old, or on the wrong child.
func (w *world) differences() string {
	w.t.Helper()
	w.safe()
	said, wanted := w.said(), w.wanted()
	var out strings.Builder
	for child := range w.numbers {
		if slices.Equal(said[child], wanted[child]) {
			continue
		}
		fmt.Fprintf(&out, "barn%d: the store says %v, the source says %v\n", child, said[child], wanted[child])
	}
	if out.Len() > 0 {
		waiting, err := w.store.WaitingSubjects(context.Background())
		fmt.Fprintf(&out, "waiting: %+v %v, in quarantine: %v\n", waiting, err, w.quarantine())
	}
	return out.String()
}

// safe fails where something is on the wrong child: never allowed, not even while a fault lasts.
func (w *world) safe() {
	w.t.Helper()
	for child, texts := range w.said() {
		for _, text := range texts {
			if text != "" && !strings.Contains(text, fmt.Sprintf(" om barn%d ", child)) {
				w.t.Fatalf("barn%d is said to have %q", child, text)
			}
		}
	}
}

// kept is everything that the store says now, for comparing before with after.
func (w *world) kept() string {
	w.t.Helper()
	var b bytes.Buffer
	if err := w.store.Canonical(context.Background(), &b); err != nil {
		w.t.Fatalf("%v", err)
	}
	return b.String()
}

// state is what the store knows of the source's last runs.
func (w *world) state() care.SourceState {
	w.t.Helper()
	states, err := w.store.SourceStates(context.Background())
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	for _, s := range states {
		if s.Source == w.src.Name {
			return s
		}
	}
	w.t.Fatalf("the source has no state")
	return care.SourceState{}
}

// quarantine gives the codes of what waits, by key.
func (w *world) quarantine() map[string]string {
	w.t.Helper()
	all, err := w.store.Quarantined(context.Background())
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	out := map[string]string{}
	for _, q := range all {
		out[q.Kind+"/"+q.Key] = q.Code
	}
	return out
}

// stir makes n random changes at the source.
func (w *world) stir(n int) {
	w.t.Helper()
	for range n {
		switch w.rnd.IntN(6) {
		case 0, 1:
			w.add(w.t)
		case 2:
			w.remove(w.t, false)
		default:
			w.change(w.t)
		}
	}
}

// wire calls a handler without a socket, with the same ends as a line has: a handler
// that aborts cuts the body, and a body that is shorter than promised is an error.
type wire struct{ handler http.Handler }

func (l *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.RequestURI = r.URL.RequestURI()
	in.Host = r.URL.Host
	aborted := func() (cut bool) {
		defer func() {
			if e := recover(); e != nil {
				if e != http.ErrAbortHandler {
					panic(e)
				}
				cut = true
			}
		}()
		l.handler.ServeHTTP(rec, in)
		return false
	}()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp := rec.Result()
	resp.Request = r
	if resp.Header.Get("Content-Encoding") == "gzip" {
		resp.Body = io.NopCloser(&broken{}) // faultsim's gzip is never whole
	} else if aborted {
		resp.Body = io.NopCloser(io.MultiReader(resp.Body, &broken{}))
	}
	return resp, nil
}

// broken is the end of a line that broke.
type broken struct{}

func (*broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// each runs a scenario on every database and with several seeds, each of which can be
// run alone: -run 'TestF03.*/sqlite/seed=7'. Scenarios and databases are tried side by side: most of it is waiting.
func each(t *testing.T, small, ci int, f func(t *testing.T, db database, seed uint64)) {
	t.Helper()
	eachOf(t, true, small, ci, f)
}

// eachAlone is each for what is done to the whole process.
func eachAlone(t *testing.T, small, ci int, f func(t *testing.T, db database, seed uint64)) {
	t.Helper()
	eachOf(t, false, small, ci, f)
}

func eachOf(t *testing.T, beside bool, small, ci int, f func(t *testing.T, db database, seed uint64)) {
	t.Helper()
	if beside {
		t.Parallel()
	}
	first := firstSeed(t)
	for _, db := range databases(t) {
		t.Run(db.name, func(t *testing.T) {
			if beside {
				t.Parallel()
			}
			few := small
			if db.name == "postgres" {
				few = (small + 1) / 2 // a database of one's own takes its time
			}
			for i := range size(few, ci) {
				seed := first + uint64(i)
				t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { f(t, db, seed) })
			}
		})
	}
}

// oneOf picks by the seed.
func oneOf[T any](w *world, all ...T) T { return all[w.rnd.IntN(len(all))] }

// uids are the facts that stand, in order.
func (w *world) uids() []string { return slices.Sorted(maps.Keys(w.facts)) }
