// Package gatetest owns a store in memory for tests of what stands before the gate, and
// rights that are as short to write as a test wants them. It knows no SQL.
package gatetest

import (
	"context"
	"slices"
	"sync"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/gate"
)

// Tenant is the municipality of the tests.
const Tenant = "310000000"

// Memory is a store. It notes what it is asked, and can be told to fail at one place.
type Memory struct {
	People  map[care.PersonID][]care.Contribution
	Named   map[care.PersonID][]care.Claim
	Old     map[string][]care.ResourceVersion // by "Type/id", newest first
	States  []care.SourceState
	Rights  map[care.PersonID]care.Rights
	Born    map[care.PersonID]string
	Address map[care.PersonID]care.AddressLevel
	Epochs  map[care.PersonID]int64
	// Careless gives everything that it has of a person, whatever is asked for.
	Careless bool
	// Fails names the method that fails, with Err; every one where it is "*".
	Fails string
	Err   error
	// Before is called before a method, by name, where it is given.
	Before func(method string)

	Asked [][]care.Visible
	Lines []care.Logged
}

func (m *Memory) fail(method string) error {
	if m.Before != nil {
		m.Before(method)
	}
	if m.Fails == method || m.Fails == "*" {
		return m.Err
	}
	return nil
}

// Facts gives what is registered, with the viewer's own appointments and sessions.
func (m *Memory) Facts(_ context.Context, v care.Viewer, p care.PersonID) (care.Facts, error) {
	if err := m.fail("facts"); err != nil {
		return care.Facts{}, err
	}
	f := care.Facts{Viewer: v, Person: p}
	_, said := m.People[p]
	r, registered := m.Rights[p]
	if !said && !registered {
		return f, nil
	}
	f.Known, f.Born, f.Address, f.Epoch = true, m.Born[p], m.Address[p], m.Epochs[p]
	for _, a := range r.Appointments {
		if a.Viewer == v.ID || v.Role == care.RoleKoordinerendeEnhet || m.Careless {
			f.Appointments = append(f.Appointments, a)
		}
	}
	for _, b := range r.BreakGlass {
		if b.Viewer == v.ID || m.Careless {
			f.BreakGlass = append(f.BreakGlass, b)
		}
	}
	f.Guardians, f.Bases, f.Consents, f.Blocks, f.Withheld = r.Guardians, r.Bases, r.Consents, r.Blocks, r.Withheld
	return f, nil
}

