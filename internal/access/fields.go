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
	open     jsonsafe.Members // of the objects in which it is
	out      bytes.Buffer
	old, now []byte            // the place where it is: where it stood, and where it stands now
	kept     map[string]string // of each part that left whole, both; nil: nobody asks
}

// start makes it ready for a resource.
func (p *pruner) start(typ string, traced bool) {
	p.out.Reset()
	p.open, p.old, p.now, p.kept = p.open[:0], append(p.old[:0], typ...), append(p.now[:0], typ...), nil
	if traced {
		p.kept = map[string]string{typ + ".id": typ + ".id"}
	}
}

// member goes further in, to a member of an object, and item to one of a list; back goes to
// where it was.
func (p *pruner) member(name string) {
	p.old, p.now = append(append(p.old, '.'), name...), append(append(p.now, '.'), name...)
}

func (p *pruner) item(old, now int) {
	p.old, p.now = append(strconv.AppendInt(append(p.old, '['), int64(old), 10), ']'), append(strconv.AppendInt(append(p.now, '['), int64(now), 10), ']')
}

func (p *pruner) back(old, now int) { p.old, p.now = p.old[:old], p.now[:now] }

// object writes what the lists let out of an object; kept is false, and nothing is written,
// where that is nothing. skip names members that are written already.
func (p *pruner) object(o json.RawMessage, lists []*node, skip ...string) (kept bool, err error) {
	first := len(p.open)
	all, err := jsonsafe.AppendObject(p.open, o, jsonsafe.Limits{Bytes: fhir.MaxBytes})
	if err != nil {
		return false, err
	}
	p.open = all
	defer func() { p.open = p.open[:first] }()
	from, old, now := p.out.Len(), len(p.old), len(p.now)
	p.out.WriteByte('{')
	var some [4]*node
	for _, m := range all[first:] {
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
		p.member(m.Name)
		ok, err := p.value(m.Value, next)
		if err != nil {
			return false, err
		}
		if p.back(old, now); !ok || slices.Contains(skip, m.Name) {
			p.out.Truncate(before)
		}
		kept = kept || ok
	}
	if p.out.WriteByte('}'); !kept {
		p.out.Truncate(from)
	}
	return kept, nil
}

func (p *pruner) value(v json.RawMessage, lists []*node) (kept bool, err error) {
	switch {
	case slices.ContainsFunc(lists, func(n *node) bool { return n.whole }):
		return true, p.whole(v)
	case v[0] == '{':
		return p.object(v, lists)
	case v[0] != '[':
		return false, nil
	}
	all, err := items(v)
	if err != nil {
		return false, err
	}
	from, n, old, now := p.out.Len(), 0, len(p.old), len(p.now)
	p.out.WriteByte('[')
	for i, item := range all {
		if item[0] != '{' {
			continue
		}
		before := p.out.Len()
		if n > 0 {
			p.out.WriteByte(',')
		}
		p.item(i, n)
		ok, err := p.part(item, lists)
		if err != nil {
			return false, err
		}
		if p.back(old, now); ok {
			n++
		} else {
			p.out.Truncate(before)
		}
	}
	if p.out.WriteByte(']'); n == 0 {
		p.out.Truncate(from)
	}
	return n > 0, nil
}

// part is one of a list: an extension that a list names leaves whole.
func (p *pruner) part(item json.RawMessage, lists []*node) (kept bool, err error) {
	if slices.ContainsFunc(lists, func(n *node) bool { return len(n.urls) > 0 }) {
		all, err := members(item)
		if err != nil {
			return false, err
		}
		var url string
		if json.Unmarshal(all.Get("url"), &url) == nil && slices.ContainsFunc(lists, func(n *node) bool { return slices.Contains(n.urls, url) }) {
			return true, p.whole(item)
		}
	}
	return p.object(item, lists)
}

func (p *pruner) whole(v json.RawMessage) error {
	if !json.Valid(v) {
		return jsonsafe.ErrMalformed
	}
	p.out.Write(v)
	if p.kept != nil {
		p.kept[string(p.old)] = string(p.now)
	}
	return nil
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
func (d *decider) redact(m care.Made, f Fields) (care.Made, bool) {
	if f.All && !care.Labelled(m.Resource) {
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
		if l := d.t.lists[name]; l != nil && l.types[m.Resource.Type] != nil {
			lists = append(lists, l.types[m.Resource.Type])
		}
	}
	p := &d.pruner
	p.start(m.Resource.Type, len(m.Lineage) > 0)
	ok, err := p.object(m.Resource.Body, lists, "resourceType", "id")
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
