package audit

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"samsyn/fhir"
	"samsyn/internal/care"
)

// The profiles that an event names in meta.profile (fhir/profiles/audit-*.yaml hold what
// each asks).
const (
	// ProfileEvent is ours: what every event has, permitted or not.
	ProfileEvent = "urn:samsyn:audit-event"
	// ProfileNorway is HL7 Norway's, for what people in services do about a person.
	ProfileNorway = "http://hl7.no/fhir/StructureDefinition/no-domain-Trustframework-Auditevent"
	// profileBALP begins the names of IHE's Basic Audit Log Patterns, for what succeeded.
	profileBALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
)

// Code systems and URLs of an AuditEvent.
const (
	systemDCM           = "http://dicom.nema.org/resources/ontology/DCM"
	systemEventType     = "http://terminology.hl7.org/CodeSystem/audit-event-type"
	systemRest          = "http://hl7.org/fhir/restful-interaction"
	systemEntityType    = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	systemObjectRole    = "http://terminology.hl7.org/CodeSystem/object-role"
	systemBALPEntity    = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
	systemBALPAgent     = "https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes"
	systemParticipation = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	systemProvenance    = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
	systemSourceType    = "http://terminology.hl7.org/CodeSystem/security-source-type"
	systemActReason     = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	systemNullFlavor    = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"

	systemInteraction = "urn:samsyn:interaction"
	systemDoor        = "urn:samsyn:door"
	systemRole        = "urn:samsyn:role"
	systemService     = "urn:samsyn:service"
	systemViewer      = "urn:samsyn:viewer"
	systemPerson      = "urn:samsyn:person"
	systemClient      = "urn:samsyn:client"
	systemInstance    = "urn:samsyn:instance"
	systemResource    = "urn:samsyn:resource"
	systemRequest     = "urn:samsyn:request"
	systemDecision    = "urn:samsyn:decision"

	extPatient  = "http://hl7.no/fhir/StructureDefinition/auditevent-patient-extension"
	extRelation = "http://hl7.no/fhir/StructureDefinition/auditevent-carerelation-metadata-extension"
	// What FHIR has no place for, of the one who asked.
	extLevel  = "urn:samsyn:level-of-assurance"
	extPerson = "urn:samsyn:viewer-person"
	extHPR    = "urn:samsyn:viewer-hpr"
	extTenant = "urn:samsyn:viewer-tenant"
	extUnit   = "urn:samsyn:viewer-unit"
	extTitle  = "urn:samsyn:viewer-title"

	prefixJTI = "urn:ietf:params:oauth:jti:"
)

// The parts of a decision in the protected entity.
const (
	detailPolicy   = "policy-version"
	detailRule     = "rule"
	detailBasis    = "basis"
	detailService  = "service"
	detailWithheld = "withheld"
	detailReason   = "reason"
	detailQuery    = "query"    // of what is no question in itself
	detailResource = "resource" // of what has no entity for an object
)

// The structs below are the part of AuditEvent that is written and read. samply's struct
// writes every choice at once and is not safe for it (shared/libraries.md).

type coding struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code,omitempty"`
	Display string `json:"display,omitempty"`
}

type concept struct {
	Coding []coding `json:"coding,omitempty"`
	Text   string   `json:"text,omitempty"`
}

type identifier struct {
	System string `json:"system,omitempty"`
	Value  string `json:"value,omitempty"`
}

type reference struct {
	Reference  string      `json:"reference,omitempty"`
	Type       string      `json:"type,omitempty"`
	Identifier *identifier `json:"identifier,omitempty"`
	Display    string      `json:"display,omitempty"`
}

type extension struct {
	Extension        []extension `json:"extension,omitempty"`
	URL              string      `json:"url"`
	ValueString      string      `json:"valueString,omitempty"`
	ValueBoolean     *bool       `json:"valueBoolean,omitempty"`
	ValueUnsignedInt *int64      `json:"valueUnsignedInt,omitempty"`
	ValueReference   *reference  `json:"valueReference,omitempty"`
}

type network struct {
	Address string `json:"address"`
	Type    string `json:"type"`
}

type agent struct {
	Extension    []extension `json:"extension,omitempty"`
	Type         *concept    `json:"type,omitempty"`
	Role         []concept   `json:"role,omitempty"`
	Who          *reference  `json:"who,omitempty"`
	AltID        string      `json:"altId,omitempty"`
	Name         string      `json:"name,omitempty"`
	Requestor    bool        `json:"requestor"`
	Policy       []string    `json:"policy,omitempty"`
	Network      *network    `json:"network,omitempty"`
	PurposeOfUse []concept   `json:"purposeOfUse,omitempty"`
}

