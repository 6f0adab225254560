// Package ops owns what an instance tells those who run it: metrics, traces, and who may
// ask. It knows counts and the names of sources, and of no person.
package ops

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Facts are what is asked of the store and the queue when metrics are read.
type Facts struct {
	Tasks    []Task
	Sources  []Source
	Queue    map[string]int    // by state
	Circuits map[string]string // by source: closed, half-open, open
}

// Task is where something with a schedule stands.
type Task struct {
	Task, Source string
	Done         time.Time // when it last went well; zero: never
	Late         bool
}

// Source is how a source stands.
type Source struct {
	Name        string
	Quarantined int
	Oldest      time.Time     // when the first of it was first seen; zero where there is none
	Skew        time.Duration // of its clock, ahead of ours
	Alarms      map[string]bool
}

// Metrics counts what happens, and asks for the rest when it is read.
type Metrics struct {
	registry *prometheus.Registry
	records  *prometheus.CounterVec
	runs     *prometheus.HistogramVec
	compares *prometheus.HistogramVec
	differed *prometheus.CounterVec
	requests *prometheus.HistogramVec
	limited  *prometheus.CounterVec
}

// gatherTime bounds how long the store may take to answer when metrics are read.
const gatherTime = 5 * time.Second

// NewMetrics makes metrics of which gather knows what is not counted here.
func NewMetrics(now func() time.Time, gather func(ctx context.Context) (Facts, error)) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		records: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "samsyn_records_total",
			Help: "What sources listed, by what became of it. Per source the outcomes add up to what was listed."}, []string{"source", "outcome"}),
		runs: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "samsyn_run_seconds", Help: "How long runs took.",
			Buckets: []float64{.1, .5, 1, 5, 15, 60, 300, 900, 3600, 3 * 3600}}, []string{"source", "who", "result"}),
		compares: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "samsyn_reconcile_seconds", Help: "How long full compares took, their repairs included.",
			Buckets: []float64{.1, .5, 1, 5, 15, 60, 300, 900, 3600, 3 * 3600}}, []string{"source", "who", "result"}),
		differed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "samsyn_differences_total",
			Help: "What full compares found, by finding, and what became of it (repaired, refused)."}, []string{"source", "what"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "samsyn_request_seconds", Help: "How long requests took, by route.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"method", "route", "status"}),
	}
	m.limited = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "samsyn_limited_total",
		Help: "What was refused because an address (rate) or a viewer (viewer) asked too much, or a viewer opened too many children who were new to her (novelty); and how often somebody opened many of them (novelty-warn)."}, []string{"limit"})
	m.registry.MustRegister(m.records, m.runs, m.compares, m.differed, m.requests, m.limited, &asked{now, gather},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Limited counts a caller or viewer who has come to a limit; what is rate, viewer, novelty or
// novelty-warn, and never who.
func (m *Metrics) Limited(what string) { m.limited.WithLabelValues(what).Inc() }

// Ran counts a run that has ended. outcomes are by name.
func (m *Metrics) Ran(source, who string, failed bool, took time.Duration, outcomes map[string]int) {
	m.runs.WithLabelValues(source, who, result(failed)).Observe(took.Seconds())
	for outcome, n := range outcomes {
		m.records.WithLabelValues(source, outcome).Add(float64(n))
	}
}

// Compared counts a full compare that has ended. what is by finding and by result.
func (m *Metrics) Compared(source, who string, failed bool, took time.Duration, what map[string]int) {
	m.compares.WithLabelValues(source, who, result(failed)).Observe(took.Seconds())
	for name, n := range what {
		m.differed.WithLabelValues(source, name).Add(float64(n))
	}
}

func result(failed bool) string {
	if failed {
		return "failed"
	}
	return "well"
}

// Requested counts a request. route is the pattern that answered, never the address.
func (m *Metrics) Requested(method, route string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete:
	default:
		method = "other" // whoever asks chooses the word
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

// Handler writes the metrics in Prometheus' form.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// asked are the metrics that are asked for.
type asked struct {
	now    func() time.Time
	gather func(ctx context.Context) (Facts, error)
}

var (
	up         = prometheus.NewDesc("samsyn_up", "1 where the store answered.", nil, nil)
	age        = prometheus.NewDesc("samsyn_task_age_seconds", "Seconds since the task of the source last went well.", []string{"source", "task"}, nil)
	never      = prometheus.NewDesc("samsyn_task_never_done", "1 where the task of the source never went well.", []string{"source", "task"}, nil)
	late       = prometheus.NewDesc("samsyn_task_late", "1 where a run was due and did not happen in time: somebody should look.", []string{"source", "task"}, nil)
	quarantine = prometheus.NewDesc("samsyn_quarantine_records", "Records that could not be used.", []string{"source"}, nil)
	oldest     = prometheus.NewDesc("samsyn_quarantine_oldest_seconds", "For how long the oldest has been in quarantine; 0 where nothing is.", []string{"source"}, nil)
	skew       = prometheus.NewDesc("samsyn_source_clock_skew_seconds", "How far the source's clock is ahead of ours; behind is negative.", []string{"source"}, nil)
	alarm      = prometheus.NewDesc("samsyn_alarm", "1 where something about the source needs a person.", []string{"source", "alarm"}, nil)
	queue      = prometheus.NewDesc("samsyn_queue_jobs", "Jobs in the queue by state.", []string{"state"}, nil)
	circuit    = prometheus.NewDesc("samsyn_circuit_open", "1 where the source is left alone after failures, 0.5 while it is tried.", []string{"source"}, nil)
)

// Describe tells nothing beforehand: what there is depends on the sources.
func (a *asked) Describe(chan<- *prometheus.Desc) {}

// Collect asks.
func (a *asked) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), gatherTime)
	defer cancel()
	f, err := a.gather(ctx)
	if err != nil {
		gauge(up, 0)
		return
	}
	gauge(up, 1)
	for _, t := range f.Tasks {
		if t.Done.IsZero() {
			gauge(never, 1, t.Source, t.Task)
		} else {
			gauge(age, max(0, a.now().Sub(t.Done).Seconds()), t.Source, t.Task)
		}
		gauge(late, number(t.Late), t.Source, t.Task)
	}
	for _, s := range f.Sources {
		gauge(quarantine, float64(s.Quarantined), s.Name)
		waited := 0.0
		if !s.Oldest.IsZero() {
			waited = max(0, a.now().Sub(s.Oldest).Seconds())
		}
		gauge(oldest, waited, s.Name)
		gauge(skew, s.Skew.Seconds(), s.Name)
		for kind, raised := range s.Alarms {
			gauge(alarm, number(raised), s.Name, kind)
		}
	}
	for state, n := range f.Queue {
		gauge(queue, float64(n), state)
	}
	for source, state := range f.Circuits {
		gauge(circuit, map[string]float64{"open": 1, "half-open": 0.5}[state], source)
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Local tells whether a request comes from a program on this machine itself. What was
// passed on by a proxy does not: whoever stands behind the proxy asks.
func Local(r *http.Request) bool {
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
