package reconcile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ingest"
	"samsyn/internal/reconcile"
	"samsyn/internal/store"
	"samsyn/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type tb interface {
	Helper()
	Fatalf(string, ...any)
	Errorf(string, ...any)
	Cleanup(func())
}

// clock goes on by a second each time that it is asked.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Second)
	return c.at
}

var day = time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)

const sakMap = `map: test/%s
about: A case of the tests.
record: sak
subject:
  key: "{{ barn }}"
  identifiers: "{[ nummer ]}"
make:
  - resourceType: Basic
    id: "{{ id('sak', %%key) }}"
    code: { text: "{{ tekst }}" }
`

func maps() (ingest.Maps, error) {
	fsys := fstest.MapFS{}
	for _, kind := range []string{"sak", "notat"} {
		fsys["maps/test/"+kind+".yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, sakMap, kind)}
	}
	set, err := mapping.Load(fsys)
	if err != nil {
		return nil, err
	}
	return ingest.FromSet(set), nil
}

// emptyStore is a migrated store's file, made once for the package.
var emptyStore = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "samsyn-reconcile-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "empty.db")
	s, err := store.Open(context.Background(), path, store.Options{})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// bench is a store, a source and what joins them.
type bench struct {
	tb
	*clock
	store    *store.Store
	pipeline *ingest.Pipeline
	rec      *reconcile.Reconciler
	fake     *fake
}

var source = ingest.Source{Name: "kilde", System: "test", Service: care.Skole, Title: "Kilde"}

func start(t tb) *bench {
	t.Helper()
	b := &bench{tb: t, clock: &clock{at: day}, fake: &fake{kinds: []string{"sak", "notat"}}}
	empty, err := emptyStore()
	b.check(err)
	dir, err := os.MkdirTemp("", "samsyn-reconcile-*")
	b.check(err)
	path := filepath.Join(dir, "s.db")
	b.check(os.WriteFile(path, empty, 0o600))
	b.store, err = store.Open(context.Background(), path, store.Options{Now: b.now})
	b.check(err)
	t.Cleanup(func() {
		if err := errors.Join(b.store.Close(), os.RemoveAll(dir)); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	m, err := maps()
	b.check(err)
	b.pipeline = &ingest.Pipeline{Maps: m, Store: b.store, Rules: identity.Rules{Test: true}, Now: b.now, IDKey: []byte("key of the tests"), Who: "sync"}
	b.rec = &reconcile.Reconciler{Store: b.store, Pipeline: b.pipeline, Now: b.now, Dir: dir, Who: "test"}
	return b
}

func (b *bench) check(err error) {
	b.Helper()
	if err != nil {
		b.Fatalf("%v", err)
	}
}

// sync reads the source's changes.
func (b *bench) sync() {
	b.Helper()
	_, err := b.pipeline.Run(context.Background(), source, b.fake, nil)
	b.check(err)
}

func (b *bench) dump() string {
	b.Helper()
	var buf bytes.Buffer
	b.check(b.store.Dump(context.Background(), &buf))
	return buf.String()
}

// held are the records that are held and not gone, by kind and key.
func (b *bench) held() map[string]string {
	b.Helper()
	out := map[string]string{}
	for r, err := range b.store.Records(context.Background(), source.Name) {
		b.check(err)
		if !r.Deleted {
			out[r.Kind+"/"+r.Key] = string(r.Body)
		}
	}
	return out
}

// fake is a source in memory that lists, pages, gets and misbehaves as it is told.
type fake struct {
	records []adapters.Record
	kinds   []string // that it lists completely
	// versions: it lists keys and versions alone.
	versions bool
	page     int // records a page, 0: 3
	failAt   int // listing page at which it falls over, 0: never
	twice    bool
	unsure   string
	faults   []adapters.Fault
	// hidden are keys that the first listing steps over, and only that.
	hidden map[string]bool
	// also are listed last, whatever records hold.
	also  []adapters.Record
	lists int
	gets  int
	// meanwhile is done when the first listing has ended.
	meanwhile func()
}

func (f *fake) find(key string) int {
	return slices.IndexFunc(f.records, func(r adapters.Record) bool { return r.Key == key })
}

func (f *fake) put(r adapters.Record) {
	if i := slices.IndexFunc(f.records, func(o adapters.Record) bool { return o.Kind == r.Kind && o.Key == r.Key }); i >= 0 {
		f.records[i] = r
		return
	}
	f.records = append(f.records, r)
}

func (f *fake) remove(key string) {
	f.records = slices.DeleteFunc(f.records, func(r adapters.Record) bool { return r.Key == key })
}

// Fetch gives what changed at the cursor or later; the cursor is the latest change.
func (f *fake) Fetch(ctx context.Context, since adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		from, _ := time.Parse(time.RFC3339, string(since)) // "" is the beginning
		page := adapters.Page{Next: since, Faults: f.faults}
		for _, r := range f.records {
			if since == "" || !r.Changed.Before(from) {
				page.Records = append(page.Records, r)
				if at := adapters.Cursor(r.Changed.Format(time.RFC3339)); at > page.Next {
					page.Next = at
				}
			}
		}
		if ctx.Err() != nil {
			yield(adapters.Page{}, ctx.Err())
			return
		}
		yield(page, nil)
	}
}

func (f *fake) List(ctx context.Context) iter.Seq2[adapters.HeadPage, error] {
	return func(yield func(adapters.HeadPage, error) bool) {
		f.lists++
		first := f.lists == 1
		size := f.page
		if size == 0 {
			size = 3
		}
		n := 0
		for chunk := range slices.Chunk(slices.Concat(f.records, f.also), size) {
			if n++; f.failAt > 0 && n >= f.failAt {
				break
			}
			var p adapters.HeadPage
			for _, r := range chunk {
				if f.hidden[r.Key] && first {
					continue
				}
				h := adapters.Head{Kind: r.Kind, Key: r.Key, Version: r.Version, Changed: r.Changed}
				if !f.versions {
					h.Hash = r.Hash()
				}
				p.Heads = append(p.Heads, h)
			}
			if !yield(p, nil) || f.twice && !yield(p, nil) {
				return
			}
		}
		if f.failAt > 0 && n >= f.failAt {
			yield(adapters.HeadPage{}, fmt.Errorf("%w: the line is down", adapters.ErrUnavailable))
			return
		}
		if first && f.meanwhile != nil {
			f.meanwhile()
		}
		yield(adapters.HeadPage{Complete: f.kinds, Faults: f.faults, Unsure: f.unsure}, nil)
	}
}

// getting is a fake that can be asked for chosen records.
type getting struct{ *fake }

func (f getting) Get(_ context.Context, kind string, keys []string) (adapters.Page, error) {
	var p adapters.Page
	for _, r := range f.records {
		if r.Kind == kind && slices.Contains(keys, r.Key) {
			p.Records = append(p.Records, r)
		}
	}
	f.gets++
	return p, nil
}

// windowed is a source that can only be read again.
type windowed struct{ f *fake }

func (w windowed) Fetch(ctx context.Context, since adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return w.f.Fetch(ctx, since)
}

func (w windowed) Window(ctx context.Context, from time.Time) iter.Seq2[adapters.Page, error] {
	return w.f.Fetch(ctx, adapters.Cursor(from.Format(time.RFC3339)))
}

const ella = "14831460041" // of the synthetic families (testdata/README.md)

// rec is a record that changed some days before the tests' day.
func rec(key, text string, daysAgo int) adapters.Record {
	raw, err := json.Marshal(map[string]any{"barn": "b-" + key, "nummer": []string{ella}, "tekst": text})
	if err != nil {
		panic(err) // strings always can
	}
	return adapters.Record{Kind: "sak", Key: key, Version: fmt.Sprint(1000 - daysAgo), Changed: day.AddDate(0, 0, -daysAgo), Media: adapters.JSON, Body: raw}
}

func some(n int) []adapters.Record {
	var out []adapters.Record
	for i := range n {
		out = append(out, rec(fmt.Sprintf("k%03d", n-1-i), "tekst", 100-i%90))
	}
	return out
}
