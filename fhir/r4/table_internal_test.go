package r4

import "testing"

// What reading the table costs at start: aim below 30 ms.
func BenchmarkParseTable(b *testing.B) {
	for b.Loop() {
		if _, err := parseTable(tableText); err != nil {
			b.Fatal(err)
		}
	}
}
