package mapkit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ingest"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/mapkit"
	"samsyn/internal/store"
	"samsyn/mapping"
)

var day = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

// pages is a source that gives records once. Parts of a group are put together by
// taking the last of them.
type pages []adapters.Record

func (p pages) Fetch(context.Context, adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) { yield(adapters.Page{Records: p}, nil) }
}

func (pages) Assemble(group string, parts []adapters.Record) (*adapters.Record, map[string]error, error) {
	whole := slices.MaxFunc(parts, func(a, b adapters.Record) int { return strings.Compare(a.Key, b.Key) })
	whole.Key, whole.Group = group, ""
	return &whole, nil, nil
}

// world is a store into which the shipped test records were read with the shipped maps.
type world struct {
	store    *store.Store
	pipeline ingest.Pipeline
	sources  map[string]pages
}

func shippedFiles(t testing.TB) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(mapping.Shipped, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(mapping.Shipped, path)
		files[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func load(t interface{ Fatalf(string, ...any) }, files fstest.MapFS) *mapping.Set {
	set, err := mapping.Load(files)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return set
}

func source(system string) ingest.Source {
	return ingest.Source{Name: system, System: system, Service: care.Kommune, Title: system}
}

func readShipped(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	w := open(t, filepath.Join(dir, "start.db"), load(t, shippedFiles(t)))
	for system, p := range w.sources {
		if _, err := w.pipeline.Run(t.Context(), source(system), p, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t interface {
	Fatalf(string, ...any)
	Cleanup(func())
}, path string, set *mapping.Set) *world {
	now := func() time.Time { return day }
	s, err := store.Open(context.Background(), path, store.Options{Now: now})
	if err != nil {
		t.Fatalf("%v", err)
	}
	w := &world{store: s, sources: map[string]pages{}}
	w.pipeline = ingest.Pipeline{Maps: ingest.FromSet(set), Store: s, Rules: identity.Rules{Test: true}, Now: now, IDKey: s.IDKey(), Who: "test"}
	cases, err := mapkit.Cases(records, nil)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, c := range cases {
		system, kind, _ := strings.Cut(c.Map, "/")
		body, err := os.ReadFile(c.Input)
		if err != nil {
			t.Fatalf("%v", err)
		}
		r, err := mapkit.RecordOf(c.Input, body)
		if err != nil {
			t.Fatalf("%v", err)
		}
		rec := adapters.Record{Kind: kind, Key: r.Key, Media: r.Media, Body: r.Body}
		if kind == "sak" { // as the register's deliveries are: parts of a whole
			rec.Group, rec.Key = r.Key, r.Key+"/1"
		}
		w.sources[system] = append(w.sources[system], rec)
	}
	return w
}

// said is what every record says.
func (w *world) said(t *rapid.T, system string) map[ledger.Key]ledger.Said {
	var keys []ledger.Key
	for r, err := range w.store.Mapped(context.Background(), system) {
		if err != nil {
			t.Fatalf("%v", err)
		}
		keys = append(keys, ledger.Key{Kind: r.Kind, Key: r.Key})
	}
	said, err := w.store.Said(context.Background(), system, keys)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return said
}

func (w *world) waiting(t *rapid.T, system string) map[ledger.Key]string {
	refusals, err := w.store.Refusals(context.Background(), system)
	if err != nil {
		t.Fatalf("%v", err)
	}
	out := map[ledger.Key]string{}
	for _, r := range refusals {
		out[ledger.Key{Kind: r.Kind, Key: r.Key}] = r.Code + " " + r.Where + " " + r.Text
	}
	return out
}

func (w *world) dump(t *rapid.T) string {
	var b bytes.Buffer
	if err := w.store.Dump(context.Background(), &b); err != nil {
		t.Fatalf("%v", err)
	}
	return b.String()
}

// mutations change a map as people do.
var mutations = map[string]func(t *rapid.T, root *yaml.Node){
	"makes one thing less": func(t *rapid.T, root *yaml.Node) {
		if list := at(root, "make"); list != nil && len(list.Content) > 0 {
			i := rapid.IntRange(0, len(list.Content)-1).Draw(t, "thing")
			list.Content = slices.Delete(list.Content, i, i+1)
		}
	},
	"says another language": func(_ *rapid.T, root *yaml.Node) {
		if list := at(root, "make"); list != nil {
			for _, r := range list.Content {
				if at(r, "resourceType") != nil && at(r, "language") == nil {
					set(r, "language", "nb")
				}
			}
		}
	},
	"is of another service": func(_ *rapid.T, root *yaml.Node) { set(root, "service", "fastlege") },
	"makes other ids": func(_ *rapid.T, root *yaml.Node) {
		if list := at(root, "make"); list != nil {
			for _, r := range list.Content {
				if id := at(r, "id"); id != nil && strings.HasPrefix(id.Value, "{{ id('") {
					id.Value = strings.Replace(id.Value, "id('", "id('new-", 1)
				}
			}
		}
	},
	"knows nobody's number": func(_ *rapid.T, root *yaml.Node) {
		if s := at(root, "subject"); s != nil && at(s, "key") != nil {
			drop(s, "identifiers")
			drop(s, "old")
		}
	},
	"calls the subject otherwise": func(_ *rapid.T, root *yaml.Node) {
		if s := at(root, "subject"); s != nil && at(s, "key") != nil {
			k := at(s, "key")
			k.Value = strings.Replace(k.Value, "{{ ", "{{ 'new/' & ", 1)
		}
	},
	"skips all": func(_ *rapid.T, root *yaml.Node) {
		set(root, "skip", "{{ true }}")
		set(root, "because", "a test")
	},
	"refuses all": func(_ *rapid.T, root *yaml.Node) { set(root, "service", "{{ (1 | 2).single().toString() }}") },
}

func at(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func set(n *yaml.Node, key, value string) {
	drop(n, key)
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, &yaml.Node{Kind: yaml.ScalarNode, Value: value})
}

func drop(n *yaml.Node, key string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = slices.Delete(n.Content, i, i+2)
			return
		}
	}
}

// mutated changes one of a system's maps; nil where the change cannot be loaded.
func mutated(t *rapid.T, files fstest.MapFS, system string) *mapping.Set {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(files)), func(f string) bool {
		return !strings.HasPrefix(f, "maps/"+system+"/") || !strings.HasSuffix(f, ".yaml")
	})
	name := rapid.SampledFrom(names).Draw(t, "map")
	how := rapid.SampledFrom(slices.Sorted(maps.Keys(mutations))).Draw(t, "change")
	var doc yaml.Node
	if err := yaml.Unmarshal(files[name].Data, &doc); err != nil {
		t.Fatalf("%v", err)
	}
	mutations[how](t, doc.Content[0])
	text, err := yaml.Marshal(&doc)
	if err != nil {
		t.Fatalf("%v", err)
	}
	changed := maps.Clone(files)
	changed[name] = &fstest.MapFile{Data: text}
	loaded, err := mapping.Load(changed)
	if err != nil {
		return nil
	}
	return loaded
}

