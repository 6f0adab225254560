package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store"
	"samsyn/internal/store/pgtest"
)

// proxy stands between a store and its database, and cuts where it is told to.
type proxy struct {
	net.Listener
	to   string
	wait sync.WaitGroup
	// before cuts the connection instead of sending the next COMMIT on; after sends it on
	// and cuts before the answer comes back.
	before, after atomic.Bool
	cuts          atomic.Int32
}

func newProxy(t *testing.T, dsn string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, to: u.Host}
	p.wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wait.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		p.wait.Wait()
	})
	u.Host = l.Addr().String()
	return p, u.String()
}

// serve copies both ways; a COMMIT that is to be cut is one message of its own.
func (p *proxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		_ = client.Close() // the store sees that it is gone
		return
	}
	var deaf atomic.Bool
	p.wait.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if n > 0 && !deaf.Load() {
				if _, err := client.Write(buf[:n]); err != nil {
					break
				}
			}
			if deaf.Load() || err != nil { // the answer to the COMMIT came, and is swallowed
				break
			}
		}
		_ = errors.Join(client.Close(), server.Close()) // whichever is still open
	})
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if n > 0 && bytes.Contains(buf[:n], []byte("COMMIT\x00")) {
			if p.before.CompareAndSwap(true, false) {
				p.cuts.Add(1)
				break
			}
			if p.after.CompareAndSwap(true, false) {
				p.cuts.Add(1)
				deaf.Store(true)
			}
		}
		if n > 0 {
			if _, err := server.Write(buf[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	if !deaf.Load() {
		_ = errors.Join(client.Close(), server.Close()) // whichever is still open
	}
}

// page is one page of n records by their first key, with subjects and numbers.
func page(run int64, first, n int, text string) ledger.Batch {
	b := ledger.Batch{Source: "a", Run: run, At: at, Next: adapters.Cursor(fmt.Sprint(first))}
	for i := range n {
		key := fmt.Sprintf("k%d", first+i)
		b.Entries = append(b.Entries, ledger.Entry{Record: adapters.Record{Kind: "sak", Key: key, Media: adapters.JSON, Body: []byte(text), Changed: at}, Revision: "r1",
			Service: care.Skole, Subject: ledger.Subject{Key: "s" + key, Name: "Barn"}})
	}
	return b
}

func begin(t *testing.T, s *store.Store, source string) int64 {
	t.Helper()
	run, _, err := s.Begin(ctx, ledger.Source{Name: source, System: "test", Service: care.Skole, Title: source}, "test")
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func open(t *testing.T, dsn string) *store.Store {
	t.Helper()
	s, err := store.Open(ctx, dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// counted checks that each page was kept once: the run's counts are its own rows.
func counted(t *testing.T, s *store.Store, want int) {
	t.Helper()
	runs, err := s.Runs(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := runs[len(runs)-1].Counts
	var text bytes.Buffer
	if err := s.Canonical(ctx, &text); err != nil {
		t.Fatal(err)
	}
	if rows := strings.Count(text.String(), "ledger\t"); got.Listed != want || got.Stored != want || rows != want {
		t.Errorf("%d listed, %d stored and %d in the ledger, want %d of each", got.Listed, got.Stored, rows, want)
	}
}

// TestCutAtCommit is fault F15: whatever the moment at which the connection goes, a page
// is kept exactly once.
func TestCutAtCommit(t *testing.T) {
	t.Parallel()
	pgtest.Available(t)
	for name, arm := range map[string]func(*proxy) *atomic.Bool{
		"before it was sent":  func(p *proxy) *atomic.Bool { return &p.before },
		"before it was heard": func(p *proxy) *atomic.Bool { return &p.after },
	} {
		t.Run(name, func(t *testing.T) {
			p, dsn := newProxy(t, pgtest.URL(t, migrate))
			s := open(t, dsn)
			run := begin(t, s, "a")
			for i := range 5 {
				arm(p).Store(true)
				if saved, err := s.Save(ctx, page(run, i*10, 10, "text")); err != nil || saved.Counts.Stored != 10 {
					t.Fatalf("page %d: %+v %v", i, saved, err)
				}
			}
			if p.cuts.Load() != 5 {
				t.Fatalf("%d of 5 connections were cut", p.cuts.Load())
			}
			counted(t, s, 50)
		})
	}
}

// TestServerRestarts is fault F15 too: the server is killed under load, and comes back.
func TestServerRestarts(t *testing.T) {
	t.Parallel()
	pgtest.Available(t)
	server, err := pgtest.New()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	s := open(t, server.URL)
	run := begin(t, s, "a")
	done, half := make(chan error, 1), make(chan struct{})
	const pages = 40
	go func() {
		for i := range pages {
			if i == pages/4 {
				close(half)
			}
			if _, err := s.Save(ctx, page(run, i*10, 10, "text")); err != nil {
				done <- fmt.Errorf("page %d: %w", i, err)
				return
			}
		}
		done <- nil
	}()
	<-half
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	counted(t, s, pages*10)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestNobodyAnswers: what the database cannot do now is care.ErrUnavailable, and a
// password is in no error.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(ctx, "postgres://samsyn:hemmelig@"+address+"/samsyn", store.Options{})
	if !errors.Is(err, care.ErrUnavailable) || strings.Contains(err.Error(), "hemmelig") {
		t.Errorf("error %v", err)
	}
	for _, dsn := range []string{"postgres://samsyn:hemm%elig@" + address + "/samsyn", "postgres://samsyn:hemmelig@" + address + "/samsyn?pool=session", "postgres://samsyn:hemmelig@" + address + "/samsyn?sslmode=perhaps"} {
		if _, err = store.Open(ctx, dsn, store.Options{}); !errors.Is(err, care.ErrInvalid) || strings.Contains(err.Error(), "emm") {
			t.Errorf("error %v", err)
		}
	}
}

// TestWritersOfManySources is fault F16: sources that state the same numbers and subjects
// are saved at once, over and over; what is in the way is waited for or done again, and
// the store ends as if they had come one after another.
func TestWritersOfManySources(t *testing.T) {
	t.Parallel()
	pgtest.Available(t)
	const sources = 4
	rounds := 3
	if os.Getenv("SAMSYN_TEST_SIZE") == "ci" {
		rounds = 20
	}
	pages := func(source string, round int) []ledger.Entry {
		all := municipalityOf(t, 60, fmt.Sprint(source, " ", round))
		for i := range all {
			all[i].Record.Changed = at.AddDate(0, 0, round)
			all[i].Subject.Key = source + all[i].Subject.Key
		}
		return all
	}
	save := func(s *store.Store, source string) error {
		run, _, err := s.Begin(ctx, ledger.Source{Name: source, System: "test", Service: care.Skole, Title: source}, "test")
		for round := range rounds {
			if err != nil {
				return err
			}
			_, err = s.Save(ctx, ledger.Batch{Source: source, Run: run, At: at, Entries: pages(source, round), Next: "x"})
		}
		return err
	}
	together, apart := open(t, pgtest.URL(t, migrate)), open(t, pgtest.URL(t, migrate))
	errs := make(chan error, sources)
	for i := range sources {
		go func() { errs <- save(together, fmt.Sprint("s", i)) }()
	}
	for i := range sources {
		if err := errors.Join(<-errs, save(apart, fmt.Sprint("s", i))); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := canonical(t, together), canonical(t, apart); a != b {
		t.Errorf("writers at once give another store than one after another")
	}
	persons, err := together.Everybody(ctx)
	if err != nil || len(persons) != (60+22)/23 {
		t.Errorf("%d persons, want %d: %v", len(persons), (60+22)/23, err)
	}
}

func canonical(t *testing.T, s *store.Store) string {
	t.Helper()
	var b strings.Builder
	if err := s.Canonical(ctx, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestShardsAtOnce: shards of one source are saved at the same time, and a page of the
// whole source waits for them.
func TestShardsAtOnce(t *testing.T) {
	t.Parallel()
	pgtest.Available(t)
	s := open(t, pgtest.URL(t, migrate))
	run := begin(t, s, "a")
	errs := make(chan error, 5)
	for i := range 5 {
		go func() {
			b := page(run, i*1000, 50, "text")
			if i > 0 {
				b.Shard = fmt.Sprint("shard", i)
			}
			_, err := s.Save(ctx, b)
			errs <- err
		}()
	}
	for range 5 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	counted(t, s, 250)
}

// TestCancelledWork leaves nothing behind, and is told as cancelled.
func TestCancelledWork(t *testing.T) {
	t.Parallel()
	pgtest.Available(t)
	s := open(t, pgtest.URL(t, migrate))
	run := begin(t, s, "a")
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Save(cancelled, page(run, 0, 10, "text")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	counted(t, s, 0)
}
