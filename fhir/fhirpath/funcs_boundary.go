package fhirpath

import (
	"time"
)

// boundaryFunctions: FHIRPath 2.1/3.0 drafts (5.8 Boundaries and precision).
func boundaryFunctions() []Function {
	return []Function{
		{
			Name: "lowBoundary", Spec: "FHIRPath 3.0 draft",
			Doc:     "The least value that the item may stand for, with so many digits.",
			Example: "@2026.lowBoundary(8) = @2026-01-01",
			MaxArgs: 1,
			Call:    boundary(false),
		},
		{
			Name: "highBoundary", Spec: "FHIRPath 3.0 draft",
			Doc:     "The greatest value that the item may stand for, with so many digits.",
			Example: "@2026-02.highBoundary(8) = @2026-02-28",
			MaxArgs: 1,
			Call:    boundary(true),
		},
		{
			Name: "precision", Spec: "FHIRPath 3.0 draft",
			Doc:     "How many digits the number, date or time has.",
			Example: "@2026-02.precision() = 6",
			Call:    onNumber(precisionOf),
		},
		{
			Name: "comparable", Spec: "FHIRPath 3.0 draft",
			Doc:     "True when the units of both quantities measure the same thing.",
			Example: "(1 'cm').comparable(1 'm')",
			MinArgs: 1, MaxArgs: 1,
			Call: comparable,
		},
	}
}

const (
	boundaryDigits    = 8  // digits of a decimal's boundary when none are asked for
	maxBoundaryDigits = 28 // more are no FHIRPath decimal
)

func boundary(high bool) func(c *Call) (Collection, error) {
	return func(c *Call) (Collection, error) {
		digits, asked := 0, false
		if c.Args() == 1 {
			var err error
			if digits, asked, err = c.Integer(0); err != nil {
				return nil, err
			}
		}
		return onNumber(func(v any) (any, bool, error) {
			switch v := v.(type) {
			case Quantity:
				d, ok := decimalBoundary(v.Value, digits, asked, high)
				v.Value = d
				return v, ok, nil
			case Date:
				t, ok := v.boundary(orDigits(digits, asked, 8), high)
				return Date{t}, ok, nil
			case DateTime:
				t, ok := v.boundary(orDigits(digits, asked, 17), high)
				if t.prec <= Day {
					return Date{t}, ok, nil
				}
				return DateTime{t}, ok, nil
			case Time:
				v.zoned = true // a time of day has no zone to be open about
				t, ok := v.boundary(orDigits(digits, asked, 9)+8, high)
				t.zoned = false
				return Time{t}, ok, nil
			}
			d, ok := decimalOf(v)
			if !ok {
				return nil, false, ErrType
			}
			d, ok = decimalBoundary(d, digits, asked, high)
			return d, ok, nil
		})(c)
	}
}

func orDigits(n int, asked bool, otherwise int) int {
	if asked {
		return n
	}
	return otherwise
}

// decimalBoundary: the number may be off by half a unit of its last digit.
func decimalBoundary(d Decimal, digits int, asked, high bool) (Decimal, bool) {
	digits = orDigits(digits, asked, boundaryDigits)
	if digits < 0 || digits > maxBoundaryDigits {
		return Decimal{}, false
	}
	half, how := Decimal{NewDecimal(5).coef, d.scale + 1}, ceiling
	if !high {
		half, how = half.neg(), floor
	}
	return d.add(half).to(digits, how), true
}

// digitsOf gives the digits that a precision is written with, from year to
// millisecond, and back.
var digitsOf = map[Precision]int{Year: 4, Month: 6, Day: 8, Hour: 10, Minute: 12, Second: 14, Millisecond: 17}

// boundary fills what is not known with the least or greatest values, and cuts
// to the precision asked for.
func (t temporal) boundary(digits int, high bool) (temporal, bool) {
	prec := Precision(0)
	for p, n := range digitsOf {
		if n == digits {
			prec = p
		}
	}
	if prec == 0 {
		return t, false
	}
	at := t.at
	if high {
		at = t.latest()
	}
	y, m, d := at.Date()
	zone := at.Location()
	zoned := t.zoned
	if !zoned && prec > Day { // somewhere on earth
		offset := 14 * time.Hour
		if high {
			offset = -12 * time.Hour
		}
		zone, zoned = time.FixedZone("", int(offset.Seconds())), true
	}
	out := temporal{prec: prec, zoned: zoned && prec > Day}
	h, mi, se, ns := at.Hour(), at.Minute(), at.Second(), at.Nanosecond()/1e6*1e6
	switch prec {
	case Year:
		m, d = 1, 1
		fallthrough
	case Month:
		d = 1
		fallthrough
	case Day:
		h, mi, se, ns, zone = 0, 0, 0, 0, time.UTC
	case Hour:
		mi, se, ns = 0, 0, 0
	case Minute:
		se, ns = 0, 0
	case Second:
		ns = 0
	case Millisecond:
		out.fraction = 3
	}
	out.at = time.Date(y, m, d, h, mi, se, ns, zone)
	return out, true
}

// latest gives the last millisecond that the value may stand for. An hour alone
// is taken with minute 00, as the specification's example has it.
func (t temporal) latest() time.Time {
	switch t.prec {
	case Hour, Minute:
		return t.at.Add(time.Minute - time.Millisecond)
	case Second:
		return t.at.Add(time.Second - time.Millisecond)
	case Millisecond:
		return t.at
	}
	return t.end()
}

func precisionOf(v any) (any, bool, error) {
	switch v := v.(type) {
	case int64:
		return int64(0), true, nil
	case Decimal:
		return int64(v.scale), true, nil
	case Date:
		return int64(digitsOf[v.prec]), true, nil
	case DateTime:
		return int64(digitsOf[v.prec]), true, nil
	case Time:
		return int64(digitsOf[v.prec] - 8), true, nil
	}
	return nil, false, ErrType
}

func comparable(c *Call) (Collection, error) {
	other, err := c.Arg(0)
	if err != nil || len(other) == 0 {
		return nil, err
	}
	w, err := one(other)
	if err != nil {
		return nil, err
	}
	return onNumber(func(v any) (any, bool, error) {
		q, okQ := quantityFrom(v)
		r, okR := quantityFrom(w)
		if !okQ || !okR {
			return nil, false, ErrType
		}
		_, _, ok := inSame(q, r, true)
		return ok, true, nil
	})(c)
}
