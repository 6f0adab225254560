package app_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"samsyn/internal/app"
	"samsyn/internal/audit"
	"samsyn/internal/care"
)

// audited opens an instance whose log can be verified, and gives its database file.
func audited(t *testing.T, more string) (*app.App, string) {
	t.Helper()
	dir := t.TempDir()
	c, err := app.ParseConfig("f", []byte("instance: {test: true}\nstore: {path: '"+filepath.Join(dir, "samsyn.db")+"'}\naudit: {heads: '"+filepath.Join(dir, "heads.jsonl")+"'"+more+"}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	a, err := app.New(t.Context(), c, app.Options{Now: func() time.Time { at = at.Add(time.Minute); return at }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a, filepath.Join(dir, "samsyn.db")
}

// look reads the log, which adds a row to it.
func look(t *testing.T, a *app.App, f app.AuditFilter) []app.AuditEntry {
	t.Helper()
	var all []app.AuditEntry
	for e, err := range a.AuditEntries(t.Context(), "kontroll", f) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func verified(t *testing.T, a *app.App) []audit.FaultKind {
	t.Helper()
	v, err := a.VerifyAudit(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var found []audit.FaultKind
	for _, f := range v.Faults {
		found = append(found, f.Kind)
	}
	return found
}

// TestAuditIsRead: who reads the log stands in it, and is found by what she asked for.
func TestAuditIsRead(t *testing.T) {
	a, _ := audited(t, "")
	for range 3 {
		look(t, a, app.AuditFilter{})
	}
	all := look(t, a, app.AuditFilter{Viewer: "cli-kontroll"})
	if len(all) != 4 || all[0].Event.Interaction != audit.AccessLog || all[0].Event.Viewer.ID != "cli-kontroll" || all[0].Event.Door != audit.DoorCLI {
		t.Errorf("%+v", all)
	}
	if n := len(look(t, a, app.AuditFilter{Viewer: "somebody else"})); n != 0 {
		t.Errorf("%d of somebody else", n)
	}
	if n := len(look(t, a, app.AuditFilter{Denied: true})); n != 0 {
		t.Errorf("%d were denied", n)
	}
	all = look(t, a, app.AuditFilter{})
	if n := len(look(t, a, app.AuditFilter{Since: all[2].Event.At, Till: all[4].Event.At})); n != 2 {
		t.Errorf("%d between two moments", n)
	}
	if found := verified(t, a); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

// TestTamperedLogIsFound: by one who has the database file and drops what guards it.
func TestTamperedLogIsFound(t *testing.T) {
	key := "ed25519:" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, c := range map[string]struct {
		sql  string
		want audit.FaultKind
	}{
		"changed":   {"UPDATE audit_event SET body = CAST(substr(body, 1, length(body) - 1) || x'00' AS BLOB) WHERE seq = 3", audit.FaultBody},
		"cut out":   {"DELETE FROM audit_event WHERE seq = 3", audit.FaultGap},
		"tail":      {"DELETE FROM audit_event WHERE seq > 4", audit.FaultTail},
		"beginning": {"DELETE FROM audit_event WHERE seq < 3", audit.FaultStart},
		"hidden":    {"UPDATE audit_event SET person = 'p2' WHERE seq = 2", audit.FaultIndex},
		"exchanged": {"UPDATE audit_event SET body = (SELECT body FROM audit_event o WHERE o.seq = 7 - audit_event.seq) WHERE seq IN (3, 4)", audit.FaultBody},
		"put in":    {"INSERT INTO audit_event (seq, prev, hash, person, at, viewer, body) SELECT 7, prev, hash, person, at, viewer, body FROM audit_event WHERE seq = 2", audit.FaultPrev},
		"emptied":   {"DELETE FROM audit_event", audit.FaultTail},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			a, db := audited(t, ", key: {file: '"+file+"'}")
			for range 6 {
				look(t, a, app.AuditFilter{Person: "p1"})
			}
			if _, err := a.AppendAuditHead(t.Context(), a.Config.Audit.Heads); err != nil {
				t.Fatal(err)
			}
			if found := verified(t, a); len(found) > 0 {
				t.Fatalf("before: %v", found)
			}
			raw, err := sql.Open("sqlite", db)
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			if _, err := raw.Exec(c.sql); err == nil && name != "put in" {
				t.Error("the database lets the log be changed")
			}
			for _, s := range []string{"DROP TRIGGER audit_event_update", "DROP TRIGGER audit_event_delete", c.sql} {
				if _, err := raw.Exec(s); err != nil && name != "put in" {
					t.Fatal(s, err)
				}
			}
			if found := verified(t, a); !slices.Contains(found, c.want) {
				t.Errorf("found %v, not %s", found, c.want)
			}
		})
	}
}

// TestHeadsOfAnotherAreRefused: a file that was signed with another key, or changed.
func TestHeadsOfAnotherAreRefused(t *testing.T) {
	a, _ := audited(t, "")
	look(t, a, app.AuditFilter{})
	heads := a.Config.Audit.Heads
	if _, err := a.AppendAuditHead(t.Context(), heads); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(heads)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(heads)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if err := os.WriteFile(heads, []byte(strings.Replace(string(b), `"seq":1`, `"seq":"1"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.VerifyAudit(t.Context(), ""); !errors.Is(err, care.ErrInvalid) || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("%v", err)
	}
	if _, err := a.VerifyAudit(t.Context(), heads+".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is named and is not there: %v", err)
	}
}

// TestHeadsAreExportedWhenDue: at the first look, then when the schedule says so, and not
// again after a start.
func TestHeadsAreExportedWhenDue(t *testing.T) {
	dir := t.TempDir()
	heads := filepath.Join(dir, "heads.jsonl")
	c, err := app.ParseConfig("f", []byte("instance: {test: true}\nstore: {path: '"+filepath.Join(dir, "samsyn.db")+"'}\naudit: {heads: '"+heads+"', heads_schedule: '0 3 * * *'}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	a, err := app.New(t.Context(), c, app.Options{Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	lines := func() int {
		b, err := os.ReadFile(heads)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return strings.Count(string(b), "\n")
	}
	due, err := a.HeadExport()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {time.Hour, 1}, {16 * time.Hour, 1}, {2 * time.Hour, 2}, {time.Minute, 2}, {72 * time.Hour, 3}} {
		at = at.Add(step.after)
		if err := due(context.Background()); err != nil {
			t.Fatal(err)
		}
		if n := lines(); n != step.want {
			t.Errorf("at %v: %d lines, want %d", at, n, step.want)
		}
	}
	again, err := a.HeadExport()
	if err != nil {
		t.Fatal(err)
	}
	if err := again(context.Background()); err != nil || lines() != 3 {
		t.Errorf("after a start: %v, %d lines", err, lines())
	}
}

func TestAuditIsConfigured(t *testing.T) {
	for in, want := range map[string]string{
		"audit: {heads_schedule: 'often'}": "audit.heads_schedule",
		"audit: {head: x}":                 "audit.head: is no setting",
	} {
		if _, err := app.ParseConfig("f", []byte(in+"\n"), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", in, err)
		}
	}
}
