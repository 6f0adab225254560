package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
)

// ErrBusy is why something cannot run now: somebody else runs it. ErrLost is why it was
// stopped: somebody else has taken over.
var (
	ErrBusy = errors.New("another run is under way")
	ErrLost = errors.New("another run has taken over")
)

// Leases is where leases are kept.
type Leases interface {
	Acquire(ctx context.Context, name, holder string, lasts time.Duration) (ledger.Lease, error)
	Seize(ctx context.Context, name, holder string, lasts time.Duration, token int64) (ledger.Lease, error)
	Renew(ctx context.Context, l ledger.Lease, lasts time.Duration) error
	Release(ctx context.Context, l ledger.Lease) error
}

// Keeper lets one at a time run a thing, over any number of instances.
type Keeper struct {
	Leases Leases
	// Holder is this instance; Holder() by default.
	Holder string
	// Lasts is how long a lease is good without being renewed, which is done three times
	// as often. A minute by default.
	Lasts time.Duration
	// Dead tells whether a holder is known to be gone, so that nobody waits for it; Dead by default.
	Dead func(holder string) bool
	// Tick gives the beats at which leases are renewed, and what ends them; a time.Ticker by default.
	Tick func(every time.Duration) (beats <-chan time.Time, stop func())
}

func (k Keeper) withDefaults() Keeper {
	if k.Holder == "" {
		k.Holder = Holder()
	}
	if k.Lasts == 0 {
		k.Lasts = time.Minute
	}
	if k.Dead == nil {
		k.Dead = Dead
	}
	if k.Tick == nil {
		k.Tick = func(every time.Duration) (<-chan time.Time, func()) {
			t := time.NewTicker(every)
			return t.C, t.Stop
		}
	}
	return k
}

// Alone runs f while it holds the lease of a name. The error wraps ErrBusy where another
// holds it, and ErrLost where it was taken during f, whose context then ended. The token
// goes with everything that f keeps.
func (k Keeper) Alone(ctx context.Context, name string, f func(ctx context.Context, token int64) error) error {
	k = k.withDefaults()
	lease, err := k.Leases.Acquire(ctx, name, k.Holder, k.Lasts)
	if errors.Is(err, care.ErrConflict) && k.Dead(lease.Holder) {
		lease, err = k.Leases.Seize(ctx, name, k.Holder, k.Lasts, lease.Token)
	}
	if errors.Is(err, care.ErrConflict) {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	if err != nil {
		return err
	}
	running, stop := context.WithCancelCause(ctx)
	beats, end := k.Tick(k.Lasts / 3)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		k.beat(running, lease, beats, stop)
	}()
	err = f(running, lease.Token)
	lost := context.Cause(running)
	stop(nil)
	end()
	<-ended
	if errors.Is(lost, ErrLost) {
		return errors.Join(lost, err)
	}
	// Given back also where ctx has ended: the next one need not wait.
	return errors.Join(err, k.Leases.Release(context.WithoutCancel(ctx), lease))
}

// beat renews the lease until the run ends, and ends the run where the lease is lost. A
// database that does not answer for a moment ends nothing: the token guards what is kept.
func (k Keeper) beat(ctx context.Context, lease ledger.Lease, beats <-chan time.Time, stop context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-beats:
			if err := k.Leases.Renew(ctx, lease, k.Lasts); errors.Is(err, care.ErrConflict) {
				stop(fmt.Errorf("%w: %w", ErrLost, err))
				return
			}
		}
	}
}

// Holder names this process: host and process number, and when it is asked, so that it is
// told from a later one with the same number.
func Holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + " " + strconv.Itoa(os.Getpid()) + " " + strconv.FormatInt(time.Now().UnixNano(), 36)
}

// Dead tells whether a holder was a process of this host that does not run any more.
// Where it cannot tell it says no: the lease runs out by itself. A wrong yes does no
// harm either, for the token keeps what the old holder reads out.
func Dead(holder string) bool {
	words := strings.Fields(holder)
	host, err := os.Hostname()
	if err != nil || len(words) != 3 || words[0] != host {
		return false
	}
	pid, err := strconv.Atoi(words[1])
	if err != nil || pid <= 0 {
		return false
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	return errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
