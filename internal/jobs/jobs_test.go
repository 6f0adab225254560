package jobs_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/jobs"
	"samsyn/internal/store"
	"samsyn/internal/store/pgtest"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "8")                                        // they wait more than they work; a flag on the command line goes before it
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("os/exec.(*Cmd).Wait")) // the PostgreSQL server for tests ends with the process
}

var ctx = context.Background()

// clock is a clock that stands until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func at(text string) *clock {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return &clock{at: t}
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// node is one instance: its own store over the shared database, and its jobs.
type node struct {
	t     *testing.T
	store *store.Store
	*jobs.Jobs
}

// newNode opens an instance over the database at place. run does tasks; what is not set in o is quick.
func newNode(t *testing.T, place string, c *clock, o jobs.Options, run func(n *node, ctx context.Context, task jobs.Task, token int64) error) *node {
	t.Helper()
	n := &node{t: t}
	var err error
	if n.store, err = store.Open(ctx, place, store.Options{Now: c.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.store.Close(); err != nil {
			t.Error(err)
		}
	})
	o.DB, o.Postgres = n.store.Queue()
	o.Store, o.Now = n.store, c.now
	o.Run = func(ctx context.Context, task jobs.Task, token int64) error { return run(n, ctx, task, token) }
	o.Poll, o.Backoff, o.Spread = 5*time.Millisecond, max(o.Backoff, time.Millisecond), time.Nanosecond
	o.Keeper.Tick = func(time.Duration) (<-chan time.Time, func()) { return nil, func() {} } // nothing by itself
	if n.Jobs, err = jobs.New(ctx, o); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *node) start() *node {
	n.t.Helper()
	if err := n.Start(ctx); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(n.stop)
	return n
}

func (n *node) stop() {
	if err := n.Stop(ctx); err != nil {
		n.t.Error(err)
	}
}

func (n *node) tick() {
	n.t.Helper()
	if err := n.Tick(ctx); err != nil {
		n.t.Fatal(err)
	}
}

// until waits for a state of the queue.
func (n *node) until(what string, is func(depth map[string]int) bool) {
	n.t.Helper()
	beats := time.NewTicker(5 * time.Millisecond)
	defer beats.Stop()
	limit := time.After(5 * time.Minute) // only so that a fault ends
	for {
		depth, err := n.Depth(ctx)
		if err != nil {
			n.t.Fatal(err)
		}
		if is(depth) {
			return
		}
		select {
		case <-beats.C:
		case <-limit:
			n.t.Fatalf("%s never came: %v", what, depth)
		}
	}
}

func (n *node) completed(count int) {
	n.t.Helper()
	n.until(fmt.Sprint(count, " completed"), func(d map[string]int) bool { return d["completed"] == count })
}

// read is a run that is noted in the store and goes well.
func read(n *node, ctx context.Context, task jobs.Task, token int64) error {
	run, _, err := n.store.Begin(ctx, ledger.Source{Name: task.Source, System: "test", Service: care.Skole, Title: task.Source, Fence: token}, task.Who)
	if err != nil {
		return err
	}
	return n.store.End(ctx, run, "")
}

func nightly(t *testing.T, sources ...string) []jobs.Plan {
	var all []jobs.Plan
	for _, s := range sources {
		all = append(all, jobs.Plan{Task: ledger.TaskSync, Source: s, Schedule: parse(t, "0 2 * * *")})
	}
	return all
}

// tasks collects what was run.
type tasks struct {
	mu  sync.Mutex
	all []string
}

func (r *tasks) add(t jobs.Task) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, fmt.Sprintf("%s %s %s %s", t.Task, t.Source, t.Due.In(oslo).Format("02T15:04"), t.Who))
	return len(r.all)
}

func (r *tasks) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// onBoth runs a test on a database of either kind that has its tables.
func onBoth(t *testing.T, test func(t *testing.T, db string)) {
	on(t, made, test)
}

// on is onBoth with databases that were filled by fill, nil for empty ones.
func on(t *testing.T, fill func(place string) error, test func(t *testing.T, db string)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		place := filepath.Join(t.TempDir(), "samsyn.db")
		if fill != nil {
			empty, err := emptyFile()
			if err := errors.Join(err, os.WriteFile(place, empty, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		test(t, place)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		pgtest.Available(t)
		test(t, pgtest.URL(t, fill))
	})
}

// made makes the tables of the store and of the queue.
func made(place string) error {
	s, err := store.Open(ctx, place, store.Options{})
	if err != nil {
		return err
	}
	o := jobs.Options{Store: s}
	o.DB, o.Postgres = s.Queue()
	_, err = jobs.New(ctx, o)
	return errors.Join(err, s.Close())
}

// emptyFile is what made makes of a file, made once.
var emptyFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "samsyn-jobs-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	place := filepath.Join(dir, "empty.db")
	if err := made(place); err != nil {
		return nil, err
	}
	return os.ReadFile(place)
})

