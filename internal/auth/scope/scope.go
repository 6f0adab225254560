// Package scope owns SMART v2 scopes: reading them strictly and narrowing one list by
// another. It knows no token and no rule of access; a scope never gives anything by itself.
package scope

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrScope is what every text that is no scope of ours wraps.
var ErrScope = errors.New("not a SMART v2 scope")

// Limits on what is read.
const (
	maxText   = 8 << 10
	maxScopes = 100
)

const verbs = "cruds"

// Scope is one resource scope: "system/CarePlan.rs".
type Scope struct {
	Context string // system, user or patient
	Type    string // a FHIR type, or *
	Verbs   string // of c, r, u, d, s, in this order
}

// String writes the scope as it is read.
func (s Scope) String() string { return s.Context + "/" + s.Type + "." + s.Verbs }

// Parse reads one scope. Verbs out of order or twice, an empty or unknown part and every
// parameter ("?category=…") are refused: a parameter narrows, so one that is not understood
// cannot be left out.
func Parse(text string) (Scope, error) {
	var s Scope
	if len(text) > 200 {
		return s, fmt.Errorf("%w: too long", ErrScope)
	}
	context, rest, ok := strings.Cut(text, "/")
	if !ok || !slices.Contains([]string{"system", "user", "patient"}, context) {
		return s, fmt.Errorf("%w: it begins with system/, user/ or patient/", ErrScope)
	}
	if strings.Contains(rest, "?") {
		return s, fmt.Errorf("%w: parameters are not supported", ErrScope)
	}
	typ, verb, ok := strings.Cut(rest, ".")
	if !ok || !resource(typ) {
		return s, fmt.Errorf("%w: a FHIR type or * and what may be done with it", ErrScope)
	}
	at := 0
	for _, v := range verb {
		next := strings.IndexRune(verbs[at:], v)
		if next < 0 {
			return s, fmt.Errorf("%w: what may be done is of c, r, u, d, s, in this order", ErrScope)
		}
		at += next + 1
	}
	if verb == "" {
		return s, fmt.Errorf("%w: nothing may be done", ErrScope)
	}
	return Scope{context, typ, verb}, nil
}

// resource tells whether the text is * or can be the name of a FHIR type.
func resource(t string) bool {
	if t == "*" {
		return true
	}
	if t == "" || len(t) > 64 || t[0] < 'A' || t[0] > 'Z' {
		return false
	}
	return !strings.ContainsFunc(t, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') })
}

// List are the scopes of one token or client: those of resources, and other words.
type List struct {
	Resources []Scope
	Words     []string // such as push
}

// ParseList reads scopes with a space between. A scope that looks like one of a resource
// and cannot be read makes the whole list unreadable.
func ParseList(text string) (List, error) {
	if len(text) > maxText {
		return List{}, fmt.Errorf("%w: too long", ErrScope)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return List{}, fmt.Errorf("%w: a character that cannot stand in scopes", ErrScope)
	}
	var words []string
	if text != "" {
		words = strings.Split(text, " ")
	}
	return Of(words)
}

// Of is ParseList for scopes that stand apart.
func Of(words []string) (List, error) {
	var l List
	if len(words) > maxScopes {
		return l, fmt.Errorf("%w: more than %d", ErrScope, maxScopes)
	}
	for _, w := range words {
		if w == "" || strings.ContainsFunc(w, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return List{}, fmt.Errorf("%w: an empty one", ErrScope)
		}
		if !strings.ContainsAny(w, "/.?") {
			if !slices.Contains(l.Words, w) {
				l.Words = append(l.Words, w)
			}
			continue
		}
		s, err := Parse(w)
		if err != nil {
			return List{}, err
		}
		if !slices.Contains(l.Resources, s) {
			l.Resources = append(l.Resources, s)
		}
	}
	return l, nil
}

// Has tells whether the word is among them.
func (l List) Has(word string) bool { return slices.Contains(l.Words, word) }

// Empty tells whether there is nothing.
func (l List) Empty() bool { return len(l.Resources)+len(l.Words) == 0 }

// Allows tells whether a verb (one of c, r, u, d, s) is allowed on a type by any of them.
func (l List) Allows(typ, verb string) bool {
	return len(verb) == 1 && slices.ContainsFunc(l.Resources, func(s Scope) bool {
		return (s.Type == "*" || s.Type == typ) && strings.Contains(s.Verbs, verb)
	})
}

// Narrow gives what both lists allow. It allows nothing that either does not.
func (l List) Narrow(by List) List {
	var out List
	for _, a := range l.Resources {
		for _, b := range by.Resources {
			if s, ok := a.and(b); ok && !slices.Contains(out.Resources, s) {
				out.Resources = append(out.Resources, s)
			}
		}
	}
	for _, w := range l.Words {
		if by.Has(w) {
			out.Words = append(out.Words, w)
		}
	}
	return out
}

func (s Scope) and(o Scope) (Scope, bool) {
	if s.Context != o.Context || s.Type != o.Type && s.Type != "*" && o.Type != "*" {
		return Scope{}, false
	}
	both := Scope{Context: s.Context, Type: s.Type}
	if s.Type == "*" {
		both.Type = o.Type
	}
	for _, v := range s.Verbs {
		if strings.ContainsRune(o.Verbs, v) {
			both.Verbs += string(v)
		}
	}
	return both, both.Verbs != ""
}

// Strings writes them, those of resources first. It is never nil: nothing is not everything.
func (l List) Strings() []string {
	out := make([]string, 0, len(l.Resources)+len(l.Words))
	for _, s := range l.Resources {
		out = append(out, s.String())
	}
	return append(out, l.Words...)
}

// String writes them with a space between.
func (l List) String() string { return strings.Join(l.Strings(), " ") }
