package app

import (
	"context"
	"errors"

	"samsyn/internal/ingest"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/jobs"
	"samsyn/internal/ops/span"
	"samsyn/internal/reconcile"
)

// ReconcileOptions of one call, for all the sources that it names.
type ReconcileOptions struct {
	DryRun      bool
	AllowVanish bool
	// Who asked: "cli", "job" …
	Who string
	// Progress is told how many things were listed; may be nil.
	Progress func(source string, listed int)
}

// Reconcile compares the named sources (all, where none is named) with what is held, one
// after another, and repairs what differs. A source that fails or stops to ask stops none
// of the others: its report says why (Reconciliation.Well).
func (a *App) Reconcile(ctx context.Context, names []string, o ReconcileOptions) ([]ledger.Reconciliation, error) {
	if len(names) == 0 {
		names = a.Config.SourceNames()
	}
	var reports []ledger.Reconciliation
	for _, name := range names {
		s, ok := a.open[name]
		if !ok {
			continue
		}
		var report ledger.Reconciliation
		compare := func(ctx context.Context, src ingest.Source) (err error) {
			report, err = a.compare(ctx, src, o)
			return err
		}
		var err error
		if o.DryRun { // it writes nothing, so nobody need wait for it
			err = compare(ctx, s.source)
		} else {
			err = a.alone(ctx, name, compare)
		}
		if ctx.Err() != nil {
			return reports, ctx.Err()
		}
		if errors.Is(err, jobs.ErrBusy) || errors.Is(err, jobs.ErrLost) {
			report.Source, report.Failure = name, err.Error()
		} else if err != nil && report.Failure == "" {
			return reports, err // the report itself could not be kept
		}
		reports = append(reports, report)
	}
	return reports, nil
}

// compare compares one source and repairs what differs.
func (a *App) compare(ctx context.Context, src ingest.Source, o ReconcileOptions) (report ledger.Reconciliation, err error) {
	ctx, end := span.Root(ctx, a.tracing, "reconcile", span.Text("source", src.Name), span.Text("who", o.Who))
	defer func() {
		end(err)
		if !o.DryRun {
			a.raise(ctx, ingest.Report{Source: src.Name})
			a.metrics.Compared(src.Name, o.Who, err != nil || report.Failure != "", report.Finished.Sub(report.Started), map[string]int{string(ledger.New): report.New, string(ledger.Changed): report.Changed,
				string(ledger.BackDated): report.BackDated, string(ledger.Returned): report.Returned, string(ledger.Gone): report.Vanished, string(ledger.Repaired): report.Repaired, string(ledger.Refused): report.Refused})
		}
	}()
	c := a.Config.Sources[src.Name].Reconcile
	r := &reconcile.Reconciler{Store: a.store, Pipeline: a.pipeline, Now: a.now, Log: a.log, Who: o.Who, Progress: o.Progress}
	return r.Run(ctx, src, a.open[src.Name].adapter, reconcile.Options{DryRun: o.DryRun, AllowVanish: o.AllowVanish,
		Limits: reconcile.Limits{Vanish: c.MaxVanish, Window: c.Window}})
}

// Reconciliations lists the last reports without their lines, newest first, at most
// limit of them (0: all); of one source, or of all for "".
func (a *App) Reconciliations(ctx context.Context, source string, limit int) ([]ledger.Reconciliation, error) {
	return a.store.Reconciliations(ctx, source, limit)
}

// Reconciliation gives one report with its lines; the error is care.ErrNotFound where there is none.
// That a source knows a person is itself confidential: the lines are for those who run
// the instance.
func (a *App) Reconciliation(ctx context.Context, id int64) (ledger.Reconciliation, error) {
	return a.store.Reconciliation(ctx, id)
}
