package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/ingest"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/mapkit"
	"samsyn/mapping"
)

// MapFiles gives the maps and tables that an instance uses: the shipped ones, with those
// of dir ("" for none) added and in their place.
func MapFiles(dir string) (fs.FS, error) {
	if dir == "" {
		return mapping.Shipped, nil
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("load maps: %w: %w", care.ErrInvalid, err)
	}
	return overlay{os.DirFS(dir), mapping.Shipped}, nil
}

// LoadMaps loads what MapFiles gives for a folder of maps, judged by the profiles of Judges.
func LoadMaps(dir, profiles string) (*mapping.Set, error) {
	files, err := MapFiles(dir)
	if err != nil {
		return nil, err
	}
	judges, err := Judges(profiles)
	if err != nil {
		return nil, err
	}
	set, err := mapping.Load(files, judges)
	if err != nil {
		return nil, fmt.Errorf("load maps: %w: %w", care.ErrInvalid, err)
	}
	return set, nil
}

// Judges makes maps be judged by the profiles that an instance uses: the shipped ones, with
// those of dir ("" for none) added and in their place.
func Judges(dir string) (mapping.Option, error) {
	from := []fs.FS{fhir.ShippedProfiles()}
	if dir != "" {
		if _, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("load profiles: %w: %w", care.ErrInvalid, err)
		}
		from = append(from, os.DirFS(dir))
	}
	profiles, err := fhir.LoadProfiles(from...)
	if err != nil {
		return nil, fmt.Errorf("load profiles: %w: %w", care.ErrInvalid, err)
	}
	return mapping.WithProfiles(profiles), nil
}

// LintProfiles gives the faults of the profiles of Judges as map lint tells them.
func LintProfiles(dir string) ([]mapping.Finding, error) {
	_, err := Judges(dir)
	var findings []mapping.Finding
	for _, f := range fhir.ProfileFaults(err) {
		findings = append(findings, mapping.Finding{Fault: &mapping.Fault{File: f.File, Line: f.Line, Column: f.Column, Message: f.Message}, Refused: true})
	}
	if findings != nil {
		err = nil
	}
	return findings, err
}

// keepMaps keeps what the revisions of the sources' maps stand for.
func (a *App) keepMaps(ctx context.Context) error {
	for _, m := range a.maps.Maps() {
		used := false
		for _, s := range a.open {
			used = used || s.source.System == m.System()
		}
		if !used {
			continue
		}
		if err := a.store.KeepMap(ctx, m.Revision(), m.Name, m.Pin); err != nil {
			return err
		}
	}
	return nil
}

// named gives the sources that are on among names, or all for none, in their order.
func (a *App) named(names []string) []opened {
	var out []opened
	for _, name := range a.Config.SourceNames() {
		if s, on := a.open[name]; on && (len(names) == 0 || slices.Contains(names, name)) {
			out = append(out, s)
		}
	}
	return out
}

// Coverage counts what the maps of a set do with everything that is held of the named sources.
func (a *App) Coverage(ctx context.Context, names []string, set *mapping.Set) (mapkit.Coverage, error) {
	var all []mapkit.Coverage
	for _, s := range a.named(names) {
		c, err := mapkit.Cover(set, s.source.System, a.store.Mapped(ctx, s.source.Name))
		if err != nil {
			return mapkit.Coverage{}, err
		}
		all = append(all, c)
	}
	return mapkit.Join(all...), nil
}

// Foretell tells what the maps of a set (nil: the configured ones) would change in what
// is held of the named sources. Nothing is written.
func (a *App) Foretell(ctx context.Context, names []string, set *mapping.Set) ([]mapkit.Changes, error) {
	p := *a.pipeline
	if set != nil {
		p.Maps = ingest.FromSet(set)
	}
	var all []mapkit.Changes
	for _, s := range a.named(names) {
		c, err := mapkit.Foretell(ctx, p, a.store, s.source, s.adapter)
		if err != nil {
			return all, err
		}
		all = append(all, c)
	}
	return all, nil
}

