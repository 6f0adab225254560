// Package overview owns the way from a question to an answer: who may see what of
// this child, fetch no more than that, decide again for each object, note that it
// is about to be shown, merge, and look for what is missing, doubled or late. It is
// the only door to a child's data for pages, API and command line. It knows no SQL
// and no HTTP.
package overview

import (
	"context"
	"fmt"
	"sort"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/findings"
)

// Store is what an answer is made from. Its queries are limited to the services
// that access has allowed.
type Store interface {
	// Grants gives the viewer's grants, current or not.
	Grants(ctx context.Context, viewer string) ([]care.Grant, error)
	// Contributions gives what these services said about the person, in a stable order.
	Contributions(ctx context.Context, person care.PersonID, visible []care.Visible) ([]care.Contribution, error)
	// Claims gives what these services said of who the person is.
	Claims(ctx context.Context, person care.PersonID, visible []care.Visible) ([]care.Claim, error)
	// SourceStates gives the state of every source.
	SourceStates(ctx context.Context) ([]care.SourceState, error)
	// LogAccess notes what is about to be shown; nothing is shown without it.
	LogAccess(ctx context.Context, a care.Access) error
}

// Service answers. Now is asked once for each answer.
type Service struct {
	Store Store
	Now   func() time.Time
	Zone  *time.Location
}

// Answer is an overview with what was found in it, and the contributions that it
// was made from (already filtered for the viewer).
type Answer struct {
	Overview      consolidate.Overview
	Findings      []findings.Finding
	Contributions []care.Contribution
}

// Overview shows the person to the viewer. A person who does not exist and one of
// whom the viewer may see nothing give the same care.ErrNotFound.
func (s *Service) Overview(ctx context.Context, viewer care.Viewer, person care.PersonID, door string) (Answer, error) {
	now := s.Now().In(s.Zone)
	grants, err := s.Store.Grants(ctx, viewer.ID)
	if err != nil {
		return Answer{}, fmt.Errorf("read grants: %w", err)
	}
	services := access.Services(viewer, grants, person, now)
	log := care.Access{Viewer: viewer.ID, Person: person, Services: services, Allowed: len(services) > 0, Door: door, At: now}
	if len(services) == 0 {
		if err := s.Store.LogAccess(ctx, log); err != nil {
			return Answer{}, fmt.Errorf("log access: %w", err)
		}
		return Answer{}, fmt.Errorf("overview: %w", care.ErrNotFound)
	}
	answer, err := s.build(ctx, viewer, grants, person, services, now)
	if err != nil {
		return Answer{}, err
	}
	if err := s.Store.LogAccess(ctx, log); err != nil {
		return Answer{}, fmt.Errorf("log access: %w", err)
	}
	return answer, nil
}

func (s *Service) build(ctx context.Context, viewer care.Viewer, grants []care.Grant, person care.PersonID, services []care.Service, now time.Time) (Answer, error) {
	held, err := s.Store.Contributions(ctx, person, care.Whole(services...))
	if err != nil {
		return Answer{}, fmt.Errorf("read contributions: %w", err)
	}
	claims, err := s.Store.Claims(ctx, person, care.Whole(services...))
	if err != nil {
		return Answer{}, fmt.Errorf("read claims: %w", err)
	}
	states, err := s.Store.SourceStates(ctx)
	if err != nil {
		return Answer{}, fmt.Errorf("read source states: %w", err)
	}
	visible := access.Filter(viewer, grants, held, now)
	built, err := consolidate.Build(consolidate.Input{
		Person: person, Contributions: visible, Claims: access.Claims(viewer, grants, person, claims, now),
		Sources: access.Sources(visible, states), Now: now,
	})
	if err != nil {
		return Answer{}, fmt.Errorf("build overview: %w", err)
	}
	return Answer{Overview: built, Findings: findings.Find(built), Contributions: visible}, nil
}

// Children gives the overviews of all persons of whom the viewer may see something now, by name.
func (s *Service) Children(ctx context.Context, viewer care.Viewer, door string) ([]Answer, error) {
	grants, err := s.Store.Grants(ctx, viewer.ID)
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	now := s.Now().In(s.Zone)
	seen := map[care.PersonID]bool{}
	var all []Answer
	for _, g := range grants {
		if seen[g.Person] || len(access.Services(viewer, grants, g.Person, now)) == 0 {
			continue
		}
		seen[g.Person] = true
		a, err := s.Overview(ctx, viewer, g.Person, door)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	sort.SliceStable(all, func(i, j int) bool {
		a, b := all[i].Overview, all[j].Overview
		if a.Child.Name != b.Child.Name {
			return a.Child.Name < b.Child.Name
		}
		return a.Person < b.Person
	})
	return all, nil
}
