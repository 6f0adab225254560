package reconcile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"samsyn/adapters"
	"samsyn/internal/ingest/ledger"
)

// head is one listed key as the sorter keeps it. sum is the beginning of the record's
// hash, enough never to take two for one.
type head struct {
	ledger.Key
	hashed  bool
	sum     [sumSize]byte
	version string
	changed time.Time
}

const sumSize = 16

// sorter takes heads in any order and gives them back by kind and key, in byte order as
// the store's ledger is. It holds two buffers at most, whatever comes; the rest lies in
// one temporary file that only its owner can read and that is gone when it is closed.
// What already comes in order is not sorted again.
type sorter struct {
	dir    string
	limit  int // bytes of one buffer
	kinds  []string
	number map[string]uint16

	now, back *buffer
	spilling  chan error // of the buffer that is being written, nil while none is
	file      *os.File
	size      int64
	runs      []span
}

// span is a part of the file that is in order.
type span struct{ from, to int64 }

// buffer holds encoded heads and where each begins.
type buffer struct {
	bytes   []byte
	items   []item
	ordered bool
}

// item is one head in a buffer. prefix is the beginning of its key, or of what differs in
// it, so that most comparisons need not look further.
type item struct {
	prefix uint64
	at     uint32
	kind   uint16
}

// bufferSize is 16 MiB of heads: some 200,000 with keys of 36 letters. Two of them are what
// a compare mostly has alive, and the collector lets as much again lie.
const bufferSize = 16 << 20

func newSorter(dir string, limit int) *sorter {
	if limit <= 0 {
		limit = bufferSize
	}
	return &sorter{dir: dir, limit: limit, number: map[string]uint16{}, now: &buffer{ordered: true}, back: &buffer{ordered: true}}
}

// Bounds far beyond what any source has: kinds, and bytes of a key or a version.
const (
	maxKinds = 1 << 15
	maxText  = 1 << 14
)

var errTooMuch = fmt.Errorf("%w: the listing names too many kinds, or too long a key or version", adapters.ErrProtocol)

func (s *sorter) add(h head) error {
	kind, known := s.number[h.Kind]
	if !known {
		if len(s.kinds) == maxKinds {
			return errTooMuch
		}
		kind = uint16(len(s.kinds))
		s.kinds, s.number[strings.Clone(h.Kind)] = append(s.kinds, strings.Clone(h.Kind)), kind
	}
	if len(h.Key.Key) > maxText || len(h.version) > maxText {
		return errTooMuch
	}
	if len(s.now.bytes) >= s.limit {
		if err := s.spill(); err != nil {
			return err
		}
	}
	b := s.now
	i := item{prefix: prefix(h.Key.Key), at: uint32(len(b.bytes)), kind: kind}
	b.bytes = encode(b.bytes, h, kind)
	if b.ordered && len(b.items) > 0 && b.compare(s.kinds, b.items[len(b.items)-1], i) > 0 {
		b.ordered = false
	}
	b.items = append(b.items, i)
	return nil
}

func prefix[T string | []byte](key T) uint64 {
	var p [8]byte
	copy(p[:], key)
	return binary.BigEndian.Uint64(p[:])
}

// encode: kind, key, version, flags, hash or time. Lengths come first, so that a key is found at once.
func encode(b []byte, h head, kind uint16) []byte {
	b = binary.LittleEndian.AppendUint16(b, kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(h.Key.Key)))
	b = append(b, h.Key.Key...)
	flag := byte(0)
	if h.hashed {
		flag |= 1
	}
	if !h.changed.IsZero() {
		flag |= 2
	}
	b = append(b, flag)
	if h.hashed {
		b = append(b, h.sum[:]...)
	}
	b = binary.AppendUvarint(b, uint64(len(h.version)))
	b = append(b, h.version...)
	if !h.changed.IsZero() {
		b = binary.LittleEndian.AppendUint64(b, uint64(h.changed.UnixMicro()))
	}
	return b
}

