package identity

import "regexp"

// Eleven or twelve digits in a row, or six and five with a space between them.
var numberLike = regexp.MustCompile(`(^|[^0-9])([0-9]{12}|[0-9]{11}|[0-9]{6} [0-9]{5})($|[^0-9])`)

// Redact replaces everything that looks like a national number. It is the last
// defence for texts that are kept or shown beside the record (reasons, file
// names); the first is never to put a number in them.
func Redact(s string) string {
	for {
		r := numberLike.ReplaceAllString(s, "${1}[number]${3}")
		if r == s { // neighbours share their separator, hence the loop
			return r
		}
		s = r
	}
}
