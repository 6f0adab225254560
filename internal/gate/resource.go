package gate

import (
	"context"
	"errors"
	"slices"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/audit"
	"samsyn/internal/care"
)

// nothing is what is asked for where nothing may be seen: the same question as otherwise, so
// that the time an answer takes does not tell the hidden from the absent.
var nothing = []care.Visible{{Service: "-"}}

// History releases the versions of a resource that the viewer may see, newest first,
// removals included. The error is care.ErrNotFound where there is none.
func (g *Gate) History(ctx context.Context, r Request, typ, id string) ([]care.ResourceVersion, error) {
	return release(ctx, g, r, func(ctx context.Context, at time.Time) (answer[[]care.ResourceVersion], error) {
		var a answer[[]care.ResourceVersion]
		person, err := g.Store.Whose(ctx, typ, id)
		if err != nil {
			return a, err
		}
		d, err := g.decide(ctx, r, person, at) // also where it is nobody's: the way is the same
		if err != nil {
			return a, err
		}
		visible := d.scope.Visible
		if !d.scope.Allowed {
			visible = nothing
		}
		held, err := g.Store.History(ctx, d.facts.Person, typ, id, visible)
		if err != nil && !errors.Is(err, care.ErrNotFound) {
			return a, err
		}
		for _, v := range held {
			if v, ok := g.version(d, v, at); ok {
				a.released = append(a.released, v)
			} else {
				d.event.Withheld++
			}
		}
		a.released = distinct(a.released)
		if a.found = len(a.released) > 0; a.found {
			a.epochs = d.epochs()
		}
		if d.facts.Known {
			d.event.Resource = typ + "/" + id
		}
		if d.event.Permit && !a.found {
			d.event.Permit, d.event.Rule, d.event.Services = false, string(access.NoBasis), nil
		}
		a.events = []audit.Event{d.event}
		return a, nil
	})
}

// distinct makes one of versions of the same record, newest first, that follow each other and are
// seen alike: it is from the first of them, for what changed since is not seen. Samsyn's own
// count is not told, as it counts what is hidden too.
func distinct(versions []care.ResourceVersion) []care.ResourceVersion {
	var out []care.ResourceVersion
	last := map[care.RecordRef]int{}
	for _, v := range versions {
		v.Version = 0
		i, follows := last[v.Record]
		if follows && v.Deleted == out[i].Deleted && (v.Deleted || access.Alike(v.Resource, out[i].Resource)) {
			v.Current = out[i].Current
			out[i] = v
			continue
		}
		last[v.Record] = len(out)
		out = append(out, v)
	}
	slices.SortStableFunc(out, func(a, b care.ResourceVersion) int { return b.Recorded.Compare(a.Recorded) })
	return out
}

// version decides about one version, by its own marks and those of the newest, and redacts it.
func (g *Gate) version(d decided, v care.ResourceVersion, at time.Time) (care.ResourceVersion, bool) {
	item := access.Item{Service: v.Service, Type: v.Resource.Type, Marks: v.Marks, Record: v.Record}
	if v.Person != d.facts.Person || !access.Holds(d.scope.Visible, item) || !g.Table.Decide(d.facts, item, at).Allowed {
		return care.ResourceVersion{}, false
	}
	if v.Deleted {
		return v, true
	}
	seen, _ := g.Table.Filter(d.facts, d.scope, []care.Contribution{{Source: v.Record.Source, Kind: v.Record.Kind, Key: v.Record.Key, Version: v.Version, Service: v.Service,
		Subject: v.Subject, Person: v.Person, Recorded: v.Recorded, Changed: v.Changed, Made: []care.Made{{Resource: v.Resource, Lineage: v.Lineage}}}}, at)
	if len(seen) == 0 {
		return care.ResourceVersion{}, false
	}
	c := seen[0]
	v.Record, v.Recorded, v.Changed = care.RecordRef{Source: c.Source, Kind: c.Kind, Key: c.Key}, c.Recorded, c.Changed
	v.Subject, v.Resource, v.Lineage = c.Subject, c.Made[0].Resource, c.Made[0].Lineage
	return v, true
}
