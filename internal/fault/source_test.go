package fault_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/fhirrest"
	"samsyn/internal/outbound"
	"samsyn/internal/reconcile"
	faultsim "samsyn/internal/sim/faults"
)

// F1: a source that is down, cannot be found or shows a wrong certificate disturbs no
// other; what it said before stands with its age, and the failure is told.
func TestF01SourceDown(t *testing.T) {
	each(t, 3, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 8})
		before, success := w.kept(), w.state().LastSuccess
		good := w.adapter
		w.adapter = w.dead(t, int(seed%3))
		if _, err := w.sync(); !errors.Is(err, adapters.ErrUnavailable) {
			t.Fatalf("error %v, want that the source is unavailable", err)
		}
		if w.kept() != before {
			t.Fatal("a source that does not answer changed what is held")
		}
		if s := w.state(); s.Failure == "" || s.LastFailure.IsZero() || !s.LastSuccess.Equal(success) {
			t.Fatalf("the state is not told: %+v", s)
		}
		// The other source goes on.
		other := w.src
		other.Name = "fhir-b"
		if r, err := w.pipeline.Run(context.Background(), other, good, nil); err != nil || r.Stored == 0 {
			t.Fatalf("the other source: %+v %v", r, err)
		}
		w.src, w.adapter = other, good
		w.stir(3)
		w.src.Name = "fhir-a"
		w.mustSync()
		if s := w.state(); !s.LastSuccess.After(success) {
			t.Fatalf("the source is back and the state does not say so: %+v", s)
		}
	})
}

// dead is an adapter to a source that nobody reaches.
func (w *world) dead(t *testing.T, how int) adapters.Adapter {
	t.Helper()
	server := httptest.NewServer(w.faults)
	base := server.URL + "/fhir"
	transport := &http.Transport{}
	switch how {
	case 0:
		server.Close()
	case 1:
		server.Close()
		base = "http://finnes-ikke.invalid/fhir"
	default: // a certificate that nobody has signed
		server.Close()
		server = httptest.NewUnstartedServer(w.faults)
		server.Config.ErrorLog = quiet
		server.StartTLS()
		t.Cleanup(server.Close)
		base = server.URL + "/fhir"
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return w.openedBy(t, base, 5*time.Second, transport)
}

func (w *world) opened(t *testing.T, base string, timeout time.Duration) adapters.Adapter {
	t.Helper()
	return w.openedBy(t, base, timeout, &http.Transport{})
}

func (w *world) openedBy(t *testing.T, base string, timeout time.Duration, transport *http.Transport) adapters.Adapter {
	t.Helper()
	client, closeIdle, err := outbound.New(outbound.Options{Addresses: []string{base}, Timeout: timeout, Retries: -1, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closeIdle)
	a, err := fhirrest.Config{Base: base, Types: []fhirrest.Type{{Type: "Patient"}}}.Open(adapters.Deps{HTTP: client, Now: w.ours})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// F2: a source that sends nothing, or a byte at a time, is given up within its time
// limit; meanwhile what is held can be read.
func TestF02SlowSource(t *testing.T) {
	each(t, 2, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 8})
		w.stir(4)
		hurried := w.opened(t, w.base, 200*time.Millisecond)
		before := w.kept()
		w.faults.Tick = 10 * time.Millisecond // a page is some thousand bytes
		w.faults.Once(oneOf(w, faultsim.SlowStart, faultsim.Trickle), 1)
		ended := make(chan error, 1)
		go func() {
			_, err := w.pipeline.Run(context.Background(), w.src, hurried, nil)
			ended <- err
		}()
		for reading := true; reading; {
			select {
			case err := <-ended:
				if !errors.Is(err, adapters.ErrUnavailable) {
					t.Fatalf("error %v, want that the source is unavailable", err)
				}
				reading = false
			default:
				if w.kept() != before { // reads go on, and see what was
					t.Fatal("half an answer was kept")
				}
			}
		}
		w.settle()
	})
}

