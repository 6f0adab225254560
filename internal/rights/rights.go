// Package rights owns how rights come and go: appointments, bases, consents, blocks, what
// a child withholds, guardians, broken glass. Each change is checked against who makes it
// and what the law asks of it, written together with its line in the audit log, and in
// force when it returns. Who sees what follows is decided elsewhere. It knows no SQL, no HTTP
// and no content.
package rights

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/gate"
)

// Store keeps rights.
type Store interface {
	// Facts gives what a decision about the viewer and the person rests on.
	Facts(ctx context.Context, v care.Viewer, p care.PersonID) (care.Facts, error)
	// Rights gives everything that is registered about a person; care.ErrNotFound for nobody.
	Rights(ctx context.Context, p care.PersonID) (held care.Rights, who care.PersonID, epoch int64, err error)
	// PutRights keeps rights that were decided at an epoch, with notices and events; care.ErrConflict where it moved.
	PutRights(ctx context.Context, p care.PersonID, epoch int64, r care.Rights, notices []care.Notice, lines []care.Logged) error
	Audit(ctx context.Context, epochs map[care.PersonID]int64, lines []care.Logged) error
	ConfirmMerge(ctx context.Context, survivor, merged care.PersonID, who string, lines []care.Logged) error
	Unions(ctx context.Context) ([]care.Union, error)
	LowerAddress(ctx context.Context, p care.PersonID, lines []care.Logged) error
	Broken(ctx context.Context) ([]care.BreakGlass, error)
	Notices(ctx context.Context, role care.Role) ([]care.Notice, error)
	SawNotice(ctx context.Context, role care.Role, id int64, who string, at time.Time) error
}

// Service registers. All fields but Random must be given.
type Service struct {
	Store    Store
	Table    *access.Table
	Now      func() time.Time
	Zone     *time.Location
	Tenant   string
	Instance audit.Instance
	Random   io.Reader // ids; nil is crypto/rand
}

// tries is how often a change is made again where something else changed meanwhile.
const tries = 5

// scene is what a change is decided on.
type scene struct {
	actor care.Viewer
	facts care.Facts  // of actor and person
	held  care.Rights // everything about the person
	scope access.Scope
	at    time.Time
}

// related tells whether something ties the actor to the person now.
func (s scene) related() bool { return s.scope.Relation != access.RelationNone }

// change is what is written.
type change struct {
	rights   care.Rights
	notices  []care.Notice
	bases    []string
	services []care.Service
	resource string
	reason   string
}

// who is who may make a change: these roles, and among those without an office only who is
// tied to the person, unless the change is what ties her.
type who struct {
	interaction string
	roles       []care.Role
	untied      bool
}

