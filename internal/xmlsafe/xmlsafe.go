// Package xmlsafe owns the reading of foreign XML: the whole input is checked,
// DOCTYPE and other declarations are refused, and size, depth and the number of
// nodes are capped before anything is believed. It gives a plain tree and knows
// no format.
//
// encoding/xml alone expands no custom entities, but it accepts garbage before and
// after the root and any depth; that is why this package exists.
package xmlsafe

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Limits bound what is read. A zero field takes the default in its comment.
type Limits struct {
	Bytes int64 // 10 MiB
	Depth int   // 64
	Nodes int   // 500,000 elements and attributes; of tags, comments and sections together twice as many
}

func (l Limits) withDefaults() Limits {
	if l.Bytes == 0 {
		l.Bytes = 10 << 20
	}
	if l.Depth == 0 {
		l.Depth = 64
	}
	if l.Nodes == 0 {
		l.Nodes = 500_000
	}
	return l
}

// The ways in which an input is refused. Every error of Parse wraps one of them
// or the reader's own error.
var (
	ErrDoctype   = errors.New("declares a DOCTYPE, which is refused")
	ErrTooLarge  = errors.New("is larger than allowed")
	ErrTooDeep   = errors.New("is nested deeper than allowed")
	ErrMalformed = errors.New("is not well-formed XML")
)

// Attr is an attribute; namespace declarations are not attributes here.
type Attr struct{ Space, Name, Value string }

// Node is an element.
type Node struct {
	Space, Name string // namespace URI and local name
	Attrs       []Attr
	Children    []*Node
	// Text is the element's character data: as it stands where there are no child
	// elements, trimmed where there are.
	Text string
	// Line is where the element starts, from 1.
	Line int
}

// Parse reads the whole of r as one XML document and gives its root element.
func Parse(r io.Reader, limits Limits) (*Node, error) {
	l := limits.withDefaults()
	data, err := io.ReadAll(io.LimitReader(r, l.Bytes+1))
	if err != nil {
		return nil, fmt.Errorf("read XML: %w", err)
	}
	return ParseBytes(data, limits)
}

// ParseBytes is Parse for an input that is already in memory.
func ParseBytes(data []byte, limits Limits) (*Node, error) {
	l := limits.withDefaults()
	if int64(len(data)) > l.Bytes {
		return nil, fmt.Errorf("the document %w (%d bytes)", ErrTooLarge, l.Bytes)
	}
	// Told before anything is made of it: what is refused at the last node has cost as much as
	// what is taken.
	if bytes.Count(data, []byte("<")) > 2*l.Nodes {
		return nil, fmt.Errorf("the document %w: more than %d tags", ErrTooLarge, 2*l.Nodes)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	p := parser{limits: l, dec: xml.NewDecoder(bytes.NewReader(data))}
	p.dec.CharsetReader = charset
	root, err := p.document()
	if err != nil {
		return nil, err
	}
	return root, nil
}

// charset accepts the two old encodings that Norwegian systems still send.
func charset(label string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "iso-8859-1", "latin1":
		return charmap.ISO8859_1.NewDecoder().Reader(in), nil
	case "windows-1252":
		return charmap.Windows1252.NewDecoder().Reader(in), nil
	}
	return nil, fmt.Errorf("encoding %q is not supported", label)
}

type parser struct {
	limits Limits
	dec    *xml.Decoder
	nodes  int
	root   *Node
	stack  []*Node
	text   []bytes.Buffer // by depth; one that ended serves the next
}

func (p *parser) document() (*Node, error) {
	for {
		tok, err := p.dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, p.fault(ErrMalformed, err.Error())
		}
		if err := p.token(tok); err != nil {
			return nil, err
		}
	}
	if p.root == nil || len(p.stack) > 0 {
		return nil, p.fault(ErrMalformed, "the document ends before its root element does")
	}
	return p.root, nil
}

func (p *parser) token(tok xml.Token) error {
	switch t := tok.(type) {
	case xml.Directive:
		return p.fault(ErrDoctype, "")
	case xml.ProcInst:
		if t.Target != "xml" && t.Target != "xml-stylesheet" {
			return p.fault(ErrMalformed, "processing instruction "+t.Target)
		}
	case xml.StartElement:
		return p.start(t)
	case xml.EndElement:
		p.end()
	case xml.CharData:
		if len(p.stack) == 0 {
			if len(bytes.TrimSpace(t)) > 0 {
				return p.fault(ErrMalformed, "text outside the root element")
			}
			return nil
		}
		if !utf8.Valid(t) {
			return p.fault(ErrMalformed, "invalid UTF-8")
		}
		p.text[len(p.stack)-1].Write(t)
	}
	return nil
}

func (p *parser) start(t xml.StartElement) error {
	if len(p.stack) == 0 && p.root != nil {
		return p.fault(ErrMalformed, "more than one root element")
	}
	if len(p.stack) >= p.limits.Depth {
		return p.fault(ErrTooDeep, fmt.Sprintf("%d levels", p.limits.Depth))
	}
	p.nodes += 1 + len(t.Attr)
	if p.nodes > p.limits.Nodes {
		return p.fault(ErrTooLarge, fmt.Sprintf("%d nodes", p.limits.Nodes))
	}
	if !begins(t.Name.Local) {
		return p.fault(ErrMalformed, "an element's name")
	}
	line, _ := p.dec.InputPos()
	n := &Node{Space: t.Name.Space, Name: t.Name.Local, Line: line}
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || (a.Name.Space == "" && a.Name.Local == "xmlns") {
			continue
		}
		if !begins(a.Name.Local) {
			return p.fault(ErrMalformed, "an attribute's name")
		}
		n.Attrs = append(n.Attrs, Attr{Space: a.Name.Space, Name: a.Name.Local, Value: a.Value})
	}
	if len(p.stack) == 0 {
		p.root = n
	} else {
		parent := p.stack[len(p.stack)-1]
		parent.Children = append(parent.Children, n)
	}
	p.stack = append(p.stack, n)
	if len(p.text) < len(p.stack) {
		p.text = append(p.text, bytes.Buffer{})
	}
	return nil
}

// begins tells whether a name is one without its prefix too: encoding/xml reads <a:7/>, where only "a" begins a name
// (https://www.w3.org/TR/xml-names/#NT-QName).
func begins(local string) bool {
	if c := local[0]; c == '_' || 'a' <= c|' ' && c|' ' <= 'z' {
		return true
	}
	_, err := xml.NewDecoder(strings.NewReader("<" + local + "/>")).Token()
	return err == nil
}

func (p *parser) end() {
	last := len(p.stack) - 1
	n, text := p.stack[last], p.text[last].String()
	if len(n.Children) > 0 {
		text = strings.TrimSpace(text)
	}
	n.Text = text
	p.text[last].Reset()
	p.stack = p.stack[:last]
}

func (p *parser) fault(kind error, detail string) error {
	line, col := p.dec.InputPos()
	if detail != "" {
		return fmt.Errorf("line %d, column %d: the document %w: %s", line, col, kind, detail)
	}
	return fmt.Errorf("line %d, column %d: the document %w", line, col, kind)
}
