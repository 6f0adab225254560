package fhirpath

import "math"

// mathFunctions: FHIRPath N1 5.7.
func mathFunctions() []Function {
	return []Function{
		{
			Name: "abs", Spec: "N1 5.7.1",
			Doc:     "The number without its sign.",
			Example: "(-2).abs() = 2",
			Call:    onNumber(absolute),
		},
		{
			Name: "ceiling", Spec: "N1 5.7.2",
			Doc:     "The next whole number upwards.",
			Example: "1.1.ceiling() = 2",
			Call:    onNumber(whole(ceiling)),
		},
		{
			Name: "exp", Spec: "N1 5.7.3",
			Doc:     "e to the power of the number.",
			Example: "0.exp() = 1",
			Call:    onNumber(floating(math.Exp)),
		},
		{
			Name: "floor", Spec: "N1 5.7.4",
			Doc:     "The next whole number downwards.",
			Example: "1.9.floor() = 1",
			Call:    onNumber(whole(floor)),
		},
		{
			Name: "ln", Spec: "N1 5.7.5",
			Doc:     "The natural logarithm.",
			Example: "1.ln() = 0",
			Call:    onNumber(floating(math.Log)),
		},
		{
			Name: "log", Spec: "N1 5.7.6",
			Doc:     "The logarithm to a base.",
			Example: "8.log(2) = 3",
			MinArgs: 1, MaxArgs: 1,
			Call: logarithm,
		},
		{
			Name: "power", Spec: "N1 5.7.7",
			Doc:     "The number to a power; empty when there is no real result.",
			Example: "2.power(3) = 8",
			MinArgs: 1, MaxArgs: 1,
			Call: power2,
		},
		{
			Name: "round", Spec: "N1 5.7.8",
			Doc:     "The number rounded to so many digits, 0 if not given.",
			Example: "3.146.round(2) = 3.15",
			MaxArgs: 1,
			Call:    round,
		},
		{
			Name: "sqrt", Spec: "N1 5.7.9",
			Doc:     "The square root; empty for negative numbers.",
			Example: "9.sqrt() = 3",
			Call:    onNumber(floating(math.Sqrt)),
		},
		{
			Name: "truncate", Spec: "N1 5.7.10",
			Doc:     "The number without its fraction.",
			Example: "(-1.9).truncate() = -1",
			Call:    onNumber(whole(truncate)),
		},
	}
}

// onNumber applies f to the one number of the input; ok false gives empty.
func onNumber(f func(v any) (any, bool, error)) func(c *Call) (Collection, error) {
	return func(c *Call) (Collection, error) {
		if len(c.in) == 0 {
			return nil, nil
		}
		v, err := one(c.in)
		if err != nil || v == nil {
			return nil, err
		}
		out, ok, err := f(v)
		if err != nil || !ok {
			return nil, err
		}
		return single(out), nil
	}
}

func absolute(v any) (any, bool, error) {
	switch v := v.(type) {
	case int64:
		if v < 0 {
			v = -v
		}
		return v, v >= 0, nil
	case Decimal:
		return v.abs(), true, nil
	case Quantity:
		v.Value = v.Value.abs()
		return v, true, nil
	}
	return nil, false, ErrType
}

func whole(how rounding) func(v any) (any, bool, error) {
	return func(v any) (any, bool, error) {
		d, ok := decimalOf(v)
		if !ok {
			return nil, false, ErrType
		}
		n, ok := d.to(0, how).integer()
		return n, ok, nil
	}
}

func floating(f func(float64) float64) func(v any) (any, bool, error) {
	return func(v any) (any, bool, error) {
		d, ok := decimalOf(v)
		if !ok {
			return nil, false, ErrType
		}
		out, ok := finite(f(d.float()))
		return out, ok, nil
	}
}

func finite(f float64) (any, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, false
	}
	d, ok := fromFloat(f)
	return d, ok
}

// numberArgument gives argument 0 as a number; ok is false when it is empty.
func numberArgument(c *Call) (Decimal, bool, error) {
	out, err := c.Arg(0)
	if err != nil || len(out) == 0 {
		return Decimal{}, false, err
	}
	v, err := one(out)
	if err != nil {
		return Decimal{}, false, err
	}
	d, ok := decimalOf(v)
	if !ok {
		return Decimal{}, false, ErrType
	}
	return d, true, nil
}

func logarithm(c *Call) (Collection, error) {
	base, given, err := numberArgument(c)
	if err != nil || !given {
		return nil, err
	}
	return onNumber(floating(func(f float64) float64 { return math.Log(f) / math.Log(base.float()) }))(c)
}

func power2(c *Call) (Collection, error) {
	exponent, given, err := numberArgument(c)
	if err != nil || !given {
		return nil, err
	}
	return onNumber(func(v any) (any, bool, error) {
		d, ok := decimalOf(v)
		if !ok {
			return nil, false, ErrType
		}
		n, isWhole := exponent.integer()
		if isWhole && n >= 0 && n <= 64 && !d.tooLong() {
			return integerPower(v, d, n)
		}
		out, ok := finite(math.Pow(d.float(), exponent.float()))
		return out, ok, nil
	})(c)
}

// integerPower is exact; an integer stays one while it fits.
func integerPower(v any, d Decimal, n int64) (any, bool, error) {
	out := NewDecimal(1)
	for range n {
		if out = out.mul(d); out.tooLong() {
			return nil, false, nil
		}
	}
	if _, isInt := v.(int64); isInt {
		i, ok := out.integer()
		return i, ok, nil
	}
	return out, true, nil
}

func round(c *Call) (Collection, error) {
	digits := 0
	if c.Args() == 1 {
		n, given, err := c.Integer(0)
		if err != nil {
			return nil, err
		}
		if given {
			digits = n
		}
	}
	if digits < 0 || digits > maxDigits {
		return nil, ErrArgument
	}
	return onNumber(func(v any) (any, bool, error) {
		d, ok := decimalOf(v)
		if !ok {
			return nil, false, ErrType
		}
		if digits >= d.scale {
			return d, true, nil
		}
		return d.to(digits, halfAway), true, nil
	})(c)
}
