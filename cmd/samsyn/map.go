package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/mapkit"
	"samsyn/mapping"
)

func newMap(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "map",
		Short: "Write, test and try maps: what a source's records mean",
		Long: `A map is a YAML file that says what one kind of record of one source system means in
FHIR (docs/mapping.md). These commands need no source and no network: they show every
fault before anything reaches production, and what a change would do to what is held.

A good order: lint, test, run or watch on a record, coverage, diff, and then remap.`,
		Example: `  samsyn map lint
  samsyn map run fiksinnsyn/mappe record.json
  samsyn map coverage fiksinnsyn --threshold 95
  samsyn map diff fiksinnsyn --maps ./new && samsyn remap fiksinnsyn`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("there is no command %q", "map "+args[0])}
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(newMapLint(g), newMapTest(g), newMapRun(g), newMapExplain(g), newMapCoverage(g), newMapDiff(g), newMapWatch(g))
	return cmd
}

// mapsFlag is --maps, which every map command has.
func mapsFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "maps", "", "folder with maps/ and codes/ that are added to the shipped ones and take their place (default: the configuration's instance.maps)")
}

// mapsDir is the folder of --maps or of the configuration, where there is one that can be read.
func (g *globals) mapsDir(flag string) string {
	if flag != "" {
		return flag
	}
	if c, err := g.read(); err == nil {
		return c.Instance.Maps
	}
	return ""
}

// profilesFlag is --profiles, of the commands that make or check something.
func (g *globals) profilesFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&g.profiles, "profiles", "", "folder with profiles (<guide>.yaml) that are added to the shipped ones and take their place (default: the configuration's instance.profiles)")
}

// profilesDir is the folder of --profiles or of the configuration, where there is one that can be read.
func (g *globals) profilesDir() string {
	if g.profiles != "" {
		return g.profiles
	}
	if c, err := g.read(); err == nil {
		return c.Instance.Profiles
	}
	return ""
}

// loadMaps loads the maps of --maps, judged by the profiles of --profiles.
func (g *globals) loadMaps(flag string) (*mapping.Set, error) {
	return app.LoadMaps(g.mapsDir(flag), g.profilesDir())
}

// findMap finds a map by its name, "system/kind".
func findMap(set *mapping.Set, name string) (*mapping.Map, error) {
	system, kind, _ := strings.Cut(strings.TrimSuffix(name, ".yaml"), "/")
	if m, ok := set.Map(system, kind); ok {
		return m, nil
	}
	var names []string
	for _, m := range set.Maps() {
		names = append(names, m.Name)
	}
	return nil, usageError{fmt.Errorf("there is no map %q; there are %s", name, strings.Join(names, ", "))}
}

// mapAndRecord loads MAP and RECORD, the arguments of run and explain. A map with
// faults is told of with all of them.
func (g *globals) mapAndRecord(dir string, args []string) (*mapping.Map, mapkit.Record, error) {
	files, err := app.MapFiles(g.mapsDir(dir))
	if err != nil {
		return nil, mapkit.Record{}, err
	}
	judges, err := app.Judges(g.profilesDir())
	if err != nil {
		return nil, mapkit.Record{}, err
	}
	set, err := mapping.Load(files, judges)
	if set == nil {
		return nil, mapkit.Record{}, err
	}
	m, missing := findMap(set, args[0])
	if missing != nil {
		if own := faultsOf(err, args[0]); own != nil {
			return nil, mapkit.Record{}, own
		}
		return nil, mapkit.Record{}, missing
	}
	r, err := readRecord(args[1])
	return m, r, err
}

// faultsOf gives the faults of one map's file, nil where it has none.
func faultsOf(err error, name string) error {
	var own []error
	for _, f := range mapping.Faults(err) {
		if f.File == "maps/"+strings.TrimSuffix(name, ".yaml")+".yaml" {
			own = append(own, f)
		}
	}
	return errors.Join(own...)
}

func readRecord(file string) (mapkit.Record, error) {
	body, err := os.ReadFile(file)
	if err != nil {
		return mapkit.Record{}, fmt.Errorf("read the record: %w", err)
	}
	r, err := mapkit.RecordOf(file, body)
	if err != nil {
		return r, usageError{err}
	}
	return r, nil
}

// exactly refuses any other number of arguments, as wrong use.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usageError{fmt.Errorf("%s needs %s", cmd.CommandPath(), strings.Join(names, " and "))}
		}
		return nil
	}
}

// shown is a map file's path as an editor finds it: in the folder that was given, or
// below mapping/ in Samsyn's own source.
func shown(dir, file string) string {
	if dir != "" {
		if _, err := fs.Stat(os.DirFS(dir), file); err == nil {
			return filepath.Join(dir, filepath.FromSlash(file))
		}
	}
	return filepath.Join("mapping", filepath.FromSlash(file))
}

// shownProfile is shown for a profile's file.
func shownProfile(dir, file string) string {
	if dir != "" {
		if _, err := fs.Stat(os.DirFS(dir), file); err == nil {
			return filepath.Join(dir, file)
		}
	}
	return filepath.Join("fhir", "profiles", file)
}

