package fiksarkiv

import (
	"bytes"
	"encoding/xml"
	"fmt"

	"samsyn/internal/xmlsafe"
)

// document writes an element as a document of its own. Fiks Arkiv mixes two or
// three namespaces on nearly every line; declared once at the root instead of at
// every change, a record is half as long. The same tree gives the same bytes.
func document(root *xmlsafe.Node) []byte {
	d := writer{prefix: map[string]string{"": ""}}
	d.declare(root)
	d.element(root, true)
	return d.out.Bytes()
}

type writer struct {
	out    bytes.Buffer
	order  []string
	prefix map[string]string // of a namespace, with its colon
}

const nsXML = "http://www.w3.org/XML/1998/namespace"

// declare gives each namespace below n a prefix, in the order in which they are met.
func (d *writer) declare(n *xmlsafe.Node) {
	d.use(n.Space)
	for _, a := range n.Attrs {
		d.use(a.Space)
	}
	for _, c := range n.Children {
		d.declare(c)
	}
}

func (d *writer) use(space string) {
	if _, known := d.prefix[space]; known {
		return
	}
	if space == nsXML || space == "xml" {
		d.prefix[space] = "xml:"
		return
	}
	d.order = append(d.order, space)
	d.prefix[space] = fmt.Sprintf("n%d:", len(d.order))
}

func (d *writer) element(n *xmlsafe.Node, root bool) {
	name := d.prefix[n.Space] + n.Name
	d.out.WriteString("<" + name)
	if root {
		for _, space := range d.order {
			d.attribute("xmlns:"+d.prefix[space][:len(d.prefix[space])-1], space)
		}
	}
	for _, a := range n.Attrs {
		d.attribute(d.prefix[a.Space]+a.Name, a.Value)
	}
	if len(n.Children) == 0 && n.Text == "" {
		d.out.WriteString("/>")
		return
	}
	d.out.WriteByte('>')
	d.text(n.Text)
	for _, c := range n.Children {
		d.element(c, false)
	}
	d.out.WriteString("</" + name + ">")
}

func (d *writer) attribute(name, value string) {
	d.out.WriteString(" " + name + `="`)
	d.text(value)
	d.out.WriteByte('"')
}

func (d *writer) text(s string) {
	_ = xml.EscapeText(&d.out, []byte(s)) // a bytes.Buffer never fails
}