// Remap maps again what is held of the named sources, one after another, without asking them.
func (a *App) Remap(ctx context.Context, names []string) ([]ingest.Report, error) {
	var reports []ingest.Report
	for _, s := range a.named(names) {
		report, err := a.pipeline.Remap(ctx, s.source, s.adapter)
		if ctx.Err() != nil {
			return reports, ctx.Err()
		}
		if err != nil {
			a.log.Warn("mapping again failed", "source", s.source.Name, "error", err)
		}
		reports = append(reports, report)
	}
	return reports, nil
}

// Outdated gives the sources of which something is held that another revision of its map
// looked at last.
func (a *App) Outdated(ctx context.Context) ([]string, error) {
	var names []string
	for _, s := range a.named(nil) {
		revisions, err := a.store.MapRevisions(ctx, s.source.Name)
		if err != nil {
			return nil, err
		}
		for kind, held := range revisions {
			now := ""
			if m, ok := a.maps.Map(s.source.System, kind); ok {
				now = m.Revision()
			}
			if slices.ContainsFunc(held, func(r string) bool { return r != now }) {
				names = append(names, s.source.Name)
				break
			}
		}
	}
	return names, nil
}

// RemapOutdated maps again what is held of sources whose maps changed since, one source at
// a time, until ctx ends. What it had done stands; the rest is done at the next start.
func (a *App) RemapOutdated(ctx context.Context) error {
	names, err := a.Outdated(ctx)
	if err != nil || len(names) == 0 {
		return err
	}
	a.log.Info("maps changed: what is held is mapped again", "sources", names)
	reports, err := a.Remap(ctx, names)
	for _, r := range reports {
		a.log.Info("mapped again", "source", r.Source, "records", r.Listed, "changed", r.Stored, "quarantined", r.Quarantined, "error", r.Error)
	}
	return err
}

// inBackground runs RemapOutdated beside the server; the returned function ends it and waits.
func (a *App) inBackground(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := a.RemapOutdated(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("mapping again failed", "error", err)
		}
		a.goOnSealing(ctx)
	}()
	return func() { cancel(); <-done }
}

// Replay tries again what waits in the quarantine of the named sources and is held here.
func (a *App) Replay(ctx context.Context, names []string) ([]ingest.Replayed, error) {
	var all []ingest.Replayed
	for _, s := range a.named(names) {
		report, err := a.pipeline.Replay(ctx, s.source, s.adapter)
		if ctx.Err() != nil {
			return all, ctx.Err()
		}
		if err != nil {
			a.log.Warn("replay failed", "source", s.source.Name, "error", err)
		}
		all = append(all, report)
	}
	return all, nil
}

// Held is what is held of something that waits, without its content.
type Held struct {
	ledger.Refusal
	Media string `json:"media,omitempty"` // of bytes that were no record
	Bytes int    `json:"bytes,omitempty"`
	Says  int    `json:"says"` // resources that an earlier version of it still says
}

// Quarantined gives everything that waits under a key, in any source.
func (a *App) Quarantined(ctx context.Context, key string) ([]Held, error) {
	refusals, err := a.store.Quarantined(ctx)
	if err != nil {
		return nil, err
	}
	var out []Held
	for _, r := range refusals {
		if r.Key != key {
			continue
		}
		k := ledger.Key{Kind: r.Kind, Key: r.Key}
		h := Held{Refusal: r}
		var body []byte
		if h.Media, body, err = a.store.QuarantinedBytes(ctx, r.Source, k); err != nil && !errors.Is(err, care.ErrNotFound) {
			return nil, err
		}
		h.Bytes = len(body)
		said, err := a.store.Said(ctx, r.Source, []ledger.Key{k})
		if err != nil {
			return nil, err
		}
		h.Says = len(said[k].Made)
		out = append(out, h)
	}
	return out, nil
}
