package store_test

import (
	"fmt"
	"strings"
	"testing"

	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store"
)

// TestAuditLogIsNeverChanged: the database itself refuses, whoever asks.
func TestAuditLogIsNeverChanged(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string, s *store.Store, ask func(string) string) {
		for i := range 3 {
			if err := s.Audit(ctx, nil, []care.Logged{{Person: "p", Viewer: "v", At: at, Body: fmt.Appendf(nil, "%d", i)}}); err != nil {
				t.Fatal(err)
			}
		}
		db := past(t, dsn)
		for _, statement := range []string{`UPDATE audit_event SET viewer = 'x' WHERE seq = 2`, `DELETE FROM audit_event WHERE seq = 3`, `DELETE FROM audit_event`} {
			if _, err := db.Exec(statement); err == nil || !strings.Contains(err.Error(), "never changed") {
				t.Errorf("%s: error %v", statement, err)
			}
		}
		if got := ask(`SELECT count(*) || min(viewer) FROM audit_event`); got != "3v" {
			t.Errorf("the log is %s", got)
		}
	})
}

// TestMarksOfBefore: what was kept before there were marks is hidden from everybody without
// every clearance until it is marked, and is marked when the store is opened.
func TestMarksOfBefore(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string, s *store.Store, ask func(string) string) {
		entries := municipalityOf(t, 46, "tekst")
		entries[3].Made[0].Resource.Body = []byte(`{"resourceType":"Basic","id":"r3","meta":{"security":[{"system":"urn:samsyn:adressegradering","code":"fortrolig"}]}}`)
		entries[4].Made[0].Resource.Type = "CareTeam"
		entries[4].Made[0].Resource.Body = []byte(`{"resourceType":"CareTeam","id":"r4","status":"active","participant":[{"member":{"identifier":{"system":"urn:oid:2.16.578.1.12.4.1.4.4","value":"9900011"}}}]}`)
		if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: begin(t, s, "a"), At: at, Entries: entries, Next: "x"}); err != nil {
			t.Fatal(err)
		}
		p := personOf(t, s, benchNumber(t, 0))
		siv := care.Viewer{ID: "siv", HPR: "9900011"}
		want, err := s.Facts(ctx, siv, p)
		if err != nil || want.Address != care.AddressFortrolig || len(want.Team) != 1 {
			t.Fatalf("facts %+v %v", want, err)
		}
		before := dumped(t, s)
		for _, statement := range []string{`UPDATE resource SET marks = -1`, `UPDATE contribution SET marks = -1, places = 0`, `DELETE FROM team_place`, `DELETE FROM meta WHERE name = 'marks'`} {
			if _, err := past(t, dsn).Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		careful := []care.Visible{{Service: care.Skole, Without: care.MarkSexual}, {Service: care.Kommune, Without: care.MarkSexual}}
		if cs, err := s.Contributions(ctx, p, careful); err != nil || len(cs) != 0 {
			t.Errorf("what nobody has marked is shown: %d %v", len(cs), err)
		}
		again := open(t, dsn)
		got, err := again.Facts(ctx, siv, p)
		if err != nil || len(got.Team) != 1 || got.Address != want.Address || got.Epoch <= want.Epoch {
			t.Errorf("after it was opened: %+v %v", got, err)
		}
		if after := dumped(t, again); without(after, "rights_epoch") != without(before, "rights_epoch") {
			t.Error("marked again, it is another store")
		}
		if _, err := past(t, dsn).Exec(`UPDATE meta SET value = value || value WHERE name = 'marks'`); err != nil { // another revision of marks
			t.Fatal(err)
		}
		if after := dumped(t, open(t, dsn)); without(after, "rights_epoch") != without(before, "rights_epoch") {
			t.Error("marked by another revision, it is another store")
		}
	})
}

func without(dump, table string) string {
	var out []string
	for line := range strings.Lines(dump) {
		if !strings.HasPrefix(line, table+"\t") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}
