package reconcile_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/reconcile"
)

// rows is a source and a ledger of n rows that agree but for one in every differ; 0: they agree.
type rows struct {
	n       int
	differ  int
	shuffle bool
	bodies  bool // the listing gives whole records of 3 kB
}

// key is a UUID-like key of row i: in order, or in none.
func (r rows) key(i int) string {
	var b [44]byte
	x := uint64(i)
	out := append(b[:0], "0b7d2f6e-2f5a-4d1c-9c1e-"...)
	s := strconv.FormatUint(1_000_000_000_000+x, 10)
	return string(append(out, s[1:]...))
}

func (r rows) hash(i int) (h [32]byte) {
	binary.LittleEndian.PutUint64(h[:], uint64(i)*0x9e3779b97f4a7c15)
	binary.LittleEndian.PutUint64(h[8:], uint64(i))
	return h
}

// body is a record of 3 kB.
func (r rows) body(i int) []byte {
	b := make([]byte, 3000)
	copy(b, `{"resourceType":"CarePlan","id":"`+r.key(i)+`","text":"`)
	for j := 80; j < len(b); j += 8 {
		binary.LittleEndian.PutUint64(b[j:], uint64(i*j)|0x2020202020202020)
	}
	return b
}

// at is where row i stands in the listing: a walk that meets each once.
func (r rows) at(i int) int {
	if !r.shuffle {
		return i
	}
	return int(uint64(i) * 2_654_435_761 % uint64(r.n))
}

func (r rows) Fetch(context.Context, adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {}
}

func (r rows) List(context.Context) iter.Seq2[adapters.HeadPage, error] {
	if r.bodies {
		return adapters.Whole(r.pages(), nil, "CarePlan")
	}
	return func(yield func(adapters.HeadPage, error) bool) {
		const size = 1000
		page := make([]adapters.Head, 0, size)
		for i := range r.n {
			at := r.at(i)
			page = append(page, adapters.Head{Kind: "CarePlan", Key: r.key(at), Hash: r.hash(at)})
			if len(page) == size || i == r.n-1 {
				if !yield(adapters.HeadPage{Heads: page}, nil) {
					return
				}
				page = page[:0]
			}
		}
		yield(adapters.HeadPage{Complete: []string{"CarePlan"}}, nil)
	}
}

func (r rows) pages() iter.Seq2[adapters.Page, error] {
	// One body for all rows: what is measured is hashing and comparing, not making texts.
	body := r.body(1)
	return func(yield func(adapters.Page, error) bool) {
		page := make([]adapters.Record, 0, 1000)
		for i := range r.n {
			page = append(page, adapters.Record{Kind: "CarePlan", Key: r.key(r.at(i)), Media: adapters.JSON, Body: body})
			if len(page) == cap(page) || i == r.n-1 {
				if !yield(adapters.Page{Records: page}, nil) {
					return
				}
				page = page[:0]
			}
		}
	}
}

// Lines streams the ledger without a database: what remains is our own work.
func (r rows) Lines(context.Context, string, bool) iter.Seq2[ledger.Line, error] {
	same := adapters.Record{Kind: "CarePlan", Media: adapters.JSON, Body: r.body(1)}.Hash()
	return func(yield func(ledger.Line, error) bool) {
		for i := range r.n {
			l := ledger.Line{Key: ledger.Key{Kind: "CarePlan", Key: r.key(i)}, Hash: r.hash(i)}
			if r.bodies {
				l.Hash = same
			}
			if r.differ > 0 && i%r.differ == 0 {
				l.Hash = sha256.Sum256([]byte{1})
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}

func (r rows) Held(context.Context, string, []ledger.Key) (map[ledger.Key]ledger.Held, error) {
	return nil, nil
}
func (r rows) LastBegun(context.Context, string) (time.Time, error)  { return time.Time{}, nil }
func (r rows) Dismiss(context.Context, string, string, string) error { return nil }
func (r rows) PutReconciliation(context.Context, ledger.Reconciliation) (int64, error) {
	return 0, nil
}

// peak is the most heap that was in use while f ran.
func peak(f func()) uint64 {
	done, most := make(chan struct{}), make(chan uint64)
	go func() {
		var top uint64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			top = max(top, m.HeapInuse+m.StackInuse)
			select {
			case <-done:
				most <- top
				return
			case <-tick.C:
			}
		}
	}()
	f()
	close(done)
	return <-most
}

// BenchmarkCompare compares listings with ledgers that agree. SAMSYN_BENCH_ROWS sets the
// number of rows of the largest (default 100,000).
func BenchmarkCompare(b *testing.B) {
	most := 100_000
	if n, err := strconv.Atoi(os.Getenv("SAMSYN_BENCH_ROWS")); err == nil {
		most = n
	}
	for _, r := range []rows{{n: most / 10}, {n: most}, {n: most, shuffle: true}, {n: most / 10, bodies: true}, {n: most, bodies: true, shuffle: true}} {
		b.Run(fmt.Sprintf("rows=%d/shuffled=%t/whole=%t", r.n, r.shuffle, r.bodies), func(b *testing.B) {
			rec := &reconcile.Reconciler{Store: r, Now: time.Now, Dir: b.TempDir()}
			runtime.GC()
			top := peak(func() {
				for b.Loop() {
					got, err := rec.Run(context.Background(), source, r, reconcile.Options{DryRun: true})
					if err != nil || got.Equal != r.n || got.Differences() != 0 {
						b.Fatalf("%+v %v", got, err)
					}
				}
			})
			b.ReportMetric(float64(r.n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(top)/(1<<20), "MiB-peak")
		})
	}
}
