package access_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/care"

	"pgregory.net/rapid"
)

func size(small, ci int) int {
	if s := os.Getenv("SAMSYN_TEST_SIZE"); s == "ci" || s == "soak" {
		return ci
	}
	return small
}

var (
	from  = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	until = time.Date(2027, 9, 1, 0, 0, 0, 0, time.UTC)
	now   = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
)

var (
	someTypes   = []string{"CarePlan", "Goal", "Patient", "CareTeam", "Appointment", "Communication", "Condition", "Media", "EpisodeOfCare"}
	someMarks   = []care.Marks{0, 0, care.MarkRestricted, care.MarkVery, care.MarkPsychiatry, care.MarkThirdParty, care.MarkInError, care.MarkUnknown, care.MarkViolence | care.MarkRestricted, care.Marks(care.AddressFortrolig)}
	someRecords = []care.RecordRef{{}, {Source: "s", Kind: "k", Key: "1"}, {Source: "s", Kind: "k", Key: "2"}}
	someTimes   = []time.Time{{}, from, now.Add(-time.Hour), now, now.Add(time.Nanosecond), until}
)

func instant(t *rapid.T, label string) time.Time { return rapid.SampledFrom(someTimes).Draw(t, label) }

func pick[T any](t *rapid.T, label string, of ...T) T { return rapid.SampledFrom(of).Draw(t, label) }

// mostly gives the first, and sometimes one of the others.
func mostly[T any](t *rapid.T, label string, first T, others ...T) T {
	if rapid.IntRange(0, 5).Draw(t, label+"?") > 0 || len(others) == 0 {
		return first
	}
	return pick(t, label, others...)
}

func origins(t *rapid.T) []care.Service {
	return rapid.SliceOfN(rapid.SampledFrom(append(care.Services(), "x")), 1, 4).Draw(t, "origins")
}

func someConsent(t *rapid.T) care.Consent {
	c := agreed(pick(t, "id", "c1", "c2", "c3"), origins(t)...)
	c.Person = mostly(t, "of", care.PersonID("teo"), "amina")
	c.Status = mostly(t, "status", care.ConsentActive, care.ConsentProposed, care.ConsentRejected, care.ConsentWithdrawn, care.ConsentInError)
	c.Purpose = pick(t, "purpose", care.PurposeCOC, care.PurposeTREAT)
	c.Receivers = []care.Receiver{pick(t, "to", care.Receiver{Role: care.RoleKoordinator}, care.Receiver{Viewer: "siv"}, care.Receiver{Service: care.Skole}, care.Receiver{})}
	c.Topics = pick(t, "topics", nil, nil, []string{"plan"}, []string{"avtaler", "helse"}, []string{"x"})
	c.ExceptTopics = mostly(t, "except", nil, []string{"plan"}, []string{"x"})
	c.ExceptViewers = mostly(t, "not to", nil, []string{"siv"}, []string{"liv"})
	c.From, c.Until = mostly(t, "from", from, someTimes...), mostly(t, "until", until, someTimes...)
	c.Changed = instant(t, "changed")
	if rapid.IntRange(0, 5).Draw(t, "signed") == 0 {
		c.Signatures = c.Signatures[:1]
	}
	return c
}

func someBlock(t *rapid.T) care.Block {
	return care.Block{ID: "k", Person: mostly(t, "of", care.PersonID("teo"), "amina"), All: pick(t, "all", true, false), Viewer: mostly(t, "viewer", "", "siv"), Group: mostly(t, "group", care.Service(""), care.Skole),
		Extent: pick(t, "extent", care.BlockAll, care.BlockService, care.BlockRecord), Service: pick(t, "service", care.Service(""), care.Skole, care.BUP), Record: pick(t, "record", someRecords...),
		From: instant(t, "from"), Lifted: mostly(t, "lifted", time.Time{}, someTimes...)}
}

