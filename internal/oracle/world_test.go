package oracle_test

import (
	"strings"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"samsyn/internal/access"
	"samsyn/internal/care"
	"samsyn/internal/gate/gatetest"
)

// A world is drawn so that a good part is allowed: what opens is drawn right more often
// than wrong, and every time lies at, just before or just after a border.

const (
	tenant = gatetest.Tenant
	child  = care.PersonID("p-child")
	me     = "v-me"
)

// one draws the first value about as often as weight in ten, else one of the others. In a
// tame world it is ten times as seldom one of the others.
func one[V any](m *maker, name string, weight int, first V, others ...V) V {
	if len(others) == 0 || rapid.IntRange(0, 9).Draw(m.T, name+"?") < weight || m.tame && rapid.IntRange(0, 9).Draw(m.T, name+"!") > 0 {
		return first
	}
	return rapid.SampledFrom(others).Draw(m.T, name)
}

// some draws up to n values.
func some[V any](t *rapid.T, name string, least, most int, from ...V) []V {
	n := rapid.IntRange(least, most).Draw(t, name+"#")
	var list []V
	for range n {
		list = append(list, rapid.SampledFrom(from).Draw(t, name))
	}
	return list
}

// maker draws a world around one instant.
type maker struct {
	*rapid.T
	oslo *time.Location
	at   time.Time
	tame bool
	n    int
}

func (m *maker) id(kind string) string {
	m.n++
	return kind + "-" + string(rune('a'+m.n%26)) + string(rune('a'+m.n/26%26))
}

func (m *maker) ago(days int) time.Time { return m.at.AddDate(0, 0, -days) }

// begin draws when something begins: mostly some time ago.
func (m *maker) begin(name string) time.Time {
	return one(m, name, 8, m.ago(rapid.SampledFrom([]int{1, 20, 90, 182}).Draw(m.T, name+" ago")), m.at, m.at.Add(-1), m.at.Add(1), m.at.Add(time.Second), time.Time{}, m.ago(366), m.ago(367), m.ago(1096), m.ago(184), m.at.Add(-366*24*time.Hour), m.at.Add(-183*24*time.Hour), m.at.Add(-1096*24*time.Hour), m.at.Add(-1096*24*time.Hour+1))
}

// end draws when something ends: mostly not yet.
func (m *maker) end(name string, open int) time.Time {
	return one(m, name, open, time.Time{}, m.at.Add(time.Second), m.at.Add(1), m.at.AddDate(0, 1, 0), m.at.AddDate(0, 1, 0), m.at.AddDate(1, 0, 0), m.at, m.at.Add(-time.Second))
}

// stop draws an end before its time: seldom.
func (m *maker) stop(name string) time.Time {
	return one(m, name, 9, time.Time{}, m.at.Add(1), m.at, m.ago(1))
}

var services = care.Services()

// instant draws when it is asked: on days where something turns.
func (m *maker) instant(born string) time.Time {
	t, oslo := m.T, m.oslo
	day := time.Date(2026, 11, 27, 12, 0, 0, 0, oslo)
	switch rapid.IntRange(0, 3).Draw(t, "instant") {
	case 0: // a birthday
		if b, err := time.ParseInLocation(time.DateOnly, born, oslo); err == nil {
			years := rapid.SampledFrom([]int{7, 12, 15, 16, 18}).Draw(t, "birthday")
			day = time.Date(b.Year()+years, b.Month(), b.Day(), 0, 0, 0, 0, oslo)
			return one(m, "beside", 3, day, day.Add(-1), day.Add(-time.Second), day.Add(time.Second), day.Add(24*time.Hour))
		}
	case 1: // the clock goes forth and back; a leap day
		return rapid.SampledFrom([]time.Time{time.Date(2026, 3, 29, 2, 59, 59, 0, oslo), time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), time.Date(2028, 2, 29, 0, 0, 0, 0, oslo),
			time.Date(2027, 3, 1, 0, 0, 0, 0, oslo).Add(-1), time.Date(2023, 1, 1, 0, 0, 0, 0, oslo), time.Date(2022, 12, 31, 23, 30, 0, 0, time.UTC), time.Date(2018, 7, 20, 0, 0, 0, 0, oslo)}).Draw(t, "odd day")
	}
	return day.AddDate(0, 0, rapid.IntRange(-400, 400).Draw(t, "day")).Add(time.Duration(rapid.IntRange(0, 86399).Draw(t, "second")) * time.Second)
}

