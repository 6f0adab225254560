package reconcile

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
)

// getAtOnce is how many records a Getter is asked for, and kept, at a time.
const getAtOnce = 100

// maxGet is how many differences are fetched one by one; more are read in a whole pass.
const maxGet = 5_000

// about fills in whom the differences are about, as far as that is known.
func (c *compare) about(ctx context.Context, lists ...[]difference) error {
	for _, list := range lists {
		held, err := c.held(ctx, list)
		if err != nil {
			return err
		}
		for i := range list {
			if p := held[list[i].key()].Person; p != "" {
				list[i].Person = p
			}
		}
	}
	return nil
}

func (c *compare) held(ctx context.Context, list []difference) (map[ledger.Key]ledger.Held, error) {
	if len(list) == 0 {
		return nil, nil
	}
	keys := make([]ledger.Key, len(list))
	for i, d := range list {
		keys[i] = d.key()
	}
	return c.Store.Held(ctx, c.src.Name, keys)
}

// repair reads what differs and keeps it on the way of everything that is read.
func (c *compare) repair(ctx context.Context, lister adapters.Lister, f *found) error {
	if len(f.differ) == 0 {
		return nil
	}
	wanted := make(map[ledger.Key]bool, len(f.differ))
	for _, d := range f.differ {
		wanted[d.key()] = true
	}
	all := f.left > 0
	is := func(k ledger.Key) bool { return all || wanted[k] }
	pages := c.only(c.adapter.Fetch(ctx, ""), is)
	if getter, ok := c.adapter.(adapters.Getter); ok && !all && len(f.differ) <= maxGet {
		if _, err := getter.Get(ctx, f.differ[0].Kind, nil); !errors.Is(err, errors.ErrUnsupported) {
			pages = get(ctx, getter, f.differ)
		}
	}
	if err := c.keep(ctx, pages, is); err != nil {
		return err
	}
	if err := c.judge(ctx, f.differ); err != nil || !all {
		return err
	}
	return c.recount(ctx, lister, f)
}

// recount compares once more, where there were more differences than were kept, to know
// how many of the others are gone.
func (c *compare) recount(ctx context.Context, lister adapters.Lister, f *found) error {
	again, _, err := c.once(ctx, lister)
	if err != nil {
		return err
	}
	remain := again.counts.Differences() - again.counts.Vanished
	for _, d := range f.differ {
		if d.Result == ledger.Refused {
			remain--
		}
	}
	f.mended = max(f.left-max(remain, 0), 0)
	return nil
}

// keep runs pages through the pipeline, as a run of its own.
func (c *compare) keep(ctx context.Context, pages iter.Seq2[adapters.Page, error], present func(ledger.Key) bool) error {
	p := *c.Pipeline
	p.Who = "reconcile"
	_, err := p.Again(ctx, c.src, c.adapter, pages, present)
	return err
}

// get reads chosen records, kind by kind.
func get(ctx context.Context, g adapters.Getter, list []difference) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		for len(list) > 0 {
			n := 0
			var keys []string
			for n < len(list) && n < getAtOnce && list[n].Kind == list[0].Kind {
				keys = append(keys, list[n].Key)
				n++
			}
			page, err := g.Get(ctx, list[0].Kind, keys)
			if !yield(page, err) || err != nil {
				return
			}
			list = list[n:]
		}
	}
}

// only leaves out of pages what nobody asked for.
func (c *compare) only(pages iter.Seq2[adapters.Page, error], is func(ledger.Key) bool) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		for page, err := range pages {
			if err != nil {
				yield(adapters.Page{}, err)
				return
			}
			var out adapters.Page
			for _, r := range page.Records {
				if is(ledger.Key{Kind: r.Kind, Key: r.Key}) {
					out.Records = append(out.Records, r)
				}
			}
			for _, fault := range page.Faults {
				if is(c.Pipeline.FaultKey(fault)) {
					out.Faults = append(out.Faults, fault)
				}
			}
			if out.Listed() > 0 && !yield(out, nil) {
				return
			}
		}
	}
}

