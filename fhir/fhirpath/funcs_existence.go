package fhirpath

// existenceFunctions: FHIRPath N1 5.1.
func existenceFunctions() []Function {
	return []Function{
		{
			Name: "empty", Spec: "N1 5.1.1",
			Doc:     "True when there is nothing.",
			Example: "{}.empty()",
			Call: func(c *Call) (Collection, error) {
				return boolean(len(c.in) == 0), nil
			},
		},
		{
			Name: "exists", Spec: "N1 5.1.2",
			Doc:     "True when there is something (that meets the criterion).",
			Example: "(1 | 2).exists($this > 1)",
			MaxArgs: 1, lambda: true,
			Call: exists,
		},
		{
			Name: "all", Spec: "N1 5.1.3",
			Doc:     "True when every item meets the criterion.",
			Example: "(1 | 2).all($this > 0)",
			MinArgs: 1, MaxArgs: 1, lambda: true,
			Call: all,
		},
		{
			Name: "allTrue", Spec: "N1 5.1.4",
			Doc:     "True when every item is true.",
			Example: "(true | true).allTrue()",
			Call:    every(true, true),
		},
		{
			Name: "anyTrue", Spec: "N1 5.1.5",
			Doc:     "True when some item is true.",
			Example: "(true | false).anyTrue()",
			Call:    every(true, false),
		},
		{
			Name: "allFalse", Spec: "N1 5.1.6",
			Doc:     "True when every item is false.",
			Example: "(false | false).allFalse()",
			Call:    every(false, true),
		},
		{
			Name: "anyFalse", Spec: "N1 5.1.7",
			Doc:     "True when some item is false.",
			Example: "(true | false).anyFalse()",
			Call:    every(false, false),
		},
		{
			Name: "subsetOf", Spec: "N1 5.1.8",
			Doc:     "True when every item is also in the argument.",
			Example: "(1 | 2).subsetOf(1 | 2 | 3)",
			MinArgs: 1, MaxArgs: 1,
			Call: func(c *Call) (Collection, error) {
				other, err := c.Arg(0)
				if err != nil {
					return nil, err
				}
				ok, err := contained(c.s, c.in, other)
				return boolean(ok), err
			},
		},
		{
			Name: "supersetOf", Spec: "N1 5.1.9",
			Doc:     "True when every item of the argument is in the input.",
			Example: "(1 | 2 | 3).supersetOf(1 | 2)",
			MinArgs: 1, MaxArgs: 1,
			Call: func(c *Call) (Collection, error) {
				other, err := c.Arg(0)
				if err != nil {
					return nil, err
				}
				ok, err := contained(c.s, other, c.in)
				return boolean(ok), err
			},
		},
		{
			Name: "count", Spec: "N1 5.1.10",
			Doc:     "The number of items.",
			Example: "('a' | 'b').count() = 2",
			Call: func(c *Call) (Collection, error) {
				return single(int64(len(c.in))), nil
			},
		},
		{
			Name: "distinct", Spec: "N1 5.1.11",
			Doc:     "Each different item once.",
			Example: "'a'.combine('a').distinct() = 'a'",
			gives:   givesInput,
			Call: func(c *Call) (Collection, error) {
				return distinct(c.s, c.in)
			},
		},
		{
			Name: "isDistinct", Spec: "N1 5.1.12",
			Doc:     "True when no item stands twice.",
			Example: "'a'.combine('a').isDistinct() = false",
			Call: func(c *Call) (Collection, error) {
				d, err := distinct(c.s, c.in)
				return boolean(len(d) == len(c.in)), err
			},
		},
		{
			Name: "not", Spec: "N1 6.5.3",
			Doc:     "False for true, true for false.",
			Example: "true.not() = false",
			Call: func(c *Call) (Collection, error) {
				t, err := singleton(c.in)
				return t.not().collection(), err
			},
		},
	}
}

func exists(c *Call) (Collection, error) {
	if c.Args() == 0 {
		return boolean(len(c.in) > 0), nil
	}
	for i := range c.in {
		ok, err := c.test(0, i)
		if err != nil {
			return nil, err
		}
		if ok == yes {
			return boolean(true), nil
		}
	}
	return boolean(false), nil
}

func all(c *Call) (Collection, error) {
	for i := range c.in {
		ok, err := c.test(0, i)
		if err != nil {
			return nil, err
		}
		if ok != yes {
			return boolean(false), nil
		}
	}
	return boolean(true), nil
}

// every asks whether all items, or any, are the wanted truth value.
func every(want, every bool) func(c *Call) (Collection, error) {
	return func(c *Call) (Collection, error) {
		result := every
		for i := range c.in {
			b, ok := c.in[i].value.(bool)
			if !ok {
				return nil, ErrType
			}
			if (b == want) != every {
				result = !every
			}
		}
		return boolean(result), nil
	}
}

// contained asks whether every item of a is in b.
func contained(s *state, a, b Collection) (bool, error) {
	for i := range a {
		ok, err := has(s, b, &a[i])
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// has asks whether a collection has an item equal to it.
func has(s *state, in Collection, it *Item) (bool, error) {
	for i := range in {
		eq, err := equalItems(s, &in[i], it)
		if err != nil {
			return false, err
		}
		if eq == yes {
			return true, nil
		}
	}
	return false, nil
}

// distinct keeps the first of equal items. Plain strings, the usual case, are
// looked up; the rest is compared.
func distinct(s *state, in Collection) (Collection, error) {
	if len(in) < 2 {
		return in, nil
	}
	out := make(Collection, 0, len(in))
	seen := map[string]bool{}
	var others Collection
	for i := range in {
		if text, ok := in[i].system().(string); ok {
			if err := s.spend(1); err != nil {
				return nil, err
			}
			if seen[text] {
				continue
			}
			seen[text] = true
		} else {
			dup, err := has(s, others, &in[i])
			if err != nil {
				return nil, err
			}
			if dup {
				continue
			}
			others = append(others, in[i])
		}
		out = append(out, in[i])
	}
	return out, nil
}
