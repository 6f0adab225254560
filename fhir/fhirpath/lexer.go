package fhirpath

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokName
	tokQuoted // `name`
	tokString
	tokNumber
	tokDate
	tokDateTime
	tokTime
	tokVariable // %name
	tokDollar   // $this
	tokSymbol
)

type token struct {
	kind tokenKind
	text string // decoded
	pos  int    // byte offset
}

// lexer cuts a text into tokens (FHIRPath N1 section 5, grammar in appendix B).
type lexer struct {
	text string
	pos  int
}

type lexError struct {
	pos     int
	message string
}

func (e *lexError) Error() string { return e.message }

func failAt(pos int, format string, args ...any) error {
	return &lexError{pos, fmt.Sprintf(format, args...)}
}

func isLetter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// space skips white space and comments.
func (l *lexer) space() error {
	for l.pos < len(l.text) {
		rest := l.text[l.pos:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			l.pos++
		case strings.HasPrefix(rest, "//"):
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				l.pos += end
			} else {
				l.pos = len(l.text)
			}
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return failAt(l.pos, "comment is not closed")
			}
			l.pos += end + 4
		default:
			return nil
		}
	}
	return nil
}

func (l *lexer) next() (token, error) {
	if err := l.space(); err != nil {
		return token{}, err
	}
	start := l.pos
	if start == len(l.text) {
		return token{tokEnd, "", start}, nil
	}
	c := l.text[start]
	switch {
	case isLetter(c):
		return token{tokName, l.name(), start}, nil
	case isDigit(c):
		return token{tokNumber, l.number(), start}, nil
	case c == '\'':
		s, err := l.quoted('\'')
		return token{tokString, s, start}, err
	case c == '`':
		s, err := l.quoted('`')
		return token{tokQuoted, s, start}, err
	case c == '@':
		return l.temporal()
	case c == '%':
		l.pos++
		return l.variable(start)
	case c == '$':
		l.pos++
		return token{tokDollar, l.name(), start}, nil
	}
	for _, two := range [...]string{"<=", ">=", "!=", "!~"} {
		if strings.HasPrefix(l.text[start:], two) {
			l.pos += 2
			return token{tokSymbol, two, start}, nil
		}
	}
	if strings.IndexByte("+-*/&|<>=~()[]{}.,", c) < 0 {
		return token{}, failAt(start, "unexpected character %q", c)
	}
	l.pos++
	return token{tokSymbol, l.text[start:l.pos], start}, nil
}

func (l *lexer) name() string {
	start := l.pos
	for l.pos < len(l.text) && (isLetter(l.text[l.pos]) || isDigit(l.text[l.pos])) {
		l.pos++
	}
	return l.text[start:l.pos]
}

func (l *lexer) digits() {
	for l.pos < len(l.text) && isDigit(l.text[l.pos]) {
		l.pos++
	}
}

func (l *lexer) number() string {
	start := l.pos
	l.digits()
	if l.pos+1 < len(l.text) && l.text[l.pos] == '.' && isDigit(l.text[l.pos+1]) {
		l.pos++
		l.digits()
	}
	return l.text[start:l.pos]
}

// variable reads %name, %`name` or %'name'.
func (l *lexer) variable(start int) (token, error) {
	if l.pos < len(l.text) && (l.text[l.pos] == '`' || l.text[l.pos] == '\'') {
		s, err := l.quoted(l.text[l.pos])
		return token{tokVariable, s, start}, err
	}
	name := l.name()
	if name == "" {
		return token{}, failAt(start, "a variable's name is missing after %%")
	}
	return token{tokVariable, name, start}, nil
}

// temporal reads @date, @dateTtime and @Ttime.
func (l *lexer) temporal() (token, error) {
	start := l.pos
	rest := l.text[start+1:]
	if strings.HasPrefix(rest, "T") {
		var c clock
		after, ok := c.scan(rest[1:])
		if !ok {
			return token{}, failAt(start, "bad time")
		}
		return l.cut(tokTime, start, start+2, after), nil
	}
	t, after, ok := scanDateTime(rest)
	if !ok && strings.HasPrefix(after, "T") { // @2015T: a dateTime of a coarse precision
		l.pos = len(l.text) - len(after) + 1
		return token{tokDateTime, l.text[start+1 : l.pos-1], start}, nil
	}
	if !ok {
		return token{}, failAt(start, "bad date")
	}
	kind := tokDate
	if t.prec > Day {
		kind = tokDateTime
	}
	return l.cut(kind, start, start+1, after), nil
}

func (l *lexer) cut(kind tokenKind, start, from int, after string) token {
	l.pos = len(l.text) - len(after)
	return token{kind, l.text[from:l.pos], start}
}

// quoted reads a string or delimited name with FHIRPath's escapes.
func (l *lexer) quoted(quote byte) (string, error) {
	start := l.pos
	l.pos++
	plain := l.pos
	for l.pos < len(l.text) && l.text[l.pos] != quote && l.text[l.pos] != '\\' {
		l.pos++
	}
	if l.pos < len(l.text) && l.text[l.pos] == quote {
		l.pos++
		return l.text[plain : l.pos-1], nil
	}
	var b strings.Builder
	b.WriteString(l.text[plain:l.pos])
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		l.pos++
		switch c {
		case quote:
			return b.String(), nil
		case '\\':
			if err := l.escape(&b); err != nil {
				return "", err
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", failAt(start, "text is not closed")
}

func (l *lexer) escape(b *strings.Builder) error {
	if l.pos == len(l.text) {
		return failAt(l.pos, "text is not closed")
	}
	c := l.text[l.pos]
	l.pos++
	switch c {
	case 'f':
		b.WriteByte('\f')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case '\\', '/', '\'', '"', '`':
		b.WriteByte(c)
	case 'u':
		if l.pos+4 > len(l.text) {
			return failAt(l.pos-2, "bad unicode escape")
		}
		var r rune
		if _, err := fmt.Sscanf(l.text[l.pos:l.pos+4], "%04x", &r); err != nil {
			return failAt(l.pos-2, "bad unicode escape")
		}
		b.WriteRune(r)
		l.pos += 4
	default:
		return failAt(l.pos-2, "unknown escape")
	}
	return nil
}
