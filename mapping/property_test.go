package mapping_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"samsyn/fhir"
	"samsyn/mapping"
)

// example loads the worked example, with its map changed by change.
func example(t testing.TB, change func([]byte) []byte) *mapping.Map {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, pattern := range []string{"maps/*/*.yaml", "codes/*.csv"} {
		files, err := filepath.Glob("testdata/example/" + pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no example: %v", err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if change != nil && strings.HasSuffix(file, ".yaml") {
				data = change(data)
			}
			fsys[strings.TrimPrefix(file, "testdata/example/")] = &fstest.MapFile{Data: data}
		}
	}
	set, err := mapping.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := set.Map("eksempel", "plan")
	return m
}

func exampleRecord(t testing.TB) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/example/records/plan.input.json")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// word is a value of a record: prose with the odd letter, never blank.
var word = rapid.StringMatching(`[A-Za-zæøåÆØÅ"\\{}%' -]{0,12}[a-zæøå]`)

// planRecord draws a record for the example's map.
func planRecord(t *rapid.T) map[string]any {
	date := rapid.SampledFrom([]any{"01.02.2026", "2026-03-04", "20260405", "2026-05", nil, ""})
	maybe := func(g *rapid.Generator[string]) *rapid.Generator[any] {
		return rapid.Custom(func(t *rapid.T) any {
			if rapid.Bool().Draw(t, "absent") {
				return nil
			}
			return g.Draw(t, "value")
		})
	}
	nr := 0
	list := func(name string, most int, f func(*rapid.T) map[string]any) []any {
		out := []any{}
		for range rapid.IntRange(0, most).Draw(t, name) {
			nr++
			out = append(out, f(t))
		}
		return out
	}
	return map[string]any{
		"nr": word.Draw(t, "nr"), "type": rapid.SampledFrom([]any{1, 2, "1"}).Draw(t, "type"), "start": date.Draw(t, "start"), "slutt": date.Draw(t, "slutt"),
		"barn":      map[string]any{"nr": rapid.IntRange(1, 99).Draw(t, "barn"), "fornavn": maybe(word).Draw(t, "fornavn"), "navn": word.Draw(t, "navn")},
		"skjerming": []any{word.Draw(t, "skjerming")},
		"mal": list("mal", 3, func(t *rapid.T) map[string]any {
			return map[string]any{"nr": nr, "tekst": word.Draw(t, "tekst")}
		}),
		"tiltak": list("tiltak", 3, func(t *rapid.T) map[string]any {
			return map[string]any{"hva": maybe(word).Draw(t, "hva"), "status": rapid.SampledFrom([]string{"pågår", "ferdig", "annet"}).Draw(t, "s"), "hvem": maybe(word).Draw(t, "hvem"), "fra": date.Draw(t, "fra")}
		}),
		"team": list("team", 3, func(t *rapid.T) map[string]any {
			return map[string]any{"navn": word.Draw(t, "navn"), "rolle": rapid.SampledFrom([]any{"8", "20", nil}).Draw(t, "rolle"), "hpr": maybe(rapid.StringMatching(`99[0-9]{5}`)).Draw(t, "hpr")}
		}),
		"dokumenter": list("dokumenter", 3, func(t *rapid.T) map[string]any {
			return map[string]any{"type": rapid.SampledFrom([]string{"VEDTAK", "NOTAT", "X"}).Draw(t, "t"), "tittel": rapid.SampledFrom([]string{"Referat fra ansvarsgruppemøte", "Annet"}).Draw(t, "tittel")}
		}),
	}
}

func marshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// apply maps a drawn record. Some are rightly refused (a name is the end before the
// start, say); those tell nothing about the properties.
func apply(t *rapid.T, m *mapping.Map, record map[string]any) (mapping.Result, bool) {
	result, err := m.Apply(input(marshal(record)))
	if errors.Is(err, mapping.ErrInternal) || errors.Is(err, mapping.ErrDecode) {
		t.Fatal(err)
	}
	return result, err == nil
}

