package mapping

import (
	"strings"
	"unicode"

	"samsyn/fhir"
)

// national tells what kind of national number a text has the form of. It checks the
// last check digit, which neither the rule of 2032 nor synthetic numbers change, so
// that registers' pseudo numbers are not called national numbers. Whether a number is
// valid, and whose it is, is internal/identity's to say.
func national(s string) (system string, ok bool) {
	s = withoutSpaces(s)
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return "", false
		}
	}
	switch {
	case len(s) == 12:
		return fhir.SystemDUF, true
	case len(s) != 11 || !lastDigitFits(s) || placeholder(s):
		return "", false
	case s[0] >= '8':
		return fhir.SystemFHN, true
	case s[0] >= '4':
		return fhir.SystemDNR, true
	}
	return fhir.SystemFNR, true
}

// placeholder tells whether s ends as the numbers do that barnevernsregisteret lets a
// service write for a child without one (Barnevern XSD 4.0.1, Personalia/@Fodselsnummer).
// One in eleven of them has a check digit that fits.
func placeholder(s string) bool {
	switch s[6:] {
	case "00100", "00200", "55555", "99999":
		return true
	}
	return false
}

func lastDigitFits(s string) bool {
	sum := int(s[10] - '0')
	for i, weight := range [...]int{5, 4, 3, 2, 7, 6, 5, 4, 3, 2} {
		sum += weight * int(s[i]-'0')
	}
	return sum%11 == 0
}

func withoutSpaces(s string) string {
	if strings.IndexFunc(s, unicode.IsSpace) < 0 {
		return s
	}
	return strings.Join(strings.Fields(s), "")
}

// nationalIdentifier is an Identifier typed by the number's kind. A number of no kind
// keeps its value and gets no system, so that nobody is ever matched on it.
func nationalIdentifier(s string) map[string]any { return identifierOf(nationalParts(s)) }

func nationalParts(s string) (system, value string) {
	system, ok := national(s)
	if !ok {
		return "", s
	}
	return system, withoutSpaces(s)
}

// holdsNationalNumber tells whether eleven digits in a row in s could be somebody's number.
func holdsNationalNumber(s string) bool {
	for i := 0; i < len(s); {
		end := i
		for end < len(s) && '0' <= s[end] && s[end] <= '9' {
			end++
		}
		if end-i == 11 {
			if _, ok := national(s[i:end]); ok {
				return true
			}
		}
		i = end + 1
	}
	return false
}
