package fhirpath

import (
	"errors"
	"fmt"
)

// The errors of evaluation. They are a closed set; what Evaluate returns wraps
// one of them (or the error of an own function) with the place in the
// expression, and never with content of the record.
var (
	// ErrType: an operand or argument has a type the operation is not defined for.
	ErrType = errors.New("wrong type")
	// ErrSingle: several items where the operation takes one at the most.
	ErrSingle = errors.New("more than one item")
	// ErrArgument: an argument's value is not allowed (an unknown encoding, a bad pattern).
	ErrArgument = errors.New("bad argument")
	// ErrBudget: the evaluation took more steps, or went deeper, than Env allows.
	ErrBudget = errors.New("budget exceeded")
	// ErrVariable: a variable that the environment does not have.
	ErrVariable = errors.New("unknown variable")
	// ErrClock: now() or today() without Env.Now.
	ErrClock = errors.New("no time given")
)

// SyntaxError says why a text does not compile, and where. Line and Column count
// from 1, in characters.
type SyntaxError struct {
	Line, Column int
	Message      string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("fhirpath: %d:%d: %s", e.Line, e.Column, e.Message)
}

// at wraps an error once with the place in the expression where it arose.
type placed struct {
	line, column int
	what         string
	err          error
}

func (e *placed) Error() string {
	return fmt.Sprintf("fhirpath: %d:%d: %s: %v", e.line, e.column, e.what, e.err)
}

func (e *placed) Unwrap() error { return e.err }
