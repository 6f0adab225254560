package fhirpath

import (
	"math"
	"time"
)

// arithmetic is +, -, *, /, div and mod (N1 6.6). Division by zero and a result
// that does not fit give empty.
func arithmetic(op string) operator {
	return func(s *state, a, b Collection) (Collection, error) {
		if len(a) == 0 || len(b) == 0 {
			return nil, nil
		}
		x, err := one(a)
		if err != nil {
			return nil, err
		}
		y, err := one(b)
		if err != nil || x == nil || y == nil {
			return nil, err
		}
		if text, isText := x.(string); isText { // long texts are dear, so that doubling ends
			if err := s.spend(len(text) / 64); err != nil {
				return nil, err
			}
		}
		v, ok, err := calculate(op, x, y)
		if err != nil || !ok {
			return nil, err
		}
		return single(v), nil
	}
}

func calculate(op string, x, y any) (v any, ok bool, err error) {
	if n, isInt := x.(int64); isInt {
		if m, isInt := y.(int64); isInt && op != "/" {
			v, ok := integers(op, n, m)
			return v, ok, nil
		}
	}
	if d, isNum := decimalOf(x); isNum {
		if e, isNum := decimalOf(y); isNum {
			return decimals(op, d, e)
		}
	}
	switch x := x.(type) {
	case string:
		if y, isString := y.(string); isString && op == "+" {
			return x + y, true, nil
		}
		return nil, false, ErrType
	case Date, DateTime, Time:
		q, isQuantity := y.(Quantity)
		if !isQuantity || op != "+" && op != "-" {
			return nil, false, ErrType
		}
		if op == "-" {
			q.Value = q.Value.neg()
		}
		return shift(x, q)
	}
	return quantities(op, x, y)
}

func integers(op string, n, m int64) (any, bool) {
	switch op {
	case "+":
		r := n + m
		return r, (r > n) == (m > 0)
	case "-":
		r := n - m
		return r, (r < n) == (m > 0)
	case "*":
		if n == 0 || m == 0 {
			return int64(0), true
		}
		r := n * m
		return r, r/m == n && !(n == -1 && m == math.MinInt64) && !(m == -1 && n == math.MinInt64)
	}
	if m == 0 || m == -1 && n == math.MinInt64 {
		return nil, false
	}
	if op == "div" {
		return n / m, true
	}
	return n % m, true
}

func decimals(op string, d, e Decimal) (any, bool, error) {
	if d.tooLong() || e.tooLong() {
		return nil, false, nil
	}
	switch op {
	case "+":
		return d.add(e), true, nil
	case "-":
		return d.add(e.neg()), true, nil
	case "*":
		return d.mul(e), true, nil
	case "/":
		q, ok := d.quo(e)
		return q, ok, nil
	case "div":
		q, _, ok := d.divTrunc(e)
		if !ok {
			return nil, false, nil
		}
		n, ok := q.integer()
		return n, ok, nil
	}
	_, r, ok := d.divTrunc(e)
	return r, ok, nil
}

// tooLong stops numbers that repeated multiplication has made huge.
func (d Decimal) tooLong() bool { return d.scale > maxDigits || d.c().BitLen() > 4*maxDigits }

func quantities(op string, x, y any) (any, bool, error) {
	q, okQ := quantityFrom(x)
	r, okR := quantityFrom(y)
	if !okQ || !okR || op == "div" || op == "mod" {
		return nil, false, ErrType
	}
	if q.Value.tooLong() || r.Value.tooLong() {
		return nil, false, nil
	}
	switch op {
	case "*", "/":
		v, ok := q.times(r, op == "/")
		return v, ok, nil
	}
	a, b, ok := inSame(q, r, true)
	if !ok {
		return nil, false, nil
	}
	if op == "-" {
		b = b.neg()
	}
	q.Value = a.add(b)
	return q, true, nil
}

