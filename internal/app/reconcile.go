package app

import (
	"context"

	"samsyn/internal/ingest/ledger"
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
	r := &reconcile.Reconciler{Store: a.store, Pipeline: a.pipeline, Now: a.now, Log: a.log, Who: o.Who, Progress: o.Progress}
	var reports []ledger.Reconciliation
	for _, name := range names {
		s, ok := a.open[name]
		if !ok {
			continue
		}
		c := a.Config.Sources[name].Reconcile
		report, err := r.Run(ctx, s.source, s.adapter, reconcile.Options{DryRun: o.DryRun, AllowVanish: o.AllowVanish,
			Limits: reconcile.Limits{Vanish: c.MaxVanish, Window: c.Window}})
		if ctx.Err() != nil {
			return reports, ctx.Err()
		}
		if err != nil && report.Failure == "" {
			return reports, err // the report itself could not be kept
		}
		reports = append(reports, report)
	}
	return reports, nil
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
