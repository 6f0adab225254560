package mapping

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Policies say what becomes of a code that has no row.
const (
	policyQuarantine = "quarantine" // the record waits
	policyText       = "text"       // the source's word is kept as text, and counted
	policyDefault    = "default"    // another row's answer is taken, and counted
	policyNone       = "none"       // nothing is made of it; the rule of lookup tables
)

// codeTable is one file in codes/: for translate (by code) or for lookup (by match).
type codeTable struct {
	name     string
	file     string
	data     []byte // for the revision
	policy   string
	fallback string // code of the row that policyDefault takes

	byCode map[string][]codeRow // a code's rows, in the order of the file

	match   []string // columns that lookup compares
	results []string // its other columns
	rows    []matchRow
}

// codeRow is what one code means while it is valid.
type codeRow struct {
	code, display                 string
	system, target, targetDisplay string
	from, to                      string // YYYY-MM-DD, inclusive; "" is open
	line                          int
}

func (r codeRow) validOn(day string) bool {
	return (r.from == "" || r.from <= day) && (r.to == "" || day <= r.to)
}

func (r codeRow) overlaps(o codeRow) bool {
	return (r.to == "" || o.from == "" || o.from <= r.to) && (o.to == "" || r.from == "" || r.from <= o.to)
}

var codeColumns = []string{"code", "display", "system", "target", "targetDisplay", "validFrom", "validTo"}

// loadTables reads every table below codes/; faults are given to report.
func loadTables(fsys fs.FS, report func(*Fault)) (map[string]*codeTable, error) {
	tables := map[string]*codeTable{}
	entries, err := fs.ReadDir(fsys, "codes")
	if errors.Is(err, fs.ErrNotExist) {
		return tables, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list code tables: %w", err)
	}
	for _, entry := range entries {
		ext := path.Ext(entry.Name())
		if entry.IsDir() || !slices.Contains([]string{".csv", ".yaml", ".yml"}, ext) {
			continue
		}
		file := path.Join("codes", entry.Name())
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, fmt.Errorf("read code table: %w", err)
		}
		t := &codeTable{name: strings.TrimSuffix(entry.Name(), ext), file: file, data: data, byCode: map[string][]codeRow{}}
		if _, twice := tables[t.name]; twice {
			report(&Fault{File: file, Message: "another file has a table of the same name"})
			continue
		}
		tables[t.name] = t
		r := tableReader{table: t, report: report}
		if ext == ".csv" {
			r.csv(data)
		} else {
			r.yaml(data)
		}
		r.check()
	}
	return tables, nil
}

type tableReader struct {
	table  *codeTable
	report func(*Fault)
}

func (r *tableReader) fault(line int, suggestion, format string, args ...any) {
	r.report(&Fault{File: r.table.file, Line: line, Column: 1, Message: fmt.Sprintf(format, args...), Suggestion: suggestion})
}

// comment reads one line that starts with #: a policy, match columns, or prose.
func (r *tableReader) comment(line int, text string) {
	key, value, ok := strings.Cut(strings.TrimSpace(strings.TrimLeft(text, "# ")), ":")
	value = strings.TrimSpace(value)
	switch {
	case !ok:
	case key == "unknown":
		r.setPolicy(line, value)
	case key == "match":
		for _, column := range strings.Split(value, ",") {
			r.table.match = append(r.table.match, strings.TrimSpace(column))
		}
	}
}

func (r *tableReader) setPolicy(line int, value string) {
	word, code, _ := strings.Cut(value, ":")
	word = strings.TrimSpace(word)
	policies := []string{policyQuarantine, policyText, policyDefault, policyNone}
	if !slices.Contains(policies, word) || (word == policyDefault) != (code != "") {
		r.fault(line, "write quarantine, text, none or default:<code>", "unknown policy for unknown codes")
		return
	}
	r.table.policy, r.table.fallback = word, strings.TrimSpace(code)
}

func (r *tableReader) csv(data []byte) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		r.fault(1, "", "the table is not UTF-8")
		return
	}
	skipped := 0
	for len(data) > 0 {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		text := strings.TrimSpace(string(line))
		if text != "" && !strings.HasPrefix(text, "#") {
			break
		}
		skipped++
		r.comment(skipped, text)
		data = rest
	}
	reader := csv.NewReader(bytes.NewReader(data))
	reader.Comment = '#'
	header, err := reader.Read()
	if err != nil {
		r.fault(skipped+1, "", "the table has no header line")
		return
	}
	columns, ok := r.header(skipped+1, header)
	if !ok {
		return
	}
	for {
		row, err := reader.Read()
		if err == io.EOF {
			return
		}
		if err != nil {
			line := skipped + 1
			var bad *csv.ParseError
			if errors.As(err, &bad) {
				line, err = skipped+bad.Line, bad.Err
			}
			r.fault(line, "", "the row cannot be read: %v", err)
			return
		}
		line, _ := reader.FieldPos(0)
		r.row(skipped+line, func(column string) string {
			if i, ok := columns[column]; ok {
				return strings.TrimSpace(row[i])
			}
			return ""
		})
	}
}