// F3: a page that is cut, of the wrong length, badly packed or no page at all is
// rejected whole; the cursor stays, and the next run has everything.
func TestF03BrokenPage(t *testing.T) {
	broken := []faultsim.Fault{faultsim.Cut, faultsim.CutQuietly, faultsim.WrongLength, faultsim.BadGzip, faultsim.NotFromHere, faultsim.Broken}
	each(t, 6, 60, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 8, page: 4})
		w.stir(6)
		w.faults.Once(broken[seed%uint64(len(broken))], 1)
		cursor, before := w.cursor(), w.kept()
		if _, err := w.sync(); err == nil {
			t.Fatal("a broken page was taken for a whole one")
		}
		if w.cursor() != cursor || w.kept() != before {
			t.Fatal("of a broken page something was kept")
		}
		// Once more, broken on a later page: the pages before it stand, whole.
		w.faults.Once(broken[seed%uint64(len(broken))], 2)
		if _, err := w.sync(); err == nil {
			t.Fatal("a broken page was taken for a whole one")
		}
		w.mustSync()
		w.settle()
	})
}

func (w *world) cursor() adapters.Cursor {
	w.t.Helper()
	var b bytes.Buffer
	if err := w.store.Dump(context.Background(), &b); err != nil {
		w.t.Fatalf("%v", err)
	}
	for _, l := range strings.Split(b.String(), "\n") {
		if strings.HasPrefix(l, "source\t"+w.src.Name+"\t") {
			return adapters.Cursor(l)
		}
	}
	return ""
}

// F3, every offset: wherever the body of a page ends, nothing of it is kept.
func TestF03EveryOffset(t *testing.T) {
	for _, db := range databases(t) {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			w := unread(t, db, 1, setting{facts: 3, line: true})
			page := w.firstPage()
			step := max(1, len(page)/size(40, len(page)))
			for at := 0; at < len(page); at += step {
				a := w.openOn(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
					rw.Header().Set("Content-Type", "application/fhir+json")
					_, _ = rw.Write(page[:at])
				}))
				_, err := w.pipeline.Run(context.Background(), w.src, a, nil)
				if err == nil || len(w.said()) > 0 {
					t.Fatalf("the page ends after %d of %d bytes, and the run says %v", at, len(page), err)
				}
			}
			w.settle()
		})
	}
}

// firstPage is what the source answers when it is asked for its patients.
func (w *world) firstPage() []byte {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/fhir/Patient/_search", strings.NewReader("_count=50"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	w.sim.ServeHTTP(rec, r)
	return bytes.TrimRight(rec.Body.Bytes(), "\n")
}

// openOn is the world's adapter with another server behind it.
func (w *world) openOn(h http.Handler) adapters.Adapter {
	w.t.Helper()
	a, err := fhirrest.Config{Base: "http://source.test/fhir", Types: []fhirrest.Type{{Type: "Patient"}}}.
		Open(adapters.Deps{HTTP: &http.Client{Transport: &wire{h}}, Now: w.clock.now})
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	return a
}

// F4: pages that come twice double nothing, and next links that go in a circle end the
// run after at most one lap.
func TestF04DuplicatePagesAndLoops(t *testing.T) {
	each(t, 2, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 12, page: 3})
		w.stir(6)
		w.faults.Set(faultsim.Duplicate, 1)
		w.mustSync()
		w.safe()
		w.stir(6)
		w.faults.Set(faultsim.Loop, 1)
		asked := w.faults.Requests()
		_, err := w.pipeline.RunWhole(context.Background(), w.src, w.adapter, nil)
		if !errors.Is(err, adapters.ErrProtocol) {
			t.Fatalf("error %v, want that the source breaks its protocol", err)
		}
		if n := w.faults.Requests() - asked; n > 2*len(w.facts)/3+4 {
			t.Fatalf("%d requests before the circle was seen", n)
		}
		w.settle()
	})
}

