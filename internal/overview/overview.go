// Package overview owns what an answer to a coordinator is: what the gate releases of a
// child, merged into one picture, with what is missing, doubled or late in it. It decides
// nothing about access, and knows no SQL and no HTTP.
package overview

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"samsyn/internal/access"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/findings"
	"samsyn/internal/gate"
)

// Gate releases what a viewer may see, and no more.
type Gate interface {
	Open(ctx context.Context, r gate.Request, person care.PersonID) (gate.Opened, error)
	Children(ctx context.Context, r gate.Request) ([]gate.Opened, error)
}

// Service answers.
type Service struct {
	Gate Gate
}

// Answer is an overview with what was found in it, and the contributions that it was made
// from (already filtered for the viewer).
type Answer struct {
	Overview      consolidate.Overview
	Findings      []findings.Finding
	Contributions []care.Contribution
	// Markers are services of which the viewer lawfully knows, and which may have more.
	Markers []access.Marker
}

// Overview shows the person to who asks. A person who does not exist and one of whom
// nothing may be seen give the same care.ErrNotFound.
func (s *Service) Overview(ctx context.Context, r gate.Request, person care.PersonID) (Answer, error) {
	r.Interaction = cmp.Or(r.Interaction, audit.Overview)
	o, err := s.Gate.Open(ctx, r, person)
	if err != nil {
		return Answer{}, err
	}
	return Of(o)
}

// Of merges what was released.
func Of(o gate.Opened) (Answer, error) {
	var more []care.Service
	for _, m := range o.Markers {
		more = append(more, m.Service)
	}
	built, err := consolidate.Build(consolidate.Input{Person: o.Person, More: more, Contributions: o.Contributions, Claims: o.Claims, Sources: o.Sources, Now: o.At})
	if err != nil {
		return Answer{}, fmt.Errorf("build overview: %w", err)
	}
	return Answer{Overview: built, Findings: findings.Find(built), Contributions: o.Contributions, Markers: o.Markers}, nil
}

// Children gives the overviews of all persons of whom something may be seen now, by name.
func (s *Service) Children(ctx context.Context, r gate.Request) ([]Answer, error) {
	r.Interaction = cmp.Or(r.Interaction, audit.Children)
	opened, err := s.Gate.Children(ctx, r)
	if err != nil {
		return nil, err
	}
	var all []Answer
	for _, o := range opened {
		a, err := Of(o)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	slices.SortStableFunc(all, func(a, b Answer) int {
		return cmp.Or(cmp.Compare(a.Overview.Child.Name, b.Overview.Child.Name), cmp.Compare(a.Overview.Person, b.Overview.Person))
	})
	return all, nil
}
