package mapping

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"samsyn/fhir/fhirpath"
	"samsyn/internal/xmlsafe"
)

// Limits of one record's body. What is larger or deeper is not a record about one child.
const (
	maxBytes = 10 << 20
	maxDepth = 64
	// maxValues bounds what a body of many small values takes in memory: some 100 bytes each.
	maxValues = 500_000
	// maxColumns bounds a row of CSV, commas in its texts among them: a column takes a hundred
	// bytes though it is written with one.
	maxColumns = 100_000
)

// decodeInto turns a body into the tree that expressions read. name is the root's own name
// where it has one.
func decodeInto(media string, body []byte, nodes *fhirpath.Nodes) (tree *fhirpath.Node, name string, err error) {
	if len(body) > maxBytes {
		return nil, "", fmt.Errorf("the body is larger than %d bytes", maxBytes)
	}
	if media == "application/json" {
		tree, err = decodeJSON(body, nodes)
		return tree, "", err
	}
	base, _, _ := strings.Cut(media, ";")
	switch base = strings.TrimSpace(strings.ToLower(base)); {
	case base == "application/json" || strings.HasSuffix(base, "+json"):
		tree, err = decodeJSON(body, nodes)
		return tree, "", err
	case base == "application/xml" || base == "text/xml" || strings.HasSuffix(base, "+xml"):
		return decodeXML(body, nodes)
	case base == "text/csv":
		tree, err = decodeCSV(body, nodes)
		return tree, "", err
	}
	return nil, "", errors.New("the media type is none of JSON, XML and CSV")
}

// decodeXML gives the root's tree and name. An element with neither attributes nor
// child elements is its text; otherwise attributes and children are fields by local
// name, a repeated name is a list, and text that is not blank is the field "text".
func decodeXML(body []byte, nodes *fhirpath.Nodes) (*fhirpath.Node, string, error) {
	root, err := xmlsafe.ParseBytes(body, xmlsafe.Limits{Bytes: maxBytes, Depth: maxDepth})
	if err != nil {
		// The parser's own words may quote the input; its kind does not.
		for _, kind := range []error{xmlsafe.ErrDoctype, xmlsafe.ErrTooLarge, xmlsafe.ErrTooDeep, xmlsafe.ErrMalformed} {
			if errors.Is(err, kind) {
				return nil, "", fmt.Errorf("the document %w", kind)
			}
		}
		return nil, "", xmlsafe.ErrMalformed
	}
	return xmlTree(root, root.Name, nodes), root.Name, nil
}

const schemaInstance = "http://www.w3.org/2001/XMLSchema-instance"

func xmlTree(n *xmlsafe.Node, name string, nodes *fhirpath.Nodes) *fhirpath.Node {
	o := nodes.New(fhirpath.NodeObject, name, "")
	fields := fieldsOf{o: o, nodes: nodes}
	for _, c := range n.Children {
		fields.add(xmlTree(c, c.Name, nodes))
	}
	for _, a := range n.Attrs {
		if a.Space == schemaInstance {
			// Of the schema's own attributes only the type is about the record, and an
			// element of that name says more.
			if a.Name != "type" || fields.get(a.Name) != nil {
				continue
			}
		}
		fields.add(nodes.New(fhirpath.NodeText, a.Name, a.Value))
	}
	if o.First() == nil {
		o.Kind, o.Text = fhirpath.NodeText, n.Text
		return o
	}
	if text := strings.TrimSpace(n.Text); text != "" && fields.get("text") == nil {
		o.Add(nodes.New(fhirpath.NodeText, "text", n.Text))
	}
	return o
}

// fieldsOf adds fields to an object in which a name may come again.
type fieldsOf struct {
	o     *fhirpath.Node
	nodes *fhirpath.Nodes
	count int
	many  map[string]*fhirpath.Node // once there are many
}

func (f *fieldsOf) get(name string) *fhirpath.Node {
	if f.many != nil {
		return f.many[name]
	}
	return f.o.Field(name)
}

// add puts a value; the second of a name makes a list.
func (f *fieldsOf) add(v *fhirpath.Node) {
	old := f.get(v.Name)
	if old != nil {
		if old.Kind != fhirpath.NodeList {
			old.Wrap(f.nodes)
		}
		v.Name = ""
		old.Add(v)
		return
	}
	f.o.Add(v)
	if f.count++; f.count == manyFields {
		f.many = map[string]*fhirpath.Node{}
		for c := f.o.First(); c != nil; c = c.Next() {
			f.many[c.Name] = c
		}
	}
	if f.many != nil {
		f.many[v.Name] = v
	}
}

// decodeCSV gives the one row as an object with the headers as its fields.
func decodeCSV(body []byte, nodes *fhirpath.Nodes) (*fhirpath.Node, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(body) {
		return nil, errors.New("the text is not UTF-8")
	}
	if bytes.Count(body, []byte(",")) > maxColumns {
		return nil, errors.New("the CSV has more columns than a record can have")
	}
	r := csv.NewReader(bytes.NewReader(body))
	header, err := r.Read()
	if err != nil {
		return nil, errors.New("the CSV has no readable header line")
	}
	row, err := r.Read()
	if err != nil {
		return nil, errors.New("the CSV has no readable row of as many fields as the header")
	}
	if _, err := r.Read(); err != io.EOF {
		return nil, errors.New("the CSV has more than one row")
	}
	fields := fieldsOf{o: nodes.New(fhirpath.NodeObject, "", ""), nodes: nodes}
	for i, name := range header {
		if fields.get(name) != nil {
			return nil, errors.New("the CSV names a header twice")
		}
		fields.add(nodes.New(fhirpath.NodeText, name, row[i]))
	}
	return fields.o, nil
}

// decode is decodeInto with nodes of its own.
func decode(media string, body []byte) (*fhirpath.Node, string, error) {
	return decodeInto(media, body, &fhirpath.Nodes{})
}
