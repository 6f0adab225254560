package access

import (
	"bytes"
	"encoding/json"
	"slices"

	"samsyn/fhir"
	"samsyn/internal/jsonsafe"
)

// Alike tells whether two resources say the same to one who may see both: all but their
// labels, and the version and time that their source gave them, which do not leave. Only
// what is not the same byte for byte is looked into.
func Alike(a, b fhir.Resource) bool {
	return alikeResources(a.Body, b.Body, "security", "versionId", "lastUpdated")
}

func alikeResources(a, b json.RawMessage, silent ...string) bool {
	if bytes.Equal(a, b) {
		return true
	}
	return alikeObjects(a, b, func(name string, a, b json.RawMessage) bool {
		switch {
		case name == "meta" && (a == nil || a[0] == '{') && (b == nil || b[0] == '{'):
			return alikeMeta(a, b, silent)
		case name == "contained" && a != nil && b != nil && a[0] == '[' && b[0] == '[':
			return alikeLists(a, b, func(a, b json.RawMessage) bool {
				if a[0] == '{' && b[0] == '{' {
					return alikeResources(a, b, "security")
				}
				return alike(a, b)
			})
		}
		return alike(a, b)
	})
}

// alikeMeta compares what is left of meta without the silent parts; an empty one is none.
func alikeMeta(a, b json.RawMessage, silent []string) bool {
	left := func(meta json.RawMessage) (jsonsafe.Members, error) {
		if meta == nil {
			return nil, nil
		}
		all, err := members(meta)
		return slices.DeleteFunc(all, func(m jsonsafe.Member) bool { return slices.Contains(silent, m.Name) }), err
	}
	x, errX := left(a)
	y, errY := left(b)
	return errX == nil && errY == nil && alikeMembers(x, y, alikeMember)
}

// alike compares two values, of which jsonsafe leaves none empty; nil is one that is not there.
func alike(a, b json.RawMessage) bool {
	switch {
	case a == nil || b == nil || a[0] != b[0]:
		return false
	case bytes.Equal(a, b):
		return true
	case a[0] == '{':
		return alikeObjects(a, b, alikeMember)
	case a[0] == '[':
		return alikeLists(a, b, alike)
	case a[0] == '"' && (bytes.IndexByte(a, '\\') >= 0 || bytes.IndexByte(b, '\\') >= 0):
		var x, y string
		return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && x == y
	}
	return false // a number is as it is written: 1.50 is not 1.5
}

// alikeMember is alike where it does not matter what the member is called.
func alikeMember(_ string, a, b json.RawMessage) bool { return alike(a, b) }

func alikeObjects(a, b json.RawMessage, same func(name string, a, b json.RawMessage) bool) bool {
	x, errX := members(a)
	y, errY := members(b)
	return errX == nil && errY == nil && alikeMembers(x, y, same)
}

// alikeMembers asks same of each name that either has; a value that is not there is nil.
func alikeMembers(x, y jsonsafe.Members, same func(name string, a, b json.RawMessage) bool) bool {
	for i, m := range x {
		var other json.RawMessage
		if i < len(y) && y[i].Name == m.Name { // as in what one hand wrote
			other = y[i].Value
		} else {
			other = y.Get(m.Name)
		}
		if !same(m.Name, m.Value, other) {
			return false
		}
	}
	for i, m := range y {
		if (i >= len(x) || x[i].Name != m.Name) && x.Get(m.Name) == nil && !same(m.Name, nil, m.Value) {
			return false
		}
	}
	return true
}

func alikeLists(a, b json.RawMessage, same func(a, b json.RawMessage) bool) bool {
	x, errX := items(a)
	y, errY := items(b)
	return errX == nil && errY == nil && slices.EqualFunc(x, y, same)
}

func members(b json.RawMessage) (jsonsafe.Members, error) {
	return jsonsafe.Object(b, jsonsafe.Limits{Bytes: fhir.MaxBytes})
}

func items(b json.RawMessage) ([]json.RawMessage, error) {
	return jsonsafe.List(b, len(b), jsonsafe.Limits{Bytes: fhir.MaxBytes})
}
