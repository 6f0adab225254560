package access

import (
	"slices"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/consent"
)

// Table is the rules, read and checked. It does not change, and may be used by many at once.
type Table struct {
	version  string
	regimes  map[care.Service]string
	topics   map[string]set // topic → FHIR types
	every    set            // the types of every topic
	always   set            // the types that follow every topic
	ages     []ages
	consents consent.Ages
	adult    int
	roles    map[care.Role]*role
	parental []care.Parental
	atHome   bool // one guardian must be registered at the child's address
	bases    []*basis
	lists    map[string]*list
	rules    []*rule
	glass    glass
	known    map[care.Service]string // marker class where the existence is lawfully known
	address  address
	zone     *time.Location
}

// Version names the table. It goes into every audit event.
func (t *Table) Version() string { return t.version }

// In gives the same table with its days counted in a zone: Europe/Oslo. Without it, days
// are those of the instant's own zone.
func (t *Table) In(zone *time.Location) *Table {
	bound := *t
	bound.zone = zone
	return &bound
}

func (t *Table) local(at time.Time) time.Time {
	if t.zone == nil || at.IsZero() {
		return at
	}
	return at.In(t.zone)
}

// Ages gives the ages of consent, for package consent.
func (t *Table) Ages() consent.Ages { return slices.Clone(t.consents) }

// Purpose gives a role's ordinary purpose, for those who did not choose one; "" where it has none.
func (t *Table) Purpose(r care.Role) care.Purpose {
	if known, ok := t.roles[r]; ok && len(known.purposes) > 0 {
		return known.purposes[0]
	}
	return ""
}

// Level gives the level of assurance that a role's sign-in must have; 4 where the role is unknown.
func (t *Table) Level(r care.Role) int {
	if known, ok := t.roles[r]; ok {
		return known.level
	}
	return 4
}

// Topics gives the topics that a consent may be limited to, in order of name.
func (t *Table) Topics() []string {
	names := make([]string, 0, len(t.topics))
	for name := range t.topics {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// TopicOf gives the topics that a FHIR type belongs to.
func (t *Table) TopicOf(fhirType string) []string {
	return slices.DeleteFunc(t.Topics(), func(name string) bool { return !t.topics[name].has(fhirType) })
}

// validity is the days on which a row holds, both included; "" is open.
type validity struct{ from, until string }

func (v validity) holds(day string) bool {
	return day >= v.from && (v.until == "" || day <= v.until)
}

func (v validity) meets(o validity) bool {
	return (v.until == "" || o.from <= v.until) && (o.until == "" || v.from <= o.until)
}

type role struct {
	name      care.Role
	level     int
	family    bool // may belong to no organisation
	relations []Relation
	purposes  []care.Purpose
	clearance care.Marks
	own       string // "", "works-in", or the service that is her own
}

// service is the one whose words are the viewer's own; "" for none.
func (r *role) service(v care.Viewer) care.Service {
	if r.own == worksIn {
		return v.Service
	}
	return care.Service(r.own)
}

const worksIn = "works-in"

// How a basis shows that it is there.
const (
	givenConsent    = "consent"
	givenRegister   = "register"
	givenRelation   = "relation"
	givenBreakGlass = "break-glass"
)

type basis struct {
	validity
	code, law, text string
	given           string
	reason, end     bool // a line must say why, and until when
	evidence        bool // … and where the decision lies
	max             time.Duration
	origins         []care.Service
	to              []care.Service // the receiver works in one of these; none: anyone
	relations       []Relation
	own             bool // only the viewer's own service
	objection       bool
	nothing         bool // shares nothing
	line            int
}

type rule struct {
	validity
	roles     []care.Role
	basis     string
	worksIn   []care.Service
	stage     stage // "" at every age
	origins   []care.Service
	purposes  []care.Purpose
	clearance care.Marks
	fields    *list // nil: all
	line      int
}

func (r *rule) list() string {
	if r.fields == nil {
		return FieldsAll
	}
	return r.fields.name
}

// stage is how far somebody has come by age.
type stage string

const (
	stageNone    stage = "none"
	stageLimited stage = "limited"
	stageFull    stage = "full"
)

type ages struct {
	validity
	services                      []care.Service
	law                           string
	childLimited, childFull       int
	guardianLimited, guardianNone int
}

// stages gives where the child and her guardians stand toward what a service says. A
// child of unknown age, and a service of which the table says nothing, are stage none.
func (t *Table) stages(s care.Service, born string, at time.Time) (child, guardian stage) {
	child, guardian = stageNone, stageNone
	age, ok := consent.Age(born, at)
	if !ok {
		return child, guardian
	}
	day := at.Format(time.DateOnly)
	for _, a := range t.ages {
		if !a.holds(day) || !slices.Contains(a.services, s) {
			continue
		}
		switch {
		case age >= a.childFull:
			child = stageFull
		case age >= a.childLimited:
			child = stageLimited
		}
		switch {
		case age >= a.guardianNone:
		case age >= a.guardianLimited:
			guardian = stageLimited
		default:
			guardian = stageFull
		}
		break
	}
	return child, guardian
}

// code gives the row of a basis code that is in force on a day.
func (t *Table) code(name, day string) (*basis, bool) {
	for _, b := range t.bases {
		if b.code == name && b.holds(day) {
			return b, true
		}
	}
	return nil, false
}

type glass struct {
	hpr    bool
	duty   []care.Service
	length time.Duration
	reason int
	codes  []string
}

// set is some FHIR types in order of name, or every type.
type set struct {
	every bool
	types []string
}

func (s set) has(fhirType string) bool { return s.every || slices.Contains(s.types, fhirType) }
func (s set) empty() bool              { return !s.every && len(s.types) == 0 }

func setOf(types []string) set {
	types = slices.Clone(types)
	slices.Sort(types)
	return set{types: slices.Compact(types)}
}

func (s set) and(o set) set {
	switch {
	case s.every:
		return o
	case o.every:
		return s
	}
	return set{types: slices.DeleteFunc(slices.Clone(s.types), func(t string) bool { return !o.has(t) })}
}

func (s set) or(o set) set {
	if s.every || o.every {
		return set{every: true}
	}
	return setOf(slices.Concat(s.types, o.types))
}

func (s set) less(o set) set { // o is never every
	return set{types: slices.DeleteFunc(slices.Clone(s.types), o.has)}
}