func TestAMissedNightIsCaughtUpOnceAndTheNextComesInTime(t *testing.T) {
	onBoth(t, aMissedNightIsCaughtUpOnceAndTheNextComesInTime)
}

func aMissedNightIsCaughtUpOnceAndTheNextComesInTime(t *testing.T, db string) {
	var ran tasks
	c := at("2026-11-23T08:00:00+01:00")
	run := func(n *node, ctx context.Context, task jobs.Task, token int64) error {
		ran.add(task)
		return read(n, ctx, task, token)
	}
	o := jobs.Options{Plans: nightly(t, "a")}
	first, second := newNode(t, db, c, o, run).start(), newNode(t, db, c, o, run).start()
	first.completed(1)
	first.tick()
	second.tick()
	c.add(18*time.Hour + time.Minute) // 02:01
	second.tick()
	first.tick()
	first.completed(2)
	third := newNode(t, db, c, o, run).start() // a new version of the program: nothing is due
	third.completed(2)
	want := []string{"sync a 23T02:00 catch-up", "sync a 24T02:00 schedule"}
	if got := ran.list(); !slices.Equal(got, want) {
		t.Errorf("ran %v, want %v", got, want)
	}
}

func TestNightsWhenTheClockIsChangedRunOnce(t *testing.T) {
	onBoth(t, nightsWhenTheClockIsChangedRunOnce)
}

func nightsWhenTheClockIsChangedRunOnce(t *testing.T, db string) {
	for i, night := range []string{"2026-03-28T12:00:00+01:00", "2026-10-24T12:00:00+02:00"} {
		c := at(night)
		o := jobs.Options{Plans: nightly(t, "a")}
		first, second := newNode(t, db, c, o, nil), newNode(t, db, c, o, nil) // nobody works: what is due stays
		first.tick()
		for range 24 * 3 {
			c.add(20 * time.Minute)
			first.tick()
			second.tick()
		}
		depth, err := first.Depth(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if n := depth["available"] + depth["scheduled"]; n != 2*(i+1) { // the night before was missed, and this one
			t.Errorf("in the day after %s %d runs were due, want %d: %v", night, n, 2*(i+1), depth)
		}
	}
}

func TestWhatIsDueDuringARunIsSkippedNotStacked(t *testing.T) {
	onBoth(t, whatIsDueDuringARunIsSkippedNotStacked)
}

func whatIsDueDuringARunIsSkippedNotStacked(t *testing.T, db string) {
	var ran tasks
	c := at("2026-11-23T02:00:00+01:00")
	began, goOn := make(chan struct{}, 9), make(chan struct{})
	run := func(n *node, ctx context.Context, task jobs.Task, token int64) error {
		ran.add(task)
		began <- struct{}{}
		<-goOn
		return read(n, ctx, task, token)
	}
	o := jobs.Options{Plans: nightly(t, "a"), Keeper: jobs.Keeper{Lasts: 1000 * time.Hour}} // it lives, though nothing beats here
	n := newNode(t, db, c, o, run).start()
	<-began
	for range 3 { // three nights pass
		c.add(24 * time.Hour)
		n.tick()
	}
	n.until("four in the queue", func(d map[string]int) bool { return d["running"]+d["available"]+d["scheduled"] == 4 })
	close(goOn)
	n.completed(4)
	if got := ran.list(); len(got) != 1 {
		t.Errorf("ran %v, want the first only", got)
	}
}

// 800 things that are due at a start run at most as many at once as there are workers,
// each once, and never two of the same source over two instances.
func TestNoStormAtStart(t *testing.T) { onBoth(t, noStormAtStart) }

func noStormAtStart(t *testing.T, db string) {
	due := 120
	if os.Getenv("SAMSYN_TEST_SIZE") != "" {
		due = 800
	}
	var plans []jobs.Plan
	for i := range due {
		plans = append(plans, nightly(t, fmt.Sprint("s", i))...)
	}
	const workers = 3
	var mu sync.Mutex
	flying, most, ran, by := map[*node]int{}, 0, 0, map[string]int{}
	run := func(n *node, ctx context.Context, task jobs.Task, token int64) error {
		mu.Lock()
		flying[n]++
		ran++
		by[task.Source]++
		most = max(most, flying[n])
		if by[task.Source] > 1 {
			t.Errorf("%s runs twice", task.Source)
		}
		mu.Unlock()
		err := read(n, ctx, task, token)
		mu.Lock()
		flying[n]--
		mu.Unlock()
		return err
	}
	c := at("2026-11-23T08:00:00+01:00")
	o := jobs.Options{Plans: plans, Workers: workers}
	first := newNode(t, db, c, o, run).start()
	newNode(t, db, c, o, run).start()
	first.completed(due)
	if most > workers || ran != due {
		t.Errorf("%d ran, at most %d at once on one instance; want %d and %d", ran, most, due, workers)
	}
}

func TestRetriesAreBoundedAndTheCircuitOpens(t *testing.T) {
	t.Parallel()
	down := errors.New("the source does not answer")
	for _, c := range []struct {
		name    string
		options jobs.Options
		fails   int // tries that fail, then it goes well
		runs    int
		state   string
		circuit string
	}{
		{"it goes well after two", jobs.Options{Circuit: jobs.Circuit{Failures: 9}}, 2, 3, "completed", "closed"},
		{"given up after four", jobs.Options{Attempts: 4, Circuit: jobs.Circuit{Failures: 9}}, 99, 4, "discarded", "closed"},
		{"left alone after three", jobs.Options{Circuit: jobs.Circuit{Failures: 3, Rest: time.Hour}}, 99, 3, "scheduled", "open"},
		{"one try decides after the rest", jobs.Options{Circuit: jobs.Circuit{Failures: 2, Rest: time.Millisecond}}, 2, 3, "completed", "closed"},
		{"refused", jobs.Options{Permanent: func(err error) bool { return errors.Is(err, down) }}, 99, 1, "cancelled", "closed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var ran tasks
			c.options.Plans = nightly(t, "a")
			n := newNode(t, filepath.Join(t.TempDir(), "samsyn.db"), at("2026-11-23T08:00:00+01:00"), c.options, func(n *node, ctx context.Context, task jobs.Task, token int64) error {
				if ran.add(task) <= c.fails {
					return down
				}
				return read(n, ctx, task, token)
			}).start()
			n.until(c.state, func(d map[string]int) bool { return d[c.state] == 1 && len(ran.list()) == c.runs })
			n.tick() // the same due time is not begun again
			if got := n.Circuits()["a"]; got != c.circuit {
				t.Errorf("the circuit is %s, want %s", got, c.circuit)
			}
			n.stop()
			if got := len(ran.list()); got != c.runs {
				t.Errorf("%d runs, want %d", got, c.runs)
			}
		})
	}
}

