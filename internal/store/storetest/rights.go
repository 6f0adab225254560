package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"samsyn/fhir"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ingest/ledger"
)

var (
	anders = care.Viewer{ID: "anders", Role: care.RoleKoordinator}
	liv    = care.Viewer{ID: "liv", Role: care.RoleKoordinator}
)

// keep registers rights of a person as they stand now.
func (b *bench) keep(p care.PersonID, r care.Rights) {
	b.Helper()
	_, who, epoch, err := b.Rights(ctx, p)
	b.check(err)
	b.check(b.PutRights(ctx, who, epoch, r, nil, nil))
}

func (b *bench) facts(v care.Viewer, p care.PersonID) care.Facts {
	b.Helper()
	f, err := b.Facts(ctx, v, p)
	b.check(err)
	return f
}

func appointment(id, viewer string, p care.PersonID) care.Appointment {
	return care.Appointment{ID: id, Viewer: viewer, Person: p, Role: care.RoleKoordinator, From: at, Until: at.AddDate(1, 0, 0), By: "ke", Reason: "test"}
}

// all kinds of rights of a person.
func every(p care.PersonID) care.Rights {
	return care.Rights{
		Appointments: []care.Appointment{appointment("a1", "anders", p), appointment("a2", "liv", p)},
		Bases:        []care.Basis{{ID: "b1", Code: "X", Person: p, Origins: []care.Service{care.Skole, care.BUP}, Viewer: "anders", Purpose: care.PurposeCOC, From: at, DecidedBy: "ke", Reason: "test"}},
		Consents: []care.Consent{{ID: "c1", Version: 1, Person: p, Status: care.ConsentProposed, Origins: []care.Service{care.Skole}, Receivers: []care.Receiver{{Viewer: "anders"}}, From: at, Changed: at,
			Signatures: []care.Signature{{Party: care.PartyChild, Signer: string(p), How: "paper", At: at}}}},
		Blocks:     []care.Block{{ID: "s1", Person: p, Viewer: "liv", Extent: care.BlockRecord, Record: care.RecordRef{Source: "a", Kind: "sak", Key: "1"}, From: at, By: "anders"}},
		Withheld:   []care.Withheld{{ID: "w1", Person: p, Service: care.BUP, From: at, By: "anders"}},
		Guardians:  []care.Guardian{{Viewer: "far", Code: care.ParentalFelles, From: at}, {Person: "mor-id", Code: care.ParentalFelles, From: at}},
		BreakGlass: []care.BreakGlass{{ID: "g1", Viewer: "liv", Person: p, Code: "AKUTT", Reason: "test", From: at, Until: at.Add(time.Hour)}},
	}
}

