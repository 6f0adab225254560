package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ingest"
	"samsyn/internal/store"
	"samsyn/mapping"
)

// reasons are "key code" of everything in quarantine.
func reasons(t *testing.T, s *store.Store) []string {
	t.Helper()
	all, err := s.Quarantined(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, q := range all {
		out = append(out, q.Key+" "+q.Code)
	}
	return out
}

func person(t *testing.T, s *store.Store, raw string) care.PersonID {
	t.Helper()
	n, err := identity.Parse(raw, identity.Rules{Test: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.PersonByIdentifier(t.Context(), n)
	if err != nil && !errors.Is(err, care.ErrNotFound) {
		t.Fatal(err)
	}
	return p
}

func texts(t *testing.T, s *store.Store, raw string) []string {
	t.Helper()
	cs, err := s.Contributions(t.Context(), person(t, s, raw), care.Whole(care.Services()...))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range cs {
		for _, m := range c.Made {
			_, after, _ := strings.Cut(string(m.Resource.Body), `"value":"`)
			text, _, _ := strings.Cut(after, `"`)
			out = append(out, text)
		}
	}
	return out
}

func run(t *testing.T, p *ingest.Pipeline, a adapters.Adapter) ingest.Report {
	t.Helper()
	r, err := p.Run(t.Context(), source("a"), a, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFromSourceToPerson(t *testing.T) {
	s := open(t)
	var steps []ingest.Progress
	p := pipeline(t, s)
	report, err := p.Run(t.Context(), source("a"), &fake{pages: cut([]any{
		rec("1", 1, body{Barn: "b1", Tekst: "før personen er kjent"}),
		rec("2", 1, body{Barn: "b1", Nummer: []string{ella}, Fodt: "2014-03-14", Navn: "Ella Lyngstad", Tekst: "med nummer"}),
		rec("3", 1, body{Barn: "b2", Nummer: []string{"19112500100"}, Tekst: "pseudo"}),
		rec("4", 1, body{Tekst: "om ingen"}),
		rec("5", 1, body{Barn: "b1", Slag: "utkast"}),
		rec("6", 1, body{Barn: "b1", Slag: "ukjent"}),
		adapters.Record{Kind: "sak", Key: "7", Deleted: true},
	}, 3)}, func(p ingest.Progress) { steps = append(steps, p) })
	if err != nil {
		t.Fatal(err)
	}
	balanced(t, report, 7)
	if report.Stored != 5 || report.Quarantined != 1 || report.Removed != 1 {
		t.Errorf("report %+v", report)
	}
	if got := texts(t, s, ella); !slices.Equal(got, []string{"før personen er kjent", "med nummer"}) {
		t.Errorf("ella has %v", got)
	}
	if !slices.Equal(steps, []ingest.Progress{{Source: "a", Read: 3}, {Source: "a", Read: 6}, {Source: "a", Read: 7}}) {
		t.Errorf("progress %v", steps)
	}
	if got := reasons(t, s); !slices.Equal(got, []string{"6 unknown-code"}) {
		t.Errorf("quarantine %v", got)
	}
	if q := report.Quarantine; len(q) != 1 || q[0].Key != "6" || !strings.Contains(q[0].Text, "slag") || !strings.HasPrefix(q[0].Where, "mapping/maps/test/sak.yaml:") {
		t.Errorf("reason %+v", q)
	}
	ws, err := s.WaitingSubjects(t.Context())
	if err != nil || len(ws) != 1 || ws[0].Key != "b2" || ws[0].Reason != identity.PseudoNumber {
		t.Errorf("waiting %+v %v", ws, err)
	}
	cs, err := s.Contributions(t.Context(), person(t, s, ella), care.Whole(care.Services()...))
	if err != nil || len(cs[0].Made[0].Lineage) == 0 || !strings.Contains(cs[0].Made[0].Lineage[0].Rule, "sak.yaml") {
		t.Errorf("lineage of %+v %v", cs, err)
	}
}

// odd is a map that fails in ways that real maps should not.
type odd struct{ mapping.Result }

func (odd) Revision() string { return "odd" }

func (o odd) Apply(in mapping.Input) (mapping.Result, error) {
	switch string(in.Body) {
	case "panic":
		panic("with 14831460041 in it")
	case "error":
		return mapping.Result{}, errors.New("something about 14831460041")
	}
	return o.Result, nil
}

func TestOddMapsHarmOnlyTheirRecord(t *testing.T) {
	s := open(t)
	p := pipeline(t, s)
	p.Maps = func(_, kind string) (ingest.Map, bool) {
		return odd{mapping.Result{Service: map[string]string{"nabo": "nabo"}[kind]}}, kind != "none"
	}
	one := func(kind, text string) adapters.Record {
		return adapters.Record{Kind: kind, Key: kind + text, Body: []byte(text)}
	}
	report := run(t, p, &fake{pages: []adapters.Page{{Records: []adapters.Record{one("x", "panic"), one("x", "error"), one("x", "fine"), one("nabo", "fine"), one("none", "fine")}}}})
	if report.Stored != 1 || report.Quarantined != 4 {
		t.Errorf("report %+v", report)
	}
	if got := reasons(t, s); !slices.Equal(got, []string{"nabofine unknown-service", "nonefine no-map", "xerror unexpected", "xpanic panic"}) {
		t.Errorf("quarantine %v", got)
	}
	for _, q := range report.Quarantine {
		if strings.Contains(q.Text, "146004") {
			t.Errorf("%s: the reason holds a national number", q.Code)
		}
	}
}

func TestFaultsAreKept(t *testing.T) {
	s := open(t)
	src := &fake{pages: []adapters.Page{{Faults: []adapters.Fault{
		{Kind: "fil", Where: "sak-14831460041.xml", Err: fmt.Errorf("%w: cut after 14831460041", adapters.ErrMalformed), Body: []byte("<")},
		{Kind: "sak", Key: "1", Where: "1.json"},
	}, Records: []adapters.Record{rec("2", 0, body{Barn: "b"})}}}, anew: true}
	p := pipeline(t, s)
	report := run(t, p, src)
	if report.Stored != 1 || report.Quarantined != 2 {
		t.Errorf("report %+v", report)
	}
	all, err := s.Quarantined(t.Context())
	if err != nil || len(all) != 2 || !strings.HasPrefix(all[0].Key, "place:") || all[0].Where != "sak-[number].xml" || all[0].Code != "malformed" || strings.Contains(all[0].Text+all[0].Where, "146004") {
		t.Fatalf("quarantine %+v %v", all, err)
	}
	src.pages[0].Faults, src.pages[0].Records = nil, append(src.pages[0].Records, rec("1", 0, body{Barn: "b"}))
	if report = run(t, p, src); report.Stored != 1 || report.Unchanged != 1 {
		t.Errorf("after one was mended at the source: %+v", report)
	}
	if got := reasons(t, s); !slices.Equal(got, []string{all[0].Key + " malformed"}) {
		t.Errorf("quarantine %v", got)
	}
}

// TestNoFileNameIsAKey: a file may be named after a child. Its fault has a key that tells nothing, the
// same each time; a record's own key is its key also where the record cannot be read.
func TestNoFileNameIsAKey(t *testing.T) {
	p := pipeline(t, open(t))
	const name = "vedtak Kari Nordmann.xml"
	seen := map[string]bool{}
	for _, f := range []adapters.Fault{{Where: "file " + name}, {Key: name, Where: "file " + name}, {Key: "fil:" + name, Where: "file " + name},
		{Key: "unnamed: file " + name, Where: "file " + name}, {Kind: "sak", Where: "file " + name}, {Where: "file other.xml"}} {
		k := p.FaultKey(f)
		if k.Kind != f.Kind || strings.Contains(k.Key, "Kari") || len(k.Key) != len("place:")+24 || seen[k.Kind+k.Key] || k != p.FaultKey(f) {
			t.Errorf("%+v has the key %+v", f, k)
		}
		seen[k.Kind+k.Key] = true
		if again := p.FaultKey(adapters.Fault{Kind: k.Kind, Key: k.Key, Where: f.Where}); again != k {
			t.Errorf("tried again it has another key: %+v, %+v", k, again)
		}
	}
	other := *p
	other.IDKey = []byte("another instance's")
	if f := (adapters.Fault{Where: "file " + name}); other.FaultKey(f) == p.FaultKey(f) {
		t.Error("another instance gives the same key: it can be guessed")
	}
	for _, f := range []adapters.Fault{{Kind: "sak", Key: "1", Where: "file 1.json"}, {Kind: "sak", Key: "3", Where: "3"}, {Kind: "sak", Key: "7"}} {
		if k := p.FaultKey(f); k.Key != f.Key {
			t.Errorf("%+v has the key %+v", f, k)
		}
	}
}

func TestRemapTakesUpWhatWaited(t *testing.T) {
	s := open(t)
	p := pipeline(t, s)
	note := rec("n", 1, body{Barn: "b1", Nummer: []string{ella}, Tekst: "notat"})
	note.Kind = "notat"
	src := &fake{pages: cut([]any{note, rec("1", 1, body{Barn: "b1", Tekst: "sak"}), part("g1", 1, body{Tekst: "del", Nummer: []string{jonas}, Slag: "ukjent"})}, 1)}
	if report := run(t, p, src); report.Quarantined != 2 || len(texts(t, s, ella)) != 0 {
		t.Fatalf("before: %+v", report)
	}
	fsys := files("notat")
	fsys["codes/slag.csv"].Data = append(fsys["codes/slag.csv"].Data, "ukjent,Nå kjent,urn:samsyn:category,ny,Ny,,\n"...)
	set, err := mapping.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	p.Maps = ingest.FromSet(set)
	report, err := p.Remap(t.Context(), source("a"), src)
	if err != nil {
		t.Fatal(err)
	}
	if report.Listed != 3 || report.Quarantined != 0 {
		t.Errorf("report %+v", report)
	}
	if got := texts(t, s, ella); !slices.Equal(got, []string{"notat", "sak"}) || !slices.Equal(texts(t, s, jonas), []string{"del"}) || len(reasons(t, s)) != 0 {
		t.Errorf("ella has %v, jonas %v, quarantine %v", got, texts(t, s, jonas), reasons(t, s))
	}
	src.anew = true
	if again := run(t, p, src); again.Unchanged != 3 {
		t.Errorf("read again after remapping: %+v", again)
	}
}

func TestPartsWaitForTheirPlace(t *testing.T) {
	s := open(t)
	p := pipeline(t, s)
	three := part("g1", 3, body{Tekst: "tre"})
	src := &fake{pages: []adapters.Page{
		{Records: []adapters.Record{part("g1", 1, body{Tekst: "en ", Nummer: []string{ella}}), three}},
		{Records: []adapters.Record{three, part("g1", 2, body{Tekst: "to "})}},
	}}
	src.failAt = 1
	if _, err := p.Run(t.Context(), source("a"), src, nil); !errors.Is(err, adapters.ErrUnavailable) {
		t.Fatal(err)
	}
	if got := texts(t, s, ella); !slices.Equal(got, []string{"en "}) || !slices.Equal(reasons(t, s), []string{"g1/3 held"}) {
		t.Fatalf("with a gap: %v, quarantine %v", got, reasons(t, s))
	}
	src.failAt = 0
	if report := run(t, p, src); report.Listed != 2 || report.Stored != 2 {
		t.Errorf("the page that fills the gap: %+v", report)
	}
	if got := texts(t, s, ella); !slices.Equal(got, []string{"en to tre"}) || len(reasons(t, s)) != 0 {
		t.Errorf("without the gap: %v, quarantine %v", got, reasons(t, s))
	}
}

func TestSourceIsToldAfterItIsKept(t *testing.T) {
	s := open(t)
	p := pipeline(t, s)
	src := &fake{pages: []adapters.Page{{Records: []adapters.Record{rec("1", 0, body{Barn: "b", Tekst: "x"}), rec("2", 0, body{Barn: "b", Slag: "ukjent"})},
		Faults: []adapters.Fault{{Kind: "sak", Key: "3", Where: "3", Err: fmt.Errorf("%w: cut", adapters.ErrMalformed)}}}}}
	src.tellFail = fmt.Errorf("%w: no answer", adapters.ErrUnavailable)
	report, err := p.Run(t.Context(), source("a"), acknowledging{src}, nil)
	if !errors.Is(err, adapters.ErrUnavailable) || report.Stored != 1 || report.Error == "" {
		t.Fatalf("a source that cannot be told: %+v %v", report, err)
	}
	src.tellFail = nil
	if report, err = p.Run(t.Context(), source("a"), acknowledging{src}, nil); err != nil || report.Listed != 0 {
		t.Fatalf("the next run: %+v %v", report, err)
	}
	if len(src.told) != 3 || !src.told[0].Stored || src.told[1].Stored || src.told[1].Reason == nil || errors.Is(src.told[1].Reason, adapters.ErrMalformed) || !errors.Is(src.told[2].Reason, adapters.ErrMalformed) {
		t.Errorf("told %+v", src.told)
	}
	src.told, src.anew = nil, true // the source still lists them: it is told again
	if _, err = p.Run(t.Context(), source("a"), acknowledging{src}, nil); err != nil || len(src.told) != 3 || src.told[1].Stored || src.told[1].Reason == nil {
		t.Errorf("told again %+v %v", src.told, err)
	}
}

func TestPushedPageLeavesTheCursorAlone(t *testing.T) {
	s := open(t)
	p := pipeline(t, s)
	src := &fake{pages: cut([]any{rec("1", 1, body{Barn: "b"}), rec("2", 1, body{Barn: "b"})}, 1), failAt: 1}
	if _, err := p.Run(t.Context(), source("a"), src, nil); !errors.Is(err, adapters.ErrUnavailable) {
		t.Fatal(err)
	}
	report, err := p.Page(t.Context(), source("a"), src, adapters.Page{Records: []adapters.Record{rec("9", 1, body{Barn: "b", Tekst: "pushed"})}, Next: "77"})
	if err != nil || report.Stored != 1 {
		t.Fatalf("%+v %v", report, err)
	}
	src.failAt = 0
	if report := run(t, p, src); report.Listed != 1 || report.Stored != 1 {
		t.Errorf("the run after a push reads from elsewhere: %+v", report)
	}
}

func TestCancelledRunSaysSo(t *testing.T) {
	s := open(t)
	p := pipeline(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	src := &fake{pages: cut([]any{rec("1", 1, body{Barn: "b"}), rec("2", 1, body{Barn: "b"})}, 1)}
	report, err := p.Run(ctx, source("a"), src, func(ingest.Progress) { cancel() })
	if !errors.Is(err, context.Canceled) || report.Stored != 1 {
		t.Fatalf("%+v %v", report, err)
	}
	runs, err := s.Runs(t.Context(), 1)
	if err != nil || runs[0].Failure == "" || runs[0].Finished.IsZero() || runs[0].Counts.Stored != 1 {
		t.Errorf("run %+v %v", runs, err)
	}
	if report := run(t, p, src); report.Listed != 1 {
		t.Errorf("the next run goes on elsewhere: %+v", report)
	}
}
