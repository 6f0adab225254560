package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
)

func newQuarantine(g *globals) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "quarantine",
		Short: "List what waits, and why",
		Long: `Lists every record that could not be used, with where it stands at the source, what is
wrong and what to do; and every subject that waits for a person to say who it is.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.with(cmd.Context(), func(a *app.App) error {
				waiting, err := a.Waiting(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(g.out, waiting)
				}
				w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
				for _, q := range waiting.Records {
					fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\t%s\n", q.Source, q.Kind, q.Key, q.Code, q.Where, q.Text)
				}
				for _, s := range waiting.Subjects {
					fmt.Fprintf(w, "%s\tsubject %s\t%s\t\t%s\n", s.Source, s.Subject, "who-is-this", s.Reason)
				}
				return w.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}
