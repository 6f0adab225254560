package barnevernsregister

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"samsyn/adapters"
)

// file is one entry of the drop folder as it was listed.
type file struct {
	name    string
	size    int64
	changed time.Time
	regular bool
}

// readable tells whether the entry can be a delivery at all.
func (f file) readable() bool {
	return f.regular && strings.EqualFold(path.Ext(f.name), ".xml")
}

// files is a listing, oldest first, then by name.
type files []file

// list lists the folder. Folders in it, hidden files and names that file transfers
// use while they write (.tmp, .part, .filepart) are not deliveries.
func list(fsys fs.FS) (files, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	var out files
	for _, e := range entries {
		if e.IsDir() || transient(e.Name()) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // gone between listing and looking
		}
		out = append(out, file{name: e.Name(), size: info.Size(), changed: info.ModTime(), regular: info.Mode().IsRegular()})
	}
	slices.SortFunc(out, func(a, b file) int {
		return cmp.Or(a.changed.Compare(b.changed), strings.Compare(a.name, b.name))
	})
	return out, nil
}

func transient(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
		return true
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".tmp", ".part", ".filepart", ".partial", ".writing":
		return true
	}
	return false
}

// cursor says how many files were read and a digest of their names, sizes and times.
// It holds no name: a file may be named after a child.
func (f files) cursor() adapters.Cursor {
	h := sha256.New()
	for _, x := range f {
		fmt.Fprintf(h, "%d\x00%s\x00%d\x00%d\x00%t\x00", len(x.name), x.name, x.size, x.changed.UnixNano(), x.regular)
	}
	return adapters.Cursor(fmt.Sprintf("%d:%s", len(f), hex.EncodeToString(h.Sum(nil)[:12])))
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

var elevenDigits = regexp.MustCompile(`(^|\D)(\d{11})(\D|$)`)

// safeName gives the file's name for messages, with anything that may be a national
// number replaced by a mark that still tells two files apart.
func safeName(name string) string {
	for elevenDigits.MatchString(name) {
		sum := sha256.Sum256([]byte(name))
		name = elevenDigits.ReplaceAllString(name, "${1}[11 digits, "+hex.EncodeToString(sum[:3])+"]${3}")
	}
	return name
}
