package fhirtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

// Diff tells how two JSON texts differ, one place a line:
//
//	CarePlan.status: want "active", got "draft"
//	CarePlan.goal[1]: only in want: {"reference":"Goal/g"}
//
// "" means that they say the same; the order of keys does not count.
func Diff(want, got []byte) string {
	w, errW := decode(want)
	g, errG := decode(got)
	switch {
	case errW != nil:
		return fmt.Sprintf("want is no JSON: %v\n", errW)
	case errG != nil:
		return fmt.Sprintf("got is no JSON: %v\n", errG)
	}
	var b strings.Builder
	name := "$"
	if m, ok := w.(map[string]any); ok {
		if typ, ok := m["resourceType"].(string); ok {
			name = typ
		}
	}
	diff(&b, name, w, g)
	return b.String()
}

func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

func diff(b *strings.Builder, path string, want, got any) {
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			diffObjects(b, path, w, g)
			return
		}
	case []any:
		if g, ok := got.([]any); ok {
			diffLists(b, path, w, g)
			return
		}
	default:
		if want == got && want != nil || want == nil && got == nil {
			return
		}
	}
	fmt.Fprintf(b, "%s: want %s, got %s\n", path, show(want), show(got))
}

func diffObjects(b *strings.Builder, path string, want, got map[string]any) {
	keys := make([]string, 0, len(want)+len(got))
	for k := range want {
		keys = append(keys, k)
	}
	for k := range got {
		if _, both := want[k]; !both {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	for _, k := range keys {
		w, inWant := want[k]
		g, inGot := got[k]
		at := path + "." + k
		switch {
		case !inGot:
			fmt.Fprintf(b, "%s: only in want: %s\n", at, show(w))
		case !inWant:
			fmt.Fprintf(b, "%s: only in got: %s\n", at, show(g))
		default:
			diff(b, at, w, g)
		}
	}
}

func diffLists(b *strings.Builder, path string, want, got []any) {
	for i := range max(len(want), len(got)) {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case i >= len(got):
			fmt.Fprintf(b, "%s: only in want: %s\n", at, show(want[i]))
		case i >= len(want):
			fmt.Fprintf(b, "%s: only in got: %s\n", at, show(got[i]))
		default:
			diff(b, at, want[i], got[i])
		}
	}
}

func show(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	s := strings.TrimSpace(b.String())
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}
