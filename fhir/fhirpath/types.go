package fhirpath

import "samsyn/fhir/r4"

// typeTest asks whether an item has a type (N1 6.3).
type typeTest struct {
	fhir   *r4.Type // nil: no such FHIR type
	system string   // "" when the name is not one of FHIRPath's own
}

var systemTypes = map[string]bool{
	"Boolean": true, "String": true, "Integer": true, "Decimal": true,
	"Date": true, "DateTime": true, "Time": true, "Quantity": true,
}

// typeTest resolves a type's name. A name without space is looked for in both;
// FHIR's primitives have small first letters, so only Quantity is in both.
func (c *compiler) typeTest(t typeName, pos int) (typeTest, error) {
	var out typeTest
	if t.space != "System" {
		out.fhir, _ = r4.Lookup(t.name)
	}
	if t.space != "FHIR" && systemTypes[t.name] {
		out.system = t.name
	}
	if out.fhir == nil && out.system == "" && t.space != "System" {
		return out, failAt(pos, "unknown type %s", t.name)
	}
	return out, nil
}

// typeArgument reads an argument that is a type's name.
func (c *compiler) typeArgument(n *node) (typeTest, error) {
	t := typeName{name: n.text}
	if n.kind != nodeName {
		return typeTest{}, failAt(n.pos, "a type is expected")
	}
	if n.input != nil {
		if n.input.kind != nodeName || n.input.input != nil || n.input.text != "FHIR" && n.input.text != "System" {
			return typeTest{}, failAt(n.pos, "a type is expected")
		}
		t.space = n.input.text
	}
	return c.typeTest(t, n.pos)
}

func (t typeTest) static() static {
	if t.fhir == nil {
		return static{}
	}
	return fhirStatic(t.fhir.Name)
}

// is: the item's type is the named one or descends from it.
func (t typeTest) is(it *Item) bool {
	if it.model != nil {
		return t.fhir != nil && r4.IsA(it.model.Name, t.fhir.Name)
	}
	return t.system != "" && systemName(it.system()) == t.system
}

// exactly is what as and ofType take: a code is not handed out as a string,
// while an Age is a Quantity and a Patient a DomainResource.
func (t typeTest) exactly(it *Item) bool {
	if it.model != nil && it.model.Kind == r4.Primitive {
		return t.fhir == it.model
	}
	return t.is(it)
}

func ofType(in Collection, t typeTest) Collection {
	var out Collection
	for i := range in {
		if t.exactly(&in[i]) {
			out = append(out, in[i])
		}
	}
	return out
}

// typeOperator compiles `x is T` and `x as T`.
func (c *compiler) typeOperator(n *node, focus static) (expr, static, error) {
	inner, _, err := c.expr(n.kids[0], focus)
	if err != nil {
		return nil, static{}, err
	}
	test, err := c.typeTest(n.typ, n.pos)
	if err != nil {
		return nil, static{}, err
	}
	do, out := isType, static{}
	if n.text == "as" {
		do, out = asType, test.static()
	}
	if n.text == "as" && c.asFilters {
		do = func(in Collection, t typeTest) (Collection, error) { return ofType(in, t), nil }
	}
	line, column := position(c.text, n.pos)
	return func(s *state) (Collection, error) {
		in, err := inner(s)
		if err != nil {
			return nil, err
		}
		got, err := do(in, test)
		if err != nil {
			return nil, place(err, line, column, n.text)
		}
		return got, nil
	}, out, nil
}

func isType(in Collection, t typeTest) (Collection, error) {
	switch len(in) {
	case 0:
		return nil, nil
	case 1:
		return boolean(t.is(&in[0])), nil
	}
	return nil, ErrSingle
}

func asType(in Collection, t typeTest) (Collection, error) {
	if len(in) > 1 {
		return nil, ErrSingle
	}
	return ofType(in, t), nil
}

// typeFunctions: FHIRPath N1 6.3 and 10 (reflection).
func typeFunctions() []Function {
	return []Function{
		{
			Name: "is", Spec: "N1 6.3.2",
			Doc:     "True when the item has the type, or one that descends from it.",
			Example: "'a'.is(String)",
			MinArgs: 1, MaxArgs: 1, types: true,
			Call: func(c *Call) (Collection, error) {
				return isType(c.in, c.site.types[0])
			},
		},
		{
			Name: "as", Spec: "N1 6.3.4",
			Doc:     "The item if it has the type.",
			Example: "1.as(String).empty()",
			MinArgs: 1, MaxArgs: 1, types: true, gives: givesType,
			Call: func(c *Call) (Collection, error) {
				return asType(c.in, c.site.types[0])
			},
		},
		{
			Name: "type", Spec: "N1 10.2",
			Doc:     "The namespace and name of each item's type.",
			Example: "1.type().name = 'Integer'",
			Call: func(c *Call) (Collection, error) {
				var out Collection
				for i := range c.in {
					out = append(out, typeInfo(&c.in[i]))
				}
				return out, nil
			},
		},
	}
}

func typeInfo(it *Item) Item {
	if it.model != nil {
		return New(map[string]any{"namespace": "FHIR", "name": it.model.Name})
	}
	name := systemName(it.system())
	if name == "" {
		return New(map[string]any{"namespace": "", "name": "object"})
	}
	return New(map[string]any{"namespace": "System", "name": name})
}
