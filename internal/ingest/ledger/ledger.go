// Package ledger owns the words between the pipeline and the store: what one
// page's transaction holds, what became of each record, and which of two
// versions of a record is the newer. It does no I/O and knows neither SQL nor
// mapping.
package ledger

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"strconv"
	"time"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/identity"
)

// Outcome is what became of something that a source listed. Each ends as exactly one.
type Outcome string

// The outcomes.
const (
	Stored      Outcome = "stored"
	Unchanged   Outcome = "unchanged"
	Quarantined Outcome = "quarantined"
	Removed     Outcome = "removed"
)

// Key names something that a source lists: a record, a part of a whole, or a fault.
type Key struct{ Kind, Key string }

// Seen is the ledger's line about a key: what was seen last and what became of it.
type Seen struct {
	Stamp    [32]byte
	Revision string // of the map that read it
	Outcome  Outcome
}

// Source is a configured source as the store keeps it.
type Source struct {
	Name    string // configured, unique: "barnevernsregister"
	System  string // adapter
	Service care.Service
	Title   string // shown to people
	// Shard is the part of the source that is read, "" for the whole; it has a cursor of its own.
	Shard string
	// Fence is the token of the lease under which it is read: what is read is kept only
	// while nobody else has taken the lease. 0: it is read without one.
	Fence int64
	// Cap is how much of it may be in quarantine; 0: there is no end.
	Cap int
}

// Waiting is what of a source is in quarantine.
type Waiting struct {
	N      int
	Oldest time.Time // when the first of it was first seen
}

// Rank orders the versions of one record.
type Rank struct {
	Changed time.Time
	Version string
	Deleted bool
	Hash    [32]byte
}

// RankOf is the rank of a record. Times are compared to the microsecond, as the store keeps them.
func RankOf(r adapters.Record) Rank { return rankOf(r, r.Hash()) }

func rankOf(r adapters.Record, hash [32]byte) Rank {
	return Rank{Changed: r.Changed.UTC().Truncate(time.Microsecond), Version: r.Version, Deleted: r.Deleted, Hash: hash}
}

// Older tells whether a record that arrives now with rank r must not replace what is
// held. The source's time of change decides; at the same time its version number
// (where both are numbers), then deletion, then the hash, so that any order of
// arrival ends the same. Where a source does not say when, the last to arrive is
// the newest.
func (r Rank) Older(held Rank) bool {
	if r.Changed.IsZero() || held.Changed.IsZero() {
		return false
	}
	c := r.Changed.Compare(held.Changed)
	if c == 0 {
		c = compareNumbers(r.Version, held.Version)
	}
	if c == 0 && r.Deleted != held.Deleted {
		return held.Deleted // gone stays gone
	}
	if c == 0 {
		c = bytes.Compare(r.Hash[:], held.Hash[:])
	}
	return c < 0
}

// believed is how far ahead of ours a source's clock may be.
const believed = 24 * time.Hour

// Ahead tells whether what is held has a time of change that nobody can have written
// yet: the source's clock was wrong then, and whatever comes now is newer. What was
// deleted stays deleted all the same.
func (r Rank) Ahead(now time.Time) bool { return !r.Deleted && r.Changed.After(now.Add(believed)) }

// Equal tells whether both are the same version.
func (r Rank) Equal(o Rank) bool {
	return r.Changed.Equal(o.Changed) && r.Version == o.Version && r.Deleted == o.Deleted && r.Hash == o.Hash
}

func compareNumbers(a, b string) int {
	x, errX := strconv.ParseUint(a, 10, 64)
	y, errY := strconv.ParseUint(b, 10, 64)
	if errX != nil || errY != nil {
		return 0
	}
	return cmp.Compare(x, y)
}

// Subject is whom a record says that it is about.
type Subject struct {
	Key string // the source's own; "" where the record is about no person
	// Numbers and Old are valid numbers; Old are those that the source marks as replaced.
	Numbers, Old []identity.Number
	// Refused is why other stated numbers are not among them.
	Refused   []error
	BirthDate string // YYYY-MM-DD or ""
	Name      string
}

// Refusal is why something is quarantined, without personal data.
type Refusal struct {
	Code   string // closed set of the pipeline: "unknown-code", "held", "no-map" …
	Text   string // what is wrong and what to do
	Where  string // file, message, map line: where a person finds it
	Source string // filled by the store on reading: the source's name
	Kind   string
	Key    string
	// FirstSeen is filled by the store on reading.
	FirstSeen time.Time
}

