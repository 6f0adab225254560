package consolidate

import (
	"cmp"
	"encoding/json"
	"errors"
	"sort"
	"strings"

	"samsyn/fhir"
	"samsyn/internal/care"
)

// The structs below are our own narrow reading of the resources. Generated FHIR
// structs fail a whole resource on one unknown code and lose contained; here codes
// are plain strings and an element of an unexpected type is left out alone.

type coding struct{ System, Code, Display string }

type concept struct {
	Coding []coding
	Text   string
}

type identifier struct{ System, Value string }

type reference struct {
	Reference, Type, Display string
	Identifier               *identifier
}

type extension struct {
	URL                  string
	ValueString          string
	ValueDate            Moment
	ValueDateTime        Moment
	ValueCodeableConcept concept
}

type note struct {
	AuthorReference *reference
	Text            string
}

// head is what all resources have.
type head struct {
	Status     string
	Identifier []identifier
	Extension  []extension
	Contained  []json.RawMessage
}

type carePlan struct {
	head
	Intent         string
	Category       []concept
	Title          string
	Description    string
	Period         Period
	Created        Moment
	Author         *reference
	Goal           []reference
	SupportingInfo []reference
	Note           []note
	Activity       []struct {
		Reference *reference
		Detail    *struct {
			Code            concept
			Status          string
			Description     string
			ScheduledPeriod Period
			Performer       []reference
		}
	}
}

type careTeam struct {
	head
	Period      Period
	Participant []struct {
		Role       []concept
		Member     reference
		OnBehalfOf *reference
		Period     Period
	}
}

type goal struct {
	head
	LifecycleStatus   string
	AchievementStatus concept
	Description       concept
	StartDate         Moment
	Target            []struct{ DueDate Moment }
	ExpressedBy       *reference
}

type serviceRequest struct {
	head
	Intent           string
	Category         []concept
	Code             concept
	AuthoredOn       Moment
	OccurrencePeriod Period
	Requester        *reference
	Performer        []reference
	ReasonCode       []concept
	SupportingInfo   []reference
	BasedOn          []reference
	Note             []note
}

type episode struct {
	head
	Type                 []concept
	Period               Period
	ManagingOrganization *reference
	CareManager          *reference
	ReferralRequest      []reference
}

type encounter struct {
	head
	Type            []concept
	ServiceType     concept
	Period          Period
	ServiceProvider *reference
	Appointment     []reference
	BasedOn         []reference
	Participant     []struct{ Individual *reference }
	Location        []struct{ Location reference }
}

type appointment struct {
	head
	AppointmentType concept
	ServiceType     []concept
	Description     string
	Start, End      Moment
	BasedOn         []reference
	Participant     []struct{ Actor *reference }
}

type communication struct {
	head
	Category             []concept
	Topic                concept
	Sent, Received       Moment
	Sender               *reference
	Recipient            []reference
	PartOf, InResponseTo []reference
	Payload              []struct {
		ContentString    string
		ContentReference *reference
	}
}

type documentReference struct {
	head
	Type        concept
	Date        Moment
	Description string
	Author      []reference
	Custodian   *reference
	Content     []struct {
		Attachment struct {
			Title    string
			Creation Moment
		}
	}
	Context struct{ Encounter, Related []reference }
}

type patient struct {
	head
	BirthDate string
	Name      []humanName
}

type humanName struct {
	Use, Text, Family string
	Given             []string
}

func (n humanName) String() string {
	if n.Text != "" {
		return n.Text
	}
	return strings.TrimSpace(strings.Join(n.Given, " ") + " " + n.Family)
}

type relatedPerson struct {
	head
	Active       *bool
	Relationship []concept
	Period       Period
}

// anything is a resource that has no room of its own in the overview.
type anything struct {
	head
	Code              concept
	Type              json.RawMessage
	RecordedDate      Moment
	Date              Moment
	EffectiveDateTime Moment
	Name              json.RawMessage
	Telecom           []struct{ System, Value string }
}

// from is a resource as read, with where it comes from.
type from[T any] struct {
	V   T
	src origin
}

