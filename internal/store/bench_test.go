package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store"
	"samsyn/internal/store/pgtest"
)

// bases are the databases side by side.
var bases = []struct {
	name string
	// open gives an empty store, how large it is and its log was, and its server's address.
	open func(b *testing.B) (s *store.Store, size func() (disk, wal float64), server string)
}{
	{"sqlite", func(b *testing.B) (*store.Store, func() (float64, float64), string) {
		path := filepath.Join(b.TempDir(), "s.db")
		return opened(b, path, store.Options{}), func() (float64, float64) {
			return question(b, "sqlite", path, `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`), 0
		}, ""
	}},
	{"postgres", func(b *testing.B) (*store.Store, func() (float64, float64), string) {
		pgtest.Available(b)
		url := pgtest.URL(b, nil)
		return opened(b, url, store.Options{}), func() (float64, float64) {
			return question(b, "postgres", url, `SELECT pg_database_size(current_database())`), question(b, "postgres", url, `SELECT pg_current_wal_lsn() - '0/0'::pg_lsn`)
		}, url
	}},
}

// sealing runs f on each base, sealed and not.
func sealing(b *testing.B, f func(b *testing.B, dsn string, o store.Options)) {
	for _, driver := range []string{"sqlite", "postgres"} {
		for _, o := range []store.Options{{}, {Vault: keys(b)}} {
			b.Run(fmt.Sprintf("%s/sealed=%t", driver, o.Vault != nil), func(b *testing.B) {
				dsn := filepath.Join(b.TempDir(), "s.db")
				if driver == "postgres" {
					pgtest.Available(b)
					dsn = pgtest.URL(b, nil)
				}
				f(b, dsn, o)
			})
		}
	}
}

