package app_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"samsyn/internal/app"
)

// roster is a school roster that counts who reads it at once, and can be held up.
type roster struct {
	*httptest.Server
	inside, most atomic.Int32
	hold         chan struct{} // nil: nobody waits
	began        chan struct{}
	once         sync.Once
}

func newRoster(t *testing.T) *roster {
	r := &roster{began: make(chan struct{})}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.most.Store(max(r.most.Load(), r.inside.Add(1)))
		defer r.inside.Add(-1)
		if r.hold != nil {
			r.once.Do(func() { close(r.began) })
			<-r.hold
		}
		w.Header().Set("Content-Type", "application/json")
		if _, err := w.Write([]byte(`{"` + path.Base(req.URL.Path) + `":[]}`)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// instance opens one of the instances that share a store.
func instance(t *testing.T, dir string, r *roster, more string) *app.App {
	t.Helper()
	c, err := app.ParseConfig("", []byte(`store: {path: `+filepath.Join(dir, "s.db")+`}
sources:
  roster: {system: oneroster, service: skole, retries: -1, settings: {mode: rest, url: `+r.URL+`}}
`+more), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), c, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func TestOneRunOfASourceAtATime(t *testing.T) {
	dir, r := t.TempDir(), newRoster(t)
	r.hold = make(chan struct{})
	one, two := instance(t, dir, r, ""), instance(t, dir, r, "")
	first := make(chan string, 1)
	go func() {
		reports, err := one.Sync(context.WithoutCancel(t.Context()), nil, false, nil)
		if err != nil {
			first <- err.Error()
			return
		}
		first <- reports[0].Error
	}()
	<-r.began
	reports, err := two.Sync(t.Context(), nil, false, nil)
	if err != nil || len(reports) != 1 || !strings.Contains(reports[0].Error, "another run is under way") {
		t.Errorf("a second run was let in: %+v, %v", reports, err)
	}
	compared, err := two.Reconcile(t.Context(), nil, app.ReconcileOptions{Who: "test"})
	if err != nil || len(compared) != 1 || !strings.Contains(compared[0].Failure, "another run is under way") {
		t.Errorf("a compare was let in: %+v, %v", compared, err)
	}
	close(r.hold)
	if failure := <-first; failure != "" {
		t.Errorf("the first run failed: %s", failure)
	}
	if reports, err := two.Sync(t.Context(), nil, false, nil); err != nil || reports[0].Error != "" {
		t.Errorf("afterwards: %+v, %v", reports, err)
	}
	ran, err := two.Runs(t.Context(), "roster", 10)
	if err != nil || len(ran.Runs) != 2 || ran.Runs[0].Who != "sync" || ran.Runs[0].Finished == nil {
		t.Errorf("the runs are %+v, %v", ran.Runs, err)
	}
}

// TestServeRunsWhatWasMissed: two instances start on one store; what was due happens
// once, and a stop ends both.
func TestServeRunsWhatWasMissed(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), newRoster(t)
	const schedules = "jobs: {sync_schedule: '0 0 1 1 *', reconcile_schedule: 'off'}\n"
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 2)
	var nodes []*app.App
	for range 2 {
		a := instance(t, dir, r, schedules)
		nodes = append(nodes, a)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() { ended <- a.Serve(ctx, l) }()
	}
	beats, limit := time.NewTicker(20*time.Millisecond), time.After(5*time.Minute)
	defer beats.Stop()
	for happened := false; !happened; {
		select {
		case <-beats.C:
			states, err := nodes[0].States(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			happened = len(states) == 1 && !states[0].Done.IsZero() && !states[0].Late
		case <-limit:
			t.Fatal("what was missed never happened")
		}
	}
	stop()
	if err := errors.Join(<-ended, <-ended); err != nil {
		t.Errorf("serve ended with %v", err)
	}
	ran, err := nodes[1].Runs(t.Context(), "", 10)
	if err != nil || len(ran.Runs) != 1 || ran.Runs[0].Who != "catch-up" || r.most.Load() != 1 {
		t.Errorf("%d at once; the runs are %+v, %v", r.most.Load(), ran.Runs, err)
	}
}

func TestWhatRunsByItselfIsValidated(t *testing.T) {
	const bad = `jobs:
  sync_schedule: hourly
  workers: -1
sources:
  roster:
    system: oneroster
    service: skole
    schedule: 0 25 * * *
    reconcile: {schedule: "CRON_TZ=Nowhere/City 0 2 * * *"}
    settings: {mode: rest, url: "https://x.example.no"}
`
	_, err := app.ParseConfig("samsyn.yaml", []byte(bad), nil)
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, want := range []string{"samsyn.yaml:2: jobs.sync_schedule: ", "samsyn.yaml:3: jobs.workers: ", "samsyn.yaml:8: sources.roster.schedule: ", "samsyn.yaml:9: sources.roster.reconcile.schedule: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("lacks %s: %v", want, err)
		}
	}
}

// TestWhoMayLookInside: metrics and profiles answer programs on this machine alone, and
// profiles only where they are asked for.
func TestWhoMayLookInside(t *testing.T) {
	r := newRoster(t)
	for _, c := range []struct {
		more, path, from, forwarded string
		status                      int
	}{
		{"", "/metrics", "127.0.0.1:9", "", 200},
		{"", "/metrics", "192.0.2.7:9", "", 404},
		{"", "/metrics", "127.0.0.1:9", "192.0.2.7", 404},
		{"", "/debug/pprof/", "127.0.0.1:9", "", 404},
		{"server: {pprof: true}\n", "/debug/pprof/", "127.0.0.1:9", "", 200},
		{"server: {pprof: true}\n", "/debug/pprof/cmdline", "127.0.0.1:9", "192.0.2.7", 404},
		{"server: {pprof: true}\n", "/debug/pprof/", "192.0.2.7:9", "", 404},
	} {
		h, err := instance(t, t.TempDir(), r, c.more).Handler()
		if err != nil {
			t.Fatal(err)
		}
		req, w := httptest.NewRequest(http.MethodGet, c.path, nil), httptest.NewRecorder()
		req.Host, req.RemoteAddr = "127.0.0.1", c.from
		if c.forwarded != "" {
			req.Header.Set("X-Forwarded-For", c.forwarded)
		}
		h.ServeHTTP(w, req)
		if w.Code != c.status {
			t.Errorf("%s from %s for %q with %q: status %d, want %d", c.path, c.from, c.forwarded, c.more, w.Code, c.status)
		}
	}
}
