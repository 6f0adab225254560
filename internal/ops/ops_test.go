package ops_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"samsyn/internal/ops"
	"samsyn/internal/ops/span"
)

func read(t *testing.T, m *ops.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	var fail error
	m := ops.NewMetrics(func() time.Time { return now }, func(context.Context) (ops.Facts, error) {
		return ops.Facts{Tasks: []ops.Task{{Task: "sync", Source: "a", Done: now.Add(-time.Minute)}, {Task: "sync", Source: "b", Late: true}},
			Sources: []ops.Source{{Name: "a", Quarantined: 3, Oldest: now.Add(-time.Hour), Skew: -90 * time.Second, Alarms: map[string]bool{"clock": true, "quarantine-rate": false}}, {Name: "b"}},
			Queue:   map[string]int{"running": 2}, Circuits: map[string]string{"a": "open", "b": "closed"}}, fail
	})
	m.Ran("a", "schedule", false, 2*time.Second, map[string]int{"stored": 5, "unchanged": 1})
	m.Ran("a", "schedule", true, time.Second, map[string]int{"stored": 2})
	m.Compared("a", "schedule", false, time.Second, map[string]int{"vanished": 4})
	m.Requested("GET", "/barn/:person", 200, time.Millisecond)
	m.Requested("BREW", "", 404, time.Millisecond)
	text := read(t, m)
	for _, want := range []string{
		`samsyn_up 1`, `samsyn_task_age_seconds{source="a",task="sync"} 60`, `samsyn_task_late{source="a",task="sync"} 0`, `samsyn_task_late{source="b",task="sync"} 1`,
		`samsyn_task_never_done{source="b",task="sync"} 1`, `samsyn_quarantine_records{source="a"} 3`, `samsyn_quarantine_records{source="b"} 0`, `samsyn_quarantine_oldest_seconds{source="a"} 3600`, `samsyn_quarantine_oldest_seconds{source="b"} 0`,
		`samsyn_source_clock_skew_seconds{source="a"} -90`, `samsyn_alarm{alarm="clock",source="a"} 1`, `samsyn_alarm{alarm="quarantine-rate",source="a"} 0`, `samsyn_queue_jobs{state="running"} 2`,
		`samsyn_circuit_open{source="a"} 1`, `samsyn_circuit_open{source="b"} 0`,
		`samsyn_records_total{outcome="stored",source="a"} 7`, `samsyn_run_seconds_count{result="failed",source="a",who="schedule"} 1`, `samsyn_differences_total{source="a",what="vanished"} 4`,
		`samsyn_request_seconds_count{method="GET",route="/barn/:person",status="200"} 1`, `samsyn_request_seconds_count{method="other",route="none",status="404"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("lacks %s", want)
		}
	}
	fail = errors.New("the store does not answer")
	if text := read(t, m); !strings.Contains(text, "samsyn_up 0\n") || strings.Contains(text, "samsyn_task_age") || !strings.Contains(text, "samsyn_records_total") {
		t.Errorf("with a store that does not answer: %s", text)
	}
}

func TestLocal(t *testing.T) {
	for _, c := range []struct {
		from, header string
		local        bool
	}{
		{"127.0.0.1:5", "", true}, {"[::1]:5", "", true}, {"10.0.0.5:5", "", false}, {"nonsense", "", false}, {"", "", false},
		{"127.0.0.1:5", "X-Forwarded-For", false}, {"127.0.0.1:5", "Forwarded", false}, {"127.0.0.1:5", "Via", false}, {"127.0.0.1:5", "X-Real-IP", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.RemoteAddr = c.from
		if c.header != "" {
			r.Header.Set(c.header, "192.0.2.1")
		}
		if ops.Local(r) != c.local {
			t.Errorf("%q with %q: local is not %t", c.from, c.header, c.local)
		}
	}
}

// What leaves in a span is what we chose: no address, no text of an error, no number.
func TestSpansAreClean(t *testing.T) {
	memory := tracetest.NewInMemoryExporter()
	tracing, err := ops.NewTracing(t.Context(), "", memory)
	if err != nil {
		t.Fatal(err)
	}
	const number = "010203 12345"
	ctx, end := span.Root(t.Context(), tracing, "run "+number, span.Text("source", "a "+number), attribute.String("url.path", "/barn/x"), attribute.String("client.address", "192.0.2.1"))
	ctx, inner := span.Start(ctx, "page", span.Count("listed", 3))
	trace.SpanFromContext(ctx).RecordError(errors.New(number))
	inner(errors.New(number))
	end(nil)
	spans := memory.GetSpans().Snapshots()
	if len(spans) != 2 || spans[0].Parent().SpanID() != spans[1].SpanContext().SpanID() {
		t.Fatalf("%d spans, or not one below the other", len(spans))
	}
	for _, s := range spans {
		if said := fmt.Sprint(s.Name(), s.Attributes(), s.Events(), s.Status()); strings.Contains(said, "12345") || strings.Contains(said, "/barn/") || strings.Contains(said, "192.0") {
			t.Errorf("a span says %s", said)
		}
	}
	if got := fmt.Sprint(spans[0].Attributes()); !strings.Contains(got, "listed") {
		t.Errorf("the page says %s", got)
	}
	if err := tracing.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWithoutAnEndpointNothingIsTraced(t *testing.T) {
	tracing, err := ops.NewTracing(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := span.Root(t.Context(), tracing, "run")
	if trace.SpanFromContext(ctx).IsRecording() {
		t.Error("it records")
	}
	end(nil)
	if err := tracing.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
