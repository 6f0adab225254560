// Package adapterstest owns the contract that every adapter passes. It reads the
// adapter as ingest does, page by page, and knows no particular source.
package adapterstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"samsyn/adapters"
)

// Fixture says how to open one adapter on a simulator of its source.
type Fixture struct {
	// Open gives an adapter on a fresh simulator with at least three good records,
	// on at least two pages where the protocol pages.
	Open func(t *testing.T) adapters.Adapter
	// Change, where set, gives an adapter and a function that alters one record at the source.
	Change func(t *testing.T) (adapters.Adapter, func())
	// Poisoned gives an adapter on a source with one bad record among good ones;
	// bad is a part of the bad one's Key or Where. Empty: the adapter reads opaque
	// bytes and cannot tell.
	Poisoned func(t *testing.T) (a adapters.Adapter, bad string)
	// Down gives an adapter whose source does not answer.
	Down func(t *testing.T) adapters.Adapter
	// Paged is true where Open's source gives more than one page.
	Paged bool
}

// maxPages ends a pass that would never end.
const maxPages = 10_000

var elevenDigits = regexp.MustCompile(`(^|\D)\d{11}(\D|$)`)

// Run holds an adapter to the contract.
func Run(t *testing.T, f Fixture) {
	t.Run("reads", func(t *testing.T) { reads(t, f) })
	t.Run("reading again is stable", func(t *testing.T) { readsAgain(t, f) })
	t.Run("a cursor resumes", func(t *testing.T) { resumes(t, f) })
	t.Run("cancel stops", func(t *testing.T) { cancels(t, f) })
	t.Run("stopping early leaves nothing running", func(t *testing.T) { breaks(t, f) })
	t.Run("a listing is the full pass", func(t *testing.T) { listing(t, f) })
	if f.Change != nil {
		t.Run("a change is seen from the last cursor", func(t *testing.T) { changes(t, f) })
	}
	if f.Poisoned != nil {
		t.Run("a bad record does not stop the others", func(t *testing.T) { poisoned(t, f) })
	}
	if f.Down != nil {
		t.Run("a silent source is unavailable", func(t *testing.T) { down(t, f) })
	}
}

// Pass reads from the cursor to the end and gives every page.
func Pass(t *testing.T, a adapters.Adapter, since adapters.Cursor) []adapters.Page {
	t.Helper()
	pages, err := pass(context.Background(), a, since)
	if err != nil {
		t.Fatalf("fetch from %q: %v", since, err)
	}
	return pages
}

func pass(ctx context.Context, a adapters.Adapter, since adapters.Cursor) ([]adapters.Page, error) {
	var pages []adapters.Page
	for page, err := range a.Fetch(ctx, since) {
		if err != nil {
			return pages, err
		}
		if pages = append(pages, page); len(pages) > maxPages {
			return pages, fmt.Errorf("no end after %d pages", maxPages)
		}
	}
	return pages, nil
}

func records(pages []adapters.Page) map[string]adapters.Record {
	out := map[string]adapters.Record{}
	for _, p := range pages {
		for _, r := range p.Records {
			out[r.Kind+"/"+r.Key] = r
		}
	}
	return out
}

func last(pages []adapters.Page, since adapters.Cursor) adapters.Cursor {
	if len(pages) == 0 {
		return since
	}
	return pages[len(pages)-1].Next
}

func reads(t *testing.T, f Fixture) {
	pages := Pass(t, f.Open(t), "")
	got := records(pages)
	if len(got) < 3 {
		t.Fatalf("%d records; the fixture must have at least three", len(got))
	}
	if f.Paged && len(pages) < 2 {
		t.Errorf("%d page; the fixture must have at least two", len(pages))
	}
	for name, r := range got {
		switch {
		case r.Kind == "" || r.Key == "":
			t.Errorf("record %q has no kind or key", name)
		case elevenDigits.MatchString(r.Key) || elevenDigits.MatchString(r.Group):
			t.Errorf("the key of a %s looks like a national number", r.Kind)
		case len(r.Body) == 0 && !r.Deleted:
			t.Errorf("record %s has no body", name)
		case r.Media != adapters.JSON && r.Media != adapters.XML && r.Media != adapters.CSV:
			t.Errorf("record %s has media %q", name, r.Media)
		}
	}
	for _, p := range pages {
		for _, fault := range p.Faults {
			t.Errorf("good data gives the fault %v", fault)
		}
		if elevenDigits.MatchString(string(p.Next)) {
			t.Error("a cursor holds what looks like a national number")
		}
	}
}

