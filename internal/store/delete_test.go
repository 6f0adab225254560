package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store"
	"samsyn/internal/vault"
)

// onSealed is onEach for a store that is sealed, whose clock stands at what now points to.
func onSealed(t *testing.T, f func(t *testing.T, dsn string, s *store.Store, now *time.Time, ask func(string) string)) {
	onEach(t, func(t *testing.T, dsn string, plain *store.Store, ask func(string) string) {
		if err := plain.Close(); err != nil {
			t.Fatal(err)
		}
		now := at
		s, err := store.Open(ctx, dsn, store.Options{Vault: keys(t), Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		f(t, dsn, s, &now, ask)
	})
}

// sealedBytes are the bytes that a query finds, to be looked for in files.
func sealedBytes(t *testing.T, db *sql.DB, query string) []byte {
	t.Helper()
	var b []byte
	if err := db.QueryRow(query).Scan(&b); err != nil || len(b) < 30 {
		t.Fatalf("%s: %d bytes %v", query, len(b), err)
	}
	return b
}

// TestRetention: what was replaced, removed or refused longer ago than the source's retention is
// deleted and proved, what is said now stays, and a dry run only tells.
func TestRetention(t *testing.T) {
	onSealed(t, func(t *testing.T, dsn string, s *store.Store, now *time.Time, ask func(string) string) {
		plant(t, s, 3)
		gone := planted(t, 2, 2)[0]
		gone.Record.Deleted, gone.Record.Body, gone.Made = true, nil, nil
		if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: begin(t, s, "a"), At: at, Entries: []ledger.Entry{gone}, KeepCursor: true}); err != nil {
			t.Fatal(err)
		}
		old := sealedBytes(t, past(t, dsn), `SELECT body FROM `+replaced+` AND key = 'k0'`)
		was := sealedBytes(t, past(t, dsn), `SELECT r.body FROM resource r WHERE r.id = 'r0' AND r.version = 1`)
		r := store.Retention{History: 30 * 24 * time.Hour, Raw: 30 * 24 * time.Hour, Removed: 30 * 24 * time.Hour, Quarantine: 30 * 24 * time.Hour}
		if out, err := s.Retain(ctx, "a", r, "test", false); err != nil || len(out) != 0 {
			t.Fatalf("on the first day %+v %v", out, err)
		}
		*now = at.AddDate(0, 0, 31)
		before := canonicalOf(t, s)
		if done, err := s.Done(ctx); err != nil || !done["a"][ledger.TaskRetention].Equal(at) {
			t.Errorf("done %v %v, want the first day", done, err)
		}
		dry, err := s.Retain(ctx, "a", r, "test", true)
		if err != nil || len(dry) == 0 || canonicalOf(t, s) != before {
			t.Fatalf("dry %+v %v", dry, err)
		}
		if proofs, err := s.Deletions(ctx, 0); err != nil || len(proofs) != 0 {
			t.Errorf("a dry run left proofs %+v %v", proofs, err)
		}
		out, err := s.Retain(ctx, "a", r, "test", false)
		if err != nil || len(out) != len(dry) {
			t.Fatalf("%+v %v, want what the dry run told: %+v", out, err, dry)
		}
		for i, d := range out {
			if d.What != dry[i].What || d.N != dry[i].N || !bytes.Equal(d.Hash, dry[i].Hash) || d.N == 0 || len(d.Hash) != 32 {
				t.Errorf("%+v, want %+v", d, dry[i])
			}
		}
		if proofs, err := s.Deletions(ctx, 0); err != nil || len(proofs) != len(out) || proofs[0].Who != "test" || proofs[0].Why != "retention" || proofs[0].Source != "a" {
			t.Errorf("proofs %+v %v", proofs, err)
		}
		if again, err := s.Retain(ctx, "a", r, "test", false); err != nil || len(again) != 0 {
			t.Errorf("once more %+v %v", again, err)
		}
		if done, err := s.Done(ctx); err != nil || !done["a"][ledger.TaskRetention].Equal(*now) {
			t.Errorf("done %v %v, want now also where nothing was to be deleted", done, err)
		}
		counts := ask(`SELECT (SELECT count(*) FROM ` + replaced + `) || ' ' || (SELECT count(*) FROM resource) || ' ' || (SELECT count(*) FROM contribution WHERE key = 'k2') || ' ' || (SELECT count(*) FROM quarantine WHERE body IS NOT NULL)`)
		if counts != "0 2 0 0" {
			t.Errorf("left %s, want 0 2 0 0", counts)
		}
		for child := range 2 {
			cs, err := s.Contributions(ctx, personOf(t, s, benchNumber(t, child)), everything)
			if err != nil || len(cs) != 1 || cs[0].Version != 2 {
				t.Errorf("child %d: %d %v, want what is said now", child, len(cs), err)
			}
		}
		if err := s.Verify(ctx); err != nil {
			t.Error(err)
		}
		if !store.IsURL(dsn) {
			notInFiles(t, filepath.Dir(dsn), old, was)
		}
	})
}

