package access

import (
	"samsyn/fhir"
	"samsyn/internal/care"
)

// past is the earlier versions of resources, by the record that says them, each one's newest first.
type past map[said][]care.ResourceVersion

type said struct {
	record  care.RecordRef
	typ, id string
}

func pastOf(versions []care.ResourceVersion) past {
	p := past{}
	for _, v := range versions {
		n := said{v.Record, v.Resource.Type, v.Resource.ID}
		p[n] = append(p[n], v)
	}
	return p
}

// date dates a resource to the earliest of the versions in which it was as it is seen now.
func (d *decider) date(s Scope, c care.Contribution, seen *care.Made, before past, hidden bool) {
	seen.Recorded, seen.Changed = c.Recorded, c.Changed
	if c.Version <= 1 { // it has always been as it is
		return
	}
	for _, v := range before[said{care.RecordRef{Source: c.Source, Kind: c.Kind, Key: c.Key}, seen.Resource.Type, seen.Resource.ID}] {
		then, ok := d.then(s, v, hidden)
		switch {
		case !ok: // as if it had never been
		case v.Deleted || !Alike(then, seen.Resource):
			return
		default:
			seen.Recorded, seen.Changed = v.Recorded, v.Changed
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
