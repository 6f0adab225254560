package store

import (
	"fmt"
	"slices"
	"strings"

	"samsyn/internal/audit"
	"samsyn/internal/care"
)

// What a store holds from before there were rights and a chained log is moved when it is
// opened: a grant becomes an appointment and lines in the basis register, a line of the
// access log an event. What the law asks of a basis and the grant did not say, the lines
// do not say either, and then they give nothing until somebody completes them.

// regimes are the codes of the basis register that a grant's services fall under.
var regimes = []struct {
	code     string
	services []care.Service
}{
	{"FVL13B", []care.Service{care.Skole, care.Barnehage, care.PPT}},
	{"HPL25", []care.Service{care.Koordinering, care.Helsestasjon, care.Kommune, care.Fastlege, care.Spesialist, care.BUP}},
	{"BVL13-1", []care.Service{care.Barnevern}},
}

type grantRow struct {
	Viewer   string `db:"viewer"`
	Person   string `db:"person"`
	Services string `db:"services"`
	Starts   int64  `db:"starts"`
	Ends     *int64 `db:"ends"`
	Basis    string `db:"basis"`
}

// moveGrants turns every grant into what it is now. The lock over rights is held.
func (w *work) moveGrants() error {
	var rows []grantRow
	if err := w.list(&rows, `SELECT viewer, person, services, starts, ends, basis FROM grants ORDER BY viewer, person, basis, starts`); err != nil {
		return err
	}
	for _, g := range rows {
		person := care.PersonID(g.Person)
		id, err := w.s.randomID()
		if err != nil {
			return err
		}
		a := care.Appointment{ID: id, Viewer: g.Viewer, Person: person, Role: care.RoleKoordinator, From: timeOf(g.Starts), By: "samsyn", Reason: g.Basis}
		if g.Ends != nil {
			a.Until = timeOf(*g.Ends)
		}
		r := care.Rights{Appointments: []care.Appointment{a}}
		for _, of := range regimes {
			var origins []care.Service
			for _, s := range strings.Fields(g.Services) {
				if slices.Contains(of.services, care.Service(s)) {
					origins = append(origins, care.Service(s))
				}
			}
			if len(origins) > 0 {
				r.Bases = append(r.Bases, care.Basis{ID: id + "-" + of.code, Code: of.code, Person: person, Origins: origins, Viewer: g.Viewer, Purpose: care.PurposeCOC,
					From: a.From, Until: a.Until, DecidedBy: "samsyn", Reason: g.Basis})
			}
		}
		kept, err := w.s.rowsOf(person, r)
		if err != nil {
			return err
		}
		if err := w.keepRights(person, kept); err != nil {
			return err
		}
	}
	return w.exec(`DELETE FROM grants`)
}

// moveAccessLog puts lines of the access log, the oldest first, into the audit log, and tells
// whether there are more. The lock over rights is held.
func (w *work) moveAccessLog() (more bool, err error) {
	const some = 500
	var rows []struct {
		ID       int64  `db:"id"`
		At       int64  `db:"at"`
		Viewer   string `db:"viewer"`
		Person   string `db:"person"`
		Services string `db:"services"`
		Allowed  bool   `db:"allowed"`
		Door     string `db:"door"`
	}
	if err := w.list(&rows, `SELECT id, at, viewer, person, services, allowed, door FROM access_log ORDER BY id LIMIT $1`, some); err != nil || len(rows) == 0 {
		return false, err
	}
	var lines []care.Logged
	for _, r := range rows {
		id, err := w.s.randomID()
		if err != nil {
			return false, err
		}
		e := audit.Event{ID: id, At: timeOf(r.At), Viewer: care.Viewer{ID: r.Viewer}, Person: care.PersonID(r.Person), Interaction: audit.Overview, Door: r.Door,
			Permit: r.Allowed, Rule: "grant", Purpose: care.PurposeCOC}
		for _, s := range strings.Fields(r.Services) {
			e.Services = append(e.Services, care.Service(s))
		}
		body, err := e.FHIR(audit.Instance{ID: "samsyn", Name: "Samsyn"})
		if err != nil {
			return false, fmt.Errorf("move line %d of the access log: %w", r.ID, err)
		}
		lines = append(lines, care.Logged{Person: e.Person, Viewer: r.Viewer, At: e.At, Body: body})
	}
	if err := w.log(lines); err != nil {
		return false, err
	}
	return len(rows) == some, w.exec(`DELETE FROM access_log WHERE id <= $1`, rows[len(rows)-1].ID)
}
