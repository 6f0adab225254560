package journal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/journal"
)

var at = time.Date(2026, 11, 23, 7, 0, 0, 123456000, time.UTC)

func zeros() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{}) }

func ended(n int) journal.Entry {
	return journal.Entry{At: at.Add(time.Duration(n) * time.Second), Kind: journal.RightEnded, Subject: fmt.Sprint("person", n),
		Payload: journal.Payload{"kind": "consent", "person": "ab12", "from": journal.Moment(at)}}
}

// begun is a new journal with n entries.
func begun(t testing.TB, n int) (path string, j *journal.Journal) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "j")
	if err := journal.Create(path, "s1", zeros()); err != nil {
		t.Fatal(err)
	}
	j = open(t, path)
	for i := range n {
		if _, err := j.Append(ended(i + 1)); err != nil {
			t.Fatal(err)
		}
	}
	return path, j
}

func open(t testing.TB, path string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(path, "s1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

func since(t testing.TB, j *journal.Journal, p journal.Position) (subjects []string) {
	t.Helper()
	all, err := j.Since(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		subjects = append(subjects, e.Subject)
	}
	return subjects
}

func TestWhatWasWrittenIsRead(t *testing.T) {
	path, j := begun(t, 2)
	middle, err := j.Last()
	if err != nil || middle.Seq != 2 {
		t.Fatalf("%+v %v", middle, err)
	}
	last, err := j.Append(ended(3), ended(4))
	if err != nil || last.Seq != 4 {
		t.Fatalf("%+v %v", last, err)
	}
	again := open(t, path)
	if got, err := again.Last(); err != nil || got != last || again.ID() != j.ID() || again.Start() != j.Start() {
		t.Errorf("opened again it ends at %+v %v, want %+v", got, err, last)
	}
	for from, want := range map[journal.Position]string{j.Start(): "[person1 person2 person3 person4]", middle: "[person3 person4]", last: "[]"} {
		if got := fmt.Sprint(since(t, again, from)); got != want {
			t.Errorf("since %d: %s, want %s", from.Seq, got, want)
		}
	}
	all, err := again.Since(journal.Position{Seq: 3, Sum: "x"})
	if !errors.Is(err, care.ErrConflict) || all != nil {
		t.Errorf("a place with another sum: %v %v", all, err)
	}
	if _, err := again.Since(journal.Position{Seq: 9, Sum: last.Sum}); !errors.Is(err, care.ErrConflict) || !strings.Contains(err.Error(), "ends with entry 4") {
		t.Errorf("a place after the end: %v", err)
	}
	got, err := again.Since(middle)
	if want := ended(3); err != nil || got[0].Seq != 3 || !got[0].At.Equal(want.At) || !got[0].Payload.Time("from").Equal(at) {
		t.Errorf("%+v %v", got, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
}

func TestOpenRefuses(t *testing.T) {
	path, _ := begun(t, 3)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(path, "s2"); !errors.Is(err, care.ErrConflict) || !strings.Contains(err.Error(), "another store") {
		t.Errorf("another store's: %v", err)
	}
	if _, err := journal.Open(path+"x", "s1"); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	if err := journal.Create(path, "s1", zeros()); !errors.Is(err, care.ErrConflict) {
		t.Errorf("begun twice: %v", err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for name, body := range map[string][]byte{
		"empty":         nil,
		"another file":  []byte("{}\n"),
		"one taken out": bytes.Join([][]byte{lines[0], lines[1], lines[3]}, nil),
		"exchanged":     bytes.Join([][]byte{lines[0], lines[2], lines[1], lines[3]}, nil),
		"twice":         bytes.Join([][]byte{lines[0], lines[1], lines[1]}, nil),
		"another id":    bytes.Replace(whole, []byte("person2"), []byte("person7"), 1),
		"a new word":    bytes.Replace(whole, []byte(`"seq":2`), []byte(`"seq":2,"x":1`), 1),
		"a new kind":    bytes.Replace(whole, []byte("right-ended"), []byte("never-heard-of"), 1),
	} {
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := journal.Open(path, "s1"); !errors.Is(err, care.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Cut at any byte, as a power cut may leave it, the journal opens with what was whole, and goes on.
func TestCutAnywhere(t *testing.T) {
	path, _ := begun(t, 3)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(whole, '\n') + 1
	for cut := first; cut <= len(whole); cut += 7 {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := journal.Open(path, "s1")
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		want := bytes.Count(whole[first:cut], []byte("\n"))
		if last, err := j.Append(ended(99)); err != nil || last.Seq != int64(want)+1 {
			t.Fatalf("cut at %d: goes on at %d %v, want %d", cut, last.Seq, err, want+1)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if got := since(t, open(t, path), j.Start()); len(got) != want+1 || got[want] != "person99" {
			t.Fatalf("cut at %d: %v", cut, got)
		}
	}
}

// Several who have it open, as several processes have, write one after another.
func TestManyWrite(t *testing.T) {
	path, j := begun(t, 0)
	var wait sync.WaitGroup
	const writers, each = 4, 5
	for w := range writers {
		own := open(t, path)
		wait.Go(func() {
			for i := range each {
				if _, err := own.Append(ended(100*w+i), ended(100*w+50+i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if got := since(t, j, j.Start()); len(got) != 2*writers*each {
		t.Errorf("%d entries", len(got))
	}
}

func TestOnlyIDsAndTimes(t *testing.T) {
	_, j := begun(t, 0)
	fine := ended(1)
	for name, change := range map[string]func(*journal.Entry){
		"no kind":           func(e *journal.Entry) { e.Kind = "" },
		"no time":           func(e *journal.Entry) { e.At = time.Time{} },
		"no subject":        func(e *journal.Entry) { e.Subject = "" },
		"a name":            func(e *journal.Entry) { e.Subject = "Ella Lyngstad" },
		"a national number": func(e *journal.Entry) { e.Subject = "14831499836" },
		"a number within":   func(e *journal.Entry) { e.Subject = "p:14831499836" },
		"a number in two":   func(e *journal.Entry) { e.Subject = "148314-99836" },
		"too little":        func(e *journal.Entry) { e.Payload = journal.Payload{"viewer": "x"} },
		"too much":          func(e *journal.Entry) { e.Payload["why"] = "x" },
		"another name":      func(e *journal.Entry) { delete(e.Payload, "from"); e.Payload["why"] = "x" },
		"no moment":         func(e *journal.Entry) { e.Payload["from"] = "today" },
		"a sentence":        func(e *journal.Entry) { e.Payload["person"] = "hun vil ikke mer" },
	} {
		e := ended(1)
		change(&e)
		if _, err := j.Append(fine, e); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	if last, err := j.Last(); err != nil || last.Seq != 0 {
		t.Errorf("of what was refused something is there: %+v %v", last, err)
	}
	fine.Subject = "8f14831499836bc0" // a random id is no number, whatever it looks like
	if _, err := j.Append(fine); err != nil {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	path, _ := begun(f, 2)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"format":"samsyn journal 1","id":"a","store":"s1"}` + "\n{}\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		path := filepath.Join(t.TempDir(), "j")
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := journal.Open(path, "s1")
		if err != nil {
			if !errors.Is(err, care.ErrConflict) && !errors.Is(err, care.ErrInvalid) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		defer func() { _ = j.Close() }()
		all, err := j.Since(j.Start())
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range all {
			if _, err := json.Marshal(e); err != nil || e.Seq != int64(i+1) {
				t.Fatalf("entry %d is %+v", i+1, e)
			}
		}
	})
}
