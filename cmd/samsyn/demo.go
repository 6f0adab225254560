package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/care"
	"samsyn/internal/demo"
	"samsyn/internal/ingest"
	"samsyn/internal/sim"
	"samsyn/internal/words"
	"samsyn/testdata"
)

type demoFlags struct {
	once, asJSON   bool
	data, as, lang string
	address        string
}

func newDemo(g *globals) *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Everything at once, with synthetic families, on this machine",
		Long: `Starts simulators of all sources on loopback, reads them into a fresh store, prints what
became of everything, and serves the pages and the API until it is stopped (Ctrl-C).
Everybody in it is invented. The demo's day is Monday 23 November 2026.`,
		Example: "  samsyn demo\n  samsyn demo --once --as liv\n  samsyn demo --data /tmp/samsyn    keeps the store: a second run finds everything unchanged",
		Args:    none,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), g, f) },
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.once, "once", false, "leave after reading, and print each child's overview as text")
	fl.BoolVar(&f.asJSON, "json", false, "print the table as JSON")
	fl.StringVar(&f.data, "data", "", "folder that keeps the store between runs (default: a fresh one that is removed)")
	fl.StringVar(&f.as, "as", "", "whose overviews --once prints: anders, liv, siv, mette … (default: each one's)")
	fl.StringVar(&f.lang, "lang", "nb", "nb, nn or en")
	fl.StringVarP(&f.address, "address", "a", "127.0.0.1:8080", "loopback address of the pages; another free port is taken where it is in use")
	return cmd
}

func runDemo(ctx context.Context, g *globals, f demoFlags) (err error) {
	work, remove, err := workFolder(f.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	now := demo.Clock()
	town, err := sim.Start(sim.Options{Data: testdata.Families(), Dir: filepath.Join(work, "sources"), Now: now})
	if err != nil {
		return fmt.Errorf("start the simulators: %w", err)
	}
	defer func() { err = errors.Join(err, town.Close(context.Background())) }()
	c, err := demo.Config(town, filepath.Join(work, "samsyn.db"))
	if err != nil {
		return err
	}
	if c.Store = c.Store.From(os.Environ()); c.Store.URL != "" && f.data == "" {
		c.Store.Keys = app.NoKeys // they would go with the folder, and the database stays
	}
	c.Instance.Language = f.lang
	c.Jobs.Off = true // it reads everything now, and stands still after
	c.Server.Address = f.address
	if err := c.Resolve(); err != nil {
		return err
	}
	var l net.Listener
	if !f.once {
		if l, err = listenDemo(f.address); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closed(l.Close())) }()
		stop, err := demo.SignIn(&c, "http://"+l.Addr().String(), now)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	a, err := app.New(ctx, c, app.Options{Now: now, Log: g.logger()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	reports, err := readAll(ctx, g, a)
	if err != nil {
		return err
	}
	if err := writeReports(g.out, reports, f.asJSON); err != nil {
		return err
	}
	if err := demo.Register(ctx, a); err != nil {
		return err
	}
	if f.once {
		return printAll(ctx, g, a, f)
	}
	return serveDemo(ctx, g, a, town, l)
}

// workFolder gives the demo's folder and what removes it when it is not to be kept.
func workFolder(data string) (string, func() error, error) {
	if data != "" {
		if err := os.MkdirAll(data, 0o700); err != nil {
			return "", nil, fmt.Errorf("make %s: %w", data, err)
		}
		return data, func() error { return nil }, nil
	}
	dir, err := os.MkdirTemp("", "samsyn-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("make a folder: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

func readAll(ctx context.Context, g *globals, a *app.App) ([]ingest.Report, error) {
	step, end := progress(g.errs)
	defer end()
	return a.Sync(ctx, nil, true, step) // whole: a second run shows that everything is unchanged
}

func printAll(ctx context.Context, g *globals, a *app.App, f demoFlags) error {
	people := a.Config.People()
	if f.as != "" {
		v, err := viewer(people, f.as)
		if err != nil {
			return err
		}
		people = []care.Viewer{v}
	}
	if f.asJSON {
		return nil // the table is the whole answer
	}
	for _, v := range people {
		fmt.Fprintf(g.out, "\n════ %s, %s ════\n\n", v.Name, v.Title)
		if err := showOverviews(ctx, g.out, a, v, "", "text", words.Lang(f.lang)); err != nil {
			return err
		}
	}
	return nil
}

// listenDemo listens on the address, or on another free port where it is in use.
func listenDemo(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
	}
	return l, nil
}

// closed is the error of closing a listener, which a server that has stopped has closed.
func closed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func serveDemo(ctx context.Context, g *globals, a *app.App, town *sim.Municipality, l net.Listener) error {
	out := g.out
	fmt.Fprintf(out, "\nThe demo's day is %s. Everybody in it is invented.\n\n", demo.Day.Format("Monday 2 January 2006"))
	fmt.Fprintf(out, "  pages    http://%s/   (sign in as anybody: Anders, Liv, Siv, Mette, Kari, Hanne, Teo …)\n", l.Addr())
	fmt.Fprintf(out, "  FHIR     curl -H 'X-Samsyn-Viewer: anders' 'http://%s/fhir/Patient/{id}/$overview'\n", l.Addr())
	fmt.Fprintf(out, "  sources  curl -H 'X-Samsyn-Viewer: anders' http://%s/adapters\n\n", l.Addr())
	for _, name := range a.Config.SourceNames() {
		p := town.Places[name]
		fmt.Fprintf(out, "  %-20s %s%s\n", name, p.URL, p.Dir)
	}
	fmt.Fprintln(out, "\nCtrl-C stops.")
	return a.Serve(ctx, l)
}

func newSim(g *globals) *cobra.Command {
	var port int
	var dir string
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Run the simulators of the sources alone",
		Long: `Runs the simulators until stopped (Ctrl-C), and writes a configuration that connects to
them, with the clients' keys beside it: start from it to connect a real source.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx := cmd.Context()
			work, remove, err := workFolder(dir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, remove()) }()
			town, err := sim.Start(sim.Options{Data: testdata.Families(), Dir: filepath.Join(work, "sources"), Now: time.Now, Port: port})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, town.Close(context.Background())) }()
			file, err := demo.WriteConfig(town, work)
			if err != nil {
				return err
			}
			for _, p := range town.Places {
				fmt.Fprintf(g.out, "%-20s %s%s\n", p.Name, p.URL, p.Dir)
			}
			fmt.Fprintf(g.out, "\nsamsyn check --config %s\nCtrl-C stops.\n", file)
			<-ctx.Done()
			return nil
		},
	}
	cmd.Flags().IntVar(&port, "port", 0, "port of the first simulator; the others follow (default: chosen by the system)")
	cmd.Flags().StringVar(&dir, "dir", "", "folder for drop folders, keys and configuration (default: one that is removed)")
	return cmd
}
