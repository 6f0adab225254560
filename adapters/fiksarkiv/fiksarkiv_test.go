package fiksarkiv_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
	"samsyn/adapters/fiksarkiv"
	"samsyn/internal/sim/fiksarkiv"
	"samsyn/internal/xmlsafe"
)

const account = "5d3f9f2a-6d11-4a51-9f07-0d6f0f7a9901"

var now = time.Date(2026, 11, 23, 8, 0, 0, 0, time.FixedZone("CET", 3600))

func config(url string) fiksarkiv.Config {
	return fiksarkiv.Config{
		URL: url, Account: account, Take: 5,
		CaseTypes: []string{"ELEV", "PPT", "BARNEHAGE", "TILDELING"},
		Units:     []string{"LYNGBAKKEN", "SUNDET", "SOLKROKEN", "PPT", "TILDELING"},
	}
}

func deps() adapters.Deps {
	return adapters.Deps{HTTP: http.DefaultClient, Now: func() time.Time { return now }, Random: rand.Reader}
}

func archive(t *testing.T) *fiksarkivsim.Server {
	t.Helper()
	s, err := fiksarkivsim.New(os.DirFS("../../testdata/families/fiksarkiv"))
	if err != nil {
		t.Fatal(err)
	}
	s.Account = account
	return s
}

