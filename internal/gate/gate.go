// Package gate owns the one way to what is held about a person. Facts, decision, reading
// of no more than the decision lets through, the decision once more for each object, and a
// line in the audit log: only then is anything released, and only while what was decided
// on still holds. Every door goes through it. It knows no SQL, no HTTP and no rule of
// access, and merges nothing.
//
// Absent and hidden are one answer, care.ErrNotFound, and every error denies.
package gate

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/audit"
	"samsyn/internal/care"
)

// Request says who asks, for what, and through which door. Person and resource are given
// beside it. Nothing in it is a secret: Token is the id of a token, never one.
type Request struct {
	Viewer care.Viewer
	// Purpose is what she asks for; "" is the ordinary one of her role.
	Purpose     care.Purpose
	Door        string // audit.DoorPage …
	Interaction string // audit.Overview …
	RequestID   string
	Query       string // as the client wrote it
	Token       string // urn:ietf:params:oauth:jti:…
	Client      string
	Address     string // the client's, on the network
}

// Facts is what a decision rests on.
type Facts interface {
	// Facts gives all that is held about this viewer and this person, at one instant.
	Facts(ctx context.Context, v care.Viewer, p care.PersonID) (care.Facts, error)
	// Persons gives those to whom anything ties the viewer; Appointed those whom an appointment is about.
	Persons(ctx context.Context, v care.Viewer) ([]care.PersonID, error)
	Appointed(ctx context.Context) ([]care.PersonID, error)
	// Whose gives whom a resource is about, "" for nobody.
	Whose(ctx context.Context, typ, id string) (care.PersonID, error)
}

// Content is what answers are made of. The visible set is part of each question.
type Content interface {
	Contributions(ctx context.Context, p care.PersonID, visible []care.Visible) ([]care.Contribution, error)
	// Past gives the earlier versions of what Contributions gives, each resource's newest first.
	Past(ctx context.Context, p care.PersonID, visible []care.Visible) ([]care.ResourceVersion, error)
	Claims(ctx context.Context, p care.PersonID, visible []care.Visible) ([]care.Claim, error)
	// History gives every version, newest first; care.ErrNotFound where there is none.
	History(ctx context.Context, p care.PersonID, typ, id string, visible []care.Visible) ([]care.ResourceVersion, error)
	SourceStates(ctx context.Context) ([]care.SourceState, error)
}

// Log is the audit log.
type Log interface {
	// Audit writes lines, all or none; care.ErrConflict where an epoch is another than given.
	Audit(ctx context.Context, epochs map[care.PersonID]int64, lines []care.Logged) error
	// AuditOf gives the log about a person, newest first.
	AuditOf(ctx context.Context, p care.PersonID) ([]audit.Row, error)
}

// Store is all of it.
type Store interface {
	Facts
	Content
	Log
}

// Gate decides and releases. Store, Table, Now and Tenant must be given. Now is asked
// once for each try.
type Gate struct {
	Store    Store
	Table    *access.Table
	Now      func() time.Time
	Zone     *time.Location // in which days are counted; nil is UTC
	Tenant   string         // organisation number of the municipality whose instance this is
	Instance audit.Instance
	Random   io.Reader // ids of events; nil is crypto/rand
	// Registered tells what of rights stands in an export; nil: nothing.
	Registered Registered
	// Limits bounds what one viewer asks for; nil: nothing does.
	Limits Limits
}

// Opened is what is released about one person: already filtered and redacted for the viewer.
type Opened struct {
	Person        care.PersonID
	At            time.Time
	Facts         care.Facts
	Scope         access.Scope
	Contributions []care.Contribution
	Claims        []care.Claim
	Sources       []care.SourceState // of sources that speak in it
	Markers       []access.Marker
}

// tries is how often a decision is made again where what it rested on changed meanwhile.
const tries = 5

// answer is one try: what would be released, and what is written before.
type answer[T any] struct {
	released T
	found    bool // false: care.ErrNotFound
	epochs   map[care.PersonID]int64
	events   []audit.Event
}

