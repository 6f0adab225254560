package mapping

import (
	"slices"
	"strings"
)

// pathReader follows the source paths through an expression's tokens, as far as that
// can be told without a record. It is no parser: what it does not understand it leaves out.
type pathReader struct {
	tokens []token
	at     int
	record string // the root's name, which may begin a path
	vars   map[string][]string
	read   func(path string, t token) // a value was read
}

// paths gives the source paths of what an expression gives.
func (l *linter) paths(x exprAt, sc lintScope) []string {
	return l.follow(x, sc, func(string, token) {})
}

// reads notes what an expression reads.
func (l *linter) reads(x exprAt, sc lintScope) {
	l.follow(x, sc, func(path string, t token) {
		if _, known := l.used[path]; !known {
			l.used[path] = &exprAt{x.node, x.text, x.offset + t.pos}
		}
	})
}

func (l *linter) follow(x exprAt, sc lintScope, read func(string, token)) []string {
	r := &pathReader{tokens: scan(x.text), record: l.header["record"].text(), vars: sc.paths, read: read}
	return r.expression(sc.context)
}

func (p pair) text() string {
	if p.value == nil {
		return ""
	}
	return p.value.Value
}

func (r *pathReader) peek(text string) bool {
	return r.at < len(r.tokens) && r.tokens[r.at].kind == tokenOther && r.tokens[r.at].text == text
}

// expression reads up to a closing bracket or a comma that is not its own.
func (r *pathReader) expression(context []string) []string {
	var all []string
	for r.at < len(r.tokens) {
		t := r.tokens[r.at]
		if t.kind == tokenOther && (t.text == ")" || t.text == "]" || t.text == "," || t.text == "}") {
			return all
		}
		all = append(all, r.chain(context)...)
	}
	return all
}

// existing functions ask whether something is there and read no value of it.
var existing = []string{"exists", "empty", "count", "all", "hasValue", "not"}

// choosing functions give some of what they are called on.
var choosing = []string{"where", "first", "last", "tail", "skip", "take", "single", "ofType", "as", "distinct", "intersect", "exclude", "sort", "trace"}

// chain reads a path with its functions, or one token that begins none.
func (r *pathReader) chain(context []string) []string {
	t := r.tokens[r.at]
	r.at++
	var paths []string
	switch {
	case t.kind == tokenVariable && (t.text == "record" || t.text == "resource" || t.text == r.record || t.text == "context" || t.text == "rootResource"):
		paths = []string{""}
	case t.kind == tokenVariable:
		paths = r.vars[t.text]
	case t.kind == tokenOther && t.text == "$":
		if r.at < len(r.tokens) && r.tokens[r.at].text == "this" {
			paths = context
		}
		r.at++
	case t.kind == tokenOther && t.text == "(":
		paths = r.expression(context)
		r.at++
	case t.kind == tokenName && r.peek("("):
		r.at--
		return r.steps(context, context, false)
	case t.kind == tokenName && t.text == r.record:
		paths = []string{""}
		if !slices.Equal(context, []string{""}) {
			paths = stepInto(context, t.text)
		}
	case t.kind == tokenName && !slices.Contains(expressionWords, t.text) && t.text != "is" && t.text != "as":
		paths = stepInto(context, t.text)
	default:
		return nil
	}
	return r.steps(paths, context, true)
}

// stepInto gives the paths of a field below each of some paths.
func stepInto(context []string, name string) []string {
	var out []string
	for _, c := range context {
		if c != "" {
			c += "."
		}
		out = append(out, c+name)
	}
	return out
}

// steps reads what follows a path: fields, functions and brackets. dotted is false
// where the first one follows nothing.
func (r *pathReader) steps(paths, context []string, dotted bool) []string {
	last, head := r.tokens[max(r.at-1, 0)], !dotted
	for r.at < len(r.tokens) {
		if r.peek("[") {
			r.at++
			r.expression(context)
			r.at++
			continue
		}
		if dotted {
			if !r.peek(".") || r.at+1 >= len(r.tokens) || r.tokens[r.at+1].kind != tokenName {
				break
			}
			r.at++
		}
		dotted = true
		last = r.tokens[r.at]
		r.at++
		if !r.peek("(") {
			paths = stepInto(paths, last.text)
			continue
		}
		r.at++
		given := r.arguments(paths, context, last.text)
		switch {
		case slices.Contains(existing, last.text):
			return nil
		case slices.Contains([]string{"select", "repeat", "iif", "coalesce", "union", "combine"}, last.text):
			paths = given
		case !slices.Contains(choosing, last.text): // something is computed of it
			if !head {
				r.readAll(paths, last)
			}
			paths = nil
		}
		head = false
	}
	if !head {
		r.readAll(paths, last)
	}
	return paths
}

func (r *pathReader) readAll(paths []string, t token) {
	for _, p := range paths {
		r.read(p, t)
	}
}

// arguments reads a call's arguments; functions of collections evaluate them on each item.
func (r *pathReader) arguments(paths, context []string, function string) []string {
	inner := context
	if slices.Contains([]string{"where", "select", "exists", "all", "repeat", "aggregate", "sort"}, function) {
		inner = paths
	}
	var all []string
	for r.at < len(r.tokens) && !r.peek(")") {
		before := r.at
		all = append(all, r.expression(inner)...)
		if r.at == before || r.peek(",") || r.peek("]") || r.peek("}") {
			r.at++
		}
	}
	r.at++
	return all
}

// ignoredAndUsed tells of fields that the map says it ignores and reads all the same.
func (l *linter) ignoredAndUsed() {
	p, ok := l.header["ignore"]
	if !ok {
		return
	}
	for _, n := range p.value.Content {
		for _, f := range l.at.pairs(followed(n)) {
			if f.key.Value != "path" {
				continue
			}
			path := strings.TrimPrefix(f.value.Value, l.header["record"].text()+".")
			if strings.ContainsAny(path, "()[]% ") {
				continue
			}
			if x := l.reader(path); x != nil {
				line, column := l.at.place(x.node, x.offset)
				l.fault(f.value, 0, "remove it from ignore:", "%s is ignored, and read in line %d, column %d", path, line, column)
			}
		}
	}
}

// reader gives the first expression that reads a path or what is below it.
func (l *linter) reader(path string) *exprAt {
	var first *exprAt
	for read, x := range l.used {
		if below(read, path) && (first == nil || x.node.Line < first.node.Line || x.node.Line == first.node.Line && x.offset < first.offset) {
			first = x
		}
	}
	return first
}
