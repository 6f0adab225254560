package app

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/internal/ingest/ledger"
	"samsyn/internal/jobs"
	"samsyn/internal/vault"
)

// TestRetentionIsPlannedWhereThereIsOne: for each source that has a retention, also one that is
// off, and for no other; off and odd days are told of.
func TestRetentionIsPlannedWhereThereIsOne(t *testing.T) {
	const sources = `
sources:
  kept: {system: oneroster, service: skole, settings: {mode: rest, url: "https://x.example.no"}}
  gone: {system: oneroster, service: skole, off: true, retention: {removed_days: 90}, settings: {mode: rest, url: "https://x.example.no"}}
  let: {system: oneroster, service: skole, retention: {raw_days: 1}, settings: {mode: rest, url: "https://x.example.no"}}
`
	for more, want := range map[string][]string{"": {"gone 0 4 * * *", "let 0 4 * * *"}, "jobs: {retention_schedule: '30 5 * * 0'}": {"gone 30 5 * * 0", "let 30 5 * * 0"},
		"jobs: {retention_schedule: 'off'}": nil, "jobs: {off: true}": nil} {
		c, err := ParseConfig("", []byte(more+sources), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range c.plans(time.UTC) {
			switch {
			case p.Task == ledger.TaskRetention:
				got = append(got, p.Source+" "+p.Schedule.String())
			case p.Source == "gone" || p.Local:
				t.Errorf("%+v of a source that is off, or that is not called", p)
			}
			if p.Task == ledger.TaskRetention && !p.Local {
				t.Errorf("%s waits for its source", p.Source)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%q: planned %v, want %v", more, got, want)
		}
	}
	for text, want := range map[string]string{strings.Replace(sources, "raw_days: 1", "raw_days: -1", 1): "sources.let.retention", "jobs: {retention_schedule: often}" + sources: "jobs.retention_schedule"} {
		if _, err := ParseConfig("f", []byte(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s: %v", want, err)
		}
	}
}

// TestServeGoesOnWithWhatWasStopped: what is due by retention is done by its task, and a
// rotation of keys that was stopped goes on at the start.
func TestServeGoesOnWithWhatWasStopped(t *testing.T) {
	c, err := ParseConfig("", []byte("instance: {test: true}\nstore: {path: "+filepath.Join(t.TempDir(), "s.db")+"}\nsources: {let: {system: oneroster, service: skole, off: true, retention: {raw_days: 1}, settings: {mode: rest, url: 'https://x.example.no'}}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := a.task(t.Context(), jobs.Task{Task: ledger.TaskRetention, Source: "let", Who: ledger.BySchedule}, 1); err != nil {
		t.Fatal(err)
	}
	if done, err := a.store.Done(t.Context()); err != nil || done["let"][ledger.TaskRetention].IsZero() {
		t.Errorf("done %v %v", done, err)
	}
	if left, err := a.store.Resealing(t.Context()); err != nil || left {
		t.Fatalf("before there was a rotation: %v %v", left, err)
	}
	if err := a.store.RotateKeys(t.Context(), vault.Instance, vault.Coordination); err != nil {
		t.Fatal(err)
	}
	old := func() (n int) {
		for _, k := range a.store.Keys() {
			if k.Partition == vault.Instance && !k.Primary {
				n++
			}
		}
		return n
	}
	if left, err := a.store.Resealing(t.Context()); err != nil || !left || old() != 1 {
		t.Fatalf("after a rotation that was stopped: %v %v, %d old keys", left, err, old())
	}
	a.goOnSealing(t.Context())
	if left, err := a.store.Resealing(t.Context()); err != nil || left || old() != 0 {
		t.Errorf("after it went on: %v %v, %d old keys", left, err, old())
	}
}
