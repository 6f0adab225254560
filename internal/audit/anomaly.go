package audit

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/words"
)

// Anomaly is a pattern in the log that a human should look at: who, when, how much, and
// which rule says so. It is a question and no verdict. It names children by their ids.
type Anomaly struct {
	Rule    string          `json:"rule"`
	Viewer  string          `json:"viewer"`
	Name    string          `json:"name,omitempty"`
	Title   string          `json:"title,omitempty"`
	Service care.Service    `json:"service,omitempty"`
	Persons []care.PersonID `json:"persons,omitempty"`
	From    time.Time       `json:"from"`
	Until   time.Time       `json:"until"`
	Count   int             `json:"count"`
	Limit   int             `json:"limit,omitempty"` // that was reached
}

// Background is what is known beside the log. What is nil is not known, and the rules that
// need it find nothing.
type Background struct {
	Zone *time.Location // of the hours of work; nil is UTC
	// Holiday tells whether a day is one on which people are not at work; nil: weekends alone.
	Holiday func(day time.Time) bool
	// Parents gives who has parental responsibility for a child, as persons.
	Parents func(child care.PersonID) []care.PersonID
	// Surname gives a child's surname, "" where it is not known.
	Surname func(child care.PersonID) string
	// Appointments are all that ever were.
	Appointments []care.Appointment
}

// Anomalies finds the patterns in events that the rules describe, the oldest first. It
// looks at people who work in services; what family and systems do is theirs.
func Anomalies(events []Event, k Background, r *Rules) []Anomaly {
	w := watch{known: k, rules: r, logs: map[string][]Event{}, appointed: map[string][]care.Appointment{}}
	if w.known.Zone == nil {
		w.known.Zone = time.UTC
	}
	for _, e := range events {
		if e.Viewer.ID != "" && isStaff(e.Viewer) {
			w.logs[e.Viewer.ID] = append(w.logs[e.Viewer.ID], e)
		}
	}
	for _, log := range w.logs {
		slices.SortStableFunc(log, func(a, b Event) int { return a.At.Compare(b.At) })
	}
	for _, a := range k.Appointments {
		w.appointed[a.Viewer] = append(w.appointed[a.Viewer], a)
	}
	w.gather()
	var found []Anomaly
	for _, viewer := range slices.Sorted(maps.Keys(w.logs)) {
		log := w.logs[viewer]
		for _, p := range w.patterns() {
			for _, s := range p.find(log) {
				found = append(found, w.anomaly(p.rule, log, s))
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Anomaly) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Viewer, b.Viewer), cmp.Compare(a.Rule, b.Rule))
	})
	return found
}

// watch is one reading of the log.
type watch struct {
	known     Background
	rules     *Rules
	logs      map[string][]Event // by viewer, in the order of time
	appointed map[string][]care.Appointment
	works     map[care.PersonID][]care.Viewer // who among the persons works where
	surnames  map[string]int
	children  int
	weeks     map[peer]map[string][]int // distinct children a week, by viewer
	first     time.Time                 // the monday of week 0
	count     int                       // of weeks
}

// peer is those whose weeks are alike.
type peer struct {
	role    care.Role
	service care.Service
}

// spell is a piece of one viewer's log that shows a pattern.
type spell struct {
	events []Event
	count  int
	limit  int
}

type search struct {
	rule string
	find func([]Event) []spell
}

