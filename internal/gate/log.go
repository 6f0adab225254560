package gate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"samsyn/internal/audit"
	"samsyn/internal/care"
)

// readers are the roles that read the log about a person: she herself, and her guardians.
var readers = []care.Role{care.RoleBarn, care.RoleForesatt}

// AccessLog releases who has seen what of a person, as child and guardians may read it. It
// passes the same decision as what the log tells of: a line by which something hidden from
// the reader could be known is not there. The error is care.ErrNotFound where she may see
// nothing of the person.
func (g *Gate) AccessLog(ctx context.Context, r Request, person care.PersonID) ([]audit.Line, error) {
	r.Interaction = audit.AccessLog
	return release(ctx, g, r, func(ctx context.Context, at time.Time) (answer[[]audit.Line], error) {
		var a answer[[]audit.Line]
		d, err := g.decide(ctx, r, person, at)
		if err != nil {
			return a, err
		}
		a.found = d.scope.Allowed && slices.Contains(readers, r.Viewer.Role)
		if a.found {
			a.epochs = d.epochs()
			o, err := g.fetch(ctx, &d, at)
			if err != nil {
				return a, err
			}
			if a.released, err = g.readable(ctx, r, d, o); err != nil {
				return a, err
			}
		} else if d.event.Permit {
			d.event.Permit, d.event.Rule, d.event.Services = false, "role-reads-no-log", nil
		}
		a.events = []audit.Event{d.event}
		return a, nil
	})
}

// readable gives the log as one may read it who sees what is opened.
func (g *Gate) readable(ctx context.Context, r Request, d decided, o Opened) ([]audit.Line, error) {
	rows, err := g.Store.AuditOf(ctx, d.facts.Person)
	if err != nil {
		return nil, err
	}
	events := make([]audit.Event, 0, len(rows))
	for _, row := range rows {
		e, err := audit.FromFHIR(row.Body)
		if err != nil {
			return nil, fmt.Errorf("read line %d of the log: %w", row.Seq, err)
		}
		events = append(events, e)
	}
	seen := map[string]bool{}
	for _, c := range o.Contributions {
		for _, m := range c.Made {
			seen[m.Resource.Type+"/"+m.Resource.ID] = true
		}
	}
	reader := audit.Reader{Viewer: r.Viewer, Address: d.scope.Address, Sees: func(name string) bool { return seen[name] }, Bases: map[string]string{}}
	for _, v := range d.scope.Visible {
		if !slices.Contains(reader.Visible, v.Service) {
			reader.Visible = append(reader.Visible, v.Service)
		}
	}
	for _, c := range d.facts.Consents {
		if !slices.ContainsFunc(c.Origins, func(s care.Service) bool { return !slices.Contains(reader.Visible, s) }) {
			reader.Bases[c.ID] = "audit.basis.consent"
		}
	}
	return audit.Readable(events, reader), nil
}
