// Package reconcile owns the proof that the store holds what a source holds: a full
// compare of what the source lists with the ledger, in bounded memory, the repair of
// what differs, and the report of it. What it repairs goes the same way as anything
// that is read (internal/ingest). It knows no source, no SQL and no viewer.
//
// A listing that was cut short is not used at all: nothing is removed, and nothing
// repaired, on half a word. What vanished is listed once more before it is removed,
// and where too much vanishes at once the source is left as it is and a person asked.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"samsyn/adapters"
	"samsyn/internal/identity"
	"samsyn/internal/ingest"
	"samsyn/internal/ingest/ledger"
)

// Store is what a compare reads and where its report is kept. Lines comes by kind and
// key in byte order.
type Store interface {
	Lines(ctx context.Context, source string, versions bool) iter.Seq2[ledger.Line, error]
	Held(ctx context.Context, source string, keys []ledger.Key) (map[ledger.Key]ledger.Held, error)
	LastBegun(ctx context.Context, source string) (time.Time, error)
	Dismiss(ctx context.Context, source, kind, key string) error
	PutReconciliation(ctx context.Context, r ledger.Reconciliation) (id int64, err error)
}

// Limits of one source. The zero value means the defaults.
type Limits struct {
	// Vanish is the largest share of what is held that may vanish at once: 0.05. Below ten
	// records the share does not count; a source that lists nothing at all always asks.
	Vanish float64
	// Window is how far back a source that cannot list is read again: 30 days.
	Window time.Duration
}

// Defaults of Limits, and the number of records below which the share does not count.
const (
	DefaultVanish = 0.05
	DefaultWindow = 30 * 24 * time.Hour
	minVanish     = 10
)

// maxLines bounds the differences that are kept of one compare.
const maxLines = 100_000

// Reconciler compares sources with the store. Its fields are set once; it may then be
// used for several sources at the same time.
type Reconciler struct {
	Store Store
	// Pipeline repairs. Its Who is not used: repairs run as "reconcile".
	Pipeline *ingest.Pipeline
	Now      func() time.Time
	Log      *slog.Logger // nil: silent
	// Dir is where a large listing is kept aside for as long as the compare takes; "" is the system's.
	Dir string
	// Who asked for the compare: "cli", "job" …
	Who string
	// Progress is told how many things were listed; may be nil.
	Progress func(source string, listed int)
}

// Options of one compare.
type Options struct {
	Limits
	// DryRun writes nothing, the report neither: it tells what would be done.
	DryRun bool
	// AllowVanish removes what vanished, however much it is and although the listing was
	// unsure: a person has looked.
	AllowVanish bool
}

// compare is one compare under way.
type compare struct {
	*Reconciler
	Options
	src      ingest.Source
	adapter  adapters.Adapter
	begun    time.Time // of the last run that read changes
	started  time.Time
	maxLines int
	buffer   int // bytes of the sorter's buffers; 0: its own choice
	report   ledger.Reconciliation
}

// Run compares one source with what is held and repairs what differs. The report is
// true in either case; the error is the source's (adapters.Err…), the store's or the
// context's. A source that stopped to ask is no error: Reconciliation.Asks says why.
func (r *Reconciler) Run(ctx context.Context, src ingest.Source, a adapters.Adapter, o Options) (ledger.Reconciliation, error) {
	return r.compare(src, a, o).run(ctx)
}

func (r *Reconciler) compare(src ingest.Source, a adapters.Adapter, o Options) *compare {
	if o.Vanish == 0 {
		o.Vanish = DefaultVanish
	}
	if o.Window == 0 {
		o.Window = DefaultWindow
	}
	return &compare{Reconciler: r, Options: o, src: src, adapter: a, started: r.Now(), maxLines: maxLines}
}

