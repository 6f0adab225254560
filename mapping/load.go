package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"samsyn/fhir/fhirpath"
	"samsyn/fhir/r4"
)

// maxNodes bounds a map file after its aliases are followed.
const maxNodes = 20_000

// loader compiles one map file and collects its faults.
type loader struct {
	file      string
	data      []byte
	text      string
	lines     []string
	starts    []int // where each line begins in text
	tables    map[string]*codeTable
	functions []fhirpath.Option

	m *Map
	// fhirRecord: the record is named as an R4 resource, so its fields can be checked;
	// inContext: but not inside a context block, where another item is the root.
	fhirRecord, inContext bool
	used                  map[string]bool // tables that expressions use
	nodes, depth          int
	faults                []*Fault
}

// fault notes what is wrong at an offset (in bytes) of a YAML node's text.
func (l *loader) fault(n *yaml.Node, offset int, suggestion, format string, args ...any) {
	f := &Fault{File: l.file, Message: fmt.Sprintf(format, args...), Suggestion: suggestion}
	if n != nil {
		f.Line, f.Column = l.place(n, offset)
	}
	if !slices.ContainsFunc(l.faults, func(o *Fault) bool { return *o == *f }) {
		l.faults = append(l.faults, f)
	}
}

// place finds the line and column of an offset in a scalar. Quotes, escapes and
// folded lines only ever make the text in the file longer, so it is searched for
// from the offset on.
func (l *loader) place(n *yaml.Node, offset int) (line, column int) {
	line, column = n.Line, n.Column
	if n.Kind != yaml.ScalarNode || offset > len(n.Value) || n.Line < 1 || n.Line > len(l.lines) {
		return line, column
	}
	if offset == 0 && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		return line, column
	}
	raw := l.from(n.Line, n.Column)
	needle, _, _ := strings.Cut(n.Value[offset:], "\n")
	if len(needle) > 24 {
		needle = needle[:24]
		for !utf8.ValidString(needle) {
			needle = needle[:len(needle)-1]
		}
	}
	if needle == "" || offset > len(raw) {
		return line, column
	}
	at := strings.Index(raw[offset:], needle)
	if at < 0 {
		return line, column
	}
	before := raw[:offset+at]
	if breaks := strings.Count(before, "\n"); breaks > 0 {
		return line + breaks, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	}
	return line, column + utf8.RuneCountInString(before)
}

// from is the text of the file from a place on, and no more than 200 lines after it.
// Nothing is copied: it is asked for every expression of every map, at each start.
func (l *loader) from(line, column int) string {
	first := l.lines[line-1]
	for range column - 1 {
		_, size := utf8.DecodeRuneInString(first)
		first = first[size:]
	}
	start := l.starts[line-1] + len(l.lines[line-1]) - len(first)
	last := min(line+200, len(l.lines)) - 1
	return l.text[start : l.starts[last]+len(l.lines[last])]
}

var yamlErrorLine = regexp.MustCompile(`line (\d+)`)

// document parses the file's YAML; nil when it is none.
func (l *loader) document() *yaml.Node {
	l.text = string(l.data)
	l.lines = strings.Split(l.text, "\n")
	l.starts = make([]int, len(l.lines))
	for i := 1; i < len(l.lines); i++ {
		l.starts[i] = l.starts[i-1] + len(l.lines[i-1]) + 1
	}
	if !utf8.Valid(l.data) {
		l.fault(nil, 0, "", "the file is not UTF-8")
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(l.data))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		f := &Fault{File: l.file, Message: "the file is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
		if err == io.EOF {
			f.Message = "the file is empty"
		}
		if m := yamlErrorLine.FindStringSubmatch(err.Error()); m != nil {
			f.Line, _ = strconv.Atoi(m[1])
			f.Column = 1
		}
		l.faults = append(l.faults, f)
		return nil
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		l.fault(&more, 0, "", "the file has more than one YAML document")
		return nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		l.fault(root, 0, "begin with map:, record: and make:", "a map file is a YAML mapping")
		return nil
	}
	return root
}

// count follows an alias and counts nodes; false when the file is too large.
func (l *loader) count(n *yaml.Node) (*yaml.Node, bool) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	l.nodes++
	if l.nodes == maxNodes {
		l.fault(n, 0, "", "the map is too large (or its aliases loop)")
	}
	return n, l.nodes < maxNodes
}

// maxNesting bounds how deep a template nests; an alias may nest without end.
const maxNesting = 2 * maxDepth

// enter goes one level down; leave goes back where it said true.
func (l *loader) enter(n *yaml.Node) bool {
	if l.depth == maxNesting {
		l.fault(n, 0, "", "the template is nested too deep (or its aliases loop)")
		return false
	}
	l.depth++
	return true
}

func (l *loader) leave() { l.depth-- }

// pair is a key of a YAML mapping with its value.
type pair struct {
	key   *yaml.Node
	value *yaml.Node
}

// pairs gives a mapping's keys in order; a key that is no text or stands twice is a fault.
func (l *loader) pairs(n *yaml.Node) []pair {
	var all []pair
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			l.fault(key, 0, "", "a key must be a plain word")
			continue
		}
		if line, twice := seen[key.Value]; twice {
			l.fault(key, 0, "", "key %s stands twice, first in line %d", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		all = append(all, pair{key, n.Content[i+1]})
	}
	return all
}

