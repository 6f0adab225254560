package fhirpath

import (
	"encoding/json"
	"math/big"
	"strings"

	"samsyn/fhir/r4"
)

// Quantity is a number with a unit: a UCUM code ("mg"), or a calendar unit
// ("year", "day"; Calendar is then true). FHIRPath N1 4.1.8.
type Quantity struct {
	Value    Decimal
	Unit     string
	Calendar bool
}

// calendarUnits gives the unit that each calendar word stands for.
var calendarUnits = map[string]string{
	"year": "year", "years": "year", "month": "month", "months": "month",
	"week": "week", "weeks": "week", "day": "day", "days": "day",
	"hour": "hour", "hours": "hour", "minute": "minute", "minutes": "minute",
	"second": "second", "seconds": "second", "millisecond": "millisecond", "milliseconds": "millisecond",
}

// calendarUCUM gives the UCUM unit of the same name.
var calendarUCUM = map[string]string{
	"year": "a", "month": "mo", "week": "wk", "day": "d",
	"hour": "h", "minute": "min", "second": "s", "millisecond": "ms",
}

// String writes the quantity as FHIRPath does: 4 days is "4 day"; UCUM codes
// stand in quotes.
func (q Quantity) String() string {
	if q.Calendar {
		return q.Value.String() + " " + q.Unit
	}
	return q.Value.String() + " '" + q.Unit + "'"
}

// MarshalJSON writes the quantity as a FHIR Quantity.
func (q Quantity) MarshalJSON() ([]byte, error) {
	out := map[string]any{"value": q.Value}
	switch {
	case q.Calendar:
		out["unit"], out["code"] = q.Unit, calendarUCUM[q.Unit]
	default:
		out["unit"], out["code"] = q.Unit, q.Unit
	}
	out["system"] = ucumSystem
	return json.Marshal(out)
}

const ucumSystem = "http://unitsofmeasure.org"

// quantityOf reads a FHIR Quantity: its UCUM code, or its unit as it stands.
// A comparator makes the value inexact, and then it is no quantity to count with.
func quantityOf(v map[string]any, t *r4.Type) (Quantity, bool) {
	if t == nil || !r4.IsA(t.Name, "Quantity") || v["comparator"] != nil {
		return Quantity{}, false
	}
	var d Decimal
	switch n := normal(v["value"]).(type) {
	case json.Number:
		var ok bool
		if d, ok = ParseDecimal(n.String()); !ok {
			return Quantity{}, false
		}
	case int64:
		d = NewDecimal(n)
	default:
		return Quantity{}, false
	}
	unit, _ := v["unit"].(string)
	if code, ok := v["code"].(string); ok && v["system"] == ucumSystem {
		unit = code
	}
	if unit == "" {
		unit = "1"
	}
	return Quantity{Value: d, Unit: unit}, true
}

// parseQuantity reads the text forms of toQuantity(): "4", "4 days", "4 'mg'".
func parseQuantity(s string) (Quantity, bool) {
	number, unit, _ := strings.Cut(strings.TrimSpace(s), " ")
	d, ok := ParseDecimal(number)
	if !ok {
		return Quantity{}, false
	}
	unit = strings.TrimSpace(unit)
	switch {
	case unit == "":
		return Quantity{Value: d, Unit: "1"}, true
	case calendarUnits[unit] != "":
		return Quantity{Value: d, Unit: calendarUnits[unit], Calendar: true}, true
	case len(unit) > 2 && unit[0] == '\'' && unit[len(unit)-1] == '\'':
		return Quantity{Value: d, Unit: unit[1 : len(unit)-1]}, true
	}
	return Quantity{}, false
}

// ucum gives the unit in UCUM terms. A calendar year or month is no definite
// time, so exact asks for the units whose length is fixed.
func (q Quantity) ucum(exact bool) (measure, bool) {
	unit := q.Unit
	if q.Calendar {
		switch {
		case exact && unit == "year":
			return measure{factor: big.NewRat(12, 1), dims: dimensions{calendarMonth: 1}}, true
		case exact && unit == "month":
			return measure{factor: big.NewRat(1, 1), dims: dimensions{calendarMonth: 1}}, true
		}
		unit = calendarUCUM[unit]
	}
	return parseUnit(unit)
}

// inSame brings b to a's unit; ok is false when they measure different things or
// a unit is unknown (equal unknown units still compare).
func inSame(a, b Quantity, exact bool) (x, y Decimal, ok bool) {
	if a.Unit == b.Unit && a.Calendar == b.Calendar {
		return a.Value, b.Value, true
	}
	ma, okA := a.ucum(exact)
	mb, okB := b.ucum(exact)
	if !okA || !okB || ma.dims != mb.dims {
		return Decimal{}, Decimal{}, false
	}
	r := new(big.Rat).Mul(b.Value.rat(), mb.factor)
	r.Quo(r, ma.factor)
	return a.Value, fromRat(r, 12+a.Value.scale).strip(), true
}

// maxUnit stops units that repeated multiplication has made long.
const maxUnit = 100

// times multiplies or divides two quantities; equal dimensions that cancel give '1'.
func (q Quantity) times(o Quantity, divide bool) (Quantity, bool) {
	unitQ, unitO := q.plainUnit(), o.plainUnit()
	if divide {
		v, ok := q.Value.quo(o.Value)
		unit := joinUnits(unitQ, "/", unitO)
		return Quantity{Value: v, Unit: unit}, ok && len(unit) <= maxUnit
	}
	unit := joinUnits(unitQ, ".", unitO)
	return Quantity{Value: q.Value.mul(o.Value), Unit: unit}, len(unit) <= maxUnit
}

func (q Quantity) plainUnit() string {
	if q.Calendar {
		return calendarUCUM[q.Unit]
	}
	return q.Unit
}

func joinUnits(a, op, b string) string {
	switch {
	case b == "1":
		return a
	case a == b && op == "/":
		return "1"
	case a == "1" && op == ".":
		return b
	}
	if strings.ContainsAny(b, "./") {
		b = "(" + b + ")"
	}
	return a + op + b
}
