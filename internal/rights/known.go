package rights

import (
	"slices"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/consent"
)

// known is what of all that is registered the actor may be told of. A list of rights tells
// as much as what it opens: that barnevern has a basis is that there is a case. So each
// line is told to those who made it, to those it gives something to, and to those who
// must decide it; the child is told of all that is hers.
func (s *Service) known(sc scene) care.Rights {
	v, r := sc.actor, sc.held
	if v.Role == care.RoleBarn {
		return r
	}
	staff := v.Role == care.RoleKoordinator || v.Role == care.RoleTjenesteyter
	out := care.Rights{
		Appointments: keep(r.Appointments, func(a care.Appointment) bool {
			return a.Viewer == v.ID || a.By == v.ID || a.Role == care.RoleKoordinator
		}),
		Bases: keep(r.Bases, func(b care.Basis) bool {
			return b.DecidedBy == v.ID || b.EndedBy == v.ID || staff && names(v, care.Receiver{Viewer: b.Viewer, Service: b.Service, Role: b.Role}) ||
				staff && v.Service != "" && !slices.ContainsFunc(b.Origins, func(o care.Service) bool { return o != v.Service })
		}),
		Consents: keep(r.Consents, func(c care.Consent) bool { return s.tells(sc, c) }),
		Blocks:   keep(r.Blocks, func(b care.Block) bool { return b.By == v.ID }),
		Withheld: keep(r.Withheld, func(w care.Withheld) bool { return w.By == v.ID && v.Role != care.RoleForesatt }),
		Guardians: keep(r.Guardians, func(g care.Guardian) bool {
			return v.Role != care.RoleForesatt || g.Viewer != "" && g.Viewer == v.ID || g.Person != "" && g.Person == v.Person
		}),
		BreakGlass: keep(r.BreakGlass, func(b care.BreakGlass) bool { return b.Viewer == v.ID }),
	}
	return out
}

func keep[T any](all []T, is func(T) bool) []T {
	var out []T
	for _, one := range all {
		if is(one) {
			out = append(out, one)
		}
	}
	return out
}

// names tells whether a receiver is the viewer: each mark that is given fits, and one is given.
func names(v care.Viewer, r care.Receiver) bool {
	return r != (care.Receiver{}) && (r.Viewer == "" || r.Viewer == v.ID) && (r.Role == "" || r.Role == v.Role) && (r.Service == "" || r.Service == v.Service)
}

// tells tells whether the actor may be told of a consent.
func (s *Service) tells(sc scene, c care.Consent) bool {
	v := sc.actor
	signed := slices.ContainsFunc(c.Signatures, func(g care.Signature) bool {
		return g.Recorder == v.ID || g.Signer == v.ID || v.Person != "" && g.Signer == string(v.Person)
	})
	switch {
	case c.ChangedBy == v.ID || signed:
		return true
	case v.Role == care.RoleForesatt:
		// She is asked where she must consent to every part of it, and then she knows every part.
		// What barnevern would share it asks her of itself: here it neither confirms nor denies.
		return c.Status != care.ConsentInError && !slices.ContainsFunc(c.Origins, func(o care.Service) bool { return o == care.Barnevern || !s.asks(sc, o, sc.at) })
	case slices.Contains(c.ExceptViewers, v.ID):
		return false
	}
	return slices.ContainsFunc(c.Receivers, func(r care.Receiver) bool { return names(v, r) })
}

// asks tells whether the actor is one of the guardians who must consent for a service.
func (s *Service) asks(sc scene, o care.Service, at time.Time) bool {
	return slices.ContainsFunc(consent.Needed(s.Table.Ages(), sc.facts, o, at), func(n consent.Requirement) bool {
		return n.Party == care.PartyGuardian && slices.ContainsFunc(n.Holders, func(h consent.Holder) bool {
			return h.Viewer != "" && h.Viewer == sc.actor.ID || h.Person != "" && h.Person == sc.actor.Person
		})
	})
}

// spoken is the services of which an explanation may tell the actor: those that she sees
// herself, and those that the change she is making names.
func spoken(sc scene, with care.Rights) map[care.Service]bool {
	out := map[care.Service]bool{sc.actor.Service: true}
	for _, v := range sc.scope.Visible {
		out[v.Service] = true
	}
	for _, c := range with.Consents {
		for _, o := range c.Origins {
			out[o] = true
		}
	}
	for _, b := range with.Bases {
		for _, o := range b.Origins {
			out[o] = true
		}
	}
	return out
}
