// Package care owns Samsyn's own vocabulary: persons, services, viewers,
// contributions and the closed set of error kinds. It does no I/O and decides
// nothing; every room of the house speaks its words.
package care

import (
	"errors"
	"strconv"
	"time"

	"samsyn/fhir"
)

// PersonID is a person's random id in Samsyn. It says nothing about the person.
type PersonID string

// Service is the service that something originates from. It decides which
// confidentiality regime applies (docs/access.md).
type Service string

// The services around a child.
const (
	Barnevern     Service = "barnevern"
	Barnehage     Service = "barnehage"
	Skole         Service = "skole"
	PPT           Service = "ppt"
	Helsestasjon  Service = "helsestasjon"
	Kommune       Service = "kommune" // health and care services, koordinerende enhet, avlastning
	Fastlege      Service = "fastlege"
	Spesialist    Service = "spesialist" // hospital, habilitering
	BUP           Service = "bup"        // child and adolescent psychiatry
	Koordinering  Service = "koordinering"
	UkjentService Service = ""
)

// Services lists all services in the order in which they are shown.
var services = []Service{Koordinering, Skole, Barnehage, PPT, Helsestasjon, Kommune, Fastlege, Spesialist, BUP, Barnevern}

// Services returns every service in the order in which they are shown.
func Services() []Service { return append([]Service(nil), services...) }

// Valid tells whether s is one of the services.
func (s Service) Valid() bool {
	for _, v := range services {
		if v == s {
			return true
		}
	}
	return false
}

// Viewer is the one who asks. There is no answer without a viewer. Sign-in makes it
// once, from what was proved (internal/auth); nothing after that adds to it.
type Viewer struct {
	ID    string `json:"id"`
	Name  string `json:"name,omitempty"`
	Title string `json:"title,omitempty"` // shown, e.g. "barnekoordinator"; decides nothing
	Role  Role   `json:"role,omitempty"`
	// Service is the one that she works in; "" for family and for those who work in none.
	Service Service `json:"service,omitempty"`
	// Person is who she is among our persons, for a child or a guardian; "" otherwise.
	Person PersonID `json:"person,omitempty"`
	// Tenant and Unit are the organisation numbers of the municipality (or health trust) and of her unit.
	Tenant string `json:"tenant,omitempty"`
	Unit   string `json:"unit,omitempty"`
	HPR    string `json:"hpr,omitempty"` // number in Helsepersonellregisteret, checked; "" for none
	// Duty tells that the municipality has named her as one who may be on duty for her service (barnevernvakt).
	Duty bool `json:"duty,omitempty"`
	// Level of assurance of the sign-in: 0 nobody proved anything, 3 substantial, 4 high.
	Level   int     `json:"level,omitempty"`
	Purpose Purpose `json:"purpose,omitempty"`
	// Scopes are SMART v2 scopes that narrow what a system may ask for; nil does not narrow,
	// and none at all lets nothing through (so both are written down, as null and []).
	Scopes []string `json:"scopes"`
}

// Lineage tells where one produced element came from.
type Lineage struct {
	Element string   `json:"e"` // path in the resource, "CarePlan.activity[0].detail.status"
	Rule    string   `json:"r"` // map file, line and expression
	Line    int      `json:"l"`
	From    []string `json:"f,omitempty"` // source fields that were read
}

// Made is one resource that a source said, with the lineage of its elements.
type Made struct {
	Resource fhir.Resource
	Lineage  []Lineage
	// Recorded and Changed are the contribution's as they were when the resource became what
	// the one who asks sees of it. Both are zero where nobody asked for that.
	Recorded, Changed time.Time
}

// Contribution is what one source record says, in FHIR, about one person.
// Sources never overwrite each other.
type Contribution struct {
	Source  string // configured name of the source
	System  string // adapter, "barnevernsregister"
	Kind    string
	Key     string
	Version int // Samsyn's own, from 1
	// SourceVersion is the source's own version mark.
	SourceVersion string
	// MapRevision is the hash of the map, its tables and the engine that made it.
	MapRevision string
	Service     Service
	// Subject is the source's own key for the person; Person is who that is, "" while nobody knows.
	Subject string
	Person  PersonID
	// Recorded is when this version was stored.
	Recorded time.Time
	// Changed is when the source says that it changed; zero where it does not say.
	Changed time.Time
	Made    []Made
}

// ResourceVersion is one version of a resource. A resource has the versions of the
// contribution that says it.
type ResourceVersion struct {
	Version  int
	Recorded time.Time
	Changed  time.Time // when the source said that it changed; zero where it did not say
	Record   RecordRef
	Service  Service
	Subject  string
	Person   PersonID // "" while nobody knows whose it is
	Current  bool
	Deleted  bool // a tombstone: Resource.Body is then empty
	// Marks are its own with those of the newest version: what was labelled later was confidential before.
	Marks    Marks
	Resource fhir.Resource
	Lineage  []Lineage
}

// SourceState is what is known of a source's last runs.
type SourceState struct {
	Source      string
	System      string
	Service     Service
	Title       string // shown to people
	LastSuccess time.Time
	LastFailure time.Time
	Failure     string // the cause, without personal data
	// Skew is how far the source's clock was ahead of ours (behind: negative) when it was
	// measured last; SkewSince is since when it has been so.
	Skew      time.Duration
	SkewSince time.Time
}

// Error kinds. Everything that crosses a package border wraps one of them, or is
// internal; the edge (internal/api, internal/web, cmd) translates them once.
var (
	ErrNotFound    = errors.New("not found")
	ErrInvalid     = errors.New("invalid")
	ErrConflict    = errors.New("conflict")
	ErrDenied      = errors.New("denied")
	ErrUnavailable = errors.New("unavailable")
)

// Limited is an ErrUnavailable for one who asks for too much. It says nothing of what she asked for.
type Limited struct {
	Wait time.Duration // until she may ask again
}

func (l Limited) Error() string {
	return "too much is asked for: wait " + l.Wait.Round(time.Second).String()
}

// Is tells that it is an ErrUnavailable.
func (l Limited) Is(target error) bool { return target == ErrUnavailable }

// Seconds is the wait as HTTP's Retry-After says it: whole seconds, at least one.
func (l Limited) Seconds() string {
	return strconv.FormatInt(max(1, int64((l.Wait+time.Second-1)/time.Second)), 10)
}

// Claim is what one source says of who a person is. The name of a child that only
// barnevern names is as confidential as the rest of what barnevern says, so a claim
// has its service and is filtered by it.
type Claim struct {
	Source    string
	Service   Service
	Name      string
	BirthDate string    // YYYY-MM-DD
	Recorded  time.Time // since when the record has said so
}
