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

// pruner takes out of a resource what no list names, and notes what was kept and where it is now.
type pruner struct {
	kept []kept
}

// kept is a part that left whole: its path before, and after.
type kept struct{ old, now string }

// object gives what some lists let out of an object; nil is nothing.
func (p *pruner) object(o object, lists []*node, old, now string) object {
	out := object{}
	for name, v := range o {
		var next []*node
		for _, n := range lists {
			if kid := n.kids[name]; kid != nil {
				next = append(next, kid)
			}
		}
		if len(next) == 0 {
			continue
		}
		if v, ok := p.value(v, next, old+"."+name, now+"."+name); ok {
			out[name] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func (p *pruner) value(v any, lists []*node, old, now string) (any, bool) {
	if slices.ContainsFunc(lists, func(n *node) bool { return n.whole }) {
		p.kept = append(p.kept, kept{old, now})
		return v, true
	}
	switch v := v.(type) {
	case object:
		o := p.object(v, lists, old, now)
		return o, o != nil
	case array:
		var out array
		for i, item := range v {
			from, to := old+"["+strconv.Itoa(i)+"]", now+"["+strconv.Itoa(len(out))+"]"
			o, ok := item.(object)
			if !ok {
				continue
			}
			if url, ok := o["url"].(string); ok && slices.ContainsFunc(lists, func(n *node) bool { return slices.Contains(n.urls, url) }) {
				p.kept = append(p.kept, kept{from, to})
				out = append(out, o)
				continue
			}
			if o := p.object(o, lists, from, to); o != nil {
				out = append(out, o)
			}
		}
		return out, len(out) > 0
	}
	return nil, false
}

// lineage gives the lines of what was kept, at the places where it now stands. A line of
// something that was not kept whole is left out: it tells what was read for the rest.
func (p *pruner) lineage(lines []care.Lineage) []care.Lineage {
	var out []care.Lineage
	for _, l := range lines {
		for _, k := range p.kept {
			if rest, ok := strings.CutPrefix(l.Element, k.old); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
				l.Element = k.now + rest
				out = append(out, l)
				break
			}
		}
	}
	return out
}

// redact gives of a resource what the fields let out. With every field it is not decoded,
// unless it has labels: they are themselves confidential and never leave.
func (t *Table) redact(m care.Made, f Fields) (care.Made, bool) {
	labelled := bytes.Contains(m.Resource.Body, []byte(`"security"`))
	if f.All && !labelled {
		return m, true
	}
	body, err := fhir.Decode(m.Resource)
	if err != nil {
		return care.Made{}, false
	}
	if f.All {
		unlabel(body)
		return made(m, body, m.Lineage)
	}
	var lists []*node
	for _, name := range f.Lists {
		if l := t.lists[name]; l != nil && l.types[m.Resource.Type] != nil {
			lists = append(lists, l.types[m.Resource.Type])
		}
	}
	p := &pruner{kept: []kept{{m.Resource.Type + ".id", m.Resource.Type + ".id"}}}
	out := p.object(body, lists, m.Resource.Type, m.Resource.Type)
	if out == nil {
		return care.Made{}, false
	}
	return made(m, out, p.lineage(m.Lineage))
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
