package care

import "time"

// Role is what a viewer acts as. What each role may is in the access table
// (internal/access/table.yaml), never in code that asks for a role by name.
type Role string

// The roles (docs/access.md). A koordinator is a barnekoordinator (hol. § 7-2 a) or a
// koordinator for an individual plan (hol. § 7-2); a tjenesteyter works in one service.
const (
	RoleKoordinator        Role = "koordinator"
	RoleKoordinerendeEnhet Role = "koordinerende-enhet"
	RoleTjenesteyter       Role = "tjenesteyter"
	RoleBarn               Role = "barn"
	RoleForesatt           Role = "foresatt"
	RoleIntegrator         Role = "integrator"
	RoleRevisor            Role = "revisor"
	RoleDrift              Role = "drift"
)

// Roles lists every role.
func Roles() []Role {
	return []Role{RoleKoordinator, RoleKoordinerendeEnhet, RoleTjenesteyter, RoleBarn, RoleForesatt, RoleIntegrator, RoleRevisor, RoleDrift}
}

// Purpose is why something is asked for: HL7 v3 ActReason, PurposeOfUse, as NHN's
// tillitsrammeverk uses it. COC is the coordinator's ordinary one.
type Purpose string

// The purposes.
const (
	PurposeCOC     Purpose = "COC"     // coordination of care, case handling
	PurposeTREAT   Purpose = "TREAT"   // own treatment or help
	PurposeETREAT  Purpose = "ETREAT"  // emergency
	PurposeBTG     Purpose = "BTG"     // break the glass
	PurposePATRQT  Purpose = "PATRQT"  // the child asks
	PurposeFAMRQT  Purpose = "FAMRQT"  // a guardian asks
	PurposeHOPERAT Purpose = "HOPERAT" // running the service: appointing, control
)

// Parental is a guardian's parental responsibility, by the codes of no-basis
// (no-basis-parental-responsibility): felles, mor, far, medmor, andre, ukjent.
type Parental string

// The codes of parental responsibility. Ukjent gives no guardian access at all.
const (
	ParentalFelles Parental = "felles"
	ParentalMor    Parental = "mor"
	ParentalFar    Parental = "far"
	ParentalMedmor Parental = "medmor"
	ParentalAndre  Parental = "andre"
	ParentalUkjent Parental = "ukjent"
)

// Guardian is one who has, or is said to have, parental responsibility for a person.
type Guardian struct {
	Viewer      string   `json:"viewer,omitempty"` // who she is when she signs in; "" where that is not known
	Person      PersonID `json:"person,omitempty"` // who she is among our persons; "" where that is not known
	Code        Parental `json:"code"`
	SameAddress bool     `json:"sameAddress,omitempty"` // registered at the child's address
	DailyCare   bool     `json:"dailyCare,omitempty"`   // the child lives with her (pbrl. § 4-4)
	// Graded: the guardian herself lives at a fortrolig address: she can represent nobody (access.md L13).
	Graded      bool      `json:"graded,omitempty"`
	From, Until time.Time // Until zero: no end
}

// Appointment ties a viewer to a person for a period: a coordinator appointed by
// koordinerende enhet, a caseworker or teacher with a task in a service's team.
type Appointment struct {
	ID      string    `json:"id"`
	Viewer  string    `json:"viewer"`
	Person  PersonID  `json:"person"`
	Role    Role      `json:"role"` // RoleKoordinator or RoleTjenesteyter
	From    time.Time `json:"from"`
	Until   time.Time `json:"until,omitzero"` // zero: no end
	By      string    `json:"by"`             // viewer who decided
	Reason  string    `json:"reason,omitempty"`
	Ended   time.Time `json:"ended,omitzero"` // ended before its time, from this instant on
	EndedBy string    `json:"endedBy,omitempty"`
}

// TeamPeriod is a place in a CareTeam that a source tells of, for the viewer's own HPR number.
type TeamPeriod struct {
	Service Service
	From    time.Time // zero: not said, and then it has begun
	Until   time.Time // zero: no end
}