func rights(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	b.save("a", entry{key: "1", text: "1", subject: "s", numbers: []string{ella}, born: "2014-03-14"}.build(t))
	p := b.person(ella)
	before := b.facts(anders, p)
	if !before.Known || before.Born != "2014-03-14" || before.Viewer.ID != "anders" || before.Person != p || before.Tenant != "" || len(before.Appointments)+len(before.Bases) != 0 {
		t.Errorf("facts of one of whom nothing is registered: %+v", before)
	}
	given := every(p)
	b.keep(p, given)
	f := b.facts(anders, p)
	if f.Epoch <= before.Epoch {
		t.Errorf("epoch %d after %d", f.Epoch, before.Epoch)
	}
	want := before
	want.Epoch = f.Epoch
	want.Appointments, want.Bases, want.Consents = given.Appointments[:1], given.Bases, given.Consents
	want.Blocks, want.Withheld, want.Guardians = given.Blocks, given.Withheld, given.Guardians
	if asJSON(f) != asJSON(want) {
		t.Errorf("facts\n%s, want\n%s", asJSON(f), asJSON(want))
	}
	if f := b.facts(liv, p); len(f.Appointments) != 1 || f.Appointments[0].ID != "a2" || len(f.BreakGlass) != 1 {
		t.Errorf("liv's: %+v", f)
	}
	dump := b.dump()
	b.keep(p, given)
	if b.dump() != dump {
		t.Error("what is the same was written again")
	}
	signed := given.Consents[0]
	signed.Version, signed.Status = 2, care.ConsentActive
	b.keep(p, care.Rights{Consents: []care.Consent{signed}})
	if f := b.facts(anders, p); len(f.Consents) != 1 || f.Consents[0].Version != 2 || f.Consents[0].Status != care.ConsentActive {
		t.Errorf("after a new version: %+v", f.Consents)
	}
	vs, err := b.ConsentVersions(ctx, "c1")
	b.check(err)
	if len(vs) != 2 || vs[0].Status != care.ConsentProposed || vs[1].Status != care.ConsentActive {
		t.Errorf("versions %+v", vs)
	}
	if _, err := b.ConsentVersions(ctx, "a1"); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("versions of what is no consent: %v", err)
	}
	if open, err := b.Broken(ctx); err != nil || len(open) != 1 || open[0].ID != "g1" {
		t.Errorf("to be reviewed: %v %v", open, err)
	}
	seen := given.BreakGlass[0]
	seen.Reviewed, seen.Reviewer = at, "rev"
	b.keep(p, care.Rights{BreakGlass: []care.BreakGlass{seen}})
	if open, err := b.Broken(ctx); err != nil || len(open) != 0 {
		t.Errorf("after the review: %v %v", open, err)
	}
	// What nobody is told of, is about nobody or about another is refused.
	_, _, epoch, err := b.Rights(ctx, p)
	b.check(err)
	for name, c := range map[string]struct {
		epoch int64
		r     care.Rights
		want  error
	}{
		"another epoch":         {epoch - 1, care.Rights{Blocks: []care.Block{{ID: "n", Person: p}}}, care.ErrConflict},
		"no id":                 {epoch, care.Rights{Bases: []care.Basis{{Person: p}}}, care.ErrInvalid},
		"a guardian who is who": {epoch, care.Rights{Guardians: []care.Guardian{{Code: care.ParentalMor}}}, care.ErrInvalid},
		"of another person":     {epoch, care.Rights{Blocks: []care.Block{{ID: "n", Person: "other"}}}, care.ErrInvalid},
	} {
		dump := b.dump()
		if err := b.PutRights(ctx, p, c.epoch, c.r, nil, nil); !errors.Is(err, c.want) || b.dump() != dump {
			t.Errorf("%s: error %v, want %v and nothing written", name, err, c.want)
		}
	}
	if f := b.facts(anders, "nobody"); f.Known || f.Epoch != 0 {
		t.Errorf("facts of nobody: %+v", f)
	}
	if _, _, _, err := b.Rights(ctx, "nobody"); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("rights of nobody: %v", err)
	}
	b.check(b.PutRights(ctx, p, epoch, care.Rights{}, []care.Notice{{At: at, Role: care.RoleRevisor, What: "break-glass", Person: p, Ref: "g1"}}, nil))
	ns, err := b.Notices(ctx, care.RoleRevisor)
	b.check(err)
	if len(ns) != 1 || ns[0].Ref != "g1" || ns[0].Person != p || !ns[0].At.Equal(at) {
		t.Fatalf("notices %+v", ns)
	}
	if err := b.SawNotice(ctx, care.RoleDrift, ns[0].ID, "x", at); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("another office saw it: %v", err)
	}
	b.check(b.SawNotice(ctx, care.RoleRevisor, ns[0].ID, "rev", at))
	if ns, err := b.Notices(ctx, care.RoleRevisor); err != nil || len(ns) != 0 {
		t.Errorf("notices after they were seen: %v %v", ns, err)
	}
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func relations(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	b.save("a", entry{key: "1", text: "1", subject: "s", numbers: []string{ella}}.build(t), entry{key: "2", text: "2", subject: "t", numbers: []string{jonas}}.build(t))
	p, q := b.person(ella), b.person(jonas)
	b.keep(p, every(p))
	ask := func(v care.Viewer) string {
		t.Helper()
		ps, err := b.Persons(ctx, v)
		b.check(err)
		return fmt.Sprint(ps)
	}
	for name, c := range map[string]struct {
		viewer care.Viewer
		want   []care.PersonID
	}{
		"appointed":            {anders, []care.PersonID{p}},
		"guardian":             {care.Viewer{ID: "far"}, []care.PersonID{p}},
		"guardian by person":   {care.Viewer{ID: "x", Person: "mor-id"}, []care.PersonID{p}},
		"herself":              {care.Viewer{ID: "x", Person: q}, []care.PersonID{q}},
		"nobody":               {care.Viewer{}, nil},
		"a basis is no tie":    {care.Viewer{ID: "y"}, nil},
		"somebody who is none": {care.Viewer{ID: "x", Person: "none"}, nil},
	} {
		if got := ask(c.viewer); got != fmt.Sprint(c.want) {
			t.Errorf("%s: %s, want %v", name, got, c.want)
		}
	}
	if ps, err := b.Appointed(ctx); err != nil || !slices.Equal(ps, []care.PersonID{p}) {
		t.Errorf("appointed %v %v", ps, err)
	}
	for id, want := range map[string]care.PersonID{"1": p, "2": q, "3": ""} {
		if got, err := b.Whose(ctx, "Basic", id); err != nil || got != want {
			t.Errorf("Basic/%s is %q's %v, want %q", id, got, err, want)
		}
	}
}

