package ledger

import (
	"strings"
	"time"
)

// Who starts a run, as it stands in its report.
const (
	ByPush     = "push"     // the source itself
	BySchedule = "schedule" // its time had come
	ByCatchUp  = "catch-up" // its time had passed while nobody ran it
)

// Tasks are what is done with a source at set times.
const (
	TaskSync      = "sync"      // read what changed
	TaskReconcile = "reconcile" // compare everything
	TaskRetention = "retention" // delete what is kept too long; the source is not asked
)

// Interrupted is the failure of a run whose program ended without saying so.
const Interrupted = "the program that ran it ended before the run did"

// Lease is the right to read one source, or one shard of it, alone.
type Lease struct {
	Name   string // LeaseName
	Holder string // host, process and start, for people and to see whether it is dead
	Token  int64  // grows with each holder; a page is kept under the newest only
	Taken  time.Time
	Ends   time.Time
}

// shardMark parts a source's name, which cannot hold it, from a shard's.
const shardMark = "#"

// LeaseName names the lease of a source (shard "") or of one of its shards.
func LeaseName(source, shard string) string {
	if shard == "" {
		return source
	}
	return source + shardMark + shard
}

// SplitLease is the source and the shard that a lease's name stands for.
func SplitLease(name string) (source, shard string) {
	source, shard, _ = strings.Cut(name, shardMark)
	return source, shard
}