// Basis is one line of the basis register: a decided, dated ground for letting what some
// services say of a person cross to a receiver. It gives nothing without a relation.
type Basis struct {
	ID      string    `json:"id"`
	Code    string    `json:"code"` // a code of the access table
	Person  PersonID  `json:"person"`
	Origins []Service `json:"origins"`
	// The receiver: each that is given must fit. None given at all fits nobody.
	Viewer  string  `json:"viewer,omitempty"`
	Service Service `json:"service,omitempty"`
	Role    Role    `json:"role,omitempty"`

	Purpose   Purpose   `json:"purpose"`
	From      time.Time `json:"from"`
	Until     time.Time `json:"until,omitzero"` // zero: no end, where the table allows that
	DecidedBy string    `json:"decidedBy"`
	Reason    string    `json:"reason"`
	Evidence  string    `json:"evidence,omitempty"` // where the decision lies: case and document
	Ended     time.Time `json:"ended,omitzero"`
	EndedBy   string    `json:"endedBy,omitempty"`
}

// ConsentStatus is what was last decided about a consent. Whether it gives anything at
// an instant is computed from it, the signatures and the person's age, at each use.
type ConsentStatus string

// The statuses: FHIR R4 consent-state-codes.
const (
	ConsentProposed  ConsentStatus = "proposed"
	ConsentActive    ConsentStatus = "active"
	ConsentRejected  ConsentStatus = "rejected"
	ConsentWithdrawn ConsentStatus = "inactive"
	ConsentInError   ConsentStatus = "entered-in-error"
)

// Consent is a permission that the entitled give: voluntary, specific, informed and
// possible to withdraw (access.md L8). Every change is a new version; old ones stay.
type Consent struct {
	ID      string        `json:"id"`
	Version int           `json:"version"`
	Person  PersonID      `json:"person"`
	Status  ConsentStatus `json:"status"`
	Origins []Service     `json:"origins"` // whose words may be shared
	// Topics limits it to these topics of the access table; none means every topic but
	// ExceptTopics.
	Topics       []string   `json:"topics,omitempty"`
	ExceptTopics []string   `json:"exceptTopics,omitempty"`
	Purpose      Purpose    `json:"purpose"`
	Receivers    []Receiver `json:"receivers"`
	// ExceptViewers may not receive, whatever else is said.
	ExceptViewers []string    `json:"exceptViewers,omitempty"`
	From          time.Time   `json:"from"`
	Until         time.Time   `json:"until,omitzero"` // a consent has an end; zero gives nothing
	TextVersion   string      `json:"textVersion"`    // which text was read, e.g. "samtykke-2026-1"
	Language      string      `json:"language"`       // nb, nn, en, se …
	Voluntary     bool        `json:"voluntary"`      // told that it is voluntary and can be withdrawn
	Signatures    []Signature `json:"signatures,omitempty"`
	Changed       time.Time   `json:"changed"` // when this version was made
	ChangedBy     string      `json:"changedBy"`
}

// Receiver is who may receive: each field that is given must fit; none given fits nobody.
type Receiver struct {
	Role    Role    `json:"role,omitempty"`
	Service Service `json:"service,omitempty"`
	Viewer  string  `json:"viewer,omitempty"`
}

// Party is who signs: the child herself, a guardian, or barnevern after a care order.
type Party string

// The parties.
const (
	PartyChild     Party = "child"
	PartyGuardian  Party = "guardian"
	PartyBarnevern Party = "barnevern"
)

// Valid tells whether it is one of those who sign.
func (p Party) Valid() bool { return p == PartyChild || p == PartyGuardian || p == PartyBarnevern }

// Signature is one party's yes, and her no where she took it back.
type Signature struct {
	Party     Party     `json:"party"`
	Signer    string    `json:"signer"`   // the guardian's viewer id or person id, the child's person id, the caseworker's viewer id
	Recorder  string    `json:"recorder"` // who noted it; the signer herself where she signed in
	How       string    `json:"how"`      // "digital", "paper", "oral"
	At        time.Time `json:"at"`
	Withdrawn time.Time `json:"withdrawn,omitzero"`
}

// BlockExtent is how much a block hides.
type BlockExtent string

// The extents.
const (
	BlockAll     BlockExtent = "all"
	BlockService BlockExtent = "service"
	BlockRecord  BlockExtent = "record"
)

// Block is a sperring (pbrl. § 5-3, pjl. § 17): against a viewer, a group (everyone who
// works in a service), an organisation, or all; of everything, of one service or of one
// record. It lasts until it is lifted, and outranks every permission.
type Block struct {
	ID     string   `json:"id"`
	Person PersonID `json:"person"`
	// Against: exactly one of Viewer, Group, Orgnr or All.
	Viewer string  `json:"viewer,omitempty"`
	Group  Service `json:"group,omitempty"`
	Orgnr  string  `json:"orgnr,omitempty"`
	All    bool    `json:"all,omitempty"`

	Extent  BlockExtent `json:"extent"`
	Service Service     `json:"service,omitempty"` // of BlockService
	Record  RecordRef   `json:"record,omitzero"`   // of BlockRecord
	From    time.Time   `json:"from"`
	Lifted  time.Time   `json:"lifted,omitzero"`
	By      string      `json:"by"`
}

