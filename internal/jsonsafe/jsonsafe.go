// Package jsonsafe owns the reading of foreign JSON: one value in UTF-8 with nothing
// after it, no name twice in an object (nor twice but for case), and size, depth and
// number of values capped before anything is believed. It gives bytes as they stand and
// knows no format.
//
// encoding/json takes the last of two equal names and "META" for "meta". A second,
// empty meta so erases a security label. That is why this package exists.
package jsonsafe

import (
	"errors"
	"unicode/utf8"
)

// Limits bound what is read. A zero field takes the default in its comment.
type Limits struct {
	Bytes  int64 // 10 MiB
	Depth  int   // 64 levels of objects and lists
	Values int   // 500,000 texts, numbers, words, objects and lists
}

func (l Limits) withDefaults() Limits {
	if l.Bytes == 0 {
		l.Bytes = 10 << 20
	}
	if l.Depth == 0 {
		l.Depth = 64
	}
	if l.Values == 0 {
		l.Values = 500_000
	}
	return l
}

// The ways in which an input is refused. Every error of this package is one of them, or
// wraps one; none repeats anything of the input.
var (
	ErrTooLarge  = errors.New("it is larger than allowed")
	ErrTooDeep   = errors.New("it is nested deeper than allowed")
	ErrTooMany   = errors.New("it holds more values than allowed")
	ErrNotUTF8   = errors.New("its text is not UTF-8")
	ErrSurrogate = errors.New("a text holds half a surrogate pair")
	ErrMalformed = errors.New("it is not one JSON value")
	ErrTwice     = errors.New("an object has a key twice, or twice but for case")
	ErrType      = errors.New("a value is of another kind than the format says")
)

// Check tells whether b is one JSON value that every reader understands alike.
func Check(b []byte, l Limits) error { return Walk(b, l, nil) }

// Walk is Check; each, where given, is told the members of the outermost object in their
// order, as they stand. What it says of a member ends the walk.
func Walk(b []byte, l Limits, each func(name, value []byte) error) error {
	l = l.withDefaults()
	if int64(len(b)) > l.Bytes {
		return ErrTooLarge
	}
	if !utf8.Valid(b) {
		return ErrNotUTF8
	}
	s := scanner{in: b, limits: l}
	s.space()
	if err := s.value(0, each); err != nil {
		return err
	}
	if s.space(); s.at < len(b) {
		return ErrMalformed
	}
	return nil
}

// scanner reads a value once, from the front.
type scanner struct {
	in     []byte
	at     int
	limits Limits
	values int
	keys   [][]byte // of all objects that are open, the innermost one's last
}

func (s *scanner) space() {
	for s.at < len(s.in) {
		switch s.in[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// next steps over c where it stands here.
func (s *scanner) next(c byte) bool {
	if s.at < len(s.in) && s.in[s.at] == c {
		s.at++
		return true
	}
	return false
}

// value reads one value. depth counts the levels around it.
func (s *scanner) value(depth int, each func(name, value []byte) error) error {
	if s.values++; s.values > s.limits.Values {
		return ErrTooMany
	}
	if s.at >= len(s.in) {
		return ErrMalformed
	}
	switch c := s.in[s.at]; {
	case c == '{' || c == '[':
		if depth >= s.limits.Depth {
			return ErrTooDeep
		}
		if c == '[' {
			return s.list(depth)
		}
		return s.object(depth, each)
	case c == '"':
		_, err := s.text()
		return err
	case c == '-' || isDigit(c):
		return s.number()
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if len(s.in)-s.at >= len(word) && string(s.in[s.at:s.at+len(word)]) == word {
			s.at += len(word)
			return nil
		}
	}
	return ErrMalformed
}

func (s *scanner) list(depth int) error {
	s.at++
	if s.space(); s.next(']') {
		return nil
	}
	for {
		s.space()
		if err := s.value(depth+1, nil); err != nil {
			return err
		}
		if s.space(); s.next(']') {
			return nil
		}
		if !s.next(',') {
			return ErrMalformed
		}
	}
}

func (s *scanner) object(depth int, each func(name, value []byte) error) error {
	s.at++
	keys := keySet{from: len(s.keys)}
	if s.space(); s.next('}') {
		return nil
	}
	for {
		s.space()
		if s.at >= len(s.in) || s.in[s.at] != '"' {
			return ErrMalformed
		}
		raw, err := s.text()
		if err != nil {
			return err
		}
		key := unquote(raw)
		if !keys.add(&s.keys, key) {
			return ErrTwice
		}
		if s.space(); !s.next(':') {
			return ErrMalformed
		}
		s.space()
		from := s.at
		if err := s.value(depth+1, nil); err != nil {
			return err
		}
		if each != nil {
			if err := each(key, s.in[from:s.at]); err != nil {
				return err
			}
		}
		if s.space(); s.next('}') {
			s.keys = s.keys[:keys.from]
			return nil
		}
		if !s.next(',') {
			return ErrMalformed
		}
	}
}

// text reads a string and gives it with its quotes.
func (s *scanner) text() ([]byte, error) {
	from := s.at
	for s.at++; s.at < len(s.in); s.at++ {
		c := s.in[s.at]
		if c > '\\' || c != '"' && c != '\\' && c >= ' ' {
			continue
		}
		switch {
		case c == '"':
			s.at++
			return s.in[from:s.at], nil
		case c < ' ':
			return nil, ErrMalformed
		case c == '\\':
			if err := s.escape(); err != nil {
				return nil, err
			}
		}
	}
	return nil, ErrMalformed
}

// escape reads from a backslash to the escape's last byte.
func (s *scanner) escape() error {
	if s.at++; s.at >= len(s.in) {
		return ErrMalformed
	}
	switch s.in[s.at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
	default:
		return ErrMalformed
	}
	r, ok := hex4(s.in[s.at+1:])
	if !ok {
		return ErrMalformed
	}
	s.at += 4
	switch {
	case r >= 0xDC00 && r <= 0xDFFF:
		return ErrSurrogate
	case r >= 0xD800 && r <= 0xDBFF:
		rest := s.in[s.at+1:]
		if len(rest) < 2 || rest[0] != '\\' || rest[1] != 'u' {
			return ErrSurrogate
		}
		if low, ok := hex4(rest[2:]); !ok || low < 0xDC00 || low > 0xDFFF {
			return ErrSurrogate
		}
		s.at += 6
	}
	return nil
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func (s *scanner) number() error {
	s.next('-')
	if !s.next('0') && s.digits() == 0 {
		return ErrMalformed
	}
	if s.next('.') && s.digits() == 0 {
		return ErrMalformed
	}
	if s.next('e') || s.next('E') {
		if !s.next('+') {
			s.next('-')
		}
		if s.digits() == 0 {
			return ErrMalformed
		}
	}
	return nil
}

func (s *scanner) digits() int {
	from := s.at
	for s.at < len(s.in) && isDigit(s.in[s.at]) {
		s.at++
	}
	return s.at - from
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
