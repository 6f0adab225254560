package fhirpath

import (
	"encoding/json"
	"strconv"
	"strings"

	"samsyn/fhir/r4"
)

// Collection is an ordered list of items: what every expression gives. Empty
// stands for absent. A collection that was handed out must not be changed.
type Collection []Item

// Item is one value with its type and its place in the input.
type Item struct {
	value   any            // string, bool, json.Number, int64, Decimal, Date, DateTime, Time, Quantity, map[string]any, *Node (an object), or nil (a primitive with extensions only)
	model   *r4.Type       // FHIR type; nil for plain and computed values
	sibling map[string]any // the `_field` object of a FHIR primitive
	parent  *Item          // the item this one was read from
	name    string         // field in the parent; the root's name
	index   int32          // place in a list, -1 outside lists
	input   bool           // stands in the input (not computed)
	node    *Node          // that the item was made of
}

// New makes an item of a computed value: a Go string, bool, integer, float64,
// json.Number, Decimal, Date, DateTime, Time, Quantity or map[string]any. Other
// values give an item without value.
func New(v any) Item {
	return Item{value: normal(v), index: -1}
}

// Of makes a collection of computed values; lists are flattened and nil dropped.
func Of(values ...any) Collection {
	out := make(Collection, 0, len(values))
	for _, v := range values {
		switch v := v.(type) {
		case nil:
		case []any:
			out = append(out, Of(v...)...)
		case Item:
			out = append(out, v)
		case Collection:
			out = append(out, v...)
		default:
			out = append(out, New(v))
		}
	}
	return out
}

// Root makes an item to evaluate on: a decoded record (map[string]any, or a
// single value). name is the first word of every path and may begin an
// expression: on Root(v, "Barnevern") both `Sak.Plan` and `Barnevern.Sak.Plan`
// read the same.
func Root(v any, name string) Item {
	return Item{value: normal(v), name: name, index: -1, input: true}
}

// RootFHIR makes a root that is a FHIR R4 resource, typed by its resourceType.
// Without a known resourceType it is a plain root without a name.
func RootFHIR(v any) Item {
	it := Root(v, "")
	if m, ok := v.(map[string]any); ok {
		if t := resourceType(m); t != nil {
			it.model, it.name = t, t.Name
		}
	}
	return it
}

// RootTyped makes a root that is a FHIR R4 element of the given type, for
// instance "HumanName" or "CarePlan.activity"; ok is false for an unknown type.
func RootTyped(v any, typ string) (it Item, ok bool) {
	t, ok := r4.Lookup(typ)
	it = Root(v, typ)
	it.model = t
	return it, ok
}

// normal brings Go values to the few forms an item holds.
func normal(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case float64:
		return json.Number(strconv.FormatFloat(v, 'f', -1, 64))
	case string, bool, int64, json.Number, Decimal, Date, DateTime, Time, Quantity, map[string]any:
		return v
	}
	return nil
}

// Value gives what the item holds: string, bool, json.Number (from the input),
// int64 or Decimal (computed), Date, DateTime, Time, Quantity (computed),
// map[string]any, or nil for a FHIR primitive that has only extensions. FHIR
// dates from the input are strings; their type says what they are.
func (it Item) Value() any {
	if n, ok := it.value.(*Node); ok {
		return n.Object()
	}
	return it.value
}

// IsObject tells whether the item is an object, without making a map of it.
func (it Item) IsObject() bool {
	switch it.value.(type) {
	case map[string]any, *Node:
		return true
	}
	return false
}

// Node gives the node that the item was read from, nil for one that was not.
func (it Item) Node() *Node { return it.node }

// Type gives "FHIR.code", "System.String", or "" for a plain object.
func (it Item) Type() string {
	if it.model != nil {
		return "FHIR." + it.model.Name
	}
	if n := systemName(it.system()); n != "" {
		return "System." + n
	}
	return ""
}

// Extensions gives the `_field` object of a FHIR primitive, or nil.
func (it Item) Extensions() map[string]any { return it.sibling }

// Path says where in the input the item stands, as "Sak.Plan[0].StartDato". It
// is empty for what was computed.
func (it Item) Path() string {
	if !it.input {
		return ""
	}
	var b strings.Builder
	it.writePath(&b)
	return b.String()
}

func (it *Item) writePath(b *strings.Builder) {
	if it.parent != nil {
		it.parent.writePath(b)
		if b.Len() > 0 {
			b.WriteByte('.')
		}
	}
	b.WriteString(it.name)
	if it.index >= 0 {
		b.WriteByte('[')
		b.WriteString(strconv.Itoa(int(it.index)))
		b.WriteByte(']')
	}
}

// String gives the item as text, as toString() does; ok is false for objects and
// for a primitive without value.
func (it Item) String() (text string, ok bool) {
	if s, ok := it.value.(string); ok {
		return s, true
	}
	return stringOf(it.system())
}

// The two answers that most tests give; shared, since no collection is ever changed.
var (
	isTrue  = Collection{{value: true, index: -1}}
	isFalse = Collection{{value: false, index: -1}}
)

func boolean(b bool) Collection {
	if b {
		return isTrue[:1:1]
	}
	return isFalse[:1:1]
}

func single(v any) Collection {
	return Collection{{value: v, index: -1}}
}
