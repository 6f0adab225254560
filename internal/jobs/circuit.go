package jobs

import (
	"errors"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

// Circuit says when a source is left alone. After Failures tries in a row have failed it
// is not called for Rest; then one try alone decides.
type Circuit struct {
	Failures int           // 3
	Rest     time.Duration // 5 min
}

// circuits holds a circuit for each source of this instance.
type circuits struct {
	Circuit
	mu  sync.Mutex
	all map[string]*gobreaker.TwoStepCircuitBreaker[struct{}]
}

func newCircuits(c Circuit) *circuits {
	or(&c.Failures, 3)
	or(&c.Rest, 5*time.Minute)
	return &circuits{Circuit: c, all: map[string]*gobreaker.TwoStepCircuitBreaker[struct{}]{}}
}

// allow tells whether the source may be called now; ended is then told how it went.
func (c *circuits) allow(source string) (ended func(error), ok bool, err error) {
	c.mu.Lock()
	b := c.all[source]
	if b == nil {
		b = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{Name: source, MaxRequests: 1, Timeout: c.Rest, IsExcluded: func(err error) bool { return errors.Is(err, errNoCall) },
			ReadyToTrip: func(n gobreaker.Counts) bool { return int(n.ConsecutiveFailures) >= c.Failures }})
		c.all[source] = b
	}
	c.mu.Unlock()
	ended, err = b.Allow()
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, false, nil
	}
	return ended, err == nil, err
}

func (c *circuits) states() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]string{}
	for source, b := range c.all {
		out[source] = b.State().String()
	}
	return out
}
