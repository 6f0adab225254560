package connector

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"samsyn/adapters"
	"samsyn/adapters/dropfolder"
)

const (
	maxFileSize   = 100 << 20 // bytes of one file
	maxFolderSize = 400 << 20 // bytes of all files together
	folderPage    = 100       // records on a page
)

func (a *adapter) openFolder() (*os.Root, error) {
	root, err := os.OpenRoot(a.dir)
	if err != nil {
		return nil, fmt.Errorf("%w: the folder cannot be opened", adapters.ErrUnavailable)
	}
	return root, nil
}

// fromFolder reads every file again where any of them changed, and nothing otherwise.
func (p *pass) fromFolder(ctx context.Context, yield func(adapters.Page) bool) error {
	root, err := p.a.openFolder()
	if err != nil {
		return err
	}
	defer root.Close()
	files, mark, err := p.list(root.FS())
	if err != nil {
		return err
	}
	if mark == p.old {
		return nil
	}
	var all adapters.Page
	at := map[string]int{} // kind/key → place in all.Records
	left := int64(maxFolderSize)
	for _, name := range files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		page, size, err := p.file(root, name, left)
		if err != nil {
			return err
		}
		left -= size
		all.Faults = append(all.Faults, page.Faults...)
		for _, r := range page.Records {
			id := r.Kind + "/" + r.Key
			if i, again := at[id]; again {
				all.Records[i] = r
			} else {
				at[id] = len(all.Records)
				all.Records = append(all.Records, r)
			}
		}
	}
	for len(all.Records) > folderPage {
		if !yield(adapters.Page{Records: all.Records[:folderPage:folderPage]}) {
			return errStopped
		}
		all.Records = all.Records[folderPage:]
	}
	if !yield(all) {
		return errStopped
	}
	p.new = mark
	return nil
}

// list names the files to read, in the order of their names, with a mark of what was there.
func (p *pass) list(fsys fs.FS) ([]string, string, error) {
	all, err := dropfolder.List(fsys)
	if err != nil {
		return nil, "", fmt.Errorf("%w: the folder cannot be listed", adapters.ErrUnavailable)
	}
	var names []string
	var files []dropfolder.File
	for _, f := range all {
		if fits, _ := path.Match(p.l.Folder.Files, f.Name); fits { // the pattern was checked
			names, files = append(names, f.Name), append(files, f)
		}
	}
	if p.l.Folder.Take == "last" && len(names) > 1 {
		names = names[len(names)-1:]
	}
	return names, dropfolder.Mark(files), nil
}

// file reads one file. What is wrong with it as a whole is one fault.
func (p *pass) file(root *os.Root, name string, left int64) (adapters.Page, int64, error) {
	where := "file " + dropfolder.SafeName(name)
	whole := func(err error) adapters.Page {
		sum := sha256.Sum256([]byte(name))
		return adapters.Page{Faults: []adapters.Fault{{Kind: p.l.label(), Key: unnamed + hex.EncodeToString(sum[:8]), Where: where, Err: err, Media: p.l.media()}}}
	}
	f, err := root.Open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return adapters.Page{}, 0, fmt.Errorf("%w: files were taken away while the folder was read", adapters.ErrUnavailable)
	case err != nil:
		return whole(fmt.Errorf("%w: it cannot be opened; give the reader access to it", adapters.ErrMalformed)), 0, nil
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, min(left, maxFileSize)+1))
	switch {
	case err != nil:
		return whole(fmt.Errorf("%w: it cannot be read", adapters.ErrMalformed)), 0, nil
	case int64(len(body)) > left:
		return adapters.Page{}, 0, fmt.Errorf("%w: the files are larger than %d bytes together; move old ones away", adapters.ErrProtocol, maxFolderSize)
	case len(body) > maxFileSize:
		return whole(fmt.Errorf("%w: it is larger than %d bytes", adapters.ErrMalformed, maxFileSize)), 0, nil
	}
	a, err := p.l.split(body)
	if err != nil {
		return whole(fmt.Errorf("%w: %w", adapters.ErrMalformed, err)), int64(len(body)), nil
	}
	return p.page(a.entries, where, 0), int64(len(body)), nil
}
