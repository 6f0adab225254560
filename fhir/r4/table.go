package r4

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed table.txt
var tableText string

type facts struct {
	types    map[string]*Type
	order    []*Type // by name
	patterns map[string]*regexp.Regexp
	sets     map[string]map[string]map[string]bool // value set → system → code
	codes    map[string]map[string]bool            // value set → code
}

// table is read at first use. The text is our own and tested; a fault in it is a
// broken build, so it panics.
var table = sync.OnceValue(func() *facts {
	f, err := parseTable(tableText)
	if err != nil {
		panic("r4: table.txt: " + err.Error())
	}
	return f
})

var kinds = map[string]Kind{"P": Primitive, "C": Complex, "B": Backbone, "R": Resource, "A": Abstract}

func parseTable(text string) (*facts, error) {
	f := &facts{
		types:    make(map[string]*Type, 700),
		patterns: map[string]*regexp.Regexp{},
		sets:     map[string]map[string]map[string]bool{},
		codes:    map[string]map[string]bool{},
	}
	lists := map[string][]string{"": nil} // equal lists share one slice
	var now *Type
	var set map[string]map[string]bool
	var all map[string]bool // the set's codes of every system
	line := 0
	for l := range strings.Lines(text) {
		line++
		col := strings.Split(strings.TrimSuffix(l, "\n"), "\t")
		switch {
		case col[0] == "T" && len(col) == 4 && kinds[col[2]] != 0:
			now = &Type{Name: col[1], Kind: kinds[col[2]], Base: col[3]}
			f.types[now.Name] = now
			f.order = append(f.order, now)
		case col[0] == "P" && len(col) == 2 && now != nil:
			re, err := regexp.Compile("^(?:" + col[1] + ")$")
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", line, err)
			}
			f.patterns[now.Name] = re
		case col[0] == "E" && len(col) == 7 && now != nil:
			e, err := parseElement(col[1:], lists)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", line, err)
			}
			now.Elements = append(now.Elements, e)
		case col[0] == "V" && len(col) == 2:
			set = map[string]map[string]bool{}
			all = map[string]bool{}
			f.sets[col[1]], f.codes[col[1]] = set, all
		case col[0] == "S" && len(col) > 2 && set != nil:
			codes := make(map[string]bool, len(col)-2)
			for _, c := range col[2:] {
				codes[c], all[c] = true, true
			}
			set[col[1]] = codes
		case strings.HasPrefix(l, "#"):
		default:
			return nil, fmt.Errorf("line %d is none of ours", line)
		}
	}
	done := map[*Type]bool{}
	for _, t := range f.order {
		if err := f.inherit(t, done); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func parseElement(col []string, lists map[string][]string) (Element, error) {
	list := func(s string) []string {
		l, ok := lists[s]
		if !ok {
			l = strings.Split(s, ",")
			lists[s] = l
		}
		return l
	}
	e := Element{Max: -1, Types: list(col[3]), Targets: list(col[4]), Binding: col[5]}
	e.Name, e.Choice = strings.CutSuffix(col[0], "[x]")
	var err error
	if e.Min, err = strconv.Atoi(col[1]); err != nil {
		return e, err
	}
	if col[2] != "*" {
		if e.Max, err = strconv.Atoi(col[2]); err != nil {
			return e, err
		}
	}
	if len(e.Types) == 0 {
		return e, fmt.Errorf("%s has no type", e.Name)
	}
	return e, nil
}

// inherit puts the base's elements before the type's own; an own element of the same
// name replaces the inherited one where it stands.
func (f *facts) inherit(t *Type, done map[*Type]bool) error {
	if done[t] || t.Base == "" {
		return nil
	}
	base, ok := f.types[t.Base]
	if !ok {
		return fmt.Errorf("%s has the unknown base %s", t.Name, t.Base)
	}
	if err := f.inherit(base, done); err != nil {
		return err
	}
	done[t] = true
	own := t.Elements
	t.Elements = make([]Element, 0, len(base.Elements)+len(own))
	t.Elements = append(t.Elements, base.Elements...)
	for _, e := range own {
		if i := slices.IndexFunc(base.Elements, func(b Element) bool { return b.Name == e.Name }); i >= 0 {
			t.Elements[i] = e
			continue
		}
		t.Elements = append(t.Elements, e)
	}
	return nil
}
