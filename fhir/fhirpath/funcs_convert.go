package fhirpath

import "strings"

// conversionFunctions: FHIRPath N1 5.5. Each toX() has its convertsToX().
func conversionFunctions() []Function {
	out := []Function{
		{
			Name: "iif", Spec: "N1 5.5.1",
			Doc:     "The second argument when the first is true, else the third.",
			Example: "iif(1 > 2, 'yes', 'no') = 'no'",
			MinArgs: 2, MaxArgs: 3, lambda: true, gives: givesEither,
			Call: iif,
		},
	}
	for _, conv := range []struct {
		name    string
		to      func(v any) (any, bool)
		example string
	}{
		{"Boolean", toBoolean, "'true'"},
		{"Integer", toInteger, "'12'"},
		{"Date", toDate, "'2026-11'"},
		{"DateTime", toDateTime, "'2026-11-23T08:00:00+01:00'"},
		{"Decimal", toDecimal, "'1.50'"},
		{"String", toText, "12"},
		{"Time", toTime, "'08:30'"},
	} {
		out = append(out,
			Function{
				Name: "to" + conv.name, Spec: "N1 5.5",
				Doc:     "The item as " + conv.name + "; empty when it has no such form.",
				Example: conv.example + ".to" + conv.name + "().is(" + conv.name + ")",
				Call:    func(c *Call) (Collection, error) { return convert(c.in, conv.to) },
			},
			Function{
				Name: "convertsTo" + conv.name, Spec: "N1 5.5",
				Doc:     "True when to" + conv.name + "() gives something.",
				Example: conv.example + ".convertsTo" + conv.name + "()",
				Call:    func(c *Call) (Collection, error) { return converts(c.in, conv.to) },
			})
	}
	return append(out,
		Function{
			Name: "toQuantity", Spec: "N1 5.5.8",
			Doc:     "The item as Quantity, in the unit of the argument if given.",
			Example: "'4 days'.toQuantity() = 4 days",
			MaxArgs: 1,
			Call:    inUnit(convert),
		},
		Function{
			Name: "convertsToQuantity", Spec: "N1 5.5.8",
			Doc:     "True when toQuantity() gives something.",
			Example: "'4 wk'.convertsToQuantity() = false",
			MaxArgs: 1,
			Call:    inUnit(converts),
		})
}

// inUnit applies a conversion to a Quantity of the unit that is asked for.
func inUnit(do func(Collection, func(any) (any, bool)) (Collection, error)) func(c *Call) (Collection, error) {
	return func(c *Call) (Collection, error) {
		to, err := quantityIn(c)
		if err != nil {
			return nil, err
		}
		return do(c.in, to)
	}
}

// iif evaluates only the branch it needs. On a collection before the dot, that
// is $this; it may have one item at the most.
func iif(c *Call) (Collection, error) {
	if len(c.in) > 1 {
		return nil, ErrSingle
	}
	in := func(i int) (Collection, error) { return c.s.with(c.in, c.s.index, c.site.args[i]) }
	criterion, err := in(0)
	if err != nil {
		return nil, err
	}
	ok, err := condition(criterion)
	if err != nil {
		return nil, err
	}
	switch {
	case ok == yes:
		return in(1)
	case c.Args() == 3:
		return in(2)
	}
	return nil, nil
}

func convert(in Collection, to func(any) (any, bool)) (Collection, error) {
	if len(in) == 0 {
		return nil, nil
	}
	v, err := one(in)
	if err != nil {
		return nil, err
	}
	out, ok := to(v)
	if !ok {
		return nil, nil
	}
	return single(out), nil
}

func converts(in Collection, to func(any) (any, bool)) (Collection, error) {
	out, err := convert(in, to)
	if err != nil || len(in) == 0 {
		return nil, err
	}
	return boolean(len(out) > 0), nil
}

func toBoolean(v any) (any, bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		switch strings.ToLower(v) {
		case "true", "t", "yes", "y", "1", "1.0":
			return true, true
		case "false", "f", "no", "n", "0", "0.0":
			return false, true
		}
		return nil, false
	}
	d, ok := decimalOf(v)
	if !ok {
		return nil, false
	}
	n, ok := d.integer()
	return n == 1, ok && (n == 0 || n == 1)
}

func toInteger(v any) (any, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		if v {
			return int64(1), true
		}
		return int64(0), true
	case string:
		d, ok := ParseDecimal(v)
		if !ok || strings.ContainsAny(v, ".eE") {
			return nil, false
		}
		n, ok := d.integer()
		return n, ok
	}
	return nil, false
}

func toDecimal(v any) (any, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return NewDecimal(1), true
		}
		return NewDecimal(0), true
	case string:
		d, ok := ParseDecimal(v)
		return d, ok
	}
	d, ok := decimalOf(v)
	return d, ok
}

func toText(v any) (any, bool) {
	s, ok := stringOf(v)
	return s, ok
}

func toDate(v any) (any, bool) {
	switch v := v.(type) {
	case Date:
		return v, true
	case DateTime:
		return Date{dayOf(v.temporal)}, true
	case string:
		if d, ok := ParseDate(v); ok {
			return d, true
		}
		d, ok := ParseDateTime(v)
		return Date{dayOf(d.temporal)}, ok
	}
	return nil, false
}

// dayOf drops the time of day, in the value's own zone.
func dayOf(t temporal) temporal {
	if t.prec <= Day {
		return temporal{at: t.at, prec: t.prec}
	}
	return NewDate(t.at).temporal
}

func toDateTime(v any) (any, bool) {
	switch v := v.(type) {
	case DateTime:
		return v, true
	case Date:
		return DateTime(v), true
	case string:
		d, ok := ParseDateTime(v)
		return d, ok
	}
	return nil, false
}

func toTime(v any) (any, bool) {
	switch v := v.(type) {
	case Time:
		return v, true
	case string:
		t, ok := ParseTime(strings.TrimPrefix(v, "T"))
		return t, ok
	}
	return nil, false
}

// quantityIn gives the conversion to a Quantity, in the unit that is asked for.
func quantityIn(c *Call) (func(any) (any, bool), error) {
	if c.Args() == 0 {
		return toQuantity, nil
	}
	unit, ok, err := c.Text(0)
	if err != nil {
		return nil, err
	}
	if !ok {
		return func(any) (any, bool) { return nil, false }, nil
	}
	target := Quantity{Value: NewDecimal(1), Unit: unit}
	if word := calendarUnits[unit]; word != "" {
		target.Unit, target.Calendar = word, true
	}
	return func(v any) (any, bool) {
		q, ok := toQuantity(v)
		if !ok {
			return nil, false
		}
		_, value, ok := inSame(target, q.(Quantity), true)
		return Quantity{Value: value, Unit: target.Unit, Calendar: target.Calendar}, ok
	}, nil
}

func toQuantity(v any) (any, bool) {
	switch v := v.(type) {
	case bool:
		d, _ := toDecimal(v)
		return quantityFrom(d)
	case string:
		q, ok := parseQuantity(v)
		return q, ok
	}
	q, ok := quantityFrom(v)
	return q, ok
}