// F5: pages in another order, and records that move between pages while they are read,
// lose nothing for longer than a compare takes.
func TestF05ShuffledPages(t *testing.T) {
	each(t, 2, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 12, page: 3})
		w.faults.Set(faultsim.Shuffle, 1)
		for range 3 {
			w.stir(5)
			w.mustSync()
		}
		// The source changes between the pages of one reading.
		moving := 0
		inner := w.adapter
		w.adapter = between(inner, func() {
			if moving++; moving%2 == 0 {
				w.stir(2)
			}
		})
		w.mustSync()
		w.adapter = inner
		w.settle()
	})
}

// F9: a source that gives its things other ids loses and doubles nothing, and an id that
// is given to another child's does not carry anything over to that child.
func TestF09ChangedIDs(t *testing.T) {
	each(t, 2, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{children: 5, facts: 20, page: 6})
		w.faults.Set(faultsim.Rekey, 0.1)
		w.stir(5)
		if err := w.cycle(); err != nil {
			t.Fatal(err)
		}
		w.check("after a tenth was given other ids")
		for range 3 {
			w.reuse(t)
			w.mustSync()
			w.safe()
			w.origin.rekey(t)
		}
		w.settle()
	})
}

// F10: what is deleted at the source goes within one compare, whether it says so or
// not, and a page from before does not bring it back.
func TestF10Deleted(t *testing.T) {
	each(t, 2, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 12, page: 4, history: seed%2 == 0})
		late := w.pages()
		said := w.remove(t, false)
		silent := w.remove(t, true)
		if err := w.cycle(); err != nil {
			t.Fatal(err)
		}
		w.check("one cycle after a deletion")
		for _, p := range late {
			if _, err := w.pipeline.Page(context.Background(), w.src, w.adapter, p); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range []*fact{said, silent} {
			for _, text := range w.said()[f.child] {
				if strings.HasPrefix(text, f.uid+" ") {
					t.Fatalf("%s was deleted, and a late page brought it back", f.uid)
				}
			}
		}
		w.settle()
	})
}

// pages are what the source gives now, to be kept back and delivered late.
func (w *world) pages() []adapters.Page {
	w.t.Helper()
	var out []adapters.Page
	for p, err := range w.adapter.Fetch(context.Background(), "") {
		if err != nil {
			w.t.Fatalf("%v", err)
		}
		out = append(out, p)
	}
	return out
}

// F11: when nearly everything vanishes at once, nothing is removed before a person has looked.
func TestF11MassDisappearance(t *testing.T) {
	each(t, 2, 10, func(t *testing.T, db database, seed uint64) {
		w := anew(t, db, seed, setting{facts: 40, page: 50, children: 4})
		before := w.kept()
		if seed%2 == 0 {
			w.faults.Set(faultsim.Empty, 1)
		} else {
			w.faults.Set(faultsim.Hide, 0.6)
		}
		w.mustSync()
		r, err := w.compare(reconcile.Options{})
		if err != nil || r.Asks == "" || r.Repaired != 0 {
			t.Fatalf("%d of %d vanished, and the compare says %+v, %v", r.Vanished, r.Held, r, err)
		}
		if after := w.kept(); after != before {
			t.Fatal("something was removed before anybody had looked")
		}
		w.faults.Calm()
		w.settle()
		// A person who allows it gets what she allows.
		for len(w.facts) > 5 {
			w.remove(t, true)
		}
		if r, err = w.compare(reconcile.Options{AllowVanish: true}); err != nil || r.Vanished != 35 {
			t.Fatalf("%+v %v", r, err)
		}
		w.check("after a person allowed it")
	})
}

// between calls f before each page but the first.
func between(a adapters.Adapter, f func()) adapters.Adapter { return &interrupted{a, f} }

type interrupted struct {
	adapters.Adapter
	f func()
}

func (i *interrupted) Fetch(ctx context.Context, since adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		for page, err := range i.Adapter.Fetch(ctx, since) {
			if !yield(page, err) {
				return
			}
			i.f()
		}
	}
}
