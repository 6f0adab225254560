package store_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/gate"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/ingest/ledger"
)

// BenchmarkOpen is one answer about a child of 23 resources through the gate, on a real store, and
// its parts: the facts, the decision (twice), the reading, and the line in the log.
func BenchmarkOpen(b *testing.B) {
	const n = 20000
	pages := municipality(b, n, "første")
	for _, base := range bases {
		b.Run(base.name, func(b *testing.B) {
			s, _, _ := base.open(b)
			run, _, err := s.Begin(ctx, ledger.Source{Name: "a", System: "test", Service: care.Skole, Title: "A"}, "bench")
			if err != nil {
				b.Fatal(err)
			}
			for _, page := range pages {
				for i := range page { // of a type that the table knows
					m := &page[i].Made[0].Resource
					m.Type, m.Body = "CarePlan", bytes.ReplaceAll(m.Body, []byte(`"Basic"`), []byte(`"CarePlan"`))
				}
				if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: run, At: at, Entries: page, Next: "x"}); err != nil {
					b.Fatal(err)
				}
			}
			persons, err := s.Everybody(ctx)
			if err != nil {
				b.Fatal(err)
			}
			viewer := gatetest.Coordinator("anders", "")
			for _, p := range persons {
				r := gatetest.Consented(viewer, p, at.AddDate(0, -1, 0), care.Services()...)
				r.Appointments = gatetest.Appointed(viewer, p, at.AddDate(0, -1, 0), time.Time{}).Appointments
				if err := s.PutRights(ctx, p, epochOf(b, s, p), r, nil, nil); err != nil {
					b.Fatal(err)
				}
			}
			timed := &timed{Store: s}
			g, err := gatetest.Gate(timed, func() time.Time { return at }, time.UTC)
			if err != nil {
				b.Fatal(err)
			}
			viewer.Purpose = care.PurposeCOC
			timed.facts, timed.read, timed.log = 0, 0, 0
			var shown int
			b.ResetTimer()
			for i := range b.N {
				o, err := g.Open(ctx, gate.Request{Viewer: viewer, Door: "page", Interaction: "overview"}, persons[i%len(persons)])
				if err != nil {
					b.Fatal(err)
				}
				shown += len(o.Contributions)
			}
			if shown == 0 {
				b.Fatal("nothing is shown")
			}
			all := b.Elapsed()
			per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(b.N) }
			b.ReportMetric(per(timed.facts), "facts-us")
			b.ReportMetric(per(timed.read), "read-us")
			b.ReportMetric(per(timed.log), "log-us")
			b.ReportMetric(per(all-timed.facts-timed.read-timed.log), "decide-us")
		})
	}
}

// timed tells how long the store takes for what the gate asks.
type timed struct {
	gate.Store
	facts, read, log time.Duration
}

func (t *timed) Facts(ctx context.Context, v care.Viewer, p care.PersonID) (care.Facts, error) {
	defer t.add(&t.facts, time.Now())
	return t.Store.Facts(ctx, v, p)
}

func (t *timed) Contributions(ctx context.Context, p care.PersonID, v []care.Visible) ([]care.Contribution, error) {
	defer t.add(&t.read, time.Now())
	return t.Store.Contributions(ctx, p, v)
}

func (t *timed) Claims(ctx context.Context, p care.PersonID, v []care.Visible) ([]care.Claim, error) {
	defer t.add(&t.read, time.Now())
	return t.Store.Claims(ctx, p, v)
}

func (t *timed) SourceStates(ctx context.Context) ([]care.SourceState, error) {
	defer t.add(&t.read, time.Now())
	return t.Store.SourceStates(ctx)
}

func (t *timed) Audit(ctx context.Context, e map[care.PersonID]int64, l []care.Logged) error {
	defer t.add(&t.log, time.Now())
	return t.Store.Audit(ctx, e, l)
}

func (t *timed) add(to *time.Duration, began time.Time) { *to += time.Since(began) }
