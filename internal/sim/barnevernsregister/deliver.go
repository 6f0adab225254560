// Package barnevernsregistersim owns a stand-in for the fagsystem that delivers to
// Barnevernsregisteret: it puts files in a drop folder as a transfer does, written
// under a name of their own first and renamed when whole. It knows nothing of what
// the files say.
package barnevernsregistersim

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Deliver puts every XML file of data in dir, in order of name, and makes dir where it
// is missing. Files that are there with the same content are left untouched, so that a
// second delivery of the same data changes nothing.
func Deliver(data fs.FS, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make drop folder: %w", err)
	}
	names, err := fs.Glob(data, "*.xml")
	if err != nil {
		return fmt.Errorf("list deliveries: %w", err)
	}
	for _, name := range names {
		body, err := fs.ReadFile(data, name)
		if err != nil {
			return fmt.Errorf("read delivery: %w", err)
		}
		if have, err := os.ReadFile(filepath.Join(dir, name)); err == nil && string(have) == string(body) {
			continue
		}
		if err := Put(dir, name, body); err != nil {
			return err
		}
	}
	return nil
}

// Put delivers one file whole.
func Put(dir, name string, body []byte) error {
	if name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return fmt.Errorf("deliver %q: not a plain file name: %w", name, fs.ErrInvalid)
	}
	part := filepath.Join(dir, name+".part")
	if err := os.WriteFile(part, body, 0o600); err != nil {
		return fmt.Errorf("write delivery: %w", err)
	}
	if err := os.Rename(part, filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	return nil
}

// Begin leaves the first n bytes of a delivery under its final name, as a transfer does
// that writes in place and is not done, or was broken off.
func Begin(dir, name string, body []byte, n int) error {
	return Put(dir, name, body[:min(n, len(body))])
}

// Remove takes a delivery away, as a clean-up of old files does.
func Remove(dir, name string) error {
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("remove delivery: %w", err)
	}
	return nil
}