// release lets make decide, writes what it decided to the log, and gives what it made. Where
// the log says that what was decided on has changed, it is decided again, a few times.
func release[T any](ctx context.Context, g *Gate, r Request, make func(ctx context.Context, at time.Time) (answer[T], error)) (T, error) {
	var none T
	if err := g.asks(r); err != nil {
		return none, fmt.Errorf("%s: %w", r.Interaction, err)
	}
	for range tries {
		at := g.now()
		a, err := make(ctx, at)
		if err != nil {
			return none, errors.Join(fmt.Errorf("%s: %w", r.Interaction, err), g.failed(ctx, r, at))
		}
		refused := g.opens(r, a.events)
		lines, err := g.lines(a.events)
		if err == nil {
			err = g.Store.Audit(ctx, a.epochs, lines)
		}
		switch {
		case errors.Is(err, care.ErrConflict):
			continue
		case err != nil:
			return none, fmt.Errorf("%s: %w", r.Interaction, err)
		case refused != nil:
			return none, fmt.Errorf("%s: %w", r.Interaction, refused)
		case !a.found:
			return none, fmt.Errorf("%s: %w", r.Interaction, care.ErrNotFound)
		}
		return a.released, nil
	}
	return none, fmt.Errorf("%s: rights change faster than they can be read: %w", r.Interaction, care.ErrUnavailable)
}

func (g *Gate) now() time.Time {
	at := g.Now()
	if g.Zone == nil {
		return at.UTC()
	}
	return at.In(g.Zone)
}

// noting is how long it may take to note a failure. Who asked may have gone, so nothing else ends
// it: a log that hangs would hold every request that fails for ever.
const noting = 5 * time.Second

// failed notes that nothing was shown because no decision could be made. The log may be
// what fails; nothing is shown either way.
func (g *Gate) failed(ctx context.Context, r Request, at time.Time) error {
	e := g.event(r, at)
	e.Failed, e.Rule = true, "error"
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noting)
	defer cancel()
	lines, err := g.lines([]audit.Event{e})
	if err == nil {
		err = g.Store.Audit(ctx, nil, lines)
	}
	if err != nil {
		return fmt.Errorf("note that nothing was shown: %w", err)
	}
	return nil
}

// event is what every line about a request says.
func (g *Gate) event(r Request, at time.Time) audit.Event {
	v := g.viewer(r)
	return audit.Event{At: at, Viewer: v, Interaction: r.Interaction, Door: r.Door, PolicyVersion: g.Table.Version(), Purpose: v.Purpose,
		RequestID: r.RequestID, Query: r.Query, Token: r.Token, Client: r.Client, Address: r.Address}
}

// viewer is who asks, with what she asks for.
func (g *Gate) viewer(r Request) care.Viewer {
	v := r.Viewer
	v.Purpose = cmp.Or(r.Purpose, v.Purpose, g.Table.Purpose(v.Role))
	return v
}

// lines writes events as they are kept.
func (g *Gate) lines(events []audit.Event) ([]care.Logged, error) {
	return Lines(g.Instance, g.Random, events)
}

// Lines writes events as they are kept, each with a random id (random nil is crypto/rand).
func Lines(i audit.Instance, random io.Reader, events []audit.Event) ([]care.Logged, error) {
	if random == nil {
		random = rand.Reader
	}
	out := make([]care.Logged, len(events))
	for n, e := range events {
		id := make([]byte, 16)
		if _, err := io.ReadFull(random, id); err != nil {
			return nil, fmt.Errorf("draw an id: %w", err)
		}
		e.ID = hex.EncodeToString(id)
		body, err := e.FHIR(i)
		if err != nil {
			return nil, fmt.Errorf("write an audit event: %w", err)
		}
		out[n] = care.Logged{Person: e.Person, Viewer: e.Viewer.ID, At: e.At, Body: body}
	}
	return out, nil
}

// decided is a decision about one person, with the event that tells of it.
type decided struct {
	facts care.Facts
	scope access.Scope
	event audit.Event
}

// decide reads the facts and decides. Where there is no such person the event names none:
// what was asked for may be anything, a national number too.
func (g *Gate) decide(ctx context.Context, r Request, person care.PersonID, at time.Time) (decided, error) {
	facts, err := g.Store.Facts(ctx, g.viewer(r), person)
	if err != nil {
		return decided{}, err
	}
	facts.Tenant = g.Tenant
	d := decided{facts, g.Table.Scope(facts, at), g.event(r, at)}
	d.event.Permit, d.event.Rule, d.event.Bases = d.scope.Allowed, string(d.scope.Rule), d.scope.Bases
	if facts.Known {
		d.event.Person = facts.Person
	}
	for _, v := range d.scope.Visible {
		if n := len(d.event.Services); n == 0 || d.event.Services[n-1] != v.Service {
			d.event.Services = append(d.event.Services, v.Service)
		}
	}
	return d, nil
}

