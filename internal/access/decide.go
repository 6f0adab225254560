package access

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"samsyn/internal/auth/scope"
	"samsyn/internal/care"
	"samsyn/internal/consent"
)

// decider is one decision about one viewer and one person at one instant. What holds for
// a whole service is worked out once.
type decider struct {
	t         *Table
	f         care.Facts
	at        time.Time
	day       string
	role      *role
	relation  tie
	denied    Rule // of steps 1 to 3; "" where they allow
	scopes    set  // what the program may ask for
	consents  []stated
	crossings map[care.Service]*crossing
	pruner    pruner
}

// tie is the relation that counts, with the fact that shows it.
type tie struct {
	kind Relation
	used []Used
}

// stated is a consent with what it is, and what it opens, at the instant.
type stated struct {
	*care.Consent
	status consent.Status
	types  set
}

func (t *Table) decider(f care.Facts, at time.Time) *decider {
	at = t.local(at)
	d := &decider{t: t, f: f, at: at, crossings: map[care.Service]*crossing{}}
	d.denied = d.enter()
	return d
}

// enter tries steps 1 to 3.
func (d *decider) enter() Rule {
	v := d.f.Viewer
	switch {
	case v.ID == "":
		return NoViewer
	case d.f.Person == "" || !d.f.Known:
		return NoPerson
	case d.at.IsZero():
		return NoInstant
	}
	role, ok := d.t.roles[v.Role]
	switch {
	case !ok:
		return UnknownRole
	case v.Level < role.level:
		return LowLevel
	case len(role.relations) == 0:
		return NoContent
	case !slices.Contains(role.purposes, v.Purpose):
		return NoPurpose
	case d.f.Tenant == "" || v.Tenant != d.f.Tenant && !(role.family && v.Tenant == ""):
		return OtherTenant
	}
	d.role, d.day = role, d.at.Format(time.DateOnly)
	if rule := d.relate(); rule != "" {
		return rule
	}
	d.scopes = readable(v.Scopes)
	for i := range d.f.Consents {
		c := &d.f.Consents[i]
		if c.Person != d.f.Person {
			continue
		}
		k := stated{Consent: c}
		if k.status, _ = consent.State(d.t.consents, d.f, *c, d.at); k.status == consent.Active {
			k.types = d.t.consented(*c)
		}
		d.consents = append(d.consents, k)
	}
	return ""
}

// relate finds the relation that ties the viewer to the person. Where several do, all of
// them are used; broken glass counts only where it is what she asks by.
func (d *decider) relate() Rule {
	nearest := NoRelation
	glass := d.f.Viewer.Purpose == care.PurposeBTG || d.f.Viewer.Purpose == care.PurposeETREAT
	for _, kind := range d.role.relations {
		if (kind == RelationBreakGlass) != glass {
			continue
		}
		used, rule := d.tied(kind)
		if rule != "" {
			nearest = further(nearest, rule)
			continue
		}
		if d.relation.kind == RelationNone {
			d.relation.kind = kind
		}
		d.relation.used = addUsed(d.relation.used, used...)
	}
	if d.relation.kind == RelationNone {
		return nearest
	}
	return ""
}

// tied tells whether a relation of that kind is there now.
func (d *decider) tied(kind Relation) ([]Used, Rule) {
	switch kind {
	case RelationAppointment:
		return d.appointed(d.f.Viewer.ID, d.role.name)
	case RelationTeam:
		return d.inTeam()
	case RelationOffice:
		// Those who appoint see the children who have a coordinator; whose appointment it is does not matter.
		return d.appointed("", care.RoleKoordinator)
	case RelationSelf:
		if d.f.Viewer.Person == "" || d.f.Viewer.Person != d.f.Person {
			return nil, NoRelation
		}
		return []Used{{Kind: "self"}}, ""
	case RelationGuardian:
		return d.guardian()
	case RelationBreakGlass:
		return d.glass()
	}
	return nil, NoRelation
}

