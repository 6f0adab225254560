package fhir

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

type jsonKind uint8

const (
	jsonText jsonKind = iota
	jsonNumber
	jsonBool
)

// primitiveRule is a primitive's JSON kind and lexical rule. The rules are written out
// because Go's regular expressions cost more than the rest of the validation; a test
// holds them against the specification's patterns.
type primitiveRule struct {
	json    jsonKind
	check   func(string) bool
	explain string
}

// primitives: https://hl7.org/fhir/R4/datatypes.html#primitive
var primitives = map[string]primitiveRule{
	"boolean":      {jsonBool, always, "true or false"},
	"integer":      {jsonNumber, isInteger, "a whole number of 32 bits"},
	"positiveInt":  {jsonNumber, func(s string) bool { return isInteger(s) && s[0] != '-' && s != "0" }, "a whole number from 1"},
	"unsignedInt":  {jsonNumber, func(s string) bool { return isInteger(s) && s[0] != '-' }, "a whole number from 0"},
	"decimal":      {jsonNumber, isDecimal, "a number"},
	"string":       {jsonText, isString, "a text that is not empty and has no control characters"},
	"markdown":     {jsonText, isString, "a text that is not empty and has no control characters"},
	"code":         {jsonText, isCode, "a code without spaces at its ends and with single spaces in it"},
	"id":           {jsonText, isID, "1 to 64 of A-Z, a-z, 0-9, - and ."},
	"uri":          {jsonText, isURI, "a URI without white space"},
	"url":          {jsonText, isURI, "a URL without white space"},
	"canonical":    {jsonText, isURI, "a URL without white space"},
	"oid":          {jsonText, isOID, "urn:oid: and numbers with dots"},
	"uuid":         {jsonText, isUUID, "urn:uuid: and a UUID in lower case"},
	"date":         {jsonText, isDate, "YYYY, YYYY-MM or YYYY-MM-DD, and in the calendar"},
	"dateTime":     {jsonText, isDateTime, "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a time zone, and in the calendar"},
	"instant":      {jsonText, isInstant, "YYYY-MM-DDThh:mm:ss with a time zone, and in the calendar"},
	"time":         {jsonText, isTime, "hh:mm:ss without a time zone"},
	"base64Binary": {jsonText, isBase64, "base64 text"},
	"xhtml":        {jsonText, isString, "XHTML"},
}

// primitive checks a value's JSON kind and form, and gives it as text.
func (v *validator) primitive(value any, rule *typeRule, at *node) (string, bool) {
	text, kind, ok := textOf(value)
	switch {
	case value == nil:
		v.report(Error, at, RuleNull, "null is no value in FHIR; leave the element out")
		return "", false
	case !ok || kind != rule.json:
		v.report(Error, at, RuleType, "it must be "+[...]string{"a JSON text", "a JSON number", "true or false"}[rule.json]+" ("+rule.name+")")
		return "", false
	case text == "":
		v.report(Error, at, "ele-1", "an empty text is not allowed; leave the element out")
		return "", false
	case !rule.check(text):
		v.report(Error, at, RuleFormat, "it is no "+rule.name+": that is "+rule.explain)
		return "", false
	}
	return text, true
}

func textOf(value any) (string, jsonKind, bool) {
	switch value := value.(type) {
	case string:
		return value, jsonText, true
	case json.Number:
		return value.String(), jsonNumber, true
	case bool:
		return strconv.FormatBool(value), jsonBool, true
	case float64:
		return strconv.FormatFloat(value, 'g', -1, 64), jsonNumber, true
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32:
		return fmt.Sprint(value), jsonNumber, true
	}
	return "", 0, false
}

// afterPrimitive checks what depends on more than the text.
func (v *validator) afterPrimitive(text string, f *fieldRule, at *node, r *root) {
	switch f.typ.name {
	case "code":
		if f.element.Binding != "" {
			v.boundCode(text, f.element.Binding, at)
		}
	case "string", "uri", "url", "canonical":
		if text[0] == '#' && r != nil {
			if f.typ.name != "string" || f.element.Name == "reference" {
				r.local[text] = true
			}
		}
		if strings.TrimSpace(text) == "" {
			v.report(Warning, at, RuleValue, "the text is only white space")
		}
	case "xhtml":
		v.narrative(text, at)
	}
}

