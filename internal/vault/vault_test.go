package vault_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"samsyn/internal/care"
	"samsyn/internal/vault"
)

var (
	ctx = context.Background()
	at  = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
)

func now() time.Time { return at }

// shelf is rings in memory.
type shelf struct {
	mu    sync.Mutex
	rings map[vault.Partition][]byte
	n     int64
	fail  error
}

func (s *shelf) Rings(context.Context) (map[vault.Partition][]byte, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[vault.Partition][]byte{}
	for p, r := range s.rings {
		out[p] = bytes.Clone(r)
	}
	return out, s.n, s.fail
}

func (s *shelf) PutRings(_ context.Context, changes []vault.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range changes {
		if !bytes.Equal(s.rings[c.Partition], c.Before) {
			return care.ErrConflict
		}
	}
	for _, c := range changes {
		if s.rings == nil {
			s.rings = map[vault.Partition][]byte{}
		}
		s.rings[c.Partition] = c.After
	}
	s.n++
	return nil
}

func keyFile(t testing.TB) string { return filepath.Join(t.TempDir(), "s.keys") }

func open(t testing.TB, keys vault.Keys, s *shelf) *vault.Vault {
	t.Helper()
	v, err := vault.Open(ctx, keys, s, now)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func seal(t testing.TB, v *vault.Vault, p vault.Partition, place, text string) []byte {
	t.Helper()
	b, err := v.Seal(p, []byte(place), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const letter = "Amina har fått avlastning én helg i måneden hos Kari Nordvik, tlf. 99 01 23 45. Amina har fått avlastning én helg i måneden."

func TestWhatIsSealedOpensAtItsPlaceAlone(t *testing.T) {
	v := open(t, vault.InFile(keyFile(t), now), &shelf{})
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(vault.Partitions()).Draw(t, "partition")
		text := rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.Map(rapid.IntRange(0, 9000), func(n int) []byte { return []byte(strings.Repeat(letter, 80)[:n]) })).Draw(t, "text")
		place := vault.Place("record", rapid.String().Draw(t, "key"), rapid.String().Draw(t, "hash"))
		sealed, err := v.Seal(p, place, text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.Open(ctx, place, sealed); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("opened %q %v, want %q", got, err, text)
		}
		if len(text) > 12 && bytes.Contains(sealed, text[:12]) {
			t.Errorf("the text stands in what is sealed")
		}
		if v.PartitionOf(sealed) != p || v.Stale(sealed) {
			t.Errorf("sealed for %s, want %s with its newest key", v.PartitionOf(sealed), p)
		}
		other := vault.Place("record", rapid.String().Draw(t, "other"), "")
		if !bytes.Equal(other, place) {
			if _, err := v.Open(ctx, other, sealed); !errors.Is(err, vault.ErrDamaged) {
				t.Errorf("opened elsewhere: %v", err)
			}
		}
		changed := bytes.Clone(sealed)
		changed[rapid.IntRange(0, len(changed)-1).Draw(t, "byte")] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
		if _, err := v.Open(ctx, place, changed); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("opened though changed: %v", err)
		}
		if _, err := v.Open(ctx, place, sealed[:rapid.IntRange(0, len(sealed)-1).Draw(t, "cut")]); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("opened though cut: %v", err)
		}
	})
}

func TestPlacesDiffer(t *testing.T) {
	seen := map[string][]string{}
	for _, parts := range [][]string{nil, {""}, {"", ""}, {"a", "b"}, {"ab"}, {"ab", ""}, {"", "ab"}, {"a", "", "b"}, {"\x01a"}, {"a\x01b"}} {
		k := string(vault.Place(parts...))
		if before, met := seen[k]; met {
			t.Errorf("%q and %q are one place", before, parts)
		}
		seen[k] = parts
	}
}

func TestPackingIsShorter(t *testing.T) {
	v := open(t, vault.InFile(keyFile(t), now), &shelf{})
	body := `{"resourceType":"ServiceRequest","id":"x","status":"active","intent":"order","category":[{"coding":[{"system":"urn:samsyn:category","code":"vedtak","display":"Vedtak"}]}],"subject":{"reference":"Patient/x"}}`
	if n := len(seal(t, v, "skole", "p", body)); n > len(body)*2/3 {
		t.Errorf("%d bytes became %d", len(body), n)
	}
	if n := len(seal(t, v, "skole", "p", "x")); n != 1+34 {
		t.Errorf("one byte became %d, want 35", n)
	}
}

