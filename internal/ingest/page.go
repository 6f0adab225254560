package ingest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"samsyn/adapters"
	"samsyn/internal/identity"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/ops/span"
)

// listed is one thing on a page and what is known of it before anything is decoded.
type listed struct {
	entry  ledger.Entry
	reason error // of a fault, as the adapter gave it
	known  bool  // seen before, as it is, by this revision of the map
	was    ledger.Outcome
	at     int // its place among the batch's entries, where it is not known
}

func (t *listed) key() ledger.Key {
	return ledger.Key{Kind: t.entry.Record.Kind, Key: t.entry.Record.Key}
}

// page keeps one page. told is why the source could not be told of the outcomes; the
// page is kept all the same, and the next run tells it again.
func (r *run) page(ctx context.Context, a adapters.Adapter, page adapters.Page, keepCursor bool) (told, err error) {
	p, err := r.ready(ctx, a, page, keepCursor)
	if err != nil {
		return nil, err
	}
	return r.keepPage(ctx, a, p)
}

// ready is a page that was looked at and mapped, and of which nothing is written yet.
type ready struct {
	listed   int
	things   []listed
	keys     map[ledger.Key]bool
	parts    bool // there are parts of wholes among them
	faultKey func(adapters.Fault) ledger.Key
	batch    ledger.Batch
	ctx      context.Context // of its span
	end      func(error)
	kept     chan struct{} // closed once it is kept
}

// ready looks at a page and maps what is new.
func (r *run) ready(ctx context.Context, a adapters.Adapter, page adapters.Page, keepCursor bool) (p *ready, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	_, tells := a.(adapters.Acknowledger)
	p = &ready{listed: page.Listed(), faultKey: r.FaultKey, keys: make(map[ledger.Key]bool, page.Listed()), kept: make(chan struct{})}
	p.ctx, p.end = span.Start(context.WithoutCancel(ctx), "page", span.Text("source", r.src.Name), span.Count("listed", page.Listed()))
	if p.things, err = r.look(p.ctx, page); err == nil {
		for i := range p.things {
			p.keys[p.things[i].key()] = true
			p.parts = p.parts || p.things[i].entry.Part
		}
		p.batch = ledger.Batch{Source: r.src.Name, Run: r.id, At: r.Now(), Next: page.Next, Shard: r.src.Shard, Fence: r.src.Fence, KeepCursor: keepCursor, Acknowledge: tells}
		err = r.fill(p.ctx, a, p.things, &p.batch)
	}
	if err != nil {
		p.end(err)
		return nil, err
	}
	return p, nil
}

// meets tells whether a page must see what this one, which is kept meanwhile, leaves.
func (p *ready) meets(page adapters.Page) bool {
	if p == nil {
		return false
	}
	for _, rec := range page.Records {
		if p.keys[ledger.Key{Kind: rec.Kind, Key: rec.Key}] || p.parts && rec.Group != "" {
			return true
		}
	}
	for _, f := range page.Faults {
		if p.keys[p.faultKey(f)] {
			return true
		}
	}
	return false
}

