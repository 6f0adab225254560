package adapters

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"
	"time"
)

// ErrNoListing is what a Lister answers at once where this source, as it is
// configured, cannot be asked what it holds (it only pushes, or lists what is unread).
// Nothing is known then, and nothing is removed because of it.
var ErrNoListing = errors.New("source cannot list what it holds")

// Head is what a listing tells of one record: enough to know whether the held one is the same.
type Head struct {
	Kind, Key string
	// Version and Changed are as in Record.
	Version string
	Changed time.Time
	// Hash is Record.Hash of the record, zero where the source lists keys and versions
	// only; Version and Changed then decide, and at least one of them is set.
	Hash [32]byte
}

// HeadPage is a part of a listing.
type HeadPage struct {
	Heads []Head
	// Faults are what is listed and is no readable record, as in Page.
	Faults []Fault
	// Complete names kinds of which, with this page, everything that the source holds
	// within what is read of it has been listed. A kind that is never named here cannot
	// be told from one that was cut short: nothing of it is ever removed.
	Complete []string
	// Unsure is why, though everything was listed, nothing may be taken as gone: something
	// listed could not be told from what is missing. No personal data.
	Unsure string
}

// Lister is an adapter whose source can be asked for everything that it holds now.
// The listing comes in the source's own order, in bounded memory. It is whole only if
// it ends without error; the first error ends it.
type Lister interface {
	List(ctx context.Context) iter.Seq2[HeadPage, error]
}

// Getter is an adapter that can read chosen records of one kind. What is not there
// any more is absent from the page; the page has no cursor. Without keys it asks
// nothing, and errors.ErrUnsupported tells that this source, as it is configured, can
// only be read in whole.
type Getter interface {
	Get(ctx context.Context, kind string, keys []string) (Page, error)
}

// Windowed is an adapter that can read again what its source says has changed since a
// moment, whatever its cursor. It stands in for a listing where there is none.
type Windowed interface {
	Window(ctx context.Context, from time.Time) iter.Seq2[Page, error]
}

// Whole makes a listing of a pass over whole records, for sources that give nothing
// less: List may be Whole(a.Fetch(ctx, ""), named, kinds...). The kinds are complete when the pass
// has ended without error. named tells whether it is known which record a fault is
// about; one that might be any leaves the listing unsure. nil: every fault is named.
func Whole(pages iter.Seq2[Page, error], named func(Fault) bool, kinds ...string) iter.Seq2[HeadPage, error] {
	return func(yield func(HeadPage, error) bool) {
		end := HeadPage{Complete: kinds}
		for page, err := range pages {
			if err != nil {
				yield(HeadPage{}, err)
				return
			}
			out := HeadPage{Heads: Heads(page.Records), Faults: page.Faults}
			for _, f := range page.Faults {
				if named != nil && !named(f) && end.Unsure == "" {
					end.Unsure = "the source lists what cannot be told from a missing record: " + f.Where
				}
			}
			if !yield(out, nil) {
				return
			}
		}
		yield(end, nil)
	}
}

// hashedAtOnce is how many records are worth a goroutine of their own to hash.
const hashedAtOnce = 64

// Heads gives the heads of records with their hashes, in their order. Bodies are hashed on
// every processor, for that is most of what it takes to compare whole records.
func Heads(records []Record) []Head {
	out := make([]Head, len(records))
	hash := func(from, to int) {
		for i, r := range records[from:to] {
			out[from+i] = Head{Kind: r.Kind, Key: r.Key, Version: r.Version, Changed: r.Changed, Hash: r.Hash()}
		}
	}
	parts := min(runtime.GOMAXPROCS(0), len(records)/hashedAtOnce)
	if parts < 2 {
		hash(0, len(records))
		return out
	}
	var wait sync.WaitGroup
	for i := range parts {
		wait.Go(func() { hash(i*len(records)/parts, (i+1)*len(records)/parts) })
	}
	wait.Wait()
	return out
}

// Replayer is an adapter that can read the bytes of a fault again, as they were kept: after
// the adapter was mended, what waited in quarantine leaves it without the source's help. The
// page lists what the bytes hold now, or the fault anew; an empty one says that these bytes cannot tell.
type Replayer interface {
	Replay(ctx context.Context, f Fault) (Page, error)
}
