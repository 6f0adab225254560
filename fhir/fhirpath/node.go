package fhirpath

import (
	"encoding/json"
	"slices"
	"strconv"

	"samsyn/fhir/r4"
)

// NodeKind is what a node is in JSON.
type NodeKind uint8

// The kinds. A node of no kind stands for nothing.
const (
	NodeNone NodeKind = iota
	NodeNull
	NodeText
	NodeNumber
	NodeBool
	NodeObject
	NodeList
)

// Node is a place in a decoded record: the light form of what encoding/json gives as
// maps and slices. A tree is read by one goroutine at a time, since it remembers what
// was asked of it.
type Node struct {
	Name string   // field in the object around it; the root's own name; "" in a list
	Text string   // a text, the digits of a number, true or false
	Type *r4.Type // of a FHIR element, set before the node is asked for its item; nil for plain data
	Mark int32    // for whoever made the tree
	Kind NodeKind

	index  int32 // place in a list, -1 outside lists
	parent *Node
	first  *Node
	last   *Node
	next   *Node
	item   *Item
	object map[string]any
}

// Nodes makes nodes; it is used again for the next record after Reset. The zero value is ready.
type Nodes struct {
	chunks [][]Node
	chunk  int
	used   int
}

const nodesInChunk = 128

// New gives a node that stands nowhere yet.
func (t *Nodes) New(kind NodeKind, name, text string) *Node {
	if t.chunk == len(t.chunks) {
		t.chunks = append(t.chunks, make([]Node, nodesInChunk))
	}
	n := &t.chunks[t.chunk][t.used]
	if t.used++; t.used == nodesInChunk {
		t.chunk, t.used = t.chunk+1, 0
	}
	n.Kind, n.Name, n.Text, n.index = kind, name, text, -1
	return n
}

// Reset forgets the nodes made so far, and lets go of what they held. Few chunks are
// kept: one large record must not hold its room for ever.
func (t *Nodes) Reset() {
	for i := 0; i < min(t.chunk, len(t.chunks)); i++ {
		clear(t.chunks[i])
	}
	if t.chunk < len(t.chunks) {
		clear(t.chunks[t.chunk][:t.used])
	}
	if len(t.chunks) > 64 {
		t.chunks = slices.Clip(t.chunks[:64])
	}
	t.chunk, t.used = 0, 0
}

// Add puts a node last in an object or list.
func (n *Node) Add(child *Node) {
	child.parent = n
	switch {
	case n.last == nil:
		n.first = child
		if n.Kind == NodeList {
			child.index = 0
		}
	default:
		if n.Kind == NodeList {
			child.index = n.last.index + 1
		}
		n.last.next = child
	}
	n.last = child
}

// Wrap turns a field that was given once into a list of it.
func (n *Node) Wrap(t *Nodes) {
	one := t.New(n.Kind, "", n.Text)
	one.first, one.last = n.first, n.last
	for c := one.first; c != nil; c = c.next {
		c.parent = one
	}
	n.Kind, n.Text, n.first, n.last = NodeList, "", nil, nil
	n.Add(one)
}

// First and Next walk an object's fields or a list's entries, in their order.
func (n *Node) First() *Node { return n.first }

// Next is the node after this one, nil after the last.
func (n *Node) Next() *Node { return n.next }

// IsRoot tells whether the node stands in no other.
func (n *Node) IsRoot() bool { return n.parent == nil }

// Field gives an object's field, nil when there is none.
func (n *Node) Field(name string) *Node {
	for c := n.first; c != nil; c = c.next {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// place gives what names the node: the field, its object, and the place in the
// field's list. Lists in lists are read as one.
func (n *Node) place() (name string, index int32, owner *Node) {
	index = -1
	for n.parent != nil && n.parent.Kind == NodeList {
		index = n.index
		n = n.parent
	}
	return n.Name, index, n.parent
}

// SamePlace tells whether two nodes of a tree have the same path.
func (n *Node) SamePlace(o *Node) bool { return n == o || n.outermost() == o.outermost() }

func (n *Node) outermost() *Node {
	for n.parent != nil && n.parent.Kind == NodeList && n.parent.parent != nil && n.parent.parent.Kind == NodeList {
		n = n.parent
	}
	return n
}

// AppendPath writes where the node stands, as Item.Path does.
func (n *Node) AppendPath(b []byte) []byte {
	name, index, owner := n.place()
	if owner != nil {
		b = append(owner.AppendPath(b), '.')
	}
	b = append(b, name...)
	if index >= 0 {
		b = append(b, '[')
		b = strconv.AppendInt(b, int64(index), 10)
		b = append(b, ']')
	}
	return b
}

// Item gives the node as an item to evaluate on. A list is none, and a FHIR primitive
// must not have a `_field` beside it.
func (n *Node) Item() Item { return *n.asItem() }

func (n *Node) asItem() *Item {
	if n.item == nil {
		name, index, owner := n.place()
		it := &Item{name: name, index: index, input: true, node: n}
		it.model = n.Type
		if n.Kind == NodeObject && n.Type == nil {
			it.value = n
		} else {
			it.value = n.Value()
		}
		if owner != nil {
			it.parent = owner.asItem()
		}
		n.item = it
	}
	return n.item
}

// Value gives the node as encoding/json decodes it with UseNumber.
func (n *Node) Value() any {
	switch n.Kind {
	case NodeText:
		return n.Text
	case NodeNumber:
		return json.Number(n.Text)
	case NodeBool:
		return n.Text == "true"
	case NodeObject:
		return n.Object()
	case NodeList:
		list := []any{}
		for c := n.first; c != nil; c = c.next {
			list = append(list, c.Value())
		}
		return list
	}
	return nil
}

// Object gives an object's fields; the same map each time.
func (n *Node) Object() map[string]any {
	if n.object == nil && n.Kind == NodeObject {
		n.object = map[string]any{}
		for c := n.first; c != nil; c = c.next {
			n.object[c.Name] = c.Value()
		}
	}
	return n.object
}

// appendNode adds what a field holds: a value or, item by item, a list.
func appendNode(s *state, out Collection, n *Node) (Collection, error) {
	if n.Kind != NodeList {
		return appendNodeItem(s, out, n), nil
	}
	count := 0
	for c := n.first; c != nil; c = c.next {
		count++
	}
	if err := s.spend(count); err != nil {
		return nil, err
	}
	out = slices.Grow(out, count)
	return appendNodes(s, out, n), nil
}

func appendNodes(s *state, out Collection, list *Node) Collection {
	for c := list.first; c != nil; c = c.next {
		if c.Kind == NodeList {
			out = appendNodes(s, out, c)
		} else {
			out = appendNodeItem(s, out, c)
		}
	}
	return out
}

func appendNodeItem(s *state, out Collection, n *Node) Collection {
	if n.Kind == NodeNull {
		return out // null is absent
	}
	it := n.asItem()
	if s.env.Reads != nil {
		s.env.Reads(*it)
	}
	return append(out, *it)
}
