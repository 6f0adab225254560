package storetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store"
)

// MapStore is what the map tools need of a store.
type MapStore interface {
	Store
	KeepMap(ctx context.Context, revision, name string, pin func() ([]byte, error)) error
	PinnedMap(ctx context.Context, revision string) ([]byte, error)
	MapRevisions(ctx context.Context, source string) (map[string][]string, error)
	RecordAt(ctx context.Context, source string, k ledger.Key, hash [32]byte) (adapters.Record, error)
	Said(ctx context.Context, source string, keys []ledger.Key) (map[ledger.Key]ledger.Said, error)
	Versions(ctx context.Context, typ, id string) ([]ledger.Version, error)
}

var _ MapStore = (*store.Store)(nil)

// pinned: what a revision stands for is kept once and comes back as it was.
func pinned(t *testing.T, open func(t TB) Store) {
	s := open(t).(MapStore)
	pin := []byte{0, 1, 2, 'z'}
	asked := 0
	for range 2 {
		if err := s.KeepMap(t.Context(), "rev", "x/y", func() ([]byte, error) { asked++; return pin, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("what a revision stands for was asked %d times", asked)
	}
	no := errors.New("no")
	if err := s.KeepMap(t.Context(), "another", "x/y", func() ([]byte, error) { return nil, no }); !errors.Is(err, no) {
		t.Errorf("error %v", err)
	}
	if got, err := s.PinnedMap(t.Context(), "rev"); err != nil || !bytes.Equal(got, pin) {
		t.Errorf("pin %v %v, want %v", got, err, pin)
	}
	if _, err := s.PinnedMap(t.Context(), "none"); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("error %v, want care.ErrNotFound", err)
	}
}

// reasons: each version tells whether the record or the map changed.
func reasons(t *testing.T, open func(t TB) Store) {
	b := start(t, open)
	s := b.Store.(MapStore)
	b.save("a", entry{key: "1", text: "one", subject: "ella"}.build(t))
	again := entry{key: "1", text: "one", subject: "ella", revision: "b"}.build(t)
	again.Made = []care.Made{basic("1", "one, said better")}
	again.Held = true
	b.save("a", again)
	changed := entry{key: "1", text: "two", subject: "ella", revision: "b"}.build(t)
	b.save("a", changed)
	versions, err := s.Versions(ctx, "Basic", "1")
	b.check(err)
	if len(versions) != 3 {
		t.Fatalf("%d versions, want 3", len(versions))
	}
	got := []ledger.Reason{versions[0].After(nil), versions[1].After(&versions[0]), versions[2].After(&versions[1])}
	if want := []ledger.Reason{{First: true}, {MapFrom: "r1", MapTo: "r1b"}, {Source: true}}; !slices.Equal(got, want) {
		t.Errorf("reasons %+v, want %+v", got, want)
	}
	k := ledger.Key{Kind: "sak", Key: "1"}
	said, err := s.Said(ctx, "a", []ledger.Key{k, {Kind: "sak", Key: "none"}})
	if err != nil || len(said) != 1 || len(said[k].Made) != 1 || !bytes.Equal(said[k].Made[0].Resource.Body, changed.Made[0].Resource.Body) {
		t.Errorf("said %+v %v", said, err)
	}
	if revisions, err := s.MapRevisions(ctx, "a"); err != nil || !slices.Equal(revisions["sak"], []string{"r1b"}) {
		t.Errorf("revisions %v %v", revisions, err)
	}
	for i, text := range []string{"one", "one", "two"} {
		if r, err := s.RecordAt(ctx, "a", k, versions[i].Hash); err != nil || string(r.Body) != text {
			t.Errorf("version %d was made of %q %v, want %q", i+1, r.Body, err, text)
		}
	}
	if _, err := s.Versions(ctx, "Basic", "none"); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("error %v, want care.ErrNotFound", err)
	}
}

// overtaken: a held record that is mapped again takes nothing back from a version that
// came meanwhile, also where the source does not say when.
func overtaken(t *testing.T, open func(t TB) Store) {
	b := start(t, open)
	old := entry{key: "1", text: "one", subject: "ella", numbers: []string{ella}}.build(t)
	b.save("a", old)
	b.save("a", entry{key: "1", text: "two", subject: "ella", numbers: []string{ella}}.build(t))
	before := b.dump()
	old.Held, old.Revision = true, "r2"
	b.want(b.save("a", old), ledger.Unchanged)
	lost := entry{key: "2", text: "never held", subject: "ella"}.build(t)
	lost.Held = true
	b.want(b.save("a", lost), ledger.Unchanged)
	if b.dump() != before {
		t.Error("a version that is not held any more was kept")
	}
}
