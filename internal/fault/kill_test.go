package fault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"samsyn/internal/app"
	"samsyn/internal/demo"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/sim"
	"samsyn/internal/store"
	"samsyn/internal/vault"
	"samsyn/testdata"
)

// Environment of the child process: this test binary as `samsyn sync` and then
// `samsyn reconcile` (main_test.go).
const (
	childConfig = "SAMSYN_FAULT_CHILD"    // the configuration file
	childStore  = "SAMSYN_FAULT_STORE"    // where the store is
	childKill   = "SAMSYN_FAULT_KILL_OP"  // the write or sync at which it kills itself, SQLite only
	childCount  = "SAMSYN_FAULT_COUNT_OP" // tell how many there were
)

// child is the whole life of the child process; its exit code is what it gives.
func child() int {
	ctx := context.Background()
	c, err := app.ReadConfig(os.Getenv(childConfig), nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	where := os.Getenv(childStore)
	c.Store.Path, c.Store.Keys = where, keysOf(os.Getenv(childConfig))
	ops := 0
	if os.Getenv(childKill)+os.Getenv(childCount) != "" {
		install()
		kill, _ := strconv.Atoi(os.Getenv(childKill)) // 0: never
		theDisk.under = filepath.Dir(where)
		theDisk.refuse = func(op) int32 {
			if ops++; ops == kill {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
			return 0
		}
	}
	fmt.Println("begun")
	a, err := app.New(ctx, c, app.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	code := 0
	reports, err := a.Sync(ctx, nil, false, func(string, int) {})
	for _, r := range reports {
		if r.Error != "" {
			fmt.Fprintln(os.Stderr, r.Source, r.Error)
			code = 1
		}
	}
	var compared []ledger.Reconciliation
	if err == nil {
		compared, err = a.Reconcile(ctx, nil, app.ReconcileOptions{Who: "cli"})
	}
	for _, r := range compared {
		if !r.Well() {
			fmt.Fprintln(os.Stderr, r.Source, r.Failure, r.Asks)
			code = 1
		}
	}
	if err := errors.Join(err, a.Close()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	fmt.Println("ended", ops)
	return code
}

// town is a municipality with its configuration.
type town struct {
	*sim.Municipality
	config string
	lasted time.Duration // how long the last child went on after it had begun
}

func newTown(t testing.TB) *town {
	t.Helper()
	dir, err := os.MkdirTemp(fastDir(), "samsyn-town-*")
	if err != nil {
		t.Fatal(err)
	}
	m, err := sim.Start(sim.Options{Data: testdata.Families(), Dir: filepath.Join(dir, "sources"), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	config, err := demo.WriteConfig(m, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(m.Close(context.Background()), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	return &town{Municipality: m, config: config}
}

// change makes the town's sources say something else: the second day.
func (m *town) change(t testing.TB) {
	t.Helper()
	now := time.Now()
	raw := m.Hospital.Get("EpisodeOfCare", "eoc-ella-habu")
	var r map[string]any
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	// A time that is the same in every town, so that they can be compared.
	r["meta"] = map[string]any{"versionId": "99", "lastUpdated": "2026-11-20T08:00:00Z"}
	r["status"] = "finished"
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Hospital.Put(raw); err != nil {
		t.Fatal(err)
	}
	m.Hospital.Forget("EpisodeOfCare", "eoc-teo-bup")
	if err := m.Roster.Retire("enrollments", m.Roster.IDs("enrollments")[0], now.Truncate(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := m.Roster.Forget("enrollments", m.Roster.IDs("enrollments")[1]); err != nil {
		t.Fatal(err)
	}
}

// run starts the child; kill, where it is not nil, ends it with signal 9 when it wants
// to. killed tells whether it did.
func (m *town) run(t testing.TB, where string, env []string, kill func(p *os.Process)) (out string, killed bool) {
	t.Helper()
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(me)
	cmd.Env = append(os.Environ(), append(env, childConfig+"="+m.config, childStore+"="+where)...)
	var errs bytes.Buffer
	said := &heard{first: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = said, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	var wait sync.WaitGroup
	if kill != nil {
		wait.Go(func() {
			select {
			case <-said.first:
				kill(cmd.Process)
			case <-ended:
			}
		})
	}
	err = cmd.Wait()
	close(ended)
	wait.Wait()
	m.lasted = said.since()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() && s.Signal() == syscall.SIGKILL {
			return said.String(), true
		}
	}
	if err != nil {
		t.Fatalf("the child: %v\n%s", err, errs.String())
	}
	return said.String(), false
}

// heard is an output that tells when something was said.
type heard struct {
	mu    sync.Mutex
	text  strings.Builder
	once  sync.Once
	began time.Time
	first chan struct{}
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.once.Do(func() { h.began = time.Now(); close(h.first) })
	return h.text.Write(p)
}

// since is how long ago something was said first.
func (h *heard) since() time.Duration { h.mu.Lock(); defer h.mu.Unlock(); return time.Since(h.began) }

func (h *heard) String() string { h.mu.Lock(); defer h.mu.Unlock(); return h.text.String() }

// F13: a process that is killed at any moment of reading and comparing all sources has
// lost and doubled nothing: what it saved balances, and the next one ends where one
// that was never killed ends.
func TestF13Kill(t *testing.T) {
	for _, db := range databases(t) {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			first := undisturbed(t, db, false)
			took, want, ops := map[bool]time.Duration{false: first.took, true: first.took}, map[bool]string{false: first.said}, first.ops
			killed, tried := 0, 0
			points := size(1, 100)
			for ; killed < points && tried < 3*points+20; tried++ { // some end before they are killed
				seed := firstSeed(t) + uint64(tried)
				rnd := rand.New(rand.NewPCG(seed, 13))
				m, where := newTown(t), db.fresh(t)
				second := rnd.IntN(3) == 0
				if second {
					if want[true] == "" {
						want[true] = undisturbed(t, db, true).said
					}
					m.run(t, where, nil, nil)
					m.change(t)
				}
				var env []string
				var kill func(*os.Process)
				if db.name == "sqlite" && rnd.IntN(2) == 0 {
					env = []string{childKill + "=" + strconv.Itoa(1+rnd.IntN(ops))}
				} else {
					after := time.Duration(rnd.Int64N(int64(took[second])))
					kill = func(p *os.Process) {
						time.Sleep(after)
						_ = p.Kill() // it may have ended
					}
				}
				if _, dead := m.run(t, where, env, kill); dead {
					killed++
				} else if kill != nil {
					took[second] = min(took[second], m.lasted) // the machine is quicker now
				}
				m.balanced(t, seed, where)
				if _, dead := m.run(t, where, nil, nil); dead {
					t.Fatal("nobody was to kill this one")
				}
				if got := m.canonical(t, where); got != want[second] {
					t.Fatalf("seed %d: killed, and not the same in the end:\n%s", seed, diff(want[second], got))
				}
			}
			if killed < points {
				t.Fatalf("%d of %d were killed, want %d", killed, tried, points)
			}
			t.Logf("%d of %d were killed before they ended", killed, tried)
		})
	}
}

// calm is what a run that nobody kills takes and leaves.
type calm struct {
	ops  int           // of the disk, SQLite only
	took time.Duration // from when it had begun
	said string        // by the store after it; after the second day too, where asked
}

// undisturbed runs on a town of its own, and where second is asked a second time after the second day.
func undisturbed(t testing.TB, db database, second bool) calm {
	t.Helper()
	m, where := newTown(t), db.fresh(t)
	var env []string
	if db.name == "sqlite" {
		env = []string{childCount + "=1"}
	}
	var c calm
	out, _ := m.run(t, where, env, nil)
	c.took = m.lasted
	if words := strings.Fields(out); len(words) == 3 {
		c.ops, _ = strconv.Atoi(words[2]) // 0 is looked at
	}
	if db.name == "sqlite" && c.ops < 100 {
		t.Fatalf("only %d operations of the disk were counted", c.ops)
	}
	if second {
		m.change(t)
		m.run(t, where, nil, nil)
	}
	c.said = m.canonical(t, where)
	return c
}

func (m *town) canonical(t testing.TB, where string) string {
	t.Helper()
	s := m.open(t, where)
	defer closeAll(t, s)
	var b bytes.Buffer
	if err := s.Canonical(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// balanced: at whatever moment it was killed, every listed thing has one outcome.
func (m *town) balanced(t testing.TB, seed uint64, where string) {
	t.Helper()
	s := m.open(t, where)
	defer closeAll(t, s)
	runs, err := s.Runs(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		if !r.Counts.Balanced() {
			t.Fatalf("seed %d: run %d of %s does not balance: %+v", seed, r.ID, r.Source, r.Counts)
		}
	}
}

func diff(before, after string) string {
	have := map[string]int{}
	for _, l := range strings.Split(before, "\n") {
		have[l]++
	}
	var out strings.Builder
	for _, l := range strings.Split(after, "\n") {
		if have[l]--; have[l] < 0 {
			out.WriteString("+ " + l + "\n")
		}
	}
	for l, n := range have {
		if n > 0 {
			out.WriteString("- " + l + "\n")
		}
	}
	if s := out.String(); len(s) > 4000 {
		return s[:4000] + "…"
	}
	return out.String()
}

// keysOf is the file with the keys that a town's store is sealed with, as in production.
func keysOf(config string) string { return config + ".keys" }

// open opens a town's store; the caller closes it.
func (m *town) open(t testing.TB, where string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), where, store.Options{Vault: vault.InFile(keysOf(m.config), time.Now)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