func always(string) bool { return true }

func isInteger(s string) bool {
	n, err := strconv.ParseInt(s, 10, 32)
	return err == nil && s[0] != '+' && (n != 0 || s == "0" || s == "-0") && (n == 0 || strings.TrimLeft(s, "-")[0] != '0')
}

func isDecimal(s string) bool { return json.Valid([]byte(s)) } // a JSON number is a decimal

func isString(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return len(s) <= 1<<20
}

func isCode(s string) bool {
	space := true // no space first, none after another
	for i := 0; i < len(s); i++ {
		c := s[i]
		isSpace := c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'
		if isSpace && space || c < ' ' && !isSpace {
			return false
		}
		space = isSpace
	}
	return !space
}

func isID(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && c != '-' && c != '.' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 64
}

func isURI(s string) bool {
	return !strings.ContainsAny(s, " \t\n\f\r") && isString(s)
}

func isOID(s string) bool {
	rest, ok := strings.CutPrefix(s, "urn:oid:")
	parts := strings.Split(rest, ".")
	if !ok || len(parts) < 2 || len(parts[0]) != 1 || parts[0][0] > '2' {
		return false
	}
	for _, p := range parts {
		if !allDigits(p) || len(p) > 1 && p[0] == '0' {
			return false
		}
	}
	return true
}

func isUUID(s string) bool {
	rest, ok := strings.CutPrefix(s, "urn:uuid:")
	if !ok || len(rest) != 36 {
		return false
	}
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !isDigit(c) && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

func isBase64(s string) bool {
	n := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isAlnum(c) || c == '+' || c == '/' || c == '=':
			n++
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			if n%4 != 0 {
				return false
			}
		default:
			return false
		}
	}
	return n > 0 && n%4 == 0
}

func isDate(s string) bool {
	n := dateLength(s)
	return n > 0 && n == len(s)
}

func isDateTime(s string) bool {
	n := dateLength(s)
	return n > 0 && (n == len(s) || n == 10 && isClock(s[10:], true))
}

func isInstant(s string) bool {
	return dateLength(s) == 10 && len(s) > 10 && isClock(s[10:], true)
}

func isTime(s string) bool { return isClock("T"+s, false) }

// dateLength gives how many bytes of s are a date (4, 7 or 10); 0: s starts with none.
func dateLength(s string) int {
	switch {
	case len(s) < 4 || !allDigits(s[:4]) || s[:4] == "0000":
		return 0
	case len(s) == 4:
		return 4
	case len(s) < 7 || s[4] != '-' || !inRange(s[5:7], 1, 12):
		return 0
	case len(s) == 7:
		return 7
	case len(s) < 10 || s[7] != '-' || !inRange(s[8:10], 1, 31):
		return 0
	}
	switch day := s[8:10]; s[5:7] {
	case "02":
		if day > "29" || day == "29" && !isLeap(s[:4]) {
			return 0
		}
	case "04", "06", "09", "11":
		if day > "30" {
			return 0
		}
	}
	return 10
}

func isLeap(year string) bool {
	y, _ := strconv.Atoi(year)
	return y%4 == 0 && (y%100 != 0 || y%400 == 0)
}

// isClock reads Thh:mm:ss, a fraction of any length and, if wanted, a time zone. A
// second of 60 is a leap second.
func isClock(s string, zone bool) bool {
	if len(s) < 9 || s[0] != 'T' || !inRange(s[1:3], 0, 23) || s[3] != ':' || !inRange(s[4:6], 0, 59) || s[6] != ':' || !inRange(s[7:9], 0, 60) {
		return false
	}
	rest := s[9:]
	if rest != "" && rest[0] == '.' {
		i := 1
		for i < len(rest) && isDigit(rest[i]) {
			i++
		}
		if i == 1 {
			return false
		}
		rest = rest[i:]
	}
	if !zone {
		return rest == ""
	}
	if rest == "Z" {
		return true
	}
	return len(rest) == 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':' &&
		(inRange(rest[1:3], 0, 13) && inRange(rest[4:6], 0, 59) || rest[1:] == "14:00")
}

func inRange(s string, low, high int) bool {
	if !isDigit(s[0]) || !isDigit(s[1]) {
		return false
	}
	n := int(s[0]-'0')*10 + int(s[1]-'0')
	return low <= n && n <= high
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}
