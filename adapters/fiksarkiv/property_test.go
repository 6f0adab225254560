package fiksarkiv_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"samsyn/adapters"
	"samsyn/internal/sim/fiksarkiv"
	"samsyn/internal/xmlsafe"
)

// inProcess is an http.RoundTripper that calls a handler without a network.
type inProcess struct{ http.Handler }

func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// small is an archive of three of the families' cases and their entries.
func small(t *testing.T) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	for _, name := range []string{"saksmapper.xml", "journalposter.xml"} {
		body, err := os.ReadFile("../../testdata/families/fiksarkiv/" + name)
		if err != nil {
			t.Fatal(err)
		}
		root, err := xmlsafe.ParseBytes(body, xmlsafe.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		list := root.Child("resultatListe")
		list.Children = slices.DeleteFunc(list.Children, func(n *xmlsafe.Node) bool {
			number := n.Children[0].Value("sakssekvensnummer")
			return number != "340" && number != "77" && number != "611"
		})
		for _, result := range list.Children { // documents and letters only take time
			result.Children[0].Children = slices.DeleteFunc(result.Children[0].Children, func(n *xmlsafe.Node) bool {
				return n.Name == "dokumentbeskrivelse" || n.Name == "korrespondansepart"
			})
		}
		out[name] = &fstest.MapFile{Data: root.Bytes()}
	}
	return out
}

// TestWhatIsHeldIsWhatTheArchiveHolds changes an archive between and during passes,
// breaks passes off and resumes them, and then compares everything that was handed
// over, the latest of each, with a first reading by somebody else.
func TestWhatIsHeldIsWhatTheArchiveHolds(t *testing.T) {
	files := small(t)
	fresh, err := fiksarkivsim.New(files)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for page, err := range must(t, fresh, func() time.Time { return now }).Fetch(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			ids = append(ids, r.Key)
		}
	}
	slices.Sort(ids)
	rapid.Check(t, func(rt *rapid.T) {
		s, err := fiksarkivsim.New(files)
		if err != nil {
			rt.Fatal(err)
		}
		clock := now
		a := must(t, s, func() time.Time { return clock })
		held := map[string]string{}
		var cursor adapters.Cursor
		deleted := map[string]bool{}
		change := func(label string) {
			clock = clock.Add(time.Duration(rapid.IntRange(1, 90).Draw(rt, label+" minutes")) * time.Minute)
			id := rapid.SampledFrom(ids).Draw(rt, label)
			if deleted[id] {
				return
			}
			if rapid.IntRange(0, 2).Draw(rt, label+" delete") == 0 {
				deleted[id] = true
				if err := s.Delete(id); err != nil {
					rt.Fatal(err)
				}
				return
			}
			edit := s.Rename
			if rapid.Bool().Draw(rt, label+" protection") {
				edit = s.Shield
			}
			if err := edit(id, fmt.Sprintf("Tekst %d", clock.Unix()), clock); err != nil {
				rt.Fatal(err)
			}
		}
		// read runs a pass and leaves it after so many pages; false where it was left.
		read := func(pages int, disturb bool) bool {
			for page, err := range a.Fetch(context.Background(), cursor) {
				if err != nil {
					rt.Fatal(err)
				}
				for _, r := range page.Records {
					held[r.Key] = string(r.Body)
				}
				cursor = page.Next
				if pages--; pages == 0 {
					return false
				}
				if disturb {
					disturb = false
					change("meanwhile")
				}
			}
			return true
		}
		for range rapid.IntRange(0, 5).Draw(rt, "steps") {
			if rapid.Bool().Draw(rt, "change") {
				change("change")
				continue
			}
			read(rapid.IntRange(1, 12).Draw(rt, "pages"), true)
		}
		clock = clock.Add(time.Minute)
		read(-1, false) // ends what was broken off
		clock = clock.Add(time.Minute)
		read(-1, false)
		want := map[string]string{}
		for page, err := range must(t, s, func() time.Time { return clock }).Fetch(context.Background(), "") {
			if err != nil {
				rt.Fatal(err)
			}
			for _, r := range page.Records {
				want[r.Key] = string(r.Body)
			}
		}
		for id, body := range want {
			if held[id] != body {
				rt.Errorf("%s is held differently than the archive holds it", id)
			}
		}
	})
}

func must(t *testing.T, h http.Handler, clock func() time.Time) adapters.Adapter {
	t.Helper()
	c := config("http://arkiv.example")
	c.Take = 3
	a, err := c.Open(adapters.Deps{HTTP: &http.Client{Transport: inProcess{h}}, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	return a
}
