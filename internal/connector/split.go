package connector

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"samsyn/adapters"
	"samsyn/internal/jsonsafe"
	"samsyn/internal/xmlsafe"
)

// maxDepth is how deep JSON and XML may nest.
const maxDepth = 64

// answer is what a body holds: its entries, and itself for what the paging reads.
type answer struct {
	entries []entry
	tree    any // nil where nothing reads it
}

// readsAnswer tells whether paging or cursor read something out of the answer itself.
func (l *Listing) readsAnswer() bool { return l.next != nil || l.total != nil || l.mark != nil }

// split finds the entries of a body. The error is about the whole body.
func (l *Listing) split(body []byte) (answer, error) {
	switch l.Format {
	case formatXML:
		return l.splitXML(body)
	case formatCSV:
		return l.splitCSV(body)
	}
	return l.splitJSON(body)
}

// splitJSON tells entries apart before it looks into them: one that breaks the rules of
// JSON, or nests too deep, stops nobody but itself.
func (l *Listing) splitJSON(body []byte) (answer, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	whole := jsonsafe.Limits{Bytes: int64(len(body)), Depth: maxDepth, Values: len(body) + 1}
	at := json.RawMessage(bytes.TrimSpace(body))
	for _, name := range l.list {
		fields, err := jsonsafe.Object(at, whole)
		if err != nil {
			return answer{}, fmt.Errorf("%w: it is no JSON object that leads to the list: %w", adapters.ErrProtocol, err)
		}
		if at = fields.Get(name); at == nil {
			return answer{}, fmt.Errorf("%w: it holds no list %s", adapters.ErrProtocol, l.List)
		}
	}
	if len(at) == 0 {
		return answer{}, fmt.Errorf("%w: it is empty", adapters.ErrProtocol)
	}
	var items []json.RawMessage
	switch {
	case at[0] == '[':
		var err error
		switch items, err = jsonsafe.List(at, l.mostEntries(), whole); {
		case errors.Is(err, jsonsafe.ErrTooMany):
			return answer{}, fmt.Errorf("%w: the list %s holds more than %d entries", adapters.ErrProtocol, l.List, l.mostEntries())
		case err != nil:
			return answer{}, fmt.Errorf("%w: the list %s cannot be read: %w", adapters.ErrProtocol, l.List, err)
		}
	case at[0] == '{':
		items = []json.RawMessage{at}
	case string(at) != "null":
		return answer{}, fmt.Errorf("%w: %s is no list", adapters.ErrProtocol, l.List)
	}
	out := answer{}
	for _, item := range items {
		e := entry{body: item}
		if e.tree, e.err = decodeJSON(item, whole); e.err == nil {
			if _, object := e.tree.(map[string]any); !object {
				e.err = errors.New("it is no object")
			}
		}
		out.entries = append(out.entries, e)
	}
	if !l.readsAnswer() {
		return out, nil
	}
	var err error
	if slices.ContainsFunc(out.entries, func(e entry) bool { return e.err != nil }) {
		if body, err = without(body, l.list, out.entries, whole); err != nil {
			return answer{}, fmt.Errorf("%w: around the list: %w", adapters.ErrProtocol, err)
		}
	}
	whole.Depth += len(l.list) + 1 // an entry may nest as deep as it may by itself
	if out.tree, err = decodeJSON(body, whole); err != nil {
		return answer{}, fmt.Errorf("%w: around the list: %w", adapters.ErrProtocol, err)
	}
	return out, nil
}

