package access

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"samsyn/fhir/r4"
	"samsyn/internal/care"
	"samsyn/internal/consent"

	"gopkg.in/yaml.v3"
)

//go:embed table.yaml
var shipped []byte

// Shipped reads the table that the program is built with.
func Shipped() (*Table, error) { return Load(shipped) }

// The file as it is written. Every key is named here; another one is a fault.
type (
	written struct {
		Version string                   `yaml:"version"`
		Regimes map[string]writtenRegime `yaml:"regimes"`
		Topics  map[string][]string      `yaml:"topics"`
		Always  []string                 `yaml:"always"`
		Ages    []writtenAges            `yaml:"ages"`
		Adult   int                      `yaml:"adult"`
		Roles   map[string]writtenRole   `yaml:"roles"`

		Guardians struct {
			Codes  []string `yaml:"codes"`
			AtHome bool     `yaml:"one-at-the-childs-address"`
		} `yaml:"guardians"`
		Bases  []writtenBasis                 `yaml:"bases"`
		Fields map[string]map[string][]string `yaml:"fields"`
		Rules  []writtenRule                  `yaml:"rules"`
		Glass  struct {
			HPR     bool     `yaml:"hpr"`
			Duty    []string `yaml:"duty"`
			Minutes int      `yaml:"minutes"`
			Reason  int      `yaml:"reason"`
			Codes   []string `yaml:"codes"`
		} `yaml:"break-glass"`
		Markers []struct {
			Origins []string `yaml:"origins"`
			Known   string   `yaml:"known"`
		} `yaml:"markers"`
		Address struct {
			Fields map[string][]string          `yaml:"fields"`
			Codes  map[string]map[string]string `yaml:"codes"`
		} `yaml:"address"`
	}
	writtenRegime struct {
		Law      string   `yaml:"law"`
		Services []string `yaml:"services"`
	}
	writtenDays struct {
		From  string `yaml:"gyldigFra"`
		Until string `yaml:"gyldigTil"`
	}
	writtenAges struct {
		writtenDays `yaml:",inline"`
		Services    []string `yaml:"services"`
		Law         string   `yaml:"law"`
		Child       struct {
			Limited int `yaml:"limited"`
			Full    int `yaml:"full"`
		} `yaml:"child"`
		Guardian struct {
			Limited int `yaml:"limited"`
			None    int `yaml:"none"`
		} `yaml:"guardian"`
		Consent struct {
			Heard     int  `yaml:"heard"`
			Weight    int  `yaml:"weight"`
			Child     int  `yaml:"child"`
			Guardians int  `yaml:"guardians"`
			One       bool `yaml:"one-is-enough"`
		} `yaml:"consent"`
	}
	writtenRole struct {
		Level     int      `yaml:"level"`
		Tenant    string   `yaml:"tenant"`
		Relations []string `yaml:"relations"`
		Purposes  []string `yaml:"purposes"`
		Clearance []string `yaml:"clearance"`
		Own       string   `yaml:"own"`
	}
	writtenBasis struct {
		writtenDays `yaml:",inline"`
		Code        string   `yaml:"code"`
		Law         string   `yaml:"law"`
		Text        string   `yaml:"text"`
		Given       string   `yaml:"given"`
		Needs       []string `yaml:"needs"`
		MaxDays     int      `yaml:"max-days"`
		Origins     []string `yaml:"origins"`
		To          []string `yaml:"to"`
		Relations   []string `yaml:"relations"`
		Own         bool     `yaml:"own"`
		Objection   bool     `yaml:"objection"`
		Shares      string   `yaml:"shares"`
	}
	writtenRule struct {
		writtenDays `yaml:",inline"`
		Roles       []string `yaml:"roles"`
		Basis       string   `yaml:"basis"`
		WorksIn     []string `yaml:"works-in"`
		Stage       string   `yaml:"stage"`
		Origins     []string `yaml:"origins"`
		Purposes    []string `yaml:"purposes"`
		Clearance   []string `yaml:"clearance"`
		Fields      string   `yaml:"fields"`
	}
)

// marks are those that somebody may be cleared for. Third party, notifier, in error and
// unknown are not among them: nobody is.
var marks = map[string]care.Marks{
	"restricted": care.MarkRestricted, "very": care.MarkVery, "psychiatry": care.MarkPsychiatry,
	"substance": care.MarkSubstance, "sexual": care.MarkSexual, "violence": care.MarkViolence,
}

var purposes = []care.Purpose{care.PurposeCOC, care.PurposeTREAT, care.PurposeETREAT, care.PurposeBTG, care.PurposePATRQT, care.PurposeFAMRQT, care.PurposeHOPERAT}