// facts draws a viewer, a child and what is known of both.
func facts(t *rapid.T, oslo *time.Location) (care.Facts, time.Time) {
	born := rapid.SampledFrom([]string{"2008-11-27", "2010-02-28", "2010-11-28", "2011-11-27", "2012-02-29", "2014-11-26", "2016-02-29", "2019-03-31", "2021-06-01"}).Draw(t, "born")
	m := &maker{T: t, oslo: oslo, tame: rapid.IntRange(0, 7).Draw(t, "tame") > 0}
	m.at = m.instant(born)
	role := rapid.SampledFrom([]care.Role{care.RoleTjenesteyter, care.RoleTjenesteyter, care.RoleTjenesteyter, care.RoleKoordinator, care.RoleKoordinator, care.RoleForesatt, care.RoleForesatt, care.RoleBarn, care.RoleKoordinerendeEnhet}).Draw(t, "role")
	role = one(m, "odd role", 9, role, care.RoleDrift, care.RoleRevisor, care.RoleIntegrator, "rektor", "")
	f := care.Facts{Tenant: one(m, "municipality", 9, tenant, ""), Person: child, Known: one(m, "known", 9, true, false), Born: one(m, "born known", 9, born, born, born, "", "2012", "2999-01-01"),
		Address: rapid.SampledFrom([]care.AddressLevel{care.AddressOpen, care.AddressOpen, care.AddressOpen, care.AddressOpen, care.AddressOpen, care.AddressKlient, care.AddressFortrolig, care.AddressStrengtFortrolig}).Draw(t, "address"), Viewer: m.viewer(role)}
	family := role == care.RoleBarn || role == care.RoleForesatt
	m.guardians(&f)
	for range one(m, "appointments", 8, 1, 0, 2) {
		f.Appointments = append(f.Appointments, m.appointment(role))
	}
	for range one(m, "team", 6, 0, 1, 2) {
		f.Team = append(f.Team, care.TeamPeriod{Service: rapid.SampledFrom(services).Draw(t, "team of"), From: m.begin("team from"), Until: m.end("team until", 6)})
	}
	if !family || rapid.Bool().Draw(t, "family with register") {
		for range rapid.IntRange(0, 3).Draw(t, "bases") {
			f.Bases = append(f.Bases, m.basis(f.Viewer))
		}
		for range one(m, "consents", 7, 1, 0, 2, 3) {
			f.Consents = append(f.Consents, m.consent(f))
		}
	}
	if len(f.Consents) > 0 && rapid.IntRange(0, 4).Draw(t, "no?") == 0 {
		m.refuse(&f)
	}
	if rapid.IntRange(0, 3).Draw(t, "locks?") == 0 {
		for range rapid.IntRange(0, 2).Draw(t, "blocks") {
			f.Blocks = append(f.Blocks, m.block())
		}
		for range rapid.IntRange(0, 2).Draw(t, "withheld") {
			f.Withheld = append(f.Withheld, care.Withheld{ID: m.id("w"), Person: child, Service: one(m, "withheld service", 5, "", services...), Record: one(m, "withheld record", 5, care.RecordRef{}, records...), From: m.begin("withheld from"), Lifted: m.end("withheld lifted", 5)})
		}
	}
	if f.Viewer.Purpose == care.PurposeBTG || f.Viewer.Purpose == care.PurposeETREAT || rapid.IntRange(0, 9).Draw(t, "glass") == 0 {
		f.BreakGlass = append(f.BreakGlass, m.glass())
	}
	return f, one(m, "zone", 8, m.at, m.at.UTC())
}

