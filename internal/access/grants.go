package access

import (
	"slices"
	"time"

	"samsyn/internal/care"
)

// The rules of grants.
const (
	NoGrant    Rule = "no-grant"          // no grant ties the viewer to the person
	NotYet     Rule = "grant-not-begun"   // a grant does, but it has not begun
	Over       Rule = "grant-over"        // a grant did, and it is over
	NotCovered Rule = "service-not-given" // a grant does, but not for this service
)

// GrantFacts is what the decision rested on, so that it can be replayed and logged. It
// holds no personal data beyond Samsyn's own ids.
type GrantFacts struct {
	Viewer  string        `json:"viewer"`
	Person  care.PersonID `json:"person"`
	Service care.Service  `json:"service"`
	At      time.Time     `json:"at"`
	// Grant is the grant that allowed, nil where it was denied.
	Grant *care.Grant `json:"grant,omitempty"`
}

// GrantDecision is the answer, the rule that gave it and the facts it rests on.
type GrantDecision struct {
	Allowed bool       `json:"allowed"`
	Rule    Rule       `json:"rule"`
	Facts   GrantFacts `json:"facts"`
}

// Decide tells whether the viewer may see the contribution at that instant.
func Decide(viewer care.Viewer, grants []care.Grant, c care.Contribution, at time.Time) GrantDecision {
	return May(viewer, grants, c.Person, c.Service, at)
}

// May tells whether the viewer may see what the service said about the person at
// that instant. A grant holds from From until, and not including, Until.
func May(viewer care.Viewer, grants []care.Grant, person care.PersonID, service care.Service, at time.Time) GrantDecision {
	d := GrantDecision{Facts: GrantFacts{Viewer: viewer.ID, Person: person, Service: service, At: at}}
	switch {
	case viewer.ID == "":
		d.Rule = NoViewer
	case person == "":
		d.Rule = NoPerson
	case at.IsZero():
		d.Rule = NoInstant
	case !service.Valid():
		d.Rule = UnknownService
	default:
		d.Rule, d.Facts.Grant = search(viewer, grants, person, service, at)
	}
	d.Allowed = d.Rule == Granted
	return d
}

// search tries every grant and keeps the reason that came closest to allowing.
func search(viewer care.Viewer, grants []care.Grant, person care.PersonID, service care.Service, at time.Time) (Rule, *care.Grant) {
	nearest := NoGrant
	for i := range grants {
		g := &grants[i]
		if g.Viewer != viewer.ID || g.Person != person {
			continue
		}
		rule := try(g, service, at)
		if rule == Granted {
			held := *g
			held.Services = slices.Clone(g.Services)
			return Granted, &held
		}
		if closeness(rule) > closeness(nearest) {
			nearest = rule
		}
	}
	return nearest, nil
}

func try(g *care.Grant, service care.Service, at time.Time) Rule {
	switch {
	case g.From.IsZero() || at.Before(g.From):
		return NotYet // a grant that does not say when it begins has not begun
	case !g.Until.IsZero() && !at.Before(g.Until):
		return Over
	case !slices.Contains(g.Services, service):
		return NotCovered
	}
	return Granted
}

func closeness(r Rule) int { return slices.Index([]Rule{NoGrant, NotYet, Over, NotCovered}, r) }

// Services gives the services whose words about the person the viewer may see at that
// instant, in the order of care.Services. SQL selects by it; none means nothing.
func Services(viewer care.Viewer, grants []care.Grant, person care.PersonID, at time.Time) []care.Service {
	var seen []care.Service
	for _, s := range care.Services() {
		if May(viewer, grants, person, s, at).Allowed {
			seen = append(seen, s)
		}
	}
	return seen
}

// Filter gives the contributions that the viewer may see, in their order. The
// given slice is left as it is.
func Filter(viewer care.Viewer, grants []care.Grant, contributions []care.Contribution, at time.Time) []care.Contribution {
	var seen []care.Contribution
	for _, c := range contributions {
		if Decide(viewer, grants, c, at).Allowed {
			seen = append(seen, c)
		}
	}
	return seen
}

// Claims gives those claims of who the person is that the viewer may see: a name
// that only a hidden service gave stays hidden.
func Claims(viewer care.Viewer, grants []care.Grant, person care.PersonID, claims []care.Claim, at time.Time) []care.Claim {
	var seen []care.Claim
	for _, c := range claims {
		if May(viewer, grants, person, c.Service, at).Allowed {
			seen = append(seen, c)
		}
	}
	return seen
}