var parental = []care.Parental{care.ParentalFelles, care.ParentalMor, care.ParentalFar, care.ParentalMedmor, care.ParentalAndre}

const maxTable = 1 << 20

// Load reads a table. It is strict: a key that it does not know, a service, role, type,
// element, topic or code that does not exist, days that overlap, and a rule that could
// clear somebody beyond her role are faults. All faults are told, each with its line;
// the error wraps care.ErrInvalid.
func Load(b []byte) (*Table, error) {
	w, root, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("access table: %w: %w", care.ErrInvalid, err)
	}
	l := &loader{w: w, root: root, t: &Table{version: w.Version, regimes: map[care.Service]string{}, topics: map[string]set{}, adult: w.Adult,
		roles: map[care.Role]*role{}, atHome: w.Guardians.AtHome, lists: map[string]*list{}, known: map[care.Service]string{}}}
	if strings.TrimSpace(w.Version) == "" {
		l.fault("it has no version", "version")
	}
	if w.Adult < 1 || w.Adult > 30 {
		l.fault("full age is not an age", "adult")
	}
	l.regimes()
	l.topics()
	l.ages()
	l.guardians()
	l.fields()
	l.roles()
	l.bases()
	l.rules()
	l.glass()
	l.markers()
	l.address()
	if len(l.faults) > 0 {
		return nil, fmt.Errorf("access table: %w: %w", care.ErrInvalid, errors.Join(l.faults...))
	}
	return l.t, nil
}

func parse(b []byte) (written, *yaml.Node, error) {
	var w written
	if len(b) > maxTable {
		return w, nil, fmt.Errorf("it is larger than %d bytes", maxTable)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return w, nil, err
	}
	if len(doc.Content) != 1 {
		return w, nil, errors.New("it is empty")
	}
	if line := aliased(&doc); line > 0 {
		return w, nil, fmt.Errorf("line %d: say it where it stands: anchors and aliases are not read", line)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&w); err != nil {
		return w, nil, err
	}
	if err := d.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return w, nil, errors.New("there is more than one document")
	}
	return w, doc.Content[0], nil
}

// aliased gives the line of the first anchor or alias, 0 where there is none.
func aliased(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return n.Line
	}
	for _, c := range n.Content {
		if line := aliased(c); line > 0 {
			return line
		}
	}
	return 0
}

type loader struct {
	w      written
	root   *yaml.Node
	t      *Table
	faults []error
}

// line gives the line of what a path of keys and places leads to, or of the last that is there.
func (l *loader) line(path ...any) int {
	n := l.root
	for _, step := range path {
		var next *yaml.Node
		switch step := step.(type) {
		case string:
			for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
				if n.Content[i].Value == step {
					next = n.Content[i+1]
				}
			}
		case int:
			if n.Kind == yaml.SequenceNode && step < len(n.Content) {
				next = n.Content[step]
			}
		}
		if next == nil {
			break
		}
		n = next
	}
	return n.Line
}

func (l *loader) fault(what string, path ...any) {
	l.faults = append(l.faults, fmt.Errorf("line %d: %s", l.line(path...), what))
}

func (l *loader) regimes() {
	for _, name := range sorted(l.w.Regimes) {
		r := l.w.Regimes[name]
		if r.Law == "" {
			l.fault("regime "+name+" names no law", "regimes", name)
		}
		for i, s := range r.Services {
			service := care.Service(s)
			switch {
			case !service.Valid():
				l.fault("no such service: "+s, "regimes", name, "services", i)
			case l.t.regimes[service] != "":
				l.fault(s+" is under two regimes", "regimes", name, "services", i)
			default:
				l.t.regimes[service] = name
			}
		}
	}
	for _, s := range care.Services() {
		if l.t.regimes[s] == "" {
			l.fault(string(s)+" is under no regime", "regimes")
		}
	}
}

// services reads regimes and services as services, in the order of care.Services.
func (l *loader) services(names []string, path ...any) []care.Service {
	var out []care.Service
	for i, name := range names {
		if r, ok := l.w.Regimes[name]; ok {
			for _, s := range r.Services {
				out = append(out, care.Service(s))
			}
			continue
		}
		if !care.Service(name).Valid() {
			l.fault("no such service or regime: "+name, append(slices.Clone(path), i)...)
			continue
		}
		out = append(out, care.Service(name))
	}
	var ordered []care.Service
	for _, s := range care.Services() {
		if slices.Contains(out, s) {
			ordered = append(ordered, s)
		}
	}
	return ordered
}

