package mapping

import (
	"slices"

	"samsyn/fhir/fhirpath"
)

// constancy is what is known of an expression without a record.
type constancy uint8

const (
	depends       constancy = iota // it depends on the record
	alwaysTrue                     // whatever the record
	alwaysFalse                    //
	alwaysNothing                  // it gives nothing
	alwaysOther                    // something that is neither true nor false
)

var expressionWords = []string{"true", "false", "and", "or", "xor", "implies", "not", "div", "mod", "in", "contains"}

// changing functions give another answer for another record or day.
var changing = []string{"now", "today", "timeOfDay", "children", "descendants", "trace", "resolve", "defineVariable"}

// constantOf evaluates an expression that names neither field nor variable.
func constantOf(text string) constancy {
	tokens := scan(text)
	for i, t := range tokens {
		call := i+1 < len(tokens) && tokens[i+1].text == "(" && tokens[i+1].kind == tokenOther
		switch {
		case t.kind == tokenVariable, t.kind == tokenOther && t.text == "$":
			return depends
		case t.kind == tokenName && call && slices.Contains(changing, t.text):
			return depends
		case t.kind == tokenName && !call && !slices.Contains(expressionWords, t.text):
			return depends
		case t.kind == tokenOther && t.text == "@": // a date: its letters look like names
			return depends
		}
	}
	x, err := fhirpath.Compile(text) // without the map language's own functions
	if err != nil {
		return depends
	}
	items, err := x.Evaluate(&fhirpath.Env{Steps: exprSteps, Depth: maxDepth}, fhirpath.Root(map[string]any{}, "record"))
	if err != nil {
		return depends
	}
	if len(items) == 0 {
		return alwaysNothing
	}
	switch items[0].Value() {
	case true:
		return alwaysTrue
	case false:
		return alwaysFalse
	}
	return alwaysOther
}
