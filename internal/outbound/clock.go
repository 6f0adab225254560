package outbound

import (
	"net/http"
	"strconv"
	"time"
)

// dated compares the time that answers say they were made with our own.
type dated struct {
	next http.RoundTripper
	now  func() time.Time
	tell func(skew time.Duration)
}

func (d *dated) RoundTrip(r *http.Request) (*http.Response, error) {
	asked := d.now()
	resp, err := d.next.RoundTrip(r)
	if err == nil {
		if skew, said := skewOf(resp.Header, asked, d.now()); said {
			d.tell(skew)
		}
	}
	return resp, err
}

// skewOf is how far the clock behind an answer is ahead of ours at the least: the answer was
// made somewhere between asked and answered, Date counts whole seconds, and a cache says how
// old its answer is.
func skewOf(h http.Header, asked, answered time.Time) (skew time.Duration, said bool) {
	made, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0, false
	}
	if age, err := strconv.ParseUint(h.Get("Age"), 10, 31); err == nil {
		made = made.Add(time.Duration(age) * time.Second)
	}
	if made.After(answered) {
		return made.Sub(answered), true
	}
	if latest := made.Add(time.Second); latest.Before(asked) {
		return latest.Sub(asked), true
	}
	return 0, true
}
