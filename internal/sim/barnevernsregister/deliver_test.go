package barnevernsregistersim_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	sim "samsyn/internal/sim/barnevernsregister"
)

func TestDeliver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "drop")
	data := fstest.MapFS{"a.xml": {Data: []byte("<a/>")}, "b.xml": {Data: []byte("<b/>")}, "README.md": {Data: []byte("no")}}
	if err := sim.Deliver(data, dir); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(filepath.Join(dir, "a.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Deliver(data, dir); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(filepath.Join(dir, "a.xml")); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("a second delivery of the same data touched the file (%v)", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("%d files in the folder, want the two XML files and no parts (%v)", len(entries), err)
	}
	if err := sim.Begin(dir, "a.xml", []byte("<aaa/>"), 3); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "a.xml")); string(got) != "<aa" {
		t.Errorf("a begun delivery holds %q", got)
	}
	if err := sim.Remove(dir, "a.xml"); err != nil {
		t.Error(err)
	}
	if err := sim.Remove(dir, "a.xml"); err == nil {
		t.Error("removing what is not there succeeds")
	}
	if err := sim.Put(dir, "../out.xml", nil); err == nil {
		t.Error("a name that leaves the folder is accepted")
	}
}
