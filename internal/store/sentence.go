package store

import (
	"fmt"
	"strings"
)

// sentence is one statement about many rows, as each database likes to hear it.
// PostgreSQL is told all rows at once, for there the way is long: a table of arrays.
// SQLite is told one row at a time, for there the way is short.
type sentence struct {
	sqlite, postgres string
	kinds            []kind
	meets            bool // each row meets one that is held: one that is gone is an error
}

// say makes a sentence of a query in which {rows} stands for the table k of rows, and
// of the names of its columns, each with its kind: a name alone is text, "name:bytes"
// and "name:int" are the others. An INSERT from {rows} with ON CONFLICT needs WHERE
// true before it, or SQLite takes ON for a join's.
func say(query, columns string) sentence {
	var s sentence
	var one, many, names []string
	for i, c := range strings.Fields(columns) {
		name, of, _ := strings.Cut(c, ":")
		k := map[string]kind{"": text, "bytes": bytea, "int": count}[of]
		s.kinds = append(s.kinds, k)
		names = append(names, name)
		one = append(one, fmt.Sprintf("$%d AS %s", i+1, name))
		many = append(many, fmt.Sprintf("$%d::%s[]", i+1, kindNames[k]))
	}
	s.sqlite = strings.ReplaceAll(query, "{rows}", "(SELECT "+strings.Join(one, ", ")+") AS k")
	s.postgres = strings.ReplaceAll(query, "{rows}", "unnest("+strings.Join(many, ", ")+") AS k ("+strings.Join(names, ", ")+")")
	return s
}

// change is say for an UPDATE of rows that were read in this transaction. It costs less than
// an INSERT that finds them in its way, which locks each before it writes.
func change(query, columns string) sentence {
	s := say(query, columns)
	s.meets = true
	return s
}

// What is sent at once is bounded in rows and, as far as one row allows, in bytes.
const (
	rowsAtOnce  = 1000
	bytesAtOnce = 8 << 20
)

// slices cuts rows into what is sent at once.
func (s sentence) slices(rows [][]any) [][][]any {
	var out [][][]any
	from, size := 0, 0
	for i, row := range rows {
		for _, v := range row {
			switch v := v.(type) {
			case string:
				size += len(v)
			case []byte:
				size += len(v)
			}
		}
		if i+1 == len(rows) || i+1-from == rowsAtOnce || size >= bytesAtOnce {
			out = append(out, rows[from:i+1])
			from, size = i+1, 0
		}
	}
	return out
}

// arrays are the rows turned into columns.
func (s sentence) arrays(rows [][]any) []any {
	out := make([]any, len(s.kinds))
	for i, k := range s.kinds {
		out[i] = array{k, i, rows}
	}
	return out
}
