package fhirrestsim

import (
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"
)

// filter is what a search asks for.
type filter struct {
	count   int
	include bool
	short   bool // _elements=id,meta
	tests   []func(version) bool
}

func (f filter) keeps(v version) bool {
	for _, test := range f.tests {
		if !test(v) {
			return false
		}
	}
	return true
}

// filter reads search parameters. One that is not known is refused when the client
// asks for strict handling, and passed over otherwise, as R4 says. s.mu is held.
func (s *Server) filter(kind string, form url.Values, strict bool) (filter, error) {
	var f filter
	var err error
	if f.count, err = count(form.Get("_count")); err != nil {
		return f, err
	}
	for name, values := range form {
		for _, value := range values {
			test, known, err := s.parameter(kind, name, value)
			switch {
			case err != nil:
				return f, err
			case known && test != nil:
				f.tests = append(f.tests, test)
			case name == "_elements" && value == "id,meta":
				f.short = true
			case name == "_include" && value == "*":
				f.include = true
			case !known && strict:
				return f, fmt.Errorf("the parameter %s is not supported for %s", name, kind)
			}
		}
	}
	return f, nil
}

func (s *Server) parameter(kind, name, value string) (test func(version) bool, known bool, err error) {
	switch name {
	case "_count":
		return nil, true, nil
	case "_id":
		wanted := strings.Split(value, ",")
		return func(v version) bool { return slices.Contains(wanted, v.id) }, true, nil
	case "_lastUpdated":
		test, err = lastUpdated(value)
		return test, true, err
	case "status":
		wanted := strings.Split(value, ",")
		return func(v version) bool {
			status, _ := v.tree["status"].(string)
			for _, w := range wanted {
				if w == status {
					return true
				}
			}
			return false
		}, true, nil
	case "identifier":
		return func(v version) bool { return hasIdentifier(v.tree["identifier"], value) }, true, nil
	case "subject:Patient.identifier", "patient.identifier", "subject.identifier":
		return func(v version) bool { return s.about(v, value) }, kind != "Patient", nil
	}
	return nil, false, nil
}

func lastUpdated(value string) (func(version) bool, error) {
	prefix, text := "eq", value
	for _, p := range []string{"ge", "gt", "le", "lt", "eq"} {
		if rest, ok := strings.CutPrefix(value, p); ok {
			prefix, text = p, rest
		}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return nil, fmt.Errorf("_lastUpdated is not an instant")
	}
	return func(v version) bool {
		switch prefix {
		case "ge":
			return !v.changed.Before(at)
		case "gt":
			return v.changed.After(at)
		case "le":
			return !v.changed.After(at)
		case "lt":
			return v.changed.Before(at)
		}
		return v.changed.Equal(at)
	}, nil
}

// hasIdentifier takes "value" and "system|value".
func hasIdentifier(field any, wanted string) bool {
	system, value, ok := strings.Cut(wanted, "|")
	if !ok {
		system, value = "", wanted
	}
	list, isList := field.([]any)
	if !isList {
		list = []any{field}
	}
	for _, item := range list {
		id, _ := item.(map[string]any)
		if id["value"] == value && (system == "" || id["system"] == system) {
			return true
		}
	}
	return false
}

// about tells whether a resource's subject or patient has the identifier: in the
// reference itself or in the Patient that it points at.
func (s *Server) about(v version, wanted string) bool {
	for _, field := range []string{"subject", "patient"} {
		ref, _ := v.tree[field].(map[string]any)
		if ref == nil {
			continue
		}
		if hasIdentifier(ref["identifier"], wanted) {
			return true
		}
		name, _ := ref["reference"].(string)
		if p, ok := s.current(name); ok && hasIdentifier(p.tree["identifier"], wanted) {
			return true
		}
	}
	return false
}

// references gives the local references anywhere in a resource, each once.
func references(tree any) []string {
	found := map[string]bool{}
	var walk func(any)
	walk = func(x any) {
		switch x := x.(type) {
		case map[string]any:
			if ref, ok := x["reference"].(string); ok && !strings.HasPrefix(ref, "#") {
				found[ref] = true
			}
			for _, child := range x {
				walk(child)
			}
		case []any:
			for _, child := range x {
				walk(child)
			}
		}
	}
	walk(tree)
	out := make([]string, 0, len(found))
	for ref := range found {
		out = append(out, ref)
	}
	sort.Strings(out)
	return out
}
