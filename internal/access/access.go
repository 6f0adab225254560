// Package access owns the decision who may see what of what a service said about a
// child. It is pure: it is given facts and an instant, and a table of rules that is data
// with dates (table.yaml), and reads nothing else. It knows no database, no HTTP and no
// merging. Who must consent is asked of package consent.
//
// The same decision is used twice. Scope gives the set that SQL may select from, and
// Filter decides again for each object that came back, so that a mistake in a query shows
// nobody anything. Everything is denied unless a rule of the table allows it, and the
// first denial ends it.
package access

import (
	"slices"
	"time"

	"samsyn/internal/care"
)

// Rule names the rule that decided, for the audit log, for tests and as a key for words.
type Rule string

// The rules, in the order in which they are tried.
const (
	// 1. Who asks, and how well she is signed in.
	NoViewer    Rule = "no-viewer"     // nobody asks
	NoPerson    Rule = "no-person"     // it is about nobody known
	NoInstant   Rule = "no-instant"    // without a time no rule can be tried
	UnknownRole Rule = "unknown-role"  // the table does not know the role
	LowLevel    Rule = "level-too-low" // the sign-in is not good enough for the role
	NoContent   Rule = "role-sees-no-content"
	NoPurpose   Rule = "purpose-not-of-role"
	// 2. Tenant.
	OtherTenant Rule = "other-tenant"
	// 3. Relation.
	NoRelation         Rule = "no-relation"
	RelationNotBegun   Rule = "relation-not-begun"
	RelationOver       Rule = "relation-over"
	FullAge            Rule = "full-age"             // the child is of full age: appointment and parental responsibility are over
	AgeUnknown         Rule = "age-unknown"          // where age decides
	GuardianUnknown    Rule = "guardian-code"        // parental responsibility is not known, or gives nothing
	GuardianGraded     Rule = "guardian-graded"      // she lives at a hidden address and represents nobody
	ChildGraded        Rule = "child-graded"         // a child at a hidden address is represented by nobody
	GuardiansElsewhere Rule = "guardians-elsewhere"  // none of them is registered at the child's address
	NotHealthPersonnel Rule = "not-health-personnel" // only they break glass
	BreakGlassLacks    Rule = "break-glass-incomplete"
	// 4. Absolute locks.
	InError       Rule = "entered-in-error"
	ThirdParty    Rule = "third-party"
	Notifier      Rule = "notifier"
	Blocked       Rule = "blocked"
	ChildWithheld Rule = "withheld-by-child"
	// 5. Basis from the origin to the viewer, for the purpose, today.
	UnknownService Rule = "unknown-service"
	NoType         Rule = "unknown-type"
	NoBasis        Rule = "no-basis"
	AgeStage       Rule = "age-stage" // too young, or the child too old for a guardian
	BasisPurpose   Rule = "basis-other-purpose"
	BasisLacks     Rule = "basis-incomplete" // a reason, an end or evidence that the code needs is not there
	BasisNotBegun  Rule = "basis-not-begun"
	BasisOver      Rule = "basis-over"
	ConsentLacking Rule = "consent-incomplete"
	ConsentPending Rule = "consent-pending"
	ConsentFuture  Rule = "consent-not-begun"
	ConsentExpired Rule = "consent-expired"
	ConsentLapsed  Rule = "consent-lapsed"
	ConsentEnded   Rule = "consent-withdrawn"
	Objected       Rule = "objected" // the family said no to it
	Excepted       Rule = "viewer-excepted"
	TopicNotGiven  Rule = "topic-not-given"
	// 6. Labels.
	Clearance Rule = "clearance"
	// 7. SMART scopes.
	ScopeNarrowed Rule = "smart-scope"
	// 8. Fields.
	NoFields Rule = "no-fields"
	// Allowed.
	Granted Rule = "granted"
)

// Relation is what ties a viewer to a child.
type Relation string

// The relations.
const (
	RelationNone        Relation = ""
	RelationAppointment Relation = "appointment"
	RelationTeam        Relation = "team"
	RelationSelf        Relation = "self"
	RelationGuardian    Relation = "guardian"
	RelationOffice      Relation = "office"
	RelationBreakGlass  Relation = "break-glass"
)

var relations = []Relation{RelationAppointment, RelationTeam, RelationSelf, RelationGuardian, RelationOffice, RelationBreakGlass}

// Used is one fact that a decision rested on. It holds no personal data beyond our own ids.
type Used struct {
	Kind string `json:"kind"` // "appointment", "team", "guardian", "self", "office", "break-glass", "consent", "basis", "block", "withheld"
	ID   string `json:"id,omitempty"`
}

// Fields names the lists of elements that may leave. Several lists add up.
type Fields struct {
	All   bool     `json:"all,omitempty"` // every element of every type
	Lists []string `json:"lists,omitempty"`
}

// FieldsAll is the name of the list of every element.
const FieldsAll = "all"

