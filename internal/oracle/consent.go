package oracle

import (
	"slices"
	"time"

	"samsyn/internal/care"
)

// signer is one who must sign: any of her names, as this party.
type signer struct {
	party  care.Party
	names  set  // nil is anybody of the party
	graded bool // does not sign digitally
	shares bool // her responsibility, with somebody
}

func (r signer) fits(s care.Signature) bool {
	return s.Party == r.party && s.Signer != "" && (r.names == nil || r.names[s.Signer]) && !(r.graded && s.How == "digital")
}

// signers gives who must sign for a service's words at an instant; false where somebody
// must of whom nobody knows who she is, so that not everybody can.
func (o *Oracle) signers(f care.Facts, s care.Service, at time.Time) ([]signer, bool) {
	day := o.day(at)
	a, ok := o.ages(s, day)
	child, known := turned(f.Born, a.Consent.Child, day)
	past, _ := turned(f.Born, a.Consent.Guardians, day)
	if !ok || !known {
		return nil, false
	}
	var must []signer
	if child {
		must = append(must, signer{party: care.PartyChild, names: of(string(f.Person))})
	}
	if past {
		return must, len(must) > 0
	}
	if o.careOrder(f, at) {
		return append(must, signer{party: care.PartyBarnevern}), true
	}
	parents := o.parents(f, at)
	sharing, nameless := 0, false
	for _, p := range parents {
		nameless = nameless || len(p.names) == 0 // nobody knows who she is
		if p.shares {
			sharing++
		}
	}
	// One who shares with somebody of whom nobody tells is not enough.
	return append(must, parents...), len(parents) > 0 && !nameless && sharing != 1
}

// parents gives each guardian once, whatever number of sources tells of her.
func (o *Oracle) parents(f care.Facts, at time.Time) (all []signer) {
	for _, g := range o.guardians(f, at) {
		p := signer{party: care.PartyGuardian, names: set{}, graded: g.Graded, shares: g.Code == care.ParentalFelles}
		for _, n := range []string{g.Viewer, string(g.Person)} {
			if n != "" {
				p.names[n] = true
			}
		}
		// Those who share a name are one.
		var others []signer
		for _, q := range all {
			if len(q.names.and(p.names)) == 0 {
				others = append(others, q)
				continue
			}
			for n := range q.names {
				p.names[n] = true
			}
			p.graded, p.shares = p.graded || q.graded, p.shares || q.shares
		}
		all = append(others, p)
	}
	for i, p := range all { // that she lives at a hidden address holds by whichever row says it
		for _, g := range f.Guardians {
			if g.Graded && (p.names[g.Viewer] || p.names[string(g.Person)]) {
				all[i].graded = true
			}
		}
	}
	return all
}

// careOrder tells whether barnevern has taken over the care at an instant.
func (o *Oracle) careOrder(f care.Facts, at time.Time) bool {
	return slices.ContainsFunc(f.Bases, func(l care.Basis) bool {
		return l.Code == "OMSORG" && l.Person == f.Person && said(l.DecidedBy) && said(l.Evidence) && runs(l.From, l.Until, l.Ended, at)
	})
}

// signed tells whether everybody who must has signed, who also could when she did.
func (o *Oracle) signed(f care.Facts, c care.Consent, at time.Time) bool {
	for _, s := range c.Origins {
		must, ok := o.signers(f, s, at)
		if !ok {
			return false
		}
		for _, m := range must {
			if !slices.ContainsFunc(c.Signatures, func(sig care.Signature) bool {
				then, _ := o.signers(f, s, sig.At)
				return m.fits(sig) && !sig.At.IsZero() && !sig.At.After(at) && slices.Contains([]string{"digital", "paper", "oral"}, sig.How) &&
					slices.ContainsFunc(then, func(t signer) bool { return t.fits(sig) })
			}) {
				return false
			}
		}
	}
	return true
}

