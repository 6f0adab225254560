package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"samsyn/adapters"
	"samsyn/internal/alarm"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/overview"
	"samsyn/internal/store"
)

// SourceInfo is one source with when it was last read.
type SourceInfo struct {
	Name        string     `json:"name"`
	System      string     `json:"system"`
	Service     string     `json:"service"`
	Title       string     `json:"title"`
	Off         bool       `json:"off,omitempty"`
	LastSuccess *time.Time `json:"lastSuccess,omitempty"`
	LastFailure *time.Time `json:"lastFailure,omitempty"`
	Failure     string     `json:"failure,omitempty"`
	// Clock is how wrong its clock was when it was measured last, and ClockSince since when.
	Clock      string     `json:"clock,omitempty"`
	ClockSince *time.Time `json:"clockSince,omitempty"`
}

// Sources gives every configured source.
func (a *App) Sources(ctx context.Context) ([]SourceInfo, error) {
	states, err := a.store.SourceStates(ctx)
	if err != nil {
		return nil, err
	}
	var all []SourceInfo
	for _, name := range a.Config.SourceNames() {
		s := a.Config.Sources[name]
		info := SourceInfo{Name: name, System: s.System, Service: string(s.Service), Title: s.Title, Off: s.Off}
		for _, state := range states {
			if state.Source != name {
				continue
			}
			info.Failure = state.Failure
			if state.Skew != 0 {
				info.Clock, info.ClockSince = alarm.Skew(state.Skew), known(state.SkewSince)
			}
			info.LastSuccess, info.LastFailure = known(state.LastSuccess), known(state.LastFailure)
		}
		all = append(all, info)
	}
	return all, nil
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Checked is the result of one check.
type Checked struct {
	Name  string `json:"name"`
	Note  string `json:"note,omitempty"`
	Error string `json:"error,omitempty"`
}

// checkTime bounds how long one source may take to answer a check.
const checkTime = 15 * time.Second

// Verify reads everything that is held and checks that it is what was written. It takes
// as long as reading the whole store.
func (a *App) Verify(ctx context.Context) error { return a.store.Verify(ctx) }

// Check tells whether each source answers. Configuration and maps were checked when
// the application was opened.
func (a *App) Check(ctx context.Context) []Checked {
	all := []Checked{{Name: "configuration", Note: fmt.Sprintf("%d sources, %d viewers", len(a.Config.Sources), len(a.Config.Viewers))},
		{Name: "maps", Note: fmt.Sprintf("%d maps", len(a.maps.Maps()))}}
	for _, name := range a.Config.SourceNames() {
		c := Checked{Name: name}
		s, on := a.open[name]
		checker, can := s.adapter.(adapters.Checker)
		switch {
		case !on:
			c.Note = "off"
		case !can:
			c.Note = "cannot be asked without reading"
		default:
			ctx, cancel := context.WithTimeout(ctx, checkTime)
			if err := checker.Check(ctx); err != nil {
				c.Error = err.Error()
			}
			if skew, measured := a.clocks.of(name); measured && skew.Abs() > time.Second {
				c.Note = "its clock is " + alarm.Skew(skew)
			}
			cancel()
		}
		all = append(all, c)
	}
	return all
}

// Waiting is what needs a person: refused records, and subjects that nobody knows.
type Waiting struct {
	Records  []ledger.Refusal       `json:"records"`
	Subjects []store.WaitingSubject `json:"subjects"`
}

// Waiting gives everything that waits.
func (a *App) Waiting(ctx context.Context) (Waiting, error) {
	var w Waiting
	var err error
	if w.Records, err = a.store.Quarantined(ctx); err != nil {
		return w, err
	}
	w.Subjects, err = a.store.WaitingSubjects(ctx)
	return w, err
}

func writeJSON(out io.Writer, answer overview.Answer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{"overview": answer.Overview, "findings": answer.Findings})
}

// Canonical writes what the store says, so that two stores that were told the same write
// the same. It holds everything that is kept: it is for tests and for comparing a restored store.
func (a *App) Canonical(ctx context.Context, out io.Writer) error { return a.store.Canonical(ctx, out) }
