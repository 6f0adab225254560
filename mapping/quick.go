package mapping

import (
	"strings"

	"samsyn/fhir/fhirpath"
)

// Nine expressions in ten are a path, a date of a path, a reference: they are evaluated
// here on the record's nodes, without FHIRPath's collections. What this part is not sure
// of it leaves to FHIRPath, which then evaluates the whole expression: too many values,
// a type that does not fit, anything that would be a fault. So it never fails, and what
// it gives is what FHIRPath gives (a test compares them).

// quick evaluates an expression of at most one value; false leaves it to FHIRPath.
type quick interface {
	eval(r *run) (answer, bool)
}

// answerKind is what an answer is.
type answerKind uint8

const (
	isNothing    answerKind = iota
	isNode                  // node
	isText                  // text
	isDigits                // text, the digits of a whole number
	isTrue                  // a boolean
	isFalse                 // a boolean
	isDate                  // text
	isDateTime              // text
	isConcept               // system, text the code, display; words beside
	isWords                 // text: a concept without code
	isCoding                // system, text the code, display
	isReference             // text
	isDisplay               // text: a reference that only says a name
	isIdentifier            // system, text
	isPerson                // text; system the given name and display the family name, or both ""
	isRow                   // row, of a lookup table
)

// answer is what a quick expression gives.
type answer struct {
	kind                  answerKind
	node                  *fhirpath.Node
	text                  string
	system, display, also string
	row                   map[string]any
}

// item gives the answer as FHIRPath has it.
func (a *answer) item() fhirpath.Item {
	switch a.kind {
	case isNode:
		return a.node.Item()
	case isDigits:
		n, _ := digits(a.text)
		return fhirpath.New(n)
	case isTrue, isFalse:
		return fhirpath.New(a.kind == isTrue)
	case isDate:
		d, _ := fhirpath.ParseDate(a.text)
		return fhirpath.New(d)
	case isDateTime:
		d, _ := fhirpath.ParseDateTime(a.text)
		return fhirpath.New(d)
	case isConcept:
		m := conceptOf(a.system, a.text, a.display)
		if a.also != "" {
			m["text"] = a.also
		}
		return fhirpath.New(m)
	case isWords:
		return fhirpath.New(textConcept(a.text))
	case isCoding:
		m := codeOf(a.system, a.text, a.display)
		m[markKey] = markCoding
		return fhirpath.New(m)
	case isReference:
		return fhirpath.New(map[string]any{"reference": a.text})
	case isDisplay:
		return fhirpath.New(map[string]any{"display": a.text})
	case isIdentifier:
		return fhirpath.New(identifierOf(a.system, a.text))
	case isPerson:
		return fhirpath.New(nameOfPerson(a.system, a.display, a.text))
	case isRow:
		return fhirpath.New(a.row)
	}
	return fhirpath.New(a.text)
}

// words gives the text that an answer contributes to a key, an id or a text.
func (a *answer) words() (string, bool) {
	switch a.kind {
	case isNode:
		return a.node.Text, a.node.Kind != fhirpath.NodeObject
	case isText, isDigits, isDate, isDateTime, isWords:
		return a.text, true
	case isTrue:
		return "true", true
	case isFalse:
		return "false", true
	case isConcept, isCoding:
		for _, s := range [...]string{a.display, a.also, a.text} {
			if s != "" {
				return s, true
			}
		}
		return "", true
	}
	return "", false
}

// plainText gives an answer that is a text in FHIRPath too.
func (a *answer) plainText() (string, bool) {
	switch {
	case a.kind == isText:
		return a.text, true
	case a.kind != isNode || a.node.Kind != fhirpath.NodeText:
		return "", false
	case a.node.Type != nil:
		switch a.node.Type.Name {
		case "date", "dateTime", "instant", "time":
			return "", false // FHIRPath compares these as dates
		}
	}
	return a.node.Text, true
}

// truth gives an answer that is a boolean or nothing: known is false for nothing.
func (a *answer) truth() (is, known, ok bool) {
	switch {
	case a.kind == isNothing:
		return false, false, true
	case a.kind == isTrue || a.kind == isFalse:
		return a.kind == isTrue, true, true
	case a.kind == isNode && a.node.Kind == fhirpath.NodeBool:
		return a.node.Text == "true", true, true
	}
	return false, false, false
}

