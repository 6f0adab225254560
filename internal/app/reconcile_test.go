package app_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"samsyn/internal/app"
	"samsyn/internal/demo"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/sim"
	"samsyn/testdata"
)

// town is the demo municipality, read once.
func town(t *testing.T) (*app.App, *sim.Municipality) {
	t.Helper()
	dir, clock := t.TempDir(), demo.Clock()
	m, err := sim.Start(sim.Options{Data: testdata.Families(), Dir: filepath.Join(dir, "sources"), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close(context.Background()) })
	c, err := demo.Config(m, filepath.Join(dir, "s.db"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), c, app.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := a.Sync(t.Context(), nil, false, func(string, int) {}); err != nil {
		t.Fatal(err)
	}
	return a, m
}

// found are the differences of all sources, as text.
func found(t *testing.T, a *app.App, o app.ReconcileOptions) map[string]string {
	t.Helper()
	reports, err := a.Reconcile(t.Context(), nil, o)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, r := range reports {
		if !r.Well() {
			t.Errorf("%s: failed %q, asks %q", r.Source, r.Failure, r.Asks)
		}
		for _, d := range r.Lines {
			out[r.Source+" "+d.Kind+"/"+d.Key] = fmt.Sprint(d.Finding, " ", d.Result, d.Reason)
			if d.Person == "" && !o.DryRun { // what is new is not known before it is read
				t.Errorf("%s %s/%s: about nobody", r.Source, d.Kind, d.Key)
			}
		}
	}
	return out
}

// What the simulators hold: a journal entry, a visit and a goal in the municipality's health service.
const (
	entry = "967d803b-59c7-5737-a8e0-b434c9c37a99"
	gone  = "besok-selma-1"
	there = "mal-ella-rullator"
)

// The simulated municipality changes behind every cursor: what the sync cannot see, a
// reconciliation finds and repairs, and finds nothing the next time.
func TestReconcileRealAdapters(t *testing.T) {
	a, m := town(t)
	if diff := found(t, a, app.ReconcileOptions{}); len(diff) > 0 {
		t.Fatalf("right after a sync they differ: %v", diff)
	}
	long := demo.Day.AddDate(0, -6, 0)
	if err := m.Archive.Rename(entry, "Et nytt navn, datert tilbake", long); err != nil {
		t.Fatal(err)
	}
	m.Health.Delete("Encounter", gone, long)
	late := strings.NewReplacer(`"id":"`+there+`"`, `"id":"for-sent"`).Replace(string(m.Health.Get("Goal", there)))
	if !strings.Contains(late, "for-sent") {
		t.Fatal("the family's data has changed")
	}
	if err := m.Health.Put([]byte(late)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Sync(t.Context(), nil, false, func(string, int) {}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"fiksarkiv journalpost/" + entry: "changed repaired",
		"fhir-kommune Encounter/" + gone: "vanished repaired",
		"fhir-kommune Goal/for-sent":     "back-dated repaired",
	}
	dry := found(t, a, app.ReconcileOptions{DryRun: true})
	got := found(t, a, app.ReconcileOptions{Who: "test"})
	if len(dry) != len(want) || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("dry %v\ngot %v\nwant %v", dry, got, want)
	}
	if again := found(t, a, app.ReconcileOptions{}); len(again) > 0 {
		t.Errorf("a second reconciliation found %v", again)
	}
	kept, err := a.Reconciliations(t.Context(), "fiksarkiv", 0)
	if err != nil || len(kept) != 3 || kept[1].Changed != 1 || kept[1].Who != "test" || kept[1].Method != ledger.ByListing {
		t.Errorf("kept %+v %v", kept, err)
	}
	if full, err := a.Reconciliation(t.Context(), kept[1].ID); err != nil || len(full.Lines) != 1 {
		t.Errorf("kept %+v %v", full, err)
	}
}
