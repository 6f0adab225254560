package fhirpath

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"strings"
	"unicode/utf8"
)

// encodingFunctions: encode, decode, escape and unescape of the FHIRPath 3.0 draft.
func encodingFunctions() []Function {
	make := func(name, doc, example string, f func(text, kind string) (string, bool)) Function {
		return Function{Name: name, Spec: "FHIRPath 3.0 draft", Doc: doc, Example: example, MinArgs: 1, MaxArgs: 1, Call: func(c *Call) (Collection, error) {
			text, ok, err := oneString(c.in)
			if err != nil || !ok {
				return nil, err
			}
			kind, given, err := c.Text(0)
			if err != nil || !given {
				return nil, err
			}
			if err := c.s.spend(len(text) / 32); err != nil {
				return nil, err
			}
			out, ok := f(text, kind)
			if !ok {
				return nil, ErrArgument
			}
			return single(out), nil
		}}
	}
	return []Function{
		make("encode", "The text in hex, base64 or urlbase64.", "'test'.encode('hex') = '74657374'", encode),
		make("decode", "The text that is written in hex, base64 or urlbase64.", "'dGVzdA=='.decode('base64') = 'test'", decode),
		make("escape", "The text as it stands within html or json.", "'1<2'.escape('html') = '1&lt;2'", escapeText),
		make("unescape", "The text that stands escaped within html or json.", "'1&lt;2'.unescape('html') = '1<2'", unescapeText),
	}
}

func encode(text, kind string) (string, bool) {
	switch kind {
	case "hex":
		return hex.EncodeToString([]byte(text)), true
	case "base64":
		return base64.StdEncoding.EncodeToString([]byte(text)), true
	case "urlbase64":
		return base64.URLEncoding.EncodeToString([]byte(text)), true
	}
	return "", false
}

func decode(text, kind string) (string, bool) {
	var out []byte
	var err error
	switch kind {
	case "hex":
		out, err = hex.DecodeString(text)
	case "base64":
		out, err = base64.StdEncoding.DecodeString(text)
	case "urlbase64":
		out, err = base64.URLEncoding.DecodeString(text)
	default:
		return "", false
	}
	return string(out), err == nil && utf8.Valid(out)
}

var htmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

func escapeText(text, kind string) (string, bool) {
	switch kind {
	case "html":
		return htmlEscapes.Replace(text), true
	case "json":
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(text); err != nil {
			return "", false
		}
		return strings.TrimSuffix(b.String(), "\n")[1 : b.Len()-2], true
	}
	return "", false
}

func unescapeText(text, kind string) (string, bool) {
	switch kind {
	case "html":
		return html.UnescapeString(text), true
	case "json":
		var out string
		err := json.Unmarshal([]byte(`"`+text+`"`), &out)
		if err != nil { // quotes in the text may stand bare
			err = json.Unmarshal([]byte(`"`+strings.ReplaceAll(text, `"`, `\"`)+`"`), &out)
		}
		return out, err == nil
	}
	return "", false
}
