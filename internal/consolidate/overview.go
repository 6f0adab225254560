// Package consolidate owns the overview: it merges what several sources say about
// one person into one plan, one team, one time line and a list of disagreements.
//
// Build is pure. It does no I/O, reads no clock and knows no viewer: it is given
// only what the viewer may see (internal/access filters first), so nothing that
// was hidden can leave a trace in a merged line. Every text in an Overview is
// something that a source said; our own words are keys that internal/words turns
// into text.
package consolidate

import (
	"time"

	"samsyn/internal/care"
)

// MarkerM1 is the key of the sentence that always stands on every overview, of
// every child, for every viewer: the overview may be incomplete. As it is
// constant it carries no information (docs/access.md, marker M1).
const MarkerM1 = "marker.m1"

// Input is all that Build sees. Contributions, claims and sources are already
// filtered for the viewer.
type Input struct {
	Person        care.PersonID
	Claims        []care.Claim
	Contributions []care.Contribution
	Sources       []care.SourceState
	// More are services of which the viewer lawfully knows and that may have more than she
	// sees (marker M2). They are made from consents alone, never from what is held.
	More []care.Service
	// Now decides what is past, current and coming. Its location is the one in
	// which days are counted (Europe/Oslo).
	Now time.Time
	// FreshFor is how old a source's last success may be before its data is
	// called cached; zero means 24 hours.
	FreshFor time.Duration
}

// Overview is what the visible sources say about one person, side by side.
type Overview struct {
	Person care.PersonID `json:"person"`
	Now    time.Time     `json:"now"`
	Marker string        `json:"marker"` // always MarkerM1
	// More are the services that may have more than is shown (marker M2), asked for by consent.
	More        []care.Service `json:"more,omitempty"`
	Child       Child          `json:"child"`
	Coordinator Coordinator    `json:"coordinator"`
	Team        Team           `json:"team"`
	Plan        Plan           `json:"plan"`
	Services    []Service      `json:"services"`
	Decisions   []Decision     `json:"decisions"`
	Referrals   []Request      `json:"referrals"`
	// Timeline is sorted by time, the earliest first; Timeline[i].Coming parts
	// what lies ahead of Now from what has been.
	Timeline      []Event        `json:"timeline"`
	Disagreements []Disagreement `json:"disagreements"`
	// Others is what was said that has no room of its own (a Condition, an
	// Observation, a resource that could not be read).
	Others  []Other      `json:"others"`
	Sources []SourceLine `json:"sources"`
}

// SourceRef tells where a line comes from: who said it, in which resource, made
// from which record by which rules.
type SourceRef struct {
	Source  string       `json:"source"` // configured name
	Title   string       `json:"title"`  // for people; the name where no title is known
	Service care.Service `json:"service"`
	// Resource is "Type/id"; Element the path in it, "" for the whole resource.
	Resource string `json:"resource"`
	Element  string `json:"element,omitempty"`
	// Kind and Key name the record that it was made from.
	Kind string `json:"kind"`
	Key  string `json:"key"`
	// Recorded is when Samsyn stored it as it is seen, Changed when the source then said that it changed (zero: not said).
	Recorded time.Time `json:"recorded"`
	Changed  time.Time `json:"changed,omitzero"`
	// Lineage is the rules and source fields behind the element.
	Lineage []care.Lineage `json:"lineage,omitempty"`
}

// Said is one value with those who said it.
type Said struct {
	Value   string      `json:"value"`
	Sources []SourceRef `json:"sources"`
}

// Child is the person that the overview is about, as the sources name her.
type Child struct {
	Name      string `json:"name"`      // "" where no visible source names her
	BirthDate string `json:"birthDate"` // YYYY-MM-DD or ""
	Age       int    `json:"age"`       // whole years at Now; -1 without a birth date
	// Names and BirthDates hold every value that was said, the shown one first.
	Names      []Said `json:"names"`
	BirthDates []Said `json:"birthDates"`
}

// Period is a span as the source said it; an empty end is open. Both days count.
type Period struct {
	Start Moment `json:"start,omitempty"`
	End   Moment `json:"end,omitempty"`
}