func TestASourceThatAskedToBeLeftAloneIs(t *testing.T) { onBoth(t, aSourceThatAskedToBeLeftAloneIs) }

func aSourceThatAskedToBeLeftAloneIs(t *testing.T, db string) {
	c := at("2026-11-23T08:00:00+01:00")
	n := newNode(t, db, c, jobs.Options{Plans: nightly(t, "a"), NotBefore: func(string) time.Time { return c.now().Add(time.Hour) }},
		func(*node, context.Context, jobs.Task, int64) error {
			t.Error("it was called")
			return nil
		}).start()
	n.until("the wait", func(d map[string]int) bool { return d["scheduled"] == 1 })
}

// TestWhatCallsNoSourceDoesNotWaitForIt: it is done while the source is left alone, and its going
// well does not tell that the source is.
func TestWhatCallsNoSourceDoesNotWaitForIt(t *testing.T) { onBoth(t, whatCallsNoSource) }

func whatCallsNoSource(t *testing.T, db string) {
	c := at("2026-11-23T08:00:00+01:00")
	plans := append(nightly(t, "a"), jobs.Plan{Task: ledger.TaskRetention, Source: "a", Schedule: parse(t, "0 4 * * *"), Local: true})
	n := newNode(t, db, c, jobs.Options{Plans: plans, Circuit: jobs.Circuit{Failures: 1, Rest: time.Hour}, NotBefore: func(string) time.Time { return c.now().Add(time.Hour) }},
		func(n *node, _ context.Context, task jobs.Task, _ int64) error {
			if task.Task != ledger.TaskRetention {
				t.Errorf("%s called the source", task.Task)
			}
			return nil
		}).start()
	n.until("the one done and the other waiting", func(d map[string]int) bool { return d["completed"] == 1 && d["scheduled"] == 1 })
	if got, known := n.Circuits()["a"]; known {
		t.Errorf("the circuit is %s, and the source was not called", got)
	}
}

func TestOffIsOff(t *testing.T) { onBoth(t, offIsOff) }

func offIsOff(t *testing.T, db string) {
	c := at("2026-11-23T08:00:00+01:00")
	newNode(t, db, c, jobs.Options{Plans: nightly(t, "a")}, nil).tick() // queued while it was on
	never := []jobs.Plan{{Task: ledger.TaskSync, Source: "a"}}
	for _, plans := range [][]jobs.Plan{nil, never} {
		n := newNode(t, db, c, jobs.Options{Plans: plans}, func(*node, context.Context, jobs.Task, int64) error {
			t.Error("it ran")
			return nil
		}).start()
		n.until("cancelled", func(d map[string]int) bool { return d["cancelled"] == 1 })
		n.stop()
	}
}

