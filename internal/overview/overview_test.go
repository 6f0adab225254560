package overview_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/overview"
)

// memory is a store that can be told to fail at one place. It notes what it is asked.
type memory struct {
	people   map[care.PersonID][]care.Contribution
	claims   map[care.PersonID][]care.Claim
	grants   []care.Grant
	states   []care.SourceState
	careless bool // gives everything, whatever services are asked for
	fails    string
	asked    [][]care.Service
	log      []care.Access
}

var errDisk = errors.New("disk full")

func (m *memory) fail(at string) error {
	if m.fails == at {
		return errDisk
	}
	return nil
}

func (m *memory) Grants(_ context.Context, viewer string) ([]care.Grant, error) {
	mine := slices.DeleteFunc(slices.Clone(m.grants), func(g care.Grant) bool { return g.Viewer != viewer && !m.careless })
	return mine, m.fail("grants")
}

func (m *memory) Contributions(_ context.Context, p care.PersonID, visible []care.Visible) ([]care.Contribution, error) {
	services := servicesOf(visible)
	m.asked = append(m.asked, services)
	return slices.DeleteFunc(slices.Clone(m.people[p]), func(c care.Contribution) bool { return !m.careless && !slices.Contains(services, c.Service) }), m.fail("contributions")
}

func (m *memory) Claims(_ context.Context, p care.PersonID, visible []care.Visible) ([]care.Claim, error) {
	services := servicesOf(visible)
	m.asked = append(m.asked, services)
	return slices.DeleteFunc(slices.Clone(m.claims[p]), func(c care.Claim) bool { return !m.careless && !slices.Contains(services, c.Service) }), m.fail("claims")
}

func servicesOf(visible []care.Visible) []care.Service {
	var all []care.Service
	for _, v := range visible {
		all = append(all, v.Service)
	}
	return all
}

func (m *memory) SourceStates(context.Context) ([]care.SourceState, error) {
	return m.states, m.fail("states")
}

func (m *memory) LogAccess(_ context.Context, a care.Access) error {
	if err := m.fail("log"); err != nil {
		return err
	}
	m.log = append(m.log, a)
	return nil
}

var (
	anders = care.Viewer{ID: "anders", Name: "Anders Viken"}
	began  = stories.Now().AddDate(0, -1, 0)
)

func but(hidden ...care.Service) []care.Service {
	return slices.DeleteFunc(care.Services(), func(s care.Service) bool { return slices.Contains(hidden, s) })
}

func families() *memory {
	return &memory{
		people: map[care.PersonID][]care.Contribution{"ella": stories.Ella("ella"), "jonas": stories.Jonas("jonas"), "teo": stories.Teo("teo"), "amina": stories.Amina("amina")},
		claims: map[care.PersonID][]care.Claim{
			"ella":  {{Source: "oneroster", Service: care.Skole, Name: "Ella Lyngstad", BirthDate: "2014-03-14"}},
			"jonas": {{Source: "oneroster", Service: care.Skole, Name: "Jonas Myrvang"}},
			"teo":   {{Source: "oneroster", Service: care.Skole, Name: "Teo Sandvik"}, {Source: "fiksinnsyn", Service: care.Barnevern, Name: "Teo Skjult"}},
		},
		grants: []care.Grant{
			{Viewer: "anders", Person: "teo", Services: but(care.Barnevern), From: began},
			{Viewer: "anders", Person: "ella", Services: but(care.Barnevern), From: began},
			{Viewer: "anders", Person: "jonas", Services: []care.Service{care.Skole}, From: began},
			{Viewer: "anders", Person: "jonas", Services: []care.Service{care.BUP}, From: began},
			{Viewer: "anders", Person: "amina", Services: care.Services(), From: began, Until: stories.Now()},
			{Viewer: "siv", Person: "amina", Services: []care.Service{care.Barnevern}, From: began},
		},
		states: stories.Sources(),
	}
}

func service(m *memory) *overview.Service {
	return &overview.Service{Store: m, Now: stories.Now, Zone: stories.Oslo}
}

func TestAnswerIsLoggedBeforeItIsGiven(t *testing.T) {
	m := families()
	a, err := service(m).Overview(t.Context(), anders, "ella", "page")
	if err != nil {
		t.Fatal(err)
	}
	if a.Overview.Child.Name != "Ella Lyngstad" || len(a.Findings) == 0 || len(a.Contributions) != len(stories.Ella("ella")) {
		t.Errorf("answer %q with %d findings from %d contributions", a.Overview.Child.Name, len(a.Findings), len(a.Contributions))
	}
	if len(m.log) != 1 {
		t.Fatalf("%d lines in the access log, want 1", len(m.log))
	}
	l := m.log[0]
	if l.Viewer != "anders" || l.Person != "ella" || !l.Allowed || l.Door != "page" || !l.At.Equal(stories.Now()) || !slices.Equal(l.Services, but(care.Barnevern)) {
		t.Errorf("log %+v", l)
	}
}

