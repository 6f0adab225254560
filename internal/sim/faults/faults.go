// Package faultsim owns misbehaviour: a handler that stands in front of a simulator and
// does to its answers what lines, proxies, clocks and source systems do to them, at
// random from a seed, so that whatever happened can be made to happen again. It knows
// HTTP, FHIR Bundles and OneRoster collections; it knows nothing of who reads them.
package faultsim

import (
	"bytes"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Fault is one kind of misbehaviour.
type Fault string

// Faults of the line and the server. Their rate is the share of the answers that they strike.
const (
	SlowStart   Fault = "slow-start"   // the first byte does not come while anybody waits
	Trickle     Fault = "trickle"      // one byte a Tick
	Broken      Fault = "500"          // 500 with a page of HTML
	Cut         Fault = "cut"          // the line breaks somewhere in the body
	CutQuietly  Fault = "cut-quietly"  // the body ends early and HTTP says that it is whole
	WrongLength Fault = "wrong-length" // Content-Length promises more than comes
	BadGzip     Fault = "bad-gzip"     // Content-Encoding gzip over what is none, or is cut
	TooMany     Fault = "429"          // with Retry-After
	Unavailable Fault = "503"          // with Retry-After
	Expired     Fault = "401"          // the token is refused though it is valid
	Forbidden   Fault = "403"          // we are refused
	NotFromHere Fault = "html-200"     // a proxy's sign-in page with status 200
)

// Faults of paging. Their rate is the share of the answers that they strike.
const (
	Duplicate Fault = "duplicate-page" // everything on the page stands there twice
	Loop      Fault = "next-loop"      // the next page is the page before
	Shuffle   Fault = "shuffle"        // the page's things come in another order
)

// Faults of what a source holds. Their rate is the share of the things that they strike;
// the same things each time, until Reseed.
const (
	Rekey  Fault = "rekey"  // other ids, also where they are referred to
	Hide   Fault = "hide"   // silently absent
	Empty  Fault = "empty"  // nothing at all, and a valid answer
	Skew   Fault = "skew"   // the time of change is wrong by SkewBy
	Poison Fault = "poison" // a value of a type that nobody expects
	Huge   Fault = "huge"   // larger than anybody should take
	Drift  Fault = "drift"  // an element renamed, retyped or new
)

// All lists every fault.
func All() []Fault {
	return []Fault{SlowStart, Trickle, Broken, Cut, CutQuietly, WrongLength, BadGzip, TooMany, Unavailable, Expired, Forbidden, NotFromHere,
		Duplicate, Loop, Shuffle, Rekey, Hide, Empty, Skew, Poison, Huge, Drift}
}

// Handler stands in front of a simulator. Its exported fields are set before it is used.
type Handler struct {
	// Tick is the time from byte to byte of Trickle: one second.
	Tick time.Duration
	// SkewBy is how far Skew moves the time of change, and the time that answers say that they were made: one hour.
	SkewBy time.Duration
	// HugeSize is how many bytes Huge adds: 2 MiB.
	HugeSize int
	// RetryAfter is what TooMany and Unavailable ask for: one second. Whole seconds are sent.
	RetryAfter time.Duration
	// Now is the source's clock: time.Now.
	Now func() time.Time
	// Spare is a path whose requests are never struck: "/connect/token".
	Spare string

	next http.Handler

	mu       sync.Mutex
	random   *rand.Rand
	seed     uint64
	rates    map[Fault]float64
	due      map[Fault]int // answers until a fault strikes once
	struck   map[Fault]int
	requests int
	early    int
	until    time.Time // nobody is to come back before
	last     map[string][]byte
	inside   int
	most     int
}

// New stands in front of next. With no fault set it changes nothing.
func New(next http.Handler, seed uint64) *Handler {
	return &Handler{Tick: time.Second, SkewBy: time.Hour, HugeSize: 2 << 20, RetryAfter: time.Second, Now: time.Now, Spare: "/connect/token",
		next: next, seed: seed, random: rand.New(rand.NewPCG(seed, 0x5a)), rates: map[Fault]float64{}, due: map[Fault]int{}, struck: map[Fault]int{}, last: map[string][]byte{}}
}

// Set makes a fault strike that share of answers or things, 0 to 1.
func (h *Handler) Set(f Fault, rate float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rates[f] = rate
}

// Once makes a fault strike the nth answer from now on (1 is the next) and no other.
func (h *Handler) Once(f Fault, nth int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.due[f] = nth
}

// Calm takes every fault away.
func (h *Handler) Calm() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.rates)
	clear(h.due)
	h.until = time.Time{}
}

// Reseed chooses anew which things are struck.
func (h *Handler) Reseed(seed uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seed, h.random = seed, rand.New(rand.NewPCG(seed, 0x5a))
}

// Struck tells how often a fault struck.
func (h *Handler) Struck(f Fault) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.struck[f]
}

