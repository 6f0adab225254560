package rights

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/consent"
	"samsyn/internal/gate"
)

// Appoint lets koordinerende enhet tie a coordinator or somebody with a task in a service to
// a child, for a period (hol. §§ 7-2 a, 7-3). A From that is zero is now. It gives the
// appointment with its id.
func (s *Service) Appoint(ctx context.Context, r gate.Request, a care.Appointment) (care.Appointment, error) {
	err := s.alter(ctx, r, a.Person, who{interaction: audit.AppointmentRegister, roles: office}, func(sc *scene) (change, error) {
		n := a
		n.Person, n.By, n.Ended, n.EndedBy = sc.facts.Person, sc.actor.ID, time.Time{}, ""
		n.From = begun(n.From, sc.at)
		switch {
		case n.Viewer == "":
			return change{}, invalid("viewer", "who is appointed must be said")
		case n.Role != care.RoleKoordinator && n.Role != care.RoleTjenesteyter:
			return change{}, invalid("role", "a coordinator or somebody in a service is appointed")
		case n.Viewer == sc.actor.ID:
			return change{}, invalid("viewer", "nobody appoints herself")
		case !n.Until.IsZero() && !n.From.Before(n.Until):
			return change{}, invalid("until", "it must end after it begins")
		}
		var err error
		if n.ID, err = s.idOf(a.ID); err != nil {
			return change{}, err
		}
		a = n
		return change{rights: care.Rights{Appointments: []care.Appointment{n}}, bases: []string{n.ID}, services: []care.Service{care.Koordinering}, reason: n.Reason}, nil
	})
	return a, err
}

// EndAppointment ends one, from now on. She herself may end hers.
func (s *Service) EndAppointment(ctx context.Context, r gate.Request, person care.PersonID, id, reason string) error {
	return s.alter(ctx, r, person, who{interaction: audit.AppointmentEnd, roles: append(slices.Clone(staff), office...)}, func(sc *scene) (change, error) {
		a, err := find(sc.held.Appointments, func(a care.Appointment) bool {
			return a.ID == id && (sc.actor.Role == care.RoleKoordinerendeEnhet || a.Viewer == sc.actor.ID)
		}, "appointment")
		if err != nil {
			return change{}, err
		}
		end(&a.Ended, &a.EndedBy, sc)
		return change{rights: care.Rights{Appointments: []care.Appointment{a}}, bases: []string{id}, services: []care.Service{care.Koordinering}, reason: reason}, nil
	})
}

// end notes the first end of something.
func end(at *time.Time, by *string, sc *scene) {
	if at.IsZero() || sc.at.Before(*at) {
		*at, *by = sc.at, sc.actor.ID
	}
}

func begun(from, now time.Time) time.Time {
	if from.IsZero() {
		return now
	}
	return from
}

func (s *Service) idOf(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	return s.id()
}

// AddBasis notes a ground for letting words cross. One who works in a service, and is tied to
// the child, decides for what her own service said and no other; the rest of what the code
// asks for (reason, end, evidence, receiver) is the table's word.
func (s *Service) AddBasis(ctx context.Context, r gate.Request, b care.Basis) (care.Basis, error) {
	err := s.alter(ctx, r, b.Person, who{interaction: audit.BasisRegister, roles: staff}, func(sc *scene) (change, error) {
		n := b
		n.Person, n.Ended, n.EndedBy = sc.facts.Person, time.Time{}, ""
		n.DecidedBy = cmp.Or(n.DecidedBy, sc.actor.ID)
		n.From, n.Purpose = begun(n.From, sc.at), cmp.Or(n.Purpose, care.PurposeCOC)
		if err := s.checkBasis(n, sc); err != nil {
			return change{}, err
		}
		var err error
		if n.ID, err = s.idOf(b.ID); err != nil {
			return change{}, err
		}
		b = n
		return change{rights: care.Rights{Bases: []care.Basis{n}}, bases: []string{n.ID}, services: n.Origins, reason: n.Reason}, nil
	})
	return b, err
}

