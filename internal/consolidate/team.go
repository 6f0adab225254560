package consolidate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"samsyn/fhir"
)

// Codes of code list 9034 that decide where somebody stands in the team.
const (
	roleCoordinator          = "8"  // koordinator for individuell plan
	roleSpecialistCordinator = "18" // koordinator etter spesialisthelsetjenesteloven: another function, not a rival
)

// coordinatorTexts are the roles that services without the code list write for the same function.
var coordinatorTexts = []string{"koordinator", "barnekoordinator", "koordinator individuell plan", "koordinator for individuell plan", "ip koordinator"}

// mention is one role of one member as one source said it, before folding.
type mention struct {
	f     Function
	name  string
	typ   string
	tel   []string
	ids   []string
	hpr   string
	plain string // name for comparison
	org   string
	role  string
}

// team folds everybody whom care teams name, and finds the coordinators.
func (b *builder) team() (Team, Coordinator) {
	all := b.mentions()
	groups := fold(len(all),
		func(i, j int) bool {
			return rivalIdentifiers(all[i].ids, all[j].ids) || all[i].isOrganisation() != all[j].isOrganisation()
		},
		func(i, j int) bool { return share(all[i].ids, all[j].ids) },
		func(i, j int) bool { return samePerson(all[i], all[j]) })
	var team Team
	for _, g := range groups {
		members := make([]mention, len(g))
		for k, i := range g {
			members[k] = all[i]
		}
		if p := b.participant(members); p.Current {
			team.Current = append(team.Current, p)
		} else {
			team.Former = append(team.Former, p)
		}
	}
	slices.SortStableFunc(team.Current, b.compareParticipants)
	slices.SortStableFunc(team.Former, b.compareParticipants)
	return team, b.coordinator(team)
}

func (b *builder) mentions() []mention {
	var all []mention
	named := map[string]bool{}
	for _, t := range b.teams {
		inactive := t.V.Status == "inactive" || t.V.Status == "suspended"
		for i, p := range t.V.Participant {
			typ := p.Member.kind()
			if typ == "Patient" {
				continue // the child
			}
			period := Period{cmp.Or(p.Period.Start, t.V.Period.Start), cmp.Or(p.Period.End, t.V.Period.End)}
			named[p.Member.Reference] = true
			m := mention{name: b.who(&p.Member, t.V.Contained), typ: typ, tel: b.phones[p.Member.Reference]}
			if id := p.Member.Identifier; id != nil && id.Value != "" {
				m.ids = []string{id.System + "|" + id.Value}
				if id.System == fhir.SystemHPR {
					m.hpr = id.Value
				}
			}
			m.f = Function{
				Role:         labels(p.Role),
				Code:         codeIn(p.Role, fhir.SystemRole),
				Organisation: b.who(p.OnBehalfOf, t.V.Contained),
				Period:       period,
				Current:      !inactive && period.Contains(b.now),
				Source:       t.src.ref(fmt.Sprintf("CareTeam.participant[%d]", i)),
			}
			all = append(all, m.compared())
		}
	}
	// A relative whom no team names stands in the team as well.
	for _, r := range b.relatives {
		name := r.src.name()
		if named[name] {
			continue
		}
		gone := r.V.Active != nil && !*r.V.Active
		all = append(all, mention{name: b.names[name], typ: "RelatedPerson", tel: b.phones[name], ids: identifiers(r.V.Identifier), f: Function{
			Role: labels(r.V.Relationship), Period: r.V.Period, Current: !gone && r.V.Period.Contains(b.now), Source: r.src.ref(""),
		}}.compared())
	}
	return all
}

// compared fills what mentions are compared by.
func (m mention) compared() mention {
	m.plain, m.org, m.role = plainName(m.name), plain(m.f.Organisation), plain(m.f.Role)
	m.f.Coordinator = m.f.Code == roleCoordinator || m.f.Code == "" && slices.Contains(coordinatorTexts, m.role)
	return m
}

func (m mention) isOrganisation() bool { return m.typ == "Organization" }

// samePerson: the same name, and the same place of work or the same role. A name
// alone is not enough where both say something else about it.
func samePerson(a, b mention) bool {
	if a.plain == "" || a.plain != b.plain {
		return false
	}
	sameRole := a.f.Code != "" && a.f.Code == b.f.Code || a.role == b.role
	return a.org == "" || b.org == "" || a.org == b.org || sameRole
}

