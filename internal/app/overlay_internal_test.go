package app

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
)

// brokenFS cannot be read at all.
type brokenFS struct{}

func (brokenFS) Open(string) (fs.File, error) { return nil, errors.New("disk on fire") }

func TestOverlay(t *testing.T) {
	base := fstest.MapFS{"maps/a/x.yaml": {Data: []byte("base x")}, "maps/a/y.yaml": {Data: []byte("base y")}, "codes/c.csv": {Data: []byte("base c")}}
	over := fstest.MapFS{"maps/a/x.yaml": {Data: []byte("over x")}, "maps/b/z.yaml": {Data: []byte("over z")}}
	o := overlay{over, base}
	for name, want := range map[string]string{"maps/a/x.yaml": "over x", "maps/a/y.yaml": "base y", "maps/b/z.yaml": "over z", "codes/c.csv": "base c"} {
		if got, err := fs.ReadFile(o, name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	var walked []string
	err := fs.WalkDir(o, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			walked = append(walked, path)
		}
		return err
	})
	if err != nil || len(walked) != 4 {
		t.Errorf("walked %v, %v", walked, err)
	}
	if _, err := o.Open("nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open what is nowhere: %v", err)
	}
	if _, err := o.ReadDir("nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("list what is nowhere: %v", err)
	}
	for name, broken := range map[string]overlay{"over": {brokenFS{}, base}, "base": {over, brokenFS{}}} {
		if _, err := broken.ReadDir("maps"); err == nil {
			t.Errorf("a broken %s is not told", name)
		}
	}
}