// What is foretold is done, and foretelling writes nothing.
func TestForetoldIsDone(t *testing.T) {
	start, err := os.ReadFile(filepath.Join(readShipped(t), "start.db"))
	if err != nil {
		t.Fatal(err)
	}
	files := shippedFiles(t)
	seen := map[string]int{}
	tries, most := 0, 4
	if os.Getenv("SAMSYN_TEST_SIZE") == "ci" {
		most = 1000
	}
	memory, err := os.MkdirTemp("/dev/shm", "samsyn-mapkit-*") // each commit waits for a disk otherwise
	if err != nil {
		memory = t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(memory); err != nil {
			t.Error(err)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		if tries++; tries > most {
			return
		}
		path := filepath.Join(memory, "s.db")
		if err := os.WriteFile(path, start, 0o600); err != nil {
			t.Fatalf("%v", err)
		}
		w := open(t, path, load(t, files))
		t.Cleanup(func() {
			if err := errors.Join(w.store.Close(), os.Remove(path)); err != nil {
				t.Errorf("%v", err)
			}
		})
		systems := slices.Sorted(maps.Keys(w.sources))
		for range rapid.IntRange(1, 2).Draw(t, "changes in a row") {
			system := rapid.SampledFrom(systems).Draw(t, "system")
			set := mutated(t, files, system)
			if set == nil {
				continue
			}
			p, src, a := w.pipeline, source(system), w.sources[system]
			p.Maps = ingest.FromSet(set)
			before, waited, dumped := w.said(t, system), w.waiting(t, system), w.dump(t)
			told, err := mapkit.Foretell(context.Background(), p, w.store, src, a)
			if err != nil {
				t.Fatalf("%v", err)
			}
			if w.dump(t) != dumped {
				t.Fatalf("foretelling wrote something")
			}
			if _, err := p.Remap(context.Background(), src, a); err != nil {
				t.Fatalf("%v", err)
			}
			check(t, told, before, w.said(t, system), waited, w.waiting(t, system), seen)
			if again, err := mapkit.Foretell(context.Background(), p, w.store, src, a); err != nil || len(again.Changes)+len(again.Refused)+len(again.Released) != 0 {
				t.Fatalf("after it was done, more is foretold: %+v %v", again, err)
			}
		}
	})
	for _, what := range []string{mapkit.Created, mapkit.Changed, mapkit.Removed, mapkit.Moved, "refused", "released"} {
		if seen[what] == 0 {
			t.Logf("no change was drawn in which something is %s", what)
		}
	}
}

// check holds what was told against what was done.
func check(t *rapid.T, told mapkit.Changes, before, after map[ledger.Key]ledger.Said, waited, waits map[ledger.Key]string, seen map[string]int) {
	keys := maps.Clone(before)
	maps.Copy(keys, after)
	var done []mapkit.Change
	for k := range keys {
		is := after[k]
		is.Key = k
		was := before[k]
		was.Key = k
		done = append(done, mapkit.Compare(was, is)...)
	}
	mapkit.SortChanges(done)
	if len(done) != len(told.Changes) {
		t.Fatalf("%d changes were told and %d done", len(told.Changes), len(done))
	}
	lines := func(all []mapkit.Change) []string {
		var out []string
		for _, c := range all {
			seen[c.What]++
			out = append(out, fmt.Sprint(c.What, c.Type, c.ID, c.Kind, c.Key))
		}
		slices.Sort(out)
		return out
	}
	if a, b := lines(told.Changes), lines(done); !slices.Equal(a, b) {
		t.Fatalf("told\n%v\ndone\n%v", a, b)
	}
	for _, c := range told.Changes {
		if was, spoke := before[ledger.Key{Kind: c.Kind, Key: c.Key}]; spoke && c.Person != was.Person {
			t.Fatalf("%s/%s was told to concern %q and concerned %q", c.Type, c.ID, c.Person, was.Person)
		}
	}
	expected := maps.Clone(waited)
	for _, r := range told.Refused {
		seen["refused"]++
		expected[ledger.Key{Kind: r.Kind, Key: r.Key}] = r.Code + " " + r.Where + " " + r.Text
	}
	for _, k := range told.Released {
		seen["released"]++
		delete(expected, k)
	}
	if !maps.Equal(expected, waits) {
		t.Fatalf("told that there wait\n%v\nand there wait\n%v", expected, waits)
	}
}
