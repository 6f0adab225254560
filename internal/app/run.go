package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/ingest"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/jobs"
	"samsyn/internal/ops/span"
	"samsyn/internal/web"
)

// alone runs f for a source while nobody else reads it or a shard of it, on this instance
// or another. src holds the token under which what is read is kept. The error wraps
// jobs.ErrBusy where another run is under way.
func (a *App) alone(ctx context.Context, name string, f func(ctx context.Context, src ingest.Source) error) error {
	return a.keeper().Alone(ctx, ledger.LeaseName(name, ""), func(ctx context.Context, token int64) error {
		src := a.open[name].source
		src.Fence = token
		return a.noShards(ctx, src, f)
	})
}

func (a *App) keeper() jobs.Keeper { return jobs.Keeper{Leases: a.store, Holder: a.holder} }

// Sync reads the named sources (all, where none is named) one after another. A
// source that fails stops none of the others: its report holds the error. progress
// is told how many things were read. whole reads from the beginning instead of from
// where each source was left.
func (a *App) Sync(ctx context.Context, names []string, whole bool, progress func(source string, read int)) ([]ingest.Report, error) {
	if len(names) == 0 {
		names = a.Config.SourceNames()
	}
	var reports []ingest.Report
	for _, name := range names {
		if _, ok := a.open[name]; !ok {
			continue
		}
		report := ingest.Report{Source: name}
		err := a.alone(ctx, name, func(ctx context.Context, src ingest.Source) (err error) {
			report, err = a.read(ctx, src, a.pipeline.Who, whole, progress)
			return err
		})
		if ctx.Err() != nil {
			return reports, ctx.Err()
		}
		if err != nil {
			a.log.Warn("source failed", "source", name, "error", err)
		}
		if errors.Is(err, jobs.ErrBusy) || report.Error == "" && err != nil {
			report.Error = err.Error()
		}
		reports = append(reports, report)
	}
	return reports, nil
}

// read reads a source once.
func (a *App) read(ctx context.Context, src ingest.Source, who string, whole bool, progress func(source string, read int)) (ingest.Report, error) {
	return a.counted(ctx, src, who, func(ctx context.Context, p *ingest.Pipeline) (ingest.Report, error) {
		run := p.Run
		if whole {
			run = p.RunWhole
		}
		read := 0
		return run(ctx, src, a.open[src.Name].adapter, func(now ingest.Progress) {
			if progress != nil {
				progress(src.Name, now.Read-read)
			}
			read = now.Read
		})
	})
}

// counted runs f in a span, with a pipeline whose runs say who began them, and counts
// what came of it.
func (a *App) counted(ctx context.Context, src ingest.Source, who string, f func(ctx context.Context, p *ingest.Pipeline) (ingest.Report, error)) (ingest.Report, error) {
	ctx, end := span.Root(ctx, a.tracing, "run", span.Text("source", src.Name), span.Text("who", who))
	p := *a.pipeline
	p.Who = who
	report, err := f(ctx, &p)
	end(err)
	report.Alarms = a.raise(ctx, report)
	a.metrics.Ran(src.Name, who, err != nil, report.Duration, map[string]int{string(ledger.Stored): report.Stored, string(ledger.Unchanged): report.Unchanged,
		string(ledger.Quarantined): report.Quarantined, string(ledger.Removed): report.Removed})
	return report, err
}

// Push keeps what a source sent in one request; care.ErrNotFound where there is no
// such source or it cannot receive. A page that is pushed is one transaction and moves no
// cursor, so it waits for no run of the source.
func (a *App) Push(ctx context.Context, name string, r *http.Request) (ingest.Report, error) {
	s, ok := a.open[name]
	if !ok {
		return ingest.Report{}, fmt.Errorf("push: source %s: %w", name, care.ErrNotFound)
	}
	receiver, ok := s.adapter.(adapters.Receiver)
	if !ok {
		return ingest.Report{}, fmt.Errorf("push: source %s does not receive: %w", name, care.ErrNotFound)
	}
	page, err := receiver.Receive(ctx, r)
	if err != nil {
		return ingest.Report{}, fmt.Errorf("push to %s: %w", name, err)
	}
	return a.counted(ctx, s.source, ledger.ByPush, func(ctx context.Context, p *ingest.Pipeline) (ingest.Report, error) {
		return p.Page(ctx, s.source, s.adapter, page)
	})
}

// task does what is due, under the lease with this token.
func (a *App) task(ctx context.Context, t jobs.Task, token int64) error {
	if t.Task == ledger.TaskRetention {
		return a.retain(ctx, t.Source, t.Who)
	}
	s, ok := a.open[t.Source]
	if !ok {
		return nil // it was turned off meanwhile
	}
	src := s.source
	src.Fence = token
	switch {
	case t.Task == ledger.TaskReconcile:
		return a.noShards(ctx, src, func(ctx context.Context, src ingest.Source) error {
			report, err := a.compare(ctx, src, ReconcileOptions{Who: t.Who})
			if err == nil && report.Failure != "" {
				err = errors.New(report.Failure)
			}
			return err
		})
	case t.Shard == "" && a.sharder(t.Source) != nil:
		return a.split(ctx, src, t)
	}
	src.Shard = t.Shard
	_, err := a.read(ctx, src, t.Who, false, nil)
	return err
}

