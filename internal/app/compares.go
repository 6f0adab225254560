package app

import (
	"context"

	"samsyn/internal/web"
)

// CompareReports gives the last full compare of each source, in their order. Whom the
// differences were about is told at the command line alone (samsyn reconcile --report).
func (a *App) CompareReports(ctx context.Context) ([]web.CompareReport, error) {
	all := []web.CompareReport{}
	for _, name := range a.Config.SourceNames() {
		last, err := a.store.Reconciliations(ctx, name, 1)
		if err != nil {
			return nil, err
		}
		for _, r := range last {
			all = append(all, web.CompareReport{Source: a.Config.Sources[name].Title, Who: r.Who, Started: r.Started, Finished: r.Finished, Listed: r.Listed, Held: r.Held, Equal: r.Equal,
				New: r.New, Changed: r.Changed, BackDated: r.BackDated, Returned: r.Returned, Vanished: r.Vanished, Repaired: r.Repaired, Refused: r.Refused, Failure: r.Failure, Asks: r.Asks})
		}
	}
	return all, nil
}