// replaced are the versions of records that are held no more.
const replaced = `record_version v WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.source = v.source AND r.kind = v.kind AND r.key = v.key AND r.hash = v.hash)`

func notInFiles(t *testing.T, dir string, all ...[]byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i, sealed := range all {
			if bytes.Contains(b, sealed[:30]) {
				t.Errorf("deleted bytes %d lie in %s still", i, filepath.Base(f))
			}
		}
	}
}

// TestErasure: of a person nothing is left but the audit log, of others nothing is missing.
func TestErasure(t *testing.T) {
	onSealed(t, func(t *testing.T, dsn string, s *store.Store, _ *time.Time, ask func(string) string) {
		plant(t, s, 3)
		p, other := personOf(t, s, benchNumber(t, 0)), personOf(t, s, benchNumber(t, 1))
		body := sealedBytes(t, past(t, dsn), `SELECT r.body FROM resource r WHERE r.id = 'r0' AND r.version = 2`)
		out, err := s.Erase(ctx, p, "anders and siv")
		if err != nil || len(out) == 0 {
			t.Fatal(err)
		}
		if _, err := s.PersonByIdentifier(ctx, benchNumber(t, 0)); !errors.Is(err, care.ErrNotFound) {
			t.Errorf("found by her number: %v", err)
		}
		if cs, err := s.Contributions(ctx, p, everything); err != nil || len(cs) != 0 {
			t.Errorf("%d contributions %v", len(cs), err)
		}
		for _, q := range []string{`SELECT count(*) FROM record WHERE key = 'k0'`, `SELECT count(*) FROM record_version WHERE key = 'k0'`, `SELECT count(*) FROM resource WHERE id = 'r0'`,
			`SELECT count(*) FROM claim WHERE subject = 's0'`, `SELECT count(*) FROM claim_number WHERE subject = 's0'`, `SELECT count(*) FROM subject WHERE subject = 's0'`,
			`SELECT count(*) FROM contribution WHERE subject = 's0'`, `SELECT count(*) FROM rights`, `SELECT count(*) FROM reconciliation_line`} {
			if got := ask(q); got != "0" {
				t.Errorf("%s: %s", q, got)
			}
		}
		if cs, err := s.Contributions(ctx, other, everything); err != nil || len(cs) != 1 {
			t.Errorf("the other child: %d %v", len(cs), err)
		}
		if log, err := s.AuditOf(ctx, p); err != nil || len(log) > 1 {
			t.Errorf("audit %d %v", len(log), err)
		}
		if got := ask(`SELECT count(*) FROM audit_event`); got != "1" {
			t.Errorf("%s lines of audit, want 1", got)
		}
		if _, err := s.Erase(ctx, p, "again"); !errors.Is(err, care.ErrNotFound) {
			t.Errorf("erased twice: %v", err)
		}
		if err := s.Verify(ctx); err != nil {
			t.Error(err)
		}
		if !store.IsURL(dsn) {
			notInFiles(t, filepath.Dir(dsn), body)
		}
	})
}

