package access

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"samsyn/fhir"
	"samsyn/fhir/r4"
	"samsyn/internal/care"
)

// address is what may leave of a child whose address is hidden.
type address struct {
	*list
	codes map[string]map[string]string // system → code → our words for it
}

// placeless are the types of elements from which no place can be told once they are
// written anew: codes and words by our own tables, days, and references by our own ids.
var placeless = []string{"code", "boolean", "date", "dateTime", "instant", "Period", "CodeableConcept", "Coding", "Reference", "Extension"}

func (l *loader) address() {
	l.t.address = address{l.list("address", l.w.Address.Fields, "address", "fields"), l.w.Address.Codes}
	for _, fhirType := range sorted(l.w.Address.Fields) {
		root := l.t.address.types[fhirType]
		if root == nil {
			continue
		}
		for i, path := range l.w.Address.Fields[fhirType] {
			n := root
			for step := range strings.SplitSeq(path, ".") {
				name, _, _ := strings.Cut(step, "[")
				if n = n.kids[name]; n == nil {
					break
				}
			}
			if n == nil || slices.Contains(placeless, n.typ) || fhirType+"."+path == "Patient.name" || strings.HasSuffix(path, ".type") && n.typ == "uri" {
				continue
			}
			l.fault(fhirType+"."+path+" may tell a place", "address", "fields", fhirType, i)
		}
	}
	for _, system := range sorted(l.w.Address.Codes) {
		for code, words := range l.w.Address.Codes[system] {
			if blank(code) || blank(words) {
				l.fault("a code has our words for it", "address", "codes", system)
			}
		}
	}
}

// placeless rewrites a resource so that it tells of no place: only the elements of the
// list, each written anew by its type. A type without a list does not leave.
func (d *decider) placeless(m care.Made) (care.Made, bool) {
	root := d.t.address.types[m.Resource.Type]
	if root == nil {
		return care.Made{}, false
	}
	body, err := fhir.Decode(m.Resource)
	if err != nil {
		return care.Made{}, false
	}
	out := d.anew(body, root)
	if out == nil {
		out = object{}
	}
	return made(m, out, nil)
}

func (d *decider) anew(o object, n *node) object {
	out := object{}
	for name, kid := range n.kids {
		v, ok := o[name]
		if !ok {
			continue
		}
		items, isArray := v.(array)
		if !isArray {
			items = array{v}
		}
		var written array
		for _, item := range items {
			if w := d.element(item, kid); w != nil {
				written = append(written, w)
			}
		}
		switch {
		case len(written) == 0:
		case isArray:
			out[name] = written
		default:
			out[name] = written[0]
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// element writes one value anew by its type; nil where nothing of it may leave.
func (d *decider) element(v any, n *node) any {
	if o, ok := v.(object); ok {
		if len(n.kids) > 0 {
			return orNil(d.anew(o, n))
		}
		switch n.typ {
		case "HumanName":
			return only(o, "use", "text", "family", "given")
		case "Period":
			return days(o, d.dayOf, "start", "end")
		case "CodeableConcept":
			return d.concept(o)
		case "Coding":
			return orNil(d.coding(o))
		case "Reference":
			return d.reference(o)
		case "Extension":
			return d.extension(o, n)
		}
		return nil
	}
	s, _ := v.(string)
	switch n.typ {
	case "boolean":
		if b, ok := v.(bool); ok {
			return b
		}
	case "code":
		if in, known := r4.HasCode(n.elem.Binding, s); in && known {
			return s
		}
	case "uri": // the type of what is referred to
		if isResource(s) {
			return s
		}
	case "date", "dateTime", "instant":
		if day := d.dayOf(s); day != "" {
			return day
		}
	}
	return nil
}

func orNil(o object) any {
	if o == nil {
		return nil
	}
	return o
}

func only(o object, names ...string) any {
	out := object{}
	for _, name := range names {
		if v, ok := o[name]; ok {
			out[name] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func days(o object, day func(string) string, names ...string) any {
	out := object{}
	for _, name := range names {
		s, _ := o[name].(string)
		if d := day(s); d != "" {
			out[name] = d
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

var dayOrLess = regexp.MustCompile(`^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$`)

// dayOf is the day of a moment, in the zone of the decision: the time of day and the zone
// in which somebody wrote it tell where she was. "" where it cannot be read.
func (d *decider) dayOf(s string) string {
	if dayOrLess.MatchString(s) {
		return s
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.In(d.at.Location()).Format(time.DateOnly)
	}
	return ""
}

func (d *decider) concept(o object) any {
	codings, _ := o["coding"].(array)
	var out array
	for _, c := range codings {
		if coding, ok := c.(object); ok {
			if w := d.coding(coding); w != nil {
				out = append(out, w)
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return object{"coding": out}
}

// coding keeps a code that we have our own words for.
func (d *decider) coding(o object) object {
	system, _ := o["system"].(string)
	code, _ := o["code"].(string)
	words, ok := d.t.address.codes[system][code]
	if !ok {
		return nil
	}
	return object{"system": system, "code": code, "display": words}
}

var ourReference = regexp.MustCompile(`^([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}$`)

// reference keeps a reference to what may leave itself. The child is called by our own
// id: a source's key for her may tell which source it is.
func (d *decider) reference(o object) any {
	to, _ := o["reference"].(string)
	m := ourReference.FindStringSubmatch(to)
	switch {
	case m == nil || d.t.address.types[m[1]] == nil:
		return nil
	case m[1] == "Patient":
		to = "Patient/" + string(d.f.Person)
	}
	return object{"reference": to}
}

func (d *decider) extension(o object, n *node) any {
	url, _ := o["url"].(string)
	if !slices.Contains(n.urls, url) {
		return nil
	}
	for _, name := range []string{"valueDate", "valueDateTime"} {
		s, _ := o[name].(string)
		if day := d.dayOf(s); day != "" {
			return object{"url": url, "valueDate": day}
		}
	}
	return nil
}

// nameless is a contribution without what tells its source: the service's own word stands
// for the source, its place in the answer for its key, and days for instants.
func (d *decider) nameless(c care.Contribution, place int) care.Contribution {
	return care.Contribution{Source: string(c.Service), Service: c.Service, Person: c.Person, Key: strconv.Itoa(place + 1),
		Recorded: d.midnight(c.Recorded), Changed: d.midnight(c.Changed)}
}

// midnight is the beginning of an instant's day.
func (d *decider) midnight(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	year, month, day := t.In(d.at.Location()).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, d.at.Location())
}