type detail struct {
	Type  string `json:"type"`
	Value string `json:"valueString"`
}

type entity struct {
	What          *reference `json:"what,omitempty"`
	Type          *coding    `json:"type,omitempty"`
	Role          *coding    `json:"role,omitempty"`
	SecurityLabel []coding   `json:"securityLabel,omitempty"`
	Query         string     `json:"query,omitempty"`
	Detail        []detail   `json:"detail,omitempty"`
}

type source struct {
	Site     string    `json:"site,omitempty"`
	Observer reference `json:"observer"`
	Type     []coding  `json:"type,omitempty"`
}

// contained is the PractitionerRole, Practitioner or Organization of the one who asked.
type contained struct {
	ResourceType string       `json:"resourceType"`
	ID           string       `json:"id"`
	Identifier   []identifier `json:"identifier,omitempty"`
	Name         any          `json:"name,omitempty"` // a text of an Organization, HumanNames of a Practitioner
	PartOf       *reference   `json:"partOf,omitempty"`
	Practitioner *reference   `json:"practitioner,omitempty"`
	Organization *reference   `json:"organization,omitempty"`
	Code         []concept    `json:"code,omitempty"`
	Specialty    []concept    `json:"specialty,omitempty"`
}

type humanName struct {
	Text string `json:"text,omitempty"`
}

type meta struct {
	Profile  []string `json:"profile,omitempty"`
	Security []coding `json:"security,omitempty"`
}

type auditEvent struct {
	ResourceType   string      `json:"resourceType"`
	ID             string      `json:"id"`
	Meta           meta        `json:"meta"`
	Contained      []contained `json:"contained,omitempty"`
	Extension      []extension `json:"extension,omitempty"`
	Type           coding      `json:"type"`
	Subtype        []coding    `json:"subtype,omitempty"`
	Action         string      `json:"action"`
	Recorded       string      `json:"recorded"`
	Outcome        string      `json:"outcome"`
	OutcomeDesc    string      `json:"outcomeDesc,omitempty"`
	PurposeOfEvent []concept   `json:"purposeOfEvent,omitempty"`
	Agent          []agent     `json:"agent"`
	Source         source      `json:"source"`
	Entity         []entity    `json:"entity,omitempty"`
}

func one(system, code, display string) concept {
	return concept{Coding: []coding{{system, code, display}}}
}

func logical(typ, system, value, display string) reference {
	return reference{Type: typ, Identifier: &identifier{system, value}, Display: display}
}

// agentRoles is what client and server are in each pattern, and what the user is. They
// change places between a read and a query, as DICOM has it: at a query the words that
// are asked with flow from the client.
type agentRoles struct {
	client, server, user coding
	action               string
	balp                 string // the pattern's name, without Patient before it
}

var (
	destination = coding{systemDCM, "110152", "Destination Role ID"}
	origin      = coding{systemDCM, "110153", "Source Role ID"}
	application = coding{systemDCM, "110150", "Application"}
	custodian   = coding{systemProvenance, "custodian", "Custodian"}
	recipient   = coding{systemParticipation, "IRCP", "information recipient"}
	author      = coding{systemParticipation, "AUT", "author (originator)"}
)

var patterns = [...]agentRoles{
	patternRead:   {destination, origin, recipient, "R", "Read"},
	patternQuery:  {origin, destination, recipient, "E", "Query"},
	patternCreate: {origin, destination, author, "C", "Create"},
	patternUpdate: {origin, destination, author, "U", "Update"},
	patternDelete: {application, custodian, author, "D", "Delete"},
	patternSignIn: {application, destination, recipient, "E", ""},
}

// FHIR writes the event as an R4 AuditEvent. Numbers that look national are taken out of
// whatever a client or viewer wrote. The error wraps care.ErrInvalid: the event lacks
// its id, its time or a known interaction, and then nothing may be answered.
func (e Event) FHIR(by Instance) ([]byte, error) {
	e = e.clean()
	if err := e.check(); err != nil {
		return nil, err
	}
	k := kinds[e.Interaction]
	w := writer{e: e, by: by, kind: k, roles: patterns[k.pattern]}
	body, err := json.Marshal(w.event())
	if err != nil {
		return nil, fmt.Errorf("write the audit event: %w", err)
	}
	return body, nil
}

