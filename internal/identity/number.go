package identity

import (
	"strings"
	"time"
)

// Weights of the check digits (Skatteetaten; ../shared/formats/identity).
var (
	weightsK1  = [...]int{3, 7, 6, 1, 8, 9, 4, 5, 2}
	weightsK2  = [...]int{5, 4, 3, 2, 7, 6, 5, 4, 3, 2}
	weightsOrg = [...]int{3, 2, 7, 6, 5, 4, 3, 2}
	// UDI: applied to the six running digits followed by the four of the year.
	weightsDUF = [...]int{4, 6, 3, 2, 7, 5, 4, 6, 3, 2}
)

// pseudoTails are the endings of placeholders in the barnevernsregister
// (Barnevern_v4.xsd, Personalia/@Fodselsnummer): DDMMYY followed by one of them.
var pseudoTails = []string{"00100", "00200", "55555", "99999"}

// Parse reads a national person number of any kind. Spaces are ignored. The error
// is ErrInvalid, ErrPseudo or ErrSynthetic and never contains the digits.
func Parse(raw string, rules Rules) (Number, error) {
	s := strings.Join(strings.Fields(raw), "")
	if !digitsOnly(s) {
		return Number{}, ErrInvalid
	}
	switch {
	case len(s) == 12:
		return parseDUF(s)
	case len(s) != 11:
		return Number{}, ErrInvalid
	case isPseudo(s):
		return Number{}, ErrPseudo
	}
	classic, from2032 := checks(s)
	if !classic && !from2032 {
		return Number{}, ErrInvalid
	}
	if s[0] >= '8' { // felles hjelpenummer shows neither birth date nor sex
		if !classic {
			return Number{}, ErrInvalid
		}
		return Number{Kind: Hjelpenummer, digits: s}, nil
	}
	return parseDated(s, classic && !rules.From2032, rules)
}

// parseDated reads a number that begins with a birth date: fødselsnummer and D-number.
// century says whether the individual number shows century and sex.
func parseDated(s string, century bool, rules Rules) (Number, error) {
	n := Number{Kind: Fodselsnummer, digits: s}
	day, month, short := two(s[0:]), two(s[2:]), two(s[4:])
	if day > 40 {
		n.Kind, day = DNumber, day-40
	}
	switch {
	case month > 80:
		n.Synthetic, month = true, month-80
	case month > 40:
		n.Synthetic, month = true, month-40
	}
	n.Born = Born{Short: short, Month: month, Day: day}
	if century {
		year, ok := centuryOf(short, 10*two(s[6:])+int(s[8]-'0'))
		if !ok {
			return Number{}, ErrInvalid
		}
		n.Born.Year = year
		n.Sex = Female
		if (s[8]-'0')%2 == 1 {
			n.Sex = Male
		}
	}
	if !dateExists(n.Born) {
		return Number{}, ErrInvalid
	}
	if n.Synthetic && !rules.Test {
		return Number{}, ErrSynthetic
	}
	return n, nil
}

// centuryOf is the birth year that the individual number (digits 7–9) shows.
func centuryOf(short, individual int) (int, bool) {
	switch {
	case individual < 500:
		return 1900 + short, true
	case individual < 750 && short >= 54:
		return 1800 + short, true
	case short < 40:
		return 2000 + short, true
	case individual >= 900:
		return 1900 + short, true
	}
	return 0, false
}

// dateExists tells whether the day exists, in either century where it is unknown.
func dateExists(b Born) bool {
	years := []int{b.Year}
	if b.Year == 0 {
		years = []int{1900 + b.Short, 2000 + b.Short}
	}
	for _, y := range years {
		t := time.Date(y, time.Month(b.Month), b.Day, 0, 0, 0, 0, time.UTC)
		if b.Month >= 1 && b.Day >= 1 && t.Year() == y && int(t.Month()) == b.Month && t.Day() == b.Day {
			return true
		}
	}
	return false
}

func isPseudo(s string) bool {
	for _, tail := range pseudoTails {
		if s[6:] == tail {
			return true
		}
	}
	return false
}

// checks tells which rules the check digits of an 11-digit number obey: today's, and
// the one from 2032, where the first check sum may leave 0–3.
func checks(s string) (classic, from2032 bool) {
	k1 := weigh(s, weightsK1[:]) + int(s[9]-'0')
	k2 := weigh(s, weightsK2[:]) + int(s[10]-'0')
	if k2%11 != 0 {
		return false, false
	}
	return k1%11 == 0, k1%11 <= 3
}

func parseDUF(s string) (Number, error) {
	rest := weigh(s[4:10]+s[:4], weightsDUF[:]) % 11
	if rest != two(s[10:]) || s[:2] != "19" && s[:2] != "20" {
		return Number{}, ErrInvalid
	}
	return Number{Kind: DUF, digits: s}, nil
}

// ParseHPR reads a number of the health personnel register: 7 to 9 digits, no check digit.
func ParseHPR(raw string) (string, error) {
	s := strings.Join(strings.Fields(raw), "")
	if !digitsOnly(s) || len(s) < 7 || len(s) > 9 {
		return "", ErrInvalid
	}
	return s, nil
}

// ParseOrganisation reads an organisation number: 9 digits with a mod 11 check digit.
func ParseOrganisation(raw string) (string, error) {
	s := strings.Join(strings.Fields(raw), "")
	if !digitsOnly(s) || len(s) != 9 || (weigh(s, weightsOrg[:])+int(s[8]-'0'))%11 != 0 {
		return "", ErrInvalid
	}
	return s, nil
}

func weigh(s string, weights []int) int {
	sum := 0
	for i, w := range weights {
		sum += w * int(s[i]-'0')
	}
	return sum
}

func two(s string) int { return 10*int(s[0]-'0') + int(s[1]-'0') }

func digitsOnly(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
