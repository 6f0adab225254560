package access_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/care"

	"pgregory.net/rapid"
)

var (
	from  = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	until = time.Date(2027, 9, 1, 0, 0, 0, 0, time.UTC)
	now   = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	liv   = care.Viewer{ID: "liv"}
)

func grant(services ...care.Service) care.Grant {
	return care.Grant{Viewer: "liv", Person: "teo", Services: services, From: from, Until: until, Basis: "consent"}
}

func TestDecide(t *testing.T) {
	skole := care.Contribution{Person: "teo", Service: care.Skole}
	endless := grant(care.Skole)
	endless.Until = time.Time{}
	beginless := grant(care.Skole)
	beginless.From = time.Time{}
	other := grant(care.Skole)
	other.Viewer = "siv"
	otherChild := grant(care.Skole)
	otherChild.Person = "amina"
	for _, c := range []struct {
		name   string
		viewer care.Viewer
		grants []care.Grant
		c      care.Contribution
		at     time.Time
		want   access.Rule
	}{
		{"granted", liv, []care.Grant{grant(care.Skole)}, skole, now, access.Granted},
		{"no viewer", care.Viewer{Name: "Liv", Role: care.RoleKoordinator}, []care.Grant{{Person: "teo", Services: care.Services(), From: from}}, skole, now, access.NoViewer},
		{"nobody's", liv, []care.Grant{{Viewer: "liv", Services: care.Services(), From: from}}, care.Contribution{Service: care.Skole}, now, access.NoPerson},
		{"no instant", liv, []care.Grant{grant(care.Skole)}, skole, time.Time{}, access.NoInstant},
		{"unknown service, even granted", liv, []care.Grant{grant("x", "")}, care.Contribution{Person: "teo", Service: "x"}, now, access.UnknownService},
		{"empty service, even granted", liv, []care.Grant{grant("x", "")}, care.Contribution{Person: "teo"}, now, access.UnknownService},
		{"no grants", liv, nil, skole, now, access.NoGrant},
		{"another's grant", liv, []care.Grant{other}, skole, now, access.NoGrant},
		{"another child's grant", liv, []care.Grant{otherChild}, skole, now, access.NoGrant},
		{"another service", liv, []care.Grant{grant(care.BUP)}, skole, now, access.NotCovered},
		{"a role is not a grant", care.Viewer{ID: "liv", Role: care.RoleKoordinator}, nil, skole, now, access.NoGrant},
		{"last instant before it begins", liv, []care.Grant{grant(care.Skole)}, skole, from.Add(-1), access.NotYet},
		{"the instant it begins", liv, []care.Grant{grant(care.Skole)}, skole, from, access.Granted},
		{"last instant", liv, []care.Grant{grant(care.Skole)}, skole, until.Add(-1), access.Granted},
		{"the same second that it ends", liv, []care.Grant{grant(care.Skole)}, skole, until, access.Over},
		{"no end", liv, []care.Grant{endless}, skole, until.AddDate(50, 0, 0), access.Granted},
		{"no beginning", liv, []care.Grant{beginless}, skole, now, access.NotYet},
		{"one of several", liv, []care.Grant{grant(care.BUP), other, grant(care.Skole)}, skole, now, access.Granted},
		{"the nearest reason is told", liv, []care.Grant{grant(care.BUP), beginless}, skole, now, access.NotCovered},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := access.Decide(c.viewer, c.grants, c.c, c.at)
			if d.Rule != c.want || d.Allowed != (c.want == access.Granted) {
				t.Errorf("got %v by %s, want %s", d.Allowed, d.Rule, c.want)
			}
			if (d.Facts.Grant != nil) != d.Allowed {
				t.Errorf("allowed %v with grant %v", d.Allowed, d.Facts.Grant)
			}
		})
	}
}

