package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store"
	"samsyn/internal/store/pgtest"
	"samsyn/internal/vault"
)

// everything is a visible set that hides nothing.
var everything = care.Whole(care.Services()...)

// canaries are what must stand nowhere: names, numbers, an address, a telephone number, free text.
var canaries = []string{"Kanarifugl Nordmann", "Sitronveien 17 B", "99 88 77 66", "gråter om natten", "møtte ikke til samtale", "vedtak fattet fordi",
	"hemmelig filnavn", "Tante Sofie", "Bjørnstjerne", "egen vurdering av mor"}

// planted gives entries that hold every canary and the child's national number, in two versions.
func planted(t testing.TB, child int, round int) []ledger.Entry {
	t.Helper()
	n := benchNumber(t, child)
	text := fmt.Sprintf(`%s, fnr %s, %s, tlf %s, %s (%d)`, canaries[0], n.Digits(), canaries[1], canaries[2], canaries[3], round)
	entry := func(key, kind string) ledger.Entry {
		return ledger.Entry{Record: adapters.Record{Kind: kind, Key: key, Media: adapters.JSON, Changed: at.Add(time.Duration(round) * time.Hour), Body: []byte(`{"tekst":"` + text + key + `"}`)},
			Revision: "r1", Service: care.Skole, Subject: ledger.Subject{Key: fmt.Sprintf("s%d", child), Numbers: []identity.Number{n}, Name: canaries[0]}}
	}
	made := entry(fmt.Sprintf("k%d", child), "sak")
	made.Made = []care.Made{{Resource: fhir.Resource{Type: "Basic", ID: fmt.Sprintf("r%d", child), Body: []byte(fmt.Sprintf(`{"resourceType":"Basic","id":"r%d","text":"%s %s"}`, child, text, canaries[4]))}}}
	refused := entry(fmt.Sprintf("q%d", child), "sak")
	refused.Refused = &ledger.Refusal{Code: "x", Text: canaries[5] + " " + canaries[0], Where: "fil " + canaries[6]}
	fault := entry(fmt.Sprintf("f%d", child), "fil")
	fault.Fault, fault.Refused = true, &ledger.Refusal{Code: "x", Text: canaries[5], Where: canaries[6]}
	part := entry(fmt.Sprintf("p%d", child), "del")
	part.Part, part.Record.Group = true, fmt.Sprintf("g%d", child)
	return []ledger.Entry{made, refused, fault, part}
}

// plant fills a store with canaries, everywhere where one may stand.
func plant(t testing.TB, s *store.Store, children int) {
	t.Helper()
	run, _, err := s.Begin(ctx, ledger.Source{Name: "a", System: "test", Service: care.Skole, Title: "A"}, "test")
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(err)
	for round := range 2 {
		var all []ledger.Entry
		for child := range children {
			all = append(all, planted(t, child, round)...)
		}
		_, err = s.Save(ctx, ledger.Batch{Source: "a", Run: run, At: at, Entries: all, Next: adapters.Cursor(fmt.Sprint(canaries[6], round)), Acknowledge: true})
		check(err)
	}
	p, err := s.PersonByIdentifier(ctx, benchNumber(t, 0))
	check(err)
	_, err = s.PutReconciliation(ctx, ledger.Reconciliation{Source: "a", Lines: []ledger.Difference{{Kind: "sak", Key: "k0", Finding: ledger.New, Result: ledger.Open, Reason: canaries[5], Person: p}}})
	check(err)
	check(s.Rule(ctx, identity.Subject{Source: "a", Key: "s0"}, identity.OnlyCurrent, "anders", canaries[9]))
	_, _, epoch, err := s.Rights(ctx, p)
	check(err)
	check(s.PutRights(ctx, p, epoch, care.Rights{Bases: []care.Basis{{ID: "b1", Person: p, Reason: canaries[7]}}}, nil, []care.Logged{{Person: p, Viewer: "v", At: at, Body: []byte(`{"name":"` + canaries[8] + `"}`)}}))
}

