package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/care"
)

func newHistory(g *globals) *cobra.Command {
	var asJSON, remake bool
	cmd := &cobra.Command{
		Use:   "history TYPE/ID",
		Short: "Show every version of a resource and why it came",
		Long: `Lists the versions of a resource by the records that say it, the oldest first: when each was
stored, which map revision made it, and whether the record changed at the source, the map
changed, or both. --remake makes each version again from the record version and the map
revision that it pins, and tells whether the same comes of it. Content is not shown.`,
		Example: "  samsyn history CarePlan/ab3kq7zt2mdw5u6pyf4c7hxn2e\n  samsyn history CarePlan/ab3kq7zt2mdw5u6pyf4c7hxn2e --remake",
		Args:    exactly("TYPE/ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			typ, id, ok := strings.Cut(args[0], "/")
			if !ok || typ == "" || id == "" {
				return usageError{fmt.Errorf("%q is not TYPE/ID", args[0])}
			}
			return g.with(cmd.Context(), func(a *app.App) error {
				versions, err := a.History(cmd.Context(), typ, id, remake)
				if errors.Is(err, care.ErrNotFound) {
					return fmt.Errorf("no record ever said %s", args[0])
				}
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(g.out, versions)
				}
				w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
				for _, v := range versions {
					fmt.Fprintf(w, "%s %s %s\tversion %d\t%s\t%s\n", v.Source, v.Kind, v.Key, v.Version, v.Recorded.Format("2006-01-02 15:04:05"), whyOf(v))
				}
				return w.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.Flags().BoolVar(&remake, "remake", false, "make each version again with the map revision that it pins")
	return cmd
}

func whyOf(v app.Version) string {
	text := strings.Join(v.Why, " and ")
	if v.MapTo != "" {
		text += fmt.Sprintf(" (%.8s → %.8s)", v.MapFrom, v.MapTo)
	}
	if v.Removed {
		text += "; it is said no more"
	}
	if v.Same {
		text += "; this resource stayed the same"
	}
	if v.Remade != "" {
		text += "; made again: " + v.Remade
	}
	return text
}
