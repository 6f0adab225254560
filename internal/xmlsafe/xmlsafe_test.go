package xmlsafe_test

import (
	"errors"
	"strings"
	"testing"

	"samsyn/internal/xmlsafe"
)

func TestParseRefuses(t *testing.T) {
	deep := strings.Repeat("<a>", 65) + strings.Repeat("</a>", 65)
	cases := map[string]struct {
		in   string
		want error
	}{
		"doctype":           {`<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, xmlsafe.ErrDoctype},
		"doctype in lower":  {`<!doctype a><a/>`, xmlsafe.ErrDoctype},
		"element decl":      {`<!ELEMENT a ANY><a/>`, xmlsafe.ErrDoctype},
		"custom entity":     {`<a>&x;</a>`, xmlsafe.ErrMalformed},
		"garbage after":     {`<a/>x`, xmlsafe.ErrMalformed},
		"a number for name": {`<a:7 xmlns:a="u"/>`, xmlsafe.ErrMalformed},
		"and an attribute":  {`<a xmlns:a="u" a:-b=""/>`, xmlsafe.ErrMalformed},
		"garbage before":    {`x<a/>`, xmlsafe.ErrMalformed},
		"second root":       {`<a/><b/>`, xmlsafe.ErrMalformed},
		"cut":               {`<a><b>`, xmlsafe.ErrMalformed},
		"empty":             {``, xmlsafe.ErrMalformed},
		"wrong end":         {`<a></b>`, xmlsafe.ErrMalformed},
		"deep":              {deep, xmlsafe.ErrTooDeep},
		"unknown encoding":  {`<?xml version="1.0" encoding="EBCDIC"?><a/>`, xmlsafe.ErrMalformed},
		"processing instr.": {`<?php x?><a/>`, xmlsafe.ErrMalformed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := xmlsafe.ParseBytes([]byte(c.in), xmlsafe.Limits{}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestParseCaps(t *testing.T) {
	if _, err := xmlsafe.Parse(strings.NewReader("<a>12345</a>"), xmlsafe.Limits{Bytes: 11}); !errors.Is(err, xmlsafe.ErrTooLarge) {
		t.Errorf("bytes: %v", err)
	}
	if _, err := xmlsafe.Parse(strings.NewReader("<a><b/><b/></a>"), xmlsafe.Limits{Nodes: 2}); !errors.Is(err, xmlsafe.ErrTooLarge) {
		t.Errorf("nodes: %v", err)
	}
}

func TestParseTree(t *testing.T) {
	in := "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><!-- c --><a xmlns=\"urn:x\" xmlns:y=\"urn:y\" y:z=\"1\"><b k=\"v\"> t\xe6 </b>\n <y:b>2</y:b></a>\n"
	n, err := xmlsafe.ParseBytes([]byte(in), xmlsafe.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if n.Name != "a" || n.Space != "urn:x" || n.Attr("z") != "1" || n.Text != "" {
		t.Errorf("root %+v", n)
	}
	if got := n.Value("b"); got != " tæ " {
		t.Errorf("text %q", got)
	}
	if bs := n.All("b"); len(bs) != 2 || bs[1].Space != "urn:y" {
		t.Errorf("children %v", bs)
	}
	if n.Child("no", "such").Child("path") != nil || n.Value("no") != "" {
		t.Error("a missing path is not nil")
	}
}

// TestBytesRoundTrip: writing and reading again gives the same tree and the same bytes.
func TestBytesRoundTrip(t *testing.T) {
	for _, in := range []string{
		`<a/>`,
		`<a xmlns="urn:x"><b xmlns="">t &amp; &lt;u&gt;</b><c q="&quot;&#10;"/></a>`,
		`<p:a xmlns:p="urn:p" p:q="1" xml:lang="nb"><p:b>æ</p:b></p:a>`,
	} {
		one, err := xmlsafe.ParseBytes([]byte(in), xmlsafe.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		out := one.Bytes()
		two, err := xmlsafe.ParseBytes(out, xmlsafe.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if again := two.Bytes(); string(again) != string(out) {
			t.Errorf("%s\nbecame\n%s", out, again)
		}
		if two.Space != one.Space || len(two.Attrs) != len(one.Attrs) {
			t.Errorf("%+v became %+v", one, two)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`<a/>`, `<a b="c">d<e/></a>`, `<!DOCTYPE a><a/>`, "<?xml version='1.0'?><a xmlns='u'>&#230;</a>", `<å:ø xmlns:å="u" _a="1"/>`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		n, err := xmlsafe.ParseBytes(in, xmlsafe.Limits{Bytes: 1 << 16})
		if err != nil {
			return
		}
		out := n.Bytes()
		again, err := xmlsafe.ParseBytes(out, xmlsafe.Limits{})
		if err != nil {
			t.Fatalf("%q gives unreadable %q: %v", in, out, err)
		}
		if string(again.Bytes()) != string(out) {
			t.Fatalf("%q is not stable: %q", out, again.Bytes())
		}
	})
}