func (m *maker) viewer(role care.Role) care.Viewer {
	v := care.Viewer{ID: one(m, "id", 9, me, ""), Role: role, Level: one(m, "level", 9, 4, 4, 4, 3, 0), Tenant: one(m, "tenant", 9, tenant, tenant, "123456785", "")}
	switch role {
	case care.RoleTjenesteyter, care.RoleKoordinator, care.RoleKoordinerendeEnhet:
		v.Service = rapid.SampledFrom(services).Draw(m.T, "works in")
		v.Unit = "111222333"
		v.HPR = one(m, "hpr", 7, "9000001", "")
		v.Duty = one(m, "duty", 8, false, true)
		v.Purpose = care.PurposeCOC
		if role == care.RoleTjenesteyter {
			v.Purpose = rapid.SampledFrom([]care.Purpose{care.PurposeTREAT, care.PurposeCOC}).Draw(m.T, "purpose")
		} else if role == care.RoleKoordinerendeEnhet {
			v.Purpose = care.PurposeHOPERAT
		}
		v.Purpose = one(m, "odd purpose", 8, v.Purpose, care.PurposeBTG, care.PurposeETREAT, care.PurposeTREAT, "", care.PurposeFAMRQT)
	case care.RoleBarn:
		v.Person, v.Purpose, v.Tenant = one(m, "self", 9, child, "", "p-other"), one(m, "purpose", 9, care.PurposePATRQT, "", care.PurposeFAMRQT), one(m, "tenant", 8, "", tenant, "123456785")
	case care.RoleForesatt:
		v.Person, v.Purpose, v.Tenant = one(m, "self", 7, care.PersonID("p-mother"), "", "p-other"), one(m, "purpose", 9, care.PurposeFAMRQT, "", care.PurposePATRQT), one(m, "tenant", 8, "", tenant, "123456785")
	}
	if rapid.IntRange(0, 9).Draw(m.T, "narrowed") == 0 {
		v.Scopes = append([]string{}, some(m.T, "scope", 0, 3, "user/*.rs", "patient/*.cruds", "system/CarePlan.rs", "user/Patient.r", "user/Appointment.s", "openid", "launch", "user/Goal.rs?category=x", "user/*.sr", "user/Banana.rs", "system/*.read", "user/*.", "User/*.rs")...)
	}
	return v
}

func (m *maker) appointment(role care.Role) care.Appointment {
	r := role
	if role != care.RoleTjenesteyter {
		r = care.RoleKoordinator
	}
	a := care.Appointment{ID: m.id("a"), Viewer: one(m, "appointed", 9, me, "v-other"), Person: one(m, "appointed for", 9, child, "p-other"), Role: one(m, "appointed as", 9, r, care.RoleTjenesteyter, care.RoleKoordinator), From: m.begin("appointed from"), Until: m.end("appointed until", 6), Ended: m.stop("appointment ended"), By: "v-office"}
	if role == care.RoleKoordinerendeEnhet {
		a.Viewer = "v-coordinator"
	}
	return a
}

