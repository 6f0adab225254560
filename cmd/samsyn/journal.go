package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
)

func newJournal(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "journal",
		Short: "Begin the journal of what ended anew",
		Long: `The journal (store.journal) is a file outside of the database in which it stands that a
permission ended or a record was deleted, written before it is confirmed. A backup that
is brought back is told it before anything is shown. It begins by itself; where the store
has written one and it has gone, nothing is opened before it is put back or begun anew.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "new",
		Short: "Begin the journal anew; what ended since an older backup is not known then",
		Args:  none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := g.read()
			if err != nil {
				return err
			}
			path, err := app.NewJournal(cmd.Context(), c)
			if err != nil {
				return err
			}
			fmt.Fprintln(g.out, path)
			return nil
		},
	})
	return cmd
}
