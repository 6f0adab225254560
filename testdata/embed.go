// Package testdata holds the synthetic families in their sources' own formats (see
// README.md), so that the demo needs nothing but the program.
package testdata

import (
	"embed"
	"encoding/json"
	"io/fs"
)

//go:embed families
var families embed.FS

//go:embed children.json
var children []byte

//go:embed earlier.json
var earlier []byte

// Families gives what each source holds, one folder a source.
func Families() fs.FS {
	sub, err := fs.Sub(families, "families")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}

// Children gives each child's synthetic national number by first name.
func Children() map[string]string { return numbers(children) }

// Earlier gives the numbers that children had before, by first name.
func Earlier() map[string]string { return numbers(earlier) }

func numbers(file []byte) map[string]string {
	var all map[string]string
	if err := json.Unmarshal(file, &all); err != nil {
		panic(err) // the files are embedded above
	}
	return all
}