// Withheld is what a child keeps from the guardians (pbrl. § 3-4): a service's words, or one record.
type Withheld struct {
	ID      string    `json:"id"`
	Person  PersonID  `json:"person"`
	Service Service   `json:"service,omitempty"`
	Record  RecordRef `json:"record,omitzero"`
	From    time.Time `json:"from"`
	Lifted  time.Time `json:"lifted,omitzero"`
	By      string    `json:"by"`
}

// BreakGlass is an opened emergency session: one viewer, one child, sixty minutes at the
// most, with a code and a reason. It never opens an address.
type BreakGlass struct {
	ID       string    `json:"id"`
	Viewer   string    `json:"viewer"`
	Person   PersonID  `json:"person"`
	Code     string    `json:"code"`
	Reason   string    `json:"reason"`
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	Ended    time.Time `json:"ended,omitzero"`
	Notified time.Time `json:"notified,omitzero"` // when koordinerende enhet and revisor were told
	Reviewed time.Time `json:"reviewed,omitzero"`
	Review   string    `json:"review,omitempty"` // what the review found
	Reviewer string    `json:"reviewer,omitempty"`
}

// RecordRef names one source record.
type RecordRef struct {
	Source string `json:"source"`
	Kind   string `json:"kind"`
	Key    string `json:"key"`
}

// IsZero tells whether no record is named.
func (r RecordRef) IsZero() bool { return r == RecordRef{} }

// Facts is all that a decision about one viewer and one person rests on, as it was held
// at one instant. Store gathers it; access decides on it alone.
type Facts struct {
	Tenant string // the organisation number whose instance this is
	Viewer Viewer
	Person PersonID
	Known  bool   // there is such a person
	Born   string // YYYY-MM-DD, "" where no source says it
	// Address is the highest level that any source gives, seen by the viewer or not.
	Address      AddressLevel
	Guardians    []Guardian
	Appointments []Appointment // this viewer's for this person; for koordinerende enhet every coordinator's
	Team         []TeamPeriod  // this viewer's places in teams, by HPR
	Bases        []Basis       // this person's
	Consents     []Consent     // this person's, newest versions
	Blocks       []Block       // this person's
	Withheld     []Withheld    // this person's
	BreakGlass   []BreakGlass  // this viewer's for this person
	// Epoch grows with every change of what stands above. An answer is released only
	// while it is still the same.
	Epoch int64
}

// Visible is a part of the set that a query may select from: what one service says, less
// what is marked, of other types, or named. Access makes it, SQL obeys it, and access
// decides again for each object that comes back.
type Visible struct {
	Service Service
	Types   []string    // FHIR types; none means every type
	Without Marks       // resources with any of these are left out
	Except  []RecordRef // these records are left out
}

// Whole is the visible set of all that these services say.
func Whole(services ...Service) []Visible {
	out := make([]Visible, len(services))
	for i, s := range services {
		out[i] = Visible{Service: s}
	}
	return out
}

// Rights are facts about one person that are read or kept together.
type Rights struct {
	Guardians    []Guardian
	Appointments []Appointment
	Bases        []Basis
	Consents     []Consent
	Blocks       []Block
	Withheld     []Withheld
	BreakGlass   []BreakGlass
}

// Notice is what an office must hear of at once.
type Notice struct {
	ID     int64
	At     time.Time
	Role   Role   // whose office
	What   string // "break-glass"
	Person PersonID
	Ref    string    // id of what it is about
	Seen   time.Time // zero while nobody has
	SeenBy string
}

// Logged is an event of the audit log as it is kept: Body is a FHIR AuditEvent, the rest
// what it is found by.
type Logged struct {
	Person PersonID // "" for nobody
	Viewer string
	At     time.Time
	Body   []byte
}

// Union is a person who was united with another, and whose permissions wait: until two persons
// of koordinerende enhet have said that they are one child, only what denies holds for both.
type Union struct {
	Survivor, Merged PersonID
	At               time.Time
	// First is who said it first, "" while nobody has.
	First   string
	FirstAt time.Time
}
