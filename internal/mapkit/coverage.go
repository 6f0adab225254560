package mapkit

import (
	"cmp"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"

	"samsyn/adapters"
	"samsyn/fhir/fhirpath"
	"samsyn/mapping"
)

// State is what a map does with a field or code.
type State string

// The states. Ignored and skipped are on purpose, and Because says why.
const (
	Used     State = "used"
	Ignored  State = "ignored"
	Skipped  State = "skipped" // it stood only in records that the map skips
	Unmapped State = "unmapped"
	Alien    State = "unknown" // a FHIR record has it and R4 does not: nothing can read it
)

// Coverage is what the maps of a source do with everything that is held of it. It
// holds names of fields and words of tables, never what stands in a field.
type Coverage struct {
	Maps []MapCoverage `json:"maps"`
	// Fields and Codes are how many there are; Mapped of them are used, ignored or skipped on purpose.
	Fields       int     `json:"fields"`
	FieldsMapped int     `json:"fieldsMapped"`
	Codes        int     `json:"codes"`
	CodesMapped  int     `json:"codesMapped"`
	Percent      float64 `json:"percent"` // of fields and codes together; 100 where there are none
}

// MapCoverage is one kind of record.
type MapCoverage struct {
	Map     string  `json:"map"`
	NoMap   bool    `json:"noMap,omitempty"` // there is none: nothing of it is mapped
	Records int     `json:"records"`
	Refused int     `json:"refused,omitempty"` // records that could not be mapped: what they did not come to is not known
	Fields  []Field `json:"fields"`
	Codes   []Code  `json:"codes,omitempty"`
}

// Field is a source field, its places in lists left out.
type Field struct {
	Path    string `json:"path"`
	State   State  `json:"state"`
	Records int    `json:"records"`         // that have it
	Lines   []int  `json:"lines,omitempty"` // of the map, that read it
	Because string `json:"because,omitempty"`
}

// Code is a code that met a table.
type Code struct {
	Table string `json:"table"`
	Code  string `json:"code"` // or its length, where it could be something else
	State State  `json:"state"`
	Count int    `json:"count"`
	Lines []int  `json:"lines,omitempty"`
}

// Cover counts what the maps of a system do with records.
func Cover(set *mapping.Set, system string, records iter.Seq2[adapters.Record, error]) (Coverage, error) {
	all := map[string]*counter{}
	for r, err := range records {
		if err != nil {
			return Coverage{}, err
		}
		c := all[r.Kind]
		if c == nil {
			c = newCounter(set, system, r.Kind)
			all[r.Kind] = c
		}
		if err := c.record(r); err != nil {
			return Coverage{}, err
		}
	}
	var out Coverage
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		m := all[kind].coverage(system + "/" + kind)
		for _, f := range m.Fields {
			out.Fields++
			if f.State != Unmapped && f.State != Alien {
				out.FieldsMapped++
			}
		}
		for _, c := range m.Codes {
			out.Codes++
			if c.State != Unmapped {
				out.CodesMapped++
			}
		}
		out.Maps = append(out.Maps, m)
	}
	return Join(out), nil
}

// Join puts the coverages of several systems together.
func Join(all ...Coverage) Coverage {
	var out Coverage
	for _, c := range all {
		out.Maps = append(out.Maps, c.Maps...)
		out.Fields, out.FieldsMapped = out.Fields+c.Fields, out.FieldsMapped+c.FieldsMapped
		out.Codes, out.CodesMapped = out.Codes+c.Codes, out.CodesMapped+c.CodesMapped
	}
	out.Percent = 100
	if n := out.Fields + out.Codes; n > 0 {
		out.Percent = 100 * float64(out.FieldsMapped+out.CodesMapped) / float64(n)
	}
	return out
}

// counter gathers one kind of record.
type counter struct {
	m                *mapping.Map
	mentions         map[string]int // plain paths that the map names, with the line
	records, refused int
	fields           map[string]*fieldCount
	codes            map[codeKey]*codeCount
}

type fieldCount struct {
	records          int
	lines            map[int]bool
	ignored, skipped map[string]bool // the reasons
	plain, alien     bool            // it stood somewhere where nothing said to leave it out
}

// codeKey: a code whose meaning ended on a day may be both known and not.
type codeKey struct {
	table, code string
	state       State
}

type codeCount struct {
	count int
	lines map[int]bool
}

