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
	allSteps   = 4_000_000 // steps of all evaluations together
	maxSources = 16        // source fields named for one element
	maxNoted   = 64        // reads looked at for them
)

// run is one record being mapped. It belongs to one goroutine.
type run struct {
	m        *Map
	in       Input
	env      fhirpath.Env
	rootName string

	root      *fhirpath.Node // the record
	focusNode *fhirpath.Node // what expressions start from; nil: focus
	focus     fhirpath.Item

	line  int             // of the rule that runs, for misses
	reads []fhirpath.Item // of FHIRPath
	noted []*fhirpath.Node
	seen  int
	slots []binding // variables
	steps int
	bytes int
	left  int // of allSteps
	day   string

	validate bool

	misses   []Miss
	warnings []Warning
	room
}

// binding is the value of a variable: an answer, or what FHIRPath gave.
type binding struct {
	bound  bool
	quick  bool
	answer answer
	items  fhirpath.Collection
	from   []source // source fields behind it
}

// nothing tells whether the variable is bound to nothing.
func (b *binding) nothing() bool {
	if b.quick {
		return b.answer.kind == isNothing
	}
	return len(b.items) == 0
}

func (b *binding) collection() fhirpath.Collection {
	switch {
	case !b.quick:
		return b.items
	case b.answer.kind == isNothing:
		return nil
	}
	return fhirpath.Collection{b.answer.item()}
}

// start makes the run ready to evaluate on a decoded record.
func (r *run) start(in Input, root *fhirpath.Node) {
	r.in, r.rootName = in, root.Name
	r.root, r.focusNode = root, root
	r.left = allSteps
	if cap(r.slots) < len(r.m.slots) {
		r.slots = make([]binding, len(r.m.slots))
	}
	r.slots = r.slots[:len(r.m.slots)] // clear since finish
	r.env = fhirpath.Env{
		Now:   in.Now.In(oslo()),
		Steps: exprSteps,
		Left:  &r.left,
		Depth: maxDepth,
		Reads: r.read,
		Data:  r,
	}
}

// isRoot tells whether a variable that nothing is bound to is the record.
func (r *run) isRoot(name string) bool {
	switch name {
	case "record", "resource", "rootResource":
		return true
	}
	return name == r.m.Record && name != "now" && name != "key"
}

// lend gives FHIRPath the variables that an expression uses.
func (r *run) lend(x *expr) {
	if r.env.Variables == nil {
		r.env.Variables = map[string]fhirpath.Collection{}
	}
	for i, name := range x.vars {
		switch b := &r.slots[x.slots[i]]; {
		case b.bound:
			r.env.Variables[name] = b.collection()
		case r.isRoot(name):
			r.env.Variables[name] = fhirpath.Collection{r.root.Item()}
		case name == "key":
			r.env.Variables[name] = fhirpath.Collection{fhirpath.New(r.in.Key)}
		case name == "now":
			r.env.Variables[name] = fhirpath.Collection{fhirpath.New(fhirpath.NewDateTime(r.env.Now))}
		default:
			delete(r.env.Variables, name)
		}
	}
}

func (r *run) read(item fhirpath.Item) {
	r.seen++
	r.in.Observe.field(item, r.line)
	if len(r.reads) < maxNoted {
		r.reads = append(r.reads, item)
	}
}

