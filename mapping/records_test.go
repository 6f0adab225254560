package mapping_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"samsyn/mapping"
)

var update = flag.Bool("update", false, "write what the maps make now as the expected output, and docs/mapping.md's function list")

// The demo's moment, and a key that is as good as any other: ids in outputs are stable.
var (
	demoNow = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	demoKey = []byte("a key for tests only")
)

var media = map[string]string{".json": "application/json", ".xml": "application/xml", ".csv": "text/csv"}

// mapFile applies the map system/kind to an input file; the source has the system's name.
func mapFile(t *testing.T, set *mapping.Set, system, kind, file string) (mapping.Result, error) {
	t.Helper()
	m, ok := set.Map(system, kind)
	if !ok {
		t.Fatalf("no map %s/%s for %s", system, kind, file)
	}
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	return m.Apply(mapping.Input{Source: system, Kind: kind, Key: name, Media: media[filepath.Ext(file)], Body: body, Now: demoNow, IDKey: demoKey})
}

// golden is the form of an output file: everything a map says but the lineage.
type golden struct {
	Fault   string            `json:"fault,omitempty"`
	Skipped string            `json:"skipped,omitempty"`
	Service string            `json:"service,omitempty"`
	Subject *mapping.Subject  `json:"subject,omitempty"`
	Misses  []mapping.Miss    `json:"misses,omitempty"`
	Made    []json.RawMessage `json:"made,omitempty"`
}

func goldenOf(result mapping.Result, err error) []byte {
	g := golden{Service: result.Service, Subject: result.Subject, Misses: result.Misses}
	if err != nil {
		g.Fault = err.Error()
	}
	if result.Skipped {
		g.Skipped = result.Because
	}
	for _, made := range result.Made {
		g.Made = append(g.Made, made.Resource.Body)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(g); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func compareGolden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("no expected output (go test ./mapping -run Maps -update writes it; read it): %v", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs:\n%s", file, firstDifference(string(want), string(got)))
	}
}

// firstDifference shows the first lines that differ, with a few before.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < len(w) && i < len(g) && w[i] == g[i] {
		i++
	}
	around := func(lines []string) string {
		return strings.Join(lines[max(0, min(i-3, len(lines))):min(i+5, len(lines))], "\n")
	}
	return "--- want\n" + around(w) + "\n--- got\n" + around(g)
}

// TestMapsOnRecords applies every map to its inputs in testdata/records/<system>/<kind>/
// and compares with the outputs beside them. A map without a pair fails.
func TestMapsOnRecords(t *testing.T) {
	set, err := mapping.Load(mapping.Shipped)
	if err != nil {
		t.Errorf("the shipped maps have faults:\n%v", err)
	}
	root := filepath.Join("..", "testdata", "records")
	for _, m := range set.Maps() {
		t.Run(m.Name, func(t *testing.T) {
			inputs, err := filepath.Glob(filepath.Join(root, m.System(), m.Kind(), "*.input.*"))
			if err != nil {
				t.Fatal(err)
			}
			if len(inputs) == 0 {
				t.Fatalf("the map has no input in testdata/records/%s", m.Name)
			}
			for _, input := range inputs {
				result, err := mapFile(t, set, m.System(), m.Kind(), input)
				if errors.Is(err, mapping.ErrInternal) {
					t.Errorf("%s: %v", input, err)
				}
				compareGolden(t, input[:strings.LastIndex(input, ".input.")]+".output.json", goldenOf(result, err))
			}
		})
	}
}

// TestRecordsHaveMaps finds inputs that no map reads and outputs without an input:
// cases that look as if they were tested.
func TestRecordsHaveMaps(t *testing.T) {
	set, err := mapping.Load(mapping.Shipped)
	if err != nil {
		t.Skip("told by TestMapsOnRecords")
	}
	files, err := filepath.Glob(filepath.Join("..", "testdata", "records", "*", "*", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no records: %v", err)
	}
	for _, file := range files {
		kind := filepath.Dir(file)
		if _, ok := set.Map(filepath.Base(filepath.Dir(kind)), filepath.Base(kind)); !ok {
			t.Errorf("%s: there is no map for it", file)
		}
		if base, ok := strings.CutSuffix(file, ".output.json"); ok {
			if inputs, _ := filepath.Glob(base + ".input.*"); len(inputs) != 1 {
				t.Errorf("%s has %d inputs", file, len(inputs))
			}
		}
	}
}

// TestExample applies the worked example of docs/mapping.md.
func TestExample(t *testing.T) {
	set, err := mapping.Load(os.DirFS("testdata/example"))
	if err != nil {
		t.Fatal(err)
	}
	result, err := mapFile(t, set, "eksempel", "plan", "testdata/example/records/plan.input.json")
	compareGolden(t, "testdata/example/records/plan.output.json", goldenOf(result, err))
	if len(result.Made) != 4 {
		t.Errorf("made %d resources, want 4", len(result.Made))
	}
}