func (e Event) check() error {
	switch {
	case !isID(e.ID):
		return fmt.Errorf("%w: an audit event has an id", care.ErrInvalid)
	case e.At.Year() < 1970 || e.At.Year() > 9999:
		return fmt.Errorf("%w: an audit event has its time", care.ErrInvalid)
	case !Known(e.Interaction):
		return fmt.Errorf("%w: an audit event has a known interaction", care.ErrInvalid)
	case e.Withheld < 0:
		return fmt.Errorf("%w: an audit event holds back no less than nothing", care.ErrInvalid)
	case e.Permit && e.Failed:
		return fmt.Errorf("%w: what failed was not permitted", care.ErrInvalid)
	}
	return nil
}

// writer makes one AuditEvent.
type writer struct {
	e     Event
	by    Instance
	kind  kind
	roles agentRoles
}

func (w writer) event() auditEvent {
	e := w.e
	a := auditEvent{
		ResourceType:   "AuditEvent",
		ID:             e.ID,
		Meta:           meta{Profile: w.profiles(), Security: []coding{{care.SystemConfidentiality, "R", "restricted"}}},
		Type:           coding{systemEventType, "rest", "RESTful Operation"},
		Action:         w.roles.action,
		Recorded:       e.At.Format(time.RFC3339Nano),
		Outcome:        "0",
		PurposeOfEvent: []concept{purpose(e.Purpose)},
		Source: source{
			Site:     w.by.Name,
			Observer: w.server(),
			Type:     []coding{{systemSourceType, "4", "Application Server"}},
		},
	}
	if w.by.Test {
		a.Meta.Security = append(a.Meta.Security, coding{systemActReason, "HTEST", "test health data"})
	}
	if w.kind.pattern == patternSignIn {
		a.Type = coding{systemDCM, "110114", "User Authentication"}
		if e.Interaction == SignIn {
			a.Subtype = append(a.Subtype, coding{systemDCM, "110122", "Login"})
		} else {
			a.Subtype = append(a.Subtype, coding{systemDCM, "110123", "Logout"})
		}
	} else {
		a.Subtype = append(a.Subtype, coding{systemRest, w.kind.rest, ""})
	}
	if e.Interaction == BreakGlass {
		a.Subtype = append(a.Subtype, coding{systemDCM, "110127", "Emergency Override Started"})
	}
	a.Subtype = append(a.Subtype, coding{systemInteraction, e.Interaction, ""})
	if e.Door != "" {
		a.Subtype = append(a.Subtype, coding{systemDoor, e.Door, ""})
	}
	switch {
	case e.Failed:
		a.Outcome, a.OutcomeDesc = "8", "no decision could be made"
	case !e.Permit:
		a.Outcome, a.OutcomeDesc = "4", "denied"
	}
	a.Extension = w.extensions()
	user, who := w.user()
	a.Contained = who
	a.Agent = []agent{w.clientAgent(user == nil), w.serverAgent()}
	if user != nil {
		a.Agent = append(a.Agent, *user)
	}
	a.Entity = w.entities()
	return a
}

// profiles names what the event keeps. IHE's patterns are of what succeeded; Norway's is
// of people in services and one person.
func (w writer) profiles() []string {
	all := []string{ProfileEvent}
	if w.e.Permit && w.roles.balp != "" && w.e.Interaction != History {
		who := ""
		if w.e.Person != "" {
			who = "Patient"
		}
		all = append(all, profileBALP+who+w.roles.balp)
		if w.e.Token != "" && !isSystem(w.e.Viewer) {
			all = append(all, profileBALP+"OAUTHaccessTokenUse.Minimal")
		}
	}
	if w.e.Person != "" && isStaff(w.e.Viewer) && w.hasRelation() {
		all = append(all, ProfileNorway)
	}
	return all
}

// isStaff tells whether the viewer asks as somebody who works in a service. Family and
// systems are told otherwise than by a PractitionerRole.
func isStaff(v care.Viewer) bool {
	switch v.Role {
	case care.RoleBarn, care.RoleForesatt, care.RoleIntegrator:
		return false
	}
	return v.ID != ""
}

func isSystem(v care.Viewer) bool { return v.Role == care.RoleIntegrator || v.ID == "" }

func purpose(p care.Purpose) concept {
	if p == "" {
		return one(systemNullFlavor, "UNK", "unknown")
	}
	return one(systemActReason, string(p), "")
}

// hasRelation: toa is an unsignedInt of 32 bits and ends in January 2038.
func (w writer) hasRelation() bool { return w.e.At.Unix() <= math.MaxInt32 }

