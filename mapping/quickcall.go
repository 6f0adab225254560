package mapping

import (
	"strings"

	"samsyn/fhir"
)

// quickCall is a call of one of the map language's own functions.
type quickCall struct {
	name string
	args []quick
	do   func(r *run, q *quickCall, out *answer) bool
}

func (q *quickCall) eval(r *run, out *answer) bool {
	r.left--
	return r.left >= 0 && q.do(r, q, out)
}

// word gives argument i as arguments.text does.
func (q *quickCall) word(r *run, i int) (string, bool) {
	if i >= len(q.args) {
		return "", true
	}
	if s, ok := q.args[i].(quickText); ok {
		return string(s), true
	}
	var a answer
	if !q.args[i].eval(r, &a) {
		return "", false
	}
	if a.kind == isNothing {
		return "", true
	}
	return a.words()
}

// quickCalls are the functions that there is a short way for.
func quickCalls() map[string]func(r *run, q *quickCall, out *answer) bool {
	return map[string]func(r *run, q *quickCall, out *answer) bool{
		"id": quickID, "ref": quickRef, "display": quickDisplay, "translate": quickTranslate,
		"concept": quickCoded(isConcept), "coding": quickCoded(isCoding), "text": quickWords, "role": quickRole,
		"date": quickDate, "dateTime": quickDateTime, "instant": quickInstant,
		"identifier": quickIdentifier, "nationalIdentifier": quickNational, "personName": quickName,
	}
}

// hashed gives the id of the arguments from kind on, "" where one of them is nothing.
func (q *quickCall) hashed(r *run, kind int) (string, bool) {
	var room [6]string
	parts := room[:0]
	for i := kind; i < len(q.args); i++ {
		s, ok := q.word(r, i)
		if !ok || strings.IndexByte(s, 0) >= 0 {
			return "", false
		}
		if s == "" {
			return "", true
		}
		parts = append(parts, s)
	}
	return r.id(parts[0], parts[1:]...), true
}

func quickID(r *run, q *quickCall, out *answer) bool {
	id, ok := q.hashed(r, 0)
	*out = answer{}
	if id != "" {
		*out = answer{kind: isText, text: id}
	}
	return ok
}

func quickRef(r *run, q *quickCall, out *answer) bool {
	*out = answer{}
	typ, ok := q.word(r, 0)
	if !ok || typ == "" {
		return ok
	}
	id, ok := q.hashed(r, 1)
	if id != "" {
		*out = answer{kind: isReference, text: typ + "/" + id}
	}
	return ok
}

func quickDisplay(r *run, q *quickCall, out *answer) bool { return q.oneWord(r, isDisplay, out) }
func quickWords(r *run, q *quickCall, out *answer) bool   { return q.oneWord(r, isWords, out) }

func (q *quickCall) oneWord(r *run, kind answerKind, out *answer) bool {
	*out = answer{}
	s, ok := q.word(r, 0)
	if s != "" {
		*out = answer{kind: kind, text: s}
	}
	return ok
}

// quickTranslate leaves codes without a row to translateFunction, which counts or refuses them.
func quickTranslate(r *run, q *quickCall, out *answer) bool {
	*out = answer{}
	name, ok := q.word(r, 0)
	if !ok {
		return false
	}
	code, ok := q.word(r, 1)
	if code = strings.TrimSpace(code); !ok || code == "" {
		return ok
	}
	day := ""
	if len(q.args) > 2 {
		at, ok := q.word(r, 2)
		if !ok {
			return false
		}
		if at != "" {
			m, ok := parseMoment(at)
			if day = m.day(); !ok || len(day) != 10 {
				return false
			}
		}
	}
	if day == "" {
		day = r.today()
	}
	table := r.m.tables[name]
	if table == nil {
		return false
	}
	row, ok, _ := table.find(code, day)
	if !ok {
		return false
	}
	*out = row.answer()
	return true
}

