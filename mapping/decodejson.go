package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"samsyn/fhir/fhirpath"
	"samsyn/internal/jsonsafe"
)

// decodeJSON reads strict JSON: one value, valid UTF-8, no name twice in an object nor
// twice but for case, at most maxDepth deep. encoding/json lets all of that pass, and a record that two
// readers understand differently is a danger.
func decodeJSON(body []byte, nodes *fhirpath.Nodes) (*fhirpath.Node, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("the text is not UTF-8")
	}
	d := jsonReader{s: string(body), nodes: nodes} // one copy, of which the tree's texts are pieces
	v, err := d.value("", 0)
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
	s     string
	i     int
	nodes *fhirpath.Nodes
	count int
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

func (d *jsonReader) value(name string, depth int) (*fhirpath.Node, error) {
	d.space()
	if depth > maxDepth {
		return nil, d.fault("too many levels")
	}
	if d.i >= len(d.s) {
		return nil, d.fault("an early end")
	}
	if d.count++; d.count > maxValues {
		return nil, d.fault("too many values")
	}
	switch c := d.s[d.i]; {
	case c == '{':
		return d.object(name, depth)
	case c == '[':
		return d.list(name, depth)
	case c == '"':
		text, err := d.text()
		if err != nil {
			return nil, err
		}
		return d.nodes.New(fhirpath.NodeText, name, text), nil
	case c == '-' || '0' <= c && c <= '9':
		text, err := d.number()
		if err != nil {
			return nil, err
		}
		return d.nodes.New(fhirpath.NodeNumber, name, text), nil
	}
	switch {
	case d.word("true"):
		return d.nodes.New(fhirpath.NodeBool, name, "true"), nil
	case d.word("false"):
		return d.nodes.New(fhirpath.NodeBool, name, "false"), nil
	case d.word("null"):
		return d.nodes.New(fhirpath.NodeNull, name, ""), nil
	}
	return nil, d.fault("something that is no value")
}

func (d *jsonReader) word(w string) bool {
	if len(d.s)-d.i < len(w) || d.s[d.i:d.i+len(w)] != w {
		return false
	}
	d.i += len(w)
	return true
}

// manyFields is how many names an object has before they are remembered in a map.
const manyFields = 24

func (d *jsonReader) object(name string, depth int) (*fhirpath.Node, error) {
	n := d.nodes.New(fhirpath.NodeObject, name, "")
	var many map[string]bool
	d.i++
	d.space()
	if d.next('}') {
		return n, nil
	}
	for fields := 0; ; fields++ {
		d.space()
		if d.i >= len(d.s) || d.s[d.i] != '"' {
			return nil, d.fault("no name where one must stand")
		}
		name, err := d.text()
		if err != nil {
			return nil, err
		}
		if fields == manyFields {
			many = make(map[string]bool, 4*manyFields)
			for c := n.First(); c != nil; c = c.Next() {
				many[jsonsafe.Fold(c.Name)] = true
			}
		}
		twice := false
		if many == nil {
			for c := n.First(); c != nil && !twice; c = c.Next() {
				twice = jsonsafe.SameButForCase(c.Name, name)
			}
		} else {
			folded := jsonsafe.Fold(name)
			twice = many[folded]
			many[folded] = true
		}
		if twice {
			return nil, d.fault("the same name twice in an object, or twice but for case")
		}
		d.space()
		if !d.next(':') {
			return nil, d.fault("no colon where one must stand")
		}
		v, err := d.value(name, depth+1)
		if err != nil {
			return nil, err
		}
		n.Add(v)
		d.space()
		if d.next('}') {
			return n, nil
		}
		if !d.next(',') {
			return nil, d.fault("no comma where one must stand")
		}
	}
}

func (d *jsonReader) list(name string, depth int) (*fhirpath.Node, error) {
	n := d.nodes.New(fhirpath.NodeList, name, "")
	d.i++
	d.space()
	if d.next(']') {
		return n, nil
	}
	for {
		v, err := d.value("", depth+1)
		if err != nil {
			return nil, err
		}
		n.Add(v)
		d.space()
		if d.next(']') {
			return n, nil
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
		for d.i < len(d.s) && plainByte[d.s[d.i]] {
			d.i++
		}
		if d.i == len(d.s) {
			break
		}
		switch c := d.s[d.i]; {
		case c == '\\':
			escaped = true
			d.i++
		case c == '"':
			d.i++
			if !escaped {
				return d.s[start+1 : d.i-1], nil
			}
			var s string
			if err := json.Unmarshal([]byte(d.s[start:d.i]), &s); err != nil {
				return "", d.fault("a bad escape in a string")
			}
			return s, nil
		case c < ' ':
			return "", d.fault("a control character in a string")
		}
	}
	return "", d.fault("a string that does not end")
}

func (d *jsonReader) number() (string, error) {
	start := d.i
	d.next('-')
	if !d.next('0') && d.digits() == 0 {
		return "", d.fault("a bad number")
	}
	if d.next('.') && d.digits() == 0 {
		return "", d.fault("a bad number")
	}
	if d.next('e') || d.next('E') {
		if !d.next('+') {
			d.next('-')
		}
		if d.digits() == 0 {
			return "", d.fault("a bad number")
		}
	}
	return d.s[start:d.i], nil
}

func (d *jsonReader) digits() int {
	start := d.i
	for d.i < len(d.s) && '0' <= d.s[d.i] && d.s[d.i] <= '9' {
		d.i++
	}
	return d.i - start
}