func TestDeniedIsLoggedToo(t *testing.T) {
	m := families()
	for _, c := range []struct {
		viewer care.Viewer
		person care.PersonID
	}{{anders, "amina"}, {anders, "nobody"}, {care.Viewer{ID: "stranger"}, "ella"}, {care.Viewer{}, "ella"}} {
		m.log, m.asked = nil, nil
		a, err := service(m).Overview(t.Context(), c.viewer, c.person, "fhir")
		if !errors.Is(err, care.ErrNotFound) || a.Overview.Person != "" || a.Contributions != nil {
			t.Errorf("%s about %s: %v", c.viewer.ID, c.person, err)
		}
		if len(m.log) != 1 || m.log[0].Allowed || len(m.log[0].Services) != 0 || m.log[0].Viewer != c.viewer.ID || m.log[0].Person != c.person || m.log[0].Door != "fhir" {
			t.Errorf("%s about %s: log %+v", c.viewer.ID, c.person, m.log)
		}
		if len(m.asked) > 0 {
			t.Errorf("%s about %s: the store was asked for %v", c.viewer.ID, c.person, m.asked)
		}
	}
}

func TestNothingIsAnsweredWhenAnythingFails(t *testing.T) {
	for _, at := range []string{"grants", "contributions", "claims", "states", "log"} {
		for _, person := range []care.PersonID{"ella", "amina"} {
			m := families()
			m.fails = at
			denied := person == "amina" && at != "grants" && at != "log" // nobody is asked further
			a, err := service(m).Overview(t.Context(), anders, person, "page")
			if denied && !errors.Is(err, care.ErrNotFound) || !denied && !errors.Is(err, errDisk) {
				t.Errorf("%s fails, %s: error %v", at, person, err)
			}
			if a.Overview.Person != "" || len(a.Overview.Sources) > 0 || a.Contributions != nil || a.Findings != nil {
				t.Errorf("%s fails, %s: something is answered: %+v", at, person, a)
			}
			all, err := service(m).Children(t.Context(), anders, "page")
			if !errors.Is(err, errDisk) || all != nil {
				t.Errorf("%s fails: children %d, error %v", at, len(all), err)
			}
			if at == "log" && len(m.log) > 0 {
				t.Errorf("log %+v", m.log)
			}
		}
	}
}

func TestAbsentAndHiddenAreTheSameError(t *testing.T) {
	_, hidden := service(families()).Overview(t.Context(), anders, "amina", "page")
	m := families()
	delete(m.people, "amina")
	m.grants = m.grants[:1]
	_, absent := service(m).Overview(t.Context(), anders, "amina", "page")
	if hidden == nil || absent == nil || hidden.Error() != absent.Error() {
		t.Errorf("hidden: %v, absent: %v", hidden, absent)
	}
}

// TestStoreThatGivesTooMuchShowsNoMore is the second of the two decisions: SQL limits,
// and access decides again for each object.
func TestStoreThatGivesTooMuchShowsNoMore(t *testing.T) {
	careful, careless := families(), families()
	careless.careless = true
	for _, person := range []care.PersonID{"ella", "jonas", "teo"} {
		want, err := service(careful).Overview(t.Context(), anders, person, "page")
		if err != nil {
			t.Fatal(err)
		}
		got, err := service(careless).Overview(t.Context(), anders, person, "page")
		if err != nil {
			t.Fatal(err)
		}
		if said(t, got) != said(t, want) {
			t.Errorf("%s: a careless store shows more", person)
		}
		if s := said(t, got); strings.Contains(s, "Skjult") || strings.Contains(s, string(care.Barnevern)) || strings.Contains(s, "Støttekontakt") {
			t.Errorf("%s: what barnevern says is shown", person)
		}
	}
	for _, services := range careful.asked {
		if slices.Contains(services, care.Barnevern) {
			t.Errorf("the store was asked for %v", services)
		}
	}
}