// answer is rowConcept.
func (row *codeRow) answer() answer {
	display, words := row.targetDisplay, row.display
	if display == "" {
		display = row.display
	}
	if words == "" {
		words = row.targetDisplay
	}
	switch {
	case row.target != "" || row.system != "":
		return answer{kind: isConcept, system: row.system, text: row.target, display: display, also: words}
	case display != "":
		return answer{kind: isWords, text: display}
	}
	return answer{}
}

func quickCoded(kind answerKind) func(r *run, q *quickCall, out *answer) bool {
	return func(r *run, q *quickCall, out *answer) bool {
		*out = answer{}
		var parts [3]string
		for i := range parts {
			var ok bool
			if parts[i], ok = q.word(r, i); !ok {
				return false
			}
		}
		switch {
		case parts[1] != "":
			*out = answer{kind: kind, system: parts[0], text: parts[1], display: parts[2]}
		case kind == isConcept && parts[2] != "":
			*out = answer{kind: isWords, text: parts[2]}
		}
		return true
	}
}

func quickRole(r *run, q *quickCall, out *answer) bool {
	*out = answer{}
	code, ok := q.word(r, 0)
	if !ok || code == "" {
		return ok
	}
	display := fhir.RoleDisplay(code)
	*out = answer{kind: isConcept, system: fhir.SystemRole, text: code, display: display}
	return display != ""
}

// moment reads argument 0; ok is false for what dateFunction refuses.
func (q *quickCall) moment(r *run) (m moment, given, ok bool) {
	s, ok := q.word(r, 0)
	if !ok || s == "" {
		return m, false, ok
	}
	m, ok = plainMoment(s)
	return m, true, ok
}

func quickDate(r *run, q *quickCall, out *answer) bool {
	m, given, ok := q.moment(r)
	*out = answer{}
	if given && ok {
		*out = answer{kind: isDate, text: m.day()}
	}
	return ok
}

func quickDateTime(r *run, q *quickCall, out *answer) bool {
	m, given, ok := q.moment(r)
	*out = answer{}
	if given && ok {
		*out = answer{kind: isDateTime, text: m.dateTime()}
	}
	return ok
}

func quickInstant(r *run, q *quickCall, out *answer) bool {
	m, given, ok := q.moment(r)
	*out = answer{}
	if given && ok {
		s, whole := m.instant()
		*out = answer{kind: isDateTime, text: s}
		return whole
	}
	return ok
}

func quickIdentifier(r *run, q *quickCall, out *answer) bool {
	*out = answer{}
	system, ok := q.word(r, 0)
	if !ok {
		return false
	}
	v, ok := q.word(r, 1)
	switch v = strings.TrimSpace(v); {
	case !ok || v == "":
	case system == "FNR":
		system, v = nationalParts(v)
		*out = answer{kind: isIdentifier, system: system, text: v}
	default:
		*out = answer{kind: isIdentifier, system: fhir.CanonicalSystem(system), text: v}
	}
	return ok
}

func quickNational(r *run, q *quickCall, out *answer) bool {
	*out = answer{}
	v, ok := q.word(r, 0)
	if v = strings.TrimSpace(v); ok && v != "" {
		system, v := nationalParts(v)
		*out = answer{kind: isIdentifier, system: system, text: v}
	}
	return ok
}

func quickName(r *run, q *quickCall, out *answer) bool {
	*out = answer{}
	first, ok := q.word(r, 0)
	if !ok {
		return false
	}
	family, ok := q.word(r, 1)
	first, family = strings.TrimSpace(first), strings.TrimSpace(family)
	switch {
	case !ok || first == "" && family == "":
	case len(q.args) == 1:
		*out = answer{kind: isPerson, text: first}
	default:
		*out = answer{kind: isPerson, system: first, display: family, text: strings.TrimSpace(first + " " + family)}
	}
	return ok
}
