// Package scan owns the last fence around national numbers: it finds them in text that
// must not hold any (logs, metrics, traces, addresses, the output of tests). It knows
// what makes a number a national number and nothing else.
package scan

import (
	"fmt"
	"regexp"
	"strings"
)

// Hit is a national number that stands where none may.
type Hit struct {
	Line   int    // from 1
	Masked string // its first two digits and stars: the report must not repeat it
	Around string // the line, with every long number masked
}

func (h Hit) String() string { return fmt.Sprintf("line %d: %s in %q", h.Line, h.Masked, h.Around) }

// candidate is eleven digits, in one or as people write them (ddmmyy nnnnn).
var candidate = regexp.MustCompile(`\d{6}[ -]?\d{5}`)

var long = regexp.MustCompile(`\d{6}[ -]?\d{5,}`)

// Text finds every valid fødselsnummer and D-nummer, synthetic ones included: date and
// both mod-11 digits are right, and no digit stands beside it.
func Text(text string) []Hit {
	var hits []Hit
	for i, line := range strings.Split(text, "\n") {
		for at := 0; at < len(line); {
			m := candidate.FindStringIndex(line[at:])
			if m == nil {
				break
			}
			from, to := at+m[0], at+m[1]
			// One digit on: a candidate may begin inside what was no number.
			at = from + 1
			if digitAt(line, from-1) || digitAt(line, to) || !Valid(line[from:to]) {
				continue
			}
			hits = append(hits, Hit{Line: i + 1, Masked: line[from:from+2] + "*********", Around: clip(long.ReplaceAllString(line, "[number]"))})
		}
	}
	return hits
}

func digitAt(s string, i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }

func clip(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// Valid tells whether eleven digits, with or without a blank or hyphen after the sixth,
// are a national number by date and by both check digits (Skatteetaten: weights 3 7 6 1 8 9 4 5 2
// and 5 4 3 2 7 6 5 4 3 2, mod 11). Day + 40 is a D-nummer, month + 40, + 65 or + 80 synthetic.
func Valid(text string) bool {
	var d []int
	for _, r := range text {
		if r >= '0' && r <= '9' {
			d = append(d, int(r-'0'))
		}
	}
	if len(d) != 11 {
		return false
	}
	day, month := d[0]*10+d[1], d[2]*10+d[3]
	if day > 40 {
		day -= 40
	}
	for _, more := range []int{80, 65, 40} {
		if month > more {
			month -= more
			break
		}
	}
	if day < 1 || day > 31 || month < 1 || month > 12 {
		return false
	}
	sum := func(weights ...int) int {
		s := 0
		for i, w := range weights {
			s += w * d[i]
		}
		return s % 11
	}
	return sum(3, 7, 6, 1, 8, 9, 4, 5, 2, 1) == 0 && sum(5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1) == 0
}
