package access

import (
	"bytes"
	"reflect"
	"slices"
	"time"

	"samsyn/fhir"
	"samsyn/internal/care"
)

// Since gives contributions whose times and versions tell no more than what the viewer sees
// of them: a resource is from when what she sees of it became as it is, by its earlier
// versions (past, each resource's newest first), and a contribution from its latest one.
// Versions are not told, for they count what is hidden too. What she does not see stays
// as it is: Filter takes it away. The given slices are left as they are.
func (t *Table) Since(f care.Facts, s Scope, cs []care.Contribution, past []care.ResourceVersion, at time.Time) []care.Contribution {
	d := t.decider(f, at)
	marks, hidden := marked(f, s, cs)
	type name struct {
		record  care.RecordRef
		typ, id string
	}
	before := map[name][]care.ResourceVersion{}
	for _, v := range past {
		n := name{v.Record, v.Resource.Type, v.Resource.ID}
		before[n] = append(before[n], v)
	}
	out := make([]care.Contribution, len(cs))
	for i, c := range cs {
		record := care.RecordRef{Source: c.Source, Kind: c.Kind, Key: c.Key}
		made := slices.Clone(c.Made)
		var latest care.Made
		for k := range made {
			m := &made[k]
			m.Recorded, m.Changed = c.Recorded, c.Changed
			if c.Version <= 1 { // it has always been as it is
				latest = *m
				continue
			}
			seen, ok := d.see(s, c, *m, marks[i][k], hidden)
			if !ok {
				continue
			}
			d.back(m, seen.Resource, s, before[name{record, m.Resource.Type, m.Resource.ID}], hidden)
			if latest.Recorded.Before(m.Recorded) {
				latest = *m
			}
		}
		c.Made, c.Version, c.SourceVersion = made, 0, ""
		c.Recorded, c.Changed = latest.Recorded, latest.Changed
		out[i] = c
	}
	return out
}

// back dates a resource to the earliest of the versions, newest first, in which it was as it is seen now.
func (d *decider) back(m *care.Made, seen fhir.Resource, s Scope, past []care.ResourceVersion, hidden bool) {
	for _, v := range past {
		then, ok := d.then(s, v, hidden)
		switch {
		case !ok: // as if it had never been
		case v.Deleted || !Alike(then, seen):
			return
		default:
			m.Recorded, m.Changed = v.Recorded, v.Changed
		}
	}
}

// then is what is seen of an earlier version; ok is false where nothing is.
func (d *decider) then(s Scope, v care.ResourceVersion, hidden bool) (seen fhir.Resource, ok bool) {
	c := care.Contribution{Source: v.Record.Source, Kind: v.Record.Kind, Key: v.Record.Key, Service: v.Service, Person: v.Person}
	if v.Deleted {
		i := Item{Service: v.Service, Type: v.Resource.Type, Marks: v.Marks, Record: v.Record}
		return fhir.Resource{}, s.Allowed && v.Person == d.f.Person && Holds(s.Visible, i) && d.decide(i).Allowed
	}
	marks := v.Marks.With(care.MarksOf(v.Resource))
	m, ok := d.see(s, c, care.Made{Resource: v.Resource}, marks, hidden || marks.Address().Hidden())
	return m.Resource, ok
}

// Alike tells whether two resources say the same to one who may see both: all but their
// labels, and the version and time that their source gave them, which do not leave.
func Alike(a, b fhir.Resource) bool {
	if bytes.Equal(a.Body, b.Body) {
		return true
	}
	x, errX := fhir.Decode(a)
	y, errY := fhir.Decode(b)
	if errX != nil || errY != nil {
		return false
	}
	return reflect.DeepEqual(bare(x), bare(y))
}

func bare(o object) object {
	strip := func(v any, names ...string) {
		holder, ok := v.(object)
		if !ok {
			return
		}
		meta, ok := holder["meta"].(object)
		if !ok {
			return
		}
		for _, n := range names {
			delete(meta, n)
		}
		if len(meta) == 0 {
			delete(holder, "meta")
		}
	}
	strip(o, "security", "versionId", "lastUpdated")
	if all, ok := o["contained"].([]any); ok {
		for _, v := range all {
			strip(v, "security")
		}
	}
	return o
}