// readBack reads everything that was planted.
func readBack(t testing.TB, s *store.Store, children int) {
	t.Helper()
	for child := range children {
		p, err := s.PersonByIdentifier(ctx, benchNumber(t, child))
		if err != nil {
			t.Fatal(err)
		}
		want := string(planted(t, child, 1)[0].Made[0].Resource.Body)
		cs, err := s.Contributions(ctx, p, everything)
		if err != nil || len(cs) != 1 || string(cs[0].Made[0].Resource.Body) != want {
			t.Fatalf("child %d: %+v %v, want %s", child, cs, err, want)
		}
		names, err := s.Claims(ctx, p, everything)
		if err != nil || len(names) == 0 || names[0].Name != canaries[0] {
			t.Fatalf("names %+v %v", names, err)
		}
	}
	waits, err := s.Quarantined(ctx)
	if err != nil || len(waits) < 2*children || waits[0].Text != canaries[5] || waits[0].Where != canaries[6] {
		t.Fatalf("quarantine: %d %v", len(waits), err)
	}
	parts, err := s.Parts(ctx, "a", "g0")
	if err != nil || len(parts) != 2 || !strings.Contains(string(parts[0].Body), canaries[1]) {
		t.Fatalf("parts %+v %v", parts, err)
	}
	for r, err := range s.Records(ctx, "a") {
		if err != nil || !strings.Contains(string(r.Body), canaries[2]) {
			t.Fatalf("record %s %v", r.Body, err)
		}
	}
	if _, since, err := s.Begin(ctx, ledger.Source{Name: "a", System: "test", Service: care.Skole, Title: "A"}, "test"); err != nil || string(since) != canaries[6]+"1" {
		t.Errorf("cursor %q %v", since, err)
	}
	told, err := s.Pending(ctx, "a")
	if err != nil || len(told) == 0 {
		t.Errorf("pending %+v %v", told, err)
	}
	reports, err := s.Reconciliations(ctx, "a", 1)
	if err != nil || len(reports) != 1 {
		t.Fatalf("reconciliations %d %v", len(reports), err)
	}
	rec, err := s.Reconciliation(ctx, reports[0].ID)
	if err != nil || len(rec.Lines) != 1 || rec.Lines[0].Reason != canaries[5] {
		t.Errorf("reconciliation %+v %v", rec, err)
	}
	p, err := s.PersonByIdentifier(ctx, benchNumber(t, 0))
	if err != nil {
		t.Fatal(err)
	}
	rights, _, _, err := s.Rights(ctx, p)
	if err != nil || len(rights.Bases) != 1 || rights.Bases[0].Reason != canaries[7] {
		t.Errorf("rights %+v %v", rights, err)
	}
	log, err := s.AuditOf(ctx, p)
	if err != nil || len(log) != 1 || !strings.Contains(string(log[0].Body), canaries[8]) {
		t.Errorf("audit %+v %v", log, err)
	}
	if err := s.Verify(ctx); err != nil {
		t.Error(err)
	}
}

