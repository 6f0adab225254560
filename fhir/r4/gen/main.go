// Command gen writes fhir/r4's table of facts (table.txt) from the definitions that
// HL7 publishes with FHIR R4 (4.0.1, CC0). It keeps what code needs (elements,
// cardinality, types, reference targets, required bindings with their codes, primitive
// patterns) and leaves every text behind. It is the only place that knows the shape of
// StructureDefinition, ValueSet and CodeSystem.
//
//	go run ./fhir/r4/gen [-definitions ../shared/formats/fhir-r4] [-out fhir/r4/table.txt]
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	definitions := flag.String("definitions", filepath.Join("..", "shared", "formats", "fhir-r4"), "folder with the *.json.gz definitions")
	out := flag.String("out", filepath.Join("fhir", "r4", "table.txt"), "file to write")
	flag.Parse()
	if err := run(*definitions, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(definitions, out string) error {
	table, err := generate(definitions)
	if err != nil {
		return err
	}
	return os.WriteFile(out, table, 0o644)
}

// generate reads the definitions in dir and gives the table's text.
func generate(dir string) ([]byte, error) {
	var types, resources, values struct{ Entry []entry }
	for name, into := range map[string]any{
		"profiles-types.json.gz":     &types,
		"profiles-resources.json.gz": &resources,
		"valuesets.json.gz":          &values,
	} {
		if err := readGzip(filepath.Join(dir, name), into); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	var b bytes.Buffer
	b.WriteString("# FHIR R4 (4.0.1) facts. Written by go run ./fhir/r4/gen; do not edit.\n")
	b.WriteString("# T name kind base | E name min max types targets binding | P primitive pattern | V value set | S system codes\n")
	bindings, err := writeTypes(&b, append(types.Entry, resources.Entry...))
	if err != nil {
		return nil, err
	}
	if err := writeValueSets(&b, values.Entry, bindings); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// entry is one bundle entry; its resource is decoded by those who know its type.
type entry struct {
	Resource json.RawMessage
}

func readGzip(path string, into any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	return json.NewDecoder(z).Decode(into)
}