// appointed looks for an appointment that runs, of that viewer ("" is anyone) in that role.
func (d *decider) appointed(viewer string, role care.Role) ([]Used, Rule) {
	nearest := NoRelation
	var used []Used
	for _, a := range d.f.Appointments {
		if a.Person != d.f.Person || a.Viewer == "" || viewer != "" && a.Viewer != viewer || a.Role != role {
			continue
		}
		switch {
		case begins(a.From, d.at):
			nearest = further(nearest, RelationNotBegun)
		case ended(a.Until, d.at) || ended(a.Ended, d.at):
			nearest = further(nearest, RelationOver)
		case role == care.RoleKoordinator && d.adult():
			nearest = further(nearest, FullAge)
		default:
			used = append(used, Used{Kind: "appointment", ID: a.ID})
		}
	}
	if len(used) == 0 {
		return nil, nearest
	}
	return used, ""
}

// adult tells whether the child is known to be of full age.
func (d *decider) adult() bool {
	age, ok := consent.Age(d.f.Born, d.at)
	return ok && age >= d.t.adult
}

// begins tells whether something has yet to begin. What does not say when it begins has not begun.
func begins(from, at time.Time) bool { return from.IsZero() || at.Before(from) }

// ended tells whether something is over, from that very instant. Zero is no end.
func ended(until, at time.Time) bool { return !until.IsZero() && !at.Before(until) }

func (d *decider) inTeam() ([]Used, Rule) {
	if d.f.Viewer.HPR == "" {
		return nil, NoRelation
	}
	nearest := NoRelation
	for _, p := range d.f.Team {
		switch {
		case d.at.Before(p.From): // a place that does not say when it begins has begun
			nearest = further(nearest, RelationNotBegun)
		case ended(p.Until, d.at):
			nearest = further(nearest, RelationOver)
		default:
			return []Used{{Kind: "team"}}, ""
		}
	}
	return nil, nearest
}

// guardian tells whether the viewer has parental responsibility that counts (access.md L10–L13).
func (d *decider) guardian() ([]Used, Rule) {
	nearest := NoRelation
	found, home := false, false
	for _, g := range d.f.Guardians {
		mine := g.Viewer != "" && g.Viewer == d.f.Viewer.ID || g.Person != "" && g.Person == d.f.Viewer.Person
		counts := slices.Contains(d.t.parental, g.Code)
		runs := !begins(g.From, d.at) && !ended(g.Until, d.at)
		home = home || counts && runs && g.SameAddress
		if !mine {
			continue
		}
		switch {
		case g.Graded: // whichever source says it
			return nil, GuardianGraded
		case begins(g.From, d.at):
			nearest = further(nearest, RelationNotBegun)
		case !runs:
			nearest = further(nearest, RelationOver)
		case !counts:
			nearest = further(nearest, GuardianUnknown)
		default:
			found = true
		}
	}
	if !found {
		return nil, nearest
	}
	age, ok := consent.Age(d.f.Born, d.at)
	switch {
	case !ok:
		return nil, AgeUnknown
	case age >= d.t.adult:
		return nil, FullAge
	case d.f.Address.Hidden():
		return nil, ChildGraded
	case d.t.atHome && !home:
		return nil, GuardiansElsewhere
	}
	return []Used{{Kind: "guardian"}}, ""
}

// glass tells whether the viewer has broken the glass for this child, and may.
func (d *decider) glass() ([]Used, Rule) {
	nearest := NoRelation
	for _, b := range d.f.BreakGlass {
		if b.Viewer != d.f.Viewer.ID || b.Person != d.f.Person {
			continue
		}
		switch {
		case !d.t.BreaksGlass(d.f.Viewer):
			return nil, NotHealthPersonnel
		case !slices.Contains(d.t.glass.codes, b.Code) || utf8.RuneCountInString(strings.TrimSpace(b.Reason)) < d.t.glass.reason || b.Until.IsZero():
			nearest = further(nearest, BreakGlassLacks)
		case begins(b.From, d.at):
			nearest = further(nearest, RelationNotBegun)
		case ended(b.Until, d.at) || ended(b.Ended, d.at) || ended(b.From.Add(d.t.glass.length), d.at):
			nearest = further(nearest, RelationOver)
		default:
			return []Used{{Kind: "break-glass", ID: b.ID}}, ""
		}
	}
	return nil, nearest
}

