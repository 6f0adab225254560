package fhirpath

// subsetFunctions: FHIRPath N1 5.3.
func subsetFunctions() []Function {
	return []Function{
		{
			Name: "single", Spec: "N1 5.3.2",
			Doc:     "The only item; an error when there are several.",
			Example: "(7).single() = 7",
			gives:   givesInput,
			Call: func(c *Call) (Collection, error) {
				if len(c.in) > 1 {
					return nil, ErrSingle
				}
				return c.in, nil
			},
		},
		{
			Name: "first", Spec: "N1 5.3.3",
			Doc:     "The first item.",
			Example: "(5 | 6).first() = 5",
			gives:   givesInput,
			Call: func(c *Call) (Collection, error) {
				return cut(c.in, 0, 1), nil
			},
		},
		{
			Name: "last", Spec: "N1 5.3.4",
			Doc:     "The last item.",
			Example: "(5 | 6).last() = 6",
			gives:   givesInput,
			Call: func(c *Call) (Collection, error) {
				return cut(c.in, len(c.in)-1, len(c.in)), nil
			},
		},
		{
			Name: "tail", Spec: "N1 5.3.5",
			Doc:     "All but the first item.",
			Example: "(5 | 6 | 7).tail() = (6 | 7)",
			gives:   givesInput,
			Call: func(c *Call) (Collection, error) {
				return cut(c.in, 1, len(c.in)), nil
			},
		},
		{
			Name: "skip", Spec: "N1 5.3.6",
			Doc:     "All but the first n items.",
			Example: "(5 | 6 | 7).skip(2) = 7",
			MinArgs: 1, MaxArgs: 1, gives: givesInput,
			Call: func(c *Call) (Collection, error) {
				n, ok, err := c.Integer(0)
				if err != nil || !ok {
					return nil, err
				}
				return cut(c.in, n, len(c.in)), nil
			},
		},
		{
			Name: "take", Spec: "N1 5.3.7",
			Doc:     "The first n items.",
			Example: "(5 | 6 | 7).take(2) = (5 | 6)",
			MinArgs: 1, MaxArgs: 1, gives: givesInput,
			Call: func(c *Call) (Collection, error) {
				n, ok, err := c.Integer(0)
				if err != nil || !ok {
					return nil, err
				}
				return cut(c.in, 0, n), nil
			},
		},
		{
			Name: "intersect", Spec: "N1 5.3.8",
			Doc:     "The items that are also in the argument, each once.",
			Example: "(1 | 2).intersect(2 | 3) = 2",
			MinArgs: 1, MaxArgs: 1, gives: givesInput,
			Call: intersect,
		},
		{
			Name: "exclude", Spec: "N1 5.3.9",
			Doc:     "The items that are not in the argument.",
			Example: "(1 | 2 | 3).exclude(2) = (1 | 3)",
			MinArgs: 1, MaxArgs: 1, gives: givesInput,
			Call: exclude,
		},
	}
}

// cut gives the items from..to, as far as there are any.
func cut(in Collection, from, to int) Collection {
	from, to = max(from, 0), min(to, len(in))
	if from >= to {
		return nil
	}
	return in[from:to:to]
}

func intersect(c *Call) (Collection, error) {
	other, err := c.Arg(0)
	if err != nil {
		return nil, err
	}
	var out Collection
	for i := range c.in {
		ok, err := has(c.s, other, &c.in[i])
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, c.in[i])
		}
	}
	return distinct(c.s, out)
}

func exclude(c *Call) (Collection, error) {
	other, err := c.Arg(0)
	if err != nil {
		return nil, err
	}
	var out Collection
	for i := range c.in {
		ok, err := has(c.s, other, &c.in[i])
		if err != nil {
			return nil, err
		}
		if !ok {
			out = append(out, c.in[i])
		}
	}
	return out, nil
}