// TestDictionaryStays: what was packed with it would not open with another.
func TestDictionaryStays(t *testing.T) {
	b, err := os.ReadFile("dictionary/1.s2dict")
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != "97dcc7f16dad49faecceb0c701102be81504a61e6f5db3e78f3bdfbbc0ddae83" {
		t.Error("the dictionary was changed; a new one needs a new name and a form of its own in pack.go")
	}
}

func TestRotation(t *testing.T) {
	path, s := keyFile(t), &shelf{}
	v := open(t, vault.InFile(path, now), s)
	elsewhere := open(t, vault.InFile(path, now), s) // another instance on the same store
	old := seal(t, v, "bup", "p", letter)
	if err := v.Rotate(ctx, "bup"); err != nil {
		t.Fatal(err)
	}
	fresh := seal(t, v, "bup", "p", letter)
	if !v.Stale(old) || v.Stale(fresh) || v.Stale(seal(t, v, "skole", "p", letter)) {
		t.Error("the old key's texts are stale, and no others")
	}
	for _, v := range []*vault.Vault{v, elsewhere, open(t, vault.InFile(path, now), s)} {
		for _, sealed := range [][]byte{old, fresh} {
			if got, err := v.Open(ctx, []byte("p"), sealed); err != nil || string(got) != letter {
				t.Errorf("after a rotation %q %v", got, err)
			}
		}
	}
	if n, err := v.Retire(ctx, "bup"); n != 1 || err != nil {
		t.Fatalf("retired %d %v", n, err)
	}
	if _, err := v.Open(ctx, []byte("p"), old); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("a retired key opens: %v", err)
	}
	if got, err := v.Open(ctx, []byte("p"), fresh); err != nil || string(got) != letter {
		t.Errorf("%q %v", got, err)
	}
	if n, err := v.Retire(ctx, "bup"); n != 0 || err != nil {
		t.Errorf("retired %d %v, want nothing more", n, err)
	}
	n := 0
	for _, k := range v.List() {
		if k.Partition == "bup" {
			n++
			if !k.Primary || k.ID == 0 || !k.Made.Equal(at) {
				t.Errorf("%+v", k)
			}
		}
	}
	if n != 1 || len(v.List()) != len(vault.Partitions()) {
		t.Errorf("listed %d keys of bup, %d in all", n, len(v.List()))
	}
}

// TestRotateTwiceAtOnce: of two instances that rotate at the same time one is told.
func TestRotateTwiceAtOnce(t *testing.T) {
	path, s := keyFile(t), &shelf{}
	a, b := open(t, vault.InFile(path, now), s), open(t, vault.InFile(path, now), s)
	if err := a.Rotate(ctx, "ppt"); err != nil {
		t.Fatal(err)
	}
	if err := b.Rotate(ctx, "ppt"); !errors.Is(err, care.ErrConflict) {
		t.Errorf("error %v, want a conflict", err)
	}
}

