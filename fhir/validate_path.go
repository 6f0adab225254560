package fhir

import "strconv"

// place gives a node for a child; leave takes it back when the child has been checked.
// A resource has hundreds of places and a dozen at a time.
func (v *validator) place(parent *node, name string, index int) *node {
	last := len(v.spare) - 1
	if last < 0 {
		return &node{parent, name, index}
	}
	n := v.spare[last]
	v.spare = v.spare[:last]
	*n = node{parent, name, index}
	return n
}

func (v *validator) leave(n *node) { v.spare = append(v.spare, n) }

func (n *node) child(name string) *node { return &node{n, name, -1} }

// path writes a place as FHIRPath does: "CarePlan.activity[0].detail.status".
func (n *node) path() string {
	return string(n.append(nil))
}

func (n *node) append(b []byte) []byte {
	if n == nil {
		return b
	}
	b = n.parent.append(b)
	if n.index >= 0 {
		b = append(b, '[')
		b = strconv.AppendInt(b, int64(n.index), 10)
		return append(b, ']')
	}
	if len(b) > 0 {
		b = append(b, '.')
	}
	return append(b, shown(n.name)...)
}

// shown gives a name or code that may be put in a message: short, plain, and without
// so many digits that it could be a person's number. Else it says that it may not.
func shown(s string) string {
	digits := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			digits++
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c == '-', c == '.', c == '[', c == ']':
		default:
			return "(not shown)"
		}
	}
	if len(s) == 0 || len(s) > 60 || digits > 5 {
		return "(not shown)"
	}
	return s
}
