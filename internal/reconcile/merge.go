package reconcile

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"samsyn/internal/ingest/ledger"
)

// sorted ends the adding and gives the heads in order.
func (s *sorter) sorted() (*merge, error) {
	if err := s.wait(); err != nil {
		return nil, err
	}
	s.back = nil
	s.now.sort(s.kinds)
	m := &merge{kinds: s.kinds}
	for _, r := range s.runs {
		m.runs = append(m.runs, &run{in: bufio.NewReaderSize(io.NewSectionReader(s.file, r.from, r.to-r.from), 1<<17)})
	}
	m.runs = append(m.runs, &run{buffer: s.now})
	left := m.runs[:0]
	for _, r := range m.runs {
		ok, err := r.next(m.kinds)
		if err != nil {
			return nil, err
		}
		if ok {
			left = append(left, r)
		}
	}
	m.runs = left
	heap.Init(m)
	return m, nil
}

// merge gives heads in order out of runs that are in order.
type merge struct {
	kinds []string
	runs  []*run
}

func (m *merge) Len() int           { return len(m.runs) }
func (m *merge) Swap(i, j int)      { m.runs[i], m.runs[j] = m.runs[j], m.runs[i] }
func (m *merge) Push(any)           {}
func (m *merge) Less(i, j int) bool { return m.runs[i].before(m.runs[j]) }

func (m *merge) Pop() any {
	m.runs = m.runs[:len(m.runs)-1]
	return nil
}

// peek is the next head, nil at the end. It is valid until pop.
func (m *merge) peek() *run {
	if len(m.runs) == 0 {
		return nil
	}
	return m.runs[0]
}

func (m *merge) pop() error {
	ok, err := m.runs[0].next(m.kinds)
	switch {
	case err != nil:
		return err
	case !ok:
		heap.Pop(m)
	case len(m.runs) > 1 && !m.stillFirst():
		heap.Fix(m, 0)
	}
	return nil
}

// stillFirst spares most of the heap's work where runs follow each other.
func (m *merge) stillFirst() bool {
	for i := 1; i <= 2 && i < len(m.runs); i++ {
		if m.runs[i].before(m.runs[0]) {
			return false
		}
	}
	return true
}

// run is one sequence in order, at its current head: the encoded bytes and what they say.
type run struct {
	in     *bufio.Reader
	buffer *buffer
	i      int

	kind string
	key  []byte
	raw  []byte // from the flag on
	done int    // bytes of the reader that the current head takes
}

func (r *run) before(o *run) bool {
	if r.kind != o.kind {
		return r.kind < o.kind
	}
	return bytes.Compare(r.key, o.key) < 0
}

// next goes to the next head; false at the end.
func (r *run) next(kinds []string) (bool, error) {
	var whole []byte
	if r.buffer != nil {
		if r.i == len(r.buffer.items) {
			return false, nil
		}
		whole = r.buffer.bytes[r.buffer.items[r.i].at:]
		r.i++
	} else {
		var err error
		if whole, err = r.read(); err != nil || whole == nil {
			return false, err
		}
	}
	n := 6 + binary.LittleEndian.Uint32(whole[2:])
	r.kind, r.key, r.raw = kinds[binary.LittleEndian.Uint16(whole)], whole[6:n], whole[n:]
	return true, nil
}

// maxHead is more bytes than an encoded head can have.
const maxHead = 6 + maxText + 1 + sumSize + binary.MaxVarintLen64 + maxText + 8

// read gives the next encoded head of the file, nil at the end. It stays valid until the next.
func (r *run) read() ([]byte, error) {
	_, err := r.in.Discard(r.done)
	if err != nil {
		return nil, fmt.Errorf("read the listing that was kept aside: %w", err)
	}
	r.done = 0
	ahead, err := r.in.Peek(maxHead)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the listing that was kept aside: %w", err)
	}
	if len(ahead) == 0 {
		return nil, nil
	}
	r.done = length(ahead)
	return ahead[:r.done], nil
}

// changed is when the source says that the current head last changed.
func (r *run) changed() time.Time {
	if r.raw[0]&2 == 0 {
		return time.Time{}
	}
	return r.head().changed
}

func (r *run) is(k ledger.Key) bool { return r.kind == k.Kind && string(r.key) == k.Key }

func (r *run) comesBefore(k ledger.Key) bool {
	if r.kind != k.Kind {
		return r.kind < k.Kind
	}
	return string(r.key) < k.Key
}

// head gives the whole current head.
func (r *run) head() head {
	h := head{Key: ledger.Key{Kind: r.kind, Key: string(r.key)}}
	flag, at := r.raw[0], 1
	if flag&1 != 0 {
		h.hashed = true
		at += copy(h.sum[:], r.raw[1:])
	}
	n, w := binary.Uvarint(r.raw[at:])
	at += w
	h.version = string(r.raw[at : at+int(n)])
	if flag&2 != 0 {
		h.changed = time.UnixMicro(int64(binary.LittleEndian.Uint64(r.raw[at+int(n):]))).UTC()
	}
	return h
}

// equals is head.same for the current head, without taking it out.
func (r *run) equals(l ledger.Line) bool {
	if r.raw[0]&1 != 0 {
		return string(r.raw[1:1+sumSize]) == string(l.Hash[:sumSize])
	}
	return r.head().same(l)
}
