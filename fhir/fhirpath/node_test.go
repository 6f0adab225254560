package fhirpath_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"samsyn/fhir/fhirpath"
)

// grow makes nodes of a decoded value.
func grow(nodes *fhirpath.Nodes, name string, v any) *fhirpath.Node {
	switch v := v.(type) {
	case map[string]any:
		n := nodes.New(fhirpath.NodeObject, name, "")
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n.Add(grow(nodes, key, v[key]))
		}
		return n
	case []any:
		n := nodes.New(fhirpath.NodeList, name, "")
		for _, e := range v {
			n.Add(grow(nodes, "", e))
		}
		return n
	case string:
		return nodes.New(fhirpath.NodeText, name, v)
	case json.Number:
		return nodes.New(fhirpath.NodeNumber, name, v.String())
	case bool:
		return nodes.New(fhirpath.NodeBool, name, fmt.Sprint(v))
	}
	return nodes.New(fhirpath.NodeNull, name, "")
}

// TestNodesReadLikeMaps: an expression gives on nodes what it gives on maps: values,
// paths, what it reads on the way, and errors.
func TestNodesReadLikeMaps(t *testing.T) {
	expressions := []string{
		"a", "a.b", "rec", "rec.a.b", "a.b.c", "a[1]", "a.first().b", "a.where(b = c)", "a.exists(b)", "children()", "descendants()", "a = b", "a ~ b", "a | b",
		"a.distinct()", "a.select(b & c)", "a.type().name", "a.toString()", "a.is(String)", "a.ofType(String)", "a.count()", "a.repeat(a)", "a.extension('x')",
		"a.resolve()", "a.memberOf('x')", "a.hasValue()", "a.as(Integer) + 1", "iif(a.exists(), b, c)", "a in b", "a.intersect(b)", "a.single()", "a.all(b.exists())", "%resource.a",
	}
	compiled := map[string]*fhirpath.Expression{}
	for _, text := range expressions {
		compiled[text] = fhirpath.MustCompile(text)
	}
	var nodes fhirpath.Nodes
	rapid.Check(t, func(t *rapid.T) {
		record := drawValue(4).Draw(t, "record")
		if _, isList := record.([]any); isList {
			record = map[string]any{"a": record}
		}
		say := func(root fhirpath.Item, x *fhirpath.Expression) string {
			out := ""
			items, err := x.Evaluate(&fhirpath.Env{Reads: func(i fhirpath.Item) { out += "read " + i.Path() + "\n" }}, root)
			for _, it := range items {
				text, ok := it.String()
				out += fmt.Sprintf("%s %q %t %s %#v %t\n", it.Path(), text, ok, it.Type(), it.Value(), it.IsObject())
			}
			return fmt.Sprint(out, err)
		}
		for _, text := range expressions {
			nodes.Reset()
			node := grow(&nodes, "rec", record)
			got, want := say(node.Item(), compiled[text]), say(fhirpath.Root(record, "rec"), compiled[text])
			if got != want {
				t.Fatalf("%s on %v:\n%s\nbut on maps\n%s", text, record, got, want)
			}
			if !reflect.DeepEqual(node.Value(), record) {
				t.Fatalf("%v, want %v", node.Value(), record)
			}
		}
	})
}

func drawValue(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kind := rapid.IntRange(0, 6).Draw(t, "kind")
		if depth == 0 {
			kind = 6
		}
		switch kind {
		case 0, 1, 2:
			return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c", "rec", "extension", "reference"}), drawValue(depth-1), 0, 4).Draw(t, "object")
		case 3, 4:
			return rapid.SliceOfN(drawValue(depth-1), 0, 3).Draw(t, "list")
		}
		return rapid.SampledFrom([]any{"x", "y", "", json.Number("1"), json.Number("1.50"), true, false, nil}).Draw(t, "value")
	})
}

// A name that comes again turns its field into a list.
func TestWrap(t *testing.T) {
	var nodes fhirpath.Nodes
	root := grow(&nodes, "rec", map[string]any{"a": map[string]any{"b": "1"}, "c": "2"})
	root.Field("a").Wrap(&nodes)
	root.Field("a").Add(grow(&nodes, "", "3"))
	want := map[string]any{"a": []any{map[string]any{"b": "1"}, "3"}, "c": "2"}
	if got := root.Value(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := string(root.Field("a").First().Field("b").AppendPath(nil)); got != "rec.a[0].b" {
		t.Errorf("path %s", got)
	}
}

// Evaluations that share a budget use it up together.
func TestSharedBudget(t *testing.T) {
	x := fhirpath.MustCompile("(1 | 2 | 3).select($this + 1).count()")
	left := 100
	env := &fhirpath.Env{Left: &left}
	runs := 0
	for ; runs < 100; runs++ {
		if _, err := x.Evaluate(env, fhirpath.Item{}); err != nil {
			break
		}
	}
	if runs == 0 || runs == 100 || left > 0 {
		t.Errorf("%d evaluations, %d steps left", runs, left)
	}
}