// alter decides and writes a change. Who may is asked of roles first, which says nothing of the
// person: another role is care.ErrDenied. Then, where there is no such person, or nothing
// ties the actor to her, the answer is care.ErrNotFound, alike. An attempt that was refused is logged too.
func (s *Service) alter(ctx context.Context, r gate.Request, person care.PersonID, w who, decide func(sc *scene) (change, error)) error {
	for range tries {
		err := s.try(ctx, r, person, w, decide)
		if !errors.Is(err, care.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("%s: rights change faster than they can be read: %w", w.interaction, care.ErrUnavailable)
}

func (s *Service) try(ctx context.Context, r gate.Request, person care.PersonID, w who, decide func(sc *scene) (change, error)) error {
	sc, err := s.scene(ctx, r, person)
	if err != nil {
		return fmt.Errorf("%s: %w", w.interaction, err)
	}
	r.Interaction = w.interaction
	e := s.event(r, sc)
	c, err := s.allowed(sc, w)
	if err == nil {
		c, err = decide(&sc)
	}
	if err != nil {
		return s.refused(ctx, e, err)
	}
	e.Permit, e.Rule = true, "registered"
	e.Bases, e.Services, e.Resource, e.Reason = c.bases, c.services, c.resource, c.reason
	lines, err := gate.Lines(s.Instance, s.Random, []audit.Event{e})
	if err == nil {
		err = s.Store.PutRights(ctx, sc.facts.Person, sc.facts.Epoch, c.rights, c.notices, lines)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", w.interaction, err)
	}
	return nil
}

// refused notes that something was not done, and gives why.
func (s *Service) refused(ctx context.Context, e audit.Event, why error) error {
	e.Rule = "refused"
	lines, err := gate.Lines(s.Instance, s.Random, []audit.Event{e})
	if err == nil {
		err = s.Store.Audit(ctx, nil, lines)
	}
	return errors.Join(fmt.Errorf("%s: %w", e.Interaction, why), err)
}

func (s *Service) scene(ctx context.Context, r gate.Request, person care.PersonID) (scene, error) {
	sc := scene{actor: r.Viewer, at: s.Now().In(s.Zone)}
	sc.actor.Purpose = cmp.Or(r.Purpose, r.Viewer.Purpose, s.Table.Purpose(r.Viewer.Role))
	var err error
	if sc.facts, err = s.Store.Facts(ctx, sc.actor, person); err != nil || !sc.facts.Known {
		return sc, err
	}
	sc.facts.Tenant = s.Tenant
	sc.scope = s.Table.Scope(sc.facts, sc.at)
	// Read after the facts: where anything comes between them, the epoch says so.
	sc.held, _, _, err = s.Store.Rights(ctx, person)
	return sc, err
}

func (s *Service) event(r gate.Request, sc scene) audit.Event {
	e := audit.Event{At: sc.at, Viewer: sc.actor, Interaction: r.Interaction, Door: r.Door, PolicyVersion: s.Table.Version(), Purpose: sc.actor.Purpose,
		RequestID: r.RequestID, Query: r.Query, Token: r.Token, Client: r.Client, Address: r.Address}
	if sc.facts.Known {
		e.Person = sc.facts.Person
	}
	return e
}

// offices are the roles that need no tie to the person.
var offices = []care.Role{care.RoleKoordinerendeEnhet, care.RoleRevisor}

func (s *Service) allowed(sc scene, w who) (change, error) {
	v := sc.actor
	family := v.Role == care.RoleBarn || v.Role == care.RoleForesatt
	switch {
	case v.ID == "" || !slices.Contains(w.roles, v.Role) || v.Level < s.Table.Level(v.Role) || s.Tenant == "" || v.Tenant != s.Tenant && !(family && v.Tenant == ""):
		return change{}, care.ErrDenied
	case !sc.facts.Known || !w.untied && !slices.Contains(offices, v.Role) && !sc.related():
		return change{}, care.ErrNotFound
	}
	return change{}, nil
}

// id draws a new random id.
func (s *Service) id() (string, error) {
	random := s.Random
	if random == nil {
		random = rand.Reader
	}
	b := make([]byte, 16)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("draw an id: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// invalid is what is wrong with what was given, by field. It shows no value.
func invalid(field, text string) error {
	return fmt.Errorf("%s: %s: %w", field, text, care.ErrInvalid)
}

// find gives the right with an id.
func find[T any](all []T, is func(T) bool, what string) (T, error) {
	i := slices.IndexFunc(all, is)
	if i < 0 {
		var none T
		return none, fmt.Errorf("%s: %w", what, care.ErrNotFound)
	}
	return all[i], nil
}

// Who may register what. Family signs and takes back for herself; those who work for the
// child note what was said to them; koordinerende enhet appoints.
var (
	office = []care.Role{care.RoleKoordinerendeEnhet}
	staff  = []care.Role{care.RoleKoordinator, care.RoleTjenesteyter}
	family = []care.Role{care.RoleBarn, care.RoleForesatt}
	people = append(slices.Clone(staff), family...)
	anyone = append(slices.Clone(people), office...)
)

// All gives what is registered about a person, as far as the actor may be told of it: newest
// versions. The error is care.ErrNotFound or care.ErrDenied.
func (s *Service) All(ctx context.Context, r gate.Request, person care.PersonID) (care.Rights, error) {
	sc, err := s.look(ctx, r, person)
	if err != nil {
		return care.Rights{}, fmt.Errorf("read rights: %w", err)
	}
	return s.known(sc), nil
}

// look opens what is registered about a person for reading, and notes that it was.
func (s *Service) look(ctx context.Context, r gate.Request, person care.PersonID) (scene, error) {
	sc, err := s.scene(ctx, r, person)
	if err != nil {
		return sc, err
	}
	r.Interaction = audit.Explain
	e := s.event(r, sc)
	_, refused := s.allowed(sc, who{roles: anyone})
	e.Permit, e.Rule = refused == nil, "registrar"
	lines, err := gate.Lines(s.Instance, s.Random, []audit.Event{e})
	epochs := map[care.PersonID]int64{}
	if sc.facts.Known {
		epochs[sc.facts.Person] = sc.facts.Epoch
	}
	if err == nil {
		err = s.Store.Audit(ctx, epochs, lines)
	}
	return sc, errors.Join(refused, err)
}

// Preview tells who would see what: what the viewer would see of the person if the given
// rights were kept, service by service, before they are. Nothing is written but the event.
// It speaks of no service that the actor does not see and that the rights do not name.
func (s *Service) Preview(ctx context.Context, r gate.Request, viewer care.Viewer, person care.PersonID, with care.Rights) ([]access.Explanation, error) {
	sc, err := s.look(ctx, r, person)
	if err != nil {
		return nil, fmt.Errorf("preview: %w", err)
	}
	// As if she had signed in as well as her role asks.
	viewer.Purpose, viewer.Level = cmp.Or(viewer.Purpose, s.Table.Purpose(viewer.Role)), max(viewer.Level, s.Table.Level(viewer.Role))
	f, err := s.Store.Facts(ctx, viewer, person)
	if err != nil {
		return nil, fmt.Errorf("preview: %w", err)
	}
	f.Tenant = s.Tenant
	told := spoken(sc, with)
	return slices.DeleteFunc(s.Table.Explain(With(f, with), s.Now().In(s.Zone)), func(e access.Explanation) bool { return !told[e.Service] }), nil
}

// With is the facts as they would be with these rights: each takes the place of the one with its id.
func With(f care.Facts, r care.Rights) care.Facts {
	f.Appointments = over(f.Appointments, r.Appointments, func(a care.Appointment) string { return a.ID })
	f.Appointments = slices.DeleteFunc(f.Appointments, func(a care.Appointment) bool {
		return a.Viewer != f.Viewer.ID && f.Viewer.Role != care.RoleKoordinerendeEnhet
	})
	f.Bases = over(f.Bases, r.Bases, func(b care.Basis) string { return b.ID })
	f.Consents = over(f.Consents, r.Consents, func(c care.Consent) string { return c.ID })
	f.Blocks = over(f.Blocks, r.Blocks, func(b care.Block) string { return b.ID })
	f.Withheld = over(f.Withheld, r.Withheld, func(w care.Withheld) string { return w.ID })
	f.Guardians = over(f.Guardians, r.Guardians, func(g care.Guardian) string { return cmp.Or(g.Viewer, string(g.Person)) })
	return f
}

func over[T any](held, given []T, id func(T) string) []T {
	out := slices.Clone(held)
	for _, g := range given {
		if i := slices.IndexFunc(out, func(h T) bool { return id(h) == id(g) }); i >= 0 {
			out[i] = g
		} else {
			out = append(out, g)
		}
	}
	return out
}
