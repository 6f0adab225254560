package access

import (
	"time"

	"samsyn/internal/care"
)

// Seen is what of a person's data may leave.
type Seen struct {
	Contributions []care.Contribution
	Claims        []care.Claim
	Withheld      int // how many resources were kept back
}

// Held is what the store gave about a person, for a scope.
type Held struct {
	Contributions []care.Contribution
	Past          []care.ResourceVersion // their earlier versions, each resource's newest first
	Claims        []care.Claim
}

// Release decides again for each resource that came back, and redacts what may be seen.
// What it gives is what the scope holds and the rules allow, both. The given slices are left
// as they are. Where anything about the person says that the address is hidden, nothing that
// places her leaves, of any source.
//
// Times and versions tell no more than what the viewer sees: a resource is from when what she
// sees of it became as it is, and a contribution from its latest one. Versions are not told,
// for they count what is hidden too.
func (t *Table) Release(f care.Facts, s Scope, h Held, at time.Time) Seen {
	d := t.decider(f, at)
	before := pastOf(h.Past)
	var out Seen
	out.Contributions, out.Withheld = d.filter(s, h.Contributions, func(c *care.Contribution, made []care.Made, hidden bool) {
		var latest care.Made
		for i := range made {
			d.date(s, *c, &made[i], before, hidden)
			if i == 0 || latest.Recorded.Before(made[i].Recorded) {
				latest = made[i]
			}
		}
		c.Recorded, c.Changed, c.Version, c.SourceVersion = latest.Recorded, latest.Changed, 0, ""
	})
	out.Claims = d.claims(s, h.Claims)
	return out
}

// Filter is Release for what is dated already, as a version of a resource is: it stays as
// it is dated, and keeps its version.
func (t *Table) Filter(f care.Facts, s Scope, cs []care.Contribution, at time.Time) (seen []care.Contribution, withheld int) {
	return t.decider(f, at).filter(s, cs, func(*care.Contribution, []care.Made, bool) {})
}

// filter has each contribution dated once it is known what of it is seen.
func (d *decider) filter(s Scope, cs []care.Contribution, date func(c *care.Contribution, made []care.Made, hidden bool)) (seen []care.Contribution, withheld int) {
	marks, hidden := marked(d.f, s, cs)
	seen = make([]care.Contribution, 0, len(cs))
	for i, c := range cs {
		made := make([]care.Made, 0, len(c.Made))
		for k, m := range c.Made {
			if m, ok := d.see(s, c, m, marks[i][k], hidden); ok {
				made = append(made, m)
			} else {
				withheld++
			}
		}
		if len(made) == 0 {
			continue
		}
		date(&c, made, hidden)
		if hidden {
			c = d.nameless(c, len(seen))
			for k := range made {
				made[k].Recorded, made[k].Changed = d.midnight(made[k].Recorded), d.midnight(made[k].Changed)
			}
		}
		c.Made = made
		seen = append(seen, c)
	}
	return seen, withheld
}

// marked reads the marks of what contributions say, and tells whether they or the facts hide the address.
func marked(f care.Facts, s Scope, cs []care.Contribution) (marks [][]care.Marks, hidden bool) {
	hidden = s.Address || f.Address.Hidden()
	marks = make([][]care.Marks, len(cs))
	for i, c := range cs {
		marks[i] = make([]care.Marks, len(c.Made))
		for k, m := range c.Made {
			marks[i][k] = care.MarksOf(m.Resource)
			hidden = hidden || marks[i][k].Address().Hidden()
		}
	}
	return marks, hidden
}

func (d *decider) see(s Scope, c care.Contribution, m care.Made, marks care.Marks, hidden bool) (care.Made, bool) {
	i := Item{Service: c.Service, Type: m.Resource.Type, Marks: marks, Record: care.RecordRef{Source: c.Source, Kind: c.Kind, Key: c.Key}}
	if !s.Allowed || c.Person != d.f.Person || !Holds(s.Visible, i) {
		return care.Made{}, false
	}
	decision := d.decide(i)
	if !decision.Allowed {
		return care.Made{}, false
	}
	recorded, changed := m.Recorded, m.Changed
	m, ok := d.redact(m, decision.Fields)
	if ok && hidden {
		m, ok = d.placeless(m)
	}
	m.Recorded, m.Changed = recorded, changed
	return m, ok
}

// claims gives those claims of who the person is that the viewer may see: as she may see
// the name and the day of birth of a Patient of the same service. A name that only a
// hidden service gave stays hidden.
func (d *decider) claims(s Scope, cs []care.Claim) []care.Claim {
	var seen []care.Claim
	for _, c := range cs {
		i := Item{Service: c.Service, Type: "Patient"}
		if !s.Allowed || !Holds(s.Visible, i) {
			continue
		}
		decision := d.decide(i)
		if !decision.Allowed {
			continue
		}
		if !d.t.lets(decision.Fields, "Patient", "name") {
			c.Name = ""
		}
		if !d.t.lets(decision.Fields, "Patient", "birthDate") {
			c.BirthDate = ""
		}
		if s.Address || d.f.Address.Hidden() {
			c.Source, c.Recorded = string(c.Service), d.midnight(c.Recorded)
		}
		if c.Name != "" || c.BirthDate != "" {
			seen = append(seen, c)
		}
	}
	return seen
}

// lets tells whether fields let a top element of a type out.
func (t *Table) lets(f Fields, fhirType, element string) bool {
	if f.All {
		return true
	}
	for _, name := range f.Lists {
		if l := t.lists[name]; l != nil && l.types[fhirType] != nil && l.types[fhirType].kids[element] != nil {
			return true
		}
	}
	return false
}

// Sources gives the states of those sources of which at least one contribution is
// among the visible. That a source has said anything of a child is itself
// confidential for some (marker M0): its state, failures included, is then absent,
// just as if the source did not exist. The contributions must have passed Filter.
func Sources(visible []care.Contribution, states []care.SourceState) []care.SourceState {
	speaks := make(map[string]bool, len(states))
	for _, c := range visible {
		speaks[c.Source] = true
	}
	var seen []care.SourceState
	for _, s := range states {
		if speaks[s.Source] {
			seen = append(seen, s)
		}
	}
	return seen
}