// note is read for nodes; nil is something computed.
func (r *run) note(n *fhirpath.Node) {
	r.seen++
	if len(r.noted) < maxNoted {
		r.noted = append(r.noted, n)
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

// eval evaluates an expression on the record by FHIRPath.
func (r *run) eval(x *expr) (fhirpath.Collection, error) {
	r.reads = r.reads[:0]
	r.line = x.line
	if err := r.spend(1, 0); err != nil {
		return nil, err
	}
	r.lend(x)
	focus := r.focus
	if r.focusNode != nil {
		focus = r.focusNode.Item()
	}
	items, err := x.compiled.Evaluate(&r.env, focus)
	if err != nil {
		return nil, r.evaluationFault(x, err)
	}
	return items, nil
}

// ask evaluates an expression by its short way; false leaves it to eval.
func (r *run) ask(x *expr) (answer, bool) {
	if !r.quickly(x) {
		return answer{}, false
	}
	return x.quick.eval(r)
}

// quickly tells whether the short way may be tried, and makes it ready. Who observes
// what is read observes FHIRPath.
func (r *run) quickly(x *expr) bool {
	if x.quick == nil || r.in.Observe != nil {
		return false
	}
	r.noted, r.stack = r.noted[:0], r.stack[:r.held]
	r.line = x.line
	return r.spend(1, 0) == nil
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
	return &RecordError{Kind: kind, Map: r.m.Name, Line: x.line, Expression: x.text, Path: x.path, Source: texts(r.sources(x, nil)), Reason: reason}
}

// truth evaluates a condition: nothing counts as false, what is no boolean is a fault.
func (r *run) truth(x *expr) (bool, error) {
	if a, ok := r.ask(x); ok {
		if is, _, ok := a.truth(); ok {
			return is, nil
		}
	}
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

// origin is the lineage of what FHIRPath gave for x.
func (r *run) origin(x *expr, items fhirpath.Collection) *origin {
	return &origin{rule: x.rule, line: x.line, from: r.sources(x, items)}
}

// sources gives the source fields behind what x gave: the plain values that it read,
// the objects that it gave, and what its variables were made from.
func (r *run) sources(x *expr, items fhirpath.Collection) []source {
	var out []source
	add := func(item fhirpath.Item) {
		if len(out) >= maxSources {
			return
		}
		if n := item.Node(); n != nil {
			if s := (source{node: n}); !slices.ContainsFunc(out, s.same) {
				out = append(out, s)
			}
			return
		}
		// A path that does not begin with the record's name was read from something computed.
		path := source{path: item.Path()}
		if strings.HasPrefix(path.path, r.rootName) && path.path != "" && !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	for _, item := range items {
		add(item)
	}
	for _, item := range r.reads {
		if !item.IsObject() {
			add(item)
		}
	}
	if len(out) == 0 && len(r.reads) > 0 {
		add(r.reads[len(r.reads)-1])
	}
	for _, slot := range x.slots {
		out = union(out, r.slots[slot].from)
	}
	return out
}

// askedOrigin is origin for the short way: node is what it gave, or nil.
func (r *run) askedOrigin(x *expr, node *fhirpath.Node) *origin {
	o := r.newOrigin()
	o.rule, o.line, o.from = x.rule, x.line, r.askedSources(x, node)
	return o
}

func (r *run) askedSources(x *expr, node *fhirpath.Node) []source {
	out := r.newSources()
	if node != nil {
		out = append(out, source{node: node})
	}
	for _, n := range r.noted {
		if n != nil && n.Kind != fhirpath.NodeObject {
			out = addNode(out, n)
		}
	}
	if last := len(r.noted) - 1; len(out) == 0 && last >= 0 && r.noted[last] != nil {
		out = append(out, source{node: r.noted[last]})
	}
	for _, slot := range x.slots {
		for _, s := range r.slots[slot].from {
			if len(out) < maxSources && !slices.ContainsFunc(out, s.same) {
				out = append(out, s)
			}
		}
	}
	return r.keepSources(out)
}

func addNode(out []source, n *fhirpath.Node) []source {
	if len(out) >= maxSources {
		return out
	}
	for i := range out {
		if out[i].node == n {
			return out
		}
	}
	return append(out, source{node: n})
}

func (r *run) originOfVariables(x *expr) []source {
	var out []source
	for _, slot := range x.slots {
		out = union(out, r.slots[slot].from)
	}
	return out
}

// readBy evaluates x once more to tell what it read.
func (r *run) readBy(x *expr) []string {
	if _, err := r.eval(x); err != nil {
		return nil
	}
	return texts(r.sources(x, nil))
}

// miss counts a code without translation that was kept all the same.
func (r *run) miss(table, code string) {
	for i := range r.misses {
		if m := &r.misses[i]; m.Table == table && m.Code == code && m.Line == r.line {
			m.Count++
			return
		}
	}
	r.misses = append(r.misses, Miss{Table: table, Code: strings.Clone(code), Line: r.line, Count: 1})
}

// today is the run's day in Norway.
func (r *run) today() string {
	if r.day == "" {
		r.day = r.env.Now.Format(time.DateOnly)
	}
	return r.day
}

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
