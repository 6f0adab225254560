package mapping

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"samsyn/fhir/fhirpath"
)

// Budgets of one record. A real record uses a thousandth of them.
const (
	maxSteps   = 200_000   // template steps and values made
	maxOutput  = 8 << 20   // bytes of text made
	maxReads   = 5_000_000 // items that expressions read
	exprSteps  = 500_000   // steps of one evaluation
	maxSources = 16        // source fields named for one element
	maxNoted   = 64        // reads looked at for them
)

// runKey is the variable by which own functions find the run they are called in. An
// expression cannot name it.
const runKey = "\x00run"

// run is one record being mapped. It belongs to one goroutine.
type run struct {
	m        *Map
	in       Input
	env      fhirpath.Env
	rootName string
	focus    fhirpath.Item

	line  int // of the rule that runs, for misses
	reads []fhirpath.Item
	seen  int
	from  map[string][]string // source fields behind variables
	steps int
	bytes int

	misses []Miss
}

func newRun(m *Map, in Input, root fhirpath.Item) *run {
	r := &run{m: m, in: in, rootName: root.Path(), focus: root, from: map[string][]string{}}
	r.env = fhirpath.Env{
		Variables: map[string]fhirpath.Collection{
			"record":       {root},
			"resource":     {root},
			"rootResource": {root},
			"key":          {fhirpath.New(in.Key)},
			runKey:         {fhirpath.New(map[string]any{"run": r})},
		},
		Now:   in.Now.In(oslo()),
		Steps: exprSteps,
		Depth: maxDepth,
		Reads: r.read,
	}
	if _, taken := r.env.Variables[m.Record]; !taken && m.Record != "now" {
		r.env.Variables[m.Record] = fhirpath.Collection{root}
	}
	r.env.Variables["now"] = fhirpath.Collection{fhirpath.New(fhirpath.NewDateTime(r.env.Now))}
	return r
}

func (r *run) read(item fhirpath.Item) {
	r.seen++
	r.in.Observe.field(item, r.line)
	if len(r.reads) < maxNoted {
		r.reads = append(r.reads, item)
	}
}

// spend charges values and bytes made to the record's budget.
func (r *run) spend(values, bytes int) error {
	r.steps += values
	r.bytes += bytes
	if r.steps > maxSteps || r.bytes > maxOutput || r.seen > maxReads {
		return &RecordError{Kind: ErrBudget, Map: r.m.Name, Line: r.line}
	}
	return nil
}

// eval evaluates an expression on the record.
func (r *run) eval(x *expr) (fhirpath.Collection, error) {
	r.reads = r.reads[:0]
	r.line = x.line
	if err := r.spend(1, 0); err != nil {
		return nil, err
	}
	items, err := x.compiled.Evaluate(&r.env, r.focus)
	if err != nil {
		return nil, r.evaluationFault(x, err)
	}
	return items, nil
}

// evaluationFault names what went wrong without quoting the record.
func (r *run) evaluationFault(x *expr, err error) error {
	var own *functionError
	if errors.As(err, &own) {
		return r.fault(x, own.kind, own.reason)
	}
	if errors.Is(err, fhirpath.ErrBudget) {
		return r.fault(x, ErrBudget, "the expression takes too many steps")
	}
	for _, known := range []error{fhirpath.ErrType, fhirpath.ErrSingle, fhirpath.ErrArgument, fhirpath.ErrVariable, fhirpath.ErrClock} {
		if errors.Is(err, known) {
			return r.fault(x, ErrInvalidValue, "the expression cannot be evaluated: "+known.Error())
		}
	}
	return r.fault(x, ErrInvalidValue, "the expression cannot be evaluated")
}

// fault is a RecordError at an expression, with what it read.
func (r *run) fault(x *expr, kind error, reason string) error {
	return &RecordError{Kind: kind, Map: r.m.Name, Line: x.line, Expression: x.text, Path: x.path, Source: r.sources(x, nil), Reason: reason}
}

// truth evaluates a condition: nothing counts as false, what is no boolean is a fault.
func (r *run) truth(x *expr) (bool, error) {
	items, err := r.eval(x)
	if err != nil || len(items) == 0 {
		return false, err
	}
	b, ok := items[0].Value().(bool)
	if !ok || len(items) > 1 {
		return false, r.fault(x, ErrInvalidValue, "the condition is not true or false")
	}
	return b, nil
}

// origin is the lineage of what x gave.
func (r *run) origin(x *expr, items fhirpath.Collection) *origin {
	return &origin{rule: x.rule, line: x.line, from: r.sources(x, items)}
}

// sources gives the source fields behind what x gave: the plain values that it read,
// the objects that it gave, and what its variables were made from.
func (r *run) sources(x *expr, items fhirpath.Collection) []string {
	var out []string
	add := func(item fhirpath.Item) {
		if len(out) >= maxSources {
			return
		}
		// A path that does not begin with the record's name was read from something computed.
		if path := item.Path(); strings.HasPrefix(path, r.rootName) && path != "" && !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	for _, item := range items {
		add(item)
	}
	for _, item := range r.reads {
		if _, isObject := item.Value().(map[string]any); !isObject {
			add(item)
		}
	}
	if len(out) == 0 && len(r.reads) > 0 {
		add(r.reads[len(r.reads)-1])
	}
	for _, name := range x.vars {
		out = union(out, r.from[name])
	}
	return out
}

func (r *run) originOfVariables(x *expr) []string {
	var out []string
	for _, name := range x.vars {
		out = union(out, r.from[name])
	}
	return out
}

// readBy evaluates x once more to tell what it read.
func (r *run) readBy(x *expr) []string {
	if _, err := r.eval(x); err != nil {
		return nil
	}
	return r.sources(x, nil)
}

// bind sets a variable and gives what puts the old value back.
func (r *run) bind(name string, items fhirpath.Collection, from []string) func() {
	old, had := r.env.Variables[name]
	oldFrom := r.from[name]
	r.env.Variables[name] = items
	r.from[name] = from
	return func() {
		if had {
			r.env.Variables[name] = old
		} else {
			delete(r.env.Variables, name)
		}
		r.from[name] = oldFrom
	}
}

// miss counts a code without translation that was kept all the same.
func (r *run) miss(table, code string) {
	for i := range r.misses {
		if m := &r.misses[i]; m.Table == table && m.Code == code && m.Line == r.line {
			m.Count++
			return
		}
	}
	r.misses = append(r.misses, Miss{Table: table, Code: code, Line: r.line, Count: 1})
}

// today is the run's day in Norway.
func (r *run) today() string { return r.env.Now.Format(time.DateOnly) }

// speakable gives a code as it may stand in a message: a short word as it is, anything
// that could be a number of a person or prose as its length.
func speakable(code string) string {
	digits := 0
	for i, c := range code {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case isLetter(c) || i > 0 && (c == '-' || c == '.' || c == '/' || c == '+'):
		default:
			digits = 99
		}
	}
	if digits > 5 || len(code) > 24 {
		return "a text of " + strconv.Itoa(len([]rune(code))) + " characters"
	}
	return code
}
