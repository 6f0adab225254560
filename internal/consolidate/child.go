package consolidate

import (
	"cmp"
	"slices"
	"time"

	"samsyn/internal/care"
)

// child names the child as the visible sources do. What most sources say comes
// first; among equals what was said last.
func (b *builder) child(claims []care.Claim, titles map[string]string) Child {
	var names, births []Said
	add := func(c care.Claim, ref SourceRef) {
		names = say(names, c.Name, plainName(c.Name), ref)
		births = say(births, c.BirthDate, c.BirthDate, ref)
	}
	claims = slices.Clone(claims)
	slices.SortFunc(claims, func(x, y care.Claim) int {
		return cmp.Or(cmp.Compare(rank(x.Service), rank(y.Service)), cmp.Compare(x.Source, y.Source), y.Recorded.Compare(x.Recorded),
			cmp.Compare(x.Name, y.Name), cmp.Compare(x.BirthDate, y.BirthDate))
	})
	for _, c := range claims {
		add(c, SourceRef{Source: c.Source, Title: cmp.Or(titles[c.Source], c.Source), Service: c.Service, Recorded: c.Recorded})
	}
	for _, p := range b.patients {
		c := care.Claim{BirthDate: p.V.BirthDate}
		for _, n := range p.V.Name {
			if n.Use != "old" {
				c.Name = cmp.Or(c.Name, n.String())
			}
		}
		add(c, p.src.ref(""))
	}
	mostSaidFirst(names)
	mostSaidFirst(births)
	child := Child{Age: -1, Names: names, BirthDates: births}
	if len(names) > 0 {
		child.Name = names[0].Value
	}
	if len(births) > 0 {
		child.BirthDate = births[0].Value
		if born, ok := Moment(child.BirthDate).Time(b.loc); ok {
			child.Age = Age(born, b.now)
		}
	}
	return child
}

// say adds a value, under what it is when compared.
func say(list []Said, value, same string, ref SourceRef) []Said {
	if same == "" {
		return list
	}
	for i := range list {
		if plainName(list[i].Value) == plainName(same) {
			list[i].Sources = append(list[i].Sources, ref)
			return list
		}
	}
	return append(list, Said{Value: value, Sources: []SourceRef{ref}})
}

func mostSaidFirst(list []Said) {
	slices.SortStableFunc(list, func(x, y Said) int {
		return cmp.Or(cmp.Compare(sourceCount(y.Sources), sourceCount(x.Sources)), latest(y.Sources).Compare(latest(x.Sources)), cmp.Compare(x.Value, y.Value))
	})
}

// sourceCount is how many different sources say it.
func sourceCount(refs []SourceRef) int {
	var names []string
	for _, r := range refs {
		names = appendNew(names, r.Source)
	}
	return len(names)
}

// latest is when it was last changed or, where no source says that, stored.
func latest(refs []SourceRef) time.Time {
	var t time.Time
	for _, r := range refs {
		if at := changed(r); at.After(t) {
			t = at
		}
	}
	return t
}

func changed(r SourceRef) time.Time {
	if r.Changed.IsZero() {
		return r.Recorded
	}
	return r.Changed
}

// Age is the number of whole years from born to now, counted in days as the law
// does: one born on 29 February turns a year older on 1 March in other years.
func Age(born, now time.Time) int {
	years := now.Year() - born.Year()
	if now.Before(time.Date(now.Year(), born.Month(), born.Day(), 0, 0, 0, 0, now.Location())) {
		years--
	}
	return years
}

// sourceLines tells how current each visible source is.
func sourceLines(states []care.SourceState, now time.Time, fresh time.Duration) []SourceLine {
	states = slices.Clone(states)
	slices.SortFunc(states, func(x, y care.SourceState) int {
		return cmp.Or(cmp.Compare(rank(x.Service), rank(y.Service)), cmp.Compare(x.Source, y.Source))
	})
	var lines []SourceLine
	for _, s := range states {
		l := SourceLine{Source: s.Source, Title: cmp.Or(s.Title, s.Source), Service: s.Service, Since: local(s.LastSuccess, now), State: SourceFresh}
		switch {
		case s.LastFailure.After(s.LastSuccess):
			l.State, l.Failed, l.Cause = SourceFailed, local(s.LastFailure, now), s.Failure
		case s.LastSuccess.IsZero():
			l.State = SourceNever
		case now.Sub(s.LastSuccess) > fresh:
			l.State = SourceCached
		}
		lines = append(lines, l)
	}
	return lines
}

// local is t in now's zone; a time that was not said stays zero.
func local(t, now time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(now.Location())
}
