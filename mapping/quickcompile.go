package mapping

import (
	"regexp"
	"slices"
	"strings"

	"samsyn/fhir/fhirpath"
	"samsyn/fhir/r4"
)

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
		if s.Input != nil && s.Input.Kind == fhirpath.SyntaxCall && (s.Input.Text == "lookup" || s.Text == "code" || s.Text == "system" || s.Text == "display") {
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
	case "=", "!=", "and", "or", "&", "+":
	case "in":
		return c.among(s)
	default:
		return nil
	}
	a, b := c.compile(s.Args[0]), c.compile(s.Args[1])
	switch {
	case a == nil || b == nil:
		return nil
	case s.Text == "&":
		return &quickJoin{a, b, false}
	case s.Text == "+":
		return &quickJoin{a, b, true}
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
		return c.method(s)
	}
	var args []quick
	do, own := c.calls[s.Text]
	if !own && s.Text != "iif" && s.Text != "coalesce" {
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
	if s.Text == "coalesce" {
		return quickFirst(args)
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
			return c.then(s.Input, pathStep{unsure: true})
		case s.Text == "select" && len(s.Args) == 1:
			if each := c.compile(s.Args[0]); each != nil {
				return c.then(s.Input, pathStep{each: each})
			}
			return c.then(s.Input, pathStep{unsure: true})
		case s.Text == "ofType" && len(s.Args) == 1:
			return c.ofType(s)
		case slices.Contains(ofNothing, s.Text) && constants(s.Args) != nil:
			return c.then(s.Input, pathStep{unsure: true})
		}
	}
	return nil
}

// ofNothing are functions of a text that give nothing where there is none.
var ofNothing = []string{"matches", "replaceMatches", "startsWith", "endsWith", "contains", "replace", "upper", "lower", "trim"}

// ofType is .name.ofType(T): where a choice is absent or of another type, that is seen at once.
func (c *quickCompiler) ofType(s *fhirpath.Syntax) *quickPath {
	arg := s.Args[0]
	if arg.Kind != fhirpath.SyntaxName || arg.Input != nil {
		return nil
	}
	typ, known := r4.Lookup(arg.Text)
	p := c.path(s.Input)
	if !known || p == nil || len(p.steps) == 0 {
		return nil
	}
	if last := &p.steps[len(p.steps)-1]; last.name != "" && last.typ == nil {
		last.typ = typ
		return p
	}
	return nil
}

// constants gives arguments that are all constant texts.
func constants(args []*fhirpath.Syntax) []string {
	out := []string{}
	for _, a := range args {
		if a.Kind != fhirpath.SyntaxText {
			return nil
		}
		out = append(out, a.Text)
	}
	return out
}

// method is a function of one value: not(), and tests and replacing with constant arguments.
func (c *quickCompiler) method(s *fhirpath.Syntax) quick {
	args := constants(s.Args)
	if args == nil {
		return nil
	}
	of := func() quick { return c.compile(s.Input) }
	switch {
	case s.Text == "not" && len(args) == 0:
		if q := of(); q != nil {
			return &quickNot{q}
		}
	case s.Text == "replaceMatches" && len(args) == 2 && args[0] != "" && !strings.Contains(args[1], "$"):
		pattern, err := regexp.Compile("(?s:" + args[0] + ")")
		if q := of(); q != nil && err == nil {
			return &quickReplace{of: q, pattern: pattern, with: args[1], tail: args[0] == "^.*/" && args[1] == ""}
		}
	case s.Text == "matches" && len(args) == 1:
		pattern, err := regexp.Compile("(?s:" + args[0] + ")")
		if q := of(); q != nil && err == nil {
			return &quickTest{q, pattern.MatchString}
		}
	case s.Text == "endsWith" && len(args) == 1:
		if q := of(); q != nil {
			return &quickTest{q, func(s string) bool { return strings.HasSuffix(s, args[0]) }}
		}
	case s.Text == "startsWith" && len(args) == 1:
		if q := of(); q != nil {
			return &quickTest{q, func(s string) bool { return strings.HasPrefix(s, args[0]) }}
		}
	}
	return nil
}

// among is a in ('b' | 'c' …) with constant texts.
func (c *quickCompiler) among(s *fhirpath.Syntax) quick {
	var of []string
	var gather func(s *fhirpath.Syntax) bool
	gather = func(s *fhirpath.Syntax) bool {
		if s.Kind == fhirpath.SyntaxText {
			of = append(of, s.Text)
			return true
		}
		return s.Kind == fhirpath.SyntaxBinary && s.Text == "|" && gather(s.Args[0]) && gather(s.Args[1])
	}
	if a := c.compile(s.Args[0]); a != nil && gather(s.Args[1]) {
		return &quickAmong{a, of}
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
