package connector

import "regexp"

var (
	elevenDigits = regexp.MustCompile(`(^|\D)\d{11}(\D|$)`)
	standsAlone  = regexp.MustCompile(`(?:^|[^0-9A-Za-z])(\d{11})(?:$|[^0-9A-Za-z])`)
)

// holdsNationalNumber tells whether a text has eleven digits in a row. It is for keys
// and cursors, which the source can choose otherwise.
func holdsNationalNumber(text string) bool { return elevenDigits.MatchString(text) }

// showsNationalNumber tells whether a text holds eleven digits that can be a national
// number of any kind: a day, a month (both with what D-numbers, H-numbers and
// synthetic ones add) and the last control digit, which is the same before and after
// 2032. It is for addresses, where tokens and counters are long numbers too.
func showsNationalNumber(text string) bool {
	for len(text) >= 11 {
		at := standsAlone.FindStringSubmatchIndex(text)
		if at == nil {
			return false
		}
		if plausible(text[at[2]:at[3]]) {
			return true
		}
		text = text[at[3]:]
	}
	return false
}

func plausible(number string) bool {
	digit := func(i int) int { return int(number[i] - '0') }
	day, month := digit(0)*10+digit(1), digit(2)*10+digit(3)
	if day %= 40; day < 1 || day > 31 {
		return false
	}
	switch { // + 40 H-number, + 65 and + 80 synthetic
	case month > 80:
		month -= 80
	case month > 65:
		month -= 65
	case month > 40:
		month -= 40
	}
	if month < 1 || month > 12 {
		return false
	}
	sum := digit(10)
	for i, w := range []int{5, 4, 3, 2, 7, 6, 5, 4, 3, 2} {
		sum += w * digit(i)
	}
	return sum%11 == 0
}
