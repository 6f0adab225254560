package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
)

func newSync(g *globals) *cobra.Command {
	var asJSON, whole bool
	cmd := &cobra.Command{
		Use:   "sync [SOURCE…]",
		Short: "Read the sources once, from where they were left",
		Long: `Reads each named source (all, where none is named) from where it was left, keeps what
changed, and prints what became of everything that was listed. A source that does not
answer stops none of the others; the command then ends with 1.`,
		Example: "  samsyn sync\n  samsyn sync oneroster fiksarkiv --json",
		RunE: func(cmd *cobra.Command, names []string) error {
			return g.with(cmd.Context(), func(a *app.App) error {
				if err := a.Known(names); err != nil {
					return usageError{err}
				}
				step, end := progress(g.errs)
				reports, err := a.Sync(cmd.Context(), names, whole, step)
				end()
				if err != nil {
					return err
				}
				if err := writeReports(g.out, reports, asJSON); err != nil {
					return err
				}
				for _, r := range reports {
					if r.Error != "" {
						return errReported
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the table as JSON")
	cmd.Flags().BoolVar(&whole, "whole", false, "read from the beginning, not from where each source was left")
	return cmd
}

func newSources(g *globals) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "sources",
		Short: "List the sources and when each was last read",
		Args:  none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.with(cmd.Context(), func(a *app.App) error {
				lines, err := a.Sources(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(g.out, lines)
				}
				return writeSources(g.out, lines)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func newCheck(g *globals) *cobra.Command {
	var asJSON, held bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration and whether each source answers",
		Long: `Validates the configuration as a whole (every fault at once, with its line), loads every
map and code table, and asks each source whether it answers, without reading anybody's data.
With --store it also reads all that is held here and checks that no disk has changed it.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.with(cmd.Context(), func(a *app.App) error {
				if held {
					if err := a.Verify(cmd.Context()); err != nil {
						return err
					}
				}
				results := a.Check(cmd.Context())
				bad := false
				for _, r := range results {
					bad = bad || r.Error != ""
				}
				if asJSON {
					if err := writeJSON(g.out, results); err != nil {
						return err
					}
				} else {
					for _, r := range results {
						state := "ok"
						if r.Error != "" {
							state = "FAILED: " + r.Error
						} else if r.Note != "" {
							state = "ok (" + r.Note + ")"
						}
						fmt.Fprintf(g.out, "%-24s %s\n", r.Name, state)
					}
				}
				if bad {
					return errReported
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.Flags().BoolVar(&held, "store", false, "check all that is held against its hashes too")
	return cmd
}