func (l *loader) topics() {
	for _, name := range sorted(l.w.Topics) {
		for i, fhirType := range l.w.Topics[name] {
			if !isResource(fhirType) {
				l.fault("no such FHIR type: "+fhirType, "topics", name, i)
			}
		}
		if len(l.w.Topics[name]) == 0 {
			l.fault("topic "+name+" has no types", "topics", name)
		}
		l.t.topics[name] = setOf(l.w.Topics[name])
		l.t.every = l.t.every.or(l.t.topics[name])
	}
	for i, name := range l.w.Always {
		if _, ok := l.t.topics[name]; !ok {
			l.fault("no such topic: "+name, "always", i)
		}
		l.t.always = l.t.always.or(l.t.topics[name])
	}
}

func isResource(name string) bool {
	t, ok := r4.Lookup(name)
	return ok && t.Kind == r4.Resource
}

func (l *loader) days(w writtenDays, path ...any) validity {
	for _, d := range []struct{ key, day string }{{"gyldigFra", w.From}, {"gyldigTil", w.Until}} {
		if d.day == "" {
			continue
		}
		if _, err := time.Parse(time.DateOnly, d.day); err != nil {
			l.fault(d.key+" is no day (YYYY-MM-DD)", append(slices.Clone(path), d.key)...)
		}
	}
	if w.Until != "" && w.Until < w.From {
		l.fault("it ends before it begins", append(slices.Clone(path), "gyldigTil")...)
	}
	return validity{w.From, w.Until}
}

func (l *loader) ages() {
	for i, w := range l.w.Ages {
		a := ages{validity: l.days(w.writtenDays, "ages", i), services: l.services(w.Services, "ages", i, "services"), law: w.Law,
			childLimited: w.Child.Limited, childFull: w.Child.Full, guardianLimited: w.Guardian.Limited, guardianNone: w.Guardian.None}
		if w.From == "" {
			l.fault("ages need gyldigFra", "ages", i)
		}
		if w.Law == "" {
			l.fault("ages name no law", "ages", i)
		}
		if len(a.services) == 0 {
			l.fault("ages are of no service", "ages", i)
		}
		if a.childLimited > a.childFull || a.guardianLimited > a.guardianNone || a.childLimited < 0 || a.guardianLimited < 0 {
			l.fault("a part comes before the whole: limited is not after full or none", "ages", i)
		}
		c := w.Consent
		if c.Heard < 0 || c.Heard > c.Weight || c.Weight > c.Child || c.Child > c.Guardians || c.Guardians > l.w.Adult {
			l.fault("consent goes in order: heard, weight, child, guardians, full age", "ages", i, "consent")
		}
		for _, other := range l.t.ages {
			for _, s := range a.services {
				if slices.Contains(other.services, s) && a.meets(other.validity) {
					l.fault("the ages of "+string(s)+" overlap with another row's days", "ages", i)
				}
			}
		}
		l.t.ages = append(l.t.ages, a)
		l.t.consents = append(l.t.consents, consent.Limits{Services: a.services, From: w.From, Until: w.Until,
			Heard: c.Heard, Weight: c.Weight, Child: c.Child, Guardians: c.Guardians, OneIsEnough: c.One})
	}
	for _, s := range care.Services() {
		if !slices.ContainsFunc(l.t.ages, func(a ages) bool { return slices.Contains(a.services, s) }) {
			l.fault("there are no ages for "+string(s), "ages")
		}
	}
}

func (l *loader) guardians() {
	for i, code := range l.w.Guardians.Codes {
		if !slices.Contains(parental, care.Parental(code)) {
			l.fault("no such code of parental responsibility that may count: "+code, "guardians", "codes", i)
		}
		l.t.parental = append(l.t.parental, care.Parental(code))
	}
}

func (l *loader) roles() {
	for _, name := range sorted(l.w.Roles) {
		w := l.w.Roles[name]
		r := &role{name: care.Role(name), level: w.Level, family: w.Tenant == "same-or-none", own: w.Own,
			relations: l.relations(w.Relations, "roles", name, "relations"), purposes: l.purposes(w.Purposes, "roles", name, "purposes"),
			clearance: l.clearance(w.Clearance, "roles", name, "clearance")}
		if !slices.Contains(care.Roles(), r.name) {
			l.fault("no such role: "+name, "roles", name)
		}
		if w.Tenant != "same" && w.Tenant != "same-or-none" {
			l.fault("tenant is same or same-or-none", "roles", name, "tenant")
		}
		if w.Level < 0 || w.Level > 4 || w.Level == 0 && len(w.Relations) > 0 {
			l.fault("who may see anything signs in at level 1 to 4", "roles", name, "level")
		}
		if w.Own != "" && w.Own != worksIn && !care.Service(w.Own).Valid() {
			l.fault("own is works-in or a service", "roles", name, "own")
		}
		if len(r.relations) > 0 && len(r.purposes) == 0 {
			l.fault("a role that sees something has a purpose", "roles", name)
		}
		l.t.roles[r.name] = r
	}
	for _, r := range care.Roles() {
		if l.t.roles[r] == nil {
			l.fault("nothing is said of the role "+string(r), "roles")
		}
	}
}

