package barnevernsregister

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"samsyn/adapters"
	"samsyn/adapters/dropfolder"
)

// readable tells whether a file can be a delivery at all.
func readable(f dropfolder.File) bool {
	return f.Regular && strings.EqualFold(path.Ext(f.Name), ".xml")
}

// files is a listing, oldest first, then by name.
type files []dropfolder.File

func list(fsys fs.FS) (files, error) {
	out, err := dropfolder.List(fsys)
	slices.SortFunc(out, func(a, b dropfolder.File) int {
		return cmp.Or(a.Changed.Compare(b.Changed), strings.Compare(a.Name, b.Name))
	})
	return out, err
}

// cursor says how many files were read, and their mark.
func (f files) cursor() adapters.Cursor {
	return adapters.Cursor(fmt.Sprintf("%d:%s", len(f), dropfolder.Mark(f)))
}

// resume gives where to go on: after what the cursor stands for if that is unchanged,
// otherwise at the beginning. Files are in order of time, so what comes new comes last.
func (f files) resume(since adapters.Cursor) int {
	count, _, ok := strings.Cut(string(since), ":")
	n, err := strconv.Atoi(count)
	if !ok || err != nil || n < 0 || n > len(f) || f[:n].cursor() != since {
		return 0
	}
	return n
}
