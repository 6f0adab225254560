package audit_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/words"
)

func guardian() audit.Reader {
	return audit.Reader{Viewer: care.Viewer{ID: "mor", Role: care.RoleForesatt}, Visible: []care.Service{care.Skole, care.Helsestasjon, care.Koordinering}}
}

func seen(by care.Viewer, what string, services ...care.Service) audit.Event {
	return audit.Event{ID: "x", At: noon, Viewer: by, Person: "p1", Interaction: what, Door: audit.DoorPage, Permit: true, Rule: "R", Purpose: care.PurposeCOC, Services: services}
}

// What a guardian reads of each kind of event.
func TestWhatAGuardianReads(t *testing.T) {
	teacher := care.Viewer{ID: "lise", Name: "Lise Li", Title: "lærer", Role: care.RoleTjenesteyter, Service: care.Skole, Tenant: "910000010", Unit: "910000029"}
	caseworker := care.Viewer{ID: "bo", Name: "Bo By", Role: care.RoleTjenesteyter, Service: care.Barnevern}
	child := care.Viewer{ID: "barn", Role: care.RoleBarn, Person: "p1"}
	father := care.Viewer{ID: "far", Name: "Far", Role: care.RoleForesatt}
	mother := care.Viewer{ID: "mor", Name: "Mor", Role: care.RoleForesatt}
	resource := seen(teacher, audit.Read, care.Skole)
	resource.Resource = "CarePlan/x/_history/2"
	denied := seen(teacher, audit.Overview, care.Skole)
	denied.Permit = false
	broken := seen(koordinator(), audit.BreakGlass)
	broken.Reason, broken.Purpose = "Barnet er meldt savnet, ring 123", care.PurposeBTG
	for _, c := range []struct {
		name string
		e    audit.Event
		want []care.Service // nil: no line
	}{
		{"coordinator", seen(koordinator(), audit.Overview, care.Skole, care.Barnevern, care.BUP), []care.Service{care.Skole}},
		{"only what is hidden", seen(koordinator(), audit.Overview, care.Barnevern), nil},
		{"nothing", seen(koordinator(), audit.Search), nil},
		{"teacher", seen(teacher, audit.Overview, care.Skole), []care.Service{care.Skole}},
		{"barnevern reads of school", seen(caseworker, audit.Overview, care.Skole), nil},
		{"barnevern in an emergency", seen(caseworker, audit.BreakGlass), nil},
		{"emergency", broken, []care.Service{}},
		{"denied", denied, nil},
		{"a resource that she may not see", resource, nil},
		{"the child", seen(child, audit.Overview, care.Skole), nil},
		{"the other parent", seen(father, audit.Overview, care.Skole), nil},
		{"herself", seen(mother, audit.Overview, care.Skole), []care.Service{care.Skole}},
		{"withheld from her", seen(koordinator(), audit.WithholdRegister, care.Skole), nil},
		{"blocked", seen(koordinator(), audit.BlockRegister, care.Skole), nil},
		{"consent", seen(koordinator(), audit.ConsentRegister, care.Skole, care.BUP), []care.Service{care.Skole}},
		{"consent to hidden services", seen(koordinator(), audit.ConsentRegister, care.BUP), nil},
		{"list of children", seen(koordinator(), audit.Children, care.Skole), nil},
		{"push", seen(koordinator(), audit.Push, care.Skole), nil},
	} {
		lines := audit.Readable([]audit.Event{c.e}, guardian())
		if (len(lines) == 1) != (c.want != nil) {
			t.Errorf("%s: %+v", c.name, lines)
			continue
		}
		if c.want != nil && !slices.Equal(lines[0].Services, c.want) {
			t.Errorf("%s: told of %v", c.name, lines[0].Services)
		}
		for _, lang := range words.Langs() {
			for _, l := range lines {
				w := words.In(lang)
				said := strings.Join([]string{l.Who(w), l.Did(w), l.Saw(w), l.Why(w)}, " | ")
				if strings.Contains(said, "[") || strings.Contains(said, "savnet") {
					t.Errorf("%s in %s: %s", c.name, lang, said)
				}
			}
		}
	}
	r := guardian()
	r.Sees = func(resource string) bool { return resource == "CarePlan/x" }
	if lines := audit.Readable([]audit.Event{resource}, r); len(lines) != 1 {
		t.Errorf("a resource that she sees: %+v", lines)
	}
	r = audit.Reader{Viewer: child, Visible: []care.Service{care.Skole}}
	for _, e := range []audit.Event{seen(koordinator(), audit.WithholdRegister, care.Skole), seen(father, audit.Overview, care.Skole)} {
		if lines := audit.Readable([]audit.Event{e}, r); len(lines) != 1 {
			t.Errorf("the child does not read %s", e.Interaction)
		}
	}
}

