package mapping

import (
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"

	"samsyn/fhir/r4"
)

var headerKeys = []string{"map", "about", "record", "service", "tables", "ignore", "subject", "labels", "skip", "because", "assign", "make"}

// load compiles the file; nil when it cannot even be read as a map.
func (l *loader) load() *Map {
	root := l.document()
	if root == nil {
		return nil
	}
	l.used = map[string]bool{}
	l.m = &Map{file: l.file, data: l.data, tables: l.tables, runs: &sync.Pool{}}
	header := map[string]pair{}
	for _, p := range l.pairs(root) {
		if !slices.Contains(headerKeys, p.key.Value) {
			l.fault(p.key, 0, didYouMean(p.key.Value, headerKeys), "unknown key %s", p.key.Value)
			continue
		}
		header[p.key.Value] = p
	}
	l.names(root, header)
	l.declaredTables(header)
	l.ignored(header)
	l.m.revision = revision(l.data, l.m.Tables, l.tables)

	sc := scope(baseVariables)
	if isName(l.m.Record) && l.m.Record != "subject" {
		sc = sc.with(l.m.Record) // FPML's templates name the record so
	}
	sc, late := l.assigns(header, sc)
	l.m.subject = l.subjectRule(header, sc)
	l.m.skip = l.skipRules(header, sc)
	l.m.subjectSlot = l.slot("subject")
	sc = append(sc.with("subject"), late...)
	l.m.service = l.headerStep(header, "service", text1("service"), sc)
	l.m.labels = l.headerStep(header, "labels", target{typ: "Coding", path: "labels", list: true}, sc)
	if p, ok := header["make"]; ok {
		l.m.make = l.value(p.value, target{typ: "Resource", path: "make", list: true}, sc)
	} else {
		l.fault(root, 0, "make: [] makes nothing", "make: is missing")
	}
	l.unusedTables(header)
	return l.m
}

func text1(path string) target { return target{typ: "string", prim: true, path: path} }

func (l *loader) names(root *yaml.Node, header map[string]pair) {
	want := nameOf(l.file)
	p, ok := header["map"]
	switch {
	case !ok:
		l.fault(root, 0, "map: "+want, "map: is missing")
	case p.value.Value != want:
		l.fault(p.value, 0, "map: "+want, "the name is not the file's path below maps")
	}
	if strings.Count(want, "/") != 1 {
		l.fault(nil, 0, "", "a map file stands in maps/<system>/<kind>.yaml")
	}
	l.m.Name = want
	l.m.About = l.word(header, "about")
	l.m.Record = l.word(header, "record")
	if l.m.Record == "" {
		l.fault(root, 0, "", "record: is missing")
	}
	if t, ok := r4.Lookup(l.m.Record); ok && t.Kind == r4.Resource {
		l.fhirRecord = true
	}
}

// word reads a header key that holds plain text.
func (l *loader) word(header map[string]pair, key string) string {
	p, ok := header[key]
	if !ok {
		return ""
	}
	if p.value.Kind != yaml.ScalarNode {
		l.fault(p.value, 0, "", "%s: is a text", key)
		return ""
	}
	return p.value.Value
}

func (l *loader) declaredTables(header map[string]pair) {
	p, ok := header["tables"]
	if !ok {
		return
	}
	if p.value.Kind != yaml.SequenceNode {
		l.fault(p.value, 0, "", "tables: is a list of names")
		return
	}
	known := make([]string, 0, len(l.tables))
	for name := range l.tables {
		known = append(known, name)
	}
	slices.Sort(known)
	for _, n := range p.value.Content {
		if _, found := l.tables[n.Value]; !found {
			l.fault(n, 0, didYouMean(n.Value, known), "there is no table %s in codes", n.Value)
		}
		if slices.Contains(l.m.Tables, n.Value) {
			l.fault(n, 0, "", "table %s is declared twice", n.Value)
			continue
		}
		l.m.Tables = append(l.m.Tables, n.Value)
	}
}

func (l *loader) unusedTables(header map[string]pair) {
	p, ok := header["tables"]
	if !ok || p.value.Kind != yaml.SequenceNode {
		return
	}
	for _, n := range p.value.Content {
		if !l.used[n.Value] {
			l.fault(n, 0, "", "table %s is declared but not used", n.Value)
		}
	}
}

func (l *loader) ignored(header map[string]pair) {
	p, ok := header["ignore"]
	if !ok {
		return
	}
	if p.value.Kind != yaml.SequenceNode {
		l.fault(p.value, 0, "", "ignore: is a list of path and because")
		return
	}
	for _, n := range p.value.Content {
		var entry Ignored
		for _, f := range l.pairs(n) {
			switch f.key.Value {
			case "path":
				entry.Path = f.value.Value
			case "because":
				entry.Because = f.value.Value
			default:
				l.fault(f.key, 0, didYouMean(f.key.Value, []string{"path", "because"}), "unknown key %s", f.key.Value)
			}
		}
		if entry.Path == "" || entry.Because == "" {
			l.fault(n, 0, "", "an ignored field has a path and says because")
			continue
		}
		l.m.Ignore = append(l.m.Ignore, entry)
	}
}

