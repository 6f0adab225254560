package access

import (
	"slices"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/consent"
)

// Explanation says for one service whether a viewer would see what it says, by which
// rule, on which ground, and what would change the answer. Rule and Change are keys for
// words; nothing here is shown as it is.
type Explanation struct {
	Service  care.Service
	Allowed  bool
	Rule     Rule
	Relation Relation
	Purpose  care.Purpose
	Grounds  []Ground
	Change   Change
	Marker   bool // she is told that the service may have more (M2)
	Address  bool // nothing that places the child leaves
}

// Ground is one basis that permits, and how much.
type Ground struct {
	Code, Law, Text string
	IDs             []string // of the consent, the line in the register or the appointment
	Types           []string // FHIR types; none is every type
	Fields          string   // a list of fields, or "all"
	Marks           care.Marks
}

// Change names the fact that would change an answer, as a key for words.
type Change string

// The changes.
const (
	ChangeNone        Change = ""
	ChangeSignIn      Change = "sign-in"
	ChangeRelation    Change = "relation"
	ChangeGuardian    Change = "guardian"
	ChangeAge         Change = "age"
	ChangeBlock       Change = "lift-block"
	ChangeWithheld    Change = "child-decides"
	ChangeBasis       Change = "basis"
	ChangeConsent     Change = "consent"
	ChangeSignatures  Change = "signatures"
	ChangeConsentAnew Change = "consent-anew"
	ChangeTopics      Change = "topics"
	ChangeScopes      Change = "scopes"
)

var changes = map[Rule]Change{
	NoViewer: ChangeSignIn, LowLevel: ChangeSignIn, NoPurpose: ChangeSignIn, OtherTenant: ChangeSignIn, UnknownRole: ChangeSignIn, NotHealthPersonnel: ChangeSignIn,
	NoRelation: ChangeRelation, RelationNotBegun: ChangeRelation, RelationOver: ChangeRelation, BreakGlassLacks: ChangeRelation,
	GuardianUnknown: ChangeGuardian, GuardianGraded: ChangeGuardian, ChildGraded: ChangeGuardian, GuardiansElsewhere: ChangeGuardian,
	AgeStage: ChangeAge, AgeUnknown: ChangeAge, FullAge: ChangeAge,
	Blocked: ChangeBlock, ChildWithheld: ChangeWithheld,
	NoBasis: ChangeConsent, BasisPurpose: ChangeBasis, BasisLacks: ChangeBasis, BasisNotBegun: ChangeBasis, BasisOver: ChangeBasis,
	ConsentLacking: ChangeConsent, ConsentPending: ChangeSignatures, ConsentFuture: ChangeConsent, ConsentExpired: ChangeConsentAnew,
	ConsentLapsed: ChangeConsentAnew, ConsentEnded: ChangeConsentAnew, Objected: ChangeConsentAnew, Excepted: ChangeConsentAnew,
	TopicNotGiven: ChangeTopics, NoFields: ChangeTopics, ScopeNarrowed: ChangeScopes,
}

// Explain tells for every service, in the order of care.Services, what the viewer would
// see of the person at that instant, by which rule, and what would change it.
func (t *Table) Explain(f care.Facts, at time.Time) []Explanation {
	s := t.Scope(f, at)
	d := t.decider(f, at)
	var out []Explanation
	for _, service := range care.Services() {
		e := Explanation{Service: service, Rule: s.Rule, Relation: s.Relation, Purpose: s.Purpose, Address: s.Address,
			Marker: slices.Contains(s.Markers, Marker{Service: service})}
		if d.denied == "" {
			c := d.crossing(service)
			e.Rule = further(NoBasis, c.denied)
			for _, p := range c.permits {
				types, rule := d.leaves(p)
				if types.empty() {
					e.Rule = further(e.Rule, rule)
					continue
				}
				e.Allowed, e.Rule = true, Granted
				e.Grounds = append(e.Grounds, Ground{Code: p.code.code, Law: p.code.law, Text: p.code.text, IDs: ids(p.used), Types: types.types, Fields: p.rule.list(), Marks: p.clears(d.role)})
			}
		}
		e.Change = changes[e.Rule]
		out = append(out, e)
	}
	return out
}

// Row is one rule of the table, for printing.
type Row struct {
	Line        int
	Roles       []care.Role
	Basis       string
	Law, Text   string
	Origins     []care.Service
	WorksIn     []care.Service
	Purposes    []care.Purpose
	Stage       string
	Clearance   []string // names of marks
	Fields      string
	From, Until string // days, "" is open
}

// Rows gives the rules in the order of the file: each rule once for each period in which
// its basis code holds.
func (t *Table) Rows() []Row {
	var out []Row
	for _, r := range t.rules {
		for _, b := range t.bases {
			if b.code != r.basis || !b.meets(r.validity) {
				continue
			}
			out = append(out, Row{Line: r.line, Roles: slices.Clone(r.roles), Basis: b.code, Law: b.law, Text: b.text, Origins: slices.Clone(r.origins), WorksIn: slices.Clone(r.worksIn),
				Purposes: slices.Clone(r.purposes), Stage: string(r.stage), Clearance: markNames(r.clearance), Fields: r.list(), From: max(b.from, r.from), Until: earliest(b.until, r.until)})
		}
	}
	return out
}

// Code is one basis code of the table, for those who register a line or a consent.
type Code struct {
	Line                  int
	Code, Law, Text       string
	Given                 string // consent, register, relation, break-glass
	Reason, End, Evidence bool   // a line in the register must say it
	Max                   time.Duration
	Origins, To           []care.Service
	SharesNothing         bool
	From, Until           string
}

// Codes gives the basis codes in the order of the file.
func (t *Table) Codes() []Code {
	var out []Code
	for _, b := range t.bases {
		out = append(out, Code{Line: b.line, Code: b.code, Law: b.law, Text: b.text, Given: b.given, Reason: b.reason, End: b.end, Evidence: b.evidence, Max: b.max,
			Origins: slices.Clone(b.origins), To: slices.Clone(b.to), SharesNothing: b.nothing, From: b.from, Until: b.until})
	}
	return out
}

// Ages of one group of services, for printing.
type AgeRow struct {
	Services                      []care.Service
	Law                           string
	ChildLimited, ChildFull       int
	GuardianLimited, GuardianNone int
	Consent                       consent.Limits
	From, Until                   string
}

// AgeRows gives the age table in the order of the file.
func (t *Table) AgeRows() []AgeRow {
	var out []AgeRow
	for i, a := range t.ages {
		out = append(out, AgeRow{Services: slices.Clone(a.services), Law: a.law, ChildLimited: a.childLimited, ChildFull: a.childFull,
			GuardianLimited: a.guardianLimited, GuardianNone: a.guardianNone, Consent: t.consents[i], From: a.from, Until: a.until})
	}
	return out
}

func markNames(m care.Marks) []string {
	var out []string
	for _, name := range sorted(marks) {
		if m&marks[name] != 0 {
			out = append(out, name)
		}
	}
	return out
}

func earliest(a, b string) string {
	if a == "" || b != "" && b < a {
		return b
	}
	return a
}