func (m *maker) guardians(f *care.Facts) {
	far := m.ago(3650)
	n := one(m, "guardians", 8, 2, 0, 1, 3)
	shared := rapid.Bool().Draw(m.T, "shared")
	alone := rapid.IntRange(0, 5).Draw(m.T, "alone") == 5 // several rows, and all of them the mother's
	for i := range n {
		g := care.Guardian{Viewer: "v-mother", Person: "p-mother", Code: care.ParentalFelles, From: one(m, "guardian from", 8, far, m.begin("guardian begins")), Until: m.end("guardian until", 8),
			SameAddress: rapid.IntRange(0, 2).Draw(m.T, "same address") > 0, DailyCare: rapid.Bool().Draw(m.T, "daily care"), Graded: one(m, "graded", 9, false, false, true)}
		if f.Viewer.Role == care.RoleForesatt {
			g.Viewer = me
		}
		if i == 1 && !alone {
			g.Viewer, g.Person = "v-father", "p-father"
		}
		if !shared {
			g.Code = rapid.SampledFrom([]care.Parental{care.ParentalMor, care.ParentalFar, care.ParentalMedmor, care.ParentalAndre, care.ParentalUkjent, ""}).Draw(m.T, "code")
		}
		switch rapid.IntRange(0, 9).Draw(m.T, "names") {
		case 0:
			g.Viewer = ""
		case 1:
			g.Person = ""
		case 2:
			g.Viewer, g.Person = "", one(m, "nameless", 5, care.PersonID(""), "p-mother")
		}
		f.Guardians = append(f.Guardians, g)
	}
}

var codes = []string{"FVL13B", "HPL25", "HPL25", "BVL13-1", "OMSORG", "SAMTYKKE", "SAMORDNING", "EGEN", "BTG", "FINNESIKKE"}

func (m *maker) basis(v care.Viewer) care.Basis {
	b := care.Basis{ID: m.id("b"), Code: rapid.SampledFrom(codes).Draw(m.T, "code"), Person: one(m, "basis for", 9, child, "p-other"), Origins: some(m.T, "origin", 1, 6, services...),
		Purpose: one(m, "basis purpose", 8, v.Purpose, care.PurposeCOC, care.PurposeTREAT, ""), From: m.begin("basis from"), Until: m.end("basis until", 3), DecidedBy: one(m, "decided by", 9, "v-boss", "", " "),
		Reason: one(m, "reason", 9, "trengs", "", "\t"), Evidence: one(m, "evidence", 8, "sak 26/1", "", " "), Ended: m.stop("basis ended")}
	r := m.receiver(v)
	b.Viewer, b.Service, b.Role = r.Viewer, r.Service, r.Role
	return b
}

// receiver draws one who mostly is the viewer, said in one of the ways.
func (m *maker) receiver(v care.Viewer) care.Receiver {
	r := care.Receiver{}
	if rapid.Bool().Draw(m.T, "to role") {
		r.Role = one(m, "receiver role", 9, v.Role, care.RoleKoordinator, care.RoleTjenesteyter)
	}
	if rapid.Bool().Draw(m.T, "to service") {
		r.Service = one(m, "receiver service", 9, v.Service, services...)
	}
	if rapid.Bool().Draw(m.T, "to viewer") {
		r.Viewer = one(m, "receiver viewer", 9, v.ID, "v-other")
	}
	return r
}

// refuse draws a no to what the first consent says, around the time when that was signed,
// and a line in the register that a no stops.
func (m *maker) refuse(f *care.Facts) {
	c := f.Consents[0]
	c.ID, c.Signatures = m.id("c"), nil
	c.Status = rapid.SampledFrom([]care.ConsentStatus{care.ConsentRejected, care.ConsentWithdrawn, care.ConsentActive}).Draw(m.T, "refused")
	last := m.ago(1)
	for _, s := range f.Consents[0].Signatures {
		if s.At.After(last) && !s.At.After(m.at) {
			last = s.At
		}
	}
	no := rapid.SampledFrom([]time.Time{last, last.Add(-1), last.Add(1), m.ago(200), m.at, m.at.Add(1), {}}).Draw(m.T, "no at")
	if c.Changed = no; c.Status == care.ConsentActive {
		c.Signatures = []care.Signature{{Party: care.PartyGuardian, Signer: "v-mother", How: "paper", At: m.ago(300), Withdrawn: no}}
	}
	f.Consents = append(f.Consents, c)
	b := m.basis(f.Viewer)
	b.Code, b.Origins = "HPL25", c.Origins
	f.Bases = append(f.Bases, b)
}

var topics = []string{"barnet", "team", "plan", "tjenester", "vedtak", "avtaler", "meldinger", "dokumenter", "helse", "finnesikke"}