// patterns is every rule that the file has, with what finds it.
func (w *watch) patterns() []search {
	r := w.rules
	var all []search
	add := func(rule string, there bool, find func([]Event) []spell) {
		if there {
			all = append(all, search{rule, find})
		}
	}
	add("mass-browsing", r.MassBrowsing != nil, func(l []Event) []spell {
		return bursts(keep(l, opened), r.MassBrowsing.Within, r.MassBrowsing.Persons, person)
	})
	add("no-relation", r.NoRelation != nil, w.noRelation)
	add("repeated-denials", r.RepeatedDenials != nil, func(l []Event) []spell {
		return bursts(keep(l, denied), r.RepeatedDenials.Within, r.RepeatedDenials.Persons, person)
	})
	add("self-made-basis", r.SelfMadeBasis != nil, w.selfMade)
	add("outside-hours", r.OutsideHours != nil, w.outsideHours)
	add("own-family", r.OwnFamily != nil && w.known.Parents != nil, w.ownFamily)
	add("same-surname", r.SameSurname != nil && w.known.Surname != nil, w.sameSurname)
	add("colleagues-child", r.ColleaguesChild != nil && w.known.Parents != nil, w.colleaguesChild)
	add("break-glass-habit", r.BreakGlassHabit != nil, func(l []Event) []spell {
		broken := keep(l, func(e Event) bool { return e.Interaction == BreakGlass && e.Permit })
		return bursts(broken, r.BreakGlassHabit.Within, r.BreakGlassHabit.Times, each)
	})
	add("appointment-end", r.AppointmentEnd != nil, w.appointmentEnd)
	add("id-guessing", r.IDGuessing != nil, func(l []Event) []spell {
		return bursts(keep(l, nobody), r.IDGuessing.Within, r.IDGuessing.IDs, asked)
	})
	add("unusual-many", r.UnusualMany != nil, w.unusualMany)
	add("same-child", r.SameChild != nil, w.sameChild)
	add("many-exports", r.ManyExports != nil, func(l []Event) []spell {
		exports := keep(l, func(e Event) bool { return opened(e) && e.Interaction == Export })
		return bursts(exports, r.ManyExports.Within, r.ManyExports.Persons, person)
	})
	return all
}

// looks tells whether the viewer asked for something of one child. A list of one's own
// children is no such question.
func looks(e Event) bool {
	switch e.Interaction {
	case Overview, Read, VRead, History, Search, Export:
		return true
	}
	return false
}

func opened(e Event) bool { return looks(e) && e.Permit && e.Person != "" }

func denied(e Event) bool { return !e.Permit && !e.Failed && e.Person != "" }

// nobody is a question about an id that names no person.
func nobody(e Event) bool { return looks(e) && !e.Permit && !e.Failed && e.Person == "" }

func person(e Event) string { return string(e.Person) }
func each(e Event) string   { return e.ID }
func asked(e Event) string  { return orElse(e.Resource, orElse(e.Query, e.ID)) }

func keep(log []Event, which func(Event) bool) []Event {
	var all []Event
	for _, e := range log {
		if which(e) {
			all = append(all, e)
		}
	}
	return all
}

// bursts finds the spells in which so many different keys stand within a span. Spells
// that overlap are one.
func bursts(log []Event, within time.Duration, least int, key func(Event) string) []spell {
	var all []spell
	counts, from := map[string]int{}, 0
	start, end := -1, -1 // of the spell that is open
	for to, e := range log {
		counts[key(e)]++
		for log[from].At.Add(within).Before(e.At) {
			k := key(log[from])
			if counts[k]--; counts[k] == 0 {
				delete(counts, k)
			}
			from++
		}
		if len(counts) < least {
			continue
		}
		if start >= 0 && from > end {
			all = append(all, spellOf(log[start:end+1], least, key))
			start = -1
		}
		if start < 0 {
			start = from
		}
		end = to
	}
	if start >= 0 {
		all = append(all, spellOf(log[start:end+1], least, key))
	}
	return all
}

func spellOf(events []Event, limit int, key func(Event) string) spell {
	different := map[string]bool{}
	for _, e := range events {
		different[key(e)] = true
	}
	return spell{events, len(different), limit}
}

// byPerson splits a log by child, in the order in which they come.
func byPerson(log []Event) [][]Event {
	at := map[care.PersonID]int{}
	var all [][]Event
	for _, e := range log {
		i, ok := at[e.Person]
		if !ok {
			i = len(all)
			at[e.Person] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], e)
	}
	return all
}