func open(t *testing.T, s http.Handler, change func(*fiksarkiv.Config)) adapters.Adapter {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c := config(server.URL)
	if change != nil {
		change(&c)
	}
	a, err := c.Open(deps())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// entry finds the systemID of the journal entry with the title.
func entry(t *testing.T, title string) string {
	t.Helper()
	body, err := os.ReadFile("../../testdata/families/fiksarkiv/journalposter.xml")
	if err != nil {
		t.Fatal(err)
	}
	root, err := xmlsafe.ParseBytes(body, xmlsafe.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range root.Child("resultatListe").All("resultat") {
		if n := r.Children[0]; n.Value("tittel") == title {
			return n.Value("systemID")
		}
	}
	t.Fatalf("no journal entry is called %q", title)
	return ""
}

func TestContract(t *testing.T) {
	minutes := entry(t, "Referat fra ansvarsgruppemøte 15.10.2026")
	adapterstest.Run(t, adapterstest.Fixture{
		Open:  func(t *testing.T) adapters.Adapter { return open(t, archive(t), nil) },
		Paged: true,
		Change: func(t *testing.T) (adapters.Adapter, func()) {
			s := archive(t)
			return open(t, s, nil), func() {
				if err := s.Rename(minutes, "Referat, rettet", now.Add(time.Minute)); err != nil {
					t.Fatal(err)
				}
			}
		},
		Poisoned: func(t *testing.T) (adapters.Adapter, string) {
			s := archive(t)
			if err := s.Break(minutes); err != nil {
				t.Fatal(err)
			}
			return open(t, s, nil), "case 2020/340-17"
		},
		Down: func(t *testing.T) adapters.Adapter {
			server := httptest.NewServer(http.NotFoundHandler())
			server.Close()
			a, err := config(server.URL).Open(deps())
			if err != nil {
				t.Fatal(err)
			}
			return a
		},
	})
}

func all(t *testing.T, a adapters.Adapter, since adapters.Cursor) (map[string]adapters.Record, []adapters.Fault, adapters.Cursor) {
	t.Helper()
	records, next := map[string]adapters.Record{}, since
	var faults []adapters.Fault
	for _, p := range adapterstest.Pass(t, a, since) {
		for _, r := range p.Records {
			if _, twice := records[r.Kind+"/"+r.Key]; twice {
				t.Errorf("%s %s comes twice in one pass", r.Kind, r.Key)
			}
			records[r.Kind+"/"+r.Key] = r
		}
		faults = append(faults, p.Faults...)
		next = p.Next
	}
	return records, faults, next
}

func count(records map[string]adapters.Record, kind string) (n int) {
	for _, r := range records {
		if r.Kind == kind {
			n++
		}
	}
	return n
}

func TestFirstPassReadsCasesAndEntries(t *testing.T) {
	s := archive(t)
	records, faults, next := all(t, open(t, s, nil), "")
	if c, e := count(records, "saksmappe"), count(records, "journalpost"); c != 7 || e != 16 || len(faults) != 0 {
		t.Errorf("%d cases, %d entries, faults %v; want 7 and 16 and none", c, e, faults)
	}
	if want := `{"since":"2026-11-23T07:00:00Z"}`; string(next) != want {
		t.Errorf("the cursor is %s, want %s", next, want)
	}
	// 7 cases and 16 entries, five at a time, and no look-up of a case that is known.
	if s.Searches() != 6 {
		t.Errorf("%d searches, want 6", s.Searches())
	}
	root, err := xmlsafe.ParseBytes(records["journalpost/"+entry(t, "Referat fra ansvarsgruppemøte 15.10.2026")].Body, xmlsafe.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := root.Value("saksmappe", "mappetype", "kode"); got != "ELEV" {
		t.Errorf("the entry's case has mappetype %q, want ELEV", got)
	}
	if root.Child("saksmappe", "saksansvarlig") != nil {
		t.Error("the entry's record holds more of its case than it needs")
	}
}

func TestOnlyTheNamedCaseTypesAreRead(t *testing.T) {
	records, faults, _ := all(t, open(t, archive(t), func(c *fiksarkiv.Config) { c.CaseTypes = []string{"PPT"} }), "")
	if c, e := count(records, "saksmappe"), count(records, "journalpost"); c != 2 || e != 5 || len(faults) != 0 {
		t.Errorf("%d cases and %d entries, faults %v; want the two PPT cases and their five entries", c, e, faults)
	}
}

func TestAChangedCaseBringsItsEntries(t *testing.T) {
	s := archive(t)
	a := open(t, s, nil)
	records, _, cursor := all(t, a, "")
	var id string
	for _, r := range records {
		if r.Kind == "saksmappe" && strings.Contains(string(r.Body), ">2026/208<") {
			id = r.Key
		}
	}
	if err := s.Rename(id, "Tildelingssak", now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	later, _, _ := all(t, a, cursor)
	if c, e := count(later, "saksmappe"), count(later, "journalpost"); c != 1 || e != 2 {
		t.Errorf("%d cases and %d entries, want the case and its two entries", c, e)
	}
}

func TestAChangedEntryFindsItsCase(t *testing.T) {
	s := archive(t)
	a := open(t, s, nil)
	_, _, cursor := all(t, a, "")
	id := entry(t, "Sakkyndig vurdering")
	if err := s.Rename(id, "Sakkyndig vurdering, ny", now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	later, _, _ := all(t, a, cursor)
	r, ok := later["journalpost/"+id]
	if !ok || len(later) != 1 || !strings.Contains(string(r.Body), ">PPT<") {
		t.Errorf("%d records, want the one entry with its case", len(later))
	}
}

func TestTheCursorRestsWhileNothingChanges(t *testing.T) {
	clock := now
	server := httptest.NewServer(archive(t))
	defer server.Close()
	a, err := config(server.URL).Open(adapters.Deps{HTTP: http.DefaultClient, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	_, _, first := all(t, a, "")
	clock = clock.Add(24 * time.Hour)
	if _, _, next := all(t, a, first); next != first {
		t.Errorf("after an empty pass the cursor is %s, was %s", next, first)
	}
}

func TestAListThatMovesIsReadAgain(t *testing.T) {
	s := archive(t)
	a := open(t, s, nil)
	gone := entry(t, "Vedtak om spesialpedagogisk hjelp") // among the first five
	got := map[string]bool{}
	deleted := false
	for page, err := range a.Fetch(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			got[r.Key] = true
		}
		if got[gone] && !deleted {
			deleted = true
			if err := s.Delete(gone); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !deleted || len(got) != 7+16 {
		t.Errorf("%d records although one entry was deleted while the list was read, want 23", len(got))
	}
}

func TestAnArchiveThatGivesFewerAtATime(t *testing.T) {
	s := archive(t)
	s.MaxTake = 3
	records, _, _ := all(t, open(t, s, func(c *fiksarkiv.Config) { c.Take = 500 }), "")
	if len(records) != 23 {
		t.Errorf("%d records, want 23", len(records))
	}
	s = archive(t)
	s.MaxTake = 1
	var end error
	for _, err := range open(t, s, nil).Fetch(context.Background(), "") {
		end = err
	}
	if !errors.Is(end, adapters.ErrProtocol) {
		t.Errorf("an archive that never gets on: error %v, want ErrProtocol", end)
	}
}

func TestSearchPerson(t *testing.T) {
	s := archive(t)
	a := open(t, s, nil)
	first, _, _ := all(t, a, "")
	number := ""
	for _, r := range first {
		root, err := xmlsafe.ParseBytes(r.Body, xmlsafe.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind == "saksmappe" && root.Value("part", "partNavn") == "Jonas Myrvang" {
			number = root.Value("part", "personID", "identifikator")
		}
	}
	kinds := map[string]int{}
	for page, err := range a.(fiksarkiv.PersonSearcher).SearchPerson(context.Background(), number) {
		if err != nil {
			t.Fatal(err)
		}
		if page.Next != "" {
			t.Errorf("a search by person gives the cursor %q", page.Next)
		}
		for _, r := range page.Records {
			kinds[r.Kind]++
		}
	}
	if kinds["saksmappe"] != 3 || kinds["journalpost"] != 7 {
		t.Errorf("Jonas has %v, want 3 cases and 7 entries", kinds)
	}
}

func TestCheckReadsNobody(t *testing.T) {
	s := archive(t)
	if err := open(t, s, nil).(adapters.Checker).Check(context.Background()); err != nil {
		t.Error(err)
	}
	if s.Searches() != 0 {
		t.Error("the check searched for people")
	}
}

func TestConfigNamesEveryFault(t *testing.T) {
	c := fiksarkiv.Config{URL: "ftp://arkiv", Account: "konto", Take: 501, Overlap: -1, From: "i fjor"}
	errs := c.Validate()
	all := errors.Join(errs...).Error()
	for _, field := range []string{"url", "account", "case_types", "units", "take", "overlap", "from"} {
		if !strings.Contains(all, ": "+field+":") {
			t.Errorf("no fault names %s", field)
		}
	}
	for _, err := range errs {
		if !errors.Is(err, adapters.ErrConfig) {
			t.Errorf("%v is no ErrConfig", err)
		}
	}
	if _, err := c.Open(deps()); !errors.Is(err, adapters.ErrConfig) {
		t.Errorf("opened with error %v", err)
	}
	if errs := config("https://arkiv.example/fiks").Validate(); len(errs) != 0 {
		t.Errorf("a good configuration has faults: %v", errs)
	}
}

// TestARecordIsWhatTheArchiveGave reads the records as XML again and compares them
// with what the archive holds, names, namespaces, attributes and texts.
func TestARecordIsWhatTheArchiveGave(t *testing.T) {
	records, _, _ := all(t, open(t, archive(t), nil), "")
	for _, file := range []string{"saksmapper.xml", "journalposter.xml"} {
		body, err := os.ReadFile("../../testdata/families/fiksarkiv/" + file)
		if err != nil {
			t.Fatal(err)
		}
		root, err := xmlsafe.ParseBytes(body, xmlsafe.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range root.Child("resultatListe").All("resultat") {
			want, kind := result.Children[0], "saksmappe"
			got, err := xmlsafe.ParseBytes(records["saksmappe/"+want.Value("systemID")].Body, xmlsafe.Limits{})
			if want.Name != "saksmappe" {
				kind = "journalpost"
				got, err = xmlsafe.ParseBytes(records["journalpost/"+want.Value("systemID")].Body, xmlsafe.Limits{})
				got = got.Child("journalpostMedSaksmappe")
			}
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want.Bytes()) {
				t.Errorf("%s %s is not what the archive gave", kind, want.Value("systemID"))
			}
		}
	}
}
