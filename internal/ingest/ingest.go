// Package ingest owns the way from a source to the store: record → mapped →
// identified → saved, or quarantined with the reason. One page of a source is one
// transaction. It knows no source format, no FHIR meaning and no SQL; the maps say
// what a record means, and the store keeps it.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"samsyn/adapters"
	"samsyn/internal/identity"
	"samsyn/internal/ingest/ledger"
	"samsyn/mapping"
)

// Source is a configured source.
type Source = ledger.Source

// Map says what one kind of record means. *mapping.Map is one.
type Map interface {
	Revision() string
	Apply(mapping.Input) (mapping.Result, error)
}

// Maps finds the map for a kind of record of a source system.
type Maps func(system, kind string) (Map, bool)

// FromSet finds maps in a loaded set.
func FromSet(set *mapping.Set) Maps {
	return func(system, kind string) (Map, bool) {
		m, ok := set.Map(system, kind)
		return m, ok
	}
}

// Store is what the pipeline needs of the store. Save keeps a page whole or not at all.
type Store interface {
	Begin(ctx context.Context, src ledger.Source, who string) (run int64, since adapters.Cursor, err error)
	End(ctx context.Context, run int64, failure string) error
	Ledger(ctx context.Context, source string, keys []ledger.Key) (map[ledger.Key]ledger.Seen, error)
	Parts(ctx context.Context, source, group string) ([]adapters.Record, error)
	Save(ctx context.Context, b ledger.Batch) (ledger.Saved, error)
	Refusals(ctx context.Context, source string) ([]ledger.Refusal, error)
	Waiting(ctx context.Context, source string) (ledger.Waiting, error)
	Pending(ctx context.Context, source string) ([]ledger.Pending, error)
	Acknowledged(ctx context.Context, source string, keys []ledger.Key) error
	Records(ctx context.Context, source string) iter.Seq2[adapters.Record, error]
	Groups(ctx context.Context, source string) ([]string, error)
}

// Pipeline reads sources into the store. Its fields are set once; it may then be
// used by many goroutines, for different sources.
type Pipeline struct {
	Maps  Maps
	Store Store
	Rules identity.Rules
	Now   func() time.Time
	IDKey []byte       // of the ids of produced resources
	Log   *slog.Logger // nil: silent
	// Workers is how many records are mapped at once; 0 is one for each processor.
	Workers int
	// Who starts the runs: "sync", "demo", … It stands in the run's report.
	Who string
}

// Reason is why one listed thing is in quarantine.
type Reason struct {
	Kind, Key, Code, Text, Where string
}

// Report is what one run did. Listed is the sum of the four outcomes.
type Report struct {
	Source                                          string
	Listed, Stored, Unchanged, Quarantined, Removed int
	Duration                                        time.Duration
	Error                                           string   `json:",omitempty"` // why the run ended early, without personal data
	Quarantine                                      []Reason `json:",omitempty"` // of what this run listed
	// Dated tells whether anything listed said when it changed; Ahead is how far the latest of it
	// lies ahead of our clock, 0 where nothing does: no clock that is right can have written it.
	Dated bool          `json:"-"`
	Ahead time.Duration `json:",omitempty"`
	// Alarms are what about the source needs a person after this run. Whoever started it fills them in.
	Alarms []string `json:",omitempty"`
}

// Progress is where a run is, after each page.
type Progress struct {
	Source string
	Read   int // listed so far
}

// Run reads a source from where it was left. What was saved before a failure
// stands, nothing is removed because of it, and the next run goes on from there. Where
// the source names a shard, that shard alone is read, from where it was left. The
// error is the source's (adapters.Err…), the store's or the context's; the report is
// true in either case.
func (p *Pipeline) Run(ctx context.Context, src Source, a adapters.Adapter, progress func(Progress)) (Report, error) {
	return p.run(ctx, src, func(r *run) error { return r.fetch(ctx, a, r.since, progress) })
}

// RunWhole is Run from the source's beginning, whatever was read before: everything
// that the source lists is looked at again, and what is unchanged costs a look in the
// ledger.
func (p *Pipeline) RunWhole(ctx context.Context, src Source, a adapters.Adapter, progress func(Progress)) (Report, error) {
	return p.run(ctx, src, func(r *run) error { return r.fetch(ctx, a, "", progress) })
}

