package fhirpath

import (
	"encoding/json"
	"strconv"
	"strings"
)

// system gives the FHIRPath value of an item: string, bool, int64, Decimal, Date,
// DateTime, Time, Quantity; or map[string]any; or nil. FHIR primitives convert by
// their declared type (FHIR R4 fhirpath.html, "Using FHIR types in expressions");
// plain JSON strings stay strings.
func (it *Item) system() any {
	switch v := it.value.(type) {
	case string:
		if it.model == nil {
			return it.value // not v: to box it again would allocate
		}
		return typedString(it.value, v, it.model.Name)
	case json.Number:
		return numberOf(v.String(), it.model != nil && it.model.Name == "decimal")
	case *Node:
		return v.Object()
	case map[string]any:
		if it.model != nil {
			if q, ok := quantityOf(v, it.model); ok {
				return q
			}
		}
		return it.value
	default:
		return v
	}
}

// typedString reads a FHIR primitive; a value that breaks its type's form stays
// text, so that validation can speak of it.
func typedString(boxed any, s, typ string) any {
	switch typ {
	case "date":
		if d, ok := ParseDate(s); ok {
			return d
		}
	case "dateTime", "instant":
		if d, ok := ParseDateTime(s); ok {
			return d
		}
	case "time":
		if t, ok := ParseTime(s); ok {
			return t
		}
	}
	return boxed
}

func numberOf(s string, decimal bool) any {
	if !decimal && !strings.ContainsAny(s, ".eE") {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n
		}
	}
	if d, ok := ParseDecimal(s); ok {
		return d
	}
	return nil
}

// systemName names the FHIRPath type of a system value; "" for objects.
func systemName(v any) string {
	switch v.(type) {
	case string:
		return "String"
	case bool:
		return "Boolean"
	case int64:
		return "Integer"
	case Decimal:
		return "Decimal"
	case Date:
		return "Date"
	case DateTime:
		return "DateTime"
	case Time:
		return "Time"
	case Quantity:
		return "Quantity"
	}
	return ""
}

// stringOf writes a system value as toString() does.
func stringOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case Decimal:
		return v.String(), true
	case Date:
		return v.String(), true
	case DateTime:
		return v.String(), true
	case Time:
		return v.String(), true
	case Quantity:
		return v.String(), true
	}
	return "", false
}

// decimalOf gives an Integer or Decimal as Decimal (implicit conversion, N1 5.5).
func decimalOf(v any) (Decimal, bool) {
	switch v := v.(type) {
	case int64:
		return NewDecimal(v), true
	case Decimal:
		return v, true
	}
	return Decimal{}, false
}

// quantityFrom gives a number as a Quantity of unit '1' (implicit conversion, N1 5.5).
func quantityFrom(v any) (Quantity, bool) {
	if q, ok := v.(Quantity); ok {
		return q, true
	}
	d, ok := decimalOf(v)
	return Quantity{Value: d, Unit: "1"}, ok
}

// temporalOf gives a Date or DateTime for comparison (a Date is a DateTime
// without time, N1 5.5).
func temporalOf(v any) (temporal, bool) {
	switch v := v.(type) {
	case Date:
		return v.temporal, true
	case DateTime:
		return v.temporal, true
	}
	return temporal{}, false
}
