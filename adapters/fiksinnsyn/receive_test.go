package fiksinnsyn_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"samsyn/adapters"
	"samsyn/adapters/fiksinnsyn"
	sim "samsyn/internal/sim/fiksinnsyn"
)

const id = "8e646ae8-0839-5a1b-9030-2e199ddde040"

func receive(t testing.TB, method, path, media string, body []byte) (adapters.Page, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://samsyn.test"+path, strings.NewReader(string(body)))
	r.Header.Set("Content-Type", media)
	return open(t, fiksinnsyn.Config{}).(adapters.Receiver).Receive(t.Context(), r)
}

// TestPushAndFolderGiveTheSame pushes the families over HTTP and compares with the folder.
func TestPushAndFolderGiveTheSame(t *testing.T) {
	a := open(t, fiksinnsyn.Config{}).(adapters.Receiver)
	got := map[string]adapters.Record{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, err := a.Receive(r.Context(), r)
		if err != nil || len(page.Faults) > 0 {
			http.Error(w, fmt.Sprint(err, page.Faults), http.StatusBadRequest)
			return
		}
		for _, rec := range page.Records {
			got[rec.Kind+"/"+rec.Key] = rec
		}
	}))
	defer srv.Close()
	s := sim.Sender{Base: srv.URL + "/adapters/fiksinnsyn", Client: srv.Client()}
	if err := s.IndexAll(t.Context(), family(t)); err != nil {
		t.Fatal(err)
	}
	folder := 0
	for page, err := range open(t, fiksinnsyn.Config{FS: family(t)}).Fetch(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			folder++
			pushed := got[r.Kind+"/"+r.Key]
			if pushed.Hash() != r.Hash() || !pushed.Changed.Equal(now()) {
				t.Errorf("%s/%s differs when pushed, or has no time", r.Kind, r.Key)
			}
		}
	}
	if folder != len(got) || folder != 5 {
		t.Errorf("%d records in the folder, %d pushed", folder, len(got))
	}
	if err := s.Remove(t.Context(), "mappe", id); err != nil {
		t.Fatal(err)
	}
	if r := got["mappe/"+id]; !r.Deleted || !r.Changed.Equal(now()) {
		t.Errorf("after taking it back: %+v", r)
	}
	if err := s.Index(t.Context(), "faktura", id, []byte("{}")); err == nil {
		t.Error("a message of another type is accepted")
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	_, body := message(t, "MOTEREFERAT")
	for name, c := range map[string]struct{ method, path, media string }{
		"method":       {"PATCH", "/journalpost/" + id, "application/json"},
		"reading":      {"GET", "/journalpost/" + id, "application/json"},
		"type":         {"POST", "/skjemakladd/" + id, "application/json"},
		"id":           {"POST", "/journalpost/06851060136", "application/json"},
		"short path":   {"POST", "/journalpost", "application/json"},
		"query":        {"POST", "/journalpost/" + id + "?fnr=06851060136", "application/json"},
		"media":        {"POST", "/journalpost/" + id, "text/plain"},
		"absent media": {"PUT", "/journalpost/" + id, ""},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := receive(t, c.method, c.path, c.media, body)
			if !errors.Is(err, adapters.ErrProtocol) || page.Listed() != 0 {
				t.Errorf("page %+v, error %v", page, err)
			}
			if err != nil && strings.Contains(err.Error(), "06851060136") {
				t.Error("the error repeats the address")
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "POST", "http://samsyn.test/journalpost/"+id, nil)
	if _, err := open(t, fiksinnsyn.Config{}).(adapters.Receiver).Receive(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// edit gives the family message that holds having, with its fields changed.
func edit(t testing.TB, having string, change func(m map[string]any)) []byte {
	t.Helper()
	_, body := message(t, having)
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	change(m)
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func set(key string, v any) func(map[string]any) { return func(m map[string]any) { m[key] = v } }

func in(key, field string, v any) func(map[string]any) {
	return func(m map[string]any) {
		switch o := m[key].(type) {
		case map[string]any:
			o[field] = v
		case []any:
			o[0].(map[string]any)[field] = v
		}
	}
}

func TestMessages(t *testing.T) {
	const folder, minutes, plan = `"saksansvarlig"`, "MOTEREFERAT", "TILTAKSPLAN"
	cases := []struct {
		name, kind, base string
		change           func(map[string]any)
		want             string // part of the fault, "" where the message is good
	}{
		{"as it is", "mappe", folder, func(map[string]any) {}, ""},
		{"nullable fields", "mappe", folder, func(m map[string]any) {
			for _, k := range []string{"minPart", "andreParter", "milepeler", "saksdato", "saksansvarlig", "sistOppdatert", "beskrivelse"} {
				m[k] = nil
			}
		}, ""},
		{"null in a list", "mappe", folder, func(m map[string]any) { m["andreParter"] = []any{nil} }, ""},
		{"a field of tomorrow", "mappe", folder, set("nyttFelt", 1), ""},
		{"no title", "mappe", folder, set("tittel", " "), "tittel"},
		{"no organisation", "mappe", folder, set("organisasjonsnummer", nil), "organisasjonsnummer"},
		{"a short organisation", "mappe", folder, set("organisasjonsnummer", "31000107"), "organisasjonsnummer"},
		{"no systemId", "mappe", folder, set("systemId", nil), "systemId"},
		{"a local time", "mappe", folder, set("saksdato", "2026-01-01T00:00:00"), "saksdato"},
		{"a number as a name", "mappe", folder, set("saksansvarlig", 7), "saksansvarlig"},
		{"a part without name", "mappe", folder, in("minPart", "fornavn", ""), "part.fornavn"},
		{"a short number", "mappe", folder, in("minPart", "fodselsnummer", "0685106013"), "fodselsnummer"},
		{"two children", "mappe", folder, in("minPart", "rolle", "HOVEDPERSON"), "HOVEDPERSON"},
		{"a list that is none", "mappe", folder, set("andreParter", "x"), "andreParter"},
		{"minutes as they are", "journalpost", minutes, func(map[string]any) {}, ""},
		{"no journaldato", "journalpost", minutes, set("journaldato", nil), ""},
		{"no type of document", "journalpost", minutes, func(m map[string]any) { delete(m, "dokumenttype") }, ""},
		{"no id in the archive", "journalpost", minutes, func(m map[string]any) { m["systemId"], m["registreringsId"] = nil, nil }, ""},
		{"no parent", "journalpost", minutes, set("forelderMeldingId", nil), "forelderMeldingId"},
		{"no case", "journalpost", minutes, set("mappeId", nil), "mappeId"},
		{"a case without id", "journalpost", minutes, in("mappeId", "systemId", ""), "mappeId.systemId"},
		{"a document without title", "journalpost", minutes, in("dokumenter", "tittel", nil), "dokumenter.tittel"},
		{"details where none belong", "journalpost", minutes, set("tiltaksplanDetaljer", map[string]any{}), "tiltaksplanDetaljer"},
		{"a plan as it is", "journalpost", plan, func(map[string]any) {}, ""},
		{"the schema's trailing space", "journalpost", plan, in("tiltaksplanDetaljer", "tiltaksstatus", "MANUELT_AVSLUTTET "), ""},
		{"a plan without details", "journalpost", plan, set("tiltaksplanDetaljer", nil), "tiltaksplanDetaljer"},
		{"a plan without end", "journalpost", plan, in("tiltaksplanDetaljer", "sluttdato", nil), "sluttdato"},
		{"a plan without goals", "journalpost", plan, in("tiltaksplanDetaljer", "delmal", nil), "delmal"},
		{"a goal without text", "journalpost", plan, in("tiltaksplanDetaljer", "delmal", []any{map[string]any{"id": "1"}}), "delmal.beskrivelse"},
	}
	for _, c := range cases {
		t.Run(c.kind+" "+c.name, func(t *testing.T) {
			page, err := receive(t, "PUT", "/"+c.kind+"/"+id, "application/json", edit(t, c.base, c.change))
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if len(page.Records) != 1 || len(page.Faults) != 0 {
					t.Errorf("page %v", page.Faults)
				}
				return
			}
			if len(page.Faults) != 1 || len(page.Records) != 0 {
				t.Fatalf("the message is taken")
			}
			f := page.Faults[0]
			if !errors.Is(f.Err, adapters.ErrMalformed) || !strings.Contains(f.Err.Error(), c.want) || f.Key != id || len(f.Body) == 0 {
				t.Errorf("fault %v, want it to name %q", f, c.want)
			}
		})
	}
	for name, body := range map[string]string{"empty": "", "null": "null", "a list": "[]", "cut": `{"tittel":`, "two": "{}{}", "bytes": "{\"\xff\":1}",
		"huge": `{"tittel":"` + strings.Repeat("x", 1<<20) + `"}`} {
		page, err := receive(t, "POST", "/mappe/"+id, "application/json", []byte(body))
		if err != nil || len(page.Faults) != 1 || !errors.Is(page.Faults[0].Err, adapters.ErrMalformed) {
			t.Errorf("%s: %v, %v", name, page.Faults, err)
		}
	}
}

// FuzzMessage: whatever is pushed, it is a record or a fault.
func FuzzMessage(f *testing.F) {
	for name, file := range family(f) {
		f.Add(strings.HasPrefix(name, "mappe"), file.Data)
	}
	f.Add(true, []byte(`{"andreParter":[null,1]}`))
	f.Fuzz(func(t *testing.T, folder bool, body []byte) {
		kind := "journalpost"
		if folder {
			kind = "mappe"
		}
		page, err := receive(t, "POST", "/"+kind+"/"+id, "application/json", body)
		if err != nil || page.Listed() != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
	})
}
