package mapping

import "samsyn/fhir/fhirpath"

// ApplyUnchecked is Apply without the validation of what is made, for the benchmark
// that compares mapping with mapping.
func (m *Map) ApplyUnchecked(in Input) (Result, error) { return m.apply(in, false) }

// DecodeJSON gives what the decoder makes of a body, as encoding/json would.
func DecodeJSON(body []byte) (any, error) {
	n, err := decodeJSON(body, &fhirpath.Nodes{})
	if err != nil {
		return nil, err
	}
	return n.Value(), nil
}
