package fhirpath

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// Expression is a compiled expression. It is immutable and may be evaluated from
// many goroutines at once.
type Expression struct {
	text  string
	eval  expr
	root  *node
	calls []CallSite
}

// CallSite is one call of a function in an expression, for lint and for checks of
// own functions when a file is loaded.
type CallSite struct {
	Function     string
	Line, Column int
	// Literals holds, per argument, its text where it is a literal string; nil otherwise.
	Literals []*string
}

// Compile reads an expression. The error is a *SyntaxError: bad grammar, an
// unknown function or wrong number of arguments, and where the options declare
// them unknown variables, types and fields.
func Compile(text string, opts ...Option) (*Expression, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	n, err := parse(text)
	if err != nil {
		return nil, syntaxError(text, err)
	}
	c := &compiler{text: text, options: o}
	c.defined(n)
	eval, _, err := c.expr(n, c.rootStatic())
	if err != nil {
		return nil, syntaxError(text, err)
	}
	return &Expression{text: text, eval: eval, root: n, calls: c.calls}, nil
}

// MustCompile is Compile for expressions that are part of the program; it panics
// on an error.
func MustCompile(text string, opts ...Option) *Expression {
	e, err := Compile(text, opts...)
	if err != nil {
		panic(err)
	}
	return e
}

// Evaluate gives what the expression yields on focus, which is %context and the
// first $this. env may be nil. Errors wrap one of this package's, or an own
// function's, and hold no content.
func (e *Expression) Evaluate(env *Env, focus Item) (Collection, error) {
	if env == nil {
		env = &Env{}
	}
	s := &state{env: env, first: [1]Item{focus}, steps: env.Steps, depth: env.Depth}
	s.root = s.first[:]
	s.focus = s.root
	if s.steps == 0 {
		s.steps = defaultSteps
	}
	if s.depth == 0 {
		s.depth = defaultDepth
	}
	if env.Left == nil {
		return e.eval(s)
	}
	given := min(s.steps, *env.Left)
	s.steps = given
	out, err := e.eval(s)
	*env.Left -= given - s.steps
	return out, err
}

// String gives the text the expression was compiled from.
func (e *Expression) String() string { return e.text }

// Calls lists the calls in the expression, in the order they are written.
func (e *Expression) Calls() []CallSite { return e.calls }

// syntaxError turns an error with an offset into one with line and column.
func syntaxError(text string, err error) error {
	var at *lexError
	if !errors.As(err, &at) {
		return err
	}
	line, column := position(text, at.pos)
	return &SyntaxError{Line: line, Column: column, Message: at.message}
}

func position(text string, pos int) (line, column int) {
	before := text[:min(pos, len(text))]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}