func (m *maker) consent(f care.Facts) care.Consent {
	c := care.Consent{ID: m.id("c"), Version: 1, Person: one(m, "consent for", 9, child, "p-other"), Status: one(m, "status", 8, care.ConsentActive, care.ConsentProposed, care.ConsentRejected, care.ConsentWithdrawn, care.ConsentInError),
		Origins: some(m.T, "consent origin", 1, 4, services...), Purpose: one(m, "consent purpose", 9, f.Viewer.Purpose, care.PurposeTREAT, care.PurposeCOC, ""),
		From: m.begin("consent from"), Until: m.end("consent until", 0), TextVersion: one(m, "text", 9, "samtykke-2026-1", "", " "), Language: one(m, "language", 9, "nb", ""), Voluntary: one(m, "voluntary", 9, true, false), Changed: m.begin("changed"), ChangedBy: "v-office"}
	if len(c.Origins) > 1 && rapid.Bool().Draw(m.T, "of a kind") { // so that the same must sign for all of them
		c.Origins = rapid.SampledFrom([][]care.Service{{care.Skole, care.PPT}, {care.Helsestasjon, care.BUP, care.Fastlege}, {care.Barnevern}}).Draw(m.T, "kind")
	}
	c.Until = one(m, "consent end", 7, m.at.AddDate(0, 2, 0), c.Until)
	if rapid.IntRange(0, 2).Draw(m.T, "topics?") == 0 {
		c.Topics = some(m.T, "topic", 0, 5, topics...)
	}
	if rapid.IntRange(0, 3).Draw(m.T, "except?") == 0 {
		c.ExceptTopics = some(m.T, "except", 1, 2, topics...)
	}
	for range one(m, "receivers", 8, 1, 0, 2) {
		c.Receivers = append(c.Receivers, m.receiver(f.Viewer))
	}
	if rapid.IntRange(0, 9).Draw(m.T, "excepts") == 0 {
		c.ExceptViewers = []string{one(m, "excepted", 7, me, "v-other")}
	}
	who := []care.Signature{{Party: care.PartyChild, Signer: string(child)}, {Party: care.PartyGuardian, Signer: "v-mother"}, {Party: care.PartyGuardian, Signer: "p-mother"}, {Party: care.PartyGuardian, Signer: "v-father"}, {Party: care.PartyGuardian, Signer: "p-father"},
		{Party: care.PartyGuardian, Signer: me}, {Party: care.PartyBarnevern, Signer: "v-caseworker"}}
	if rapid.IntRange(0, 2).Draw(m.T, "few sign") == 0 {
		who = some(m.T, "signer", 0, 4, append(who, care.Signature{Party: care.PartyChild, Signer: "v-mother"}, care.Signature{Party: care.PartyGuardian, Signer: string(child)}, care.Signature{Party: care.PartyBarnevern})...)
	}
	for _, s := range who {
		s.How = one(m, "how", 9, "digital", "paper", "oral", "", "sms")
		s.At = one(m, "signed", 8, m.ago(rapid.SampledFrom([]int{0, 1, 10, 90}).Draw(m.T, "signed ago")), m.at, m.at.Add(-time.Second), m.at.Add(1), time.Time{}, m.ago(800), m.ago(1500)).UTC()
		s.Withdrawn = one(m, "withdrawn", 9, time.Time{}, m.at, m.at.Add(1), m.ago(5))
		c.Signatures = append(c.Signatures, s)
	}
	return c
}

var records = []care.RecordRef{{Source: "s1", Kind: "k", Key: "1"}, {Source: "s1", Kind: "k", Key: "2"}, {Source: "s2", Kind: "k", Key: "1"}}

