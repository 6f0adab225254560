package jsonsafe

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// Member is one field of an object, its value as it stands.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Members are an object's fields in their order. No two are equal but for case.
type Members []Member

// Get gives the value of the field of exactly this name, nil where there is none.
func (m Members) Get(name string) json.RawMessage {
	for _, f := range m {
		if f.Name == name {
			return f.Value
		}
	}
	return nil
}

// Object takes an object apart without looking into its values: a value that is broken or
// too deep must stop nobody but itself, so each is checked by whoever reads it.
func Object(b []byte, l Limits) (Members, error) { return AppendObject(nil, b, l) }

// AppendObject is Object for who takes many apart: the members follow those of to.
func AppendObject(to Members, b []byte, l Limits) (Members, error) {
	s, err := opened(b, l, '{')
	if err != nil {
		return nil, err
	}
	from := len(to)
	keys := memberSet{}
	for s.space(); !s.next('}'); s.space() {
		if len(to) > from {
			if !s.next(',') {
				return nil, ErrMalformed
			}
			s.space()
		}
		if len(to)-from >= s.limits.Values {
			return nil, ErrTooMany
		}
		if s.at >= len(s.in) || s.in[s.at] != '"' {
			return nil, ErrMalformed
		}
		raw, err := s.text()
		if err != nil {
			return nil, err
		}
		name := string(unquote(raw))
		if !keys.add(to[from:], name) {
			return nil, ErrTwice
		}
		if s.space(); !s.next(':') {
			return nil, ErrMalformed
		}
		value, err := s.skip()
		if err != nil {
			return nil, err
		}
		to = append(to, Member{name, value})
	}
	return to, s.end()
}

// List takes a list of at most most items apart as Object does an object.
func List(b []byte, most int, l Limits) ([]json.RawMessage, error) {
	s, err := opened(b, l, '[')
	if err != nil {
		return nil, err
	}
	out := []json.RawMessage{}
	for s.space(); !s.next(']'); s.space() {
		if len(out) > 0 && !s.next(',') {
			return nil, ErrMalformed
		}
		if len(out) >= most {
			return nil, ErrTooMany
		}
		item, err := s.skip()
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, s.end()
}

// opened stands behind the opening bracket.
func opened(b []byte, l Limits, bracket byte) (scanner, error) {
	s := scanner{in: b, limits: l.withDefaults()}
	if int64(len(b)) > s.limits.Bytes {
		return s, ErrTooLarge
	}
	s.space()
	switch {
	case s.at >= len(b):
		return s, ErrMalformed
	case !s.next(bracket):
		return s, ErrType
	}
	return s, nil
}

func (s *scanner) end() error {
	if s.space(); s.at < len(s.in) {
		return ErrMalformed
	}
	return nil
}

// skip steps over one value, counting brackets: it needs no more memory the deeper it is.
func (s *scanner) skip() (json.RawMessage, error) {
	s.space()
	from, open := s.at, 0
	for s.at < len(s.in) {
		switch c := s.in[s.at]; c {
		case '"':
			if err := s.overText(); err != nil {
				return nil, err
			}
			if open == 0 {
				return s.in[from:s.at:s.at], nil
			}
			continue
		case '{', '[':
			open++
		case '}', ']', ',':
			if open == 0 { // the end of what it stands in
				return s.bare(from)
			}
			if c == ',' {
				break
			}
			if open--; open == 0 {
				s.at++
				return s.in[from:s.at:s.at], nil
			}
		case ' ', '\t', '\r', '\n':
			if open == 0 {
				return s.bare(from)
			}
		}
		s.at++
	}
	return nil, ErrMalformed
}

// bare gives a number or word; there must be one.
func (s *scanner) bare(from int) (json.RawMessage, error) {
	if s.at == from {
		return nil, ErrMalformed
	}
	return s.in[from:s.at:s.at], nil
}

// overText steps over a string whatever it holds.
func (s *scanner) overText() error {
	s.at++
	// Most strings have no escape, and are stepped over at once.
	if end := bytes.IndexByte(s.in[s.at:], '"'); end >= 0 && bytes.IndexByte(s.in[s.at:s.at+end], '\\') < 0 {
		s.at += end + 1
		return nil
	}
	for ; s.at < len(s.in); s.at++ {
		switch s.in[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return nil
		}
	}
	return ErrMalformed
}

// Decode checks b and fills v, a pointer, by the fields' exact names.
func Decode(b []byte, v any, l Limits) error {
	if err := Check(b, l); err != nil {
		return err
	}
	return Fill(b, v)
}

// Fill is Decode for what Check has let pass. Structs get the members that have exactly
// the name of a field's json tag; everything else is read as encoding/json reads it.
func Fill(b []byte, v any) error {
	to := reflect.ValueOf(v)
	if to.Kind() != reflect.Pointer || to.IsNil() {
		return ErrType
	}
	return fill(bytes.TrimSpace(b), to.Elem())
}

var rawType = reflect.TypeFor[json.RawMessage]()

func fill(b []byte, to reflect.Value) error {
	switch {
	case to.Type() == rawType:
		to.SetBytes(b)
		return nil
	case string(b) == "null":
		to.SetZero()
		return nil
	case to.Kind() == reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		return fill(b, to.Elem())
	case to.Kind() == reflect.Struct && !to.Addr().Type().Implements(unmarshaler):
		return fillStruct(b, to)
	case to.Kind() == reflect.Slice && to.Type().Elem().Kind() != reflect.Uint8:
		return fillSlice(b, to)
	}
	if err := json.Unmarshal(b, to.Addr().Interface()); err != nil {
		return ErrType
	}
	return nil
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

func fillStruct(b []byte, to reflect.Value) error {
	members, err := Object(b, Limits{Bytes: int64(len(b)), Values: len(b) + 1})
	if err != nil {
		return err
	}
	return fillMembers(members, to)
}

func fillMembers(members Members, to reflect.Value) error {
	for i := range to.NumField() {
		field := to.Type().Field(i)
		if field.Anonymous && field.Type.Kind() == reflect.Struct {
			if err := fillMembers(members, to.Field(i)); err != nil {
				return err
			}
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		if value := members.Get(name); value != nil {
			if err := fill(value, to.Field(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func fillSlice(b []byte, to reflect.Value) error {
	items, err := List(b, len(b), Limits{Bytes: int64(len(b))})
	if err != nil {
		return err
	}
	out := reflect.MakeSlice(to.Type(), len(items), len(items))
	for i, item := range items {
		if err := fill(item, out.Index(i)); err != nil {
			return err
		}
	}
	to.Set(out)
	return nil
}
