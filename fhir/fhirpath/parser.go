package fhirpath

import (
	"strconv"
	"unicode/utf8"
)

// Limits of an expression's text, so that a hostile one costs little.
const (
	maxText  = 64 << 10
	maxNest  = 200
	maxChain = 2000
)

// power is how strongly an infix operator binds (FHIRPath N1 6.8).
func power(t token) int {
	if t.kind != tokSymbol && t.kind != tokName {
		return 0
	}
	switch t.text {
	case "implies":
		return 1
	case "or", "xor":
		return 2
	case "and":
		return 3
	case "in", "contains":
		return 4
	case "=", "~", "!=", "!~":
		return 5
	case "<", ">", "<=", ">=":
		return 6
	case "|":
		return 7
	case "is", "as":
		return 8
	case "+", "-", "&":
		return 9
	case "*", "/", "div", "mod":
		return 10
	}
	return 0
}

// unaryPower binds tighter than every infix operator, but not than a path:
// -1.abs() is -(1.abs()).
const unaryPower = 11

// parser is a Pratt parser: each operator's power says how far its operand reaches.
type parser struct {
	lex   lexer
	tok   token
	depth int
}

func parse(text string) (*node, error) {
	if len(text) > maxText {
		return nil, failAt(0, "the expression is longer than %d bytes", maxText)
	}
	if !utf8.ValidString(text) {
		return nil, failAt(0, "the expression is not UTF-8")
	}
	p := &parser{lex: lexer{text: text}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	n, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokEnd {
		return nil, failAt(p.tok.pos, "unexpected %s", p.tok.say())
	}
	return n, nil
}

func (t token) say() string {
	if t.kind == tokEnd {
		return "end"
	}
	return strconv.Quote(t.text)
}

func (p *parser) advance() (err error) {
	p.tok, err = p.lex.next()
	return err
}

func (p *parser) is(symbol string) bool {
	return p.tok.kind == tokSymbol && p.tok.text == symbol
}

func (p *parser) expect(symbol string) error {
	if !p.is(symbol) {
		return failAt(p.tok.pos, "%q expected before %s", symbol, p.tok.say())
	}
	return p.advance()
}

// grow gives n its height and refuses trees that are too high to walk.
func (p *parser) grow(n *node) (*node, error) {
	h := 0
	if n.input != nil {
		h = n.input.height
	}
	for _, k := range n.kids {
		h = max(h, k.height)
	}
	n.height = h + 1
	if n.height > maxChain {
		return nil, failAt(n.pos, "the expression is too long")
	}
	return n, nil
}

func (p *parser) expression(above int) (*node, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxNest {
		return nil, failAt(p.tok.pos, "the expression is nested too deep")
	}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	for {
		op, bind := p.tok, power(p.tok)
		if bind <= above {
			return left, nil
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		n := &node{kind: nodeBinary, text: op.text, pos: op.pos, kids: []*node{left}}
		if bind == 8 {
			n.kind = nodeType
			if n.typ, err = p.typeSpecifier(); err != nil {
				return nil, err
			}
		} else {
			right, err := p.expression(bind)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, right)
		}
		if left, err = p.grow(n); err != nil {
			return nil, err
		}
	}
}

// operand reads unary operators, a term and what hangs on it.
func (p *parser) operand() (*node, error) {
	if p.is("-") || p.is("+") {
		op := p.tok
		if err := p.advance(); err != nil {
			return nil, err
		}
		inner, err := p.expression(unaryPower)
		if err != nil {
			return nil, err
		}
		return p.grow(&node{kind: nodeUnary, text: op.text, pos: op.pos, kids: []*node{inner}})
	}
	n, err := p.term()
	if err != nil {
		return nil, err
	}
	if n, err = p.grow(n); err != nil {
		return nil, err
	}
	for {
		switch {
		case p.is("."):
			if err := p.advance(); err != nil {
				return nil, err
			}
			if n, err = p.invocation(n); err != nil {
				return nil, err
			}
		case p.is("["):
			open := p.tok
			if err := p.advance(); err != nil {
				return nil, err
			}
			at, err := p.expression(0)
			if err != nil {
				return nil, err
			}
			if err := p.expect("]"); err != nil {
				return nil, err
			}
			n = &node{kind: nodeAt, pos: open.pos, kids: []*node{n, at}}
		default:
			return n, nil
		}
		if n, err = p.grow(n); err != nil {
			return nil, err
		}
	}
}

// invocation reads a name or call to the right of a dot, or at a path's head.
func (p *parser) invocation(input *node) (*node, error) {
	t := p.tok
	switch t.kind {
	case tokDollar:
		if err := p.advance(); err != nil {
			return nil, err
		}
		if input != nil {
			return nil, failAt(t.pos, "$%s cannot follow a dot", t.text)
		}
		kind, ok := map[string]nodeKind{"this": nodeThis, "index": nodeIndex, "total": nodeTotal}[t.text]
		if !ok {
			return nil, failAt(t.pos, "unknown $%s", t.text)
		}
		return &node{kind: kind, pos: t.pos}, nil
	case tokName, tokQuoted:
	default:
		return nil, failAt(t.pos, "a name is expected before %s", t.say())
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	n := &node{kind: nodeName, text: t.text, pos: t.pos, input: input}
	if !p.is("(") || t.kind == tokQuoted {
		return n, nil
	}
	n.kind = nodeCall
	if err := p.advance(); err != nil {
		return nil, err
	}
	for !p.is(")") {
		if len(n.kids) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		arg, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, arg)
	}
	return n, p.advance()
}

func (p *parser) term() (*node, error) {
	t := p.tok
	switch {
	case t.kind == tokName && (t.text == "true" || t.text == "false"):
		return p.literal(t.text == "true")
	case t.kind == tokName, t.kind == tokQuoted, t.kind == tokDollar:
		return p.invocation(nil)
	case t.kind == tokString:
		return p.literal(t.text)
	case t.kind == tokNumber:
		return p.number()
	case t.kind == tokDate:
		d, _ := ParseDate(t.text)
		return p.literal(d)
	case t.kind == tokDateTime:
		d, _ := ParseDateTime(t.text)
		return p.literal(d)
	case t.kind == tokTime:
		d, _ := ParseTime(t.text)
		return p.literal(d)
	case t.kind == tokVariable:
		return &node{kind: nodeVariable, text: t.text, pos: t.pos}, p.advance()
	case p.is("("):
		if err := p.advance(); err != nil {
			return nil, err
		}
		n, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		return n, p.expect(")")
	case p.is("{"):
		if err := p.advance(); err != nil {
			return nil, err
		}
		return &node{kind: nodeEmpty, pos: t.pos}, p.expect("}")
	}
	return nil, failAt(t.pos, "a value is expected before %s", t.say())
}

func (p *parser) literal(v any) (*node, error) {
	n := &node{kind: nodeLiteral, pos: p.tok.pos, item: Item{value: v, index: -1}}
	return n, p.advance()
}

// number reads an integer, a decimal, or a quantity when a unit follows.
func (p *parser) number() (*node, error) {
	t := p.tok
	d, ok := ParseDecimal(t.text)
	if !ok {
		return nil, failAt(t.pos, "the number is too long")
	}
	var v any = d
	if n, whole := d.integer(); whole && d.scale == 0 {
		v = n
	}
	n, err := p.literal(v)
	if err != nil {
		return nil, err
	}
	switch {
	case p.tok.kind == tokString:
		n.item.value = Quantity{Value: d, Unit: p.tok.text}
	case p.tok.kind == tokName && calendarUnits[p.tok.text] != "":
		n.item.value = Quantity{Value: d, Unit: calendarUnits[p.tok.text], Calendar: true}
	default:
		return n, nil
	}
	return n, p.advance()
}

// typeSpecifier reads Name or Space.Name.
func (p *parser) typeSpecifier() (typeName, error) {
	first := p.tok
	if first.kind != tokName && first.kind != tokQuoted {
		return typeName{}, failAt(first.pos, "a type is expected before %s", first.say())
	}
	if err := p.advance(); err != nil {
		return typeName{}, err
	}
	if first.text != "FHIR" && first.text != "System" || !p.is(".") {
		return typeName{name: first.text}, nil
	}
	if err := p.advance(); err != nil {
		return typeName{}, err
	}
	name := p.tok
	if name.kind != tokName && name.kind != tokQuoted {
		return typeName{}, failAt(name.pos, "a type is expected before %s", name.say())
	}
	return typeName{first.text, name.text}, p.advance()
}
