package ingest_test

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
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ingest"
	"samsyn/internal/store"
	"samsyn/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

// testMaps are real maps: a "sak" says one Basic resource, a "del" is a part of a whole
// that says the same, and "notat" waits for its map.
const sakMap = `map: test/%s
about: A case of the tests.
record: sak
tables: [slag]
subject:
  key: "{{ barn }}"
  identifiers: "{[ nummer ]}"
  birthDate: "{{ fodt }}"
  name: "{{ navn }}"
skip: "{{ slag = 'utkast' }}"
because: a draft says nothing yet
make:
  - resourceType: Basic
    id: "{{ id('sak', %%key) }}"
    code: "{{ translate('slag', slag) }}"
    identifier:
      - system: urn:samsyn:test
        value: "{{ tekst }}"
`

func files(more ...string) fstest.MapFS {
	fsys := fstest.MapFS{"codes/slag.csv": {Data: []byte("code,display,system,target,targetDisplay,validFrom,validTo\nvedtak,Vedtak,urn:samsyn:category,vedtak,Vedtak,,\n")}}
	for _, kind := range append([]string{"sak", "del"}, more...) {
		fsys["maps/test/"+kind+".yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, sakMap, kind)}
	}
	return fsys
}

func maps(t tb, more ...string) ingest.Maps {
	t.Helper()
	set, err := mapping.Load(files(more...))
	if err != nil {
		t.Fatalf("maps of the test: %v", err)
	}
	return ingest.FromSet(set)
}

type tb interface {
	Helper()
	Fatalf(string, ...any)
	Errorf(string, ...any)
	Cleanup(func())
}

// emptyStore is a migrated store's file, made once for the package.
var emptyStore = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "samsyn-ingest-*")
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

// fastDir is in memory where the machine has such a folder: nothing here is about disks,
// and each commit waits for one.
func fastDir() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

func open(t tb) *store.Store {
	t.Helper()
	empty, err := emptyStore()
	if err != nil {
		t.Fatalf("%v", err)
	}
	dir, err := os.MkdirTemp(fastDir(), "samsyn-ingest-*")
	if err != nil {
		t.Fatalf("%v", err)
	}
	path := filepath.Join(dir, "s.db")
	if err := os.WriteFile(path, empty, 0o600); err != nil {
		t.Fatalf("%v", err)
	}
	s, err := store.Open(context.Background(), path, store.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), os.RemoveAll(dir)); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func pipeline(t tb, s ingest.Store) *ingest.Pipeline {
	t.Helper()
	return &ingest.Pipeline{Maps: maps(t), Store: s, Rules: identity.Rules{Test: true}, Now: func() time.Time { return now }, IDKey: []byte("key of the tests"), Who: "test"}
}

func source(name string) ingest.Source {
	return ingest.Source{Name: name, System: "test", Service: care.Skole, Title: "Kilde " + name}
}

// fake is a source in memory. Its cursor is the number of the next page; one that lists
// anew always begins at the first.
type fake struct {
	pages    []adapters.Page
	anew     bool
	failAt   int // page at which the source falls over, 0: never
	told     []adapters.Outcome
	tellFail error
	onTell   func()
}

func (f *fake) Fetch(ctx context.Context, since adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		from, _ := strconv.Atoi(string(since)) // "" is the beginning
		if f.anew {
			from = 0
		}
		for i := from; i < len(f.pages); i++ {
			if err := ctx.Err(); err != nil {
				yield(adapters.Page{}, err)
				return
			}
			if f.failAt > 0 && i >= f.failAt {
				yield(adapters.Page{}, fmt.Errorf("%w: the line is down", adapters.ErrUnavailable))
				return
			}
			p := f.pages[i]
			p.Next = adapters.Cursor(strconv.Itoa(i + 1))
			if !yield(p, nil) {
				return
			}
		}
	}
}

// Assemble puts parts with keys g/1, g/2, … in a row; what comes after a gap is held.
func (f *fake) Assemble(group string, parts []adapters.Record) (*adapters.Record, map[string]error, error) {
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b adapters.Record) int { return strings.Compare(a.Key, b.Key) })
	whole := map[string]any{"barn": group, "slag": "vedtak"}
	text, held := "", map[string]error{}
	placed := 0
	for i, p := range parts {
		if i > 0 && parts[i-1].Key == p.Key || i+1 < len(parts) && parts[i+1].Key == p.Key {
			held[p.Key] = fmt.Errorf("%s came with two contents", p.Key)
			continue
		}
		if p.Key != fmt.Sprintf("%s/%d", group, placed+1) {
			held[p.Key] = fmt.Errorf("%s waits for part %d", p.Key, placed+1)
			continue
		}
		placed++
		var b body
		if err := json.Unmarshal(p.Body, &b); err != nil {
			return nil, nil, fmt.Errorf("%w: part", adapters.ErrMalformed)
		}
		text += b.Tekst
		if len(b.Nummer) > 0 {
			whole["nummer"] = b.Nummer
		}
		if b.Slag != "" {
			whole["slag"] = b.Slag
		}
	}
	if placed == 0 {
		return nil, held, nil
	}
	whole["tekst"] = text
	raw, err := json.Marshal(whole)
	return &adapters.Record{Kind: "del", Key: group, Media: adapters.JSON, Body: raw}, held, err
}

// acknowledging is a fake that is told of outcomes.
type acknowledging struct{ *fake }

func (a acknowledging) Acknowledge(_ context.Context, outcomes []adapters.Outcome) error {
	if a.onTell != nil {
		a.onTell()
	}
	if a.tellFail != nil {
		return a.tellFail
	}
	a.told = append(a.told, outcomes...)
	return nil
}