func mergedRights(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	b.save("a", entry{key: "1", text: "1", day: 1, subject: "s", numbers: []string{selmaOld}}.build(t))
	b.save("b", entry{key: "1", text: "2", subject: "other", numbers: []string{selma}}.build(t))
	first, second := b.person(selmaOld), b.person(selma)
	b.keep(second, every(second))
	before := b.facts(anders, second)
	b.save("a", entry{key: "1", text: "1 again", day: 2, subject: "s", numbers: []string{selma}, old: []string{selmaOld}}.build(t))
	f := b.facts(anders, second)
	if f.Person != first || len(f.Blocks) != 1 || len(f.Withheld) != 1 || f.Blocks[0].Person != first || f.Withheld[0].Person != first {
		t.Errorf("united, the denials must hold for the survivor: %+v", f)
	}
	if len(f.Appointments)+len(f.Bases)+len(f.Consents)+len(f.BreakGlass)+len(f.Guardians) != 0 {
		t.Errorf("united, permissions must wait: %+v", f)
	}
	if f.Epoch == 0 {
		t.Error("the survivor's epoch did not grow")
	}
	if err := b.Audit(ctx, map[care.PersonID]int64{second: before.Epoch}, nil); !errors.Is(err, care.ErrConflict) {
		t.Errorf("what was decided before they were united is released: %v", err)
	}
	if err := b.ConfirmMerge(ctx, second, first, "ke", nil); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("confirming what is not so: %v", err)
	}
	waits := func(want ...care.Union) {
		t.Helper()
		got, err := b.Unions(ctx)
		b.check(err)
		for i := range got {
			if got[i].At.IsZero() || got[i].First != "" && got[i].FirstAt.IsZero() {
				t.Errorf("no time: %+v", got[i])
			}
			got[i].At, got[i].FirstAt = time.Time{}, time.Time{}
		}
		if !slices.Equal(got, want) {
			t.Errorf("unions %+v, want %+v", got, want)
		}
	}
	waits(care.Union{Survivor: first, Merged: second})
	b.check(b.ConfirmMerge(ctx, first, second, "ke", nil))
	waits(care.Union{Survivor: first, Merged: second, First: "ke"})
	if err := b.ConfirmMerge(ctx, first, second, "ke", nil); !errors.Is(err, care.ErrInvalid) {
		t.Errorf("the same says it again: %v", err)
	}
	if f := b.facts(anders, second); len(f.Appointments)+len(f.Bases)+len(f.Consents) != 0 {
		t.Errorf("one has said it, and permissions hold: %+v", f)
	}
	b.check(b.ConfirmMerge(ctx, first, second, "another", nil))
	waits()
	f = b.facts(anders, first)
	if len(f.Appointments) != 1 || len(f.Bases) != 1 || len(f.Consents) != 1 || f.Appointments[0].Person != first || f.Consents[0].Person != first || f.Consents[0].Signatures[0].Signer != string(first) {
		t.Errorf("after koordinerende enhet confirmed: %+v", f)
	}
	// What is the other's is changed by way of the survivor, and stays hers when they are parted.
	lifted := f.Blocks[0]
	lifted.Lifted = at
	b.keep(first, care.Rights{Blocks: []care.Block{lifted}})
	if f := b.facts(anders, first); len(f.Blocks) != 1 || !f.Blocks[0].Lifted.Equal(at) {
		t.Errorf("lifted by way of the survivor: %+v", f.Blocks)
	}
	_, _, epoch, err := b.Rights(ctx, first)
	b.check(err)
	if err := b.PutRights(ctx, first, epoch, care.Rights{Blocks: []care.Block{{ID: "elsewhere", Person: first, All: true, From: at}}}, nil, nil); err != nil {
		t.Error(err)
	}
	if ps, err := b.Persons(ctx, anders); err != nil || !slices.Equal(ps, []care.PersonID{first}) {
		t.Errorf("anders is tied to %v %v, want the survivor", ps, err)
	}
	b.check(b.Rule(ctx, identity.Subject{Source: "a", Key: "s"}, identity.Apart, "ke", "another child"))
	if f := b.facts(anders, second); f.Person != second || len(f.Appointments) != 1 || f.Appointments[0].Person != second || len(f.Blocks) != 2 || f.Blocks[0].Lifted.IsZero() || f.Blocks[0].Person != second ||
		f.Blocks[1].ID != "elsewhere/"+string(second) || f.Blocks[1].Person != second || !f.Blocks[1].Lifted.IsZero() {
		t.Errorf("parted, hers are hers: %+v", f)
	}
	if f := b.facts(anders, first); len(f.Appointments) != 0 || len(f.Blocks) != 1 || f.Blocks[0].ID != "elsewhere" {
		t.Errorf("parted, the survivor has what was hers: %+v", f)
	}
	refused := every(second).Consents[0]
	refused.Version, refused.Status = 2, care.ConsentRejected
	b.keep(second, care.Rights{Consents: []care.Consent{refused}})
	b.check(b.Withdraw(ctx, identity.Subject{Source: "a", Key: "s"}))
	if f := b.facts(anders, second); len(f.Appointments) != 0 {
		t.Errorf("united once more, a confirmation of before still holds: %+v", f)
	} else if len(f.Consents) != 1 || f.Consents[0].Status != care.ConsentRejected || f.Consents[0].Person != first {
		t.Errorf("united, a no is a no of both: %+v", f.Consents)
	}
}

