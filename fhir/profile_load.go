package fhir

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"samsyn/fhir/r4"
)

// maxProfileBytes bounds a profile file.
const maxProfileBytes = 1 << 20

// ProfileFault is one thing that is wrong with a profile file. Line and Column count from
// 1; they are 0 where the fault is the whole file's.
type ProfileFault struct {
	File         string
	Line, Column int
	Message      string
}

// Error gives "file:line:column: message", the form that editors follow.
func (f *ProfileFault) Error() string {
	if f.Line == 0 {
		return f.File + ": " + f.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
}

// ProfileFaults gives the faults that an error from LoadProfiles is made of.
func ProfileFaults(err error) []*ProfileFault {
	var fault *ProfileFault
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		var all []*ProfileFault
		for _, one := range e.Unwrap() {
			all = append(all, ProfileFaults(one)...)
		}
		return all
	default:
		if errors.As(err, &fault) {
			return []*ProfileFault{fault}
		}
	}
	return nil
}

// LoadProfiles reads the guides, each a .yaml file at the root of one of the file systems
// (the form: docs/mapping.md). A file takes the place of one with the same name in a file
// system before it. The error joins a *ProfileFault for each thing that is wrong in any
// file; there are no profiles then.
func LoadProfiles(from ...fs.FS) (*Profiles, error) {
	p := &Profiles{byType: map[string][]*profile{}, files: map[string][]byte{}}
	for _, fsys := range from {
		names, err := fs.Glob(fsys, "*.yaml")
		if err != nil {
			return nil, fmt.Errorf("list profiles: %w", err)
		}
		for _, name := range names {
			if p.files[name], err = fs.ReadFile(fsys, name); err != nil {
				return nil, fmt.Errorf("read profile: %w", err)
			}
		}
	}
	var faults []error
	guides := map[string]string{}
	for _, name := range sortedKeys(p.files) {
		l := &profileLoader{file: name, data: p.files[name]}
		all := l.load()
		if other, twice := guides[l.guide]; twice && l.guide != "" {
			l.fault(nil, "%s is the guide %s too", other, l.guide)
		}
		guides[l.guide] = name
		for _, one := range all {
			p.byType[one.typ] = append(p.byType[one.typ], one)
		}
		for _, f := range l.faults {
			faults = append(faults, f)
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return p, nil
}

// profileLoader compiles one file and collects its faults.
type profileLoader struct {
	file    string
	data    []byte
	guide   string
	codes   map[string]*codeList
	systems map[string]numberSystem
	faults  []*ProfileFault
}

// numberSystem is an identifier system that a file names itself.
type numberSystem struct {
	uri  string
	form func(string) bool
}

func (l *profileLoader) fault(n *yaml.Node, format string, args ...any) {
	f := &ProfileFault{File: l.file, Message: fmt.Sprintf(format, args...)}
	if n != nil {
		f.Line, f.Column = n.Line, n.Column
	}
	l.faults = append(l.faults, f)
}

var yamlFaultLine = regexp.MustCompile(`line (\d+)`)

// load compiles the file; what it gives is of use only where there are no faults.
func (l *profileLoader) load() []*profile {
	root := l.document()
	if root == nil {
		return nil
	}
	m := l.members(root, "guide", "about", "codes", "systems", "profiles")
	l.guide = l.word(m["guide"])
	if l.guide == "" {
		l.fault(root, "guide: is missing, the word that the names of its rules begin with")
	}
	l.readCodes(m["codes"])
	l.readSystems(m["systems"])
	if m["profiles"] == nil {
		l.fault(root, "profiles: is missing")
	}
	var all []*profile
	for _, n := range l.items(m["profiles"]) {
		if p := l.profile(n); p != nil {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(l.faults, func(a, b *ProfileFault) int {
		return cmp.Or(a.Line-b.Line, a.Column-b.Column)
	})
	return all
}

func (l *profileLoader) document() *yaml.Node {
	switch {
	case len(l.data) > maxProfileBytes:
		l.fault(nil, "the file is too large")
		return nil
	case !utf8.Valid(l.data):
		l.fault(nil, "the file is not UTF-8")
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(l.data))
	var doc, more yaml.Node
	switch err := dec.Decode(&doc); {
	case err == io.EOF:
		l.fault(nil, "the file is empty")
		return nil
	case err != nil:
		at := &yaml.Node{Column: 1}
		if m := yamlFaultLine.FindStringSubmatch(err.Error()); m != nil {
			at.Line, _ = strconv.Atoi(m[1])
		}
		l.fault(at, "the file is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		l.fault(nil, "the file has more than one YAML document")
		return nil
	}
	if doc.Content[0].Kind != yaml.MappingNode {
		l.fault(doc.Content[0], "a profile file is a YAML mapping with guide: and profiles:")
		return nil
	}
	return doc.Content[0]
}

// members gives the values of a mapping by key; keys that are not known are faults, and
// so is an alias: a profile file has no use for one. No known keys: any.
func (l *profileLoader) members(n *yaml.Node, known ...string) map[string]*yaml.Node {
	all := map[string]*yaml.Node{}
	if n == nil {
		return all
	}
	if n.Kind != yaml.MappingNode {
		l.fault(n, "a mapping is wanted here")
		return all
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge":
			l.fault(key, "a key must be a plain word")
		case len(known) > 0 && !slices.Contains(known, key.Value):
			l.fault(key, "unknown key %s; there are %s", key.Value, strings.Join(known, ", "))
		case all[key.Value] != nil:
			l.fault(key, "key %s stands twice", key.Value)
		default:
			all[key.Value] = value
		}
	}
	return all
}

func (l *profileLoader) items(n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		l.fault(n, "a list is wanted here")
		return nil
	}
	return n.Content
}

// text gives a scalar's text; "" for none.
func (l *profileLoader) text(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || strings.TrimSpace(n.Value) == "" {
		l.fault(n, "a text is wanted here")
		return ""
	}
	return n.Value
}

// texts gives a list of texts, or the one text that stands in its place.
func (l *profileLoader) texts(n *yaml.Node) []string {
	if n == nil || n.Kind == yaml.ScalarNode {
		if s := l.text(n); s != "" {
			return []string{s}
		}
		return nil
	}
	var all []string
	for _, item := range l.items(n) {
		if s := l.text(item); s != "" {
			all = append(all, s)
		}
	}
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		l.fault(n, "an empty list asks for nothing")
	}
	return all
}

var plainWord = regexp.MustCompile(`^[a-z][a-z0-9-]{0,59}$`)

func (l *profileLoader) word(n *yaml.Node) string {
	s := l.text(n)
	if s != "" && !plainWord.MatchString(s) {
		l.fault(n, "a name is written with small letters, digits and hyphens")
	}
	return s
}

func (l *profileLoader) yes(n *yaml.Node) bool {
	if n == nil {
		return false
	}
	if n.Tag != "!!bool" {
		l.fault(n, "true or false is wanted here")
	}
	return n.Value == "true"
}

func (l *profileLoader) count(n *yaml.Node, otherwise int) int {
	if n == nil {
		return otherwise
	}
	i, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || i < 0 || i > 1_000_000 {
		l.fault(n, "a number from 0 is wanted here")
		return otherwise
	}
	return i
}

func (l *profileLoader) readCodes(n *yaml.Node) {
	l.codes = map[string]*codeList{}
	for name, n := range l.members(n) {
		m := l.members(n, "system", "codes", "from")
		list := &codeList{system: l.text(m["system"]), codes: map[string]bool{}}
		for _, code := range l.texts(m["codes"]) {
			list.codes[code] = true
		}
		if m["system"] == nil || m["codes"] == nil {
			l.fault(n, "a code list needs system: and codes:")
		}
		l.codes[name] = list
	}
}

func (l *profileLoader) readSystems(n *yaml.Node) {
	l.systems = map[string]numberSystem{}
	for name, n := range l.members(n) {
		m := l.members(n, "system", "form")
		s := numberSystem{uri: l.text(m["system"])}
		if m["system"] == nil {
			l.fault(n, "an identifier system needs system:")
		}
		if known, ok := findSystem(name); ok {
			l.fault(n, "%s is known already", known.short)
		} else if known, ok := findSystem(s.uri); ok {
			l.fault(n, "the system is known already, as %s", known.short)
		}
		if text := l.text(m["form"]); text != "" {
			form, err := regexp.Compile(`^(?:` + text + `)$`)
			if err != nil {
				l.fault(m["form"], "it is no regular expression")
			} else {
				s.form = form.MatchString
			}
		}
		l.systems[name] = s
	}
}

// path compiles an element's path below a type; false after a fault.
func (l *profileLoader) path(n *yaml.Node, typ, text string) (elementPath, bool) {
	var steps elementPath
	for _, name := range strings.Split(text, ".") {
		t, ok := r4.Lookup(typ)
		if !ok || t.Kind == r4.Primitive || t.Kind == r4.Abstract {
			l.fault(n, "nothing can be looked for below what stands before .%s", shown(name))
			return nil, false
		}
		e, valueType, ok := t.Element(name)
		if !ok || name == "resourceType" {
			l.fault(n, "%s has no element %s; it has %s", typ, shown(name), strings.Join(elementNames(t), ", "))
			return nil, false
		}
		step := pathStep{keys: []string{name}, typ: valueType}
		if e.Choice && valueType == "" {
			step.keys = nil
			for _, one := range e.Types {
				step.keys = append(step.keys, e.Name+upperFirst(one))
			}
		}
		steps = append(steps, step)
		typ = valueType
	}
	return steps, true
}

func elementNames(t *r4.Type) []string {
	var names []string
	for i := range t.Elements {
		name := t.Elements[i].Name
		if t.Elements[i].Choice {
			name += "[x]"
		}
		names = append(names, name)
	}
	return names
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
