package fhirpath

import (
	"regexp"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// stringFunctions: FHIRPath N1 5.6.
func stringFunctions() []Function {
	with := func(f func(text, arg string) any) func(c *Call) (Collection, error) {
		return func(c *Call) (Collection, error) { return textAnd(c, f) }
	}
	alone := func(f func(text string) any) func(c *Call) (Collection, error) {
		return func(c *Call) (Collection, error) { return textOnly(c, f) }
	}
	return []Function{
		{
			Name: "indexOf", Spec: "N1 5.6.1",
			Doc:     "Where the argument first stands, from 0; -1 when nowhere.",
			Example: "'abc'.indexOf('c') = 2",
			MinArgs: 1, MaxArgs: 1,
			Call: with(func(s, arg string) any {
				return runeIndex(s, strings.Index(s, arg))
			}),
		},
		{
			Name: "lastIndexOf", Spec: "FHIRPath 3.0 draft",
			Doc:     "Where the argument last stands, from 0; -1 when nowhere.",
			Example: "'abca'.lastIndexOf('a') = 3",
			MinArgs: 1, MaxArgs: 1,
			Call: with(func(s, arg string) any {
				return runeIndex(s, strings.LastIndex(s, arg))
			}),
		},
		{
			Name: "substring", Spec: "N1 5.6.2",
			Doc:     "The text from a position, of a length if given.",
			Example: "'abcde'.substring(1, 3) = 'bcd'",
			MinArgs: 1, MaxArgs: 2,
			Call: substring,
		},
		{
			Name: "startsWith", Spec: "N1 5.6.3",
			Doc:     "True when the text begins with the argument.",
			Example: "'abc'.startsWith('ab')",
			MinArgs: 1, MaxArgs: 1,
			Call: with(func(s, arg string) any { return strings.HasPrefix(s, arg) }),
		},
		{
			Name: "endsWith", Spec: "N1 5.6.4",
			Doc:     "True when the text ends with the argument.",
			Example: "'abc'.endsWith('bc')",
			MinArgs: 1, MaxArgs: 1,
			Call: with(func(s, arg string) any { return strings.HasSuffix(s, arg) }),
		},
		{
			Name: "contains", Spec: "N1 5.6.5",
			Doc:     "True when the argument stands in the text.",
			Example: "'abc'.contains('b')",
			MinArgs: 1, MaxArgs: 1,
			Call: with(func(s, arg string) any { return strings.Contains(s, arg) }),
		},
		{
			Name: "upper", Spec: "N1 5.6.6",
			Doc:     "The text in capitals.",
			Example: "'blå'.upper() = 'BLÅ'",
			Call:    alone(func(s string) any { return strings.ToUpper(s) }),
		},
		{
			Name: "lower", Spec: "N1 5.6.7",
			Doc:     "The text in small letters.",
			Example: "'BLÅ'.lower() = 'blå'",
			Call:    alone(func(s string) any { return strings.ToLower(s) }),
		},
		{
			Name: "replace", Spec: "N1 5.6.8",
			Doc:     "The text with every occurrence of the first argument replaced.",
			Example: "'a.b.c'.replace('.', '-') = 'a-b-c'",
			MinArgs: 2, MaxArgs: 2,
			Call: replace,
		},
		{
			Name: "matches", Spec: "N1 5.6.9",
			Doc:     "True when the pattern is found in the text.",
			Example: "'2026-04'.matches('^[0-9]{4}-')",
			MinArgs: 1, MaxArgs: 1,
			Call: matching("(?s:", ")"),
		},
		{
			Name: "matchesFull", Spec: "FHIRPath 3.0 draft",
			Doc:     "True when the pattern covers the whole text.",
			Example: "'2026'.matchesFull('[0-9]+')",
			MinArgs: 1, MaxArgs: 1,
			Call: matching("^(?s:", ")$"),
		},
		{
			Name: "replaceMatches", Spec: "N1 5.6.10",
			Doc:     "The text with every match of the pattern replaced; $1 or ${name} is a group.",
			Example: "'Eksempel, Kari'.replaceMatches('(.*), (.*)', '$2 $1') = 'Kari Eksempel'",
			MinArgs: 2, MaxArgs: 2,
			Call: replaceMatches,
		},
		{
			Name: "length", Spec: "N1 5.6.11",
			Doc:     "The number of characters.",
			Example: "'blå'.length() = 3",
			Call:    alone(func(s string) any { return int64(utf8.RuneCountInString(s)) }),
		},
		{
			Name: "toChars", Spec: "N1 5.6.12",
			Doc:     "The characters, one by one.",
			Example: "'ab'.toChars() = ('a' | 'b')",
			Call:    toChars,
		},
		{
			Name: "trim", Spec: "FHIRPath 3.0 draft",
			Doc:     "The text without white space around it.",
			Example: "' a '.trim() = 'a'",
			Call:    alone(func(s string) any { return strings.TrimSpace(s) }),
		},
		{
			Name: "split", Spec: "FHIRPath 3.0 draft",
			Doc:     "The parts between the separators.",
			Example: "'a,b'.split(',') = ('a' | 'b')",
			MinArgs: 1, MaxArgs: 1,
			Call: split,
		},
		{
			Name: "join", Spec: "FHIRPath 3.0 draft",
			Doc:     "The items as one text, with the separator between them.",
			Example: "('a' | 'b').join(', ') = 'a, b'",
			MaxArgs: 1,
			Call:    joined,
		},
	}
}

// textOnly applies f to the one string of the input.
func textOnly(c *Call, f func(text string) any) (Collection, error) {
	s, ok, err := oneString(c.in)
	if err != nil || !ok {
		return nil, err
	}
	if err := c.s.spend(len(s) / 64); err != nil {
		return nil, err
	}
	return single(f(s)), nil
}

func textAnd(c *Call, f func(text, arg string) any) (Collection, error) {
	arg, given, err := c.Text(0)
	if err != nil {
		return nil, err
	}
	return textOnlyIf(c, given, func(s string) any { return f(s, arg) })
}

func textOnlyIf(c *Call, given bool, f func(text string) any) (Collection, error) {
	out, err := textOnly(c, f)
	if !given {
		return nil, err
	}
	return out, err
}

func runeIndex(s string, at int) int64 {
	if at < 0 {
		return -1
	}
	return int64(utf8.RuneCountInString(s[:at]))
}

func substring(c *Call) (Collection, error) {
	s, ok, err := oneString(c.in)
	if err != nil || !ok {
		return nil, err
	}
	start, ok, err := c.Integer(0)
	if err != nil || !ok {
		return nil, err
	}
	length := len(s)
	if c.Args() == 2 {
		n, given, err := c.Integer(1)
		if err != nil {
			return nil, err
		}
		if given {
			length = max(n, 0)
		}
	}
	r := []rune(s)
	if err := c.s.spend(len(r) / 64); err != nil {
		return nil, err
	}
	if start < 0 || start >= len(r) {
		return nil, nil
	}
	return single(string(r[start:min(start+length, len(r))])), nil
}

func replace(c *Call) (Collection, error) {
	s, ok, err := oneString(c.in)
	if err != nil || !ok {
		return nil, err
	}
	old, given, err := c.Text(0)
	if err != nil || !given {
		return nil, err
	}
	with, given, err := c.Text(1)
	if err != nil || !given {
		return nil, err
	}
	count := strings.Count(s, old)
	if err := c.s.spend((len(s) + count*len(with)) / 64); err != nil {
		return nil, err
	}
	return single(strings.ReplaceAll(s, old, with)), nil
}

// patternCache keeps the last pattern of a call site, which nearly always is a
// literal and so is compiled once.
type patternCache struct{ last atomic.Pointer[pattern] }

type pattern struct {
	text string
	re   *regexp.Regexp
}

const maxPattern = 2000

func (p *patternCache) compile(text string) (*regexp.Regexp, error) {
	if last := p.last.Load(); last != nil && last.text == text {
		return last.re, nil
	}
	if len(text) > maxPattern {
		return nil, ErrArgument
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, ErrArgument // the message would hold the pattern, which may be content
	}
	p.last.Store(&pattern{text, re})
	return re, nil
}

// matching takes Go's regular expressions, which run in linear time; N1 asks for
// single-line mode, where "." is any character.
func matching(before, after string) func(c *Call) (Collection, error) {
	return func(c *Call) (Collection, error) {
		s, ok, err := oneString(c.in)
		if err != nil || !ok {
			return nil, err
		}
		p, given, err := c.Text(0)
		if err != nil || !given {
			return nil, err
		}
		if err := c.s.spend(len(s) * (16 + len(p)) / 256); err != nil {
			return nil, err
		}
		re, err := c.site.cache.compile(before + p + after)
		if err != nil {
			return nil, err
		}
		return boolean(re.MatchString(s)), nil
	}
}

var groupReference = regexp.MustCompile(`\$(\d+)`)

func replaceMatches(c *Call) (Collection, error) {
	s, ok, err := oneString(c.in)
	if err != nil || !ok {
		return nil, err
	}
	p, given, err := c.Text(0)
	if err != nil || !given {
		return nil, err
	}
	with, given, err := c.Text(1)
	if err != nil || !given {
		return nil, err
	}
	if p == "" {
		return single(s), nil
	}
	re, err := c.site.cache.compile("(?s:" + p + ")")
	if err != nil {
		return nil, err
	}
	if err := c.s.spend((1 + len(s)) * (16 + len(p) + len(with)) / 64); err != nil {
		return nil, err
	}
	return single(re.ReplaceAllString(s, groupReference.ReplaceAllString(with, "$${$1}"))), nil
}

func toChars(c *Call) (Collection, error) {
	s, ok, err := oneString(c.in)
	if err != nil || !ok {
		return nil, err
	}
	if err := c.s.spend(len(s)); err != nil {
		return nil, err
	}
	out := make(Collection, 0, len(s))
	for _, r := range s {
		out = append(out, New(string(r)))
	}
	return out, nil
}

func split(c *Call) (Collection, error) {
	s, ok, err := oneString(c.in)
	if err != nil || !ok {
		return nil, err
	}
	separator, given, err := c.Text(0)
	if err != nil || !given {
		return nil, err
	}
	if err := c.s.spend(len(s)); err != nil {
		return nil, err
	}
	var out Collection
	for part := range strings.SplitSeq(s, separator) {
		out = append(out, New(part))
	}
	return out, nil
}

func joined(c *Call) (Collection, error) {
	separator := ""
	if c.Args() == 1 {
		var err error
		if separator, _, err = c.Text(0); err != nil {
			return nil, err
		}
	}
	if len(c.in) == 0 {
		return nil, nil
	}
	var b strings.Builder
	between := ""
	for i := range c.in {
		if c.in[i].value == nil {
			continue
		}
		s, ok := c.in[i].String()
		if !ok {
			return nil, ErrType
		}
		b.WriteString(between)
		b.WriteString(s)
		between = separator
		if err := c.s.spend(1 + (len(s)+len(separator))/64); err != nil {
			return nil, err
		}
	}
	return single(b.String()), nil
}
