package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/internal/app"
	"samsyn/internal/demo"
	"samsyn/internal/ingest"
	"samsyn/internal/mapkit"
	"samsyn/internal/sim"
	"samsyn/mapping"
	"samsyn/testdata"
)

// town is the demo municipality, read once, with its configuration in a file.
func town(t *testing.T) (config string) {
	t.Helper()
	dir := t.TempDir()
	m, err := sim.Start(sim.Options{Data: testdata.Families(), Dir: filepath.Join(dir, "sources"), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if config, err = demo.WriteConfig(m, dir); err != nil {
		t.Fatal(err)
	}
	return config
}

// ran runs the command line and reads its JSON into out, where it is not nil.
func ran(t *testing.T, want int, out any, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), args, &stdout, &stderr); code != want {
		t.Fatalf("samsyn %v ended with %d, want %d: %s%s", args, code, want, stdout.String(), stderr.String())
	}
	if out != nil {
		if err := json.Unmarshal(stdout.Bytes(), out); err != nil {
			t.Fatalf("samsyn %v: %v", args, err)
		}
	}
	return stdout.String() + stderr.String()
}

// changedMaps is a folder with maps that say some things otherwise than the shipped ones.
func changedMaps(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for file, edit := range map[string][2]string{
		"maps/barnevernsregister/sak.yaml": {"name: Barnevernet", "name: Barneverntjenesten"},
		"maps/fhirrest/Goal.yaml":          {"resourceType: Goal\n", "resourceType: Goal\n    language: nb\n"},
		"maps/fhirrest/Encounter.yaml":     {"id('Encounter'", "id('Kontakt'"},
		"maps/oneroster/pupil.yaml":        {"make:\n", "skip: \"{{ user.grades = '01' }}\"\nbecause: a test\nmake:\n"},
	} {
		text, err := fs.ReadFile(mapping.Shipped, file)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(text), edit[0], edit[1], 1)
		if changed == string(text) {
			t.Fatalf("%s has no %q", file, edit[0])
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func flat(all []mapkit.Changes, swap bool) []string {
	other := map[string]string{mapkit.Created: mapkit.Removed, mapkit.Removed: mapkit.Created}
	var out []string
	for _, c := range all {
		for _, x := range c.Changes {
			what := x.What
			if o, ok := other[what]; ok && swap {
				what = o
			}
			out = append(out, fmt.Sprint(c.Source, " ", what, " ", x.Type, "/", x.ID, " ", x.Kind, " ", x.Key))
		}
	}
	slices.Sort(out)
	return out
}

// On the demo's data: what map diff tells is what remap does, which the way back tells
// again; and the history says that the map changed, and can be made again.
func TestMapChangeFromEndToEnd(t *testing.T) {
	config, maps := town(t), changedMaps(t)
	ran(t, done, nil, "sync", "-c", config)
	var told, none, back []mapkit.Changes
	ran(t, done, &told, "map", "diff", "-c", config, "--maps", maps, "--json")
	ran(t, done, &none, "map", "diff", "-c", config, "--json")
	if len(flat(none, false)) > 0 {
		t.Fatalf("without another map there is a difference: %v", flat(none, false))
	}
	counts := map[string]int{}
	for _, line := range flat(told, false) {
		counts[strings.Fields(line)[1]]++
	}
	if counts[mapkit.Created] == 0 || counts[mapkit.Changed] < 2 || counts[mapkit.Removed] <= counts[mapkit.Created] {
		t.Fatalf("told %v: too little to prove anything", counts)
	}
	t.Setenv("SAMSYN_INSTANCE__MAPS", maps)
	var reports []ingest.Report
	ran(t, done, &reports, "remap", "-c", config, "--json")
	ran(t, done, &none, "map", "diff", "-c", config, "--json")
	if left := flat(none, false); len(left) > 0 {
		t.Errorf("after remap there is a difference: %v", left)
	}
	shipped := t.TempDir() // nothing of one's own
	ran(t, done, &back, "map", "diff", "-c", config, "--maps", shipped, "--json")
	if a, b := flat(told, false), flat(back, true); !slices.Equal(a, b) {
		t.Errorf("told\n%s\nand done\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
	checkHistory(t, config, told)
	// A sync afterwards finds nothing to do: the sources have not changed.
	var again []ingest.Report
	ran(t, done, &again, "sync", "-c", config, "--json", "--whole")
	for _, r := range again {
		if r.Stored+r.Removed > 0 {
			t.Errorf("%s stored %d and removed %d", r.Source, r.Stored, r.Removed)
		}
	}
}

func checkHistory(t *testing.T, config string, told []mapkit.Changes) {
	t.Helper()
	some := map[string]int{}
	for _, c := range told {
		for _, x := range c.Changes {
			if some[x.What]++; some[x.What] > 3 {
				continue
			}
			var versions []app.Version
			ran(t, done, &versions, "history", x.Type+"/"+x.ID, "-c", config, "--remake", "--json")
			last := versions[len(versions)-1]
			why := []string{"map changed"}
			if x.What == mapkit.Created { // so its record is older than the resource
				why = []string{"first"}
			}
			if !slices.Equal(last.Why, why) || x.What == mapkit.Changed && (last.MapFrom == last.MapTo || len(versions) != 2) {
				t.Errorf("%s %s/%s: %+v", x.What, x.Type, x.ID, last)
			}
			for _, v := range versions {
				if v.Remade != "the same" {
					t.Errorf("%s/%s version %d was made again: %q", x.Type, x.ID, v.Version, v.Remade)
				}
			}
		}
	}
}

// A server that starts with other maps maps again what is held, by itself, and once.
func TestServerMapsAgain(t *testing.T) {
	config, maps := town(t), changedMaps(t)
	ran(t, done, nil, "sync", "-c", config)
	with := func(maps string, f func(a *app.App)) {
		t.Setenv("SAMSYN_INSTANCE__MAPS", maps)
		c, err := app.ReadConfig(config, os.Environ())
		if err != nil {
			t.Fatal(err)
		}
		a, err := app.New(t.Context(), c, app.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f(a)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	outdated := func(a *app.App, want int) {
		names, err := a.Outdated(t.Context())
		if err != nil || len(names) != want {
			t.Errorf("outdated %v %v, want %d", names, err, want)
		}
	}
	with("", func(a *app.App) { outdated(a, 0) })
	with(maps, func(a *app.App) {
		outdated(a, 4) // two FHIR servers, the roster and the register
		if err := a.RemapOutdated(t.Context()); err != nil {
			t.Fatal(err)
		}
		outdated(a, 0)
		stopped, cancel := context.WithCancel(t.Context())
		cancel()
		if err := a.RemapOutdated(stopped); err == nil {
			t.Error("it went on after it was stopped")
		}
	})
	with("", func(a *app.App) { outdated(a, 4) })
}