// marked is an entry whose resource has labels.
func marked(t TB, e entry, typ string, labels ...string) ledger.Entry {
	out := e.build(t)
	text := ""
	for i, l := range labels {
		if i > 0 {
			text += ","
		}
		text += l
	}
	r := &out.Made[0].Resource
	r.Type = typ
	r.Body = json.RawMessage(fmt.Sprintf(`{"resourceType":%q,"id":%q,"meta":{"security":[%s]},"text":%q}`, typ, e.key, text, e.text))
	return out
}

func label(system, code string) string { return fmt.Sprintf(`{"system":%q,"code":%q}`, system, code) }

func addressLevel(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	e := func(day int, code string) ledger.Entry {
		return marked(t, entry{key: "1", text: "home", day: day, subject: "s", numbers: []string{ella}, service: care.Barnevern}, "Patient", label(care.SystemAddress, code))
	}
	b.save("a", e(1, "klientadresse"))
	p := b.person(ella)
	f := b.facts(anders, p)
	if f.Address != care.AddressKlient {
		t.Fatalf("level %d", f.Address)
	}
	b.save("b", marked(t, entry{key: "9", text: "x", subject: "o", numbers: []string{ella}}, "Patient", label(care.SystemAddress, "strengt-fortrolig")))
	if g := b.facts(anders, p); g.Address != care.AddressStrengtFortrolig || g.Epoch <= f.Epoch {
		t.Errorf("after another source raised it: level %d, epoch %d after %d", g.Address, g.Epoch, f.Epoch)
	}
	if err := b.Audit(ctx, map[care.PersonID]int64{p: f.Epoch}, nil); !errors.Is(err, care.ErrConflict) {
		t.Errorf("an answer of before is released: %v", err)
	}
	b.save("b", entry{key: "9", deleted: true, day: 50}.build(t))
	if g := b.facts(anders, p); g.Address != care.AddressStrengtFortrolig {
		t.Errorf("it sank by itself to %d", g.Address)
	}
	b.check(b.LowerAddress(ctx, p, nil))
	if g := b.facts(anders, p); g.Address != care.AddressKlient {
		t.Errorf("lowered by who may: %d, want what sources give now", g.Address)
	}
	dump := b.dump()
	b.save("a", e(1, "klientadresse"))
	if b.dump() != dump {
		t.Error("the same again moved an epoch")
	}
	// A subject that is linked later brings its level with it.
	b.save("b", marked(t, entry{key: "2", text: "y", subject: "late"}, "Patient", label(care.SystemAddress, "fortrolig")))
	if g := b.facts(anders, p); g.Address != care.AddressKlient {
		t.Errorf("nobody's record raised it to %d", g.Address)
	}
	b.save("b", entry{key: "3", text: "z", subject: "late", numbers: []string{ella}}.build(t))
	if g := b.facts(anders, p); g.Address != care.AddressFortrolig {
		t.Errorf("linked later: level %d", g.Address)
	}
}

