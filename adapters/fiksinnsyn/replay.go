package fiksinnsyn

import (
	"context"
	"slices"
	"time"

	"samsyn/adapters"
)

// Replay checks a kept message again (adapters.Replayer): KS Fiks Innsyn sends a message once,
// so what was refused by a fault of ours would otherwise be lost until the next change. When it
// changed is not known any more. Of a file that named no message nothing can be told.
func (a *adapter) Replay(ctx context.Context, f adapters.Fault) (adapters.Page, error) {
	if err := ctx.Err(); err != nil {
		return adapters.Page{}, err
	}
	if !slices.Contains([]string{Mappe, Journalpost}, f.Kind) || len(f.Body) == 0 || len(f.Body) > maxMessage {
		return adapters.Page{}, nil
	}
	rec, fault := record(f.Kind, f.Key, f.Where, time.Time{}, f.Body)
	if fault != nil {
		return adapters.Page{Faults: []adapters.Fault{*fault}}, nil
	}
	return adapters.Page{Records: []adapters.Record{*rec}}, nil
}

var _ adapters.Replayer = (*adapter)(nil)
