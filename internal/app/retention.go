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
			r := c.Sources[name].Retention
			if r.HistoryDays < 0 || r.RawDays < 0 || r.RemovedDays < 0 || r.QuarantineDays < 0 {
				return fmt.Errorf("sources.%s.retention: days are 0 or more: %w", name, care.ErrInvalid)
			}
			done, err := s.Retain(ctx, name, r.store(), who, dry)
			if err != nil {
				return err
			}
			out = append(out, done...)
		}
		return nil
	})
	return out, err
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