func (c *compare) run(ctx context.Context) (ledger.Reconciliation, error) {
	c.report = ledger.Reconciliation{Source: c.src.Name, Who: c.Who, Started: c.started, DryRun: c.DryRun, Method: ledger.ByNothing}
	var err error
	if c.begun, err = c.Store.LastBegun(ctx, c.src.Name); err == nil {
		err = c.method(ctx)
	}
	if err != nil {
		c.report.Failure = identity.Redact(err.Error())
	}
	c.report.Finished = c.Now()
	if !c.DryRun {
		// The report is kept also where ctx was cancelled: it is what tells why.
		id, put := c.Store.PutReconciliation(context.WithoutCancel(ctx), c.report)
		c.report.ID = id
		err = errors.Join(err, put)
	}
	c.log()
	return c.report, err
}

// method compares in the best way that the source allows.
func (c *compare) method(ctx context.Context) error {
	if lister, ok := c.adapter.(adapters.Lister); ok {
		c.report.Method = ledger.ByListing
		if err := c.byListing(ctx, lister); !errors.Is(err, adapters.ErrNoListing) {
			return err
		}
		c.report.Method = ledger.ByNothing
	}
	if w, ok := c.adapter.(adapters.Windowed); ok {
		return c.byWindow(ctx, w)
	}
	return nil
}

func (c *compare) byListing(ctx context.Context, lister adapters.Lister) error {
	f, l, err := c.once(ctx, lister)
	if err != nil {
		return err
	}
	counts := f.counts
	c.report.Listed, c.report.Held, c.report.Equal, c.report.Left = counts.Listed, counts.Held, counts.Equal, f.left+f.goneLeft
	c.report.New, c.report.Changed, c.report.BackDated, c.report.Returned, c.report.Vanished = counts.New, counts.Changed, counts.BackDated, counts.Returned, counts.Vanished
	if err := c.about(ctx, f.differ, f.gone); err != nil {
		return err
	}
	c.report.Asks = c.asks(f, l)
	if !c.DryRun && c.report.Asks == "" {
		if err = c.repair(ctx, lister, f); err == nil {
			err = c.remove(ctx, lister, f, l)
		}
		if err == nil && f.goneLeft > 0 {
			c.report.Asks = fmt.Sprintf("%d more have vanished than are removed at once; run it again", f.goneLeft)
		}
	}
	c.tell(f)
	return err
}

// once lists the source and compares the listing with the ledger.
func (c *compare) once(ctx context.Context, lister adapters.Lister) (*found, *listing, error) {
	l, err := c.listed(ctx, lister.List(ctx))
	if err != nil {
		return nil, nil, fmt.Errorf("list %s: %w", c.src.Name, err)
	}
	defer l.close()
	f, err := c.meet(ctx, l)
	return f, l, err
}

// asks is why a person must look before anything is done.
func (c *compare) asks(f *found, l *listing) string {
	gone := f.counts.Vanished
	switch {
	case c.AllowVanish || gone == 0 || l.unsure != "":
		return ""
	case !l.any:
		return fmt.Sprintf("the source lists nothing at all, and %d are held; is it the right source? If it is, allow it with --allow-vanish", f.may)
	case gone > minVanish && float64(gone) > c.Vanish*float64(f.may):
		return fmt.Sprintf("%d of %d held records have vanished, more than %.4g %%; nothing was repaired. Look at the source, and if this is right allow it with --allow-vanish", gone, f.may, 100*c.Vanish)
	}
	return ""
}

// tell moves the differences into the report.
func (c *compare) tell(f *found) {
	c.report.Repaired += f.mended
	for _, some := range [][]difference{f.differ, f.gone} {
		for _, d := range some {
			c.report.Lines = append(c.report.Lines, d.Difference)
			switch d.Result {
			case ledger.Repaired:
				c.report.Repaired++
			case ledger.Refused:
				c.report.Refused++
			}
		}
	}
}

func (c *compare) log() {
	if c.Log == nil {
		return
	}
	r := c.report
	c.Log.Info("reconciled", "source", r.Source, "method", r.Method, "dry_run", r.DryRun, "listed", r.Listed, "held", r.Held, "equal", r.Equal,
		"new", r.New, "changed", r.Changed, "back_dated", r.BackDated, "returned", r.Returned, "vanished", r.Vanished,
		"repaired", r.Repaired, "refused", r.Refused, "duration", r.Finished.Sub(r.Started), "asks", r.Asks, "error", r.Failure)
}