func (w *watch) noRelation(log []Event) []spell {
	bare := keep(log, func(e Event) bool {
		return opened(e) && len(e.Bases) == 0 && slices.Contains(w.rules.NoRelation.Roles, e.Viewer.Role)
	})
	var all []spell
	for _, one := range byPerson(bare) {
		if len(one) >= w.rules.NoRelation.Opens {
			all = append(all, spell{one, len(one), w.rules.NoRelation.Opens})
		}
	}
	return all
}

func (w *watch) selfMade(log []Event) []spell {
	registers := []string{BasisRegister, AppointmentRegister, ConsentRegister, ConsentRenew}
	var all []spell
	for _, one := range byPerson(keep(log, func(e Event) bool { return e.Person != "" })) {
		var no, made *Event
		for i := range one {
			e := &one[i]
			switch {
			case denied(*e):
				no, made = e, nil
			case no != nil && e.At.Sub(no.At) > w.rules.SelfMadeBasis.Within:
				no, made = nil, nil
			case no != nil && e.Permit && slices.Contains(registers, e.Interaction):
				made = e
			case made != nil && opened(*e):
				all = append(all, spell{[]Event{*no, *made, *e}, 1, 1})
				no, made = nil, nil
			}
		}
	}
	return all
}

func (w *watch) outsideHours(log []Event) []spell {
	r := w.rules.OutsideHours
	late := keep(log, func(e Event) bool {
		return opened(e) && w.outside(e.At) && !slices.Contains(r.OnDuty, e.Viewer.Service) && !slices.Contains(r.Purposes, e.Purpose)
	})
	// A night reaches from noon to noon.
	night := func(e Event) string { return e.At.In(w.known.Zone).Add(-12 * time.Hour).Format(time.DateOnly) }
	var all []spell
	for i := 0; i < len(late); {
		j := i
		for j < len(late) && night(late[j]) == night(late[i]) {
			j++
		}
		if s := spellOf(late[i:j], r.Persons, person); s.count >= r.Persons {
			all = append(all, s)
		}
		i = j
	}
	for _, s := range bursts(late, r.Within, r.Nights, night) {
		// What one night tells already is not told again.
		if !slices.ContainsFunc(all, func(o spell) bool { return s.covers(o) && len(o.events) == len(s.events) }) {
			all = append(all, s)
		}
	}
	return all
}

func (s spell) covers(o spell) bool {
	return !o.events[0].At.Before(s.events[0].At) && !o.events[len(o.events)-1].At.After(s.events[len(s.events)-1].At)
}

func (w *watch) outside(at time.Time) bool {
	at = at.In(w.known.Zone)
	if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday || w.known.Holiday != nil && w.known.Holiday(at) {
		return true
	}
	minute := clock(at.Hour()*60 + at.Minute())
	return minute < w.rules.Hours.From || minute >= w.rules.Hours.Until
}

// kin tells whether a person is the child herself, a parent or a sibling by one parent.
func (w *watch) kin(who, child care.PersonID) bool {
	if who == "" {
		return false
	}
	parents := w.known.Parents(child)
	if who == child || slices.Contains(parents, who) {
		return true
	}
	return slices.ContainsFunc(w.known.Parents(who), func(p care.PersonID) bool { return p != "" && slices.Contains(parents, p) })
}

func (w *watch) ownFamily(log []Event) []spell {
	var all []spell
	for _, one := range byPerson(keep(log, opened)) {
		one = keep(one, func(e Event) bool { return w.kin(e.Viewer.Person, e.Person) })
		if len(one) >= w.rules.OwnFamily.Opens {
			all = append(all, spell{one, len(one), w.rules.OwnFamily.Opens})
		}
	}
	return all
}

