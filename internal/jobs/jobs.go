// Package jobs owns when and where work on the sources runs: schedules, the queue that
// instances share (River, in the store's database), one run of a source at a time by a
// lease with a fencing token, retries, a circuit for each source, and what is late. It
// knows neither sources nor records: what a task does is given to it.
package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"samsyn/internal/ingest/ledger"
)

// Task is one thing that is due.
type Task struct {
	Task   string // ledger.TaskSync, ledger.TaskReconcile, ledger.TaskRetention
	Source string
	Shard  string // "" for the whole source
	Due    time.Time
	Who    string // ledger.BySchedule, ledger.ByCatchUp
}

// Plan is what is done with a source, and when.
type Plan struct {
	Task, Source string
	Schedule     Schedule
	// Local: the source is not called, so that it is done also while the source is left alone,
	// and tells nothing of how the source is.
	Local bool
}

// Store is what is needed of the store. Done tells by source and task when it last went well.
type Store interface {
	Leases
	Done(ctx context.Context) (map[string]map[string]time.Time, error)
}

// Options are what the jobs are given. Those with a default may be left out.
type Options struct {
	DB       *sql.DB
	Postgres bool // what DB speaks
	Store    Store
	Plans    []Plan
	// Run does a task, or returns an error that wraps ErrPending: it has put parts of the task
	// into the queue and is to be asked again. It does a task under the lease with this token. Its context ends when the program
	// stops or the lease is lost; it then finishes the page it is on and returns.
	Run func(ctx context.Context, t Task, token int64) error
	// Permanent tells whether trying again before the next due time is of no use (the
	// source refuses us). Default: nothing is.
	Permanent func(error) bool
	// NotBefore is until when a source has asked to be left alone (Retry-After), zero
	// where it has not. Default: none has.
	NotBefore func(source string) time.Time
	Now       func() time.Time // time.Now
	// Random is a number in [0,1) for jitter. Default: math/rand/v2.
	Random func() float64
	Log    *slog.Logger // nothing is logged
	Keeper Keeper       // its Leases are Store
	// Workers is how many tasks this instance runs at once: 4.
	Workers int
	// Attempts is how often a task is tried for one due time: 6.
	Attempts int
	// Backoff is the pause before the second try; it doubles, with jitter, to 64 times itself. 30 s.
	Backoff time.Duration
	// Spread is over how long what is due at a start is spread: 5 s.
	Spread time.Duration
	// Poll is how often the queue is looked at: 1 s. Every is how often schedules are: 20 s.
	Poll, Every time.Duration
	// Circuit says when a source is left alone after failures.
	Circuit Circuit
}

// Jobs runs tasks when they are due.
type Jobs struct {
	o        Options
	client   *river.Client[*sql.Tx]
	queue    riverdriver.Executor
	circuits *circuits
	stopping atomic.Bool
	ticking  sync.WaitGroup
	end      context.CancelFunc
}

// ErrPending is why a task is not done yet: its shards are under way.
var ErrPending = errors.New("parts of it are under way")

// graceful is how late a task may be taken up and still count as on time.
const graceful = 5 * time.Minute

// The queue forgets what went well after two days. It remembers what was given up for
// longer than the longest usual time between two runs: while it does, the same due time
// is not tried again.
const (
	keepDone    = 48 * time.Hour
	keepGivenUp = 35 * 24 * time.Hour
	// rescueAfter is when a task whose instance died on another machine is tried again (see
	// rescue for this one). A task that is alive and takes longer loses nothing: its lease
	// keeps the second one out.
	rescueAfter = 5 * time.Minute
	// busyPause is after how long a task looks again whether its source is free.
	busyPause = 3 * time.Second
)

// New brings the queue's own tables up to date and makes the jobs; nothing runs before Start.
func New(ctx context.Context, o Options) (*Jobs, error) {
	o = o.withDefaults()
	j := &Jobs{o: o, circuits: newCircuits(o.Circuit)}
	if len(o.Keeper.Holder) > longestID {
		return nil, fmt.Errorf("job queue: the name of this instance is longer than %d letters", longestID)
	}
	var driver riverdriver.Driver[*sql.Tx] = riversqlite.New(o.DB)
	if o.Postgres {
		driver = riverdatabasesql.New(o.DB)
	}
	if err := migrate(ctx, driver, o); err != nil {
		return nil, fmt.Errorf("bring the job queue's tables up to date: %w", err)
	}
	j.queue = driver.GetExecutor()
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{jobs: j})
	var err error
	j.client, err = river.NewClient(driver, &river.Config{
		ID:                          o.Keeper.Holder,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.Workers}},
		Workers:                     workers,
		Logger:                      o.Log,
		PollOnly:                    true, // lib/pq cannot listen here, and PgBouncer could not either
		FetchPollInterval:           o.Poll,
		FetchCooldown:               min(o.Poll, river.FetchCooldownDefault),
		JobTimeout:                  -1, // a run may take its time; its lease tells whether it lives
		RescueStuckJobsAfter:        rescueAfter,
		MaxAttempts:                 o.Attempts,
		CompletedJobRetentionPeriod: keepDone,
		CancelledJobRetentionPeriod: keepGivenUp,
		DiscardedJobRetentionPeriod: keepGivenUp,
	})
	if err != nil {
		return nil, fmt.Errorf("job queue: %w", err)
	}
	return j, nil
}

