// Package barnevernsregister owns the reading of deliveries to the national child
// welfare register (Barnevernsregisteret, SSB and Bufdir, XSD 3 and 4): one XML file
// a delivery of one case, put in a drop folder by the fagsystem. It checks that a
// file is a whole delivery, and folds a case's chain of deliveries into one
// document of the same format. It knows no code list and no FHIR; what a delivery
// means stands in mapping/maps/barnevernsregister.
package barnevernsregister

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"

	"samsyn/adapters"
	"samsyn/adapters/dropfolder"
)

// Kind is the one kind of record: a delivery of a case, and the case folded from them.
const Kind = "sak"

// maxFile bounds a delivery in bytes; a case of many years is some hundred kB.
const maxFile = 10 << 20

const defaultPage = 50

// Config says where the deliveries lie.
type Config struct {
	// Dir is the drop folder. Only files directly in it are read.
	Dir string `yaml:"dir"`
	// PageSize is how many files make one unit of work; 0 means 50.
	PageSize int `yaml:"page_size"`
	// FS takes the place of Dir in tests and demonstrations.
	FS fs.FS `yaml:"-"`
}

// Validate gives every fault of the configuration, each naming its field.
func (c Config) Validate() []error {
	var out []error
	if c.Dir == "" && c.FS == nil {
		out = append(out, fmt.Errorf("%w: dir: the drop folder is missing", adapters.ErrConfig))
	}
	if c.PageSize < 0 || c.PageSize > 10_000 {
		out = append(out, fmt.Errorf("%w: page_size: %d is not between 1 and 10000", adapters.ErrConfig, c.PageSize))
	}
	return out
}

// Addresses are none: nobody is called.
func (c Config) Addresses() []string { return nil }

// Open gives the adapter. The folder itself is opened when it is read, so that a
// share that is away now is ErrUnavailable then, and not a failed start.
func (c Config) Open(adapters.Deps) (adapters.Adapter, error) {
	if errs := c.Validate(); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	a := &adapter{page: c.PageSize}
	if a.page == 0 {
		a.page = defaultPage
	}
	if c.FS != nil {
		fsys := c.FS
		a.open = func() (fs.FS, func(), error) { return fsys, func() {}, nil }
		return a, nil
	}
	a.open = func() (fs.FS, func(), error) {
		// A Root follows no link out of the folder.
		root, err := os.OpenRoot(c.Dir)
		if err != nil {
			return nil, nil, err
		}
		return root.FS(), func() { _ = root.Close() }, nil
	}
	return a, nil
}

type adapter struct {
	open func() (fsys fs.FS, done func(), err error)
	page int
}

var (
	_ adapters.Adapter   = (*adapter)(nil)
	_ adapters.Assembler = (*adapter)(nil)
	_ adapters.Checker   = (*adapter)(nil)
	_ adapters.Lister    = (*adapter)(nil)
)

// Check lists the folder and opens no file.
func (a *adapter) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	fsys, done, err := a.open()
	if err != nil {
		return unavailable("open the drop folder", err)
	}
	defer done()
	if _, err := list(fsys); err != nil {
		return unavailable("list the drop folder", err)
	}
	return nil
}

// Fetch reads the files that have come since the cursor, oldest first. If anything
// before the cursor is not as it was, everything is read again.
func (a *adapter) Fetch(ctx context.Context, since adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(adapters.Page{}, err)
			return
		}
		fsys, done, err := a.open()
		if err != nil {
			yield(adapters.Page{}, unavailable("open the drop folder", err))
			return
		}
		defer done()
		files, err := list(fsys)
		if err != nil {
			yield(adapters.Page{}, unavailable("list the drop folder", err))
			return
		}
		start := files.resume(since)
		if start == len(files) {
			return
		}
		for start < len(files) {
			end := min(start+a.page, len(files))
			page, err := read(ctx, fsys, files[start:end])
			if err != nil {
				yield(adapters.Page{}, err)
				return
			}
			page.Next = files[:end].cursor()
			if !yield(page, nil) {
				return
			}
			start = end
		}
	}
}

func read(ctx context.Context, fsys fs.FS, files files) (adapters.Page, error) {
	var page adapters.Page
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return adapters.Page{}, err
		}
		record, fault, err := readDelivery(fsys, f)
		switch {
		case err != nil:
			return adapters.Page{}, err
		case fault != nil:
			page.Faults = append(page.Faults, *fault)
		case record != nil:
			page.Records = append(page.Records, *record)
		}
	}
	return page, nil
}

// readDelivery reads one file: a record, a fault, or nothing where the file is gone again.
// The same delivery in two files is two records of one key: copies fold, and where they
// differ Assemble holds them both.
func readDelivery(fsys fs.FS, f dropfolder.File) (*adapters.Record, *adapters.Fault, error) {
	if !readable(f) {
		return nil, fault(f, nil, fmt.Errorf("%w: not a plain .xml file; deliveries are one XML file each: move it out of the folder", adapters.ErrMalformed)), nil
	}
	body, err := readFile(fsys, f.Name, maxFile+1)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, fault(f, nil, fmt.Errorf("%w: may not be read: give the reader access to it", adapters.ErrMalformed)), nil
	case err != nil:
		return nil, nil, unavailable("read the drop folder", err)
	case len(body) > maxFile:
		return nil, fault(f, nil, fmt.Errorf("%w: larger than %d bytes: not one case's delivery", adapters.ErrMalformed, maxFile)), nil
	}
	d, err := parse(body)
	if err != nil {
		return nil, fault(f, body, err), nil
	}
	return &adapters.Record{
		Kind: Kind, Key: d.id, Group: d.sakID, Version: d.id, Changed: d.at,
		Media: adapters.XML, Body: body,
	}, nil, nil
}

// fault keys a broken delivery by its own id where that can be read, so that it heals
// when the same delivery comes whole.
func fault(f dropfolder.File, body []byte, err error) *adapters.Fault {
	key := peekID(body)
	if key == "" {
		key = "fil:" + dropfolder.SafeName(f.Name)
	}
	return &adapters.Fault{Kind: Kind, Key: key, Where: "file " + dropfolder.SafeName(f.Name), Err: err, Body: body, Media: adapters.XML}
}

func readFile(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// unavailable leaves the path out: a folder or file may be named after a child.
func unavailable(doing string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("%w: %s: %w", adapters.ErrUnavailable, doing, err)
}
