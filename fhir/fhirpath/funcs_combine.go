package fhirpath

// combineFunctions: FHIRPath N1 5.4, and the operators |, in and contains (6.4).
func combineFunctions() []Function {
	return []Function{
		{
			Name: "union", Spec: "N1 5.4.1",
			Doc:     "The items of both, each once.",
			Example: "1.union(1 | 2) = (1 | 2)",
			MinArgs: 1, MaxArgs: 1,
			Call: func(c *Call) (Collection, error) {
				other, err := c.Arg(0)
				if err != nil {
					return nil, err
				}
				return union(c.s, c.in, other)
			},
		},
		{
			Name: "combine", Spec: "N1 5.4.2",
			Doc:     "The items of both, doubles kept.",
			Example: "1.combine(1).count() = 2",
			MinArgs: 1, MaxArgs: 1,
			Call: func(c *Call) (Collection, error) {
				other, err := c.Arg(0)
				if err != nil {
					return nil, err
				}
				return both(c.s, c.in, other)
			},
		},
		{
			Name: "coalesce", Spec: "FHIRPath 3.0 draft",
			Doc:     "The first argument that gives something.",
			Example: "coalesce({}, 'a', 'b') = 'a'",
			MinArgs: 1, MaxArgs: -1,
			Call: func(c *Call) (Collection, error) {
				for i := range c.Args() {
					if out, err := c.Arg(i); err != nil || len(out) > 0 {
						return out, err
					}
				}
				return nil, nil
			},
		},
	}
}

// both puts two collections into a new one.
func both(s *state, a, b Collection) (Collection, error) {
	if err := s.spend(len(a) + len(b)); err != nil {
		return nil, err
	}
	out := make(Collection, 0, len(a)+len(b))
	return append(append(out, a...), b...), nil
}

func union(s *state, a, b Collection) (Collection, error) {
	out, err := both(s, a, b)
	if err != nil {
		return nil, err
	}
	return distinct(s, out)
}

// member is `a in b`.
func member(s *state, a, b Collection) (Collection, error) {
	if len(a) == 0 {
		return nil, nil
	}
	if len(a) > 1 {
		return nil, ErrSingle
	}
	ok, err := has(s, b, &a[0])
	return boolean(ok), err
}
