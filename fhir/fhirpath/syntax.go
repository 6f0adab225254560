package fhirpath

// SyntaxKind is what a piece of an expression is.
type SyntaxKind uint8

// The kinds that a reader of expressions may want to tell apart.
const (
	SyntaxOther    SyntaxKind = iota // anything else
	SyntaxText                       // 'text'
	SyntaxInteger                    // 42
	SyntaxName                       // Input.Text, or Text at the head of a path
	SyntaxCall                       // Input.Text(Args…)
	SyntaxVariable                   // %Text
	SyntaxBinary                     // Args[0] Text Args[1]
	SyntaxIndex                      // Args[0][Args[1]]
)

// Syntax is a parsed expression, for those who evaluate plain ones in their own way.
type Syntax struct {
	Kind  SyntaxKind
	Text  string
	Value int64 // of an integer
	Input *Syntax
	Args  []*Syntax
}

// Syntax gives the expression as it was parsed.
func (e *Expression) Syntax() *Syntax { return syntaxOf(e.root) }

func syntaxOf(n *node) *Syntax {
	if n == nil {
		return nil
	}
	s := &Syntax{Text: n.text, Input: syntaxOf(n.input)}
	for _, kid := range n.kids {
		s.Args = append(s.Args, syntaxOf(kid))
	}
	switch n.kind {
	case nodeLiteral:
		switch v := n.item.value.(type) {
		case string:
			s.Kind, s.Text = SyntaxText, v
		case int64:
			s.Kind, s.Value = SyntaxInteger, v
		}
	case nodeName:
		s.Kind = SyntaxName
	case nodeCall:
		s.Kind = SyntaxCall
	case nodeVariable:
		s.Kind = SyntaxVariable
	case nodeBinary:
		s.Kind = SyntaxBinary
	case nodeAt:
		s.Kind = SyntaxIndex
	}
	return s
}