// shift adds a time-valued quantity to a date or time (N1 6.7).
func shift(x any, q Quantity) (any, bool, error) {
	unit, err := calendarUnit(q)
	if err != nil {
		return nil, false, err
	}
	switch x := x.(type) {
	case Date:
		t, ok := x.plus(q.Value, unit)
		return Date{t}, ok, nil
	case DateTime:
		t, ok := x.plus(q.Value, unit)
		return DateTime{t}, ok, nil
	case Time:
		if unit < Hour {
			return nil, false, ErrType
		}
		t, ok := x.plus(q.Value, unit)
		y, m, d := time.Time{}.Date()
		t.at = time.Date(y, m, d, t.at.Hour(), t.at.Minute(), t.at.Second(), t.at.Nanosecond(), time.UTC)
		return Time{t}, ok, nil
	}
	return nil, false, ErrType
}

// week is counted in days; it has no precision of its own.
const week Precision = 100

// calendarUnit gives the precision that a quantity counts in. UCUM's mean year
// and month are no calendar time and are refused.
func calendarUnit(q Quantity) (Precision, error) {
	unit := q.Unit
	if !q.Calendar {
		switch unit {
		case "wk":
			return week, nil
		case "d":
			return Day, nil
		case "h":
			return Hour, nil
		case "min":
			return Minute, nil
		case "s":
			return Second, nil
		case "ms":
			return Millisecond, nil
		}
		unit = calendarUnits[unit]
	}
	switch unit {
	case "year":
		return Year, nil
	case "month":
		return Month, nil
	case "week":
		return week, nil
	case "day":
		return Day, nil
	case "hour":
		return Hour, nil
	case "minute":
		return Minute, nil
	case "second":
		return Second, nil
	case "millisecond":
		return Millisecond, nil
	}
	return 0, ErrType
}

// plus moves t by n units. A unit finer than t's precision is first brought to
// it, cut to whole ones (24 months on a year are two years).
func (t temporal) plus(n Decimal, unit Precision) (temporal, bool) {
	if unit == week {
		n, unit = n.to(0, truncate).mul(NewDecimal(7)), Day
	}
	if unit == Second { // seconds may have a fraction
		n, unit = n.mul(NewDecimal(1000)), Millisecond
	}
	count, ok := n.to(0, truncate).integer()
	if !ok || count > 1e13 || count < -1e13 {
		return t, false
	}
	fine := t.prec
	if fine >= Second { // milliseconds add to seconds
		fine = Millisecond
	}
	for unit > fine {
		count /= map[Precision]int64{Month: 12, Day: 30, Hour: 24, Minute: 60, Second: 60, Millisecond: 1000}[unit]
		unit--
	}
	if t.prec == Second && unit == Millisecond && count%1000 != 0 {
		t.prec, t.fraction = Millisecond, 3
	}
	switch unit {
	case Year:
		t.at = addMonths(t.at, count*12)
	case Month:
		t.at = addMonths(t.at, count)
	case Day:
		t.at = t.at.AddDate(0, 0, int(count))
	case Hour:
		return t.moved(count, time.Hour)
	case Minute:
		return t.moved(count, time.Minute)
	case Second:
		return t.moved(count, time.Second)
	case Millisecond:
		return t.moved(count, time.Millisecond)
	}
	return t, t.at.Year() >= 1 && t.at.Year() <= 9999
}

func (t temporal) moved(count int64, unit time.Duration) (temporal, bool) {
	if count > math.MaxInt64/int64(unit) || count < math.MinInt64/int64(unit) {
		return t, false
	}
	t.at = t.at.Add(time.Duration(count) * unit)
	return t, t.at.Year() >= 0 && t.at.Year() <= 9999
}

// addMonths keeps the day, or takes the month's last: 31 January + 1 month is
// 28 or 29 February.
func addMonths(t time.Time, n int64) time.Time {
	if n > 120000 || n < -120000 {
		return time.Time{}.AddDate(-1, 0, 0)
	}
	day := t.Day()
	first := t.AddDate(0, 0, 1-day).AddDate(0, int(n), 0)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(day, last)-1)
}
