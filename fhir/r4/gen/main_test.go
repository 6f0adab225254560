package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The table in the repository is what the definitions give.
func TestTableIsCurrent(t *testing.T) {
	shared := os.Getenv("SAMSYN_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "shared")
	}
	definitions := filepath.Join(shared, "formats", "fhir-r4")
	if _, err := os.Stat(definitions); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the definitions are not there: %v", err)
		}
		t.Skipf("SKIPPED: the definitions are not there (set SAMSYN_SHARED): %v", err)
	}
	got, err := generate(definitions)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("..", "table.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("table.txt is not what the definitions give: run go run ./fhir/r4/gen")
	}
}
