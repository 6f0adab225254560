package mapping

import (
	"strings"

	"samsyn/fhir"
)

// quickCall is a call of one of the map language's own functions.
type quickCall struct {
	name string
	args []quick
	do   func(r *run, q *quickCall) (answer, bool)
}

func (q *quickCall) eval(r *run) (answer, bool) {
	if r.left--; r.left < 0 {
		return answer{}, false
	}
	return q.do(r, q)
}

// word gives argument i as arguments.text does.
func (q *quickCall) word(r *run, i int) (string, bool) {
	if i >= len(q.args) {
		return "", true
	}
	if s, ok := q.args[i].(quickText); ok {
		return string(s), true
	}
	a, ok := q.args[i].eval(r)
	if !ok || a.kind == isNothing {
		return "", ok
	}
	return a.words()
}

// quickCalls are the functions that there is a short way for.
func quickCalls() map[string]func(*run, *quickCall) (answer, bool) {
	return map[string]func(*run, *quickCall) (answer, bool){
		"id": quickID, "ref": quickRef, "display": quickDisplay, "translate": quickTranslate,
		"concept": quickCoded(isConcept), "coding": quickCoded(isCoding), "text": quickWords, "role": quickRole,
		"date": quickDate, "dateTime": quickDateTime, "instant": quickInstant,
		"lookup": quickLookup, "identifier": quickIdentifier, "nationalIdentifier": quickNational, "personName": quickName,
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

func quickID(r *run, q *quickCall) (answer, bool) {
	id, ok := q.hashed(r, 0)
	return given(isText, id), ok
}

// given is an answer of one text, nothing where that is empty.
func given(kind answerKind, s string) answer {
	if s == "" {
		return answer{}
	}
	return answer{kind: kind, text: s}
}

func quickRef(r *run, q *quickCall) (answer, bool) {
	typ, ok := q.word(r, 0)
	if !ok || typ == "" {
		return answer{}, ok
	}
	id, ok := q.hashed(r, 1)
	if id == "" {
		return answer{}, ok
	}
	return answer{kind: isReference, text: typ + "/" + id}, ok
}

func quickDisplay(r *run, q *quickCall) (answer, bool) {
	s, ok := q.word(r, 0)
	return given(isDisplay, s), ok
}

func quickWords(r *run, q *quickCall) (answer, bool) {
	s, ok := q.word(r, 0)
	return given(isWords, s), ok
}

// quickTranslate leaves codes without a row to translateFunction, which counts or refuses them.
func quickTranslate(r *run, q *quickCall) (answer, bool) {
	name, ok := q.word(r, 0)
	if !ok {
		return answer{}, false
	}
	code, ok := q.word(r, 1)
	if code = strings.TrimSpace(code); !ok || code == "" {
		return answer{}, ok
	}
	at, ok := q.word(r, 2)
	if !ok {
		return answer{}, false
	}
	day := r.today()
	if at != "" {
		m, ok := parseMoment(at)
		if day = m.day(); !ok || len(day) != 10 {
			return answer{}, false
		}
	}
	table := r.m.tables[name]
	if table == nil {
		return answer{}, false
	}
	rows := table.byCode[code]
	for i := range rows {
		if rows[i].validOn(day) {
			return rows[i].answer(), true
		}
	}
	return answer{}, false
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

func quickCoded(kind answerKind) func(*run, *quickCall) (answer, bool) {
	return func(r *run, q *quickCall) (answer, bool) {
		var parts [3]string
		for i := range parts {
			var ok bool
			if parts[i], ok = q.word(r, i); !ok {
				return answer{}, false
			}
		}
		if parts[1] != "" {
			return answer{kind: kind, system: parts[0], text: parts[1], display: parts[2]}, true
		}
		if kind == isConcept {
			return given(isWords, parts[2]), true
		}
		return answer{}, true
	}
}

func quickRole(r *run, q *quickCall) (answer, bool) {
	code, ok := q.word(r, 0)
	if !ok || code == "" {
		return answer{}, ok
	}
	display := fhir.RoleDisplay(code)
	return answer{kind: isConcept, system: fhir.SystemRole, text: code, display: display}, display != ""
}

// quickMoment reads argument 0; some is false for nothing, ok for what needs a closer look.
func quickMoment(r *run, q *quickCall) (m moment, some, ok bool) {
	s, ok := q.word(r, 0)
	if !ok || s == "" {
		return m, false, ok
	}
	m, ok = plainMoment(s)
	return m, ok, ok
}

func quickDate(r *run, q *quickCall) (answer, bool) {
	m, some, ok := quickMoment(r, q)
	if !some {
		return answer{}, ok
	}
	return answer{kind: isDate, text: m.day()}, true
}

func quickDateTime(r *run, q *quickCall) (answer, bool) {
	m, some, ok := quickMoment(r, q)
	if !some {
		return answer{}, ok
	}
	return answer{kind: isDateTime, text: m.dateTime()}, true
}

func quickInstant(r *run, q *quickCall) (answer, bool) {
	m, some, ok := quickMoment(r, q)
	if !some {
		return answer{}, ok
	}
	s, whole := m.instant()
	return answer{kind: isDateTime, text: s}, whole
}

func quickIdentifier(r *run, q *quickCall) (answer, bool) {
	system, ok := q.word(r, 0)
	if !ok {
		return answer{}, false
	}
	v, ok := q.word(r, 1)
	if v = strings.TrimSpace(v); !ok || v == "" {
		return answer{}, ok
	}
	if system == "FNR" {
		system, v = nationalParts(v)
	} else {
		system = fhir.CanonicalSystem(system)
	}
	return answer{kind: isIdentifier, system: system, text: v}, true
}

func quickNational(r *run, q *quickCall) (answer, bool) {
	v, ok := q.word(r, 0)
	if v = strings.TrimSpace(v); !ok || v == "" {
		return answer{}, ok
	}
	system, v := nationalParts(v)
	return answer{kind: isIdentifier, system: system, text: v}, true
}

func quickName(r *run, q *quickCall) (answer, bool) {
	first, ok := q.word(r, 0)
	if !ok {
		return answer{}, false
	}
	family, ok := q.word(r, 1)
	first, family = strings.TrimSpace(first), strings.TrimSpace(family)
	if len(q.args) == 1 || first == "" && family == "" {
		return given(isPerson, first), ok
	}
	return answer{kind: isPerson, system: first, display: family, text: strings.TrimSpace(first + " " + family)}, ok
}
