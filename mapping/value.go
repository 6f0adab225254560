package mapping

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
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
	text   string // text; the digits of a number; "true" or "false"
	fields []field
	items  []value
	origin *origin
}

// field is a member of an object; order is its place in the definition of the type.
type field struct {
	name  string
	order int
	value value
}

// origin is the rule that made a value and the source fields that it read.
type origin struct {
	rule string // "maps/x/y.yaml:12: {{ e }}"
	line int
	from []string
}

func textValue(s string, o *origin) value {
	if s == "" {
		return value{}
	}
	return value{kind: text, text: s, origin: o}
}

// get gives a member of an object, or an absent value.
func (v *value) get(name string) *value {
	for i := range v.fields {
		if v.fields[i].name == name {
			return &v.fields[i].value
		}
	}
	return &value{}
}

// set puts a member, in place of the earlier one of the name.
func (v *value) set(f field) {
	for i := range v.fields {
		if v.fields[i].name == f.name {
			v.fields[i] = f
			return
		}
	}
	v.fields = append(v.fields, f)
}

// sorted puts members in the order of the definitions, resourceType first, unknown
// ones by name, so that the order of keys in a map means nothing.
func (v *value) sorted() {
	slices.SortFunc(v.fields, func(a, b field) int {
		return cmp.Or(a.order-b.order, strings.Compare(a.name, b.name))
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
		m := make(map[string]any, len(v.fields))
		for i := range v.fields {
			m[v.fields[i].name] = v.fields[i].value.plain()
		}
		return m
	case list:
		s := make([]any, len(v.items))
		for i := range v.items {
			s[i] = v.items[i].plain()
		}
		return s
	}
	return nil
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
		for i := range v.fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, v.fields[i].name)
			b = append(b, ':')
			b = v.fields[i].value.appendJSON(b)
		}
		return append(b, '}')
	case list:
		b = append(b, '[')
		for i := range v.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.items[i].appendJSON(b)
		}
		return append(b, ']')
	}
	return append(b, "null"...)
}

const hexDigits = "0123456789abcdef"

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
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

// lineage gives one entry for each leaf below v, in the order of the body.
func (v *value) lineage(path []byte, out []Lineage) []Lineage {
	switch v.kind {
	case object:
		for i := range v.fields {
			f := &v.fields[i]
			out = f.value.lineage(append(append(path, '.'), f.name...), out)
		}
	case list:
		for i := range v.items {
			sub := append(path, '[')
			sub = strconv.AppendInt(sub, int64(i), 10)
			out = v.items[i].lineage(append(sub, ']'), out)
		}
	case none:
	default:
		l := Lineage{Element: string(path)}
		if v.origin != nil {
			l.Rule, l.Line, l.From = v.origin.rule, v.origin.line, v.origin.from
		}
		out = append(out, l)
	}
	return out
}
