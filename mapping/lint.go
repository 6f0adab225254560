package mapping

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Finding is a fault of a map or table with how grave it is.
type Finding struct {
	*Fault
	// Refused: the file cannot be loaded with it. Otherwise it loads, and says
	// something that can never happen or is never used.
	Refused bool
}

// Lint finds everything that Load refuses, and what loads and cannot have been meant:
// branches that are never reached or always taken, variables and tables that nothing
// uses, two resources of one id, ignored fields that are used all the same. Sorted by
// file and line. The error is that the files cannot be read at all.
func Lint(fsys fs.FS) ([]Finding, error) {
	set, err := Load(fsys)
	if set == nil {
		return nil, err
	}
	var all []Finding
	for _, f := range Faults(err) {
		all = append(all, Finding{f, true})
	}
	report := func(f *Fault) { all = append(all, Finding{Fault: f}) }
	files, err := mapFiles(fsys)
	if err != nil {
		return nil, err
	}
	declared := map[string]bool{}
	for _, file := range files {
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, fmt.Errorf("read map: %w", err)
		}
		l := newLinter(file, data)
		l.file()
		for name := range l.declared {
			declared[name] = true
		}
		for _, f := range l.at.faults {
			report(f)
		}
	}
	for name, t := range set.tables {
		if !declared[name] {
			report(&Fault{File: t.file, Line: 1, Column: 1, Message: "no map uses table " + name, Suggestion: "name it under tables: of a map, or remove the file"})
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column)
	})
	return all, nil
}

// linter looks at one map file's YAML. It reports no syntax: Load does that.
type linter struct {
	at       *loader // places of nodes, and the faults
	header   map[string]pair
	declared map[string]bool // tables
	made     []madeResource
	used     map[string]*exprAt // by source path: the first expression that reads it
}

func newLinter(file string, data []byte) *linter {
	return &linter{at: &loader{file: file, data: data}, header: map[string]pair{}, declared: map[string]bool{}, used: map[string]*exprAt{}}
}

func (l *linter) fault(n *yaml.Node, offset int, suggestion, format string, args ...any) {
	l.at.fault(n, offset, suggestion, format, args...)
}

func (l *linter) file() {
	root := l.at.document()
	l.at.faults = nil // Load has told
	if root == nil {
		return
	}
	for _, p := range l.at.pairs(root) {
		l.header[p.key.Value] = p
	}
	l.at.faults = nil
	if p, ok := l.header["tables"]; ok {
		for _, n := range p.value.Content {
			l.declared[n.Value] = true
		}
	}
	l.skips()
	l.unusedHeaderVariables(root)
	sc := lintScope{paths: map[string][]string{}, context: []string{""}}
	for _, key := range []string{"assign", "subject", "skip", "service", "labels"} {
		if p, ok := l.header[key]; ok {
			sc = l.headerPiece(key, p.value, sc)
		}
	}
	if p, ok := l.header["make"]; ok {
		l.walk(p.value, sc, true)
	}
	l.sameIDs()
	l.ignoredAndUsed()
}

// headerPiece looks at the expressions of a header key; assign adds to the scope.
func (l *linter) headerPiece(key string, n *yaml.Node, sc lintScope) lintScope {
	if key == "assign" {
		return l.assigned(n, sc)
	}
	l.walk(n, sc, false)
	return sc
}

func (l *linter) skips() {
	p, ok := l.header["skip"]
	if !ok {
		return
	}
	for _, x := range expressionsIn(p.value, 0) {
		switch constantOf(x.text) {
		case alwaysTrue:
			l.fault(x.node, x.offset, "remove the map, or what follows", "every record is skipped: the condition is always true")
		case alwaysFalse, alwaysNothing:
			l.fault(x.node, x.offset, "remove it", "no record is ever skipped by this: the condition is always false")
		}
	}
}

func (l *linter) unusedHeaderVariables(root *yaml.Node) {
	p, ok := l.header["assign"]
	if !ok {
		return
	}
	l.unused(p.value, root)
}

// unused tells which variables of an assign list nothing within a node uses.
func (l *linter) unused(list, within *yaml.Node) {
	uses := map[string]int{}
	for _, x := range expressionsIn(within, 0) {
		for _, v := range variables(x.text) {
			uses[v.text]++
		}
	}
	for _, p := range assignPairs(list) {
		name, own := p.key.Value, 0
		for _, x := range expressionsIn(p.value, 0) {
			for _, v := range variables(x.text) {
				if v.text == name {
					own++
				}
			}
		}
		if uses[name] <= own {
			l.fault(p.key, 0, "remove it", "variable %%%s is never used", name)
		}
	}
}

// assignPairs gives the name and value of each entry of an assign list.
func assignPairs(n *yaml.Node) []pair {
	n = followed(n)
	entries := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		entries = n.Content
	}
	var all []pair
	for _, e := range entries {
		if e = followed(e); e.Kind == yaml.MappingNode && len(e.Content) == 2 {
			all = append(all, pair{e.Content[0], e.Content[1]})
		}
	}
	return all
}

func followed(n *yaml.Node) *yaml.Node {
	for range maxDepth {
		if n.Kind != yaml.AliasNode {
			return n
		}
		n = n.Alias
	}
	return &yaml.Node{}
}

// exprAt is an expression and where it stands.
type exprAt struct {
	node   *yaml.Node
	text   string
	offset int
}

// expressionsIn gives every expression in a node, keys included.
func expressionsIn(n *yaml.Node, depth int) []exprAt {
	if n = followed(n); depth > maxDepth {
		return nil
	}
	if n.Kind == yaml.ScalarNode {
		return scalarExpressions(n)
	}
	var all []exprAt
	for _, c := range n.Content {
		all = append(all, expressionsIn(c, depth+1)...)
	}
	return all
}

func scalarExpressions(n *yaml.Node) []exprAt {
	if d, err := parseDirective(n.Value); err == nil {
		if d.expr == "" {
			return nil
		}
		return []exprAt{{n, d.expr, d.offset}}
	}
	form, parts, err := parseScalar(n.Value)
	if err != nil || form == formConstant {
		return nil
	}
	var all []exprAt
	for _, p := range parts {
		if p.expr {
			all = append(all, exprAt{n, p.text, p.offset})
		}
	}
	return all
}
