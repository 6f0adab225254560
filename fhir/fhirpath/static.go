package fhirpath

import (
	"slices"

	"samsyn/fhir/r4"
)

// static is what is known of a collection's type before evaluation: the types its
// items may have. The zero value knows nothing, and then nothing is refused.
type static struct {
	known bool
	plain bool // types are the declared schema's, else R4's
	types []string
}

func (c *compiler) rootStatic() static {
	if c.schema != nil {
		return static{known: true, plain: true, types: []string{c.root}}
	}
	if c.root == "" {
		return static{}
	}
	if t, ok := r4.Lookup(c.root); ok {
		return fhirStatic(t.Name)
	}
	return static{}
}

// fhirStatic gives a type that is known enough to check fields: not the abstract
// ones, whose values may be anything.
func fhirStatic(types ...string) static {
	for _, name := range types {
		t, ok := r4.Lookup(name)
		if !ok || t.Kind == r4.Abstract {
			return static{}
		}
	}
	return static{known: true, types: types}
}

func (a static) union(b static) static {
	if !a.known || !b.known || a.plain != b.plain {
		return static{}
	}
	return static{known: true, plain: a.plain, types: append(slices.Clone(a.types), b.types...)}
}

// field gives the type of a field, or an error when no item can have it.
func (c *compiler) field(n *node, in static, head bool) (static, error) {
	if !in.known {
		return static{}, nil
	}
	if in.plain {
		return c.schemaField(n, in, head)
	}
	if head && slices.ContainsFunc(in.types, func(t string) bool { return r4.IsA(t, n.text) }) {
		return in, nil
	}
	var found []string
	for _, name := range in.types {
		t, _ := r4.Lookup(name)
		e, _, ok := t.Element(n.text)
		if ok && e.Name == n.text {
			found = append(found, e.Types...)
		}
	}
	if found == nil {
		return static{}, failAt(n.pos, "%s has no element %q", in.types[0], n.text)
	}
	return fhirStatic(found...), nil
}

func (c *compiler) schemaField(n *node, in static, head bool) (static, error) {
	out := static{known: true, plain: true}
	found := false
	for _, t := range in.types {
		next, ok := c.schema.Field(t, n.text)
		found = found || ok
		if ok && next == "" {
			out.known = false
		}
		if ok {
			out.types = append(out.types, next)
		}
	}
	if !found && head && n.text == c.root {
		return in, nil
	}
	if !found {
		return static{}, failAt(n.pos, "unknown field %q", n.text)
	}
	if !out.known {
		return static{}, nil
	}
	return out, nil
}