func newMapLint(g *globals) *cobra.Command {
	var asJSON bool
	var flag string
	cmd := &cobra.Command{
		Use:   "lint [DIR]",
		Short: "Find every fault of maps and tables",
		Long: `Checks every map and code table and prints file:line:column, what is wrong and what was
probably meant. "error" cannot be loaded: bad syntax, an unknown element of the target, a
scalar where R4 has a list, a constant outside its binding. "warning" loads and cannot have
been meant: a branch that is never reached, a variable or table that nothing uses, two
resources of one id, a field that is ignored and read. The profiles are checked as well.
Ends with 1 where anything is found.`,
		Example: "  samsyn map lint\n  samsyn map lint ./our-maps --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				flag = args[0]
			}
			dir := g.mapsDir(flag)
			files, err := app.MapFiles(dir)
			if err != nil {
				return err
			}
			findings, err := mapping.Lint(files)
			if err != nil {
				return err
			}
			judging, err := app.LintProfiles(g.profilesDir())
			if err != nil {
				return err
			}
			return writeFindings(g, dir, findings, judging, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	mapsFlag(cmd, &flag)
	g.profilesFlag(cmd)
	return cmd
}

// finding is one line of map lint --json.
type finding struct {
	File       string `json:"file"`
	Line       int    `json:"line"`
	Column     int    `json:"column"`
	Level      string `json:"level"` // error, warning
	Message    string `json:"message"`
	Suggestion string `json:"suggestion,omitempty"`
}

// writeFindings tells what is found in maps and tables, and in profiles.
func writeFindings(g *globals, dir string, findings, judging []mapping.Finding, asJSON bool) error {
	inMaps := len(findings)
	findings = slices.Concat(findings, judging)
	lines := make([]finding, len(findings))
	for i, f := range findings {
		file := shown(dir, f.File)
		if i >= inMaps {
			file = shownProfile(g.profilesDir(), f.File)
		}
		lines[i] = finding{file, f.Line, f.Column, "warning", f.Message, f.Suggestion}
		if f.Refused {
			lines[i].Level = "error"
		}
	}
	if asJSON {
		if err := writeJSON(g.out, lines); err != nil {
			return err
		}
	} else {
		for i, f := range findings {
			moved := *f.Fault
			moved.File = lines[i].File
			text := moved.Error()
			place := strings.TrimSuffix(text, strings.TrimPrefix(text, moved.File))
			fmt.Fprintf(g.out, "%s%s\n", place, strings.Replace(strings.TrimPrefix(text, place), ": ", ": "+lines[i].Level+": ", 1))
		}
		if len(lines) == 0 {
			fmt.Fprintln(g.out, "nothing found")
		}
	}
	if len(lines) > 0 {
		return errReported
	}
	return nil
}

func newMapTest(g *globals) *cobra.Command {
	var asJSON, update bool
	var flag, records string
	cmd := &cobra.Command{
		Use:   "test [MAP…]",
		Short: "Run the maps on their test records",
		Long: `Each case is a record <system>/<kind>/<case>.input.json (.xml, .csv) below the folder of
records, with what the map is to make of it beside it in <case>.output.json. Where a fault is
expected, <case>.issues may hold lines of text that the fault must contain. What differs is
shown line by line: - expected, + made. --update writes what is made now; read it then.`,
		Example: "  samsyn map test\n  samsyn map test fiksinnsyn/mappe --records ./our-records --maps ./our-maps\n  samsyn map test --update",
		RunE: func(_ *cobra.Command, names []string) error {
			set, err := g.loadMaps(flag)
			if err != nil {
				return err
			}
			for _, name := range names {
				if _, err := findMap(set, name); err != nil {
					return err
				}
			}
			cases, err := mapkit.Cases(records, names)
			if err != nil {
				return err
			}
			return runCases(g, set, cases, names, update, asJSON)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print as JSON")
	f.BoolVar(&update, "update", false, "write what is made now as what is expected")
	f.StringVar(&records, "records", filepath.Join("testdata", "records"), "folder of the test records")
	mapsFlag(cmd, &flag)
	g.profilesFlag(cmd)
	return cmd
}

func runCases(g *globals, set *mapping.Set, cases []mapkit.Case, names []string, update, asJSON bool) error {
	results := make([]mapkit.Tested, len(cases))
	failed, updated := 0, 0
	for i, c := range cases {
		results[i] = mapkit.Test(set, c, update)
		if !results[i].Passed {
			failed++
		}
		if results[i].Updated {
			updated++
		}
	}
	for _, name := range names { // a map without a case looks as if it were tested
		if !slices.ContainsFunc(cases, func(c mapkit.Case) bool { return c.Map == name }) {
			results = append(results, mapkit.Tested{Map: name, Problem: "it has no test record"})
			failed++
		}
	}
	if asJSON {
		if err := writeJSON(g.out, results); err != nil {
			return err
		}
	} else {
		for _, r := range results {
			if r.Passed && !r.Updated {
				continue
			}
			state := "FAILED"
			if r.Updated {
				state = "updated"
			}
			fmt.Fprintf(g.out, "%s %s %s: %s\n%s", state, r.Map, r.Case, r.Problem, r.Diff)
		}
		fmt.Fprintf(g.out, "%d cases, %d failed, %d updated\n", len(results), failed, updated)
	}
	if failed > 0 || len(results) == 0 {
		return errReported
	}
	return nil
}
