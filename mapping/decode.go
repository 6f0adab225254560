package mapping

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"samsyn/internal/xmlsafe"
)

// Limits of one record's body. What is larger or deeper is not a record about one child.
const (
	maxBytes = 10 << 20
	maxDepth = 64
)

// decode turns a body into the tree that expressions read: map[string]any, []any,
// string, json.Number, bool and nil. name is the root's own name where it has one.
func decode(media string, body []byte) (tree any, name string, err error) {
	if len(body) > maxBytes {
		return nil, "", fmt.Errorf("the body is larger than %d bytes", maxBytes)
	}
	base, _, _ := strings.Cut(media, ";")
	switch base = strings.TrimSpace(strings.ToLower(base)); {
	case base == "application/json" || strings.HasSuffix(base, "+json"):
		tree, err = decodeJSON(body)
		return tree, "", err
	case base == "application/xml" || base == "text/xml" || strings.HasSuffix(base, "+xml"):
		return decodeXML(body)
	case base == "text/csv":
		tree, err = decodeCSV(body)
		return tree, "", err
	}
	return nil, "", errors.New("the media type is none of JSON, XML and CSV")
}

// decodeXML gives the root's tree and name. An element with neither attributes nor
// child elements is its text; otherwise attributes and children are fields by local
// name, a repeated name is a list, and text that is not blank is the field "text".
func decodeXML(body []byte) (any, string, error) {
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
	return xmlTree(root), root.Name, nil
}

const schemaInstance = "http://www.w3.org/2001/XMLSchema-instance"

func xmlTree(n *xmlsafe.Node) any {
	fields := make(map[string]any, len(n.Attrs)+len(n.Children))
	for _, c := range n.Children {
		addField(fields, c.Name, xmlTree(c))
	}
	for _, a := range n.Attrs {
		if a.Space == schemaInstance {
			// Of the schema's own attributes only the type is about the record, and an
			// element of that name says more.
			if _, taken := fields[a.Name]; a.Name != "type" || taken {
				continue
			}
		}
		addField(fields, a.Name, a.Value)
	}
	if len(fields) == 0 {
		return n.Text
	}
	if text := strings.TrimSpace(n.Text); text != "" {
		if _, taken := fields["text"]; !taken {
			fields["text"] = n.Text
		}
	}
	return fields
}

// addField adds a value; the second of a name makes a list.
func addField(fields map[string]any, name string, v any) {
	switch old := fields[name].(type) {
	case nil:
		fields[name] = v
	case []any:
		fields[name] = append(old, v)
	default:
		fields[name] = []any{old, v}
	}
}

// decodeCSV gives the one row as an object with the headers as its fields.
func decodeCSV(body []byte) (any, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(body) {
		return nil, errors.New("the text is not UTF-8")
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
	fields := make(map[string]any, len(header))
	for i, name := range header {
		if _, twice := fields[name]; twice {
			return nil, errors.New("the CSV names a header twice")
		}
		fields[name] = row[i]
	}
	return fields, nil
}