func someWithheld(t *rapid.T) care.Withheld {
	return care.Withheld{ID: "w", Person: mostly(t, "of", care.PersonID("teo"), "amina"), Service: pick(t, "service", care.Service(""), care.Skole, care.BUP), Record: pick(t, "record", someRecords...),
		From: instant(t, "from"), Lifted: mostly(t, "lifted", time.Time{}, someTimes...)}
}

// facts are those of somebody who might see something, with a few things about them other than they should be.
func facts(t *rapid.T) care.Facts {
	f := pick(t, "who", coordinator, guardian, office, rescuer, func() care.Facts { return child("2010-01-01") },
		func() care.Facts { return worker(care.Skole) }, func() care.Facts { return worker(care.BUP) }, func() care.Facts { return worker(care.Barnevern) })()
	f.Born = mostly(t, "born", f.Born, "", "2014-11-23", "2014-11-24", "2011-11-23", "2010-11-23", "2008-11-23", "2012-02-29")
	f.Address = mostly(t, "address", care.AddressOpen, care.AddressKlient, care.AddressFortrolig)
	f.Known = mostly(t, "known", true, false)
	v := &f.Viewer
	v.Level = mostly(t, "level", v.Level, 3)
	v.Purpose = mostly(t, "purpose", v.Purpose, care.PurposeCOC, care.PurposeTREAT, care.PurposeBTG)
	v.Service = mostly(t, "works", v.Service, append(care.Services(), "")...)
	v.Tenant = mostly(t, "tenant", v.Tenant, "", "999")
	v.Role = mostly(t, "role", v.Role, care.Roles()...)
	v.Scopes = mostly(t, "scopes", nil, []string{}, []string{"user/*.rs"}, []string{"user/CarePlan.rs", "user/Goal.r"}, []string{"x/"})
	if len(f.Guardians) == 0 {
		f.Guardians = coordinator().Guardians
	}
	for i := range f.Appointments {
		f.Appointments[i].From, f.Appointments[i].Until = mostly(t, "from", from, someTimes...), mostly(t, "until", until, someTimes...)
	}
	f.Consents = rapid.SliceOfN(rapid.Custom(someConsent), 0, 4).Draw(t, "consents")
	f.Blocks = rapid.SliceOfN(rapid.Custom(someBlock), 0, 1).Draw(t, "blocks")
	f.Withheld = rapid.SliceOfN(rapid.Custom(someWithheld), 0, 1).Draw(t, "withheld")
	for range rapid.IntRange(0, 2).Draw(t, "lines") {
		b := line(pick(t, "code", "FVL13B", "HPL25", "BVL13-1", "SAMORDNING", "OMSORG"), origins(t)...)
		b.Viewer, b.Purpose = mostly(t, "to", v.ID, ""), mostly(t, "for", v.Purpose, care.PurposeCOC)
		b.Reason, b.Until = mostly(t, "reason", b.Reason, ""), mostly(t, "until", b.Until, someTimes...)
		f.Bases = append(f.Bases, b)
	}
	return f
}

func items() []access.Item {
	var all []access.Item
	for _, s := range append(care.Services(), "", "x") {
		for _, typ := range someTypes {
			for _, m := range someMarks {
				for _, r := range someRecords {
					all = append(all, access.Item{Service: s, Type: typ, Marks: m, Record: r})
				}
			}
		}
	}
	return all
}

func seen(table *access.Table, f care.Facts, at time.Time, all []access.Item) []bool {
	s := table.Scope(f, at)
	out := make([]bool, len(all))
	for i, item := range all {
		out[i] = access.Holds(s.Visible, item)
	}
	return out
}

