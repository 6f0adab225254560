package fhirpath

// filterFunctions: FHIRPath N1 5.2.
func filterFunctions() []Function {
	return []Function{
		{
			Name: "where", Spec: "N1 5.2.1",
			Doc:     "The items that meet the criterion.",
			Example: "(1 | 2 | 3).where($this > 1) = (2 | 3)",
			MinArgs: 1, MaxArgs: 1, lambda: true, gives: givesInput,
			Call: where,
		},
		{
			Name: "select", Spec: "N1 5.2.2",
			Doc:     "What the expression gives for each item, as one list.",
			Example: "(1 | 2).select($this * 10) = (10 | 20)",
			MinArgs: 1, MaxArgs: 1, lambda: true, gives: givesArgument,
			Call: selectEach,
		},
		{
			Name: "repeat", Spec: "N1 5.2.3",
			Doc:     "What the expression gives for each item, and again for what it gave, until nothing new comes.",
			Example: "1.repeat(iif($this < 4, $this + 1, {})) = (2 | 3 | 4)",
			MinArgs: 1, MaxArgs: 1, roams: true,
			Call: repeat,
		},
		{
			Name: "ofType", Spec: "N1 5.2.4",
			Doc:     "The items of a type.",
			Example: "(1 | 'a').ofType(String) = 'a'",
			MinArgs: 1, MaxArgs: 1, types: true, gives: givesType,
			Call: func(c *Call) (Collection, error) {
				return ofType(c.in, c.site.types[0]), nil
			},
		},
	}
}

func where(c *Call) (Collection, error) {
	var out Collection
	for i := range c.in {
		ok, err := c.test(0, i)
		if err != nil {
			return nil, err
		}
		if ok == yes {
			out = append(out, c.in[i])
		}
	}
	return out, nil
}

func selectEach(c *Call) (Collection, error) {
	var out Collection
	for i := range c.in {
		got, err := c.each(0, i)
		if err != nil {
			return nil, err
		}
		if err := c.s.spend(len(got)); err != nil {
			return nil, err
		}
		out = append(out, got...)
	}
	return out, nil
}

func repeat(c *Call) (Collection, error) {
	var out Collection
	round := c.in
	for len(round) > 0 {
		var fresh Collection
		for i := range round {
			if err := c.s.spend(1); err != nil {
				return nil, err
			}
			got, err := c.s.with(round[i:i+1:i+1], i, c.site.args[0])
			if err != nil {
				return nil, err
			}
			for j := range got {
				dup, err := has(c.s, out, &got[j])
				if err != nil {
					return nil, err
				}
				if !dup {
					out = append(out, got[j])
					fresh = append(fresh, got[j])
				}
			}
		}
		round = fresh
	}
	return out, nil
}
