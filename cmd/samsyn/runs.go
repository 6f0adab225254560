package main

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/csvsafe"
)

func newRuns(g *globals) *cobra.Command {
	var asJSON, asCSV bool
	var limit int
	cmd := &cobra.Command{
		Use:   "runs [SOURCE]",
		Short: "List what ran, who started it, and what is late",
		Long: `Lists the last runs, newest first: who started each (schedule, catch-up, push, reconcile;
sync is a person at the command line), how long it took, what became of everything that
was listed, and why it failed. Below: the last full compares, and when everything that has
a schedule last went well. The command ends with 1 where a run was due and did not happen.`,
		Example: "  samsyn runs\n  samsyn runs fiksarkiv --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.with(cmd.Context(), func(a *app.App) error {
				if err := a.Known(args); err != nil {
					return usageError{err}
				}
				source := ""
				if len(args) > 0 {
					source = args[0]
				}
				ran, err := a.Runs(cmd.Context(), source, limit)
				if err != nil {
					return err
				}
				switch {
				case asJSON:
					err = writeJSON(g.out, ran)
				case asCSV:
					err = writeRunsCSV(g.out, ran)
				default:
					err = writeRuns(g.out, ran)
				}
				if err != nil {
					return err
				}
				for _, s := range ran.Schedules {
					if s.Late {
						return errReported
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.Flags().BoolVar(&asCSV, "csv", false, "print the runs as CSV, for a spreadsheet")
	cmd.MarkFlagsMutuallyExclusive("json", "csv")
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "how many runs, and how many compares")
	return cmd
}

func writeRuns(out io.Writer, ran app.Ran) error {
	const second = "2006-01-02 15:04:05"
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "run\tsource\tby\tstarted\tseconds\tlisted\tstored\tunchanged\tquarantined\tremoved\t")
	for _, r := range ran.Runs {
		ended := r.Failure
		if r.Finished == nil {
			ended = "under way"
		}
		name := r.Source
		if r.Shard != "" {
			name += " " + r.Shard
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%.2f\t%d\t%d\t%d\t%d\t%d\t%s\n", r.ID, name, r.Who, r.Started.Format(second), r.Seconds, r.Listed, r.Stored, r.Same, r.Refused, r.Removed, ended)
	}
	if len(ran.Reconciliations) > 0 {
		fmt.Fprintln(w, "\ncompare\tsource\tby\tstarted\tseconds\tlisted\tdiffered\trepaired\trefused\t")
	}
	for _, r := range ran.Reconciliations {
		ended := r.Failure
		if r.Asks != "" {
			ended = "asks: " + r.Asks
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%.2f\t%d\t%d\t%d\t%d\t%s\n", r.ID, r.Source, r.Who, r.Started.Format(second), r.Finished.Sub(r.Started).Seconds(), r.Listed, r.Differences(), r.Repaired, r.Refused, ended)
	}
	if len(ran.Schedules) > 0 {
		fmt.Fprintln(w, "\ntask\tsource\tschedule\tlast went well\tnext\t")
	}
	for _, s := range ran.Schedules {
		late := ""
		if s.Late {
			late = "LATE"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Task, s.Source, s.Schedule, moment(s.Done, second), moment(s.Next, second), late)
	}
	return w.Flush()
}

// writeRunsCSV writes the runs alone. What a source said of its failure is no formula.
func writeRunsCSV(out io.Writer, ran app.Ran) error {
	w := csvsafe.NewWriter(out)
	rows := [][]string{{"run", "source", "shard", "by", "started", "seconds", "listed", "stored", "unchanged", "quarantined", "removed", "failure"}}
	for _, r := range ran.Runs {
		row := []string{strconv.FormatInt(r.ID, 10), r.Source, r.Shard, r.Who, r.Started.Format(time.RFC3339), strconv.FormatFloat(r.Seconds, 'f', 2, 64)}
		for _, n := range []int{r.Listed, r.Stored, r.Same, r.Refused, r.Removed} {
			row = append(row, strconv.Itoa(n))
		}
		rows = append(rows, append(row, r.Failure))
	}
	for _, row := range rows {
		if err := w.Write(row...); err != nil {
			return err
		}
	}
	return w.Flush()
}

func moment(t time.Time, form string) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(form)
}