func (m *maker) block() care.Block {
	b := care.Block{ID: m.id("x"), Person: child, Extent: rapid.SampledFrom([]care.BlockExtent{care.BlockAll, care.BlockService, care.BlockService, care.BlockRecord, care.BlockRecord, "", "litt"}).Draw(m.T, "extent"),
		Service: one(m, "block service", 2, "", services...), Record: one(m, "block record", 2, care.RecordRef{}, records...), From: m.begin("block from"), Lifted: m.end("block lifted", 5), By: "v-office"}
	switch rapid.IntRange(0, 4).Draw(m.T, "against") {
	case 0:
		b.Viewer = one(m, "block viewer", 6, me, "v-other")
	case 1:
		b.Group = rapid.SampledFrom(services).Draw(m.T, "group")
	case 2:
		b.Orgnr = rapid.SampledFrom([]string{tenant, "111222333", "123456785"}).Draw(m.T, "orgnr")
	case 3:
		b.All = true
	}
	return b
}

func (m *maker) glass() care.BreakGlass {
	from := one(m, "glass from", 7, m.at.Add(-time.Minute), m.at, m.at.Add(-time.Hour), m.at.Add(-time.Hour+1), m.at.Add(1), time.Time{})
	return care.BreakGlass{ID: m.id("g"), Viewer: one(m, "glass viewer", 9, me, "v-other"), Person: one(m, "glass person", 9, child, "p-other"), Code: one(m, "glass code", 9, "AKUTT", "", "FORDI"),
		Reason: one(m, "glass reason", 8, "bevisstløs på skolen nå", "åååååååååååååååååååå", strings.Repeat("å", 19), "   kort          .    ", ""), From: from, Until: one(m, "glass until", 8, from.Add(time.Hour), from.Add(2*time.Hour), m.at, m.at.Add(1), time.Time{}), Ended: m.stop("glass ended")}
}

var types = []string{"Patient", "CareTeam", "CarePlan", "Goal", "EpisodeOfCare", "ServiceRequest", "Appointment", "Encounter", "Communication", "DocumentReference", "Condition", "Observation",
	"AllergyIntolerance", "Practitioner", "Organization", "RelatedPerson", "Flag", "MedicationRequest", "Hemmelighet", ""}

// draw draws what is decided about: mostly without marks, of services that something is known about.
func draw(t *rapid.T, f care.Facts, n int) []access.Item {
	likely := []care.Service{care.Koordinering, f.Viewer.Service, f.Viewer.Service, f.Viewer.Service}
	for _, b := range f.Bases {
		likely = append(likely, b.Origins...)
	}
	for _, c := range f.Consents {
		likely = append(append(likely, c.Origins...), c.Origins...)
	}
	list := make([]access.Item, n)
	for i := range list {
		// One draw for all, for speed. rapid prefers small numbers; stirred, all are alike.
		x := (rapid.Uint64().Draw(t, "item") + uint64(i)) * 0x9e3779b97f4a7c15
		x = (x ^ x>>31) * 0xbf58476d1ce4e5b9 >> 8
		pick := func(n int) int { p := int(x % uint64(n)); x /= uint64(n); return p }
		it := access.Item{Service: services[pick(len(services))], Type: types[pick(len(types))], Record: records[pick(len(records))]}
		if pick(6) > 0 && f.Viewer.Person == "" {
			it.Service = likely[pick(len(likely))]
		}
		if pick(6) > 0 {
			it.Type = types[pick(7)]
		}
		if pick(40) == 0 {
			it.Service = []care.Service{"", "tannlege"}[pick(2)]
		}
		if pick(10) < 2 {
			it.Marks = []care.Marks{care.MarkRestricted, care.MarkRestricted, care.MarkVery, care.MarkPsychiatry, care.MarkSubstance, care.MarkSexual, care.MarkViolence, care.MarkNotifier, care.MarkThirdParty, care.MarkInError, care.MarkUnknown, 1, 2, 3, care.MarkRestricted | care.MarkPsychiatry}[pick(15)]
		}
		if it.Marks.Address() > f.Address { // the facts have the highest that any resource says
			it.Marks = it.Marks.Labels()
		}
		list[i] = it
	}
	return list
}
