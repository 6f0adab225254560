package xmlsafe

import (
	"bytes"
	"encoding/xml"
	"fmt"
)

// Attr gives the value of the attribute with the local name, "" where there is none.
func (n *Node) Attr(name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.Attrs {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// Child gives the first child element with the local name, nil where there is none.
// It may be called on nil, so that paths can be chained.
func (n *Node) Child(names ...string) *Node {
	for _, name := range names {
		if n == nil {
			return nil
		}
		var next *Node
		for _, c := range n.Children {
			if c.Name == name {
				next = c
				break
			}
		}
		n = next
	}
	return n
}

// All gives the child elements with the local name.
func (n *Node) All(name string) []*Node {
	if n == nil {
		return nil
	}
	var out []*Node
	for _, c := range n.Children {
		if c.Name == name {
			out = append(out, c)
		}
	}
	return out
}

// Value is the text of the child at the path, "" where there is none.
func (n *Node) Value(names ...string) string {
	if c := n.Child(names...); c != nil {
		return c.Text
	}
	return ""
}

// Bytes writes the element as a document of its own: namespaces are declared where
// they change, attributes stand in their order, text is escaped. The same tree
// gives the same bytes.
func (n *Node) Bytes() []byte {
	var b bytes.Buffer
	n.write(&b, "")
	return b.Bytes()
}

func (n *Node) write(b *bytes.Buffer, space string) {
	b.WriteByte('<')
	b.WriteString(n.Name)
	if n.Space != space {
		b.WriteString(` xmlns="`)
		escape(b, n.Space)
		b.WriteByte('"')
	}
	prefixes := 0
	for _, a := range n.Attrs {
		name := a.Name
		switch a.Space {
		case "":
		case "xml", "http://www.w3.org/XML/1998/namespace":
			name = "xml:" + name
		default:
			prefixes++
			fmt.Fprintf(b, ` xmlns:n%d="`, prefixes)
			escape(b, a.Space)
			b.WriteByte('"')
			name = fmt.Sprintf("n%d:%s", prefixes, name)
		}
		b.WriteByte(' ')
		b.WriteString(name)
		b.WriteString(`="`)
		escape(b, a.Value)
		b.WriteByte('"')
	}
	if len(n.Children) == 0 && n.Text == "" {
		b.WriteString("/>")
		return
	}
	b.WriteByte('>')
	escape(b, n.Text)
	for _, c := range n.Children {
		c.write(b, n.Space)
	}
	b.WriteString("</")
	b.WriteString(n.Name)
	b.WriteByte('>')
}

func escape(b *bytes.Buffer, s string) {
	_ = xml.EscapeText(b, []byte(s)) // a bytes.Buffer never fails
}
