// Package scaffold writes the first files of a new source: README, connector or Go
// adapter, map, code table, input/output pair and test, which pass at once. It owns
// these files' text and where they stand; it changes no file that is there.
package scaffold

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"go/format"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
	"time"

	"samsyn/mapping"
)

//go:embed files
var files embed.FS

// Options say what is made.
type Options struct {
	// Dir is Samsyn's own source folder, or any other folder: there the files are made
	// for instance.connectors and instance.maps, and no Go test among them.
	Dir string
	// Name is the system's: small letters, digits and hyphens.
	Name string
	// Kind is the kind of record; "tiltak" where it is empty.
	Kind string
	// Folder makes a connector for CSV files in a folder instead of JSON over HTTP.
	Folder bool
	// Go makes an adapter in Go instead of a connector.
	Go bool
}

// ErrInvalid is wrapped by every error that is about the options, not the disk.
var ErrInvalid = errors.New("cannot be made")

// Made is what was written.
type Made struct {
	// Files by their path below Options.Dir.
	Files []string
	// Inside tells whether Dir is Samsyn's own source folder.
	Inside bool
}

// Inside tells whether a folder is Samsyn's own source folder.
func Inside(dir string) bool {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && regexp.MustCompile(`(?m)^module samsyn$`).Match(mod)
}

var (
	nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	kindForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)
)

// New writes the files. Nothing is written where one of them is there already.
func New(o Options) (Made, error) {
	if o.Kind == "" {
		o.Kind = "tiltak"
	}
	made := Made{Inside: Inside(o.Dir)}
	switch {
	case !nameForm.MatchString(o.Name):
		return made, fmt.Errorf("%w: the name is small letters, digits and hyphens", ErrInvalid)
	case o.Go && token.IsKeyword(o.Name):
		return made, fmt.Errorf("%w: %s is a word of the language Go", ErrInvalid, o.Name)
	case !kindForm.MatchString(o.Kind):
		return made, fmt.Errorf("%w: the kind is letters and digits", ErrInvalid)
	case o.Go && o.Folder:
		return made, fmt.Errorf("%w: the Go skeleton is over HTTP; leave --folder or --go out", ErrInvalid)
	case o.Go && !made.Inside:
		return made, fmt.Errorf("%w: an adapter in Go belongs in Samsyn's own source folder; go there, or leave --go out", ErrInvalid)
	}
	l := o.layout(made.Inside)
	texts, err := o.texts(l, made.Inside)
	if err != nil {
		return made, err
	}
	for _, t := range append(texts, text{path: l.output}) {
		if _, err := os.Lstat(filepath.Join(o.Dir, t.path)); err == nil {
			return made, fmt.Errorf("%w: %s is there already; choose another name", ErrInvalid, t.path)
		}
	}
	for _, t := range texts {
		if err := write(o.Dir, t); err != nil {
			return made, err
		}
		made.Files = append(made.Files, filepath.ToSlash(t.path))
	}
	output, err := o.output(l)
	if err != nil {
		return made, err
	}
	made.Files = append(made.Files, filepath.ToSlash(l.output))
	return made, write(o.Dir, text{l.output, output})
}

// layout is where things stand below Dir.
type layout struct{ home, maps, input, output, ext string }

func (o Options) layout(inside bool) layout {
	l := layout{home: filepath.Join("connectors", o.Name), ext: "json"}
	records := "records"
	if inside {
		l.home, l.maps, records = filepath.Join("adapters", o.Name), "mapping", filepath.Join("testdata", "records")
	}
	if o.Folder {
		l.ext = "csv"
	}
	one := filepath.Join(records, o.Name, o.Kind, "eksempel.")
	l.input, l.output = one+"input."+l.ext, one+"output.json"
	return l
}

// text is one file.
type text struct {
	path string
	body []byte
}

func write(dir string, t text) error {
	at := filepath.Join(dir, t.path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return fmt.Errorf("make a new source: %w", err)
	}
	if err := os.WriteFile(at, t.body, 0o644); err != nil {
		return fmt.Errorf("make a new source: %w", err)
	}
	return nil
}

// texts renders every file but the expected output.
func (o Options) texts(l layout, inside bool) ([]text, error) {
	type part struct{ path, from string }
	parts := []part{
		{filepath.Join(l.home, "README.md"), "README.md"},
		{filepath.Join(l.maps, "maps", o.Name, o.Kind+".yaml"), "map.yaml"},
		{filepath.Join(l.maps, "codes", o.Name+"-status.csv"), "status.csv"},
		{l.input, "record." + l.ext},
	}
	test := filepath.Join(l.home, o.Name+"_test.go")
	switch {
	case o.Go:
		parts = append(parts, part{filepath.Join(l.home, o.Name+".go"), "adapter.go.txt"}, part{test, "adapter_test.go.txt"})
	case inside:
		parts = append(parts, part{test, "connector_test.go.txt"})
	}
	if !o.Go {
		parts = append(parts, part{filepath.Join(l.home, "connector.yaml"), map[bool]string{true: "folder.yaml", false: "http.yaml"}[o.Folder]})
	}
	data := map[string]any{"Name": o.Name, "Kind": o.Kind, "Package": strings.ReplaceAll(o.Name, "-", ""), "Folder": o.Folder, "Ext": l.ext}
	var all []text
	for _, p := range parts {
		body, err := render(p.from, data)
		if err != nil {
			return nil, err
		}
		all = append(all, text{p.path, body})
	}
	return all, nil
}

func render(name string, data any) ([]byte, error) {
	raw, err := files.ReadFile("files/" + name)
	if err != nil {
		return nil, fmt.Errorf("make a new source: %w", err)
	}
	t, err := template.New(name).Delims("[[", "]]").Parse(string(raw))
	if err != nil {
		return nil, fmt.Errorf("make a new source: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("make a new source: %w", err)
	}
	if strings.HasSuffix(name, ".go.txt") {
		out, err := format.Source(b.Bytes())
		if err != nil {
			return nil, fmt.Errorf("make a new source: %s: %w", name, err)
		}
		return out, nil
	}
	return b.Bytes(), nil
}

// The moment and the key with which the outputs of testdata/records are made.
var testNow = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

const testKey = "a key for tests only"

// output gives what the map makes of the example, in the form of testdata/records.
func (o Options) output(l layout) ([]byte, error) {
	set, err := mapping.Load(os.DirFS(filepath.Join(o.Dir, l.maps)))
	m, ok := set.Map(o.Name, o.Kind)
	if !ok { // another map's fault is not ours to tell
		return nil, fmt.Errorf("make a new source: %w", err)
	}
	record, err := os.ReadFile(filepath.Join(o.Dir, l.input))
	if err != nil {
		return nil, fmt.Errorf("make a new source: %w", err)
	}
	result, err := m.Apply(mapping.Input{Source: o.Name, Kind: o.Kind, Key: "eksempel", Media: map[string]string{"json": "application/json", "csv": "text/csv"}[l.ext],
		Body: record, Now: testNow, IDKey: []byte(testKey)})
	if err != nil {
		return nil, fmt.Errorf("make a new source: %w", err)
	}
	var form struct {
		Service string            `json:"service,omitempty"`
		Subject *mapping.Subject  `json:"subject,omitempty"`
		Made    []json.RawMessage `json:"made,omitempty"`
	}
	form.Service, form.Subject = result.Service, result.Subject
	for _, made := range result.Made {
		form.Made = append(form.Made, made.Resource.Body)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(form); err != nil {
		return nil, fmt.Errorf("make a new source: %w", err)
	}
	return b.Bytes(), nil
}
