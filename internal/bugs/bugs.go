// Package bugs owns the test of the tests: a public list of mistakes that others made
// in programs like this one (list.yaml, each with its precedent), each as a change of
// one place in our own code. Its test makes the change in a copy, runs the tests that
// should notice, and fails where they do not. The change is laid over the source when it
// is compiled (go build -overlay), so that no mistake stands in the program itself.
//
// It knows no domain: a mistake is a file, a text that stands there once, and another.
package bugs

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// Bug is one mistake.
type Bug struct {
	Name string `yaml:"name"`
	// Precedent is who made it, and where it is told.
	Precedent string `yaml:"precedent"`
	File      string `yaml:"file"` // from the root of the repository
	Find      string `yaml:"find"` // stands there exactly once
	Replace   string `yaml:"replace"`
	// Tests are the packages that should notice, Run the tests of them.
	Tests []string `yaml:"tests"`
	Run   string   `yaml:"run"`
}

//go:embed list.yaml
var list []byte

// List gives every mistake.
func List() ([]Bug, error) {
	var all []Bug
	d := yaml.NewDecoder(strings.NewReader(string(list)))
	d.KnownFields(true)
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("read list.yaml: %w", err)
	}
	return all, nil
}

// Seeded gives the file with the mistake in it. The error says why the list is out of
// step with the code.
func (b Bug) Seeded(root string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(b.File)))
	if err != nil {
		return nil, fmt.Errorf("bug %s: %w", b.Name, err)
	}
	if n := strings.Count(string(text), b.Find); n != 1 {
		return nil, fmt.Errorf("bug %s: the text to find stands %d times in %s, and must stand once", b.Name, n, b.File)
	}
	out, err := format.Source([]byte(strings.Replace(string(text), b.Find, b.Replace, 1)))
	if err != nil && strings.HasSuffix(b.File, ".go") {
		return nil, fmt.Errorf("bug %s: %w", b.Name, err)
	}
	if err != nil {
		out = []byte(strings.Replace(string(text), b.Find, b.Replace, 1))
	}
	return out, nil
}

// errUnnoticed: the tests pass with the mistake in the program.
var errUnnoticed = errors.New("the tests pass")

// Try runs the tests with the mistake in the program. nil: they noticed.
func (b Bug) Try(root, dir string) error {
	seeded, err := b.Seeded(root)
	if err != nil {
		return err
	}
	copied := filepath.Join(dir, filepath.Base(b.File))
	if err := os.WriteFile(copied, seeded, 0o600); err != nil {
		return err
	}
	overlay := filepath.Join(dir, "overlay.json")
	plan, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, filepath.FromSlash(b.File)): copied}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(overlay, plan, 0o600); err != nil {
		return err
	}
	args := append([]string{"test", "-overlay", overlay, "-vet=off", "-failfast", "-run", b.Run}, b.Tests...)
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "SAMSYN_TEST_SIZE=")
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return fmt.Errorf("bug %s: %w: go %s", b.Name, errUnnoticed, strings.Join(args, " "))
	case strings.Contains(string(out), "[build failed]") || strings.Contains(string(out), "[setup failed]") || !strings.Contains(string(out), "FAIL"):
		return fmt.Errorf("bug %s does not build: %w\n%s", b.Name, err, out)
	}
	return nil
}