// Every interaction that is told has words in each language.
func TestEveryTellingHasWords(t *testing.T) {
	for _, what := range audit.Interactions() {
		lines := audit.Readable([]audit.Event{seen(koordinator(), what, care.Skole)}, audit.Reader{Viewer: care.Viewer{ID: "b", Role: care.RoleBarn}, Visible: []care.Service{care.Skole}})
		for _, l := range lines {
			for _, lang := range words.Langs() {
				if !words.In(lang).Has("audit.did." + what) {
					t.Errorf("%s has no words for %s", lang, what)
				}
				_ = l
			}
		}
	}
	for _, p := range []care.Purpose{care.PurposeCOC, care.PurposeTREAT, care.PurposeETREAT, care.PurposeBTG, care.PurposePATRQT, care.PurposeFAMRQT, care.PurposeHOPERAT} {
		if !words.In(words.Bokmaal).Has("audit.purpose." + string(p)) {
			t.Errorf("no words for purpose %s", p)
		}
	}
	for _, r := range care.Roles() {
		if !words.In(words.Bokmaal).Has("audit.role." + string(r)) {
			t.Errorf("no words for role %s", r)
		}
	}
}

func TestLineInWords(t *testing.T) {
	e := seen(koordinator(), audit.Overview, care.Skole, care.PPT)
	e.Bases = []string{"c1", "secret"}
	r := guardian()
	r.Visible = append(r.Visible, care.PPT)
	r.Bases = map[string]string{"c1": "audit.basis.consent"}
	l := audit.Readable([]audit.Event{e}, r)[0]
	w := words.In(words.Bokmaal)
	if got, want := strings.Join([]string{l.Who(w), l.Did(w), l.Saw(w), l.Why(w)}, " | "), "Anders Bakke, barnekoordinator | åpnet oversikten | Skole, PPT | for å samordne hjelpen; samtykke"; got != want {
		t.Errorf("%s", got)
	}
}

// Of a child whose address is protected nothing is told from which a place follows.
func TestAddressIsNotTold(t *testing.T) {
	teacher := care.Viewer{ID: "lise", Name: "Lise CANARY", Title: "lærer ved CANARY", Role: care.RoleTjenesteyter, Service: care.Skole, Tenant: "910000010", Unit: "910000029"}
	e := seen(teacher, audit.Overview, care.Skole)
	e.Client, e.Address, e.Query, e.Reason, e.RequestID = "CANARY", "CANARY", "CANARY", "CANARY", "CANARY"
	r := guardian()
	r.Address = true
	lines := audit.Readable([]audit.Event{e}, r)
	if len(lines) != 1 {
		t.Fatal("no line")
	}
	if told := fmt.Sprintf("%+v", lines); strings.Contains(told, "CANARY") || strings.Contains(told, "9100000") {
		t.Error(told)
	}
	if who := lines[0].Who(words.In(words.Bokmaal)); who != "Fagperson" {
		t.Errorf("%q", who)
	}
}