type body struct {
	Barn   string   `json:"barn,omitempty"`
	Nummer []string `json:"nummer,omitempty"`
	Fodt   string   `json:"fodt,omitempty"`
	Navn   string   `json:"navn,omitempty"`
	Slag   string   `json:"slag,omitempty"`
	Tekst  string   `json:"tekst,omitempty"`
}

func rec(key string, day int, b body) adapters.Record {
	if b.Slag == "" {
		b.Slag = "vedtak"
	}
	raw, err := json.Marshal(b)
	if err != nil {
		panic(err) // strings always can
	}
	r := adapters.Record{Kind: "sak", Key: key, Media: adapters.JSON, Body: raw}
	if day > 0 {
		r.Changed = now.AddDate(0, 0, day-100)
	}
	return r
}

func part(group string, n int, b body) adapters.Record {
	r := rec(fmt.Sprintf("%s/%d", group, n), 0, b)
	r.Kind, r.Group = "del", group
	if b.Slag == "" {
		r.Body = bytes.Replace(r.Body, []byte(`"slag":"vedtak"`), []byte(`"slag":""`), 1)
	}
	return r
}

// Numbers of the synthetic families (testdata/README.md).
const (
	ella     = "14831460041"
	jonas    = "02892060188"
	selma    = "19882660047"
	selmaOld = "59882660030"
)

func text(t tb, write func(context.Context, *bytes.Buffer) error) string {
	t.Helper()
	var buf bytes.Buffer
	if err := write(context.Background(), &buf); err != nil {
		t.Fatalf("%v", err)
	}
	return buf.String()
}

func dump(t tb, s *store.Store) string {
	t.Helper()
	return text(t, func(ctx context.Context, b *bytes.Buffer) error { return s.Dump(ctx, b) })
}

func canonical(t tb, s *store.Store) string {
	t.Helper()
	return text(t, func(ctx context.Context, b *bytes.Buffer) error { return s.Canonical(ctx, b) })
}

// drawWorld gives what one source lists: records in versions, drafts, unreadable and
// unknown ones, deletions, parts of wholes with gaps, and faults.
func drawWorld(t *rapid.T, label string) []any {
	var out []any
	for i := range rapid.IntRange(1, 12).Draw(t, label+" n") {
		b := body{
			Barn:   rapid.SampledFrom([]string{"b1", "b2", "b3"}).Draw(t, "barn"),
			Nummer: rapid.SampledFrom([][]string{nil, {ella}, {jonas}, {selma}, {selmaOld}, {selma, selmaOld}, {ella, jonas}, {"19112500100"}, {"12345"}}).Draw(t, "nummer"),
			Fodt:   rapid.SampledFrom([]string{"", "", "2014-03-14", "2026-08-19"}).Draw(t, "fodt"),
			Tekst:  fmt.Sprint("tekst ", i),
		}
		key := rapid.SampledFrom([]string{"k1", "k2", "k3", "k4"}).Draw(t, "key")
		switch rapid.IntRange(0, 11).Draw(t, "what") {
		case 0:
			out = append(out, adapters.Record{Kind: "sak", Key: key, Changed: now.AddDate(0, 0, i), Deleted: true})
		case 1:
			b.Slag = "ukjent"
			out = append(out, rec(key, i/2+1, b))
		case 2:
			b.Slag = "utkast"
			out = append(out, rec(key, i/2+1, b))
		case 3:
			out = append(out, adapters.Record{Kind: "sak", Key: key, Changed: now.AddDate(0, 0, -i), Media: adapters.JSON, Body: []byte(`{"barn":`)})
		case 4:
			out = append(out, adapters.Record{Kind: "notat", Key: key, Changed: now.AddDate(0, 0, -i), Media: adapters.JSON, Body: fmt.Appendf(nil, `{"n":%d}`, i)})
		case 5:
			out = append(out, adapters.Fault{Kind: "fil", Key: fmt.Sprint("f", i), Where: "fil", Err: adapters.ErrMalformed, Body: []byte("<")})
		case 6, 7, 8:
			b.Barn, b.Tekst = "", fmt.Sprint("del ", i)
			out = append(out, part(rapid.SampledFrom([]string{"g1", "g2"}).Draw(t, "group"), rapid.IntRange(1, 4).Draw(t, "part"), body{Tekst: "t", Nummer: b.Nummer}))
		default:
			out = append(out, rec(key, i/2+1, b))
		}
	}
	return out
}

// cut cuts a list of things into pages of at most size.
func cut(things []any, size int) []adapters.Page {
	var pages []adapters.Page
	for chunk := range slices.Chunk(things, size) {
		var p adapters.Page
		for _, x := range chunk {
			switch x := x.(type) {
			case adapters.Record:
				p.Records = append(p.Records, x)
			case adapters.Fault:
				p.Faults = append(p.Faults, x)
			}
		}
		pages = append(pages, p)
	}
	return pages
}

func balanced(t tb, r ingest.Report, listed int) {
	t.Helper()
	if r.Listed != listed || r.Listed != r.Stored+r.Unchanged+r.Quarantined+r.Removed {
		t.Fatalf("%d listed, and the report says %+v", listed, r)
	}
}

func diff(before, after string) string {
	have := map[string]int{}
	for _, l := range strings.Split(before, "\n") {
		have[l]++
	}
	var out strings.Builder
	for _, l := range strings.Split(after, "\n") {
		if have[l]--; have[l] < 0 {
			out.WriteString("+ " + l + "\n")
		}
	}
	for l, n := range have {
		if n > 0 {
			out.WriteString("- " + l + "\n")
		}
	}
	return out.String()
}