// Participant is one person or organisation around the child, told by one or more sources.
type Participant struct {
	ID   string `json:"id"`   // stable line id, fit for an HTML anchor
	Name string `json:"name"` // as the first source says it
	// Type is Practitioner, RelatedPerson or Organization; "" where not said.
	Type string `json:"type,omitempty"`
	// Roles are the role texts as said, without repeats; for one who is current the
	// current ones alone. RoleCodes are their codes in code list 9034.
	Roles         []string `json:"roles"`
	RoleCodes     []string `json:"roleCodes,omitempty"`
	Organisations []string `json:"organisations,omitempty"`
	HPR           string   `json:"hpr,omitempty"`
	// Phones are those of the resource that a team names, where that is visible too.
	Phones      []string `json:"phones,omitempty"`
	Period      Period   `json:"period"`
	Current     bool     `json:"current"`
	Coordinator bool     `json:"coordinator"` // for the individual plan, or barnekoordinator
	// Functions keep every role with the one who said it, its period and whether it runs.
	Functions []Function  `json:"functions"`
	Sources   []SourceRef `json:"sources"`
}

// Function is one role of a participant as one source said it.
type Function struct {
	Role         string    `json:"role"`
	Code         string    `json:"code,omitempty"` // code list 9034
	Organisation string    `json:"organisation,omitempty"`
	Period       Period    `json:"period"`
	Current      bool      `json:"current"`
	Coordinator  bool      `json:"coordinator,omitempty"`
	Source       SourceRef `json:"source"`
}

// Team is everyone around the child: the coordinator first, then professionals,
// organisations and family.
type Team struct {
	Current []Participant `json:"current"`
	Former  []Participant `json:"former"`
}

// Coordinator answers "who coordinates, and if nobody, since when".
type Coordinator struct {
	Current []Participant `json:"current"` // more than one is a disagreement
	Former  []Participant `json:"former"`  // the latest first
	// VacantSince is the last known coordinator's last day; "" while there is one, or where there never was.
	VacantSince Moment `json:"vacantSince,omitempty"`
}

// Plan is the single merged care plan.
type Plan struct {
	Title  string `json:"title"`  // "" where no source has an individual plan
	Status string `json:"status"` // FHIR request-status
	Period Period `json:"period"`
	// Individual tells whether any visible source has an individual plan.
	Individual bool        `json:"individual"`
	Goals      []Goal      `json:"goals"`
	Activities []Activity  `json:"activities"`
	Plans      []PlanPart  `json:"plans"` // each source's own plan that contributes
	Sources    []SourceRef `json:"sources"`
}

// PlanPart is one plan at one source.
type PlanPart struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Kind   string `json:"kind,omitempty"` // code in urn:samsyn:plantype: individuell-plan, tiltaksplan, iop …
	Label  string `json:"label"`          // the kind as the source says it
	Status string `json:"status"`
	Period Period `json:"period"`
	// Evaluated are the days on which it was evaluated, the earliest first; Due when it next shall be.
	Evaluated []Moment `json:"evaluated,omitempty"`
	Due       Moment   `json:"due,omitempty"`
	Author    string   `json:"author,omitempty"`
	Changed   Moment   `json:"changed,omitempty"` // CarePlan.created, where said
	// OwnVoice: a note in the plan is by the child.
	OwnVoice  bool        `json:"ownVoice"`
	Documents []Document  `json:"documents,omitempty"`
	Sources   []SourceRef `json:"sources"`
}

// Goal is something that the child or those around her work towards.
type Goal struct {
	ID     string `json:"id"`
	Text   string `json:"text"`
	Status string `json:"status"` // FHIR goal-status
	// Achievement as said; Due is the target date.
	Achievement string      `json:"achievement,omitempty"`
	Start       Moment      `json:"start,omitempty"`
	Due         Moment      `json:"due,omitempty"`
	By          string      `json:"by,omitempty"` // who expressed it
	OwnVoice    bool        `json:"ownVoice"`     // expressed by the child
	Plan        string      `json:"plan,omitempty"`
	Sources     []SourceRef `json:"sources"`
}

