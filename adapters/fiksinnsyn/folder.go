package fiksinnsyn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/dropfolder"
)

// A file that is no message is a fault of this kind, with the file's name behind keyFile as its key.
const (
	kindFile = "fil"
	keyFile  = "fil:"
)

var (
	uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	fileForm = regexp.MustCompile(`^([a-z]+)-([0-9A-Fa-f-]{36})\.json$`)
)

func read(ctx context.Context, fsys fs.FS, files []dropfolder.File) (adapters.Page, error) {
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
func readFile(fsys fs.FS, f dropfolder.File) (*adapters.Record, *adapters.Fault, error) {
	where := "file " + dropfolder.SafeName(f.Name)
	m := fileForm.FindStringSubmatch(f.Name)
	if m == nil || !f.Regular || !uuidForm.MatchString(strings.ToLower(m[2])) {
		return nil, &adapters.Fault{Kind: kindFile, Key: keyFile + dropfolder.SafeName(f.Name), Where: where, Media: adapters.JSON,
			Err: fmt.Errorf("%w: the name is not <meldingtype>-<meldingId>.json: rename it or move it out of the folder", adapters.ErrMalformed)}, nil
	}
	kind, id := m[1], strings.ToLower(m[2])
	if kind != Mappe && kind != Journalpost {
		return nil, &adapters.Fault{Kind: kindFile, Key: f.Name, Where: where, Media: adapters.JSON,
			Err: fmt.Errorf("%w: messages of type %s are not read: leave them out of the export", adapters.ErrMalformed, kind)}, nil
	}
	in, err := fsys.Open(f.Name)
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
	changed := f.Changed
	if changed.Unix() <= 0 {
		changed = time.Time{} // a file system without times
	}
	r, fault := record(kind, id, where, changed, body)
	return r, fault, nil
}
