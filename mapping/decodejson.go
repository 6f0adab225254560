package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// decodeJSON reads strict JSON: one value, valid UTF-8, no name twice in an object,
// at most maxDepth deep. encoding/json lets all of that pass, and a record that two
// readers understand differently is a danger.
func decodeJSON(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("the text is not UTF-8")
	}
	d := jsonReader{s: body}
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	d.space()
	if d.i < len(d.s) {
		return nil, d.fault("text after the value")
	}
	return v, nil
}

type jsonReader struct {
	s []byte
	i int
}

func (d *jsonReader) fault(what string) error {
	return fmt.Errorf("the JSON has %s at byte %d", what, d.i)
}

func (d *jsonReader) space() {
	for d.i < len(d.s) {
		switch d.s[d.i] {
		case ' ', '\t', '\r', '\n':
			d.i++
		default:
			return
		}
	}
}

func (d *jsonReader) value(depth int) (any, error) {
	d.space()
	if depth > maxDepth {
		return nil, d.fault("too many levels")
	}
	if d.i >= len(d.s) {
		return nil, d.fault("an early end")
	}
	switch c := d.s[d.i]; {
	case c == '{':
		return d.object(depth)
	case c == '[':
		return d.list(depth)
	case c == '"':
		return d.text()
	case c == '-' || '0' <= c && c <= '9':
		return d.number()
	}
	for word, v := range map[string]any{"true": true, "false": false, "null": nil} {
		if len(d.s)-d.i >= len(word) && string(d.s[d.i:d.i+len(word)]) == word {
			d.i += len(word)
			return v, nil
		}
	}
	return nil, d.fault("something that is no value")
}

func (d *jsonReader) object(depth int) (any, error) {
	fields := map[string]any{}
	d.i++
	d.space()
	if d.next('}') {
		return fields, nil
	}
	for {
		d.space()
		if d.i >= len(d.s) || d.s[d.i] != '"' {
			return nil, d.fault("no name where one must stand")
		}
		name, err := d.text()
		if err != nil {
			return nil, err
		}
		if _, twice := fields[name]; twice {
			return nil, d.fault("the same name twice in an object")
		}
		d.space()
		if !d.next(':') {
			return nil, d.fault("no colon where one must stand")
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		fields[name] = v
		d.space()
		if d.next('}') {
			return fields, nil
		}
		if !d.next(',') {
			return nil, d.fault("no comma where one must stand")
		}
	}
}

func (d *jsonReader) list(depth int) (any, error) {
	items := []any{}
	d.i++
	d.space()
	if d.next(']') {
		return items, nil
	}
	for {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
		d.space()
		if d.next(']') {
			return items, nil
		}
		if !d.next(',') {
			return nil, d.fault("no comma where one must stand")
		}
	}
}

// next steps over c if it stands here.
func (d *jsonReader) next(c byte) bool {
	if d.i < len(d.s) && d.s[d.i] == c {
		d.i++
		return true
	}
	return false
}

func (d *jsonReader) text() (string, error) {
	start, escaped := d.i, false
	for d.i++; d.i < len(d.s); d.i++ {
		switch c := d.s[d.i]; {
		case c == '\\':
			escaped = true
			d.i++
		case c == '"':
			d.i++
			if !escaped {
				return string(d.s[start+1 : d.i-1]), nil
			}
			var s string
			if err := json.Unmarshal(d.s[start:d.i], &s); err != nil {
				return "", d.fault("a bad escape in a string")
			}
			return s, nil
		case c < ' ':
			return "", d.fault("a control character in a string")
		}
	}
	return "", d.fault("a string that does not end")
}

func (d *jsonReader) number() (any, error) {
	start := d.i
	d.next('-')
	if !d.next('0') && d.digits() == 0 {
		return nil, d.fault("a bad number")
	}
	if d.next('.') && d.digits() == 0 {
		return nil, d.fault("a bad number")
	}
	if d.next('e') || d.next('E') {
		if !d.next('+') {
			d.next('-')
		}
		if d.digits() == 0 {
			return nil, d.fault("a bad number")
		}
	}
	return json.Number(d.s[start:d.i]), nil
}

func (d *jsonReader) digits() int {
	start := d.i
	for d.i < len(d.s) && '0' <= d.s[d.i] && d.s[d.i] <= '9' {
		d.i++
	}
	return d.i - start
}