// epochs is what must still hold when the decision is released. A denial releases nothing, and
// is written in the same way for a person who is not there.
func (d decided) epochs() map[care.PersonID]int64 {
	if !d.facts.Known {
		return nil
	}
	return map[care.PersonID]int64{d.facts.Person: d.facts.Epoch}
}

// fetch reads no more than the decision lets through, and decides again for each object.
func (g *Gate) fetch(ctx context.Context, d *decided, at time.Time) (Opened, error) {
	o := Opened{Person: d.facts.Person, At: at, Facts: d.facts, Scope: d.scope, Markers: d.scope.Markers}
	held, err := g.Store.Contributions(ctx, o.Person, d.scope.Visible)
	if err != nil {
		return Opened{}, err
	}
	claims, err := g.Store.Claims(ctx, o.Person, d.scope.Visible)
	if err != nil {
		return Opened{}, err
	}
	states, err := g.Store.SourceStates(ctx)
	if err != nil {
		return Opened{}, err
	}
	// Also where nothing has a past: that is not told by the time an answer takes.
	past, err := g.Store.Past(ctx, o.Person, d.scope.Visible)
	if err != nil {
		return Opened{}, err
	}
	seen := g.Table.Release(d.facts, d.scope, access.Held{Contributions: held, Past: past, Claims: claims}, at)
	o.Contributions, o.Claims, d.event.Withheld = seen.Contributions, seen.Claims, seen.Withheld
	o.Sources = access.Sources(o.Contributions, states)
	return o, nil
}

// Open releases what the viewer may see of a person. The error is care.ErrNotFound where
// there is no such person and where nothing of her may be seen, care.ErrUnavailable where
// what it rests on changes too fast; any other error shows nothing either.
func (g *Gate) Open(ctx context.Context, r Request, person care.PersonID) (Opened, error) {
	return release(ctx, g, r, func(ctx context.Context, at time.Time) (answer[Opened], error) {
		d, err := g.decide(ctx, r, person, at)
		if err != nil {
			return answer[Opened]{}, err
		}
		a := answer[Opened]{found: d.scope.Allowed}
		if d.scope.Allowed {
			a.epochs = d.epochs()
			if a.released, err = g.fetch(ctx, &d, at); err != nil {
				return answer[Opened]{}, err
			}
		}
		a.events = []audit.Event{d.event}
		return a, nil
	})
}

// Children releases what the viewer may see of everybody of whom she may see something, by id.
// There is one event for each of them, and one about nobody where there is none.
func (g *Gate) Children(ctx context.Context, r Request) ([]Opened, error) {
	return release(ctx, g, r, func(ctx context.Context, at time.Time) (answer[[]Opened], error) {
		a := answer[[]Opened]{found: true, epochs: map[care.PersonID]int64{}}
		persons, err := g.persons(ctx, r)
		if err != nil {
			return a, err
		}
		for _, p := range persons {
			d, err := g.decide(ctx, r, p, at)
			if err != nil {
				return a, err
			}
			if !d.scope.Allowed {
				continue
			}
			o, err := g.fetch(ctx, &d, at)
			if err != nil {
				return a, err
			}
			a.released = append(a.released, o)
			a.events = append(a.events, d.event)
			a.epochs[d.facts.Person] = d.facts.Epoch
		}
		if len(a.events) == 0 {
			e := g.event(r, at)
			e.Permit, e.Rule = true, string(access.NoRelation)
			a.events = append(a.events, e)
		}
		return a, nil
	})
}

// persons gives whom a viewer may have something to do with.
func (g *Gate) persons(ctx context.Context, r Request) ([]care.PersonID, error) {
	if r.Viewer.Role == care.RoleKoordinerendeEnhet {
		return g.Store.Appointed(ctx)
	}
	return g.Store.Persons(ctx, g.viewer(r))
}
