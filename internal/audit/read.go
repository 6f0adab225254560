package audit

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"samsyn/fhir"
	"samsyn/internal/care"
)

// FromFHIR reads an event back from the AuditEvent that FHIR wrote. What the log does not
// hold (scopes) is not in it. The error wraps care.ErrInvalid and shows no value.
func FromFHIR(body []byte) (Event, error) {
	r, err := fhir.Parse(body)
	if err != nil {
		return Event{}, fmt.Errorf("%w: read an audit event: %w", care.ErrInvalid, err)
	}
	var a auditEvent
	if r.Type != "AuditEvent" {
		return Event{}, fmt.Errorf("%w: read an audit event: it is a %s", care.ErrInvalid, r.Type)
	}
	if err := json.Unmarshal(r.Body, &a); err != nil {
		return Event{}, fmt.Errorf("%w: read an audit event: an element has another form than ours", care.ErrInvalid)
	}
	at, err := time.Parse(time.RFC3339Nano, a.Recorded)
	if err != nil {
		return Event{}, fmt.Errorf("%w: read an audit event: it has no time", care.ErrInvalid)
	}
	e := Event{ID: a.ID, At: at.UTC(), Permit: a.Outcome == "0", Failed: a.Outcome == "8"}
	for _, c := range a.Subtype {
		switch c.System {
		case systemInteraction:
			e.Interaction = c.Code
		case systemDoor:
			e.Door = c.Code
		}
	}
	if len(a.PurposeOfEvent) > 0 {
		e.Purpose = care.Purpose(codeOf(a.PurposeOfEvent, systemActReason))
	}
	e.readAgents(a)
	e.Viewer.Purpose = e.Purpose
	if err := e.readEntities(a.Entity); err != nil {
		return Event{}, err
	}
	if err := e.check(); err != nil {
		return Event{}, fmt.Errorf("read an audit event: %w", err)
	}
	return e, nil
}

func codeOf(all []concept, system string) string {
	for _, c := range all {
		for _, k := range c.Coding {
			if k.System == system {
				return k.Code
			}
		}
	}
	return ""
}

func (r *reference) value(system string) string {
	if r != nil && r.Identifier != nil && r.Identifier.System == system {
		return r.Identifier.Value
	}
	return ""
}

// readAgents finds the client first and the server second, as they are written.
func (e *Event) readAgents(a auditEvent) {
	if len(a.Agent) < 2 {
		return
	}
	client, server, viewer := a.Agent[0], a.Agent[1], a.Agent[0]
	if client.Network != nil && (server.Network == nil || client.Network.Address != server.Network.Address) {
		e.Address = client.Network.Address
	}
	if len(a.Agent) > 2 {
		viewer = a.Agent[2]
	}
	if c := client.Who.value(systemClient); c != e.Door && c != "samsyn" {
		e.Client = c
	}
	if viewer.AltID != "" {
		e.Client = viewer.AltID
	}
	for _, p := range viewer.Policy {
		e.Token = strings.TrimPrefix(p, prefixJTI)
	}
	v := &e.Viewer
	v.ID, v.Name = viewer.Who.value(systemViewer), viewer.Name
	v.Role = care.Role(codeOf(viewer.Role, systemRole))
	v.Service = care.Service(codeOf(viewer.Role, systemService))
	for _, x := range viewer.Extension {
		switch x.URL {
		case extLevel:
			v.Level, _ = strconv.Atoi(x.ValueString) // what is no number is no level
		case extPerson:
			v.Person = care.PersonID(x.ValueString)
		case extTitle:
			v.Title = x.ValueString
		case extHPR:
			v.HPR = x.ValueString
		case extTenant:
			v.Tenant = x.ValueString
		case extUnit:
			v.Unit = x.ValueString
		}
	}
	for _, c := range a.Contained {
		for _, id := range c.Identifier {
			switch {
			case id.System == systemViewer:
				v.ID = id.Value
			case id.System == fhir.SystemHPR:
				v.HPR = id.Value
			case id.System == fhir.SystemENH && c.ID == "tenant":
				v.Tenant = id.Value
			case id.System == fhir.SystemENH && c.ID == "unit":
				v.Unit = id.Value
			}
		}
	}
}

func (e *Event) readEntities(all []entity) error {
	for _, n := range all {
		if n.Type == nil {
			continue
		}
		switch n.Type.System + "|" + n.Type.Code {
		case systemEntityType + "|1":
			if n.What != nil {
				e.Person = care.PersonID(orElse(n.What.value(systemPerson), strings.TrimPrefix(n.What.Reference, "Patient/")))
			}
		case systemEntityType + "|2":
			q, err := base64.StdEncoding.DecodeString(n.Query)
			if err != nil {
				return fmt.Errorf("%w: read an audit event: its query is no base64", care.ErrInvalid)
			}
			if s := string(q); s != "$"+e.Interaction {
				e.Query = s
			}
			if n.What != nil {
				if s := orElse(n.What.value(systemResource), n.What.Reference); s != e.Interaction {
					e.Resource = s
				}
			}
		case systemBALPEntity + "|XrequestId":
			e.RequestID = n.What.value(systemRequest)
		case systemEntityType + "|4":
			if err := e.readDecision(n.Detail); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Event) readDecision(all []detail) error {
	for _, d := range all {
		switch d.Type {
		case detailPolicy:
			e.PolicyVersion = d.Value
		case detailRule:
			e.Rule = d.Value
		case detailBasis:
			e.Bases = append(e.Bases, d.Value)
		case detailService:
			e.Services = append(e.Services, care.Service(d.Value))
		case detailWithheld:
			n, err := strconv.Atoi(d.Value)
			if err != nil {
				return fmt.Errorf("%w: read an audit event: what was withheld is no number", care.ErrInvalid)
			}
			e.Withheld = n
		case detailReason:
			e.Reason = d.Value
		case detailQuery:
			e.Query = d.Value
		case detailResource:
			e.Resource = d.Value
		}
	}
	return nil
}
