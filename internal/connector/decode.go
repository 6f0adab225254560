package connector

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxFile and maxNodes bound a connector file, the latter with its aliases followed.
const (
	maxFile  = 1 << 20
	maxNodes = 5_000
)

// decoder fills the definition out of YAML and remembers where everything stands,
// so that every fault can be told at once with its line and column.
type decoder struct {
	file   string
	faults []error
	at     map[string]*yaml.Node // path → value
	nodes  int
}

// fault notes what is wrong at a path, or at its nearest parent that the file has.
func (d *decoder) fault(path, suggestion, format string, args ...any) {
	f := &Fault{File: d.file, Path: path, Message: fmt.Sprintf(format, args...), Suggestion: suggestion}
	for p := path; ; p = parent(p) {
		if n := d.at[p]; n != nil {
			f.Line, f.Column = n.Line, n.Column
			break
		}
		if p == "" {
			break
		}
	}
	d.faults = append(d.faults, f)
}

func parent(path string) string {
	if i := strings.LastIndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return ""
}

var yamlErrorLine = regexp.MustCompile(`line (\d+)`)

// document parses the file; nil where it is no YAML mapping.
func (d *decoder) document(data []byte) *yaml.Node {
	if len(data) > maxFile || !utf8.Valid(data) {
		d.fault("", "", "the file is larger than 1 MiB or not UTF-8")
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		f := &Fault{File: d.file, Message: "the file is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
		if errors.Is(err, io.EOF) {
			f.Message = "the file is empty"
		}
		if m := yamlErrorLine.FindStringSubmatch(err.Error()); m != nil {
			f.Line, _ = strconv.Atoi(m[1]) // the pattern holds digits only
			f.Column = 1
		}
		d.faults = append(d.faults, f)
		return nil
	}
	root := doc.Content[0]
	d.at[""] = root
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		d.fault("", "", "the file has more than one YAML document")
		return nil
	}
	if root.Kind != yaml.MappingNode {
		d.fault("", "begin with connector: and read:", "a connector file is a YAML mapping")
		return nil
	}
	return root
}

var durationType = reflect.TypeFor[time.Duration]()

// value fills v from n. Unknown keys, keys that stand twice and wrong forms are faults.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.nodes++; d.nodes > maxNodes {
		if d.nodes == maxNodes+1 {
			d.fault(path, "", "the file is too large, or its aliases loop")
		}
		return
	}
	d.at[path] = n
	switch {
	case v.Type() == durationType:
		t, err := time.ParseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || t < 0 {
			d.fault(path, "", "is not a duration (30s, 5m, 24h)")
		}
		v.SetInt(int64(t))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), path)
	case v.Kind() == reflect.Struct:
		d.structure(n, v, path)
	case v.Kind() == reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.fault(path, "", "is a list")
			return
		}
		for i, item := range n.Content {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
			d.value(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case v.Kind() == reflect.Map:
		d.entries(n, v, path)
	case v.Kind() == reflect.Interface:
		d.free(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

// pairs calls each for every key of a mapping.
func (d *decoder) pairs(n *yaml.Node, path string, each func(key *yaml.Node, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.fault(path, "", "is a mapping (name: value)")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || seen[key.Value] {
			d.at[join(path, key.Value)] = key
			d.fault(join(path, key.Value), "", "a key must be a plain word and stand once")
			continue
		}
		seen[key.Value] = true
		each(key, n.Content[i+1])
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string) {
	fields, names := map[string]int{}, []string(nil)
	for i := range v.NumField() {
		if tag := v.Type().Field(i).Tag.Get("yaml"); tag != "" {
			fields[tag] = i
			names = append(names, tag)
		}
	}
	d.pairs(n, path, func(key, value *yaml.Node) {
		at := join(path, key.Value)
		i, ok := fields[key.Value]
		if !ok {
			d.at[at] = key
			d.fault(at, didYouMean(key.Value, names), "is no key here")
			return
		}
		d.value(value, v.Field(i), at)
	})
}

func (d *decoder) entries(n *yaml.Node, v reflect.Value, path string) {
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(n, path, func(key, value *yaml.Node) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(value, item, join(path, key.Value))
		v.SetMapIndex(reflect.ValueOf(key.Value), item)
	})
}

// free takes any YAML: a request's body.
func (d *decoder) free(n *yaml.Node, v reflect.Value, path string) {
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		d.entries(n, reflect.ValueOf(&m).Elem(), path)
		v.Set(reflect.ValueOf(m))
	case yaml.SequenceNode:
		list := []any{}
		d.value(n, reflect.ValueOf(&list).Elem(), path)
		v.Set(reflect.ValueOf(list))
	default:
		var x any
		if err := n.Decode(&x); err != nil {
			d.fault(path, "", "cannot be read")
			return
		}
		if _, date := x.(time.Time); date {
			x = n.Value
		}
		if x != nil {
			v.Set(reflect.ValueOf(x))
		}
	}
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		d.fault(path, "", "is a single value")
		return
	}
	if v.Kind() == reflect.String {
		if n.Tag != "!!null" {
			v.SetString(n.Value)
		}
		return
	}
	if err := n.Decode(v.Addr().Interface()); err != nil {
		d.fault(path, "", "is not %s", map[reflect.Kind]string{reflect.Int: "a whole number", reflect.Float64: "a number", reflect.Bool: "true or false"}[v.Kind()])
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
