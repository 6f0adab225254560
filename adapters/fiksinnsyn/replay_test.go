package fiksinnsyn_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"samsyn/adapters"
	"samsyn/adapters/fiksinnsyn"
)

// What the adapter can read now leaves quarantine with the bytes that were kept.
func TestReplay(t *testing.T) {
	a := open(t, fiksinnsyn.Config{FS: family(t)})
	var good adapters.Record
	for page, err := range a.Fetch(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			good = r
		}
	}
	replayer := a.(adapters.Replayer)
	page, err := replayer.Replay(t.Context(), adapters.Fault{Kind: good.Kind, Key: good.Key, Where: "message", Body: good.Body})
	if err != nil || len(page.Records) != 1 || len(page.Faults) != 0 {
		t.Fatalf("%+v %v", page, err)
	}
	if r := page.Records[0]; r.Kind != good.Kind || r.Key != good.Key || !bytes.Equal(r.Body, good.Body) || !r.Changed.IsZero() {
		t.Errorf("record %s %s", r.Kind, r.Key)
	}
	page, err = replayer.Replay(t.Context(), adapters.Fault{Kind: good.Kind, Key: good.Key, Where: "message", Body: good.Body[:len(good.Body)/2]})
	if err != nil || len(page.Faults) != 1 || !errors.Is(page.Faults[0].Err, adapters.ErrMalformed) {
		t.Errorf("half a message: %+v %v", page, err)
	}
	for _, f := range []adapters.Fault{{Kind: "fil", Key: "x", Body: good.Body}, {Kind: good.Kind, Key: good.Key}} {
		if page, err := replayer.Replay(t.Context(), f); err != nil || page.Listed() != 0 {
			t.Errorf("%s %s: %+v %v", f.Kind, f.Key, page, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := replayer.Replay(ctx, adapters.Fault{Kind: good.Kind}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
