package attack_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestElsewhereIsThere: what the catalogue says that other packages test is tested there.
func TestElsewhereIsThere(t *testing.T) {
	for _, e := range elsewhere {
		files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(e.pkg), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		test, found := regexp.MustCompile(`(?m)^func `+e.test+`\(t \*testing\.T\)`), false
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			found = found || test.Match(b)
		}
		if !found {
			t.Errorf("%s: %s has no %s", e.threat, e.pkg, e.test)
		}
	}
}