func (f Fields) with(r *rule) Fields {
	if r.fields == nil {
		return Fields{All: true}
	}
	if f.All || slices.Contains(f.Lists, r.fields.name) {
		return f
	}
	if len(f.Lists) == 0 {
		return Fields{Lists: r.fields.alone}
	}
	lists := append(slices.Clone(f.Lists), r.fields.name)
	slices.Sort(lists)
	return Fields{Lists: lists}
}

// Item is what is decided about: one resource of one record of one service.
type Item struct {
	Service care.Service
	Type    string // FHIR type
	Marks   care.Marks
	Record  care.RecordRef
}

// Decision is the answer, the rule that gave it and what it rests on.
type Decision struct {
	Allowed bool
	Rule    Rule
	Basis   string   // the code of the first basis that allowed; "" where it was denied
	Bases   []string // ids of the appointments, consents and lines of the register that allowed
	Fields  Fields
	Address bool // only what places nobody may leave
	Used    []Used
}

// Marker says that a service, whose existence the viewer lawfully knows, may have more (M2).
// It is made from facts alone and never from what is held: it shows whether or not there is more.
type Marker struct {
	Service care.Service
}

// Scope is what a viewer may see of one person at one instant.
type Scope struct {
	Allowed  bool
	Rule     Rule // Granted, or the denial that came furthest
	Relation Relation
	Purpose  care.Purpose
	Visible  []care.Visible          // what SQL may select; empty is nothing
	Fields   map[care.Service]Fields // what may leave of each service's words, at the most
	Bases    []string                // ids of appointments, consents and lines of the register that were used
	Markers  []Marker
	Address  bool // nothing may leave that places somebody
	Used     []Used
}

// Holds tells whether one of the visible parts has the item: what SQL must answer.
func Holds(visible []care.Visible, i Item) bool {
	return slices.ContainsFunc(visible, func(v care.Visible) bool {
		return v.Service == i.Service && i.Type != "" && (len(v.Types) == 0 || slices.Contains(v.Types, i.Type)) &&
			i.Marks&v.Without == 0 && !slices.Contains(v.Except, i.Record)
	})
}

// Scope gives what the viewer may see of the person at that instant. An item is in
// Visible exactly where Decide allows it.
func (t *Table) Scope(f care.Facts, at time.Time) Scope {
	d := t.decider(f, at)
	s := Scope{Rule: d.denied, Relation: d.relation.kind, Purpose: f.Viewer.Purpose, Address: f.Address.Hidden(), Used: d.relation.used}
	if d.denied != "" {
		return s
	}
	s.Rule = NoBasis
	for _, service := range care.Services() {
		c := d.crossing(service)
		if len(c.permits) == 0 {
			s.Rule = further(s.Rule, c.denied)
			continue
		}
		for _, p := range c.permits {
			types, rule := d.leaves(p)
			if types.empty() {
				s.Rule = further(s.Rule, rule)
				continue
			}
			v := care.Visible{Service: service, Types: types.types, Without: care.AllMarks &^ p.clears(d.role), Except: c.except}
			s.Visible = append(s.Visible, v)
			if s.Fields == nil {
				s.Fields = map[care.Service]Fields{}
			}
			s.Fields[service] = s.Fields[service].with(p.rule)
			s.Used = addUsed(s.Used, p.used...)
		}
	}
	s.Allowed = len(s.Visible) > 0
	if s.Allowed {
		s.Rule = Granted
		s.Visible = tidy(s.Visible)
		s.Bases = ids(s.Used)
		s.Markers = d.markers()
	}
	return s
}

// tidy leaves out a part that another one has whole.
func tidy(all []care.Visible) []care.Visible {
	var out []care.Visible
	for _, v := range all {
		if slices.ContainsFunc(out, func(o care.Visible) bool { return whole(o, v) }) {
			continue
		}
		out = slices.DeleteFunc(out, func(o care.Visible) bool { return whole(v, o) })
		out = append(out, v)
	}
	return out
}

// whole tells whether one part has all of another. Those of one service except the same records.
func whole(one, other care.Visible) bool {
	if one.Service != other.Service || one.Without&^other.Without != 0 {
		return false
	}
	if len(one.Types) == 0 || len(other.Types) == 0 { // none is every type
		return len(one.Types) == 0
	}
	return !slices.ContainsFunc(other.Types, func(t string) bool { return !slices.Contains(one.Types, t) })
}

// Decide tells whether the viewer may see one item at that instant.
func (t *Table) Decide(f care.Facts, i Item, at time.Time) Decision {
	return t.decider(f, at).answer(i, true)
}

func ids(used []Used) []string {
	var out []string
	for _, u := range used {
		if u.ID != "" && !slices.Contains(out, u.ID) {
			out = append(out, u.ID)
		}
	}
	return out
}

func addUsed(used []Used, more ...Used) []Used {
	for _, u := range more {
		if !slices.Contains(used, u) {
			used = append(used, u)
		}
	}
	return used
}
