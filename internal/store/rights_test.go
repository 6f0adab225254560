package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"samsyn/internal/audit"
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

// TestGrantsAndLogOfBefore: what was granted and logged before there were rights and a chained
// log is moved when the store is opened, once.
func TestGrantsAndLogOfBefore(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string, s *store.Store, ask func(string) string) {
		if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: begin(t, s, "a"), At: at, Entries: municipalityOf(t, 5, "tekst"), Next: "x"}); err != nil {
			t.Fatal(err)
		}
		p := personOf(t, s, benchNumber(t, 0))
		us := at.UnixMicro()
		for _, statement := range []string{
			fmt.Sprintf(`INSERT INTO grants (viewer, person, services, starts, ends, basis) VALUES ('anders', '%s', 'skole bup barnevern', %d, %d, 'samtykke fra mor')`, p, us, us+1_000_000),
			fmt.Sprintf(`INSERT INTO grants (viewer, person, services, starts, ends, basis) VALUES ('liv', '%s', 'skole', %d, NULL, 'egen sak')`, p, us),
			fmt.Sprintf(`INSERT INTO access_log (at, viewer, person, services, allowed, door) VALUES (%d, 'anders', '%s', 'skole bup', 1, 'page')`, us, p),
			fmt.Sprintf(`INSERT INTO access_log (at, viewer, person, services, allowed, door) VALUES (%d, 'mette', '%s', '', 0, 'fhir')`, us+5, p),
			`DELETE FROM meta WHERE name = 'marks'`,
		} {
			if _, err := past(t, dsn).Exec(statement); err != nil {
				t.Fatal(statement, err)
			}
		}
		for range 2 {
			s = open(t, dsn)
		}
		r, _, epoch, err := s.Rights(ctx, p)
		if err != nil || epoch == 0 || len(r.Appointments) != 2 || len(r.Bases) != 4 || len(r.Consents) != 0 {
			t.Fatalf("rights %+v at epoch %d, %v", r, epoch, err)
		}
		a := r.Appointments[0]
		if a.Viewer != "anders" || a.Person != p || !a.From.Equal(at) || !a.Until.Equal(at.Add(time.Second)) || a.Reason != "samtykke fra mor" || !r.Appointments[1].Until.IsZero() {
			t.Errorf("appointments %+v", r.Appointments)
		}
		for i, want := range []string{"FVL13B [skole] anders", "HPL25 [bup] anders", "BVL13-1 [barnevern] anders", "FVL13B [skole] liv"} {
			if b := r.Bases[i]; fmt.Sprint(b.Code, " ", b.Origins, " ", b.Viewer) != want || b.Evidence != "" {
				t.Errorf("basis %d is %+v, want %s", i, b, want)
			}
		}
		rows, err := s.AuditOf(ctx, p)
		if err != nil || len(rows) != 2 {
			t.Fatalf("the log: %+v %v", rows, err)
		}
		for i, want := range []string{"mette fhir false []", "anders page true [skole bup]"} {
			e, err := audit.FromFHIR(rows[i].Body)
			if err != nil || fmt.Sprint(e.Viewer.ID, " ", e.Door, " ", e.Permit, " ", e.Services) != want || e.Person != p {
				t.Errorf("event %+v %v, want %s", e, err, want)
			}
		}
		if got := ask(`SELECT (SELECT count(*) FROM grants) || ' ' || (SELECT count(*) FROM access_log)`); got != "0 0" {
			t.Errorf("left behind: %s", got)
		}
	})
}
