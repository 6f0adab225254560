package mapping

import "samsyn/fhir/fhirpath"

// quickCompiler makes the short way of an expression, where there is one.
type quickCompiler struct {
	slot  func(name string) int // of a variable
	calls map[string]func(*run, *quickCall) (answer, bool)
}

// compile gives nil for what is left to FHIRPath.
func (c *quickCompiler) compile(s *fhirpath.Syntax) quick {
	switch s.Kind {
	case fhirpath.SyntaxText:
		return quickText(s.Text)
	case fhirpath.SyntaxBinary:
		return c.binary(s)
	case fhirpath.SyntaxCall:
		if q := c.call(s); q != nil {
			return q
		}
	case fhirpath.SyntaxName:
		if s.Input != nil && s.Input.Kind == fhirpath.SyntaxCall && (s.Text == "code" || s.Text == "system" || s.Text == "display") {
			if of := c.call(s.Input); of != nil {
				return &quickMember{of: of, name: s.Text}
			}
		}
	}
	if p := c.path(s); p != nil {
		return p
	}
	return nil
}

func (c *quickCompiler) binary(s *fhirpath.Syntax) quick {
	switch s.Text {
	case "=", "!=", "and", "or", "&":
	default:
		return nil
	}
	a, b := c.compile(s.Args[0]), c.compile(s.Args[1])
	switch {
	case a == nil || b == nil:
		return nil
	case s.Text == "&":
		return &quickJoin{a, b}
	case s.Text == "and" || s.Text == "or":
		return &quickLogic{a, b, s.Text == "or"}
	}
	return &quickEqual{a, b, s.Text == "!="}
}

func (c *quickCompiler) call(s *fhirpath.Syntax) quick {
	switch {
	case s.Input != nil && (s.Text == "exists" || s.Text == "empty") && len(s.Args) == 0:
		if p := c.path(s.Input); p != nil {
			return &quickCount{p, s.Text == "empty"}
		}
		return nil
	case s.Input != nil:
		return nil
	}
	var args []quick
	do, own := c.calls[s.Text]
	if !own && s.Text != "iif" {
		return nil
	}
	for _, arg := range s.Args {
		q := c.compile(arg)
		if q == nil {
			return nil
		}
		args = append(args, q)
	}
	if own {
		return &quickCall{name: s.Text, args: args, do: do}
	}
	q := &quickIf{test: args[0], then: args[1]}
	if len(args) > 2 {
		q.otherwise = args[2]
	}
	return q
}

func (c *quickCompiler) path(s *fhirpath.Syntax) *quickPath {
	switch s.Kind {
	case fhirpath.SyntaxVariable:
		return &quickPath{slot: c.slot(s.Text), name: s.Text}
	case fhirpath.SyntaxName:
		if s.Text == "" {
			return nil
		}
		if s.Input == nil {
			return &quickPath{slot: -1, steps: []pathStep{{name: s.Text, head: true}}}
		}
		return c.then(s.Input, pathStep{name: s.Text})
	case fhirpath.SyntaxIndex:
		if at := s.Args[1]; at.Kind == fhirpath.SyntaxInteger && at.Value >= 0 && at.Value < maxSteps {
			return c.then(s.Args[0], pathStep{index: int(at.Value)})
		}
	case fhirpath.SyntaxCall:
		switch {
		case s.Input == nil:
		case s.Text == "first" && len(s.Args) == 0:
			return c.then(s.Input, pathStep{})
		case s.Text == "last" && len(s.Args) == 0:
			return c.then(s.Input, pathStep{index: -1})
		case s.Text == "where" && len(s.Args) == 1:
			if where := c.compile(s.Args[0]); where != nil {
				return c.then(s.Input, pathStep{where: where})
			}
		}
	}
	return nil
}

func (c *quickCompiler) then(input *fhirpath.Syntax, step pathStep) *quickPath {
	p := c.path(input)
	if p != nil {
		p.steps = append(p.steps, step)
	}
	return p
}