// A stop ends the run under way; another instance takes the same task up at once.
func TestWhatAStopEndedGoesOn(t *testing.T) { onBoth(t, whatAStopEndedGoesOn) }

func whatAStopEndedGoesOn(t *testing.T, db string) {
	var ran tasks
	c := at("2026-11-23T08:00:00+01:00")
	o := jobs.Options{Plans: nightly(t, "a"), Backoff: time.Hour}
	began := make(chan struct{})
	first := newNode(t, db, c, o, func(n *node, ctx context.Context, task jobs.Task, _ int64) error {
		ran.add(task)
		close(began)
		<-ctx.Done()
		return ctx.Err()
	}).start()
	<-began
	first.stop()
	second := newNode(t, db, c, o, func(n *node, ctx context.Context, task jobs.Task, token int64) error {
		ran.add(task)
		return read(n, ctx, task, token)
	}).start()
	second.completed(1)
	if got := ran.list(); len(got) != 2 {
		t.Errorf("ran %v, want twice the same", got)
	}
}

// Instances that start at the same moment on an empty database all get their queue.
func TestWhatAKillEndedIsTakenUpAtOnce(t *testing.T) {
	onBoth(t, whatAKillEndedIsTakenUpAtOnce)
}

// whatAKillEndedIsTakenUpAtOnce: an instance that was killed in the middle of a task has told
// nobody. The next one to start finds the task under its name, which is known to be dead, and
// the lease as well.
func whatAKillEndedIsTakenUpAtOnce(t *testing.T, db string) {
	c := at("2026-11-23T08:00:00+01:00")
	plans := nightly(t, "a")
	const killed, alive = "here 1 x", "here 2 y"
	dead := false
	o := func(holder string) jobs.Options {
		// One worker: the one that is killed here goes on asking the queue, and must have no hand free.
		return jobs.Options{Plans: plans, Workers: 1, Keeper: jobs.Keeper{Holder: holder, Dead: func(h string) bool { return dead && h == killed }}}
	}
	begun, end := make(chan struct{}), make(chan struct{})
	first := newNode(t, db, c, o(killed), func(_ *node, ctx context.Context, _ jobs.Task, _ int64) error {
		close(begun)
		<-end // it never hears of a stop
		return ctx.Err()
	}).start()
	<-begun
	// Another one that starts while it lives leaves it alone.
	other := newNode(t, db, c, o(alive), func(*node, context.Context, jobs.Task, int64) error {
		t.Error("the task of an instance that lives was taken")
		return nil
	})
	if err := other.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if depth, err := other.Depth(ctx); err != nil || depth["running"] != 1 {
		t.Errorf("the queue %v %v", depth, err)
	}
	other.stop()
	dead = true
	second := newNode(t, db, c, o(alive), read).start()
	second.completed(1)
	done, err := second.store.Done(ctx)
	if err != nil || done["a"][ledger.TaskSync].IsZero() && done["a"][ledger.TaskReconcile].IsZero() {
		t.Errorf("done %v %v", done, err)
	}
	close(end)
	_ = first
}

func TestManyStartAtOnce(t *testing.T) { on(t, nil, manyStartAtOnce) }

func manyStartAtOnce(t *testing.T, db string) {
	const many = 4
	ended := make(chan error, many)
	for range many {
		s, err := store.Open(ctx, db, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		go func() {
			pool, postgres := s.Queue()
			_, err := jobs.New(ctx, jobs.Options{DB: pool, Postgres: postgres, Store: s})
			ended <- err
		}()
	}
	for range many {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestStatesTellWhatIsLate(t *testing.T) {
	now, _ := time.Parse(time.RFC3339, "2026-11-23T08:00:00+01:00")
	plans := append(nightly(t, "never", "lastnight", "before"), jobs.Plan{Task: ledger.TaskReconcile, Source: "off"})
	done := map[string]map[string]time.Time{
		"lastnight": {ledger.TaskSync: now.Add(-5 * time.Hour)},
		"before":    {ledger.TaskSync: now.Add(-29 * time.Hour)},
	}
	for patience, want := range map[time.Duration][]bool{2 * time.Hour: {true, false, true, false}, 7 * time.Hour: {true, false, false, false}} {
		for i, s := range jobs.States(plans, done, now, patience) {
			if s.Late != want[i] {
				t.Errorf("with patience %s %s is late: %t", patience, s.Source, s.Late)
			}
		}
	}
}
