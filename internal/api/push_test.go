package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"samsyn/internal/ingest"
)

// unread fails the test when a byte of it is read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestPushWithoutTheSecretIsRefusedUnread(t *testing.T) {
	for _, c := range []struct{ secret, header string }{
		{secret, "Authorization: "}, {secret, "Authorization: Bearer "}, {secret, "Authorization: Bearer wrong"}, {secret, "Authorization: Basic " + secret}, {secret, asAnders},
		{secret, "Authorization: bearer " + secret}, {secret, "Authorization: " + secret}, {"", "Authorization: Bearer "}, {"", bearer},
	} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
			for _, path := range []string{"/adapters/fiksarkiv/x", "/adapters/nothing/x"} {
				h := open(c.secret)
				w := h.ask(method, path, unread{t}, c.header, "Content-Length: 99999999")
				if code, _ := outcome(t, w); w.Code != http.StatusUnauthorized || code != "security" {
					t.Errorf("%s %s with %q: %d %s", method, path, c.header, w.Code, code)
				}
				if len(h.got) > 0 {
					t.Errorf("%s %s with %q got in", method, path, c.header)
				}
			}
		}
	}
}

func TestPushIsHandedOnAndAnswered(t *testing.T) {
	for _, c := range []struct {
		method, path string
		report       ingest.Report
		status       int
		got          string
	}{
		{"POST", "/adapters/fhir-sykehus/Encounter", ingest.Report{Listed: 1, Stored: 1}, 200, "POST fhir-sykehus /Encounter body"},
		{"PUT", "/adapters/fhir-sykehus/Encounter/a%20b", ingest.Report{Listed: 1, Unchanged: 1}, 200, "PUT fhir-sykehus /Encounter/a b body"},
		{"DELETE", "/adapters/fhir-sykehus/Encounter/7", ingest.Report{Listed: 1, Removed: 1}, 200, "DELETE fhir-sykehus /Encounter/7 body"},
		{"POST", "/adapters/fhir-sykehus/", ingest.Report{Listed: 1, Quarantined: 1, Quarantine: []ingest.Reason{{}}}, 422, "POST fhir-sykehus / body"},
	} {
		h := open(secret)
		h.report = c.report
		w := h.ask(c.method, c.path, strings.NewReader("body"), bearer)
		var report ingest.Report
		if err := json.Unmarshal(w.Body.Bytes(), &report); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
		if w.Code != c.status || report.Listed != c.report.Listed || report.Quarantined != c.report.Quarantined || !slices.Equal(h.got, []string{c.got}) {
			t.Errorf("%s %s: %d %+v, handed on %q", c.method, c.path, w.Code, report, h.got)
		}
	}
}

func TestPushIsBounded(t *testing.T) {
	const limit = 10 << 20
	for _, c := range []struct {
		name   string
		size   int
		told   bool // says beforehand how much comes
		status int
	}{{"all that may", 10_000_000, true, 200}, {"too much, and says so", limit + 1, true, 413}, {"too much, and does not say so", limit + 1, false, 413}} {
		h := open(secret)
		var body io.Reader = strings.NewReader(strings.Repeat("x", c.size))
		if !c.told {
			body = io.MultiReader(body) // hides the length
		}
		w := h.ask(http.MethodPost, "/adapters/fhir-sykehus/x", body, bearer)
		if w.Code != c.status {
			t.Errorf("%s: status %d: %.200s", c.name, w.Code, w.Body)
		}
		if c.status == 413 {
			if code, _ := outcome(t, w); code != "too-long" {
				t.Errorf("%s: issue %s", c.name, code)
			}
		}
	}
}
