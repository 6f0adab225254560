package fhirpath

import "time"

// Env is what an evaluation may use. The zero value (or nil) is enough for
// expressions without variables and clock. An Env may be shared by evaluations as
// long as its functions may.
type Env struct {
	// Variables are the values of %name. %context, %resource, %rootResource,
	// %sct, %loinc and %ucum are given without being set.
	Variables map[string]Collection
	// Now is what now(), today() and timeOfDay() give, in its own zone.
	Now time.Time
	// Steps bounds the work of one evaluation; 0 means 1,000,000.
	Steps int
	// Left, when set, is a budget of steps that many evaluations share: each takes what
	// it uses from it, and fails when nothing is left.
	Left *int
	// Depth bounds how deep functions and objects may nest; 0 means 256.
	Depth int
	// Reads is called for each item that a step of navigation yields from the
	// input: what lineage is made of. It must not keep the evaluation waiting.
	Reads func(Item)
	// Trace is told that trace(name) saw so many items. It never gets content.
	Trace func(name string, count int)
	// Resolve gives the target of a reference that is not contained.
	Resolve func(reference string) (Item, bool)
	// Data is for own functions, which find it at Call.Env. The engine leaves it alone.
	Data any
}

const (
	defaultSteps = 1_000_000
	defaultDepth = 256
)

// state is one evaluation under way.
type state struct {
	env   *Env
	first [1]Item    // root's room
	root  Collection // the item evaluated on
	focus Collection // $this: one item, or none
	index int        // $index
	total Collection // $total
	vars  *variable  // defineVariable()
	steps int
	depth int
}

// variable is a link in the chain of defined variables.
type variable struct {
	name  string
	value Collection
	outer *variable
}

func (s *state) spend(n int) error {
	s.steps -= n
	if s.steps < 0 {
		return ErrBudget
	}
	return nil
}

func (s *state) enter() error {
	s.depth--
	if s.depth < 0 {
		return ErrBudget
	}
	return nil
}

func (s *state) leave() { s.depth++ }

// with evaluates e with other values of $this and $index, and puts the old ones
// back; variables defined inside do not leak out.
func (s *state) with(focus Collection, index int, e expr) (Collection, error) {
	oldFocus, oldIndex, oldVars := s.focus, s.index, s.vars
	s.focus, s.index = focus, index
	out, err := e(s)
	s.focus, s.index, s.vars = oldFocus, oldIndex, oldVars
	return out, err
}