func TestDestruction(t *testing.T) {
	path, s := keyFile(t), &shelf{}
	v := open(t, vault.InFile(path, now), s)
	before := map[vault.Partition][]byte{} // a backup of the store
	for p, r := range s.rings {
		before[p] = r
	}
	gone, kept := seal(t, v, "barnevern", "p", letter), seal(t, v, "skole", "p", letter)
	for range 2 {
		if err := v.Destroy(ctx, "barnevern"); err != nil {
			t.Fatal(err)
		}
	}
	restored := open(t, vault.InFile(path, now), &shelf{rings: map[vault.Partition][]byte{"skole": before["skole"]}})
	for _, v := range []*vault.Vault{v, open(t, vault.InFile(path, now), s), restored} {
		if _, err := v.Open(ctx, []byte("p"), gone); err == nil {
			t.Error("opened after its key was destroyed")
		}
		if got, err := v.Open(ctx, []byte("p"), kept); err != nil || string(got) != letter {
			t.Errorf("%q %v", got, err)
		}
	}
	if _, err := v.Open(ctx, []byte("p"), gone); !errors.Is(err, vault.ErrDestroyed) {
		t.Errorf("error %v, want it told that the key was destroyed", err)
	}
	if _, err := v.Seal("barnevern", []byte("p"), []byte(letter)); !errors.Is(err, vault.ErrDestroyed) {
		t.Errorf("sealed with a destroyed key: %v", err)
	}
	if err := v.Rotate(ctx, "barnevern"); !errors.Is(err, vault.ErrDestroyed) {
		t.Errorf("rotated a destroyed key: %v", err)
	}
	// An older copy of the store has the ring, but nothing unwraps it: the store opens without.
	back := open(t, vault.InFile(path, now), &shelf{rings: before})
	if _, err := back.Open(ctx, []byte("p"), gone); !errors.Is(err, vault.ErrDestroyed) {
		t.Errorf("the backup is readable: %v", err)
	}
	for _, p := range []vault.Partition{vault.Instance, vault.Coordination, "nowhere"} {
		if err := v.Destroy(ctx, p); !errors.Is(err, care.ErrInvalid) {
			t.Errorf("destroy %s: %v", p, err)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil || bytes.Contains(raw, []byte(`"barnevern": "`)) && !bytes.Contains(raw, []byte(`"barnevern": "2026-11-23T07:00:00Z"`)) {
		t.Errorf("the key file holds it still: %v", err)
	}
}

func TestKeyFile(t *testing.T) {
	path, s := keyFile(t), &shelf{}
	open(t, vault.InFile(path, now), s)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v %v", info.Mode(), err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := keyFile(t)
	open(t, vault.InFile(other, now), &shelf{})
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		want  string
	}{
		"missing":     {func(*testing.T, string) {}, "put back the copy"},
		"another's":   {func(t *testing.T, path string) { copyFile(t, other, path, 0o600) }, "another store's key file"},
		"for all":     {func(t *testing.T, path string) { copyFile(t, content, path, 0o644) }, "chmod 600"},
		"empty":       {func(t *testing.T, path string) { copyFile(t, []byte{}, path, 0o600) }, "no key file"},
		"no key file": {func(t *testing.T, path string) { copyFile(t, []byte(`{"version":2}`), path, 0o600) }, "no key file"},
		"half": {func(t *testing.T, path string) {
			copyFile(t, bytes.Replace(content, []byte(`"skole"`), []byte(`"skule"`), 1), path, 0o600)
		}, "no key for skole"},
	} {
		t.Run(name, func(t *testing.T) {
			path := keyFile(t)
			c.spoil(t, path)
			_, err := vault.Open(ctx, vault.InFile(path, now), s, now)
			if !errors.Is(err, care.ErrUnavailable) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if _, err := os.Stat(path); name == "missing" && !os.IsNotExist(err) {
				t.Error("a key file was made for a store that has its keys elsewhere")
			}
		})
	}
}

func copyFile(t *testing.T, from any, to string, mode os.FileMode) {
	t.Helper()
	b, ok := from.([]byte)
	if !ok {
		var err error
		if b, err = os.ReadFile(from.(string)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(to, b, mode); err != nil {
		t.Fatal(err)
	}
}

// TestMadeOnce: two instances that start on an empty store at the same time use the same keys.
func TestMadeOnce(t *testing.T) {
	path, s := keyFile(t), &shelf{}
	all := make(chan *vault.Vault)
	for range 4 {
		go func() {
			v, err := vault.Open(ctx, vault.InFile(path, now), s, now)
			if err != nil {
				t.Error(err)
			}
			all <- v
		}()
	}
	var vs []*vault.Vault
	for range 4 {
		vs = append(vs, <-all)
	}
	for _, v := range vs {
		if v == nil {
			return // it was told
		}
		sealed := seal(t, v, "skole", "p", letter)
		for _, w := range vs {
			if got, err := w.Open(ctx, []byte("p"), sealed); err != nil || string(got) != letter {
				t.Errorf("%q %v", got, err)
			}
		}
	}
}

// remote is keys in a service that keeps them, over HTTP, as a KMS would.
type remote struct {
	url  string
	http *http.Client
}

func (r remote) do(ctx context.Context, what string, p vault.Partition, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+"/"+what+"/"+string(p), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	res, err := r.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", vault.ErrNoKeys, err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", vault.ErrNoKeys, err)
	case res.StatusCode == http.StatusGone:
		return nil, vault.ErrDestroyed
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: status %d", vault.ErrNoKeys, res.StatusCode)
	}
	return out, nil
}

func (r remote) Wrap(ctx context.Context, p vault.Partition, b []byte) ([]byte, error) {
	return r.do(ctx, "wrap", p, b)
}
func (r remote) Unwrap(ctx context.Context, p vault.Partition, b []byte) ([]byte, error) {
	return r.do(ctx, "unwrap", p, b)
}
func (r remote) Destroy(ctx context.Context, p vault.Partition) error {
	_, err := r.do(ctx, "destroy", p, nil)
	return err
}

// TestRemoteKeys: a service of keys does as well as a file, and where it fails nothing opens.
func TestRemoteKeys(t *testing.T) {
	inside := vault.InFile(keyFile(t), now)
	var broken atomic.Pointer[func(w http.ResponseWriter) bool]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := broken.Load(); f != nil && (*f)(w) {
			return
		}
		body, err := io.ReadAll(r.Body)
		what, p, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		var out []byte
		switch {
		case err != nil:
		case what == "wrap":
			out, err = inside.Wrap(r.Context(), vault.Partition(p), body)
		case what == "unwrap":
			out, err = inside.Unwrap(r.Context(), vault.Partition(p), body)
		default:
			err = inside.Destroy(r.Context(), vault.Partition(p))
		}
		switch {
		case errors.Is(err, vault.ErrDestroyed):
			w.WriteHeader(http.StatusGone)
		case err != nil:
			w.WriteHeader(http.StatusInternalServerError)
		default:
			_, _ = w.Write(out) // the client's error is what is tested
		}
	}))
	defer server.Close()
	keys, s := remote{server.URL, server.Client()}, &shelf{}
	v := open(t, keys, s)
	sealed := seal(t, v, "skole", "p", letter)
	again := open(t, keys, s)
	if got, err := again.Open(ctx, []byte("p"), sealed); err != nil || string(got) != letter {
		t.Fatalf("%q %v", got, err)
	}
	for name, f := range map[string]func(w http.ResponseWriter) bool{
		"refuses":     func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusForbidden); return true },
		"says little": func(w http.ResponseWriter) bool { return true },
		"lies":        func(w http.ResponseWriter) bool { _, _ = w.Write([]byte("\x08\x01 another ring")); return true },
		"hangs up":    func(http.ResponseWriter) bool { panic(http.ErrAbortHandler) },
	} {
		broken.Store(&f)
		if _, err := vault.Open(ctx, keys, s, now); err == nil {
			t.Errorf("%s: the store opens", name)
		}
		if _, err := vault.Open(ctx, keys, &shelf{}, now); err == nil {
			t.Errorf("%s: a new store opens", name)
		}
		if err := v.Rotate(ctx, "skole"); err == nil {
			t.Errorf("%s: rotated", name)
		}
	}
	broken.Store(nil)
	if err := v.Destroy(ctx, "bup"); err != nil {
		t.Fatal(err)
	}
}

