package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"samsyn/internal/care"
)

// sessions: what was kept comes back, a new one takes the place of an old one, and an
// ended one is gone and cannot be brought back by being seen.
func sessions(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	session := func(id, subject, provided string, expires time.Time) care.Session {
		return care.Session{ID: id, Viewer: "kari", Provider: "helseid", Subject: subject, Provided: provided, Created: at, Seen: at, Expires: expires, Facts: []byte("sealed " + id)}
	}
	there := func(ids ...string) {
		t.Helper()
		for _, id := range []string{"a", "b", "c", "d", "old"} {
			_, err := b.Session(ctx, id)
			want := false
			for _, w := range ids {
				want = want || w == id
			}
			if want && err != nil || !want && !errors.Is(err, care.ErrNotFound) {
				t.Errorf("session %s: %v, of those that should be there: %v", id, err, ids)
			}
		}
	}
	first := session("a", "s1", "p1", at.Add(8*time.Hour))
	b.check(b.PutSession(ctx, first, ""))
	if got, err := b.Session(ctx, "a"); err != nil || !reflect.DeepEqual(got, first) {
		t.Fatalf("kept %+v, got %+v, %v", first, got, err)
	}
	b.check(b.PutSession(ctx, session("b", "s1", "p2", at.Add(time.Hour)), "a"))
	there("b")
	if err := b.PutSession(ctx, session("b", "x", "x", at.Add(time.Hour)), ""); err == nil {
		t.Error("one session was written over another")
	}
	b.check(b.SeeSession(ctx, "b", at.Add(time.Minute)))
	b.check(b.SeeSession(ctx, "b", at.Add(time.Second))) // another instance, a little behind
	if got, err := b.Session(ctx, "b"); err != nil || !got.Seen.Equal(at.Add(time.Minute)) {
		t.Errorf("seen %s, %v", got.Seen, err)
	}
	b.check(b.PutSession(ctx, session("old", "", "", at.Add(time.Nanosecond*1000)), ""))
	late := session("c", "", "", at.Add(3*time.Hour))
	late.Created = at.Add(2 * time.Hour)
	b.check(b.PutSession(ctx, late, ""))
	there("c") // the others have run out
	b.check(b.EndSession(ctx, "c"))
	b.check(b.EndSession(ctx, "c"))
	b.check(b.SeeSession(ctx, "c", at))
	there()

	b.check(b.PutSession(ctx, session("a", "s1", "p1", at.Add(time.Hour)), ""))
	b.check(b.PutSession(ctx, session("b", "s1", "p2", at.Add(time.Hour)), ""))
	b.check(b.PutSession(ctx, session("c", "s2", "p3", at.Add(time.Hour)), ""))
	b.check(b.PutSession(ctx, session("d", "", "", at.Add(time.Hour)), ""))
	for _, c := range []struct {
		provider, subject, provided string
		ended                       int
		left                        []string
	}{
		{"helseid", "", "", 0, []string{"a", "b", "c", "d"}}, {"ansattporten", "s1", "p1", 0, []string{"a", "b", "c", "d"}},
		{"helseid", "", "p1", 1, []string{"b", "c", "d"}}, {"helseid", "s1", "", 1, []string{"c", "d"}}, {"helseid", "nobody", "p3", 1, []string{"d"}},
	} {
		if n, err := b.EndProvided(ctx, c.provider, c.subject, c.provided); err != nil || n != c.ended {
			t.Errorf("%+v: ended %d, %v", c, n, err)
		}
		there(c.left...)
	}
	for _, bad := range []care.Session{{}, {ID: "x", Viewer: "v", Provider: "p", Created: at, Expires: at}, {ID: "x", Provider: "p", Created: at, Expires: at.Add(1)}} {
		if err := b.PutSession(ctx, bad, ""); !errors.Is(err, care.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// once: of many who use the same at once, one is the first; another use of the same name
// is another thing.
func once(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	until := time.Now().Add(time.Hour)
	var first atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 10 {
				ok, err := b.Once(ctx, "proof", fmt.Sprint(i), until)
				if err != nil {
					t.Error(err)
				}
				if ok {
					first.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if first.Load() != 10 {
		t.Errorf("ten things were used for the first time %d times", first.Load())
	}
	if ok, err := b.Once(ctx, "assertion", "1", until); err != nil || !ok {
		t.Errorf("another use: %t, %v", ok, err)
	}
	if ok, err := b.Once(ctx, "proof", "1", until.Add(time.Hour)); err != nil || ok {
		t.Errorf("used again with another end: %t, %v", ok, err)
	}
	if len(b.SignInKey()) != 32 {
		t.Error("the key for sign-in is no key")
	}
}
