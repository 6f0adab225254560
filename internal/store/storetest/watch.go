package storetest

import (
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/internal/ingest/ledger"
)

// watched: how wrong a source's clock is, how much of it waits and since when, and what
// became of what it listed last.
func watched(t *testing.T, open func(t TB) Store) {
	b := start(t, open)
	skew := func() (time.Duration, time.Time) {
		t.Helper()
		states, err := b.SourceStates(ctx)
		b.check(err)
		return states[0].Skew, states[0].SkewSince
	}
	if by, since := skew(); by != 0 || !since.IsZero() {
		t.Errorf("a source that was never measured is %v wrong since %v", by, since)
	}
	b.check(b.NoteClock(ctx, "a", -time.Hour-300*time.Millisecond))
	by, since := skew()
	if by != -time.Hour || since.IsZero() {
		t.Errorf("wrong by %v since %v", by, since)
	}
	before := b.dump()
	b.check(b.NoteClock(ctx, "a", -time.Hour-700*time.Millisecond))
	b.check(b.NoteClock(ctx, "nosuch", time.Hour))
	if b.dump() != before {
		t.Error("what is the same was written again")
	}
	b.check(b.NoteClock(ctx, "a", 1<<63-1)) // the year 9999
	if by, _ := skew(); by < 290*365*24*time.Hour {
		t.Errorf("wrong by %v", by)
	}
	b.check(b.NoteClock(ctx, "a", 0))
	if by, _ := skew(); by != 0 {
		t.Errorf("right again, and wrong by %v", by)
	}

	if all, err := b.Quarantine(ctx); err != nil || len(all) != 0 {
		t.Errorf("%v %v", all, err)
	}
	b.save("a", ledger.Entry{Record: adapters.Record{Kind: "fil", Key: "1"}, Fault: true, Refused: &ledger.Refusal{Code: "malformed"}}, entry{key: "2", refused: "decode"}.build(t))
	b.save("b", entry{key: "3", refused: "decode"}.build(t))
	if w, err := b.Waiting(ctx, "a"); err != nil || w != (ledger.Waiting{N: 2, Oldest: at}) {
		t.Errorf("%+v %v", w, err)
	}
	if all, err := b.Quarantine(ctx); err != nil || len(all) != 2 || all["b"].N != 1 {
		t.Errorf("%v %v", all, err)
	}
	if w, err := b.Waiting(ctx, "nosuch"); err != nil || w.N != 0 {
		t.Errorf("%+v %v", w, err)
	}
	// The page of b was kept with a run of a, as a test may.
	if c, err := b.LastCounts(ctx, "a", 2); err != nil || c.Listed != 3 || c.Quarantined != 3 {
		t.Errorf("%+v %v", c, err)
	}
	if c, err := b.LastCounts(ctx, "a", 4); err != nil || c.Listed != 0 {
		t.Errorf("%+v %v", c, err)
	}
}
