package mapping

import (
	"regexp"
	"slices"
	"strings"
)

// quickFirst is coalesce(): the first argument that gives something.
type quickFirst []quick

func (q quickFirst) eval(r *run) (answer, bool) {
	for _, arg := range q {
		if r.left--; r.left < 0 {
			return answer{}, false
		}
		if a, ok := arg.eval(r); !ok || a.kind != isNothing {
			return a, ok
		}
	}
	return answer{}, true
}

// quickNot is not() of a boolean.
type quickNot struct{ of quick }

func (q *quickNot) eval(r *run) (answer, bool) {
	is, known, ok := truth(q.of, r)
	if !ok || !known {
		return answer{}, ok
	}
	return truthOf(!is), true
}

// textOf evaluates what must be one text or nothing.
func textOf(q quick, r *run) (s string, some, ok bool) {
	if r.left--; r.left < 0 {
		return "", false, false
	}
	a, ok := q.eval(r)
	if !ok || a.kind == isNothing {
		return "", false, ok
	}
	s, ok = a.plainText()
	return s, ok, ok
}

// quickReplace is replaceMatches() with a constant pattern and text.
type quickReplace struct {
	of      quick
	pattern *regexp.Regexp
	with    string
	tail    bool // what stands behind the last slash
}

func (q *quickReplace) eval(r *run) (answer, bool) {
	s, some, ok := textOf(q.of, r)
	if !some {
		return answer{}, ok
	}
	if r.left -= (1 + len(s)) * (16 + len(q.pattern.String()) + len(q.with)) / 64; r.left < 0 {
		return answer{}, false
	}
	if q.tail {
		s = s[strings.LastIndexByte(s, '/')+1:]
	} else {
		s = q.pattern.ReplaceAllString(s, q.with)
	}
	return answer{kind: isText, text: s}, true
}

// quickTest is a test of one text.
type quickTest struct {
	of   quick
	test func(string) bool
}

func (q *quickTest) eval(r *run) (answer, bool) {
	s, some, ok := textOf(q.of, r)
	if !some {
		return answer{}, ok
	}
	if r.left -= len(s) / 4; r.left < 0 {
		return answer{}, false
	}
	return truthOf(q.test(s)), true
}

// quickAmong is a in ('b' | 'c' …).
type quickAmong struct {
	a  quick
	of []string
}

func (q *quickAmong) eval(r *run) (answer, bool) {
	s, some, ok := textOf(q.a, r)
	if !some {
		return answer{}, ok
	}
	return truthOf(slices.Contains(q.of, s)), true
}

// quickLookup leaves what the table counts or refuses to lookupFunction.
func quickLookup(r *run, q *quickCall) (answer, bool) {
	name, ok := q.word(r, 0)
	if !ok {
		return answer{}, false
	}
	var room [6]string
	table := r.m.tables[name]
	if table == nil || len(table.match) > len(room) {
		return answer{}, false
	}
	for i := range table.match {
		if room[i], ok = q.word(r, i+1); !ok {
			return answer{}, false
		}
	}
	row, found := table.lookup(room[:len(table.match)])
	if !found {
		return answer{}, table.policy != policyQuarantine && table.policy != policyText
	}
	return answer{kind: isRow, row: row}, true
}

// column gives a column of a row as a text, nothing where the row does not fill it.
func (r *run) column(a *answer, name string) answer {
	s, filled := a.row[name].(string)
	if !filled {
		return answer{}
	}
	r.note(nil)
	return answer{kind: isText, text: s}
}
