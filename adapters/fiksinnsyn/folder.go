package fiksinnsyn

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"time"

	"samsyn/adapters"
)

// file is one entry of the folder as it was listed.
type file struct {
	name    string
	size    int64
	changed time.Time
	regular bool
}

type files []file

// list lists the folder by name. Folders in it, hidden files and names that file
// transfers use while they write are not messages.
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

// cursor is a digest of the whole listing.
func (f files) cursor() adapters.Cursor {
	h := sha256.New()
	for _, x := range f {
		fmt.Fprintf(h, "%d\x00%s\x00%d\x00%d\x00%t\x00", len(x.name), x.name, x.size, x.changed.UnixNano(), x.regular)
	}
	return adapters.Cursor(hex.EncodeToString(h.Sum(nil)[:12]))
}

// A file that is no message is a fault of this kind, with the file's name behind keyFile as its key.
const (
	kindFile = "fil"
	keyFile  = "fil:"
)

var (
	uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	fileForm = regexp.MustCompile(`^([a-z]+)-([0-9A-Fa-f-]{36})\.json$`)
	eleven   = regexp.MustCompile(`(^|\D)(\d{11})(\D|$)`)
)

func read(ctx context.Context, fsys fs.FS, files files) (adapters.Page, error) {
	var page adapters.Page
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return adapters.Page{}, err
		}
		r, fault, err := readFile(fsys, f)
		switch {
		case err != nil:
			return adapters.Page{}, err
		case fault != nil:
			page.Faults = append(page.Faults, *fault)
		case r != nil:
			page.Records = append(page.Records, *r)
		}
	}
	return page, nil
}

// readFile reads one file: a record, a fault, or nothing where it is gone again.
func readFile(fsys fs.FS, f file) (*adapters.Record, *adapters.Fault, error) {
	where := "file " + safeName(f.name)
	m := fileForm.FindStringSubmatch(f.name)
	if m == nil || !f.regular || !uuidForm.MatchString(strings.ToLower(m[2])) {
		return nil, &adapters.Fault{Kind: kindFile, Key: keyFile + safeName(f.name), Where: where, Media: adapters.JSON,
			Err: fmt.Errorf("%w: the name is not <meldingtype>-<meldingId>.json: rename it or move it out of the folder", adapters.ErrMalformed)}, nil
	}
	kind, id := m[1], strings.ToLower(m[2])
	if kind != Mappe && kind != Journalpost {
		return nil, &adapters.Fault{Kind: kindFile, Key: f.name, Where: where, Media: adapters.JSON,
			Err: fmt.Errorf("%w: messages of type %s are not read: leave them out of the export", adapters.ErrMalformed, kind)}, nil
	}
	in, err := fsys.Open(f.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, &adapters.Fault{Kind: kind, Key: id, Where: where, Media: adapters.JSON,
			Err: fmt.Errorf("%w: may not be read: give the reader access to it", adapters.ErrMalformed)}, nil
	case err != nil:
		return nil, nil, unavailable("read the folder of messages", err)
	}
	defer in.Close()
	body, err := io.ReadAll(io.LimitReader(in, maxMessage+1))
	if err != nil {
		return nil, nil, unavailable("read the folder of messages", err)
	}
	changed := f.changed
	if changed.Unix() <= 0 {
		changed = time.Time{} // a file system without times
	}
	r, fault := record(kind, id, where, changed, body)
	return r, fault, nil
}

// safeName gives the file's name for messages, with anything that may be a national
// number replaced by a mark that still tells two files apart.
func safeName(name string) string {
	for eleven.MatchString(name) {
		sum := sha256.Sum256([]byte(name))
		name = eleven.ReplaceAllString(name, "${1}[11 digits, "+hex.EncodeToString(sum[:3])+"]${3}")
	}
	return name
}