func teamPlaces(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	team := func(day int, status, hpr, start, end string) ledger.Entry {
		e := entry{key: "1", text: "team", day: day, subject: "s", numbers: []string{ella}, service: care.Kommune}.build(t)
		e.Made[0].Resource = fhir.Resource{Type: "CareTeam", ID: "1", Body: json.RawMessage(fmt.Sprintf(`{"resourceType":"CareTeam","id":"1","status":%q,"period":{"start":"2026-01"},
			"participant":[{"member":{"identifier":{"system":%q,"value":%q}},"period":{"start":%q,"end":%q}}]}`, status, fhir.SystemHPR, hpr, start, end))}
		return e
	}
	siv := care.Viewer{ID: "siv", HPR: "9900011"}
	b.save("a", team(1, "active", "9900011", "2026-11-02", "2026-11-30"))
	p := b.person(ella)
	f := b.facts(siv, p)
	oslo := time.FixedZone("", 3600)
	want := []care.TeamPeriod{{Service: care.Kommune, From: time.Date(2026, 11, 2, 0, 0, 0, 0, oslo), Until: time.Date(2026, 12, 1, 0, 0, 0, 0, oslo)}}
	if len(f.Team) != 1 || f.Team[0].Service != want[0].Service || !f.Team[0].From.Equal(want[0].From) || !f.Team[0].Until.Equal(want[0].Until) {
		t.Fatalf("places %+v, want %+v", f.Team, want)
	}
	if ps, err := b.Persons(ctx, siv); err != nil || !slices.Equal(ps, []care.PersonID{p}) {
		t.Errorf("tied to %v %v", ps, err)
	}
	for _, v := range []care.Viewer{{ID: "siv"}, {ID: "siv", HPR: "990001"}, {HPR: ""}} {
		if f := b.facts(v, p); len(f.Team) != 0 {
			t.Errorf("%+v has places %+v", v, f.Team)
		}
	}
	b.save("a", team(2, "active", "9900022", "", ""))
	if g := b.facts(siv, p); len(g.Team) != 0 || g.Epoch <= f.Epoch {
		t.Errorf("after another took her place: %+v, epoch %d after %d", g.Team, g.Epoch, f.Epoch)
	}
	b.save("a", team(3, "inactive", "9900011", "", ""))
	if g := b.facts(siv, p); len(g.Team) != 0 {
		t.Errorf("a team that is over gives places: %+v", g.Team)
	}
	b.save("a", team(4, "active", "9900011", "some day", ""))
	if g := b.facts(siv, p); len(g.Team) != 0 {
		t.Errorf("a day that cannot be read gives a place: %+v", g.Team)
	}
	b.save("a", team(5, "active", "9900011", "", ""))
	if g := b.facts(siv, p); len(g.Team) != 1 || !g.Team[0].From.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, oslo)) || !g.Team[0].Until.IsZero() {
		t.Errorf("the team's own period: %+v", g.Team)
	}
}