func readsAgain(t *testing.T, f Fixture) {
	a := f.Open(t)
	one, two := records(Pass(t, a, "")), records(Pass(t, a, ""))
	if len(one) != len(two) {
		t.Errorf("%d records, then %d", len(one), len(two))
	}
	for name, r := range one {
		again, ok := two[name]
		if !ok {
			t.Errorf("%s is missing the second time", name)
			continue
		}
		if r.Hash() != again.Hash() || r.Version != again.Version || !bytes.Equal(r.Body, again.Body) {
			t.Errorf("%s is another the second time", name)
		}
	}
}

func resumes(t *testing.T, f Fixture) {
	a := f.Open(t)
	pages := Pass(t, a, "")
	all := records(pages)
	seen := map[string]bool{}
	for i, p := range pages {
		for _, r := range p.Records {
			seen[r.Kind+"/"+r.Key] = true
		}
		rest := records(Pass(t, f.Open(t), p.Next))
		for name := range all {
			if _, again := rest[name]; !seen[name] && !again {
				t.Errorf("%s is lost when the run is resumed after page %d", name, i+1)
			}
		}
	}
	end := last(pages, "")
	again := Pass(t, a, end)
	if next := last(again, end); next != end {
		if third := last(Pass(t, a, next), next); third != next {
			t.Errorf("the cursor never comes to rest: %q, %q, %q", end, next, third)
		}
	}
}

func cancels(t *testing.T, f Fixture) {
	before := runtime.NumGoroutine()
	a := f.Open(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if pages, err := pass(ctx, a, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before it began: %d pages and error %v", len(pages), err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	pages := 0
	var end error
	for _, err := range a.Fetch(ctx, "") {
		if err != nil {
			end = err
			break
		}
		pages++
		cancel()
	}
	if f.Paged && !errors.Is(end, context.Canceled) {
		t.Errorf("cancelled after the first page: %d pages and error %v", pages, end)
	}
	settled(t, before)
}

func breaks(t *testing.T, f Fixture) {
	before := runtime.NumGoroutine()
	for range f.Open(t).Fetch(context.Background(), "") {
		break
	}
	settled(t, before)
}

// settled waits until what a stopped pass started has ended. Idle connections of
// the test's own servers may stay, hence the allowance.
func settled(t *testing.T, before int) {
	t.Helper()
	const allowance = 8
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before+allowance {
		if time.Now().After(deadline) {
			t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
			return
		}
		runtime.Gosched()
	}
}

func changes(t *testing.T, f Fixture) {
	a, change := f.Change(t)
	pages := Pass(t, a, "")
	before := records(pages)
	cursor := last(pages, "")
	cursor = last(Pass(t, a, cursor), cursor)
	change()
	for name, r := range records(Pass(t, a, cursor)) {
		if old, ok := before[name]; !ok || old.Hash() != r.Hash() {
			return
		}
	}
	t.Error("the change is not seen from the last cursor")
}

func poisoned(t *testing.T, f Fixture) {
	a, bad := f.Poisoned(t)
	pages := Pass(t, a, "")
	good := records(pages)
	if len(good) == 0 {
		t.Error("no good record came through")
	}
	var faults []string
	for _, p := range pages {
		for _, fault := range p.Faults {
			faults = append(faults, fault.Error())
			if strings.Contains(fault.Where, bad) || strings.Contains(fault.Key, bad) {
				if fault.Err == nil {
					t.Error("the fault has no reason")
				}
				if elevenDigits.MatchString(fault.Error()) {
					t.Error("the fault shows what looks like a national number")
				}
				return
			}
		}
	}
	t.Errorf("no fault names %q; faults: %q", bad, faults)
}

func down(t *testing.T, f Fixture) {
	pages, err := pass(context.Background(), f.Down(t), "")
	if !errors.Is(err, adapters.ErrUnavailable) {
		t.Errorf("%d pages and error %v, want ErrUnavailable", len(pages), err)
	}
}
