package access

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"samsyn/fhir"
	"samsyn/fhir/r4"
	"samsyn/internal/care"
	"samsyn/internal/jsonsafe"
)

// list is one allow-list of elements by FHIR type.
type list struct {
	name  string
	alone []string // the name, as Fields says it
	types map[string]*node
	all   set
}

func (l *list) set() set { return l.all }

// node is an element that may leave: whole, or those of its parts that are named.
type node struct {
	whole bool
	kids  map[string]*node
	urls  []string // of an extension: these
	elem  *r4.Element
	typ   string // the type of the value
}

func (l *loader) fields() {
	for _, name := range sorted(l.w.Fields) {
		if name == FieldsAll || name == "" {
			l.fault("all is every element, and needs no list", "fields", name)
		}
		l.t.lists[name] = l.list(name, l.w.Fields[name], "fields", name)
	}
}

func (l *loader) list(name string, types map[string][]string, path ...any) *list {
	out := &list{name: name, alone: []string{name}, types: map[string]*node{}}
	for _, fhirType := range sorted(types) {
		at := append(slices.Clone(path), fhirType)
		if !isResource(fhirType) {
			l.fault("no such FHIR type: "+fhirType, at...)
			continue
		}
		if len(types[fhirType]) == 0 {
			l.fault(fhirType+" has no elements", at...)
		}
		root := &node{kids: map[string]*node{}, typ: fhirType}
		for i, element := range types[fhirType] {
			if why := root.add(element); why != "" {
				l.fault(fhirType+"."+element+": "+why, append(slices.Clone(at), i)...)
			}
		}
		out.types[fhirType] = root
		out.all = out.all.or(setOf([]string{fhirType}))
	}
	return out
}

// add puts a path ("participant.role", "extension[urn:samsyn:evaluation]") into the tree.
func (n *node) add(path string) string {
	for step := range strings.SplitSeq(path, ".") {
		name, url, hasURL := strings.Cut(strings.TrimSuffix(step, "]"), "[")
		if hasURL != strings.HasSuffix(step, "]") || hasURL && (name != "extension" || url == "") {
			return "it cannot be read"
		}
		if n.whole {
			return "it leaves with what stands before it"
		}
		t, ok := r4.Lookup(n.typ)
		if !ok {
			return "no such element"
		}
		e, typ, ok := t.Element(name)
		if !ok || typ == "" {
			return "no such element"
		}
		kid := n.kids[name]
		if kid == nil {
			kid = &node{kids: map[string]*node{}, elem: e, typ: typ}
			n.kids[name] = kid
		}
		if hasURL {
			if slices.Contains(kid.urls, url) {
				return "it stands there twice"
			}
			kid.urls = append(kid.urls, url)
		}
		n = kid
	}
	if len(n.urls) > 0 {
		return ""
	}
	if n.whole || len(n.kids) > 0 {
		return "it stands there twice, whole or in part"
	}
	n.whole = true
	return ""
}

type (
	object = map[string]any
	array  = []any
)

// pruner writes of a resource what some lists name, as it stands. What is not named is not
// looked into; what leaves is one whole JSON value.
type pruner struct {
	out  bytes.Buffer
	kept map[string]string // where each part that left whole stood, and where it stands now; nil: nobody asks
}

// object writes what the lists let out of an object; kept is false, and nothing is written,
// where that is nothing. skip names members that are written already.
func (p *pruner) object(o json.RawMessage, lists []*node, old, now string, skip ...string) (kept bool, err error) {
	all, err := members(o)
	if err != nil {
		return false, err
	}
	from := p.out.Len()
	p.out.WriteByte('{')
	var some [4]*node
	for _, m := range all {
		next := some[:0]
		for _, n := range lists {
			if kid := n.kids[m.Name]; kid != nil {
				next = append(next, kid)
			}
		}
		if len(next) == 0 {
			continue
		}
		before := p.out.Len()
		if before > from+1 {
			p.out.WriteByte(',')
		}
		p.out.WriteByte('"')
		p.out.WriteString(m.Name) // the name of an element: letters alone
		p.out.WriteString(`":`)
		ok, err := p.value(m.Value, next, p.at(old, ".", m.Name), p.at(now, ".", m.Name))
		if err != nil {
			return false, err
		}
		if !ok || slices.Contains(skip, m.Name) {
			p.out.Truncate(before)
		}
		kept = kept || ok
	}
	if p.out.WriteByte('}'); !kept {
		p.out.Truncate(from)
	}
	return kept, nil
}

