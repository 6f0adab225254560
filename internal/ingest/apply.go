package ingest

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ingest/ledger"
	"samsyn/mapping"
)

// Why things are quarantined. The codes are stable: runs, pages and metrics count by them.
const (
	codeMalformed  = "malformed"        // not what its format requires
	codeProtocol   = "protocol"         // the source broke its protocol
	codeNoMap      = "no-map"           // no map for the kind
	codeHeld       = "held"             // a part that cannot be placed yet
	codeService    = "unknown-service"  // the map names a service that does not exist
	codePanic      = "panic"            // a bug of ours
	codeDecode     = "decode"           // the body is not what its media type says
	codeCode       = "unknown-code"     // a code without translation
	codeRequired   = "missing-required" // a required element came out empty
	codeValue      = "invalid-value"
	codeResource   = "invalid-resource"
	codeBudget     = "budget"
	codeUnexpected = "unexpected"
)

var kinds = []struct {
	err  error
	code string
}{
	{adapters.ErrMalformed, codeMalformed}, {adapters.ErrProtocol, codeProtocol},
	{mapping.ErrDecode, codeDecode}, {mapping.ErrUnknownCode, codeCode}, {mapping.ErrMissingRequired, codeRequired}, {mapping.ErrInvalidValue, codeValue},
	{mapping.ErrInvalidResource, codeResource}, {mapping.ErrBudget, codeBudget}, {mapping.ErrInternal, codePanic},
}

func codeOf(err error, otherwise string) string {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.code
		}
	}
	return otherwise
}

// revision is the revision of the map for a kind, "" where there is none.
func (r *run) revision(kind string) string {
	if m, ok := r.Maps(r.src.System, kind); ok {
		return m.Revision()
	}
	return ""
}

// mapAll maps entries at once by a bounded number of workers, each in its place.
func (r *run) mapAll(ctx context.Context, entries []*ledger.Entry) error {
	workers := r.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	next := make(chan *ledger.Entry)
	var wait sync.WaitGroup
	for range min(workers, len(entries)) {
		wait.Go(func() {
			for e := range next {
				r.mapOne(e)
			}
		})
	}
	defer wait.Wait()
	defer close(next)
	for _, e := range entries {
		select {
		case next <- e:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// mapOne says what a record means, or why that cannot be said. It never fails: one
// bad record stops only itself.
func (r *run) mapOne(e *ledger.Entry) {
	if e.Record.Deleted {
		return // gone is gone; there is nothing to map
	}
	m, ok := r.Maps(r.src.System, e.Record.Kind)
	if !ok {
		e.Refused = &ledger.Refusal{Code: codeNoMap, Text: fmt.Sprintf("there is no map for %s/%s: add mapping/maps/%s/%s.yaml", r.src.System, e.Record.Kind, r.src.System, e.Record.Kind)}
		return
	}
	res, err := r.apply(m, e.Record)
	if err == nil {
		err = r.take(e, res)
	}
	if err != nil {
		e.Service, e.Subject, e.Made = "", ledger.Subject{}, nil
		e.Refused = &ledger.Refusal{Code: codeOf(err, codeUnexpected), Text: identity.Redact(err.Error()), Where: where(err, r.src.System, e.Record.Kind)}
		if errors.Is(err, errService) {
			e.Refused.Code = codeService
		}
	}
}

var errService = errors.New("the map gives a service that does not exist")

// where is the line of the map that refused the record.
func where(err error, system, kind string) string {
	var re *mapping.RecordError
	if errors.As(err, &re) && re.Line > 0 {
		return fmt.Sprintf("mapping/maps/%s/%s.yaml:%d", system, kind, re.Line)
	}
	return ""
}

// apply calls the map and turns a panic into a reason that holds no content: only the
// hash of the record, by which it can be found and replayed.
func (r *run) apply(m Map, rec adapters.Record) (res mapping.Result, err error) {
	defer func() {
		if recover() != nil {
			hash := rec.Hash()
			res, err = mapping.Result{}, fmt.Errorf("%w on record with hash %s", mapping.ErrInternal, hex.EncodeToString(hash[:8]))
		}
	}()
	return m.Apply(mapping.Input{Source: r.src.Name, Kind: rec.Kind, Key: rec.Key, Media: rec.Media, Body: rec.Body, Now: r.Now(), IDKey: r.IDKey})
}

// take moves what the map made into the entry, and reads the numbers.
func (r *run) take(e *ledger.Entry, res mapping.Result) error {
	e.Service = r.src.Service
	if res.Service != "" {
		e.Service = care.Service(res.Service)
	}
	if !e.Service.Valid() {
		return fmt.Errorf("%w: %q", errService, e.Service)
	}
	if s := res.Subject; s != nil {
		e.Subject = ledger.Subject{Key: s.Key, BirthDate: s.BirthDate, Name: s.Name}
		e.Subject.Numbers = r.numbers(s.Identifiers, &e.Subject)
		e.Subject.Old = r.numbers(s.Old, &e.Subject)
	}
	if res.Skipped {
		return nil
	}
	e.Made = make([]care.Made, len(res.Made))
	for i, m := range res.Made {
		lineage := make([]care.Lineage, len(m.Lineage))
		for j, l := range m.Lineage {
			lineage[j] = care.Lineage(l)
		}
		e.Made[i] = care.Made{Resource: m.Resource, Lineage: lineage}
	}
	return nil
}

// numbers reads stated numbers; why others are none is noted with the subject.
func (r *run) numbers(raw []string, s *ledger.Subject) []identity.Number {
	var out []identity.Number
	for _, text := range raw {
		n, err := identity.Parse(text, r.Rules)
		if err != nil {
			s.Refused = append(s.Refused, err)
			continue
		}
		out = append(out, n)
	}
	return out
}