func truthOf(is bool) answer {
	if is {
		return answer{kind: isTrue}
	}
	return answer{kind: isFalse}
}

type quickText string

func (q quickText) eval(*run) (answer, bool) {
	return answer{kind: isText, text: string(q)}, true
}

// quickCount is exists() or empty() of a path.
type quickCount struct {
	path  *quickPath
	empty bool
}

func (q *quickCount) eval(r *run) (answer, bool) {
	if q.path.slot >= 0 && len(q.path.steps) == 0 {
		if b := &r.slots[q.path.slot]; b.bound {
			return truthOf(b.nothing() == q.empty), true
		}
	}
	base, ok := q.path.nodes(r)
	a := truthOf((len(r.stack) == base) == q.empty)
	r.stack = r.stack[:base]
	return a, ok
}

// quickEqual is = and != of texts.
type quickEqual struct {
	a, b quick
	not  bool
}

func (q *quickEqual) eval(r *run) (answer, bool) {
	a, b, ok := sides(q.a, q.b, r)
	if !ok || a.kind == isNothing || b.kind == isNothing {
		return answer{}, ok
	}
	x, okX := a.plainText()
	y, okY := b.plainText()
	return truthOf((x == y) != q.not), okX && okY
}

// sides evaluates both sides of an operator.
func sides(left, right quick, r *run) (a, b answer, ok bool) {
	if r.left--; r.left < 0 {
		return a, b, false
	}
	if a, ok = left.eval(r); ok {
		b, ok = right.eval(r)
	}
	return a, b, ok
}

// quickLogic is "and" and "or" of booleans.
type quickLogic struct {
	a, b quick
	or   bool
}

func (q *quickLogic) eval(r *run) (answer, bool) {
	if r.left--; r.left < 0 {
		return answer{}, false
	}
	x, knownX, ok := truth(q.a, r)
	if !ok || knownX && x == q.or {
		return truthOf(x), ok
	}
	y, knownY, ok := truth(q.b, r)
	switch {
	case !ok || knownY && y == q.or:
		return truthOf(y), ok
	case !knownX || !knownY:
		return answer{}, true
	}
	return truthOf(!q.or), true
}

// quickJoin is & of texts, or + of them, which gives nothing where a side is nothing.
type quickJoin struct {
	a, b quick
	plus bool
}

func (q *quickJoin) eval(r *run) (answer, bool) {
	a, b, ok := sides(q.a, q.b, r)
	if q.plus && ok && (a.kind == isNothing || b.kind == isNothing) {
		return answer{}, true
	}
	x, okX := a.plainText()
	y, okY := b.plainText()
	if !ok || !okX && a.kind != isNothing || !okY && b.kind != isNothing {
		return answer{}, false
	}
	r.left -= (len(x) + len(y)) / 64
	return answer{kind: isText, text: x + y}, r.left >= 0
}

// quickIf is iif() without input.
type quickIf struct{ test, then, otherwise quick }

func (q *quickIf) eval(r *run) (answer, bool) {
	if r.left--; r.left < 0 {
		return answer{}, false
	}
	is, _, ok := truth(q.test, r)
	switch {
	case !ok:
		return answer{}, false
	case is:
		return q.then.eval(r)
	case q.otherwise != nil:
		return q.otherwise.eval(r)
	}
	return answer{}, true
}

// quickMember is .code, .system or .display of what translate() and the like give, or a
// column of what lookup() gives.
type quickMember struct {
	of   quick
	name string
}

func (q *quickMember) eval(r *run) (answer, bool) {
	if r.left--; r.left < 0 || strings.HasPrefix(q.name, r.rootName) {
		return answer{}, false
	}
	a, ok := q.of.eval(r)
	if !ok || a.kind == isNothing {
		return answer{}, ok
	}
	if a.kind == isRow {
		return r.column(&a, q.name), true
	}
	if a.kind != isConcept && a.kind != isCoding {
		return answer{}, false
	}
	s := a.text
	switch q.name {
	case "system":
		s = a.system
	case "display":
		s = a.display
	}
	if s == "" && q.name != "code" {
		return answer{}, true
	}
	r.note(nil)
	return answer{kind: isText, text: s}, true
}