// found searches files and folders for canaries, and for the national numbers of children.
func found(t testing.TB, children int, places ...string) (files int, out []string) {
	t.Helper()
	search := append([]string{}, canaries...)
	for child := range children {
		search = append(search, benchNumber(t, child).Digits())
	}
	for _, place := range places {
		err := filepath.WalkDir(place, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			files++
			for _, c := range search {
				if bytes.Contains(b, []byte(c)) {
					out = append(out, fmt.Sprintf("%q in %s", c, path))
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files, out
}

// TestNothingReadableInFiles: a byte search finds no name, number or free text in a store's file, its log
// and its backup; and it would find them where nothing is sealed.
func TestNothingReadableInFiles(t *testing.T) {
	for name, o := range map[string]store.Options{"sealed": {Vault: keys(t)}, "not sealed": {}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := store.Open(ctx, filepath.Join(dir, "s.db"), o)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			plant(t, s, 5)
			readBack(t, s, 5)
			if err := s.Backup(ctx, filepath.Join(dir, "backup.db")); err != nil {
				t.Fatal(err)
			}
			files, out := found(t, 5, dir)
			if files < 3 {
				t.Errorf("searched %d files, want the store, its log and its backup", files)
			}
			switch {
			case o.Vault != nil && len(out) > 0:
				t.Errorf("found %v", out)
			case o.Vault == nil && len(out) < len(canaries):
				t.Errorf("the search finds only %v where nothing is sealed", out)
			}
		})
	}
}

// TestNothingReadableInPostgres searches the server's whole folder (tables, indexes, log), a dump and a copy.
func TestNothingReadableInPostgres(t *testing.T) {
	t.Parallel()
	pgtest.Available(t)
	server, err := pgtest.New()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	s, err := store.Open(ctx, server.URL, store.Options{Vault: keys(t)})
	if err != nil {
		t.Fatal(err)
	}
	plant(t, s, 5)
	readBack(t, s, 5)
	tool, err := pgtest.Tool("pg_dump")
	if err != nil {
		t.Fatal(err)
	}
	dump := filepath.Join(t.TempDir(), "dump")
	if err := exec.Command(tool, "--format=plain", "--file="+dump, server.URL).Run(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := pgtest.Exec(server.URL, "CHECKPOINT"); err != nil {
		t.Fatal(err)
	}
	files, out := found(t, 5, server.Dir(), dump)
	if files < 100 || len(out) > 0 {
		t.Errorf("in %d files found %v", files, out)
	}
}

// TestOldStoresAreSealed: what was kept without keys is sealed when it is opened with keys, some at a
// time; where it is stopped it goes on. Nothing of before is left in the file.
func TestOldStoresAreSealed(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string, s *store.Store, ask func(string) string) {
		const children = 260 // more than are sealed at once
		plant(t, s, children)
		before := canonicalOf(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		file := keys(t)
		stops := 0
		for stop := 20; ; stop += 2 {
			stopping, cancel := context.WithCancel(ctx)
			calls := 0
			sealed, err := store.Open(stopping, dsn, store.Options{Vault: file, Now: func() time.Time { // asked at the beginning of each transaction
				if calls++; calls == stop {
					cancel()
				}
				return at
			}})
			cancel()
			if err != nil {
				stops++
				continue
			}
			defer sealed.Close()
			readBack(t, sealed, 3)
			if got := canonicalOf(t, sealed); got != before {
				t.Error("the sealed store says something else")
			}
			break
		}
		if stops == 0 {
			t.Error("it was never stopped")
		}
		if !store.IsURL(dsn) {
			_, out := found(t, children, filepath.Dir(dsn))
			out = slices.DeleteFunc(out, func(f string) bool { return strings.Contains(f, canaries[8]) }) // a line of the audit log stays as it was written
			if len(out) > 0 {
				t.Errorf("found %d, among them %v", len(out), out[0])
			}
		}
	})
}

func canonicalOf(t *testing.T, s *store.Store) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Canonical(ctx, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestKeysAreNeeded: a sealed store does not open without its keys, and says what to do.
func TestKeysAreNeeded(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string, s *store.Store, _ func(string) string) {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		file := keys(t)
		for range 2 {
			s, err := store.Open(ctx, dsn, store.Options{Vault: file})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		other := keys(t)
		elsewhere, err := store.Open(ctx, filepath.Join(t.TempDir(), "o.db"), store.Options{Vault: other})
		if err != nil {
			t.Fatal(err)
		}
		defer elsewhere.Close()
		for name, c := range map[string]struct {
			keys vault.Keys
			want string
		}{"none": {nil, "store.keys"}, "lost": {keys(t), "put back the copy"}, "another's": {other, "another store's key file"}} {
			if _, err := store.Open(ctx, dsn, store.Options{Vault: c.keys}); !errors.Is(err, care.ErrUnavailable) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: error %v, want %q", name, err, c.want)
			}
		}
	})
}

// TestMovedBodiesDoNotOpen: what was sealed for one row is not served from another, and damage is found.
func TestMovedBodiesDoNotOpen(t *testing.T) {
	for name, c := range map[string]struct{ statement, undone string }{
		"resource":      {`UPDATE resource SET body = (SELECT o.body FROM resource o WHERE o.id = 'r1' AND o.version = 2) WHERE id = 'r0' AND version = 2`, "resource"},
		"other version": {`UPDATE resource SET body = (SELECT o.body FROM resource o WHERE o.id = 'r0' AND o.version = 1) WHERE id = 'r0' AND version = 2`, "resource"},
		"record":        {`UPDATE record_version SET body = (SELECT o.body FROM record_version o WHERE o.key = 'k1' LIMIT 1) WHERE key = 'k0'`, "record"},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, dsn string, s *store.Store, _ func(string) string) {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s, err := store.Open(ctx, dsn, store.Options{Vault: keys(t)})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				plant(t, s, 2)
				if _, err := past(t, dsn).Exec(c.statement); err != nil {
					t.Fatal(err)
				}
				cs, err := s.Contributions(ctx, personOf(t, s, benchNumber(t, 0)), everything)
				if served := err == nil && len(cs) > 0; served != (c.undone == "record") {
					t.Errorf("served %t: %+v %v", served, cs, err)
				}
				if err := s.Verify(ctx); err == nil || !strings.Contains(err.Error(), "0 of a") {
					t.Errorf("verify: %v", err)
				}
				if cs, err := s.Contributions(ctx, personOf(t, s, benchNumber(t, 1)), everything); err != nil || len(cs) != 1 {
					t.Errorf("the other child: %+v %v", cs, err)
				}
			})
		})
	}
}

