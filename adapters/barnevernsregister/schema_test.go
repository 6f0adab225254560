package barnevernsregister_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
	"samsyn/adapters/barnevernsregister"
)

// shared finds ../shared beside the repository, or skips; in CI its absence is a failure.
func shared(t *testing.T, path string) string {
	t.Helper()
	dir := os.Getenv("SAMSYN_SHARED")
	if dir == "" {
		dir = "../../../shared"
	}
	file := filepath.Join(dir, path)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		missing(t, file+" is not there: the published schema was not checked")
	}
	return file
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip("SKIPPED: " + what)
}

func xmllint(t *testing.T, schema string, files ...string) {
	t.Helper()
	bin, err := exec.LookPath("xmllint")
	if err != nil {
		missing(t, "xmllint is not installed (libxml2-utils): the published schema was not checked")
	}
	out, err := exec.CommandContext(context.Background(), bin, append([]string{"--noout", "--nonet", "--schema", schema}, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestFixturesAndWholesAreValid(t *testing.T) {
	schema := shared(t, "formats/barnevernsregister/Barnevern_v4.xsd")
	dir := t.TempDir()
	var files []string
	parts := map[string][]adapters.Record{}
	a := open(t, barnevernsregister.Config{FS: family(t)})
	for name := range family(t) {
		files = append(files, filepath.Join(familyDir, name))
	}
	records, err := filepath.Glob("../../testdata/records/barnevernsregister/sak/*.input.xml")
	if err != nil || len(records) == 0 {
		t.Fatalf("no records (%v)", err)
	}
	files = append(files, records...)
	for _, p := range adapterstest.Pass(t, a, "") {
		for _, r := range p.Records {
			parts[r.Group] = append(parts[r.Group], r)
		}
	}
	for group, records := range parts {
		whole, _, err := a.(adapters.Assembler).Assemble(group, records)
		if err != nil || whole == nil {
			t.Fatalf("case %s: %v %v", group, whole, err)
		}
		file := filepath.Join(dir, group+".xml")
		if err := os.WriteFile(file, whole.Body, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	xmllint(t, schema, files...)
}

// TestPublishedExamples reads what others composed: the fragments that the format's own
// tests hold as valid, and the drafts from before version 1, which no version accepts.
func TestPublishedExamples(t *testing.T) {
	root := filepath.Dir(shared(t, "formats/barnevernsregister/Barnevern_v4.xsd"))
	for dir, valid := range map[string]bool{"valid-v4-fragments": true, "composed": true, "legacy-samples": false} {
		fsys := os.DirFS(filepath.Join(root, dir))
		names, err := fs.Glob(fsys, "*.xml")
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: no files (%v)", dir, err)
		}
		good, bad := 0, []string{}
		for _, p := range adapterstest.Pass(t, open(t, barnevernsregister.Config{FS: fsys}), "") {
			good += len(p.Records)
			for _, f := range p.Faults {
				bad = append(bad, f.Error())
			}
		}
		if valid && (good != len(names) || len(bad) > 0) {
			t.Errorf("%s: %d of %d read; %q", dir, good, len(names), bad)
		}
		if !valid && good > 0 {
			t.Errorf("%s: %d drafts are taken for deliveries", dir, good)
		}
	}
}