// TestKeyOrderMeansNothing shuffles every mapping of the map file and every object of
// the record: the result stays the same.
func TestKeyOrderMeansNothing(t *testing.T) {
	plain := example(t, nil)
	rapid.Check(t, func(rt *rapid.T) {
		shuffled := example(t, func(data []byte) []byte {
			var doc yaml.Node
			if err := yaml.Unmarshal(data, &doc); err != nil {
				rt.Fatal(err)
			}
			shuffle(rt, &doc)
			out, err := yaml.Marshal(&doc)
			if err != nil {
				rt.Fatal(err)
			}
			return out
		})
		want, err := plain.Apply(input(string(exampleRecord(t))))
		if err != nil {
			rt.Fatal(err)
		}
		got, err := shuffled.Apply(input(string(exampleRecord(t))))
		if err != nil {
			rt.Fatal(err)
		}
		if !reflect.DeepEqual(bodies(got), bodies(want)) || !reflect.DeepEqual(got.Subject, want.Subject) {
			rt.Fatalf("got  %v\nwant %v", bodies(got), bodies(want))
		}
	})
}

func shuffle(t *rapid.T, n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		order := make([]int, len(n.Content)/2)
		for i := range order {
			order[i] = i
		}
		order = rapid.Permutation(order).Draw(t, "order")
		content := make([]*yaml.Node, 0, len(n.Content))
		for _, i := range order {
			content = append(content, n.Content[2*i], n.Content[2*i+1])
		}
		n.Content = content
	}
	for _, child := range n.Content {
		shuffle(t, child)
	}
}

func bodies(result mapping.Result) []string {
	var out []string
	for _, made := range result.Made {
		out = append(out, string(made.Resource.Body))
	}
	sort.Strings(out)
	return out
}

// TestApplyIsPure maps the same record many times at once: always the same.
func TestApplyIsPure(t *testing.T) {
	m := example(t, nil)
	rapid.Check(t, func(rt *rapid.T) {
		record := planRecord(rt)
		want, ok := apply(rt, m, record)
		if !ok {
			return
		}
		results := make([]mapping.Result, 8)
		var group sync.WaitGroup
		for i := range results {
			group.Go(func() { results[i], _ = m.Apply(input(marshal(record))) })
		}
		group.Wait()
		for _, got := range results {
			if !reflect.DeepEqual(got, want) {
				rt.Fatalf("got  %+v\nwant %+v", got, want)
			}
		}
	})
}

var (
	hashed   = regexp.MustCompile(`^([A-Za-z]+/)?[a-z2-7]{26}$`)
	isoLike  = regexp.MustCompile(`^\d{4}(-\d{2}(-\d{2})?)?$`)
	anyIndex = regexp.MustCompile(`\[(\d+)\]`)
)

// TestNoInvention: every text in what is made stands in the record, the map or a
// table, is an id, is a date of the record in another form, or is put together of such.
// And every element has lineage whose source fields exist.
func TestNoInvention(t *testing.T) {
	var given strings.Builder
	for _, pattern := range []string{"maps/*/*.yaml", "codes/*.csv"} {
		files, _ := filepath.Glob("testdata/example/" + pattern)
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			given.Write(data)
		}
	}
	for _, code := range []string{"8", "20"} { // role()
		given.WriteString(fhir.SystemRole + " " + fhir.RoleDisplay(code))
	}
	given.WriteString(fhir.SystemHPR)
	m := example(t, nil)
	made := 0
	rapid.Check(t, func(rt *rapid.T) {
		record := planRecord(rt)
		result, ok := apply(rt, m, record)
		if !ok {
			return
		}
		made++
		var source []string
		leaves(record, "", func(_, s string) { source = append(source, s) })
		for _, one := range result.Made {
			var body map[string]any
			if err := json.Unmarshal(one.Resource.Body, &body); err != nil {
				rt.Fatal(err)
			}
			elements := map[string]bool{}
			leaves(body, one.Resource.Type, func(path, s string) {
				elements[path] = true
				if !stands(s, source, given.String()) {
					rt.Fatalf("%s: %q is invented; record %s", path, s, marshal(record))
				}
			})
			if len(one.Lineage) != len(elements) {
				rt.Fatalf("%d elements have %d lineages", len(elements), len(one.Lineage))
			}
			for _, l := range one.Lineage {
				if !elements[l.Element] || l.Line == 0 || !strings.HasPrefix(l.Rule, fmt.Sprintf("maps/eksempel/plan.yaml:%d: ", l.Line)) {
					rt.Fatalf("lineage %+v", l)
				}
				for _, from := range l.From {
					if !reaches(record, from) {
						rt.Fatalf("lineage %+v names a field that the record has not", l)
					}
				}
			}
		}
	})
	if made == 0 {
		t.Fatal("no drawn record could be mapped")
	}
}