func (r *run) fetch(ctx context.Context, a adapters.Adapter, since adapters.Cursor, progress func(Progress)) error {
	pages := a.Fetch
	if r.src.Shard != "" {
		sharder, ok := a.(adapters.Sharder)
		if !ok {
			return fmt.Errorf("read %s: %w: it cannot be read in shards", r.src.Name, adapters.ErrConfig)
		}
		pages = func(ctx context.Context, since adapters.Cursor) iter.Seq2[adapters.Page, error] {
			return sharder.FetchShard(ctx, r.src.Shard, since)
		}
	}
	var notTold error
	read := func(within context.Context, give func(*ready) bool) error {
		return r.readyAll(within, a, pages(within, since), give)
	}
	err := ahead(ctx, read, func(p *ready) error {
		told, err := r.keepPage(ctx, a, p)
		if err != nil {
			return err
		}
		notTold = errors.Join(notTold, told)
		if progress != nil {
			progress(Progress{r.src.Name, r.counts.Listed})
		}
		return nil
	}, (*ready).drop)
	if err == nil {
		err = ctx.Err() // an adapter may end quietly
	}
	if err != nil {
		return errors.Join(err, notTold)
	}
	return errors.Join(notTold, r.tellPending(ctx, a))
}

// readyAll makes each page ready while the one before it is kept. A source that is told
// what became of a page is asked for the next only then, and so is a page that must see
// what the one before it left: a key that stands on both, or parts of wholes.
func (r *run) readyAll(ctx context.Context, a adapters.Adapter, pages iter.Seq2[adapters.Page, error], give func(*ready) bool) error {
	_, tells := a.(adapters.Acknowledger)
	var before *ready
	for page, err := range pages {
		if err != nil {
			return fmt.Errorf("read %s: %w", r.src.Name, err)
		}
		if before.meets(page) && !before.wait(ctx) {
			return ctx.Err()
		}
		p, err := r.ready(ctx, a, page, false)
		if err != nil {
			return err
		}
		if !give(p) || tells && !p.wait(ctx) {
			return ctx.Err()
		}
		before = p
	}
	return nil
}

// Page keeps what a source pushed, in one transaction, as a run of its own. The source's
// cursor is left alone. Only after it returns without error may the source be
// answered that its message was received.
func (p *Pipeline) Page(ctx context.Context, src Source, a adapters.Adapter, page adapters.Page) (Report, error) {
	return p.run(ctx, src, func(r *run) error {
		told, err := r.page(ctx, a, page, true)
		return errors.Join(err, told)
	})
}

// run is one reading under way.
type run struct {
	*Pipeline
	src    Source
	id     int64
	since  adapters.Cursor
	counts ledger.Counts
	why    []Reason
	dated  bool
	ahead  time.Duration
	// present tells which records a complete listing has just shown; nil: none.
	present func(ledger.Key) bool
}

// run begins and ends a run around f.
func (p *Pipeline) run(ctx context.Context, src Source, f func(*run) error) (Report, error) {
	began := p.Now()
	r := &run{Pipeline: p, src: src}
	var err error
	if r.id, r.since, err = p.Store.Begin(ctx, src, p.Who); err == nil {
		err = f(r)
		if err == nil && !r.counts.Balanced() {
			err = fmt.Errorf("the ledger of %s does not balance: %+v", src.Name, r.counts)
		}
		failure := ""
		if err != nil {
			failure = identity.Redact(err.Error())
		}
		// The end is noted also where ctx was cancelled: it is what tells why.
		if end := p.Store.End(context.WithoutCancel(ctx), r.id, failure); end != nil {
			err = errors.Join(err, end)
		}
	}
	c := r.counts
	report := Report{Source: src.Name, Listed: c.Listed, Stored: c.Stored, Unchanged: c.Unchanged, Quarantined: c.Quarantined, Removed: c.Removed,
		Duration: p.Now().Sub(began), Quarantine: r.why, Dated: r.dated, Ahead: r.ahead}
	if err != nil {
		report.Error = identity.Redact(err.Error())
	}
	p.log().Info("run ended", "source", src.Name, "listed", c.Listed, "stored", c.Stored, "unchanged", c.Unchanged,
		"quarantined", c.Quarantined, "removed", c.Removed, "duration", report.Duration, "error", report.Error)
	return report, err
}

func (p *Pipeline) log() *slog.Logger {
	if p.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return p.Log
}
