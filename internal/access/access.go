// Package access owns the decision whether a viewer may see what a service said
// about a person. It is pure: it is given facts and an instant and reads nothing.
// It knows no database, no HTTP and no merging.
//
// The same decision is used twice. Scope gives the services that SQL may select,
// and Filter decides again for each object that came back, so that a mistake in a
// query shows nobody anything. Everything is denied unless a grant allows it.
package access

import (
	"slices"
	"time"

	"samsyn/internal/care"
)

// Rule names the rule that decided, for the audit log and for tests.
type Rule string

// The rules, in the order in which they are tried. The first that denies stops.
const (
	NoViewer       Rule = "no-viewer"         // nobody asks
	NoPerson       Rule = "no-person"         // it is about nobody known (unlinked contributions)
	NoInstant      Rule = "no-instant"        // without a time no grant can be tried
	UnknownService Rule = "unknown-service"   // no regime is known for the origin
	NoGrant        Rule = "no-grant"          // no grant ties the viewer to the person
	NotYet         Rule = "grant-not-begun"   // a grant does, but it has not begun
	Over           Rule = "grant-over"        // a grant did, and it is over
	NotCovered     Rule = "service-not-given" // a grant does, but not for this service
	Granted        Rule = "granted"
)

// Facts is what the decision rested on, so that it can be replayed and logged. It
// holds no personal data beyond Samsyn's own ids.
type Facts struct {
	Viewer  string        `json:"viewer"`
	Person  care.PersonID `json:"person"`
	Service care.Service  `json:"service"`
	At      time.Time     `json:"at"`
	// Grant is the grant that allowed, nil where it was denied.
	Grant *care.Grant `json:"grant,omitempty"`
}

// Decision is the answer, the rule that gave it and the facts it rests on.
type Decision struct {
	Allowed bool  `json:"allowed"`
	Rule    Rule  `json:"rule"`
	Facts   Facts `json:"facts"`
}

// Decide tells whether the viewer may see the contribution at that instant.
func Decide(viewer care.Viewer, grants []care.Grant, c care.Contribution, at time.Time) Decision {
	return May(viewer, grants, c.Person, c.Service, at)
}

// May tells whether the viewer may see what the service said about the person at
// that instant. A grant holds from From until, and not including, Until.
func May(viewer care.Viewer, grants []care.Grant, person care.PersonID, service care.Service, at time.Time) Decision {
	d := Decision{Facts: Facts{Viewer: viewer.ID, Person: person, Service: service, At: at}}
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

// Scope gives the services whose words about the person the viewer may see at that
// instant, in the order of care.Services. SQL selects by it; none means nothing.
func Scope(viewer care.Viewer, grants []care.Grant, person care.PersonID, at time.Time) []care.Service {
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

// Sources gives the states of those sources of which at least one contribution is
// among the visible. That a source has said anything of a child is itself
// confidential for some (marker M0): its state, failures included, is then absent,
// just as if the source did not exist. The contributions must have passed Filter.
func Sources(visible []care.Contribution, states []care.SourceState) []care.SourceState {
	speaks := make(map[string]bool, len(states))
	for _, c := range visible {
		speaks[c.Source] = true
	}
	var seen []care.SourceState
	for _, s := range states {
		if speaks[s.Source] {
			seen = append(seen, s)
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