func said(t *testing.T, a overview.Answer) string {
	t.Helper()
	b, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestHiddenWorldsAnswerAlike is I9: worlds that differ only in what the viewer may not
// see give the same answer, whatever is granted.
func TestHiddenWorldsAnswerAlike(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		services := rapid.SliceOfDistinct(rapid.SampledFrom(care.Services()), func(s care.Service) care.Service { return s }).Draw(r, "services")
		person := rapid.SampledFrom([]care.PersonID{"ella", "jonas", "teo", "amina"}).Draw(r, "person")
		whole, part := families(), families()
		whole.careless = rapid.Bool().Draw(r, "careless")
		for _, m := range []*memory{whole, part} {
			m.grants = []care.Grant{{Viewer: "anders", Person: person, Services: services, From: began}}
		}
		hidden := func(s care.Service) bool { return !slices.Contains(services, s) }
		part.people[person] = slices.DeleteFunc(part.people[person], func(c care.Contribution) bool { return hidden(c.Service) })
		part.claims[person] = slices.DeleteFunc(part.claims[person], func(c care.Claim) bool { return hidden(c.Service) })
		a, errA := service(whole).Overview(t.Context(), anders, person, "page")
		b, errB := service(part).Overview(t.Context(), anders, person, "page")
		if fmt.Sprint(errA) != fmt.Sprint(errB) || said(t, a) != said(t, b) {
			r.Fatalf("%s with %v: %v and %v\n%s\n%s", person, services, errA, errB, said(t, a), said(t, b))
		}
	})
}

func TestAccessEndsWithTheSecondOfTheGrant(t *testing.T) {
	m := families()
	end := stories.Now().Add(time.Hour)
	m.grants = []care.Grant{{Viewer: "anders", Person: "ella", Services: []care.Service{care.Skole}, From: stories.Now(), Until: end}}
	for _, c := range []struct {
		at    time.Time
		shown bool
	}{{stories.Now().Add(-time.Second), false}, {stories.Now(), true}, {end.Add(-time.Second), true}, {end, false}} {
		s := &overview.Service{Store: m, Now: func() time.Time { return c.at.UTC() }, Zone: stories.Oslo}
		if _, err := s.Overview(t.Context(), anders, "ella", "page"); (err == nil) != c.shown {
			t.Errorf("at %s: %v", c.at, err)
		}
	}
}

func TestStateOfASourceIsShownOnlyWhereItSpeaks(t *testing.T) {
	a, err := service(families()).Overview(t.Context(), anders, "jonas", "page")
	if err != nil {
		t.Fatal(err)
	}
	speak := map[string]bool{}
	for _, c := range a.Contributions {
		speak[c.Source] = true
	}
	for _, s := range a.Overview.Sources {
		if !speak[s.Source] {
			t.Errorf("%s says nothing that is seen, and its state is shown", s.Source)
		}
	}
	if len(a.Overview.Sources) != len(speak) || len(speak) == 0 {
		t.Errorf("%d states of %d sources", len(a.Overview.Sources), len(speak))
	}
}

func TestDayIsCountedInOurZone(t *testing.T) {
	late := time.Date(2026, 11, 23, 23, 30, 0, 0, time.UTC) // half past midnight on the 24th in Oslo
	m := families()
	s := &overview.Service{Store: m, Now: func() time.Time { return late }, Zone: stories.Oslo}
	a, err := s.Overview(t.Context(), anders, "ella", "page")
	if err != nil {
		t.Fatal(err)
	}
	if got := consolidate.Moment(a.Overview.Now.Format(time.RFC3339)).Day(stories.Oslo); got != "2026-11-24" || a.Overview.Now.Location() != stories.Oslo {
		t.Errorf("the day is %s in %s", got, a.Overview.Now.Location())
	}
}

func TestChildrenAreThoseOfWhomSomethingMayBeSeenByName(t *testing.T) {
	m := families()
	m.grants = append(m.grants, care.Grant{Viewer: "anders", Person: "nameless", Services: []care.Service{care.Skole}, From: began})
	all, err := service(m).Children(t.Context(), anders, "page")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range all {
		names = append(names, a.Overview.Child.Name)
	}
	if want := []string{"", "Ella Lyngstad", "Jonas Myrvang", "Teo Sandvik"}; !slices.Equal(names, want) {
		t.Errorf("children %q, want %q", names, want)
	}
	if len(m.log) != len(all) || slices.ContainsFunc(m.log, func(l care.Access) bool { return !l.Allowed }) {
		t.Errorf("log %+v", m.log)
	}
	if none, err := service(m).Children(t.Context(), care.Viewer{ID: "stranger"}, "page"); err != nil || len(none) > 0 {
		t.Errorf("a stranger has %d children, %v", len(none), err)
	}
	m.careless = true // grants of others are not ours, whatever the store gives
	if none, err := service(m).Children(t.Context(), care.Viewer{ID: "stranger"}, "page"); err != nil || len(none) > 0 {
		t.Errorf("with others' grants a stranger has %d children, %v", len(none), err)
	}
}
