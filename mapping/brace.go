package mapping

import (
	"errors"
	"strings"
)

// part is a piece of a template scalar: constant text, or an expression at offset in it.
type part struct {
	text   string
	expr   bool
	offset int // of the expression's text in the scalar, bytes
}

// scalarForm tells what a template scalar is.
type scalarForm uint8

const (
	formConstant scalarForm = iota // no braces
	formFirst                      // "{{ e }}" alone: the first value, its type kept
	formText                       // text around braces: one string
	formList                       // "{[ e ]}" alone: every value
)

// braceError is a fault in the braces, at offset in the scalar.
type braceError struct {
	offset  int
	message string
}

func (e *braceError) Error() string { return e.message }

// parseScalar splits a template scalar at its braces. A backslash before an
// opening brace pair makes it constant text.
func parseScalar(s string) (scalarForm, []part, error) {
	if !strings.Contains(s, "{{") && !strings.Contains(s, "{[") {
		return formConstant, []part{{text: s}}, nil
	}
	var parts []part
	var text strings.Builder
	exprs := 0
	for i := 0; i < len(s); {
		switch {
		case s[i] == '\\' && (strings.HasPrefix(s[i+1:], "{{") || strings.HasPrefix(s[i+1:], "{[")):
			text.WriteString(s[i+1 : i+3])
			i += 3
		case strings.HasPrefix(s[i:], "{{"):
			end, ok := closing(s, i+2, "}}", '{', '}')
			if !ok {
				return 0, nil, &braceError{i, "{{ is not closed by }}"}
			}
			if text.Len() > 0 {
				parts = append(parts, part{text: text.String()})
				text.Reset()
			}
			p, err := expressionPart(s, i+2, end)
			if err != nil {
				return 0, nil, err
			}
			parts = append(parts, p)
			exprs++
			i = end + 2
		case strings.HasPrefix(s[i:], "{["):
			end, ok := closing(s, i+2, "]}", '[', ']')
			if !ok {
				return 0, nil, &braceError{i, "{[ is not closed by ]}"}
			}
			if strings.TrimSpace(s[:i]) != "" || strings.TrimSpace(s[end+2:]) != "" {
				return 0, nil, &braceError{i, "{[ ]} gives a list and must stand alone"}
			}
			p, err := expressionPart(s, i+2, end)
			return formList, []part{p}, err
		default:
			text.WriteByte(s[i])
			i++
		}
	}
	if text.Len() > 0 {
		parts = append(parts, part{text: text.String()})
	}
	switch {
	case exprs == 0:
		return formConstant, parts, nil
	case exprs == 1 && strings.HasPrefix(s, "{{") && len(parts) == 1:
		return formFirst, parts, nil
	}
	return formText, parts, nil
}

// expressionPart trims the expression in s[from:to], and the plus signs by which
// FPML asks for a null: R4 has no null, so they mean nothing here.
func expressionPart(s string, from, to int) (part, error) {
	if to-from >= 2 && s[from] == '+' && s[to-1] == '+' {
		from, to = from+1, to-1
	}
	text := s[from:to]
	offset := from + len(text) - len(strings.TrimLeft(text, " \t\r\n"))
	text = strings.TrimSpace(text)
	if text == "" {
		return part{}, &braceError{from, "the braces are empty"}
	}
	return part{text: text, expr: true, offset: offset}, nil
}

// closing finds end at or after from, stepping over strings, quoted names and
// nested pairs, so that '}}' in a string or {} in an expression ends nothing.
func closing(s string, from int, end string, open, shut byte) (int, bool) {
	depth := 0
	for i := from; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'' || c == '`':
			i = skipQuoted(s, i)
		case c == open:
			depth++
		case c == shut && depth > 0:
			depth--
		case strings.HasPrefix(s[i:], end):
			return i, true
		}
	}
	return 0, false
}

// skipQuoted gives the index of the quote that closes the one at i, or the last index.
func skipQuoted(s string, i int) int {
	quote := s[i]
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case quote:
			return i
		}
	}
	return len(s) - 1
}

// directive is a key such as "{% for d in e %}".
type directive struct {
	word        string // for, if, else, assign, merge
	index, name string // of a for
	expr        string
	offset      int // of expr in the key, bytes
}

var errNotDirective = errors.New("not a directive")

var directiveWords = []string{"for", "if", "else", "assign", "merge"}

// parseDirective reads a key. errNotDirective means that it is a plain key.
func parseDirective(key string) (directive, error) {
	trimmed := strings.TrimSpace(key)
	if !strings.HasPrefix(trimmed, "{%") {
		return directive{}, errNotDirective
	}
	if !strings.HasSuffix(trimmed, "%}") || len(trimmed) < 4 {
		return directive{}, &braceError{0, "{% is not closed by %}"}
	}
	inside := trimmed[2 : len(trimmed)-2]
	body := strings.TrimSpace(inside)
	word, rest, _ := strings.Cut(body, " ")
	rest = strings.TrimSpace(rest)
	at := func(expr string) int { return strings.LastIndex(key, expr) }
	switch word {
	case "else", "assign", "merge":
		if rest != "" {
			return directive{}, &braceError{0, "{% " + word + " %} takes nothing after the word"}
		}
		return directive{word: word}, nil
	case "if":
		if rest == "" {
			return directive{}, &braceError{0, "{% if %} needs a condition"}
		}
		return directive{word: word, expr: rest, offset: at(rest)}, nil
	case "for":
		names, expr, ok := strings.Cut(rest, " in ")
		expr = strings.TrimSpace(expr)
		index, name, two := strings.Cut(names, ",")
		if !two {
			index, name = "", names
		}
		d := directive{word: word, index: strings.TrimSpace(index), name: strings.TrimSpace(name), expr: expr, offset: at(expr)}
		if !ok || expr == "" || !isName(d.name) || (two && !isName(d.index)) || d.index == d.name {
			return directive{}, &braceError{0, "write {% for x in e %} or {% for i, x in e %}"}
		}
		return d, nil
	}
	return directive{}, &braceError{0, "unknown directive " + word + suffix(didYouMean(word, directiveWords))}
}

func suffix(suggestion string) string {
	if suggestion == "" {
		return ""
	}
	return ": " + suggestion
}

// isName tells whether s can be a variable's name.
func isName(s string) bool {
	for i, r := range s {
		if !isLetter(r) && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
