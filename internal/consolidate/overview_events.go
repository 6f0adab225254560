package consolidate

import (
	"time"

	"samsyn/internal/care"
)

// Kinds of events.
const (
	EventMeeting  = "meeting"  // several services meet
	EventContact  = "contact"  // a consultation, stay or visit
	EventMessage  = "message"  // sent from one service to another
	EventDocument = "document" // written
)

// MeetingCareTeam is the code in urn:samsyn:meeting of the responsible group's meeting.
const MeetingCareTeam = "ansvarsgruppe"

// Event is one line on the time line. The same meeting told by several sources is one line.
type Event struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	Meeting string `json:"meeting,omitempty"` // code in urn:samsyn:meeting
	Title   string `json:"title"`
	Start   Moment `json:"start"`
	End     Moment `json:"end,omitempty"`
	Status  string `json:"status"` // FHIR status as said
	Coming  bool   `json:"coming"`
	// Cancelled: was not, or will not be.
	Cancelled bool     `json:"cancelled,omitempty"`
	Provider  string   `json:"provider,omitempty"`
	With      []string `json:"with,omitempty"`
	Place     string   `json:"place,omitempty"`
	// From and To of a message; Text is its text as it is (plain, to be escaped); Thread is equal within one conversation.
	From   string   `json:"from,omitempty"`
	To     []string `json:"to,omitempty"`
	Text   string   `json:"text,omitempty"`
	Thread string   `json:"thread,omitempty"`
	// Documents were written of it (minutes).
	Documents []Document   `json:"documents,omitempty"`
	Service   care.Service `json:"service"`
	Disputed  []string     `json:"disputed,omitempty"` // "time"
	Says      []EventSaid  `json:"says,omitempty"`     // each source's word, where more than one
	Sources   []SourceRef  `json:"sources"`
}

// EventSaid is what one source says of an event.
type EventSaid struct {
	Title  string    `json:"title"`
	Start  Moment    `json:"start"`
	End    Moment    `json:"end,omitempty"`
	Status string    `json:"status"`
	Source SourceRef `json:"source"`
}

// What a disagreement is about. With the prefix "disagreement." each is a key in internal/words.
const (
	AboutActivityStatus      = "activity-status"
	AboutActivityResponsible = "activity-responsible"
	AboutActivityPeriod      = "activity-period"
	AboutPlanStatus          = "plan-status"
	AboutPlanPeriod          = "plan-period"
	AboutServiceStatus       = "service-status"
	AboutServicePeriod       = "service-period"
	AboutDecisionPeriod      = "decision-period"
	AboutCoordinator         = "coordinator"
	AboutMeetingTime         = "meeting-time"
	AboutBirthDate           = "birth-date"
)

// Disagreement lays side by side what sources say differently about one matter.
type Disagreement struct {
	ID     string `json:"id"`
	About  string `json:"about"`
	Matter string `json:"matter"` // the line's title, in a source's words; "" for the child as such
	Line   string `json:"line"`   // id of the line in question, "" for the child as such
	Sides  []Side `json:"sides"`  // at least two
}

// Side is one of the things said, with those who said it.
type Side struct {
	// Value is a status code, a name or a text; Period is set where dates differ.
	Value   string      `json:"value,omitempty"`
	Period  Period      `json:"period,omitzero"`
	Sources []SourceRef `json:"sources"`
}

// States of a source.
const (
	SourceFresh  = "fresh"
	SourceCached = "cached" // no failure, but last read long ago
	SourceFailed = "failed" // the last attempt failed; what is shown is from Since
	SourceNever  = "never"  // never read
)

// SourceLine is how current one visible source is.
type SourceLine struct {
	Source  string       `json:"source"`
	Title   string       `json:"title"`
	Service care.Service `json:"service"`
	State   string       `json:"state"`
	// Since is when it was last read whole; Failed when the last attempt failed (zero: did not).
	Since  time.Time `json:"since,omitzero"`
	Failed time.Time `json:"failed,omitzero"`
	Cause  string    `json:"cause,omitempty"`
}
