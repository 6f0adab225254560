package fault_test

import (
	"context"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"samsyn/internal/app"
	"samsyn/internal/demo"
	faultsim "samsyn/internal/sim/faults"
)

// ofTheLine are faults that any source over HTTP can have.
var ofTheLine = []faultsim.Fault{faultsim.Broken, faultsim.Cut, faultsim.CutQuietly, faultsim.WrongLength, faultsim.BadGzip, faultsim.TooMany,
	faultsim.Unavailable, faultsim.Expired, faultsim.Forbidden, faultsim.NotFromHere, faultsim.Duplicate, faultsim.Shuffle, faultsim.Loop}

// TestEverySource has every source of the municipality behind a line that fails at
// random while all are read and compared: when it is calm again, the store is the one
// that an undisturbed reading gives, within three cycles.
func TestEverySource(t *testing.T) {
	for _, db := range databases(t) {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			where := db.fresh(t)
			town := newTown(t)
			town.run(t, where, nil, nil)
			want := town.canonical(t, where)
			for i := range size(1, 26) {
				seed := firstSeed(t) + uint64(i)
				where := db.fresh(t)
				m := newTown(t)
				struck := m.disturbed(t, seed, ofTheLine[i%len(ofTheLine)], where, want)
				if struck == 0 {
					t.Fatalf("seed %d: nothing was struck", seed)
				}
			}
		})
	}
}

// disturbed reads the town three times with a fault on, then in calm until all is well.
func (m *town) disturbed(t *testing.T, seed uint64, always faultsim.Fault, where, want string) int {
	t.Helper()
	var lines []*faultsim.Handler
	for name, place := range m.Places {
		if place.URL == "" {
			continue
		}
		behind, err := url.Parse(place.URL)
		if err != nil {
			t.Fatal(err)
		}
		path := behind.Path
		behind.Path = ""
		proxy := &httputil.ReverseProxy{ErrorLog: quiet, Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(behind)
			r.Out.Host = r.In.Host // links and proofs name the address that was called
		}}
		h := faultsim.New(proxy, seed)
		h.RetryAfter = 0
		server := httptest.NewUnstartedServer(h)
		server.Config.ErrorLog = quiet
		server.Start()
		t.Cleanup(server.Close)
		place.URL = server.URL + path
		m.Places[name] = place
		lines = append(lines, h)
	}
	c, err := demo.Config(m.Municipality, where)
	if err != nil {
		t.Fatal(err)
	}
	c.Store.Keys = keysOf(m.config)
	for name, s := range c.Sources {
		s.Retries, s.Timeout = -1, 10*time.Second
		c.Sources[name] = s
	}
	if err := c.Resolve(); err != nil {
		t.Fatal(err)
	}
	a, err := app.New(context.Background(), c, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(t, a)
	once := func() {
		if _, err := a.Sync(t.Context(), nil, false, func(string, int) {}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Reconcile(t.Context(), nil, app.ReconcileOptions{Who: "cli"}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		for i, h := range lines {
			h.Set(always, 0.3)
			h.Set(ofTheLine[(int(seed)+i)%len(ofTheLine)], 0.2)
		}
		once()
	}
	struck := 0
	for _, h := range lines {
		for _, f := range ofTheLine {
			struck += h.Struck(f)
		}
		h.Calm()
	}
	var got string
	for range 3 {
		once()
		if got = m.canonical(t, where); got == want {
			return struck
		}
	}
	t.Fatalf("seed %d: three cycles after the line was calm again:\n%s", seed, diff(want, got))
	return struck
}
