package audit_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/ops/scan"
	"samsyn/internal/words"
)

func rules(t testing.TB) *audit.Rules {
	t.Helper()
	r, err := audit.ShippedRules()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// town is the synthetic traffic of a municipality: people at work who open their own
// children in working hours, mistype an id now and then, are sometimes late, and so on.
type town struct {
	*rand.Rand
	events   []audit.Event
	known    audit.Background
	staff    []care.Viewer
	children []care.PersonID
	surname  map[care.PersonID]string
	parents  map[care.PersonID][]care.PersonID
	own      map[string][]care.PersonID // by viewer
	zone     *time.Location
	monday   time.Time
	weeks    int
	serial   int
}

// surnames as they are spread in Norway: a few that many bear, and a long tail.
func (w *town) name() string {
	return fmt.Sprintf("Navn%d", int(1500*w.Float64()*w.Float64()*w.Float64()))
}

func newTown(t testing.TB, seed uint64, weeks int) *town {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	w := &town{Rand: rand.New(rand.NewPCG(seed, 2026)), surname: map[care.PersonID]string{}, parents: map[care.PersonID][]care.PersonID{}, own: map[string][]care.PersonID{},
		zone: zone, monday: time.Date(2026, 8, 3, 0, 0, 0, 0, zone), weeks: weeks}
	for i := range 1200 {
		c := care.PersonID(fmt.Sprintf("child%d", i))
		w.children = append(w.children, c)
		w.surname[c] = w.name()
		w.parents[c] = []care.PersonID{care.PersonID(fmt.Sprintf("parent%d", 2*i)), care.PersonID(fmt.Sprintf("parent%d", 2*i+1))}
		if i%3 == 1 { // a sibling
			w.parents[c], w.surname[c] = w.parents[w.children[i-1]], w.surname[w.children[i-1]]
		}
	}
	for _, job := range []struct {
		role     care.Role
		service  care.Service
		n, least int
		most     int
	}{
		{care.RoleKoordinator, care.Koordinering, 20, 8, 25}, {care.RoleTjenesteyter, care.Skole, 30, 2, 8}, {care.RoleTjenesteyter, care.Helsestasjon, 12, 10, 25},
		{care.RoleTjenesteyter, care.PPT, 8, 10, 20}, {care.RoleTjenesteyter, care.Barnevern, 15, 6, 15}, {care.RoleKoordinerendeEnhet, care.Koordinering, 3, 15, 30},
	} {
		for i := range job.n {
			v := care.Viewer{ID: fmt.Sprintf("%s-%s-%d", job.role, job.service, i), Role: job.role, Service: job.service, Unit: fmt.Sprintf("9100%05d", i/6), Tenant: "910000010", Name: "Kari " + w.name(), Level: 4}
			if w.IntN(3) == 0 { // has children in the municipality herself
				mine := w.children[w.IntN(len(w.children))]
				v.Person = w.parents[mine][w.IntN(2)]
				v.Name = "Kari " + w.surname[mine]
			}
			w.staff = append(w.staff, v)
			w.own[v.ID] = w.caseload(v, job.least+w.IntN(job.most-job.least+1))
		}
	}
	for _, v := range w.staff {
		for _, c := range w.own[v.ID] {
			w.known.Appointments = append(w.known.Appointments, care.Appointment{ID: "a-" + v.ID + "-" + string(c), Viewer: v.ID, Person: c, Role: v.Role, From: w.monday.AddDate(0, -2, 0), By: "leder"})
		}
	}
	w.known.Zone = zone
	w.known.Parents = func(c care.PersonID) []care.PersonID { return w.parents[c] }
	w.known.Surname = func(c care.PersonID) string { return w.surname[c] }
	return w
}

// caseload gives children that nobody would think wrong to give her: not her own family.
func (w *town) caseload(v care.Viewer, n int) []care.PersonID {
	var all []care.PersonID
	for len(all) < n {
		c := w.children[w.IntN(len(w.children))]
		if !slices.Contains(all, c) && !slices.Contains(w.parents[c], v.Person) {
			all = append(all, c)
		}
	}
	return all
}

func (w *town) note(v care.Viewer, at time.Time, what string, c care.PersonID, permit bool) *audit.Event {
	w.serial++
	e := audit.Event{ID: fmt.Sprintf("e%d", w.serial), At: at, Viewer: v, Person: c, Interaction: what, Door: audit.DoorPage, Permit: permit, Rule: "R", PolicyVersion: "1", Purpose: care.PurposeCOC}
	if permit && c != "" {
		e.Bases = []string{"a-" + v.ID + "-" + string(c)}
		e.Services = []care.Service{care.Skole}
	}
	w.events = append(w.events, e)
	return &w.events[len(w.events)-1]
}

// at gives a moment of working hours on a weekday of a week.
func (w *town) at(week int) time.Time {
	return w.day(week).Add(time.Duration(8*60+w.IntN(8*60)) * time.Minute).Add(time.Duration(w.IntN(60)) * time.Second)
}

func (w *town) day(week int) time.Time { return w.monday.AddDate(0, 0, 7*week+w.IntN(5)) }

// traffic lets everybody do her work.
func (w *town) traffic() {
	for week := range w.weeks {
		for _, v := range w.staff {
			mine := w.own[v.ID]
			for range 2 + w.IntN(3) { // sittings: a few children, each looked at once or more
				begin := w.at(week)
				w.note(v, begin, audit.SignIn, "", true)
				for _, c := range mine {
					w.note(v, begin, audit.Children, c, true)
				}
				for i := range 1 + w.IntN(6) {
					c := mine[w.IntN(len(mine))]
					at := begin.Add(time.Duration(3+i*4+w.IntN(4)) * time.Minute)
					w.note(v, at, audit.Overview, c, true)
					for range w.IntN(3) {
						w.note(v, at.Add(time.Minute), audit.Read, c, true)
					}
				}
			}
			if w.IntN(12) == 0 { // an evening with a report
				late := w.day(week).Add(time.Duration(20*60+w.IntN(90)) * time.Minute)
				for range 1 + w.IntN(2) {
					w.note(v, late, audit.Overview, mine[w.IntN(len(mine))], true)
				}
			}
			if w.IntN(20) == 0 { // a link that is old
				w.note(v, w.at(week), audit.Overview, w.children[w.IntN(len(w.children))], false)
			}
			if w.IntN(15) == 0 { // a mistyped address
				for range 1 + w.IntN(2) {
					w.note(v, w.at(week), audit.Read, "", false).Resource = fmt.Sprintf("CarePlan/x%d", w.IntN(1000))
				}
			}
			if w.IntN(30) == 0 { // a consent is registered
				c := mine[w.IntN(len(mine))]
				w.note(v, w.at(week), audit.ConsentRegister, c, true)
			}
			if v.Service == care.Helsestasjon && w.IntN(60) == 0 {
				w.note(v, w.at(week), audit.BreakGlass, mine[0], true)
			}
			if w.IntN(80) == 0 { // a family that moves takes everything with it
				w.note(v, w.at(week), audit.Export, mine[w.IntN(len(mine))], true)
			}
		}
	}
}

// planted is a pattern that somebody hid in the traffic.
type planted struct {
	rule   string
	viewer string
	from   time.Time
	until  time.Time
}

func (w *town) stranger(v care.Viewer) care.PersonID {
	for {
		c := w.children[w.IntN(len(w.children))]
		if !slices.Contains(w.own[v.ID], c) && !slices.Contains(w.parents[c], v.Person) {
			return c
		}
	}
}

func (w *town) pick(role care.Role, services ...care.Service) care.Viewer {
	for {
		v := w.staff[w.IntN(len(w.staff))]
		if v.Role == role && (len(services) == 0 || slices.Contains(services, v.Service)) {
			return v
		}
	}
}

// plant hides one pattern of a rule somewhere in the weeks after the fourth.
func (w *town) plant(rule string) planted {
	week := 4 + w.IntN(w.weeks-4)
	v := w.pick(care.RoleTjenesteyter, care.Skole, care.Helsestasjon, care.PPT)
	at := w.at(week)
	p := planted{rule, v.ID, at, at}
	step := func(most time.Duration) time.Time {
		at = at.Add(time.Duration(w.Int64N(int64(most))) + time.Second)
		p.until = at
		return at
	}
	switch rule {
	case "mass-browsing": // goes through a list that is not hers, a child a minute
		for range 24 + w.IntN(60) {
			w.note(v, step(80*time.Second), audit.Overview, w.stranger(v), true)
		}
	case "no-relation":
		v = w.pick(care.RoleKoordinator)
		p.viewer = v.ID
		c := w.stranger(v)
		for range 1 + w.IntN(4) {
			w.note(v, step(10*time.Minute), audit.Overview, c, true).Bases = nil
		}
	case "repeated-denials": // tries names that she has heard of
		for range 5 + w.IntN(10) {
			w.note(v, step(90*time.Minute), audit.Overview, w.stranger(v), false)
		}
	case "self-made-basis":
		c := w.stranger(v)
		w.note(v, at, audit.Overview, c, false)
		w.note(v, step(3*24*time.Hour), []string{audit.BasisRegister, audit.ConsentRegister, audit.AppointmentRegister}[w.IntN(3)], c, true)
		w.note(v, step(24*time.Hour), audit.Overview, c, true)
	case "outside-hours":
		if w.IntN(2) == 0 { // one night, many children
			at = w.day(week).Add(time.Duration(22*60+w.IntN(180)) * time.Minute)
			p.from = at
			for range 4 + w.IntN(8) {
				w.note(v, step(20*time.Minute), audit.Overview, w.own[v.ID][w.IntN(len(w.own[v.ID]))], true)
			}
			for range 3 {
				w.note(v, step(5*time.Minute), audit.Read, w.stranger(v), true)
			}
		} else { // night after night the same child
			c := w.stranger(v)
			at = w.monday.AddDate(0, 0, 7*week).Add(23 * time.Hour)
			p.from = at
			for range 5 + w.IntN(4) {
				w.note(v, at, audit.Overview, c, true)
				p.until = at
				at = at.AddDate(0, 0, 1)
			}
		}
	case "own-family":
		mine := w.children[w.IntN(len(w.children))]
		for i := range w.staff {
			if w.staff[i].ID == v.ID {
				w.staff[i].Person = w.parents[mine][0]
				v = w.staff[i]
			}
		}
		if w.IntN(2) == 0 { // a sibling of her own: the same parents
			v.Person = "self-" + care.PersonID(v.ID)
			w.parents[v.Person] = w.parents[mine]
		}
		for range 1 + w.IntN(3) {
			w.note(v, step(time.Hour), audit.Overview, mine, true)
		}
	case "same-surname":
		c := w.stranger(v)
		w.surname[c] = "Sjeldenby" + v.ID
		v.Name = "Kari Sjeldenby" + v.ID
		w.note(v, step(time.Hour), audit.Overview, c, true)
	case "colleagues-child":
		c := w.stranger(v)
		for i := range w.staff {
			if o := &w.staff[i]; o.ID != v.ID && o.Unit == v.Unit && o.Service == v.Service {
				o.Person = "colleague-" + care.PersonID(o.ID)
				w.parents[c] = []care.PersonID{o.Person}
				w.note(*o, w.at(week), audit.SignIn, "", true)
				break
			}
		}
		for range 1 + w.IntN(3) {
			w.note(v, step(time.Hour), audit.Overview, c, true)
		}
	case "break-glass-habit":
		v = w.pick(care.RoleTjenesteyter, care.Helsestasjon)
		p.viewer = v.ID
		for range 3 + w.IntN(4) {
			e := w.note(v, step(6*24*time.Hour), audit.BreakGlass, w.stranger(v), true)
			e.Purpose = care.PurposeBTG
		}
	case "appointment-end":
		v = w.pick(care.RoleKoordinator)
		p.viewer = v.ID
		c := w.stranger(v)
		end := w.at(week)
		w.known.Appointments = append(w.known.Appointments, care.Appointment{ID: "gone", Viewer: v.ID, Person: c, From: w.monday, Ended: end, By: "leder"})
		switch w.IntN(3) {
		case 0:
			at = end.Add(-48 * time.Hour)
			p.from = at
			for range 14 + w.IntN(20) {
				w.note(v, step(90*time.Minute), audit.Read, c, true)
			}
		case 1:
			at = end.Add(-20 * time.Hour)
			p.from = at
			w.note(v, step(time.Hour), audit.Export, c, true)
		case 2:
			at = end
			p.from = at
			for range 2 + w.IntN(4) {
				w.note(v, step(5*24*time.Hour), audit.Overview, c, false)
			}
		}
	case "id-guessing":
		for i := range 10 + w.IntN(100) {
			e := w.note(v, step(40*time.Second), []string{audit.Read, audit.Overview}[w.IntN(2)], "", false)
			if e.Interaction == audit.Read {
				e.Resource = fmt.Sprintf("CarePlan/%d", i)
			}
		}
	case "unusual-many":
		v = w.pick(care.RoleTjenesteyter, care.Skole)
		p.viewer = v.ID
		p.from = w.monday.AddDate(0, 0, 7*week)
		p.until = p.from.AddDate(0, 0, 7)
		for range 25 + w.IntN(20) {
			w.note(v, w.at(week), audit.Overview, w.stranger(v), true)
		}
	case "same-child":
		c := w.stranger(v)
		for range 24 + w.IntN(20) {
			w.note(v, step(15*time.Minute), audit.Read, c, true)
		}
	case "many-exports":
		for range 4 + w.IntN(5) {
			w.note(v, step(20*time.Hour), audit.Export, w.stranger(v), true)
		}
	}
	return p
}

var planting = []string{"mass-browsing", "no-relation", "repeated-denials", "self-made-basis", "outside-hours", "own-family", "same-surname", "colleagues-child",
	"break-glass-habit", "appointment-end", "id-guessing", "unusual-many", "same-child", "many-exports"}

// At most one of a hundred weeks of somebody's ordinary work is told as an anomaly.
func TestOrdinaryWorkIsNoAnomaly(t *testing.T) {
	for seed := range uint64(size(1, 4)) {
		w := newTown(t, 100+seed, 13)
		w.traffic()
		found := audit.Anomalies(w.events, w.known, rules(t))
		weeks := map[string]bool{}
		for _, a := range found {
			weeks[fmt.Sprint(a.Viewer, a.From.Sub(w.monday)/(7*24*time.Hour))] = true
		}
		of := len(w.staff) * w.weeks
		share := float64(len(weeks)) / float64(of)
		t.Logf("seed %d: %d events, %d anomalies in %d of %d weeks of work: %.2f %%", 100+seed, len(w.events), len(found), len(weeks), of, 100*share)
		if share > 0.01 {
			for _, a := range found {
				t.Errorf("%s %s %v", a.Rule, a.Viewer, a.From)
			}
		}
	}
}

// Of fifty patterns that are hidden in ordinary work at least 95 of a hundred are found,
// each by its own rule, for the one who did it, while she did it.
func TestPlantedPatternsAreFound(t *testing.T) {
	for seed := range uint64(size(1, 4)) {
		w := newTown(t, 500+seed, 13)
		w.traffic()
		var all []planted
		for i := range 50 {
			all = append(all, w.plant(planting[i%len(planting)]))
		}
		w.Shuffle(len(w.events), func(i, j int) { w.events[i], w.events[j] = w.events[j], w.events[i] })
		found := audit.Anomalies(w.events, w.known, rules(t))
		missed := 0
		for _, p := range all {
			if !slices.ContainsFunc(found, func(a audit.Anomaly) bool {
				return a.Rule == p.rule && a.Viewer == p.viewer && !a.From.After(p.until) && !a.Until.Before(p.from)
			}) {
				missed++
				t.Logf("seed %d missed %+v", 500+seed, p)
			}
		}
		t.Logf("seed %d: %d of %d found", 500+seed, len(all)-missed, len(all))
		if missed*100 > 5*len(all) {
			t.Errorf("seed %d: %d of %d were missed", 500+seed, missed, len(all))
		}
		for _, a := range found {
			for _, lang := range words.Langs() {
				said := a.Say(words.In(lang), w.zone)
				if strings.ContainsAny(said, "[]{}") || len(scan.Text(said)) > 0 {
					t.Fatalf("%s in %s: %s", a.Rule, lang, said)
				}
			}
		}
	}
}

// Just below each limit nothing is told.
func TestBelowTheLimit(t *testing.T) {
	at := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	v := koordinator()
	note := func(i int, e audit.Event) audit.Event {
		e.ID, e.At, e.Viewer, e.Bases = fmt.Sprint(i), at.Add(time.Duration(i)*time.Minute), v, []string{"a"}
		return e
	}
	for _, c := range []struct {
		rule  string
		limit int
		make  func(i int) audit.Event
	}{
		{"mass-browsing", 20, func(i int) audit.Event {
			return audit.Event{Interaction: audit.Overview, Permit: true, Person: care.PersonID(fmt.Sprint(i))}
		}},
		{"repeated-denials", 4, func(i int) audit.Event {
			return audit.Event{Interaction: audit.Overview, Person: care.PersonID(fmt.Sprint(i))}
		}},
		{"break-glass-habit", 3, func(i int) audit.Event { return audit.Event{Interaction: audit.BreakGlass, Permit: true, Person: "p"} }},
		{"id-guessing", 8, func(i int) audit.Event {
			return audit.Event{Interaction: audit.Read, Resource: fmt.Sprint("CarePlan/", i)}
		}},
		{"same-child", 20, func(i int) audit.Event {
			return audit.Event{Interaction: audit.Read, Permit: true, Person: "p"}
		}},
		{"many-exports", 3, func(i int) audit.Event {
			return audit.Event{Interaction: audit.Export, Permit: true, Person: care.PersonID(fmt.Sprint(i))}
		}},
	} {
		var events []audit.Event
		for i := range c.limit {
			found := slices.ContainsFunc(audit.Anomalies(events, audit.Background{}, rules(t)), func(a audit.Anomaly) bool { return a.Rule == c.rule })
			if found {
				t.Errorf("%s is told at %d", c.rule, i)
			}
			events = append(events, note(i, c.make(i)))
		}
		found := audit.Anomalies(events, audit.Background{}, rules(t))
		i := slices.IndexFunc(found, func(a audit.Anomaly) bool { return a.Rule == c.rule })
		if i < 0 {
			t.Errorf("%s is not told at %d", c.rule, c.limit)
		} else if a := found[i]; a.Count != c.limit || a.Limit != c.limit || !a.From.Equal(at) {
			t.Errorf("%s: %+v", c.rule, a)
		}
	}
}

// Two spells of one pattern are two; what overlaps is one.
func TestSpells(t *testing.T) {
	var events []audit.Event
	for day := range 2 {
		for i := range 30 {
			e := opened()
			e.Person = care.PersonID(fmt.Sprint(i))
			e.At = noon.AddDate(0, 0, 3*day).Add(time.Duration(i) * 3 * time.Minute)
			events = append(events, e)
		}
	}
	var told []audit.Anomaly
	for _, a := range audit.Anomalies(events, audit.Background{}, rules(t)) {
		if a.Rule == "mass-browsing" {
			told = append(told, a)
		}
	}
	if len(told) != 2 || told[0].Count != 30 || len(told[1].Persons) != 30 {
		t.Errorf("%+v", told)
	}
}

// What family and systems do, and what failed, is no snooping by staff.
func TestWhoIsNotWatched(t *testing.T) {
	for _, role := range []care.Role{care.RoleBarn, care.RoleForesatt, care.RoleIntegrator} {
		var events []audit.Event
		for i := range 40 {
			e := opened()
			e.Viewer.Role, e.Person = role, care.PersonID(fmt.Sprint(i))
			events = append(events, e)
		}
		if found := audit.Anomalies(events, audit.Background{}, rules(t)); len(found) > 0 {
			t.Errorf("%s: %+v", role, found)
		}
	}
	if found := audit.Anomalies(nil, audit.Background{}, rules(t)); found != nil {
		t.Errorf("an empty log: %+v", found)
	}
}

func TestRulesThatMakeNoSense(t *testing.T) {
	for _, text := range []string{
		"", "version: x", "version: x\nhours: {from: '20:00', until: '06:00'}", "version: x\nhours: {from: 6, until: '20:00'}",
		"version: x\nhours: {from: '06:00', until: '20:00'}\nmass-browsing: {within: 1h}", "version: x\nhours: {from: '06:00', until: '20:00'}\nno-such-rule: {within: 1h}",
		"version: x\nhours: {from: '06:00', until: '20:00'}\nsame-child: {within: -1h, opens: 3}", "version: x\nhours: {from: '06:00', until: '20:00'}\n---\nversion: y", "\x00",
	} {
		if _, err := audit.LoadRules([]byte(text)); !errors.Is(err, care.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
	r, err := audit.LoadRules([]byte("version: x\nhours: {from: '06:00', until: '20:00'}"))
	if err != nil {
		t.Fatal(err)
	}
	w := newTown(t, 1, 2)
	w.traffic()
	if found := audit.Anomalies(w.events, w.known, r); len(found) > 0 {
		t.Errorf("no rules find %+v", found)
	}
}

func FuzzLoadRules(f *testing.F) {
	f.Add([]byte("version: x\nhours: {from: '06:00', until: '20:00'}\nsame-child: {within: 1h, opens: 3}"))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := audit.LoadRules(file)
		if err != nil {
			if !errors.Is(err, care.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		audit.Anomalies([]audit.Event{opened()}, audit.Background{}, r)
	})
}
