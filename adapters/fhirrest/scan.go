package fhirrest

import (
	"unicode/utf8"

	"samsyn/internal/jsonsafe"
)

// An entry is read once, byte by byte: its resource and the resource's head are picked out
// on the way, and all the rest is checked as jsonsafe checks it. Wherever this reading is
// not sure (an escape in what it picks, a value of another type, a fault of any kind) it
// leaves the entry to jsonsafe, which decides. So it never says what that would not (a test
// compares them).

// scanEntry reads an entry that holds a resource and nothing that says what was done with
// it. false says nothing.
func scanEntry(raw []byte) (resource []byte, h head, sure bool) {
	if len(raw) > maxSure || !utf8.Valid(raw) {
		return nil, h, false
	}
	var room [64][]byte
	s := scanner{in: raw, keys: room[:0]}
	ok := s.object(1, func(key string) bool {
		switch key {
		case "fullUrl":
			return s.at < len(s.in) && s.in[s.at] == '"' && s.text()
		case "resource":
			from := s.at
			ok := s.resource(&h)
			resource = raw[from:s.at:s.at]
			return ok
		case "search":
			return s.search()
		case "request", "response":
			return false
		}
		return s.value(2)
	})
	return resource, h, ok && s.at == len(raw) && len(resource) > 0
}

// An entry that is surely read has fewer bytes than jsonsafe allows values, and no object
// with more names than are compared one by one.
const (
	maxSure = 500_000
	maxKeys = 48
)

type scanner struct {
	in   []byte
	at   int
	keys [][]byte // of all objects that are open, the innermost one's last
}

func (s *scanner) search() bool {
	return s.object(2, func(key string) bool {
		if key == "mode" {
			var mode string
			return s.word(&mode)
		}
		return s.value(3)
	})
}

func (s *scanner) resource(h *head) bool {
	return s.object(2, func(key string) bool {
		switch key {
		case "resourceType":
			return s.word(&h.ResourceType)
		case "id":
			return s.word(&h.ID)
		case "meta":
			return s.meta(h)
		case "issue":
			return false // it may be an OperationOutcome
		}
		return s.value(3)
	})
}

func (s *scanner) meta(h *head) bool {
	return s.object(3, func(key string) bool {
		switch key {
		case "versionId":
			return s.word(&h.Meta.VersionID)
		case "lastUpdated":
			return s.word(&h.Meta.LastUpdated)
		}
		return s.value(4)
	})
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

func (s *scanner) next(c byte) bool {
	if s.at < len(s.in) && s.in[s.at] == c {
		s.at++
		return true
	}
	return false
}

// object reads an object whose names matter: each is given to member, which reads the
// value. level counts the objects and lists around the value, itself included.
func (s *scanner) object(level int, member func(key string) bool) bool {
	if !s.next('{') {
		return false
	}
	s.space()
	if s.next('}') {
		return true
	}
	for from := len(s.keys); ; {
		s.space()
		key, ok := s.name(from)
		if !ok || !member(string(key)) {
			return false
		}
		s.space()
		if s.next('}') {
			s.keys = s.keys[:from]
			return true
		}
		if !s.next(',') {
			return false
		}
	}
}

// name reads a name and its colon, and sees that the object, whose names stand from from
// on, does not have it yet.
func (s *scanner) name(from int) ([]byte, bool) {
	if s.at >= len(s.in) || s.in[s.at] != '"' {
		return nil, false
	}
	start := s.at + 1
	i := start
	for i < len(s.in) && plain[s.in[i]] && s.in[i] < utf8.RuneSelf {
		i++
	}
	if i >= len(s.in) || s.in[i] != '"' || len(s.keys)-from == maxKeys {
		return nil, false
	}
	key := s.in[start:i]
	for _, other := range s.keys[from:] {
		if len(other) == len(key) && jsonsafe.SameButForCase(other, key) {
			return nil, false
		}
	}
	s.keys = append(s.keys, key)
	s.at = i + 1
	s.space()
	if !s.next(':') {
		return nil, false
	}
	s.space()
	return key, true
}

// word reads a text of plain ASCII.
func (s *scanner) word(into *string) bool {
	if !s.next('"') {
		return false
	}
	from := s.at
	for s.at < len(s.in) && plain[s.in[s.at]] && s.in[s.at] < utf8.RuneSelf {
		s.at++
	}
	*into = string(s.in[from:s.at])
	return s.next('"')
}

// plain are the bytes that stand for themselves in a JSON string.
var plain = func() (p [256]bool) {
	for c := ' '; c < 256; c++ {
		p[c] = c != '"' && c != '\\'
	}
	return p
}()

// text walks a string.
func (s *scanner) text() bool {
	in, i := s.in, s.at+1
	for {
		for i < len(in) && plain[in[i]] {
			i++
		}
		if i >= len(in) || in[i] < ' ' {
			return false
		}
		if in[i] == '"' {
			s.at = i + 1
			return true
		}
		if i+1 >= len(in) {
			return false
		}
		switch in[i+1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			i += 2
		default: // half a pair of surrogates may be written by numbers
			return false
		}
	}
}

// value walks any value, of which nothing is wanted but its form.
func (s *scanner) value(level int) bool {
	if s.at >= len(s.in) || level > maxDepth+1 && (s.in[s.at] == '{' || s.in[s.at] == '[') {
		return false
	}
	switch c := s.in[s.at]; {
	case c == '"':
		return s.text()
	case c == '{' || c == '[':
		return s.inside(c == '{', level)
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if len(s.in)-s.at >= len(word) && string(s.in[s.at:s.at+len(word)]) == word {
			s.at += len(word)
			return true
		}
	}
	return false
}

// inside walks the members of an object or a list.
func (s *scanner) inside(object bool, level int) bool {
	end := byte(']')
	if object {
		end = '}'
	}
	s.at++
	s.space()
	if s.next(end) {
		return true
	}
	from := len(s.keys)
	for {
		s.space()
		if object {
			if _, ok := s.name(from); !ok {
				return false
			}
		}
		if !s.value(level + 1) {
			return false
		}
		s.space()
		if s.next(end) {
			s.keys = s.keys[:from]
			return true
		}
		if !s.next(',') {
			return false
		}
	}
}

func (s *scanner) number() bool {
	s.next('-')
	if !s.next('0') && !s.digits() {
		return false
	}
	if s.next('.') && !s.digits() {
		return false
	}
	if s.next('e') || s.next('E') {
		if !s.next('+') {
			s.next('-')
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	from := s.at
	for s.at < len(s.in) && '0' <= s.in[s.at] && s.in[s.at] <= '9' {
		s.at++
	}
	return s.at > from
}
