package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"samsyn/fhir/fhirpath"
	"samsyn/fhir/r4"
)

// Field is one plain value of a record with its path, as lineage names it.
type Field struct {
	Path  string // "Sak.Plan[0].StartDato"
	Value string // what stands there: for the operator's own eyes only
	// Unknown: a FHIR record has it and R4 does not, so no expression can read it.
	Unknown bool
}

// Fields gives every plain value of a record in the order of its tree, and which of
// them the map's ignore: list names, with the reason by path. Ignored entries are FHIRPath.
// The error is a *RecordError.
func (m *Map) Fields(media string, body []byte) (fields []Field, ignored map[string]Ignored, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &RecordError{Kind: ErrInternal, Map: m.Name, Reason: "panic in " + panicSite(p)}
		}
	}()
	tree, name, err := decode(media, body)
	if err != nil {
		return nil, nil, &RecordError{Kind: ErrDecode, Map: m.Name, Reason: err.Error()}
	}
	root := rootItem(m, tree, name)
	w := walker{ignored: map[string]Ignored{}}
	for _, i := range m.Ignore {
		items, err := ignoredItems(root, i.Path)
		if err != nil {
			return nil, nil, &RecordError{Kind: ErrInvalidValue, Map: m.Name, Path: "ignore", Expression: i.Path, Reason: "the path cannot be evaluated"}
		}
		for _, item := range items {
			w.because = append(w.because, prefix{item.Path(), i})
		}
	}
	if err := w.walk(root, 0); err != nil {
		return nil, nil, &RecordError{Kind: ErrBudget, Map: m.Name, Reason: err.Error()}
	}
	return w.fields, w.ignored, nil
}

func ignoredItems(root fhirpath.Item, path string) (fhirpath.Collection, error) {
	x, err := fhirpath.Compile(path)
	if err != nil {
		return nil, err
	}
	return x.Evaluate(&fhirpath.Env{Steps: exprSteps, Depth: maxDepth}, root)
}

type prefix struct {
	path string
	Ignored
}

// walker lists the leaves below an item.
type walker struct {
	fields  []Field
	because []prefix
	ignored map[string]Ignored
}

var childItems = fhirpath.MustCompile("children()")

func (w *walker) walk(item fhirpath.Item, depth int) error {
	if depth > maxDepth || len(w.fields) > maxSteps {
		return fmt.Errorf("more fields than can be looked at")
	}
	object, isObject := item.Value().(map[string]any)
	if !isObject {
		text, ok := item.String()
		if ok {
			w.add(Field{Path: item.Path(), Value: text})
		}
		if item.Extensions() == nil {
			return nil
		}
	}
	children, err := childItems.Evaluate(&fhirpath.Env{Steps: maxReads, Depth: maxDepth}, item)
	if err != nil {
		return err
	}
	for _, child := range children {
		if err := w.walk(child, depth+1); err != nil {
			return err
		}
	}
	if typ, ok := r4.Lookup(strings.TrimPrefix(item.Type(), "FHIR.")); ok && isObject {
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if _, _, known := typ.Element(strings.TrimPrefix(name, "_")); !known && name != "resourceType" {
				w.unknown(item.Path()+"."+name, object[name])
			}
		}
	}
	return nil
}

// unknown lists what stands in a field that the type of its object does not have.
func (w *walker) unknown(path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			w.unknown(path+"."+name, v[name])
		}
	case []any:
		for i, item := range v {
			w.unknown(fmt.Sprintf("%s[%d]", path, i), item)
		}
	case nil:
	default:
		text, _ := fhirpath.New(v).String()
		w.add(Field{Path: path, Value: text, Unknown: true})
	}
}

func (w *walker) add(f Field) {
	w.fields = append(w.fields, f)
	for _, p := range w.because {
		if below(f.Path, p.path) {
			w.ignored[f.Path] = p.Ignored
			return
		}
	}
}

// below tells whether a path is at or below another.
func below(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && above != "" && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Mentions gives the plain source paths that the map's expressions name and read, as far as
// that can be told without a record, with the line of the first: what no record held has
// brought to be read (the second half of an `or`, a branch not taken) is no loss.
// The paths begin below the root and have no indices.
func (m *Map) Mentions() map[string]int {
	l := newLinter(m.file, m.data)
	l.file()
	out := make(map[string]int, len(l.used))
	for path, x := range l.used {
		out[path], _ = l.at.place(x.node, x.offset)
	}
	return out
}