// active tells whether a consent holds at an instant.
func (o *Oracle) active(f care.Facts, c care.Consent, at time.Time) bool {
	facts := c.Voluntary && len(c.Origins) > 0 && c.Purpose != "" && !c.Until.IsZero() && said(c.TextVersion) && said(c.Language) &&
		len(c.Receivers) > 0 && !slices.Contains(c.Receivers, care.Receiver{})
	_, no := tookBack(c, at)
	return c.Status == care.ConsentActive && c.Person == f.Person && facts && !no && runs(c.From, c.Until, time.Time{}, at) && o.signed(f, c, at)
}

// tookBack gives when a consent was rejected or taken back. Of several noes the latest
// counts, be it said to come after the instant: the safest where one stands already.
func tookBack(c care.Consent, at time.Time) (when time.Time, no bool) {
	ended := c.Status == care.ConsentRejected || c.Status == care.ConsentWithdrawn
	if ended {
		when = c.Changed
	}
	no = ended
	for _, s := range c.Signatures {
		when = later(when, s.Withdrawn)
		no = no || !s.Withdrawn.IsZero() && !s.Withdrawn.After(at)
	}
	if when.After(at) || ended && c.Changed.IsZero() { // nothing signed until now is newer
		when = at
	}
	return when, no && c.Status != care.ConsentInError
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func lastSigned(c care.Consent, at time.Time) (when time.Time) {
	for _, s := range c.Signatures {
		if !s.At.After(at) {
			when = later(when, s.At)
		}
	}
	return when
}

// concerns tells whether a consent is about a service's words to the viewer.
func concerns(f care.Facts, c care.Consent, s care.Service) bool {
	return c.Person == f.Person && slices.Contains(c.Origins, s) &&
		slices.ContainsFunc(c.Receivers, func(r care.Receiver) bool { return receives(f.Viewer, r.Viewer, r.Service, r.Role) })
}

// lastNo gives when sharing a service's words with the viewer was last said no to.
func lastNo(f care.Facts, s care.Service, at time.Time) (when time.Time, no bool) {
	for _, c := range f.Consents {
		if t, is := tookBack(c, at); is && concerns(f, c, s) {
			no = true
			when = later(when, t)
		}
	}
	return when, no
}

// newer gives the active consents about a service's words to the viewer that were signed
// after the last no.
func (o *Oracle) newer(f care.Facts, s care.Service, at time.Time) (list []care.Consent) {
	when, no := lastNo(f, s, at)
	for _, c := range f.Consents {
		if concerns(f, c, s) && o.active(f, c, at) && (!no || lastSigned(c, at).After(when)) {
			list = append(list, c)
		}
	}
	return list
}

// refused tells whether the family keeps a service's words from the viewer: because an
// active consent names her as one who may not have them, or because somebody said no.
func (o *Oracle) refused(f care.Facts, s care.Service, at time.Time) (excepted, objected bool) {
	_, objected = lastNo(f, s, at)
	excepted = slices.ContainsFunc(f.Consents, func(c care.Consent) bool {
		return slices.Contains(c.Origins, s) && slices.Contains(c.ExceptViewers, f.Viewer.ID) && o.active(f, c, at)
	})
	return excepted, objected
}

// consented gives the types that consents let the viewer see of a service: what all that
// are active give.
func (o *Oracle) consented(f care.Facts, b base, s care.Service, at time.Time) (types set, any bool) {
	for _, c := range o.newer(f, s, at) {
		if c.Purpose == f.Viewer.Purpose && o.young(b, c.From, at) {
			types = types.and(o.given(c))
			any = true
		}
	}
	return types, any
}

// given gives the types that a consent covers.
func (o *Oracle) given(c care.Consent) set {
	types := set{}
	for _, e := range c.ExceptTopics {
		if o.table.Topics[e] == nil {
			return types
		}
	}
	for topic, members := range o.table.Topics {
		if (len(c.Topics) == 0 || slices.Contains(c.Topics, topic)) && !slices.Contains(c.ExceptTopics, topic) {
			for _, m := range members {
				types[m] = true
			}
		}
	}
	if len(types) == 0 {
		return types
	}
	for _, topic := range o.table.Always {
		if !slices.Contains(c.ExceptTopics, topic) {
			for _, m := range o.table.Topics[topic] {
				types[m] = true
			}
		}
	}
	return types
}
