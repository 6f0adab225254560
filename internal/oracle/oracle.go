// Package oracle owns a second answer to the question of access: who may see what, read
// from table.yaml and docs/access.md alone. It shares no code with internal/access and
// internal/consent, and is written the other way round: those ask one question after the
// other and stop at the first no; this writes down everything that a viewer may see and
// then takes away what is refused. It is slow, gives no reasons, and no door may use it:
// it is there so that two who read the same table can be held against each other.
package oracle

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"samsyn/internal/care"
)

// All is the name of the list of every element.
const All = "all"

// permit is a part of what a viewer may see of one service: these types, up to these
// marks, in the elements of one list.
type permit struct {
	types   set // nil is every type
	cleared care.Marks
	list    string
}

// set is some names.
type set map[string]bool

func of(names ...string) set {
	s := set{}
	for _, n := range names {
		s[n] = true
	}
	return s
}

func (s set) and(o set) set {
	if s == nil {
		return o
	}
	if o == nil {
		return s
	}
	both := set{}
	for n := range s {
		if o[n] {
			both[n] = true
		}
	}
	return both
}

// May tells whether the viewer of the facts may see a resource at an instant, and the
// names of the lists of elements of which it may leave, sorted; "all" is every element.
func (o *Oracle) May(f care.Facts, service care.Service, fhirType string, marks care.Marks, record care.RecordRef, at time.Time) (bool, []string) {
	// What one resource says of a hidden address is so for the whole person.
	f.Address = max(f.Address, marks.Address())
	lists := set{}
	for _, p := range o.permits(f, service, at) {
		if (p.types == nil || p.types[fhirType]) && o.leaves(p.list, fhirType) && marks.Labels()&^p.cleared == 0 {
			lists[p.list] = true
		}
	}
	allowed := len(lists) > 0 && fhirType != "" && !o.locked(f, service, record, at) && asked(f.Viewer.Scopes, fhirType) &&
		(!f.Address.Hidden() || len(o.table.Address.Fields[fhirType]) > 0)
	if !allowed {
		return false, nil
	}
	if lists[All] {
		return true, []string{All}
	}
	return true, sorted(lists)
}

// Elements gives the elements that lists let out of a type ("a.b" is b of a alone); every
// is told where that is all of them. Where the address is hidden, only what the table's
// list of addresses names as well.
func (o *Oracle) Elements(lists []string, fhirType string, hidden bool) (elements []string, every bool) {
	places := o.table.Address.Fields[fhirType]
	if slices.Contains(lists, All) {
		if hidden {
			return places, false
		}
		return nil, true
	}
	s := set{}
	for _, l := range lists {
		for _, e := range o.table.Fields[l][fhirType] {
			if !hidden {
				s[e] = true
			}
			for _, p := range places { // the part that both name
				switch {
				case !hidden:
				case e == p, strings.HasPrefix(p, e+"."):
					s[p] = true
				case strings.HasPrefix(e, p+"."):
					s[e] = true
				}
			}
		}
	}
	return sorted(s), false
}

func (o *Oracle) leaves(list, fhirType string) bool {
	return list == All || len(o.table.Fields[list][fhirType]) > 0
}

// permits gives everything of a service that the viewer may see, before locks and scopes.
func (o *Oracle) permits(f care.Facts, s care.Service, at time.Time) []permit {
	v := f.Viewer
	role, known := o.table.Roles[string(v.Role)]
	if !known || v.ID == "" || f.Person == "" || !f.Known || at.IsZero() || v.Level < role.Level {
		return nil
	}
	home := f.Tenant != "" && (v.Tenant == f.Tenant || role.Tenant == "same-or-none" && v.Tenant == "")
	ties := o.ties(f, at).and(of(role.Relations...))
	if !home || len(ties) == 0 || !slices.Contains(role.Purposes, string(v.Purpose)) {
		return nil
	}
	excepted, objected := o.refused(f, s, at)
	var all []permit
	for _, rule := range o.table.Rules {
		if !slices.Contains(rule.Roles, string(v.Role)) || !slices.Contains(rule.Purposes, string(v.Purpose)) || !o.covers(rule.Origins, s) ||
			rule.WorksIn != nil && !o.covers(rule.WorksIn, v.Service) || rule.Stage != "" && rule.Stage != o.stage(f, s, at) {
			continue
		}
		for _, b := range o.table.Bases {
			if b.Code != rule.Basis || !b.on(o.day(at)) || b.Shares == "nothing" || !o.covers(b.Origins, s) {
				continue
			}
			p := permit{cleared: marksOf(rule.Clearance) & marksOf(role.Clearance), list: rule.Fields}
			var holds bool
			switch b.Given {
			case "relation", "break-glass":
				holds = len(ties.and(of(b.Relations...))) > 0 && (!b.Own || s == own(role, v))
			case "register":
				holds = o.registered(f, b, s, at) && !excepted && !(b.Objection && objected)
			case "consent":
				p.types, holds = o.consented(f, b, s, at)
				holds = holds && !excepted
			}
			if holds {
				all = append(all, p)
			}
		}
	}
	return all
}

// own is the service whose words are the viewer's own.
func own(r role, v care.Viewer) care.Service {
	if r.Own == "works-in" {
		return v.Service
	}
	return care.Service(r.Own)
}

// locked tells whether a block or, for guardians, the child herself hides it.
func (o *Oracle) locked(f care.Facts, s care.Service, record care.RecordRef, at time.Time) bool {
	v := f.Viewer
	stands := func(from, lifted time.Time) bool { // without a beginning it has begun
		return !from.After(at) && (lifted.IsZero() || at.Before(lifted))
	}
	for _, b := range f.Blocks {
		nobody := b.Viewer == "" && b.Group == "" && b.Orgnr == "" // said: then it is everybody
		against := b.All || nobody || b.Viewer != "" && b.Viewer == v.ID || b.Group != "" && b.Group == v.Service ||
			b.Orgnr != "" && (b.Orgnr == v.Tenant || b.Orgnr == v.Unit)
		spared := b.Extent == care.BlockService && b.Service != "" && b.Service != s ||
			b.Extent == care.BlockRecord && !b.Record.IsZero() && b.Record != record
		herself := v.Role == care.RoleBarn // whom it is about is kept from nothing by a block
		if stands(b.From, b.Lifted) && against && !spared && !herself {
			return true
		}
	}
	for _, w := range f.Withheld {
		if v.Role == care.RoleForesatt && stands(w.From, w.Lifted) &&
			(!w.Record.IsZero() && w.Record == record || w.Record.IsZero() && (w.Service == s || w.Service == "")) {
			return true
		}
	}
	return false
}

// smart is a SMART v2 scope on resources.
var smart = regexp.MustCompile(`^(?:patient|user|system)/(\*|[A-Z][A-Za-z]*)\.(c?r?u?d?s?)$`)

// asked tells whether the program may read the type. A list with a scope that cannot be
// read lets nothing through.
func asked(scopes []string, fhirType string) bool {
	if scopes == nil {
		return true
	}
	may := false
	for _, s := range scopes {
		m := smart.FindStringSubmatch(s)
		if m == nil && strings.Contains(s, "/") || m != nil && m[2] == "" {
			return false
		}
		may = may || m != nil && (m[1] == "*" || m[1] == fhirType) && strings.Contains(m[2], "r")
	}
	return may
}

func sorted(s set) []string {
	var names []string
	for n := range s {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
