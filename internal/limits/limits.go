// Package limits owns counting who asks for how much: requests of a caller, and children
// that a viewer has not opened before. It decides from counts and the clock alone, keeps
// no name and no id in readable form, and knows no HTTP, no store and no rule of access.
package limits

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate lets each caller make so many requests in a second, and some more at once.
type Rate struct {
	each  rate.Limit
	burst int
	most  int
	now   func() time.Time

	mu      sync.Mutex
	callers map[string]*caller
}

type caller struct {
	bucket *rate.Limiter
	last   time.Time
}

// maxCallers bounds how many callers are told apart; beyond it the one that has asked for
// nothing the longest is forgotten, whose bucket is full again anyway.
const maxCallers = 10_000

// NewRate lets each caller make perSecond requests a second, and burst at once.
func NewRate(perSecond float64, burst int, now func() time.Time) *Rate {
	return &Rate{each: rate.Limit(perSecond), burst: burst, most: maxCallers, now: now, callers: map[string]*caller{}}
}

// Take asks for one request. Where it is refused, wait is how long until one would be let through.
func (r *Rate) Take(who string) (wait time.Duration, ok bool) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.callers[who]
	if c == nil {
		if len(r.callers) >= r.most {
			r.forget()
		}
		c = &caller{bucket: rate.NewLimiter(r.each, r.burst)}
		r.callers[who] = c
	}
	c.last = now
	take := c.bucket.ReserveN(now, 1)
	if !take.OK() {
		return time.Second, false // nothing at once is ever let through
	}
	if wait = take.DelayFrom(now); wait > 0 {
		take.CancelAt(now)
		return wait, false
	}
	return 0, true
}

// forget drops a tenth of the callers, those who have been quiet the longest.
func (r *Rate) forget() {
	times := make([]time.Time, 0, len(r.callers))
	for _, c := range r.callers {
		times = append(times, c.last)
	}
	slices.SortFunc(times, time.Time.Compare)
	until := times[len(times)/10]
	for who, c := range r.callers {
		if !c.last.After(until) {
			delete(r.callers, who)
		}
	}
}

// Novelty counts how many children a viewer opens that she has not opened before. Somebody
// who goes through the municipality's children one by one is seen by it, however slowly
// each request comes and though each alone is lawful.
type Novelty struct {
	limits NoveltyLimits
	now    func() time.Time
	key    []byte

	mu      sync.Mutex
	viewers map[[32]byte]*opener
}

// NoveltyLimits are per viewer. A zero field takes the default in its comment.
type NoveltyLimits struct {
	Window time.Duration // one hour
	Warn   int           // 20 new children in the window: somebody must look
	Refuse int           // 60: no more are opened
	// Memory is for how long a child who was opened is known: 30 days.
	Memory time.Duration
}

func (l NoveltyLimits) withDefaults() NoveltyLimits {
	if l.Window == 0 {
		l.Window = time.Hour
	}
	if l.Warn == 0 {
		l.Warn = 20
	}
	if l.Refuse == 0 {
		l.Refuse = 60
	}
	if l.Memory == 0 {
		l.Memory = 30 * 24 * time.Hour
	}
	return l
}

type opener struct {
	known map[[32]byte]time.Time // child → last opened
	fresh []time.Time            // when children were opened for the first time, within the window
}

// NewNovelty counts from nothing. What was opened before the program started is known from
// the audit log: whoever asks says so.
func NewNovelty(l NoveltyLimits, now func() time.Time) *Novelty {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	return &Novelty{limits: l.withDefaults(), now: now, key: key, viewers: map[[32]byte]*opener{}}
}

// Verdict is what is to be done with an opening. New and Count are for the audit log;
// neither tells which child it is.
type Verdict struct {
	Refused bool
	// Alarm is true for the opening that reaches a limit, and not for those that follow it.
	Alarm bool
	// New: the viewer has not opened this child before. Count is how many such there were
	// in the window, this one included.
	New   bool
	Count int
	// Wait, where it is refused, is how long until a new child may be opened.
	Wait time.Duration
}

// Open notes that viewer opens child. before tells that the audit log knows of an earlier
// time. A child that is known is always let through.
func (n *Novelty) Open(viewer, child string, before bool) Verdict {
	now := n.now()
	n.mu.Lock()
	defer n.mu.Unlock()
	who, which := n.mark("viewer", viewer), n.mark(viewer, child)
	o := n.viewers[who]
	if o == nil {
		o = &opener{known: map[[32]byte]time.Time{}}
		n.viewers[who] = o
	}
	if at, known := o.known[which]; before || known && now.Sub(at) < n.limits.Memory {
		o.known[which] = now
		return Verdict{Count: len(o.fresh)}
	}
	o.fresh = slices.DeleteFunc(o.fresh, func(at time.Time) bool { return now.Sub(at) >= n.limits.Window })
	v := Verdict{New: true, Count: len(o.fresh) + 1}
	if v.Count > n.limits.Refuse {
		// It is counted once: whoever goes on trying waits no longer for it, and no less.
		v.Refused, v.Count, v.Wait = true, len(o.fresh), n.limits.Window-now.Sub(o.fresh[0])
		return v
	}
	v.Alarm = v.Count == n.limits.Warn || v.Count == n.limits.Refuse
	o.fresh = append(o.fresh, now)
	o.known[which] = now
	n.forget(o, now)
	return v
}

// mark is an id that can be read back by nobody: memory is written to disk in a crash.
func (n *Novelty) mark(kind, id string) [32]byte {
	h := hmac.New(sha256.New, n.key)
	h.Write([]byte(kind))
	h.Write([]byte{0})
	h.Write([]byte(id))
	return [32]byte(h.Sum(nil))
}

// forget drops children that are no longer known; now and then is enough.
func (n *Novelty) forget(o *opener, now time.Time) {
	if len(o.known)%256 != 0 {
		return
	}
	for which, at := range o.known {
		if now.Sub(at) >= n.limits.Memory {
			delete(o.known, which)
		}
	}
}
