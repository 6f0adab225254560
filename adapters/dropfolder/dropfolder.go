// Package dropfolder owns the listing of a folder in which another program leaves files:
// which of them may be looked at, a mark of what was there, and names that may be shown.
// It knows no format, reads no file and says nothing of what is in one.
package dropfolder

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"time"
)

// File is one entry of the folder as it was listed.
type File struct {
	Name    string
	Size    int64
	Changed time.Time
	Regular bool
}

// List lists the folder by name. Folders in it, hidden files and names that file transfers
// use while they write are left out, and so is what is gone between listing and looking.
// The error is the file system's.
func List(fsys fs.FS) ([]File, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	var out []File
	for _, e := range entries {
		if e.IsDir() || transient(e.Name()) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue
		}
		out = append(out, File{Name: e.Name(), Size: info.Size(), Changed: info.ModTime(), Regular: info.Mode().IsRegular()})
	}
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

// Mark is a digest of names, sizes and times: 24 letters. It holds no name, for a file may be
// named after a child, and no digit, for eleven of them in a row would look like a national number.
func Mark(files []File) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%d\x00%s\x00%d\x00%d\x00%t\x00", len(f.Name), f.Name, f.Size, f.Changed.UnixNano(), f.Regular)
	}
	return strings.Map(func(r rune) rune {
		if r <= '9' {
			return r - '0' + 'g'
		}
		return r
	}, hex.EncodeToString(h.Sum(nil)[:12]))
}

var elevenDigits = regexp.MustCompile(`(^|\D)(\d{11})(\D|$)`)

// SafeName gives a file's name for messages, with anything that may be a national number
// replaced by a mark that still tells two files apart.
func SafeName(name string) string {
	for elevenDigits.MatchString(name) {
		sum := sha256.Sum256([]byte(name))
		name = elevenDigits.ReplaceAllString(name, "${1}[11 digits, "+hex.EncodeToString(sum[:3])+"]${3}")
	}
	return name
}
