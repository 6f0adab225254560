package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// half is a reader that breaks.
type half struct{ read bool }

func (h *half) Read(b []byte) (int, error) {
	if h.read {
		return 0, errors.New("broken")
	}
	h.read = true
	return copy(b, "half"), nil
}

// TestExportIsTheOwnersAlone: the file is read by its owner alone, takes the place of none, and is whole or not there.
func TestExportIsTheOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.zip")
	if err := writeNew(path, &half{}); err == nil {
		t.Fatal("half a file was taken for a whole")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("half a file is left: %v", err)
	}
	if err := writeNew(path, strings.NewReader("whole")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	if err := writeNew(path, strings.NewReader("other")); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file was overwritten: %v", err)
	}
}
