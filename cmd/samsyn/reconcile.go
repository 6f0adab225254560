package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/ingest/ledger"
)

func newReconcile(g *globals) *cobra.Command {
	var o app.ReconcileOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "reconcile [SOURCE…]",
		Short: "Compare all that the sources hold with what is held here, and repair it",
		Long: `Lists everything that each named source (all, where none is named) holds now, compares it
with what is held here, and repairs what differs: what is new, changed or dated back is
read again, and what has vanished is removed. A source that cannot list is read again over
a window of time.

Nothing is removed on half a listing, nor before a second listing has confirmed it. Where
more vanishes at once than the source's max_vanish allows, nothing is repaired until a
person has looked (--allow-vanish). The command ends with 1 where a source failed or asks.`,
		Example: "  samsyn reconcile --dry-run\n  samsyn reconcile fiksarkiv --json\n  samsyn reconcile oneroster --allow-vanish",
		RunE: func(cmd *cobra.Command, names []string) error {
			return g.with(cmd.Context(), func(a *app.App) error {
				if err := a.Known(names); err != nil {
					return usageError{err}
				}
				step, end := progress(g.errs)
				o.Who, o.Progress = "cli", step
				reports, err := a.Reconcile(cmd.Context(), names, o)
				end()
				if err != nil {
					return err
				}
				if err := writeReconciliations(g.out, reports, asJSON); err != nil {
					return err
				}
				for _, r := range reports {
					if !r.Well() {
						return errReported
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "write nothing; tell what would be done")
	cmd.Flags().BoolVar(&o.AllowVanish, "allow-vanish", false, "remove what vanished however much it is: you have looked at the source")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the reports as JSON")
	return cmd
}

// writeReconciliations prints one line a source, then what differed, then how it was for each child.
func writeReconciliations(out io.Writer, reports []ledger.Reconciliation, asJSON bool) error {
	if asJSON {
		type full struct {
			ledger.Reconciliation
			Children []ledger.Child `json:"children"`
		}
		all := make([]full, len(reports))
		for i, r := range reports {
			all[i] = full{r, r.Children()}
		}
		return writeJSON(out, all)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "source\tby\tlisted\theld\tequal\tnew\tchanged\tback-dated\treturned\tvanished\trepaired\trefused\tseconds\t")
	for _, r := range reports {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.2f\t\n", r.Source, r.Method, r.Listed, r.Held, r.Equal,
			r.New, r.Changed, r.BackDated, r.Returned, r.Vanished, r.Repaired, r.Refused, r.Finished.Sub(r.Started).Seconds())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range reports {
		writeReconciliation(out, r)
	}
	return nil
}

func writeReconciliation(out io.Writer, r ledger.Reconciliation) {
	if r.Failure != "" {
		fmt.Fprintf(out, "%s failed: %s\n", r.Source, r.Failure)
	}
	if r.Asks != "" {
		fmt.Fprintf(out, "%s asks: %s\n", r.Source, r.Asks)
	}
	if r.DryRun && len(r.Lines) > 0 {
		fmt.Fprintf(out, "%s: nothing was written (--dry-run)\n", r.Source)
	}
	for _, d := range r.Lines {
		fmt.Fprintf(out, "%s: %s %s %s", r.Source, d.Kind, d.Key, d.Finding)
		if d.Person != "" {
			fmt.Fprintf(out, ", person %s", d.Person)
		}
		fmt.Fprintf(out, ": %s", d.Result)
		if d.Reason != "" {
			fmt.Fprintf(out, ", %s", d.Reason)
		}
		fmt.Fprintln(out)
	}
	if r.Left > 0 {
		fmt.Fprintf(out, "%s: and %d more\n", r.Source, r.Left)
	}
	for _, c := range r.Children() {
		if c.Person != "" {
			fmt.Fprintf(out, "%s: person %s: %d repaired, %d refused, %d open\n", r.Source, c.Person, c.Repaired, c.Refused, c.Open)
		}
	}
}
