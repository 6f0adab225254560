// Package fiksinnsyn owns the reading of barnevern messages made for KS Fiks Innsyn:
// mappe (a case) and journalpost (a document of it), as JSON. They are pushed to
// Samsyn or lie in a folder of exported messages. It checks that a message has what
// is needed to keep it apart from others and to tie it to a child; what it means
// stands in mapping/maps/fiksinnsyn.
package fiksinnsyn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/dropfolder"
)

// The kinds of message that are read.
const (
	Mappe       = "mappe"
	Journalpost = "journalpost"
)

// maxMessage bounds a message in bytes; documents themselves never stand in one.
const maxMessage = 1 << 20

const defaultPage = 100

// Config says where exported messages lie. A source that only pushes has no folder.
type Config struct {
	// Dir is a folder of files <meldingtype>-<meldingId>.json; empty for push alone.
	Dir string `yaml:"dir"`
	// Complete says that the folder always holds every message that stands: what is not
	// there any more was taken back. Default false: a file that is gone says nothing.
	Complete bool `yaml:"complete"`
	// PageSize is how many files make one unit of work; 0 means 100.
	PageSize int `yaml:"page_size"`
	// FS takes the place of Dir in tests and demonstrations.
	FS fs.FS `yaml:"-"`
}

// Validate gives every fault of the configuration, each naming its field.
func (c Config) Validate() []error {
	if c.PageSize < 0 || c.PageSize > 10_000 {
		return []error{fmt.Errorf("%w: page_size: %d is not between 1 and 10000", adapters.ErrConfig, c.PageSize)}
	}
	return nil
}

// Addresses are none: nobody is called.
func (c Config) Addresses() []string { return nil }

// Open gives the adapter.
func (c Config) Open(d adapters.Deps) (adapters.Adapter, error) {
	if errs := c.Validate(); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	a := &adapter{page: c.PageSize, now: d.Now, complete: c.Complete}
	if a.page == 0 {
		a.page = defaultPage
	}
	if a.now == nil {
		return nil, fmt.Errorf("%w: no clock was given", adapters.ErrConfig)
	}
	switch {
	case c.FS != nil:
		fsys := c.FS
		a.open = func() (fs.FS, func(), error) { return fsys, func() {}, nil }
	case c.Dir != "":
		a.open = func() (fs.FS, func(), error) {
			// A Root follows no link out of the folder.
			root, err := os.OpenRoot(c.Dir)
			if err != nil {
				return nil, nil, err
			}
			return root.FS(), func() { _ = root.Close() }, nil
		}
	}
	return a, nil
}

type adapter struct {
	open func() (fsys fs.FS, done func(), err error) // nil where the source only pushes
	page int
	now  func() time.Time
	// complete: a message whose file is gone was taken back.
	complete bool
}

var (
	_ adapters.Adapter  = (*adapter)(nil)
	_ adapters.Receiver = (*adapter)(nil)
	_ adapters.Checker  = (*adapter)(nil)
	_ adapters.Lister   = (*adapter)(nil)
)

// Check lists the folder and opens no message. A source that only pushes cannot be asked.
func (a *adapter) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if a.open == nil {
		return nil
	}
	fsys, done, err := a.open()
	if err != nil {
		return unavailable("open the folder of messages", err)
	}
	defer done()
	if _, err := dropfolder.List(fsys); err != nil {
		return unavailable("list the folder of messages", err)
	}
	return nil
}

// Fetch reads the folder if anything in it has changed since the cursor. Messages are
// replaced in place, so a pass that was broken off begins anew: the cursor moves with
// the last page.
func (a *adapter) Fetch(ctx context.Context, since adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(adapters.Page{}, err)
			return
		}
		if a.open == nil {
			return
		}
		fsys, done, err := a.open()
		if err != nil {
			yield(adapters.Page{}, unavailable("open the folder of messages", err))
			return
		}
		defer done()
		files, err := dropfolder.List(fsys)
		if err != nil {
			yield(adapters.Page{}, unavailable("list the folder of messages", err))
			return
		}
		end := adapters.Cursor(dropfolder.Mark(files))
		if end == since {
			return
		}
		for start := 0; start < len(files); start += a.page {
			stop := min(start+a.page, len(files))
			page, err := read(ctx, fsys, files[start:stop])
			if err != nil {
				yield(adapters.Page{}, err)
				return
			}
			page.Next = since
			if stop == len(files) {
				page.Next = end
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

// record makes a record of a checked message, or a fault.
func record(kind, id, where string, changed time.Time, body []byte) (*adapters.Record, *adapters.Fault) {
	if err := check(kind, body); err != nil {
		return nil, &adapters.Fault{Kind: kind, Key: id, Where: where, Err: err, Body: body, Media: adapters.JSON}
	}
	return &adapters.Record{Kind: kind, Key: id, Changed: changed, Media: adapters.JSON, Body: body}, nil
}

// unavailable leaves the path out: a folder or file may be named after a child.
func unavailable(doing string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("%w: %s: %w", adapters.ErrUnavailable, doing, err)
}
