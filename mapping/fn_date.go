package mapping

import "samsyn/fhir/fhirpath"

// momentArgument reads argument 0; ok is false where it is nothing.
func momentArgument(a arguments) (m moment, ok bool, err error) {
	s, err := a.text(0)
	if err != nil || s == "" {
		return moment{}, false, err
	}
	m, ok = parseMoment(s)
	if !ok {
		return moment{}, false, refuse(ErrInvalidValue, "the value is not a date in a form that is known")
	}
	return m, true, nil
}

func dateFunction(_ *run, a arguments) (fhirpath.Collection, error) {
	m, ok, err := momentArgument(a)
	if err != nil || !ok {
		return nil, err
	}
	return temporal(fhirpath.ParseDate(m.day()))
}

func dateTimeFunction(_ *run, a arguments) (fhirpath.Collection, error) {
	m, ok, err := momentArgument(a)
	if err != nil || !ok {
		return nil, err
	}
	return temporal(fhirpath.ParseDateTime(m.dateTime()))
}

func instantFunction(_ *run, a arguments) (fhirpath.Collection, error) {
	m, ok, err := momentArgument(a)
	if err != nil || !ok {
		return nil, err
	}
	s, ok := m.instant()
	if !ok {
		return nil, refuse(ErrInvalidValue, "the value is less than a whole date")
	}
	return temporal(fhirpath.ParseDateTime(s))
}

func temporal[T any](v T, ok bool) (fhirpath.Collection, error) {
	if !ok {
		return nil, refuse(ErrInvalidValue, "the value is not a date")
	}
	return one(v), nil
}
