package connector

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"samsyn/fhir/fhirpath"
)

// Load reads every <system>/connector.yaml of a folder. The error joins a *Fault for
// everything that is wrong in any file; the definitions without faults are given all
// the same.
func Load(fsys fs.FS) (map[string]*Definition, error) {
	files, err := fs.Glob(fsys, "*/connector.yaml")
	if err != nil {
		return nil, fmt.Errorf("list connectors: %w", err)
	}
	all := map[string]*Definition{}
	var faults []error
	for _, file := range files {
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, fmt.Errorf("read connector: %w", err)
		}
		d, err := Parse(file, data)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if want := path.Dir(file); d.Name != want {
			faults = append(faults, &Fault{File: file, Line: 1, Column: 1, Path: "connector", Message: fmt.Sprintf("%q is not the folder's name", d.Name), Suggestion: "connector: " + want})
			continue
		}
		all[d.Name] = d
	}
	return all, errors.Join(faults...)
}

// Parse reads one connector file; file is its name in messages. The error joins a
// *Fault for everything that is wrong.
func Parse(file string, data []byte) (*Definition, error) {
	d := &decoder{file: file, at: map[string]*yaml.Node{}}
	def := &Definition{}
	if root := d.document(data); root != nil {
		d.value(root, reflect.ValueOf(def).Elem(), "")
		d.definition(def)
	}
	if len(d.faults) > 0 {
		slices.SortStableFunc(d.faults, func(a, b error) int {
			x, y := a.(*Fault), b.(*Fault) // fault and document make no others
			return cmp.Or(x.Line-y.Line, x.Column-y.Column)
		})
		return nil, errors.Join(d.faults...)
	}
	return def, nil
}

var (
	systemForm    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	kindForm      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)
	settingForm   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	reserved      = []string{"url", "dir", "size"}
	authKinds     = []string{"none", "oauth2", "maskinporten", "helseid"}
	placeholder   = regexp.MustCompile(`\{([^{}]*)\}`)
	headerForm    = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	folderMessage = "belongs to http"
)

// one notes a fault where the value is none of those allowed.
func (d *decoder) one(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		d.fault(path, didYouMean(value, allowed), "%q is none of %s", value, strings.Join(allowed, ", "))
	}
}

func (d *decoder) need(path string, ok bool, message string) {
	if !ok {
		d.fault(path, "", "%s", message)
	}
}

// compile reads an expression; nil where there is none or it is wrong.
func (d *decoder) compile(path, text string) *fhirpath.Expression {
	if text == "" {
		return nil
	}
	e, err := fhirpath.Compile(text, fhirpath.WithVariables())
	var syntax *fhirpath.SyntaxError
	switch {
	case errors.As(err, &syntax):
		d.fault(path, "", "%s (column %d of the expression)", syntax.Message, syntax.Column)
	case err != nil:
		d.fault(path, "", "%v", err)
	}
	return e
}

func (d *decoder) definition(def *Definition) {
	d.need("connector", systemForm.MatchString(def.Name), "is the system's name: small letters, digits and hyphens")
	for i, kind := range def.Auth {
		d.one(fmt.Sprintf("auth[%d]", i), kind, authKinds...)
	}
	var names []string
	for i, s := range def.Settings {
		at := fmt.Sprintf("settings[%d]", i)
		d.need(at+".name", settingForm.MatchString(s.Name), "is small letters, digits and underscores")
		d.need(at+".name", !slices.Contains(reserved, s.Name) && !slices.Contains(names, s.Name), "is taken")
		d.need(at+".about", s.About != "", "say what it means to whoever must give it")
		names = append(names, s.Name)
	}
	d.need("read", len(def.Read) > 0, "names at least one listing")
	d.need("per_second", def.PerSecond >= 0, "is not negative")
	d.text("check", def.Check, names)
	d.need("check", def.Check == "" || strings.HasPrefix(def.Check, "/"), "begins with /")
	var labels []string
	for i := range def.Read {
		l, at := &def.Read[i], fmt.Sprintf("read[%d]", i)
		d.listing(at, l, names)
		if l.Kind != "" || len(l.Kinds) > 0 {
			d.need(at+".kind", !slices.Contains(labels, l.label()), "another listing is of this kind")
			labels = append(labels, l.label())
		}
		d.need(at, (l.Folder != nil) == def.folder(), "listings over http and in a folder cannot stand in one connector")
	}
	d.need("check", def.Check == "" || !def.folder(), folderMessage)
}

// text checks the placeholders of a template.
func (d *decoder) text(path, text string, settings []string) {
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(settings, m[1]) {
			d.fault(path, didYouMean(m[1], settings), "{%s} is no setting of this connector", m[1])
		}
	}
	if rest := placeholder.ReplaceAllString(text, ""); strings.ContainsAny(rest, "{}") {
		d.fault(path, "", "a brace is not closed")
	}
	d.need(path, !showsNationalNumber(text), "holds what may be a national number")
}

func (d *decoder) texts(path string, v any, settings []string) {
	switch v := v.(type) {
	case string:
		d.text(path, v, settings)
	case map[string]any:
		for k, item := range v {
			d.texts(join(path, k), item, settings)
		}
	case []any:
		for i, item := range v {
			d.texts(fmt.Sprintf("%s[%d]", path, i), item, settings)
		}
	}
}
