package fiksinnsyn_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const base = "https://api.fiks.ks.no/innsyn/schema/"

// published loads KS' schemas by their path. Their own $id is dropped: one of them
// (barnevern/edialog.skjema.v1.json) carries another file's.
type published string

func (dir published) Load(url string) (any, error) {
	name, ok := strings.CutPrefix(url, base)
	if !ok {
		return nil, fmt.Errorf("%s is not one of the published schemas", url)
	}
	b, err := os.ReadFile(filepath.Join(string(dir), filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if m, ok := doc.(map[string]any); ok {
		delete(m, "$id")
	}
	return doc, err
}

// schemas compiles the published schemas, or skips; in CI their absence is a failure.
func schemas(t *testing.T) (dir string, byKind map[string]*jsonschema.Schema) {
	t.Helper()
	shared := os.Getenv("SAMSYN_SHARED")
	if shared == "" {
		shared = "../../../shared"
	}
	dir = filepath.Join(shared, "formats/fiks-innsyn-barnevern")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		const what = "the published schemas are not there and were not checked: "
		if os.Getenv("CI") == "true" {
			t.Fatal(what + dir)
		}
		t.Skip("SKIPPED: " + what + dir)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(published(dir))
	c.AssertFormat()
	byKind = map[string]*jsonschema.Schema{}
	for _, kind := range []string{"mappe", "journalpost"} {
		s, err := c.Compile(base + "domain/barnevern/" + kind + ".v1.json")
		if err != nil {
			t.Fatal(err)
		}
		byKind[kind] = s
	}
	return dir, byKind
}

func TestFixturesAreValid(t *testing.T) {
	_, byKind := schemas(t)
	files := map[string][]byte{}
	for name, file := range family(t) {
		files[name] = file.Data
	}
	records, err := filepath.Glob("../../testdata/records/fiksinnsyn/*/*.input.json")
	if err != nil || len(records) == 0 {
		t.Fatalf("no records (%v)", err)
	}
	for _, name := range records {
		if strings.Contains(name, "ukjent") {
			continue // breaks the schema on purpose
		}
		if files[filepath.Base(filepath.Dir(name))+"-"+filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range files {
		kind, _, _ := strings.Cut(name, "-")
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := byKind[kind].Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The schema bites.
	if err := byKind["mappe"].Validate(map[string]any{"tittel": "x"}); err == nil {
		t.Error("the published schema accepts a case without an organisation")
	}
}

// TestPublishedExamples: what validates against KS' schemas is read here too.
func TestPublishedExamples(t *testing.T) {
	dir, byKind := schemas(t)
	names, err := filepath.Glob(filepath.Join(dir, "composed", "*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no examples in %s (%v)", dir, err)
	}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(name), ".json"), "-")
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err != nil || byKind[kind].Validate(doc) != nil {
			t.Fatalf("%s does not validate: %v", name, err)
		}
		page, err := receive(t, "POST", "/"+kind+"/"+id, "application/json", body)
		if err != nil || len(page.Records) != 1 {
			t.Errorf("%s is not read: %v %v", filepath.Base(name), err, page.Faults)
		}
	}
}
