package ledger

import (
	"time"

	"samsyn/internal/care"
)

// Vanished is the version of a removal that no source stated: a complete listing did
// not hold the record any more. A later complete listing that holds it undoes it.
const Vanished = "vanished"

// Line is one line of the ledger as a full compare reads it.
type Line struct {
	Key
	// Hash is of what was seen last.
	Hash [32]byte
	// Removed: what was seen last is that it is gone.
	Removed bool
	// Version and Changed are of the held record, and Unread tells that there is none but
	// only a fault or a part; all three are read only where they are asked for.
	Version string
	Changed time.Time
	Unread  bool
}

// Held is what is held under one key.
type Held struct {
	Line
	Outcome Outcome
	// Record is false where only a fault or a part was seen under the key.
	Record bool
	// Deleted tells that the held record is a removal.
	Deleted bool
	// Recorded is when the held record was stored; zero where there is none.
	Recorded time.Time
	// Code and Reason are why it is in quarantine, "" where it is not.
	Code, Reason string
	// Person is whom it is about, "" while nobody knows.
	Person care.PersonID
}

// Stale tells whether a version that a complete listing has just shown must not replace
// what is held all the same. The listing outranks a vanishing that we inferred, and at
// the same time of change it outranks the order by hash, which only serves to make any
// order of pages end alike. What the source says to be older stays older, and what it
// said to be deleted stays deleted.
func (r Rank) Stale(held Rank) bool {
	if held.Deleted && held.Version == Vanished {
		return false
	}
	tie := r
	tie.Hash = held.Hash
	return tie.Older(held)
}
