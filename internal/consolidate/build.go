package consolidate

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"samsyn/fhir"
	"samsyn/internal/care"
)

const (
	// PlanIndividual is the code of an individual plan; PlanIOP of a school's individual education plan.
	PlanIndividual = "individuell-plan"
	PlanIOP        = "iop"
	// PlanMerged is the code of our merged plan of a child without an individual plan.
	PlanMerged = "samlet"

	// extConclusion is how a service or an investigation ended, in the source's words.
	extConclusion = "urn:samsyn:konklusjon"
)

// Build merges what was said into one overview. It is pure: the same input in any
// order gives the same overview, byte for byte. It fails, wrapping care.ErrInvalid,
// only where it is asked wrongly: no person, no time, or a contribution about
// somebody else.
func Build(in Input) (Overview, error) {
	if in.Person == "" || in.Now.IsZero() {
		return Overview{}, fmt.Errorf("consolidate: an overview needs a person and a time: %w", care.ErrInvalid)
	}
	for _, c := range in.Contributions {
		if c.Person != in.Person {
			return Overview{}, fmt.Errorf("consolidate: %s %s of %s is about somebody else: %w", c.Kind, c.Key, c.Source, care.ErrInvalid)
		}
	}
	titles := map[string]string{}
	for _, s := range in.Sources {
		titles[s.Source] = s.Title
	}
	b := newBuilder(in.Now, read(newest(in.Contributions), titles))
	o := Overview{Person: in.Person, Now: in.Now, Marker: MarkerM1, More: in.More}
	o.Child = b.child(in.Claims, titles)
	o.Team, o.Coordinator = b.team()
	o.Plan = b.plan()
	o.Services = b.services()
	o.Decisions = b.decisions()
	o.Timeline = b.timeline()
	o.Referrals = b.referrals()
	o.Others = b.others()
	tie(&o, b)
	o.Disagreements = b.disagreements(&o)
	fresh := in.FreshFor
	if fresh == 0 {
		fresh = 24 * time.Hour
	}
	o.Sources = sourceLines(in.Sources, in.Now, fresh)
	return o, nil
}

// builder holds what the steps of one Build share.
type builder struct {
	*shelf
	now time.Time
	loc *time.Location
	// By resource name ("Type/id"): the id of the line in which it stands.
	lines map[string]string
	// The following are filled by the steps that own the lines, and read by tie.
	activityRefs  map[string][]string // Activity.ID → names of requests it is or rests on
	activityCodes map[string][]string // Activity.ID → its codes
	serviceRefs   map[string][]string // Service.ID → names of requests that it answers
	eventRefs     map[string][]string // Event.ID → names of requests that it answers
	attached      map[string]bool     // documents that stand on another line
	// What each source says of a line, for the disagreements.
	serviceSays  map[string][]Service
	decisionSays map[string][]Decision
}

func newBuilder(now time.Time, sh *shelf) *builder {
	return &builder{
		now: now, loc: now.Location(), shelf: sh, lines: map[string]string{},
		activityRefs: map[string][]string{}, activityCodes: map[string][]string{}, serviceRefs: map[string][]string{},
		eventRefs: map[string][]string{}, attached: map[string]bool{},
		serviceSays: map[string][]Service{}, decisionSays: map[string][]Decision{},
	}
}

// newest sorts contributions and keeps the newest version of each record.
func newest(cs []care.Contribution) []*care.Contribution {
	out := make([]*care.Contribution, len(cs)) // they are large; only their order changes
	for i := range cs {
		out[i] = &cs[i]
	}
	slices.SortStableFunc(out, func(a, b *care.Contribution) int {
		order := cmp.Or(
			cmp.Compare(rank(a.Service), rank(b.Service)), cmp.Compare(a.Service, b.Service),
			cmp.Compare(a.Source, b.Source), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key),
			cmp.Compare(b.Version, a.Version), b.Recorded.Compare(a.Recorded))
		if order == 0 { // bodies are compared only where nothing else parts the two
			order = slices.CompareFunc(a.Made, b.Made, func(x, y care.Made) int { return compareResources(x.Resource, y.Resource) })
		}
		return order
	})
	seen := map[[3]string]bool{}
	return slices.DeleteFunc(out, func(c *care.Contribution) bool {
		key := [3]string{c.Source, c.Kind, c.Key}
		old := seen[key]
		seen[key] = true
		return old
	})
}

func compareResources(a, b fhir.Resource) int {
	if order := cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID)); order != 0 {
		return order
	}
	return bytes.Compare(a.Body, b.Body)
}

// sortedMade gives the resources in a stable order.
func sortedMade(made []care.Made) []*care.Made {
	out := make([]*care.Made, len(made))
	for i := range made {
		out[i] = &made[i]
	}
	slices.SortFunc(out, func(a, b *care.Made) int { return compareResources(a.Resource, b.Resource) })
	return out
}

// rank is a service's place in the order in which services are shown; unknown ones come last.
func rank(s care.Service) int {
	all := serviceOrder
	if i := slices.Index(all, s); i >= 0 {
		return i
	}
	return len(all)
}

var serviceOrder = care.Services()

// lineID is a stable id for a line, from the resource element that it begins with.
func lineID(kind string, r SourceRef) string {
	sum := sha256.Sum256([]byte(r.Source + "\x00" + r.Resource + "\x00" + r.Element))
	return kind + "-" + hex.EncodeToString(sum[:6])
}

// others lists what was said that has no room of its own, so that nothing is silently left out.
func (b *builder) others() []Other {
	var out []Other
	for _, x := range b.shelf.others {
		ref := x.src.ref("")
		out = append(out, Other{ID: lineID("other", ref), Type: x.src.made.Resource.Type, Title: x.V.Code.label(),
			Status: x.V.Status, Date: cmp.Or(x.V.RecordedDate, x.V.EffectiveDateTime, x.V.Date), Sources: []SourceRef{ref}})
	}
	for _, o := range b.unread {
		ref := o.ref("")
		out = append(out, Other{ID: lineID("other", ref), Type: o.made.Resource.Type, Unreadable: true, Sources: []SourceRef{ref}})
	}
	return out
}

// compare orders moments by time; those without a time come last.
func (b *builder) compare(x, y Moment) int {
	tx, okx := x.Time(b.loc)
	ty, oky := y.Time(b.loc)
	switch {
	case okx && oky:
		return cmp.Or(tx.Compare(ty), cmp.Compare(x, y))
	case okx:
		return -1
	case oky:
		return 1
	}
	return cmp.Compare(x, y)
}
