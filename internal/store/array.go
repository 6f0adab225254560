package store

import (
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"
)

// kind is what a column of a sentence's rows holds.
type kind int

const (
	text  kind = iota // string
	bytea             // []byte, nil is NULL
	count             // int64
)

// PostgreSQL's names and numbers of the kinds (src/include/catalog/pg_type.dat).
var (
	kindNames = [...]string{text: "text", bytea: "bytea", count: "bigint"}
	kindOIDs  = [...]uint32{text: 25, bytea: 17, count: 20}
)

// array is one column of rows as a PostgreSQL array in its binary form: bytes travel as
// they are, where the text form would double them and quote every body.
type array struct {
	kind kind
	col  int
	rows [][]any
}

// Value is the array as PostgreSQL reads it (src/backend/utils/adt/arrayfuncs.c, array_recv).
func (a array) Value() (driver.Value, error) {
	size := 20 + 4*len(a.rows) // bodies are long: made in one piece
	for _, row := range a.rows {
		switch v := row[a.col].(type) {
		case string:
			size += len(v)
		case []byte:
			size += len(v)
		case int64:
			size += 8
		}
	}
	out := make([]byte, 0, size)
	out = binary.BigEndian.AppendUint32(out, 1) // dimensions
	out = binary.BigEndian.AppendUint32(out, 1) // there may be NULL
	out = binary.BigEndian.AppendUint32(out, kindOIDs[a.kind])
	out = binary.BigEndian.AppendUint32(out, uint32(len(a.rows)))
	out = binary.BigEndian.AppendUint32(out, 1) // first index
	for _, row := range a.rows {
		switch v := row[a.col].(type) {
		case string:
			v = storable(v)
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(v))), v...)
		case []byte:
			if v == nil {
				out = binary.BigEndian.AppendUint32(out, 0xffffffff)
				continue
			}
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(v))), v...)
		case int64:
			out = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(out, 8), uint64(v))
		default:
			return nil, fmt.Errorf("a %T cannot be sent", v)
		}
	}
	return out, nil
}

// storable is a text that PostgreSQL can keep: valid UTF-8 without NUL. A source's key or
// version that is neither must not stop the page that it stands on.
func storable(s string) string {
	if strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
