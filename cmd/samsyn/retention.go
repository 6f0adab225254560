package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/care"
)

func newRetention(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retention",
		Short: "Delete what is kept too long, and prove it",
		Long: `Each source says in the configuration (sources.NAME.retention) for how many days is kept what it
does not say any more. What is deleted leaves a proof: what, how much, when, and a keyed hash
of its names. Nothing can be read out of a proof.`,
		Args: none,
	}
	var dry, asJSON bool
	run := &cobra.Command{
		Use:     "run",
		Short:   "Delete it now",
		Example: "  samsyn retention run --dry-run\n  samsyn retention run",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := g.read()
			if err != nil {
				return err
			}
			out, err := app.Retain(cmd.Context(), c, "samsyn retention run", dry)
			if err != nil {
				return err
			}
			return writeDeletions(g.out, out, asJSON)
		},
	}
	run.Flags().BoolVar(&dry, "dry-run", false, "tell what would be deleted, and delete nothing")
	run.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	var limit int
	report := &cobra.Command{
		Use:   "report",
		Short: "Show the proofs of what was deleted, newest first",
		Args:  none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := g.read()
			if err != nil {
				return err
			}
			out, err := app.Deletions(cmd.Context(), c, limit)
			if err != nil {
				return err
			}
			return writeDeletions(g.out, out, asJSON)
		},
	}
	report.Flags().IntVar(&limit, "limit", 50, "at most so many; 0: all")
	report.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.AddCommand(run, report)
	return cmd
}

func writeDeletions(out io.Writer, all []app.Deletion, asJSON bool) error {
	if asJSON {
		if all == nil {
			all = []app.Deletion{}
		}
		return json.NewEncoder(out).Encode(all)
	}
	if len(all) == 0 {
		fmt.Fprintln(out, "nothing")
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "when\twhy\tsource\twhat\thow many\tby\thash")
	for _, d := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%x\n", d.At.Format(time.DateTime), d.Why, d.Source, d.What, d.N, d.Who, d.Hash[:8])
	}
	return w.Flush()
}

func newPerson(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "person",
		Short: "What a person may ask for: everything that is held about her, and to be erased",
		Args:  none,
	}
	var person string
	var by []string
	var asJSON bool
	erase := &cobra.Command{
		Use:   "erase",
		Short: "Delete everything that is held about a person",
		Long: `Deletes everything that is held about a person but the audit log, and proves it. Two must have
decided it. A source that still gives her gives her again when it changes something: let it stop
first. Backups of the store hold her until they have run out (docs/operations.md).`,
		Example: "  samsyn person erase --person 7kq… --decided-by anders --decided-by siv\n  samsyn person erase --person - --decided-by anders --decided-by siv < number.txt",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if person == "" || len(by) != 2 || by[0] == by[1] {
				return usageError{fmt.Errorf("--person is required, and --decided-by twice, for two who decided it")}
			}
			return g.with(cmd.Context(), func(a *app.App) error {
				id, err := named(cmd.Context(), a, person)
				if err != nil {
					return err
				}
				out, err := a.Erase(cmd.Context(), id, by[0], by[1])
				if err != nil {
					return err
				}
				return writeDeletions(g.out, out, asJSON)
			})
		},
	}
	erase.Flags().StringVar(&person, "person", "", "her id in Samsyn, or - for her national number on standard input")
	erase.Flags().StringSliceVar(&by, "decided-by", nil, "who decided it: two of them")
	erase.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.AddCommand(erase, newPersonExport(g))
	return cmd
}

// named gives the person whom --person names: by her id, or with - by the number on standard input.
func named(ctx context.Context, a *app.App, person string) (care.PersonID, error) {
	if person != "-" {
		return care.PersonID(person), nil
	}
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && line == "" {
		return "", fmt.Errorf("read the number: %w", err)
	}
	id, err := a.Find(ctx, strings.TrimSpace(line))
	if err != nil {
		return "", fmt.Errorf("find the person: %w", err)
	}
	return id, nil
}
