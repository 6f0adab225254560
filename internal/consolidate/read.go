package consolidate

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"samsyn/internal/care"
)

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
		Kind: c.Kind, Key: c.Key}
	r.Recorded, r.Changed = kept(c, o.made)
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

// kept gives since when a resource is as it is, and what its source then said of that.
func kept(c *care.Contribution, m *care.Made) (recorded, changed time.Time) {
	if m.Recorded.IsZero() {
		return c.Recorded, c.Changed
	}
	return m.Recorded, m.Changed
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
func read(contributions []*care.Contribution, titles map[string]string) *shelf {
	sh := &shelf{names: map[string]string{}, phones: map[string][]string{}}
	for _, c := range contributions {
		title := titles[c.Source]
		if title == "" {
			title = c.Source
		}
		for _, made := range sortedMade(c.Made) {
			sh.put(origin{c: c, made: made, title: title})
		}
	}
	return sh
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
