package mapping

import "samsyn/fhir/fhirpath"

// Observer is told what a map reads while it is applied: what coverage is made of.
// Either function may be nil. It is called from the goroutine that maps.
type Observer struct {
	// Field is called for each source field that an expression reads, with the line
	// of the rule, also where it only decides something or gives nothing in the end.
	Field func(item fhirpath.Item, line int)
	// Code is called for each code that is translated. It may be anything that stood
	// in the record; only its Speakable form may be shown.
	Code func(c TranslatedCode)
}

// TranslatedCode is one code that met its table.
type TranslatedCode struct {
	Table, Code string
	Line        int  // of the rule
	Known       bool // it has a row that is valid on the day
	Silent      bool // its row means nothing on purpose
}

// Speakable gives a code as it may be shown and logged: a short word as it is,
// anything that could be a person's number or prose as its length.
func (c TranslatedCode) Speakable() string { return speakable(c.Code) }

func (o *Observer) field(item fhirpath.Item, line int) {
	if o != nil && o.Field != nil {
		o.Field(item, line)
	}
}

func (o *Observer) code(table, code string, row codeRow, known bool, line int) {
	if o == nil || o.Code == nil {
		return
	}
	silent := known && row.target == "" && row.system == "" && row.display == "" && row.targetDisplay == ""
	o.Code(TranslatedCode{Table: table, Code: code, Line: line, Known: known, Silent: silent})
}