// migrate brings the queue's own tables up to date. Where several instances start at once
// each step is taken by one of them, and the others find it done when they look again.
func migrate(ctx context.Context, driver riverdriver.Driver[*sql.Tx], o Options) error {
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	const tries, pause = 20, 50 * time.Millisecond
	for n := 1; ; n++ {
		if _, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err == nil || n == tries {
			return err
		}
		wait := time.NewTimer(time.Duration(float64(pause) * (0.5 + o.Random())))
		select {
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		case <-wait.C:
		}
	}
}

func (o Options) withDefaults() Options {
	set(&o.Now, time.Now)
	set(&o.Random, rand.Float64)
	set(&o.Permanent, func(error) bool { return false })
	set(&o.NotBefore, func(string) time.Time { return time.Time{} })
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	or(&o.Workers, 4)
	or(&o.Attempts, 6)
	or(&o.Backoff, 30*time.Second)
	or(&o.Spread, 5*time.Second)
	or(&o.Poll, time.Second)
	or(&o.Every, 20*time.Second)
	o.Keeper.Leases = o.Store
	o.Keeper = o.Keeper.withDefaults()
	return o
}

func set[F func() time.Time | func() float64 | func(error) bool | func(string) time.Time](f *F, otherwise F) {
	if *f == nil {
		*f = otherwise
	}
}

func or[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Start runs what is due from now on, what was missed first. Stop ends it; ctx does not.
func (j *Jobs) Start(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	if err := errors.Join(j.rescue(ctx), j.Tick(ctx)); err != nil {
		return err
	}
	if err := j.client.Start(ctx); err != nil {
		return fmt.Errorf("start the job queue: %w", err)
	}
	ctx, j.end = context.WithCancel(ctx)
	beats, stop := j.o.Keeper.Tick(j.o.Every)
	j.ticking.Go(func() {
		defer stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-beats:
				if err := errors.Join(j.rescue(ctx), j.Tick(ctx)); err != nil && ctx.Err() == nil {
					j.o.Log.Warn("schedules could not be looked at", "error", err)
				}
			}
		}
	})
	return nil
}

// Stop takes up nothing more, asks what runs to finish the page it is on, and waits for
// it until ctx ends. What was stopped goes on at the next start.
func (j *Jobs) Stop(ctx context.Context) error {
	j.stopping.Store(true)
	if j.end == nil {
		return nil
	}
	j.end()
	j.ticking.Wait()
	if err := j.client.StopAndCancel(ctx); err != nil {
		return fmt.Errorf("stop the job queue: %w", err)
	}
	return nil
}

// Tick puts into the queue what is due and has not been done since. The same due time of
// the same thing is there once, whoever puts it there.
func (j *Jobs) Tick(ctx context.Context) error {
	done, err := j.o.Store.Done(ctx)
	if err != nil {
		return err
	}
	now := j.o.Now()
	var due []river.InsertManyParams
	for _, p := range j.o.Plans {
		at := p.Schedule.Last(now)
		if at.IsZero() || !done[p.Source][p.Task].Before(at) {
			continue
		}
		who := ledger.BySchedule
		if now.Sub(at) > graceful {
			who = ledger.ByCatchUp
		}
		due = append(due, j.params(args{Task: p.Task, Source: p.Source, Due: at.Unix(), Who: who}))
	}
	return j.insert(ctx, due)
}

// Add puts a task into the queue beside the schedules: a shard of one that is under way.
func (j *Jobs) Add(ctx context.Context, tasks ...Task) error {
	params := make([]river.InsertManyParams, len(tasks))
	for i, t := range tasks {
		params[i] = j.params(args{Task: t.Task, Source: t.Source, Shard: t.Shard, Due: t.Due.Unix(), Who: t.Who})
	}
	return j.insert(ctx, params)
}

func (j *Jobs) params(a args) river.InsertManyParams {
	every := append(rivertype.UniqueOptsByStateDefault(), rivertype.JobStateCancelled, rivertype.JobStateDiscarded)
	o := &river.InsertOpts{MaxAttempts: j.o.Attempts, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: every}}
	if a.Who == ledger.ByCatchUp { // at a start everything may be due at once
		o.ScheduledAt = time.Now().Add(time.Duration(j.o.Random() * float64(j.o.Spread))) // the queue's clock is the machine's
	}
	return river.InsertManyParams{Args: a, InsertOpts: o}
}

func (j *Jobs) insert(ctx context.Context, params []river.InsertManyParams) error {
	if len(params) == 0 {
		return nil
	}
	added, err := j.client.InsertMany(ctx, params)
	if err != nil {
		return fmt.Errorf("put what is due into the queue: %w", err)
	}
	for i, a := range added {
		if a.UniqueSkippedAsDuplicate {
			continue
		}
		if t, ok := params[i].Args.(args); ok {
			j.o.Log.Info("due", "task", t.Task, "source", t.Source, "shard", t.Shard, "due", time.Unix(t.Due, 0), "who", t.Who)
		}
	}
	return nil
}

// Depth is how many tasks are in the queue, by River's states: available, running,
// retryable, scheduled, completed, cancelled, discarded.
func (j *Jobs) Depth(ctx context.Context) (depth map[string]int, err error) {
	rows, err := j.o.DB.QueryContext(ctx, `SELECT state, count(*) FROM river_job GROUP BY state`)
	if err != nil {
		return nil, fmt.Errorf("count the queue: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	depth = map[string]int{}
	for _, state := range rivertype.JobStates() {
		depth[string(state)] = 0
	}
	for rows.Next() {
		var state string
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			return nil, fmt.Errorf("count the queue: %w", err)
		}
		depth[state] = n
	}
	return depth, rows.Err()
}

// Circuits tells of each source whether it is left alone after failures: closed
// (everything is well), open, half-open.
func (j *Jobs) Circuits() map[string]string { return j.circuits.states() }
