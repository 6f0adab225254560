package main

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
)

func newNumberHash(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "number-hash",
		Short: "How the directory knows a national number",
		Long: `Reads one national number from standard input and prints its hash in this instance, for
viewers: NAME: subjects: [{number: …}] in the configuration. The number is never written
down, and the hash is of no use in another instance.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
			if err != nil && line == "" {
				return fmt.Errorf("read the number: %w", err)
			}
			return g.with(cmd.Context(), func(a *app.App) error {
				hash, err := a.NumberHash(strings.TrimSpace(line))
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(g.out, hash)
				return err
			})
		},
	}
}
