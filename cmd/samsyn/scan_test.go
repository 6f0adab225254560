package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"samsyn/internal/demo"
	"samsyn/internal/ops/scan"
	"samsyn/internal/sim"
	faultsim "samsyn/internal/sim/faults"
	"samsyn/testdata"
)

// spoken is everything that a program wrote, by several goroutines.
type spoken struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *spoken) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *spoken) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// faulty stands in front of a simulator and strikes what it answers.
func faulty(t *testing.T, to string) string {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	h := faultsim.New(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }}, 7)
	h.Set(faultsim.Poison, 0.5)
	h.Set(faultsim.Drift, 0.3)
	h.Set(faultsim.Cut, 0.2)
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// TestNoNationalNumberLeaves runs the program as it is run, with sources that misbehave
// and everything told (--verbose), and looks through all that it prints, logs, measures
// and traces, and the addresses that it serves, for national numbers.
func TestNoNationalNumberLeaves(t *testing.T) {
	dir := t.TempDir()
	town, err := sim.Start(sim.Options{Data: testdata.Families(), Dir: filepath.Join(dir, "sources"), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = town.Close(context.Background()) })
	config, err := demo.WriteConfig(town, dir)
	if err != nil {
		t.Fatal(err)
	}
	traces := &spoken{}
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(traces, r.Body); err != nil {
			t.Error(err)
		}
	}))
	defer collector.Close()
	t.Setenv("SAMSYN_SOURCES__ONEROSTER__SETTINGS__URL", faulty(t, town.Places[sim.OneRoster].URL))
	t.Setenv("SAMSYN_SOURCES__ONEROSTER__RETRIES", "-1")
	t.Setenv("SAMSYN_SOURCES__FINT__SETTINGS__URL", "http://127.0.0.1:1")
	t.Setenv("SAMSYN_SOURCES__FINT__RETRIES", "-1")
	t.Setenv("SAMSYN_JOBS__SYNC_SCHEDULE", "0 0 1 1 *") // long missed, whatever the time is now
	t.Setenv("SAMSYN_TELEMETRY__OTLP_ENDPOINT", collector.URL)

	out, logs := &spoken{}, &spoken{}
	found := func(what, text string) {
		t.Helper()
		for _, h := range scan.Text(text) {
			t.Errorf("%s %v", what, h)
		}
	}
	address := serving(t, config, out, logs)
	pages := waitForJobs(t, address)
	for _, path := range []string{"/metrics", "/health/ready", "/kjoringer", "/kilder", "/adapters", "/"} {
		body := get(t, address+path)
		pages += body
		found(path, body)
	}
	for _, want := range []string{`samsyn_records_total{outcome="stored",source="fiksarkiv"} `, `samsyn_run_seconds_count{result="well",source="fiksarkiv",who="catch-up"} 1`, `samsyn_task_late{source="fint",task="sync"} 1`, `samsyn_quarantine_records{source="barnevernsregister"} 4`, `samsyn_queue_jobs{state=`, `who="catch-up"`} {
		if !strings.Contains(pages, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	for _, href := range regexp.MustCompile(`(href|action)="[^"]*"`).FindAllString(pages, -1) {
		found("address", href)
	}
	stop(t, address)
	for _, args := range [][]string{{"sync", "oneroster", "--whole"}, {"quarantine"}, {"runs"}, {"runs", "--json"}, {"reconcile", "--dry-run"}, {"sources"}, {"check"}} {
		run(context.Background(), append(args, "--verbose", "--config", config), out, logs)
	}
	found("output", out.String())
	found("log", logs.String())
	found("traces", traces.String())
	for _, want := range []string{"samsyn", "page", "save", "map", "run", "fiksarkiv", "/kilder"} {
		if !strings.Contains(traces.String(), want) {
			t.Errorf("nothing was traced of %q", want)
		}
	}
	if !strings.Contains(logs.String(), "source=oneroster") || !strings.Contains(out.String(), "catch-up") {
		t.Error("the runs were not told of")
	}
}

// servers are the programs that serving started, by address.
var servers sync.Map

// serving starts samsyn serve and gives its address once it answers.
func serving(t *testing.T, config string, out, logs *spoken) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"serve", "--verbose", "--address", "127.0.0.1:0", "--config", config}, out, logs)
	}()
	var address string
	eventually(t, "an address", func() bool {
		m := regexp.MustCompile(`pages +(http://\S+?)/\n`).FindStringSubmatch(out.String())
		if m != nil {
			address = m[1]
		}
		return m != nil
	})
	end := sync.OnceFunc(func() {
		cancel()
		if c := <-code; c != done {
			t.Errorf("serve ended with %d: %s", c, logs)
		}
	})
	t.Cleanup(end)
	servers.Store(address, end)
	return address
}

// stop stops it as Ctrl-C does.
func stop(t *testing.T, address string) {
	t.Helper()
	end, _ := servers.Load(address)
	end.(func())()
}

// waitForJobs waits until what was missed is caught up, but for the sources that cannot be read.
func waitForJobs(t *testing.T, address string) string {
	t.Helper()
	var body string
	eventually(t, "the runs that were missed", func() bool {
		body = get(t, address+"/health/ready")
		var health struct {
			Database string
			Tasks    []struct {
				Task, Source string
				LastSuccess  time.Time
			}
		}
		if err := json.Unmarshal([]byte(body), &health); err != nil {
			t.Fatal(err)
		}
		for _, task := range health.Tasks {
			if task.Task == "sync" && task.Source != sim.OneRoster && task.Source != sim.County && task.LastSuccess.IsZero() {
				return false
			}
		}
		return len(health.Tasks) > 0
	})
	return body
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	beats, limit := time.NewTicker(20*time.Millisecond), time.After(5*time.Minute)
	defer beats.Stop()
	for !is() {
		select {
		case <-beats.C:
		case <-limit:
			t.Fatalf("%s never came", what)
		}
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Samsyn-Viewer", "anders")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s: status %d", url, resp.StatusCode)
	}
	return string(body)
}
