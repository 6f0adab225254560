package mapkit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"samsyn/adapters"
	"samsyn/mapping"
)

// Case is one record with what a map is to make of it:
// <system>/<kind>/<case>.input.{json,xml,csv} below the folder of records, beside it
// <case>.output.json and, where a fault is expected, <case>.issues: lines of text that
// the fault or the misses must hold.
type Case struct {
	Map    string // "fiksinnsyn/mappe"
	Name   string
	Input  string // file
	Output string // file, whether it is there or not
	Issues string // file, "" where there is none
}

// Cases finds the cases in a folder, of the named maps or of all. A case without its
// map is found too; outputs and issues without an input are an error.
func Cases(dir string, maps []string) ([]Case, error) {
	files := map[string]bool{}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[file] = true
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find records: %w", err)
	}
	var all []Case
	taken := map[string]bool{}
	var lost []error
	for file := range files {
		base, ok := caseOf(file)
		rel, err := filepath.Rel(dir, filepath.Dir(file))
		if !ok || err != nil {
			continue
		}
		name := filepath.ToSlash(rel)
		if strings.Count(name, "/") != 1 || len(maps) > 0 && !slices.Contains(maps, name) {
			continue
		}
		if taken[base] {
			lost = append(lost, fmt.Errorf("%s has two inputs", base))
		}
		taken[base] = true
		c := Case{Map: name, Name: filepath.Base(base), Input: file, Output: base + ".output.json"}
		if files[base+".issues"] {
			c.Issues = base + ".issues"
		}
		all = append(all, c)
	}
	for file := range files {
		for _, end := range []string{".output.json", ".issues"} {
			base, ok := strings.CutSuffix(file, end)
			rel, err := filepath.Rel(dir, filepath.Dir(file))
			if ok && err == nil && !taken[base] && (len(maps) == 0 || slices.Contains(maps, filepath.ToSlash(rel))) {
				lost = append(lost, fmt.Errorf("%s has no input beside it", file))
			}
		}
	}
	slices.SortFunc(all, func(a, b Case) int { return strings.Compare(a.Input, b.Input) })
	slices.SortFunc(lost, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return all, errors.Join(lost...)
}

// caseOf gives an input file's name without .input.<ending>.
func caseOf(file string) (string, bool) {
	base, ok := strings.CutSuffix(file, path.Ext(file))
	if !ok || mediaOf(file) == "" {
		return "", false
	}
	return strings.CutSuffix(base, ".input")
}

// Tested is what became of one case.
type Tested struct {
	Map     string `json:"map"`
	Case    string `json:"case"`
	Passed  bool   `json:"passed"`
	Updated bool   `json:"updated,omitempty"` // its .output.json was written
	Problem string `json:"problem,omitempty"`
	// Diff is what is expected (-) and what is made (+), with the lines around.
	Diff string `json:"diff,omitempty"`
}

// Test runs a case. update writes what is made as what is expected.
func Test(set *mapping.Set, c Case, update bool) Tested {
	t := Tested{Map: c.Map, Case: c.Name}
	fail := func(format string, args ...any) Tested {
		t.Problem = fmt.Sprintf(format, args...)
		return t
	}
	system, kind, _ := strings.Cut(c.Map, "/")
	m, ok := set.Map(system, kind)
	if !ok {
		return fail("there is no map %s", c.Map)
	}
	body, err := os.ReadFile(c.Input)
	if err != nil {
		return fail("read the input: %v", err)
	}
	r, err := RecordOf(c.Input, body)
	if err != nil {
		return fail("%v", err)
	}
	made := Apply(m, r)
	if c.Issues != "" {
		if missing, err := missingIssues(c.Issues, made); err != nil || missing != "" {
			return fail("%s expects %q, and %s (%v)", filepath.Base(c.Issues), missing, said(made), err)
		}
	}
	return t.compare(c, made, update)
}

func said(o Outcome) string {
	if o.Fault == "" {
		return "the record has no fault"
	}
	return "the fault is: " + o.Fault
}

func (t Tested) compare(c Case, made Outcome, update bool) Tested {
	got := made.JSON()
	want, err := os.ReadFile(c.Output)
	switch missing := errors.Is(err, fs.ErrNotExist); {
	case err != nil && !missing:
		t.Problem = fmt.Sprintf("read the output: %v", err)
	case !missing && bytes.Equal(got, want):
		t.Passed = true
	case missing && c.Issues != "":
		t.Passed = true // the issues are all that is expected
	case update:
		if err := os.WriteFile(c.Output, got, 0o644); err != nil {
			t.Problem = fmt.Sprintf("write the output: %v", err)
			return t
		}
		t.Passed, t.Updated, t.Diff = true, true, LineDiff(string(want), string(got))
	case missing:
		t.Problem = "there is no " + filepath.Base(c.Output) + ": --update writes it; read it then"
	default:
		t.Problem, t.Diff = filepath.Base(c.Output)+" differs", LineDiff(string(want), string(got))
	}
	return t
}

// missingIssues gives the first line of an .issues file that the outcome does not hold.
func missingIssues(file string, o Outcome) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	told := o.Fault
	for _, m := range o.Misses {
		told += fmt.Sprintf("\ntable %s has no row for code %s", m.Table, m.Code)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") && !strings.Contains(told, line) {
			return line, nil
		}
	}
	return "", nil
}

// CoverCases counts what the maps do with the test records in a folder.
func CoverCases(set *mapping.Set, dir string) (Coverage, error) {
	cases, err := Cases(dir, nil)
	if err != nil {
		return Coverage{}, err
	}
	bySystem := map[string][]Case{}
	for _, c := range cases {
		system, _, _ := strings.Cut(c.Map, "/")
		bySystem[system] = append(bySystem[system], c)
	}
	var all []Coverage
	for _, system := range slices.Sorted(maps.Keys(bySystem)) {
		c, err := Cover(set, system, recordsOf(bySystem[system]))
		if err != nil {
			return Coverage{}, err
		}
		all = append(all, c)
	}
	return Join(all...), nil
}

func recordsOf(cases []Case) iter.Seq2[adapters.Record, error] {
	return func(yield func(adapters.Record, error) bool) {
		for _, c := range cases {
			_, kind, _ := strings.Cut(c.Map, "/")
			body, err := os.ReadFile(c.Input)
			if err != nil {
				yield(adapters.Record{}, fmt.Errorf("read record: %w", err))
				return
			}
			r, err := RecordOf(c.Input, body)
			if !yield(adapters.Record{Kind: kind, Key: r.Key, Media: r.Media, Body: r.Body}, err) {
				return
			}
		}
	}
}