// Two logs that differ only in what is hidden from the reader read alike: the rows of
// hidden services, of the child and the other parent, denied and withheld ones, and in
// what is left every part that tells of hidden data.
func TestTwinWorldsReadAlike(t *testing.T) {
	secret := []care.Service{care.Barnevern, care.BUP, care.Fastlege, care.Spesialist, care.PPT, care.Kommune, care.Barnehage}
	check(t, 200, 5000, func(t *rapid.T) {
		r := guardian()
		r.Address = rapid.Bool().Draw(t, "address")
		r.Sees = func(resource string) bool { return resource == "CarePlan/seen" }
		r.Bases = map[string]string{"known": "audit.basis.consent"}
		someServices := rapid.SliceOfNDistinct(rapid.SampledFrom(care.Services()), 0, 4, rapid.ID)
		hiddenServices := rapid.SliceOfNDistinct(rapid.SampledFrom(secret), 0, 4, rapid.ID)
		shown := rapid.Custom(func(t *rapid.T) audit.Event {
			e := seen(koordinator(), rapid.SampledFrom(audit.Interactions()).Draw(t, "what"), someServices.Draw(t, "services")...)
			e.Viewer.Service = rapid.SampledFrom([]care.Service{care.Koordinering, care.Skole, care.Helsestasjon, ""}).Draw(t, "works in")
			e.At = noon.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "minute")) * time.Minute)
			e.Resource = rapid.SampledFrom([]string{"", "CarePlan/seen", "CarePlan/hidden"}).Draw(t, "resource")
			e.Purpose = rapid.SampledFrom([]care.Purpose{care.PurposeCOC, care.PurposeTREAT, care.PurposeBTG}).Draw(t, "purpose")
			e.Bases = rapid.SampledFrom([][]string{nil, {"known"}}).Draw(t, "bases")
			return e
		})
		hidden := rapid.Custom(func(t *rapid.T) audit.Event {
			e := shown.Draw(t, "hidden")
			switch rapid.IntRange(0, 7).Draw(t, "why hidden") {
			case 0:
				e.Viewer.Service = rapid.SampledFrom(secret).Draw(t, "secret service")
			case 1:
				e.Viewer = care.Viewer{ID: "barn", Role: care.RoleBarn}
			case 2:
				e.Viewer = care.Viewer{ID: "far", Role: care.RoleForesatt}
			case 3:
				e.Permit = false
			case 4:
				e.Interaction = rapid.SampledFrom([]string{audit.WithholdRegister, audit.WithholdLift, audit.BlockRegister, audit.BlockLift, audit.Push, audit.Merge}).Draw(t, "kept")
			case 5:
				e.Interaction, e.Resource = audit.Read, "Encounter/withheld"
			case 6:
				e.Interaction, e.Services = audit.AppointmentRegister, hiddenServices.Draw(t, "appointed")
			case 7:
				e.Permit, e.Failed = false, true
			}
			return e
		})
		var a, b []audit.Event
		for range rapid.IntRange(0, 12).Draw(t, "rows") {
			if rapid.Bool().Draw(t, "hidden row") {
				e := hidden.Draw(t, "row")
				if rapid.Bool().Draw(t, "in which world") {
					a = append(a, e)
				} else {
					b = append(b, e)
				}
				continue
			}
			e := shown.Draw(t, "row")
			a = append(a, e)
			// The same access in a world with other hidden data.
			e.ID, e.Withheld, e.Rule, e.PolicyVersion = "other", e.Withheld+7, "R-BARNEVERN", "other"
			e.Services = append(slices.Clone(e.Services), hiddenServices.Draw(t, "could be seen there")...)
			e.Bases = append(slices.Clone(e.Bases), "b-barnevern")
			e.RequestID, e.Query, e.Token, e.Reason, e.Client, e.Address = "o", "o", "o", "o", "o", "o"
			b = append(b, e)
		}
		one, two := audit.Readable(a, r), audit.Readable(b, r)
		if !reflect.DeepEqual(one, two) {
			t.Fatalf("%+v\n%+v", one, two)
		}
		for _, l := range one {
			for _, s := range append(l.Services, l.Service) {
				if slices.Contains(secret, s) {
					t.Fatalf("%s is told", s)
				}
			}
		}
	})
}

// Lines stand newest first.
func TestLinesStandNewestFirst(t *testing.T) {
	first, second := seen(koordinator(), audit.Overview, care.Skole), seen(koordinator(), audit.Export, care.Skole)
	second.At = noon.Add(time.Minute)
	lines := audit.Readable([]audit.Event{first, second}, guardian())
	if len(lines) != 2 || lines[0].What != audit.Export {
		t.Errorf("%+v", lines)
	}
}