// origin is a contribution's resource.
type origin struct {
	c     *care.Contribution
	made  *care.Made
	title string
}

func (o origin) name() string { return o.made.Resource.Type + "/" + o.made.Resource.ID }

// ref is the SourceRef of an element; "" is the whole resource.
func (o origin) ref(element string) SourceRef {
	c := o.c
	r := SourceRef{Source: c.Source, Title: o.title, Service: c.Service, Resource: o.name(), Element: element,
		Kind: c.Kind, Key: c.Key, Version: c.Version, Recorded: c.Recorded, Changed: c.Changed}
	if element == "" {
		r.Lineage = o.made.Lineage
		return r
	}
	for _, l := range o.made.Lineage {
		if within(l.Element, element) {
			r.Lineage = append(r.Lineage, l)
		}
	}
	return r
}

// within tells whether a path is the element or lies below it.
func within(path, element string) bool {
	rest, ok := strings.CutPrefix(path, element)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// shelf holds everything that was read, sorted by type.
type shelf struct {
	plans        []from[carePlan]
	teams        []from[careTeam]
	goals        []from[goal]
	requests     []from[serviceRequest]
	episodes     []from[episode]
	encounters   []from[encounter]
	appointments []from[appointment]
	messages     []from[communication]
	documents    []from[documentReference]
	patients     []from[patient]
	relatives    []from[relatedPerson]
	others       []from[anything]
	unread       []origin
	// names of people, organisations and places, by "Type/id", for references without display.
	names map[string]string
	// phones likewise.
	phones map[string][]string
}

// read decodes the contributions' resources in a stable order. What is entered in
// error is not said, and is left out.
func read(contributions []care.Contribution, titles map[string]string) *shelf {
	sh := &shelf{names: map[string]string{}, phones: map[string][]string{}}
	for i := range contributions {
		c := &contributions[i]
		title := titles[c.Source]
		if title == "" {
			title = c.Source
		}
		order := make([]int, len(c.Made))
		for k := range order {
			order[k] = k
		}
		sort.Slice(order, func(a, b int) bool { return lessResource(c.Made[order[a]].Resource, c.Made[order[b]].Resource) })
		for _, k := range order {
			sh.put(origin{c: c, made: &c.Made[k], title: title})
		}
	}
	return sh
}

func lessResource(a, b fhir.Resource) bool {
	if a.Type != b.Type {
		return a.Type < b.Type
	}
	if a.ID != b.ID {
		return a.ID < b.ID
	}
	return string(a.Body) < string(b.Body)
}

func (sh *shelf) put(o origin) {
	ok := true
	switch o.made.Resource.Type {
	case "CarePlan":
		ok = keep(&sh.plans, o)
	case "CareTeam":
		ok = keep(&sh.teams, o)
	case "Goal":
		ok = keep(&sh.goals, o)
	case "ServiceRequest":
		ok = keep(&sh.requests, o)
	case "EpisodeOfCare":
		ok = keep(&sh.episodes, o)
	case "Encounter":
		ok = keep(&sh.encounters, o)
	case "Appointment":
		ok = keep(&sh.appointments, o)
	case "Communication":
		ok = keep(&sh.messages, o)
	case "DocumentReference":
		ok = keep(&sh.documents, o)
	case "Patient":
		ok = keep(&sh.patients, o)
	case "Practitioner", "PractitionerRole", "Organization", "Location", "RelatedPerson", "HealthcareService":
		if v, good := decode[anything](o.made.Resource.Body); good {
			sh.names[o.name()] = nameOf(v.Name)
			for _, c := range v.Telecom {
				if c.System == "phone" {
					sh.phones[o.name()] = appendNew(sh.phones[o.name()], c.Value)
				}
			}
		}
		if o.made.Resource.Type == "RelatedPerson" {
			ok = keep(&sh.relatives, o)
		}
	default:
		ok = keep(&sh.others, o)
	}
	if !ok {
		sh.unread = append(sh.unread, o)
	}
}

type statused interface{ status() string }

func (h head) status() string { return h.Status }
func (g goal) status() string { return g.LifecycleStatus }

const enteredInError = "entered-in-error"

func keep[T statused](list *[]from[T], o origin) bool {
	v, ok := decode[T](o.made.Resource.Body)
	if ok && v.status() != enteredInError {
		*list = append(*list, from[T]{v, o})
	}
	return ok
}

// decode reads what it can: an element of another type than expected is left out.
func decode[T any](body []byte) (T, bool) {
	var v T
	err := json.Unmarshal(body, &v)
	var odd *json.UnmarshalTypeError
	return v, err == nil || errors.As(err, &odd)
}

// nameOf reads a name that is a string (Organization) or a list of HumanName.
func nameOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var names []humanName
	if json.Unmarshal(raw, &names) == nil && len(names) > 0 {
		return names[0].String()
	}
	return ""
}

