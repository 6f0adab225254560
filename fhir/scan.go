package fhir

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Limits of one resource (docs/access.md, threat T17).
const (
	MaxDepth = 64       // levels of objects and lists
	MaxBytes = 10 << 20 // bytes
)

// The faults of JSON that scan tells apart.
var (
	errTooLarge  = errors.New("it is larger than 10 MiB")
	errTooDeep   = errors.New("it is nested deeper than 64 levels")
	errNotUTF8   = errors.New("its text is not UTF-8")
	errSurrogate = errors.New("a text holds half a surrogate pair")
	errNotJSON   = errors.New("it is not one JSON value")
	errNoObject  = errors.New("it is not a JSON object")
	errTwice     = errors.New("an object has a key twice, or twice but for case")
	errNotText   = errors.New("its resourceType or id is not a text")
)

// scanned is what the top of the object says.
type scanned struct {
	resourceType, id string
}

// scan checks what encoding/json lets pass, and reads resourceType and id on the way.
// The JSON's form itself is checked first, so that the walk may trust it.
func scan(b []byte) (scanned, error) {
	var top scanned
	switch {
	case len(b) > MaxBytes:
		return top, errTooLarge
	case !utf8.Valid(b):
		return top, errNotUTF8
	case !json.Valid(b):
		return top, errNotJSON
	case bytes.TrimLeft(b, " \t\r\n")[0] != '{':
		return top, errNoObject
	}
	s := scanner{in: b}
	if err := s.value(0, &top); err != nil {
		return top, err
	}
	return top, nil
}

// scanner walks JSON that is known to be well formed.
type scanner struct {
	in   []byte
	at   int
	keys [][]byte // of all objects that are open, the innermost one's last
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

// value walks one value. depth counts the levels around it; top is set for the
// outermost object only.
func (s *scanner) value(depth int, top *scanned) error {
	s.space()
	switch s.in[s.at] {
	case '{':
		if depth >= MaxDepth {
			return errTooDeep
		}
		return s.object(depth, top)
	case '[':
		if depth >= MaxDepth {
			return errTooDeep
		}
		return s.list(depth)
	case '"':
		_, err := s.text()
		return err
	}
	for s.at < len(s.in) { // number, true, false, null
		switch s.in[s.at] {
		case ',', '}', ']', ' ', '\t', '\r', '\n':
			return nil
		}
		s.at++
	}
	return nil
}

func (s *scanner) list(depth int) error {
	s.at++
	for s.space(); s.in[s.at] != ']'; s.space() {
		if s.in[s.at] == ',' {
			s.at++
		}
		if err := s.value(depth+1, nil); err != nil {
			return err
		}
	}
	s.at++
	return nil
}

func (s *scanner) object(depth int, top *scanned) error {
	s.at++
	keys := keySet{from: len(s.keys)}
	for s.space(); s.in[s.at] != '}'; s.space() {
		if s.in[s.at] == ',' {
			s.at++
			s.space()
		}
		raw, err := s.text()
		if err != nil {
			return err
		}
		key := unquote(raw)
		if !keys.add(s, key) {
			return errTwice
		}
		s.space()
		s.at++ // the colon
		s.space()
		if top != nil && (string(key) == "resourceType" || string(key) == "id") {
			if s.in[s.at] != '"' {
				return errNotText
			}
			if raw, err = s.text(); err != nil {
				return err
			}
			if string(key) == "id" {
				top.id = string(unquote(raw))
			} else {
				top.resourceType = string(unquote(raw))
			}
			continue
		}
		if err := s.value(depth+1, nil); err != nil {
			return err
		}
	}
	s.at++
	s.keys = s.keys[:keys.from]
	return nil
}

// text walks a string and gives it with its quotes.
func (s *scanner) text() ([]byte, error) {
	from := s.at
	s.at++
	for s.in[s.at] != '"' {
		if s.in[s.at] != '\\' {
			s.at++
			continue
		}
		if s.in[s.at+1] != 'u' {
			s.at += 2
			continue
		}
		r := hex4(s.in[s.at+2:])
		s.at += 6
		switch {
		case r >= 0xDC00 && r <= 0xDFFF:
			return nil, errSurrogate
		case r >= 0xD800 && r <= 0xDBFF:
			rest := s.in[s.at:]
			if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
				return nil, errSurrogate
			}
			if low := hex4(rest[2:]); low < 0xDC00 || low > 0xDFFF {
				return nil, errSurrogate
			}
			s.at += 6
		}
	}
	s.at++
	return s.in[from:s.at], nil
}

func hex4(b []byte) uint64 {
	n, _ := strconv.ParseUint(string(b[:4]), 16, 32) // form checked by json.Valid
	return n
}

func unquote(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	var s string
	_ = json.Unmarshal(raw, &s) // form checked by json.Valid
	return []byte(s)
}

// keySet finds keys of one object that are equal but for case, as encoding/json and
// others fold them. Objects are small: a list serves until it is long.
type keySet struct {
	from int // where the object's keys begin in scanner.keys
	many map[string]bool
}

func (k *keySet) add(s *scanner, key []byte) bool {
	own := s.keys[k.from:]
	switch {
	case k.many != nil:
		f := fold(string(key))
		if k.many[f] {
			return false
		}
		k.many[f] = true
		return true
	case len(own) >= 32:
		k.many = make(map[string]bool, 2*len(own))
		for _, old := range own {
			k.many[fold(string(old))] = true
		}
		return k.add(s, key)
	}
	for _, old := range own {
		if bytes.EqualFold(old, key) {
			return false
		}
	}
	s.keys = append(s.keys, key)
	return true
}

// fold gives the same for all texts that are equal but for case: each letter becomes
// the least of its case variants ("K" for k and the Kelvin sign).
func fold(s string) string {
	ascii, lower := true, false
	for i := 0; i < len(s); i++ {
		ascii = ascii && s[i] < utf8.RuneSelf
		lower = lower || 'a' <= s[i] && s[i] <= 'z'
	}
	if ascii && !lower {
		return s
	}
	folded := make([]rune, 0, len(s))
	for _, r := range s {
		if r < utf8.RuneSelf {
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
		} else {
			least := r
			for v := unicode.SimpleFold(r); v != r; v = unicode.SimpleFold(v) {
				least = min(least, v)
			}
			r = least
		}
		folded = append(folded, r)
	}
	return string(folded)
}