// LastName gives the surname of a name as it is compared: the last of its words, "" where
// there is but one.
func LastName(name string) string {
	parts := strings.Fields(name)
	if len(parts) < 2 {
		return ""
	}
	return strings.ToLower(parts[len(parts)-1])
}

func (w *watch) sameSurname(log []Event) []spell {
	r := w.rules.SameSurname
	if w.children < r.Children {
		return nil
	}
	var all []spell
	for _, one := range byPerson(keep(log, opened)) {
		name := strings.ToLower(w.known.Surname(one[0].Person))
		if name == "" || name != LastName(one[0].Viewer.Name) || float64(w.surnames[name]) > r.Share*float64(w.children) {
			continue
		}
		if w.known.Parents != nil && w.kin(one[0].Viewer.Person, one[0].Person) {
			continue // told as own family
		}
		all = append(all, spell{one, len(one), 1})
	}
	return all
}

func (w *watch) colleaguesChild(log []Event) []spell {
	var all []spell
	for _, one := range byPerson(keep(log, opened)) {
		v := one[0].Viewer
		colleague := v.Unit != "" && slices.ContainsFunc(w.known.Parents(one[0].Person), func(p care.PersonID) bool {
			return slices.ContainsFunc(w.works[p], func(o care.Viewer) bool { return o.ID != v.ID && o.Unit == v.Unit })
		})
		if colleague && !w.decided(v.ID, one[0]) {
			all = append(all, spell{one, len(one), 1})
		}
	}
	return all
}

// decided tells whether somebody else had appointed the viewer long enough before.
func (w *watch) decided(viewer string, e Event) bool {
	return slices.ContainsFunc(w.appointed[viewer], func(a care.Appointment) bool {
		return a.Person == e.Person && a.By != viewer && !a.From.After(e.At.Add(-w.rules.ColleaguesChild.Decided))
	})
}

func (w *watch) appointmentEnd(log []Event) []spell {
	r := w.rules.AppointmentEnd
	var all []spell
	for _, a := range w.appointed[viewerOf(log)] {
		end := a.Until
		if !a.Ended.IsZero() && (end.IsZero() || a.Ended.Before(end)) {
			end = a.Ended
		}
		if end.IsZero() {
			continue
		}
		of := keep(log, func(e Event) bool { return e.Person == a.Person })
		before := keep(of, func(e Event) bool { return opened(e) && e.At.Before(end) && !e.At.Before(end.Add(-r.Before)) })
		exported := slices.ContainsFunc(before, func(e Event) bool { return e.Interaction == Export })
		if len(before) >= r.Opens || exported {
			all = append(all, spell{before, len(before), r.Opens})
		}
		after := keep(of, func(e Event) bool { return denied(e) && !e.At.Before(end) && e.At.Before(end.Add(r.After)) })
		if len(after) >= r.Attempts {
			all = append(all, spell{after, len(after), r.Attempts})
		}
	}
	return all
}

func viewerOf(log []Event) string { return log[0].Viewer.ID }

func (w *watch) sameChild(log []Event) []spell {
	var all []spell
	for _, one := range byPerson(keep(log, opened)) {
		all = append(all, bursts(one, w.rules.SameChild.Within, w.rules.SameChild.Opens, each)...)
	}
	return all
}

