package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/care"
)

// globals are what every command shares.
type globals struct {
	out, errs io.Writer
	config    string
	verbose   bool
	profiles  string // --profiles, of the map commands that have it
}

func newRoot(out, errs io.Writer) *cobra.Command {
	g := &globals{out: out, errs: errs}
	root := &cobra.Command{
		Use:   "samsyn",
		Short: "One true picture of every service around a child",
		Long: `Samsyn reads what school, barnehage, PPT, barnevern, helsestasjon and specialist
health say about a child, says it in FHIR R4 with where it came from, and shows a
coordinator one overview of what she may see.

New here? Run   samsyn demo   and open the address that it prints.`,
		Example: `  samsyn demo                       everything, with synthetic families, on this machine
  samsyn check                      is the configuration right, and does each source answer?
  samsyn sync                       read every source once
  samsyn overview --as anders       the overviews that anders may see, as text
  samsyn serve                      pages and API`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("there is no command %q", args[0])}
			}
			return cmd.Help()
		},
	}
	root.SetOut(out)
	root.SetErr(errs)
	root.AddCommand(newKeys(g), newRetention(g), newPerson(g))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVarP(&g.config, "config", "c", "", "configuration file (default: samsyn.yaml where there is one)")
	root.PersistentFlags().BoolVarP(&g.verbose, "verbose", "v", false, "log what is done, to standard error")
	root.AddCommand(newDemo(g), newServe(g), newSync(g), newRuns(g), newReconcile(g), newBackup(g), newJournal(g), newOverview(g), newSources(g), newCheck(g), newAccess(g), newQuarantine(g), newMap(g), newRemap(g), newHistory(g), newAudit(g), newSim(g), newAdapter(g), newNumberHash(g))
	return root
}

// none refuses arguments, as wrong use.
func none(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unexpected %q", args[0])}
	}
	return nil
}

// read reads the configuration: the named file, or samsyn.yaml where it is there.
func (g *globals) read() (app.Config, error) {
	file := g.config
	if file == "" {
		if _, err := os.Stat("samsyn.yaml"); err == nil {
			file = "samsyn.yaml"
		}
	}
	return app.ReadConfig(file, os.Environ())
}

func (g *globals) logger() *slog.Logger {
	level := slog.LevelWarn
	if g.verbose {
		level = slog.LevelInfo
	}
	return app.Logger(g.errs, level)
}

// with reads the configuration and opens the application for f, and closes it after.
func (g *globals) with(ctx context.Context, f func(a *app.App) error) error {
	c, err := g.read()
	if err != nil {
		return err
	}
	return g.withConfig(ctx, c, f)
}

func (g *globals) withConfig(ctx context.Context, c app.Config, f func(a *app.App) error) (err error) {
	a, err := app.New(ctx, c, app.Options{Now: time.Now, Log: g.logger()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return f(a)
}

// viewer finds the viewer that --as names, or the first there is.
func viewer(people []care.Viewer, id string) (care.Viewer, error) {
	var known []string
	for _, v := range people {
		if v.ID == id || id == "" {
			return v, nil
		}
		known = append(known, v.ID)
	}
	return care.Viewer{}, usageError{fmt.Errorf("--as %q is none of the configured viewers %v", id, known)}
}
