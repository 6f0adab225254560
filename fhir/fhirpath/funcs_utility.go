package fhirpath

import "time"

// utilityFunctions: FHIRPath N1 5.9, and defineVariable and sort of the drafts.
func utilityFunctions() []Function {
	return []Function{
		{
			Name: "trace", Spec: "N1 5.9.1",
			Doc:     "The input as it is; its number of items is told to Env.Trace under the name, never its content.",
			Example: "(1 | 2).trace('seen').count() = 2",
			MinArgs: 1, MaxArgs: 2, lambda: true, gives: givesInput,
			Call: trace,
		},
		{
			Name: "now", Spec: "N1 5.9.2",
			Doc:     "The time that the evaluation is given.",
			Example: "now() > @2020-01-01T00:00:00Z",
			Call: func(c *Call) (Collection, error) {
				return clockValue(c, func(t time.Time) any { return NewDateTime(t) })
			},
		},
		{
			Name: "timeOfDay", Spec: "N1 5.9.2",
			Doc:     "The time of day that the evaluation is given.",
			Example: "timeOfDay() >= @T00:00:00.000",
			Call: func(c *Call) (Collection, error) {
				return clockValue(c, func(t time.Time) any {
					v, _ := ParseTime(t.Format("15:04:05.000"))
					return v
				})
			},
		},
		{
			Name: "today", Spec: "N1 5.9.2",
			Doc:     "The day that the evaluation is given.",
			Example: "today() > @2020-01-01",
			Call: func(c *Call) (Collection, error) {
				return clockValue(c, func(t time.Time) any { return NewDate(t) })
			},
		},
		{
			Name: "defineVariable", Spec: "FHIRPath 3.0 draft",
			Doc:     "The input as it is; the rest of the path may use %name for the second argument's value, or the input's.",
			Example: "5.defineVariable('n').select(%n + 1) = 6",
			MinArgs: 1, MaxArgs: 2, gives: givesInput,
			Call: defineVariable,
		},
		{
			Name: "sort", Spec: "FHIRPath 3.0 draft",
			Doc:     "The items in order of the keys, or of themselves; a minus before a key turns its order.",
			Example: "(3 | 1 | 2).sort(-$this) = (3 | 2 | 1)",
			MaxArgs: -1, lambda: true, sorts: true, gives: givesInput,
			Call: sortItems,
		},
	}
}

func trace(c *Call) (Collection, error) {
	name, _, err := c.Text(0)
	if err != nil {
		return nil, err
	}
	count := len(c.in)
	if c.Args() == 2 {
		count = 0
		for i := range c.in {
			got, err := c.each(1, i)
			if err != nil {
				return nil, err
			}
			count += len(got)
		}
	}
	// The name may only be a literal: a computed one could carry content out.
	if c.s.env.Trace != nil {
		if c.site.literals[0] == nil {
			name = "?"
		}
		c.s.env.Trace(name, count)
	}
	return c.in, nil
}

func clockValue(c *Call, of func(time.Time) any) (Collection, error) {
	if c.s.env.Now.IsZero() {
		return nil, ErrClock
	}
	return single(of(c.s.env.Now)), nil
}

func defineVariable(c *Call) (Collection, error) {
	name, ok, err := c.Text(0)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ErrArgument
	}
	if _, fixed := fixedVariable(name); fixed {
		return nil, ErrVariable
	}
	value := c.in
	if c.Args() == 2 {
		if value, err = c.s.with(c.in, 0, c.site.args[1]); err != nil {
			return nil, err
		}
	}
	for v := c.s.vars; v != nil; v = v.outer {
		if v.name == name {
			return nil, ErrVariable
		}
	}
	c.s.vars = &variable{name, value, c.s.vars}
	return c.in, nil
}