// An item is in the set that SQL selects from exactly where the decision allows it.
func TestScopeAndDecideAgree(t *testing.T) {
	table := table(t)
	all := items()
	rapid.Check(t, func(t *rapid.T) {
		f, at := facts(t), pick(t, "at", now, from, until, now.Add(time.Nanosecond))
		s := table.Scope(f, at)
		if s.Allowed != (s.Rule == access.Granted) || s.Allowed != (len(s.Visible) > 0) {
			t.Fatalf("%v by %s with %d parts", s.Allowed, s.Rule, len(s.Visible))
		}
		for range 150 {
			i := rapid.SampledFrom(all).Draw(t, "item")
			d := table.Decide(f, i, at)
			if d.Allowed != access.Holds(s.Visible, i) || d.Allowed != (d.Rule == access.Granted) {
				t.Fatalf("%+v: decided %v by %s, the scope says %v", i, d.Allowed, d.Rule, access.Holds(s.Visible, i))
			}
			if d.Allowed && !s.Fields[i.Service].All && !slices.ContainsFunc(d.Fields.Lists, func(l string) bool { return slices.Contains(s.Fields[i.Service].Lists, l) }) {
				t.Fatalf("%+v: fields %+v outside %+v", i, d.Fields, s.Fields[i.Service])
			}
			for _, id := range d.Bases {
				if !slices.Contains(s.Bases, id) {
					t.Fatalf("%s was used, but is not told", id)
				}
			}
		}
	})
}

// A block, something withheld, a narrower consent, a consent taken back, a fewer scope, an
// ended appointment or line: none of them ever shows anything that was not shown before.
func TestLessIsNeverMore(t *testing.T) {
	table := table(t)
	all := items()
	rapid.Check(t, func(t *rapid.T) {
		f := facts(t)
		for i := range f.Consents { // what was decided was decided before now
			if f.Consents[i].Changed.After(now) {
				f.Consents[i].Changed = now
			}
		}
		before := seen(table, f, now, all)
		less := f
		switch what := pick(t, "what", "block", "withhold", "take back", "refuse", "narrow", "except", "scope", "end", "end line", "level"); what {
		case "block":
			less.Blocks = append(slices.Clone(f.Blocks), someBlock(t))
		case "withhold":
			less.Withheld = append(slices.Clone(f.Withheld), someWithheld(t))
		case "take back", "refuse", "narrow", "except":
			if len(f.Consents) == 0 {
				return
			}
			less.Consents = slices.Clone(f.Consents)
			c := &less.Consents[rapid.IntRange(0, len(f.Consents)-1).Draw(t, "which")]
			if c.Status != care.ConsentActive {
				return
			}
			switch what {
			case "take back":
				c.Status, c.Changed = care.ConsentWithdrawn, now
			case "refuse":
				c.Signatures = slices.Clone(c.Signatures)
				c.Signatures[0].Withdrawn = now
			case "narrow":
				c.ExceptTopics = append(slices.Clone(c.ExceptTopics), pick(t, "topic", "plan", "avtaler", "x"))
			case "except":
				c.ExceptViewers = append(slices.Clone(c.ExceptViewers), f.Viewer.ID)
			}
		case "scope":
			if f.Viewer.Scopes != nil {
				return
			}
			less.Viewer.Scopes = pick(t, "narrower", []string{}, []string{"user/Goal.rs"}, []string{"user/*.rs"})
		case "end":
			less.Appointments = slices.Clone(f.Appointments)
			for i := range less.Appointments {
				less.Appointments[i].Ended = now
			}
		case "end line":
			less.Bases = slices.Clone(f.Bases)
			for i := range less.Bases {
				less.Bases[i].Ended = now
			}
			for i := range less.Bases { // the end of a care order gives guardians their say back
				if less.Bases[i].Code == "OMSORG" {
					return
				}
			}
		case "level":
			less.Viewer.Level = 0
		}
		after := seen(table, less, now, all)
		for i := range all {
			if after[i] && !before[i] {
				t.Fatalf("%+v is seen with less", all[i])
			}
		}
	})
}

