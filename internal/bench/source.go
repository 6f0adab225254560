package bench

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"samsyn/adapters"
)

// reader is an adapter over a part of a town, child after child. Each page takes at least
// as long as its source needs to answer.
type reader struct {
	*town
	from, to int // of the children
	answers  time.Duration
	shards   int
}

func (r reader) Fetch(ctx context.Context, _ adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		for child := r.from; child < r.to; child += pageChildren {
			if r.answers > 0 {
				select {
				case <-ctx.Done():
					yield(adapters.Page{}, ctx.Err())
					return
				case <-time.After(r.answers):
				}
			}
			end := min(child+pageChildren, r.to)
			page := adapters.Page{Records: make([]adapters.Record, 0, (end-child)*perChild), Next: adapters.Cursor(strconv.Itoa(end))}
			room := make([]byte, 0, (end-child)*perChild*1600)
			for c := child; c < end; c++ {
				for k := range kinds {
					for n := range kinds[k].n {
						var rec adapters.Record
						rec, room = r.record(k, c, n, room)
						page.Records = append(page.Records, rec)
					}
				}
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

// Shards are as many parts of the children, two where nothing is said.
func (r reader) Shards(context.Context) ([]string, error) {
	out := make([]string, r.parts())
	for i := range out {
		out[i] = strconv.Itoa(i + 1)
	}
	return out, nil
}

func (r reader) parts() int { return max(2, r.shards) }

// FetchShard reads one part.
func (r reader) FetchShard(ctx context.Context, shard string, since adapters.Cursor) iter.Seq2[adapters.Page, error] {
	i, err := strconv.Atoi(shard)
	if err != nil {
		return func(yield func(adapters.Page, error) bool) { yield(adapters.Page{}, err) }
	}
	from, all := r.from, r.to-r.from
	r.from, r.to = from+all*(i-1)/r.parts(), from+all*i/r.parts()
	return r.Fetch(ctx, since)
}

// List gives whole records: the source has nothing less.
func (r reader) List(ctx context.Context) iter.Seq2[adapters.HeadPage, error] {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.kind
	}
	return adapters.Whole(r.Fetch(ctx, ""), nil, names...)
}

// rows is a source of n things of one kind, of which it gives key and hash, or, where
// body is set, whole records of its size.
type rows struct {
	n    int
	body []byte
}

const rowsKind = "CarePlan"

// atKey is where the key stands in a body.
const atKey = len(`{"resourceType":"CarePlan","id":"`)

// bodyOf is a record of size bytes without its key.
func bodyOf(size int) []byte {
	b := []byte(`{"resourceType":"CarePlan","id":"` + rowKey(0) + `","text":"`)
	seed := uint64(1)
	return append(words(b, size-len(b)-30, &seed), `"}`...)
}

func rowKey(i int) string {
	return "0b7d2f6e-2f5a-4d1c-9c1e-" + strconv.Itoa(1_000_000_000_000 + i)[1:]
}

// hash is of row i. Where there are bodies it is the record's.
func (r rows) hash(i int, room []byte) (h [32]byte) {
	if r.body != nil {
		return r.record(i, room).Hash()
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(i))
	return sha256.Sum256(b[:])
}

// record is whole record i, its body in room.
func (r rows) record(i int, room []byte) adapters.Record {
	key := rowKey(i)
	body := append(room[:0], r.body...)
	copy(body[atKey:], key)
	return adapters.Record{Kind: rowsKind, Key: key, Media: adapters.JSON, Body: body}
}

const rowsPage = 1000

func (r rows) Fetch(context.Context, adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		room := make([]byte, rowsPage*len(r.body))
		for i := 0; i < r.n; i += rowsPage {
			page := adapters.Page{Records: make([]adapters.Record, 0, rowsPage)}
			for j := i; j < min(i+rowsPage, r.n); j++ {
				at := (j - i) * len(r.body)
				page.Records = append(page.Records, r.record(j, room[at:at:at+len(r.body)]))
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

func (r rows) List(ctx context.Context) iter.Seq2[adapters.HeadPage, error] {
	if r.body != nil {
		return adapters.Whole(r.Fetch(ctx, ""), nil, rowsKind)
	}
	return func(yield func(adapters.HeadPage, error) bool) {
		page := make([]adapters.Head, 0, rowsPage)
		for i := range r.n {
			if page = append(page, adapters.Head{Kind: rowsKind, Key: rowKey(i), Hash: r.hash(i, nil)}); len(page) == rowsPage || i == r.n-1 {
				if !yield(adapters.HeadPage{Heads: page}, nil) {
					return
				}
				page = page[:0]
			}
		}
		yield(adapters.HeadPage{Complete: []string{rowsKind}}, nil)
	}
}

// server is a town behind FHIR REST: searches in pages, whole or ids and versions alone.
type server struct{ *town }

func (s server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			http.Error(w, "form", http.StatusBadRequest)
			return
		}
	} else {
		r.Form = r.URL.Query()
	}
	kind := -1
	for i, k := range kinds {
		if r.URL.Path == "/fhir/"+k.kind+"/_search" {
			kind = i
		}
	}
	from, _ := strconv.Atoi(r.Form.Get("from")) // absent: the beginning
	count, err := strconv.Atoi(r.Form.Get("_count"))
	if kind < 0 || err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/fhir+json")
	w.Write(s.bundle(kind, from, count, r.Form.Get("_elements") != "", "http://"+r.Host+r.URL.Path)) // a client that is gone gets nothing
}

func (s server) bundle(kind, from, count int, short bool, at string) []byte {
	all := len(s.numbers) * kinds[kind].n
	to := min(from+count, all)
	out := append(make([]byte, 0, 64+(to-from)*1700), `{"resourceType":"Bundle","type":"searchset","link":[`...)
	if to < all {
		q := url.Values{"from": {strconv.Itoa(to)}, "_count": {strconv.Itoa(count)}}
		if short {
			q.Set("_elements", "id,meta")
		}
		out = append(out, `{"relation":"next","url":"`+at+"?"+q.Encode()+`"}`...)
	}
	out = append(out, `],"entry":[`...)
	for i := from; i < to; i++ {
		if i > from {
			out = append(out, ',')
		}
		out = append(out, `{"resource":`...)
		if short {
			out = append(out, `{"resourceType":"`+kinds[kind].kind+`","id":"`...)
			out = fmtKey(out, i/kinds[kind].n, i%kinds[kind].n)
			out = append(out, `","meta":{"versionId":"`+strconv.Itoa(s.version)+`","lastUpdated":"`...)
			out = epoch.AddDate(0, 0, s.version).AppendFormat(out, time.RFC3339)
			out = append(out, `"}}`...)
		} else {
			_, out = s.record(kind, i/kinds[kind].n, i%kinds[kind].n, out)
		}
		out = append(out, `,"search":{"mode":"match"}}`...)
	}
	return append(out, `]}`...)
}
