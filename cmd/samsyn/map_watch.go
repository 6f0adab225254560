package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/mapkit"
)

func newMapWatch(g *globals) *cobra.Command {
	var flag, address string
	var write bool
	cmd := &cobra.Command{
		Use:   "watch MAP RECORD",
		Short: "A local page: record, map and result side by side, as you type",
		Long: `Serves a page on this machine with the record left, the map in the middle, and the resources
and faults right, updated as you type. It keeps and writes nothing, unless --write offers
a button that saves the map to its file below --maps. Ctrl-C stops it.`,
		Example: "  samsyn map watch fiksinnsyn/mappe testdata/records/fiksinnsyn/mappe/amina.input.json\n  samsyn map watch ourtown/sak sak.json --maps ./our-maps --write",
		Args:    exactly("MAP", "RECORD"),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := g.mapsDir(flag)
			if write && dir == "" {
				return usageError{errors.New("--write needs --maps: the shipped maps are part of the program")}
			}
			w, err := watchOf(dir, args, write)
			if err != nil {
				return err
			}
			h, err := w.Handler()
			if err != nil {
				return err
			}
			return g.serveWatch(cmd.Context(), h, address)
		},
	}
	cmd.Flags().StringVarP(&address, "address", "a", "127.0.0.1:0", "loopback address of the page; port 0 takes a free one")
	cmd.Flags().BoolVar(&write, "write", false, "offer to save the map")
	mapsFlag(cmd, &flag)
	return cmd
}

func watchOf(dir string, args []string, write bool) (*mapkit.Watch, error) {
	files, err := app.MapFiles(dir)
	if err != nil {
		return nil, err
	}
	file := "maps/" + strings.TrimSuffix(args[0], ".yaml") + ".yaml"
	text, err := fs.ReadFile(files, file)
	if err != nil {
		return nil, usageError{fmt.Errorf("there is no map %q: %w", args[0], err)}
	}
	r, err := readRecord(args[1])
	if err != nil {
		return nil, err
	}
	w := &mapkit.Watch{Tables: files, File: file, Map: string(text), Record: r, Name: filepath.Base(args[1])}
	if write {
		w.Save = func(text string) error {
			to := filepath.Join(dir, filepath.FromSlash(file))
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return fmt.Errorf("save the map: %w", err)
			}
			if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
				return fmt.Errorf("save the map: %w", err)
			}
			return nil
		}
	}
	return w, nil
}

// serveWatch serves on loopback until ctx ends.
func (g *globals) serveWatch(ctx context.Context, h http.Handler, address string) error {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usageError{fmt.Errorf("%q is not a loopback address with a port", address)}
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second}
	fmt.Fprintf(g.out, "http://%s/   (Ctrl-C stops)\n", l.Addr())
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		stopped <- s.Close()
	}()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return <-stopped
}
