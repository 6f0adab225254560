package bugs_test

import (
	"os"
	"path/filepath"
	"testing"

	"samsyn/internal/bugs"
)

func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// TestListIsInStep: each mistake can be made in today's code, and says whose it was.
func TestListIsInStep(t *testing.T) {
	all, err := bugs.List()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, b := range all {
		if b.Name == "" || b.Precedent == "" || len(b.Tests) == 0 || b.Run == "" || names[b.Name] {
			t.Errorf("bug %q lacks a name of its own, precedent, tests or run", b.Name)
		}
		names[b.Name] = true
		if _, err := b.Seeded(root(t)); err != nil {
			t.Error(err)
		}
	}
}

// TestEveryBugIsNoticed makes each mistake and runs the tests that should notice. It
// compiles much: without SAMSYN_BUGS=1 (make bugs, and a step of .ci/run) it makes the first one alone.
func TestEveryBugIsNoticed(t *testing.T) {
	all, err := bugs.List()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("SAMSYN_BUGS") == "" {
		all = all[:min(1, len(all))]
	}
	found := 0
	for _, b := range all {
		t.Run(b.Name, func(t *testing.T) {
			if err := b.Try(root(t), t.TempDir()); err != nil {
				t.Fatal(err)
			}
			found++
		})
	}
	t.Logf("%d of %d noticed", found, len(all))
}
