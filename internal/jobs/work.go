package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"samsyn/internal/ingest/ledger"
)

// args is a task in the queue. It names no person. What is unique is the due time of a
// thing, not who saw first that it was due.
type args struct {
	Task   string `json:"task" river:"unique"`
	Source string `json:"source" river:"unique"`
	Shard  string `json:"shard" river:"unique"`
	Due    int64  `json:"due" river:"unique"` // seconds since 1970
	Who    string `json:"who"`
}

// Kind is the name of tasks in the queue.
func (args) Kind() string { return "samsyn" }

type worker struct {
	river.WorkerDefaults[args]
	jobs *Jobs
}

// Timeout is none: a run may take its time.
func (w *worker) Timeout(*river.Job[args]) time.Duration { return -1 }

// NextRetry doubles the pause with each try, give or take a quarter.
func (w *worker) NextRetry(job *river.Job[args]) time.Time {
	const doublings = 6
	pause := w.jobs.o.Backoff << min(max(job.Attempt-1, 0), doublings)
	return time.Now().Add(time.Duration(float64(pause) * (0.75 + 0.5*w.jobs.o.Random()))) // the queue's clock is the machine's
}

// pause lets a task wait, with jitter, while another one of the source is under way.
func (j *Jobs) pause() error {
	return river.JobSnooze(time.Duration(float64(min(j.o.Backoff, busyPause)) * (0.75 + 0.5*j.o.Random())))
}

// Work does one task, or says when to look again.
func (w *worker) Work(ctx context.Context, job *river.Job[args]) error {
	t := Task{Task: job.Args.Task, Source: job.Args.Source, Shard: job.Args.Shard, Due: time.Unix(job.Args.Due, 0), Who: job.Args.Who}
	return w.jobs.work(ctx, t)
}

func (j *Jobs) work(ctx context.Context, t Task) error {
	plan, ok := j.plan(t)
	if !ok {
		return river.JobCancel(fmt.Errorf("%s of %s is off", t.Task, t.Source))
	}
	if happened, err := j.happened(ctx, t); err != nil || happened {
		return err // a run that was under way when this one was due has covered it
	}
	ended := func(error) {}
	if !plan.Local {
		if wait := j.o.NotBefore(t.Source).Sub(j.o.Now()); wait > 0 {
			return river.JobSnooze(wait)
		}
		var err error
		if ended, ok, err = j.circuits.allow(t.Source); err != nil {
			return fmt.Errorf("circuit of %s: %w", t.Source, err)
		}
		if !ok {
			return river.JobSnooze(j.circuits.Rest)
		}
	}
	failed := errPanic
	defer func() { ended(failed) }() // also where the run panics, which River catches
	err := j.o.Keeper.Alone(ctx, ledger.LeaseName(t.Source, t.Shard), func(ctx context.Context, token int64) error {
		// Asked again: a run may have ended between the first look and the lease.
		if happened, err := j.happened(ctx, t); err != nil || happened {
			return err
		}
		return j.o.Run(ctx, t, token)
	})
	failed = err
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrPending) && j.superseded(t):
		failed = errNoCall
		return river.JobCancel(fmt.Errorf("the next one is due: %w", err))
	case errors.Is(err, ErrBusy), errors.Is(err, ErrLost), errors.Is(err, ErrPending):
		failed = errNoCall
		return j.pause()
	case j.stopping.Load():
		failed = errNoCall
		return river.JobSnooze(0) // it goes on at the next start, and is no failed try
	}
	j.o.Log.Warn("task failed", "task", t.Task, "source", t.Source, "shard", t.Shard, "error", err)
	if j.o.Permanent(err) {
		return river.JobCancel(err)
	}
	return err
}

var (
	errPanic  = errors.New("the run panicked")
	errNoCall = errors.New("the source was not at fault") // tells the circuit nothing
)

// plan gives the task's, where it is on.
func (j *Jobs) plan(t Task) (Plan, bool) {
	for _, p := range j.o.Plans {
		if p.Task == t.Task && p.Source == t.Source {
			return p, !p.Schedule.Never()
		}
	}
	return Plan{}, false
}

// superseded tells whether the task's next due time has come.
func (j *Jobs) superseded(t Task) bool {
	for _, p := range j.o.Plans {
		if p.Task == t.Task && p.Source == t.Source {
			return p.Schedule.Last(j.o.Now()).After(t.Due)
		}
	}
	return true
}

// happened tells whether the task went well at or after its due time. A shard does not
// count its siblings' runs.
func (j *Jobs) happened(ctx context.Context, t Task) (bool, error) {
	if t.Shard != "" {
		return false, nil
	}
	done, err := j.o.Store.Done(ctx)
	return err == nil && !done[t.Source][t.Task].Before(t.Due), err
}

var _ rivertype.JobArgs = args{}
