package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// Runs tells what ran of late and where everything with a schedule stands. It tells of no child.
type Runs interface {
	RunLines(ctx context.Context) (RunLines, error)
}

// RunLines are the lines of the page of runs, newest first.
type RunLines struct {
	Late     []ScheduleLine // due, and it did not happen
	Runs     []RunLine
	Compares []CompareLine
}

// ScheduleLine is something with a schedule.
type ScheduleLine struct {
	Source, Task string    // the source's title; sync or reconcile
	Done, Due    time.Time // Done is zero where it never went well
}

// RunLine is one run.
type RunLine struct {
	Source, Who                                     string
	Started, Finished                               time.Time // Finished is zero while it runs
	Listed, Stored, Unchanged, Quarantined, Removed int
	Failure                                         string
}

// CompareLine is one full compare of a source with what is held.
type CompareLine struct {
	Source, Who                         string
	Started, Finished                   time.Time
	Listed, Differed, Repaired, Refused int
	Failure, Asks                       string
}

type runsPage struct {
	Page
	RunLines
}

// Took writes how long something ran.
func (p Page) Took(from, to time.Time) string {
	if to.IsZero() {
		return p.Say("run.underway")
	}
	return p.Say("run.took", "seconds", fmt.Sprintf("%.1f", to.Sub(from).Seconds()))
}

// Since writes a moment of ours, or that there never was one.
func (p Page) Since(t time.Time) string {
	if t.IsZero() {
		return p.Say("run.never")
	}
	return p.Clock(t)
}

// By writes who started a run.
func (p Page) By(who string) string {
	if key := "run.by." + who; p.Has(key) {
		return p.Say(key)
	}
	return p.Say("run.by", "who", who)
}

func (h *Handler) runs(c echo.Context) error {
	p := h.page(c)
	lines, err := h.Runs.RunLines(c.Request().Context())
	if err != nil {
		return err
	}
	p.Title = p.Say("run.title")
	return h.render(c, http.StatusOK, "runs", runsPage{p, lines})
}
