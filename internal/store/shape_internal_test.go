package store

import (
	"testing"

	"samsyn/internal/care"
)

// TestShapesAreBounded: what is held in memory does not grow with what is read.
func TestShapesAreBounded(t *testing.T) {
	var c shapes
	ls := make([]care.Lineage, 999)
	for i := range 1000 {
		sh := shape{byte(i), byte(i >> 8)}
		c.put(sh, ls)
		c.put(sh, ls)
		if _, held := c.get(sh); !held {
			t.Fatal("what was just read is not held")
		}
		if len(c.held)*1000 > shapesHeld || len(c.held)*1000 != c.size {
			t.Fatalf("%d lineages are held after %d, size %d", len(c.held), i+1, c.size)
		}
	}
}

// TestShapeIsWhatItSays: what differs in any word has another shape, also where the same
// letters stand in other places.
func TestShapeIsWhatItSays(t *testing.T) {
	all := [][]care.Lineage{
		nil,
		{{}},
		{{}, {}},
		{{Element: "ab", Rule: "c"}},
		{{Element: "a", Rule: "bc"}},
		{{Element: "a", Rule: "b", From: []string{"c"}}},
		{{Element: "a", Rule: "b", From: []string{"c", ""}}},
		{{Element: "a", Rule: "b", From: []string{"", "c"}}},
		{{Element: "a", Rule: "b", Line: 1}},
		{{Element: "a", Rule: "b"}, {Element: "c"}},
	}
	met := map[shape]int{}
	var room []byte
	for i, ls := range all {
		var sh shape
		sh, room = shapeOf(ls, room)
		if before, double := met[sh]; double {
			t.Errorf("%+v and %+v have one shape", all[before], ls)
		}
		met[sh] = i
		if again, _ := shapeOf(ls, nil); again != sh {
			t.Errorf("%+v has two shapes", ls)
		}
	}
}
