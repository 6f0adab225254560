package access_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/care"
)

const tenant = "310001007"

// worker is one who works in a service and has a task for the child.
func worker(service care.Service) care.Facts {
	return care.Facts{Tenant: tenant, Person: "teo", Known: true, Born: "2014-03-14",
		Viewer:       care.Viewer{ID: "siv", Role: care.RoleTjenesteyter, Service: service, Tenant: tenant, Unit: "310001635", HPR: "", Level: 4, Purpose: care.PurposeTREAT},
		Appointments: []care.Appointment{{ID: "a2", Viewer: "siv", Person: "teo", Role: care.RoleTjenesteyter, From: from, Until: until}}}
}

func guardian() care.Facts {
	return care.Facts{Tenant: tenant, Person: "teo", Known: true, Born: "2017-03-14",
		Viewer: care.Viewer{ID: "mor", Role: care.RoleForesatt, Level: 4, Purpose: care.PurposeFAMRQT},
		Guardians: []care.Guardian{{Viewer: "mor", Code: care.ParentalFelles, From: from.AddDate(-5, 0, 0)},
			{Viewer: "far", Code: care.ParentalFelles, SameAddress: true, From: from.AddDate(-5, 0, 0)}}}
}

func child(born string) care.Facts {
	return care.Facts{Tenant: tenant, Person: "teo", Known: true, Born: born,
		Viewer: care.Viewer{ID: "idporten-1", Person: "teo", Role: care.RoleBarn, Level: 4, Purpose: care.PurposePATRQT}}
}

func office() care.Facts {
	f := coordinator()
	f.Viewer = care.Viewer{ID: "eva", Role: care.RoleKoordinerendeEnhet, Tenant: tenant, Level: 4, Purpose: care.PurposeHOPERAT}
	return f
}

func rescuer() care.Facts {
	f := worker(care.Fastlege)
	f.Appointments = nil
	f.Viewer.HPR, f.Viewer.Purpose = "9000001", care.PurposeBTG
	f.BreakGlass = []care.BreakGlass{{ID: "g1", Viewer: "siv", Person: "teo", Code: "AKUTT", Reason: "Bevisstløs i skolegården, må vite", From: now, Until: now.Add(time.Hour)}}
	return f
}

func line(code string, origins ...care.Service) care.Basis {
	return care.Basis{ID: "b1", Code: code, Person: "teo", Origins: origins, Viewer: "siv", Purpose: care.PurposeTREAT, From: from, Until: from.AddDate(0, 3, 0),
		DecidedBy: "eva", Reason: "alvorlig fare", Evidence: "sak 26/1"}
}

func withLine(f care.Facts, b care.Basis) care.Facts { f.Bases = []care.Basis{b}; return f }

// behindOthers is the same facts, each behind one that is of another child, of somebody else or over.
func behindOthers(f care.Facts) care.Facts {
	f.Appointments = append([]care.Appointment{{ID: "x", Viewer: f.Viewer.ID, Person: "amina", Role: f.Viewer.Role, From: from, Until: until}}, f.Appointments...)
	f.Guardians = append([]care.Guardian{{Viewer: "farmor", Code: care.ParentalFelles, From: from.AddDate(-5, 0, 0), Until: from.AddDate(-4, 0, 0)}}, f.Guardians...)
	f.Consents = append([]care.Consent{{ID: "x", Person: "amina"}}, f.Consents...)
	f.Bases = append([]care.Basis{{ID: "x", Code: "FVL13B", Person: "amina"}}, f.Bases...)
	f.Blocks = append([]care.Block{{ID: "x", Person: "amina", All: true, Extent: care.BlockAll, From: from}}, f.Blocks...)
	f.Withheld = append([]care.Withheld{{ID: "x", Person: "amina", From: from}}, f.Withheld...)
	f.BreakGlass = append([]care.BreakGlass{{ID: "x", Viewer: "nils", Person: "teo", From: from, Until: until}}, f.BreakGlass...)
	return f
}

