package reconcile

import (
	"context"
	"fmt"
	"iter"

	"samsyn/adapters"
	"samsyn/internal/ingest/ledger"
)

// byWindow reads again what changed of late, for sources that cannot list. It finds what
// a cursor stepped over; what vanished it cannot see.
func (c *compare) byWindow(ctx context.Context, w adapters.Windowed) error {
	c.report.Method = ledger.ByWindow
	f := &found{}
	read := w.Window(ctx, c.started.Add(-c.Window))
	looked := func(yield func(adapters.Page, error) bool) {
		for page, err := range read {
			if err == nil {
				err = c.look(ctx, f, page)
			}
			if err != nil {
				yield(adapters.Page{}, err)
				return
			}
			if c.Progress != nil {
				c.Progress(c.src.Name, page.Listed())
			}
			if !yield(page, nil) {
				return
			}
		}
	}
	err := c.through(ctx, f, looked)
	counts := f.counts
	c.report.Listed, c.report.Equal, c.report.Left = counts.Listed, counts.Equal, f.left
	c.report.New, c.report.Changed, c.report.BackDated, c.report.Returned = counts.New, counts.Changed, counts.BackDated, counts.Returned
	c.tell(f)
	if err != nil {
		return fmt.Errorf("read a window of %s again: %w", c.src.Name, err)
	}
	return nil
}

// through keeps the pages, or only walks through them in a dry run.
func (c *compare) through(ctx context.Context, f *found, pages iter.Seq2[adapters.Page, error]) error {
	if c.DryRun {
		for _, err := range pages {
			if err != nil {
				return err
			}
		}
		return c.about(ctx, f.differ)
	}
	differs := func(yield func(adapters.Page, error) bool) {
		from := 0
		for page, err := range pages {
			if err != nil {
				yield(adapters.Page{}, err)
				return
			}
			if f.left == 0 && len(f.differ) == from {
				continue // nothing on this page is another than what is held
			}
			from = len(f.differ)
			if !yield(page, nil) {
				return
			}
		}
	}
	next, stop := iter.Pull2(iter.Seq2[adapters.Page, error](differs))
	defer stop()
	first, err, more := next()
	if err != nil || !more {
		return err // no run is begun where there is nothing to keep
	}
	rest := func(yield func(adapters.Page, error) bool) {
		for page, err, ok := first, error(nil), true; ok; page, err, ok = next() {
			if !yield(page, err) {
				return
			}
		}
	}
	if err := c.keep(ctx, rest, nil); err != nil {
		return err
	}
	return c.judge(ctx, f.differ)
}

// look compares the whole records of one page with what is held.
func (c *compare) look(ctx context.Context, f *found, page adapters.Page) error {
	heads := make([]head, 0, page.Listed())
	for _, r := range page.Records {
		heads = append(heads, headOfRecord(r))
	}
	for _, fault := range page.Faults {
		heads = append(heads, c.headOfFault(fault))
	}
	keys := make([]ledger.Key, len(heads))
	for i, h := range heads {
		keys[i] = h.Key
	}
	held, err := c.Store.Held(ctx, c.src.Name, keys)
	if err != nil {
		return err
	}
	for _, h := range heads {
		f.counts.Listed++
		now, is := held[h.Key]
		switch {
		case !is:
			c.differs(f, h, nil)
		case h.same(now.Line):
			f.counts.Equal++
		default:
			c.differs(f, h, &now.Line)
		}
	}
	return nil
}