// Two active consents for the same receiver give no more than either of them alone.
func TestNarrowestConsentWins(t *testing.T) {
	table := table(t)
	all := items()
	rapid.Check(t, func(t *rapid.T) {
		one, other := someConsent(t), someConsent(t)
		for _, c := range []*care.Consent{&one, &other} {
			c.Person, c.Origins, c.Receivers, c.Purpose = "teo", []care.Service{care.Skole}, []care.Receiver{{Role: care.RoleKoordinator}}, care.PurposeCOC
			c.Status, c.From, c.Until = care.ConsentActive, from, until
			c.Signatures = agreed("x").Signatures
		}
		world := func(cs ...care.Consent) []bool {
			f := coordinator()
			f.Consents = cs
			return seen(table, f, now, all)
		}
		a, b, both := world(one), world(other), world(one, other)
		for i := range all {
			if both[i] && !(a[i] && b[i]) {
				t.Fatalf("%+v is seen by both, and not by each", all[i])
			}
		}
	})
}

// Every time that matters ends access at its own instant: a nanosecond before it is there.
func TestAccessEndsTheSameInstant(t *testing.T) {
	table := table(t)
	end := now.Add(time.Hour)
	for name, do := range map[string]func(f *care.Facts){
		"appointment":        func(f *care.Facts) { f.Appointments[0].Until = end },
		"appointment ended":  func(f *care.Facts) { f.Appointments[0].Ended = end },
		"consent":            func(f *care.Facts) { f.Consents[0].Until = end },
		"consent taken back": func(f *care.Facts) { f.Consents[0].Signatures[0].Withdrawn = end },
		"block": func(f *care.Facts) {
			f.Blocks = []care.Block{{Person: "teo", All: true, Extent: care.BlockAll, From: end}}
		},
	} {
		f := coordinator()
		f.Consents = []care.Consent{agreed("c1", care.Skole)}
		do(&f)
		i := access.Item{Service: care.Skole, Type: "Goal"}
		if !table.Decide(f, i, end.Add(-1)).Allowed || table.Decide(f, i, end).Allowed {
			t.Errorf("%s: %v, then %v", name, table.Decide(f, i, end.Add(-1)).Rule, table.Decide(f, i, end).Rule)
		}
	}
}

// What a child and her guardians see turns at midnight in Oslo on each birthday that the
// table names, for days of birth over twenty-six years, 29 February among them.
func TestRightsTurnOnTheBirthday(t *testing.T) {
	table := table(t)
	day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	limits := map[care.Service]struct{ limited, full, cut, none int }{
		care.BUP: {12, 16, 12, 16}, care.Skole: {12, 16, 16, 18}, care.Barnevern: {15, 15, 0, 0},
	}
	for i := range size(150, 10_000) {
		born := day.AddDate(0, 0, i*9973%9497)
		for service, l := range limits {
			for _, years := range []int{7, 12, 15, 16, 18} {
				year, month, d := born.Year()+years, int(born.Month()), born.Day()
				if month == 2 && d == 29 && (year%4 != 0 || year%100 == 0) {
					month, d = 3, 1
				}
				for _, moment := range []struct {
					at  time.Time
					age int
				}{{dayAt(year, month, d).Add(-time.Second), years - 1}, {dayAt(year, month, d), years}, {dayAt(year, month, d).Add(time.Second).UTC(), years}} {
					self, parent := child(born.Format(time.DateOnly)), guardian()
					parent.Born = self.Born
					for k := range parent.Guardians {
						parent.Guardians[k].From = day.AddDate(-1, 0, 0)
					}
					if moment.at.Year() < 2018 { // before the table's own first day nobody sees anything
						continue
					}
					plan, letter := access.Item{Service: service, Type: "CarePlan"}, access.Item{Service: service, Type: "Communication"}
					for _, c := range []struct {
						who  string
						f    care.Facts
						i    access.Item
						want bool
					}{
						{"child, plan", self, plan, moment.age >= l.limited}, {"child, letter", self, letter, moment.age >= l.full},
						{"guardian, plan", parent, plan, moment.age < l.none}, {"guardian, letter", parent, letter, moment.age < l.cut},
					} {
						if got := table.Decide(c.f, c.i, moment.at); got.Allowed != c.want {
							t.Fatalf("born %s, %s, %s of %s: %v by %s", c.f.Born, moment.at, c.who, service, got.Allowed, got.Rule)
						}
					}
				}
			}
		}
	}
}