func (s *Service) checkBasis(n care.Basis, sc *scene) error {
	codes := s.Table.Codes()
	i := slices.IndexFunc(codes, func(c access.Code) bool { return c.Code == n.Code && c.Given == "register" })
	if i < 0 {
		return invalid("code", "is none that is registered")
	}
	code, day := codes[i], sc.at.Format(time.DateOnly)
	blank := func(t string) bool { return strings.TrimSpace(t) == "" }
	own := sc.actor.Service
	if sc.actor.Role == care.RoleKoordinator {
		own = care.Koordinering
	}
	switch {
	case day < code.From || code.Until != "" && day > code.Until:
		return invalid("code", "is not in force")
	case len(n.Origins) == 0 || slices.ContainsFunc(n.Origins, func(o care.Service) bool { return !slices.Contains(code.Origins, o) }):
		return invalid("origins", "the code does not open what these services say")
	case own == "" || slices.ContainsFunc(n.Origins, func(o care.Service) bool { return o != own }):
		return invalid("origins", "each service decides for its own words alone")
	case n.Viewer == "" && n.Service == "" && n.Role == "" && !code.SharesNothing:
		return invalid("receiver", "who may receive must be said")
	case len(code.To) > 0 && n.Service != "" && !slices.Contains(code.To, n.Service):
		return invalid("receiver", "the code opens nothing for that service")
	case code.Reason && blank(n.Reason):
		return invalid("reason", "must be given")
	case code.Evidence && blank(n.Evidence):
		return invalid("evidence", "where the decision lies must be said")
	case code.End && n.Until.IsZero():
		return invalid("until", "it must have an end")
	case !n.Until.IsZero() && !n.From.Before(n.Until):
		return invalid("until", "it must end after it begins")
	case code.Max > 0 && !n.Until.IsZero() && n.Until.Sub(n.From) > code.Max:
		return invalid("until", "is later than the code allows")
	}
	return nil
}

// EndBasis ends one, from now on: its own service, the coordinator and koordinerende enhet may.
func (s *Service) EndBasis(ctx context.Context, r gate.Request, person care.PersonID, id, reason string) error {
	return s.alter(ctx, r, person, who{interaction: audit.BasisEnd, roles: append(slices.Clone(staff), office...)}, func(sc *scene) (change, error) {
		b, err := find(sc.held.Bases, func(b care.Basis) bool {
			return b.ID == id && (sc.actor.Role != care.RoleTjenesteyter || slices.Contains(b.Origins, sc.actor.Service))
		}, "basis")
		if err != nil {
			return change{}, err
		}
		end(&b.Ended, &b.EndedBy, sc)
		return change{rights: care.Rights{Bases: []care.Basis{b}}, bases: []string{id}, services: b.Origins, reason: reason}, nil
	})
}

// Propose notes a consent that nobody has signed: which words, for whom, for what and for
// how long, and the text that is to be read.
func (s *Service) Propose(ctx context.Context, r gate.Request, c care.Consent) (care.Consent, error) {
	err := s.alter(ctx, r, c.Person, who{interaction: audit.ConsentRegister, roles: people}, func(sc *scene) (change, error) {
		n := c
		n.Person, n.Version, n.Status, n.Signatures = sc.facts.Person, 1, care.ConsentProposed, nil
		n.Changed, n.ChangedBy = sc.at, sc.actor.ID
		n.From, n.Purpose = begun(n.From, sc.at), cmp.Or(n.Purpose, care.PurposeCOC)
		if err := s.checkConsent(n); err != nil {
			return change{}, err
		}
		if slices.ContainsFunc(sc.held.Consents, func(h care.Consent) bool { return h.ID == c.ID }) {
			return change{}, invalid("id", "there is one already")
		}
		var err error
		if n.ID, err = s.idOf(c.ID); err != nil {
			return change{}, err
		}
		c = n
		return change{rights: care.Rights{Consents: []care.Consent{n}}, bases: []string{n.ID}, services: n.Origins, resource: "Consent/" + n.ID}, nil
	})
	return c, err
}

// checkConsent asks for the five facts of a consent, and for topics that are known.
func (s *Service) checkConsent(n care.Consent) error {
	for _, err := range consent.Check(n) {
		if consent.Field(err) != "signatures" {
			return err
		}
	}
	known := s.Table.Topics()
	for _, t := range append(slices.Clone(n.Topics), n.ExceptTopics...) {
		if !slices.Contains(known, t) {
			return invalid("topics", "there is no such topic")
		}
	}
	return nil
}

