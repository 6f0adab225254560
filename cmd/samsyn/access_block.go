package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/care"
	"samsyn/internal/gate"
)

func newAccessBlock(g *globals) *cobra.Command {
	var who about
	var against, group, orgnr, service string
	var all, guardians bool
	cmd := &cobra.Command{
		Use:   "block",
		Short: "Keep somebody from what is said of a child",
		Long: `A block outranks every permission, and lasts until it is lifted (samsyn access end --block ID).
It is against a viewer, everybody in a service, an organisation, or all. --guardians keeps a
service's words from the guardians instead. It prints the id.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return who.with(cmd.Context(), g, func(a *app.App, r gate.Request, person care.PersonID) error {
				if guardians {
					w, err := a.Rights.Withhold(cmd.Context(), r, care.Withheld{Person: person, Service: care.Service(service)})
					if err == nil {
						fmt.Fprintln(g.out, "withheld", w.ID)
					}
					return err
				}
				b := care.Block{Person: person, Viewer: against, Group: care.Service(group), Orgnr: orgnr, All: all, Extent: care.BlockAll, Service: care.Service(service)}
				if service != "" {
					b.Extent = care.BlockService
				}
				b, err := a.Rights.Block(cmd.Context(), r, b)
				if err == nil {
					fmt.Fprintln(g.out, "block", b.ID)
				}
				return err
			})
		},
	}
	who.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&against, "viewer", "", "against one viewer")
	f.StringVar(&group, "group", "", "against everybody who works in a service")
	f.StringVar(&orgnr, "orgnr", "", "against an organisation")
	f.BoolVar(&all, "all", false, "against everybody")
	f.StringVar(&service, "service", "", "only what this service says (default: everything)")
	f.BoolVar(&guardians, "guardians", false, "keep it from the guardians, as the child wishes")
	return cmd
}
