package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/care"
	"samsyn/internal/gate"
)

func newAccessBasis(g *globals) *cobra.Command {
	var who about
	var when period
	var code, services, to, toService, toRole, purpose, reason, evidence string
	cmd := &cobra.Command{
		Use:   "basis",
		Short: "Note a ground by which a service's words may cross to somebody",
		Long: `Each service decides for its own words: --as must work in the service and be tied to the
child. The codes, and what each asks for, are printed by samsyn access table --codes. It prints the id.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			origins, err := servicesOf("--services", services)
			if err != nil {
				return err
			}
			return who.with(cmd.Context(), g, func(a *app.App, r gate.Request, person care.PersonID) error {
				from, until, err := when.read(a)
				if err != nil {
					return err
				}
				b, err := a.Rights.AddBasis(cmd.Context(), r, care.Basis{Code: code, Person: person, Origins: origins, Viewer: to, Service: care.Service(toService),
					Role: care.Role(toRole), Purpose: care.Purpose(purpose), From: from, Until: until, Reason: reason, Evidence: evidence})
				if err == nil {
					fmt.Fprintln(g.out, "basis", b.ID)
				}
				return err
			})
		},
	}
	who.flags(cmd)
	when.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&code, "code", "", "the ground: FVL13B, HPL25, BVL13-1 …")
	f.StringVar(&services, "services", "", "services whose words may cross, with commas between")
	f.StringVar(&to, "viewer", "", "receiver: one viewer")
	f.StringVar(&toService, "to-service", "", "receiver: those who work in a service")
	f.StringVar(&toRole, "to-role", "", "receiver: those in a role")
	f.StringVar(&purpose, "purpose", string(care.PurposeCOC), "what for: COC or TREAT")
	f.StringVar(&reason, "reason", "", "why")
	f.StringVar(&evidence, "evidence", "", "where the decision lies: case and document")
	return cmd
}
