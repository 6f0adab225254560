package mapping

import (
	"regexp"
	"strings"

	"samsyn/fhir"
)

// invalid is the error of a resource whose last count elements' lineage was noted.
func (r *run) invalid(v *value, issue *fhir.Issue, count int) error {
	e := &RecordError{Kind: ErrInvalidResource, Map: r.m.Name, Line: lineOf(v), Path: issue.Path,
		Reason: "rule " + issue.Rule + ": " + unquoted.ReplaceAllString(issue.Message, "the code is")}
	lineage := r.lines.lineages()
	r.lines.known = nil // a name that R4 does not have may be the record's
	if l := nearest(lineage[len(lineage)-count:], issue.Path); l != nil {
		e.Line, e.Source = l.Line, l.From
		_, e.Expression, _ = strings.Cut(l.Rule, ": ")
	}
	return e
}

// lineOf gives the line of the first rule in v.
func lineOf(v *value) int {
	if v.origin != nil {
		return v.origin.line
	}
	for i := range v.kids {
		if line := lineOf(&v.kids[i]); line > 0 {
			return line
		}
	}
	return 0
}

// nearest gives the lineage of the element at a path, or of the first one below or
// above it.
func nearest(lineage []Lineage, path string) *Lineage {
	for i := range lineage {
		if strings.HasPrefix(lineage[i].Element, path) {
			return &lineage[i]
		}
	}
	for p := path; ; {
		cut := strings.LastIndexAny(p, ".[")
		if cut < 0 || !strings.ContainsAny(p[:cut], ".[") {
			return nil
		}
		p = p[:cut]
		for i := range lineage {
			if strings.HasPrefix(lineage[i].Element, p) {
				return &lineage[i]
			}
		}
	}
}

// unquoted takes the code out of the validator's messages: it came straight from the
// record, and what stands in a record's code field need not be a code.
var unquoted = regexp.MustCompile(`the code \S+ is`)
