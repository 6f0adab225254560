package gate

import (
	"context"
	"slices"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/audit"
	"samsyn/internal/care"
)

// Exported is everything that is held about a person and that who asks may have: what is said
// of her, where it came from, who has had it, and what she and hers have decided. There are no
// words in it that somebody wrote about a decision, for they may be about others (pjl. § 18).
type Exported struct {
	Person        care.PersonID
	At            time.Time
	Reader        care.Viewer
	Contributions []care.Contribution
	Claims        []care.Claim
	Sources       []care.SourceState
	Log           []audit.Line
	Rights        care.Rights
	// Address tells that the address is protected: nothing in it tells where she is.
	Address bool
}

// Registered gives, of what is registered about a person, what the viewer of the facts may be told of.
type Registered interface {
	Known(ctx context.Context, f care.Facts, s access.Scope, at time.Time) (care.Rights, error)
}

// Export releases everything that is held about a person, for that person: to the child and
// her guardians (GDPR art. 15, pbrl. § 5-1), by the same decision as everything else, with one
// event. The error is care.ErrNotFound where there is no such person, where nothing of her may
// be seen, and for every other role.
func (g *Gate) Export(ctx context.Context, r Request, person care.PersonID) (Exported, error) {
	r.Interaction = audit.Export
	return release(ctx, g, r, func(ctx context.Context, at time.Time) (answer[Exported], error) {
		var a answer[Exported]
		d, err := g.decide(ctx, r, person, at)
		if err != nil {
			return a, err
		}
		a.found = d.scope.Allowed && slices.Contains(readers, r.Viewer.Role)
		if a.found {
			a.epochs = d.epochs()
			if a.released, err = g.everything(ctx, r, &d, at); err != nil {
				return a, err
			}
		} else if d.event.Permit {
			d.event.Permit, d.event.Rule, d.event.Services = false, "role-exports-nothing", nil
		}
		a.events = []audit.Event{d.event}
		return a, nil
	})
}

func (g *Gate) everything(ctx context.Context, r Request, d *decided, at time.Time) (Exported, error) {
	o, err := g.fetch(ctx, d, at)
	if err != nil {
		return Exported{}, err
	}
	e := Exported{Person: o.Person, At: at, Reader: d.facts.Viewer, Contributions: o.Contributions, Claims: o.Claims, Sources: o.Sources,
		Address: d.scope.Address || d.facts.Address.Hidden()}
	if e.Log, err = g.readable(ctx, r, *d, o); err != nil {
		return Exported{}, err
	}
	if g.Registered != nil {
		held, err := g.Registered.Known(ctx, d.facts, d.scope, at)
		if err != nil {
			return Exported{}, err
		}
		e.Rights = told(held, e)
	}
	return e, nil
}

// told is rights without what somebody wrote about them; and, where the address is protected,
// without those who are named in them, for where somebody works tells where the child is.
func told(r care.Rights, e Exported) care.Rights {
	name, record, orgnr := func(id string) string { return id }, func(r care.RecordRef) care.RecordRef { return r }, func(n string) string { return n }
	if e.Address {
		name = func(id string) string {
			if id == e.Reader.ID || id == string(e.Person) || id != "" && id == string(e.Reader.Person) {
				return id
			}
			return ""
		}
		record, orgnr = func(care.RecordRef) care.RecordRef { return care.RecordRef{} }, func(string) string { return "" }
	}
	out := care.Rights{Guardians: each(r.Guardians, func(g *care.Guardian) {
		g.Viewer, g.Person = name(g.Viewer), care.PersonID(name(string(g.Person)))
		if e.Address {
			g.SameAddress = false
		}
	})}
	out.Appointments = each(r.Appointments, func(a *care.Appointment) {
		a.Viewer, a.By, a.EndedBy, a.Reason = name(a.Viewer), name(a.By), name(a.EndedBy), ""
	})
	out.Bases = each(r.Bases, func(b *care.Basis) {
		b.Viewer, b.DecidedBy, b.EndedBy, b.Reason, b.Evidence = name(b.Viewer), name(b.DecidedBy), name(b.EndedBy), "", ""
	})
	out.Consents = each(r.Consents, func(c *care.Consent) {
		c.ChangedBy = name(c.ChangedBy)
		c.Receivers = each(c.Receivers, func(r *care.Receiver) { r.Viewer = name(r.Viewer) })
		c.ExceptViewers = each(c.ExceptViewers, func(v *string) { *v = name(*v) })
		c.Signatures = each(c.Signatures, func(s *care.Signature) { s.Signer, s.Recorder = name(s.Signer), name(s.Recorder) })
	})
	out.Blocks = each(r.Blocks, func(b *care.Block) {
		b.Viewer, b.By, b.Orgnr, b.Record = name(b.Viewer), name(b.By), orgnr(b.Orgnr), record(b.Record)
	})
	out.Withheld = each(r.Withheld, func(w *care.Withheld) { w.By, w.Record = name(w.By), record(w.Record) })
	out.BreakGlass = each(r.BreakGlass, func(b *care.BreakGlass) {
		b.Viewer, b.Reviewer, b.Reason, b.Review = name(b.Viewer), name(b.Reviewer), "", ""
	})
	return out
}

// each changes a copy.
func each[T any](all []T, change func(*T)) []T {
	out := slices.Clone(all)
	for i := range out {
		change(&out[i])
	}
	return out
}
