package ledger

import (
	"cmp"
	"slices"
	"time"

	"samsyn/internal/care"
)

// How a source was compared.
const (
	ByListing = "listing" // everything that it holds was listed
	ByWindow  = "window"  // what changed of late was read again; what vanished is not seen
	ByNothing = "nothing" // it can be asked for neither
)

// Finding is what a compare found about one key.
type Finding string

// The findings.
const (
	New       Finding = "new"        // listed and not held
	Changed   Finding = "changed"    // held in another version
	BackDated Finding = "back-dated" // new or changed, though the source says that it changed before the last run began: no cursor finds it
	Returned  Finding = "returned"   // listed again after it had been removed
	Gone      Finding = "vanished"   // held and not listed any more
)

// Result is what was done about a difference.
type Result string

// The results.
const (
	Repaired Result = "repaired"
	Refused  Result = "refused" // with a reason
	Open     Result = "open"    // nothing was done: a dry run, or the source was stopped
)

// Difference is one key on which source and store disagreed.
type Difference struct {
	Kind    string        `json:"kind"`
	Key     string        `json:"key"`
	Finding Finding       `json:"finding"`
	Result  Result        `json:"result"`
	Reason  string        `json:"reason,omitempty"` // why it was refused, without personal data
	Person  care.PersonID `json:"person,omitempty"` // whom it is about, where that is known
}

// Reconciliation is the report of one full compare of a source with what is held.
// Listed is always the sum of Equal, New, Changed, BackDated and Returned.
type Reconciliation struct {
	ID       int64     `json:"id,omitempty"` // 0 while it is not kept
	Source   string    `json:"source"`
	Who      string    `json:"who"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Method   string    `json:"method"`
	DryRun   bool      `json:"dryRun,omitempty"`
	// Listed is how many keys the source listed, each once; Held how many were held and not removed.
	Listed    int `json:"listed"`
	Held      int `json:"held"`
	Equal     int `json:"equal"`
	New       int `json:"new"`
	Changed   int `json:"changed"`
	BackDated int `json:"backDated"`
	Returned  int `json:"returned"`
	Vanished  int `json:"vanished"`
	Repaired  int `json:"repaired"`
	Refused   int `json:"refused"`
	// Failure is why the compare could not be finished; nothing was removed then.
	Failure string `json:"failure,omitempty"`
	// Asks is why nothing was repaired before a person has looked.
	Asks string `json:"asks,omitempty"`
	// Lines are the differences by kind and key, as many as are kept; Left counts the others.
	Lines []Difference `json:"lines,omitempty"`
	Left  int          `json:"left,omitempty"`
}

// Well tells whether the compare was finished and left nothing for a person to decide.
func (r Reconciliation) Well() bool { return r.Failure == "" && r.Asks == "" }

// Differences is how many keys disagreed.
func (r Reconciliation) Differences() int {
	return r.New + r.Changed + r.BackDated + r.Returned + r.Vanished
}

// Note counts a finding.
func (r *Reconciliation) Note(f Finding, n int) {
	switch f {
	case New:
		r.New += n
	case Changed:
		r.Changed += n
	case BackDated:
		r.BackDated += n
	case Returned:
		r.Returned += n
	case Gone:
		r.Vanished += n
	}
}

// Child is what a compare found about one person; Person is "" for what is about nobody known.
type Child struct {
	Person            care.PersonID `json:"person"`
	Repaired, Refused int
	Open              int
}

// Children sums the lines by person, in the order of their ids.
func (r Reconciliation) Children() []Child {
	sums := map[care.PersonID]*Child{}
	for _, d := range r.Lines {
		c := sums[d.Person]
		if c == nil {
			c = &Child{Person: d.Person}
			sums[d.Person] = c
		}
		switch d.Result {
		case Repaired:
			c.Repaired++
		case Refused:
			c.Refused++
		default:
			c.Open++
		}
	}
	out := make([]Child, 0, len(sums))
	for _, c := range sums {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Child) int { return cmp.Compare(a.Person, b.Person) })
	return out
}