// Every condition of the decision: beside a world where the answer is yes, one thing is
// different, and that alone turns it into a no by the rule that owns the thing.
func TestEachConditionAloneFlipsTheDecision(t *testing.T) {
	table := table(t)
	skole := access.Item{Service: care.Skole, Type: "CarePlan"}
	bup := access.Item{Service: care.BUP, Type: "CarePlan"}
	consented := func() care.Facts {
		f := coordinator()
		f.Consents = []care.Consent{agreed("c1", care.Skole, care.BUP)}
		return f
	}
	group := func(name string, base func() care.Facts, i access.Item, flips map[string]func(w *world) access.Rule) {
		t.Run(name, func(t *testing.T) {
			if d := table.Decide(base(), i, now); !d.Allowed || d.Rule != access.Granted {
				t.Fatalf("the world itself: %v by %s", d.Allowed, d.Rule)
			}
			for what, flip := range flips {
				w := world{base(), i, now}
				want := flip(&w)
				if d, before := table.Decide(behindOthers(w.f), w.i, w.at), table.Decide(w.f, w.i, w.at); !reflect.DeepEqual(d, before) {
					t.Errorf("%s: what is of others stands before it, and the answer is %+v instead of %+v", what, d, before)
				}
				d := table.Decide(w.f, w.i, w.at)
				if d.Allowed != (want == access.Granted) || d.Rule != want {
					t.Errorf("%s: %v by %s, want %s", what, d.Allowed, d.Rule, want)
				}
				if !d.Allowed && (d.Basis != "" || len(d.Bases) > 0 || d.Fields.All || len(d.Fields.Lists) > 0) {
					t.Errorf("%s: a denial that gives %+v", what, d)
				}
				s := table.Scope(w.f, w.at)
				if access.Holds(s.Visible, w.i) != d.Allowed {
					t.Errorf("%s: the scope says otherwise", what)
				}
			}
		})
	}
	group("sign-in", consented, skole, map[string]func(*world) access.Rule{
		"nobody asks":         func(w *world) access.Rule { w.f.Viewer.ID = ""; return access.NoViewer },
		"about nobody":        func(w *world) access.Rule { w.f.Person = ""; return access.NoPerson },
		"about one not known": func(w *world) access.Rule { w.f.Known = false; return access.NoPerson },
		"at no time":          func(w *world) access.Rule { w.at = time.Time{}; return access.NoInstant },
		"no role":             func(w *world) access.Rule { w.f.Viewer.Role = ""; return access.UnknownRole },
		"a role of its own":   func(w *world) access.Rule { w.f.Viewer.Role = "admin"; return access.UnknownRole },
		"level 3":             func(w *world) access.Rule { w.f.Viewer.Level = 3; return access.LowLevel },
		"no purpose":          func(w *world) access.Rule { w.f.Viewer.Purpose = ""; return access.NoPurpose },
		"another purpose":     func(w *world) access.Rule { w.f.Viewer.Purpose = care.PurposeTREAT; return access.NoPurpose },
		"integrator":          func(w *world) access.Rule { w.f.Viewer.Role = care.RoleIntegrator; return access.NoContent },
		"revisor":             func(w *world) access.Rule { w.f.Viewer.Role = care.RoleRevisor; return access.NoContent },
		"drift":               func(w *world) access.Rule { w.f.Viewer.Role = care.RoleDrift; return access.NoContent },
		"no tenant":           func(w *world) access.Rule { w.f.Viewer.Tenant = ""; return access.OtherTenant },
		"another tenant":      func(w *world) access.Rule { w.f.Viewer.Tenant = "999"; return access.OtherTenant },
		"an instance without": func(w *world) access.Rule { w.f.Tenant, w.f.Viewer.Tenant = "", ""; return access.OtherTenant },
	})
	group("appointment", consented, skole, map[string]func(*world) access.Rule{
		"none":                  func(w *world) access.Rule { w.f.Appointments = nil; return access.NoRelation },
		"another's":             func(w *world) access.Rule { w.f.Appointments[0].Viewer = "siv"; return access.NoRelation },
		"nobody's":              func(w *world) access.Rule { w.f.Appointments[0].Viewer = ""; return access.NoRelation },
		"for another child":     func(w *world) access.Rule { w.f.Appointments[0].Person = "amina"; return access.NoRelation },
		"in another role":       func(w *world) access.Rule { w.f.Appointments[0].Role = care.RoleTjenesteyter; return access.NoRelation },
		"without a beginning":   func(w *world) access.Rule { w.f.Appointments[0].From = time.Time{}; return access.RelationNotBegun },
		"from the next instant": func(w *world) access.Rule { w.f.Appointments[0].From = now.Add(1); return access.RelationNotBegun },
		"from this instant":     func(w *world) access.Rule { w.f.Appointments[0].From = now; return access.Granted },
		"until this instant":    func(w *world) access.Rule { w.f.Appointments[0].Until = now; return access.RelationOver },
		"until the next":        func(w *world) access.Rule { w.f.Appointments[0].Until = now.Add(1); return access.Granted },
		"without an end":        func(w *world) access.Rule { w.f.Appointments[0].Until = time.Time{}; return access.Granted },
		"ended this instant":    func(w *world) access.Rule { w.f.Appointments[0].Ended = now; return access.RelationOver },
		"ended in an instant":   func(w *world) access.Rule { w.f.Appointments[0].Ended = now.Add(1); return access.Granted },
		"the child is eighteen": func(w *world) access.Rule { w.f.Born = "2008-11-23"; return access.FullAge },
		"a team place is none": func(w *world) access.Rule {
			w.f.Appointments, w.f.Viewer.HPR, w.f.Team = nil, "1", []care.TeamPeriod{{Service: care.Koordinering}}
			return access.NoRelation
		},
		"a guardian's place is none": func(w *world) access.Rule {
			w.f.Appointments, w.f.Guardians[0].Viewer = nil, "liv"
			return access.NoRelation
		},
		"the child is nobody's age": func(w *world) access.Rule { w.f.Born, w.i.Service = "", care.Koordinering; return access.Granted },
	})
	group("team", func() care.Facts {
		f := worker(care.Helsestasjon)
		f.Appointments, f.Viewer.HPR, f.Team = nil, "9000001", []care.TeamPeriod{{Service: care.Koordinering, From: from, Until: until}}
		return f
	}, access.Item{Service: care.Helsestasjon, Type: "Condition"}, map[string]func(*world) access.Rule{
		"no number":             func(w *world) access.Rule { w.f.Viewer.HPR = ""; return access.NoRelation },
		"no place":              func(w *world) access.Rule { w.f.Team = nil; return access.NoRelation },
		"from the next instant": func(w *world) access.Rule { w.f.Team[0].From = now.Add(1); return access.RelationNotBegun },
		"since nobody knows":    func(w *world) access.Rule { w.f.Team[0].From = time.Time{}; return access.Granted },
		"until this instant":    func(w *world) access.Rule { w.f.Team[0].Until = now; return access.RelationOver },
		"another service's":     func(w *world) access.Rule { w.i.Service = care.BUP; return access.NoBasis },
		"works nowhere":         func(w *world) access.Rule { w.f.Viewer.Service = ""; return access.NoBasis },
	})
	group("locks", consented, skole, map[string]func(*world) access.Rule{
		"entered in error":   func(w *world) access.Rule { w.i.Marks = care.MarkInError; return access.InError },
		"third party":        func(w *world) access.Rule { w.i.Marks = care.MarkThirdParty; return access.ThirdParty },
		"notifier":           func(w *world) access.Rule { w.i.Marks = care.MarkNotifier; return access.Notifier },
		"blocked for her":    block(func(b *care.Block) { b.All, b.Viewer = false, "liv" }, access.Blocked),
		"for another":        block(func(b *care.Block) { b.All, b.Viewer = false, "siv" }, access.Granted),
		"for her group":      block(func(b *care.Block) { b.All, b.Group = false, care.Kommune }, access.Blocked),
		"for another group":  block(func(b *care.Block) { b.All, b.Group = false, care.BUP }, access.Granted),
		"for her tenant":     block(func(b *care.Block) { b.All, b.Orgnr = false, tenant }, access.Blocked),
		"for another orgnr":  block(func(b *care.Block) { b.All, b.Orgnr = false, "1" }, access.Granted),
		"for all":            block(func(*care.Block) {}, access.Blocked),
		"for nobody named":   block(func(b *care.Block) { b.All = false }, access.Blocked),
		"of another child":   block(func(b *care.Block) { b.Person = "amina" }, access.Granted),
		"of no child":        block(func(b *care.Block) { b.Person = "" }, access.Granted),
		"from the next":      block(func(b *care.Block) { b.From = now.Add(1) }, access.Granted),
		"from this instant":  block(func(b *care.Block) { b.From = now }, access.Blocked),
		"since nobody knows": block(func(b *care.Block) { b.From = time.Time{} }, access.Blocked),
		"lifted now":         block(func(b *care.Block) { b.Lifted = now }, access.Granted),
		"lifted in a moment": block(func(b *care.Block) { b.Lifted = now.Add(1) }, access.Blocked),
		"of the service":     block(func(b *care.Block) { b.Extent, b.Service = care.BlockService, care.Skole }, access.Blocked),
		"of another service": block(func(b *care.Block) { b.Extent, b.Service = care.BlockService, care.BUP }, access.Granted),
		"of no service":      block(func(b *care.Block) { b.Extent = care.BlockService }, access.Blocked),
		"of no extent":       block(func(b *care.Block) { b.Extent = "" }, access.Blocked),
		"of the record": func(w *world) access.Rule {
			w.i.Record = care.RecordRef{Source: "s", Kind: "k", Key: "1"}
			return block(func(b *care.Block) { b.Extent, b.Record = care.BlockRecord, w.i.Record }, access.Blocked)(w)
		},
		"of another record": func(w *world) access.Rule {
			w.i.Record = care.RecordRef{Source: "s", Kind: "k", Key: "1"}
			return block(func(b *care.Block) {
				b.Extent, b.Record = care.BlockRecord, care.RecordRef{Source: "s", Kind: "k", Key: "2"}
			}, access.Granted)(w)
		},
		"of no record, and it has one": func(w *world) access.Rule {
			w.i.Record = care.RecordRef{Source: "s", Kind: "k", Key: "1"}
			return block(func(b *care.Block) { b.Extent = care.BlockRecord }, access.Blocked)(w)
		},
		"of the service, with another record": func(w *world) access.Rule {
			return block(func(b *care.Block) {
				b.Extent, b.Service, b.Record = care.BlockService, care.Skole, care.RecordRef{Source: "s"}
			}, access.Blocked)(w)
		},
		"of no record": block(func(b *care.Block) { b.Extent = care.BlockRecord }, access.Blocked),
		"the child keeps it from guardians alone": func(w *world) access.Rule {
			w.f.Withheld = []care.Withheld{{Person: "teo", Service: care.Skole, From: from}}
			return access.Granted
		},
	})
	group("consent", consented, skole, map[string]func(*world) access.Rule{
		"none":              func(w *world) access.Rule { w.f.Consents = nil; return access.NoBasis },
		"for another child": func(w *world) access.Rule { w.f.Consents[0].Person = "amina"; return access.NoBasis },
		"another service's": func(w *world) access.Rule { w.f.Consents[0].Origins = []care.Service{care.BUP}; return access.NoBasis },
		"another purpose":   func(w *world) access.Rule { w.f.Consents[0].Purpose = care.PurposeTREAT; return access.BasisPurpose },
		"to another role": func(w *world) access.Rule {
			w.f.Consents[0].Receivers[0].Role = care.RoleTjenesteyter
			return access.NoBasis
		},
		"to another viewer":   func(w *world) access.Rule { w.f.Consents[0].Receivers[0].Viewer = "siv"; return access.NoBasis },
		"to another service":  func(w *world) access.Rule { w.f.Consents[0].Receivers[0].Service = care.BUP; return access.NoBasis },
		"to nobody":           func(w *world) access.Rule { w.f.Consents[0].Receivers = nil; return access.NoBasis },
		"to one that is none": func(w *world) access.Rule { w.f.Consents[0].Receivers[0] = care.Receiver{}; return access.NoBasis },
		"proposed": func(w *world) access.Rule {
			w.f.Consents[0].Status = care.ConsentProposed
			return access.ConsentPending
		},
		"rejected":    func(w *world) access.Rule { w.f.Consents[0].Status = care.ConsentRejected; return access.ConsentEnded },
		"taken back":  func(w *world) access.Rule { w.f.Consents[0].Status = care.ConsentWithdrawn; return access.ConsentEnded },
		"never given": func(w *world) access.Rule { w.f.Consents[0].Status = care.ConsentInError; return access.NoBasis },
		"one parent": func(w *world) access.Rule {
			w.f.Consents[0].Signatures = w.f.Consents[0].Signatures[:1]
			return access.ConsentPending
		},
		"one took it back":   func(w *world) access.Rule { w.f.Consents[0].Signatures[1].Withdrawn = now; return access.ConsentEnded },
		"from the next":      func(w *world) access.Rule { w.f.Consents[0].From = now.Add(1); return access.ConsentFuture },
		"until this instant": func(w *world) access.Rule { w.f.Consents[0].Until = now; return access.ConsentExpired },
		"three years old": func(w *world) access.Rule {
			w.f.Consents[0].From = now.AddDate(0, 0, -1096)
			return access.ConsentExpired
		},
		"almost three years old": func(w *world) access.Rule {
			w.f.Consents[0].From = now.AddDate(0, 0, -1096).Add(1)
			return access.Granted
		},
		"not voluntary":            func(w *world) access.Rule { w.f.Consents[0].Voluntary = false; return access.ConsentLacking },
		"the right moved with age": func(w *world) access.Rule { w.f.Born = "2011-11-23"; return access.ConsentLapsed },
		"other topics":             func(w *world) access.Rule { w.f.Consents[0].Topics = []string{"avtaler"}; return access.TopicNotGiven },
		"the topic": func(w *world) access.Rule {
			w.f.Consents[0].Topics = []string{"avtaler", "plan"}
			return access.Granted
		},
		"a topic nobody knows": func(w *world) access.Rule { w.f.Consents[0].Topics = []string{"alt"}; return access.TopicNotGiven },
		"but for the topic": func(w *world) access.Rule {
			w.f.Consents[0].ExceptTopics = []string{"plan"}
			return access.TopicNotGiven
		},
		"but for another topic": func(w *world) access.Rule { w.f.Consents[0].ExceptTopics = []string{"helse"}; return access.Granted },
		"but for what nobody knows": func(w *world) access.Rule {
			w.f.Consents[0].ExceptTopics = []string{"det andre"}
			return access.TopicNotGiven
		},
		"a type of no topic": func(w *world) access.Rule { w.i.Type = "Media"; return access.TopicNotGiven },
		"no type":            func(w *world) access.Rule { w.i.Type = ""; return access.NoType },
		"no service":         func(w *world) access.Rule { w.i.Service = ""; return access.UnknownService },
		"who she is, beside another topic": func(w *world) access.Rule {
			w.i.Type, w.f.Consents[0].Topics = "Patient", []string{"avtaler"}
			return access.Granted
		},
		"but for her":     func(w *world) access.Rule { w.f.Consents[0].ExceptViewers = []string{"liv"}; return access.Excepted },
		"but for another": func(w *world) access.Rule { w.f.Consents[0].ExceptViewers = []string{"siv"}; return access.Granted },
		"but for her in one that is not active": func(w *world) access.Rule {
			c := agreed("c2", care.Skole)
			c.Status, c.ExceptViewers = care.ConsentProposed, []string{"liv"}
			w.f.Consents = append(w.f.Consents, c)
			return access.Granted
		},
		"but for her in one of another service": func(w *world) access.Rule {
			c := agreed("c2", care.PPT)
			c.ExceptViewers = []string{"liv"}
			w.f.Consents = append(w.f.Consents, c)
			return access.Granted
		},
		"but for her in one to somebody else": func(w *world) access.Rule {
			c := agreed("c2", care.Skole)
			c.Receivers, c.ExceptViewers = []care.Receiver{{Service: care.PPT}}, []string{"liv"}
			w.f.Consents = append(w.f.Consents, c)
			return access.Excepted
		},
		"one rejected before this was signed": func(w *world) access.Rule {
			c := agreed("c2", care.Skole)
			c.Status, c.Changed = care.ConsentRejected, from.Add(-1)
			w.f.Consents = append(w.f.Consents, c)
			return access.Granted
		},
		"a signature taken back before this was signed, and changed since": func(w *world) access.Rule {
			c := agreed("c2", care.Skole)
			c.Signatures[0].Withdrawn, c.Changed = from.Add(-1), now
			w.f.Consents = append(w.f.Consents, c)
			return access.Granted
		},
		"a narrower one beside it": func(w *world) access.Rule {
			c := agreed("c2", care.Skole)
			c.Topics = []string{"avtaler"}
			w.f.Consents = append(w.f.Consents, c)
			return access.TopicNotGiven
		},
		"a narrower one, for another": func(w *world) access.Rule {
			c := agreed("c2", care.Skole)
			c.Topics, c.Receivers = []string{"avtaler"}, []care.Receiver{{Viewer: "siv"}}
			w.f.Consents = append(w.f.Consents, c)
			return access.Granted
		},
		"one taken back since": func(w *world) access.Rule {
			c := agreed("c2", care.Skole)
			c.Status, c.Changed = care.ConsentWithdrawn, now
			w.f.Consents = append(w.f.Consents, c)
			return access.Objected
		},
		"one rejected when this was signed": func(w *world) access.Rule {
			c := agreed("c2", care.Skole)
			c.Status, c.Changed = care.ConsentRejected, from
			w.f.Consents = append(w.f.Consents, c)
			return access.Objected
		},
		"one taken back nobody knows when": func(w *world) access.Rule {
			c := agreed("c2", care.Skole)
			c.Status, c.Changed = care.ConsentWithdrawn, time.Time{}
			w.f.Consents = append(w.f.Consents, c)
			return access.Objected
		},
		"a signature of another taken back since": func(w *world) access.Rule {
			c := agreed("c2", care.Skole)
			c.Signatures[0].Withdrawn = now
			w.f.Consents = append(w.f.Consents, c)
			return access.Objected
		},
		"one taken back before this was signed": func(w *world) access.Rule {
			c := agreed("c2", care.Skole)
			c.Status, c.Changed = care.ConsentWithdrawn, from.Add(-1)
			w.f.Consents = append(w.f.Consents, c)
			return access.Granted
		},
		"one of another service taken back": func(w *world) access.Rule {
			c := agreed("c2", care.PPT)
			c.Status, c.Changed = care.ConsentWithdrawn, now
			w.f.Consents = append(w.f.Consents, c)
			return access.Granted
		},
		"one for another taken back": func(w *world) access.Rule {
			c := agreed("c2", care.Skole)
			c.Status, c.Changed, c.Receivers = care.ConsentWithdrawn, now, []care.Receiver{{Viewer: "siv"}}
			w.f.Consents = append(w.f.Consents, c)
			return access.Granted
		},
	})
	group("labels", consented, bup, map[string]func(*world) access.Rule{
		"restricted":     func(w *world) access.Rule { w.i.Marks = care.MarkRestricted; return access.Granted },
		"very":           func(w *world) access.Rule { w.i.Marks = care.MarkVery; return access.Clearance },
		"psychiatry":     func(w *world) access.Rule { w.i.Marks = care.MarkPsychiatry; return access.Clearance },
		"substance":      func(w *world) access.Rule { w.i.Marks = care.MarkSubstance; return access.Clearance },
		"sexual":         func(w *world) access.Rule { w.i.Marks = care.MarkSexual; return access.Clearance },
		"violence":       func(w *world) access.Rule { w.i.Marks = care.MarkViolence; return access.Clearance },
		"unknown":        func(w *world) access.Rule { w.i.Marks = care.MarkUnknown; return access.Clearance },
		"one of the two": func(w *world) access.Rule { w.i.Marks = care.MarkRestricted | care.MarkVery; return access.Clearance },
		"klientadresse":  func(w *world) access.Rule { w.i.Marks = care.Marks(care.AddressKlient); return access.Granted },
	})
	group("scopes", consented, skole, map[string]func(*world) access.Rule{
		"none at all":  func(w *world) access.Rule { w.f.Viewer.Scopes = []string{}; return access.ScopeNarrowed },
		"the type":     func(w *world) access.Rule { w.f.Viewer.Scopes = []string{"user/CarePlan.rs"}; return access.Granted },
		"every type":   func(w *world) access.Rule { w.f.Viewer.Scopes = []string{"user/*.r"}; return access.Granted },
		"another type": func(w *world) access.Rule { w.f.Viewer.Scopes = []string{"user/Goal.rs"}; return access.ScopeNarrowed },
		"only to search": func(w *world) access.Rule {
			w.f.Viewer.Scopes = []string{"user/CarePlan.s"}
			return access.ScopeNarrowed
		},
		"only to write": func(w *world) access.Rule { w.f.Viewer.Scopes = []string{"system/*.cud"}; return access.ScopeNarrowed },
		"out of order":  func(w *world) access.Rule { w.f.Viewer.Scopes = []string{"user/*.sr"}; return access.ScopeNarrowed },
		"with a query": func(w *world) access.Rule {
			w.f.Viewer.Scopes = []string{"user/*.rs?category=x"}
			return access.ScopeNarrowed
		},
		"one cannot be read": func(w *world) access.Rule {
			w.f.Viewer.Scopes = []string{"user/*.rs", "user/"}
			return access.ScopeNarrowed
		},
		"of another resource": func(w *world) access.Rule { w.f.Viewer.Scopes = []string{"openid"}; return access.ScopeNarrowed },
	})
	group("register", func() care.Facts { return withLine(worker(care.Skole), line("BVL13-1", care.Barnevern)) },
		access.Item{Service: care.Barnevern, Type: "EpisodeOfCare"}, map[string]func(*world) access.Rule{
			"no line":             func(w *world) access.Rule { w.f.Bases = nil; return access.NoBasis },
			"a line without id":   func(w *world) access.Rule { w.f.Bases[0].ID = ""; return access.NoBasis },
			"the duty alone":      func(w *world) access.Rule { w.f.Bases[0].Code = "SAMORDNING"; return access.NoBasis },
			"a fact alone":        func(w *world) access.Rule { w.f.Bases[0].Code = "OMSORG"; return access.NoBasis },
			"another law":         func(w *world) access.Rule { w.f.Bases[0].Code = "FVL13B"; return access.NoBasis },
			"a code of nobody":    func(w *world) access.Rule { w.f.Bases[0].Code = "X"; return access.NoBasis },
			"another child":       func(w *world) access.Rule { w.f.Bases[0].Person = "amina"; return access.NoBasis },
			"another origin":      func(w *world) access.Rule { w.f.Bases[0].Origins = []care.Service{care.Skole}; return access.NoBasis },
			"another viewer":      func(w *world) access.Rule { w.f.Bases[0].Viewer = "liv"; return access.NoBasis },
			"another service":     func(w *world) access.Rule { w.f.Bases[0].Service = care.PPT; return access.NoBasis },
			"another role":        func(w *world) access.Rule { w.f.Bases[0].Role = care.RoleKoordinator; return access.NoBasis },
			"no receiver":         func(w *world) access.Rule { w.f.Bases[0].Viewer = ""; return access.NoBasis },
			"another purpose":     func(w *world) access.Rule { w.f.Bases[0].Purpose = care.PurposeCOC; return access.BasisPurpose },
			"decided by nobody":   func(w *world) access.Rule { w.f.Bases[0].DecidedBy = " "; return access.BasisLacks },
			"no reason":           func(w *world) access.Rule { w.f.Bases[0].Reason = "\t"; return access.BasisLacks },
			"no evidence":         func(w *world) access.Rule { w.f.Bases[0].Evidence = ""; return access.BasisLacks },
			"no end":              func(w *world) access.Rule { w.f.Bases[0].Until = time.Time{}; return access.BasisLacks },
			"no beginning":        func(w *world) access.Rule { w.f.Bases[0].From = time.Time{}; return access.BasisNotBegun },
			"from the next":       func(w *world) access.Rule { w.f.Bases[0].From = now.Add(1); return access.BasisNotBegun },
			"from this instant":   func(w *world) access.Rule { w.f.Bases[0].From = now; return access.Granted },
			"until this instant":  func(w *world) access.Rule { w.f.Bases[0].Until = now; return access.BasisOver },
			"until the next":      func(w *world) access.Rule { w.f.Bases[0].Until = now.Add(1); return access.Granted },
			"ended this instant":  func(w *world) access.Rule { w.f.Bases[0].Ended = now; return access.BasisOver },
			"ended in an instant": func(w *world) access.Rule { w.f.Bases[0].Ended = now.Add(1); return access.Granted },
			"half a year old": func(w *world) access.Rule {
				w.f.Bases[0].From, w.f.Bases[0].Until = now.Add(-183*24*time.Hour), until
				return access.BasisOver
			},
			"almost half a year old": func(w *world) access.Rule {
				w.f.Bases[0].From, w.f.Bases[0].Until = now.Add(-183*24*time.Hour+1), until
				return access.Granted
			},
			"not of the list":      func(w *world) access.Rule { w.i.Type = "Communication"; return access.NoFields },
			"a marked item":        func(w *world) access.Rule { w.i.Marks = care.MarkRestricted; return access.Clearance },
			"without a relation":   func(w *world) access.Rule { w.f.Appointments = nil; return access.NoRelation },
			"by broken glass only": func(w *world) access.Rule { w.f.Viewer.Purpose = care.PurposeBTG; return access.NoRelation },
			"but for her": func(w *world) access.Rule {
				c := agreed("c1", care.Barnevern)
				c.ExceptViewers = []string{"siv"}
				w.f.Guardians, w.f.Consents = coordinator().Guardians, []care.Consent{c}
				return access.Excepted
			},
		})
	group("health to health", func() care.Facts { return withLine(worker(care.Fastlege), line("HPL25", care.BUP)) }, bup, map[string]func(*world) access.Rule{
		"to a school": func(w *world) access.Rule { w.f.Viewer.Service = care.Skole; return access.NoBasis },
		"to nowhere":  func(w *world) access.Rule { w.f.Viewer.Service = ""; return access.NoBasis },
		"of a school": func(w *world) access.Rule {
			w.f.Bases[0].Origins, w.i.Service = []care.Service{care.Skole}, care.Skole
			return access.NoBasis
		},
		"the patient objects": block(func(b *care.Block) { b.All, b.Viewer = false, "siv" }, access.Blocked),
		"consent was refused": func(w *world) access.Rule {
			c := agreed("c1", care.BUP)
			c.Status, c.Changed, c.Receivers = care.ConsentRejected, from.AddDate(-1, 0, 0), []care.Receiver{{Service: care.Fastlege}}
			w.f.Consents = []care.Consent{c}
			return access.Objected
		},
		"consent to another was refused": func(w *world) access.Rule {
			c := agreed("c1", care.BUP)
			c.Status, c.Changed, c.Receivers = care.ConsentRejected, from, []care.Receiver{{Service: care.Skole}}
			w.f.Consents = []care.Consent{c}
			return access.Granted
		},
		"her psychiatry": func(w *world) access.Rule { w.i.Marks = care.MarkPsychiatry; return access.Clearance },
	})
	group("guardian", guardian, access.Item{Service: care.BUP, Type: "Communication"}, map[string]func(*world) access.Rule{
		"another": func(w *world) access.Rule { w.f.Viewer.ID = "onkel"; return access.NoRelation },
		"known by person": func(w *world) access.Rule {
			w.f.Guardians[0].Viewer, w.f.Guardians[0].Person, w.f.Viewer.Person = "", "p", "p"
			return access.Granted
		},
		"by no person":      func(w *world) access.Rule { w.f.Guardians[0].Viewer = ""; return access.NoRelation },
		"ukjent":            func(w *world) access.Rule { w.f.Guardians[0].Code = care.ParentalUkjent; return access.GuardianUnknown },
		"no code":           func(w *world) access.Rule { w.f.Guardians[0].Code = ""; return access.GuardianUnknown },
		"mor alone":         func(w *world) access.Rule { w.f.Guardians[0].Code = care.ParentalMor; return access.Granted },
		"andre":             func(w *world) access.Rule { w.f.Guardians[0].Code = care.ParentalAndre; return access.Granted },
		"not begun":         func(w *world) access.Rule { w.f.Guardians[0].From = now.Add(1); return access.RelationNotBegun },
		"without beginning": func(w *world) access.Rule { w.f.Guardians[0].From = time.Time{}; return access.RelationNotBegun },
		"over this instant": func(w *world) access.Rule { w.f.Guardians[0].Until = now; return access.RelationOver },
		"she is graded":     func(w *world) access.Rule { w.f.Guardians[0].Graded = true; return access.GuardianGraded },
		"the other is":      func(w *world) access.Rule { w.f.Guardians[1].Graded = true; return access.Granted },
		"the child is":      func(w *world) access.Rule { w.f.Address = care.AddressFortrolig; return access.ChildGraded },
		"klientadresse":     func(w *world) access.Rule { w.f.Address = care.AddressKlient; return access.Granted },
		"none at home":      func(w *world) access.Rule { w.f.Guardians[1].SameAddress = false; return access.GuardiansElsewhere },
		"at home, not a guardian": func(w *world) access.Rule {
			w.f.Guardians[1].Code = care.ParentalUkjent
			return access.GuardiansElsewhere
		},
		"at home until now":                func(w *world) access.Rule { w.f.Guardians[1].Until = now; return access.GuardiansElsewhere },
		"age unknown":                      func(w *world) access.Rule { w.f.Born = ""; return access.AgeUnknown },
		"twelve tomorrow":                  func(w *world) access.Rule { w.f.Born = "2014-11-24"; return access.Granted },
		"twelve today":                     func(w *world) access.Rule { w.f.Born = "2014-11-23"; return access.NoFields },
		"a plan at twelve":                 func(w *world) access.Rule { w.f.Born, w.i.Type = "2014-11-23", "CarePlan"; return access.Granted },
		"a plan at sixteen":                func(w *world) access.Rule { w.f.Born, w.i.Type = "2010-11-23", "CarePlan"; return access.AgeStage },
		"school at sixteen":                func(w *world) access.Rule { w.f.Born, w.i = "2010-11-23", skole; return access.Granted },
		"letters of school at sixteen":     func(w *world) access.Rule { w.f.Born, w.i.Service = "2010-11-23", care.Skole; return access.NoFields },
		"letters of school the day before": func(w *world) access.Rule { w.f.Born, w.i.Service = "2010-11-24", care.Skole; return access.Granted },
		"school at eighteen":               func(w *world) access.Rule { w.f.Born, w.i = "2008-11-23", skole; return access.FullAge },
		"barnevern":                        func(w *world) access.Rule { w.i.Service = care.Barnevern; return access.NoBasis },
		"violence":                         func(w *world) access.Rule { w.i.Marks = care.MarkViolence; return access.Clearance },
		"psychiatry":                       func(w *world) access.Rule { w.i.Marks = care.MarkPsychiatry; return access.Granted },
		"of another tenant":                func(w *world) access.Rule { w.f.Viewer.Tenant = "999"; return access.OtherTenant },
		"of the tenant":                    func(w *world) access.Rule { w.f.Viewer.Tenant = tenant; return access.Granted },
		"withheld": func(w *world) access.Rule {
			w.f.Withheld = []care.Withheld{{ID: "w", Person: "teo", Service: care.BUP, From: from}}
			return access.ChildWithheld
		},
		"another's is": func(w *world) access.Rule {
			w.f.Withheld = []care.Withheld{{ID: "w", Person: "amina", Service: care.BUP, From: from}}
			return access.Granted
		},
		"another service is": func(w *world) access.Rule {
			w.f.Withheld = []care.Withheld{{ID: "w", Person: "teo", Service: care.Skole, From: from}}
			return access.Granted
		},
		"everything is": func(w *world) access.Rule {
			w.f.Withheld = []care.Withheld{{ID: "w", Person: "teo", From: from}}
			return access.ChildWithheld
		},
		"the record is": func(w *world) access.Rule {
			w.i.Record = care.RecordRef{Source: "s", Kind: "k", Key: "1"}
			w.f.Withheld = []care.Withheld{{ID: "w", Person: "teo", Record: w.i.Record, From: from}}
			return access.ChildWithheld
		},
		"another record is": func(w *world) access.Rule {
			w.f.Withheld = []care.Withheld{{ID: "w", Person: "teo", Record: care.RecordRef{Source: "s"}, From: from}}
			return access.Granted
		},
		"withheld from the next instant": func(w *world) access.Rule {
			w.f.Withheld = []care.Withheld{{ID: "w", Person: "teo", Service: care.BUP, From: now.Add(1)}}
			return access.Granted
		},
		"withheld until now": func(w *world) access.Rule {
			w.f.Withheld = []care.Withheld{{ID: "w", Person: "teo", Service: care.BUP, From: from, Lifted: now}}
			return access.Granted
		},
	})
	group("child", func() care.Facts { return child("2010-01-01") }, access.Item{Service: care.Barnevern, Type: "CarePlan"}, map[string]func(*world) access.Rule{
		"another":           func(w *world) access.Rule { w.f.Viewer.Person = "amina"; return access.NoRelation },
		"nobody":            func(w *world) access.Rule { w.f.Viewer.Person = ""; return access.NoRelation },
		"fifteen tomorrow":  func(w *world) access.Rule { w.f.Born = "2011-11-24"; return access.AgeStage },
		"fifteen today":     func(w *world) access.Rule { w.f.Born = "2011-11-23"; return access.Granted },
		"health at fifteen": func(w *world) access.Rule { w.f.Born, w.i.Service = "2011-11-23", care.BUP; return access.Granted },
		"letters of health at fifteen": func(w *world) access.Rule {
			w.f.Born, w.i = "2011-11-23", access.Item{Service: care.BUP, Type: "Communication"}
			return access.NoFields
		},
		"letters of health at sixteen": func(w *world) access.Rule {
			w.f.Born, w.i = "2010-11-23", access.Item{Service: care.BUP, Type: "Communication"}
			return access.Granted
		},
		"health at eleven": func(w *world) access.Rule { w.f.Born, w.i.Service = "2014-11-24", care.BUP; return access.AgeStage },
		"health at twelve": func(w *world) access.Rule { w.f.Born, w.i.Service = "2014-11-23", care.BUP; return access.Granted },
		"age unknown":      func(w *world) access.Rule { w.f.Born = ""; return access.AgeStage },
		"third party":      func(w *world) access.Rule { w.i.Marks = care.MarkThirdParty; return access.ThirdParty },
		"very, of her own": func(w *world) access.Rule { w.i.Marks = care.MarkVery; return access.Granted },
		"unknown label":    func(w *world) access.Rule { w.i.Marks = care.MarkUnknown; return access.Clearance },
		"her own block":    block(func(*care.Block) {}, access.Granted),
		"what she withholds": func(w *world) access.Rule {
			w.f.Withheld = []care.Withheld{{Person: "teo", From: from}}
			return access.Granted
		},
		"in a guardian's role": func(w *world) access.Rule {
			w.f.Viewer.Role, w.f.Viewer.Purpose = care.RoleForesatt, care.PurposeFAMRQT
			return access.NoRelation
		},
	})
	group("those who appoint", office, access.Item{Service: care.Koordinering, Type: "CareTeam"}, map[string]func(*world) access.Rule{
		"no coordinator":          func(w *world) access.Rule { w.f.Appointments = nil; return access.NoRelation },
		"the appointment is over": func(w *world) access.Rule { w.f.Appointments[0].Until = now; return access.RelationOver },
		"a worker is no such":     func(w *world) access.Rule { w.f.Appointments[0].Role = care.RoleTjenesteyter; return access.NoRelation },
		"barnevern":               func(w *world) access.Rule { w.i.Service = care.Barnevern; return access.NoBasis },
		"health":                  func(w *world) access.Rule { w.i.Service = care.BUP; return access.NoBasis },
		"a plan":                  func(w *world) access.Rule { w.i.Type = "CarePlan"; return access.NoFields },
		"a marked team":           func(w *world) access.Rule { w.i.Marks = care.MarkRestricted; return access.Clearance },
	})
	group("broken glass", rescuer, access.Item{Service: care.BUP, Type: "Condition", Marks: care.MarkPsychiatry}, map[string]func(*world) access.Rule{
		"no session":    func(w *world) access.Rule { w.f.BreakGlass = nil; return access.NoRelation },
		"another's":     func(w *world) access.Rule { w.f.BreakGlass[0].Viewer = "liv"; return access.NoRelation },
		"another child": func(w *world) access.Rule { w.f.BreakGlass[0].Person = "amina"; return access.NoRelation },
		"no number":     func(w *world) access.Rule { w.f.Viewer.HPR = ""; return access.NotHealthPersonnel },
		"on duty for barnevern": func(w *world) access.Rule {
			w.f.Viewer.HPR, w.f.Viewer.Duty, w.f.Viewer.Service = "", true, care.Barnevern
			return access.Granted
		},
		"of barnevern, not on duty": func(w *world) access.Rule {
			w.f.Viewer.HPR, w.f.Viewer.Service = "", care.Barnevern
			return access.NotHealthPersonnel
		},
		"on duty for a school": func(w *world) access.Rule {
			w.f.Viewer.HPR, w.f.Viewer.Duty, w.f.Viewer.Service = "", true, care.Skole
			return access.NotHealthPersonnel
		},
		"no such code": func(w *world) access.Rule { w.f.BreakGlass[0].Code = "NYSGJERRIG"; return access.BreakGlassLacks },
		"no end":       func(w *world) access.Rule { w.f.BreakGlass[0].Until = time.Time{}; return access.BreakGlassLacks },
		"nineteen letters": func(w *world) access.Rule {
			w.f.BreakGlass[0].Reason = " " + strings.Repeat("å", 19) + " "
			return access.BreakGlassLacks
		},
		"twenty letters": func(w *world) access.Rule { w.f.BreakGlass[0].Reason = strings.Repeat("å", 20); return access.Granted },
		"from the next":  func(w *world) access.Rule { w.f.BreakGlass[0].From = now.Add(1); return access.RelationNotBegun },
		"until this":     func(w *world) access.Rule { w.f.BreakGlass[0].Until = now; return access.RelationOver },
		"ended now":      func(w *world) access.Rule { w.f.BreakGlass[0].Ended = now; return access.RelationOver },
		"an hour old": func(w *world) access.Rule {
			w.f.BreakGlass[0].From, w.f.BreakGlass[0].Until = now.Add(-time.Hour), until
			return access.RelationOver
		},
		"almost an hour old": func(w *world) access.Rule {
			w.f.BreakGlass[0].From, w.f.BreakGlass[0].Until = now.Add(-time.Hour+1), until
			return access.Granted
		},
		"another purpose":   func(w *world) access.Rule { w.f.Viewer.Purpose = care.PurposeTREAT; return access.NoRelation },
		"an emergency":      func(w *world) access.Rule { w.f.Viewer.Purpose = care.PurposeETREAT; return access.Granted },
		"another tenant":    func(w *world) access.Rule { w.f.Viewer.Tenant = "999"; return access.OtherTenant },
		"a block":           block(func(*care.Block) {}, access.Blocked),
		"third party":       func(w *world) access.Rule { w.i.Marks = care.MarkThirdParty; return access.ThirdParty },
		"notifier":          func(w *world) access.Rule { w.i.Marks = care.MarkNotifier; return access.Notifier },
		"unknown label":     func(w *world) access.Rule { w.i.Marks = care.MarkUnknown; return access.Clearance },
		"barnevern":         func(w *world) access.Rule { w.i.Service = care.Barnevern; return access.NoBasis },
		"school":            func(w *world) access.Rule { w.i.Service = care.Skole; return access.NoBasis },
		"letters":           func(w *world) access.Rule { w.i.Type = "Communication"; return access.NoFields },
		"a guardian's role": func(w *world) access.Rule { w.f.Viewer.Role = care.RoleForesatt; return access.NoPurpose },
	})
}

