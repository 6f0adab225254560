// Package testdata holds the synthetic families in their sources' own formats (see
// README.md), so that the demo needs nothing but the program.
package testdata

import (
	"embed"
	"io/fs"
)

//go:embed families
var families embed.FS

// Families gives what each source holds, one folder a source.
func Families() fs.FS {
	sub, err := fs.Sub(families, "families")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}
