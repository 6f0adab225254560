package adapterstest

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"samsyn/adapters"
)

// listing holds an adapter that can list to its word: the listing has exactly the keys
// of a full pass, each as it is; cut short, it is an error and nothing is complete
// before its time; a change at the source shows.
func listing(t *testing.T, f Fixture) {
	lister, ok := f.Open(t).(adapters.Lister)
	if !ok {
		t.Skip("the adapter cannot list")
	}
	heads, complete, err := list(context.Background(), lister)
	if errors.Is(err, adapters.ErrNoListing) {
		t.Skip("the source cannot list as it is configured")
	}
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	pass := records(Pass(t, f.Open(t), ""))
	sameAsPass(t, heads, pass)
	for name, r := range pass {
		if len(complete) > 0 && !complete[r.Kind] {
			t.Errorf("%s is read, and its kind is never listed completely", name)
		}
	}
	cutShort(t, f)
	if f.Change != nil {
		a, change := f.Change(t)
		lister, _ := a.(adapters.Lister)
		before, _, err := list(context.Background(), lister)
		change()
		after, _, again := list(context.Background(), lister)
		if err != nil || again != nil {
			t.Fatalf("list before and after a change: %v %v", err, again)
		}
		same := len(before) == len(after)
		for name, h := range after {
			same = same && h == before[name]
		}
		if same {
			t.Error("a change is not seen in the listing")
		}
	}
	if f.Down != nil {
		lister, _ := f.Down(t).(adapters.Lister)
		if _, complete, err := list(context.Background(), lister); !errors.Is(err, adapters.ErrUnavailable) || len(complete) > 0 {
			t.Errorf("a silent source: complete %v, error %v, want none and ErrUnavailable", complete, err)
		}
	}
}

// list reads a listing to its end: its heads by name, and the kinds that it completed.
func list(ctx context.Context, l adapters.Lister) (heads map[string]adapters.Head, complete map[string]bool, err error) {
	heads, complete = map[string]adapters.Head{}, map[string]bool{}
	for page, err := range l.List(ctx) {
		if err != nil {
			return heads, complete, err
		}
		for _, h := range page.Heads {
			h.Changed = h.Changed.UTC()
			heads[h.Kind+"/"+h.Key] = h
		}
		for _, k := range page.Complete {
			complete[k] = true
		}
	}
	return heads, complete, nil
}

func sameAsPass(t *testing.T, heads map[string]adapters.Head, pass map[string]adapters.Record) {
	t.Helper()
	for name, h := range heads {
		r, ok := pass[name]
		switch {
		case !ok:
			t.Errorf("%s is listed and not read", name)
		case h.Hash == [32]byte{} && h.Version == "" && h.Changed.IsZero():
			t.Errorf("%s is listed with nothing to compare by", name)
		case h.Hash != [32]byte{} && h.Hash != r.Hash():
			t.Errorf("%s is listed with another hash", name)
		case h.Version != r.Version || !h.Changed.Equal(r.Changed):
			t.Errorf("%s is listed as version %q of %v and read as %q of %v", name, h.Version, h.Changed, r.Version, r.Changed)
		}
	}
	for name := range pass {
		if _, ok := heads[name]; !ok {
			t.Errorf("%s is read and not listed", name)
		}
	}
}

// cutShort stops listings before their end.
func cutShort(t *testing.T, f Fixture) {
	t.Helper()
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	lister, _ := f.Open(t).(adapters.Lister)
	if heads, complete, err := list(ctx, lister); !errors.Is(err, context.Canceled) || len(complete) > 0 {
		t.Errorf("cancelled before it began: %d heads, complete %v, error %v", len(heads), complete, err)
	}
	for range lister.List(context.Background()) {
		break
	}
	settled(t, before)
}
