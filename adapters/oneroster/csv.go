package oneroster

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"samsyn/adapters"
	"samsyn/internal/jsonsafe"
)

const (
	maxZip      = 100 << 20 // bytes of one zip file
	maxUnpacked = 400 << 20 // bytes of all that is unpacked from one zip file
	maxFiles    = 64        // files in one zip file
)

// zips reads OneRoster 1.1 CSV out of the zip files of a folder. Nothing is unpacked to disk.
type zips struct{ folder string }

func (z *zips) check(ctx context.Context) error {
	_, err := z.files(ctx)
	return err
}

func (z *zips) unchanged(ctx context.Context, m mark) (bool, error) {
	files, err := z.files(ctx)
	if err != nil {
		return false, err
	}
	return zipMark(files) == m, nil
}

func (z *zips) read(ctx context.Context) (*roster, mark, error) {
	files, err := z.files(ctx)
	if err != nil {
		return nil, mark{}, err
	}
	r := newRoster()
	held := map[string]bool{} // collections that have come in bulk
	for _, f := range files {
		if ctx.Err() != nil {
			return nil, mark{}, ctx.Err()
		}
		if err := r.zip(f.name, f.body, held); err != nil {
			return nil, mark{}, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	for _, c := range collections {
		if !held[c] {
			return nil, mark{}, fmt.Errorf("%w: no zip file holds %s.csv in bulk; lay a whole export in the folder", adapters.ErrProtocol, c)
		}
	}
	return r, zipMark(files), nil
}

type file struct {
	name string
	body []byte
}

// files reads the folder's zip files in the order of their names.
func (z *zips) files(ctx context.Context) ([]file, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	root, err := readFolder(z.folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	names, err := fs.Glob(root.FS(), "*.zip")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("%w: there is no zip file in the folder", adapters.ErrUnavailable)
	}
	slices.Sort(names)
	var out []file
	for _, name := range names {
		f, err := root.Open(name)
		if err != nil {
			return nil, fmt.Errorf("%w: open %s: %w", adapters.ErrUnavailable, name, err)
		}
		body, err := io.ReadAll(io.LimitReader(f, maxZip+1))
		_ = f.Close() // it was only read
		if err != nil {
			return nil, fmt.Errorf("%w: read %s: %w", adapters.ErrUnavailable, name, err)
		}
		if len(body) > maxZip {
			return nil, fmt.Errorf("%w: %s is larger than %d bytes", adapters.ErrProtocol, name, maxZip)
		}
		out = append(out, file{name, body})
	}
	return out, nil
}

func zipMark(files []file) mark {
	h := sha256.New()
	for _, f := range files {
		one := sha256.Sum256(f.body)
		fmt.Fprintf(h, "%s\x00%x\x00", f.name, one)
	}
	return mark{Sum: hex.EncodeToString(h.Sum(nil)[:12])}
}

// zip applies one zip file: what is bulk takes the place of what was there, what is delta changes it.
func (r *roster) zip(name string, body []byte, held map[string]bool) error {
	archive, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return fmt.Errorf("%w: it is no whole zip file: %w", adapters.ErrProtocol, err)
	}
	if len(archive.File) > maxFiles {
		return fmt.Errorf("%w: it holds %d files", adapters.ErrProtocol, len(archive.File))
	}
	contents := map[string][]byte{}
	left := int64(maxUnpacked)
	for _, f := range archive.File {
		wanted := f.Name == "manifest.csv" || slices.Contains(collections, strings.TrimSuffix(f.Name, ".csv"))
		if !wanted || f.FileInfo().IsDir() {
			continue // the standard lays its files at the root; nothing else is opened
		}
		if contents[f.Name] != nil {
			return fmt.Errorf("%w: it holds %s twice", adapters.ErrProtocol, f.Name)
		}
		data, err := unpack(f, left)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		left -= int64(len(data))
		contents[f.Name] = data
	}
	manifest, err := parseManifest(contents["manifest.csv"])
	if err != nil {
		return fmt.Errorf("manifest.csv: %w", err)
	}
	for _, c := range collections {
		data := contents[c+".csv"]
		switch manifest["file."+c] {
		case "bulk":
			held[c] = true
			r.things[c] = map[string]*object{}
		case "delta":
			if !held[c] {
				return fmt.Errorf("%w: %s.csv is a delta with nothing before it", adapters.ErrProtocol, c)
			}
		case "absent":
			continue
		default:
			return fmt.Errorf("%w: manifest.csv does not say whether %s is bulk, delta or absent", adapters.ErrProtocol, c)
		}
		if data == nil {
			return fmt.Errorf("%w: manifest.csv promises %s.csv, which is not there", adapters.ErrProtocol, c)
		}
		if err := r.table(name, c, data, manifest["file."+c] == "delta"); err != nil {
			return err
		}
	}
	return nil
}

// unpack reads one file of at most left bytes, whatever its header says.
func unpack(f *zip.File, left int64) ([]byte, error) {
	in, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: it cannot be unpacked: %w", adapters.ErrProtocol, err)
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, left+1))
	if err != nil {
		return nil, fmt.Errorf("%w: it cannot be unpacked: %w", adapters.ErrProtocol, err)
	}
	if int64(len(data)) > left {
		return nil, fmt.Errorf("%w: it unpacks to more than %d bytes", adapters.ErrProtocol, maxUnpacked)
	}
	return data, nil
}

func parseManifest(data []byte) (map[string]string, error) {
	if data == nil {
		return nil, fmt.Errorf("%w: it is missing", adapters.ErrProtocol)
	}
	rows, err := reader(data).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%w: it is no CSV: %w", adapters.ErrProtocol, err)
	}
	out := map[string]string{}
	for _, row := range rows {
		if len(row) >= 2 {
			out[row[0]] = row[1]
		}
	}
	if v := out["oneroster.version"]; v != "1.1" {
		return nil, fmt.Errorf("%w: oneroster.version is not 1.1", adapters.ErrProtocol)
	}
	return out, nil
}

func reader(data []byte) *csv.Reader {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	in.FieldsPerRecord = -1
	return in
}

// table reads the rows of one file. A row that does not fit its header is a fault of that row.
func (r *roster) table(archive, collection string, data []byte, delta bool) error {
	in := reader(data)
	header, err := in.Read()
	if err != nil || !slices.Contains(header, "sourcedId") {
		return fmt.Errorf("%w: %s.csv has no header with sourcedId", adapters.ErrProtocol, collection)
	}
	for i, name := range header {
		if slices.ContainsFunc(header[:i], func(other string) bool { return jsonsafe.SameButForCase(other, name) }) {
			return fmt.Errorf("%w: %s.csv names column %d twice, or twice but for case", adapters.ErrProtocol, collection, i+1)
		}
	}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %s.csv: %w", adapters.ErrProtocol, collection, err)
		}
		line, _ := in.FieldPos(0)
		where := fmt.Sprintf("%s, %s.csv, line %d", archive, collection, line)
		if len(row) != len(header) || !utf8.ValidString(strings.Join(row, "")) {
			r.fault(collection, unnamed+where, where, fmt.Errorf("%w: the row does not fit the header (%d fields for %d columns, or not UTF-8); correct the export",
				adapters.ErrMalformed, len(row), len(header)), []byte(strings.Join(row, ",")))
			continue
		}
		fields := map[string]string{}
		for i, name := range header {
			fields[name] = row[i]
		}
		r.put(collection, where, restForm(collection, fields), delta)
	}
}
