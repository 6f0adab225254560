package fhirpath

type nodeKind uint8

const (
	nodeLiteral  nodeKind = iota // item
	nodeEmpty                    // {}
	nodeName                     // text; kids[0] the input, if any
	nodeCall                     // text; input; kids the arguments
	nodeVariable                 // %text
	nodeThis
	nodeIndex // $index
	nodeTotal
	nodeUnary  // text + or -; kids[0]
	nodeBinary // text; kids[0], kids[1]
	nodeType   // is/as: text the operator, kids[0], typ
	nodeAt     // kids[0][kids[1]]
)

// node is one place of a parsed expression.
type node struct {
	kind   nodeKind
	text   string
	pos    int
	input  *node // left of the dot; nil at the head of a path
	kids   []*node
	item   Item
	typ    typeName
	height int
}

// typeName is a type specifier: "FHIR.Patient", "System.String" or "Patient".
type typeName struct{ space, name string }