// baseVariables are given to every expression; %subject only after the subject is known.
var baseVariables = []string{"record", "key", "now", "resource", "rootResource", "context", "sct", "loinc", "ucum"}

// scope is the variables that an expression may use.
type scope []string

func (s scope) with(names ...string) scope { return append(slices.Clip(s), names...) }

// expression compiles the text at offset of a scalar (a value or a key); nil after a fault.
func (l *loader) expression(n *yaml.Node, text string, offset int, sc scope, path string) *expr {
	ok := true
	var used []string
	defined := definedNames(text)
	for _, v := range variables(text) {
		if slices.Contains(sc, v.text) {
			used = append(used, v.text)
			continue
		}
		if !slices.Contains(defined, v.text) && !strings.HasPrefix(v.text, "vs-") && !strings.HasPrefix(v.text, "ext-") {
			l.fault(n, offset+v.pos, didYouMean(v.text, sc), "unknown variable %%%s", v.text)
			ok = false
		}
	}
	if !ok {
		return nil
	}
	options := append(slices.Clip(l.functions), fhirpath.WithVariables(sc...))
	if l.fhirRecord && !l.inContext {
		options = append(options, fhirpath.WithRoot(l.m.Record))
	}
	compiled, err := fhirpath.Compile(text, options...)
	if err != nil {
		var syntax *fhirpath.SyntaxError
		if !errors.As(err, &syntax) {
			l.fault(n, offset, "", "%v", err)
			return nil
		}
		at := byteOffset(text, syntax.Line, syntax.Column)
		l.fault(n, offset+at, l.functionSuggestion(syntax.Message, text, at), "%s", syntax.Message)
		return nil
	}
	for _, c := range compiled.Calls() {
		l.call(n, c, offset+byteOffset(text, c.Line, c.Column))
	}
	line, _ := l.place(n, offset)
	x := &expr{text: text, compiled: compiled, line: line, path: path, vars: used,
		rule: l.file + ":" + strconv.Itoa(line) + ": {{ " + text + " }}"}
	for _, name := range used {
		x.slots = append(x.slots, l.slot(name))
	}
	x.quick = (&quickCompiler{slot: l.slot, calls: quickCalls()}).compile(compiled.Syntax())
	if p, ok := x.quick.(*quickPath); ok {
		p.whole = true
	}
	return x
}

// slot is where a run keeps a variable's value.
func (l *loader) slot(name string) int {
	i := slices.Index(l.m.slots, name)
	if i < 0 {
		i = len(l.m.slots)
		l.m.slots = append(l.m.slots, name)
	}
	return i
}

// definedNames gives what an expression defines with defineVariable('name').
func definedNames(text string) []string {
	var names []string
	tokens := scan(text)
	for i, t := range tokens {
		if t.kind == tokenName && t.text == "defineVariable" && i+2 < len(tokens) && tokens[i+2].kind == tokenString {
			names = append(names, tokens[i+2].text)
		}
	}
	return names
}

func byteOffset(text string, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		at += strings.IndexByte(text[at:], '\n') + 1
	}
	for ; column > 1 && at < len(text); column-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}

// functionSuggestion names the function that a misspelt word at an offset may mean.
func (l *loader) functionSuggestion(message, text string, at int) string {
	end := nameEnd(text, at)
	if strings.Contains(message, "did you mean") || end == at || !strings.HasPrefix(strings.TrimSpace(text[end:]), "(") {
		return ""
	}
	var known []string
	for _, f := range fhirpath.Functions() {
		known = append(known, f.Name)
	}
	for _, f := range Functions() {
		known = append(known, f.Name)
	}
	if slices.Contains(known, text[at:end]) {
		return ""
	}
	return didYouMean(text[at:end], known)
}

// call checks what a call names: tables must be declared constants, resource types known.
func (l *loader) call(n *yaml.Node, c fhirpath.CallSite, offset int) {
	literal := func() (string, bool) {
		if len(c.Literals) == 0 || c.Literals[0] == nil {
			return "", false
		}
		return *c.Literals[0], true
	}
	switch c.Function {
	case "translate", "lookup":
		name, ok := literal()
		if !ok {
			l.fault(n, offset, "", "the table of %s must be named by a quoted constant", c.Function)
			return
		}
		l.used[name] = true
		table, found := l.tables[name]
		switch {
		case !slices.Contains(l.m.Tables, name):
			l.fault(n, offset, didYouMean(name, l.m.Tables), "table %s is not declared under tables:", name)
		case !found: // told once, where it is declared
		case c.Function == "translate" && table.match != nil:
			l.fault(n, offset, "", "table %s is for lookup, not for translate", name)
		case c.Function == "lookup" && table.match == nil:
			l.fault(n, offset, "", "table %s is for translate: it has no # match: line", name)
		case c.Function == "lookup" && len(c.Literals)-1 != len(table.match):
			l.fault(n, offset, "", "table %s is looked up by %d values: %s", name, len(table.match), strings.Join(table.match, ", "))
		}
	case "ref":
		if name, ok := literal(); ok {
			if t, found := r4.Lookup(name); !found || t.Kind != r4.Resource {
				l.fault(n, offset, didYouMean(name, r4.Names(r4.Resource)), "unknown resource type %s", name)
			}
		}
	}
}

// nameOf gives the map's name that a file's path asks for.
func nameOf(file string) string {
	return strings.TrimPrefix(strings.TrimSuffix(file, path.Ext(file)), "maps/")
}