// assigns compiles the header's variables. Those that need %subject, directly or by
// another, are computed after it and not seen by it.
func (l *loader) assigns(header map[string]pair, sc scope) (early scope, late []string) {
	p, ok := header["assign"]
	if !ok {
		return sc, nil
	}
	seen := sc.with("subject")
	for _, a := range l.assignments(p.value, &seen) {
		if a.late || slices.ContainsFunc(late, func(name string) bool { return a.uses(name) }) {
			a.late = true
			late = append(late, a.name)
			l.m.late = append(l.m.late, a)
			continue
		}
		sc = sc.with(a.name)
		l.m.early = append(l.m.early, a)
	}
	return sc, late
}

// assignments compiles a list of single-key mappings (or one mapping of one key).
// sc is extended by each, so that the next one sees it.
func (l *loader) assignments(n *yaml.Node, sc *scope) []assignment {
	n, ok := l.count(n)
	if !ok {
		return nil
	}
	entries := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		entries = n.Content
	}
	var all []assignment
	for _, entry := range entries {
		entry, ok := l.count(entry)
		if !ok {
			return all
		}
		var pairs []pair
		if entry.Kind == yaml.MappingNode {
			pairs = l.pairs(entry)
		}
		if len(pairs) != 1 {
			l.fault(entry, 0, "- name: \"{{ … }}\"", "assign is a list of mappings with one name each")
			continue
		}
		name := pairs[0].key.Value
		if !isName(name) || slices.Contains(baseVariables, name) || name == "subject" {
			l.fault(pairs[0].key, 0, "", "%s cannot be the name of a variable", name)
			continue
		}
		before := len(l.faults)
		a := assignment{name: name, slot: l.slot(name)}
		a.step = l.value(pairs[0].value, untyped("%"+name), *sc)
		switch s := a.step.(type) {
		case *firstStep:
			a.x = s.x
		case *allStep:
			a.x, a.all = s.x, true
		}
		if len(l.faults) == before {
			a.names = stepVariables(a.step)
			a.late = slices.Contains(a.names, "subject")
			all = append(all, a)
		}
		*sc = sc.with(name) // even after a fault, so that its uses are not told as well
	}
	return all
}

func (a *assignment) uses(name string) bool { return slices.Contains(a.names, name) }

func (l *loader) subjectRule(header map[string]pair, sc scope) subjectRule {
	var rule subjectRule
	p, ok := header["subject"]
	if !ok {
		return rule
	}
	rule.line = p.key.Line
	if p.value.Kind != yaml.MappingNode {
		l.fault(p.value, 0, "", "subject: is a mapping of key, identifiers, birthDate, name and old")
		return rule
	}
	before := len(l.faults)
	fields := map[string]*step{"key": &rule.key, "identifiers": &rule.identifiers, "old": &rule.old, "birthDate": &rule.birthDate, "name": &rule.name}
	for _, f := range l.pairs(p.value) {
		at, known := fields[f.key.Value]
		if !known {
			l.fault(f.key, 0, didYouMean(f.key.Value, []string{"key", "identifiers", "old", "birthDate", "name"}), "unknown key %s", f.key.Value)
			continue
		}
		t := text1("subject." + f.key.Value)
		switch f.key.Value {
		case "identifiers", "old":
			t.list = true
		case "birthDate":
			t.typ = "date"
		}
		*at = l.value(f.value, t, sc)
	}
	if rule.key == nil && rule.identifiers == nil && len(l.faults) == before {
		l.fault(p.key, 0, "", "a subject needs a key or identifiers")
	}
	return rule
}

// skipRules reads skip: an expression, a mapping of when and because, or a list of such.
func (l *loader) skipRules(header map[string]pair, sc scope) []skipRule {
	because := l.word(header, "because")
	p, ok := header["skip"]
	if !ok {
		if because != "" {
			l.fault(header["because"].key, 0, "", "because: stands beside skip:")
		}
		return nil
	}
	entries := []*yaml.Node{p.value}
	if p.value.Kind == yaml.SequenceNode {
		entries = p.value.Content
	}
	var rules []skipRule
	for _, n := range entries {
		rule, when := skipRule{because: because}, n
		if n.Kind == yaml.MappingNode {
			when = nil
			for _, f := range l.pairs(n) {
				switch f.key.Value {
				case "when":
					when = f.value
				case "because":
					rule.because = f.value.Value
				default:
					l.fault(f.key, 0, didYouMean(f.key.Value, []string{"when", "because"}), "unknown key %s", f.key.Value)
				}
			}
		}
		if when == nil {
			l.fault(n, 0, "", "skip needs when: with a condition")
			continue
		}
		if rule.because == "" {
			l.fault(n, 0, "add because:", "a record that is skipped must say because")
		}
		rule.when = l.value(when, target{typ: "boolean", prim: true, path: "skip"}, sc)
		rules = append(rules, rule)
	}
	return rules
}

func (l *loader) headerStep(header map[string]pair, key string, t target, sc scope) step {
	p, ok := header[key]
	if !ok {
		return nil
	}
	return l.value(p.value, t, sc)
}
