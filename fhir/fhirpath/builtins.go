package fhirpath

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// table holds all built-in functions; the groups stand in the order of the
// specification. It is made once and never changed.
var table = sync.OnceValue(func() map[string]Function {
	all := map[string]Function{}
	for _, group := range [][]Function{
		existenceFunctions(), filterFunctions(), subsetFunctions(), combineFunctions(),
		conversionFunctions(), stringFunctions(), encodingFunctions(), mathFunctions(), treeFunctions(),
		utilityFunctions(), typeFunctions(), aggregateFunctions(), boundaryFunctions(), fhirFunctions(),
	} {
		for _, f := range group {
			all[f.Name] = f
		}
	}
	return all
})

func builtin(name string) (Function, bool) {
	f, ok := table()[name]
	return f, ok
}

func sortedFunctions() []Function {
	var out []Function
	for _, f := range table() {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func arity(f Function) string {
	switch {
	case f.MaxArgs < 0:
		return fmt.Sprintf("at least %d arguments", f.MinArgs)
	case f.MinArgs == f.MaxArgs && f.MinArgs == 1:
		return "1 argument"
	case f.MinArgs == f.MaxArgs:
		return fmt.Sprintf("%d arguments", f.MinArgs)
	}
	return fmt.Sprintf("%d to %d arguments", f.MinArgs, f.MaxArgs)
}

// suggest names the function that was probably meant.
func (c *compiler) suggest(name string) string {
	best, distance := "", 3
	consider := func(candidate string) {
		if d := edits(name, candidate); d < distance || d == distance && candidate < best {
			best, distance = candidate, d
		}
	}
	for n := range table() {
		consider(n)
	}
	for n := range c.functions {
		consider(n)
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "()?"
}

// edits counts how many letters differ (Levenshtein distance, without case).
func edits(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
