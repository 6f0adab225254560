package fhirpath

import (
	"math/big"
	"strconv"
	"strings"
)

// Decimal is an exact decimal number that keeps the digits it was written with:
// 1.50 stays 1.50 (FHIR R4 "decimal": precision is significant). The zero value is 0.
type Decimal struct {
	coef  *big.Int // nil is 0
	scale int      // digits after the point, >= 0
}

// maxDigits bounds how long a number may be, so that 1e999999999 costs nothing.
const maxDigits = 400

// divisionDigits is how far a division is carried; FHIRPath asks for 8 at least.
const divisionDigits = 16

// ParseDecimal reads a JSON or FHIRPath number. ok is false for anything else
// and for numbers of more than 400 digits.
func ParseDecimal(s string) (d Decimal, ok bool) {
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.Atoi(s[i+1:])
		if err != nil || e > maxDigits || e < -maxDigits {
			return Decimal{}, false
		}
		mantissa, exponent = s[:i], e
	}
	digits := mantissa
	if len(digits) > 0 && (digits[0] == '-' || digits[0] == '+') {
		digits = digits[1:]
	}
	whole, fraction, pointed := strings.Cut(digits, ".")
	if whole == "" || pointed && fraction == "" || len(digits) > maxDigits || !allDigits(whole) || !allDigits(fraction) {
		return Decimal{}, false
	}
	coef := new(big.Int)
	if len(whole)+len(fraction) <= 18 {
		n, _ := strconv.ParseInt(whole+fraction, 10, 64)
		coef.SetInt64(n)
	} else {
		coef.SetString(whole+fraction, 10)
	}
	if mantissa[0] == '-' {
		coef.Neg(coef)
	}
	scale := len(fraction) - exponent
	if scale < 0 {
		coef.Mul(coef, pow10(-scale))
		scale = 0
	}
	return Decimal{coef, scale}, true
}

// NewDecimal gives n as a decimal.
func NewDecimal(n int64) Decimal { return Decimal{big.NewInt(n), 0} }

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func pow10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

func (d Decimal) c() *big.Int {
	if d.coef == nil {
		return new(big.Int)
	}
	return d.coef
}

// String writes the number with all its digits and no exponent.
func (d Decimal) String() string {
	s := d.c().String()
	if d.scale == 0 {
		return s
	}
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	if len(s) <= d.scale {
		s = strings.Repeat("0", d.scale-len(s)+1) + s
	}
	return sign + s[:len(s)-d.scale] + "." + s[len(s)-d.scale:]
}

// MarshalJSON writes the number with the precision it has.
func (d Decimal) MarshalJSON() ([]byte, error) { return []byte(d.String()), nil }

// aligned gives both coefficients at the larger scale.
func aligned(a, b Decimal) (x, y *big.Int, scale int) {
	x, y = a.c(), b.c()
	switch {
	case a.scale < b.scale:
		return new(big.Int).Mul(x, pow10(b.scale-a.scale)), y, b.scale
	case a.scale > b.scale:
		return x, new(big.Int).Mul(y, pow10(a.scale-b.scale)), a.scale
	}
	return x, y, a.scale
}

// Cmp compares by value: 1.0 equals 1.00.
func (d Decimal) Cmp(o Decimal) int {
	x, y, _ := aligned(d, o)
	return x.Cmp(y)
}

func (d Decimal) add(o Decimal) Decimal {
	x, y, scale := aligned(d, o)
	return Decimal{new(big.Int).Add(x, y), scale}
}

func (d Decimal) neg() Decimal { return Decimal{new(big.Int).Neg(d.c()), d.scale} }

func (d Decimal) mul(o Decimal) Decimal {
	return Decimal{new(big.Int).Mul(d.c(), o.c()), d.scale + o.scale}
}

// quo divides, carried to divisionDigits; ok is false for division by zero.
func (d Decimal) quo(o Decimal) (Decimal, bool) {
	if o.sign() == 0 {
		return Decimal{}, false
	}
	x, y, _ := aligned(d, o)
	r := new(big.Rat).SetFrac(x, y)
	return fromRat(r, divisionDigits).strip(), true
}

// divTrunc gives the whole quotient and the remainder; ok is false for zero.
func (d Decimal) divTrunc(o Decimal) (quotient, remainder Decimal, ok bool) {
	if o.sign() == 0 {
		return Decimal{}, Decimal{}, false
	}
	x, y, scale := aligned(d, o)
	q, r := new(big.Int).QuoRem(x, y, new(big.Int))
	return Decimal{q, 0}, Decimal{r, scale}, true
}

func (d Decimal) sign() int { return d.c().Sign() }

// strip removes zeros at the end of the fraction.
func (d Decimal) strip() Decimal {
	c, ten, r := new(big.Int).Set(d.c()), big.NewInt(10), new(big.Int)
	scale := d.scale
	for scale > 0 {
		q, rem := new(big.Int).QuoRem(c, ten, r)
		if rem.Sign() != 0 {
			break
		}
		c = q
		scale--
	}
	return Decimal{c, scale}
}

// rounding says which way digits are cut off.
type rounding int

const (
	halfAway rounding = iota // 2.5 → 3, -2.5 → -3
	floor
	ceiling
	truncate
)

// to gives the number with n digits after the point.
func (d Decimal) to(n int, how rounding) Decimal {
	if n >= d.scale {
		return Decimal{new(big.Int).Mul(d.c(), pow10(n-d.scale)), n}
	}
	unit := pow10(d.scale - n)
	q, r := new(big.Int).QuoRem(d.c(), unit, new(big.Int))
	switch how {
	case halfAway:
		if r.Abs(r).Lsh(r, 1).Cmp(unit) >= 0 {
			q.Add(q, big.NewInt(int64(d.sign())))
		}
	case floor:
		if r.Sign() < 0 {
			q.Sub(q, big.NewInt(1))
		}
	case ceiling:
		if r.Sign() > 0 {
			q.Add(q, big.NewInt(1))
		}
	}
	return Decimal{q, n}
}

func (d Decimal) abs() Decimal { return Decimal{new(big.Int).Abs(d.c()), d.scale} }

func (d Decimal) rat() *big.Rat { return new(big.Rat).SetFrac(d.c(), pow10(d.scale)) }

// fromRat rounds a fraction to n digits.
func fromRat(r *big.Rat, n int) Decimal {
	num := new(big.Int).Mul(r.Num(), pow10(n+1))
	num.Quo(num, r.Denom())
	return Decimal{num, n + 1}.to(n, halfAway)
}

func (d Decimal) float() float64 {
	f, _ := d.rat().Float64()
	return f
}

// fromFloat gives a computed float with the digits that are sure.
func fromFloat(f float64) (Decimal, bool) {
	d, ok := ParseDecimal(strconv.FormatFloat(f, 'f', 15, 64))
	return d.strip(), ok
}

// integer gives the number as int64 when it is whole and fits.
func (d Decimal) integer() (int64, bool) {
	s := d.strip()
	return s.c().Int64(), s.scale == 0 && s.c().IsInt64()
}
