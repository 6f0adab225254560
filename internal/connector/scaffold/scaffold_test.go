package scaffold_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"samsyn/internal/connector"
	"samsyn/internal/connector/scaffold"
	"samsyn/mapping"
)

func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path) // path lies below dir
			all = append(all, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// inside makes a folder look like Samsyn's own source folder.
func inside(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module samsyn\n\ngo 1.26\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestNew(t *testing.T) {
	out := []string{"codes/fritid-status.csv", "connectors/fritid/README.md", "connectors/fritid/connector.yaml", "maps/fritid/tiltak.yaml",
		"records/fritid/tiltak/eksempel.input.json", "records/fritid/tiltak/eksempel.output.json"}
	in := []string{"adapters/fritid/README.md", "adapters/fritid/connector.yaml", "adapters/fritid/fritid_test.go", "go.mod", "mapping/codes/fritid-status.csv",
		"mapping/maps/fritid/tiltak.yaml", "testdata/records/fritid/tiltak/eksempel.input.csv", "testdata/records/fritid/tiltak/eksempel.output.json"}
	golang := []string{"adapters/fritid/README.md", "adapters/fritid/fritid.go", "adapters/fritid/fritid_test.go", "go.mod", "mapping/codes/fritid-status.csv",
		"mapping/maps/fritid/tiltak.yaml", "testdata/records/fritid/tiltak/eksempel.input.json", "testdata/records/fritid/tiltak/eksempel.output.json"}
	for name, c := range map[string]struct {
		dir  string
		o    scaffold.Options
		want []string
	}{
		"elsewhere, over HTTP":     {t.TempDir(), scaffold.Options{}, out},
		"inside, in a folder":      {inside(t), scaffold.Options{Folder: true}, in},
		"inside, an adapter in Go": {inside(t), scaffold.Options{Go: true}, golang},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Dir, c.o.Name = c.dir, "fritid"
			made, err := scaffold.New(c.o)
			if err != nil {
				t.Fatal(err)
			}
			got := files(t, c.dir)
			if !slices.Equal(got, c.want) {
				t.Errorf("made %q\nwant %q", got, c.want)
			}
			if slices.Contains(got, "go.mod") != made.Inside {
				t.Errorf("inside is %t", made.Inside)
			}
			usable(t, c.dir, made)
			if _, err := scaffold.New(c.o); !errors.Is(err, scaffold.ErrInvalid) || !strings.Contains(err.Error(), "is there already") {
				t.Errorf("a second time: %v", err)
			}
		})
	}
}

// usable holds what was made to what reads it.
func usable(t *testing.T, dir string, made scaffold.Made) {
	t.Helper()
	for _, f := range made.Files {
		body, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(string(body), "[[") {
			t.Errorf("%s holds a placeholder", f)
		}
		switch {
		case strings.HasSuffix(f, "connector.yaml"):
			if d, err := connector.Parse(f, body); err != nil || d.Name != "fritid" {
				t.Errorf("the connector cannot be read: %v", err)
			}
		case strings.HasSuffix(f, "output.json"):
			if !strings.Contains(string(body), "Svømmegruppe") || !strings.Contains(string(body), `"status": "active"`) {
				t.Errorf("the map makes of the example:\n%s", body)
			}
		case strings.HasSuffix(f, "/tiltak.yaml"):
			root := strings.TrimSuffix(f, "maps/fritid/tiltak.yaml")
			if _, err := mapping.Load(os.DirFS(filepath.Join(dir, root))); err != nil {
				t.Errorf("the map has faults: %v", err)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for name, o := range map[string]scaffold.Options{
		"no name":                     {Dir: t.TempDir()},
		"a name that leads elsewhere": {Dir: t.TempDir(), Name: "../x"},
		"a bad kind":                  {Dir: t.TempDir(), Name: "x", Kind: "a/b"},
		"Go in a folder":              {Dir: inside(t), Name: "x", Go: true, Folder: true},
		"Go elsewhere":                {Dir: t.TempDir(), Name: "x", Go: true},
		"a word of Go":                {Dir: inside(t), Name: "range", Go: true},
	} {
		if _, err := scaffold.New(o); !errors.Is(err, scaffold.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if made := files(t, o.Dir); len(made) > 1 {
			t.Errorf("%s: made %v", name, made)
		}
	}
}

// TestPassesItsOwnTestAtOnce makes one source of each sort, lays it over this module for
// the compiler alone, and runs the tests that came with it where it was made.
func TestPassesItsOwnTestAtOnce(t *testing.T) {
	if os.Getenv("SAMSYN_TEST_SIZE") != "ci" {
		t.Skip("compiles three packages: set SAMSYN_TEST_SIZE=ci")
	}
	top, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []scaffold.Options{{Name: "over-http"}, {Name: "mappe", Folder: true}, {Name: "i-go", Go: true}} {
		t.Run(o.Name, func(t *testing.T) {
			o.Dir = inside(t)
			made, err := scaffold.New(o)
			if err != nil {
				t.Fatal(err)
			}
			replace := map[string]string{}
			for _, f := range made.Files {
				replace[filepath.Join(top, f)] = filepath.Join(o.Dir, f)
			}
			overlay, err := json.Marshal(map[string]any{"Replace": replace})
			if err != nil {
				t.Fatal(err)
			}
			list, binary := filepath.Join(t.TempDir(), "overlay.json"), filepath.Join(t.TempDir(), "new.test")
			if err := os.WriteFile(list, overlay, 0o600); err != nil {
				t.Fatal(err)
			}
			compile := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-overlay", list, "-o", binary, "./adapters/"+o.Name)
			compile.Dir = top
			if out, err := compile.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			run := exec.CommandContext(t.Context(), binary, "-test.v")
			run.Dir = filepath.Join(o.Dir, "adapters", o.Name)
			out, err := run.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range []string{"--- PASS: TestContract/", "--- PASS: TestEveryRecordHasAMeaning"} {
				if !strings.Contains(string(out), want) {
					t.Errorf("no %q:\n%s", want, out)
				}
			}
		})
	}
}