func keyAt(b []byte, at uint32) []byte {
	n := binary.LittleEndian.Uint32(b[at+2:])
	return b[at+6 : at+6+n]
}

func (b *buffer) compare(kinds []string, x, y item) int {
	switch {
	case x.kind != y.kind:
		return strings.Compare(kinds[x.kind], kinds[y.kind])
	case x.prefix < y.prefix:
		return -1
	case x.prefix > y.prefix:
		return 1
	}
	return bytes.Compare(keyAt(b.bytes, x.at), keyAt(b.bytes, y.at))
}

func (b *buffer) sort(kinds []string) {
	if b.ordered {
		return
	}
	// The keys of a kind often begin alike; what is compared first begins where they differ.
	type common struct {
		key []byte
		n   int
	}
	alike := make([]common, len(kinds))
	for _, i := range b.items {
		c, key := &alike[i.kind], keyAt(b.bytes, i.at)
		if c.key == nil {
			c.key, c.n = key, len(key)
		}
		c.n = min(c.n, len(key))
		for n := range c.n {
			if c.key[n] != key[n] {
				c.n = n
				break
			}
		}
	}
	for j, i := range b.items {
		b.items[j].prefix = prefix(keyAt(b.bytes, i.at)[alike[i.kind].n:])
	}
	slices.SortFunc(b.items, func(x, y item) int { return b.compare(kinds, x, y) })
}

// spill sorts and writes the full buffer beside the listing, which goes on in the other.
func (s *sorter) spill() error {
	if err := s.wait(); err != nil {
		return err
	}
	if s.file == nil {
		f, err := os.CreateTemp(s.dir, "samsyn-listing-*")
		if err != nil {
			return fmt.Errorf("keep the listing aside: %w", err)
		}
		_ = os.Remove(f.Name()) // where a file in use cannot be removed, close does it
		s.file = f
	}
	full := s.now
	s.now, s.back = s.back, full
	s.now.bytes, s.now.items, s.now.ordered = s.now.bytes[:0], s.now.items[:0], true
	// The kinds that this buffer names do not change any more; others may come meanwhile.
	kinds := s.kinds[:len(s.kinds):len(s.kinds)]
	done := make(chan error, 1)
	s.spilling = done
	go func() {
		full.sort(kinds)
		done <- s.write(full)
	}()
	return nil
}

// write puts a sorted buffer at the end of the file. Only the spilling goroutine calls it.
func (s *sorter) write(b *buffer) error {
	if b.ordered {
		if _, err := s.file.Write(b.bytes); err != nil {
			return fmt.Errorf("keep the listing aside: %w", err)
		}
	} else {
		w := bufio.NewWriterSize(s.file, 1<<18)
		for _, i := range b.items {
			if _, err := w.Write(b.bytes[i.at:][:length(b.bytes[i.at:])]); err != nil {
				return fmt.Errorf("keep the listing aside: %w", err)
			}
		}
		if err := w.Flush(); err != nil {
			return fmt.Errorf("keep the listing aside: %w", err)
		}
	}
	n := int64(len(b.bytes))
	s.runs = append(s.runs, span{from: s.size, to: s.size + n})
	s.size += n
	return nil
}

// length is how long the encoded head is that b begins with.
func length(b []byte) int {
	n := 6 + int(binary.LittleEndian.Uint32(b[2:]))
	flag := b[n]
	n++
	if flag&1 != 0 {
		n += sumSize
	}
	v, w := binary.Uvarint(b[n:])
	n += w + int(v)
	if flag&2 != 0 {
		n += 8
	}
	return n
}

func (s *sorter) wait() error {
	if s.spilling == nil {
		return nil
	}
	err := <-s.spilling
	s.spilling = nil
	return err
}

func (s *sorter) close() {
	_ = s.wait() // it was told where it mattered
	if s.file != nil {
		_ = s.file.Close()           // it was only for us
		_ = os.Remove(s.file.Name()) // already gone on most systems
		s.file = nil
	}
	s.now, s.back = nil, nil
}
