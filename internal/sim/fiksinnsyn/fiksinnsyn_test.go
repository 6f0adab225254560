package fiksinnsynsim_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	sim "samsyn/internal/sim/fiksinnsyn"
)

var data = fstest.MapFS{
	"journalpost-b.json": {Data: []byte(`{"journaldato":"2026-10-28T12:00:00+01:00"}`)},
	"mappe-a.json":       {Data: []byte(`{"sistOppdatert":"2026-11-02T09:12:00+01:00"}`)},
	"README.md":          {Data: []byte("no message")},
}

func TestDeliver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	for range 2 {
		if err := sim.Deliver(data, dir); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d files, want the two messages (%v)", len(entries), err)
	}
	for name, want := range map[string]string{"mappe-a.json": "2026-11-02T08:12:00Z", "journalpost-b.json": "2026-10-28T11:00:00Z"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.ModTime().UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: %v %v, want %s", name, info.ModTime(), err, want)
		}
	}
	if err := sim.Put(dir, "../x.json", nil); err == nil {
		t.Error("a name that leaves the folder is accepted")
	}
}

func TestSender(t *testing.T) {
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Method+" "+r.URL.Path+" "+string(body))
		if r.URL.Path == "/in/mappe/refused" {
			http.Error(w, "no", http.StatusBadRequest)
		}
	}))
	defer srv.Close()
	s := sim.Sender{Base: srv.URL + "/in/", Client: srv.Client()}
	if err := s.IndexAll(t.Context(), data); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), "mappe", "a"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"POST /in/mappe/a " + string(data["mappe-a.json"].Data),
		"POST /in/journalpost/b " + string(data["journalpost-b.json"].Data),
		"DELETE /in/mappe/a ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
	if err := s.Index(t.Context(), "mappe", "refused", nil); err == nil {
		t.Error("a refusal is taken for success")
	}
}
