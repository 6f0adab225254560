package overview_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/gate"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/overview"
)

var (
	anders = gatetest.Coordinator("anders", "Anders Viken")
	began  = stories.Now().AddDate(0, -1, 0)
	asks   = gate.Request{Viewer: anders, Door: audit.DoorPage}
)

func families() *gatetest.Memory {
	m := &gatetest.Memory{
		People: map[care.PersonID][]care.Contribution{"ella": stories.Ella("ella"), "jonas": stories.Jonas("jonas"), "teo": stories.Teo("teo"), "amina": stories.Amina("amina"), "nameless": nil},
		Named: map[care.PersonID][]care.Claim{
			"ella":  {{Source: "oneroster", Service: care.Skole, Name: "Ella Lyngstad", BirthDate: "2014-03-14"}},
			"jonas": {{Source: "oneroster", Service: care.Skole, Name: "Jonas Myrvang"}},
			"teo":   {{Source: "oneroster", Service: care.Skole, Name: "Teo Sandvik"}},
		},
		Born:   map[care.PersonID]string{"ella": "2014-03-14", "jonas": "2020-09-02", "teo": "2010-05-06", "nameless": "2018-01-01"},
		States: stories.Sources(),
	}
	allBut := slices.DeleteFunc(care.Services(), func(s care.Service) bool { return s == care.Barnevern })
	for _, p := range []care.PersonID{"teo", "ella", "jonas", "nameless"} {
		m.Give(p, gatetest.Appointed(anders, p, began, time.Time{}), gatetest.Consented(anders, p, began, allBut...))
	}
	return m
}

func service(t *testing.T, m *gatetest.Memory, now func() time.Time) *overview.Service {
	t.Helper()
	g, err := gatetest.Gate(m, now, stories.Oslo)
	if err != nil {
		t.Fatal(err)
	}
	return &overview.Service{Gate: g}
}

func TestOverviewIsWhatWasReleased(t *testing.T) {
	m := families()
	a, err := service(t, m, stories.Now).Overview(t.Context(), asks, "ella")
	if err != nil {
		t.Fatal(err)
	}
	if a.Overview.Child.Name != "Ella Lyngstad" || len(a.Findings) == 0 || len(a.Contributions) != len(stories.Ella("ella")) {
		t.Errorf("answer %q with %d findings from %d contributions", a.Overview.Child.Name, len(a.Findings), len(a.Contributions))
	}
	logged, err := m.Events()
	if err != nil || len(logged) != 1 || logged[0].Interaction != audit.Overview || logged[0].Door != audit.DoorPage {
		t.Errorf("events %+v %v", logged, err)
	}
}

func TestNothingIsShownOfWhomNothingMayBeSeen(t *testing.T) {
	for _, p := range []care.PersonID{"amina", "nobody"} {
		a, err := service(t, families(), stories.Now).Overview(t.Context(), asks, p)
		if !errors.Is(err, care.ErrNotFound) || a.Overview.Person != "" || a.Contributions != nil || a.Findings != nil {
			t.Errorf("%s: %+v %v", p, a, err)
		}
	}
	m := families()
	m.Fails, m.Err = "audit", errors.New("disk full")
	if all, err := service(t, m, stories.Now).Children(t.Context(), asks); !errors.Is(err, m.Err) || all != nil {
		t.Errorf("children %v %v", all, err)
	}
}

func TestDayIsCountedInOurZone(t *testing.T) {
	late := time.Date(2026, 11, 23, 23, 30, 0, 0, time.UTC) // half past midnight on the 24th in Oslo
	a, err := service(t, families(), func() time.Time { return late }).Overview(t.Context(), asks, "ella")
	if err != nil {
		t.Fatal(err)
	}
	if got := consolidate.Moment(a.Overview.Now.Format(time.RFC3339)).Day(stories.Oslo); got != "2026-11-24" || a.Overview.Now.Location() != stories.Oslo {
		t.Errorf("the day is %s in %s", got, a.Overview.Now.Location())
	}
}

func TestChildrenStandByName(t *testing.T) {
	m := families()
	all, err := service(t, m, stories.Now).Children(t.Context(), asks)
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
	logged, err := m.Events()
	if err != nil || len(logged) != len(all) || logged[0].Interaction != audit.Children {
		t.Errorf("events %+v %v", logged, err)
	}
}
