package fhirpath

// aggregateFunctions: FHIRPath N1 7.
func aggregateFunctions() []Function {
	return []Function{
		{
			Name: "aggregate", Spec: "N1 7.1",
			Doc:     "The expression for each item in turn, with $total as what came before.",
			Example: "(1 | 2 | 3).aggregate($this + $total, 0) = 6",
			MinArgs: 1, MaxArgs: 2, roams: true,
			Call: aggregate,
		},
	}
}

func aggregate(c *Call) (Collection, error) {
	outer := c.s.total
	defer func() { c.s.total = outer }()
	var total Collection
	if c.Args() == 2 {
		var err error
		if total, err = c.Arg(1); err != nil {
			return nil, err
		}
	}
	for i := range c.in {
		c.s.total = total
		got, err := c.each(0, i)
		if err != nil {
			return nil, err
		}
		total = got
	}
	return total, nil
}