// world is what is asked in one case.
type world struct {
	f  care.Facts
	i  access.Item
	at time.Time
}

// block adds a block, against all and of everything unless do says otherwise.
func block(do func(*care.Block), want access.Rule) func(*world) access.Rule {
	return func(w *world) access.Rule {
		b := care.Block{ID: "k1", Person: "teo", All: true, Extent: care.BlockAll, From: from}
		do(&b)
		w.f.Blocks = append(slices.Clone(w.f.Blocks), b)
		return want
	}
}

// A code without a longest time has none.
func TestWithoutMaxDaysNothingEnds(t *testing.T) {
	text := shippedText(t)
	for _, days := range []string{"    max-days: 1096\n", "    max-days: 183\n"} {
		text = strings.Replace(text, days, "", 1)
	}
	table, err := access.Load([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f := coordinator()
	f.Consents = []care.Consent{agreed("c1", care.Skole)}
	f.Consents[0].From = now.AddDate(-7, 0, 0)
	if d := table.Decide(f, access.Item{Service: care.Skole, Type: "Goal"}, now.In(oslo)); !d.Allowed {
		t.Errorf("an old consent: %s", d.Rule)
	}
	f = withLine(worker(care.Skole), line("BVL13-1", care.Barnevern))
	f.Bases[0].From, f.Bases[0].Until = now.AddDate(-7, 0, 0), until
	if d := table.Decide(f, access.Item{Service: care.Barnevern, Type: "EpisodeOfCare"}, now.In(oslo)); !d.Allowed {
		t.Errorf("an old line: %s", d.Rule)
	}
}

// Parts that another has whole are left out of what SQL is asked, and nothing else.
// What is excepted by its name does not follow the other topics, and a type that has no
// element that may leave with a hidden address does not leave.
func TestWhatFollowsAndWhatDoesNot(t *testing.T) {
	table := table(t)
	for name, k := range map[string]struct {
		change func(*care.Facts)
		sees   map[string]bool // by type
	}{
		"plan, and who she is": {func(f *care.Facts) { f.Consents[0].Topics = []string{"plan"} }, map[string]bool{"CarePlan": true, "Patient": true, "Appointment": false}},
		"plan, but not who she is": {func(f *care.Facts) {
			f.Consents[0].Topics, f.Consents[0].ExceptTopics = []string{"plan"}, []string{"barnet"}
		}, map[string]bool{"CarePlan": true, "Patient": false}},
		"all, but not who she is": {func(f *care.Facts) { f.Consents[0].ExceptTopics = []string{"barnet"} }, map[string]bool{"CarePlan": true, "Patient": false, "Appointment": true}},
		"a hidden address":        {func(f *care.Facts) { f.Address = care.AddressFortrolig }, map[string]bool{"CarePlan": true, "Patient": true, "Organization": false, "Observation": false}},
	} {
		f := coordinator()
		f.Consents = []care.Consent{agreed("c1", care.Skole)}
		k.change(&f)
		s := table.Scope(f, now)
		for fhirType, want := range k.sees {
			i := access.Item{Service: care.Skole, Type: fhirType}
			if d := table.Decide(f, i, now); d.Allowed != want || access.Holds(s.Visible, i) != want {
				t.Errorf("%s: %s is decided %v by %s, and the scope says %v", name, fhirType, d.Allowed, d.Rule, access.Holds(s.Visible, i))
			}
		}
	}
}

// TestARuleThatDoesNotHoldStopsNoOther: a basis for those who work elsewhere, which stands in the table before the
// rule that gives access, is passed over.
func TestARuleThatDoesNotHoldStopsNoOther(t *testing.T) {
	const consent, shipped = "  - { roles: [koordinator], basis: SAMTYKKE,", "  - { roles: [koordinator], basis: HPL25, works-in: [HPL], origins: [HPL], purposes: [COC], clearance: [restricted], fields: cooperation }\n"
	text := shippedText(t)
	if strings.Count(text, shipped) != 1 || strings.Count(text, consent) != 1 {
		t.Fatal("the table has other rows than this test moves")
	}
	text = strings.Replace(strings.Replace(text, shipped, "", 1), consent, strings.Replace(shipped, " works-in: [HPL],", "", 1)+consent, 1)
	table, err := access.Load([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f := coordinator()
	f.Viewer.Service = care.Skole
	f.Consents = []care.Consent{agreed("c1", care.BUP)}
	if d := table.In(oslo).Decide(f, access.Item{Service: care.BUP, Type: "CarePlan"}, now); !d.Allowed || d.Basis != "SAMTYKKE" {
		t.Errorf("%v by %s, %s", d.Allowed, d.Rule, d.Basis)
	}
}

// TestScopeNamesWhatItUsedOnce: a relation without an id is no basis, and one that serves twice is named once.
func TestScopeNamesWhatItUsedOnce(t *testing.T) {
	table := table(t)
	if s := table.Scope(guardian(), now); !s.Allowed || len(s.Bases) != 0 {
		t.Errorf("a guardian: %v, %q", s.Allowed, s.Bases)
	}
	f := coordinator()
	f.Consents = []care.Consent{agreed("c1", care.Skole, care.BUP)}
	if s := table.Scope(f, now); !slices.Equal(s.Bases, []string{"a1", "c1"}) {
		t.Errorf("a coordinator: %q", s.Bases)
	}
	// A consent that opens no type that her program may ask for does not end the list.
	f = withLine(worker(care.PPT), line("FVL13B", care.Skole))
	f.Guardians = coordinator().Guardians
	c := agreed("c1", care.Skole)
	c.Purpose, c.Receivers, c.Topics = care.PurposeTREAT, []care.Receiver{{Viewer: "siv"}}, []string{"plan"}
	f.Consents, f.Viewer.Scopes = []care.Consent{c}, []string{"user/Appointment.rs"}
	if s := table.Scope(f, now); !access.Holds(s.Visible, access.Item{Service: care.Skole, Type: "Appointment"}) {
		t.Errorf("behind a consent that opens nothing: %+v", s)
	}
	for _, e := range table.Explain(f, now) {
		if e.Service == care.Skole && !e.Allowed {
			t.Errorf("behind a consent that opens nothing it is explained as %s", e.Rule)
		}
	}
}

func TestScopeIsTidy(t *testing.T) {
	table := table(t)
	some := agreed("c1", care.Koordinering)
	some.Topics = []string{"plan"}
	f := coordinator()
	f.Consents = []care.Consent{some}
	s := table.Scope(f, now)
	if len(s.Visible) != 1 || len(s.Visible[0].Types) != 0 || s.Visible[0].Without&care.MarkRestricted != 0 {
		t.Errorf("her own and a part of it: %+v", s.Visible)
	}
	if !slices.Equal(s.Bases, []string{"a1", "c1"}) {
		t.Errorf("both were used: %v", s.Bases)
	}
	f.Consents = append(f.Consents, agreed("c2", care.Skole))
	if s := table.Scope(f, now); len(s.Visible) != 2 || !access.Holds(s.Visible, access.Item{Service: care.Skole, Type: "CarePlan"}) {
		t.Errorf("and what comes after it: %+v", s.Visible)
	}
	// What a list lets out is a part of what a consent gives, and comes first or last.
	for _, topics := range [][]string{nil, {"plan"}} {
		f = withLine(worker(care.PPT), line("FVL13B", care.Skole))
		f.Guardians = coordinator().Guardians
		c := agreed("c1", care.Skole)
		c.Purpose, c.Receivers, c.Topics = care.PurposeTREAT, []care.Receiver{{Viewer: "siv"}}, topics
		f.Consents = []care.Consent{c}
		s = table.Scope(f, now)
		parts := 0
		for _, v := range s.Visible {
			if v.Service == care.Skole {
				parts++
			}
		}
		if parts != 1 {
			t.Errorf("topics %v: %d parts of the school's words: %+v", topics, parts, s.Visible)
		}
		if access.Holds(s.Visible, access.Item{Service: care.Skole, Type: "Communication"}) != (topics == nil) || !access.Holds(s.Visible, access.Item{Service: care.Skole, Type: "Appointment"}) {
			t.Errorf("topics %v: %+v", topics, s.Visible)
		}
	}
}
