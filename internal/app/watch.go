package app

import (
	"context"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/contrib/instrumentation/github.com/labstack/echo/otelecho"

	"samsyn/internal/alarm"
	"samsyn/internal/care"
	"samsyn/internal/gate"
	"samsyn/internal/ops"
	"samsyn/internal/ops/span"
	"samsyn/internal/overview"
)

// heard is what sources last said of themselves while they were called.
type heard[T any] struct {
	mu  sync.Mutex
	all map[string]T
}

func (h *heard[T]) set(source string, said T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[string]T{}
	}
	h.all[source] = said
}

func (h *heard[T]) of(source string) (said T, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	said, ok = h.all[source]
	return said, ok
}

// facts is what metrics ask for.
func (a *App) facts(ctx context.Context) (ops.Facts, error) {
	var f ops.Facts
	states, err := a.States(ctx)
	if err != nil {
		return f, err
	}
	for _, s := range states {
		f.Tasks = append(f.Tasks, ops.Task{Task: s.Task, Source: s.Source, Done: s.Done, Late: s.Late})
	}
	if f.Sources, err = a.measured(ctx); err != nil {
		return f, err
	}
	if a.jobs == nil {
		return f, nil
	}
	f.Circuits = a.jobs.Circuits()
	f.Queue, err = a.jobs.Depth(ctx)
	return f, err
}

// Health is what /health/ready tells. It names no person.
type Health struct {
	Database string         `json:"database"` // "ok"; where it does not answer there is no answer at all
	Late     int            `json:"late"`     // how many tasks were due and did not happen in time
	Tasks    []HealthOfTask `json:"tasks"`
	Alarms   []alarm.Alarm  `json:"alarms"` // what about sources needs a person
}

// HealthOfTask tells whether something with a schedule happens.
type HealthOfTask struct {
	Task        string    `json:"task"`
	Source      string    `json:"source"`
	LastSuccess time.Time `json:"lastSuccess,omitzero"`
	Due         time.Time `json:"due,omitzero"`
	Late        bool      `json:"late"`
}

// health tells whether requests can be answered, and what is late. A source that is late
// makes the instance no less ready: what it holds is shown with its age.
func (a *App) health(ctx context.Context) (any, error) {
	states, err := a.States(ctx)
	if err != nil {
		return nil, err
	}
	alarms, err := a.Alarms(ctx)
	if err != nil {
		return nil, err
	}
	h := Health{Database: "ok", Tasks: []HealthOfTask{}, Alarms: alarms}
	for _, s := range states {
		if s.Late {
			h.Late++
		}
		h.Tasks = append(h.Tasks, HealthOfTask{Task: s.Task, Source: s.Source, LastSuccess: s.Done, Due: s.Due, Late: s.Late})
	}
	return h, nil
}

// watched mounts what those who run the instance ask for. Only programs on this machine
// are answered.
func (a *App) watched(e *echo.Echo) {
	local := e.Group("", func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if !ops.Local(c.Request()) {
				return echo.ErrNotFound
			}
			return next(c)
		}
	})
	local.GET("/metrics", echo.WrapHandler(a.metrics.Handler()))
	if !a.Config.Server.Pprof {
		return
	}
	local.GET("/debug/pprof/*", echo.WrapHandler(http.HandlerFunc(pprof.Index)))
	for name, h := range map[string]http.HandlerFunc{"cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace} {
		local.GET("/debug/pprof/"+name, echo.WrapHandler(h))
	}
}

// traced makes a span of each request, named by its route.
func (a *App) traced() echo.MiddlewareFunc {
	return otelecho.Middleware("samsyn", otelecho.WithTracerProvider(a.tracing))
}

// tracedOverviews makes a span of each overview.
type tracedOverviews struct{ *overview.Service }

func (t tracedOverviews) Overview(ctx context.Context, r gate.Request, person care.PersonID) (answer overview.Answer, err error) {
	ctx, end := span.Start(ctx, "overview", span.Text("door", r.Door))
	defer func() { end(err) }()
	return t.Service.Overview(ctx, r, person)
}

func (t tracedOverviews) Children(ctx context.Context, r gate.Request) (answers []overview.Answer, err error) {
	ctx, end := span.Start(ctx, "overviews", span.Text("door", r.Door))
	defer func() { end(err) }()
	return t.Service.Children(ctx, r)
}
