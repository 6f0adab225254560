package fhirpath

import (
	"errors"
	"slices"
)

// expr evaluates a node on the state's $this; step takes what stands left of the dot.
type (
	expr func(s *state) (Collection, error)
	step func(s *state, in Collection) (Collection, error)
)

// compiler turns a tree into closures and checks what can be known beforehand.
type compiler struct {
	options
	text      string
	calls     []CallSite
	variables []string // names given by defineVariable() in the expression
}

// defined collects the names that the expression itself defines.
func (c *compiler) defined(n *node) {
	if n == nil {
		return
	}
	if n.kind == nodeCall && n.text == "defineVariable" && len(n.kids) > 0 {
		if name, ok := n.kids[0].item.value.(string); ok {
			c.variables = append(c.variables, name)
		}
	}
	c.defined(n.input)
	for _, k := range n.kids {
		c.defined(k)
	}
}

// expr compiles a node; focus is what is known of $this there.
func (c *compiler) expr(n *node, focus static) (expr, static, error) {
	switch n.kind {
	case nodeLiteral:
		out := Collection{n.item}
		return func(*state) (Collection, error) { return out, nil }, static{}, nil
	case nodeEmpty:
		return func(*state) (Collection, error) { return nil, nil }, static{}, nil
	case nodeThis:
		return func(s *state) (Collection, error) { return s.focus, nil }, focus, nil
	case nodeIndex:
		return func(s *state) (Collection, error) { return single(int64(s.index)), nil }, static{}, nil
	case nodeTotal:
		return func(s *state) (Collection, error) { return s.total, nil }, static{}, nil
	case nodeVariable:
		e, err := c.variable(n)
		return e, static{}, err
	case nodeName, nodeCall:
		return c.path(n, focus)
	case nodeAt:
		return c.at(n, focus)
	case nodeType:
		return c.typeOperator(n, focus)
	case nodeUnary:
		return c.unary(n, focus)
	}
	return c.binary(n, focus)
}

// path compiles an invocation and what stands left of its dot.
func (c *compiler) path(n *node, focus static) (expr, static, error) {
	input, in := expr(nil), focus
	if n.input != nil {
		var err error
		if input, in, err = c.expr(n.input, focus); err != nil {
			return nil, static{}, err
		}
	}
	do, out, err := c.invocation(n, in, focus)
	if err != nil {
		return nil, static{}, err
	}
	if input == nil {
		return func(s *state) (Collection, error) { return do(s, s.focus) }, out, nil
	}
	return func(s *state) (Collection, error) {
		in, err := input(s)
		if err != nil {
			return nil, err
		}
		return do(s, in)
	}, out, nil
}

func (c *compiler) invocation(n *node, in, focus static) (step, static, error) {
	if n.kind == nodeCall {
		return c.call(n, in, focus)
	}
	if n.text == "" {
		return nil, static{}, failAt(n.pos, "a name is empty")
	}
	head := n.input == nil
	out, err := c.field(n, in, head)
	return c.placed(n, n.text, fieldStep(n.text, head)), out, err
}

// placed adds the place in the expression to an error, once.
func (c *compiler) placed(n *node, what string, do step) step {
	line, column := position(c.text, n.pos)
	return func(s *state, in Collection) (Collection, error) {
		out, err := do(s, in)
		if err != nil {
			return nil, place(err, line, column, what)
		}
		return out, nil
	}
}

func place(err error, line, column int, what string) error {
	var at *placed
	if errors.As(err, &at) {
		return err
	}
	return &placed{line, column, what, err}
}

