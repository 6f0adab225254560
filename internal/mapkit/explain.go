package mapkit

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"samsyn/mapping"
)

// Explained is what a map made of a record, element by element. It holds what stands
// in the record: it is for the terminal of whoever gave the file, and nowhere else.
type Explained struct {
	Outcome
	Resources []ExplainedResource `json:"resources,omitempty"`
}

// ExplainedResource is one resource with where each element came from.
type ExplainedResource struct {
	Type     string             `json:"type"`
	ID       string             `json:"id"`
	Elements []ExplainedElement `json:"elements"`
}

// ExplainedElement is one element ← expression ← source fields and their values.
type ExplainedElement struct {
	Element    string        `json:"element"` // "CarePlan.activity[0].detail.status"
	Value      string        `json:"value"`   // as JSON
	File       string        `json:"file"`
	Line       int           `json:"line"`
	Expression string        `json:"expression"`
	From       []SourceValue `json:"from,omitempty"`
}

// SourceValue is a field of the record and what stands there.
type SourceValue struct {
	Path  string `json:"path"`
	Value string `json:"value"`
	Whole bool   `json:"whole,omitempty"` // it is an object: Value is empty
}

// Explain maps a record and tells where every element came from.
func Explain(m *mapping.Map, r Record) (Explained, error) {
	result, err := m.Apply(r.input(m))
	e := Explained{Outcome: outcome(result, err)}
	fields, _, err := m.Fields(r.Media, r.Body)
	if err != nil {
		return e, nil // the outcome has told it
	}
	values := make(map[string]string, len(fields))
	for _, f := range fields {
		values[f.Path] = f.Value
	}
	for _, made := range result.Made {
		var body any
		if err := json.Unmarshal(made.Resource.Body, &body); err != nil {
			return e, fmt.Errorf("read what was made: %w", err)
		}
		x := ExplainedResource{Type: made.Resource.Type, ID: made.Resource.ID}
		for _, l := range made.Lineage {
			file, _, _ := strings.Cut(l.Rule, ":")
			_, expression, _ := strings.Cut(l.Rule, ": ")
			el := ExplainedElement{Element: l.Element, Value: valueAt(body, l.Element), File: file, Line: l.Line, Expression: expression}
			for _, path := range l.From {
				value, plain := values[path]
				el.From = append(el.From, SourceValue{Path: path, Value: value, Whole: !plain})
			}
			x.Elements = append(x.Elements, el)
		}
		e.Resources = append(e.Resources, x)
	}
	return e, nil
}

// valueAt gives what stands at "Type.a[0].b" as JSON, "" where nothing does.
func valueAt(body any, path string) string {
	_, rest, _ := strings.Cut(path, ".")
	for _, part := range strings.Split(rest, ".") {
		name, index, many := strings.Cut(part, "[")
		object, ok := body.(map[string]any)
		if !ok {
			return ""
		}
		body = object[name]
		for many {
			var at string
			at, index, _ = strings.Cut(index, "]")
			i, err := strconv.Atoi(at)
			list, ok := body.([]any)
			if err != nil || !ok || i < 0 || i >= len(list) {
				return ""
			}
			body = list[i]
			index, many = strings.CutPrefix(index, "[")
		}
	}
	b, err := json.Marshal(body)
	if err != nil {
		return ""
	}
	return string(b)
}
