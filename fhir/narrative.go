package fhir

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// narrative is txt-1 and txt-2: a narrative is one XHTML div of plain formatting, with
// something to read in it, and nothing that a browser would run.
func (v *validator) narrative(div string, at *node) {
	d := xml.NewDecoder(strings.NewReader(div))
	d.Entity = xml.HTMLEntity
	depth, content, closed := 0, false, false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			v.report(Error, at, "txt-1", "it is not well-formed XHTML")
			return
		}
		switch token := token.(type) {
		case xml.StartElement:
			if depth == 0 && (closed || token.Name.Local != "div") {
				v.report(Error, at, "txt-1", "it must be one div")
				return
			}
			if depth++; depth > MaxDepth || !plainElement(token) {
				v.report(Error, at, "txt-1", "it has an element or attribute that a narrative may not have")
				return
			}
			content = content || token.Name.Local == "img"
		case xml.EndElement:
			depth--
			closed = depth == 0
		case xml.CharData:
			filled := strings.TrimSpace(string(token)) != ""
			if filled && depth == 0 {
				v.report(Error, at, "txt-1", "it must be one div")
				return
			}
			content = content || filled
		case xml.Directive, xml.ProcInst:
			v.report(Error, at, "txt-1", "it may have no declarations")
			return
		}
	}
	switch {
	case !closed:
		v.report(Error, at, "txt-1", "it must be one div")
	case !content:
		v.report(Error, at, "txt-2", "a narrative must have something to read")
	}
}

const xhtmlSpace = "http://www.w3.org/1999/xhtml"

// narrativeElements: chapters 7 to 11 and 15 of HTML 4.0, https://hl7.org/fhir/R4/narrative.html.
var narrativeElements = setOf("a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var kbd")

// narrativeAttributes are those that say nothing of behaviour.
var narrativeAttributes = setOf("abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset cite class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel rev rowspan rules scope shape span src start style summary tabindex title type valign value vspace width xmlns")

func plainElement(e xml.StartElement) bool {
	if !narrativeElements[e.Name.Local] || e.Name.Space != "" && e.Name.Space != xhtmlSpace {
		return false
	}
	for _, a := range e.Attr {
		if a.Name.Space == "xml" || a.Name.Space == "http://www.w3.org/XML/1998/namespace" || a.Name.Space == "xmlns" {
			continue
		}
		if !narrativeAttributes[a.Name.Local] || strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Value)), "javascript:") {
			return false
		}
	}
	return true
}

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}
