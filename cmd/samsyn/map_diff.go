package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/mapkit"
)

func newMapDiff(g *globals) *cobra.Command {
	var asJSON bool
	var flag string
	cmd := &cobra.Command{
		Use:   "diff [SOURCE…]",
		Short: "Show what these maps would change in what is held, and write nothing",
		Long: `Maps everything that is held of the named sources (all, where none is named) with the maps
of --maps or of the configuration, and tells for each child which resources would be created,
changed and removed, and what would come into quarantine or leave it. Nothing is written.
samsyn remap, with the same maps configured, then does exactly that. Children are shown by
their id in Samsyn, resources by theirs; their content is not shown.`,
		Example: "  samsyn map diff fiksinnsyn --maps ./new-maps",
		RunE: func(cmd *cobra.Command, names []string) error {
			set, err := g.loadMaps(flag)
			if err != nil {
				return err
			}
			return g.with(cmd.Context(), func(a *app.App) error {
				if err := a.Known(names); err != nil {
					return usageError{err}
				}
				all, err := a.Foretell(cmd.Context(), names, set)
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(g.out, all)
				}
				return writeChanges(g, all)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	mapsFlag(cmd, &flag)
	g.profilesFlag(cmd)
	return cmd
}

func writeChanges(g *globals, all []mapkit.Changes) error {
	w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	for _, c := range all {
		fmt.Fprintf(w, "%s: %d records looked at\n", c.Source, c.Records)
		counts := map[string]int{}
		last := "–"
		for _, change := range c.Changes {
			counts[change.What]++
			if who := string(change.Person); who != last {
				last = who
				if who == "" {
					who = "nobody known"
				}
				fmt.Fprintf(w, "  %s\n", who)
			}
			to := ""
			if change.To != "" {
				to = ", of another subject: " + string(change.To)
			}
			fmt.Fprintf(w, "    %s\t%s/%s\tfrom %s %s%s\n", change.What, change.Type, change.ID, change.Kind, change.Key, to)
		}
		for _, r := range c.Refused {
			fmt.Fprintf(w, "  would wait\t%s %s\t%s %s\t%s\n", r.Kind, r.Key, r.Code, r.Where, r.Text)
		}
		for _, k := range c.Released {
			fmt.Fprintf(w, "  would leave quarantine\t%s %s\n", k.Kind, k.Key)
		}
		fmt.Fprintf(w, "  %d created, %d changed, %d moved, %d removed, %d into quarantine, %d out of it\n", counts[mapkit.Created], counts[mapkit.Changed],
			counts[mapkit.Moved], counts[mapkit.Removed], len(c.Refused), len(c.Released))
	}
	return w.Flush()
}

func newRemap(g *globals) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "remap [SOURCE…]",
		Short: "Map again what is held, without asking the sources",
		Long: `Maps everything that is held of the named sources (all, where none is named) with the maps as
they are now. What the same maps made stays as it is; what differs becomes a new version,
whose history says that the map changed. samsyn map diff tells beforehand what this does.
serve does it by itself, in the background, for sources whose maps changed.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			return g.with(cmd.Context(), func(a *app.App) error {
				if err := a.Known(names); err != nil {
					return usageError{err}
				}
				reports, err := a.Remap(cmd.Context(), names)
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
	return cmd
}
