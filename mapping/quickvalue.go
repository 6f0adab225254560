package mapping

import (
	"samsyn/fhir/fhirpath"
)

// give makes a value of the target's type of an answer, as convert does of FHIRPath's
// items. What convert would refuse, or what is rare, is left to it: ok is false.
func (r *run) give(x *expr, t *target, a *answer, o *origin, out *value) (ok bool) {
	switch a.kind {
	case isNothing:
		return true
	case isNode:
		switch a.node.Kind {
		case fhirpath.NodeObject:
			return !t.prim && r.giveTree(out, a.node, t.typ, o, 0)
		case fhirpath.NodeBool:
			return r.giveBool(x, t, a.node.Text, o, out)
		}
		return r.giveText(x, t, a.node.Text, a.node.Kind, o, out)
	case isText:
		return r.giveText(x, t, a.text, fhirpath.NodeText, o, out)
	case isTrue, isFalse:
		s, _ := a.words()
		return r.giveBool(x, t, s, o, out)
	case isDigits:
		return r.giveText(x, t, a.text, fhirpath.NodeNumber, o, out)
	case isDate, isDateTime:
		if t.typ == "dateTime" || a.kind == isDate && t.typ == "date" {
			return r.giveLeaf(out, a.text, o)
		}
		return r.giveText(x, t, a.text, fhirpath.NodeText, o, out)
	case isConcept, isWords, isCoding:
		return r.giveCoded(x, t, a, o, out)
	case isReference:
		return t.typ == "Reference" && r.giveObject(out, o, 1, [3]string{"reference"}, a.text)
	case isDisplay:
		return t.typ == "Reference" && r.giveObject(out, o, 1, [3]string{"display"}, a.text)
	case isPerson:
		return t.typ == "HumanName" && r.giveName(a, o, out)
	case isIdentifier:
		return t.typ == "Identifier" && r.giveObject(out, o, 2, [3]string{"system", "value"}, a.system, a.text)
	}
	return false
}

func (r *run) giveBool(x *expr, t *target, s string, o *origin, out *value) bool {
	if t.typ == "" || t.typ == "boolean" {
		out.kind, out.text, out.origin = boolean, s, o
		return r.spend(1, 0) == nil
	}
	return r.giveText(x, t, s, fhirpath.NodeText, o, out)
}

func (r *run) giveText(x *expr, t *target, s string, kind fhirpath.NodeKind, o *origin, out *value) bool {
	if kind == fhirpath.NodeBool || t.typ != "" && !t.prim {
		return false
	}
	switch t.typ {
	case "string", "markdown":
		if blank(s) {
			return true
		}
		return r.giveLeaf(out, s, o)
	}
	v, err := r.primitive(x, *t, s, kind == fhirpath.NodeNumber, o)
	if err != nil {
		return false
	}
	*out = v
	return true
}

func (r *run) giveLeaf(out *value, s string, o *origin) bool {
	out.kind, out.text, out.origin = text, s, o
	return r.spend(1, len(s)) == nil
}

func (r *run) giveCoded(x *expr, t *target, a *answer, o *origin, out *value) bool {
	if r.spend(4, 0) != nil {
		return false
	}
	switch {
	case t.typ == "CodeableConcept":
		if a.kind == isWords {
			return r.giveObject(out, o, 1, [3]string{"text"}, a.text)
		}
		out.kind, out.kids = object, r.values(1, 2)
		coding := &out.kids[0]
		coding.name, coding.kind, coding.order = "coding", list, 0
		coding.kids = r.values(1, 1)
		if !r.giveCoding(&coding.kids[0], a, o) || coding.kids[0].kind == none {
			return false
		}
		if a.kind == isConcept && !blank(a.also) {
			out.kids = append(out.kids, value{name: "text", order: 1})
			return r.giveLeaf(&out.kids[1], a.also, o)
		}
		return true
	case t.typ == "Coding":
		return a.kind != isWords && r.giveCoding(out, a, o)
	case t.typ == "string" || t.typ == "markdown":
		s, _ := a.words()
		v := textValue(s, o)
		*out = v
		return true
	case t.prim && t.typ != "" && a.kind != isWords && a.text != "":
		v, err := r.primitive(x, *t, a.text, false, o)
		*out = v
		return err == nil
	}
	return false
}

func (r *run) giveCoding(out *value, a *answer, o *origin) bool {
	return r.giveObject(out, o, 3, [3]string{"system", "code", "display"}, a.system, a.text, a.display)
}

// giveObject makes an object of texts; what is blank is left out.
func (r *run) giveObject(out *value, o *origin, most int, names [3]string, texts ...string) bool {
	kids := r.values(0, most)
	for i, s := range texts {
		if blank(s) {
			continue
		}
		kids = append(kids, value{name: names[i], order: int32(i)})
		if !r.giveLeaf(&kids[len(kids)-1], s, o) {
			return false
		}
	}
	if len(kids) > 0 {
		out.kind, out.kids = object, kids
	}
	return true
}

func (r *run) giveName(a *answer, o *origin, out *value) bool {
	if !r.giveObject(out, o, 3, [3]string{"text", "family"}, a.text, a.display) || out.kind == none {
		return false
	}
	if blank(a.system) {
		return true
	}
	given := value{name: "given", order: 2, kind: list, kids: r.values(1, 1)}
	out.kids = append(out.kids, given)
	return r.giveLeaf(&given.kids[0], a.system, o)
}
