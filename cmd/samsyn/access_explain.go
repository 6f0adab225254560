package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/care"
	"samsyn/internal/gate"
)

func newAccessExplain(g *globals) *cobra.Command {
	var who about
	var of string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Tell what a viewer sees of a child, by which rule, and what would change it",
		Long: `Tells for each service whether --viewer sees what it says of the child, by which rule and on
which ground, and what is registered about the child, with ids. No content is shown.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return who.with(cmd.Context(), g, func(a *app.App, r gate.Request, person care.PersonID) error {
				v, err := viewer(a.Config.People(), of)
				if err != nil {
					return err
				}
				all, err := a.Rights.Preview(cmd.Context(), r, v, person, care.Rights{})
				if err != nil {
					return err
				}
				held, err := a.Rights.All(cmd.Context(), r, person)
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(g.out, map[string]any{"viewer": v.ID, "services": all, "registered": held})
				}
				w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
				for _, e := range all {
					var grounds []string
					for _, gr := range e.Grounds {
						grounds = append(grounds, fmt.Sprintf("%s (%s)", gr.Code, strings.Join(gr.IDs, " ")))
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", e.Service, map[bool]string{true: "yes", false: "no"}[e.Allowed], e.Rule, strings.Join(grounds, ", "), e.Change)
				}
				if err := w.Flush(); err != nil {
					return err
				}
				return writeRegistered(g.out, held)
			})
		},
	}
	who.flags(cmd)
	cmd.Flags().StringVar(&of, "viewer", "", "whose view is explained")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func writeRegistered(out io.Writer, r care.Rights) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w)
	for _, a := range r.Appointments {
		fmt.Fprintf(w, "appointment\t%s\t%s\t%s\t%s\n", a.ID, a.Viewer, a.Role, days(a.From, a.Until, a.Ended))
	}
	for _, b := range r.Bases {
		fmt.Fprintf(w, "basis\t%s\t%s\t%s%s%s\t%s\n", b.ID, b.Code, b.Viewer, b.Service, b.Role, days(b.From, b.Until, b.Ended))
	}
	for _, c := range r.Consents {
		fmt.Fprintf(w, "consent\t%s\t%s\tversion %d\t%s\n", c.ID, c.Status, c.Version, days(c.From, c.Until))
	}
	for _, b := range r.Blocks {
		fmt.Fprintf(w, "block\t%s\t%s%s%s\t%s %s\t%s\n", b.ID, b.Viewer, b.Group, b.Orgnr, b.Extent, b.Service, days(b.From, b.Lifted))
	}
	for _, h := range r.Withheld {
		fmt.Fprintf(w, "withheld\t%s\t%s\t\t%s\n", h.ID, h.Service, days(h.From, h.Lifted))
	}
	for _, gu := range r.Guardians {
		fmt.Fprintf(w, "guardian\t%s%s\t%s\t\t%s\n", gu.Viewer, gu.Person, gu.Code, days(gu.From, gu.Until))
	}
	return w.Flush()
}