// crossing is what may cross from one service to the viewer: a denial of it all, or what permits it.
type crossing struct {
	denied  Rule
	used    []Used // of the denial
	except  []care.RecordRef
	why     []Rule // of except, in the same order
	permits []permit
}

// permit is one rule on one basis.
type permit struct {
	rule  *rule
	code  *basis
	types set
	used  []Used
}

// clears gives the marks that the permit lets through, never more than the role may see.
func (p permit) clears(r *role) care.Marks { return p.rule.clearance & r.clearance }

// leaves gives the types that a permit lets out after scopes and fields, or the rule that leaves none.
func (d *decider) leaves(p permit) (set, Rule) {
	types := p.types.and(d.scopes)
	if types.empty() {
		return types, ScopeNarrowed
	}
	if p.rule.fields != nil {
		types = types.and(p.rule.fields.set())
	}
	if d.f.Address.Hidden() {
		types = types.and(d.t.address.set())
	}
	if types.empty() {
		return types, NoFields
	}
	return types, ""
}

func (d *decider) crossing(s care.Service) *crossing {
	c, ok := d.crossings[s]
	if !ok {
		c = &crossing{}
		d.lock(s, c)
		if c.denied == "" {
			d.permit(s, c)
		}
		d.crossings[s] = c
	}
	return c
}

// lock tries the locks of step 4 that do not depend on a resource: blocks, and what the
// child keeps from her guardians. One that does not say what it hides hides everything,
// and one that does not say when it begins has begun.
func (d *decider) lock(s care.Service, c *crossing) {
	self := d.relation.kind == RelationSelf // what she has blocked she still sees herself
	for _, b := range d.f.Blocks {
		if self || b.Person != d.f.Person || d.at.Before(b.From) || ended(b.Lifted, d.at) || !d.against(b) {
			continue
		}
		used := Used{Kind: "block", ID: b.ID}
		switch {
		case b.Extent == care.BlockRecord && !b.Record.IsZero():
			c.lockRecord(b.Record, Blocked)
		case b.Extent == care.BlockService && b.Service != "":
			if b.Service == s {
				c.deny(Blocked, used)
			}
		default:
			c.deny(Blocked, used)
		}
	}
	for _, w := range d.f.Withheld {
		if d.relation.kind != RelationGuardian || w.Person != d.f.Person || d.at.Before(w.From) || ended(w.Lifted, d.at) {
			continue
		}
		switch {
		case !w.Record.IsZero():
			c.lockRecord(w.Record, ChildWithheld)
		case w.Service == s || w.Service == "":
			c.deny(ChildWithheld, Used{Kind: "withheld", ID: w.ID})
		}
	}
}

func (c *crossing) deny(rule Rule, used Used) {
	if c.denied == "" {
		c.denied, c.used = rule, []Used{used}
	}
}

func (c *crossing) lockRecord(r care.RecordRef, rule Rule) {
	if c.locked(r) == "" {
		c.except, c.why = append(c.except, r), append(c.why, rule)
	}
}

// locked gives the rule that locks a record, "" where none does.
func (c *crossing) locked(r care.RecordRef) Rule {
	if i := slices.Index(c.except, r); i >= 0 {
		return c.why[i]
	}
	return ""
}

// against tells whether a block is against this viewer. One that names nobody is against all.
func (d *decider) against(b care.Block) bool {
	v := d.f.Viewer
	return b.All || b.Viewer == "" && b.Group == "" && b.Orgnr == "" || b.Viewer != "" && b.Viewer == v.ID ||
		b.Group != "" && b.Group == v.Service || b.Orgnr != "" && (b.Orgnr == v.Tenant || b.Orgnr == v.Unit)
}

