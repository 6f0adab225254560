// Package adapters owns the words between a source system and Samsyn: what a
// Record is, how an adapter hands records over page by page, and the small
// optional abilities that a source may have. It knows no FHIR, no database and
// no particular source; each source system has a folder of its own below it.
//
// One page is one unit of work: its records, its faults and its cursor are
// saved in one transaction by whoever reads, or not at all.
package adapters

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"time"
)

// Media types of record bodies. The mapping decodes by them; an adapter only names them.
const (
	JSON = "application/json"
	XML  = "application/xml"
	CSV  = "text/csv" // a header line and one row
)

// Record is exactly what a source gave for one thing that it keeps: the bytes,
// the source's own key and version, and when it was read.
type Record struct {
	// Kind is the source's own word for the kind of record ("sak", "journalpost",
	// "Encounter"). With the system it names the map: mapping/maps/<system>/<kind>.yaml.
	Kind string
	// Key is the source's stable key within Kind. It never contains a national number.
	Key string
	// Group is set where the source hands over a whole in parts (deliveries of one
	// case): the key of the whole. The adapter is then an Assembler. Otherwise empty.
	Group string
	// Version is the source's own version or change mark, "" where it has none.
	Version string
	// Changed is when the source says that the record last changed; zero where it does not say.
	// A record never replaces a held one whose Changed is later.
	Changed time.Time
	// Media is JSON, XML or CSV.
	Media string
	// Body is what the source gave, untouched.
	Body []byte
	// Deleted is true where the source says that the record is gone; Body may then be empty.
	Deleted bool
}

// Hash is the SHA-256 of the parts that decide whether a record changed.
func (r Record) Hash() [32]byte {
	var room [64]byte
	head := append(append(room[:0], r.Media...), 0)
	head = append(strconv.AppendBool(head, r.Deleted), 0)
	h := sha256.New()
	h.Write(head)
	h.Write(r.Body)
	var sum [32]byte
	h.Sum(sum[:0])
	return sum
}

// Cursor is where a source was left, in the adapter's own words. "" is the beginning.
type Cursor string

// Page is a unit of work: what was listed together and is saved together.
type Page struct {
	Records []Record
	// Faults are things that the source listed and that could not be made into a
	// record. Each is quarantined; none stops the others.
	Faults []Fault
	// Next is the cursor once this page is safely stored. An adapter that can only
	// be resumed after a whole pass repeats the cursor it was given until the last page.
	Next Cursor
}

// Listed is how many things the source listed on the page.
func (p Page) Listed() int { return len(p.Records) + len(p.Faults) }

// Fault is one thing that a source listed and that is not a readable record.
type Fault struct {
	Kind, Key string
	// Where names file, message or address and, where known, field: what a person
	// needs to find it at the source. Never a national number.
	Where string
	// Err says what is wrong and what to do.
	Err error
	// Body is what was received, as far as it was read, so that it can be replayed.
	Body  []byte
	Media string
}

func (f Fault) Error() string { return fmt.Sprintf("%s (%s %s): %v", f.Where, f.Kind, f.Key, f.Err) }
func (f Fault) Unwrap() error { return f.Err }

// Adapter reads one source system. Fetch yields pages from the cursor on, in the
// source's own order. An error ends the sequence: what was yielded before it
// stands, nothing after it is known, and the same cursor may be tried again.
// Cancelling ctx ends the sequence with ctx's error.
type Adapter interface {
	Fetch(ctx context.Context, since Cursor) iter.Seq2[Page, error]
}

// Assembler is an adapter whose records are parts of a whole (Record.Group).
// Assemble is pure: the same parts in any order give the same whole. Parts that
// cannot be placed yet (a gap, a fork) come back in held, by their Key, with the
// reason; whole is nil while nothing can be placed.
type Assembler interface {
	Assemble(group string, parts []Record) (whole *Record, held map[string]error, err error)
}

// Outcome tells an Acknowledger what became of a record or fault that it handed over.
type Outcome struct {
	Kind, Key string
	// Stored is true once the record is safely held (stored, unchanged or removed).
	Stored bool
	// Reason is why it was quarantined, nil where it was not.
	Reason error
}

// Acknowledger is an adapter that tells the source what was received (read marks,
// application receipts). It is called after the page's transaction is committed,
// and again for the same key if a run was interrupted in between.
type Acknowledger interface {
	Acknowledge(ctx context.Context, outcomes []Outcome) error
}

// Receiver is an adapter whose source pushes. It reads one request, checks it and
// gives the page; the caller stores the page and only then answers 2xx.
type Receiver interface {
	Receive(ctx context.Context, r *http.Request) (Page, error)
}

// Sharder is an adapter whose source can be read in parts that do not meet, each with a
// cursor of its own, so that several instances share a large source. All shards together
// give what Fetch gives. The names are stable and hold no person's data.
type Sharder interface {
	Shards(ctx context.Context) ([]string, error)
	FetchShard(ctx context.Context, shard string, since Cursor) iter.Seq2[Page, error]
}

// Checker tells whether the source answers, without reading any person's data.
type Checker interface {
	Check(ctx context.Context) error
}

// Deps is what an adapter is given instead of reaching for it.
type Deps struct {
	HTTP *http.Client     // bounded, with retries; never nil
	Now  func() time.Time // never nil
	// Random supplies randomness (message ids); never nil.
	Random io.Reader
}

// Error kinds. Everything an adapter returns wraps one of them or a context error.
var (
	// ErrUnavailable: the source does not answer, or answers that it cannot now.
	ErrUnavailable = errors.New("source unavailable")
	// ErrRefused: the source refuses us (401, 403, bad credentials).
	ErrRefused = errors.New("source refuses access")
	// ErrProtocol: the source answers something that its protocol does not allow.
	ErrProtocol = errors.New("source breaks its protocol")
	// ErrMalformed: one record or message is not what its format requires.
	ErrMalformed = errors.New("malformed record")
	// ErrConfig: the adapter's configuration cannot work.
	ErrConfig = errors.New("invalid source configuration")
)
