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

func (l *Listing) splitJSON(body []byte) (answer, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(body) || !json.Valid(body) {
		return answer{}, fmt.Errorf("%w: it is no JSON in UTF-8", adapters.ErrProtocol)
	}
	if err := depth(body); err != nil {
		return answer{}, err
	}
	at := json.RawMessage(bytes.TrimSpace(body))
	for _, name := range l.list {
		fields, err := members(at)
		if err != nil {
			return answer{}, fmt.Errorf("%w: on the way to the list: %w", adapters.ErrProtocol, err)
		}
		next, ok := fields[name]
		if !ok {
			return answer{}, fmt.Errorf("%w: it holds no list %s", adapters.ErrProtocol, l.List)
		}
		at = bytes.TrimSpace(next)
	}
	var items []json.RawMessage
	switch {
	case at[0] == '[':
		if err := json.Unmarshal(at, &items); err != nil {
			return answer{}, fmt.Errorf("%w: the list %s cannot be read", adapters.ErrProtocol, l.List)
		}
	case at[0] == '{':
		items = []json.RawMessage{at}
	case string(at) != "null":
		return answer{}, fmt.Errorf("%w: %s is no list", adapters.ErrProtocol, l.List)
	}
	out := answer{}
	if l.readsAnswer() {
		var err error
		if out.tree, err = decodeJSON(body, false); err != nil {
			return answer{}, fmt.Errorf("%w: %w", adapters.ErrProtocol, err)
		}
	}
	for _, item := range items {
		e := entry{body: item}
		if e.tree, e.err = decodeJSON(item, true); e.err == nil {
			if _, object := e.tree.(map[string]any); !object {
				e.err = errors.New("it is no object")
			}
		}
		out.entries = append(out.entries, e)
	}
	return out, nil
}

// depth refuses what nests too deep before anything recurses into it. body is valid JSON.
func depth(body []byte) error {
	n, text := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			if n++; n > maxDepth {
				return fmt.Errorf("%w: it nests deeper than %d levels", adapters.ErrProtocol, maxDepth)
			}
		case c == '}' || c == ']':
			n--
		}
	}
	return nil
}

// members gives an object's fields as they stand; a name that stands twice is an error.
func members(raw json.RawMessage) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is no object")
	}
	fields := map[string]json.RawMessage{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key := name.(string) // the decoder gives names of objects as strings
		if _, twice := fields[key]; twice {
			return nil, errors.New("a field stands twice")
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return nil, err
		}
		fields[key] = v
	}
	return fields, nil
}

// decodeJSON gives the tree of valid JSON; strict refuses a field that stands twice.
func decodeJSON(raw []byte, strict bool) (any, error) {
	if strict {
		dec := json.NewDecoder(bytes.NewReader(raw))
		if err := unique(dec); err != nil {
			return nil, err
		}
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, errors.New("it is no JSON")
	}
	return v, nil
}

// unique reads one value and refuses a field that stands twice.
func unique(dec *json.Decoder) error {
	t, err := dec.Token()
	if err != nil {
		return errors.New("it is no JSON")
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	names := map[string]bool{}
	for dec.More() {
		if open == '{' {
			name, err := dec.Token()
			if err != nil {
				return errors.New("it is no JSON")
			}
			key := name.(string) // the decoder gives names of objects as strings
			if names[key] {
				return errors.New("a field stands twice in an object; nobody can tell which counts")
			}
			names[key] = true
		}
		if err := unique(dec); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

func (l *Listing) splitXML(body []byte) (answer, error) {
	root, err := xmlsafe.ParseBytes(body, xmlsafe.Limits{Bytes: 100 << 20, Depth: maxDepth, Nodes: 5_000_000})
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
		if name == "" || slices.Contains(header[:i], name) {
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