// TestKeysRotate: with new keys everything reads as before, old keys go when nothing needs them,
// and another instance that holds the old ring writes and reads on.
func TestKeysRotate(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string, s *store.Store, ask func(string) string) {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		file := keys(t)
		sealed := func() *store.Store {
			s, err := store.Open(ctx, dsn, store.Options{Vault: file})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() }) // it was read from
			return s
		}
		a, b := sealed(), sealed()
		plant(t, a, 3)
		readBack(t, b, 3)
		before := canonicalOf(t, a)
		if err := a.RotateKeys(ctx, vault.Of(care.Skole), vault.Instance, vault.Coordination); err != nil {
			t.Fatal(err)
		}
		stopped, cancel := context.WithCancel(ctx)
		if _, err := a.Reseal(stopped, func(int) { cancel() }); err == nil {
			t.Error("it was not stopped")
		}
		run := begin(t, b, "a") // seals with the ring as it is now
		more := planted(t, 3, 0)[:1]
		if _, err := b.Save(ctx, ledger.Batch{Source: "a", Run: run, At: at, Entries: more, KeepCursor: true}); err != nil {
			t.Fatal(err)
		}
		n, err := b.Reseal(ctx, nil)
		if err != nil || n == 0 {
			t.Fatalf("sealed anew %d %v", n, err)
		}
		if n, err := a.Reseal(ctx, nil); err != nil || n != 0 {
			t.Errorf("sealed anew once more %d %v", n, err)
		}
		count := map[vault.Partition]int{}
		for _, k := range sealed().Keys() {
			count[k.Partition]++
		}
		if count[vault.Of(care.Skole)] != 1 || count[vault.Instance] != 1 || count[vault.Coordination] != 2 {
			t.Errorf("keys %v, want one, but of coordination two", count)
		}
		for _, s := range []*store.Store{a, b, sealed()} {
			p := personOf(t, s, benchNumber(t, 3))
			if cs, err := s.Contributions(ctx, p, everything); err != nil || len(cs) != 1 {
				t.Errorf("%+v %v", cs, err)
			}
			if err := s.Verify(ctx); err != nil {
				t.Error(err)
			}
			if got := canonicalOf(t, s); !strings.Contains(got, "k3") || len(got) <= len(before) {
				t.Error("the store says less than before")
			}
		}
	})
}
