package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
)

func newAccessTable(g *globals) *cobra.Command {
	var codes, asJSON bool
	cmd := &cobra.Command{
		Use:   "table",
		Short: "Print the rules: who may see whose words, on which ground",
		Args:  none,
		RunE: func(*cobra.Command, []string) error {
			t, err := app.Table()
			if err != nil {
				return err
			}
			switch {
			case asJSON && codes:
				return writeJSON(g.out, t.Codes())
			case asJSON:
				return writeJSON(g.out, t.Rows())
			}
			w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
			if codes {
				for _, c := range t.Codes() {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", c.Code, c.Given, listed(c.Origins), c.Law, c.Text)
				}
				return w.Flush()
			}
			fmt.Fprintf(g.out, "The rules of %s. What does not stand here is refused.\n\n", t.Version())
			for _, r := range t.Rows() {
				where := ""
				if len(r.WorksIn) > 0 {
					where = "in " + listed(r.WorksIn)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", listed(r.Roles), where, r.Basis, r.Stage, listed(r.Origins), listed(r.Purposes), r.Fields, strings.Join(r.Clearance, " "))
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&codes, "codes", false, "print the grounds instead")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func listed[T ~string](all []T) string {
	out := make([]string, len(all))
	for i, v := range all {
		out[i] = string(v)
	}
	return strings.Join(out, " ")
}

// days writes a period by its days; the earliest of the ends counts.
func days(from time.Time, ends ...time.Time) string {
	var end time.Time
	for _, e := range ends {
		if !e.IsZero() && (end.IsZero() || e.Before(end)) {
			end = e
		}
	}
	text := from.Format(time.DateOnly) + "–"
	if !end.IsZero() {
		text += end.Format(time.DateOnly)
	}
	return text
}
