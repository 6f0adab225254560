package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/gate"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/ops/heap"
	"samsyn/internal/store"
)

// opening is a store of a municipality, and a coordinator who sees everything of each child.
type opening struct {
	gate    *gate.Gate
	timed   *timed
	persons []care.PersonID
}

// opens keeps a municipality whose every record has so many versions.
func opens(b *testing.B, s *store.Store, versions int) opening {
	b.Helper()
	run, _, err := s.Begin(ctx, ledger.Source{Name: "a", System: "test", Service: care.Skole, Title: "A"}, "bench")
	if err != nil {
		b.Fatal(err)
	}
	for v := range versions {
		for _, page := range municipality(b, 20000, fmt.Sprint("versjon ", v)) {
			for i := range page { // of a type that the table knows
				m := &page[i].Made[0].Resource
				m.Type, m.Body = "CarePlan", bytes.ReplaceAll(m.Body, []byte(`"Basic"`), []byte(`"CarePlan","status":"active","intent":"plan","title":"Plan",`+
					`"activity":[{"detail":{"status":"in-progress","code":{"text":"Tiltak"}}}]`))
			}
			if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: run, At: at.Add(time.Duration(v) * time.Hour), Entries: page, Next: "x"}); err != nil {
				b.Fatal(err)
			}
		}
	}
	o := opening{timed: &timed{Store: s}}
	if o.persons, err = s.Everybody(ctx); err != nil {
		b.Fatal(err)
	}
	for _, p := range o.persons {
		r := gatetest.Consented(anders, p, at.AddDate(0, -1, 0), care.Services()...)
		for _, v := range []care.Viewer{anders, siv} {
			r.Appointments = append(r.Appointments, gatetest.Appointed(v, p, at.AddDate(0, -1, 0), time.Time{}).Appointments...)
		}
		r.Bases = []care.Basis{{ID: "b-" + string(p), Code: "FVL13B", Person: p, Origins: []care.Service{care.Skole}, Viewer: siv.ID, Purpose: care.PurposeCOC,
			From: at.AddDate(0, -1, 0), Until: at.AddDate(0, 6, 0), DecidedBy: "ke", Reason: "samarbeid om skolestart"}}
		if err := s.PutRights(ctx, p, epochOf(b, s, p), r, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
	if o.gate, err = gatetest.Gate(o.timed, func() time.Time { return at.Add(24 * time.Hour) }, time.UTC); err != nil {
		b.Fatal(err)
	}
	return o
}

var anders = func() care.Viewer {
	v := gatetest.Coordinator("anders", "")
	v.Purpose = care.PurposeCOC
	return v
}()

// siv sees some fields of what the school says.
var siv = func() care.Viewer {
	v := anders
	v.ID = "siv"
	return v
}()

// BenchmarkOpen is one overview of a child of 23 resources through the gate, on a real store, and
// its parts: the facts, the reading, the line in the log, the consolidation, and the rest, which is the decision (twice) with
// what it takes away. Its slowest in a hundred is told too, and how much of an answer it is.
func BenchmarkOpen(b *testing.B) {
	defer heap.Keep(os.Getenv)() // as the program does
	for _, base := range bases {
		for _, versions := range []int{1, 3} {
			s, _, _ := base.open(b)
			o := opens(b, s, versions)
			t := o.timed
			for _, viewer := range []care.Viewer{anders, siv} {
				b.Run(fmt.Sprintf("%s/versions=%d/%s", base.name, versions, viewer.ID), func(b *testing.B) {
					t.facts, t.read, t.past, t.log, t.build = 0, 0, 0, 0, 0
					shown := 0
					decided := make([]time.Duration, 0, b.N)
					b.ResetTimer()
					for i := range b.N {
						began, before := time.Now(), t.all()
						a, err := o.gate.Open(ctx, gate.Request{Viewer: viewer, Door: "page", Interaction: "overview"}, o.persons[i%len(o.persons)])
						if err != nil {
							b.Fatal(err)
						}
						decided = append(decided, time.Since(began)-(t.all()-before))
						shown += len(a.Contributions)
						began = time.Now()
						if _, err := consolidate.Build(consolidate.Input{Person: a.Person, Contributions: a.Contributions, Claims: a.Claims, Sources: a.Sources, Now: a.At}); err != nil {
							b.Fatal(err)
						}
						t.build += time.Since(began)
					}
					if shown == 0 && b.N > 10 { // of some children it is not known how old they are
						b.Fatal("nothing is shown")
					}
					all := b.Elapsed()
					per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(b.N) }
					b.ReportMetric(per(t.facts), "facts-us")
					b.ReportMetric(per(t.read), "read-us")
					b.ReportMetric(per(t.past), "past-us")
					b.ReportMetric(per(t.log), "log-us")
					b.ReportMetric(per(t.build), "build-us")
					b.ReportMetric(per(all-t.all()), "decide-us")
					b.ReportMetric(100*float64(all-t.all())/float64(all), "decide-%")
					slices.Sort(decided)
					b.ReportMetric(float64(decided[len(decided)*99/100].Microseconds()), "decide-p99-us")
				})
			}
		}
	}
}

// BenchmarkAbsentAndHidden asks for what is not there and for what may not be seen, in turn, and tells how much
// longer the hidden takes: for a child, and for a resource by its id.
func BenchmarkAbsentAndHidden(b *testing.B) {
	for _, base := range bases {
		b.Run(base.name, func(b *testing.B) {
			s, _, _ := base.open(b)
			o := opens(b, s, 1)
			stranger := gatetest.Coordinator("petter", "")
			held, err := s.Contributions(ctx, o.persons[0], care.Whole(care.Services()...))
			if err != nil || len(held) == 0 {
				b.Fatal(len(held), err)
			}
			r := gate.Request{Viewer: stranger, Door: "fhir", Interaction: "read"}
			ask := func(hidden, resource bool) time.Duration {
				person, id := care.PersonID("0123456789abcdef0123456789abcdef"), "absent"
				if hidden {
					person, id = o.persons[0], held[0].Made[0].Resource.ID
				}
				began := time.Now()
				if resource {
					_, err = o.gate.History(ctx, r, "CarePlan", id)
				} else {
					_, err = o.gate.Open(ctx, r, person)
				}
				took := time.Since(began)
				if !errors.Is(err, care.ErrNotFound) {
					b.Fatal(err)
				}
				return took
			}
			b.ResetTimer()
			var took [2][2]time.Duration
			for range b.N {
				for hidden := range 2 {
					for resource := range 2 {
						took[resource][hidden] += ask(hidden == 1, resource == 1)
					}
				}
			}
			b.ReportMetric(float64(took[0][1])/float64(took[0][0]), "child-hidden/absent")
			b.ReportMetric(float64(took[1][1])/float64(took[1][0]), "resource-hidden/absent")
		})
	}
}

// timed tells how long the store takes for what the gate asks.
type timed struct {
	gate.Store
	facts, read, past, log, build time.Duration
}

func (t *timed) all() time.Duration { return t.facts + t.read + t.past + t.log + t.build }

func (t *timed) Past(ctx context.Context, p care.PersonID, v []care.Visible) ([]care.ResourceVersion, error) {
	defer t.add(&t.past, time.Now())
	return t.Store.Past(ctx, p, v)
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
