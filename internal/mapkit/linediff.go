package mapkit

import (
	"fmt"
	"strings"
)

// around is how many equal lines are shown beside a difference.
const around = 3

// maxCells bounds the table of the comparison; larger texts are compared from both ends only.
const maxCells = 4_000_000

// LineDiff shows how two texts differ, line by line: " " both, "-" only the first, "+"
// only the second, with the places' line numbers. It is "" where they are equal.
func LineDiff(a, b string) string {
	if a == b {
		return ""
	}
	edits := edit(strings.SplitAfter(a, "\n"), strings.SplitAfter(b, "\n"))
	var out strings.Builder
	last := -1
	for i, e := range edits {
		if e.sign == ' ' && !near(edits, i) {
			continue
		}
		if last != i-1 || last == -1 {
			fmt.Fprintf(&out, "@@ line %d, now %d\n", e.a+1, e.b+1)
		}
		last = i
		if e.text != "" {
			out.WriteString(string(e.sign) + strings.TrimSuffix(e.text, "\n") + "\n")
		}
	}
	return out.String()
}

type lineEdit struct {
	sign rune
	text string
	a, b int // line in either text
}

func near(edits []lineEdit, i int) bool {
	for j := max(0, i-around); j <= min(len(edits)-1, i+around); j++ {
		if edits[j].sign != ' ' {
			return true
		}
	}
	return false
}

// edit is the shortest way from a to b (the longest common subsequence).
func edit(a, b []string) []lineEdit {
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < len(a)-start && end < len(b)-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	var out []lineEdit
	for i := range start {
		out = append(out, lineEdit{' ', a[i], i, i})
	}
	out = append(out, middle(a[start:len(a)-end], b[start:len(b)-end], start)...)
	for i := len(a) - end; i < len(a); i++ {
		out = append(out, lineEdit{' ', a[i], i, i - len(a) + len(b)})
	}
	return out
}

func middle(a, b []string, from int) []lineEdit {
	var out []lineEdit
	i, j := 0, 0
	drop := func() { out = append(out, lineEdit{'-', a[i], from + i, from + j}); i++ }
	add := func() { out = append(out, lineEdit{'+', b[j], from + i, from + j}); j++ }
	if len(a)*len(b) <= maxCells {
		common := make([][]int32, len(a)+1)
		for k := range common {
			common[k] = make([]int32, len(b)+1)
		}
		for k := len(a) - 1; k >= 0; k-- {
			for l := len(b) - 1; l >= 0; l-- {
				if a[k] == b[l] {
					common[k][l] = common[k+1][l+1] + 1
				} else {
					common[k][l] = max(common[k+1][l], common[k][l+1])
				}
			}
		}
		for i < len(a) && j < len(b) {
			switch {
			case a[i] == b[j]:
				out = append(out, lineEdit{' ', a[i], from + i, from + j})
				i, j = i+1, j+1
			case common[i+1][j] >= common[i][j+1]:
				drop()
			default:
				add()
			}
		}
	}
	for i < len(a) {
		drop()
	}
	for j < len(b) {
		add()
	}
	return out
}
