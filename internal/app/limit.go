package app

import (
	"cmp"
	"log/slog"
	"time"

	"samsyn/internal/limits"
)

// LimitsConfig bounds what serve answers. A field that is left out takes the default in its
// comment: more than people and their pages ask for.
type LimitsConfig struct {
	// PerSecond is how many requests one caller (an address), and how many questions one viewer,
	// may make in a second: 50; and Burst how many at once: 500.
	PerSecond float64 `yaml:"per_second"`
	Burst     int     `yaml:"burst"`
	// NewChildren is of children whom one viewer opens, and has not opened before.
	NewChildren NewChildrenConfig `yaml:"new_children"`
}

// NewChildrenConfig is of how many new children in a window there is a warning, and after how
// many no more are opened.
type NewChildrenConfig struct {
	Window time.Duration `yaml:"window"` // 1h
	Warn   int           `yaml:"warn"`   // 20
	Refuse int           `yaml:"refuse"` // 60
}

func (c *LimitsConfig) withDefaults() {
	c.PerSecond, c.Burst = cmp.Or(c.PerSecond, 50), cmp.Or(c.Burst, 500)
	n := &c.NewChildren
	n.Window, n.Warn, n.Refuse = cmp.Or(n.Window, time.Hour), cmp.Or(n.Warn, 20), cmp.Or(n.Refuse, 60)
}

func (r *reader) validateLimits(c *Config) {
	if l := c.Limits; l.PerSecond <= 0 || l.Burst < 1 {
		r.fault("limits", "per_second and burst are more than 0: with none nobody is answered")
	}
	if n := c.Limits.NewChildren; n.Window <= 0 || n.Warn < 1 || n.Refuse < n.Warn {
		r.fault("limits.new_children", "window and warn are more than 0, and refuse is no less than warn")
	}
}

func (c LimitsConfig) rate(now func() time.Time) *limits.Rate {
	return limits.NewRate(c.PerSecond, c.Burst, now)
}

// viewerLimits bounds what one viewer asks the gate for. Log and metrics tell that somebody
// came to a limit, never who or of whom: that stands in the audit log.
type viewerLimits struct {
	rate    *limits.Rate
	novelty *limits.Novelty
	log     *slog.Logger
	counted func(what string)
}

func (a *App) viewerLimits(now func() time.Time) *viewerLimits {
	n := a.Config.Limits.NewChildren
	return &viewerLimits{a.Config.Limits.rate(now), limits.NewNovelty(limits.NoveltyLimits{Window: n.Window, Warn: n.Warn, Refuse: n.Refuse}, now), a.log, a.metrics.Limited}
}

// Asks notes that the viewer asks for something.
func (l *viewerLimits) Asks(viewer string) time.Duration {
	wait, ok := l.rate.Take(viewer)
	if ok {
		return 0
	}
	l.counted("viewer")
	l.log.Warn("a viewer asks for too much", "wait", wait.Round(time.Millisecond))
	return max(wait, time.Millisecond)
}

// Opens notes that the viewer opens a person.
func (l *viewerLimits) Opens(viewer, person string) time.Duration {
	v := l.novelty.Open(viewer, person, false)
	if v.Alarm {
		l.counted("novelty-warn")
		l.log.Warn("a viewer opens many new children: look with samsyn audit anomalies", "count", v.Count)
	}
	if !v.Refused {
		return 0
	}
	l.counted("novelty")
	l.log.Warn("a viewer opens too many new children: no more are opened", "count", v.Count, "wait", v.Wait.Round(time.Second))
	return max(v.Wait, time.Millisecond)
}
