package reconcile

import (
	"context"
	"iter"
	"time"

	"samsyn/adapters"
	"samsyn/internal/ingest/ledger"
)

// listing is what a source listed, in order, and how far it can be trusted.
type listing struct {
	*sorter
	// complete are the kinds of which everything was listed.
	complete map[string]bool
	// unsure is why nothing may be taken as gone all the same.
	unsure string
	// whole: every head has the hash of its record.
	whole bool
	// any: the source listed something.
	any bool
}

// listed reads a listing to its end. Whatever cuts it short is an error, and nothing of it is used.
func (c *compare) listed(ctx context.Context, pages iter.Seq2[adapters.HeadPage, error]) (*listing, error) {
	l := &listing{sorter: newSorter(c.Dir, c.buffer), complete: map[string]bool{}, whole: true}
	err := func() error {
		for page, err := range pages {
			if err != nil {
				return err
			}
			for _, h := range page.Heads {
				if err := l.add(headOf(h)); err != nil {
					return err
				}
				l.whole = l.whole && h.Hash != [32]byte{}
			}
			for _, f := range page.Faults {
				if err := l.add(c.headOfFault(f)); err != nil {
					return err
				}
			}
			l.any = l.any || len(page.Heads)+len(page.Faults) > 0
			for _, kind := range page.Complete {
				l.complete[kind] = true
			}
			if page.Unsure != "" {
				l.unsure = page.Unsure
			}
			if c.Progress != nil {
				c.Progress(c.src.Name, len(page.Heads)+len(page.Faults))
			}
		}
		return ctx.Err() // an adapter may end quietly
	}()
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func headOf(h adapters.Head) head {
	out := head{Key: ledger.Key{Kind: h.Kind, Key: h.Key}, version: h.Version, changed: h.Changed.UTC().Truncate(time.Microsecond), hashed: h.Hash != [32]byte{}}
	copy(out.sum[:], h.Hash[:])
	return out
}

func headOfRecord(r adapters.Record) head {
	return headOf(adapters.Head{Kind: r.Kind, Key: r.Key, Version: r.Version, Changed: r.Changed, Hash: r.Hash()})
}

// headOfFault is what the ledger holds of a fault.
func (c *compare) headOfFault(f adapters.Fault) head {
	key := c.Pipeline.FaultKey(f)
	return headOf(adapters.Head{Kind: key.Kind, Key: key.Key, Hash: adapters.Record{Media: f.Media, Body: f.Body}.Hash()})
}

// same tells whether the head is of what is held.
func (h head) same(l ledger.Line) bool {
	if h.hashed {
		return h.sum == [sumSize]byte(l.Hash[:sumSize])
	}
	return h.version == l.Version && h.changed.Equal(l.Changed)
}

// difference is one key on which they disagree, with what is needed to repair it and to
// see whether that worked.
type difference struct {
	ledger.Difference
	head   head
	before *ledger.Line // nil where nothing was held
}

func (d difference) key() ledger.Key { return ledger.Key{Kind: d.Kind, Key: d.Key} }

// found is what one compare of a listing with the ledger gave.
type found struct {
	counts ledger.Reconciliation // Listed, Held, Equal and the findings
	// differ holds up to maxLines differences, in order; left is how many more there are,
	// and mended how many of those were repaired.
	differ       []difference
	left, mended int
	// gone holds up to maxLines vanished keys, goneLeft how many more there are; may is
	// how many are held of the kinds that were listed completely.
	gone     []difference
	goneLeft int
	may      int
}

// meet walks through listing and ledger side by side, both in order of kind and key.
func (c *compare) meet(ctx context.Context, l *listing) (*found, error) {
	heads, err := l.sorted()
	if err != nil {
		return nil, err
	}
	f := &found{}
	err = c.lines(ctx, !l.whole, func(line ledger.Line) error {
		for h := heads.peek(); h != nil && h.comesBefore(line.Key); h = heads.peek() {
			if err := c.unheld(f, heads); err != nil {
				return err
			}
		}
		if h := heads.peek(); h != nil && h.is(line.Key) {
			return c.both(f, l, heads, line)
		}
		c.unlisted(f, l, line)
		return nil
	})
	for err == nil && heads.peek() != nil {
		err = c.unheld(f, heads)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// newest takes all heads of one key off the listing. A source that moves while it is
// listed gives a record twice: the one that changed last holds, or of equals the one
// that is held.
func newest(heads *merge, line *ledger.Line) (head, error) {
	best := heads.peek().head()
	for {
		if err := heads.pop(); err != nil {
			return head{}, err
		}
		next := heads.peek()
		if next == nil || !next.is(best.Key) {
			return best, nil
		}
		h := next.head()
		if h.changed.After(best.changed) || h.changed.Equal(best.changed) && line != nil && h.same(*line) {
			best = h
		}
	}
}

func (c *compare) unheld(f *found, heads *merge) error {
	h, err := newest(heads, nil)
	if err == nil {
		f.counts.Listed++
		c.differs(f, h, nil)
	}
	return err
}

// both meets a listed key with its ledger line. The way of what is the same, which is
// nearly everything, makes nothing.
func (c *compare) both(f *found, l *listing, heads *merge, line ledger.Line) error {
	f.counts.Listed++
	if !line.Removed {
		f.counts.Held++
		if l.complete[line.Kind] {
			f.may++
		}
	}
	if first := heads.peek(); first.equals(line) {
		changed := first.changed()
		if err := heads.pop(); err != nil {
			return err
		}
		if next := heads.peek(); next == nil || !next.is(line.Key) {
			f.counts.Equal++
			return nil
		}
		h, err := newest(heads, &line)
		if h.same(line) || !h.changed.After(changed) {
			f.counts.Equal++
			return err
		}
		c.differs(f, h, &line)
		return err
	}
	h, err := newest(heads, &line)
	switch {
	case err != nil:
		return err
	case h.same(line):
		f.counts.Equal++
	default:
		c.differs(f, h, &line)
	}
	return nil
}

// differs notes a listed key that is not held, or in another version.
func (c *compare) differs(f *found, h head, line *ledger.Line) {
	d := difference{Difference: ledger.Difference{Kind: h.Kind, Key: h.Key.Key, Result: ledger.Open}, head: h}
	switch {
	case line != nil && line.Removed:
		d.Finding = ledger.Returned
	case !h.changed.IsZero() && h.changed.Before(c.begun):
		d.Finding = ledger.BackDated
	case line == nil:
		d.Finding = ledger.New
	default:
		d.Finding = ledger.Changed
	}
	if line != nil {
		held := *line
		d.before = &held
	}
	f.counts.Note(d.Finding, 1)
	if len(f.differ) == c.maxLines {
		f.left++
		return
	}
	f.differ = append(f.differ, d)
}

// unlisted notes a held key that was not listed, where that means anything.
func (c *compare) unlisted(f *found, l *listing, line ledger.Line) {
	if line.Removed {
		return
	}
	f.counts.Held++
	if !l.complete[line.Kind] || line.Unread { // a listing without records does not tell of what was unreadable
		return
	}
	f.may++
	f.counts.Vanished++
	if len(f.gone) < c.maxLines {
		held := line
		f.gone = append(f.gone, difference{Difference: ledger.Difference{Kind: line.Kind, Key: line.Key.Key, Finding: ledger.Gone, Result: ledger.Open}, before: &held})
	} else {
		f.goneLeft++
	}
}

// lines gives the ledger's lines in order to each, read ahead on another processor.
func (c *compare) lines(ctx context.Context, versions bool, each func(ledger.Line) error) error {
	const atOnce = 2048
	type batch struct {
		lines []ledger.Line
		err   error
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	full, empty := make(chan batch, 2), make(chan []ledger.Line, 4)
	go func() {
		defer close(full)
		b := batch{lines: make([]ledger.Line, 0, atOnce)}
		for line, err := range c.Store.Lines(ctx, c.src.Name, versions) {
			if err != nil {
				b.err = err
				break
			}
			if b.lines = append(b.lines, line); len(b.lines) == atOnce {
				select {
				case full <- b:
				case <-ctx.Done():
					return
				}
				select {
				case used := <-empty:
					b.lines = used[:0]
				default:
					b.lines = make([]ledger.Line, 0, atOnce)
				}
			}
		}
		select {
		case full <- b:
		case <-ctx.Done():
		}
	}()
	var err error
	for b := range full {
		for i := 0; err == nil && i < len(b.lines); i++ {
			err = each(b.lines[i])
		}
		if err == nil {
			err = b.err
		}
		if err != nil {
			stop() // the reader ends and closes full
		}
		select {
		case empty <- b.lines:
		default:
		}
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}