// judge looks at what is held after the repair, and says of each difference whether it is gone.
func (c *compare) judge(ctx context.Context, list []difference) error {
	after, err := c.held(ctx, list)
	if err != nil {
		return err
	}
	for i := range list {
		d := &list[i]
		now, is := after[d.key()]
		if now.Person != "" {
			d.Person = now.Person
		}
		d.Result, d.Reason = ledger.Repaired, ""
		switch {
		case is && now.Outcome == ledger.Quarantined:
			d.Result, d.Reason = ledger.Refused, fmt.Sprintf("in quarantine (%s): %s", now.Code, now.Reason)
		case is && d.head.same(now.Line):
		case !is:
			d.Result, d.Reason = ledger.Refused, "it was listed, and gone when it was to be read"
		case d.before == nil || d.before.Hash != now.Hash: // it changed again while it was read, and that is what is held
		case now.Deleted:
			d.Result, d.Reason = ledger.Refused, "the source said that it is deleted, and what it lists now is not newer than that"
		default:
			d.Result, d.Reason = ledger.Refused, "what the source lists is older than what is held"
		}
	}
	return nil
}

// remove takes away what has vanished: what a second listing does not hold either, and
// what did not arrive while the first was read.
func (c *compare) remove(ctx context.Context, lister adapters.Lister, f *found, l *listing) error {
	if len(f.gone) == 0 {
		return nil
	}
	refuse := func(i int, why string) { f.gone[i].Result, f.gone[i].Reason = ledger.Refused, why }
	if l.unsure != "" && !c.AllowVanish {
		for i := range f.gone {
			refuse(i, l.unsure)
		}
		return nil
	}
	again, err := c.sawAgain(ctx, lister, f.gone)
	if err != nil {
		return fmt.Errorf("list %s once more, before anything is removed: %w", c.src.Name, err)
	}
	held, err := c.held(ctx, f.gone)
	if err != nil {
		return err
	}
	var records []adapters.Record
	for i, d := range f.gone {
		now, is := held[d.key()]
		switch {
		case again[d.key()]:
			refuse(i, "a second listing holds it: the source moved while it was listed")
		case !is || now.Hash != d.before.Hash || now.Record && c.since(now.Recorded):
			refuse(i, "it changed while the source was listed")
		case now.Record:
			records = append(records, adapters.Record{Kind: d.Kind, Key: d.Key, Version: ledger.Vanished, Deleted: true})
			f.gone[i].Result = ledger.Repaired
		default: // a fault whose cause is not there any more
			err := c.Store.Dismiss(ctx, c.src.Name, d.Kind, d.Key)
			switch {
			case errors.Is(err, care.ErrNotFound):
				refuse(i, "it is a part of a whole; parts are never removed")
			case err != nil:
				return err
			default:
				f.gone[i].Result = ledger.Repaired
			}
		}
	}
	if len(records) == 0 {
		return nil
	}
	return c.keep(ctx, inPages(records), nil)
}

// since tells whether something was recorded after the compare began. What was recorded
// later than now was recorded before our own clock was set back.
func (c *compare) since(recorded time.Time) bool {
	return !recorded.Before(c.started) && !recorded.After(c.Now())
}

// sawAgain lists the source once more and tells which of the vanished it holds. An
// answer that is cut short or unsure is an error.
func (c *compare) sawAgain(ctx context.Context, lister adapters.Lister, gone []difference) (map[ledger.Key]bool, error) {
	missing := make(map[ledger.Key]bool, len(gone))
	for _, d := range gone {
		missing[d.key()] = true
	}
	seen := map[ledger.Key]bool{}
	note := func(k ledger.Key) {
		if missing[k] {
			seen[k] = true
		}
	}
	for page, err := range lister.List(ctx) {
		if err != nil {
			return nil, err
		}
		for _, h := range page.Heads {
			note(ledger.Key{Kind: h.Kind, Key: h.Key})
		}
		for _, fault := range page.Faults {
			note(c.Pipeline.FaultKey(fault))
		}
		if page.Unsure != "" && !c.AllowVanish {
			return nil, fmt.Errorf("%w: %s", adapters.ErrUnavailable, page.Unsure)
		}
	}
	return seen, ctx.Err()
}

// inPages cuts removals into transactions of a bearable size.
func inPages(records []adapters.Record) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		for len(records) > 0 {
			n := min(len(records), 500)
			if !yield(adapters.Page{Records: records[:n]}, nil) {
				return
			}
			records = records[n:]
		}
	}
}
