package fhirpath

import "strings"

// compareValues orders two system values (N1 6.2). known is false when precision
// or units leave it open; two values of types that have no order are ErrType.
func compareValues(x, y any) (order int, known bool, err error) {
	switch x := x.(type) {
	case string:
		if y, ok := y.(string); ok {
			return strings.Compare(x, y), true, nil
		}
	case Time:
		if y, ok := y.(Time); ok {
			order, known = compareTemporal(x.temporal, y.temporal)
			return order, known, nil
		}
	case Date, DateTime:
		t, _ := temporalOf(x)
		if u, ok := temporalOf(y); ok {
			order, known = compareTemporal(t, u)
			return order, known, nil
		}
	case int64:
		if y, ok := y.(int64); ok {
			switch {
			case x < y:
				return -1, true, nil
			case x > y:
				return 1, true, nil
			}
			return 0, true, nil
		}
	}
	a, okA := decimalOf(x)
	b, okB := decimalOf(y)
	if okA && okB {
		return a.Cmp(b), true, nil
	}
	q, okQ := quantityFrom(x)
	r, okR := quantityFrom(y)
	if !okQ || !okR {
		return 0, false, ErrType
	}
	a, b, known = inSame(q, r, true)
	if !known {
		return 0, false, nil
	}
	return a.Cmp(b), true, nil
}

// order gives "<", ">", "<=" or ">=" as a test on the comparison.
func orderTest(op string) func(order int) bool {
	switch op {
	case "<":
		return func(o int) bool { return o < 0 }
	case ">":
		return func(o int) bool { return o > 0 }
	case "<=":
		return func(o int) bool { return o <= 0 }
	}
	return func(o int) bool { return o >= 0 }
}