// header checks the columns; ok is false where the rows cannot be understood.
func (r *tableReader) header(line int, header []string) (columns map[string]int, ok bool) {
	columns, ok = map[string]int{}, true
	for i, name := range header {
		name = strings.TrimSpace(name)
		if _, twice := columns[name]; twice {
			r.fault(line, "", "column %s stands twice", name)
		}
		columns[name] = i
		if r.table.match == nil && !slices.Contains(codeColumns, name) {
			r.fault(line, didYouMean(name, codeColumns), "unknown column %s", name)
		}
		if r.table.match != nil && !slices.Contains(r.table.match, name) {
			r.table.results = append(r.table.results, name)
		}
	}
	if _, found := columns["code"]; r.table.match == nil && !found {
		r.fault(line, "", "the table has no column code")
		ok = false
	}
	for _, name := range r.table.match {
		if _, found := columns[name]; !found {
			r.fault(line, didYouMean(name, header), "match names column %s, which the header does not have", name)
			ok = false
		}
	}
	return columns, ok
}

// yaml reads the same table as YAML: unknown, match and rows, a list of mappings.
func (r *tableReader) yaml(data []byte) {
	var doc struct {
		Unknown string
		Match   []string
		Rows    []yaml.Node
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&doc); err != nil {
		r.fault(1, "a table has unknown, match and rows", "the table cannot be read: %v", err)
		return
	}
	if doc.Unknown != "" {
		r.setPolicy(1, doc.Unknown)
	}
	r.table.match = doc.Match
	names := map[string]bool{}
	rows := make([]map[string]string, len(doc.Rows))
	for i := range doc.Rows {
		if err := doc.Rows[i].Decode(&rows[i]); err != nil {
			r.fault(doc.Rows[i].Line, "", "a row is a mapping of column to text")
			return
		}
		for name := range rows[i] {
			names[name] = true
		}
	}
	header := make([]string, 0, len(names))
	for name := range names {
		header = append(header, name)
	}
	sort.Strings(header)
	if _, ok := r.header(1, header); !ok {
		return
	}
	for i, row := range rows {
		r.row(doc.Rows[i].Line, func(column string) string { return strings.TrimSpace(row[column]) })
	}
}

func (r *tableReader) row(line int, get func(string) string) {
	if r.table.match != nil {
		r.matchRow(line, get)
		return
	}
	row := codeRow{
		code: get("code"), display: get("display"), system: get("system"), target: get("target"),
		targetDisplay: get("targetDisplay"), from: get("validFrom"), to: get("validTo"), line: line,
	}
	if row.code == "" {
		r.fault(line, "", "the row has no code")
		return
	}
	for _, day := range []*string{&row.from, &row.to} {
		if *day == "" {
			continue
		}
		m, ok := parseMoment(*day)
		if !ok || m.clock != "" || len(m.date) != 10 {
			r.fault(line, "write YYYY-MM-DD", "the row's validity is not a date")
			return
		}
		*day = m.date
	}
	if row.from != "" && row.to != "" && row.to < row.from {
		r.fault(line, "", "the row ends before it begins")
		return
	}
	for _, other := range r.table.byCode[row.code] {
		if row.overlaps(other) {
			r.fault(line, "", "code %s has another row, in line %d, that is valid on the same days", row.code, other.line)
			return
		}
	}
	r.table.byCode[row.code] = append(r.table.byCode[row.code], row)
}

func (r *tableReader) check() {
	t := r.table
	if t.policy == "" {
		t.policy = policyQuarantine
		if t.match != nil {
			t.policy = policyNone
		}
	}
	if t.policy == policyDefault {
		if _, ok := t.byCode[t.fallback]; !ok {
			r.fault(1, "", "the default %s is no code of the table", strconv.Quote(t.fallback))
		}
	}
}

// find gives the row of a code on a day. known tells whether the code has any row at all.
func (t *codeTable) find(code, day string) (row codeRow, ok, known bool) {
	rows := t.byCode[code]
	for _, row := range rows {
		if row.validOn(day) {
			return row, true, true
		}
	}
	return codeRow{}, false, len(rows) > 0
}

// matchRow is a row of a lookup table: a pattern for each match column, and the
// other columns that are not empty.
type matchRow struct {
	patterns []cell
	result   map[string]any
}

// cell is what a value is compared with: anything, a regular expression, or a text.
type cell struct {
	text string
	expr *regexp.Regexp
}

func (c cell) fits(value string) bool {
	if c.expr != nil {
		return c.expr.MatchString(value)
	}
	return c.text == "" || c.text == value
}

func (r *tableReader) matchRow(line int, get func(string) string) {
	row := matchRow{result: map[string]any{}}
	for _, column := range r.table.match {
		text := get(column)
		c := cell{text: text}
		if len(text) >= 2 && text[0] == '/' && text[len(text)-1] == '/' {
			expr, err := regexp.Compile("(?i)" + text[1:len(text)-1])
			if err != nil {
				r.fault(line, "", "column %s is not a regular expression: %v", column, err)
				return
			}
			c.expr = expr
		}
		row.patterns = append(row.patterns, c)
	}
	for _, column := range r.table.results {
		if text := get(column); text != "" {
			row.result[column] = text
		}
	}
	r.table.rows = append(r.table.rows, row)
}

// lookup gives the first row whose match columns fit the values.
func (t *codeTable) lookup(values []string) (map[string]any, bool) {
	for _, row := range t.rows {
		fits := true
		for i, c := range row.patterns {
			if !c.fits(values[i]) {
				fits = false
				break
			}
		}
		if fits {
			return row.result, true
		}
	}
	return nil, false
}
