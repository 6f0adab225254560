package rights

import (
	"testing"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/care"
)

// TestEachLineIsToldToThoseWhomItConcerns: a list of rights tells as much as what it opens.
// That barnevern shares something is told to nobody but those who gave, get or decided it.
func TestEachLineIsToldToThoseWhomItConcerns(t *testing.T) {
	table, err := access.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	held := care.Rights{
		Appointments: []care.Appointment{{ID: "coordinator", Viewer: "anders", Role: care.RoleKoordinator, By: "kari"}, {ID: "barnevern-task", Viewer: "siv", Role: care.RoleTjenesteyter, By: "leder"}},
		Bases:        []care.Basis{{ID: "danger", Code: "BVL13-1", Origins: []care.Service{care.Barnevern}, Viewer: "mette", DecidedBy: "siv"}},
		Consents: []care.Consent{
			{ID: "to-anders", Status: care.ConsentActive, Origins: []care.Service{care.Skole}, Receivers: []care.Receiver{{Viewer: "anders"}}, ChangedBy: "anders"},
			{ID: "barnevern-to-liv", Status: care.ConsentActive, Origins: []care.Service{care.Barnevern}, Receivers: []care.Receiver{{Viewer: "liv"}}, ChangedBy: "siv",
				Signatures: []care.Signature{{Party: care.PartyChild, Signer: "teo"}}},
			{ID: "but-mette", Status: care.ConsentActive, Origins: []care.Service{care.Skole}, Receivers: []care.Receiver{{Service: care.Skole}}, ExceptViewers: []string{"mette"}, ChangedBy: "liv"},
		},
		Blocks:     []care.Block{{ID: "block", All: true, Extent: care.BlockAll, By: "mor"}},
		Withheld:   []care.Withheld{{ID: "secret", Service: care.BUP, By: "teo-viewer"}},
		Guardians:  []care.Guardian{{Viewer: "mor", Code: care.ParentalFelles, From: at.AddDate(-1, 0, 0)}, {Viewer: "far", Code: care.ParentalFelles, From: at.AddDate(-1, 0, 0)}},
		BreakGlass: []care.BreakGlass{{ID: "glass", Viewer: "mette"}},
	}
	facts := care.Facts{Person: "teo", Known: true, Born: "2016-05-06", Guardians: held.Guardians}
	for _, c := range []struct {
		viewer care.Viewer
		want   []string
	}{
		{care.Viewer{ID: "anders", Role: care.RoleKoordinator}, []string{"coordinator", "to-anders", "mor", "far"}},
		{care.Viewer{ID: "liv", Role: care.RoleKoordinator}, []string{"coordinator", "barnevern-to-liv", "but-mette", "mor", "far"}},
		{care.Viewer{ID: "mette", Role: care.RoleTjenesteyter, Service: care.Skole}, []string{"coordinator", "danger", "mor", "far", "glass"}},
		{care.Viewer{ID: "ola", Role: care.RoleTjenesteyter, Service: care.Skole}, []string{"coordinator", "but-mette", "mor", "far"}},
		{care.Viewer{ID: "siv", Role: care.RoleTjenesteyter, Service: care.Barnevern}, []string{"coordinator", "barnevern-task", "danger", "barnevern-to-liv", "mor", "far"}},
		{care.Viewer{ID: "kari", Role: care.RoleKoordinerendeEnhet}, []string{"coordinator", "mor", "far"}},
		{care.Viewer{ID: "mor", Role: care.RoleForesatt}, []string{"coordinator", "to-anders", "but-mette", "block", "mor"}},
		{care.Viewer{ID: "far", Role: care.RoleForesatt}, []string{"coordinator", "to-anders", "but-mette", "far"}},
		{care.Viewer{ID: "stemor", Role: care.RoleForesatt}, []string{"coordinator"}},
		{care.Viewer{ID: "teo-viewer", Role: care.RoleBarn, Person: "teo"}, []string{"coordinator", "barnevern-task", "danger", "to-anders", "barnevern-to-liv", "but-mette", "block", "secret", "mor", "far", "glass"}},
	} {
		sc := scene{actor: c.viewer, facts: facts, held: held, at: at}
		sc.facts.Viewer = c.viewer
		got := map[string]bool{}
		k := (&Service{Table: table}).known(sc)
		for _, a := range k.Appointments {
			got[a.ID] = true
		}
		for _, b := range k.Bases {
			got[b.ID] = true
		}
		for _, x := range k.Consents {
			got[x.ID] = true
		}
		for _, b := range k.Blocks {
			got[b.ID] = true
		}
		for _, w := range k.Withheld {
			got[w.ID] = true
		}
		for _, g := range k.Guardians {
			got[g.Viewer] = true
		}
		for _, b := range k.BreakGlass {
			got[b.ID] = true
		}
		for _, id := range c.want {
			if !got[id] {
				t.Errorf("%s is not told of %s", c.viewer.ID, id)
			}
			delete(got, id)
		}
		for id := range got {
			t.Errorf("%s is told of %s", c.viewer.ID, id)
		}
	}
}
