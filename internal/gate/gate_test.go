package gate_test

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

	"samsyn/fhir"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/gate"
	"samsyn/internal/gate/gatetest"
)

var (
	anders  = gatetest.Coordinator("anders", "Anders Viken")
	siv     = gatetest.Worker("siv", "Siv Røed", care.Barnevern)
	began   = stories.Now().AddDate(0, -1, 0)
	errDisk = errors.New("disk full")
)

func but(hidden ...care.Service) []care.Service {
	return slices.DeleteFunc(care.Services(), func(s care.Service) bool { return slices.Contains(hidden, s) })
}

// bare is the families, and nothing that lets anybody see them.
func bare() *gatetest.Memory {
	return &gatetest.Memory{
		People: map[care.PersonID][]care.Contribution{"ella": stories.Ella("ella"), "jonas": stories.Jonas("jonas"), "teo": stories.Teo("teo"), "amina": stories.Amina("amina")},
		Named: map[care.PersonID][]care.Claim{
			"ella":  {{Source: "oneroster", Service: care.Skole, Name: "Ella Lyngstad", BirthDate: "2014-03-14"}},
			"jonas": {{Source: "oneroster", Service: care.Skole, Name: "Jonas Myrvang"}},
			"teo":   {{Source: "oneroster", Service: care.Skole, Name: "Teo Sandvik"}, {Source: "fiksinnsyn", Service: care.Barnevern, Name: "Teo Skjult"}},
		},
		Born:   map[care.PersonID]string{"ella": "2014-03-14", "jonas": "2020-09-02", "teo": "2010-05-06", "amina": "2017-11-30"},
		States: stories.Sources(), Err: errDisk,
	}
}

func families() *gatetest.Memory {
	m := bare()
	m.Give("teo", gatetest.Appointed(anders, "teo", began, time.Time{}), gatetest.Consented(anders, "teo", began, but(care.Barnevern)...))
	m.Give("ella", gatetest.Appointed(anders, "ella", began, time.Time{}), gatetest.Consented(anders, "ella", began, but(care.Barnevern)...))
	m.Give("jonas", gatetest.Appointed(anders, "jonas", began, time.Time{}), gatetest.Consented(anders, "jonas", began, care.Skole, care.BUP))
	m.Give("amina", gatetest.Appointed(anders, "amina", began, stories.Now()), gatetest.Consented(anders, "amina", began, care.Services()...), gatetest.Appointed(siv, "amina", began, time.Time{}))
	return m
}

type tb interface {
	Helper()
	Fatal(...any)
}

func open(t tb, m *gatetest.Memory) *gate.Gate { return at(t, m, stories.Now()) }

