package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"

	"samsyn/internal/care"
)

// A shape is what the lineage of a resource says: much the same for all records of a
// map, so it is kept once and found by its hash. The hash is made of the rules' texts,
// so it means the same in any store, whatever numbers that store gave to the rules.
type shape [sha256.Size]byte

// shapeOf is the shape of a lineage. buf is room to work in, and is given back.
func shapeOf(ls []care.Lineage, buf []byte) (shape, []byte) {
	buf = buf[:0]
	put := func(s string) {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	for _, l := range ls {
		put(l.Element)
		put(l.Rule)
		buf = binary.AppendVarint(buf, int64(l.Line))
		buf = binary.AppendUvarint(buf, uint64(len(l.From)))
		for _, f := range l.From {
			put(f)
		}
	}
	return sha256.Sum256(buf), buf
}

// shape notes the shape of a lineage that is written when the page is flushed. It stands
// in the place of its number until then.
func (w *work) shape(ls []care.Lineage) shape {
	var sh shape
	sh, w.page.room = shapeOf(ls, w.page.room)
	if _, met := w.page.shapes[sh]; !met {
		w.page.shapes[sh] = ls
	}
	return sh
}

var (
	askShapes = say(`SELECT l.id, l.hash FROM {rows} JOIN lineage_shape l ON l.hash = k.hash`, "hash:bytes")
	putShapes = say(`INSERT INTO lineage_shape (hash, text) SELECT k.hash, k.text FROM {rows} WHERE true ON CONFLICT DO NOTHING`, "hash:bytes text")
)

// numberShapes puts numbers where shapes stand, at the end of the rows of resources, and
// keeps the shapes that are new. The numbers are asked for anew for each page, which is
// one question: one that was remembered might be another's after a server that had
// not heard of it took over.
func (w *work) numberShapes() error {
	if len(w.page.shapes) == 0 {
		return nil
	}
	numbers := make(map[shape]int64, len(w.page.shapes))
	if err := w.findShapes(numbers); err != nil {
		return err
	}
	if len(numbers) < len(w.page.shapes) {
		if err := w.keepShapes(numbers); err != nil {
			return err
		}
	}
	for _, s := range []*sentence{&putResource, &setLineage} {
		for _, row := range w.page.said[s] {
			row[len(row)-1] = numbers[row[len(row)-1].(shape)]
		}
	}
	return nil
}

// missingShapes are those without a number, in an order of their own.
func (w *work) missingShapes(numbers map[shape]int64) [][]any {
	var out [][]any
	for sh := range w.page.shapes {
		if _, known := numbers[sh]; !known {
			out = append(out, []any{sh[:]})
		}
	}
	slices.SortFunc(out, func(a, b []any) int { return slices.Compare(a[0].([]byte), b[0].([]byte)) })
	return out
}

func (w *work) findShapes(numbers map[shape]int64) error {
	rows, err := ask[struct {
		ID   int64  `db:"id"`
		Hash []byte `db:"hash"`
	}](w, &askShapes, w.missingShapes(numbers))
	for _, r := range rows {
		numbers[shape(r.Hash)] = r.ID
	}
	return err
}

// keepShapes writes the shapes that have no number. The lock lets one at a time do so:
// what another wrote meanwhile is found.
func (w *work) keepShapes(numbers map[shape]int64) error {
	if err := w.lock(ruleLock); err != nil {
		return err
	}
	if err := w.findShapes(numbers); err != nil {
		return err
	}
	missing := w.missingShapes(numbers)
	if err := w.loadRules(missing); err != nil {
		return err
	}
	for i, row := range missing {
		text, err := w.lineage(w.page.shapes[shape(row[0].([]byte))])
		if err != nil {
			return err
		}
		missing[i] = append(row, text)
	}
	if err := w.tell(&putShapes, missing); err != nil {
		return err
	}
	return w.findShapes(numbers)
}

// shapes are lineages that were read, by what they say: they stay true whatever becomes
// of the database. They are shared, and must not be changed.
type shapes struct {
	mu   sync.Mutex
	held map[shape][]care.Lineage
	size int
}

// shapesHeld is how many elements the lineages that are held have at most, some 200 bytes each.
const shapesHeld = 100_000

func (c *shapes) get(sh shape) ([]care.Lineage, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ls, held := c.held[sh]
	return ls, held
}

// put keeps a lineage. Where there are too many, all go: what is asked for often is soon back.
func (c *shapes) put(sh shape, ls []care.Lineage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, held := c.held[sh]; held {
		return
	}
	if c.held == nil || c.size+len(ls) > shapesHeld {
		c.held, c.size = map[shape][]care.Lineage{}, 0
	}
	c.held[sh] = ls
	c.size += len(ls) + 1
}

// lineages reads lineages as they are kept: by the hash of a shape, or, of what was kept
// before there were shapes, as text.
type lineages struct {
	shapes map[shape][]care.Lineage
	rules  map[int64]string // read where a text stands
}

// lineagesOf reads what the rows need, in at most two questions, in none where it was read before.
// hashes are those of shapes; texts tells whether a row has its lineage as text.
func (s *Store) lineagesOf(ctx context.Context, p *pool, hashes [][]byte, texts bool) (lineages, error) {
	out := lineages{shapes: map[shape][]care.Lineage{}}
	var missing []any
	for _, h := range hashes {
		if len(h) != len(shape{}) {
			continue
		}
		if _, met := out.shapes[shape(h)]; met {
			continue
		}
		ls, held := s.shapes.get(shape(h))
		out.shapes[shape(h)] = ls
		if !held {
			missing = append(missing, h)
		}
	}
	if len(missing) == 0 && !texts {
		return out, nil
	}
	var err error
	if out.rules, err = p.rules(ctx); err != nil {
		return out, err
	}
	for some := range slices.Chunk(missing, keysAtOnce) {
		var rows []struct {
			Hash []byte `db:"hash"`
			Text string `db:"text"`
		}
		some = filled(some)
		if err := p.SelectContext(ctx, &rows, `SELECT hash, text FROM lineage_shape WHERE hash IN (`+params(1, len(some))+`)`, some...); err != nil {
			return out, err
		}
		for _, r := range rows {
			ls, err := readLineage(r.Text, out.rules)
			if err != nil {
				return out, err
			}
			out.shapes[shape(r.Hash)] = ls
			s.shapes.put(shape(r.Hash), ls)
		}
	}
	return out, nil
}

// of gives the lineage of a row.
func (l lineages) of(hash []byte, text string) ([]care.Lineage, error) {
	if len(hash) == len(shape{}) {
		return slices.Clone(l.shapes[shape(hash)]), nil
	}
	return readLineage(text, l.rules)
}