func (l *loader) relations(names []string, path ...any) []Relation {
	var out []Relation
	for i, name := range names {
		if !slices.Contains(relations, Relation(name)) {
			l.fault("no such relation: "+name, append(slices.Clone(path), i)...)
		}
		out = append(out, Relation(name))
	}
	return out
}

func (l *loader) purposes(names []string, path ...any) []care.Purpose {
	var out []care.Purpose
	for i, name := range names {
		if !slices.Contains(purposes, care.Purpose(name)) {
			l.fault("no such purpose: "+name, append(slices.Clone(path), i)...)
		}
		out = append(out, care.Purpose(name))
	}
	return out
}

func (l *loader) clearance(names []string, path ...any) care.Marks {
	var out care.Marks
	for i, name := range names {
		m, ok := marks[name]
		if !ok {
			l.fault("nobody is cleared for "+name, append(slices.Clone(path), i)...)
		}
		out |= m
	}
	return out
}

func (l *loader) bases() {
	for i, w := range l.w.Bases {
		b := &basis{validity: l.days(w.writtenDays, "bases", i), code: w.Code, law: w.Law, text: w.Text, given: w.Given,
			reason: slices.Contains(w.Needs, "reason"), end: slices.Contains(w.Needs, "end"), evidence: slices.Contains(w.Needs, "evidence"),
			max: time.Duration(w.MaxDays) * 24 * time.Hour, origins: l.services(w.Origins, "bases", i, "origins"), to: l.services(w.To, "bases", i, "to"),
			relations: l.relations(w.Relations, "bases", i, "relations"), own: w.Own, objection: w.Objection, nothing: w.Shares == "nothing", line: l.line("bases", i)}
		for k, need := range w.Needs {
			if !slices.Contains([]string{"reason", "end", "evidence"}, need) {
				l.fault("no such need: "+need, "bases", i, "needs", k)
			}
		}
		switch {
		case b.code == "" || b.law == "" || b.text == "":
			l.fault("a basis has a code, a law and a text", "bases", i)
		case w.From == "":
			l.fault(b.code+" needs gyldigFra", "bases", i)
		case len(b.origins) == 0:
			l.fault(b.code+" is of no origin", "bases", i)
		case !slices.Contains([]string{givenConsent, givenRegister, givenRelation, givenBreakGlass}, b.given):
			l.fault("given is consent, register, relation or break-glass", "bases", i, "given")
		case (b.given == givenRelation || b.given == givenBreakGlass) == (len(b.relations) == 0):
			l.fault(b.code+" names its relations where it rests on one, and only there", "bases", i)
		case b.given != givenRegister && (len(w.Needs) > 0 || b.objection || b.nothing):
			l.fault("needs, objection and shares are said of a line in the register", "bases", i)
		case w.MaxDays < 0 || w.MaxDays > 3660:
			l.fault("max-days is at the most ten years", "bases", i, "max-days")
		case w.Shares != "" && w.Shares != "nothing":
			l.fault("shares is nothing, or is not said", "bases", i, "shares")
		}
		for _, other := range l.t.bases {
			if other.code == b.code && b.meets(other.validity) {
				l.fault(b.code+" overlaps with another row's days", "bases", i)
			}
		}
		l.t.bases = append(l.t.bases, b)
	}
}

