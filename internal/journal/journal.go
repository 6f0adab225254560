// Package journal owns the file outside of the database in which it stands that something
// ended (a permission, a record), on the disk before it is confirmed to anybody: a database
// that is brought back from a backup is told it again before it shows anything. It knows
// what a line may hold, and neither the database nor what the lines are about.
//
// The file is a line of JSON for each entry after a first one that says whose journal it is.
// Each line holds a sum over itself and all before it. Lines hold random ids, keyed hashes and
// times: no national number, no name and no free text.
package journal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"samsyn/internal/care"
)

// Entry is one thing that ended. Seq is given by Append.
type Entry struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	Kind    Kind      `json:"kind"`
	Subject string    `json:"subject"` // whom or what it is about: an id
	Payload Payload   `json:"payload"`
}

// Payload are the ids and times (Moment) that the entry's kind needs, no more and no fewer.
type Payload map[string]string

// Position is a place in a journal: the number of the last entry before it, and the sum
// over everything up to there, by which it is told from the same place in another journal.
type Position struct {
	Seq int64  `json:"seq"`
	Sum string `json:"sum"`
}

// head is the first line.
type head struct {
	Format string `json:"format"`
	ID     string `json:"id"`    // random
	Store  string `json:"store"` // whose journal it is
}

const format = "samsyn journal 1"

// line is an entry as it is written.
type line struct {
	Entry
	Sum string `json:"sum"`
}

// Journal is an open journal. It is safe for concurrent use, also by several processes.
type Journal struct {
	mu     sync.Mutex
	file   *os.File
	head   head
	start  Position // after the first line
	last   Position // as far as was read
	size   int64    // up to there
	broken error    // a write of which nobody knows whether it is on the disk
}

// Create begins a journal at path for the store of that name. random gives its id. The error is
// care.ErrConflict where there is a file already.
func Create(path, store string, random io.Reader) error {
	id := make([]byte, 8)
	if _, err := io.ReadFull(random, id); err != nil {
		return fmt.Errorf("begin journal: %w", err)
	}
	first, err := json.Marshal(head{Format: format, ID: hex.EncodeToString(id), Store: store})
	if err != nil {
		return fmt.Errorf("begin journal: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("begin journal: %s exists already: %w", path, care.ErrConflict)
	}
	if err != nil {
		return fmt.Errorf("begin journal: %w", err)
	}
	_, err = f.Write(append(first, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close(), syncFolder(path)); err != nil {
		return errors.Join(fmt.Errorf("begin journal: %w", err), os.Remove(path))
	}
	return nil
}

// Open opens the journal at path and reads it through. A last line that was not written to
// its end was never confirmed and is cut off. The error is care.ErrNotFound where there is no
// file, and care.ErrConflict where the journal is another store's or is not what was written.
func Open(path, store string) (_ *Journal, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open journal: there is none at %s: %w", path, care.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{file: f}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open journal %s: %w", path, err), f.Close())
		}
	}()
	err = j.alone(func() error {
		if err := j.readHead(); err != nil {
			return err
		}
		return j.catchUp(nil)
	})
	if err != nil {
		return nil, err
	}
	if j.head.Store != store {
		return nil, fmt.Errorf("it is the journal of another store: name this store's own, or begin a new one: %w", care.ErrConflict)
	}
	return j, nil
}

// Close closes the file.
func (j *Journal) Close() error {
	if err := j.file.Close(); err != nil {
		return fmt.Errorf("close journal: %w", err)
	}
	return nil
}

// ID is the journal's own random id.
func (j *Journal) ID() string { return j.head.ID }

// Start is the place before the first entry.
func (j *Journal) Start() Position { return j.start }

// Last is the place after the last entry, those of other processes included.
func (j *Journal) Last() (last Position, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	err = j.alone(func() error { err := j.catchUp(nil); last = j.last; return err })
	return last, err
}