func newCounter(set *mapping.Set, system, kind string) *counter {
	m, ok := set.Map(system, kind)
	var mentions map[string]int
	if ok {
		mentions = m.Mentions()
	}
	return &counter{m: m, mentions: mentions, fields: map[string]*fieldCount{}, codes: map[codeKey]*codeCount{}}
}

var places = regexp.MustCompile(`\[\d+\]`)

func (c *counter) field(path string) *fieldCount {
	path = places.ReplaceAllString(path, "")
	f := c.fields[path]
	if f == nil {
		f = &fieldCount{lines: map[int]bool{}, ignored: map[string]bool{}, skipped: map[string]bool{}}
		c.fields[path] = f
	}
	return f
}

func (c *counter) record(r adapters.Record) error {
	c.records++
	m := c.m
	if m == nil {
		m = &mapping.Map{Name: r.Kind, Record: r.Kind}
	}
	fields, ignored, err := m.Fields(r.Media, r.Body)
	if err != nil {
		c.refused++
		return nil
	}
	read := map[string]map[int]bool{}
	note := func(path string, line int) {
		if read[path] == nil {
			read[path] = map[int]bool{}
		}
		read[path][line] = true
	}
	var because string
	if c.m != nil {
		var skipped bool
		if skipped, because = c.apply(r, note); !skipped {
			because = ""
		}
	}
	have := map[string]bool{}
	for _, f := range fields {
		path := places.ReplaceAllString(f.Path, "")
		count := c.field(path)
		if !have[path] {
			have[path] = true
			count.records++
		}
		lines := read[f.Path]
		maps.Copy(count.lines, lines)
		count.alien = count.alien || f.Unknown
		reason, left := ignored[f.Path]
		switch {
		case len(lines) > 0:
		case left:
			count.ignored[reason.Because] = true
		case because != "":
			count.skipped[because] = true
		default:
			count.plain = true
		}
	}
	return nil
}

// apply maps the record and notes what is read, by path and line of the map.
func (c *counter) apply(r adapters.Record, note func(path string, line int)) (skipped bool, because string) {
	in := Record{Key: r.Key, Media: r.Media, Body: r.Body}.input(c.m)
	in.Observe = &mapping.Observer{
		Field: func(item fhirpath.Item, line int) {
			if _, object := item.Value().(map[string]any); !object {
				note(item.Path(), line)
			}
		},
		Code: func(t mapping.TranslatedCode) {
			code := codeKey{t.Table, t.Speakable(), Used}
			switch {
			case !t.Known:
				code.state = Unmapped
			case t.Silent:
				code.state = Ignored
			}
			n := c.codes[code]
			if n == nil {
				n = &codeCount{lines: map[int]bool{}}
				c.codes[code] = n
			}
			n.count++
			n.lines[t.Line] = true
		},
	}
	result, err := c.m.Apply(in)
	if err != nil {
		c.refused++
	}
	for _, made := range result.Made { // objects that are taken whole name their leaves here
		for _, l := range made.Lineage {
			for _, path := range l.From {
				note(path, l.Line)
			}
		}
	}
	return result.Skipped, result.Because
}

func (c *counter) coverage(name string) MapCoverage {
	out := MapCoverage{Map: name, NoMap: c.m == nil, Records: c.records, Refused: c.refused, Fields: []Field{}}
	for _, path := range slices.Sorted(maps.Keys(c.fields)) {
		f := c.fields[path]
		if _, below, ok := strings.Cut(path, "."); ok && len(f.lines) == 0 && len(f.ignored) == 0 && c.mentions[below] > 0 {
			f.lines[c.mentions[below]] = true
		}
		field := Field{Path: path, Records: f.records, Lines: slices.Sorted(maps.Keys(f.lines))}
		switch {
		case len(f.lines) > 0:
			field.State = Used
		case f.alien:
			field.State = Alien
		case f.plain:
			field.State = Unmapped
		case len(f.ignored) > 0:
			field.State, field.Because = Ignored, slices.Sorted(maps.Keys(f.ignored))[0]
		default:
			field.State, field.Because = Skipped, slices.Sorted(maps.Keys(f.skipped))[0]
		}
		out.Fields = append(out.Fields, field)
	}
	for code, n := range c.codes {
		out.Codes = append(out.Codes, Code{Table: code.table, Code: code.code, State: code.state, Count: n.count, Lines: slices.Sorted(maps.Keys(n.lines))})
	}
	slices.SortFunc(out.Codes, func(a, b Code) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Code, b.Code), cmp.Compare(a.State, b.State))
	})
	return out
}