func visibleSet(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	secret := label(care.SystemActCode, "PSY")
	b.save("a",
		entry{key: "1", text: "open", day: 1, subject: "s", numbers: []string{ella}, name: "Ella"}.build(t),
		marked(t, entry{key: "2", text: "plan", day: 1, subject: "s"}, "CarePlan"),
		marked(t, entry{key: "3", text: "secret", day: 1, subject: "s", name: "Secret", born: "2014-03-14"}, "Condition", secret),
		marked(t, entry{key: "4", text: "health", day: 1, subject: "s", service: care.BUP}, "Condition"))
	p := b.person(ella)
	ref := func(key string) care.RecordRef { return care.RecordRef{Source: "a", Kind: "sak", Key: key} }
	for name, c := range map[string]struct {
		visible []care.Visible
		want    string
		names   int
	}{
		"nothing":               {nil, "", 0},
		"no service":            {[]care.Visible{{}}, "", 0},
		"everything":            {everything, "1 2 3 4", 2},
		"one service":           {care.Whole(care.Skole), "1 2 3", 2},
		"a type":                {[]care.Visible{{Service: care.Skole, Types: []string{"CarePlan", "Goal", "CareTeam"}}}, "2", 0},
		"a type and who she is": {[]care.Visible{{Service: care.Skole, Types: []string{"Basic", "Patient"}}}, "1", 1},
		"without a mark":        {[]care.Visible{{Service: care.Skole, Without: care.MarkPsychiatry}}, "1 2", 1},
		"without another mark":  {[]care.Visible{{Service: care.Skole, Without: care.MarkSexual}}, "1 2 3", 2},
		"without a record":      {[]care.Visible{{Service: care.Skole, Except: []care.RecordRef{ref("1"), ref("2"), ref("7")}}}, "3", 1},
		"each its own":          {[]care.Visible{{Service: care.Skole, Types: []string{"CarePlan"}}, {Service: care.BUP, Without: care.AllMarks}}, "2 4", 0},
		"alike":                 {[]care.Visible{{Service: care.Skole, Without: care.AllMarks}, {Service: care.BUP, Without: care.AllMarks}, {Service: care.PPT, Without: care.AllMarks}}, "1 2 4", 1},
	} {
		cs, err := b.Contributions(ctx, p, c.visible)
		b.check(err)
		var got []string
		for _, one := range cs {
			for _, m := range one.Made {
				got = append(got, m.Resource.ID)
			}
		}
		if fmt.Sprint(got) != "["+c.want+"]" {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
		if claims, err := b.Claims(ctx, p, c.visible); err != nil || len(claims) != c.names {
			t.Errorf("%s: claims %+v %v, want %d", name, claims, err, c.names)
		}
	}
	// What was labelled later was confidential before; a removal is as visible as what it removed.
	b.save("a", marked(t, entry{key: "2", text: "plan", day: 2, subject: "s"}, "CarePlan", secret))
	limited := []care.Visible{{Service: care.Skole, Without: care.MarkPsychiatry}}
	if h, err := b.History(ctx, p, "CarePlan", "2", limited); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("the history of what was labelled later: %v %v", h, err)
	}
	if h, err := b.History(ctx, p, "CarePlan", "2", everything); err != nil || len(h) != 2 || h[1].Marks&care.MarkPsychiatry == 0 {
		t.Errorf("the whole history: %+v %v", h, err)
	}
	b.save("a", entry{key: "3", deleted: true, day: 3}.build(t))
	if h, err := b.History(ctx, p, "Condition", "3", limited); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("the removal of what is hidden: %v %v", h, err)
	}
	if h, err := b.History(ctx, p, "Condition", "3", everything); err != nil || len(h) != 2 || !h[0].Deleted {
		t.Errorf("the removal: %+v %v", h, err)
	}
}