// TestDeletionByKey: with the key goes what the service said, in a backup too; what others said stays.
func TestDeletionByKey(t *testing.T) {
	onSealed(t, func(t *testing.T, dsn string, s *store.Store, _ *time.Time, ask func(string) string) {
		plant(t, s, 2)
		bup := planted(t, 0, 5)[:1]
		run, _, err := s.Begin(ctx, ledger.Source{Name: "b", System: "test", Service: care.BUP, Title: "B"}, "test")
		if err != nil {
			t.Fatal(err)
		}
		bup[0].Service, bup[0].Subject.Key = care.BUP, "bup0"
		if _, err := s.Save(ctx, ledger.Batch{Source: "b", Run: run, At: at, Entries: bup, Next: "x"}); err != nil {
			t.Fatal(err)
		}
		p := personOf(t, s, benchNumber(t, 0))
		if cs, err := s.Contributions(ctx, p, everything); err != nil || len(cs) != 2 {
			t.Fatalf("%d %v, want two services", len(cs), err)
		}
		backup := filepath.Join(t.TempDir(), "backup.db")
		if !store.IsURL(dsn) {
			if err := s.Backup(ctx, backup); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 2 {
			n, err := s.DestroyKeys(ctx, care.BUP, "test")
			if err != nil || (n > 0) != (i == 0) {
				t.Fatalf("took out %d %v", n, err)
			}
		}
		if got := ask(`SELECT (SELECT count(*) FROM record WHERE source = 'b') + (SELECT count(*) FROM claim WHERE source = 'b') + (SELECT count(*) FROM contribution WHERE source = 'b')`); got != "0" {
			t.Errorf("%s rows left", got)
		}
		if cs, err := s.Contributions(ctx, p, everything); err != nil || len(cs) != 1 || cs[0].Service != care.Skole {
			t.Errorf("%d %v, want what the school says", len(cs), err)
		}
		if _, err := s.Save(ctx, ledger.Batch{Source: "b", Run: run, At: at, Entries: bup, Next: "y"}); !errors.Is(err, vault.ErrDestroyed) {
			t.Errorf("kept with a destroyed key: %v", err)
		}
		if err := s.Verify(ctx); err != nil {
			t.Error(err)
		}
	})
}

// TestDeletionByKeyReachesBackups: a backup from before opens without what the service said.
func TestDeletionByKeyReachesBackups(t *testing.T) {
	dir := t.TempDir()
	file := keys(t)
	s, err := store.Open(ctx, filepath.Join(dir, "s.db"), store.Options{Vault: file})
	if err != nil {
		t.Fatal(err)
	}
	plant(t, s, 1)
	p, backup := personOf(t, s, benchNumber(t, 0)), filepath.Join(dir, "backup.db")
	if err := s.Backup(ctx, backup); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DestroyKeys(ctx, care.Skole, "test"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := store.Open(ctx, backup, store.Options{Vault: file})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if cs, err := old.Contributions(ctx, p, everything); err != nil || len(cs) != 0 {
		t.Errorf("the backup tells %d %v", len(cs), err)
	}
	for r, err := range old.Records(ctx, "a") {
		if err == nil || strings.Contains(string(r.Body), canaries[0]) {
			t.Errorf("the backup gives %s %v", r.Key, err)
		}
	}
	if err := old.Verify(ctx); err != nil {
		t.Errorf("what was destroyed on purpose is no damage: %v", err)
	}
}

// TestCorrectionIsServedAtOnce: what a source corrects or deletes is not served after the next reading.
func TestCorrectionIsServedAtOnce(t *testing.T) {
	onSealed(t, func(t *testing.T, dsn string, s *store.Store, _ *time.Time, ask func(string) string) {
		plant(t, s, 1) // round 0, then round 1
		p := personOf(t, s, benchNumber(t, 0))
		cs, err := s.Contributions(ctx, p, everything)
		if err != nil || len(cs) != 1 || strings.Contains(string(cs[0].Made[0].Resource.Body), "(0)") {
			t.Errorf("the corrected value is served: %v", err)
		}
		gone := planted(t, 0, 2)[0]
		gone.Record.Deleted, gone.Record.Body, gone.Made = true, nil, nil
		if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: begin(t, s, "a"), At: at, Entries: []ledger.Entry{gone}, KeepCursor: true}); err != nil {
			t.Fatal(err)
		}
		if cs, err := s.Contributions(ctx, p, everything); err != nil || len(cs) != 0 {
			t.Errorf("what was deleted is served: %d %v", len(cs), err)
		}
	})
}