// label is a concept's text, or the display or code of its first coding.
func (c concept) label() string {
	if c.Text != "" {
		return c.Text
	}
	for _, k := range c.Coding {
		if k.Display != "" {
			return k.Display
		}
	}
	for _, k := range c.Coding {
		if k.Code != "" {
			return k.Code
		}
	}
	return ""
}

// code gives the concept's code in a system, "" where it has none.
func (c concept) code(system string) string {
	for _, k := range c.Coding {
		if k.System == system {
			return k.Code
		}
	}
	return ""
}

func labels(cs []concept) string {
	for _, c := range cs {
		if l := c.label(); l != "" {
			return l
		}
	}
	return ""
}

func codeIn(cs []concept, system string) string {
	for _, c := range cs {
		if k := c.code(system); k != "" {
			return k
		}
	}
	return ""
}

// codes gives the concepts' codings as "system|code", our own systems left out:
// those say what kind of thing it is, not which.
func codes(cs ...concept) []string {
	var out []string
	for _, c := range cs {
		for _, k := range c.Coding {
			kind := k.System == fhir.SystemPlanType || k.System == fhir.SystemCategory || k.System == fhir.SystemMeeting
			if k.Code != "" && k.System != "" && !kind {
				out = append(out, k.System+"|"+k.Code)
			}
		}
	}
	return out
}

// who gives a reference's display, or the name of the resource that it names.
func (sh *shelf) who(r *reference, contained []json.RawMessage) string {
	if r == nil {
		return ""
	}
	if r.Display != "" {
		return r.Display
	}
	if id, ok := strings.CutPrefix(r.Reference, "#"); ok {
		for _, raw := range contained {
			var v struct {
				ID   string
				Name json.RawMessage
			}
			if json.Unmarshal(raw, &v) == nil && v.ID == id {
				return nameOf(v.Name)
			}
		}
	}
	return sh.names[r.Reference]
}

func (sh *shelf) whos(rs []reference, contained []json.RawMessage) []string {
	var out []string
	for i := range rs {
		out = appendNew(out, sh.who(&rs[i], contained))
	}
	return out
}

// kind is the type of what is referred to, where that is said.
func (r reference) kind() string {
	if r.Type != "" {
		return r.Type
	}
	if t, _, ok := strings.Cut(r.Reference, "/"); ok {
		return t
	}
	return ""
}

func (h head) extensionStrings(url string) []string {
	var out []string
	for _, e := range h.Extension {
		if e.URL == url {
			out = appendNew(out, cmp.Or(e.ValueString, e.ValueCodeableConcept.label()))
		}
	}
	return out
}

func (h head) extensionDates(url string) []Moment {
	var out []Moment
	for _, e := range h.Extension {
		if e.URL != url {
			continue
		}
		if d := e.ValueDate + e.ValueDateTime; d != "" {
			out = append(out, d)
		}
	}
	return out
}

func (h head) extensionDate(url string) Moment {
	if ds := h.extensionDates(url); len(ds) > 0 {
		return ds[0]
	}
	return ""
}

// appendNew appends a value that is neither empty nor there already.
func appendNew(list []string, v string) []string {
	if v == "" {
		return list
	}
	for _, have := range list {
		if have == v {
			return list
		}
	}
	return append(list, v)
}