// call compiles a function call.
func (c *compiler) call(n *node, in, focus static) (step, static, error) {
	f, ok := c.functions[n.text]
	if !ok {
		f, ok = builtin(n.text)
		if n.text == "as" && c.asFilters {
			f, ok = builtin("ofType")
		}
	}
	if !ok {
		return nil, static{}, failAt(n.pos, "unknown function %s()%s", n.text, c.suggest(n.text))
	}
	if len(n.kids) < f.MinArgs || f.MaxArgs >= 0 && len(n.kids) > f.MaxArgs {
		return nil, static{}, failAt(n.pos, "%s() takes %s, not %d", n.text, arity(f), len(n.kids))
	}
	site := &callSite{function: &f, literals: make([]*string, len(n.kids))}
	line, column := position(c.text, n.pos)
	inner := focus
	switch {
	case f.roams:
		inner = static{}
	case f.lambda:
		inner = in
	}
	var first, either static
	for i, kid := range n.kids {
		if f.types {
			test, err := c.typeArgument(kid)
			if err != nil {
				return nil, static{}, err
			}
			site.types = append(site.types, test)
			continue
		}
		if kid.kind == nodeLiteral {
			if text, ok := kid.item.value.(string); ok {
				site.literals[i] = &text
			}
		}
		if f.sorts {
			falling := kid.kind == nodeUnary && kid.text == "-"
			site.falling = append(site.falling, falling)
			if falling {
				kid = kid.kids[0]
			}
		}
		arg, gives, err := c.expr(kid, inner)
		if err != nil {
			return nil, static{}, err
		}
		site.args = append(site.args, arg)
		switch {
		case i == 0:
			first = gives
		case i == 1:
			either = gives
		default:
			either = either.union(gives)
		}
	}
	c.calls = append(c.calls, CallSite{Function: n.text, Line: line, Column: column, Literals: slices.Clone(site.literals)})
	out := static{}
	switch f.gives {
	case givesInput:
		out = in
	case givesArgument:
		out = first
	case givesEither:
		out = either
	case givesType:
		out = site.types[0].static()
	case givesExtension:
		if !in.plain {
			out = fhirStatic("Extension")
		}
	}
	do := func(s *state, in Collection) (Collection, error) {
		if err := s.spend(1); err != nil {
			return nil, err
		}
		if err := s.enter(); err != nil {
			return nil, err
		}
		out, err := f.Call(&Call{s: s, in: in, site: site})
		s.leave()
		return out, err
	}
	return c.placed(n, n.text+"()", do), out, nil
}

// at compiles an index, a[0] (N1 5.3.1).
func (c *compiler) at(n *node, focus static) (expr, static, error) {
	input, out, err := c.expr(n.kids[0], focus)
	if err != nil {
		return nil, static{}, err
	}
	index, _, err := c.expr(n.kids[1], focus)
	if err != nil {
		return nil, static{}, err
	}
	line, column := position(c.text, n.pos)
	return func(s *state) (Collection, error) {
		in, err := input(s)
		if err != nil || len(in) == 0 {
			return nil, err
		}
		at, err := index(s)
		if err != nil || len(at) == 0 {
			return nil, err
		}
		v, err := one(at)
		if err != nil {
			return nil, place(err, line, column, "index")
		}
		i, ok := v.(int64)
		if !ok {
			return nil, place(ErrType, line, column, "index")
		}
		if i < 0 || i >= int64(len(in)) {
			return nil, nil
		}
		return in[i : i+1 : i+1], nil
	}, out, nil
}

// variable compiles %name.
func (c *compiler) variable(n *node) (expr, error) {
	name := n.text
	fixed, ok := fixedVariable(name)
	known := ok || c.options.variables == nil || c.options.variables[name] || slices.Contains(c.variables, name)
	if !known {
		return nil, failAt(n.pos, "unknown variable %%%s", name)
	}
	line, column := position(c.text, n.pos)
	return func(s *state) (Collection, error) {
		for v := s.vars; v != nil; v = v.outer {
			if v.name == name {
				return v.value, nil
			}
		}
		if v, ok := s.env.Variables[name]; ok {
			return v, nil
		}
		if fixed == nil {
			return nil, place(ErrVariable, line, column, "%"+name)
		}
		return fixed(s), nil
	}, nil
}
