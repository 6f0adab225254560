package limits_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"samsyn/internal/limits"
)

var start = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func TestRateIsPerCallerAndTellsWhenToComeBack(t *testing.T) {
	now := start
	r := limits.NewRate(2, 3, func() time.Time { return now })
	for i := range 3 {
		if _, ok := r.Take("a"); !ok {
			t.Fatalf("request %d of 3 at once is refused", i+1)
		}
	}
	wait, ok := r.Take("a")
	if ok || wait != 500*time.Millisecond {
		t.Fatalf("fourth at once: %v after %v", ok, wait)
	}
	if again, _ := r.Take("a"); again != wait {
		t.Errorf("a refused request costs: %v, then %v", wait, again)
	}
	if _, ok := r.Take("b"); !ok {
		t.Error("somebody else is refused")
	}
	now = now.Add(wait)
	if _, ok := r.Take("a"); !ok {
		t.Error("refused when the time that was told is over")
	}
	if wait, ok := limits.NewRate(1, 0, func() time.Time { return now }).Take("a"); ok || wait <= 0 {
		t.Errorf("nothing is allowed, and let through: %v %v", wait, ok)
	}
}

func TestRateNeverLetsMoreThroughThanItSays(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		now, perSecond, burst := start, rapid.IntRange(1, 20).Draw(r, "rate"), rapid.IntRange(1, 20).Draw(r, "burst")
		limit := limits.NewRate(float64(perSecond), burst, func() time.Time { return now })
		through := 0
		for range rapid.IntRange(1, 200).Draw(r, "requests") {
			now = now.Add(time.Duration(rapid.IntRange(0, 200).Draw(r, "ms")) * time.Millisecond)
			if _, ok := limit.Take("a"); ok {
				through++
			}
		}
		if most := float64(burst) + now.Sub(start).Seconds()*float64(perSecond) + 1e-6; float64(through) > most {
			r.Fatalf("%d let through, at most %.1f", through, most)
		}
	})
}

func TestManyCallersTakeNoMoreMemory(t *testing.T) {
	now := start
	r := limits.NewRate(0.001, 1, func() time.Time { return now })
	for i := range 30_000 {
		now = now.Add(time.Millisecond)
		r.Take(fmt.Sprint("caller ", i))
	}
	if _, ok := r.Take("caller 29999"); ok {
		t.Error("the last caller was forgotten before those who have been quiet longer")
	}
	if n := limits.Callers(r); n > 10_000 {
		t.Errorf("%d callers are kept", n)
	}
}

func TestNewChildrenAreCounted(t *testing.T) {
	now := start
	n := limits.NewNovelty(limits.NoveltyLimits{Warn: 3, Refuse: 5}, func() time.Time { return now })
	open := func(child string) limits.Verdict { return n.Open("anders", child, false) }
	for i, want := range []limits.Verdict{{New: true, Count: 1}, {New: true, Count: 2}, {New: true, Count: 3, Alarm: true}, {New: true, Count: 4}, {New: true, Count: 5, Alarm: true}} {
		if got := open(fmt.Sprint("child ", i)); got != want {
			t.Errorf("child %d: %+v, want %+v", i, got, want)
		}
		now = now.Add(time.Minute)
	}
	for range 3 { // trying again and again changes nothing
		if got := open("child 5"); !got.Refused || got.Count != 5 || got.Wait != 55*time.Minute {
			t.Errorf("the sixth: %+v", got)
		}
	}
	if got := open("child 0"); got.Refused || got.New {
		t.Errorf("a child who is known is refused: %+v", got)
	}
	if got := n.Open("anders", "child 6", true); got.Refused || got.New {
		t.Errorf("a child whom the audit log knows is refused: %+v", got)
	}
	if got := n.Open("liv", "child 5", false); got.Refused || got.Count != 1 {
		t.Errorf("somebody else is counted with her: %+v", got)
	}
	now = start.Add(time.Hour)
	if got := open("child 7"); got.Refused || got.Count != 5 {
		t.Errorf("an hour after the first: %+v", got)
	}
	now = start.Add(31 * 24 * time.Hour)
	if got := open("child 1"); !got.New || got.Count != 1 {
		t.Errorf("a month later the child is new again: %+v", got)
	}
}

// TestASnoopIsSeenAndACoordinatorIsNot: 40 children in a morning against a coordinator's
// working weeks with the default limits.
func TestASnoopIsSeenAndACoordinatorIsNot(t *testing.T) {
	now := start
	n := limits.NewNovelty(limits.NoveltyLimits{}, func() time.Time { return now })
	for day := range 60 {
		for i := range 12 { // her own, some of them each day, and a new child a week
			now = start.AddDate(0, 0, day).Add(time.Duration(i) * 5 * time.Minute)
			if v := n.Open("coordinator", fmt.Sprint((day+i)%15+day/7), false); v.Refused || v.Alarm {
				t.Fatalf("day %d: %+v", day, v)
			}
		}
	}
	alarms := 0
	for i := range 40 {
		now = now.Add(time.Minute)
		if n.Open("snoop", fmt.Sprint(i), false).Alarm {
			alarms++
		}
	}
	if alarms != 1 {
		t.Errorf("%d alarms for 40 new children in 40 minutes", alarms)
	}
}
