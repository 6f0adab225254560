package fhirpath

import (
	"slices"

	"samsyn/fhir/r4"
)

// fieldStep reads a field of each item. At the head of a path the name may be the
// root's own name, or a FHIR type that the focus has.
func fieldStep(name string, head bool) step {
	return func(s *state, in Collection) (Collection, error) {
		var out Collection
		if len(in) > 1 {
			out = make(Collection, 0, len(in))
		}
		for i := range in {
			var err error
			if out, err = appendField(s, out, &in[i], name, head); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
}

// appendField adds what a field of an item holds.
func appendField(s *state, out Collection, it *Item, name string, head bool) (Collection, error) {
	if err := s.spend(1); err != nil {
		return nil, err
	}
	if n, ok := it.value.(*Node); ok {
		if child := n.Field(name); child != nil {
			return appendNode(s, out, child)
		}
		if head && n.parent == nil && it.name == name {
			return append(out, *it), nil
		}
		return out, nil
	}
	object, ok := it.value.(map[string]any)
	if it.model != nil {
		if head && name[0] >= 'A' && name[0] <= 'Z' && r4.IsA(it.model.Name, name) {
			return append(out, *it), nil
		}
		if !ok {
			object = it.sibling
		}
		return appendTyped(s, out, it, object, name)
	}
	if v, ok := object[name]; ok {
		return appendValue(s, out, it, name, v, nil, nil)
	}
	if head && it.parent == nil && it.input && it.name == name {
		return append(out, *it), nil
	}
	return out, nil
}

// appendTyped adds a FHIR element: `name` and `_name` together, and for a choice
// whichever of its types is there.
func appendTyped(s *state, out Collection, it *Item, object map[string]any, name string) (Collection, error) {
	if object == nil {
		return out, nil
	}
	key, typ := name, ""
	e, typ, ok := it.model.Element(name)
	switch {
	case ok && e.Choice && e.Name == name:
		key, typ = choiceKey(object, it.model, e)
	case ok && e.Choice:
		return out, nil // valueString is JSON's name; FHIRPath says value
	case !ok && name == "resourceType":
		return out, nil
	}
	v, t := object[key], modelOf(typ, object[key])
	var sibling any
	if t == nil || t.Kind == r4.Primitive { // nothing else has one, and the key costs
		sibling = object["_"+key]
	}
	if v == nil && sibling == nil {
		return out, nil
	}
	return appendValue(s, out, it, name, v, sibling, t)
}

// choiceKey finds under which key a choice is written.
func choiceKey(object map[string]any, t *r4.Type, e *r4.Element) (key, typ string) {
	for k := range object {
		if len(k) > 1 && k[0] == '_' {
			k = k[1:]
		}
		if f, ftyp, ok := t.Element(k); ok && f == e && k != e.Name && (key == "" || k < key) {
			key, typ = k, ftyp
		}
	}
	return key, typ
}

// modelOf finds the type of a value; a resource says itself what it is.
func modelOf(typ string, v any) *r4.Type {
	if typ == "Resource" || typ == "DomainResource" {
		if m, ok := v.(map[string]any); ok {
			if t := resourceType(m); t != nil {
				return t
			}
		}
	}
	t, _ := r4.Lookup(typ)
	return t
}

// resourceType gives the type that an object says it is, nil when unknown.
func resourceType(m map[string]any) *r4.Type {
	name, _ := m["resourceType"].(string)
	if t, ok := r4.Lookup(name); ok && t.Kind == r4.Resource {
		return t
	}
	return nil
}

// appendValue adds a value or, item by item, a list.
func appendValue(s *state, out Collection, parent *Item, name string, v, sibling any, t *r4.Type) (Collection, error) {
	list, isList := v.([]any)
	siblings, siblingList := sibling.([]any)
	if !isList && !siblingList {
		return appendOne(s, out, Item{value: normal(v), model: t, parent: parent, name: name, index: -1, input: true}, sibling), nil
	}
	n := max(len(list), len(siblings))
	if err := s.spend(n); err != nil {
		return nil, err
	}
	out = slices.Grow(out, n)
	abstract := t != nil && (t.Kind == r4.Abstract)
	for i := range n {
		it := Item{model: t, parent: parent, name: name, index: int32(i), input: true}
		var sib any
		if i < len(list) {
			if inner, nested := list[i].([]any); nested { // plain JSON may nest lists
				for _, v := range flatten(nil, inner, 0) {
					it.value = normal(v)
					out = appendOne(s, out, it, nil)
				}
				continue
			}
			it.value = normal(list[i])
		}
		if i < len(siblings) {
			sib = siblings[i]
		}
		if abstract {
			it.model = modelOf(t.Name, it.value)
		}
		out = appendOne(s, out, it, sib)
	}
	return out, nil
}

func appendOne(s *state, out Collection, it Item, sibling any) Collection {
	if m, ok := sibling.(map[string]any); ok {
		it.sibling = m
	}
	if it.value == nil && it.sibling == nil {
		return out // null is absent
	}
	if s.env.Reads != nil {
		s.env.Reads(it)
	}
	return append(out, it)
}

func flatten(out, list []any, depth int) []any {
	for _, v := range list {
		if inner, ok := v.([]any); ok && depth < defaultDepth {
			out = flatten(out, inner, depth+1)
		} else {
			out = append(out, v)
		}
	}
	return out
}

// appendChildren adds all fields of an item: for FHIR in the order of the
// definition, for plain objects by name (a decoded object has no order).
func appendChildren(s *state, out Collection, it *Item) (Collection, error) {
	var err error
	object, ok := it.value.(map[string]any)
	if it.model != nil {
		if !ok {
			object = it.sibling
		}
		if object == nil {
			return out, nil
		}
		for i := range it.model.Elements {
			if out, err = appendField(s, out, it, it.model.Elements[i].Name, false); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	names := make([]string, 0, len(object))
	for k := range object {
		names = append(names, k)
	}
	if n, ok := it.value.(*Node); ok {
		for c := n.first; c != nil; c = c.next {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	for _, k := range names {
		if out, err = appendField(s, out, it, k, false); err != nil {
			return nil, err
		}
	}
	return out, nil
}