func TestSourcesOfHiddenServicesAreSilent(t *testing.T) {
	states := []care.SourceState{
		{Source: "barnevernsregister", Service: care.Barnevern, LastFailure: now},
		{Source: "oneroster", Service: care.Skole, LastSuccess: now},
		{Source: "fiksarkiv", Service: care.Kommune, LastSuccess: now},
	}
	all := []care.Contribution{
		{Source: "barnevernsregister", Person: "teo", Service: care.Barnevern},
		{Source: "oneroster", Person: "teo", Service: care.Skole},
		{Source: "fiksarkiv", Person: "teo", Service: care.PPT},
	}
	seen := access.Filter(liv, []care.Grant{grant(care.Skole, care.PPT)}, all, now)
	var names []string
	for _, s := range access.Sources(seen, states) {
		names = append(names, s.Source)
	}
	if want := []string{"oneroster", "fiksarkiv"}; !slices.Equal(names, want) {
		t.Errorf("sources %v, want %v", names, want)
	}
}

func someServices(t *rapid.T, label string) []care.Service {
	return rapid.SliceOfN(rapid.SampledFrom(append(care.Services(), "", "x")), 0, 4).Draw(t, label)
}

func grants(t *rapid.T) []care.Grant {
	n := rapid.IntRange(0, 5).Draw(t, "grants")
	gs := make([]care.Grant, n)
	for i := range gs {
		gs[i] = care.Grant{
			Viewer:   rapid.SampledFrom([]string{"", "liv", "siv"}).Draw(t, "viewer"),
			Person:   rapid.SampledFrom([]care.PersonID{"", "teo", "amina"}).Draw(t, "person"),
			Services: someServices(t, "services"),
			From:     rapid.SampledFrom([]time.Time{{}, from, now, until}).Draw(t, "from"),
			Until:    rapid.SampledFrom([]time.Time{{}, from, now, until}).Draw(t, "until"),
		}
	}
	return gs
}

// An oracle written the other way round: the set of all that is allowed.
func allowed(gs []care.Grant, viewer string, at time.Time) map[care.PersonID]map[care.Service]bool {
	set := map[care.PersonID]map[care.Service]bool{}
	for _, g := range gs {
		begun := !g.From.IsZero() && at.Unix() >= g.From.Unix()
		over := !g.Until.IsZero() && at.Unix() >= g.Until.Unix()
		if viewer == "" || g.Viewer != viewer || g.Person == "" || !begun || over {
			continue
		}
		for _, s := range g.Services {
			if !slices.Contains(care.Services(), s) {
				continue
			}
			if set[g.Person] == nil {
				set[g.Person] = map[care.Service]bool{}
			}
			set[g.Person][s] = true
		}
	}
	return set
}

func TestDecisionEqualsTheSetOfGrants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gs := grants(t)
		viewer := care.Viewer{ID: rapid.SampledFrom([]string{"", "liv", "siv"}).Draw(t, "who")}
		at := rapid.SampledFrom([]time.Time{from, now, until}).Draw(t, "at")
		oracle := allowed(gs, viewer.ID, at)
		for _, person := range []care.PersonID{"", "teo", "amina"} {
			scope := access.Services(viewer, gs, person, at)
			for _, s := range append(care.Services(), "", "x") {
				want := oracle[person][s]
				if got := access.May(viewer, gs, person, s, at).Allowed; got != want {
					t.Fatalf("%s %s: %v, the oracle says %v", person, s, got, want)
				}
				if got := slices.Contains(scope, s); got != want {
					t.Fatalf("%s %s in scope: %v, the oracle says %v", person, s, got, want)
				}
			}
		}
	})
}

func ExampleFilter() {
	visible := access.Filter(liv, []care.Grant{grant(care.Skole)}, []care.Contribution{
		{Person: "teo", Service: care.Skole, Key: "pupil"},
		{Person: "teo", Service: care.Barnevern, Key: "case"},
	}, now)
	for _, c := range visible {
		fmt.Println(c.Key)
	}
	// Output: pupil
}

func TestClaimsOfHiddenServicesAreHidden(t *testing.T) {
	claims := []care.Claim{{Service: care.Barnevern, Name: "hidden"}, {Service: care.Skole, Name: "Teo"}}
	seen := access.Claims(liv, []care.Grant{grant(care.Skole)}, "teo", claims, now)
	if len(seen) != 1 || seen[0].Name != "Teo" {
		t.Errorf("seen %v", seen)
	}
	if seen := access.Claims(liv, []care.Grant{grant(care.Skole)}, "amina", claims, now); len(seen) != 0 {
		t.Errorf("another child's: %v", seen)
	}
}
