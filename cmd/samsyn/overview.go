package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/care"
	"samsyn/internal/overview"
	"samsyn/internal/words"
)

func newOverview(g *globals) *cobra.Command {
	var person, as, format, lang string
	cmd := &cobra.Command{
		Use:   "overview",
		Short: "Show the overview of a child, as a viewer sees it",
		Long: `Shows one child (--person) or every child that the viewer may see. What the viewer may
not see is left out before anything is merged; a child who is not there and one who is
hidden give the same answer.`,
		Example: "  samsyn overview --as anders\n  samsyn overview --as liv --person 01J… --format json",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "text" && format != "json" && format != "fhir" {
				return usageError{fmt.Errorf("--format %q is none of text, json, fhir", format)}
			}
			return g.with(cmd.Context(), func(a *app.App) error {
				v, err := viewer(a.Config.People(), as)
				if err != nil {
					return err
				}
				return showOverviews(cmd.Context(), g.out, a, v, care.PersonID(person), format, words.Lang(lang))
			})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&person, "person", "p", "", "the child's id in Samsyn (default: every child that the viewer may see)")
	f.StringVar(&as, "as", "", "the viewer, by id in the configuration (default: the first)")
	f.StringVarP(&format, "format", "f", "text", "text, json or fhir")
	f.StringVar(&lang, "lang", "", "nb, nn or en (default: the instance's)")
	return cmd
}

// showOverviews writes one child's overview, or that of every child the viewer may see.
func showOverviews(ctx context.Context, out io.Writer, a *app.App, v care.Viewer, person care.PersonID, format string, lang words.Lang) error {
	var answers []overview.Answer
	if person != "" {
		answer, err := a.Overviews.Overview(ctx, asking(v), person)
		if errors.Is(err, care.ErrNotFound) {
			return fmt.Errorf("no such child, or not %s's to see", v.Name)
		}
		if err != nil {
			return err
		}
		answers = append(answers, answer)
	} else {
		var err error
		if answers, err = a.Overviews.Children(ctx, asking(v)); err != nil {
			return err
		}
	}
	if len(answers) == 0 {
		fmt.Fprintf(out, "%s may see no child. Access is registered with samsyn access.\n", v.Name)
	}
	for _, answer := range answers {
		if err := a.Write(out, answer, format, lang); err != nil {
			return err
		}
	}
	return nil
}
