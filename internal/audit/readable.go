package audit

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/words"
)

// Reader is a child or guardian who asks who has seen what, and what the decision lets
// her see now. Its zero value reads nothing but her own lines.
type Reader struct {
	Viewer care.Viewer
	// Visible is whose words she may see of this person.
	Visible []care.Service
	// Address hides everything from which a protected address can be inferred: names,
	// titles, organisations, services that somebody works in.
	Address bool
	// Sees tells of "Type/id" whether she may see that resource; nil: none.
	Sees func(resource string) bool
	// Bases names those of the decisions behind the accesses that she may know of: id to
	// a key of words ("audit.basis.consent").
	Bases map[string]string
}

// Line is what a child or guardian may read of one event: who, when, what, whose words,
// and why. There is no number, no reason in somebody's own words, and nothing by which
// lines that are left out could be counted.
type Line struct {
	At        time.Time
	Own       bool   // the reader herself
	Name      string // "" where it may not be shown
	Title     string
	Role      care.Role
	Service   care.Service // that she works in
	Tenant    string       // organisation number of the municipality or health trust
	Unit      string
	What      string         // the interaction
	Services  []care.Service // whose words she could see
	Purpose   care.Purpose
	Bases     []string // keys of words
	Emergency bool
}

// telling is how an interaction stands in the readable log.
type telling struct {
	services  bool // told with whose words could be seen, and left out where none is the reader's
	resource  bool // about one resource, and left out where that is not the reader's to see
	childOnly bool // what the child does for herself: not for guardians
	emergency bool
}

// tellings is what is told; the rest is left out. An interaction stands here when
// somebody saw something of the child, or decided who may. What the child keeps from her
// guardians is told to herself alone, and so are blocks.
var tellings = map[string]telling{
	Overview:            {services: true},
	Export:              {services: true},
	Read:                {services: true, resource: true},
	VRead:               {services: true, resource: true},
	History:             {services: true, resource: true},
	Search:              {services: true},
	ConsentRegister:     {services: true},
	ConsentRenew:        {services: true},
	ConsentWithdraw:     {services: true},
	BasisRegister:       {services: true},
	BasisEnd:            {services: true},
	AppointmentRegister: {services: true},
	AppointmentEnd:      {services: true},
	BlockRegister:       {services: true, childOnly: true},
	BlockLift:           {services: true, childOnly: true},
	WithholdRegister:    {services: true, childOnly: true},
	WithholdLift:        {services: true, childOnly: true},
	BreakGlass:          {emergency: true},
}

// Readable gives the lines that a child or guardian may read of the events about one
// person, newest first. It passes the same decision as everything else: what does not
// depend on hidden things is all that it is made of, so that two logs that differ only
// in what is hidden from the reader give the same lines.
//
// A line is left out where it was denied (nothing was seen), where the one who looked
// works in a service that the reader may not know of, where only such services could be
// seen, and where it is about a resource that the reader may not see. A guardian does not
// read what the child or another guardian did.
func Readable(events []Event, r Reader) []Line {
	var lines []Line
	for _, e := range events {
		if l, ok := r.line(e); ok {
			lines = append(lines, l)
		}
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return b.At.Compare(a.At) })
	return lines
}

func (r Reader) line(e Event) (Line, bool) {
	t, told := tellings[e.Interaction]
	child := r.Viewer.Role == care.RoleBarn
	own := e.Viewer.ID != "" && e.Viewer.ID == r.Viewer.ID && e.Viewer.Role == r.Viewer.Role
	family := e.Viewer.Role == care.RoleBarn || e.Viewer.Role == care.RoleForesatt
	switch {
	case !told || !e.Permit || e.Failed,
		t.childOnly && !child,
		family && !own && !child,
		!own && !r.knows(e.Viewer.Service),
		t.resource && e.Resource != "" && (r.Sees == nil || !r.Sees(unversioned(e.Resource))):
		return Line{}, false
	}
	l := Line{At: e.At, Own: own, Role: e.Viewer.Role, What: e.Interaction, Purpose: e.Purpose, Emergency: t.emergency || e.Purpose == care.PurposeBTG}
	if t.services {
		if l.Services = r.visible(e); len(l.Services) == 0 {
			return Line{}, false
		}
	}
	for _, id := range e.Bases {
		if key := r.Bases[id]; key != "" && !slices.Contains(l.Bases, key) {
			l.Bases = append(l.Bases, key)
		}
	}
	slices.Sort(l.Bases)
	if own || !r.Address {
		l.Name, l.Title, l.Service = e.Viewer.Name, e.Viewer.Title, e.Viewer.Service
	}
	if !r.Address {
		l.Tenant, l.Unit = e.Viewer.Tenant, e.Viewer.Unit
	}
	return l, true
}

// knows tells whether the reader may know that somebody of a service is at work for the
// child. Coordination and those who work in no service are no secret.
func (r Reader) knows(s care.Service) bool {
	return s == care.UkjentService || s == care.Koordinering || slices.Contains(r.Visible, s)
}

// visible gives the services that could be seen and that the reader may see too, in the
// order in which services are shown.
func (r Reader) visible(e Event) []care.Service {
	var all []care.Service
	for _, s := range care.Services() {
		if slices.Contains(e.Services, s) && slices.Contains(r.Visible, s) {
			all = append(all, s)
		}
	}
	return all
}

func unversioned(resource string) string {
	plain, _, _ := strings.Cut(resource, "/_history/")
	return plain
}

// Who says who it was: "Anders Bakke, barnekoordinator", or only what she is.
func (l Line) Who(w words.Words) string {
	role := w.Say("audit.role." + string(l.Role))
	if !w.Has("audit.role." + string(l.Role)) {
		role = w.Say("audit.role.other")
	}
	switch {
	case l.Own:
		return w.Say("audit.you")
	case l.Name == "":
		return role
	}
	return l.Name + ", " + cmp.Or(l.Title, role)
}

// Did says in plain words what was done: "åpnet oversikten".
func (l Line) Did(w words.Words) string { return w.Say("audit.did." + l.What) }

// Saw says whose words could be seen: "Skole, PPT"; "" where the line tells none.
func (l Line) Saw(w words.Words) string {
	var all []string
	for _, s := range l.Services {
		all = append(all, w.Code("service", string(s)))
	}
	return strings.Join(all, ", ")
}

// Why says for what purpose, and by which decisions that the reader may know of.
func (l Line) Why(w words.Words) string {
	key := "audit.purpose." + string(l.Purpose)
	if !w.Has(key) {
		key = "audit.purpose.other"
	}
	if l.Emergency {
		key = "audit.purpose.BTG"
	}
	all := []string{w.Say(key)}
	for _, b := range l.Bases {
		if w.Has(b) {
			all = append(all, w.Say(b))
		}
	}
	return strings.Join(all, "; ")
}
