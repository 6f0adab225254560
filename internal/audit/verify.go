package audit

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"samsyn/internal/care"
)

// Row is a row of the log as it is stored: its link and its body, opened where it was sealed.
type Row struct {
	Link
	Body  []byte
	Index *Index // nil: not looked at
}

// Index is what a row is found by. It stands beside the body, outside of the hash, and
// must say the same.
type Index struct {
	Person care.PersonID
	Viewer string
	At     time.Time // to the microsecond
}

// agrees tells whether the index says the same as the body.
func (x Index) agrees(body []byte) bool {
	e, err := FromFHIR(body)
	return err == nil && word(string(x.Person)) == string(e.Person) && word(x.Viewer) == e.Viewer.ID && x.At.Truncate(time.Microsecond).Equal(e.At.Truncate(time.Microsecond))
}

// FaultKind is what is wrong at one place of the chain.
type FaultKind string

// The kinds of faults.
const (
	FaultBody  FaultKind = "changed"   // the hash is not that of the row's content
	FaultPrev  FaultKind = "broken"    // the row does not follow the one before it
	FaultGap   FaultKind = "missing"   // rows are gone between two others
	FaultOrder FaultKind = "order"     // a number that is not above the one before it
	FaultStart FaultKind = "beginning" // the first rows are gone, and no export says that they were deleted
	FaultHead  FaultKind = "rewritten" // an exported head has another hash than the row
	FaultTail  FaultKind = "cut"       // the log ends before an exported head
	FaultIndex FaultKind = "index"     // what the row is found by is not what it says
)

// Fault is one thing that is wrong with the log. It shows no body.
type Fault struct {
	Seq  int64 // the row where it shows
	Kind FaultKind
	Text string
}

func (f Fault) String() string { return fmt.Sprintf("row %d: %s: %s", f.Seq, f.Kind, f.Text) }

// maxFaults bounds how many faults are told; the rest are counted.
const maxFaults = 1000

// Checked is what Verify found: how many rows there are, the head that they end in, and
// what is wrong.
type Checked struct {
	Rows   int64
	Head   Head
	Faults []Fault
	More   int // faults that are not told
}

// Well tells whether nothing is wrong.
func (c Checked) Well() bool { return len(c.Faults) == 0 }

func (c *Checked) fault(seq int64, kind FaultKind, format string, args ...any) {
	if len(c.Faults) == maxFaults {
		c.More++
		return
	}
	c.Faults = append(c.Faults, Fault{seq, kind, fmt.Sprintf(format, args...)})
}

// Verify reads the whole log in the order of its numbers and compares it with exported
// heads. It finds every change, cut, exchange and insertion, and by the heads a cut tail
// and a log that was written anew. The error is that of reading the rows, and then
// nothing is said of the rest.
func Verify(rows iter.Seq2[Row, error], exported ...Exported) (Checked, error) {
	var c Checked
	heads := slices.Clone(exported)
	slices.SortStableFunc(heads, func(a, b Exported) int { return int(min(max(a.Seq-b.Seq, -1), 1)) })
	next := 0 // the first head that is not yet compared
	var last Head
	for row, err := range rows {
		if err != nil {
			return c, fmt.Errorf("verify after row %d: %w", last.Seq, err)
		}
		switch {
		case c.Rows == 0:
			c.begins(row, heads)
		case row.Seq <= last.Seq:
			c.fault(row.Seq, FaultOrder, "it stands after row %d", last.Seq)
		case row.Seq > last.Seq+1:
			c.fault(row.Seq, FaultGap, "%d rows are missing before it", row.Seq-last.Seq-1)
		}
		if c.Rows > 0 && row.Prev != last.Hash {
			c.fault(row.Seq, FaultPrev, "it does not follow row %d as it is now", last.Seq)
		}
		if rowHash(row.Seq, row.Prev, row.Body) != row.Hash {
			c.fault(row.Seq, FaultBody, "its content is not what was written")
		}
		if row.Index != nil && !row.Index.agrees(row.Body) {
			c.fault(row.Seq, FaultIndex, "the person, viewer or time that it is found by is not its own")
		}
		for ; next < len(heads) && heads[next].Seq < row.Seq; next++ {
			// Gone: told as missing, or deleted on purpose before the first row.
			if c.Rows > 0 && heads[next].Seq > last.Seq {
				c.fault(heads[next].Seq, FaultHead, "the row of the head exported at %s is gone", heads[next].day())
			}
		}
		for ; next < len(heads) && heads[next].Seq == row.Seq; next++ {
			if heads[next].Hash != row.Hash {
				c.fault(row.Seq, FaultHead, "it is not the row whose hash was exported at %s", heads[next].day())
			}
		}
		c.Rows++
		last = row.Head()
	}
	c.Head = last
	for ; next < len(heads); next++ {
		if h := heads[next]; h.Seq > last.Seq && !(c.Rows == 0 && h.Pruned) {
			c.fault(h.Seq, FaultTail, "the log ended there or later at %s and ends at row %d now", h.day(), last.Seq)
		}
	}
	return c, nil
}

// begins judges the first row: it is number 1, or follows rows that an export says were
// deleted on purpose.
func (c *Checked) begins(row Row, heads []Exported) {
	if row.Seq == 1 {
		if row.Prev != (Hash{}) {
			c.fault(1, FaultPrev, "it follows another row, and is the first")
		}
		return
	}
	for _, h := range heads {
		if h.Pruned && h.Seq == row.Seq-1 && h.Hash == row.Prev {
			return
		}
	}
	c.fault(row.Seq, FaultStart, "the rows before it are gone, and no export tells that they were deleted")
}