func at(t tb, m *gatetest.Memory, now time.Time) *gate.Gate {
	t.Helper()
	g, err := gatetest.Gate(m, func() time.Time { return now }, stories.Oslo)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func asks(v care.Viewer) gate.Request {
	return gate.Request{Viewer: v, Door: audit.DoorPage, Interaction: audit.Overview}
}

func events(t *testing.T, m *gatetest.Memory) []audit.Event {
	t.Helper()
	all, err := m.Events()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAnswerIsLoggedBeforeItIsGiven(t *testing.T) {
	m := families()
	r := asks(anders)
	r.RequestID, r.Token = "r-1", "jti-1"
	o, err := open(t, m).Open(t.Context(), r, "ella")
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Contributions) == 0 || len(o.Claims) != 1 || o.Person != "ella" || !o.At.Equal(stories.Now()) {
		t.Errorf("%d contributions, %d claims of %s", len(o.Contributions), len(o.Claims), o.Person)
	}
	all := events(t, m)
	if len(all) != 1 {
		t.Fatalf("%d events, want 1", len(all))
	}
	e := all[0]
	if e.Viewer.ID != "anders" || e.Person != "ella" || !e.Permit || e.Door != audit.DoorPage || !e.At.Equal(stories.Now()) || e.Purpose != care.PurposeCOC ||
		e.PolicyVersion != open(t, m).Table.Version() || !slices.Contains(e.Bases, "c-anders-ella") || slices.Contains(e.Services, care.Barnevern) ||
		!slices.Contains(e.Services, care.Skole) || e.RequestID != "r-1" || e.ID == "" || e.Rule != "granted" {
		t.Errorf("event %+v", e)
	}
}

func TestDeniedIsLoggedToo(t *testing.T) {
	for _, c := range []struct {
		viewer care.Viewer
		person care.PersonID
		logged care.PersonID
	}{{anders, "amina", "amina"}, {anders, "nobody", ""}, {anders, "14831460041", ""}, {gatetest.Coordinator("stranger", ""), "ella", "ella"}, {care.Viewer{}, "ella", "ella"},
		{care.Viewer{ID: "anders", Role: care.RoleKoordinator, Tenant: "999999999", Level: 4}, "ella", "ella"},
		{care.Viewer{ID: "anders", Role: care.RoleKoordinator, Tenant: gatetest.Tenant, Level: 3}, "ella", "ella"},
		{care.Viewer{ID: "anders", Role: care.RoleDrift, Tenant: gatetest.Tenant, Level: 4}, "ella", "ella"}} {
		m := families()
		o, err := open(t, m).Open(t.Context(), asks(c.viewer), c.person)
		if !errors.Is(err, care.ErrNotFound) || o.Person != "" || o.Contributions != nil {
			t.Errorf("%s about %s: %v", c.viewer.ID, c.person, err)
		}
		all := events(t, m)
		if len(all) != 1 || all[0].Permit || len(all[0].Services) != 0 || all[0].Viewer.ID != c.viewer.ID || all[0].Person != c.logged {
			t.Errorf("%s about %s: events %+v", c.viewer.ID, c.person, all)
		}
		if strings.Contains(string(m.Lines[0].Body), "14831460041") {
			t.Error("a number stands in the log")
		}
		if len(m.Asked) > 0 {
			t.Errorf("%s about %s: the store was asked for %v", c.viewer.ID, c.person, m.Asked)
		}
	}
}

func TestNothingIsReleasedWhenAnythingFails(t *testing.T) {
	for _, fails := range []string{"facts", "contributions", "claims", "states", "audit", "persons", "*"} {
		for _, person := range []care.PersonID{"ella", "amina"} {
			m := families()
			m.Fails = fails
			denied := person == "amina" && slices.Contains([]string{"contributions", "claims", "states"}, fails) // nobody is asked further
			if fails != "persons" {
				o, err := open(t, m).Open(t.Context(), asks(anders), person)
				if denied && !errors.Is(err, care.ErrNotFound) || !denied && !errors.Is(err, errDisk) {
					t.Errorf("%s fails, %s: error %v", fails, person, err)
				}
				if o.Person != "" || len(o.Sources) > 0 || o.Contributions != nil || o.Claims != nil || o.Facts.Known {
					t.Errorf("%s fails, %s: something is released: %+v", fails, person, o)
				}
				if all := events(t, m); fails != "audit" && fails != "*" && !denied && (len(all) != 1 || all[0].Permit || !all[0].Failed) {
					t.Errorf("%s fails: events %+v, want one that says so", fails, all)
				}
			}
			all, err := open(t, m).Children(t.Context(), asks(anders))
			if !errors.Is(err, errDisk) || all != nil {
				t.Errorf("%s fails: children %d, error %v", fails, len(all), err)
			}
		}
	}
}

func TestAbsentAndHiddenAreTheSameError(t *testing.T) {
	_, hidden := open(t, families()).Open(t.Context(), asks(anders), "amina")
	m := families()
	delete(m.People, "amina")
	delete(m.Rights, "amina")
	_, absent := open(t, m).Open(t.Context(), asks(anders), "amina")
	if hidden == nil || absent == nil || hidden.Error() != absent.Error() {
		t.Errorf("hidden: %v, absent: %v", hidden, absent)
	}
}

// TestStoreThatGivesTooMuchShowsNoMore is the second of the two decisions: SQL limits,
// and access decides again for each object.
func TestStoreThatGivesTooMuchShowsNoMore(t *testing.T) {
	careful, careless := families(), families()
	careless.Careless = true
	for _, person := range []care.PersonID{"ella", "jonas", "teo"} {
		want, err := open(t, careful).Open(t.Context(), asks(anders), person)
		if err != nil {
			t.Fatal(err)
		}
		got, err := open(t, careless).Open(t.Context(), asks(anders), person)
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
	for _, visible := range careful.Asked {
		if slices.ContainsFunc(visible, func(v care.Visible) bool { return v.Service == care.Barnevern }) {
			t.Errorf("the store was asked for %v", visible)
		}
	}
}

// said is what leaves of what was released.
func said(t tb, o gate.Opened) string {
	t.Helper()
	b, err := json.Marshal([]any{o.Contributions, o.Claims, o.Sources, o.Markers})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestHiddenWorldsAnswerAlike is I9: worlds that differ only in what the viewer may not
// see give the same answer, whatever was consented to.
func TestHiddenWorldsAnswerAlike(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		services := rapid.SliceOfDistinct(rapid.SampledFrom(but(care.Koordinering)), func(s care.Service) care.Service { return s }).Draw(r, "services")
		person := rapid.SampledFrom([]care.PersonID{"ella", "jonas", "teo", "amina"}).Draw(r, "person")
		whole, part := bare(), bare()
		whole.Careless = rapid.Bool().Draw(r, "careless")
		for _, m := range []*gatetest.Memory{whole, part} {
			m.Give(person, gatetest.Appointed(anders, person, began, time.Time{}), gatetest.Consented(anders, person, began, services...))
		}
		hidden := func(s care.Service) bool { return s != care.Koordinering && !slices.Contains(services, s) } // a coordinator's own is hers
		part.People[person] = slices.DeleteFunc(part.People[person], func(c care.Contribution) bool { return hidden(c.Service) })
		part.Named[person] = slices.DeleteFunc(part.Named[person], func(c care.Claim) bool { return hidden(c.Service) })
		a, errA := open(r, whole).Open(t.Context(), asks(anders), person)
		b, errB := open(r, part).Open(t.Context(), asks(anders), person)
		if fmt.Sprint(errA) != fmt.Sprint(errB) || said(r, a) != said(r, b) {
			r.Fatalf("%s with %v: %v and %v\n%s\n%s", person, services, errA, errB, said(r, a), said(r, b))
		}
	})
}

func TestAccessEndsWithTheSecondOfTheAppointment(t *testing.T) {
	end := stories.Now().Add(time.Hour)
	m := bare()
	m.Give("ella", gatetest.Appointed(anders, "ella", stories.Now(), end), gatetest.Consented(anders, "ella", began, care.Skole))
	for _, c := range []struct {
		at    time.Time
		shown bool
	}{{stories.Now().Add(-time.Second), false}, {stories.Now(), true}, {end.Add(-time.Second), true}, {end, false}} {
		if _, err := at(t, m, c.at.UTC()).Open(t.Context(), asks(anders), "ella"); (err == nil) != c.shown {
			t.Errorf("at %s: %v", c.at, err)
		}
	}
}

func TestStateOfASourceIsShownOnlyWhereItSpeaks(t *testing.T) {
	o, err := open(t, families()).Open(t.Context(), asks(anders), "jonas")
	if err != nil {
		t.Fatal(err)
	}
	speak := map[string]bool{}
	for _, c := range o.Contributions {
		speak[c.Source] = true
	}
	for _, s := range o.Sources {
		if !speak[s.Source] {
			t.Errorf("%s says nothing that is seen, and its state is shown", s.Source)
		}
	}
	if len(o.Sources) != len(speak) || len(speak) == 0 {
		t.Errorf("%d states of %d sources", len(o.Sources), len(speak))
	}
}

// TestRightsThatChangeMeanwhile: what was decided on rights that do not hold any more is not
// released; it is decided again, a few times.
func TestRightsThatChangeMeanwhile(t *testing.T) {
	m := families()
	left := 1
	m.Before = func(method string) {
		if method == "claims" && left > 0 { // between the decision and its release
			left--
			r := m.Rights["ella"]
			r.Consents = slices.Clone(r.Consents)
			r.Consents[0].Status, r.Consents[0].Changed = care.ConsentWithdrawn, stories.Now()
			m.Rights["ella"] = r
			m.Epochs["ella"]++
		}
	}
	o, err := open(t, m).Open(t.Context(), asks(anders), "ella")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range o.Contributions {
		if c.Service != care.Koordinering {
			t.Errorf("after the consent was withdrawn, %s is released", c.Service)
		}
	}
	if all := events(t, m); len(all) != 1 || slices.Contains(all[0].Bases, "c-anders-ella") {
		t.Errorf("events %+v, want that of the second decision alone", all)
	}
	left = 1000
	before := len(m.Lines)
	for name, ask := range map[string]func(*gate.Gate) error{
		"open":     func(g *gate.Gate) error { _, err := g.Open(t.Context(), asks(anders), "ella"); return err },
		"children": func(g *gate.Gate) error { _, err := g.Children(t.Context(), asks(anders)); return err },
	} {
		if err := ask(open(t, m)); !errors.Is(err, care.ErrUnavailable) {
			t.Errorf("%s while rights change all the time: %v, want care.ErrUnavailable", name, err)
		}
	}
	if len(m.Lines) != before {
		t.Errorf("%d lines were written of what was not released", len(m.Lines)-before)
	}
}

func TestChildren(t *testing.T) {
	m := families()
	all, err := open(t, m).Children(t.Context(), asks(anders))
	if err != nil {
		t.Fatal(err)
	}
	var got []care.PersonID
	for _, o := range all {
		got = append(got, o.Person)
	}
	if !slices.Equal(got, []care.PersonID{"ella", "jonas", "teo"}) {
		t.Errorf("children %v", got)
	}
	logged := events(t, m)
	if len(logged) != 3 || slices.ContainsFunc(logged, func(e audit.Event) bool { return !e.Permit || e.Person == "" }) {
		t.Errorf("events %+v, want one for each child", logged)
	}
	for name, c := range map[string]*gatetest.Memory{"careful": families(), "careless": families()} {
		c.Careless = name == "careless"
		none, err := open(t, c).Children(t.Context(), asks(gatetest.Coordinator("stranger", "")))
		if err != nil || len(none) > 0 {
			t.Errorf("%s: a stranger has %d children, %v", name, len(none), err)
		}
		if logged := events(t, c); len(logged) != 1 || logged[0].Person != "" {
			t.Errorf("%s: an empty list leaves %+v, want one event about nobody", name, logged)
		}
	}
}

func TestOfficeSeesNamesOfThoseAppointed(t *testing.T) {
	m := families()
	ke := care.Viewer{ID: "kari", Role: care.RoleKoordinerendeEnhet, Tenant: gatetest.Tenant, Level: 4}
	all, err := open(t, m).Children(t.Context(), asks(ke))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 {
		t.Errorf("koordinerende enhet has %d children, want the three with a coordinator", len(all))
	}
	for _, o := range all {
		for _, c := range o.Contributions {
			for _, made := range c.Made {
				if made.Resource.Type != "Patient" && made.Resource.Type != "CareTeam" || c.Service == care.Barnevern {
					t.Errorf("koordinerende enhet sees %s of %s", made.Resource.Type, c.Service)
				}
			}
		}
	}
}

func versions() []care.ResourceVersion {
	version := func(n int, text string, marks care.Marks, current bool) care.ResourceVersion {
		return care.ResourceVersion{Version: n, Person: "ella", Service: care.Skole, Record: care.RecordRef{Source: "s", Kind: "k", Key: "1"}, Marks: marks, Current: current,
			Resource: fhir.Resource{Type: "CarePlan", ID: "p1", Body: json.RawMessage(`{"resourceType":"CarePlan","id":"p1","title":"` + text + `"}`)}}
	}
	removed := version(3, "", 0, true)
	removed.Deleted, removed.Resource.Body = true, nil
	return []care.ResourceVersion{removed, version(2, "to", 0, false), version(1, "en", care.MarkPsychiatry, false)}
}

func TestVersions(t *testing.T) {
	for _, careless := range []bool{false, true} {
		m := families()
		m.Old = map[string][]care.ResourceVersion{"CarePlan/p1": versions()}
		m.Careless = careless
		g := open(t, m)
		r := asks(anders)
		r.Interaction = audit.History
		all, err := g.History(t.Context(), r, "CarePlan", "p1")
		if err != nil || len(all) != 2 || !all[0].Deleted || all[1].Version != 0 || !strings.Contains(string(all[1].Resource.Body), `"to"`) {
			t.Errorf("careless %t: versions %+v %v, want the removal and the one before", careless, all, err)
		}
		if e := events(t, m); len(e) != 1 || e[0].Resource != "CarePlan/p1" || !e[0].Permit || e[0].Person != "ella" {
			t.Errorf("events %+v", e)
		}
		for name, c := range map[string]struct {
			viewer  care.Viewer
			typ, id string
			want    error
		}{
			"hers":                 {anders, "CarePlan", "p1", nil},
			"another's":            {gatetest.Coordinator("x", ""), "CarePlan", "p1", care.ErrNotFound},
			"what nobody ever has": {anders, "CarePlan", "none", care.ErrNotFound},
		} {
			all, err := g.History(t.Context(), asks(c.viewer), c.typ, c.id)
			if !errors.Is(err, c.want) || c.want != nil && all != nil {
				t.Errorf("careless %t, %s: %+v %v", careless, name, all, err)
			}
		}
		if !all[0].Current || all[1].Current {
			t.Errorf("the present version is not the removal: %+v", all)
		}
		// Where the present version may not be seen, an earlier one does not stand in for it.
		now := versions()
		now[0].Marks, now[0].Deleted = care.MarkSexual, false
		m.Old["CarePlan/p1"] = now
		if all, err := g.History(t.Context(), asks(anders), "CarePlan", "p1"); err != nil || slices.ContainsFunc(all, func(v care.ResourceVersion) bool { return v.Current }) {
			t.Errorf("an earlier version stands as the present: %+v %v", all, err)
		}
		m.Fails = "history"
		if _, err := g.History(t.Context(), asks(anders), "CarePlan", "p1"); !errors.Is(err, errDisk) {
			t.Errorf("error %v", err)
		}
	}
}

// bounded is a log that tells whether it would be waited for for ever.
type bounded struct {
	gate.Store
	bound bool
}

func (b *bounded) Audit(ctx context.Context, _ map[care.PersonID]int64, _ []care.Logged) error {
	_, b.bound = ctx.Deadline()
	return ctx.Err()
}

// TestAFailureIsNotNotedForEver: who asked has gone, and the log hangs; the request ends all the same.
func TestAFailureIsNotNotedForEver(t *testing.T) {
	m := families()
	m.Fails, m.Err = "facts", errDisk
	b := &bounded{Store: m}
	g, err := gatetest.Gate(b, stories.Now, stories.Oslo)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Open(ctx, asks(anders), "ella"); !errors.Is(err, errDisk) || errors.Is(err, context.Canceled) || !b.bound {
		t.Errorf("bounded %t: %v", b.bound, err)
	}
}
