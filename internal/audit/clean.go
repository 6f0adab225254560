package audit

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"samsyn/internal/care"
	"samsyn/internal/ops/scan"
)

// How much is kept of what a client or viewer wrote, in bytes.
const (
	maxQuery  = 8 << 10
	maxReason = 4 << 10
	maxWord   = 256
	maxToken  = 128
)

const masked = "[number]"

var (
	// numberLike is eleven or twelve digits, or six and five or six as people write them.
	numberLike = regexp.MustCompile(`\d{6}[ +-]?\d{5,6}`)
	// digits is a run of them that may hold a valid national number.
	exactNumber = regexp.MustCompile(`\d{6}[ -]?\d{5}`)
)

// clean makes of an event what may be kept: no national number in anything that somebody
// wrote, no token, nothing that is longer than anyone needs, texts and codes of the form
// that FHIR asks for. What is clean stays as it is.
func (e Event) clean() Event {
	e.At = e.At.Round(0).UTC()
	e.Viewer = cleanViewer(e.Viewer)
	e.Person = care.PersonID(word(string(e.Person)))
	e.Interaction, e.Door = code(e.Interaction), code(e.Door)
	e.Rule, e.PolicyVersion = word(e.Rule), word(e.PolicyVersion)
	e.Purpose = care.Purpose(code(string(e.Purpose)))
	if e.Purpose == "" {
		e.Purpose = care.Purpose(code(string(e.Viewer.Purpose)))
	}
	e.Viewer.Purpose = e.Purpose
	var bases []string
	for _, b := range e.Bases {
		if b = word(b); b != "" {
			bases = append(bases, b)
		}
	}
	e.Bases = bases
	e.Services = cleanServices(e.Services)
	e.Resource, e.RequestID = word(e.Resource), word(e.RequestID)
	e.Client, e.Address = word(e.Client), word(e.Address)
	if e.Client == e.Door || e.Client == "samsyn" {
		e.Client = ""
	}
	e.Query = query(e.Query)
	if k := kinds[e.Interaction]; k.pattern != patternQuery {
		e.Query = text(e.Query, maxQuery)
		if e.Resource == e.Interaction {
			e.Resource = ""
		}
	} else if e.Query == "$"+e.Interaction {
		e.Query = ""
	}
	e.Token = token(e.Token)
	e.Reason = text(e.Reason, maxReason)
	return e
}

func cleanServices(all []care.Service) []care.Service {
	var services []care.Service
	for _, s := range all {
		if c := care.Service(code(string(s))); c != "" && !slices.Contains(services, c) {
			services = append(services, c)
		}
	}
	return services
}

func cleanViewer(v care.Viewer) care.Viewer {
	v.ID, v.Name, v.Title = word(v.ID), text(v.Name, maxWord), text(v.Title, maxWord)
	v.Role, v.Service = care.Role(code(string(v.Role))), care.Service(code(string(v.Service)))
	v.Person = care.PersonID(word(string(v.Person)))
	if !digits(v.HPR, 1, 9) {
		v.HPR = ""
	}
	if !digits(v.Tenant, 9, 9) {
		v.Tenant = ""
	}
	if !digits(v.Unit, 9, 9) {
		v.Unit = ""
	}
	v.Level = max(v.Level, 0)
	v.Scopes = nil
	return v
}

// text is what somebody wrote: everything that looks like a national number is masked.
func text(s string, most int) string {
	return cut(mask(printable(s), numberLike, func(string) bool { return true }), most)
}

// word is an id or a short word, in which only what is a national number by its check
// digits is masked: a random id may have many digits in a row.
func word(s string) string {
	return cut(mask(printable(s), exactNumber, scan.Valid), maxWord)
}

// code has the form of FHIR's code.
func code(s string) string { return strings.Join(strings.Fields(word(s)), " ") }

// query keeps what a client asked as it wrote it, unless there is a number in it, plain or
// with percent signs: then it is kept decoded and masked.
func query(s string) string {
	if len(s) > maxQuery {
		s = s[:maxQuery]
	}
	for _, decoded := range []string{s, unescaped(s), unescaped(unescaped(s))} {
		if m := mask(decoded, numberLike, func(string) bool { return true }); m != decoded {
			return m
		}
	}
	return s
}

func unescaped(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	// One bad escape must not hide the others.
	return escape.ReplaceAllStringFunc(s, func(one string) string {
		u, err := url.QueryUnescape(one)
		if err != nil {
			return one
		}
		return u
	})
}

var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}|\+`)

// mask replaces every candidate that counts as a number and has no digit beside it. A
// candidate may begin inside one that does not count.
func mask(s string, candidate *regexp.Regexp, counts func(string) bool) string {
	digit := func(i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }
	var b strings.Builder
	kept := 0
	for at := 0; at < len(s); {
		m := candidate.FindStringIndex(s[at:])
		if m == nil {
			break
		}
		from, to := at+m[0], at+m[1]
		if digit(from-1) || digit(to) || !counts(s[from:to]) {
			at = from + 1
			continue
		}
		b.WriteString(s[kept:from])
		b.WriteString(masked)
		kept, at = to, to
	}
	if kept == 0 {
		return s
	}
	b.WriteString(s[kept:])
	return b.String()
}

// token keeps a jti, of letters, digits and the few signs that a URN may have. What looks
// like a whole token is not kept at all; what is long is known by its end (BALP, opaque
// tokens).
func token(s string) string {
	for _, prefix := range []string{prefixJTI, "urn:oauth:jti:"} {
		s = strings.TrimPrefix(s, prefix)
	}
	if strings.Count(s, ".") >= 2 {
		return ""
	}
	s = strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.~:", r)) {
			return r
		}
		return -1
	}, word(s))
	if len(s) > maxToken {
		s = s[len(s)-32:]
	}
	return s
}

// printable drops what is no UTF-8 and makes one space of everything that is white or controls.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.IsSpace(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.TrimSpace(s)
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return strings.TrimSpace(s[:most])
}

func digits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

// isID: https://hl7.org/fhir/R4/datatypes.html#id
func isID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 64
}
