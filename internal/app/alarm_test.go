package app_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"samsyn/internal/alarm"
	"samsyn/internal/app"
	"samsyn/internal/demo"
	"samsyn/internal/sim"
	"samsyn/internal/store/pgtest"
	"samsyn/testdata"
)

// TestAlarms: a source whose clock is wrong, and one whose records cannot be used, are told of
// in the run's report, where the sources are shown, by the health page and as metrics; and
// not any more when all is well.
func TestAlarms(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { alarms(t, "") })
	t.Run("postgres", func(t *testing.T) {
		pgtest.Available(t)
		alarms(t, pgtest.URL(t, nil))
	})
}

func alarms(t *testing.T, database string) {
	dir, clock := t.TempDir(), demo.Clock()
	town, err := sim.Start(sim.Options{Data: testdata.Families(), Dir: filepath.Join(dir, "sources"), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = town.Close(context.Background()) })
	file, err := demo.WriteConfig(town, dir)
	if err != nil {
		t.Fatal(err)
	}
	place, err := url.Parse(town.Places[sim.Hospital].URL)
	if err != nil {
		t.Fatal(err)
	}
	to := &url.URL{Scheme: place.Scheme, Host: place.Host}
	var fast, drifted atomic.Bool // the hospital's clock, and its codes
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host },
		ModifyResponse: func(r *http.Response) error {
			if fast.Load() {
				r.Header.Set("Date", clock().Add(time.Hour).UTC().Format(http.TimeFormat))
			}
			body, err := io.ReadAll(r.Body)
			if drifted.Load() {
				body = bytes.ReplaceAll(body, []byte(`"status":"`), []byte(`"status":"x-`))
			}
			r.Header.Del("Content-Length")
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), -1
			return err
		},
	})
	t.Cleanup(server.Close)
	environ := []string{"SAMSYN_SOURCES__FHIR_SYKEHUS__SETTINGS__BASE=" + server.URL + place.Path, "SAMSYN_SOURCES__FHIR_SYKEHUS__RETRIES=-1", "SAMSYN_SOURCES__FHIR_SYKEHUS__QUARANTINE__FLOOR=2"}
	if database != "" {
		environ = append(environ, "SAMSYN_DATABASE_URL="+database)
	}
	c, err := app.ReadConfig(file, environ)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), c, app.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	h, err := a.Handler()
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) string {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1"+path, nil)
		r.RemoteAddr = "127.0.0.1:1"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Body.String()
	}
	sync := func() []string {
		t.Helper()
		reports, err := a.Sync(t.Context(), []string{"fhir-sykehus"}, true, nil)
		if err != nil || len(reports) != 1 {
			t.Fatalf("%+v %v", reports, err)
		}
		return reports[0].Alarms
	}
	state := func() app.SourceInfo {
		t.Helper()
		all, err := a.Sources(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			if s.Name == "fhir-sykehus" {
				return s
			}
		}
		t.Fatal("the source is not listed")
		return app.SourceInfo{}
	}

	if _, err := a.Sync(t.Context(), nil, false, nil); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"/metrics", "/health/ready"} {
		if text := get(s); strings.Contains(text, `"alarm":`) || strings.Contains(text, `} 1`+"\n# HELP samsyn_alarm") {
			t.Errorf("%s raises an alarm where all is well: %s", s, text)
		}
	}
	if all, err := a.Alarms(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("all is well, and %+v %v", all, err)
	}

	fast.Store(true)
	if told := sync(); len(told) != 1 || !strings.HasPrefix(told[0], "clock: ") {
		t.Errorf("the clock is wrong, and the report says %v", told)
	}
	if s := state(); !strings.HasSuffix(s.Clock, " ahead") || s.ClockSince == nil {
		t.Errorf("the source is shown as %+v", s)
	}
	for _, checked := range a.Check(t.Context()) {
		if checked.Name == "fhir-sykehus" && !strings.Contains(checked.Note, "its clock is ") {
			t.Errorf("checked: %+v", checked)
		}
	}
	fast.Store(false)

	drifted.Store(true)
	if told := sync(); len(told) != 1 || !strings.HasPrefix(told[0], string(alarm.Rate)+": ") {
		t.Errorf("nothing can be used, and the report says %v", told)
	}
	if text := get("/metrics"); !strings.Contains(text, `samsyn_alarm{alarm="quarantine-rate",source="fhir-sykehus"} 1`) || !strings.Contains(text, `samsyn_alarm{alarm="clock",source="fhir-sykehus"} 0`) ||
		!strings.Contains(text, `samsyn_source_clock_skew_seconds{source="fhir-sykehus"} 0`) || !strings.Contains(text, `samsyn_quarantine_oldest_seconds{source="fhir-sykehus"} `) {
		t.Errorf("the metrics do not tell:\n%s", text)
	}
	if text := get("/health/ready"); !strings.Contains(text, `"alarm":"quarantine-rate"`) {
		t.Errorf("the health page does not tell: %s", text)
	}
	drifted.Store(false)
	if told := sync(); len(told) != 0 {
		t.Errorf("all is well again, and the report says %v", told)
	}
}
