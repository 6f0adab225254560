// Package audit owns the audit log as a matter of words: what one event is, how it is
// written as a FHIR AuditEvent (IHE BALP, HL7 Norway's Trustframework profile), how
// events are chained so that no change goes unseen, what may be read of them by the
// child and the guardians, and which patterns in them look like snooping. It knows no
// database, no clock and no door, and decides nothing about access.
package audit

import (
	"maps"
	"slices"
	"time"

	"samsyn/internal/care"
)

// Event is one decision about one person: who asked for what, through which door, what
// was decided by which rule, and what was opened. It is written before the answer
// leaves, also where the answer is no and where a search found nothing. It holds no
// national number, no token and no word that a source said.
type Event struct {
	ID     string      `json:"id"` // random, a FHIR id
	At     time.Time   `json:"at"`
	Viewer care.Viewer `json:"viewer"`
	// Person is whom it is about; "" for nobody: a sign-in, an id that names nobody.
	Person      care.PersonID `json:"person,omitempty"`
	Interaction string        `json:"interaction"`    // one of the interactions below
	Door        string        `json:"door,omitempty"` // one of the doors below
	Permit      bool          `json:"permit"`
	// Failed tells that no decision could be made, and that nothing was therefore shown.
	Failed        bool         `json:"failed,omitempty"`
	Rule          string       `json:"rule,omitempty"` // of the access table: the one that permitted, or that said no first
	PolicyVersion string       `json:"policyVersion,omitempty"`
	Bases         []string     `json:"bases,omitempty"` // ids of appointments, bases, consents and emergency sessions that were used
	Purpose       care.Purpose `json:"purpose,omitempty"`
	// Services is whose words the decision let the viewer see, whether there was anything or
	// not; none where nothing. It must not depend on what there was: the readable log tells
	// of it, and part of what there is may be hidden from its reader.
	Services  []care.Service `json:"services,omitempty"`
	Withheld  int            `json:"withheld,omitempty"`  // how many resources the decision held back
	Resource  string         `json:"resource,omitempty"`  // "Type/id" that was asked for or made; "" where it was no single one
	RequestID string         `json:"requestId,omitempty"` // X-Request-Id
	Query     string         `json:"query,omitempty"`     // as the client wrote it
	Token     string         `json:"token,omitempty"`     // the token's jti, with or without urn:ietf:params:oauth:jti: before it
	Reason    string         `json:"reason,omitempty"`    // what the viewer wrote: of an emergency, a registration
	Client    string         `json:"client,omitempty"`    // the client system, "" for our own pages
	Address   string         `json:"address,omitempty"`   // the client's network address, "" where there is none
}

// Interactions: what was asked for.
const (
	Read      = "read"
	VRead     = "vread"
	History   = "history"
	Search    = "search"
	Overview  = "overview"
	Children  = "children" // whom the viewer may open: one event for each
	Export    = "export"
	AccessLog = "access-log"
	Explain   = "explain" // who would see what

	ConsentRegister     = "consent-register"
	ConsentRenew        = "consent-renew"
	ConsentWithdraw     = "consent-withdraw"
	BasisRegister       = "basis-register"
	BasisEnd            = "basis-end"
	AppointmentRegister = "appointment-register"
	AppointmentEnd      = "appointment-end"
	GuardianRegister    = "guardian-register"
	AddressLower        = "address-lower"
	BlockRegister       = "block-register"
	BlockLift           = "block-lift"
	WithholdRegister    = "withhold-register"
	WithholdLift        = "withhold-lift"
	BreakGlass          = "break-glass"
	BreakGlassEnd       = "break-glass-end"
	BreakGlassReview    = "break-glass-review"

	Push    = "push"   // a source delivers
	Merge   = "merge"  // two persons are one, or one is two
	Delete  = "delete" // deletion for age, by the source or by key
	SignIn  = "sign-in"
	SignOut = "sign-out"
)

// Doors: where it was asked.
const (
	DoorPage = "page"
	DoorFHIR = "fhir"
	DoorAPI  = "api"
	DoorPush = "push"
	DoorCLI  = "cli"
	DoorJob  = "job"
)

// Instance is who writes the log.
type Instance struct {
	ID   string // stable, e.g. the municipality's organisation number
	Name string // shown, e.g. "Samsyn i Fjordvik"
	Host string // where it is reached, "" for this machine only
	Test bool   // synthetic persons only: events are labelled HTEST
}

// pattern is which of BALP's patterns an interaction follows. The roles of client and
// server, the user's part and the entity depend on it.
type pattern int

const (
	patternRead   pattern = iota // an object: who, and which
	patternQuery                 // a question: who, and the question
	patternCreate                // an object that was made
	patternUpdate                // an object that was changed
	patternDelete                // an object that was taken away
	patternSignIn                // no rest at all: who came and went
)

// kind is what FHIR calls an interaction.
type kind struct {
	pattern pattern
	rest    string // of http://hl7.org/fhir/restful-interaction
	typ     string // of the object, where no single one was named
}

// kinds is every interaction. An overview, an export and a list are questions in BALP's
// sense. BALP has no pattern for the history of one object; ours follows its Read.
var kinds = map[string]kind{
	Read:                {patternRead, "read", "Basic"},
	VRead:               {patternRead, "vread", "Basic"},
	History:             {patternRead, "history-instance", "Basic"},
	Search:              {patternQuery, "search-type", ""},
	Overview:            {patternQuery, "search", ""},
	Children:            {patternQuery, "search", ""},
	Export:              {patternQuery, "search", ""},
	AccessLog:           {patternQuery, "search", ""},
	Explain:             {patternQuery, "search", ""},
	ConsentRegister:     {patternCreate, "create", "Consent"},
	ConsentRenew:        {patternUpdate, "update", "Consent"},
	ConsentWithdraw:     {patternUpdate, "update", "Consent"},
	BasisRegister:       {patternCreate, "create", "Basic"},
	BasisEnd:            {patternUpdate, "update", "Basic"},
	AppointmentRegister: {patternCreate, "create", "CareTeam"},
	AppointmentEnd:      {patternUpdate, "update", "CareTeam"},
	GuardianRegister:    {patternUpdate, "update", "Patient"},
	AddressLower:        {patternUpdate, "update", "Patient"},
	BlockRegister:       {patternCreate, "create", "Consent"},
	BlockLift:           {patternUpdate, "update", "Consent"},
	WithholdRegister:    {patternCreate, "create", "Consent"},
	WithholdLift:        {patternUpdate, "update", "Consent"},
	BreakGlass:          {patternCreate, "create", "Basic"},
	BreakGlassEnd:       {patternUpdate, "update", "Basic"},
	BreakGlassReview:    {patternUpdate, "update", "Basic"},
	Push:                {patternCreate, "create", "Basic"},
	Merge:               {patternUpdate, "update", "Patient"},
	Delete:              {patternDelete, "delete", "Basic"},
	SignIn:              {patternSignIn, "", ""},
	SignOut:             {patternSignIn, "", ""},
}

// Known tells whether an interaction is one that can be logged.
func Known(interaction string) bool { _, ok := kinds[interaction]; return ok }

// Interactions lists every interaction, in the order of the alphabet.
func Interactions() []string { return slices.Sorted(maps.Keys(kinds)) }
