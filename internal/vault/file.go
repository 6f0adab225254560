package vault

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"

	"samsyn/internal/care"
)

// File is key-encryption keys in a file that its owner alone may read. It is made when
// the first ring is wrapped, that is with a new store, and never when one is to be opened.
type File struct {
	path string
	now  func() time.Time
	mu   sync.Mutex
}

// InFile is the keys in the file at path. Nothing is read yet.
func InFile(path string, now func() time.Time) *File { return &File{path: path, now: now} }

// Path is where the keys are.
func (f *File) Path() string { return f.path }

// kept is the file's content.
type kept struct {
	What      string                  `json:"what"`
	Version   int                     `json:"version"`
	Keys      map[Partition][]byte    `json:"keys"`
	Destroyed map[Partition]time.Time `json:"destroyed,omitempty"`
}

const (
	whatItIs  = "Samsyn's key-encryption keys. The store cannot be read without them; with them and a copy of the store anybody can. Keep a copy apart from the backups of the store (docs/operations.md)."
	keySize   = 32
	mostBytes = 1 << 20
)

// Wrap encrypts a ring for its partition.
func (f *File) Wrap(_ context.Context, p Partition, ring []byte) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, err := f.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if k, err = f.make(); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	}
	if k.Keys[p] == nil && k.Destroyed[p].IsZero() { // a partition that an older program did not know
		if k.Keys[p], err = freshKey(); err != nil {
			return nil, err
		}
		if err := f.replace(k); err != nil {
			return nil, err
		}
	}
	a, err := k.of(p)
	if err != nil {
		return nil, err
	}
	return a.Encrypt(ring, Place("ring", string(p)))
}

// Unwrap decrypts it. Without the file the error says what to do.
func (f *File) Unwrap(_ context.Context, p Partition, wrapped []byte) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is not there: put back the copy of the key file that belongs to this store (docs/operations.md, Keys)", ErrNoKeys, f.path)
	}
	if err != nil {
		return nil, err
	}
	a, err := k.of(p)
	if err != nil {
		return nil, err
	}
	ring, err := a.Decrypt(wrapped, Place("ring", string(p)))
	if err != nil {
		return nil, fmt.Errorf("%w: %s is another store's key file: put back the one that belongs to this store (docs/operations.md, Keys)", ErrNoKeys, f.path)
	}
	return ring, nil
}

// Destroy takes the partition's key out of the file, and writes over the old file's bytes.
// Copies of the key file are not reached: whoever keeps them has to destroy them too.
func (f *File) Destroy(_ context.Context, p Partition) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, err := f.read()
	if err != nil {
		return err
	}
	if !k.Destroyed[p].IsZero() {
		return nil
	}
	delete(k.Keys, p)
	if k.Destroyed == nil {
		k.Destroyed = map[Partition]time.Time{}
	}
	k.Destroyed[p] = f.now().UTC().Truncate(time.Second)
	return f.replace(k)
}

func (k kept) of(p Partition) (*subtle.AESGCM, error) {
	if !k.Destroyed[p].IsZero() {
		return nil, ErrDestroyed
	}
	a, err := subtle.NewAESGCM(k.Keys[p])
	if err != nil {
		return nil, fmt.Errorf("%w: there is no key for %s in the key file", ErrNoKeys, p)
	}
	return a, nil
}

func (f *File) read() (kept, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return kept{}, errOf(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return kept{}, fmt.Errorf("%w: %s may be read by others than its owner (mode %#o): chmod 600 it, and think of the keys as known to them", ErrNoKeys, f.path, info.Mode().Perm())
	}
	if info.Size() > mostBytes {
		return kept{}, fmt.Errorf("%w: %s is no key file", ErrNoKeys, f.path)
	}
	raw, err := os.ReadFile(f.path)
	if err != nil {
		return kept{}, errOf(err)
	}
	defer clear(raw)
	var k kept
	if err := json.Unmarshal(raw, &k); err != nil || k.Version != 1 || k.Keys == nil {
		return kept{}, fmt.Errorf("%w: %s is no key file that this program knows", ErrNoKeys, f.path)
	}
	return k, nil
}

// errOf keeps fs.ErrNotExist to be told apart.
func errOf(err error) error { return fmt.Errorf("%w: %w", ErrNoKeys, err) }

// make writes a new file with a key for each partition. Where another process made it at the same
// time, that one is used: a key file is never replaced by a new one.
func (f *File) make() (kept, error) {
	k := kept{What: whatItIs, Version: 1, Keys: map[Partition][]byte{}}
	for _, p := range Partitions() {
		var err error
		if k.Keys[p], err = freshKey(); err != nil {
			return kept{}, err
		}
	}
	tmp, err := f.write(k)
	if err != nil {
		return kept{}, err
	}
	err = os.Link(tmp, f.path) // unlike a rename it fails where the file is there
	if err := os.Remove(tmp); err != nil {
		return kept{}, errOf(err)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return kept{}, errOf(err)
	}
	if err := syncFolder(f.path); err != nil {
		return kept{}, err
	}
	return f.read()
}

// replace puts the content in the file's place, and writes over what was there.
func (f *File) replace(k kept) error {
	old, err := os.OpenFile(f.path, os.O_WRONLY, 0)
	if err != nil {
		return errOf(err)
	}
	defer old.Close() // what can fail has been checked
	tmp, err := f.write(k)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, f.path); err != nil {
		return errOf(errors.Join(err, os.Remove(tmp)))
	}
	if err := syncFolder(f.path); err != nil {
		return err
	}
	info, err := old.Stat()
	if err != nil {
		return errOf(err)
	}
	_, err = old.WriteAt(make([]byte, info.Size()), 0)
	if err := errors.Join(err, old.Sync()); err != nil {
		return errOf(err)
	}
	return nil
}

// write writes the content to a file of its own beside the other.
func (f *File) write(k kept) (name string, err error) {
	raw, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return "", err
	}
	defer clear(raw)
	tmp, err := os.CreateTemp(filepath.Dir(f.path), ".keys-*") // mode 0600
	if err != nil {
		return "", errOf(err)
	}
	_, err = tmp.Write(append(raw, '\n'))
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return "", errOf(errors.Join(err, os.Remove(tmp.Name())))
	}
	return tmp.Name(), nil
}

func syncFolder(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return errOf(err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return errOf(err)
	}
	return nil
}

func freshKey() ([]byte, error) {
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("%w: draw a key: %w", care.ErrUnavailable, err)
	}
	return key, nil
}
