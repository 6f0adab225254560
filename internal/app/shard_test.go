package app_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"samsyn/internal/app"
	"samsyn/internal/demo"
	"samsyn/internal/sim"
	"samsyn/testdata"
)

// TestShardsAreSharedAndGiveTheSame: two instances read one FHIR server in shards, each
// shard once, and hold afterwards what one instance holds that read it as a whole.
func TestShardsAreSharedAndGiveTheSame(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), demo.Clock()
	m, err := sim.Start(sim.Options{Data: testdata.Families(), Dir: filepath.Join(dir, "sources"), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close(context.Background()) })
	node := func(file string, shards bool) *app.App {
		t.Helper()
		c, err := demo.Config(m, filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for name, s := range c.Sources {
			s.Off, s.Shards = name != sim.Health, shards
			c.Sources[name] = s
		}
		c.Jobs.SyncSchedule, c.Jobs.ReconcileSchedule = "0 0 1 1 *", "off"
		if err := c.Resolve(); err != nil {
			t.Fatal(err)
		}
		a, err := app.New(t.Context(), c, app.Options{Now: clock, Random: io.MultiReader(bytes.NewReader(make([]byte, 32)), rand.Reader)}) // the store's keys are what it reads first
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		})
		return a
	}
	whole := node("whole.db", false)
	if _, err := whole.Sync(t.Context(), nil, false, nil); err != nil {
		t.Fatal(err)
	}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	one, two := node("shards.db", true), node("shards.db", true)
	ended := make(chan error, 2)
	for _, a := range []*app.App{one, two} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() { ended <- a.Serve(ctx, l) }()
	}
	beats, limit := time.NewTicker(20*time.Millisecond), time.After(5*time.Minute)
	defer beats.Stop()
	for happened := false; !happened; {
		select {
		case <-beats.C:
			states, err := one.States(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			happened = len(states) == 1 && !states[0].Done.IsZero()
		case <-limit:
			t.Fatal("the shards were never read")
		}
	}
	stop()
	if err := errors.Join(<-ended, <-ended); err != nil {
		t.Error(err)
	}
	ran, err := two.Runs(t.Context(), sim.Health, 100)
	if err != nil {
		t.Fatal(err)
	}
	times, listed := map[string]int{}, 0
	for _, r := range ran.Runs {
		times[r.Shard]++
		listed += r.Listed
		if r.Failure != "" {
			t.Errorf("shard %q failed: %s", r.Shard, r.Failure)
		}
	}
	if len(times) < 5 || times[""] != 1 {
		t.Errorf("runs by shard: %v", times)
	}
	for shard, n := range times {
		if n != 1 {
			t.Errorf("shard %q was read %d times", shard, n)
		}
	}
	before, err := whole.Runs(t.Context(), sim.Health, 1)
	if err != nil {
		t.Fatal(err)
	}
	if listed != before.Runs[0].Listed {
		t.Errorf("%d things were listed in shards, %d as a whole", listed, before.Runs[0].Listed)
	}
	var a, b bytes.Buffer
	if err := errors.Join(whole.Canonical(t.Context(), &a), one.Canonical(t.Context(), &b)); err != nil {
		t.Fatal(err)
	}
	if a.Len() == 0 || a.String() != b.String() {
		t.Errorf("the stores differ: %d and %d bytes", a.Len(), b.Len())
	}
	// The whole may be read by hand, for no shard is being read now.
	if reports, err := one.Sync(t.Context(), nil, true, nil); err != nil || reports[0].Error != "" || reports[0].Stored != 0 {
		t.Errorf("the whole afterwards: %+v, %v", reports, err)
	}
}