func (p *pruner) value(v json.RawMessage, lists []*node, old, now string) (kept bool, err error) {
	switch {
	case slices.ContainsFunc(lists, func(n *node) bool { return n.whole }):
		return true, p.whole(v, old, now)
	case len(v) > 0 && v[0] == '{':
		return p.object(v, lists, old, now)
	case len(v) == 0 || v[0] != '[':
		return false, nil
	}
	all, err := items(v)
	if err != nil {
		return false, err
	}
	from, n := p.out.Len(), 0
	p.out.WriteByte('[')
	for i, item := range all {
		if len(item) == 0 || item[0] != '{' {
			continue
		}
		before := p.out.Len()
		if n > 0 {
			p.out.WriteByte(',')
		}
		ok, err := p.item(item, lists, p.at(old, "[", strconv.Itoa(i), "]"), p.at(now, "[", strconv.Itoa(n), "]"))
		switch {
		case err != nil:
			return false, err
		case ok:
			n++
		default:
			p.out.Truncate(before)
		}
	}
	if p.out.WriteByte(']'); n == 0 {
		p.out.Truncate(from)
	}
	return n > 0, nil
}

// item is one of a list: an extension that a list names leaves whole.
func (p *pruner) item(item json.RawMessage, lists []*node, old, now string) (kept bool, err error) {
	if slices.ContainsFunc(lists, func(n *node) bool { return len(n.urls) > 0 }) {
		all, err := members(item)
		if err != nil {
			return false, err
		}
		var url string
		if json.Unmarshal(all.Get("url"), &url) == nil && slices.ContainsFunc(lists, func(n *node) bool { return slices.Contains(n.urls, url) }) {
			return true, p.whole(item, old, now)
		}
	}
	return p.object(item, lists, old, now)
}

func (p *pruner) whole(v json.RawMessage, old, now string) error {
	if !json.Valid(v) {
		return jsonsafe.ErrMalformed
	}
	p.out.Write(v)
	if p.kept != nil {
		p.kept[old] = now
	}
	return nil
}

// at is a place further in; it is not written where nobody asks.
func (p *pruner) at(parts ...string) string {
	if p.kept == nil {
		return ""
	}
	return strings.Join(parts, "")
}

// lineage gives the lines of what was kept, at the places where it now stands. A line of
// something that was not kept whole is left out: it tells what was read for the rest.
func (p *pruner) lineage(lines []care.Lineage) []care.Lineage {
	var out []care.Lineage
	for _, l := range lines {
		for i := 0; i <= len(l.Element); i++ {
			if i < len(l.Element) && l.Element[i] != '.' && l.Element[i] != '[' {
				continue
			}
			if now, ok := p.kept[l.Element[:i]]; ok {
				l.Element = now + l.Element[i:]
				out = append(out, l)
				break
			}
		}
	}
	return out
}

// redact gives of a resource what the fields let out. With every field it is not looked
// into, unless it has labels: they are themselves confidential and never leave.
func (t *Table) redact(m care.Made, f Fields) (care.Made, bool) {
	if f.All && !bytes.Contains(m.Resource.Body, []byte(`"security"`)) {
		return m, true
	}
	if f.All {
		body, err := fhir.Decode(m.Resource)
		if err != nil {
			return care.Made{}, false
		}
		unlabel(body)
		return made(m, body, m.Lineage)
	}
	var lists []*node
	for _, name := range f.Lists {
		if l := t.lists[name]; l != nil && l.types[m.Resource.Type] != nil {
			lists = append(lists, l.types[m.Resource.Type])
		}
	}
	p := &pruner{}
	if len(m.Lineage) > 0 {
		p.kept = map[string]string{m.Resource.Type + ".id": m.Resource.Type + ".id"}
	}
	ok, err := p.object(m.Resource.Body, lists, m.Resource.Type, m.Resource.Type, "resourceType", "id")
	if err != nil || !ok {
		return care.Made{}, false
	}
	id, err := json.Marshal(m.Resource.ID)
	if err != nil {
		return care.Made{}, false
	}
	head := `{"resourceType":"` + m.Resource.Type + `","id":` + string(id)
	rest := p.out.Bytes()[1:]
	b := make([]byte, 0, len(head)+1+len(rest))
	b = append(b, head...)
	if len(rest) > 1 {
		b = append(b, ',')
	}
	b = append(b, rest...)
	return care.Made{Resource: fhir.Resource{Type: m.Resource.Type, ID: m.Resource.ID, Body: b}, Lineage: p.lineage(m.Lineage)}, true
}

// unlabel takes meta.security from a resource and from what it contains.
func unlabel(body object) {
	if meta, ok := body["meta"].(object); ok {
		delete(meta, "security")
		if len(meta) == 0 {
			delete(body, "meta")
		}
	}
	contained, _ := body["contained"].(array)
	for _, c := range contained {
		if o, ok := c.(object); ok {
			unlabel(o)
		}
	}
}

func made(m care.Made, body object, lineage []care.Lineage) (care.Made, bool) {
	body["resourceType"], body["id"] = m.Resource.Type, m.Resource.ID
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(body) != nil {
		return care.Made{}, false
	}
	return care.Made{Resource: fhir.Resource{Type: m.Resource.Type, ID: m.Resource.ID, Body: bytes.TrimRight(b.Bytes(), "\n")}, Lineage: lineage}, true
}
