package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
)

func newBackup(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the store to a new file while it is in use",
		Long: `Writes a whole copy of a SQLite store, as it is at one moment, to a file that must not
exist yet; the program may go on meanwhile. To restore, stop the program and put the copy
where store.path says. A store on PostgreSQL is backed up with PostgreSQL's own programs
(docs/operations.md).`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("name one file")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.read()
			if err != nil {
				return err
			}
			if err := app.Backup(cmd.Context(), c, args[0]); err != nil {
				return err
			}
			fmt.Fprintln(g.out, args[0])
			return nil
		},
	}
}
