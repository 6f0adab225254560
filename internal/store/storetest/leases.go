package storetest

import (
	"errors"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
)

// leases: one holder at a time, a take-over gives a greater token, and what a holder
// reads after it was taken over is kept nowhere.
func leases(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	first, err := b.Acquire(ctx, "a", "one", time.Hour)
	b.check(err)
	if held, err := b.Acquire(ctx, "a", "two", time.Hour); !errors.Is(err, care.ErrConflict) || held.Holder != "one" || held.Token != first.Token {
		t.Fatalf("a held lease was given again: %+v, %v", held, err)
	}
	if _, err := b.Acquire(ctx, "b", "two", time.Hour); err != nil {
		t.Fatalf("the lease of another source: %v", err)
	}
	b.check(b.Renew(ctx, first, 0)) // it runs out at once: the holder is paused
	second, err := b.Acquire(ctx, "a", "two", time.Hour)
	b.check(err)
	if second.Token <= first.Token {
		t.Fatalf("the second token %d is not greater than %d", second.Token, first.Token)
	}
	if err := b.Renew(ctx, first, time.Hour); !errors.Is(err, care.ErrConflict) {
		t.Errorf("a lost lease was renewed: %v", err)
	}
	b.check(b.Release(ctx, first)) // too late, and no fault
	if _, err := b.Acquire(ctx, "a", "three", time.Hour); !errors.Is(err, care.ErrConflict) {
		t.Errorf("the late release freed the lease of another: %v", err)
	}

	save := func(fence int64, next adapters.Cursor) error {
		_, err := b.Save(ctx, ledger.Batch{Source: "a", Run: b.run, At: at, Fence: fence, Next: next})
		return err
	}
	before := b.dump()
	if err := save(first.Token, "late"); !errors.Is(err, care.ErrConflict) {
		t.Fatalf("a page of a holder that was taken over was kept: %v", err)
	}
	if after := b.dump(); after != before {
		t.Errorf("it left something:\n%s", diff(before, after))
	}
	b.check(save(second.Token, "on"))

	if _, err := b.Seize(ctx, "a", "four", time.Hour, first.Token); !errors.Is(err, care.ErrConflict) {
		t.Errorf("a lease was seized from one who does not hold it: %v", err)
	}
	fourth, err := b.Seize(ctx, "a", "four", time.Hour, second.Token)
	b.check(err)
	b.check(b.Release(ctx, fourth))
	fifth, err := b.Acquire(ctx, "a", "five", time.Hour)
	b.check(err)
	if !(second.Token < fourth.Token && fourth.Token < fifth.Token) {
		t.Errorf("tokens %d, %d, %d do not grow", second.Token, fourth.Token, fifth.Token)
	}
}

// interrupted: who takes a lease notes that the runs of earlier holders were interrupted.
func interrupted(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	push, _, err := b.Begin(ctx, ledger.Source{Name: "a", System: "test", Service: care.Skole, Title: "Source a"}, ledger.ByPush)
	b.check(err)
	_, err = b.Acquire(ctx, "a", "next", time.Hour)
	b.check(err)
	runs, err := b.Runs(ctx, 0)
	b.check(err)
	for _, r := range runs {
		want := r.Source == "a" && r.ID != push
		if got := r.Failure == ledger.Interrupted && !r.Finished.IsZero(); got != want {
			t.Errorf("run of %s by %s: interrupted is %t", r.Source, r.Who, got)
		}
	}
}

// shards: each shard of a source has its own cursor and its own lease, and the whole
// source's cursor stays where it is.
func shards(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	left := func(shard string) adapters.Cursor {
		t.Helper()
		_, since, err := b.Begin(ctx, ledger.Source{Name: "a", System: "test", Service: care.Skole, Title: "Source a", Shard: shard}, "test")
		b.check(err)
		return since
	}
	for _, next := range []adapters.Cursor{"p1", "p2"} {
		_, err := b.Save(ctx, ledger.Batch{Source: "a", Shard: "x", Run: b.run, At: at, Next: next})
		b.check(err)
	}
	for shard, want := range map[string]adapters.Cursor{"x": "p2", "y": "", "": ""} {
		if got := left(shard); got != want {
			t.Errorf("shard %q was left at %q, want %q", shard, got, want)
		}
	}
	run, _, err := b.Begin(ctx, ledger.Source{Name: "a", System: "test", Service: care.Skole, Title: "Source a", Shard: "z"}, "test")
	b.check(err)
	b.check(b.End(ctx, run, ""))
	read, err := b.ShardsDone(ctx, "a")
	b.check(err)
	if len(read) != 1 || read["z"].IsZero() {
		t.Errorf("the shards that were read are %v, want z alone", read)
	}
	happened, err := b.Done(ctx)
	b.check(err)
	if len(happened) != 0 {
		t.Errorf("a shard counts as the whole: %v", happened)
	}
	if _, err := b.Acquire(ctx, ledger.LeaseName("a", "x"), "one", time.Hour); err != nil {
		t.Error(err)
	}
	if _, err := b.Acquire(ctx, ledger.LeaseName("a", "y"), "two", time.Hour); err != nil {
		t.Error(err)
	}
}

// done: only whole readings that went well count as having happened.
func done(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	b.check(b.End(ctx, b.run, "the source does not answer"))
	push, _, err := b.Begin(ctx, ledger.Source{Name: "b", System: "test", Service: care.Skole, Title: "Source b"}, ledger.ByPush)
	b.check(err)
	b.check(b.End(ctx, push, ""))
	happened, err := b.Done(ctx)
	b.check(err)
	if len(happened) != 0 {
		t.Errorf("before anything went well: %v", happened)
	}
	b.check(b.End(ctx, b.begin("a"), ""))
	_, err = b.PutReconciliation(ctx, ledger.Reconciliation{Source: "b", Who: "test", Started: at, Finished: at.Add(time.Minute), Method: ledger.ByListing})
	b.check(err)
	if happened, err = b.Done(ctx); err != nil {
		t.Fatal(err)
	}
	if happened["a"][ledger.TaskSync].IsZero() || !happened["b"][ledger.TaskReconcile].Equal(at.Add(time.Minute)) || len(happened) != 2 || len(happened["a"]) != 1 {
		t.Errorf("after a reading of a and a reconciliation of b: %v", happened)
	}
}