func (w writer) extensions() []extension {
	if w.e.Person == "" {
		return nil
	}
	who := w.person()
	all := []extension{{URL: extPatient, ValueReference: &who}}
	if !w.hasRelation() {
		return all
	}
	toa, selected := w.e.At.Unix(), w.e.Interaction == BreakGlass || w.e.Purpose == care.PurposeBTG
	var parts []extension
	if len(w.e.Bases) > 0 {
		parts = append(parts, extension{URL: "decision-ref-id", ValueString: w.e.Bases[0]})
	}
	if w.e.Rule != "" {
		parts = append(parts, extension{URL: "decision-ref-description", ValueString: w.e.Rule})
	}
	parts = append(parts, extension{URL: "decision-ref-user-selected", ValueBoolean: &selected}, extension{URL: "toa", ValueUnsignedInt: &toa})
	return append(all, extension{URL: extRelation, Extension: parts})
}

func (w writer) person() reference {
	id := string(w.e.Person)
	if isID(id) {
		return reference{Reference: "Patient/" + id}
	}
	return logical("Patient", systemPerson, id, "")
}

func (w writer) server() reference {
	return logical("", systemInstance, orElse(w.by.ID, "samsyn"), w.by.Name)
}

func (w writer) serverAgent() agent {
	who := w.server()
	return agent{Type: &concept{Coding: []coding{w.roles.server}}, Who: &who, Network: address(orElse(w.by.Host, "localhost"))}
}

// clientAgent is the system that asked. Where no person did, it is the viewer itself.
func (w writer) clientAgent(requestor bool) agent {
	v := w.e.Viewer
	who := logical("", systemClient, orElse(w.e.Client, orElse(w.e.Door, "samsyn")), "")
	a := agent{Type: &concept{Coding: []coding{w.roles.client}}, Who: &who, Network: address(orElse(w.e.Address, orElse(w.by.Host, "localhost"))), Requestor: requestor}
	if !requestor {
		return a
	}
	if v.ID != "" {
		who = logical("", systemViewer, v.ID, "")
		a.AltID = w.e.Client
	}
	a.Name = v.Name
	a.Role = roles(v)
	a.Policy = w.token()
	a.Extension = facts(v, false)
	return a
}

// address says what kind of address it is: 1 a machine's name, 2 an IP, 5 a URI.
func address(a string) *network {
	typ := "1"
	if _, err := netip.ParseAddr(a); err == nil {
		typ = "2"
	} else if strings.Contains(a, "://") {
		typ = "5"
	}
	return &network{a, typ}
}

func (w writer) token() []string {
	if w.e.Token == "" {
		return nil
	}
	return []string{prefixJTI + w.e.Token}
}

func roles(v care.Viewer) []concept {
	var all []concept
	if v.Role != "" {
		all = append(all, one(systemRole, string(v.Role), ""))
	}
	if v.Service != "" {
		all = append(all, one(systemService, string(v.Service), ""))
	}
	return all
}

// facts are those about the viewer that agent has no element for. What a contained
// PractitionerRole tells is not told twice.
func facts(v care.Viewer, role bool) []extension {
	var all []extension
	add := func(url, value string) {
		if value != "" {
			all = append(all, extension{URL: url, ValueString: value})
		}
	}
	if v.Level > 0 {
		add(extLevel, strconv.Itoa(v.Level))
	}
	add(extPerson, string(v.Person))
	add(extTitle, v.Title)
	if !role {
		add(extHPR, v.HPR)
		add(extTenant, v.Tenant)
		add(extUnit, v.Unit)
	}
	return all
}

// user is the person who asked, and the resources that tell who she is; none where a
// system asked by itself.
func (w writer) user() (*agent, []contained) {
	v := w.e.Viewer
	if isSystem(v) {
		return nil, nil
	}
	a := &agent{Type: &concept{Coding: []coding{w.roles.user}}, Name: v.Name, Requestor: true, Role: roles(v), PurposeOfUse: []concept{purpose(w.e.Purpose)}}
	if w.e.Token != "" {
		a.Type.Coding = append(a.Type.Coding, coding{systemBALPAgent, "UserOauthAgent", ""})
		a.Policy = w.token()
	}
	if isStaff(v) {
		a.Extension = facts(v, true)
		a.Who = &reference{Reference: "#role", Type: "PractitionerRole"}
		return a, w.practitionerRole()
	}
	typ := "Patient"
	if v.Role == care.RoleForesatt {
		typ = "RelatedPerson"
	}
	who := logical(typ, systemViewer, v.ID, v.Name)
	a.Extension = facts(v, false)
	a.Who = &who
	return a, nil
}

