package mapping

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"samsyn/fhir/fhirpath"
)

// kind is what a produced value is in JSON.
type kind uint8

const (
	none kind = iota // absent: the key is dropped
	text
	number
	boolean
	object
	list
)

// value is a piece of what a map makes, with where it came from.
type value struct {
	kind   kind
	order  int32  // of a member: its place in the definition of the type
	name   string // of a member
	text   string // text; the digits of a number; "true" or "false"
	kids   []value
	origin *origin
}

// origin is the rule that made a value and the source fields that it read.
type origin struct {
	rule string // "maps/x/y.yaml:12: {{ e }}"
	line int
	from []source
}

// source is a source field: a node of the record, or the path of one.
type source struct {
	node *fhirpath.Node
	path string
}

func (s source) String() string {
	if s.node != nil {
		return string(s.node.AppendPath(nil))
	}
	return s.path
}

func (s source) same(o source) bool {
	if s.node != nil && o.node != nil {
		return s.node.SamePlace(o.node)
	}
	return s.String() == o.String()
}

func texts(from []source) []string {
	if len(from) == 0 {
		return nil
	}
	out := make([]string, len(from))
	for i, s := range from {
		out[i] = s.String()
	}
	return out
}

func textValue(s string, o *origin) value {
	if s == "" {
		return value{}
	}
	return value{kind: text, text: s, origin: o}
}

// get gives a member of an object, or an absent value.
func (v *value) get(name string) *value {
	if v.kind == object {
		for i := range v.kids {
			if v.kids[i].name == name {
				return &v.kids[i]
			}
		}
	}
	return &value{}
}

// set puts a member, in place of the earlier one of the name.
func (v *value) set(f value) {
	for i := range v.kids {
		if v.kids[i].name == f.name {
			v.kids[i] = f
			return
		}
	}
	v.kids = append(v.kids, f)
}

// sorted puts members in the order of the definitions, resourceType first, unknown
// ones by name, so that the order of keys in a map means nothing.
func (v *value) sorted() {
	slices.SortFunc(v.kids, func(a, b value) int {
		return cmp.Or(int(a.order-b.order), strings.Compare(a.name, b.name))
	})
}

// plain gives the value as encoding/json would decode it.
func (v *value) plain() any {
	switch v.kind {
	case text:
		return v.text
	case number:
		return json.Number(v.text)
	case boolean:
		return v.text == "true"
	case object:
		m := make(map[string]any, len(v.kids))
		for i := range v.kids {
			m[v.kids[i].name] = v.kids[i].plain()
		}
		return m
	case list:
		s := make([]any, len(v.kids))
		for i := range v.kids {
			s[i] = v.kids[i].plain()
		}
		return s
	}
	return nil
}

// empty tells whether the value is dropped with its key.
func (v *value) empty() bool {
	switch v.kind {
	case none:
		return true
	case object, list:
		return len(v.kids) == 0
	}
	return false
}

// next gives a place at the end of a list; when something was made there, settle puts
// the items of a list in its stead, and takes the place away where nothing was made.
func (v *value) next(r *run) *value {
	if len(v.kids) == cap(v.kids) {
		more := r.values(len(v.kids), 2*len(v.kids)+4)
		copy(more, v.kids)
		v.kids = more
	}
	v.kids = v.kids[:len(v.kids)+1]
	last := &v.kids[len(v.kids)-1]
	*last = value{}
	return last
}

func (v *value) settle() {
	last := len(v.kids) - 1
	switch item := v.kids[last]; item.kind {
	case none:
		v.kids = v.kids[:last]
	case list:
		v.kids = append(v.kids[:last], item.kids...)
	}
}

// add puts an item in a list; the items of a list one by one, what is absent not at all.
func (v *value) add(item *value) {
	switch item.kind {
	case none:
	case list:
		v.kids = append(v.kids, item.kids...)
	default:
		v.kids = append(v.kids, *item)
	}
}

// sources gives the source fields that anything in v was read from.
func (v *value) sources(out []source) []source {
	if v.origin != nil {
		out = union(out, v.origin.from)
	}
	for i := range v.kids {
		out = v.kids[i].sources(out)
	}
	return out
}

// union gives a, and of b what is not in it; a is not changed.
func union(a, b []source) []source {
	if len(b) == 0 {
		return a
	}
	out := slices.Clip(a)
	for _, s := range b {
		if len(out) < maxSources && !slices.ContainsFunc(out, s.same) {
			out = append(out, s)
		}
	}
	return out
}

// appendJSON writes the value as compact JSON.
func (v *value) appendJSON(b []byte) []byte {
	switch v.kind {
	case text:
		return appendString(b, v.text)
	case number, boolean:
		return append(b, v.text...)
	case object:
		b = append(b, '{')
		for i := range v.kids {
			if i > 0 {
				b = append(b, ',')
			}
			if k := &v.kids[i]; k.order < unordered { // R4's own name: nothing to escape
				b = append(append(append(b, '"'), k.name...), '"', ':')
			} else {
				b = append(appendString(b, k.name), ':')
			}
			b = v.kids[i].appendJSON(b)
		}
		return append(b, '}')
	case list:
		b = append(b, '[')
		for i := range v.kids {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.kids[i].appendJSON(b)
		}
		return append(b, ']')
	}
	return append(b, "null"...)
}

// plainByte tells which bytes stand for themselves in a JSON string.
var plainByte = func() (plain [256]bool) {
	for c := ' '; c < 256; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

const hexDigits = "0123456789abcdef"

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if plainByte[c] {
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		start = i + 1
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