// permit tries step 5 for every rule of the table.
func (d *decider) permit(s care.Service, c *crossing) {
	c.denied = NoBasis
	v := d.f.Viewer
	for _, r := range d.t.rules {
		if !r.holds(d.day) || !slices.Contains(r.roles, v.Role) || !slices.Contains(r.origins, s) || !slices.Contains(r.purposes, v.Purpose) ||
			len(r.worksIn) > 0 && !slices.Contains(r.worksIn, v.Service) {
			continue
		}
		b, ok := d.t.code(r.basis, d.day)
		if !ok || b.nothing || !slices.Contains(b.origins, s) || len(b.to) > 0 && !slices.Contains(b.to, v.Service) {
			continue
		}
		switch b.given {
		case givenRelation, givenBreakGlass:
			d.byRelation(s, r, b, c)
		case givenConsent:
			d.byConsent(s, r, b, c)
		case givenRegister:
			d.byRegister(s, r, b, c)
		}
	}
	if len(c.permits) > 0 {
		c.denied = ""
	}
}

func (c *crossing) nearer(rule Rule) { c.denied = further(c.denied, rule) }

func (d *decider) byRelation(s care.Service, r *rule, b *basis, c *crossing) {
	if !slices.Contains(b.relations, d.relation.kind) || b.own && (s == "" || d.role.service(d.f.Viewer) != s) {
		return
	}
	if r.stage != "" {
		child, guardian := d.t.stages(s, d.f.Born, d.at)
		stage := child
		if d.relation.kind == RelationGuardian {
			stage = guardian
		}
		if stage != r.stage {
			c.nearer(AgeStage)
			return
		}
	}
	c.permits = append(c.permits, permit{rule: r, code: b, types: set{every: true}, used: d.relation.used})
}

func (d *decider) byConsent(s care.Service, r *rule, b *basis, c *crossing) {
	var active []stated
	for _, k := range d.consents {
		if !slices.Contains(k.Origins, s) || !d.receives(k.Receivers) {
			continue
		}
		switch {
		case k.Purpose != d.f.Viewer.Purpose:
			c.nearer(BasisPurpose)
		case k.status != consent.Active:
			c.nearer(ofConsent[k.status])
		case b.max > 0 && ended(k.From.Add(b.max), d.at):
			c.nearer(ConsentExpired)
		case d.objected(s, consent.LastSigned(*k.Consent, d.at)):
			c.nearer(Objected)
		default:
			active = append(active, k)
		}
	}
	if len(active) == 0 {
		return
	}
	if d.excepted(s) {
		c.nearer(Excepted)
		return
	}
	// The narrowest wins: what every one of them gives.
	types := set{every: true}
	var used []Used
	for _, k := range active {
		types = types.and(k.types)
		used = append(used, Used{Kind: "consent", ID: k.ID})
	}
	if types.empty() {
		c.nearer(TopicNotGiven)
		return
	}
	c.permits = append(c.permits, permit{rule: r, code: b, types: types, used: used})
}

var ofConsent = map[consent.Status]Rule{
	consent.Pending: ConsentPending, consent.Future: ConsentFuture, consent.Expired: ConsentExpired, consent.Lapsed: ConsentLapsed,
	consent.Withdrawn: ConsentEnded, consent.Rejected: ConsentEnded, consent.InError: NoBasis, consent.Incomplete: ConsentLacking,
}

// consented gives the types that a consent opens. A topic that the table does not know
// opens nothing, and an exception that it does not know closes everything: nobody can
// tell what was meant.
func (t *Table) consented(c care.Consent) set {
	types := set{}
	for _, name := range c.Topics {
		types = types.or(t.topics[name])
	}
	if len(c.Topics) == 0 {
		types = t.every
	}
	always := t.always // but where it is excepted by its name
	for _, name := range c.ExceptTopics {
		except, ok := t.topics[name]
		if !ok {
			return set{}
		}
		types, always = types.less(except), always.less(except)
	}
	if types.empty() {
		return types
	}
	return types.or(always)
}

