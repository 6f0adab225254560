package access_test

import (
	"slices"
	"testing"

	"samsyn/internal/access"
	"samsyn/internal/care"
)

func TestMarkersRestOnConsentAlone(t *testing.T) {
	table := table(t)
	some := func() care.Facts {
		f := coordinator()
		f.Consents = []care.Consent{agreed("c1", care.Helsestasjon, care.BUP, care.Barnevern, care.Skole)}
		f.Consents[0].Topics = []string{"plan"}
		return f
	}
	for _, k := range []struct {
		name string
		do   func(f *care.Facts)
		want []care.Service
	}{
		// Never barnevern, never BUP: that they know the child is itself confidential.
		{"some topics of what the consent names", func(*care.Facts) {}, []care.Service{care.Skole, care.Helsestasjon}},
		{"every topic", func(f *care.Facts) { f.Consents[0].Topics = nil }, nil},
		{"not active", func(f *care.Facts) { f.Consents[0].Signatures = f.Consents[0].Signatures[:1] }, nil},
		{"not to her", func(f *care.Facts) { f.Consents[0].ExceptViewers = []string{"liv"} }, nil},
		{"in the same team", func(f *care.Facts) {
			f.Consents[0].Origins = []care.Service{care.Koordinering}
			f.Consents[0].Receivers = append(f.Consents[0].Receivers, care.Receiver{Service: care.Fastlege}, care.Receiver{Service: care.Barnevern})
		}, []care.Service{care.Fastlege}},
		{"a hidden address", func(f *care.Facts) { f.Address = care.AddressFortrolig }, nil},
		{"one service is blocked", func(f *care.Facts) {
			f.Blocks = []care.Block{{Person: "teo", All: true, Extent: care.BlockService, Service: care.Skole}}
		}, []care.Service{care.Helsestasjon}},
		{"a record is blocked", func(f *care.Facts) {
			f.Blocks = []care.Block{{Person: "teo", All: true, Extent: care.BlockRecord, Record: care.RecordRef{Key: "1"}}}
		}, nil},
		{"no relation", func(f *care.Facts) { f.Appointments = nil }, nil},
	} {
		f := some()
		k.do(&f)
		var got []care.Service
		for _, m := range table.Scope(f, now).Markers {
			got = append(got, m.Service)
		}
		if !slices.Equal(got, k.want) {
			t.Errorf("%s: %v, want %v", k.name, got, k.want)
		}
	}
	f := worker(care.PPT)
	f.Appointments, f.Viewer.HPR, f.Viewer.Purpose, f.Team = nil, "9000001", care.PurposeCOC, []care.TeamPeriod{{Service: care.Koordinering}}
	f.Guardians, f.Consents = coordinator().Guardians, some().Consents
	f.Consents[0].Receivers = []care.Receiver{{Service: care.PPT}}
	if s := table.Scope(f, now); !slices.Equal(s.Markers, []access.Marker{{Service: care.Skole}, {Service: care.Helsestasjon}}) {
		t.Errorf("by a place in a team: %v", s.Markers)
	}
	f.Viewer.Service = care.Skole // her own service has no more than she sees
	f.Consents[0].Receivers[0].Service = care.Skole
	if s := table.Scope(f, now); !slices.Equal(s.Markers, []access.Marker{{Service: care.Helsestasjon}}) {
		t.Errorf("of her own service: %v", s.Markers)
	}
	f = guardian()
	f.Consents = some().Consents
	f.Consents[0].Receivers, f.Consents[0].Purpose = []care.Receiver{{Role: care.RoleForesatt}}, care.PurposeFAMRQT
	if s := table.Scope(f, now); !s.Allowed || len(s.Markers) > 0 {
		t.Errorf("a guardian: %v", s.Markers)
	}
}