// Sign notes one party's yes. Family signs digitally for herself alone; what was signed on
// paper or said is noted by one who works for the child, for the signer that is named. The signer
// must be one of those who must consent for at least one of the services. When all have signed, the consent is active.
func (s *Service) Sign(ctx context.Context, r gate.Request, person care.PersonID, id string, sig care.Signature) (care.Consent, error) {
	var out care.Consent
	err := s.alter(ctx, r, person, who{interaction: audit.ConsentRegister, roles: people}, func(sc *scene) (change, error) {
		c, err := find(sc.held.Consents, func(c care.Consent) bool { return c.ID == id }, "consent")
		if err != nil {
			return change{}, err
		}
		n, err := signature(sig, sc)
		if err != nil {
			return change{}, err
		}
		switch c.Status {
		case care.ConsentProposed, care.ConsentActive:
		default:
			return change{}, invalid("status", "it was taken back or rejected; propose it anew")
		}
		if !s.holder(c, sc, n) {
			return change{}, invalid("signer", "is none of those who must consent")
		}
		c.Signatures = slices.DeleteFunc(slices.Clone(c.Signatures), func(h care.Signature) bool { return h.Party == n.Party && h.Signer == n.Signer })
		c.Signatures = append(c.Signatures, n)
		if c = s.settle(c, sc); c.Status == care.ConsentActive {
			for _, err := range consent.Check(c) {
				return change{}, err
			}
		}
		out = c
		return change{rights: care.Rights{Consents: []care.Consent{c}}, bases: []string{id}, services: c.Origins, resource: "Consent/" + id}, nil
	})
	return out, err
}

// signature is who signs, as the actor may say it.
func signature(sig care.Signature, sc *scene) (care.Signature, error) {
	sig.Recorder, sig.Withdrawn = sc.actor.ID, time.Time{}
	sig.At = begun(sig.At, sc.at)
	if sig.At.After(sc.at) {
		return sig, invalid("at", "lies ahead")
	}
	switch sc.actor.Role {
	case care.RoleBarn:
		sig.Party, sig.Signer, sig.How, sig.At = care.PartyChild, string(sc.facts.Person), consent.Digital, sc.at
	case care.RoleForesatt:
		sig.Party, sig.Signer, sig.How, sig.At = care.PartyGuardian, guardianName(sc), consent.Digital, sc.at
	default:
		if sig.Party == care.PartyChild {
			sig.Signer = string(sc.facts.Person)
		}
		if sig.Party == care.PartyBarnevern {
			if sc.actor.Service != care.Barnevern {
				return sig, invalid("party", "barnevern signs for itself")
			}
			sig.Signer, sig.How, sig.At = sc.actor.ID, consent.Digital, sc.at
			return sig, nil
		}
		if sig.How != consent.Paper && sig.How != consent.Oral {
			return sig, invalid("how", "what somebody else signed was signed on paper or said")
		}
	}
	if sig.Signer == "" {
		return sig, invalid("signer", "who signed must be said")
	}
	return sig, nil
}

// guardianName is the guardian as she is registered: by viewer, or by person.
func guardianName(sc *scene) string {
	for _, g := range sc.facts.Guardians {
		if g.Viewer != "" && g.Viewer == sc.actor.ID {
			return g.Viewer
		}
		if g.Person != "" && g.Person == sc.actor.Person {
			return string(g.Person)
		}
	}
	return ""
}

// holder tells whether a signature is one that somebody asks for, for any of the services.
func (s *Service) holder(c care.Consent, sc *scene, sig care.Signature) bool {
	return slices.ContainsFunc(c.Origins, func(o care.Service) bool {
		return slices.ContainsFunc(consent.Needed(s.Table.Ages(), sc.facts, o, sig.At.In(s.Zone)), func(n consent.Requirement) bool {
			return n.Party == sig.Party && n.Missing == "" && (sig.Party == care.PartyBarnevern || slices.ContainsFunc(n.Holders, func(h consent.Holder) bool {
				return (sig.Signer == h.Viewer || sig.Signer == string(h.Person)) && !(h.Graded && sig.How == consent.Digital)
			}))
		})
	})
}

