package ingest_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"samsyn/adapters"
	"samsyn/internal/ingest/ledger"
)

// mended is a source whose adapter reads kept bytes again: "good" is a record now, "bad"
// still none, and it knows nothing of others.
type mended struct{ *fake }

func (mended) Replay(_ context.Context, f adapters.Fault) (adapters.Page, error) {
	switch string(f.Body) {
	case "good":
		return adapters.Page{Records: []adapters.Record{{Kind: "sak", Key: "made", Media: adapters.JSON, Body: []byte(`{"barn":"b","slag":"vedtak","tekst":"t"}`)}}}, nil
	case "bad":
		return adapters.Page{Faults: []adapters.Fault{f}}, nil
	case "ugly":
		return adapters.Page{}, adapters.ErrUnavailable
	}
	return adapters.Page{}, nil
}

func faulty(bodies ...string) *fake {
	var things []any
	for _, b := range bodies {
		things = append(things, adapters.Fault{Kind: "fil", Key: b + ".json", Where: b, Err: adapters.ErrMalformed, Media: adapters.JSON, Body: []byte(b)})
	}
	return &fake{pages: cut(things, 10)}
}

func TestReplayOfFaults(t *testing.T) {
	s := open(t)
	p := pipeline(t, s)
	src := faulty("good", "bad", "other")
	if _, err := p.Run(t.Context(), source("a"), src, nil); err != nil {
		t.Fatal(err)
	}
	// An adapter that cannot leaves all of it to the source.
	r, err := p.Replay(t.Context(), source("a"), src)
	if err != nil || len(r.Again) != 3 || r.Listed != 0 {
		t.Fatalf("%+v %v", r, err)
	}
	r, err = p.Replay(t.Context(), source("a"), mended{src})
	want := []ledger.Key{{Kind: "fil", Key: "bad.json"}, {Kind: "fil", Key: "other.json"}}
	if err != nil || !slices.Equal(r.Again, want) || r.Stored != 1 {
		t.Fatalf("%+v %v, want %v to be sent again", r, err, want)
	}
	left, err := s.Refusals(t.Context(), "a")
	if err != nil || len(left) != 2 {
		t.Fatalf("%d wait %v", len(left), err)
	}
	before := dump(t, s)
	if again, err := p.Replay(t.Context(), source("a"), mended{src}); err != nil || again.Stored != 0 || dump(t, s) != before {
		t.Errorf("a second replay did something: %+v %v", again, err)
	}
}

// What is held and waits for its map leaves when the map is there; what does not wait is left alone.
func TestReplayOfRecords(t *testing.T) {
	s := open(t)
	p := pipeline(t, s)
	body := []byte(`{"barn":"b","slag":"vedtak","tekst":"t"}`)
	unknown := []byte(`{"barn":"b","slag":"ukjent","tekst":"t"}`)
	src := &fake{pages: cut([]any{
		adapters.Record{Kind: "notat", Key: "1", Media: adapters.JSON, Body: body}, adapters.Record{Kind: "sak", Key: "2", Media: adapters.JSON, Body: body},
		adapters.Record{Kind: "sak", Key: "3", Media: adapters.JSON, Body: unknown}, adapters.Record{Kind: "del", Key: "4", Group: "g", Media: adapters.JSON, Body: unknown}}, 10)}
	if _, err := p.Run(t.Context(), source("a"), src, nil); err != nil {
		t.Fatal(err)
	}
	if left, err := s.Refusals(t.Context(), "a"); err != nil || len(left) != 3 {
		t.Fatalf("%d wait %v", len(left), err)
	}
	q := *p
	q.Maps = maps(t, "notat")
	r, err := q.Replay(t.Context(), source("a"), src)
	if err != nil || r.Listed != 3 || r.Stored != 1 || r.Quarantined != 2 || len(r.Again) != 0 {
		t.Fatalf("%+v %v", r, err)
	}
	left, err := s.Refusals(t.Context(), "a")
	if err != nil || len(left) != 2 {
		t.Fatalf("%d wait %v", len(left), err)
	}
	states, err := s.SourceStates(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	runs, err := s.Runs(t.Context(), 0)
	if err != nil || runs[0].Who != "remap" || !states[0].LastSuccess.Equal(runs[1].Finished) {
		t.Errorf("a replay counts as a reading: %+v, last read %v", runs[0], states[0].LastSuccess)
	}
}

func TestReplayStopsWhereTheAdapterFails(t *testing.T) {
	s := open(t)
	p := pipeline(t, s)
	src := faulty("ugly")
	if _, err := p.Run(t.Context(), source("a"), src, nil); err != nil {
		t.Fatal(err)
	}
	if r, err := p.Replay(t.Context(), source("a"), mended{src}); !errors.Is(err, adapters.ErrUnavailable) || r.Error == "" {
		t.Errorf("%+v %v", r, err)
	}
}
