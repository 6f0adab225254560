package fiksinnsyn_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
	"samsyn/adapters/fiksinnsyn"
	sim "samsyn/internal/sim/fiksinnsyn"
)

const familyDir = "../../testdata/families/fiksinnsyn"

// now is the day of the families' stories.
func now() time.Time { return time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC) }

func family(t testing.TB) fstest.MapFS {
	t.Helper()
	names, err := filepath.Glob(familyDir + "/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no messages in %s (%v)", familyDir, err)
	}
	out := fstest.MapFS{}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(n)] = &fstest.MapFile{Data: b}
	}
	return out
}

// message gives the name and body of a family message by a text that it holds.
func message(t testing.TB, having string) (name string, body []byte) {
	t.Helper()
	for name, f := range family(t) {
		if strings.Contains(string(f.Data), having) {
			return name, f.Data
		}
	}
	t.Fatalf("no message holds %q", having)
	return "", nil
}

func deliver(t testing.TB, data fs.FS) string {
	t.Helper()
	dir := t.TempDir()
	if err := sim.Deliver(data, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t testing.TB, c fiksinnsyn.Config) adapters.Adapter {
	t.Helper()
	a, err := c.Open(adapters.Deps{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestContract(t *testing.T) {
	adapterstest.Run(t, adapterstest.Fixture{
		Paged: true,
		Open: func(t *testing.T) adapters.Adapter {
			return open(t, fiksinnsyn.Config{Dir: deliver(t, family(t)), PageSize: 2})
		},
		Change: func(t *testing.T) (adapters.Adapter, func()) {
			dir := deliver(t, family(t))
			return open(t, fiksinnsyn.Config{Dir: dir, PageSize: 2}), func() {
				name, body := message(t, `"saksansvarlig"`)
				if err := sim.Put(dir, name, []byte(strings.Replace(string(body), "Siv Røed", "Kari Ny", 1))); err != nil {
					t.Fatal(err)
				}
			}
		},
		Poisoned: func(t *testing.T) (adapters.Adapter, string) {
			data := family(t)
			name, body := message(t, "MOTEREFERAT")
			data[name] = &fstest.MapFile{Data: body[:len(body)/2]}
			return open(t, fiksinnsyn.Config{Dir: deliver(t, data)}), name
		},
		Down: func(t *testing.T) adapters.Adapter {
			return open(t, fiksinnsyn.Config{Dir: filepath.Join(t.TempDir(), "away")})
		},
	})
}

func TestRecords(t *testing.T) {
	kinds := map[string]int{}
	for _, p := range adapterstest.Pass(t, open(t, fiksinnsyn.Config{Dir: deliver(t, family(t))}), "") {
		for _, r := range p.Records {
			kinds[r.Kind]++
			if r.Changed.IsZero() || r.Group != "" {
				t.Errorf("record %s/%s: changed %v, group %q", r.Kind, r.Key, r.Changed, r.Group)
			}
		}
	}
	if kinds[fiksinnsyn.Mappe] != 2 || kinds[fiksinnsyn.Journalpost] != 3 {
		t.Errorf("kinds %v", kinds)
	}
}

func TestAPushOnlySourceFetchesNothing(t *testing.T) {
	a := open(t, fiksinnsyn.Config{})
	if pages := adapterstest.Pass(t, a, ""); len(pages) != 0 {
		t.Errorf("%d pages", len(pages))
	}
	if err := a.(adapters.Checker).Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOtherFiles(t *testing.T) {
	_, body := message(t, "MOTEREFERAT")
	data := fstest.MapFS{
		"faktura-8e646ae8-0839-5a1b-9030-2e199ddde040.json": {Data: body},
		"06851060136.json":  {Data: body},
		"mappe-1.json":      {Data: body},
		".skjult":           {Data: body},
		"mappe-x.json.part": {Data: body},
		"gammelt/a.json":    {Data: body},
	}
	var faults []adapters.Fault
	for _, p := range adapterstest.Pass(t, open(t, fiksinnsyn.Config{FS: data}), "") {
		faults = append(faults, p.Faults...)
		if len(p.Records) > 0 {
			t.Errorf("records %v", p.Records)
		}
	}
	if len(faults) != 3 {
		t.Errorf("%d faults, want three: %v", len(faults), faults)
	}
	for _, f := range faults {
		if !errors.Is(f.Err, adapters.ErrMalformed) || strings.Contains(f.Error(), "06851060136") {
			t.Errorf("fault %v", f)
		}
	}
}

func TestConfig(t *testing.T) {
	if errs := (fiksinnsyn.Config{PageSize: -1}).Validate(); len(errs) != 1 || !errors.Is(errs[0], adapters.ErrConfig) {
		t.Errorf("faults %v", errs)
	}
	if _, err := (fiksinnsyn.Config{PageSize: -1}).Open(adapters.Deps{Now: now}); !errors.Is(err, adapters.ErrConfig) {
		t.Errorf("opening gives %v", err)
	}
	away := open(t, fiksinnsyn.Config{Dir: filepath.Join(t.TempDir(), "06851060136")}).(adapters.Checker)
	if err := away.Check(context.Background()); !errors.Is(err, adapters.ErrUnavailable) || strings.Contains(err.Error(), "06851060136") {
		t.Errorf("a missing folder gives %v", err)
	}
}
