package mapping

import (
	"errors"
	"fmt"
	"strings"
)

// Fault is one thing that is wrong with a map or table file. Line and Column
// count from 1; they are 0 where the fault is the whole file's.
type Fault struct {
	File       string
	Line       int
	Column     int
	Message    string
	Suggestion string // what was probably meant, or ""
}

// Error gives "file:line:column: message (suggestion)", the form that editors follow.
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	b.WriteString(": ")
	b.WriteString(f.Message)
	if f.Suggestion != "" {
		b.WriteString(" (" + f.Suggestion + ")")
	}
	return b.String()
}

// Faults gives the faults that an error from Load is made of, in the order of files and lines.
func Faults(err error) []*Fault {
	var fault *Fault
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Fault
		for _, e := range many.Unwrap() {
			all = append(all, Faults(e)...)
		}
		return all
	}
	if errors.As(err, &fault) {
		return []*Fault{fault}
	}
	return nil
}

// Why a record cannot be mapped. Every error of Apply is a *RecordError that wraps one of them.
var (
	// ErrDecode: the body is not what its media type says, or breaks a limit of size or depth.
	ErrDecode = errors.New("the record cannot be decoded")
	// ErrUnknownCode: a code has no row in its table, and the table says quarantine.
	ErrUnknownCode = errors.New("a code has no translation")
	// ErrMissingRequired: an element that FHIR requires came out empty.
	ErrMissingRequired = errors.New("a required element has no value")
	// ErrInvalidValue: a value cannot be what the map wants it to be (a date, a number, a resource).
	ErrInvalidValue = errors.New("a value cannot be used")
	// ErrInvalidResource: what was made is not valid FHIR.
	ErrInvalidResource = errors.New("the resource made is not valid")
	// ErrBudget: the record asks for more steps or output than one record may.
	ErrBudget = errors.New("the record takes more than its budget")
	// ErrInternal: the engine failed. It is a bug; the record waits until it is mended.
	ErrInternal = errors.New("the mapping engine failed")
)

// RecordError tells why one record could not be mapped and where. It names fields,
// rules and codes, never what stands in a field.
type RecordError struct {
	Kind       error    // one of the kinds above
	Map        string   // "fiksinnsyn/mappe"
	Line       int      // line in the map, 0 where no line is to blame
	Expression string   // the expression that was evaluated, or ""
	Path       string   // the target element, "CarePlan.activity.detail.status"
	Source     []string // the source fields that were read
	Reason     string
}

// Error gives the kind, the place in the map, the target, the source fields and the reason.
func (e *RecordError) Error() string {
	var b strings.Builder
	b.WriteString(e.Map)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	b.WriteString(e.Kind.Error())
	if e.Path != "" {
		b.WriteString(": " + e.Path)
	}
	if e.Reason != "" {
		b.WriteString(": " + e.Reason)
	}
	if len(e.Source) > 0 {
		b.WriteString(" (from " + strings.Join(e.Source, ", ") + ")")
	}
	return b.String()
}

// Unwrap gives the kind, for errors.Is.
func (e *RecordError) Unwrap() error { return e.Kind }
