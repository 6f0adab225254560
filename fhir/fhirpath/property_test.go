package fhirpath_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"samsyn/fhir/fhirpath"
)

func evalOne(t *rapid.T, text string) string {
	e, err := fhirpath.Compile(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	out, err := e.Evaluate(nil, fhirpath.Root(nil, ""))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if len(out) == 0 {
		return ""
	}
	s, _ := out[0].String()
	return s
}

var decimalText = rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,12})?`)

// Decimals are exact and written as they were read.
func TestDecimalProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := decimalText.Draw(t, "x"), decimalText.Draw(t, "y")
		d, ok := fhirpath.ParseDecimal(x)
		if !ok || d.String() != x && !isNegativeZero(x) {
			t.Fatalf("%s became %s", x, d)
		}
		a, _ := new(big.Rat).SetString(x)
		b, _ := new(big.Rat).SetString(y)
		for op, want := range map[string]*big.Rat{
			"+": new(big.Rat).Add(a, b), "-": new(big.Rat).Sub(a, b), "*": new(big.Rat).Mul(a, b),
		} {
			got, _ := new(big.Rat).SetString(evalOne(t, fmt.Sprintf("(%s).toDecimal() %s (%s).toDecimal()", x, op, y)))
			if got == nil || got.Cmp(want) != 0 {
				t.Errorf("%s %s %s = %v, want %v", x, op, y, got, want)
			}
		}
		for op, want := range map[string]bool{"<": a.Cmp(b) < 0, ">=": a.Cmp(b) >= 0, "=": a.Cmp(b) == 0} {
			if got := evalOne(t, fmt.Sprintf("(%s) %s (%s)", x, op, y)); got != fmt.Sprint(want) {
				t.Errorf("%s %s %s is %s", x, op, y, got)
			}
		}
	})
}

func isNegativeZero(s string) bool { return strings.Trim(s, "-0.") == "" && s[0] == '-' }

// Comparing dates agrees with comparing every pair of days they may stand for.
func TestPartialDatesCompareAsTheirDays(t *testing.T) {
	date := rapid.Custom(func(t *rapid.T) string {
		day := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 90).Draw(t, "day"))
		return day.Format(rapid.SampledFrom([]string{"2006", "2006-01", "2006-01-02"}).Draw(t, "layout"))
	})
	rapid.Check(t, func(t *rapid.T) {
		x, y := date.Draw(t, "x"), date.Draw(t, "y")
		got := evalOne(t, "@"+x+" < @"+y)
		want := ""
		switch {
		case len(x) == len(y):
			want = fmt.Sprint(x < y)
		case !strings.HasPrefix(x, y) && !strings.HasPrefix(y, x):
			want = fmt.Sprint(x < y)
		}
		if got != want {
			t.Errorf("%s < %s is %q, want %q", x, y, got, want)
		}
	})
}

// A date literal, its text and the date read back from it are one.
func TestDateTimesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-6e10, 2e11).Draw(t, "seconds"), 0).UTC()
		offset := rapid.IntRange(-12*4, 14*4).Draw(t, "quarters") * 15 * 60
		at = at.In(time.FixedZone("", offset))
		text := at.Format(rapid.SampledFrom([]string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05.000Z07:00", "2006-01-02T15:04:05"}).Draw(t, "layout"))
		if at.Year() < 1 || at.Year() > 9999 {
			return
		}
		d, ok := fhirpath.ParseDateTime(text)
		if !ok || d.String() != text {
			t.Fatalf("%s became %s", text, d)
		}
		if got := evalOne(t, "@"+text+" = '"+text+"'.toDateTime()"); got != "true" {
			t.Errorf("%s is not itself: %q", text, got)
		}
		if d.Zoned() && !d.Start().Equal(at.Truncate(time.Second)) {
			t.Errorf("%s starts at %v", text, d.Start())
		}
	})
}

// Any text between quotes, escaped, is that text.
func TestStringLiterals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		escaped := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text)
		if got := evalOne(t, "'"+escaped+"'"); got != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}

// Three-valued logic: De Morgan, and implies as "not a or b".
func TestLogicLaws(t *testing.T) {
	values := []string{"true", "false", "{}"}
	for _, a := range values {
		for _, b := range values {
			for left, right := range map[string]string{
				"(A and B).not()": "A.not() or B.not()",
				"(A or B).not()":  "A.not() and B.not()",
				"A implies B":     "A.not() or B",
				"A xor B":         "(A or B) and (A and B).not()",
			} {
				fill := strings.NewReplacer("A", a, "B", b)
				l, r := fill.Replace(left), fill.Replace(right)
				text := "((" + l + ") = (" + r + ")) or ((" + l + ").empty() and (" + r + ").empty())"
				out, err := fhirpath.MustCompile(text).Evaluate(nil, fhirpath.Root(nil, ""))
				if err != nil || len(out) != 1 || out[0].Value() != true {
					t.Errorf("%s does not equal %s: %v %v", l, r, out, err)
				}
			}
		}
	}
}