func (w writer) practitionerRole() []contained {
	v := w.e.Viewer
	role := contained{ResourceType: "PractitionerRole", ID: "role", Practitioner: &reference{Reference: "#practitioner"}}
	who := contained{ResourceType: "Practitioner", ID: "practitioner", Identifier: []identifier{{systemViewer, v.ID}}}
	if v.Name != "" {
		who.Name = []humanName{{v.Name}}
	}
	if v.HPR != "" {
		who.Identifier = append(who.Identifier, identifier{fhir.SystemHPR, v.HPR})
	}
	if v.Role != "" {
		role.Code = []concept{one(systemRole, string(v.Role), "")}
	}
	if v.Service != "" {
		role.Specialty = []concept{one(systemService, string(v.Service), "")}
	}
	all := []contained{who}
	switch {
	case v.Unit != "":
		unit := contained{ResourceType: "Organization", ID: "unit", Identifier: []identifier{{fhir.SystemENH, v.Unit}}}
		if v.Tenant != "" {
			unit.PartOf = &reference{Reference: "#tenant"}
		}
		role.Organization = &reference{Reference: "#unit"}
		all = append(all, unit)
	case v.Tenant != "":
		role.Organization = &reference{Reference: "#tenant"}
	}
	if v.Tenant != "" {
		all = append(all, contained{ResourceType: "Organization", ID: "tenant", Identifier: []identifier{{fhir.SystemENH, v.Tenant}}})
	}
	return append([]contained{role}, all...)
}

func (w writer) entities() []entity {
	var all []entity
	if w.e.Person != "" {
		who := w.person()
		all = append(all, entity{What: &who, Type: &coding{systemEntityType, "1", "Person"}, Role: &coding{systemObjectRole, "1", "Patient"}})
	}
	switch w.kind.pattern {
	case patternSignIn:
	case patternQuery:
		all = append(all, entity{Type: &coding{systemEntityType, "2", "System Object"}, Role: &coding{systemObjectRole, "24", "Query"},
			Query: base64.StdEncoding.EncodeToString([]byte(orElse(w.e.Query, "$"+w.e.Interaction)))})
	default:
		what := w.object()
		all = append(all, entity{What: &what, Type: &coding{systemEntityType, "2", "System Object"}, Role: &coding{systemObjectRole, "4", "Domain Resource"}})
	}
	if w.e.RequestID != "" {
		what := logical("", systemRequest, w.e.RequestID, "")
		all = append(all, entity{What: &what, Type: &coding{systemBALPEntity, "XrequestId", ""}})
	}
	return append(all, w.decision())
}

// object is what was read, made or changed. A literal reference is only made of what is
// one; what a client wrote may be anything.
func (w writer) object() reference {
	plain, version, _ := strings.Cut(w.e.Resource, "/_history/")
	typ, id, ok := fhir.SplitReference(plain)
	if ok && plain == typ+"/"+id && (plain == w.e.Resource || isID(version)) {
		return reference{Reference: w.e.Resource}
	}
	return logical(w.kind.typ, systemResource, orElse(w.e.Resource, w.e.Interaction), "")
}

// decision is the protected part: by which rule and bases it was decided, whose words
// could be seen, and how much was held back. It is for those who control, and labelled so.
func (w writer) decision() entity {
	e := w.e
	what := logical("", systemDecision, e.ID, "")
	d := entity{
		What: &what, Type: &coding{systemEntityType, "4", "Other"}, Role: &coding{systemObjectRole, "13", "Security Resource"},
		SecurityLabel: []coding{{care.SystemConfidentiality, "V", "very restricted"}},
	}
	add := func(typ, value string) {
		if value != "" {
			d.Detail = append(d.Detail, detail{typ, value})
		}
	}
	add(detailPolicy, e.PolicyVersion)
	add(detailRule, e.Rule)
	for _, b := range e.Bases {
		add(detailBasis, b)
	}
	for _, s := range e.Services {
		add(detailService, string(s))
	}
	add(detailWithheld, strconv.Itoa(e.Withheld))
	add(detailReason, e.Reason)
	if w.kind.pattern != patternQuery {
		add(detailQuery, e.Query)
	}
	if w.kind.pattern == patternQuery || w.kind.pattern == patternSignIn {
		add(detailResource, e.Resource)
	}
	return d
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