// receives tells whether the viewer is one of the receivers. One that names nothing is nobody.
func (d *decider) receives(rs []care.Receiver) bool {
	v := d.f.Viewer
	return slices.ContainsFunc(rs, func(r care.Receiver) bool {
		return r != care.Receiver{} && (r.Role == "" || r.Role == v.Role) && (r.Service == "" || r.Service == v.Service) && (r.Viewer == "" || r.Viewer == v.ID)
	})
}

// excepted tells whether a consent that is active says that this viewer may not receive
// what the service says, whatever else is said.
func (d *decider) excepted(s care.Service) bool {
	return slices.ContainsFunc(d.consents, func(k stated) bool {
		return k.status == consent.Active && slices.Contains(k.Origins, s) && slices.Contains(k.ExceptViewers, d.f.Viewer.ID)
	})
}

// objected tells whether the family has, at that instant or later, said no to, or taken
// back, that this service's words go to this viewer.
func (d *decider) objected(s care.Service, since time.Time) bool {
	return slices.ContainsFunc(d.consents, func(k stated) bool {
		if k.status != consent.Rejected && k.status != consent.Withdrawn || !slices.Contains(k.Origins, s) || !d.receives(k.Receivers) {
			return false
		}
		no := refused(*k.Consent)
		return no.IsZero() || !no.Before(since)
	})
}

// refused is when a consent was rejected or taken back; zero where that is not known.
func refused(c care.Consent) time.Time {
	no := time.Time{}
	if c.Status == care.ConsentRejected || c.Status == care.ConsentWithdrawn {
		no = c.Changed
		if no.IsZero() {
			return no
		}
	}
	for _, s := range c.Signatures {
		if s.Withdrawn.After(no) {
			no = s.Withdrawn
		}
	}
	return no
}