// wait waits until the page is kept; false where ctx ends before.
func (p *ready) wait(ctx context.Context) bool {
	select {
	case <-p.kept:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *ready) drop() { p.end(context.Canceled) }

// keepPage keeps a page that is ready. A page that was begun is kept also where ctx ends
// meanwhile: a stop waits for it, and loses nothing.
func (r *run) keepPage(ctx context.Context, a adapters.Adapter, p *ready) (told, err error) {
	defer func() { p.end(err) }()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	acknowledger, _ := a.(adapters.Acknowledger)
	r.clock(p.things)
	if err := r.room(p.ctx, p.things, p.batch); err != nil {
		return nil, err
	}
	saved, err := r.save(p.ctx, p.batch)
	if err != nil {
		return nil, err
	}
	defer close(p.kept)
	if saved.Counts.Listed != p.listed {
		return nil, fmt.Errorf("%d of %d things on a page of %s have an outcome", saved.Counts.Listed, p.listed, r.src.Name)
	}
	r.counts = r.counts.Plus(saved.Counts)
	outcomes, err := r.outcomes(p.ctx, p.things, p.batch, saved)
	if err != nil || acknowledger == nil || len(outcomes) == 0 {
		return nil, err
	}
	return r.tell(ctx, acknowledger, outcomes), nil
}

func (r *run) save(ctx context.Context, batch ledger.Batch) (saved ledger.Saved, err error) {
	ctx, end := span.Start(ctx, "save", span.Text("source", r.src.Name), span.Count("entries", len(batch.Entries)))
	defer func() { end(err) }()
	return r.Store.Save(ctx, batch)
}

// look compares everything on the page with the ledger. Nothing is decoded.
func (r *run) look(ctx context.Context, page adapters.Page) ([]listed, error) {
	things := make([]listed, 0, page.Listed())
	keys := make([]ledger.Key, 0, page.Listed())
	for _, rec := range page.Records {
		things = append(things, listed{entry: ledger.Entry{Record: rec, Part: rec.Group != "", Revision: r.revision(rec.Kind)}})
	}
	for _, f := range page.Faults {
		things = append(things, listed{entry: r.faultEntry(f), reason: f})
	}
	for i := range things {
		key := things[i].key()
		things[i].entry.Present = r.present != nil && r.present(key)
		things[i].entry.Seal()
		keys = append(keys, key)
	}
	seen, err := r.Store.Ledger(ctx, r.src.Name, keys)
	if err != nil {
		return nil, err
	}
	unsettled := map[string]bool{} // groups of which a part is new: all their parts are looked at again
	for i := range things {
		before, ok := seen[keys[i]]
		things[i].known = ok && before.Stamp == things[i].entry.Stamp() && before.Revision == things[i].entry.Revision
		things[i].was = ledger.Unchanged
		if before.Outcome == ledger.Quarantined {
			things[i].was = ledger.Quarantined
		}
		if !things[i].known {
			unsettled[things[i].entry.Record.Group] = true
		}
	}
	for i := range things {
		if g := things[i].entry.Record.Group; g != "" && unsettled[g] {
			things[i].known = false
		}
	}
	return things, nil
}

// FaultKey is the key under which a fault stands in the ledger: its own, or a keyed hash
// where that is made of the place in which it was found. A file may be named after a child, and
// keys can be read by whoever can read the store; the place itself is sealed there.
func (p *Pipeline) FaultKey(f adapters.Fault) ledger.Key {
	if place := strings.TrimPrefix(f.Where, "file "); f.Key != "" && (place == "" || f.Key == f.Where || !strings.HasSuffix(f.Key, place)) {
		return ledger.Key{Kind: f.Kind, Key: f.Key}
	}
	h := hmac.New(sha256.New, p.IDKey)
	h.Write([]byte("fault\x00" + f.Kind + "\x00" + f.Key + "\x00" + f.Where))
	return ledger.Key{Kind: f.Kind, Key: placeKey + hex.EncodeToString(h.Sum(nil)[:12])}
}

// placeKey begins the key of what was found in a place and says of no record that it is it.
const placeKey = "place:"

// faultEntry keeps what could not be made into a record.
func (p *Pipeline) faultEntry(f adapters.Fault) ledger.Entry {
	rec := adapters.Record{Kind: f.Kind, Key: p.FaultKey(f).Key, Media: f.Media, Body: f.Body}
	text := "the source gave no reason"
	if f.Err != nil {
		text = identity.Redact(f.Err.Error())
	}
	return ledger.Entry{Record: rec, Fault: true, Refused: &ledger.Refusal{Code: codeOf(f.Err, codeMalformed), Text: text, Where: identity.Redact(f.Where)}}
}

// fill maps what is new and puts it into the batch in the source's order; what is known is counted.
func (r *run) fill(ctx context.Context, a adapters.Adapter, things []listed, batch *ledger.Batch) (err error) {
	ctx, end := span.Start(ctx, "map", span.Text("source", r.src.Name))
	defer func() { end(err) }()
	var plain []*ledger.Entry
	var groups []string
	parts := map[string][]adapters.Record{}
	for i := range things {
		e := &things[i].entry
		switch {
		case things[i].known:
			batch.Counts.Add(things[i].was, 1)
		case e.Part:
			if parts[e.Record.Group] == nil {
				groups = append(groups, e.Record.Group)
			}
			parts[e.Record.Group] = append(parts[e.Record.Group], e.Record)
		case !e.Fault:
			plain = append(plain, e)
		}
	}
	if err := r.mapAll(ctx, plain); err != nil {
		return err
	}
	whole := map[string]assembled{}
	for _, g := range groups {
		var err error
		if whole[g], err = r.assemble(ctx, a, g, parts[g]); err != nil {
			return err
		}
		batch.Entries = append(batch.Entries, whole[g].entries...)
	}
	for i := range things {
		e := &things[i].entry
		if things[i].known {
			continue
		}
		if e.Part {
			e.Refused = whole[e.Record.Group].refusal(e.Record)
		}
		things[i].at = len(batch.Entries)
		batch.Entries = append(batch.Entries, *e)
	}
	return nil
}

// outcomes says what became of each listed thing, and notes why it is in quarantine.
func (r *run) outcomes(ctx context.Context, things []listed, batch ledger.Batch, saved ledger.Saved) ([]adapters.Outcome, error) {
	var held map[ledger.Key]ledger.Refusal
	out := make([]adapters.Outcome, 0, len(things))
	for _, t := range things {
		rec := t.entry.Record
		outcome, why := t.was, t.entry.Refused
		if !t.known {
			outcome, why = saved.Outcomes[t.at], batch.Entries[t.at].Refused
		}
		if outcome != ledger.Quarantined {
			out = append(out, adapters.Outcome{Kind: rec.Kind, Key: rec.Key, Stored: true})
			continue
		}
		if why == nil { // in quarantine since an earlier run
			if held == nil {
				var err error
				if held, err = r.refusals(ctx); err != nil {
					return nil, err
				}
			}
			before := held[ledger.Key{Kind: rec.Kind, Key: rec.Key}]
			why = &before
		}
		r.why = append(r.why, Reason{rec.Kind, rec.Key, why.Code, why.Text, why.Where})
		reason := t.reason
		if reason == nil {
			reason = &refused{*why}
		}
		out = append(out, adapters.Outcome{Kind: rec.Kind, Key: rec.Key, Reason: reason})
	}
	return out, nil
}

func (r *run) refusals(ctx context.Context) (map[ledger.Key]ledger.Refusal, error) {
	all, err := r.Store.Refusals(ctx, r.src.Name)
	if err != nil {
		return nil, err
	}
	out := make(map[ledger.Key]ledger.Refusal, len(all))
	for _, q := range all {
		out[ledger.Key{Kind: q.Kind, Key: q.Key}] = q
	}
	return out, nil
}

// tell tells the source what became of what it listed; the outcomes stay pending until it was told.
func (r *run) tell(ctx context.Context, a adapters.Acknowledger, outcomes []adapters.Outcome) error {
	if err := a.Acknowledge(ctx, outcomes); err != nil {
		return fmt.Errorf("acknowledge to %s: %w", r.src.Name, err)
	}
	keys := make([]ledger.Key, len(outcomes))
	for i, o := range outcomes {
		keys[i] = ledger.Key{Kind: o.Kind, Key: o.Key}
	}
	return r.Store.Acknowledged(ctx, r.src.Name, keys)
}

// tellPending tells what an earlier run could not. It comes after the reading: what the
// source listed again was told with its own reason then.
func (r *run) tellPending(ctx context.Context, a adapters.Adapter) error {
	acknowledger, ok := a.(adapters.Acknowledger)
	if !ok {
		return nil
	}
	pending, err := r.Store.Pending(ctx, r.src.Name)
	if err != nil || len(pending) == 0 {
		return err
	}
	outcomes := make([]adapters.Outcome, len(pending))
	for i, p := range pending {
		outcomes[i] = adapters.Outcome{Kind: p.Kind, Key: p.Key, Stored: p.Stored}
		if !p.Stored {
			outcomes[i].Reason = &refused{ledger.Refusal{Code: p.Code, Text: p.Reason}}
		}
	}
	return r.tell(ctx, acknowledger, outcomes)
}

// refused is the reason for a quarantine as an error.
type refused struct{ ledger.Refusal }

func (e *refused) Error() string { return e.Code + ": " + e.Text }

// Unwrap gives the kind back that the code stands for.
func (e *refused) Unwrap() error {
	if e.Code == codeMalformed {
		return adapters.ErrMalformed
	}
	return nil
}
