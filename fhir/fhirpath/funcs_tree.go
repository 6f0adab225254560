package fhirpath

// treeFunctions: FHIRPath N1 5.8.
func treeFunctions() []Function {
	return []Function{
		{
			Name: "children", Spec: "N1 5.8.1",
			Doc:     "The values of all fields of each item.",
			Example: "1.children().empty()",
			Call: func(c *Call) (Collection, error) {
				return children(c.s, c.in)
			},
		},
		{
			Name: "descendants", Spec: "N1 5.8.2",
			Doc:     "The children, their children, and so on.",
			Example: "1.descendants().empty()",
			Call:    descendants,
		},
	}
}

func children(s *state, in Collection) (Collection, error) {
	var out Collection
	var err error
	for i := range in {
		if out, err = appendChildren(s, out, &in[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func descendants(c *Call) (Collection, error) {
	var out Collection
	level := c.in
	for len(level) > 0 {
		next, err := children(c.s, level)
		if err != nil {
			return nil, err
		}
		out = append(out, next...)
		level = next
	}
	return out, nil
}