func (l *loader) rules() {
	for i, w := range l.w.Rules {
		r := &rule{validity: l.days(w.writtenDays, "rules", i), basis: w.Basis, worksIn: l.services(w.WorksIn, "rules", i, "works-in"), stage: stage(w.Stage),
			origins: l.services(w.Origins, "rules", i, "origins"), purposes: l.purposes(w.Purposes, "rules", i, "purposes"),
			clearance: l.clearance(w.Clearance, "rules", i, "clearance"), line: l.line("rules", i)}
		var codes []*basis
		for _, b := range l.t.bases {
			if b.code == r.basis {
				codes = append(codes, b)
			}
		}
		if len(codes) == 0 {
			l.fault("no such basis: "+r.basis, "rules", i, "basis")
		}
		for _, b := range codes {
			if b.nothing {
				l.fault(b.code+" shares nothing, and no rule rests on it", "rules", i, "basis")
			}
			for _, s := range r.origins {
				if !slices.Contains(b.origins, s) {
					l.fault(b.code+" does not share what "+string(s)+" says", "rules", i, "origins")
				}
			}
		}
		if len(w.Roles) == 0 || len(r.origins) == 0 || len(r.purposes) == 0 {
			l.fault("a rule has roles, origins and purposes", "rules", i)
		}
		if len(w.WorksIn) > 0 && len(r.worksIn) == 0 {
			l.fault("works-in names no service", "rules", i, "works-in")
		}
		if r.stage != "" && r.stage != stageLimited && r.stage != stageFull {
			l.fault("stage is limited or full", "rules", i, "stage")
		}
		if w.Fields != FieldsAll {
			if r.fields = l.t.lists[w.Fields]; r.fields == nil {
				l.fault("no such list of fields: "+w.Fields, "rules", i, "fields")
			}
		}
		for k, name := range w.Roles {
			who := l.t.roles[care.Role(name)]
			if who == nil {
				l.fault("no such role: "+name, "rules", i, "roles", k)
				continue
			}
			r.roles = append(r.roles, who.name)
			if r.clearance&^who.clearance != 0 {
				l.fault("it clears "+name+" for more than the role allows", "rules", i, "clearance")
			}
			for _, p := range r.purposes {
				if !slices.Contains(who.purposes, p) {
					l.fault(name+" has no purpose "+string(p), "rules", i, "purposes")
				}
			}
			for _, b := range codes {
				if len(b.relations) > 0 && !slices.ContainsFunc(b.relations, func(r Relation) bool { return slices.Contains(who.relations, r) }) {
					l.fault(b.code+" rests on a relation that "+name+" never has", "rules", i, "roles", k)
				}
				family := slices.Contains(b.relations, RelationSelf) || slices.Contains(b.relations, RelationGuardian)
				if family != (r.stage != "") {
					l.fault("a stage is said where the child or a guardian sees, and only there", "rules", i, "stage")
				}
			}
		}
		for _, other := range l.t.rules {
			if r.same(other) {
				l.fault(fmt.Sprintf("it says the same as line %d, for days that overlap", other.line), "rules", i)
			}
		}
		l.t.rules = append(l.t.rules, r)
	}
}

// same tells whether two rules speak of a case in common.
func (r *rule) same(o *rule) bool {
	return r.basis == o.basis && r.stage == o.stage && r.meets(o.validity) && overlap(r.roles, o.roles) && overlap(r.origins, o.origins) && overlap(r.purposes, o.purposes) &&
		(len(r.worksIn) == 0 || len(o.worksIn) == 0 || overlap(r.worksIn, o.worksIn))
}

func overlap[T comparable](a, b []T) bool {
	return slices.ContainsFunc(a, func(x T) bool { return slices.Contains(b, x) })
}

func (l *loader) glass() {
	g := l.w.Glass
	l.t.glass = glass{hpr: g.HPR, length: time.Duration(g.Minutes) * time.Minute, reason: g.Reason, codes: g.Codes}
	for i, name := range g.Duty {
		if s := care.Service(name); s.Valid() {
			l.t.glass.duty = append(l.t.glass.duty, s)
		} else {
			l.fault("no service has that name", "break-glass", "duty", i)
		}
	}
	if g.Minutes < 1 || g.Minutes > 60 {
		l.fault("glass is broken for an hour at the most", "break-glass", "minutes")
	}
	if g.Reason < 20 {
		l.fault("a reason has 20 characters or more", "break-glass", "reason")
	}
	if len(g.Codes) == 0 || slices.Contains(g.Codes, "") {
		l.fault("there are no codes", "break-glass", "codes")
	}
}

// The classes of markers (docs/access.md).
const (
	markerSilent = "M0"
	markerSays   = "M2"
)

func (l *loader) markers() {
	for i, m := range l.w.Markers {
		if m.Known != markerSilent && m.Known != markerSays {
			l.fault("known is M0 or M2", "markers", i, "known")
		}
		for _, s := range l.services(m.Origins, "markers", i, "origins") {
			if l.t.known[s] != "" {
				l.fault(string(s)+" has two marker classes", "markers", i)
			}
			if l.t.regimes[s] == "BVL" && m.Known != markerSilent {
				l.fault("barnevern neither confirms nor denies: M0", "markers", i, "known")
			}
			l.t.known[s] = m.Known
		}
	}
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
