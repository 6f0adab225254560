package connector_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"testing"
	"time"

	"samsyn/adapters"
)

// TestTheRateIsKept: where the next request may be sent in a quarter of an hour and the
// run ends before, the pass fails at once instead of asking faster.
func TestTheRateIsKept(t *testing.T) {
	f := newFake("offset", "json", 40)
	yaml := "per_second: 0.001\n" + listing("    paging: {kind: offset, parameter: from, size_parameter: size, size: 1}\n")
	a := open(t, definition(t, yaml), f, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var last error
	for _, err := range a.Fetch(ctx, "") {
		last = err
	}
	if len(f.asked) != 1 {
		t.Errorf("%d requests at once, want the first alone", len(f.asked))
	}
	if !errors.Is(last, adapters.ErrUnavailable) {
		t.Errorf("the pass ended with %v", last)
	}
}

// TestAHangingServerIsLeft when the pass is cancelled.
func TestAHangingServerIsLeft(t *testing.T) {
	hang := make(chan struct{})
	asked := make(chan struct{}, 1)
	before := runtime.NumGoroutine()
	a := open(t, definition(t, listing("")), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}), nil)
	defer close(hang)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	_, err := fetchAll(ctx, a)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if n := runtime.NumGoroutine(); n > before+12 {
		t.Errorf("%d goroutines before, %d after", before, n)
	}
}

func fetchAll(ctx context.Context, a adapters.Adapter) (n int, err error) {
	for page, err := range a.Fetch(ctx, "") {
		if err != nil {
			return n, err
		}
		n += page.Listed()
	}
	return n, nil
}