// without writes the answer anew with null in the place of entries that cannot be read:
// what the paging asks of the answer is still true of the others.
func without(at json.RawMessage, path []string, entries []entry, limits jsonsafe.Limits) ([]byte, error) {
	if len(path) == 0 {
		var items [][]byte
		for _, e := range entries {
			if e.err != nil {
				e.body = []byte("null")
			}
			items = append(items, e.body)
		}
		return slices.Concat([]byte("["), bytes.Join(items, []byte(",")), []byte("]")), nil
	}
	fields, err := jsonsafe.Object(at, limits)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for i, f := range fields {
		out.WriteByte("{,"[min(i, 1)])
		name, _ := json.Marshal(f.Name) // a string always marshals
		out.Write(name)
		out.WriteByte(':')
		value := []byte(f.Value)
		if f.Name == path[0] {
			if value, err = without(f.Value, path[1:], entries, limits); err != nil {
				return nil, err
			}
		}
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// mostEntries bounds the entries of one answer. Some sources give all they have at once
// (FINT, drop folders): there the size of the answer is the bound that counts.
func (l *Listing) mostEntries() int {
	if l.Paging != nil && l.Paging.Kind != pagingNone {
		return max(1000, l.Paging.Size)
	}
	return 500_000
}

// decodeJSON checks JSON and gives its tree, numbers as they are written.
func decodeJSON(raw []byte, l jsonsafe.Limits) (any, error) {
	if err := jsonsafe.Check(raw, l); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, errors.New("it is no JSON")
	}
	return v, nil
}

func (l *Listing) splitXML(body []byte) (answer, error) {
	root, err := xmlsafe.ParseBytes(body, xmlsafe.Limits{Bytes: 100 << 20, Depth: maxDepth, Nodes: 1_000_000})
	if err != nil {
		for _, kind := range []error{xmlsafe.ErrDoctype, xmlsafe.ErrTooLarge, xmlsafe.ErrTooDeep, xmlsafe.ErrMalformed} {
			if errors.Is(err, kind) { // the parser's own words may quote the input
				return answer{}, fmt.Errorf("%w: the document %w", adapters.ErrProtocol, kind)
			}
		}
		return answer{}, fmt.Errorf("%w: the document cannot be read", adapters.ErrProtocol)
	}
	if root.Name != l.list[0] {
		return answer{}, fmt.Errorf("%w: the root element is not %s", adapters.ErrProtocol, l.list[0])
	}
	level := []*xmlsafe.Node{root}
	for i, name := range l.list[1:] {
		var next []*xmlsafe.Node
		for _, n := range level {
			next = append(next, n.All(name)...)
		}
		if level = next; len(level) == 0 && i < len(l.list)-2 {
			return answer{}, fmt.Errorf("%w: it holds no %s", adapters.ErrProtocol, strings.Join(l.list[:i+2], "."))
		}
	}
	out := answer{}
	if l.readsAnswer() {
		out.tree = xmlTree(root)
	}
	for _, n := range level {
		out.entries = append(out.entries, entry{body: n.Bytes(), tree: xmlTree(n), line: n.Line})
	}
	return out, nil
}

// schemaInstance is the namespace of xsi:nil and its like, which are about the document.
const schemaInstance = "http://www.w3.org/2001/XMLSchema-instance"

// xmlTree reads an element as the map language does (docs/mapping.md, The record).
func xmlTree(n *xmlsafe.Node) any {
	if len(n.Attrs) == 0 && len(n.Children) == 0 {
		return n.Text
	}
	fields := map[string]any{}
	add := func(name string, v any) {
		switch old := fields[name].(type) {
		case nil:
			fields[name] = v
		case []any:
			fields[name] = append(old, v)
		default:
			fields[name] = []any{old, v}
		}
	}
	for _, c := range n.Children {
		add(c.Name, xmlTree(c))
	}
	for _, a := range n.Attrs {
		if a.Space == schemaInstance && (a.Name != "type" || fields["type"] != nil) {
			continue
		}
		add(a.Name, a.Value)
	}
	if strings.TrimSpace(n.Text) != "" && fields["text"] == nil {
		fields["text"] = n.Text
	}
	return fields
}

// splitCSV gives one entry a row, each with the header line before it. Rows in comma
// and UTF-8 keep their bytes; others are written anew in that form.
func (l *Listing) splitCSV(body []byte) (answer, error) {
	comma := ','
	if l.CSV != nil {
		comma = rune(l.CSV.Separator[0])
		if l.CSV.Encoding != "utf-8" {
			table := charmap.Windows1252
			if l.CSV.Encoding == "iso-8859-1" {
				table = charmap.ISO8859_1
			}
			decoded, err := table.NewDecoder().Bytes(body)
			if err != nil {
				return answer{}, fmt.Errorf("%w: it is not %s", adapters.ErrProtocol, l.CSV.Encoding)
			}
			body = decoded
		}
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(body) {
		return answer{}, fmt.Errorf("%w: it is not UTF-8; say csv: {encoding: windows-1252} where that is what it is", adapters.ErrProtocol)
	}
	in := csv.NewReader(bytes.NewReader(body))
	in.Comma, in.FieldsPerRecord = comma, -1
	header, err := in.Read()
	if err != nil {
		return answer{}, fmt.Errorf("%w: it has no readable header line", adapters.ErrProtocol)
	}
	for i, name := range header {
		if name == "" || slices.ContainsFunc(header[:i], func(other string) bool { return jsonsafe.SameButForCase(other, name) }) {
			return answer{}, fmt.Errorf("%w: column %d of the header has no name of its own", adapters.ErrProtocol, i+1)
		}
	}
	head := body[:in.InputOffset()]
	if comma != ',' {
		head = row(header)
	}
	var out answer
	for {
		from := in.InputOffset()
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			line := 0
			var at *csv.ParseError
			if errors.As(err, &at) {
				line = at.StartLine
			}
			out.entries = append(out.entries, entry{body: slices.Clone(body[from:]), line: line, err: errors.New("a quote is not closed or stands astray; nothing after it was read")})
			return out, nil
		}
		e := entry{}
		e.line, _ = in.FieldPos(0)
		if comma == ',' {
			e.body = slices.Concat(head, bytes.TrimLeft(body[from:in.InputOffset()], "\r\n"))
		} else {
			e.body = slices.Concat(head, row(fields))
		}
		tree := map[string]any{}
		if len(fields) != len(header) {
			e.err = fmt.Errorf("the row has %d fields and the header %d; correct the export", len(fields), len(header))
		} else {
			for i, name := range header {
				tree[name] = fields[i]
			}
		}
		e.tree = tree
		out.entries = append(out.entries, e)
	}
}

func row(fields []string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(fields) // a bytes.Buffer never fails, and comma is a valid separator
	w.Flush()
	return b.Bytes()
}
