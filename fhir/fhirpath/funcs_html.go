package fhirpath

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"
)

// FHIR R4 narrative.html: the elements and attributes that a narrative may have.
var (
	htmlElements = strings.Fields("a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var")
	htmlAttrs    = strings.Fields("abbr accesskey align alt axis border cellhalign cellpadding cellspacing cellvalign char charoff charset cite class colspan coords dir frame headers height href hreflang id lang longdesc name rel rev rowspan rules scope shape span src start style summary tabindex title type valign value vspace width xmlns")
)

func htmlChecks(c *Call) (Collection, error) {
	text, ok, err := oneString(c.in)
	if err != nil || !ok {
		return nil, err
	}
	if err := c.s.spend(len(text) / 16); err != nil {
		return nil, err
	}
	return boolean(narrativeOK(text)), nil
}

// narrativeOK: one div in the XHTML namespace, only permitted elements and
// attributes, and some content that is not white space.
func narrativeOK(text string) bool {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Entity = xml.HTMLEntity
	depth, roots, content := 0, 0, false
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return depth == 0 && roots == 1 && content
		}
		if err != nil {
			return false
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
				if tok.Name.Local != "div" || tok.Name.Space != "http://www.w3.org/1999/xhtml" {
					return false
				}
			}
			if depth++; depth > defaultDepth || !allowedElement(tok) {
				return false
			}
			content = content || tok.Name.Local == "img"
		case xml.EndElement:
			depth--
		case xml.CharData:
			content = content || depth > 0 && strings.TrimSpace(string(tok)) != ""
		case xml.Directive:
			return false
		}
	}
}

func allowedElement(e xml.StartElement) bool {
	if !slices.Contains(htmlElements, e.Name.Local) {
		return false
	}
	for _, a := range e.Attr {
		if a.Name.Space == "" && !slices.Contains(htmlAttrs, a.Name.Local) {
			return false
		}
		value := strings.ToLower(strings.TrimSpace(a.Value))
		if strings.HasPrefix(value, "javascript:") || strings.HasPrefix(value, "vbscript:") {
			return false
		}
	}
	return true
}