// Requests is how many requests came, and Early how many of them before the time that
// Retry-After had named. Most is how many were answered at the same time at the most.
func (h *Handler) Requests() int { h.mu.Lock(); defer h.mu.Unlock(); return h.requests }

// Early counts requests that came though they had been told to wait.
func (h *Handler) Early() int { h.mu.Lock(); defer h.mu.Unlock(); return h.early }

// Most is how many requests were in flight at the same time at the most.
func (h *Handler) Most() int { h.mu.Lock(); defer h.mu.Unlock(); return h.most }

// answer is what the simulator said, before anything happens to it.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
func (a *answer) WriteHeader(status int)      { a.status = status }

// plan is which faults strike this answer.
type plan map[Fault]bool

// decide draws for every fault in a fixed order, so that a seed gives the same again.
func (h *Handler) decide() plan {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests++
	if h.Now().Before(h.until) {
		h.early++
	}
	p := plan{}
	for _, f := range All() {
		if ofThings(f) {
			continue
		}
		hit := h.random.Float64() < h.rates[f]
		if n := h.due[f]; n > 0 {
			h.due[f] = n - 1
			hit = hit || n == 1
		}
		if hit {
			p[f] = true
		}
	}
	return p
}

func (h *Handler) strikes(f Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.struck[f]++
}

func (h *Handler) rate(f Fault) float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rates[f]
}

func (h *Handler) draw(n int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.random.IntN(max(n, 1))
}

func ofThings(f Fault) bool {
	switch f {
	case Rekey, Hide, Empty, Skew, Poison, Huge, Drift:
		return true
	}
	return false
}

// chosen tells whether a fault of things strikes the one with this name: the same each time.
func (h *Handler) chosen(f Fault, name string) bool {
	h.mu.Lock()
	rate, seed := h.rates[f], h.seed
	h.mu.Unlock()
	if rate <= 0 {
		return false
	}
	sum := fnv.New64a()
	_, _ = io.WriteString(sum, strconv.FormatUint(seed, 16)+string(f)+"\x00"+name)
	// A second mixing: FNV's high bits hardly move for names that differ at their end.
	return rand.New(rand.NewPCG(sum.Sum64(), 1)).Float64() < rate
}

// ServeHTTP answers as the simulator does, or worse.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == h.Spare {
		h.next.ServeHTTP(w, r)
		return
	}
	h.mu.Lock()
	h.inside++
	h.most = max(h.most, h.inside)
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.inside--
		h.mu.Unlock()
	}()
	p := h.decide()
	if h.refuse(w, p) {
		return
	}
	body, err := io.ReadAll(r.Body) // to its end, so that the server notices when the client leaves
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if p[SlowStart] {
		h.strikes(SlowStart)
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	a := &answer{status: http.StatusOK, header: http.Header{}}
	h.next.ServeHTTP(a, r)
	made := h.Now()
	if h.rate(Skew) > 0 {
		made = made.Add(h.SkewBy)
	}
	a.header.Set("Date", made.UTC().Format(http.TimeFormat))
	if a.status == http.StatusOK {
		h.change(r, a, p)
	}
	h.send(w, r, a, p)
}

// refuse answers without asking the simulator.
func (h *Handler) refuse(w http.ResponseWriter, p plan) bool {
	for f, status := range map[Fault]int{Broken: 500, TooMany: 429, Unavailable: 503, Expired: 401, Forbidden: 403, NotFromHere: 200} {
		if !p[f] {
			continue
		}
		h.strikes(f)
		if f == TooMany || f == Unavailable {
			h.mu.Lock()
			h.until = h.Now().Add(h.RetryAfter)
			h.mu.Unlock()
			w.Header().Set("Retry-After", strconv.Itoa(int((h.RetryAfter+time.Second-1)/time.Second)))
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html><body>Something is wrong; try again later.</body></html>")
		return true
	}
	return false
}

// send puts the answer on the line.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, a *answer, p plan) {
	body := a.body.Bytes()
	for k, v := range a.header {
		w.Header()[k] = v
	}
	length := len(body)
	breaks := false
	switch {
	case p[Cut]:
		h.strikes(Cut)
		body, breaks = body[:h.draw(len(body))], true
	case p[CutQuietly]:
		h.strikes(CutQuietly)
		body = body[:h.draw(len(body))]
		length = len(body)
	case p[WrongLength]:
		h.strikes(WrongLength)
		length, breaks = length+1+h.draw(1000), true
	case p[BadGzip]:
		h.strikes(BadGzip)
		body = badGzip(body, h.draw(2) == 0)
		length = len(body)
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(a.status)
	if p[Trickle] {
		h.strikes(Trickle)
		h.trickle(w, r, body)
		return
	}
	_, _ = w.Write(body) // the client may have gone
	if breaks {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func (h *Handler) trickle(w http.ResponseWriter, r *http.Request, body []byte) {
	tick := time.NewTicker(h.Tick)
	defer tick.Stop()
	for i := range body {
		if _, err := w.Write(body[i : i+1]); err != nil {
			panic(http.ErrAbortHandler)
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-tick.C:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}