// Activity is a measure in the plan. Told by several sources it is one line whose
// Says holds each one's word; the shown values are chosen by Chosen's rule.
type Activity struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Status      string   `json:"status"` // FHIR care-plan-activity-status
	Responsible []string `json:"responsible,omitempty"`
	Period      Period   `json:"period"`
	// OrderedBy is who set it going, where nobody is named as responsible for it.
	OrderedBy string `json:"orderedBy,omitempty"`
	// Plans are the PlanPart.ID of the plans in which it stands.
	Plans []string `json:"plans,omitempty"`
	// Decision is the Decision.ID of the vedtak that it rests on.
	Decision string `json:"decision,omitempty"`
	// Chosen is the key of the rule that chose the shown values among several:
	// "chosen.only", "chosen.individual-plan" or "chosen.latest".
	Chosen string `json:"chosen"`
	// Disputed names what the sources say differently: "status", "responsible", "period".
	Disputed []string       `json:"disputed,omitempty"`
	Says     []ActivitySaid `json:"says"`
	Sources  []SourceRef    `json:"sources"`
}

// ActivitySaid is what one source says of an activity.
type ActivitySaid struct {
	Title       string    `json:"title"`
	Status      string    `json:"status"`
	Responsible []string  `json:"responsible,omitempty"`
	Period      Period    `json:"period"`
	OrderedBy   string    `json:"orderedBy,omitempty"`
	Plan        string    `json:"plan,omitempty"`
	Source      SourceRef `json:"source"`
}

// Service is a service over time (EpisodeOfCare).
type Service struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Codes    []string `json:"codes,omitempty"` // "system|code"
	Status   string   `json:"status"`          // FHIR episode-of-care-status
	Running  bool     `json:"running"`
	Period   Period   `json:"period"`
	Provider string   `json:"provider,omitempty"`
	// ProviderIDs are the provider's organisation numbers, "system|value".
	ProviderIDs []string `json:"providerIds,omitempty"`
	Contact     string   `json:"contact,omitempty"` // care manager
	// Conclusion is how it ended, where the source says so.
	Conclusion string       `json:"conclusion,omitempty"`
	Service    care.Service `json:"service"`
	Decision   string       `json:"decision,omitempty"` // Decision.ID that it rests on
	Disputed   []string     `json:"disputed,omitempty"`
	Sources    []SourceRef  `json:"sources"`
}

// States of a decision.
const (
	DecisionGranted = "granted" // decided, nothing says that it started
	DecisionStarted = "started"
	DecisionEnded   = "ended"
	DecisionRevoked = "revoked"
)

// Decision is a vedtak.
type Decision struct {
	ID     string   `json:"id"`
	Title  string   `json:"title"` // what is granted
	Codes  []string `json:"codes,omitempty"`
	Date   Moment   `json:"date"`
	Law    []string `json:"law,omitempty"`
	By     string   `json:"by,omitempty"`
	Status string   `json:"status"` // FHIR request-status as said
	State  string   `json:"state"`  // one of the Decision… states
	Period Period   `json:"period"`
	// StartBy and AppealBy are the deadlines, "" where none is said.
	StartBy  Moment `json:"startBy,omitempty"`
	AppealBy Moment `json:"appealBy,omitempty"`
	Note     string `json:"note,omitempty"`
	// StartedBy are the lines (Service, Activity, Event ids) that show that it started; the first day is Started.
	StartedBy []string     `json:"startedBy,omitempty"`
	Started   Moment       `json:"started,omitempty"`
	Letters   []Document   `json:"letters,omitempty"`
	Service   care.Service `json:"service"`
	Disputed  []string     `json:"disputed,omitempty"`
	Sources   []SourceRef  `json:"sources"`
}

// Request is a referral, or another request that is no vedtak and no measure of a plan.
type Request struct {
	ID      string      `json:"id"`
	Title   string      `json:"title"`
	Date    Moment      `json:"date"`
	Status  string      `json:"status"`
	From    string      `json:"from,omitempty"`
	To      []string    `json:"to,omitempty"`
	Reason  string      `json:"reason,omitempty"`
	Sources []SourceRef `json:"sources"`
}

// Document is a letter, minutes or assessment. Its content stays at the source.
type Document struct {
	ID      string      `json:"id"`
	Title   string      `json:"title"`
	Type    string      `json:"type,omitempty"`
	Date    Moment      `json:"date"`
	Sources []SourceRef `json:"sources"`
}

// Other is something said that has no room of its own in the overview.
type Other struct {
	ID     string `json:"id"`
	Type   string `json:"type"` // FHIR resource type
	Title  string `json:"title"`
	Status string `json:"status,omitempty"`
	Date   Moment `json:"date,omitempty"`
	// Unreadable: the stored body is no JSON object; nothing of it can be shown.
	Unreadable bool        `json:"unreadable,omitempty"`
	Sources    []SourceRef `json:"sources"`
}