// rivalIdentifiers tells whether both have an identifier of the same system and none in common.
func rivalIdentifiers(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			sx, _, _ := strings.Cut(x, "|")
			sy, _, _ := strings.Cut(y, "|")
			if sx == sy && !share(a, b) {
				return true
			}
		}
	}
	return false
}

func (b *builder) participant(ms []mention) Participant {
	p := Participant{}
	for _, m := range ms {
		p.Name = cmp.Or(p.Name, m.name)
		p.Type = cmp.Or(p.Type, m.typ)
		p.HPR = cmp.Or(p.HPR, m.hpr)
		for _, n := range m.tel {
			p.Phones = appendNew(p.Phones, n)
		}
		p.Current = p.Current || m.f.Current
		p.Coordinator = p.Coordinator || m.f.Coordinator && m.f.Current
		p.Functions = append(p.Functions, m.f)
		p.Sources = append(p.Sources, m.f.Source)
	}
	for _, f := range p.Functions {
		if f.Current == p.Current { // who is here as a teacher is not shown as the coordinator that she was
			p.Roles = appendRole(p.Roles, f.Role)
			p.RoleCodes = appendNew(p.RoleCodes, f.Code)
			p.Organisations = appendNew(p.Organisations, f.Organisation)
		}
	}
	p.ID = lineID("person", p.Sources[0])
	p.Period = b.span(p.Functions, p.Current)
	return p
}

// appendRole leaves out a role that is there in another spelling.
func appendRole(roles []string, r string) []string {
	if r == "" || slices.ContainsFunc(roles, func(have string) bool { return plain(have) == plain(r) }) {
		return roles
	}
	return append(roles, r)
}

// span is from the first start to the last end of the functions that run, or of
// all where none does; open where one of them is.
func (b *builder) span(fs []Function, current bool) Period {
	var p Period
	openStart, openEnd, first := false, false, true
	for _, f := range fs {
		if f.Current != current {
			continue
		}
		openStart, openEnd = openStart || f.Period.Start == "", openEnd || f.Period.End == ""
		if first || b.compare(f.Period.Start, p.Start) < 0 {
			p.Start = f.Period.Start
		}
		if first || b.compare(f.Period.End, p.End) > 0 {
			p.End = f.Period.End
		}
		first = false
	}
	if openStart {
		p.Start = ""
	}
	if openEnd {
		p.End = ""
	}
	return p
}

func (b *builder) compareParticipants(x, y Participant) int {
	return cmp.Or(
		cmp.Compare(standing(x), standing(y)),
		cmp.Compare(rank(x.Sources[0].Service), rank(y.Sources[0].Service)),
		cmp.Compare(plainName(x.Name), plainName(y.Name)),
		cmp.Compare(x.ID, y.ID))
}

// standing is a participant's place: the coordinator first, then the hospital's
// coordinator, professionals, organisations, family.
func standing(p Participant) int {
	switch {
	case slices.ContainsFunc(p.Functions, func(f Function) bool { return f.Coordinator && f.Current == p.Current }):
		return 0
	case slices.Contains(p.RoleCodes, roleSpecialistCordinator):
		return 1
	case p.Type == "Organization":
		return 3
	case p.Type == "RelatedPerson":
		return 4
	}
	return 2
}

func (b *builder) coordinator(t Team) Coordinator {
	var c Coordinator
	for _, p := range slices.Concat(t.Current, t.Former) {
		switch {
		case p.Coordinator:
			c.Current = append(c.Current, p)
		case slices.ContainsFunc(p.Functions, func(f Function) bool { return f.Coordinator && f.Period.Begun(b.now) }):
			c.Former = append(c.Former, p)
		}
	}
	slices.SortStableFunc(c.Former, func(x, y Participant) int {
		return cmp.Or(b.compare(coordinatedUntil(b, y), coordinatedUntil(b, x)), cmp.Compare(x.ID, y.ID))
	})
	if len(c.Current) == 0 && len(c.Former) > 0 {
		c.VacantSince = coordinatedUntil(b, c.Former[0])
	}
	return c
}

// coordinatedUntil is the participant's last day as coordinator, "" where it is not said.
func coordinatedUntil(b *builder, p Participant) Moment {
	var last Moment
	for _, f := range p.Functions {
		if f.Coordinator && f.Period.End != "" && (last == "" || b.compare(f.Period.End, last) > 0) {
			last = f.Period.End
		}
	}
	return last
}
