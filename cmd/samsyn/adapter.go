package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"samsyn/internal/connector/scaffold"
)

func newAdapter(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adapter",
		Short: "Begin a new source",
		Args:  none,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAdapterNew(g))
	return cmd
}

func newAdapterNew(g *globals) *cobra.Command {
	var o scaffold.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Make the first files of a new source, which pass their test at once",
		Long: `Makes a README, a connector.yaml (or with --go an adapter in Go), a map, a code table, an
example record with what the map makes of it, and in Samsyn's own source folder a test.

Anywhere else than in Samsyn's own source folder, the files are made for
instance.connectors and instance.maps of samsyn.yaml, so that no Go is needed.
docs/adding-a-source.md goes through it step by step.`,
		Example: "  samsyn adapter new fritid              JSON over HTTP\n  samsyn adapter new fritid --folder     CSV in a drop folder\n  samsyn adapter new fritid --go         an adapter in Go",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("name the new source: samsyn adapter new NAME")}
			}
			o.Name = args[0]
			made, err := scaffold.New(o)
			if errors.Is(err, scaffold.ErrInvalid) {
				return usageError{err}
			}
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(g.out, made)
			}
			for _, f := range made.Files {
				fmt.Fprintf(g.out, "made %s\n", filepath.Join(o.Dir, f))
			}
			fmt.Fprint(g.out, next(made, o))
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&o.Dir, "dir", ".", "where to make it: Samsyn's own source folder, or any other")
	fl.StringVar(&o.Kind, "kind", "tiltak", "the source's own word for a record")
	fl.BoolVar(&o.Folder, "folder", false, "CSV files in a drop folder instead of JSON over HTTP")
	fl.BoolVar(&o.Go, "go", false, "an adapter in Go instead of a connector.yaml")
	fl.BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// next says how to go on.
func next(made scaffold.Made, o scaffold.Options) string {
	where := map[bool]string{true: "dir: /where/the/files/are/laid", false: "url: https://where.it.is"}[o.Folder]
	text := "\nNext: "
	switch {
	case o.Go:
		text += fmt.Sprintf("go test ./adapters/%s ./mapping\nThen give it a line in internal/app/systems.go, and a source in samsyn.yaml:\n", o.Name)
	case made.Inside:
		text += fmt.Sprintf("go test ./adapters/%s ./mapping\nThen give it a source in samsyn.yaml:\n", o.Name)
	default:
		text += fmt.Sprintf("samsyn.yaml in %s:\n\n  instance: {connectors: connectors, maps: .}\n", o.Dir)
	}
	then := "and run samsyn check."
	if !made.Inside {
		then = "and run samsyn check, and samsyn map test --records records."
	}
	return text + fmt.Sprintf("\n  sources:\n    %s:\n      system: %s\n      service: kommune\n      settings: {%s}\n\n%s\n", o.Name, o.Name, where, then)
}
