package mapping

import (
	"strings"

	"samsyn/fhir"
	"samsyn/fhir/fhirpath"
)

func identifierFunction(_ *run, a arguments) (fhirpath.Collection, error) {
	system, err := a.text(0)
	if err != nil {
		return nil, err
	}
	v, err := a.text(1)
	if v = strings.TrimSpace(v); err != nil || v == "" {
		return nil, err
	}
	if system == "FNR" {
		return one(nationalIdentifier(v)), nil
	}
	return one(identifierOf(fhir.CanonicalSystem(system), v)), nil
}

func nationalFunction(_ *run, a arguments) (fhirpath.Collection, error) {
	v, err := a.text(0)
	if v = strings.TrimSpace(v); err != nil || v == "" {
		return nil, err
	}
	return one(nationalIdentifier(v)), nil
}

func identifierOf(system, v string) map[string]any {
	m := map[string]any{"value": v}
	if system != "" {
		m["system"] = system
	}
	return m
}

func personNameFunction(_ *run, a arguments) (fhirpath.Collection, error) {
	first, err := a.text(0)
	if err != nil {
		return nil, err
	}
	family, err := a.text(1)
	if err != nil {
		return nil, err
	}
	first, family = strings.TrimSpace(first), strings.TrimSpace(family)
	if a.count() == 1 {
		if first == "" {
			return nil, nil
		}
		// A name in one piece is not taken apart: where the family name begins is a guess.
		return one(nameOfPerson("", "", first)), nil
	}
	if first == "" && family == "" {
		return nil, nil
	}
	return one(nameOfPerson(first, family, strings.TrimSpace(first+" "+family))), nil
}

func nameOfPerson(given, family, words string) map[string]any {
	m := map[string]any{"text": words}
	if given != "" {
		m["given"] = []any{given}
	}
	if family != "" {
		m["family"] = family
	}
	return m
}

func roleFunction(_ *run, a arguments) (fhirpath.Collection, error) {
	code, err := a.text(0)
	if err != nil || code == "" {
		return nil, err
	}
	display := fhir.RoleDisplay(code)
	if display == "" {
		return nil, refuse(ErrUnknownCode, "code list 9034 has no role "+speakable(code))
	}
	return one(conceptOf(fhir.SystemRole, code, display)), nil
}
