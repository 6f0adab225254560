package mapping

// ApplyUnchecked is Apply without the validation of what is made, for the benchmark
// that compares mapping with mapping.
func (m *Map) ApplyUnchecked(in Input) (Result, error) { return m.apply(in, false) }
