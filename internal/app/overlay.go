package app

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
)

// overlay is a file system in which the files of over are added to those of base and
// take the place of those with the same name.
type overlay struct{ over, base fs.FS }

// Open opens a file of over, or of base where over has none.
func (o overlay) Open(name string) (fs.File, error) {
	f, err := o.over.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return o.base.Open(name)
	}
	return f, err
}

// ReadDir lists both, sorted by name, each name once.
func (o overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	over, err := fs.ReadDir(o.over, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	base, inBase := fs.ReadDir(o.base, name)
	if inBase != nil && (err != nil || !errors.Is(inBase, fs.ErrNotExist)) {
		return nil, inBase
	}
	for _, e := range base {
		if !slices.ContainsFunc(over, func(x fs.DirEntry) bool { return x.Name() == e.Name() }) {
			over = append(over, e)
		}
	}
	slices.SortFunc(over, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return over, nil
}

var _ fs.ReadDirFS = overlay{}