// stands tells whether s is made of the record's texts and what the map gives.
func stands(s string, source []string, given string) bool {
	if hashed.MatchString(s) || strings.Contains(given, s) {
		return true
	}
	if isoLike.MatchString(s) {
		digits := strings.ReplaceAll(s, "-", "")
		for _, have := range source {
			if have == s || have == digits || (len(s) == 10 && have == s[8:]+"."+s[5:7]+"."+s[:4]) {
				return true
			}
		}
	}
	return composed(s, append([]string{"Plan ", " for ", ": ", "Deltaker ", "Vedtak", "Ansvarsgruppemøte", "1", "2", "3"}, source...))
}

// composed tells whether s is pieces in a row.
func composed(s string, pieces []string) bool {
	reached := make([]bool, len(s)+1)
	reached[0] = true
	for i := range s {
		for _, piece := range pieces {
			if reached[i] && piece != "" && strings.HasPrefix(s[i:], piece) {
				reached[i+len(piece)] = true
			}
		}
	}
	return reached[len(s)]
}

func leaves(v any, path string, f func(path, s string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			leaves(member, path+"."+name, f)
		}
	case []any:
		for i, item := range v {
			leaves(item, fmt.Sprintf("%s[%d]", path, i), f)
		}
	case nil:
	case string:
		if v != "" {
			f(path, v)
		}
	default:
		f(path, fmt.Sprint(v))
	}
}

// reaches follows "plan.tiltak[0].fra" in the record.
func reaches(record any, path string) bool {
	path = anyIndex.ReplaceAllString(path, ".$1")
	steps := strings.Split(path, ".")
	if steps[0] != "plan" {
		return false
	}
	for _, step := range steps[1:] {
		switch v := record.(type) {
		case map[string]any:
			if _, ok := v[step]; !ok {
				return false
			}
			record = v[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(v) {
				return false
			}
			record = v[i]
		default:
			return false
		}
	}
	return true
}

func FuzzApply(f *testing.F) {
	m := example(f, nil)
	f.Add(exampleRecord(f), uint8(0))
	f.Add([]byte(`<plan nr="1"><type>2</type><barn><nr>3</nr></barn><team rolle="8"/></plan>`), uint8(1))
	f.Add([]byte("nr,type,start\n1,2,01.02.2026\n"), uint8(2))
	f.Add([]byte(`{"nr":{"x":[null,"\ud800"]},"mal":[[1,2]],"tiltak":"a","type":1}`), uint8(0))
	kinds := []string{"application/json", "application/xml", "text/csv"}
	f.Fuzz(func(t *testing.T, body []byte, kind uint8) {
		in := input(string(body))
		in.Media = kinds[int(kind)%len(kinds)]
		result, err := m.Apply(in)
		var fault *mapping.RecordError
		if err != nil && (!errors.As(err, &fault) || errors.Is(err, mapping.ErrInternal)) {
			t.Fatal(err)
		}
		if in.Media == kinds[0] && !json.Valid(body) && !errors.Is(err, mapping.ErrDecode) {
			t.Fatalf("bad JSON was read: %v", err)
		}
		for _, made := range result.Made {
			if parsed, err := fhir.Parse(made.Resource.Body); err != nil || parsed.ID != made.Resource.ID {
				t.Fatalf("%s: %v", made.Resource.Body, err)
			}
			if issues := fhir.Errors(fhir.Validate(made.Resource)); len(issues) > 0 {
				t.Fatal(issues)
			}
		}
	})
}