// pastOfVisible: a record of two resources, of which the labelled one is what changes.
func pastOfVisible(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	hour := 0
	keep := func(e entry, labelled ...string) {
		t.Helper()
		e.key, e.subject, e.numbers, e.name = "1", "s", []string{ella}, "Ella"
		e.day = 10 + hour
		out := e.build(t)
		if len(labelled) > 0 {
			extra := marked(t, entry{key: "h", text: labelled[0], subject: "s"}, "Condition", label(care.SystemActCode, "PSY"))
			out.Made = append(out.Made, extra.Made...)
			out.Record.Body = []byte(e.text + labelled[0])
		}
		_, err := b.Save(ctx, ledger.Batch{Source: "a", Run: b.run, At: at.Add(time.Duration(hour) * time.Hour), Entries: []ledger.Entry{out}, Next: "next"})
		b.check(err)
		hour++
	}
	b.save("a") // the source begins
	past := func(visible []care.Visible) string {
		t.Helper()
		all, err := b.Past(ctx, b.person(ella), visible)
		b.check(err)
		var out []string
		for _, v := range all {
			if !v.Changed.Equal(at.AddDate(0, 0, 10+int(v.Recorded.Sub(at)/time.Hour)-100)) || v.Record != (care.RecordRef{Source: "a", Kind: "sak", Key: "1"}) || v.Current || v.Deleted == (v.Resource.Body != nil) {
				t.Errorf("%+v", v)
			}
			out = append(out, fmt.Sprintf("%s/%s %d+%d %t", v.Resource.Type, v.Resource.ID, v.Version, v.Recorded.Sub(at)/time.Hour, v.Deleted))
		}
		return strings.Join(out, ", ")
	}
	limited := []care.Visible{{Service: care.Skole, Without: care.MarkPsychiatry}}
	want := func(when string, visible []care.Visible, want string) {
		t.Helper()
		if got := past(visible); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	named := func() {
		t.Helper()
		for _, visible := range [][]care.Visible{everything, limited} { // whatever stands beside it, and since it was said first
			cs, err := b.Claims(ctx, b.person(ella), visible)
			b.check(err)
			if len(cs) != 1 || cs[0].Name != "Ella" || !cs[0].Recorded.Equal(at) {
				t.Errorf("claims %+v", cs)
			}
		}
	}
	keep(entry{text: "open"}, "one")
	named()
	want("at first", everything, "")
	keep(entry{text: "open"}, "two")
	named()
	want("the hidden part changed", everything, "Basic/1 1+0 false, Condition/h 1+0 false")
	want("the hidden part changed", limited, "Basic/1 1+0 false")
	want("of another service", care.Whole(care.BUP), "")
	want("to nobody", nil, "")
	keep(entry{text: "open"})
	want("the hidden part is gone", limited, "Basic/1 2+1 false, Basic/1 1+0 false")
	named()
	keep(entry{deleted: true})
	want("removed", everything, "")
	keep(entry{text: "open"}, "three")
	want("said again", limited, "Basic/1 4+3 true, Basic/1 3+2 false, Basic/1 2+1 false, Basic/1 1+0 false")
	want("said again", everything, "Basic/1 4+3 true, Basic/1 3+2 false, Basic/1 2+1 false, Basic/1 1+0 false, Condition/h 4+3 true, Condition/h 3+2 true, Condition/h 2+1 false, Condition/h 1+0 false")
}

func line(person care.PersonID, n int) care.Logged {
	return care.Logged{Person: person, Viewer: "anders", At: at.Add(time.Duration(n) * time.Second), Body: fmt.Appendf(nil, `{"resourceType":"AuditEvent","n":%d}`, n)}
}

// whole is the log from its beginning, which must be sound.
func (b *bench) whole() []audit.Row {
	b.Helper()
	var rows []audit.Row
	var head audit.Head
	for r, err := range b.AuditRows(ctx, 0) {
		b.check(err)
		if want := audit.Chain(head, r.Body); r.Link != want {
			b.Errorf("row %d is %+v, want %+v", r.Seq, r.Link, want)
		}
		head = r.Head()
		rows = append(rows, r)
	}
	if got, err := b.AuditHead(ctx); err != nil || got != head {
		b.Errorf("head %+v %v, want %+v", got, err, head)
	}
	return rows
}

func auditLog(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	b.save("a", entry{key: "1", text: "1", subject: "s", numbers: []string{ella}}.build(t))
	p := b.person(ella)
	b.whole()
	b.check(b.Audit(ctx, nil, nil))
	b.check(b.Audit(ctx, nil, []care.Logged{line(p, 1), line("", 2)}))
	b.check(b.Audit(ctx, map[care.PersonID]int64{p: b.facts(anders, p).Epoch, "nobody": 0}, []care.Logged{line(p, 3)}))
	if rows := b.whole(); len(rows) != 3 {
		t.Errorf("%d rows, want 3", len(rows))
	}
	mine, err := b.AuditOf(ctx, p)
	b.check(err)
	if len(mine) != 2 || mine[0].Seq != 3 || mine[1].Seq != 1 || string(mine[1].Body) != string(line(p, 1).Body) {
		t.Errorf("about her: %+v", mine)
	}
	if none, err := b.AuditOf(ctx, "nobody"); err != nil || len(none) != 0 {
		t.Errorf("about nobody: %v %v", none, err)
	}
	const writers, each = 8, 6
	var wait sync.WaitGroup
	failed := make(chan error, writers)
	for i := range writers {
		wait.Go(func() {
			for n := range each {
				if err := b.Audit(ctx, nil, []care.Logged{line(p, i*100+n)}); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wait.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	if rows := b.whole(); len(rows) != 3+writers*each {
		t.Errorf("%d rows, want %d", len(rows), 3+writers*each)
	}
}

func auditEpochs(t *testing.T, open func(TB) Store) {
	b := start(t, open)
	b.save("a", entry{key: "1", text: "1", subject: "s", numbers: []string{ella}}.build(t), entry{key: "2", text: "2", subject: "t", numbers: []string{jonas}}.build(t))
	p, q := b.person(ella), b.person(jonas)
	before := b.facts(anders, p)
	b.keep(p, every(p))
	if err := b.Audit(ctx, map[care.PersonID]int64{p: before.Epoch, q: b.facts(anders, q).Epoch}, []care.Logged{line(q, 1), line(p, 2)}); !errors.Is(err, care.ErrConflict) {
		t.Errorf("error %v, want care.ErrConflict", err)
	}
	if rows := b.whole(); len(rows) != 0 {
		t.Errorf("%d rows were written", len(rows))
	}
	// Rights and the event that tells of them are one.
	_, _, epoch, err := b.Rights(ctx, p)
	b.check(err)
	b.check(b.PutRights(ctx, p, epoch, care.Rights{Blocks: []care.Block{{ID: "s2", Person: p, All: true, From: at}}}, nil, []care.Logged{line(p, 3)}))
	if err := b.PutRights(ctx, p, epoch, care.Rights{Blocks: []care.Block{{ID: "s3", Person: p, All: true, From: at}}}, nil, []care.Logged{line(p, 4)}); !errors.Is(err, care.ErrConflict) {
		t.Errorf("error %v, want care.ErrConflict", err)
	}
	if rows := b.whole(); len(rows) != 1 {
		t.Errorf("%d rows, want 1", len(rows))
	}
}