// Persons gives everybody whom anything ties to the viewer, by id.
func (m *Memory) Persons(_ context.Context, v care.Viewer) ([]care.PersonID, error) {
	var out []care.PersonID
	for p, r := range m.Rights {
		tied := m.Careless || v.Person == p && p != "" ||
			slices.ContainsFunc(r.Appointments, func(a care.Appointment) bool { return a.Viewer == v.ID }) ||
			slices.ContainsFunc(r.Guardians, func(g care.Guardian) bool {
				return g.Viewer == v.ID || g.Person != "" && g.Person == v.Person
			})
		if tied {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out, m.fail("persons")
}

// Appointed gives everybody whom an appointment is about, by id.
func (m *Memory) Appointed(context.Context) ([]care.PersonID, error) {
	var out []care.PersonID
	for p, r := range m.Rights {
		if len(r.Appointments) > 0 {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out, m.fail("appointed")
}

// Whose gives whom a resource is about.
func (m *Memory) Whose(_ context.Context, typ, id string) (care.PersonID, error) {
	if all := m.Old[typ+"/"+id]; len(all) > 0 {
		return all[0].Person, m.fail("whose")
	}
	for p, cs := range m.People {
		for _, c := range cs {
			if slices.ContainsFunc(c.Made, func(d care.Made) bool { return d.Resource.Type == typ && d.Resource.ID == id }) {
				return p, m.fail("whose")
			}
		}
	}
	return "", m.fail("whose")
}

// Contributions gives what is visible.
func (m *Memory) Contributions(_ context.Context, p care.PersonID, visible []care.Visible) ([]care.Contribution, error) {
	m.Asked = append(m.Asked, visible)
	if err := m.fail("contributions"); err != nil {
		return nil, err
	}
	var out []care.Contribution
	for _, c := range m.People[p] {
		whole := c
		c.Made = nil
		for _, d := range whole.Made {
			if m.Careless || access.Holds(visible, access.Item{Service: c.Service, Type: d.Resource.Type, Marks: care.MarksOf(d.Resource),
				Record: care.RecordRef{Source: c.Source, Kind: c.Kind, Key: c.Key}}) {
				c.Made = append(c.Made, d)
			}
		}
		if len(c.Made) > 0 {
			out = append(out, c)
		}
	}
	return out, nil
}

// Claims gives what is visible, by service.
func (m *Memory) Claims(_ context.Context, p care.PersonID, visible []care.Visible) ([]care.Claim, error) {
	m.Asked = append(m.Asked, visible)
	if err := m.fail("claims"); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(m.Named[p]), func(c care.Claim) bool {
		return !m.Careless && !slices.ContainsFunc(visible, func(v care.Visible) bool { return v.Service == c.Service })
	}), nil
}

// History gives the visible of Old.
func (m *Memory) History(_ context.Context, _ care.PersonID, typ, id string, visible []care.Visible) ([]care.ResourceVersion, error) {
	if err := m.fail("history"); err != nil {
		return nil, err
	}
	var out []care.ResourceVersion
	for _, v := range m.Old[typ+"/"+id] {
		if m.Careless || access.Holds(visible, access.Item{Service: v.Service, Type: typ, Marks: v.Marks, Record: v.Record}) {
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		return nil, care.ErrNotFound
	}
	return out, nil
}

// Past gives the visible of Old that is of an earlier version of what is held.
func (m *Memory) Past(_ context.Context, p care.PersonID, visible []care.Visible) ([]care.ResourceVersion, error) {
	if err := m.fail("past"); err != nil {
		return nil, err
	}
	var out []care.ResourceVersion
	for _, c := range m.People[p] {
		record := care.RecordRef{Source: c.Source, Kind: c.Kind, Key: c.Key}
		for _, d := range c.Made {
			for _, v := range m.Old[d.Resource.Type+"/"+d.Resource.ID] {
				if v.Record == record && v.Version < c.Version && (m.Careless || access.Holds(visible, access.Item{Service: v.Service, Type: d.Resource.Type, Marks: v.Marks, Record: v.Record})) {
					out = append(out, v)
				}
			}
		}
	}
	return out, nil
}

// SourceStates gives States.
func (m *Memory) SourceStates(context.Context) ([]care.SourceState, error) {
	return m.States, m.fail("states")
}

// Audit keeps lines while the epochs are those given.
func (m *Memory) Audit(_ context.Context, epochs map[care.PersonID]int64, lines []care.Logged) error {
	if err := m.fail("audit"); err != nil {
		return err
	}
	for p, n := range epochs {
		if m.Epochs[p] != n {
			return care.ErrConflict
		}
	}
	m.Lines = append(m.Lines, lines...)
	return nil
}

// AuditOf gives the lines about a person, newest first.
func (m *Memory) AuditOf(_ context.Context, p care.PersonID) ([]audit.Row, error) {
	var out []audit.Row
	for i := len(m.Lines) - 1; i >= 0; i-- {
		if m.Lines[i].Person == p {
			out = append(out, audit.Row{Link: audit.Link{Seq: int64(i + 1)}, Body: m.Lines[i].Body})
		}
	}
	return out, m.fail("log")
}

// Events reads the lines that were kept.
func (m *Memory) Events() ([]audit.Event, error) {
	var out []audit.Event
	for _, l := range m.Lines {
		e, err := audit.FromFHIR(l.Body)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// Give registers more about a person, and lets the epoch grow.
func (m *Memory) Give(p care.PersonID, all ...care.Rights) {
	if m.Rights == nil {
		m.Rights = map[care.PersonID]care.Rights{}
	}
	if m.Epochs == nil {
		m.Epochs = map[care.PersonID]int64{}
	}
	held := m.Rights[p]
	for _, r := range all {
		held.Guardians = append(held.Guardians, r.Guardians...)
		held.Appointments = append(held.Appointments, r.Appointments...)
		held.Bases = append(held.Bases, r.Bases...)
		held.Consents = append(held.Consents, r.Consents...)
		held.Blocks = append(held.Blocks, r.Blocks...)
		held.Withheld = append(held.Withheld, r.Withheld...)
		held.BreakGlass = append(held.BreakGlass, r.BreakGlass...)
	}
	m.Rights[p] = held
	m.Epochs[p]++
}

// Coordinator is a viewer of the tests who coordinates.
func Coordinator(id, name string) care.Viewer {
	return care.Viewer{ID: id, Name: name, Title: "barnekoordinator", Role: care.RoleKoordinator, Tenant: Tenant, Level: 4}
}

// Worker is one who works in a service.
func Worker(id, name string, s care.Service) care.Viewer {
	return care.Viewer{ID: id, Name: name, Role: care.RoleTjenesteyter, Service: s, Tenant: Tenant, Level: 4}
}

// Appointed ties a viewer to a person, from an instant until, and not including, another; zero is no end.
func Appointed(v care.Viewer, p care.PersonID, from, until time.Time) care.Rights {
	return care.Rights{Appointments: []care.Appointment{{ID: "a-" + v.ID + "-" + string(p), Viewer: v.ID, Person: p, Role: v.Role, From: from, Until: until, By: "ke"}}}
}

// Consented is that everybody who can sign has signed that the viewer sees what services say,
// for a year. The one guardian is called mor.
func Consented(v care.Viewer, p care.PersonID, from time.Time, services ...care.Service) care.Rights {
	purpose := care.PurposeCOC
	if v.Role == care.RoleTjenesteyter {
		purpose = care.PurposeTREAT
	}
	return care.Rights{
		Guardians: []care.Guardian{{Viewer: "mor", Code: care.ParentalMor, SameAddress: true, DailyCare: true, From: from.AddDate(-1, 0, 0)}},
		Consents: []care.Consent{{ID: "c-" + v.ID + "-" + string(p), Version: 2, Person: p, Status: care.ConsentActive, Origins: services, Purpose: purpose,
			Receivers: []care.Receiver{{Viewer: v.ID}}, From: from, Until: from.AddDate(1, 0, 0), TextVersion: "samtykke-2026-1", Language: "nb", Voluntary: true,
			Signatures: []care.Signature{
				{Party: care.PartyChild, Signer: string(p), Recorder: "ke", How: "paper", At: from},
				{Party: care.PartyGuardian, Signer: "mor", Recorder: "ke", How: "paper", At: from},
			}, Changed: from, ChangedBy: "ke"}},
	}
}

// shipped is the table, read once for all tests of a process.
var shipped = sync.OnceValues(access.Shipped)

// Table is the table that is shipped.
func Table() (*access.Table, error) { return shipped() }

// Gate is the gate before a store, with the table that is shipped.
func Gate(s gate.Store, now func() time.Time, zone *time.Location) (*gate.Gate, error) {
	t, err := shipped()
	if err != nil {
		return nil, err
	}
	return &gate.Gate{Store: s, Table: t.In(zone), Now: now, Zone: zone, Tenant: Tenant, Instance: audit.Instance{ID: Tenant, Name: "Samsyn", Test: true}}, nil
}