// BenchmarkSealing is what sealing adds to saving new records of 3 kB that say a resource of
// 1.4 kB, to reading a child of 23 resources, and to the room on disk.
func BenchmarkSealing(b *testing.B) {
	const n = 4600
	pages := municipality(b, n, "første")
	sealing(b, func(b *testing.B, dsn string, o store.Options) {
		s := opened(b, dsn, o)
		run, _, err := s.Begin(ctx, ledger.Source{Name: "a", System: "test", Service: care.Skole, Title: "A"}, "bench")
		if err != nil {
			b.Fatal(err)
		}
		server, driver, size := "", "sqlite", `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
		if store.IsURL(dsn) {
			server, driver, size = dsn, "postgres", `SELECT pg_database_size(current_database())`
		}
		disk, burnt := question(b, driver, dsn, size), cpu(b, server)
		for _, page := range pages {
			if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: run, At: at, Entries: page, Next: "x"}); err != nil {
				b.Fatal(err)
			}
		}
		burnt = cpu(b, server) - burnt
		disk = question(b, driver, dsn, size) - disk
		p, err := s.PersonByIdentifier(ctx, benchNumber(b, 7))
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if cs, err := s.Contributions(ctx, p, care.Whole(care.Services()...)); err != nil || len(cs) != 23 {
				b.Fatal(len(cs), err)
			}
		}
		b.ReportMetric(burnt.Seconds()*1e6/n, "cpu-us/saved")
		b.ReportMetric(disk/n, "disk-bytes/resource")
	})
}

func opened(b *testing.B, dsn string, o store.Options) *store.Store {
	b.Helper()
	s, err := store.Open(context.Background(), dsn, o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() }) // the benchmark is over
	return s
}

func question(b *testing.B, driver, dsn, query string) (n float64) {
	b.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}

// cpu is the processor time that this process and the server behind dsn ("" for none) have used.
func cpu(b *testing.B, dsn string) time.Duration {
	b.Helper()
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		b.Fatal(err)
	}
	used := time.Duration(own.Utime.Nano() + own.Stime.Nano())
	if dsn == "" {
		return used
	}
	parent := proc(fmt.Sprint(int(question(b, "postgres", dsn, `SELECT pg_backend_pid()`))))
	if parent == nil {
		return used
	}
	postmaster := parent[1]
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		b.Fatal(err)
	}
	const tick = 10 * time.Millisecond
	for _, dir := range all {
		p := proc(filepath.Base(dir))
		switch {
		case filepath.Base(dir) == postmaster && p != nil:
			used += tick * time.Duration(number(p[11])+number(p[12])+number(p[13])+number(p[14])) // and of those that ended
		case p != nil && p[1] == postmaster:
			used += tick * time.Duration(number(p[11])+number(p[12]))
		}
	}
	return used
}

// proc is /proc/PID/stat from its third field on: state, parent …; nil where it ended.
func proc(pid string) []string {
	raw, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	return strings.Fields(rest)
}

func number(s string) (n int) {
	_, _ = fmt.Sscan(s, &n) // the kernel writes numbers there
	return n
}

const pageSize = 500

// municipality is n records of 3 kB that say one resource of 1.4 kB each, about n/23 children.
func municipality(b *testing.B, n int, text string) [][]ledger.Entry {
	b.Helper()
	return slices.Collect(slices.Chunk(municipalityOf(b, n, text), pageSize))
}

func municipalityOf(b testing.TB, n int, text string) []ledger.Entry {
	b.Helper()
	var all []ledger.Entry
	filler := func(size, seed int) string {
		var out strings.Builder
		for i := seed; out.Len() < size; i = i*1103515245 + 12345&0x7fffffff {
			fmt.Fprintf(&out, "%s %x ", []string{"vedtak", "avlastning", "oppfølging", "møte", "samtale", "skole"}[i>>8%6&3], i&0xffff)
		}
		return out.String()
	}
	for i := range n {
		child := i / 23
		body := fmt.Sprintf(`{"resourceType":"Basic","id":"r%d","code":{"text":"%s %s"}}`, i, text, filler(1300, i+1))
		lineage := make([]care.Lineage, 12)
		for j := range lineage {
			lineage[j] = care.Lineage{Element: fmt.Sprintf("Basic.element[%d].value", j), Rule: fmt.Sprintf("maps/test/sak.yaml:%d: {{ felt%d }}", j, j), Line: j, From: []string{fmt.Sprintf("felt%d", j)}}
		}
		all = append(all, ledger.Entry{
			Record:   adapters.Record{Kind: "sak", Key: fmt.Sprintf("k%08d", i), Media: adapters.JSON, Changed: at.Add(time.Duration(len(text)) * time.Hour), Body: []byte(`{"tekst":"` + text + filler(2900, i+7) + `"}`)},
			Revision: "r1", Service: care.Skole, Subject: ledger.Subject{Key: fmt.Sprintf("s%d", child), Numbers: []identity.Number{benchNumber(b, child)}, BirthDate: "", Name: "Barn Barnesen"},
			Made: []care.Made{{Resource: fhir.Resource{Type: "Basic", ID: fmt.Sprintf("r%d", i), Body: []byte(body)}, Lineage: lineage}},
		})
	}
	return all
}

// benchNumber gives the i-th valid number of nobody (month + 80).
func benchNumber(b testing.TB, i int) identity.Number {
	b.Helper()
	first := fmt.Sprintf("%02d%02d%02d%03d", i%28+1, 81+i/28%12, 10+i/336%10, 500+i/3360%500)
	for check := range 100 {
		if n, err := identity.Parse(fmt.Sprintf("%s%02d", first, check), identity.Rules{Test: true}); err == nil {
			return n
		}
	}
	return benchNumber(b, i+100003)
}

// BenchmarkSave is new and then changed records, decoded and mapped before.
func BenchmarkSave(b *testing.B) {
	const n = 20000
	fresh, changed := municipality(b, n, "første"), municipality(b, n, "andre gang")
	for _, base := range bases {
		b.Run(base.name, func(b *testing.B) {
			var took, burnt [2]time.Duration
			var disk, wal float64
			for range b.N {
				s, size, server := base.open(b)
				run, _, err := s.Begin(ctx, ledger.Source{Name: "a", System: "test", Service: care.Skole, Title: "A"}, "bench")
				if err != nil {
					b.Fatal(err)
				}
				disk0, wal0 := size()
				for i, pages := range [][][]ledger.Entry{fresh, changed} {
					began, cpu0 := time.Now(), cpu(b, server)
					for _, page := range pages {
						if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: run, At: at, Entries: page, Next: "x"}); err != nil {
							b.Fatal(err)
						}
					}
					took[i] += time.Since(began)
					burnt[i] += cpu(b, server) - cpu0
					if i == 0 {
						disk1, wal1 := size()
						disk, wal = (disk1-disk0)/n, (wal1-wal0)/n
					}
				}
			}
			b.ReportMetric(float64(n*b.N)/took[0].Seconds(), "new/s")
			b.ReportMetric(float64(n*b.N)/took[1].Seconds(), "changed/s")
			b.ReportMetric(burnt[0].Seconds()*1e6/float64(n*b.N), "cpu-us/new")
			b.ReportMetric(burnt[1].Seconds()*1e6/float64(n*b.N), "cpu-us/changed")
			b.ReportMetric(disk, "disk-bytes/resource")
			b.ReportMetric(wal, "wal-bytes/resource")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkLedger is the question of a night on which nothing changed, and the streaming of the ledger for a full compare.
func BenchmarkLedger(b *testing.B) {
	const n = 20000
	pages := municipality(b, n, "første")
	for _, base := range bases {
		b.Run(base.name, func(b *testing.B) {
			s, _, _ := base.open(b)
			run, _, err := s.Begin(ctx, ledger.Source{Name: "a", System: "test", Service: care.Skole, Title: "A"}, "bench")
			if err != nil {
				b.Fatal(err)
			}
			keys := make([][]ledger.Key, len(pages))
			for i, page := range pages {
				if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: run, At: at, Entries: page, Next: "x"}); err != nil {
					b.Fatal(err)
				}
				for _, e := range page {
					keys[i] = append(keys[i], ledger.Key{Kind: e.Record.Kind, Key: e.Record.Key})
				}
			}
			var probing, streaming time.Duration
			for range b.N {
				began := time.Now()
				for _, some := range keys {
					if seen, err := s.Ledger(ctx, "a", some); err != nil || len(seen) != len(some) {
						b.Fatal(len(seen), err)
					}
				}
				probing += time.Since(began)
				began, lines := time.Now(), 0
				for _, err := range s.Lines(ctx, "a", false) {
					if err != nil {
						b.Fatal(err)
					}
					lines++
				}
				streaming += time.Since(began)
				if lines != n {
					b.Fatal(lines)
				}
			}
			b.ReportMetric(float64(n*b.N)/probing.Seconds(), "probes/s")
			b.ReportMetric(float64(n*b.N)/streaming.Seconds(), "lines/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkContributions is everything that is said of a child of 23 resources.
func BenchmarkContributions(b *testing.B) {
	const n = 20000
	pages := municipality(b, n, "første")
	for _, base := range bases {
		b.Run(base.name, func(b *testing.B) {
			s, _, _ := base.open(b)
			run, _, err := s.Begin(ctx, ledger.Source{Name: "a", System: "test", Service: care.Skole, Title: "A"}, "bench")
			if err != nil {
				b.Fatal(err)
			}
			for _, page := range pages {
				if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: run, At: at, Entries: page, Next: "x"}); err != nil {
					b.Fatal(err)
				}
			}
			persons, err := s.Everybody(ctx)
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			for i := range b.N {
				if cs, err := s.Contributions(ctx, persons[i%len(persons)], care.Whole(care.Services()...)); err != nil || len(cs) == 0 {
					b.Fatal(len(cs), err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "children/s")
		})
	}
}
