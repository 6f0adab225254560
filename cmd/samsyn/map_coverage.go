package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/mapkit"
)

func newMapCoverage(g *globals) *cobra.Command {
	var asJSON, all bool
	var flag, records string
	var threshold float64
	cmd := &cobra.Command{
		Use:   "coverage [SOURCE…]",
		Short: "Count every field and code of the records held: used, ignored on purpose, or unmapped",
		Long: `Goes through everything that is held of the named sources (all, where none is named), or the
test records of --records, and tells of every field, by its path, and every code whether a
map uses it (and in which lines), ignores it on purpose (and why), or leaves it unmapped. What
stands in a field is never shown. With --threshold it ends with 1 where less than so many percent
are used or ignored on purpose: so a source with silent loss is not promoted.`,
		Example: "  samsyn map coverage fiksinnsyn\n  samsyn map coverage --threshold 95\n  samsyn map coverage --records testdata/records",
		RunE: func(cmd *cobra.Command, names []string) error {
			if threshold < 0 || threshold > 100 {
				return usageError{fmt.Errorf("--threshold is a percentage, 0 to 100")}
			}
			if records != "" && len(names) > 0 {
				return usageError{fmt.Errorf("name sources or --records, not both")}
			}
			c, err := g.coverage(cmd, names, flag, records)
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(g.out, c)
			} else {
				err = writeCoverage(g, c, all)
			}
			if err == nil && (c.Percent < threshold || threshold > 0 && len(c.Maps) == 0) {
				fmt.Fprintf(g.errs, "samsyn: %.1f %% is mapped, and %.1f %% is asked for\n", c.Percent, threshold)
				err = errReported
			}
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print as JSON")
	f.BoolVar(&all, "all", false, "list what is used and ignored too, not only what is unmapped")
	f.StringVar(&records, "records", "", "folder of test records to count instead of what is held")
	f.Float64Var(&threshold, "threshold", 0, "least percentage of fields and codes that are used or ignored on purpose")
	mapsFlag(cmd, &flag)
	return cmd
}

func (g *globals) coverage(cmd *cobra.Command, names []string, flag, records string) (c mapkit.Coverage, err error) {
	set, err := g.loadMaps(flag)
	if err != nil {
		return c, err
	}
	if records != "" {
		return mapkit.CoverCases(set, records)
	}
	err = g.with(cmd.Context(), func(a *app.App) error {
		if err := a.Known(names); err != nil {
			return usageError{err}
		}
		c, err = a.Coverage(cmd.Context(), names, set)
		return err
	})
	return c, err
}

func writeCoverage(g *globals, c mapkit.Coverage, all bool) error {
	w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	for _, m := range c.Maps {
		note := ""
		if m.NoMap {
			note = ", and there is no map for them"
		}
		if m.Refused > 0 {
			note += fmt.Sprintf(", %d of them refused", m.Refused)
		}
		fmt.Fprintf(w, "%s: %d records%s\n", m.Map, m.Records, note)
		for _, f := range m.Fields {
			if lost := f.State == mapkit.Unmapped || f.State == mapkit.Alien; all || lost {
				fmt.Fprintf(w, "  %s\t%s%s\n", f.State, f.Path, because(f.Lines, f.Because))
			}
		}
		for _, code := range m.Codes {
			if all || code.State == mapkit.Unmapped {
				fmt.Fprintf(w, "  %s\ttable %s, code %s%s\n", code.State, code.Table, code.Code, because(code.Lines, ""))
			}
		}
	}
	fmt.Fprintf(w, "%d of %d fields and %d of %d codes are used or left out on purpose: %.1f %%\n", c.FieldsMapped, c.Fields, c.CodesMapped, c.Codes, c.Percent)
	return w.Flush()
}

// because is a last column, where there is something to say.
func because(lines []int, reason string) string {
	if len(lines) == 0 {
		if reason != "" {
			reason = "\t" + reason
		}
		return reason
	}
	text := "\tline"
	for i, line := range lines {
		if i == 6 {
			return text + " …"
		}
		text += fmt.Sprintf(" %d", line)
	}
	return text
}
