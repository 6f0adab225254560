package store

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"samsyn/internal/store/pgtest"
)

// TestSealedTablesAreReadInTheOrderOfAnIndex: sealing again reads a table page by page; without an
// index that has its order, each page would look through all of the table.
func TestSealedTablesAreReadInTheOrderOfAnIndex(t *testing.T) {
	indexes := map[string]string{
		"sqlite": `SELECT group_concat(name) FROM (SELECT il.name AS of, ii.name FROM pragma_index_list($1) il, pragma_index_info(il.name) ii ORDER BY il.name, ii.seqno) GROUP BY of
			UNION ALL SELECT name FROM pragma_table_info($1) WHERE pk = 1 AND type = 'INTEGER'`, // which is the row's own number
		"postgres": `SELECT string_agg(a.attname, ',' ORDER BY k.ord) FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (att, ord)
			JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.att WHERE i.indrelid = $1::text::regclass GROUP BY i.indexrelid`,
	}
	for driver, query := range indexes {
		t.Run(driver, func(t *testing.T) {
			dsn := filepath.Join(t.TempDir(), "s.db")
			if driver == "postgres" {
				pgtest.Available(t)
				dsn = pgtest.URL(t, nil)
			}
			s, err := Open(t.Context(), dsn, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for _, table := range sealedTables {
				var found []string
				if err := s.read.SelectContext(t.Context(), &found, query, table.name); err != nil {
					t.Fatal(err)
				}
				want := strings.Join(table.order(s.postgres), ",")
				if !slices.ContainsFunc(found, func(index string) bool { return index == want || strings.HasPrefix(index, want+",") }) {
					t.Errorf("%s is read in the order of %s; its indexes are %v", table.name, want, found)
				}
			}
		})
	}
}
