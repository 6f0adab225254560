package store

import (
	"fmt"
	"slices"
	"strings"

	"samsyn/internal/care"
)

// columns are what a visible set is asked about, as a query names them; "" where the
// rows have no such thing.
type columns struct{ service, typ, marks, source, kind, key string }

// seen is the condition that lets through what a visible set holds, and its arguments, the
// first of them number from. Nothing visible is a condition that nothing meets. Lists
// are filled up, so that there are few different texts to prepare.
func seen(visible []care.Visible, c columns, from int) (string, []any) {
	var parts []string
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", from+len(args)-1)
	}
	in := func(column string, all []string) string {
		for _, v := range padded(all) {
			arg(v)
		}
		n := len(padded(all))
		return column + " IN (" + params(from+len(args)-n, n) + ")"
	}
	for _, g := range alike(visible) {
		conditions := []string{in(c.service, g.services)}
		if len(g.Types) > 0 && c.typ != "" {
			conditions = append(conditions, in(c.typ, g.Types))
		}
		if g.Without != 0 && c.marks != "" {
			conditions = append(conditions, "("+c.marks+" & "+arg(int64(g.Without))+") = 0")
		}
		for _, r := range padded(g.Except) {
			conditions = append(conditions, "NOT ("+c.source+" = "+arg(r.Source)+" AND "+c.kind+" = "+arg(r.Kind)+" AND "+c.key+" = "+arg(r.Key)+")")
		}
		parts = append(parts, "("+strings.Join(conditions, " AND ")+")")
	}
	if len(parts) == 0 {
		return "1 = 0", nil
	}
	return "(" + strings.Join(parts, " OR ") + ")", args
}

// group is services of which the same is visible.
type group struct {
	care.Visible
	services []string
}

func alike(visible []care.Visible) []group {
	var out []group
	for _, v := range visible {
		i := slices.IndexFunc(out, func(g group) bool {
			return g.Without == v.Without && slices.Equal(g.Types, v.Types) && slices.Equal(g.Except, v.Except)
		})
		if i < 0 {
			i = len(out)
			out = append(out, group{Visible: v})
		}
		out[i].services = append(out[i].services, string(v.Service))
	}
	return out
}

// padded repeats the last of a list until it is 1, 2, 4, 8 … long.
func padded[T any](list []T) []T {
	n := 1
	for n < len(list) {
		n *= 2
	}
	out := slices.Clone(list)
	for len(out) > 0 && len(out) < n {
		out = append(out, out[len(out)-1])
	}
	return out
}
