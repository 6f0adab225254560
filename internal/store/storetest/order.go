package storetest

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"samsyn/internal/ingest/ledger"
)

// anyOrder is invariant I3 at the store's door: entries of two sources, several versions
// each, in any order and cut into pages anywhere, end as the same store, persons up to
// their random ids; and reading everything once more writes nothing (I4).
func anyOrder(t *testing.T, open func(TB) Store) {
	rapid.Check(t, func(t *rapid.T) {
		entries := drawEntries(t)
		first, second := start(t, open), start(t, open)
		savePages(t, first, entries)
		savePages(t, second, rapid.Permutation(entries).Draw(t, "order"))
		if a, b := first.canonical(), second.canonical(); a != b {
			t.Fatalf("another order gives another store:\n%s", diff(a, b))
		}
		before := second.dump()
		savePages(t, second, entries)
		if after := second.dump(); after != before {
			t.Fatalf("a second reading wrote something:\n%s", diff(before, after))
		}
	})
}

type sourced struct {
	source string
	entry  entry
}

// drawEntries gives versions of a few records by two sources about few subjects with few
// numbers, so that they meet; each version of a record has its own day and text.
func drawEntries(t *rapid.T) []sourced {
	numbers := [][]string{nil, {ella}, {jonas}, {selma}, {selmaOld}, {selma, selmaOld}, {ella, jonas}, {ella, selmaOld}, {hjelpenummer}, {hjelpenummer, ella}, {hjelpenummer, selma}}
	var out []sourced
	for i := range rapid.IntRange(1, 10).Draw(t, "n") {
		e := entry{
			key:     rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "key"),
			text:    fmt.Sprint("text ", i),
			day:     i/2 + 1, // pairs at the same moment
			subject: rapid.SampledFrom([]string{"", "s1", "s2", "s3"}).Draw(t, "subject"),
			numbers: rapid.SampledFrom(numbers).Draw(t, "numbers"),
			born:    rapid.SampledFrom([]string{"", "", "2014-03-14", "2020-09-02", "2026-08-19"}).Draw(t, "born"),
		}
		switch rapid.IntRange(0, 9).Draw(t, "what") {
		case 0:
			e = entry{key: e.key, day: e.day, text: e.text, deleted: true}
		case 1:
			e.refused = "unknown-code"
		}
		out = append(out, sourced{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "source"), e})
	}
	return out
}

// hjelpenummer is a felles hjelpenummer: it begins with 8 and passes the check digits.
const hjelpenummer = "81234567802"

func savePages(t TB, b *bench, all []sourced) {
	t.Helper()
	for i, s := range all {
		if i+1 < len(all) && i%3 != 2 && all[i+1].source == s.source { // two on one page where they follow each other
			continue
		}
		from := i
		for from > 0 && (from-1)%3 != 2 && all[from-1].source == s.source {
			from--
		}
		var page []ledger.Entry
		for _, e := range all[from : i+1] {
			page = append(page, e.entry.build(t))
		}
		b.save(s.source, page...)
	}
}