// TestShelfFails: a store that cannot give its rings is not opened.
func TestShelfFails(t *testing.T) {
	if _, err := vault.Open(ctx, vault.InFile(keyFile(t), now), &shelf{fail: care.ErrUnavailable}, now); !errors.Is(err, care.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
}

// TestRingsHoldNoKey: what lies with the data is wrapped, and says no more than ids and times.
func TestRingsHoldNoKey(t *testing.T) {
	path, s := keyFile(t), &shelf{}
	open(t, vault.InFile(path, now), s)
	var file struct {
		Keys map[string][]byte `json:"keys"`
	}
	raw, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(raw, &file) != nil || len(file.Keys) != len(vault.Partitions()) {
		t.Fatalf("%d keys %v", len(file.Keys), err)
	}
	for p, ring := range s.rings {
		for of, k := range file.Keys {
			if len(k) != 32 || bytes.Contains(ring, k) {
				t.Errorf("ring of %s holds the key of %s", p, of)
			}
		}
		if bytes.Contains(ring, []byte("AesGcmKey")) {
			t.Errorf("ring of %s is not wrapped", p)
		}
	}
}

func FuzzOpen(f *testing.F) {
	v := open(f, vault.InFile(keyFile(f), now), &shelf{})
	f.Add(seal(f, v, "skole", "q", letter))
	f.Add([]byte{1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if got, err := v.Open(ctx, []byte("p"), sealed); err == nil {
			t.Errorf("%x opened to %q", sealed, got)
		}
	})
}

// used is this process's processor time: the clock tells more of its neighbours.
func used(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkSeal(b *testing.B) {
	v := open(b, vault.InFile(keyFile(b), now), &shelf{})
	for _, path := range []string{"../../testdata/records/fhirrest/ServiceRequest/vedtak.input.json", "../../testdata/records/barnevernsregister/sak/amina.input.xml"} {
		body, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		place := vault.Place("resource", "12345", "1", "0")
		sealed := seal(b, v, "skole", string(place), string(body))
		b.Run("seal/"+filepath.Base(path), func(b *testing.B) {
			b.ReportAllocs()
			began := used(b)
			for b.Loop() {
				if _, err := v.Seal("skole", place, body); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((used(b)-began).Nanoseconds())/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(len(body)), "bytes")
			b.ReportMetric(float64(len(sealed)), "sealed-bytes")
		})
		b.Run("open/"+filepath.Base(path), func(b *testing.B) {
			b.ReportAllocs()
			began := used(b)
			for b.Loop() {
				if _, err := v.Open(ctx, place, sealed); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((used(b)-began).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}
