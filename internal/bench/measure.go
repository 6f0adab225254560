package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"samsyn/adapters"
	"samsyn/internal/identity"
	"samsyn/internal/ingest"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/reconcile"
	"samsyn/internal/store"
	"samsyn/mapping"
)

// measure is the measuring of one database.
type measure struct {
	Options
	*report
	base *base
	maps *mapping.Set
}

const (
	limitBare    = "limit: the same bodies in bare batches"
	limitMapping = "limit: mapping and validation alone"
	limitHash    = "limit: reading and hashing 3 kB alone"
	limitStream  = "limit: streaming the ledger alone"
	limitMoved   = "limit: moving the same pages over HTTP"
	limitIDs     = "limit: moving ids and versions over HTTP"
)

func (m *measure) all(ctx context.Context) (err error) {
	if m.maps, err = mapping.Load(mapping.Shipped); err != nil {
		return err
	}
	for range m.Runs {
		for _, f := range []func(context.Context) error{m.bare, m.municipality, m.shared} {
			if err := f(ctx); err != nil {
				return err
			}
		}
	}
	return m.ledgers(ctx)
}

// cost is what something took: by the clock, and of processor time.
type cost struct{ took, spent time.Duration }

func (m *measure) timed(f func() error) (cost, error) {
	began, burnt := time.Now(), m.base.cpu()
	err := f()
	return cost{time.Since(began), max(m.base.cpu()-burnt, time.Millisecond)}, err
}

// rate measures how many things a second f does, by the clock and by processor time.
func (m *measure) rate(name, unit, limit string, n int, f func() error) error {
	c, err := m.timed(f)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	m.noteRate(name, unit, limit, n, c)
	return nil
}

func (m *measure) noteRate(name, unit, limit string, n int, c cost) {
	m.note(m.base.name, name, unit+"/s", limit, float64(n)/c.took.Seconds(), 2*float64(n)/c.spent.Seconds())
}

func (m *measure) bare(ctx context.Context) (err error) {
	p, err := m.base.fresh()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.drop()) }()
	t := newTown(m.Children)
	m.note(m.base.name, "a record, as the source gives it", "bytes", "", t.average())
	if err := m.rate(limitBare, "resources", "", t.records(), func() error { return p.bare(ctx, t) }); err != nil {
		return err
	}
	return m.rate(limitMapping, "records", "", t.records(), func() error {
		return together(2, func(i int) error {
			half := len(t.numbers) / 2
			for page, err := range (reader{town: t, from: i * half, to: half + i*(len(t.numbers)-half)}).Fetch(ctx, "") {
				if err != nil {
					return err
				}
				for _, r := range page.Records {
					one, _ := m.maps.Map("fhirrest", r.Kind)
					if _, err := one.Apply(mapping.Input{Source: "kommune", Kind: r.Kind, Key: r.Key, Media: r.Media, Body: r.Body, Now: epoch, IDKey: []byte("bench")}); err != nil {
						return err
					}
				}
			}
			return nil
		})
	})
}

// revised is a map after somebody wrote a comment into it: the same, of another revision.
type revised struct{ ingest.Map }

func (r revised) Revision() string { return r.Map.Revision() + "+" }

func (m *measure) pipeline(s *store.Store, anew bool) *ingest.Pipeline {
	maps := ingest.FromSet(m.maps)
	if anew {
		before := maps
		maps = func(system, kind string) (ingest.Map, bool) {
			one, ok := before(system, kind)
			return revised{one}, ok
		}
	}
	return &ingest.Pipeline{Maps: maps, Store: s, Rules: identity.Rules{Test: true}, Now: time.Now, IDKey: s.IDKey(), Who: "bench"}
}

// municipality is one municipality's life: read at first, changed, compared, mapped anew.
func (m *measure) municipality(ctx context.Context) (err error) {
	p, err := m.base.fresh()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.drop()) }()
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	t, src := newTown(m.Children), described("kommune")
	n := t.records()
	disk0, err := p.size(ctx)
	if err != nil {
		return err
	}
	wal0, err := p.wal(ctx)
	if err != nil {
		return err
	}
	whole := func(t *town) reader { return reader{town: t, to: len(t.numbers)} }
	read := func(a adapters.Adapter, src ledger.Source) func() error {
		return func() error {
			got, err := m.pipeline(s, false).RunWhole(ctx, src, a, nil)
			if err == nil && got.Stored != got.Listed {
				err = fmt.Errorf("%d of %d are stored, %d quarantined: %v", got.Stored, got.Listed, got.Quarantined, got.Quarantine[:min(1, len(got.Quarantine))])
			}
			return err
		}
	}
	if err := m.rate("new records: decode, map, validate, store with history, lineage, ledger", "resources", limitBare, n, read(whole(t), src)); err != nil {
		return err
	}
	if err := m.bytes(ctx, p, n, disk0, wal0); err != nil {
		return err
	}
	if wal0, err = p.wal(ctx); err != nil {
		return err
	}
	if err := m.rate("changed records: the same", "resources", limitBare, n, read(whole(t.at(2)), src)); err != nil {
		return err
	}
	if m.base.postgres() {
		wal1, err := p.wal(ctx)
		if err != nil {
			return err
		}
		m.note(m.base.name, "WAL a changed resource", "bytes", "", (wal1-wal0)/float64(n))
	}
	if m.base.postgres() { // a file has one writer
		for i, n := range []int{2, 4} {
			if err := m.shards(n, t.at(3+i), src, read); err != nil {
				return err
			}
		}
		t = t.at(4)
	} else {
		t = t.at(2)
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	if err := m.nights(ctx, p, s, src, t); err != nil {
		return err
	}
	return m.rate("everything mapped again", "records", limitMapping, n, func() error {
		got, err := m.pipeline(s, true).Remap(ctx, src, nil)
		if err == nil && (got.Listed != n || got.Quarantined != 0) {
			err = fmt.Errorf("%d of %d mapped, %d quarantined", got.Listed, n, got.Quarantined)
		}
		return err
	})
}

// shards reads n parts of a town at the same time.
func (m *measure) shards(n int, t *town, src ledger.Source, read func(adapters.Adapter, ledger.Source) func() error) error {
	return m.rate(fmt.Sprintf("changed records, %d shards at once", n), "resources", limitBare, t.records(), func() error {
		return together(n, func(i int) error {
			of := src
			of.Shard = fmt.Sprint(i + 1)
			return read(reader{town: t, to: len(t.numbers), shards: n}, of)()
		})
	})
}

// bytes is what was written for n resources.
func (m *measure) bytes(ctx context.Context, p *place, n int, disk, wal float64) error {
	if m.base.postgres() {
		after, err := p.wal(ctx)
		if err != nil {
			return err
		}
		m.note(m.base.name, "WAL a new resource", "bytes", "", (after-wal)/float64(n))
	}
	after, err := p.size(ctx)
	if err != nil {
		return err
	}
	m.note(m.base.name, "disk a resource, with raw record, history, lineage, indexes", "bytes", "", (after-disk)/float64(n))
	return nil
}

// compare reconciles a source that agrees with what is held.
func (m *measure) compare(ctx context.Context, s reconcile.Store, src ledger.Source, a adapters.Adapter, n int) error {
	rec := &reconcile.Reconciler{Store: s, Now: time.Now, Dir: m.Dir, Who: "bench"}
	got, err := rec.Run(ctx, src, a, reconcile.Options{})
	if err == nil && (got.Equal != n || got.Differences() != 0 || got.Failure != "") {
		err = fmt.Errorf("%d of %d are equal, %d differ: %s", got.Equal, n, got.Differences(), got.Failure)
	}
	return err
}