// gather counts what a single viewer's log does not tell.
func (w *watch) gather() {
	w.works, w.surnames, w.weeks = map[care.PersonID][]care.Viewer{}, map[string]int{}, map[peer]map[string][]int{}
	children := map[care.PersonID]bool{}
	var last time.Time
	for _, log := range w.logs {
		if w.first.IsZero() || log[0].At.Before(w.first) {
			w.first = log[0].At
		}
		if end := log[len(log)-1].At; end.After(last) {
			last = end
		}
		for _, e := range log {
			if e.Person != "" {
				children[e.Person] = true
			}
			if p := e.Viewer.Person; p != "" && !slices.ContainsFunc(w.works[p], func(o care.Viewer) bool { return o.ID == e.Viewer.ID && o.Unit == e.Viewer.Unit }) {
				w.works[p] = append(w.works[p], e.Viewer)
			}
		}
	}
	if w.known.Surname != nil {
		for c := range children {
			if name := w.known.Surname(c); name != "" {
				w.surnames[strings.ToLower(name)]++
				w.children++
			}
		}
	}
	if w.first.IsZero() {
		return
	}
	w.first = monday(w.first.In(w.known.Zone))
	w.count = w.week(last) + 1
	for viewer, log := range w.logs {
		p := peerOf(log[len(log)-1])
		if w.weeks[p] == nil {
			w.weeks[p] = map[string][]int{}
		}
		counts := make([]int, w.count)
		seen := map[care.PersonID]int{}
		for _, e := range keep(log, opened) {
			if week := w.week(e.At); seen[e.Person] != week+1 {
				seen[e.Person] = week + 1
				counts[week]++
			}
		}
		w.weeks[p][viewer] = counts
	}
}

func peerOf(e Event) peer { return peer{e.Viewer.Role, e.Viewer.Service} }

func monday(at time.Time) time.Time {
	y, m, d := at.Date()
	return time.Date(y, m, d-(int(at.Weekday())+6)%7, 0, 0, 0, 0, at.Location())
}

func (w *watch) week(at time.Time) int {
	// Rounded, since a week in which the clocks change is not 168 hours.
	return int((monday(at.In(w.known.Zone)).Sub(w.first) + 12*time.Hour) / (7 * 24 * time.Hour))
}

func (w *watch) unusualMany(log []Event) []spell {
	r := w.rules.UnusualMany
	p, viewer := peerOf(log[len(log)-1]), viewerOf(log)
	own := w.weeks[p][viewer]
	var all []spell
	for week := r.Weeks; week < w.count; week++ {
		n := own[week]
		if n < r.Persons || float64(n) < r.Own*max(1, median(own[:week])) {
			continue
		}
		var others []int
		for o, counts := range w.weeks[p] {
			if o != viewer {
				others = append(others, counts[week])
			}
		}
		if float64(n) < r.Peers*median(others) {
			continue
		}
		s := keep(log, func(e Event) bool { return opened(e) && w.week(e.At) == week })
		all = append(all, spell{s, n, r.Persons})
	}
	return all
}

// median gives 0 of none.
func median(of []int) float64 {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	i := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return float64(sorted[i])
	}
	return float64(sorted[i-1]+sorted[i]) / 2
}

func (w *watch) anomaly(rule string, log []Event, s spell) Anomaly {
	last := s.events[len(s.events)-1]
	a := Anomaly{Rule: rule, Viewer: viewerOf(log), Name: last.Viewer.Name, Title: last.Viewer.Title, Service: last.Viewer.Service,
		From: s.events[0].At, Until: last.At, Count: s.count, Limit: s.limit}
	for _, e := range s.events {
		if e.Person != "" && !slices.Contains(a.Persons, e.Person) {
			a.Persons = append(a.Persons, e.Person)
		}
	}
	return a
}

// Say tells the anomaly in plain words: who, when, what, and which limit was reached.
func (a Anomaly) Say(w words.Words, zone *time.Location) string {
	from, until := a.From.In(zone), a.Until.In(zone)
	when := w.DateTime(from)
	if !until.Equal(from) {
		when = w.Say("audit.span", "from", when, "until", w.DateTime(until))
	}
	who := cmp.Or(a.Name, a.Viewer)
	if extra := cmp.Or(a.Title, w.Code("service", string(a.Service))); extra != "" {
		who += ", " + extra
	}
	return w.Say("audit.anomaly."+a.Rule, "who", who, "when", when, "count", strconv.Itoa(a.Count), "limit", strconv.Itoa(a.Limit))
}