func TestExplainSaysWhatWouldChangeIt(t *testing.T) {
	table := table(t)
	f := coordinator()
	f.Consents = []care.Consent{agreed("c1", care.Skole, care.PPT), agreed("c2", care.BUP)}
	f.Consents[1].Signatures = f.Consents[1].Signatures[:1]
	f.Blocks = []care.Block{{ID: "k", Person: "teo", All: true, Extent: care.BlockService, Service: care.PPT, From: from}}
	got := map[care.Service]access.Explanation{}
	for _, e := range table.Explain(f, now) {
		got[e.Service] = e
	}
	for _, k := range []struct {
		service care.Service
		allowed bool
		rule    access.Rule
		change  access.Change
		code    string
	}{
		{care.Koordinering, true, access.Granted, access.ChangeNone, "EGEN"},
		{care.Skole, true, access.Granted, access.ChangeNone, "SAMTYKKE"},
		{care.PPT, false, access.Blocked, access.ChangeBlock, ""},
		{care.BUP, false, access.ConsentPending, access.ChangeSignatures, ""},
		{care.Barnevern, false, access.NoBasis, access.ChangeConsent, ""},
	} {
		e := got[k.service]
		code := ""
		if len(e.Grounds) > 0 {
			code = e.Grounds[0].Code
		}
		if e.Allowed != k.allowed || e.Rule != k.rule || e.Change != k.change || code != k.code || e.Relation != access.RelationAppointment {
			t.Errorf("%s: %+v", k.service, e)
		}
	}
	if g := got[care.Skole].Grounds[0]; !slices.Equal(g.IDs, []string{"c1"}) || g.Fields != access.FieldsAll || g.Law == "" || g.Text == "" || !slices.Contains(g.Types, "CarePlan") || g.Marks != care.MarkRestricted {
		t.Errorf("ground %+v", g)
	}
	f.Viewer.Level = 3
	for _, e := range table.Explain(f, now) {
		if e.Allowed || e.Rule != access.LowLevel || e.Change != access.ChangeSignIn || len(e.Grounds) > 0 {
			t.Errorf("at level 3, %s: %+v", e.Service, e)
		}
	}
	f.Viewer.Level, f.Viewer.Scopes = 4, []string{"user/Media.rs"}
	for _, e := range table.Explain(f, now) {
		if e.Service == care.Skole && (e.Allowed || e.Rule != access.ScopeNarrowed || e.Change != access.ChangeScopes) {
			t.Errorf("by scope: %+v", e)
		}
	}
}

// What is printed says all: each rule with its law, each code, each age.
func TestRowsSayTheTable(t *testing.T) {
	table := table(t)
	for _, r := range table.Rows() {
		if r.Line == 0 || r.Basis == "" || r.Law == "" || r.Text == "" || len(r.Roles) == 0 || len(r.Origins) == 0 || len(r.Purposes) == 0 || r.Fields == "" || r.From == "" {
			t.Errorf("row %+v", r)
		}
	}
	first := table.Rows()[0]
	if first.Basis != "EGEN" || !slices.Equal(first.Clearance, []string{"restricted"}) || first.Until != "" {
		t.Errorf("first row %+v", first)
	}
	nothing := 0
	for _, c := range table.Codes() {
		if c.Line == 0 || c.Code == "" || c.Law == "" || c.Given == "" || len(c.Origins) == 0 {
			t.Errorf("code %+v", c)
		}
		if c.SharesNothing {
			nothing++
		}
		if c.Code == "BVL13-1" && (!c.Reason || !c.End || !c.Evidence || c.Max == 0) {
			t.Errorf("%+v", c)
		}
	}
	if nothing != 2 {
		t.Errorf("%d codes share nothing", nothing)
	}
	if rows := table.AgeRows(); len(rows) != 3 || rows[0].Law == "" || rows[0].Consent.Guardians != 16 || len(table.Ages()) != 3 {
		t.Errorf("ages %+v", table.AgeRows())
	}
	if table.Purpose(care.RoleKoordinator) != care.PurposeCOC || table.Purpose(care.RoleIntegrator) != "" || table.Purpose("x") != "" {
		t.Error("ordinary purposes")
	}
	if table.Level(care.RoleBarn) != 4 || table.Level(care.RoleIntegrator) != 0 || table.Level("x") != 4 {
		t.Error("levels")
	}
	if !slices.Contains(table.Topics(), "plan") || !slices.Equal(table.TopicOf("CarePlan"), []string{"plan"}) || len(table.TopicOf("Media")) != 0 {
		t.Errorf("topics %v", table.Topics())
	}
}