// settle is the next version of a consent: active when everybody who must has signed.
func (s *Service) settle(c care.Consent, sc *scene) care.Consent {
	c.Version, c.Changed, c.ChangedBy = c.Version+1, sc.at, sc.actor.ID
	active := c
	active.Status = care.ConsentActive
	f := sc.facts
	switch state, _ := consent.State(s.Table.Ages(), f, active, sc.at); state {
	case consent.Active, consent.Future, consent.Expired:
		return active
	}
	c.Status = care.ConsentProposed
	return c
}

// Withdraw takes a consent back, from now on: each of those who must consent may, and so may one
// who has signed. Said or in writing, one who works for the child, or koordinerende enhet, notes
// it for the one that is named; no form may stand in the way.
func (s *Service) Withdraw(ctx context.Context, r gate.Request, person care.PersonID, id string, party care.Party, signer, reason string) (care.Consent, error) {
	return s.refuse(ctx, r, person, id, party, signer, reason, care.ConsentWithdrawn)
}

// Reject notes that the answer to a proposal was no.
func (s *Service) Reject(ctx context.Context, r gate.Request, person care.PersonID, id string, party care.Party, signer, reason string) (care.Consent, error) {
	return s.refuse(ctx, r, person, id, party, signer, reason, care.ConsentRejected)
}

func (s *Service) refuse(ctx context.Context, r gate.Request, person care.PersonID, id string, party care.Party, signer, reason string, status care.ConsentStatus) (care.Consent, error) {
	var out care.Consent
	err := s.alter(ctx, r, person, who{interaction: audit.ConsentWithdraw, roles: anyone}, func(sc *scene) (change, error) {
		c, err := find(sc.held.Consents, func(c care.Consent) bool { return c.ID == id }, "consent")
		if err != nil {
			return change{}, err
		}
		who := care.Signature{Party: party, Signer: signer, How: consent.Oral, At: sc.at}
		switch sc.actor.Role {
		case care.RoleBarn:
			who.Party, who.Signer = care.PartyChild, string(sc.facts.Person)
		case care.RoleForesatt:
			who.Party, who.Signer = care.PartyGuardian, guardianName(sc)
		default:
			if party == care.PartyChild {
				who.Signer = string(sc.facts.Person)
			}
		}
		signed := slices.IndexFunc(c.Signatures, func(h care.Signature) bool { return h.Party == who.Party && h.Signer == who.Signer })
		if who.Signer == "" || signed < 0 && who.Party != care.PartyChild && !s.holder(c, sc, who) {
			return change{}, invalid("signer", "is none of those who must consent")
		}
		if c.Signatures = slices.Clone(c.Signatures); signed >= 0 && c.Signatures[signed].Withdrawn.IsZero() {
			c.Signatures[signed].Withdrawn = sc.at
		}
		c.Version, c.Status, c.Changed, c.ChangedBy = c.Version+1, status, sc.at, sc.actor.ID
		out = c
		return change{rights: care.Rights{Consents: []care.Consent{c}}, bases: []string{id}, services: c.Origins, resource: "Consent/" + id, reason: reason}, nil
	})
	return out, err
}

// Renew proposes the same once more, until another day, with the text that is to be read
// now: everybody signs anew.
func (s *Service) Renew(ctx context.Context, r gate.Request, person care.PersonID, id string, until time.Time, textVersion, language string) (care.Consent, error) {
	var out care.Consent
	err := s.alter(ctx, r, person, who{interaction: audit.ConsentRenew, roles: people}, func(sc *scene) (change, error) {
		c, err := find(sc.held.Consents, func(c care.Consent) bool { return c.ID == id }, "consent")
		if err != nil {
			return change{}, err
		}
		c.Version, c.Status, c.Signatures = 1, care.ConsentProposed, nil
		c.From, c.Until, c.TextVersion, c.Language = sc.at, until, cmp.Or(textVersion, c.TextVersion), cmp.Or(language, c.Language)
		c.Changed, c.ChangedBy = sc.at, sc.actor.ID
		if err := s.checkConsent(c); err != nil {
			return change{}, err
		}
		if c.ID, err = s.id(); err != nil {
			return change{}, err
		}
		out = c
		return change{rights: care.Rights{Consents: []care.Consent{c}}, bases: []string{id, c.ID}, services: c.Origins, resource: "Consent/" + c.ID}, nil
	})
	return out, err
}
