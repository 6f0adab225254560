package store

import (
	"encoding/json"
	"fmt"
	"slices"

	"samsyn/internal/care"
)

// Lineage is kept as a JSON list of [element, rule number, line, source field …].
func (w *work) lineage(ls []care.Lineage) (string, error) {
	out := make([][]any, len(ls))
	for i, l := range ls {
		row := append(make([]any, 0, 3+len(l.From)), l.Element, w.page.rules[l.Rule], l.Line)
		for _, f := range l.From {
			row = append(row, f)
		}
		out[i] = row
	}
	b, err := json.Marshal(out)
	return string(b), err
}

var putRule = say(`INSERT INTO rule (text) SELECT k.text FROM {rows}`, "text")

type ruleRow struct {
	ID   int64  `db:"id"`
	Text string `db:"text"`
}

// loadRules finds the numbers of the rules of shapes, and numbers those that are new. They
// are as many as the maps have expressions: a new one is rare. The lock over rules is held.
func (w *work) loadRules(shapes [][]any) error {
	if len(w.missingRules(shapes)) == 0 {
		return nil
	}
	if w.page.rules == nil {
		w.page.rules = map[string]int64{}
	}
	read := func() error {
		var rows []ruleRow
		if err := w.list(&rows, `SELECT id, text FROM rule`); err != nil {
			return err
		}
		for _, r := range rows {
			w.page.rules[r.Text] = r.ID
		}
		return nil
	}
	if err := read(); err != nil {
		return err
	}
	var rows [][]any
	for _, text := range w.missingRules(shapes) {
		rows = append(rows, []any{text})
	}
	if len(rows) == 0 {
		return nil
	}
	if err := w.tell(&putRule, rows); err != nil {
		return err
	}
	return read()
}

func (w *work) missingRules(shapes [][]any) []string {
	var out []string
	for _, row := range shapes {
		for _, l := range w.page.shapes[shape(row[0].([]byte))] {
			if _, known := w.page.rules[l.Rule]; !known && !slices.Contains(out, l.Rule) {
				out = append(out, l.Rule)
			}
		}
	}
	return out
}

// readLineage is the reverse of lineage.
func readLineage(text string, rules map[int64]string) ([]care.Lineage, error) {
	var rows [][]any
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, fmt.Errorf("read lineage: %w", err)
	}
	out := make([]care.Lineage, 0, len(rows))
	for _, r := range rows {
		if len(r) < 3 {
			continue
		}
		element, _ := r[0].(string)
		rule, _ := r[1].(float64)
		line, _ := r[2].(float64)
		l := care.Lineage{Element: element, Rule: rules[int64(rule)], Line: int(line)}
		for _, f := range r[3:] {
			s, _ := f.(string)
			l.From = append(l.From, s)
		}
		out = append(out, l)
	}
	return out, nil
}
