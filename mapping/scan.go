package mapping

import (
	"unicode"
	"unicode/utf8"
)

// The scanner below finds the variables in an expression's text. It is not a
// parser (fhirpath is); it tells load-time checks and lineage which variables an
// expression names, and where.

type tokenKind uint8

const (
	tokenName tokenKind = iota
	tokenVariable
	tokenString
	tokenOther
)

type token struct {
	kind tokenKind
	text string // name without quotes or percent sign
	pos  int    // offset in bytes
}

func isLetter(r rune) bool { return r == '_' || unicode.IsLetter(r) }

// scan splits an expression; white space and comments are left out.
func scan(s string) []token {
	var tokens []token
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.IsSpace(r):
			i += size
		case r == '/' && i+1 < len(s) && s[i+1] == '/':
			for i < len(s) && s[i] != '\n' {
				i++
			}
		case r == '/' && i+1 < len(s) && s[i+1] == '*':
			i += 2
			for i < len(s) && !(s[i] == '*' && i+1 < len(s) && s[i+1] == '/') {
				i++
			}
			i = min(i+2, len(s))
		case r == '\'' || r == '`':
			end := skipQuoted(s, i)
			kind := tokenString
			if r == '`' {
				kind = tokenName
			}
			tokens = append(tokens, token{kind, s[i+1 : max(end, i+1)], i})
			i = end + 1
		case r == '%':
			start := i + 1
			if start < len(s) && (s[start] == '`' || s[start] == '\'') {
				end := skipQuoted(s, start)
				tokens = append(tokens, token{tokenVariable, s[start+1 : max(end, start+1)], i})
				i = end + 1
				break
			}
			end := nameEnd(s, start)
			tokens = append(tokens, token{tokenVariable, s[start:end], i})
			i = end
			if end == start {
				i++
			}
		case isLetter(r):
			end := nameEnd(s, i)
			tokens = append(tokens, token{tokenName, s[i:end], i})
			i = end
		default:
			tokens = append(tokens, token{tokenOther, s[i : i+size], i})
			i += size
		}
	}
	return tokens
}

func nameEnd(s string, i int) int {
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !isLetter(r) && !unicode.IsDigit(r) {
			break
		}
		i += size
	}
	return i
}

// variables gives the variables that an expression uses, in the order they are written.
func variables(s string) []token {
	var found []token
	for _, t := range scan(s) {
		if t.kind == tokenVariable {
			found = append(found, t)
		}
	}
	return found
}
