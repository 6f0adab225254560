package store_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jmoiron/sqlx"

	"samsyn/internal/store"
)

// BenchmarkLines streams the ledger of one source as a full compare does.
// SAMSYN_BENCH_ROWS sets the number of rows (default 100,000).
func BenchmarkLines(b *testing.B) {
	rows := 100_000
	if n, err := strconv.Atoi(os.Getenv("SAMSYN_BENCH_ROWS")); err == nil {
		rows = n
	}
	path := filepath.Join(b.TempDir(), "s.db")
	s, err := store.Open(b.Context(), path, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	db, err := sqlx.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	_, err = db.Exec(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $1 - 1)
		INSERT INTO ledger (source, kind, key, stamp, revision, outcome, hash)
		SELECT 'kilde', 'CarePlan', '0b7d2f6e-2f5a-4d1c-9c1e-' || printf('%012d', i), randomblob(32), 'f00dfeedf00dfeedf00dfeedf00dfeed', 'stored', randomblob(32) FROM n`, rows)
	if err != nil {
		b.Fatal(err)
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := 0
		for l, err := range s.Lines(b.Context(), "kilde", false) {
			if err != nil || l.Hash == [32]byte{} {
				b.Fatalf("%+v %v", l, err)
			}
			n++
		}
		if n != rows {
			b.Fatalf("%d rows", n)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
