package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/care"
	"samsyn/internal/gate"
)

func newAccessEnd(g *globals) *cobra.Command {
	var who about
	var reason string
	ids := map[string]*string{}
	// What can be ended, and how. A consent is taken back with samsyn access consent --withdraw.
	ends := []struct {
		name, what string
		do         func(a *app.App, cmd *cobra.Command, r gate.Request, p care.PersonID, id string) error
	}{
		{"appointment", "an appointment", func(a *app.App, cmd *cobra.Command, r gate.Request, p care.PersonID, id string) error {
			return a.Rights.EndAppointment(cmd.Context(), r, p, id, reason)
		}},
		{"basis", "a basis", func(a *app.App, cmd *cobra.Command, r gate.Request, p care.PersonID, id string) error {
			return a.Rights.EndBasis(cmd.Context(), r, p, id, reason)
		}},
		{"block", "a block", func(a *app.App, cmd *cobra.Command, r gate.Request, p care.PersonID, id string) error {
			return a.Rights.Lift(cmd.Context(), r, p, id)
		}},
		{"withheld", "what is kept from guardians", func(a *app.App, cmd *cobra.Command, r gate.Request, p care.PersonID, id string) error {
			return a.Rights.Release(cmd.Context(), r, p, id)
		}},
	}
	cmd := &cobra.Command{
		Use:   "end",
		Short: "End an appointment, a basis or a block, from this instant on",
		Long: `Ends what is named, from this instant on: nothing is answered after it has returned. What is
registered, with ids, is shown by samsyn access explain.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return who.with(cmd.Context(), g, func(a *app.App, r gate.Request, person care.PersonID) error {
				ended := false
				for _, e := range ends {
					if id := *ids[e.name]; id != "" {
						if err := e.do(a, cmd, r, person, id); err != nil {
							return err
						}
						ended = true
					}
				}
				if !ended {
					return usageError{fmt.Errorf("name what is to end: --appointment, --basis, --block or --withheld")}
				}
				return nil
			})
		},
	}
	who.flags(cmd)
	for _, e := range ends {
		ids[e.name] = cmd.Flags().String(e.name, "", "id of "+e.what)
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}
