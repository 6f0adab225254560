package app

import (
	"context"
	"fmt"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/store"
)

// RetentionConfig is how many days of a source is kept what it does not say any more; 0: for
// ever. What it says now is kept for as long as it says it.
type RetentionConfig struct {
	// HistoryDays is how long earlier versions of what a record said are kept.
	HistoryDays int `yaml:"history_days"`
	// RawDays is how long earlier versions of records are kept as they were received.
	RawDays int `yaml:"raw_days"`
	// RemovedDays is how long what the source removed is kept, with all its versions.
	RemovedDays int `yaml:"removed_days"`
	// QuarantineDays is how long what could not be read is kept.
	QuarantineDays int `yaml:"quarantine_days"`
}

func (c RetentionConfig) store() store.Retention {
	days := func(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
	return store.Retention{History: days(c.HistoryDays), Raw: days(c.RawDays), Removed: days(c.RemovedDays), Quarantine: days(c.QuarantineDays)}
}

// Deletion is the proof that something was deleted.
type Deletion = store.Deletion

// Retain deletes what the retention of each source lets go, and gives the proofs. With dry
// nothing is deleted, and what would be is told. The store may be in use.
func Retain(ctx context.Context, c Config, who string, dry bool) (out []Deletion, err error) {
	err = withStore(ctx, c, func(s *store.Store) error {
		for _, name := range c.SourceNames() {
			done, err := s.Retain(ctx, name, c.Sources[name].Retention.store(), who, dry)
			if err != nil {
				return err
			}
			out = append(out, done...)
		}
		return nil
	})
	return out, err
}

// retain is Retain for one source, as serve does it when it is due.
func (a *App) retain(ctx context.Context, source, who string) error {
	done, err := a.store.Retain(ctx, source, a.Config.Sources[source].Retention.store(), "samsyn serve ("+who+")", false)
	for _, d := range done {
		a.log.Info("deleted by retention", "source", source, "what", d.What, "count", d.N)
	}
	return err
}

// goOnSealing seals anew what a rotation of keys left that was stopped, until ctx ends.
func (a *App) goOnSealing(ctx context.Context) {
	left, err := a.store.Resealing(ctx)
	if err == nil && left {
		a.log.Info("a rotation of keys was stopped; it goes on")
		var n int
		if n, err = a.store.Reseal(ctx, nil); err == nil {
			a.log.Info("sealed anew", "count", n)
		}
	}
	if err != nil && ctx.Err() == nil {
		a.log.Error("what a rotation of keys left could not be sealed anew", "error", err)
	}
}

// Deletions gives the proofs of what was deleted, newest first.
func Deletions(ctx context.Context, c Config, limit int) (out []Deletion, err error) {
	err = withStore(ctx, c, func(s *store.Store) error {
		out, err = s.Deletions(ctx, limit)
		return err
	})
	return out, err
}

// Erase deletes everything that is held about a person but the audit log. Two have decided
// it: the error is care.ErrInvalid where they are one.
func (a *App) Erase(ctx context.Context, person care.PersonID, first, second string) ([]Deletion, error) {
	if first == "" || second == "" || first == second {
		return nil, fmt.Errorf("erase a person: two who decided it must be named: %w", care.ErrInvalid)
	}
	return a.store.Erase(ctx, person, first+" and "+second)
}
