package mapping

import (
	"strings"

	"samsyn/fhir/fhirpath"
)

func translateFunction(r *run, a arguments) (fhirpath.Collection, error) {
	name, err := a.text(0)
	if err != nil {
		return nil, err
	}
	code, err := a.text(1)
	if err != nil {
		return nil, err
	}
	if code = strings.TrimSpace(code); code == "" {
		return nil, nil
	}
	day, err := r.dayArgument(a)
	if err != nil {
		return nil, err
	}
	table := r.m.tables[name]
	row, ok, known := table.find(code, day)
	r.in.Observe.code(name, code, row, ok, r.line)
	if !ok {
		switch table.policy {
		case policyNone:
			r.miss(name, speakable(code))
			return nil, nil
		case policyText:
			r.miss(name, speakable(code))
			return one(textConcept(code)), nil
		case policyDefault:
			r.miss(name, speakable(code))
			rows := table.byCode[table.fallback]
			return rowConcept(rows[len(rows)-1]), nil
		}
		reason := "table " + name + " has no row for code " + speakable(code)
		if known {
			reason = "table " + name + " has no row for code " + speakable(code) + " that is valid on " + day
		}
		return nil, refuse(ErrUnknownCode, reason)
	}
	return rowConcept(row), nil
}

// dayArgument is the day of translate's third argument: the first one of a partial date.
func (r *run) dayArgument(a arguments) (string, error) {
	at, err := a.text(2)
	if err != nil || at == "" {
		return r.today(), err
	}
	m, ok := parseMoment(at)
	if !ok {
		return "", refuse(ErrInvalidValue, "the day of the translation is not a date")
	}
	if day := m.day(); len(day) == 10 {
		return day, nil
	}
	return m.at().Format("2006-01-02"), nil
}

// rowConcept says a row in FHIR: the target as coding, the source's words as text. A
// row with neither target nor words means nothing on purpose.
func rowConcept(row codeRow) fhirpath.Collection {
	display := row.targetDisplay
	if display == "" {
		display = row.display
	}
	words := row.display
	if words == "" {
		words = row.targetDisplay
	}
	if row.target == "" && row.system == "" {
		if display == "" {
			return nil
		}
		return one(textConcept(display))
	}
	m := conceptOf(row.system, row.target, display)
	if words != "" {
		m["text"] = words
	}
	return one(m)
}

func lookupFunction(r *run, a arguments) (fhirpath.Collection, error) {
	name, err := a.text(0)
	if err != nil {
		return nil, err
	}
	table := r.m.tables[name]
	values := make([]string, len(table.match))
	for i := range values {
		if values[i], err = a.text(i + 1); err != nil {
			return nil, err
		}
	}
	row, ok := table.lookup(values)
	switch {
	case ok:
		return one(row), nil
	case table.policy == policyQuarantine:
		return nil, refuse(ErrUnknownCode, "table "+name+" has no row that fits")
	case table.policy == policyText:
		r.miss(name, "a row")
	}
	return nil, nil
}

func codeOf(system, code, display string) map[string]any {
	m := map[string]any{"code": code}
	if system != "" {
		m["system"] = system
	}
	if display != "" {
		m["display"] = display
	}
	return m
}

func conceptOf(system, code, display string) map[string]any {
	m := codeOf(system, code, display)
	m["coding"] = []any{codeOf(system, code, display)}
	m[markKey] = markConcept
	return m
}

func textConcept(words string) map[string]any {
	return map[string]any{markKey: markConcept, "text": words, "display": words}
}

// codingArguments reads system, code and display; ok is false without a code.
func codingArguments(a arguments) (system, code, display string, ok bool, err error) {
	if system, err = a.text(0); err != nil {
		return
	}
	if code, err = a.text(1); err != nil {
		return
	}
	display, err = a.text(2)
	return system, code, display, code != "", err
}

func conceptFunction(_ *run, a arguments) (fhirpath.Collection, error) {
	system, code, display, ok, err := codingArguments(a)
	if err != nil {
		return nil, err
	}
	switch {
	case ok:
		return one(conceptOf(system, code, display)), nil
	case display != "":
		return one(textConcept(display)), nil
	}
	return nil, nil
}

func codingFunction(_ *run, a arguments) (fhirpath.Collection, error) {
	system, code, display, ok, err := codingArguments(a)
	if err != nil || !ok {
		return nil, err
	}
	m := codeOf(system, code, display)
	m[markKey] = markCoding
	return one(m), nil
}

func textFunction(_ *run, a arguments) (fhirpath.Collection, error) {
	s, err := a.text(0)
	if err != nil || s == "" {
		return nil, err
	}
	return one(textConcept(s)), nil
}