// permanent tells whether there is no use in trying again before the next due time:
// somebody has to mend the configuration or the access first.
func permanent(err error) bool {
	return errors.Is(err, adapters.ErrRefused) || errors.Is(err, adapters.ErrConfig) || errors.Is(err, ingest.ErrFull)
}

// startJobs begins to run what is due, what was missed first. The returned function stops
// it and waits, at most for as long as its context lasts, until what runs has finished
// the page that it is on.
func (a *App) startJobs(ctx context.Context) (stop func(context.Context) error, err error) {
	if a.Config.Jobs.Off {
		return func(context.Context) error { return nil }, nil
	}
	db, postgres := a.store.Queue()
	a.jobs, err = jobs.New(ctx, jobs.Options{DB: db, Postgres: postgres, Store: a.store, Plans: a.Config.plans(a.zone), Run: a.task, Permanent: permanent,
		NotBefore: func(source string) time.Time { until, _ := a.quiet.of(source); return until }, Now: a.now, Log: a.log, Keeper: jobs.Keeper{Holder: a.holder}, Workers: a.Config.Jobs.Workers})
	if err != nil {
		return nil, err
	}
	return a.jobs.Stop, a.jobs.Start(ctx)
}

// States tells where everything with a schedule stands.
func (a *App) States(ctx context.Context) ([]jobs.State, error) {
	done, err := a.store.Done(ctx)
	if err != nil {
		return nil, err
	}
	return jobs.States(a.Config.plans(a.zone), done, a.now(), a.Config.Jobs.LateAfter), nil
}

// RunInfo is one run as people see it.
type RunInfo struct {
	ID       int64      `json:"id"`
	Source   string     `json:"source"`
	Shard    string     `json:"shard,omitempty"`
	Who      string     `json:"who"` // schedule, catch-up, push, sync (a person at the command line), reconcile …
	Started  time.Time  `json:"started"`
	Finished *time.Time `json:"finished,omitempty"` // absent while it runs
	Seconds  float64    `json:"seconds"`            // so far, while it runs
	Listed   int        `json:"listed"`
	Stored   int        `json:"stored"`
	Same     int        `json:"unchanged"`
	Refused  int        `json:"quarantined"`
	Removed  int        `json:"removed"`
	Failure  string     `json:"failure,omitempty"`
}

// Ran is what has run of late, and where everything with a schedule stands.
type Ran struct {
	Runs            []RunInfo               `json:"runs"`
	Reconciliations []ledger.Reconciliation `json:"reconciliations"`
	Schedules       []jobs.State            `json:"schedules"`
}

// Runs gives the last runs, newest first, at most limit of them, of one source or of all for "".
func (a *App) Runs(ctx context.Context, source string, limit int) (Ran, error) {
	out := Ran{Runs: []RunInfo{}}
	most := limit
	if source != "" {
		most = 0 // they are picked here
	}
	runs, err := a.store.Runs(ctx, most)
	if err != nil {
		return out, err
	}
	for _, r := range runs {
		if source != "" && r.Source != source {
			continue
		}
		if len(out.Runs) == limit {
			break
		}
		i := RunInfo{ID: r.ID, Source: r.Source, Shard: r.Shard, Who: r.Who, Started: r.Started, Finished: known(r.Finished), Seconds: r.Finished.Sub(r.Started).Seconds(),
			Listed: r.Counts.Listed, Stored: r.Counts.Stored, Same: r.Counts.Unchanged, Refused: r.Counts.Quarantined, Removed: r.Counts.Removed, Failure: r.Failure}
		if i.Finished == nil {
			i.Seconds = a.now().Sub(r.Started).Seconds()
		}
		out.Runs = append(out.Runs, i)
	}
	if out.Reconciliations, err = a.store.Reconciliations(ctx, source, limit); err != nil {
		return out, err
	}
	states, err := a.States(ctx)
	for _, s := range states {
		if source == "" || s.Source == source {
			out.Schedules = append(out.Schedules, s)
		}
	}
	return out, err
}

// shownRuns is how many runs the page shows, and how many compares.
const shownRuns = 50

// RunLines is Runs as the page shows it, with the sources' titles.
func (a *App) RunLines(ctx context.Context) (web.RunLines, error) {
	var out web.RunLines
	ran, err := a.Runs(ctx, "", shownRuns)
	if err != nil {
		return out, err
	}
	title := func(source string) string {
		if s, ok := a.Config.Sources[source]; ok {
			return s.Title
		}
		return source
	}
	for _, s := range ran.Schedules {
		if s.Late {
			out.Late = append(out.Late, web.ScheduleLine{Source: title(s.Source), Task: s.Task, Done: s.Done, Due: s.Due})
		}
	}
	for _, r := range ran.Runs {
		line := web.RunLine{Source: title(r.Source), Who: r.Who, Started: r.Started, Listed: r.Listed, Stored: r.Stored, Unchanged: r.Same, Quarantined: r.Refused, Removed: r.Removed, Failure: r.Failure}
		if r.Finished != nil {
			line.Finished = *r.Finished
		}
		out.Runs = append(out.Runs, line)
	}
	for _, r := range ran.Reconciliations {
		out.Compares = append(out.Compares, web.CompareLine{Source: title(r.Source), Who: r.Who, Started: r.Started, Finished: r.Finished,
			Listed: r.Listed, Differed: r.Differences(), Repaired: r.Repaired, Refused: r.Refused, Failure: r.Failure, Asks: r.Asks})
	}
	return out, nil
}
