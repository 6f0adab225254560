package bench_test

import (
	"strings"
	"testing"

	"samsyn/internal/bench"
	"samsyn/internal/store/pgtest"
)

// TestEverythingIsMeasured runs all measures in their smallest sizes: each checks itself
// that what it measured was done, and nothing is asserted of time.
func TestEverythingIsMeasured(t *testing.T) {
	pgtest.Available(t)
	o := bench.Quick()
	o.Dir, o.Command = t.TempDir(), "go test ./internal/bench"
	var out, log strings.Builder
	if err := bench.Run(t.Context(), o, &out, &log); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	for _, row := range []string{"new records", "changed records: the same", "2 shards at once", "4 shards at once", "WAL a new resource", "disk a resource", "whole records of 3 kB",
		"over HTTP, whole resources", "over HTTP, ids and versions", "everything mapped again", "(key, hash), 10,000 rows", "most heap", "growth", "two instances", "bare batches"} {
		if !strings.Contains(out.String(), row) {
			t.Errorf("the report says nothing of %q:\n%s", row, &out)
		}
	}
	if strings.Contains(out.String(), "NaN") || strings.Contains(out.String(), "–") {
		t.Errorf("a figure is missing:\n%s", &out)
	}
}

func TestSizesHaveDefaults(t *testing.T) {
	if q := bench.Quick(); q.Children == 0 || q.Rows == 0 || q.Whole == 0 || q.Runs == 0 || q.SharePages == 0 || q.Answer == 0 {
		t.Errorf("a quick run takes a default size: %+v", q)
	}
}
