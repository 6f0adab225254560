package fhirpath

// Function is a function of the language: a built-in one, or an own one given
// with WithFunction.
type Function struct {
	Name string
	Doc  string // one sentence, for the function list
	Spec string // where it is defined
	// Example is an expression with the function that gives true.
	Example string
	// MinArgs and MaxArgs bound the number of arguments; MaxArgs < 0 is any number.
	MinArgs, MaxArgs int
	// Call does the work. Arguments are evaluated only when asked for.
	Call func(c *Call) (Collection, error)

	lambda bool   // arguments are evaluated per item of the input
	types  bool   // arguments are type names
	gives  result // static type of the result
	sorts  bool   // a leading minus of an argument means descending
	roams  bool   // arguments see other items than the input's
}

// result says what is known about a function's result before it is called.
type result uint8

const (
	givesUnknown  result = iota
	givesInput           // items of the input
	givesArgument        // what argument 0 gives
	givesType            // the type that argument 0 names
	givesEither          // what the arguments after the first give (iif)
	givesExtension
)

// Functions lists the built-in functions, by name.
func Functions() []Function {
	return sortedFunctions()
}

// Call is one call under way.
type Call struct {
	s    *state
	in   Collection
	site *callSite
}

// callSite is what is known of a call when it is compiled.
type callSite struct {
	function *Function
	args     []expr
	types    []typeTest
	literals []*string
	falling  []bool // sort: descending
	cache    patternCache
}

// Input gives the collection the function is called on.
func (c *Call) Input() Collection { return c.in }

// Args gives the number of arguments.
func (c *Call) Args() int { return len(c.site.args) }

// Env gives the environment of the evaluation.
func (c *Call) Env() *Env { return c.s.env }

// Root gives the item that the expression is evaluated on.
func (c *Call) Root() Item { return c.s.root[0] }

// This gives $this of the place where the call stands; ok is false when empty.
func (c *Call) This() (Item, bool) {
	if len(c.s.focus) == 0 {
		return Item{}, false
	}
	return c.s.focus[0], true
}

// Arg evaluates argument i where the call stands: $this there is what it is
// outside the call.
func (c *Call) Arg(i int) (Collection, error) {
	return c.s.with(c.s.focus, c.s.index, c.site.args[i])
}

// Each evaluates argument i with item as $this.
func (c *Call) Each(i int, item Item) (Collection, error) {
	return c.s.with(Collection{item}, 0, c.site.args[i])
}

// each evaluates argument i with the nth item of the input as $this.
func (c *Call) each(i, nth int) (Collection, error) {
	if err := c.s.spend(1); err != nil {
		return nil, err
	}
	return c.s.with(c.in[nth:nth+1:nth+1], nth, c.site.args[i])
}

// test evaluates argument i as a condition on the nth item of the input.
func (c *Call) test(i, nth int) (three, error) {
	out, err := c.each(i, nth)
	if err != nil {
		return no, err
	}
	return condition(out)
}

// Spend charges n steps to the budget; an own function that does much work for
// one call says so here.
func (c *Call) Spend(n int) error { return c.s.spend(n) }

// Text gives argument i as one string; ok is false when it is empty.
func (c *Call) Text(i int) (text string, ok bool, err error) {
	out, err := c.Arg(i)
	if err != nil {
		return "", false, err
	}
	return oneString(out)
}

// Integer gives argument i as one integer; ok is false when it is empty.
func (c *Call) Integer(i int) (n int, ok bool, err error) {
	out, err := c.Arg(i)
	if err != nil || len(out) == 0 {
		return 0, false, err
	}
	v, err := one(out)
	if err != nil {
		return 0, false, err
	}
	i64, ok := v.(int64)
	if !ok || i64 > 1<<31 || i64 < -1<<31 {
		return 0, false, ErrType
	}
	return int(i64), true, nil
}

// one gives the system value of a collection of one item.
func one(in Collection) (any, error) {
	if len(in) > 1 {
		return nil, ErrSingle
	}
	return in[0].system(), nil
}

// oneString gives a collection of one string; ok is false when it is empty.
func oneString(in Collection) (string, bool, error) {
	if len(in) == 0 {
		return "", false, nil
	}
	v, err := one(in)
	if err != nil {
		return "", false, err
	}
	if v == nil {
		return "", false, nil
	}
	text, ok := v.(string)
	if !ok {
		return "", false, ErrType
	}
	return text, true, nil
}

// condition reads what a criterion gave. It must be Boolean: to take any single
// item for true would make where(flag) true on the text "false".
func condition(out Collection) (three, error) {
	if len(out) == 0 {
		return unknown, nil
	}
	v, err := one(out)
	if err != nil {
		return no, err
	}
	b, ok := v.(bool)
	if !ok {
		return no, ErrType
	}
	return truth(b), nil
}

// singleton reads an operand of a Boolean operator: a single item that is not
// Boolean counts as true (N1 4.5, singleton evaluation of collections).
func singleton(out Collection) (three, error) {
	if len(out) == 0 {
		return unknown, nil
	}
	v, err := one(out)
	if err != nil {
		return no, err
	}
	if b, ok := v.(bool); ok {
		return truth(b), nil
	}
	return yes, nil
}
