package ingest

import (
	"context"
	"fmt"

	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
)

// ErrFull is why a page was not taken: so much of its source is in quarantine that a
// person must look first. Nothing of the page is kept, and the source tells it again.
var ErrFull = fmt.Errorf("the quarantine is full: %w", care.ErrUnavailable)

// room tells whether what the page would add to the quarantine fits into it. A page that
// adds nothing, or takes out as much as it adds, always does.
func (r *run) room(ctx context.Context, things []listed, batch ledger.Batch) error {
	if r.src.Cap <= 0 {
		return nil
	}
	more := 0
	for _, t := range things {
		if t.known {
			continue
		}
		is := batch.Entries[t.at].Refused != nil
		if was := t.was == ledger.Quarantined; is && !was {
			more++
		} else if was && !is {
			more--
		}
	}
	if more <= 0 {
		return nil
	}
	waiting, err := r.Store.Waiting(ctx, r.src.Name)
	if err != nil || waiting.N+more <= r.src.Cap {
		return err
	}
	return fmt.Errorf("%d records of %s are in quarantine, the next page would add %d, and %d are allowed: nothing of that page was taken. "+
		"See what they have in common (samsyn quarantine), mend the map or the source and run samsyn quarantine replay, or raise sources.%s.quarantine.cap: %w",
		waiting.N, r.src.Name, more, r.src.Cap, r.src.Name, ErrFull)
}

// clock notes how far what is listed says that it was changed ahead of our clock.
func (r *run) clock(things []listed) {
	now := r.Now()
	for _, t := range things {
		if changed := t.entry.Record.Changed; !changed.IsZero() {
			r.dated = true
			r.ahead = max(r.ahead, changed.Sub(now))
		}
	}
}
