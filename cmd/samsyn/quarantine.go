package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
)

func newQuarantine(g *globals) *cobra.Command {
	var asJSON bool
	list := func(cmd *cobra.Command, _ []string) error {
		return g.with(cmd.Context(), func(a *app.App) error {
			waiting, err := a.Waiting(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(g.out, waiting)
			}
			w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
			for _, q := range waiting.Records {
				fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\t%s\n", q.Source, q.Kind, q.Key, q.Code, q.Where, q.Text)
			}
			for _, s := range waiting.Subjects {
				fmt.Fprintf(w, "%s\tsubject %s\t%s\t\t%s\n", s.Source, s.Subject, "who-is-this", s.Reason)
			}
			return w.Flush()
		})
	}
	about := `Lists every record that could not be used, with where it stands at the source, what is
wrong and what to do; and every subject that waits for a person to say who it is.`
	cmd := &cobra.Command{Use: "quarantine", Short: "What waits, and why; and again after the fix", Long: about, Args: none, RunE: list,
		Example: "  samsyn quarantine\n  samsyn quarantine show 5f0c…\n  samsyn quarantine replay fiksinnsyn"}
	listed := &cobra.Command{Use: "list", Short: "List what waits, and why", Long: about, Args: none, RunE: list}
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.AddCommand(listed, newQuarantineShow(g, &asJSON), newQuarantineReplay(g, &asJSON))
	return cmd
}

func newQuarantineShow(g *globals, asJSON *bool) *cobra.Command {
	return &cobra.Command{
		Use:   "show KEY",
		Short: "Show what waits under a key",
		Long: `Shows everything that waits under the source's key KEY: why, since when, where a person finds
it, what is held of it, and what stands until it is mended. The record's content is not shown;
samsyn map run tells the exact fault of a record in a file.`,
		Args: exactly("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.with(cmd.Context(), func(a *app.App) error {
				all, err := a.Quarantined(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if len(all) == 0 {
					return fmt.Errorf("nothing waits under the key %q", args[0])
				}
				if *asJSON {
					return writeJSON(g.out, all)
				}
				for _, h := range all {
					fmt.Fprintf(g.out, "%s, %s %s\n  why    %s: %s\n  where  %s\n  since  %s\n", h.Source, h.Kind, h.Key, h.Code, h.Text, h.Where, h.FirstSeen.Format("2006-01-02 15:04"))
					switch {
					case h.Bytes > 0:
						fmt.Fprintf(g.out, "  held   %d bytes of %s that are no record\n", h.Bytes, h.Media)
					default:
						fmt.Fprintln(g.out, "  held   the record; replay tries it again")
					}
					fmt.Fprintf(g.out, "  says   %d resources of an earlier version stand meanwhile\n", h.Says)
				}
				return nil
			})
		},
	}
}

func newQuarantineReplay(g *globals, asJSON *bool) *cobra.Command {
	return &cobra.Command{
		Use:   "replay [SOURCE…]",
		Short: "Try again what waits, after a map, a table or an adapter was mended",
		Long: `Maps again what waits in the quarantine of the named sources (all, where none is named) and
is held here; what is well now leaves. Bytes that were no record are read again by adapters
that can; the source must send the others again, and they are named. Ends with 1 where
something still waits.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			return g.with(cmd.Context(), func(a *app.App) error {
				if err := a.Known(names); err != nil {
					return usageError{err}
				}
				all, err := a.Replay(cmd.Context(), names)
				if err != nil {
					return err
				}
				if *asJSON {
					err = writeJSON(g.out, all)
				} else {
					for _, r := range all {
						fmt.Fprintf(g.out, "%s: %d tried, %d left quarantine, %d still wait\n", r.Source, r.Listed, r.Listed-r.Quarantined, r.Quarantined+len(r.Again))
						for _, w := range r.Quarantine {
							fmt.Fprintf(g.out, "  %s %s  %s %s  %s\n", w.Kind, w.Key, w.Code, w.Where, w.Text)
						}
						for _, k := range r.Again {
							fmt.Fprintf(g.out, "  %s %s  the source must send it again\n", k.Kind, k.Key)
						}
					}
				}
				for _, r := range all {
					if err == nil && (r.Error != "" || r.Quarantined+len(r.Again) > 0) {
						err = errReported
					}
				}
				return err
			})
		},
	}
}
