package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/care"
	"samsyn/internal/gate"
)

func newAccessAppoint(g *globals) *cobra.Command {
	var who about
	var when period
	var to, role, reason string
	cmd := &cobra.Command{
		Use:   "appoint",
		Short: "Tie a coordinator, or somebody with a task in a service, to a child",
		Long: `Koordinerende enhet appoints. An appointment lets a coordinator see what her own office said,
and somebody in a service what her service said; everything else takes a consent or a basis.
It prints the appointment's id.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return who.with(cmd.Context(), g, func(a *app.App, r gate.Request, person care.PersonID) error {
				from, until, err := when.read(a)
				if err != nil {
					return err
				}
				if _, err := viewer(a.Config.People(), to); err != nil || to == "" {
					return usageError{fmt.Errorf("--viewer %q is no viewer of the configuration", to)}
				}
				ap, err := a.Rights.Appoint(cmd.Context(), r, care.Appointment{Viewer: to, Person: person, Role: care.Role(role), From: from, Until: until, Reason: reason})
				if err == nil {
					fmt.Fprintln(g.out, "appointment", ap.ID)
				}
				return err
			})
		},
	}
	who.flags(cmd)
	when.flags(cmd)
	cmd.Flags().StringVar(&to, "viewer", "", "who is appointed")
	cmd.Flags().StringVar(&role, "role", string(care.RoleKoordinator), "koordinator or tjenesteyter")
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

func newAccessGuardian(g *globals) *cobra.Command {
	var who about
	var when period
	var guardian, person, code string
	var atHome, daily, graded bool
	cmd := &cobra.Command{
		Use:   "guardian",
		Short: "Note who has parental responsibility",
		Long: `Koordinerende enhet notes it as the population register says it. --guardian is who she is when
she signs in, --guardian-person who she is among the persons of this instance. Given once
more, it takes the place of what stood there.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return who.with(cmd.Context(), g, func(a *app.App, r gate.Request, child care.PersonID) error {
				from, until, err := when.read(a)
				if err != nil {
					return err
				}
				return a.Rights.SetGuardian(cmd.Context(), r, child, care.Guardian{Viewer: guardian, Person: care.PersonID(person), Code: care.Parental(code),
					SameAddress: atHome, DailyCare: daily, Graded: graded, From: from, Until: until})
			})
		},
	}
	who.flags(cmd)
	when.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&guardian, "guardian", "", "the guardian, by the id that she signs in with")
	f.StringVar(&person, "guardian-person", "", "the guardian, by her id among our persons")
	f.StringVar(&code, "code", "", "felles, mor, far, medmor, andre or ukjent")
	f.BoolVar(&atHome, "at-home", false, "she is registered at the child's address")
	f.BoolVar(&daily, "daily-care", false, "the child lives with her")
	f.BoolVar(&graded, "graded", false, "she lives at a hidden address, and represents nobody digitally")
	return cmd
}
