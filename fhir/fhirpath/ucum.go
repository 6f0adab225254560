package fhirpath

import (
	"math/big"
	"strconv"
	"strings"
)

// The units below are a small part of UCUM (https://ucum.org): what records of
// children's services hold, enough to compare and convert. A unit outside it is
// compared by its code only.

const (
	metre = iota
	gram
	second
	kelvin
	mole
	candela
	coulomb
	radian
	calendarMonth // FHIRPath's calendar month, which has no fixed length
	dimensionCount
)

type dimensions [dimensionCount]int8

type measure struct {
	factor *big.Rat
	dims   dimensions
}

type atom struct {
	factor string // a fraction, in base units
	dims   dimensions
	metric bool // takes prefixes
}

var unitAtoms = map[string]atom{
	"1":       {"1", dimensions{}, false},
	"%":       {"1/100", dimensions{}, false},
	"m":       {"1", dimensions{metre: 1}, true},
	"g":       {"1", dimensions{gram: 1}, true},
	"s":       {"1", dimensions{second: 1}, true},
	"K":       {"1", dimensions{kelvin: 1}, true},
	"mol":     {"602214076000000000000000", dimensions{}, true},
	"cd":      {"1", dimensions{candela: 1}, true},
	"C":       {"1", dimensions{coulomb: 1}, true},
	"rad":     {"1", dimensions{radian: 1}, true},
	"min":     {"60", dimensions{second: 1}, false},
	"h":       {"3600", dimensions{second: 1}, false},
	"d":       {"86400", dimensions{second: 1}, false},
	"wk":      {"604800", dimensions{second: 1}, false},
	"mo":      {"2629800", dimensions{second: 1}, false},
	"a":       {"31557600", dimensions{second: 1}, false},
	"Hz":      {"1", dimensions{second: -1}, true},
	"L":       {"1/1000", dimensions{metre: 3}, true},
	"l":       {"1/1000", dimensions{metre: 3}, true},
	"t":       {"1000000", dimensions{gram: 1}, true},
	"N":       {"1000", dimensions{gram: 1, metre: 1, second: -2}, true},
	"Pa":      {"1000", dimensions{gram: 1, metre: -1, second: -2}, true},
	"J":       {"1000", dimensions{gram: 1, metre: 2, second: -2}, true},
	"W":       {"1000", dimensions{gram: 1, metre: 2, second: -3}, true},
	"cal":     {"4184", dimensions{gram: 1, metre: 2, second: -2}, true},
	"m[Hg]":   {"133322387", dimensions{gram: 1, metre: -1, second: -2}, true},
	"[in_i]":  {"254/10000", dimensions{metre: 1}, false},
	"[ft_i]":  {"3048/10000", dimensions{metre: 1}, false},
	"[lb_av]": {"45359237/100000", dimensions{gram: 1}, false},
	"[oz_av]": {"45359237/1600000", dimensions{gram: 1}, false},
	"[iU]":    {"1", dimensions{}, true},
}

var unitPrefixes = map[string]int{
	"G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12,
}

// parseUnit reads a UCUM term: atoms with prefix and exponent, "." and "/", and
// parentheses; left to right, as UCUM says.
func parseUnit(code string) (measure, bool) {
	if len(code) > maxUnit || code == "" {
		return measure{}, false
	}
	p := unitParser{code}
	m, ok := p.term(0)
	return m, ok && p.rest == ""
}

type unitParser struct{ rest string }

func (p *unitParser) term(depth int) (measure, bool) {
	total, sign := measure{factor: big.NewRat(1, 1)}, int8(1)
	if strings.HasPrefix(p.rest, "/") {
		p.rest, sign = p.rest[1:], -1
	}
	for {
		m, ok := p.component(depth)
		if !ok {
			return measure{}, false
		}
		total = total.times(m, sign)
		if p.rest == "" || p.rest[0] != '.' && p.rest[0] != '/' {
			return total, true
		}
		sign = 1
		if p.rest[0] == '/' {
			sign = -1
		}
		p.rest = p.rest[1:]
	}
}

func (p *unitParser) component(depth int) (measure, bool) {
	if strings.HasPrefix(p.rest, "(") {
		p.rest = p.rest[1:]
		m, ok := p.term(depth + 1)
		if !ok || depth > 10 || !strings.HasPrefix(p.rest, ")") {
			return measure{}, false
		}
		p.rest = p.rest[1:]
		return m, true
	}
	end := 0
	for bracket := false; end < len(p.rest); end++ {
		c := p.rest[end]
		if c == '[' || c == ']' {
			bracket = c == '['
		}
		if !bracket && strings.IndexByte("./()", c) >= 0 {
			break
		}
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return simpleUnit(word)
}

// simpleUnit reads prefix, atom and exponent: "cm", "m2", "s-1".
func simpleUnit(word string) (measure, bool) {
	name := strings.TrimRight(word, "0123456789")
	exponent := 1
	if name != "" && name != word {
		name = strings.TrimRight(name, "+-")
		e, err := strconv.Atoi(word[len(name):])
		if err != nil || e < -9 || e > 9 || e == 0 {
			return measure{}, false
		}
		exponent = e
	} else {
		name = word
	}
	m, ok := atomUnit(name)
	if !ok {
		return measure{}, false
	}
	out, sign := measure{factor: big.NewRat(1, 1)}, int8(1)
	if exponent < 0 {
		exponent, sign = -exponent, -1
	}
	for range exponent {
		out = out.times(m, sign)
	}
	return out, true
}

func atomUnit(name string) (measure, bool) {
	if a, ok := unitAtoms[name]; ok {
		return a.measure(0), true
	}
	for n := 1; n <= 2 && n < len(name); n++ {
		power, known := unitPrefixes[name[:n]]
		if a, ok := unitAtoms[name[n:]]; ok && known && a.metric {
			return a.measure(power), true
		}
	}
	return measure{}, false
}

func (a atom) measure(power int) measure {
	f, _ := new(big.Rat).SetString(a.factor)
	switch {
	case power > 0:
		f.Mul(f, new(big.Rat).SetInt(pow10(power)))
	case power < 0:
		f.Quo(f, new(big.Rat).SetInt(pow10(-power)))
	}
	return measure{f, a.dims}
}

func (m measure) times(o measure, sign int8) measure {
	f := new(big.Rat)
	if sign > 0 {
		f.Mul(m.factor, o.factor)
	} else {
		f.Quo(m.factor, o.factor)
	}
	dims := m.dims
	for i := range dims {
		dims[i] += sign * o.dims[i]
	}
	return measure{f, dims}
}
