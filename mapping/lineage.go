package mapping

import "strconv"

// lineageWriter writes the lineage of a record's resources. All source paths are pieces
// of one string: a record has a hundred elements, and each would cost two or three.
type lineageWriter struct {
	buf   []byte
	path  []byte
	leafs []leaf
	from  []piece
	marks []piece // paths of nodes, by Mark-1
	// known are the names of elements that were written before: every record of a map has
	// much the same. They are R4's names and places in lists, nothing of a record.
	known map[string]string
}

// keptNames bounds known.
const keptNames = 4096

// leaf is an element; its sources are the next count pieces of from.
type leaf struct {
	element string
	origin  *origin
	count   int
}

// piece is a part of buf.
type piece struct{ start, end int }

func (w *lineageWriter) add(s string) piece {
	start := len(w.buf)
	w.buf = append(w.buf, s...)
	return piece{start, len(w.buf)}
}

func (w *lineageWriter) source(s source) piece {
	if s.node == nil {
		return w.add(s.path)
	}
	if s.node.Mark == 0 {
		start := len(w.buf)
		w.buf = s.node.AppendPath(w.buf)
		w.marks = append(w.marks, piece{start, len(w.buf)})
		s.node.Mark = int32(len(w.marks))
	}
	return w.marks[s.node.Mark-1]
}

// resource notes the elements of v and gives how many they are.
func (w *lineageWriter) resource(typ string, v *value) int {
	before := len(w.leafs)
	w.path = append(w.path[:0], typ...)
	w.walk(v)
	return len(w.leafs) - before
}

// element gives the path as a text.
func (w *lineageWriter) element() string {
	if s, ok := w.known[string(w.path)]; ok {
		return s
	}
	s := string(w.path)
	if w.known == nil || len(w.known) == keptNames {
		w.known = map[string]string{}
	}
	w.known[s] = s
	return s
}

func (w *lineageWriter) walk(v *value) {
	base := len(w.path)
	switch v.kind {
	case object:
		for i := range v.kids {
			w.path = append(append(w.path[:base], '.'), v.kids[i].name...)
			w.walk(&v.kids[i])
		}
	case list:
		for i := range v.kids {
			w.path = strconv.AppendInt(append(w.path[:base], '['), int64(i), 10)
			w.path = append(w.path, ']')
			w.walk(&v.kids[i])
		}
	case none:
	default:
		l := leaf{element: w.element(), origin: v.origin}
		if v.origin != nil {
			l.count = len(v.origin.from)
			for _, s := range v.origin.from {
				w.from = append(w.from, w.source(s))
			}
		}
		w.leafs = append(w.leafs, l)
	}
	w.path = w.path[:base]
}

// lineages gives one list for each count of leafs, in the order of the bodies.
func (w *lineageWriter) lineages() []Lineage {
	all := string(w.buf)
	out := make([]Lineage, len(w.leafs))
	from := make([]string, len(w.from))
	for i, p := range w.from {
		from[i] = all[p.start:p.end]
	}
	for i, l := range w.leafs {
		out[i].Element = l.element
		if l.origin == nil {
			continue
		}
		out[i].Rule, out[i].Line = l.origin.rule, l.origin.line
		if l.count > 0 {
			out[i].From, from = from[:l.count:l.count], from[l.count:]
		}
	}
	return out
}

func (w *lineageWriter) reset() {
	clear(w.leafs)
	w.buf, w.path, w.leafs, w.from, w.marks = w.buf[:0], w.path[:0], w.leafs[:0], w.from[:0], w.marks[:0]
}
