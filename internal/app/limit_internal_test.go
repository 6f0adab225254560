package app

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLimitsOfAViewer: how many new children and how much at once; log and metrics tell that it
// was so, and not who or of whom.
func TestLimitsOfAViewer(t *testing.T) {
	c, err := ParseConfig("", []byte("instance: {test: true}\nstore: {path: "+filepath.Join(t.TempDir(), "s.db")+"}\nlimits: {per_second: 1, burst: 3, new_children: {window: 10m, warn: 1, refuse: 2}}\nviewers: {anders: {role: koordinator}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	a, err := New(t.Context(), c, Options{Log: slog.New(slog.NewTextHandler(&logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	l := a.viewerLimits(func() time.Time { return now })
	for i, child := range []string{"ella-1", "jonas-1", "ella-1", "teo-1"} {
		if wait := l.Opens("anders", child); (wait > 0) != (i == 3) || i == 3 && wait != 10*time.Minute {
			t.Errorf("opening %d: wait %v", i+1, wait)
		}
	}
	if l.Opens("liv", "teo-1") > 0 {
		t.Error("somebody else is refused")
	}
	now = now.Add(10 * time.Minute)
	if l.Opens("anders", "teo-1") > 0 {
		t.Error("refused when the window is over")
	}
	a.gate.Limits = l
	h, err := a.Handler()
	if err != nil {
		t.Fatal(err)
	}
	var last *httptest.ResponseRecorder
	for i, want := range []int{404, 404, 404, 429} {
		last = ask(h, http.MethodGet, "/fhir/Patient/nobody/$overview", map[string]string{testHeader: "anders"}, nil)
		if last.Code != want {
			t.Errorf("request %d: %d, want %d: %s", i+1, last.Code, want, last.Body)
		}
	}
	if last.Header().Get("Retry-After") != "1" || !strings.Contains(last.Body.String(), "throttled") {
		t.Errorf("told %v %s", last.Header(), last.Body)
	}
	if page := ask(h, http.MethodGet, "/barn/nobody", map[string]string{"Cookie": "samsyn_som=anders; som=anders"}, nil); page.Code != 429 || page.Header().Get("Retry-After") != "1" || !strings.Contains(page.Body.String(), "Vent litt") {
		t.Errorf("page: %d %v", page.Code, page.Header())
	}
	text := logged.String()
	if !strings.Contains(text, "too many new children") || !strings.Contains(text, "asks for too much") || strings.Contains(text, "anders") || strings.Contains(text, "teo-1") {
		t.Errorf("the log is %s", text)
	}
	metrics := ask(h, http.MethodGet, "/metrics", nil, nil).Body.String()
	for _, want := range []string{`limit="novelty"} 1`, `limit="novelty-warn"} 4`, `limit="viewer"} 2`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s:\n%s", want, metrics[max(0, strings.Index(metrics, "samsyn_limited")):][:400])
		}
	}
}

func TestLimitsAreValidated(t *testing.T) {
	for _, bad := range []string{"per_second: -1", "burst: -2", "new_children: {warn: 30, refuse: 20}", "new_children: {window: -1h}"} {
		if _, err := ParseConfig("f", []byte("limits: {"+bad+"}\n"), nil); err == nil || !strings.Contains(err.Error(), "limits") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	c, err := ParseConfig("f", nil, nil)
	if err != nil || c.Limits.Burst != 500 || c.Limits.NewChildren.Refuse != 60 {
		t.Errorf("defaults %+v %v", c.Limits, err)
	}
}
