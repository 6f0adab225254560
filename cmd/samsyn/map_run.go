package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"samsyn/internal/mapkit"
	"samsyn/mapping"
)

func newMapRun(g *globals) *cobra.Command {
	var asJSON bool
	var flag string
	cmd := &cobra.Command{
		Use:   "run MAP RECORD",
		Short: "Show what a map makes of a record, or the exact fault",
		Long: `Applies MAP (system/kind) to the record in the file RECORD (.json, .xml or .csv) and prints
the resources, the subject and the codes that were kept untranslated, and to the side what the
profiles warn of; or the fault with the line of the map, the expression, the target element and the source fields, and ends with 1.
The day is 23 November 2026 and ids are made with a key for tests, as in map test.`,
		Example: "  samsyn map run fiksinnsyn/mappe testdata/records/fiksinnsyn/mappe/amina.input.json",
		Args:    exactly("MAP", "RECORD"),
		RunE: func(_ *cobra.Command, args []string) error {
			m, r, err := g.mapAndRecord(flag, args)
			if err != nil {
				return err
			}
			made := mapkit.Apply(m, r)
			if made.Where != nil {
				return writeFault(g, made, asJSON)
			}
			if asJSON {
				return writeJSON(g.out, struct {
					mapkit.Outcome
					Warnings []mapping.Warning `json:"warnings,omitempty"`
				}{made, made.Warnings})
			}
			if _, err = g.out.Write(made.JSON()); err != nil {
				return err
			}
			for _, w := range made.Warnings {
				fmt.Fprintf(g.errs, "warning: mapping/maps/%s.yaml:%d: %s: %s: %s (%d)\n", m.Name, w.Line, w.Element, w.Rule, w.Message, w.Count)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a fault as JSON too, and with the resources what the profiles warn of")
	mapsFlag(cmd, &flag)
	g.profilesFlag(cmd)
	return cmd
}

func writeFault(g *globals, made mapkit.Outcome, asJSON bool) error {
	if asJSON {
		if err := writeJSON(g.out, map[string]any{"fault": made.Fault, "where": made.Where}); err != nil {
			return err
		}
		return errReported
	}
	f := made.Where
	fmt.Fprintf(g.out, "%s:%d: %s\n", f.File, f.Line, f.Kind)
	for _, line := range []struct{ name, text string }{{"target", f.Path}, {"expression", f.Expression}, {"reason", f.Reason}} {
		if line.text != "" {
			fmt.Fprintf(g.out, "  %-10s %s\n", line.name, line.text)
		}
	}
	for _, path := range f.Source {
		fmt.Fprintf(g.out, "  %-10s %s\n", "source", path)
	}
	return errReported
}

func newMapExplain(g *globals) *cobra.Command {
	var asJSON bool
	var flag string
	cmd := &cobra.Command{
		Use:   "explain MAP RECORD",
		Short: "Show where every produced element came from",
		Long: `Applies MAP to the record in the file RECORD and prints, for each element of each resource,
its value, the line and expression that made it, and the source fields with what stands
there. It shows the record's content: use it on your own terminal only.`,
		Example: "  samsyn map explain fiksinnsyn/mappe testdata/records/fiksinnsyn/mappe/amina.input.json",
		Args:    exactly("MAP", "RECORD"),
		RunE: func(_ *cobra.Command, args []string) error {
			m, r, err := g.mapAndRecord(flag, args)
			if err != nil {
				return err
			}
			e, err := mapkit.Explain(m, r)
			if err != nil {
				return err
			}
			if e.Where != nil {
				return writeFault(g, e.Outcome, asJSON)
			}
			if asJSON {
				return writeJSON(g.out, e.Resources)
			}
			writeExplained(g, e)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	mapsFlag(cmd, &flag)
	g.profilesFlag(cmd)
	return cmd
}

func writeExplained(g *globals, e mapkit.Explained) {
	if e.Skipped != "" {
		fmt.Fprintf(g.out, "The record is kept and makes nothing: %s\n", e.Skipped)
	}
	for i, r := range e.Resources {
		if i > 0 {
			fmt.Fprintln(g.out)
		}
		fmt.Fprintf(g.out, "%s/%s\n", r.Type, r.ID)
		for _, el := range r.Elements {
			fmt.Fprintf(g.out, "  %s = %s\n", el.Element, el.Value)
			fmt.Fprintf(g.out, "    ← %s:%d: %s\n", el.File, el.Line, el.Expression)
			for _, from := range el.From {
				value := fmt.Sprintf("%q", from.Value)
				if from.Whole {
					value = "(an object)"
				}
				fmt.Fprintf(g.out, "      ← %s = %s\n", from.Path, value)
			}
		}
	}
}