// Append writes entries and gives the place after them. They are on the disk when it returns
// without error, all of them. After a write of which nobody knows whether it is on the disk
// everything is refused until the journal is opened anew.
func (j *Journal) Append(entries ...Entry) (Position, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return Position{}, fmt.Errorf("write to journal: an earlier write failed; start again when the disk is well: %w: %w", j.broken, care.ErrUnavailable)
	}
	var at Position
	err := j.alone(func() error {
		if err := j.catchUp(nil); err != nil {
			return err
		}
		at = j.last
		var out bytes.Buffer
		for _, e := range entries {
			if err := e.check(); err != nil {
				return err
			}
			e.Seq, e.At = at.Seq+1, e.At.UTC()
			text, err := e.write(at.Sum)
			if err != nil {
				return err
			}
			out.Write(text.bytes)
			at = Position{e.Seq, text.sum}
		}
		if _, err := j.file.Write(out.Bytes()); err != nil {
			j.broken = err
			return err
		}
		if err := j.file.Sync(); err != nil {
			j.broken = err
			return err
		}
		j.last, j.size = at, j.size+int64(out.Len())
		return nil
	})
	if err != nil {
		return Position{}, fmt.Errorf("write to journal: %w", err)
	}
	return at, nil
}

// Since gives the entries after a place, in order. The error is care.ErrConflict where the
// place is not in this journal: it lies after the end, or another journal was written up to there.
func (j *Journal) Since(p Position) (all []Entry, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	met := false
	err = j.alone(func() error {
		if err := j.readHead(); err != nil {
			return err
		}
		met = p == j.start
		return j.catchUp(func(e Entry, after Position) {
			if met {
				all = append(all, e)
			}
			met = met || after == p
		})
	})
	if err == nil && !met {
		why := "it was written by another store that had the same beginning"
		if p.Seq > j.last.Seq {
			why = fmt.Sprintf("it ends with entry %d, and the store knows entry %d: an older copy of the journal was put in its place", j.last.Seq, p.Seq)
		}
		err = fmt.Errorf("it does not fit: %s: %w", why, care.ErrConflict)
	}
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	return all, nil
}

// readHead reads the first line and begins from there.
func (j *Journal) readHead() error {
	if _, err := j.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	first, err := bufio.NewReader(j.file).ReadBytes('\n')
	var h head
	if err == nil {
		err = json.Unmarshal(first, &h)
	}
	if err != nil || h.Format != format || h.ID == "" || h.Store == "" {
		return fmt.Errorf("its first line is not that of a journal (%s): %w", format, care.ErrConflict)
	}
	j.head, j.size, j.start = h, int64(len(first)), Position{Sum: sumOf("", first)}
	j.last = j.start
	return nil
}

// catchUp reads what was written since, by whatever process, and tells met of each entry.
func (j *Journal) catchUp(met func(Entry, Position)) error {
	if _, err := j.file.Seek(j.size, io.SeekStart); err != nil {
		return err
	}
	in := bufio.NewReader(j.file)
	for {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if len(text) == 0 {
				return nil
			}
			return errors.Join(j.file.Truncate(j.size), j.file.Sync()) // never confirmed
		}
		if err != nil {
			return err
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return fmt.Errorf("the line after entry %d is not what was written: %w", j.last.Seq, care.ErrConflict)
		}
		want, err := l.Entry.write(j.last.Sum)
		if err != nil || l.Seq != j.last.Seq+1 || !bytes.Equal(want.bytes, text) {
			return fmt.Errorf("the line after entry %d is not what was written: %w", j.last.Seq, care.ErrConflict)
		}
		if err := l.check(); err != nil {
			return fmt.Errorf("the line after entry %d: %w", j.last.Seq, err)
		}
		j.last, j.size = Position{l.Seq, l.Sum}, j.size+int64(len(text))
		if met != nil {
			met(l.Entry, j.last)
		}
	}
}

// alone runs f while no other process reads or writes the file.
func (j *Journal) alone(f func() error) error {
	if err := lock(j.file); err != nil {
		return err
	}
	return errors.Join(f(), unlock(j.file))
}

type written struct {
	bytes []byte
	sum   string
}

// write is the entry as a line after one with the sum before.
func (e Entry) write(before string) (written, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return written{}, err
	}
	sum := sumOf(before, text)
	text, err = json.Marshal(line{e, sum})
	return written{append(text, '\n'), sum}, err
}

func sumOf(before string, text []byte) string {
	h := sha256.New()
	h.Write([]byte(before))
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil)[:16])
}
