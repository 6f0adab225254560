package mapping

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"samsyn/fhir"
)

// engineVersion is raised when the engine makes something else of the same map and
// record, so that everything held is mapped again.
const engineVersion = "1"

// Set is a loaded set of maps with their tables. It is immutable and may be used
// from many goroutines.
type Set struct {
	maps   map[string]*Map
	names  []string
	tables map[string]*codeTable
}

// Map is one compiled map file.
type Map struct {
	Name   string // "fiksinnsyn/mappe"
	About  string
	Record string // name of the record's root
	Tables []string
	Ignore []Ignored

	file     string
	data     []byte // the file, so that what it made can be made again
	revision string
	tables   map[string]*codeTable
	slots    []string // names of the variables, by the place that a run keeps each in

	early, late []assignment
	skip        []skipRule
	subject     subjectRule
	subjectSlot int
	service     step
	labels      step
	make        step

	profiles *fhir.Profiles // nil: none

	runs *sync.Pool // of *run: the room that records are mapped in
}

// Ignored is a source field that a map leaves out on purpose.
type Ignored struct {
	Path    string
	Because string
}

type skipRule struct {
	when    step
	because string
}

type subjectRule struct {
	line                                   int
	key, identifiers, old, birthDate, name step
}

// Load reads every map below maps/ and every table below codes/. The error joins a
// *Fault for each thing that is wrong in any file (see Faults). The Set holds the
// maps without faults; it is for tools that go on in spite of the error.
func Load(fsys fs.FS, opts ...Option) (*Set, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	var faults []*Fault
	report := func(f *Fault) { faults = append(faults, f) }
	tables, err := loadTables(fsys, report)
	if err != nil {
		return nil, err
	}
	set := &Set{maps: map[string]*Map{}, tables: tables}
	files, err := mapFiles(fsys)
	if err != nil {
		return nil, err
	}
	functions := compileOptions()
	for _, file := range files {
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, fmt.Errorf("read map: %w", err)
		}
		l := &loader{file: file, data: data, tables: tables, functions: functions}
		m := l.load()
		if m != nil {
			if _, twice := set.maps[m.Name]; twice {
				l.fault(nil, 0, "", "another file is the map of the same name")
			}
		}
		for _, f := range l.faults {
			report(f)
		}
		if m != nil && len(l.faults) == 0 {
			m.judgedBy(o.profiles)
			set.maps[m.Name] = m
			set.names = append(set.names, m.Name)
		}
	}
	slices.Sort(set.names)
	slices.SortStableFunc(faults, func(a, b *Fault) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column)
	})
	all := make([]error, len(faults))
	for i, f := range faults {
		all[i] = f
	}
	return set, errors.Join(all...)
}

func mapFiles(fsys fs.FS) ([]string, error) {
	var files []string
	err := fs.WalkDir(fsys, "maps", func(file string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && file == "maps" {
			return fs.SkipAll
		}
		if err == nil && !d.IsDir() && slices.Contains([]string{".yaml", ".yml"}, path.Ext(file)) {
			files = append(files, file)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list maps: %w", err)
	}
	return files, nil
}

// Map gives the map for a kind of record of a source system.
func (s *Set) Map(system, kind string) (*Map, bool) {
	m, ok := s.maps[system+"/"+kind]
	return m, ok
}

// Maps gives all maps by name.
func (s *Set) Maps() []*Map {
	maps := make([]*Map, len(s.names))
	for i, name := range s.names {
		maps[i] = s.maps[name]
	}
	return maps
}

// Tables gives the names of all code tables, sorted.
func (s *Set) Tables() []string {
	names := make([]string, 0, len(s.tables))
	for name := range s.tables {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// System and Kind are the two parts of the map's name.
func (m *Map) System() string { system, _, _ := strings.Cut(m.Name, "/"); return system }

// Kind is the kind of record that the map reads.
func (m *Map) Kind() string { _, kind, _ := strings.Cut(m.Name, "/"); return kind }

// Revision is a hash of the map file, the tables that it names, the profiles and the
// engine's version: the same revision makes the same of the same record.
func (m *Map) Revision() string { return m.revision }

func revision(data []byte, names []string, tables map[string]*codeTable) string {
	h := sha256.New()
	part := func(name string, data []byte) {
		fmt.Fprintf(h, "%s\x00%d\x00", name, len(data))
		h.Write(data)
	}
	part("engine", []byte(engineVersion))
	part("map", data)
	names = slices.Sorted(slices.Values(names))
	for _, name := range names {
		if t, ok := tables[name]; ok {
			part("table "+name, t.data)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
