package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

type codeSystem struct {
	ResourceType, URL, Content string
	Concept                    []concept
}

type concept struct {
	Code    string
	Concept []concept
}

type valueSet struct {
	ResourceType, URL string
	Compose           struct{ Include, Exclude []include }
}

type include struct {
	System   string
	Concept  []concept
	Filter   []struct{ Property, Op, Value string }
	ValueSet []string
}

// terminology expands value sets as far as the definitions list their codes.
type terminology struct {
	systems map[string]codeSystem
	sets    map[string]valueSet
}

// writeValueSets writes the codes of each wanted value set that can be listed. One that
// cannot (media types, languages, currencies) is left out, so that a reader knows that
// it does not know.
func writeValueSets(b *bytes.Buffer, entries []entry, wanted map[string]bool) error {
	t := terminology{systems: map[string]codeSystem{}, sets: map[string]valueSet{}}
	for _, e := range entries {
		var kind struct{ ResourceType string }
		if err := json.Unmarshal(e.Resource, &kind); err != nil {
			return fmt.Errorf("decode a value set: %w", err)
		}
		switch kind.ResourceType {
		case "CodeSystem":
			var c codeSystem
			if err := json.Unmarshal(e.Resource, &c); err != nil {
				return fmt.Errorf("decode a code system: %w", err)
			}
			t.systems[c.URL] = c
		case "ValueSet":
			var v valueSet
			if err := json.Unmarshal(e.Resource, &v); err != nil {
				return fmt.Errorf("decode a value set: %w", err)
			}
			t.sets[v.URL] = v
		}
	}
	for _, url := range sortedKeys(wanted) {
		codes, ok := t.expand(url, 0)
		if !ok {
			continue
		}
		fmt.Fprintf(b, "V\t%s\n", url)
		for _, system := range sortedKeys(codes) {
			fmt.Fprintf(b, "S\t%s\t%s\n", system, strings.Join(sortedKeys(codes[system]), "\t"))
		}
	}
	return nil
}

// codesBySystem holds an expansion: system → code → true.
type codesBySystem map[string]map[string]bool

// expand gives a value set's codes; false when they cannot all be listed.
func (t terminology) expand(url string, depth int) (codesBySystem, bool) {
	set, ok := t.sets[url]
	if !ok || depth > 8 || len(set.Compose.Include) == 0 {
		return nil, false
	}
	all := codesBySystem{}
	for _, inc := range set.Compose.Include {
		codes, ok := t.included(inc, depth)
		if !ok {
			return nil, false
		}
		for system, cs := range codes {
			for c := range cs {
				all.add(system, c)
			}
		}
	}
	for _, ex := range set.Compose.Exclude {
		codes, ok := t.included(ex, depth)
		if !ok {
			return nil, false
		}
		for system, cs := range codes {
			for c := range cs {
				delete(all[system], c)
			}
		}
	}
	return all, true
}

func (t terminology) included(inc include, depth int) (codesBySystem, bool) {
	codes := codesBySystem{}
	switch {
	case len(inc.ValueSet) == 1 && inc.System == "":
		url, _, _ := strings.Cut(inc.ValueSet[0], "|")
		return t.expand(url, depth+1)
	case len(inc.ValueSet) > 0:
		return nil, false
	case len(inc.Concept) > 0:
		for _, c := range inc.Concept {
			codes.add(inc.System, c.Code)
		}
		return codes, true
	}
	system, ok := t.systems[inc.System]
	if !ok || (system.Content != "complete" && system.Content != "fragment") || len(system.Concept) == 0 {
		return nil, false
	}
	roots := system.Concept
	for _, f := range inc.Filter { // only the tree filters are needed by required bindings
		if f.Property != "concept" || (f.Op != "is-a" && f.Op != "descendent-of") {
			return nil, false
		}
		at, found := find(roots, f.Value)
		if !found {
			return nil, false
		}
		roots = at.Concept
		if f.Op == "is-a" {
			codes.add(inc.System, at.Code)
		}
	}
	codes.addTree(inc.System, roots)
	return codes, true
}

func (c codesBySystem) add(system, code string) {
	if c[system] == nil {
		c[system] = map[string]bool{}
	}
	c[system][code] = true
}

func (c codesBySystem) addTree(system string, concepts []concept) {
	for _, x := range concepts {
		c.add(system, x.Code)
		c.addTree(system, x.Concept)
	}
}

func find(concepts []concept, code string) (concept, bool) {
	for _, c := range concepts {
		if c.Code == code {
			return c, true
		}
		if at, ok := find(c.Concept, code); ok {
			return at, true
		}
	}
	return concept{}, false
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