// Entry is one thing to be kept with a page.
type Entry struct {
	Record adapters.Record
	// Part: the record is a part of a whole; only its bytes and its outcome are kept.
	Part bool
	// Derived: the record is a whole assembled from its parts: it replaces what is held
	// whatever its rank, and it is not counted, for the source listed only its parts.
	Derived bool
	// Fault: there is no record; Record holds kind, key, media and the bytes as far as they were read.
	Fault bool
	// Uncounted: the source did not list it on this page (an earlier part, a remapping).
	Uncounted bool
	// Held: the record was read from the store to be mapped again. Where another version
	// is held by now, nothing is kept.
	Held bool
	// Present: a complete listing has just shown that the source holds this version now,
	// which Rank.Stale then judges instead of Rank.Older.
	Present  bool
	Revision string
	Service  care.Service
	Subject  Subject
	Made     []care.Made
	// Refused is set where the record could not be used; everything of the mapping is then empty.
	Refused *Refusal

	taken *sums // by Seal; nil: they are taken each time
}

// sums are what is asked of an entry's bytes again and again.
type sums struct{ hash, stamp [32]byte }

// Seal takes the hashes of the entry once, for as long as its record is not changed.
func (e *Entry) Seal() {
	if e.taken == nil {
		hash := e.Record.Hash()
		e.taken = &sums{hash, e.stamp(hash)}
	}
}

// Hash is the record's.
func (e Entry) Hash() [32]byte {
	if e.taken != nil {
		return e.taken.hash
	}
	return e.Record.Hash()
}

// Rank is the record's.
func (e Entry) Rank() Rank { return rankOf(e.Record, e.Hash()) }

// Stamp is what the ledger compares: the hash of the bytes and of when and as which
// version the source gave them, for the same bytes may come back later as the newest.
// A fault is told from a record.
func (e Entry) Stamp() [32]byte {
	if e.taken != nil {
		return e.taken.stamp
	}
	return e.stamp(e.Record.Hash())
}

func (e Entry) stamp(hash [32]byte) [32]byte {
	var room [128]byte
	b := strconv.AppendBool(append(room[:0], hash[:]...), e.Fault)
	b = strconv.AppendInt(append(b, 0), e.Record.Changed.UTC().Truncate(time.Microsecond).UnixMicro(), 10)
	b = append(append(b, 0), e.Record.Version...)
	return sha256.Sum256(b)
}

// Batch is one page: it is kept whole or not at all.
type Batch struct {
	Source string
	Run    int64
	At     time.Time
	// Entries are in the source's order; unchanged ones are not among them but counted.
	Entries []Entry
	// Counts are of what the page listed and the pipeline found unchanged or
	// still quarantined; the store adds what becomes of the entries.
	Counts Counts
	Next   adapters.Cursor
	// Shard and Fence are as in Source.
	Shard string
	Fence int64
	// KeepCursor leaves the source's cursor alone (push, remapping).
	KeepCursor bool
	// Acknowledge: the source is to be told of each entry's outcome; it stays pending
	// until Acknowledged.
	Acknowledge bool
}

// Saved is what became of a batch.
type Saved struct {
	Counts   Counts    // of the page, what the batch had counted included
	Outcomes []Outcome // of the entries, in their order
}

// Counts sums outcomes. Listed always equals the sum of the others.
type Counts struct {
	Listed, Stored, Unchanged, Quarantined, Removed int
}

// Add counts n listed things with outcome o.
func (c *Counts) Add(o Outcome, n int) {
	c.Listed += n
	switch o {
	case Stored:
		c.Stored += n
	case Unchanged:
		c.Unchanged += n
	case Quarantined:
		c.Quarantined += n
	case Removed:
		c.Removed += n
	}
}

// Plus is the sum of both.
func (c Counts) Plus(o Counts) Counts {
	return Counts{c.Listed + o.Listed, c.Stored + o.Stored, c.Unchanged + o.Unchanged, c.Quarantined + o.Quarantined, c.Removed + o.Removed}
}

// Balanced tells whether every listed thing has exactly one outcome.
func (c Counts) Balanced() bool {
	return c.Listed == c.Stored+c.Unchanged+c.Quarantined+c.Removed
}

// Run is one reading of a source.
type Run struct {
	ID       int64
	Source   string
	Shard    string // "" for the whole source
	Who      string // "sync", "demo", "push", "schedule", a person's id …
	Started  time.Time
	Finished time.Time // zero while it runs, or where it was killed
	Counts   Counts
	Failure  string // "" where it went well; without personal data
}

// Pending is an outcome of which the source has not been told yet.
type Pending struct {
	Kind, Key string
	Stored    bool
	Code      string // refusal, "" where there is none
	Reason    string
}
