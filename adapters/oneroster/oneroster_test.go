package oneroster_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
	"samsyn/adapters/oneroster"
	"samsyn/internal/sim/oneroster"
)

const families = "../../testdata/families/oneroster"

var now = time.Date(2026, 11, 23, 8, 0, 0, 0, time.FixedZone("CET", 3600))

func deps() adapters.Deps {
	return adapters.Deps{HTTP: http.DefaultClient, Now: func() time.Time { return now }}
}

func roster(t *testing.T) *onerostersim.Server {
	t.Helper()
	s, err := onerostersim.New(os.DirFS(families))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// overREST opens the adapter on a handler, two pupils and two objects at a time.
func overREST(t *testing.T, h http.Handler) adapters.Adapter {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return open(t, oneroster.Config{Mode: oneroster.REST, URL: server.URL, Limit: 2})
}

func open(t *testing.T, c oneroster.Config) adapters.Adapter {
	t.Helper()
	a, err := c.Open(deps())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// deliver writes one zip file of the roster into dir.
func deliver(t *testing.T, dir, name string, write func(*bytes.Buffer) error) {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func bulk(t *testing.T, s *onerostersim.Server, dir, name string) {
	deliver(t, dir, name, func(b *bytes.Buffer) error { return s.WriteBulk(b) })
}

func overCSV(t *testing.T, s *onerostersim.Server) (adapters.Adapter, string) {
	t.Helper()
	dir := t.TempDir()
	bulk(t, s, dir, "2026-08-17.zip")
	return open(t, oneroster.Config{Mode: oneroster.CSV, Folder: dir, Limit: 2}), dir
}

func TestContractREST(t *testing.T) {
	adapterstest.Run(t, adapterstest.Fixture{
		Open:  func(t *testing.T) adapters.Adapter { return overREST(t, roster(t)) },
		Paged: true,
		Change: func(t *testing.T) (adapters.Adapter, func()) {
			s := roster(t)
			return overREST(t, s), func() { rename(t, s, "u-metteskar", "Solskår") }
		},
		Poisoned: func(t *testing.T) (adapters.Adapter, string) {
			s := roster(t)
			s.Put("users", onerostersim.Object{"givenName": "Ingen", "familyName": "Nøkkel"}, now)
			return overREST(t, s), "GET users, object 1"
		},
		Down: func(t *testing.T) adapters.Adapter {
			server := httptest.NewServer(http.NotFoundHandler())
			server.Close()
			return open(t, oneroster.Config{Mode: oneroster.REST, URL: server.URL})
		},
	})
}

func TestContractCSV(t *testing.T) {
	adapterstest.Run(t, adapterstest.Fixture{
		Open: func(t *testing.T) adapters.Adapter {
			a, _ := overCSV(t, roster(t))
			return a
		},
		Paged: true,
		Change: func(t *testing.T) (adapters.Adapter, func()) {
			s := roster(t)
			a, dir := overCSV(t, s)
			return a, func() {
				rename(t, s, "u-metteskar", "Solskår")
				deliver(t, dir, "2026-11-24.zip", func(b *bytes.Buffer) error { return s.WriteDelta(b, now) })
			}
		},
		Poisoned: func(t *testing.T) (adapters.Adapter, string) {
			s := roster(t)
			s.Put("users", onerostersim.Object{"givenName": "Ingen", "familyName": "Nøkkel"}, now)
			a, _ := overCSV(t, s)
			return a, "users.csv, line 2"
		},
		Down: func(t *testing.T) adapters.Adapter {
			return open(t, oneroster.Config{Mode: oneroster.CSV, Folder: t.TempDir()})
		},
	})
}

func rename(t *testing.T, s *onerostersim.Server, id, name string) {
	t.Helper()
	if err := s.Edit("users", id, now.Add(time.Minute), func(o onerostersim.Object) { o["familyName"] = name }); err != nil {
		t.Fatal(err)
	}
}

func all(t *testing.T, a adapters.Adapter, since adapters.Cursor) (map[string]adapters.Record, []adapters.Fault, adapters.Cursor) {
	t.Helper()
	records, next := map[string]adapters.Record{}, since
	var faults []adapters.Fault
	for _, p := range adapterstest.Pass(t, a, since) {
		for _, r := range p.Records {
			records[r.Key] = r
		}
		faults = append(faults, p.Faults...)
		next = p.Next
	}
	return records, faults, next
}

// parts gives the sourcedIds of a record's lists.
func parts(t *testing.T, r adapters.Record) map[string][]string {
	t.Helper()
	var body map[string]json.RawMessage
	if err := json.Unmarshal(r.Body, &body); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for name, raw := range body {
		var list []struct {
			ID string `json:"sourcedId"`
		}
		if name != "user" {
			if err := json.Unmarshal(raw, &list); err != nil {
				t.Fatal(err)
			}
			for _, o := range list {
				out[name] = append(out[name], o.ID)
			}
		}
	}
	return out
}

func TestARecordIsOnePupilWithWhatStandsAround(t *testing.T) {
	s := roster(t)
	csv, _ := overCSV(t, s)
	for mode, a := range map[string]adapters.Adapter{"rest": overREST(t, s), "csv": csv} {
		records, faults, _ := all(t, a, "")
		if len(records) != 3 || len(faults) != 0 {
			t.Fatalf("%s: %d records and faults %v, want three pupils", mode, len(records), faults)
		}
		for id, want := range map[string]map[string][]string{
			"u-ella":  {"guardians": {"u-marit", "u-ove"}, "teachers": {"u-karelunde"}, "classes": {"cl-7b"}, "enrollments": {"en-ella-7b", "en-lunde-7b"}, "orgs": {"sch-lyngbakken"}},
			"u-jonas": {"guardians": {"u-hanne"}, "teachers": {"u-metteskar"}, "classes": {"cl-1a"}, "enrollments": {"en-jonas-1a", "en-skar-1a"}, "orgs": {"sch-lyngbakken"}},
			"u-teo":   {"guardians": {"u-trine"}, "teachers": {"u-paaleide"}, "classes": {"cl-10c"}, "enrollments": {"en-eide-10c", "en-teo-10c"}, "orgs": {"sch-sundet"}},
		} {
			got := parts(t, records[id])
			for part, ids := range want {
				if !slices.Equal(got[part], ids) {
					t.Errorf("%s: %s has %s %v, want %v", mode, id, part, got[part], ids)
				}
			}
		}
		if strings.Contains(string(records["u-jonas"].Body), "Nordli") {
			t.Errorf("%s: somebody who is tobedeleted stands in a record", mode)
		}
	}
}

func TestVersionIsTheLatestOfTheParts(t *testing.T) {
	records, _, _ := all(t, overREST(t, roster(t)), "")
	if got := records["u-jonas"].Version; got != "2026-10-12T06:30:00Z" {
		t.Errorf("version %q, want when the teacher changed", got)
	}
	if !records["u-jonas"].Changed.IsZero() {
		t.Error("a composition claims a date of its own")
	}
}

func TestAPasswordIsNeverKept(t *testing.T) {
	s := roster(t)
	if err := s.Edit("users", "u-ella", now, func(o onerostersim.Object) { o["password"] = "hemmelig" }); err != nil {
		t.Fatal(err)
	}
	csv, _ := overCSV(t, s)
	for mode, a := range map[string]adapters.Adapter{"rest": overREST(t, s), "csv": csv} {
		records, _, _ := all(t, a, "")
		if body := string(records["u-ella"].Body); strings.Contains(body, "hemmelig") || !strings.Contains(body, "Lyngstad") {
			t.Errorf("%s: the password stands in the record, or the rest does not", mode)
		}
	}
}

func TestAQuietRosterIsOnlyAsked(t *testing.T) {
	s := roster(t)
	a := overREST(t, s)
	_, _, cursor := all(t, a, "")
	before := s.Served()
	records, _, next := all(t, a, cursor)
	if len(records) != 0 || next != cursor {
		t.Errorf("%d records and the cursor %s, want none and %s", len(records), next, cursor)
	}
	// What changed at the mark itself is asked for again: three objects of October.
	if n := s.Served() - before; n > 5 {
		t.Errorf("%d objects were read to find that nothing changed", n)
	}
}

func TestAChangeInTheMomentOfTheMarkIsSeen(t *testing.T) {
	s := roster(t)
	a := overREST(t, s)
	_, _, cursor := all(t, a, "")
	mark := time.Date(2026, 10, 12, 6, 30, 0, 0, time.UTC)
	if err := s.Edit("users", "u-ove", mark, func(o onerostersim.Object) { o["familyName"] = "Lyng" }); err != nil {
		t.Fatal(err)
	}
	if records, _, _ := all(t, a, cursor); !strings.Contains(string(records["u-ella"].Body), `"Lyng"`) {
		t.Error("a change at the very time of the mark is lost")
	}
}

func TestWhatAServerForgetsIsFoundTheNextDay(t *testing.T) {
	s := roster(t)
	server := httptest.NewServer(s)
	defer server.Close()
	clock := now
	a, err := oneroster.Config{Mode: oneroster.REST, URL: server.URL}.Open(adapters.Deps{HTTP: http.DefaultClient, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	_, _, cursor := all(t, a, "")
	if err := s.Forget("enrollments", "en-lunde-7b"); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(23 * time.Hour)
	if records, _, _ := all(t, a, cursor); len(records) != 0 {
		t.Error("the server told of a change that it keeps quiet about")
	}
	clock = clock.Add(2 * time.Hour)
	records, _, _ := all(t, a, cursor)
	if got := parts(t, records["u-ella"])["teachers"]; len(got) != 0 {
		t.Errorf("a day later the teachers are still %v", got)
	}
}

func TestAPupilWhoIsToBeDeleted(t *testing.T) {
	s := roster(t)
	a := overREST(t, s)
	_, _, cursor := all(t, a, "")
	if err := s.Retire("users", "u-teo", now); err != nil {
		t.Fatal(err)
	}
	if r := first(all(t, a, cursor))["u-teo"]; !r.Deleted || len(r.Body) != 0 {
		t.Errorf("the record is %+v, want deleted", r)
	}
	// A delta says so as well.
	s = roster(t)
	csv, dir := overCSV(t, s)
	_, _, cursor = all(t, csv, "")
	if err := s.Retire("users", "u-teo", now); err != nil {
		t.Fatal(err)
	}
	deliver(t, dir, "2026-11-23.zip", func(b *bytes.Buffer) error { return s.WriteDelta(b, now) })
	if r := first(all(t, csv, cursor))["u-teo"]; !r.Deleted {
		t.Error("the delta's tobedeleted is not seen")
	}
	// A later bulk simply leaves the pupil out; only a full comparison can tell.
	bulk(t, s, dir, "2026-11-24.zip")
	if _, ok := first(all(t, csv, ""))["u-teo"]; ok {
		t.Error("a bulk file does not take the place of what was before it")
	}
}

func first(r map[string]adapters.Record, _ []adapters.Fault, _ adapters.Cursor) map[string]adapters.Record {
	return r
}

func TestReferencesThatLeadNowhere(t *testing.T) {
	s := roster(t)
	for _, o := range [][2]string{{"users", "u-hanne"}, {"users", "u-karelunde"}, {"classes", "cl-10c"}} {
		if err := s.Forget(o[0], o[1]); err != nil {
			t.Fatal(err)
		}
	}
	records, faults, _ := all(t, overREST(t, s), "")
	if len(records) != 3 {
		t.Errorf("%d records, want all three pupils", len(records))
	}
	var keys []string
	for _, f := range faults {
		if !errors.Is(f.Err, adapters.ErrMalformed) {
			t.Errorf("fault %v is of no kind", f)
		}
		keys = append(keys, f.Key)
	}
	slices.Sort(keys)
	if want := []string{"en-lunde-7b", "en-teo-10c", "u-jonas"}; !slices.Equal(keys, want) {
		t.Errorf("faults of %v, want %v", keys, want)
	}
}

func TestAKeyThatIsANationalNumber(t *testing.T) {
	s := roster(t)
	number := strings.Repeat("3", 11)
	s.Put("users", onerostersim.Object{"sourcedId": number, "status": "active", "roles": []any{map[string]any{"role": "student"}}}, now)
	records, faults, _ := all(t, overREST(t, s), "")
	if len(records) != 3 || len(faults) != 1 || strings.Contains(faults[0].Error(), number) {
		t.Errorf("%d records and faults %v, want three and one fault that does not show the number", len(records), faults)
	}
}

func TestCheck(t *testing.T) {
	s := roster(t)
	csv, _ := overCSV(t, s)
	for mode, a := range map[string]adapters.Adapter{"rest": overREST(t, s), "csv": csv} {
		if err := a.(adapters.Checker).Check(context.Background()); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
	if s.Served() != 1 {
		t.Errorf("%d objects were read to see whether the server answers", s.Served())
	}
	empty := open(t, oneroster.Config{Mode: oneroster.CSV, Folder: t.TempDir()})
	if err := empty.(adapters.Checker).Check(context.Background()); !errors.Is(err, adapters.ErrUnavailable) {
		t.Errorf("an empty folder: error %v", err)
	}
}

func TestConfigNamesEveryFault(t *testing.T) {
	for _, c := range []struct {
		config oneroster.Config
		fields []string
	}{
		{oneroster.Config{}, []string{"mode"}},
		{oneroster.Config{Mode: "rest", Limit: 1001, FullEvery: -1, Folder: "x"}, []string{"url", "folder", "limit", "full_every"}},
		{oneroster.Config{Mode: "rest", URL: "http://a:b@c/"}, []string{"url"}},
		{oneroster.Config{Mode: "csv", URL: "http://c"}, []string{"url", "folder"}},
		{oneroster.Config{Mode: "rest", URL: "https://skole.example"}, nil},
		{oneroster.Config{Mode: "csv", Folder: "/drop"}, nil},
	} {
		errs := c.config.Validate()
		if len(errs) != len(c.fields) {
			t.Errorf("%+v: faults %v, want of %v", c.config, errs, c.fields)
		}
		text := ""
		if err := errors.Join(errs...); err != nil {
			text = err.Error()
		}
		for _, f := range c.fields {
			if !strings.Contains(text, ": "+f+":") {
				t.Errorf("%+v: no fault names %s", c.config, f)
			}
		}
	}
}
