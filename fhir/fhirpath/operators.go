package fhirpath

// operator works on the values of both sides.
type operator func(s *state, a, b Collection) (Collection, error)

// binary compiles an infix operator. "and", "or" and "implies" leave the right
// side alone when the left one decides.
func (c *compiler) binary(n *node, focus static) (expr, static, error) {
	left, l, err := c.expr(n.kids[0], focus)
	if err != nil {
		return nil, static{}, err
	}
	right, r, err := c.expr(n.kids[1], focus)
	if err != nil {
		return nil, static{}, err
	}
	line, column := position(c.text, n.pos)
	if early, ok := decides(n.text); ok {
		return logic(n.text, early, left, right, line, column), static{}, nil
	}
	do := operatorFor(n.text)
	what := n.text
	out := static{}
	if n.text == "|" {
		out = l.union(r)
	}
	return func(s *state) (Collection, error) {
		vars := s.vars
		a, err := left(s)
		s.vars = vars
		if err != nil {
			return nil, err
		}
		b, err := right(s)
		s.vars = vars
		if err != nil {
			return nil, err
		}
		if err = s.spend(1); err == nil {
			a, err = do(s, a, b)
		}
		if err != nil {
			return nil, place(err, line, column, what)
		}
		return a, nil
	}, out, nil
}

func operatorFor(op string) operator {
	switch op {
	case "=", "!=":
		return func(s *state, a, b Collection) (Collection, error) {
			eq, err := equalCollections(s, a, b)
			if op == "!=" {
				eq = eq.not()
			}
			return eq.collection(), err
		}
	case "~", "!~":
		return func(s *state, a, b Collection) (Collection, error) {
			eq, err := equivalentCollections(s, a, b)
			return boolean(eq == (op == "~")), err
		}
	case "<", ">", "<=", ">=":
		return ordering(op)
	case "|":
		return union
	case "in":
		return func(s *state, a, b Collection) (Collection, error) { return member(s, a, b) }
	case "contains":
		return func(s *state, a, b Collection) (Collection, error) { return member(s, b, a) }
	case "&":
		return concatenate
	}
	return arithmetic(op)
}

// decides gives the left value with which an operator's result is settled.
func decides(op string) (three, bool) {
	switch op {
	case "and", "implies":
		return no, true
	case "or":
		return yes, true
	case "xor":
		return unknown, true
	}
	return no, false
}

// logic is three-valued logic (N1 6.5).
func logic(op string, early three, left, right expr, line, column int) expr {
	side := func(s *state, e expr) (three, error) {
		vars := s.vars
		out, err := e(s)
		s.vars = vars
		if err != nil {
			return no, err
		}
		t, err := singleton(out)
		if err != nil {
			return no, place(err, line, column, op)
		}
		return t, nil
	}
	return func(s *state) (Collection, error) {
		if err := s.spend(1); err != nil {
			return nil, place(err, line, column, op)
		}
		a, err := side(s, left)
		if err != nil {
			return nil, err
		}
		if a == early && op != "implies" {
			return early.collection(), nil
		}
		if a == early {
			return boolean(true), nil
		}
		b, err := side(s, right)
		if err != nil {
			return nil, err
		}
		return join(op, a, b).collection(), nil
	}
}

func join(op string, a, b three) three {
	switch op {
	case "and":
		switch {
		case a == no || b == no:
			return no
		case a == unknown || b == unknown:
			return unknown
		}
		return yes
	case "or":
		switch {
		case a == yes || b == yes:
			return yes
		case a == unknown || b == unknown:
			return unknown
		}
		return no
	case "implies":
		return join("or", a.not(), b)
	}
	if a == unknown || b == unknown {
		return unknown
	}
	return truth(a != b)
}

// ordering is <, >, <= and >= (N1 6.2).
func ordering(op string) operator {
	holds := orderTest(op)
	return func(_ *state, a, b Collection) (Collection, error) {
		if len(a) == 0 || len(b) == 0 {
			return nil, nil
		}
		x, err := one(a)
		if err != nil {
			return nil, err
		}
		y, err := one(b)
		if err != nil {
			return nil, err
		}
		if x == nil || y == nil { // a primitive without value
			return nil, nil
		}
		order, known, err := compareValues(x, y)
		if err != nil || !known {
			return nil, err
		}
		return boolean(holds(order)), nil
	}
}

// concatenate is & (N1 6.6.7): an absent side counts as ”.
func concatenate(s *state, a, b Collection) (Collection, error) {
	x, _, err := text(a)
	if err != nil {
		return nil, err
	}
	y, _, err := text(b)
	if err != nil {
		return nil, err
	}
	if err := s.spend((len(x) + len(y)) / 64); err != nil {
		return nil, err
	}
	return single(x + y), nil
}

// text gives one item as text; numbers and dates are written out, so that a
// map may put them in a sentence.
func text(in Collection) (string, bool, error) {
	if len(in) == 0 {
		return "", false, nil
	}
	v, err := one(in)
	if err != nil || v == nil {
		return "", false, err
	}
	if s, ok := in[0].value.(string); ok {
		return s, true, nil
	}
	out, ok := stringOf(v)
	if !ok {
		return "", false, ErrType
	}
	return out, true, nil
}

// unary compiles + and - before a number (N1 6.6).
func (c *compiler) unary(n *node, focus static) (expr, static, error) {
	inner, _, err := c.expr(n.kids[0], focus)
	if err != nil {
		return nil, static{}, err
	}
	line, column := position(c.text, n.pos)
	minus := n.text == "-"
	return func(s *state) (Collection, error) {
		in, err := inner(s)
		if err != nil || len(in) == 0 {
			return nil, err
		}
		v, err := one(in)
		if err == nil {
			v, err = signed(v, minus)
		}
		if err != nil {
			return nil, place(err, line, column, "sign")
		}
		return single(v), nil
	}, static{}, nil
}

func signed(v any, minus bool) (any, error) {
	switch v := v.(type) {
	case int64:
		if minus {
			return -v, nil
		}
		return v, nil
	case Decimal:
		if minus {
			return v.neg(), nil
		}
		return v, nil
	case Quantity:
		if minus {
			v.Value = v.Value.neg()
		}
		return v, nil
	}
	return nil, ErrType
}