func (d *decider) byRegister(s care.Service, r *rule, b *basis, c *crossing) {
	for _, line := range d.f.Bases {
		if line.Code != b.code || line.Person != d.f.Person || line.ID == "" || !slices.Contains(line.Origins, s) ||
			!d.receives([]care.Receiver{{Role: line.Role, Service: line.Service, Viewer: line.Viewer}}) {
			continue
		}
		switch {
		case line.Purpose != d.f.Viewer.Purpose:
			c.nearer(BasisPurpose)
		case blank(line.DecidedBy) || b.reason && blank(line.Reason) || b.evidence && blank(line.Evidence) || b.end && line.Until.IsZero():
			c.nearer(BasisLacks)
		case begins(line.From, d.at):
			c.nearer(BasisNotBegun)
		case ended(line.Until, d.at) || ended(line.Ended, d.at) || b.max > 0 && ended(line.From.Add(b.max), d.at):
			c.nearer(BasisOver)
		case b.objection && d.objected(s, time.Time{}):
			c.nearer(Objected)
		case d.excepted(s):
			c.nearer(Excepted)
		default:
			c.permits = append(c.permits, permit{rule: r, code: b, types: set{every: true}, used: []Used{{Kind: "basis", ID: line.ID}}})
		}
	}
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// decide tries the steps for one item. It does not tell what was used, for that costs
// more than the decision, and Filter asks for each resource.
func (d *decider) decide(i Item) Decision { return d.answer(i, false) }

func (d *decider) answer(i Item, tell bool) Decision {
	out := Decision{Rule: d.denied, Used: d.relation.used, Address: d.f.Address.Hidden() || i.Marks.Address().Hidden()}
	if d.denied != "" {
		return out
	}
	c := d.crossing(i.Service)
	switch {
	case !i.Service.Valid():
		out.Rule = UnknownService
	case i.Type == "":
		out.Rule = NoType
	case i.Marks&care.MarkInError != 0:
		out.Rule = InError
	case i.Marks&care.MarkNotifier != 0:
		out.Rule = Notifier
	case i.Marks&care.MarkThirdParty != 0:
		out.Rule = ThirdParty
	case len(c.permits) == 0:
		out.Rule, out.Used = c.denied, addUsed(slices.Clone(out.Used), c.used...)
	case c.locked(i.Record) != "":
		out.Rule = c.locked(i.Record)
	default:
		d.open(i, c, &out, tell)
	}
	return out
}

// open tries steps 5 to 8 for an item that is not locked. What several permits give adds up.
func (d *decider) open(i Item, c *crossing, out *Decision, tell bool) {
	out.Rule = TopicNotGiven
	used := out.Used
	if tell {
		used = slices.Clone(used)
	}
	for _, p := range c.permits {
		switch {
		case !p.types.has(i.Type):
		case i.Marks.Labels()&^p.clears(d.role) != 0:
			out.Rule = further(out.Rule, Clearance)
		case !d.scopes.has(i.Type):
			out.Rule = further(out.Rule, ScopeNarrowed)
		case p.rule.fields != nil && !p.rule.fields.set().has(i.Type), d.f.Address.Hidden() && !d.t.address.set().has(i.Type):
			out.Rule = further(out.Rule, NoFields)
		default:
			if !out.Allowed {
				out.Allowed, out.Basis = true, p.code.code
			}
			out.Fields = out.Fields.with(p.rule)
			if tell {
				used = addUsed(used, p.used...)
			}
		}
	}
	if !out.Allowed {
		return
	}
	out.Rule = Granted
	if tell {
		out.Used, out.Bases, out.Fields.Lists = used, ids(used), slices.Clone(out.Fields.Lists)
	}
}

// markers gives the services of which the viewer lawfully knows, and which may have more
// than she sees. It rests on active consents alone, so it says nothing of what is held.
func (d *decider) markers() []Marker {
	if d.f.Address.Hidden() || d.relation.kind != RelationAppointment && d.relation.kind != RelationTeam {
		return nil
	}
	var out []Marker
	for _, s := range care.Services() {
		if d.t.known[s] != markerSays || d.role.service(d.f.Viewer) == s || !d.knows(s) {
			continue
		}
		c := d.crossing(s)
		if c.denied == Blocked || len(c.except) > 0 { // a block is silent
			continue
		}
		seen := set{}
		for _, p := range c.permits {
			types, _ := d.leaves(p)
			seen = seen.or(types)
		}
		if slices.ContainsFunc(d.t.every.types, func(fhirType string) bool { return !seen.has(fhirType) }) {
			out = append(out, Marker{Service: s})
		}
	}
	return out
}

// knows tells whether an active consent that names the viewer as receiver names the
// service too: as an origin, or as another receiver in the team.
func (d *decider) knows(s care.Service) bool {
	return slices.ContainsFunc(d.consents, func(k stated) bool {
		return k.status == consent.Active && d.receives(k.Receivers) && !slices.Contains(k.ExceptViewers, d.f.Viewer.ID) &&
			(slices.Contains(k.Origins, s) || slices.ContainsFunc(k.Receivers, func(r care.Receiver) bool { return r.Service == s }))
	})
}

// readable gives the types that SMART scopes let a program read; nil does not narrow.
// Scopes that cannot be read let nothing through.
func readable(scopes []string) set {
	if scopes == nil {
		return set{every: true}
	}
	list, err := scope.Of(scopes)
	if err != nil {
		return set{}
	}
	out := set{}
	for _, s := range list.Resources {
		if list.Allows(s.Type, "r") {
			out = out.or(set{every: s.Type == "*", types: []string{s.Type}})
		}
	}
	return out
}

// order is the rules by how far they come, for telling the denial that came furthest.
var order = []Rule{
	NoRelation, RelationNotBegun, RelationOver, GuardianUnknown, GuardianGraded, NotHealthPersonnel, BreakGlassLacks, AgeUnknown, FullAge, ChildGraded, GuardiansElsewhere,
	NoBasis, Blocked, ChildWithheld, AgeStage, BasisPurpose, BasisLacks, BasisNotBegun, BasisOver,
	ConsentLacking, ConsentEnded, ConsentExpired, ConsentFuture, ConsentPending, ConsentLapsed, Objected, Excepted, TopicNotGiven, Clearance, ScopeNarrowed, NoFields,
}

// further gives the denial of the two that came further.
func further(a, b Rule) Rule {
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}
