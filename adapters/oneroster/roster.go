package oneroster

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"time"

	"samsyn/adapters"
)

// The collections that are read, in this order.
var collections = []string{"orgs", "classes", "users", "enrollments"}

// roster is everything that one reading gave.
type roster struct {
	things map[string]map[string]*object // collection → sourcedId
	faults []adapters.Fault
	faulty map[string]bool
	// byUser and byClass index the enrolments.
	byUser, byClass map[string][]*object
}

func newRoster() *roster {
	r := &roster{things: map[string]map[string]*object{}, faulty: map[string]bool{}}
	for _, c := range collections {
		r.things[c] = map[string]*object{}
	}
	return r
}

// nationalNumber is the form that a key must never have.
var nationalNumber = regexp.MustCompile(`(^|\D)\d{11}(\D|$)`)

// holdsPassword is what an object that may hold a password looks like.
var holdsPassword = regexp.MustCompile(`(?i)"password"`)

// unnamed begins the key of a fault that might be about any object.
const unnamed = "unnamed: "

// put adds one object as it came, or says what is wrong with it. A later object
// takes the place of an earlier one only where replace is true.
func (r *roster) put(collection, where string, raw json.RawMessage, replace bool) {
	o, err := parseObject(raw)
	switch {
	case err != nil:
		if holdsPassword.Match(raw) {
			raw = nil // it cannot be taken out of what cannot be read, and is not kept
		}
		r.fault(collection, unnamed+where, where, fmt.Errorf("%w: the object %w; ask the roster's supplier", adapters.ErrMalformed, err), raw)
	case o.id == "":
		r.fault(collection, unnamed+where, where, fmt.Errorf("%w: sourcedId is missing; ask the roster's supplier", adapters.ErrMalformed), o.raw)
	case nationalNumber.MatchString(o.id):
		r.fault(collection, unnamed+where, where, fmt.Errorf("%w: sourcedId looks like a national number and cannot be a key; ask the roster's supplier for another", adapters.ErrMalformed), o.raw)
	case r.things[collection][o.id] != nil && !replace:
		if !bytes.Equal(r.things[collection][o.id].raw, o.raw) {
			r.fault(collection, o.id, where, fmt.Errorf("%w: the sourcedId stands twice with different content; correct the roster", adapters.ErrMalformed), o.raw)
		}
	default:
		r.things[collection][o.id] = o
	}
}

func (r *roster) fault(kind, key, where string, err error, body []byte) {
	if r.faulty[kind+"/"+key] {
		return
	}
	r.faulty[kind+"/"+key] = true
	r.faults = append(r.faults, adapters.Fault{Kind: kind, Key: key, Where: where, Err: err, Body: body, Media: adapters.JSON})
}

// get follows a reference; it is a fault of from where it leads nowhere.
func (r *roster) get(collection, id string, kind string, from *object) *object {
	o := r.things[collection][id]
	if o == nil && id != "" {
		r.fault(kind, from.id, fmt.Sprintf("%s %s: refers to an object of %s that the roster does not hold", kind, from.id, collection),
			fmt.Errorf("%w: the reference leads nowhere; correct the roster", adapters.ErrMalformed), from.raw)
	}
	return o
}

// pupils gives the sourcedIds of everybody with the role of student, sorted.
func (r *roster) pupils() []string {
	r.byUser, r.byClass = map[string][]*object{}, map[string][]*object{}
	for _, id := range sorted(r.things["enrollments"]) {
		e := r.things["enrollments"][id]
		r.byUser[e.link("user")] = append(r.byUser[e.link("user")], e)
		r.byClass[e.link("class")] = append(r.byClass[e.link("class")], e)
	}
	var out []string
	for _, id := range sorted(r.things["users"]) {
		isStudent := func(e *object) bool { return e.text("role") == "student" }
		if slices.Contains(r.things["users"][id].roles(), "student") || slices.ContainsFunc(r.byUser[id], isStudent) {
			out = append(out, id)
		}
	}
	return out
}

func sorted(m map[string]*object) []string {
	out := make([]string, 0, len(m))
	for id := range m {
		out = append(out, id)
	}
	sort.Strings(out)
	return out
}

// around is what stands in a pupil's record; everything tobedeleted is left out.
type around map[string]map[string]*object

func (a around) add(part string, o *object) {
	if o == nil || o.gone {
		return
	}
	if a[part] == nil {
		a[part] = map[string]*object{}
	}
	a[part][o.id] = o
}

// record composes one pupil: the roster's own objects untouched (but for a
// password), each list in the order of sourcedId. Only homeroom classes are taken:
// the contact teacher belongs to the picture, the teacher of every subject does not.
func (r *roster) record(id string) (adapters.Record, *adapters.Fault) {
	user := r.things["users"][id]
	if user.gone {
		return adapters.Record{Kind: KindPupil, Key: id, Version: version(user.modified), Media: adapters.JSON, Deleted: true}, nil
	}
	a := around{}
	for _, agent := range user.links("agents") {
		a.add("guardians", r.get("users", agent, "user", user))
	}
	for _, org := range user.orgs() {
		a.add("orgs", r.get("orgs", org, "user", user))
	}
	for _, e := range r.byUser[id] {
		if e.gone || e.text("role") != "student" {
			continue
		}
		class := r.get("classes", e.link("class"), "enrollment", e)
		if class == nil || class.gone || class.text("classType") != "homeroom" {
			continue
		}
		a.add("enrollments", e)
		a.add("classes", class)
		a.add("orgs", r.get("orgs", class.link("school"), "class", class))
		for _, t := range r.byClass[class.id] {
			if t.gone || t.text("role") != "teacher" {
				continue
			}
			if teacher := r.get("users", t.link("user"), "enrollment", t); teacher != nil && !teacher.gone {
				a.add("enrollments", t)
				a.add("teachers", teacher)
			}
		}
	}
	return r.compose(user, a), nil
}

func (r *roster) compose(user *object, a around) adapters.Record {
	latest := user.modified
	var b bytes.Buffer
	b.WriteString(`{"user":`)
	b.Write(user.raw)
	for _, part := range []string{"guardians", "enrollments", "classes", "teachers", "orgs"} {
		fmt.Fprintf(&b, `,%q:[`, part)
		for i, id := range sorted(a[part]) {
			if i > 0 {
				b.WriteByte(',')
			}
			o := a[part][id]
			b.Write(o.raw)
			if o.modified.After(latest) {
				latest = o.modified
			}
		}
		b.WriteByte(']')
	}
	b.WriteByte('}')
	// Changed stays zero: the composition has no date of its own. The latest of its
	// parts' dates may go back when a part is taken away, and a record whose date
	// goes back would never be stored.
	return adapters.Record{Kind: KindPupil, Key: user.id, Version: version(latest), Media: adapters.JSON, Body: b.Bytes()}
}

func version(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// mark gives the latest change in the roster and a hash over what changed then.
func (r *roster) mark() mark {
	var m mark
	for _, c := range collections {
		for _, o := range r.things[c] {
			if o.modified.After(m.Latest) {
				m.Latest = o.modified
			}
		}
	}
	if m.Latest.IsZero() {
		return m
	}
	m.Latest = m.Latest.UTC()
	var at []string
	for _, c := range collections {
		for _, o := range r.things[c] {
			if !o.modified.Before(m.Latest) {
				at = append(at, c+" "+string(o.raw))
			}
		}
	}
	m.Sum = sum(at)
	return m
}

// sum hashes texts in any order.
func sum(texts []string) string {
	sort.Strings(texts)
	h := sha256.New()
	for _, n := range texts {
		fmt.Fprintf(h, "%s\x00", n)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
