package fhirpath

import (
	"strings"
	"unicode"
)

// three is three-valued logic: FHIRPath N1 6.5.
type three int8

const (
	no three = iota
	yes
	unknown
)

func truth(b bool) three {
	if b {
		return yes
	}
	return no
}

func (t three) collection() Collection {
	if t == unknown {
		return nil
	}
	return boolean(t == yes)
}

func (t three) not() three {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

// equalItems is "=" for two items (N1 6.1.1).
func equalItems(s *state, a, b *Item) (three, error) {
	if a.value == nil && b.value == nil { // primitives that have only extensions
		return equalValues(s, a.sibling, b.sibling)
	}
	return equalValues(s, a.system(), b.system())
}

func equalValues(s *state, x, y any) (three, error) {
	if err := s.spend(1); err != nil {
		return no, err
	}
	switch x := x.(type) {
	case nil:
		return truth(y == nil), nil
	case string:
		y, ok := y.(string)
		return truth(ok && x == y), nil
	case bool:
		y, ok := y.(bool)
		return truth(ok && x == y), nil
	case map[string]any:
		y, ok := y.(map[string]any)
		if !ok {
			return no, nil
		}
		return equalObjects(s, x, y)
	case []any:
		y, ok := y.([]any)
		if !ok {
			return no, nil
		}
		return equalLists(s, x, y)
	case Time:
		y, ok := y.(Time)
		if !ok {
			return no, nil
		}
		return equalTemporal(x.temporal, y.temporal), nil
	case Date, DateTime:
		t, _ := temporalOf(x)
		u, ok := temporalOf(y)
		if !ok {
			return no, nil
		}
		return equalTemporal(t, u), nil
	}
	return equalNumbers(x, y), nil
}

func equalNumbers(x, y any) three {
	if n, ok := x.(int64); ok {
		if m, ok := y.(int64); ok {
			return truth(n == m)
		}
	}
	a, okA := decimalOf(x)
	b, okB := decimalOf(y)
	if okA && okB {
		return truth(a.Cmp(b) == 0)
	}
	q, okQ := quantityFrom(x)
	r, okR := quantityFrom(y)
	if !okQ || !okR {
		return no
	}
	return equalQuantities(q, r)
}

func equalQuantities(q, r Quantity) three {
	a, b, ok := inSame(q, r, true)
	if !ok {
		// A calendar year or month against a definite one has no answer (N1 6.1.1).
		if _, _, about := inSame(q, r, false); about {
			return unknown
		}
		return no
	}
	return truth(a.Cmp(b) == 0)
}

func equalTemporal(a, b temporal) three {
	order, known := compareTemporal(a, b)
	if !known {
		return unknown
	}
	return truth(order == 0)
}

func equalObjects(s *state, x, y map[string]any) (three, error) {
	if len(x) != len(y) {
		return no, nil
	}
	if err := s.enter(); err != nil {
		return no, err
	}
	defer s.leave()
	for k, v := range x {
		w, ok := y[k]
		if !ok {
			return no, nil
		}
		if eq, err := equalValues(s, plainSystem(v), plainSystem(w)); eq != yes || err != nil {
			return no, err
		}
	}
	return yes, nil
}

func equalLists(s *state, x, y []any) (three, error) {
	if len(x) != len(y) {
		return no, nil
	}
	if err := s.enter(); err != nil {
		return no, err
	}
	defer s.leave()
	for i := range x {
		if eq, err := equalValues(s, plainSystem(x[i]), plainSystem(y[i])); eq != yes || err != nil {
			return no, err
		}
	}
	return yes, nil
}

// plainSystem gives a value inside an object; lists are kept as they are.
func plainSystem(v any) any {
	if list, ok := v.([]any); ok {
		return list
	}
	it := Item{value: normal(v)}
	return it.system()
}

// equalCollections is "=" (N1 6.1.1): in order, empty when a side is empty.
func equalCollections(s *state, a, b Collection) (three, error) {
	if len(a) == 0 || len(b) == 0 {
		return unknown, nil
	}
	if len(a) != len(b) {
		return no, nil
	}
	result := yes
	for i := range a {
		eq, err := equalItems(s, &a[i], &b[i])
		if err != nil || eq == no {
			return no, err
		}
		if eq == unknown {
			result = unknown
		}
	}
	return result, nil
}

// equivalentCollections is "~" (N1 6.1.2): in any order, never empty.
func equivalentCollections(s *state, a, b Collection) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	used := make([]bool, len(b))
outer:
	for i := range a {
		for j := range b {
			if used[j] {
				continue
			}
			eq, err := equivalentValues(s, a[i].system(), b[j].system())
			if err != nil {
				return false, err
			}
			if eq {
				used[j] = true
				continue outer
			}
		}
		return false, nil
	}
	return true, nil
}

func equivalentValues(s *state, x, y any) (bool, error) {
	if err := s.spend(1); err != nil {
		return false, err
	}
	switch x := x.(type) {
	case string:
		y, ok := y.(string)
		return ok && folded(x) == folded(y), nil
	case Decimal, int64:
		a, _ := decimalOf(x)
		if b, ok := decimalOf(y); ok {
			return nearly(a, b), nil
		}
	case Quantity:
		if y, ok := quantityFrom(y); ok {
			a, b, ok := inSame(x, y, false)
			return ok && nearly(a, b), nil
		}
	case map[string]any:
		y, ok := y.(map[string]any)
		if !ok {
			return false, nil
		}
		return equivalentObjects(s, x, y)
	}
	eq, err := equalValues(s, x, y)
	return eq == yes, err
}

func equivalentObjects(s *state, x, y map[string]any) (bool, error) {
	if len(x) != len(y) {
		return false, nil
	}
	if err := s.enter(); err != nil {
		return false, err
	}
	defer s.leave()
	for k, v := range x {
		w, ok := y[k]
		if !ok {
			return false, nil
		}
		if eq, err := equivalentCollections(s, Of(v), Of(w)); !eq || err != nil {
			return false, err
		}
	}
	return true, nil
}

// nearly compares rounded to the digits of the less precise one (N1 6.1.2).
func nearly(a, b Decimal) bool {
	n := min(a.strip().scale, b.strip().scale)
	return a.to(n, halfAway).Cmp(b.to(n, halfAway)) == 0
}

// folded gives text without case and with white space as one blank.
func folded(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, s))
}
