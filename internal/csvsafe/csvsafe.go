// Package csvsafe owns the writing of CSV that a spreadsheet may open: RFC 4180, and no
// field that a spreadsheet would take for a formula. It knows nothing of what is written.
package csvsafe

import (
	"encoding/csv"
	"io"
	"regexp"
	"strings"
)

// Writer writes rows. Its error is that of the last Flush.
type Writer struct{ csv *csv.Writer }

// NewWriter writes to out, lines ended by CR LF as RFC 4180 says.
func NewWriter(out io.Writer) *Writer {
	w := csv.NewWriter(out)
	w.UseCRLF = true
	return &Writer{w}
}

// Write writes one row.
func (w *Writer) Write(fields ...string) error {
	plain := make([]string, len(fields))
	for i, f := range fields {
		plain[i] = Plain(f)
	}
	return w.csv.Write(plain)
}

// Flush writes what is held back.
func (w *Writer) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}

var (
	// dangerous begins a formula in one spreadsheet or another, also behind blanks and in
	// the wide forms that some fold to the narrow ones.
	dangerous = regexp.MustCompile("^[\\s\\x00-\\x1f\u00a0\ufeff\u200b]*[=+\\-@|%\uff1d\uff0b\uff0d\uff20]|^[\\t\\r\\n\\x00]")
	number    = regexp.MustCompile(`^-?[0-9]+([.,][0-9]+)?$`)
)

// Plain gives a text with an apostrophe before it where a spreadsheet could take it for a
// formula; a plain number stays one. NUL is left out: it ends a text in some readers.
func Plain(text string) string {
	text = strings.ReplaceAll(text, "\x00", "")
	if dangerous.MatchString(text) && !number.MatchString(text) {
		return "'" + text
	}
	return text
}
